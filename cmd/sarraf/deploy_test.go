package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// accepts fails unless our own command line takes the arguments.
func accepts(t *testing.T, where string, args []string) *kong.Kong {
	t.Helper()
	var out safeBuffer
	parser, err := newParser(t.Context(), streams{out: &out, err: &out}, func(code int) { t.Errorf("%s: exit %d", where, code) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Errorf("%s: %v: %v", where, args, err)
	}
	return parser
}

// knownEnvironment is every variable that the program looks at.
func knownEnvironment(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{"SARRAF_KEY": true, "SARRAF_KEY_FILE": true, "SARRAF_SEAL_KEY": true, "SARRAF_SEAL_KEY_FILE": true, smsSecret: true, smsSecret + "_FILE": true}
	for _, what := range []string{"TOKEN", "SECRET"} { // of a rail whose name is name
		known[railSecret("name", what)] = true
	}
	for _, command := range accepts(t, "serve", []string{"serve"}).Model.Leaves(true) {
		for _, group := range command.AllFlags(true) {
			for _, flag := range group {
				for _, name := range flag.Envs {
					known[name] = true
				}
			}
		}
	}
	return known
}

var variable = regexp.MustCompile(`\bSARRAF_[A-Z_]+\b`)

func TestEveryVariableThatIsSetOrNamedIsLookedAt(t *testing.T) {
	known := knownEnvironment(t)
	for _, path := range []string{"deploy/sarraf.service", "Dockerfile", "docs/operations.md", "README.md"} {
		names := variable.FindAllString(readFile(t, path), -1)
		if len(names) == 0 {
			t.Errorf("%s names none", path)
		}
		for _, name := range names {
			if !known[name] {
				t.Errorf("%s names %s, and nothing looks at it", path, name)
			}
		}
	}
}

func TestEveryFlagOfServeIsOnTheOperatorsPage(t *testing.T) {
	page := readFile(t, "docs/operations.md")
	found := 0
	for _, command := range accepts(t, "serve", []string{"serve"}).Model.Leaves(true) {
		if command.Name != "serve" {
			continue
		}
		for _, flag := range command.Flags {
			found++
			if !strings.Contains(page, "| `--"+flag.Name+"` | `"+flag.Envs[0]+"` |") {
				t.Errorf("docs/operations.md does not tell of --%s and %s", flag.Name, flag.Envs[0])
			}
		}
	}
	if found < 10 {
		t.Fatalf("%d flags", found)
	}
}

func TestTheUnitStartsWhatThereIs(t *testing.T) {
	unit := readFile(t, "deploy/sarraf.service")
	starts := regexp.MustCompile(`(?m)^Exec\w+=/usr/local/bin/sarraf (.*)$`).FindAllStringSubmatch(unit, -1)
	if len(starts) != 2 {
		t.Fatalf("%d commands", len(starts))
	}
	for _, m := range starts {
		accepts(t, "the unit", strings.Fields(m[1]))
	}
	m := regexp.MustCompile(`(?m)^TimeoutStopSec=(\S+)$`).FindStringSubmatch(unit)
	if m == nil {
		t.Fatal("no TimeoutStopSec")
	}
	if d, err := time.ParseDuration(m[1]); err != nil || d <= grace+5*time.Second {
		t.Errorf("TimeoutStopSec=%s, and a stop takes up to %s", m[1], grace)
	}
	for _, want := range []string{"ProtectSystem=strict", "NoNewPrivileges=yes", "DynamicUser=yes", "CapabilityBoundingSet=\n", "Restart=on-failure"} {
		if !strings.Contains(unit, want) {
			t.Errorf("the unit lacks %s", want)
		}
	}
}

func TestTheImageHoldsAndStartsWhatThereIs(t *testing.T) {
	file := readFile(t, "Dockerfile")
	last := file[strings.LastIndex(file, "\nFROM "):]
	for _, word := range []string{"CMD", "HEALTHCHECK.* CMD"} {
		m := regexp.MustCompile(`(?m)^` + word + ` (\[.*\])$`).FindStringSubmatch(last)
		if m == nil {
			t.Fatalf("no %s", word)
		}
		var args []string
		if err := json.Unmarshal([]byte(m[1]), &args); err != nil {
			t.Fatal(err)
		}
		if args[0] == "/usr/local/bin/sarraf" {
			args = args[1:]
		}
		accepts(t, "the image", args)
	}
	if !regexp.MustCompile(`(?m)^USER [1-9]\d+:[1-9]\d+$`).MatchString(last) || !strings.HasPrefix(last, "\nFROM scratch\n") {
		t.Error("the image is not the bare binary under a numbered user")
	}
	goes := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(readFile(t, "go.mod"))[1]
	if !strings.Contains(file, "FROM golang:"+goes+"-") {
		t.Errorf("the image is not built with go %s", goes)
	}
	if !strings.Contains(file, "CGO_ENABLED=0 go build -trimpath") || !strings.Contains(readFile(t, "Makefile"), "CGO_ENABLED=0 $(GO) build -trimpath") {
		t.Error("the image and make build do not build alike")
	}
}

// What the build needs must get through .dockerignore, which lets nothing through that it does not name.
func TestTheBuildGetsEveryFolderItNeeds(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "-f", "{{if .Module}}{{if .Module.Main}}{{.ImportPath}}{{end}}{{end}}", ".")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	let := map[string]bool{}
	for line := range strings.Lines(readFile(t, ".dockerignore")) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "!"); ok {
			let[name] = true
		}
	}
	folders := strings.Fields(string(out))
	if len(folders) < 20 || !let["go.mod"] || !let["go.sum"] {
		t.Fatalf("%v %v", folders, let)
	}
	for _, folder := range folders {
		top, _, _ := strings.Cut(strings.TrimPrefix(folder, "sarraf/"), "/")
		if !let[top] {
			t.Errorf("%s does not get into the image's build", folder)
		}
	}
}
