package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/store"
)

// bulkFile writes a CSV with so many good rows, and then the given ones.
func bulkFile(t *testing.T, rows int, more ...string) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("title,identifier,amount,dueDate,amountAfterDueDate\r\n")
	for n := range rows {
		fmt.Fprintf(&text, "Student %d,FS-%04d,1400,2099-08-31,1455\r\n", n, n)
	}
	for _, row := range more {
		text.WriteString(row + "\r\n")
	}
	path := filepath.Join(t.TempDir(), "fees.csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// school is a merchant in a migrated database.
func school(t *testing.T, dsn string) string {
	t.Helper()
	newSecrets(t)
	mustRun(t, "migrate", "--database", dsn)
	return mustRun(t, "merchant", "create", "City School", "--currencies", "PKR", "--database", dsn)
}

// uploadsOf are the merchant's uploads, newest first.
func uploadsOf(t *testing.T, dsn, owner string) []invoice.Upload {
	t.Helper()
	db, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	bills := invoice.NewService(db, nil)
	defer bills.Close()
	list, _, err := bills.Uploads(t.Context(), owner, "asaanbill", "CSV", invoice.Offset{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestBulkMakesTheBillsOfAFileWhereNobodyServes(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		owner := school(t, dsn)
		var told safeBuffer
		shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(&told, r.Method, r.URL.Path)
			fmt.Fprint(w, `{"responseCode":200}`)
		}))
		t.Cleanup(shop.Close)
		mustRun(t, "merchant", "callback", owner, "asaanbill", shop.URL, "--database", dsn)
		loopback := []string{"--allow-http-webhooks", "--allow-webhook-range", "127.0.0.0/8", "--psid-prefix", demoPrefix}
		args := append([]string{"bulk", bulkFile(t, 700), "--merchant", owner, "--database", dsn}, loopback...)
		code, out, errs := command(t, args...)
		if code != 0 || !regexp.MustCompile(`^\d+\n$`).MatchString(out) || !strings.Contains(errs, "500 of 700 bills made\n") || !strings.Contains(errs, "700 of 700 bills made\n") {
			t.Fatalf("status %d, %q\n%s", code, out, errs)
		}
		list := uploadsOf(t, dsn, owner)
		if len(list) != 1 || list[0].Number+"\n" != out || list[0].FileName != "fees.csv" || list[0].Status != invoice.UploadDone || list[0].Lines != 700 {
			t.Fatalf("%+v", list)
		}
		// The same again is the same upload; with --again it is another.
		if code, again, errs := command(t, args...); code != 0 || again != out || !strings.Contains(errs, "this file was taken before") {
			t.Fatalf("status %d, %q\n%s", code, again, errs)
		}
		if code, again, errs := command(t, append(args, "--again")...); code != 0 || again == out {
			t.Fatalf("status %d, %q\n%s", code, again, errs)
		}
		if list := uploadsOf(t, dsn, owner); len(list) != 2 {
			t.Fatalf("%d uploads", len(list))
		}
		proveClean(t, dsn)
		// The merchant is told by the server, once there is one.
		startServe(t, dsn, loopback...)
		waitFor(t, "two call-backs", func() bool {
			return strings.Count(told.String(), "POST /bulk-payment-request-approved\n") == 2
		})
	})
}

func TestBulkNamesEveryFaultyRowAndTakesNothing(t *testing.T) {
	dsn := storetest.URL(t, store.SQLite)
	owner := school(t, dsn)
	file := bulkFile(t, 2, "A,1,,2099-08-31,1455", "B,2,1400,31-08-2099,1455", "C,3")
	args := []string{"bulk", file, "--merchant", owner, "--database", dsn, "--psid-prefix", demoPrefix}
	code, out, errs := command(t, args...)
	want := "fees.csv:4: column 3: amount cannot be empty or null\n" +
		"fees.csv:5: column 4: dueDate must be a date in the format yyyy-MM-dd\n" +
		"fees.csv:6: it has 2 fields, and the header 5\n" +
		"sarraf: 3 of 5 rows are faulty, and nothing was taken: mend them, or leave them out with --skip-faulty\n"
	if code != exitFailed || out != "" || errs != want {
		t.Fatalf("status %d, %q\n%s", code, out, errs)
	}
	if list := uploadsOf(t, dsn, owner); len(list) != 0 {
		t.Fatalf("%+v", list)
	}
	if code, _, errs := command(t, append(args, "--skip-faulty")...); code != 0 || !strings.Contains(errs, "3 of 5 rows are faulty and left out\n") {
		t.Fatalf("status %d\n%s", code, errs)
	}
	if list := uploadsOf(t, dsn, owner); len(list) != 1 || list[0].Lines != 2 {
		t.Fatalf("%+v", list)
	}
}

