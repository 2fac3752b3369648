package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sarraf/internal/storetest"
	"sarraf/store"
)

// elsewhere is a fresh place for a database of dsn's engine, with the secrets and credentials of the demo that is kept in dsn, as an
// operator keeps them apart.
func elsewhere(t *testing.T, dsn string) string {
	t.Helper()
	engine := store.SQLite
	if strings.HasPrefix(dsn, "postgres") {
		engine = store.Postgres
	}
	to := storetest.URL(t, engine)
	from, err1 := besideDatabase(dsn, "demo")
	beside, err2 := besideDatabase(to, "demo")
	text, err3 := os.ReadFile(from)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(beside, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// works runs a command that must end well, and answers what it printed.
func works(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := command(t, args...)
	if code != 0 {
		t.Fatalf("%v: status %d\n%s%s", args, code, out, errs)
	}
	return out
}

// fails runs a command that must end with status 1 and these words.
func fails(t *testing.T, words string, args ...string) {
	t.Helper()
	code, out, errs := command(t, args...)
	if code != exitFailed || !strings.Contains(out+errs, words) {
		t.Errorf("%v: status %d, want %d with %q\n%s%s", args, code, exitFailed, words, out, errs)
	}
}

// load pays invoices over HTTP until it is told to stop.
type load struct {
	stop    func() error // the first thing that went wrong
	mu      sync.Mutex
	paid    []string       // references of those that were acknowledged
	reached chan struct{}  // tells of each
	ids     map[string]int // printed ids, how often each was given out
}

func startLoad(d *demo, prefix string) *load {
	ctx, cancel := context.WithCancel(d.t.Context())
	l := &load{reached: make(chan struct{}, 1), ids: map[string]int{}}
	failed := make(chan error, 3)
	var all sync.WaitGroup
	for worker := range 3 {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				ref := fmt.Sprintf("%s-%d-%d", prefix, worker, n)
				id, err := d.createAndPay(ref)
				if err != nil {
					failed <- fmt.Errorf("%s: %w", ref, err)
					return
				}
				l.mu.Lock()
				l.paid = append(l.paid, ref)
				l.ids[id]++
				l.mu.Unlock()
				select {
				case l.reached <- struct{}{}:
				default:
				}
			}
		})
	}
	l.stop = func() error {
		cancel()
		all.Wait()
		close(failed)
		return <-failed
	}
	return l
}

// wait waits until so many more were acknowledged, and answers all that were.
func (l *load) wait(t *testing.T, more int) []string {
	t.Helper()
	want := len(l.soFar()) + more
	for len(l.soFar()) < want {
		select {
		case <-l.reached:
		case <-t.Context().Done():
			t.Fatal("the load stopped")
		}
	}
	return l.soFar()
}

func (l *load) soFar() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.paid...)
}

// createAndPay makes an invoice at Aspay's door and has the sandbox pay it, and answers its printed id. Any goroutine may call it.
func (d *demo) createAndPay(ref string) (id string, err error) {
	post := func(path, body string, headers ...string) (answer map[string]any, err error) {
		req, err := http.NewRequest(http.MethodPost, d.line.URL+path, strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %d %s", path, resp.StatusCode, text)
		}
		return answer, errors.Join(err, json.Unmarshal(text, &answer))
	}
	body := fmt.Sprintf(`{"amount":12.5,"customer_name":"Rahim","transaction_reference":%q,"callback_url":"http://127.0.0.1:1/cb"}`, ref)
	made, err := post("/api/payment/create", body, "X-Api-Key", d.line.Aspay.APIKey, "X-Api-Secret", d.line.Aspay.APISecret)
	if err != nil {
		return "", err
	}
	_, err = post("/v1/sandbox/pay", fmt.Sprintf(`{"target":%q}`, ref), "Authorization", "Bearer "+d.line.Native.APIKey)
	id, _ = made["invoice_id"].(string)
	return id, err
}

