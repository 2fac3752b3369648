// Package tidy holds the rules of the house as tests: who may import whom, what may stand where. Each says why.
package tidy

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// file is one Go file of the project.
type file struct {
	path    string // from the root, with slashes
	pkg     string // its folder
	test    bool
	text    []byte
	ast     *ast.File
	imports []string
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(filepath.Dir(dir))
}

// files reads every Go file that git would know of.
func files(t *testing.T) []file {
	t.Helper()
	top := root(t)
	var list []file
	err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(top, p)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), ".") && rel != "." || d.Name() == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), rel, text, parser.ParseComments)
		if err != nil {
			return err
		}
		f := file{path: rel, pkg: filepath.ToSlash(filepath.Dir(rel)), test: strings.HasSuffix(rel, "_test.go"), text: text, ast: parsed}
		for _, i := range parsed.Imports {
			name, _ := strconv.Unquote(i.Path.Value)
			f.imports = append(f.imports, name)
		}
		list = append(list, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 50 {
		t.Fatalf("only %d Go files were found under %s: the rules would hold for nothing", len(list), top)
	}
	return list
}

// Rooms of the house. A folder that is in none of them is an error: a new one must be given its place here.
var (
	leaves = []string{"money", "fault", "qr", "phone", "internal/clock", "internal/id", "internal/keyring", "internal/recent", "internal/tally", "internal/audit", "internal/piecework"}
	nouns  = []string{"merchant", "invoice", "payment", "settlement", "payout", "wallet"}
	front  = []string{"api", "checkout", "console", "receipt"}
	tests  = []string{"internal/pgtest", "internal/storetest", "internal/scantest", "internal/audittest", "internal/browsertest", "internal/crashtest", "internal/hostile", "internal/tidy", "dialect/dialecttest", "rail/railtest", "internal/e2e"}
)

func isFront(pkg string) bool {
	return slices.Contains(front, pkg) || strings.HasPrefix(pkg, "dialect/") && pkg != "dialect/dialecttest"
}

// may says which of the project's packages a package may import, and why the rule is.
func may(pkg string) (allowed func(string) bool, why string) {
	in := func(lists ...[]string) func(string) bool {
		return func(p string) bool {
			return slices.ContainsFunc(lists, func(l []string) bool { return slices.Contains(l, p) })
		}
	}
	switch {
	case slices.Contains(leaves, pkg):
		return in(leaves), "a leaf stands on nothing but other leaves"
	case pkg == "internal/httpx":
		return in(leaves), "what the front doors share about HTTP knows nothing of the core"
	case pkg == "store":
		return in(leaves), "the store knows no rows but its own"
	case pkg == "seal":
		return in(leaves, []string{"store"}), "seals chain any rows; their owners hand them over"
	case pkg == "ledger" || pkg == "event":
		return in(leaves, []string{"store", "seal"}), "books and facts stand on the store alone"
	case pkg == "rail":
		return in(leaves), "the interface of rails is part of every noun's ground"
	case strings.HasPrefix(pkg, "rail/"):
		return in(leaves, []string{"rail", "internal/httpx"}), "a rail says what became of an attempt, or hears of it at a door of its own; the nouns record it"
	case pkg == "merchant":
		return in(leaves, []string{"store", "ledger", "event", "rail"}), "merchant <- invoice <- payment, no cycles"
	case pkg == "invoice":
		return in(leaves, []string{"store", "ledger", "event", "rail", "merchant"}), "merchant <- invoice <- payment, no cycles"
	case pkg == "payment":
		return in(leaves, []string{"store", "ledger", "event", "rail", "merchant", "invoice", "wallet", "payout"}), "merchant <- invoice <- payment -> payout, wallet, no cycles"
	case pkg == "settlement":
		return in(leaves, []string{"store", "ledger", "event", "rail", "merchant", "payment"}), "settlements match receipts, and know no invoices"
	case pkg == "wallet":
		return in(leaves, []string{"store", "ledger", "event", "rail", "merchant"}), "wallets know no invoices and no payouts"
	case pkg == "payout":
		return in(leaves, []string{"store", "ledger", "event", "rail", "merchant", "wallet"}), "wallet <- payout, no cycles; payouts know no invoices"
	case pkg == "internal/sms":
		return in(leaves, []string{"webhook"}), "text messages leave through the client that webhooks leave through, and know nothing of the core"
	case pkg == "webhook":
		return in(leaves, []string{"store", "event"}), "webhook reads events; dialects hand it words through an interface"
	case isFront(pkg):
		return in(leaves, nouns, []string{"event", "rail", "internal/httpx"}), "a front door calls nouns: never the store, the ledger, a rail or another door"
	}
	return nil, ""
}

// Exceptions, each with its reason.
var excepted = map[string]string{
	"api -> store":     "store.Key and store.BodyHash are the words in which a front door hands on an Idempotency-Key",
	"api -> ledger":    "balances are read from the books",
	"api -> webhook":   "the delivery log is read through it",
	"dialect -> store": "store.Key and store.BodyHash are the words in which a front door hands on an Idempotency-Key",
}

func TestNobodyImportsWhatIsNotTheirs(t *testing.T) {
	for _, f := range files(t) {
		if f.test || slices.Contains(tests, f.pkg) || f.pkg == "cmd/sarraf" || f.pkg == "bench" || strings.HasPrefix(f.pkg, "bench/") {
			continue
		}
		allowed, why := may(f.pkg)
		if allowed == nil {
			t.Errorf("%s: the folder %s has no place in the house: give it one in internal/tidy", f.path, f.pkg)
			continue
		}
		for _, i := range f.imports {
			p, ours := strings.CutPrefix(i, "sarraf/")
			if !ours || p == f.pkg || allowed(p) {
				continue
			}
			group := f.pkg
			if strings.HasPrefix(group, "dialect/") {
				group = "dialect"
			}
			if excepted[group+" -> "+p] == "" {
				t.Errorf("%s imports %s: %s", f.path, p, why)
			}
		}
	}
}