func TestBulkSaysWhatIsMissing(t *testing.T) {
	dsn := storetest.URL(t, store.SQLite)
	owner := school(t, dsn)
	taka := mustRun(t, "merchant", "create", "Padma Books", "--currencies", "BDT", "--database", dsn)
	file := bulkFile(t, 1)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{file}, exitUsage, "--merchant"},
		{[]string{file + ".not", "--merchant", owner}, exitFailed, "no such file"},
		{[]string{bulkFile(t, 0), "--merchant", owner}, exitFailed, "fees.csv: it has a header and no rows"},
		{[]string{file, "--merchant", owner, "--psid-prefix", ""}, exitFailed, "SARRAF_PSID_PREFIX"},
		{[]string{file, "--merchant", owner, "--psid-prefix", "x"}, exitUsage, "want 1 to 12 digits"},
		{[]string{file, "--merchant", "nobody", "--psid-prefix", "1"}, exitFailed, "there is no such merchant"},
		{[]string{file, "--merchant", taka, "--psid-prefix", "1"}, exitFailed, "not paid in PKR"},
		{[]string{file, "--merchant", owner, "--allow-webhook-range", "x"}, exitUsage, "want an address range"},
		{[]string{file, "--merchant", owner, "--database", dsn + ".not"}, exitFailed, "there is no database"},
	} {
		args := append([]string{"bulk", "--database", dsn}, c.args...)
		if code, out, errs := command(t, args...); code != c.code || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%v: status %d, %q, %s", c.args, code, out, errs)
		}
	}
	if list := append(uploadsOf(t, dsn, owner), uploadsOf(t, dsn, taka)...); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

func TestBulkThatIsStoppedIsGoneOnWithByTheServer(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		owner := school(t, dsn)
		file := bulkFile(t, 1200)
		args := []string{"bulk", file, "--merchant", owner, "--database", dsn, "--psid-prefix", demoPrefix}
		// Ctrl-C before anything is made.
		stopped, cancel := context.WithCancel(context.Background())
		var out safeBuffer
		errs := &interrupt{at: "of 1200", then: cancel}
		code := run(stopped, args, streams{out: &out, err: errs})
		number := strings.TrimSpace(out.String())
		if code != exitFailed || !strings.Contains(errs.String(), "stopped watching: upload "+number+" is kept") {
			t.Fatalf("status %d, %q\n%s", code, number, errs.String())
		}
		if list := uploadsOf(t, dsn, owner); len(list) != 1 || list[0].Status == invoice.UploadDone {
			t.Fatalf("%+v", list)
		}
		startServe(t, dsn, "--psid-prefix", demoPrefix)
		if code, again, errs := command(t, args...); code != 0 || strings.TrimSpace(again) != number || !strings.Contains(errs, "1200 of 1200 bills made") ||
			strings.Contains(errs, "no server is at it") {
			t.Fatalf("status %d, %q\n%s", code, again, errs)
		}
		// Without waiting it is the server's alone.
		quick := mustRun(t, append(args, "--again", "--no-wait")...)
		waitFor(t, "the server to make them", func() bool {
			list := uploadsOf(t, dsn, owner)
			return len(list) == 2 && list[0].Number == quick && list[0].Status == invoice.UploadDone
		})
		proveClean(t, dsn)
	})
}

// interrupt is a standard error on which somebody presses Ctrl-C once it says something.
type interrupt struct {
	safeBuffer
	at   string
	then func()
}

func (i *interrupt) Write(p []byte) (int, error) {
	if strings.Contains(string(p), i.at) {
		i.then()
	}
	return i.safeBuffer.Write(p)
}

func TestProgressOnATerminalStaysInItsLine(t *testing.T) {
	var out safeBuffer
	p := progress{out: &out, terminal: true}
	p.tell(invoice.Upload{Lines: 3})
	p.tell(invoice.Upload{Lines: 3})
	p.tell(invoice.Upload{Lines: 3, Done: 2, Errored: 1, Message: "outage"})
	p.say("said")
	p.end()
	want := "\r\x1b[K0 of 3 bills made\r\x1b[K1 of 3 bills made, 1 could not be (outage; trying again)\nsaid\n"
	if got := out.String(); got != want {
		t.Errorf("%q", got)
	}
	if isTerminal(&out) {
		t.Error("a buffer is no terminal")
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if isTerminal(file) {
		t.Error("a file is no terminal")
	}
}