func TestABackupUnderLoadHoldsWhatWasAcknowledgedBeforeIt(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		l := startLoad(d, "LOAD")
		before := l.wait(t, 20)
		file := filepath.Join(t.TempDir(), "backup")
		out := works(t, "backup", file, "--database", dsn, "--json")
		l.wait(t, 5) // it went on
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		var a backupAnswer
		info, err := os.Stat(file)
		if err := errors.Join(err, json.Unmarshal([]byte(out), &a)); err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 || a.Bytes != info.Size() || a.File != file || !a.Verified || len(a.Findings) != 0 ||
			a.Holds.Invoices < int64(len(before)) || a.Holds.Transfers < a.Holds.Invoices/2 || a.Holds.Accounts == 0 || a.Holds.LastEvent == nil {
			t.Fatalf("mode %v, size %d, %s", info.Mode(), info.Size(), out)
		}
		if left := besides(t, file); len(left) != 0 {
			t.Errorf("beside the backup there is %v", left)
		}

		to := elsewhere(t, dsn)
		works(t, "restore", file, "--database", to)
		proveClean(t, to)
		again := startDemo(t, to)
		if again.line.Native != d.line.Native {
			t.Fatal("the restored demo has other credentials")
		}
		for _, ref := range before {
			if r := again.aspay("/api/payment/"+ref, ""); r.str("status") != "paid" {
				t.Fatalf("%s was acknowledged before the backup began: %d %s", ref, r.status, r.text)
			}
		}
		id, err := again.createAndPay("AFTER")
		if err != nil || l.ids[id] != 0 {
			t.Fatalf("a payment after the restore: %s, %v", id, err)
		}
		if code := again.stop(); code != 0 {
			t.Fatalf("status %d\n%s", code, again.logs)
		}
		proveClean(t, to)
	})
}

// besides lists what is in the folder of a file but for the file.
func besides(t *testing.T, file string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.Name() != filepath.Base(file) {
			names = append(names, e.Name())
		}
	}
	return names
}

// A node leases its numbers anew when it starts: those that the second start gave out would be given out again.
func TestNumbersGivenOutAfterABackupAreNotGivenOutAgain(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		d.create("EARLY", "https://shop.example/cb")
		file := filepath.Join(t.TempDir(), "backup")
		works(t, "backup", file, "--database", dsn)
		d.stop()
		given := map[string]bool{}
		d = startDemo(t, dsn)
		for i := range 5 {
			given[d.create(fmt.Sprintf("LOST-%d", i), "https://shop.example/cb").str("invoice_id")] = true
		}
		d.stop()
		works(t, "restore", file, "--database", dsn, "--replace")
		d = startDemo(t, dsn)
		for i := range 5 {
			if id := d.create(fmt.Sprintf("NEW-%d", i), "https://shop.example/cb").str("invoice_id"); given[id] {
				t.Errorf("%s was printed for another invoice before", id)
			}
		}
		if r := d.aspay("/api/payment/LOST-1", ""); r.status != http.StatusNotFound {
			t.Errorf("an invoice from after the backup: %d", r.status)
		}
		d.stop()
		// With nothing skipped they are the same, which is what the skip is for.
		works(t, "restore", file, "--database", dsn, "--replace", "--skip-numbers", "0")
		d = startDemo(t, dsn)
		if id := d.create("SAME", "https://shop.example/cb").str("invoice_id"); !given[id] {
			t.Errorf("%s: the numbers went on further than was asked", id)
		}
	})
}

func TestReplaceKeepsTheOldDatabase(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		d.create("IN-BOTH", "https://shop.example/cb")
		file := filepath.Join(t.TempDir(), "backup")
		works(t, "backup", file, "--database", dsn)
		d.create("IN-THE-OLD", "https://shop.example/cb")
		words := "is being served"
		if strings.HasPrefix(dsn, "postgres") {
			words = `"sarraf write" of postgres`
		}
		fails(t, words, "restore", file, "--database", dsn, "--replace")
		d.stop()
		fails(t, "--replace", "restore", file, "--database", dsn)

		var a restoreAnswer
		out := works(t, "restore", file, "--database", dsn, "--replace", "--json")
		if err := json.Unmarshal([]byte(out), &a); err != nil || !a.Restored || a.Kept == "" || a.Skipped != 1_000_000 || len(a.Left) != 0 {
			t.Fatalf("%v: %s", err, out)
		}
		kept := "sqlite:" + a.Kept
		if strings.HasPrefix(dsn, "postgres") {
			cut, _, _ := strings.Cut(dsn, "?")
			kept = strings.Replace(dsn, cut, "postgres://postgres@/"+a.Kept, 1)
		}
		proveClean(t, kept)
		proveClean(t, dsn)
		for where, want := range map[string]int64{kept: 2, dsn: 1} {
			if n := invoicesIn(t, where); n != want {
				t.Errorf("%s has %d invoices, want %d", where, n, want)
			}
		}
		d = startDemo(t, dsn)
		if r := d.aspay("/api/payment/IN-THE-OLD", ""); r.status != http.StatusNotFound {
			t.Errorf("the restored database has what came after the backup: %d", r.status)
		}
		d.create("IN-THE-NEW", "https://shop.example/cb")
	})
}

