package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sarraf/internal/storetest"
	"sarraf/store"
)

// interpreters are what runs a client, and Debian's package that has it.
var interpreters = map[string][2]string{".php": {"php", "php-cli"}, ".mjs": {"node", "nodejs"}, ".py": {"python3", "python3"}}

// Programs that shops have written from the guides work as they are, but for the base URL.
func TestDeployedClientsWorkWithAnotherBaseURL(t *testing.T) {
	d := startDemo(t, storetest.URL(t, store.SQLite))
	line, err := json.Marshal(d.line)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/clients/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no clients: %v", err)
	}
	tried := map[string]bool{}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			run, ok := interpreters[filepath.Ext(file)]
			if !ok {
				t.Fatalf("nothing is known that runs %s", file)
			}
			if _, err := exec.LookPath(run[0]); err != nil {
				t.Fatalf("%v: install Debian's package %s, or run make setup", err, run[1])
			}
			cmd := exec.CommandContext(t.Context(), run[0], file)
			cmd.Env = append(os.Environ(), "SARRAF_URL="+d.line.URL, "SARRAF_LINE="+string(line))
			said, err := cmd.CombinedOutput()
			if err != nil || len(said) == 0 {
				t.Errorf("%v\n%s", err, said)
			}
		})
		door, _, _ := strings.Cut(filepath.Base(file), ".")
		tried[door] = true
	}
	for _, door := range switchable {
		if !tried[door] {
			t.Errorf("no client of %s is tried", door)
		}
	}
}