func TestOnlyTheProgramNamesDialectsAndRails(t *testing.T) {
	for _, f := range files(t) {
		if f.test || f.pkg == "cmd/sarraf" {
			continue
		}
		for _, i := range f.imports {
			if p, ok := strings.CutPrefix(i, "sarraf/"); ok && p != f.pkg && (strings.HasPrefix(p, "dialect/") || strings.HasPrefix(p, "rail/")) {
				t.Errorf("%s names %s: only cmd/sarraf wires them, so that a new one is a folder and a line", f.path, p)
			}
		}
	}
}

func TestPackagesThatMustNotKnowHTTP(t *testing.T) {
	for _, f := range files(t) {
		if f.test || !(slices.Contains(leaves, f.pkg) || slices.Contains(nouns, f.pkg) || f.pkg == "ledger" || f.pkg == "event" || f.pkg == "store" || f.pkg == "seal") {
			continue
		}
		if slices.Contains(f.imports, "net/http") {
			t.Errorf("%s imports net/http: the core is the same whichever way a command came", f.path)
		}
	}
}

func TestDriversAreNamedInTheStoreAlone(t *testing.T) {
	for _, f := range files(t) {
		if f.test || f.pkg == "store" || f.pkg == "internal/pgtest" || f.pkg == "bench/raw" {
			continue // the raw limit is measured without the store
		}
		for _, i := range f.imports {
			if i == "database/sql" || strings.HasPrefix(i, "github.com/jackc/pgx") || strings.HasPrefix(i, "modernc.org/sqlite") {
				t.Errorf("%s imports %s: only the store talks to a driver", f.path, i)
			}
		}
	}
}

var looksLikeSQL = regexp.MustCompile(`(?s)^\s*(SELECT\s.+\sFROM\s|INSERT INTO\s|UPDATE\s\w+\sSET\s|DELETE FROM\s|WITH\s.+\sAS\s*\()`)

func TestSQLStandsInTheFileOfItsPackage(t *testing.T) {
	for _, f := range files(t) {
		if f.test || filepath.Base(f.path) == "sql.go" || f.pkg == "bench/raw" || slices.Contains(tests, f.pkg) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && looksLikeSQL.MatchString(text) {
					t.Errorf("%s has SQL outside sql.go: %.60q", f.path, text)
				}
			}
			return true
		})
	}
}

func TestOnlyTheClockAsksForTheTime(t *testing.T) {
	for _, f := range files(t) {
		if f.test || f.pkg == "internal/clock" || strings.HasPrefix(f.pkg, "bench") || slices.Contains(tests, f.pkg) {
			continue
		}
		if bytes.Contains(f.text, []byte("time.Now(")) || bytes.Contains(f.text, []byte("time.Since(")) {
			t.Errorf("%s asks for the time itself: take it from a clock.Clock, so that a test can move it", f.path)
		}
	}
}

func TestMoneyIsNeverAFloat(t *testing.T) {
	paths := append([]string{"ledger", "store", "event", "seal", "money", "qr", "rail"}, nouns...)
	for _, f := range files(t) {
		if f.test || !slices.Contains(paths, f.pkg) && !strings.HasPrefix(f.pkg, "rail/") && !isFront(f.pkg) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && (id.Name == "float64" || id.Name == "float32") {
				t.Errorf("%s uses %s: amounts are whole minor units", f.path, id.Name)
			}
			return true
		})
	}
}

func TestFilesAreOneIdeaLong(t *testing.T) {
	const most = 620
	for _, f := range files(t) {
		if n := bytes.Count(f.text, []byte("\n")); n > most && !strings.HasSuffix(f.path, "_templ.go") {
			t.Errorf("%s has %d lines: more than %d is two ideas", f.path, n, most)
		}
	}
}

func TestEveryPackageSaysItsJob(t *testing.T) {
	said := map[string]bool{}
	seen := map[string]bool{}
	for _, f := range files(t) {
		if f.test && f.pkg != "internal/tidy" {
			continue
		}
		seen[f.pkg] = true
		if f.ast.Doc != nil && len(strings.TrimSpace(f.ast.Doc.Text())) > 30 {
			said[f.pkg] = true
		}
	}
	for pkg := range seen {
		if !said[pkg] {
			t.Errorf("package %s does not open with its job", pkg)
		}
	}
}

func TestNothingIsLeftOpen(t *testing.T) {
	open := regexp.MustCompile(`\b(TODO|FIXME)\b|// *XXX\b|not implemented|panic\("todo`)
	for _, f := range files(t) {
		if f.pkg == "internal/tidy" {
			continue
		}
		if m := open.Find(f.text); m != nil {
			t.Errorf("%s has %q: do it, or say in an issue that it is to be done", f.path, m)
		}
	}
}

func TestEveryDependencyHasItsReason(t *testing.T) {
	top := root(t)
	mod, err := os.ReadFile(filepath.Join(top, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(top, "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(mod)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || !strings.Contains(fields[0], ".") || strings.HasPrefix(fields[0], "//") || strings.Contains(line, "// indirect") {
			continue
		}
		found++
		if !bytes.Contains(page, []byte(fields[0])) {
			t.Errorf("docs/dependencies.md does not say why %s is taken", fields[0])
		}
	}
	if found < 10 {
		t.Fatalf("only %d direct dependencies were found in go.mod", found)
	}
}