func invoicesIn(t *testing.T, dsn string) (n int64) {
	t.Helper()
	db, err := store.Open(t.Context(), dsn, store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Snapshot(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		h, err := holdingsOf(ctx, tx)
		n = h.Invoices
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// shot is everything that is in the folder of an SQLite database, byte for byte, but for lock files; nothing for a server's.
func shot(t *testing.T, dsn string) map[string]string {
	t.Helper()
	all := map[string]string{}
	path, ok := strings.CutPrefix(dsn, "sqlite:")
	if !ok {
		return all
	}
	dir := filepath.Dir(path)
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(p, ".lock") {
			return err
		}
		text, err := os.ReadFile(p)
		all[p] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// keptWithBackup makes a stopped demo's database with an invoice in it that was paid, and a backup of it.
func keptWithBackup(t *testing.T, dsn string) (file string) {
	t.Helper()
	d := startDemo(t, dsn)
	if _, err := d.createAndPay("PAID"); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "backup")
	works(t, "backup", file, "--database", dsn)
	if code := d.stop(); code != 0 {
		t.Fatalf("status %d\n%s", code, d.logs)
	}
	return file
}

func edit(t *testing.T, dsn, sql string, args ...any) {
	t.Helper()
	db, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.Exec(ctx, sql, args...) })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestATamperedBackupIsRefusedAndNothingIsTouched(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		good := keptWithBackup(t, dsn)
		// A copy of the backup with one column edited.
		forged := elsewhere(t, dsn)
		works(t, "restore", good, "--database", forged)
		edit(t, forged, `UPDATE payment SET amount = amount + 1`)
		bad := filepath.Join(t.TempDir(), "forged")
		works(t, "backup", bad, "--database", forged, "--no-verify")

		before, had := shot(t, dsn), databases(t, dsn)
		for _, more := range [][]string{{"--replace"}, {"--replace", "--json"}} {
			fails(t, "payment", append([]string{"restore", bad, "--database", dsn}, more...)...)
		}
		if after := shot(t, dsn); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Error("a refused restore changed files")
		}
		if now := databases(t, dsn); fmt.Sprint(now) != fmt.Sprint(had) {
			t.Errorf("a refused restore left databases: %v, before %v", now, had)
		}
		proveClean(t, dsn)
		// Nor is it taken where there is nothing yet.
		empty := elsewhere(t, dsn)
		fails(t, "discrepancies", "restore", bad, "--database", empty)
		if path, ok := strings.CutPrefix(empty, "sqlite:"); ok {
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a refused restore made %s: %v", path, err)
			}
		}
	})
}

// databases are the names of the server's databases; none for a file.
func databases(t *testing.T, dsn string) (names []string) {
	t.Helper()
	if !strings.HasPrefix(dsn, "postgres") {
		return nil
	}
	db, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Query(t.Context(), `SELECT datname::text FROM pg_database ORDER BY datname`, nil, func(r store.Row) error {
		var n string
		err := r.Scan(&n)
		names = append(names, n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestADatabaseWithADiscrepancyGetsNoBackupButOnDemand(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		file := keptWithBackup(t, dsn)
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		edit(t, dsn, `UPDATE invoice SET paid = paid + 1`)
		fails(t, "no backup was made", "backup", file, "--force", "--database", dsn)
		fails(t, `"verified":false`, "backup", file, "--force", "--database", dsn, "--json")
		if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, good) {
			t.Errorf("the last good backup was touched: %v", err)
		}
		if left := besides(t, file); len(left) != 0 {
			t.Errorf("it left %v", left)
		}
		if out := works(t, "backup", file, "--force", "--no-verify", "--database", dsn); !strings.Contains(out, "were not proved") {
			t.Errorf("%s", out)
		}
		fails(t, "invoice", "restore", file, "--replace", "--database", dsn)
	})
}

func TestABackupNeverReplacesAFileUnasked(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		file := keptWithBackup(t, dsn)
		if err := os.WriteFile(file, []byte("something dear"), 0o644); err != nil {
			t.Fatal(err)
		}
		fails(t, "--force", "backup", file, "--database", dsn)
		if text, err := os.ReadFile(file); err != nil || string(text) != "something dear" {
			t.Fatalf("%q, %v", text, err)
		}
		works(t, "backup", file, "--database", dsn, "--force")
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 || info.Size() < 1000 {
			t.Fatalf("%v, %v", info, err)
		}
		for _, nowhere := range []string{filepath.Join(filepath.Dir(file), "no", "such", "folder"), filepath.Join(file, "inside")} {
			fails(t, "cannot be written", "backup", nowhere, "--database", dsn)
		}
		if left := besides(t, file); len(left) != 0 {
			t.Errorf("there is %v", left)
		}
		if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
			for _, own := range []string{path, path + ".lock"} {
				fails(t, "belongs to the database", "backup", own, "--force", "--database", dsn)
			}
			proveClean(t, dsn)
		}
	})
}

