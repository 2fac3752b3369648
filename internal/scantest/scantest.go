// Package scantest reads QR codes with a decoder that is not ours, Debian's zbar, so that tests do not believe our own drawing.
package scantest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program is zbar's command.
const program = "zbarimg"

// Read answers the texts of images, PNG files each with one QR code on it, in their order. It fails the test when zbar is not there or finds
// another number of codes than there are images. Texts have no line breaks.
func Read(t testing.TB, images ...[]byte) []string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("no %s: `make setup` installs it (Debian's zbar-tools)", program)
	}
	dir := t.TempDir()
	args := []string{"--quiet", "--raw", "--nodbus", "-Sdisable", "-Sqrcode.enable"}
	for i, img := range images {
		name := filepath.Join(dir, fmt.Sprintf("%d.png", i))
		if err := os.WriteFile(name, img, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	var out, said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v: %s", program, err, said.String())
	}
	texts := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(texts) != len(images) {
		t.Fatalf("%s found %d codes on %d images", program, len(texts), len(images))
	}
	return texts
}