func TestFilesThatAreNoBackupsAreRefused(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		file := keptWithBackup(t, dsn)
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		other := filepath.Join(t.TempDir(), "other")
		if strings.HasPrefix(dsn, "postgres") {
			err = os.WriteFile(other, []byte("SQLite format 3\x00 and so on"), 0o600)
		} else {
			err = os.WriteFile(other, []byte("PGDMP and so on"), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		fails(t, "is a backup of", "restore", other, "--database", dsn, "--replace")
		before, had := shot(t, dsn), databases(t, dsn)
		half := bytes.Clone(whole)
		for i := len(half) / 3; i < len(half)/3+len(half)/4; i++ {
			half[i] = 0xa5
		}
		for name, content := range map[string][]byte{
			"empty": nil, "garbage": []byte("these are no books"), "truncated": whole[:len(whole)/2], "the begin of one": whole[:50],
			"the begin and garbage": append(bytes.Clone(whole[:20]), bytes.Repeat([]byte("x"), 5000)...), "damaged": half,
		} {
			bad := filepath.Join(t.TempDir(), "bad")
			if err := os.WriteFile(bad, content, 0o600); err != nil {
				t.Fatal(err)
			}
			t.Run(name, func(t *testing.T) { fails(t, "nothing was restored", "restore", bad, "--database", dsn, "--replace") })
		}
		fails(t, "no such file", "restore", file+"-not-there", "--database", dsn, "--replace")
		if after := shot(t, dsn); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Error("a refused restore changed files")
		}
		if now := databases(t, dsn); fmt.Sprint(now) != fmt.Sprint(had) {
			t.Errorf("a refused restore left databases: %v, before %v", now, had)
		}
		proveClean(t, dsn)
	})
}

func TestABackupIsProvedByTheKeysThatAreGiven(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		if _, err := d.createAndPay("PAID"); err != nil {
			t.Fatal(err)
		}
		d.stop() // which seals
		path, err := besideDatabase(dsn, "demo")
		if err != nil {
			t.Fatal(err)
		}
		var kept demoFile
		if _, err := readJSON(path, &kept); err != nil {
			t.Fatal(err)
		}
		_, right, err := kept.Secrets.keys()
		_, wrong, err2 := fresh().keys()
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		public := func(k ed25519.PrivateKey) string {
			return base64.StdEncoding.EncodeToString(k.Public().(ed25519.PublicKey))
		}
		file := filepath.Join(t.TempDir(), "backup")
		fails(t, "seal", "backup", file, "--database", dsn, "--seal-public-key", public(wrong))
		works(t, "backup", file, "--database", dsn, "--seal-public-key", public(right))
		fails(t, "seal", "restore", file, "--database", dsn, "--replace", "--seal-public-key", public(wrong))
		if out := works(t, "restore", file, "--database", dsn, "--replace", "--seal-public-key", public(right)); !strings.Contains(out, "kept as") {
			t.Errorf("%s", out)
		}
	})
}

func TestABackupHoldsNoSecretsAndSaysSo(t *testing.T) {
	dsn := storetest.URL(t, store.SQLite)
	file := keptWithBackup(t, dsn)
	var kept demoFile
	if _, err := readJSON(strings.TrimPrefix(dsn, "sqlite:")+".demo.json", &kept); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string]string{
		"SARRAF_KEY": kept.Secrets.Key, "SARRAF_SEAL_KEY": kept.Secrets.SealKey, "the webhook secret": kept.Line.Native.WebhookSecret,
		"the native key": kept.Line.Native.APIKey, "Aspay's secret": kept.Line.Aspay.APISecret,
	} {
		raw, _ := base64.StdEncoding.DecodeString(secret)
		if bytes.Contains(text, []byte(secret)) || len(raw) == 32 && bytes.Contains(text, raw) {
			t.Errorf("the backup holds %s", name)
		}
	}
	if out := works(t, "backup", file, "--force", "--database", dsn); !strings.Contains(out, "holds no secrets: keep SARRAF_KEY and SARRAF_SEAL_KEY") {
		t.Errorf("%s", out)
	}
}
