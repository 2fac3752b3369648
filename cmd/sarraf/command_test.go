package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"sarraf/internal/crashtest"
	"sarraf/internal/storetest"
	"sarraf/store"
)

func TestWrongArgumentsAreStatusTwo(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"nonsense"},
		{"serve", "--no-such-flag"},
		{"serve", "--dev", "--drain", "1h", "--database", "sqlite:" + filepath.Join(t.TempDir(), "x.db")},
		{"serve", "--dev", "--drain", "-1s", "--database", "sqlite:" + filepath.Join(t.TempDir(), "x.db")},
		{"audit", "--seal-public-key", "x"},
		{"backup"},
		{"backup", "file", "--seal-public-key", "x"},
		{"restore"},
		{"restore", "file", "--seal-public-key", "x"},
		{"restore", "file", "--skip-numbers=-1"},
		{"restore", "file", "--skip-numbers=1000000000001"},
		{"serve", "--log-level", "loud"},
		{"serve", "--dev", "--off", "nobody", "--database", "sqlite:" + filepath.Join(t.TempDir(), "x.db")},
		{"serve", "--dev", "--public-url", "ftp://x", "--database", "sqlite:" + filepath.Join(t.TempDir(), "x.db")},
	} {
		code, out, errs := command(t, args...)
		if code != exitUsage || errs == "" || out != "" && len(args) > 0 {
			t.Errorf("%v: status %d, out %q, err %q", args, code, out, errs)
		}
	}
}

func TestHelpIsStatusZero(t *testing.T) {
	code, out, _ := command(t, "--help")
	for _, want := range []string{"serve", "demo", "migrate", "audit", "backup", "restore", "merchant", "version"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("status %d, no %s in %s", code, want, out)
		}
	}
}

func TestVersionIsPrinted(t *testing.T) {
	if code, out, _ := command(t, "version"); code != 0 || !strings.HasPrefix(out, "sarraf ") {
		t.Fatalf("%d %q", code, out)
	}
}

func TestServeRefusesWithoutItsSecrets(t *testing.T) {
	t.Setenv("SARRAF_KEY", "")
	t.Setenv("SARRAF_SEAL_KEY", "")
	code, _, errs := command(t, "serve", "--database", "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	if code != exitFailed || !strings.Contains(errs, "SARRAF_KEY and SARRAF_SEAL_KEY") || !strings.Contains(errs, "openssl rand") {
		t.Fatalf("%d %q", code, errs)
	}
}

func TestASecretsFileThatIsNotThereIsNamedAlone(t *testing.T) {
	t.Setenv("SARRAF_KEY", "")
	t.Setenv("SARRAF_KEY_FILE", filepath.Join(t.TempDir(), "none"))
	code, _, errs := command(t, "serve", "--database", "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	if code != exitFailed || !strings.Contains(errs, "SARRAF_KEY_FILE") || strings.Contains(errs, "openssl") {
		t.Fatalf("%d %q", code, errs)
	}
}

func TestAMistypedDatabaseIsNotMade(t *testing.T) {
	t.Setenv("SARRAF_KEY", random32())
	t.Setenv("SARRAF_SEAL_KEY", random32())
	path := filepath.Join(t.TempDir(), "typo.db")
	for _, args := range [][]string{{"audit"}, {"serve"}, {"merchant", "list"}, {"merchant", "create", "Shop"}, {"backup", path + ".backup"}} {
		code, _, errs := command(t, append(args, "--database", "sqlite:"+path)...)
		if code != exitFailed || !strings.Contains(errs, "there is no database "+path) || !strings.Contains(errs, "sarraf migrate") {
			t.Errorf("%v: %d %q", args, code, errs)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Fatalf("%v made it", args)
		}
	}
}

func TestLinksNameAnAddress(t *testing.T) {
	for given, want := range map[string]string{
		"[::]:8080": "127.0.0.1:8080", "0.0.0.0:8080": "127.0.0.1:8080", "127.0.0.1:80": "127.0.0.1:80", "[::1]:80": "[::1]:80",
		"192.0.2.7:80": "192.0.2.7:80",
	} {
		if got := reachable(given); got != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
	}
}

func TestMigrateShowsAndDoes(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		want := regexp.MustCompile(`^would apply 00001_\w+\.sql\n`)
		if code, out, errs := command(t, "migrate", "--dry-run", "--database", dsn); code != 0 || !want.MatchString(out) {
			t.Fatalf("%d %q %q", code, out, errs)
		}
		if code, _, errs := command(t, "audit", "--database", dsn); code != exitFailed || !strings.Contains(errs, "sarraf migrate") {
			t.Fatalf("audit before migrating: %d %q", code, errs)
		}
		if code, out, errs := command(t, "migrate", "--database", dsn); code != 0 || !strings.HasPrefix(out, "applied ") {
			t.Fatalf("%d %q %q", code, out, errs)
		}
		if code, out, _ := command(t, "migrate", "--database", dsn); code != 0 || out != "The schema is up to date.\n" {
			t.Fatalf("%d %q", code, out)
		}
		proveClean(t, dsn)
	})
}

func TestAuditOfNothingSaysSo(t *testing.T) {
	code, _, errs := command(t, "audit", "--database", "postgres://nobody@127.0.0.1:1/none?connect_timeout=2")
	if code != exitFailed || !strings.Contains(errs, "cannot open the database") {
		t.Fatalf("%d %q", code, errs)
	}
}

// takenOver brings what a merchant has from another gateway.
func takenOver(t *testing.T, dsn, id string) {
	t.Helper()
	const token = "spJA4nChfSPDRSkD-Znb6iw-2WGkDR37GyxZ-GZomUo"
	for secret, args := range map[string][]string{
		token:                      {"payrequest", "--import"},
		"an old key of sufficient": {"assanpay", "--import", "--merchant-id", "ddc6b617-3126-4866-9782-c68f535034b6"},
		"an old secret of theirs":  {"aspay", "--import-key", "pk_old_1"},
	} {
		var out, errs safeBuffer
		args = append([]string{"merchant", "key", id, "--database", dsn}, args...)
		if code := run(t.Context(), args, streams{in: strings.NewReader(secret + "\n"), out: &out, err: &errs}); code != 0 {
			t.Errorf("%v: %d %s", args, code, errs.String())
		}
		if strings.Contains(out.String(), secret) {
			t.Errorf("%v prints the secret: %s", args, out.String())
		}
	}
	code, show, errs := command(t, "merchant", "show", id, "--database", dsn)
	if code != 0 || !strings.Contains(show, `"public_ids":{"assanpay":"ddc6b617-3126-4866-9782-c68f535034b6"}`) || !strings.Contains(show, "pk_old_1") {
		t.Errorf("show: %d %s %s", code, show, errs)
	}
}

func TestMerchantsAreManagedByCommand(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		s := fresh()
		t.Setenv("SARRAF_KEY", s.Key)
		ok := func(args ...string) string {
			t.Helper()
			code, out, errs := command(t, append(args, "--database", dsn)...)
			if code != 0 {
				t.Fatalf("%v: %d %s", args, code, errs)
			}
			return out
		}
		ok("migrate")
		id := strings.TrimSpace(ok("merchant", "create", "Padma Books", "--currencies", "BDT,pkr"))
		ok("merchant", "set", id, "--name", "Padma Books & Maps", "--invoice-minutes", "15")
		ok("merchant", "fee", id, "sandbox", "BDT", "--ppm", "15000")
		keys := ok("merchant", "key", id, "aspay", "--label", "web shop")
		if !regexp.MustCompile(`^api_key: pk_test_\S+\napi_secret: sec_test_\S+\n$`).MatchString(keys) {
			t.Errorf("keys: %q", keys)
		}
		native := ok("merchant", "key", id, "native", "--role", "viewer")
		if !strings.HasPrefix(native, "api_key: sk_test_") {
			t.Errorf("native key: %q", native)
		}
		assan := ok("merchant", "key", id, "assanpay")
		if !regexp.MustCompile(`^merchant_id: [0-9a-f-]{36}\napi_key: ak_test_\S+\n$`).MatchString(assan) {
			t.Errorf("AssanPay's key: %q", assan)
		}
		public, _, _ := strings.Cut(assan, "\n")
		if again := ok("merchant", "key", id, "assanpay"); !strings.HasPrefix(again, public) || again == assan {
			t.Errorf("a second key: %q after %q", again, assan)
		}
		if token := ok("merchant", "key", id, "payrequest"); !regexp.MustCompile(`^token: \S{40,}\n$`).MatchString(token) {
			t.Errorf("PayRequest's token: %q", token)
		}
		takenOver(t, dsn, id)
		show := ok("merchant", "show", id)
		for _, want := range []string{"Padma Books & Maps", "[BDT PKR]", `"invoice_minutes":15`, "web shop", "viewer"} {
			if !strings.Contains(show, want) {
				t.Errorf("show lacks %s: %s", want, show)
			}
		}
		if !strings.Contains(ok("merchant", "list"), id) || !strings.HasPrefix(ok("merchant", "secret", id), "whsec_") {
			t.Error("list or secret")
		}
		cred := regexp.MustCompile(`(?m)^(\S+)\s+aspay`).FindStringSubmatch(show)[1]
		ok("merchant", "revoke", id, cred)
		if !regexp.MustCompile(`(?m)^` + cred + `.*\d\d:\d\d:\d\d$`).MatchString(ok("merchant", "show", id)) {
			t.Error("the credential is not shown as revoked")
		}
		for _, bad := range [][]string{
			{"merchant", "create", " "},
			{"merchant", "create", "X", "--currencies", "XYZ"},
			{"merchant", "show", "nobody"},
			{"merchant", "fee", id, "sandbox", "EUR"},
			{"merchant", "revoke", id, "nothing"},
			{"merchant", "set", id, "--currencies", "BDT"},
		} {
			if code, _, errs := command(t, append(bad, "--database", dsn)...); code != exitFailed || errs == "" {
				t.Errorf("%v: %d %q", bad, code, errs)
			}
		}
		good := `{"acquirer_domain":"com.example.bd","institution_type":"01","institution_id":"1234","pan":"123456","category":"5942",` +
			`"name":"PADMA BOOKS","city":"DHAKA"}`
		ok("merchant", "set", id, "--bangla-qr", good)
		for _, bad := range [][]string{
			{"merchant", "set", id, "--rails", "nowhere"},
			{"merchant", "key", id, "nowhere"},
			{"merchant", "key", id, "aspay", "--import"},
			{"merchant", "key", id, "native", "--import-key", "x"},
			{"merchant", "key", id, "aspay", "--merchant-id", "x"},
			{"merchant", "fee", id, "nowhere", "BDT"},
			{"merchant", "set", id, "--bangla-qr", "x"},
			{"merchant", "set", id, "--bangla-qr", "{}"},
			{"merchant", "set", id, "--bangla-qr", strings.Replace(good, "pan", "PANE", 1)},
			{"merchant", "set", id, "--bangla-qr", strings.Replace(good, "DHAKA", "A CITY OF TOO MANY LETTERS", 1)},
		} {
			if code, _, errs := command(t, append(bad, "--database", dsn)...); code != exitUsage || errs == "" {
				t.Errorf("%v: %d %q", bad, code, errs)
			}
		}
		if show := ok("merchant", "show", id); !strings.Contains(show, "PADMA BOOKS") || strings.Contains(show, "nowhere") {
			t.Errorf("after refused changes: %s", show)
		}
		proveClean(t, dsn)
	})
}

// The real binary, as it is released, stops in order when it is told to.
func TestTheBinaryStopsInOrder(t *testing.T) {
	bin := crashtest.Binary(t)
	dsn := storetest.URL(t, store.SQLite)
	cmd := exec.Command(bin, "demo", "--json", "--listen", "127.0.0.1:0", "--database", dsn)
	var logs safeBuffer
	cmd.Stderr = &logs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	d := &demo{t: t}
	if err := json.NewDecoder(out).Decode(&d.line); err != nil {
		t.Fatalf("%v\n%s", err, &logs)
	}
	made := d.create("BIN", "https://shop.example/cb")
	if r := d.ask(strings.TrimPrefix(made.str("payment_url"), d.line.URL), ""); r.status != http.StatusOK {
		t.Fatalf("the page: %d", r.status)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &logs)
	}
	info, err := os.Stat(strings.TrimPrefix(dsn, "sqlite:") + ".demo.json")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the kept credentials: %v, %v", info, err)
	}
	proveClean(t, dsn)
}

func TestABackupOnAReadOnlyDiskIsProvedAndNotTouched(t *testing.T) {
	dsn := storetest.URL(t, store.SQLite)
	d := startDemo(t, dsn)
	d.create("BACKED-UP", "https://shop.example/cb")
	if code := d.stop(); code != 0 {
		t.Fatalf("status %d", code)
	}
	text, err := os.ReadFile(strings.TrimPrefix(dsn, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	backup := filepath.Join(dir, "backup.db")
	if err := errors.Join(os.WriteFile(backup, text, 0o400), os.Chmod(dir, 0o500)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	proveClean(t, "sqlite:"+backup)
	after, err := os.ReadFile(backup)
	files, err2 := os.ReadDir(dir)
	if err := errors.Join(err, err2); err != nil || !bytes.Equal(text, after) || len(files) != 1 {
		t.Fatalf("the audit left %v, and changed the backup: %v, %v", files, !bytes.Equal(text, after), err)
	}
}

func TestServeRefusesAnotherDatabasesKey(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		first, other := fresh(), fresh()
		t.Setenv("SARRAF_KEY", first.Key)
		t.Setenv("SARRAF_SEAL_KEY", first.SealKey)
		for _, args := range [][]string{{"migrate"}, {"merchant", "create", "M"}} {
			if code, _, errs := command(t, append(args, "--database", dsn)...); code != 0 {
				t.Fatal(errs)
			}
		}
		t.Setenv("SARRAF_KEY", other.Key)
		code, _, errs := command(t, "serve", "--database", dsn, "--listen", "127.0.0.1:0")
		if code != exitFailed || !strings.Contains(errs, "SARRAF_KEY is not the key") {
			t.Fatalf("%d %s", code, errs)
		}
		t.Setenv("SARRAF_KEY", other.Key+","+first.Key)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var out, said safeBuffer
		io := streams{out: &out, err: &said, started: func(*app) { stop() }}
		if code := run(ctx, []string{"serve", "--database", dsn, "--listen", "127.0.0.1:0", "--drain", "0s"}, io); code != 0 {
			t.Fatalf("with both keys: %d %s", code, said.String())
		}
	})
}

func TestASecondProcessOnOneSQLiteFileIsRefused(t *testing.T) {
	dsn := storetest.URL(t, store.SQLite)
	first := startDemo(t, dsn)
	code, _, errs := command(t, "demo", "--database", dsn, "--listen", "127.0.0.1:0")
	if code != exitFailed || !strings.Contains(errs, "served by another process") {
		t.Fatalf("%d %s", code, errs)
	}
	if code := first.stop(); code != 0 {
		t.Fatalf("status %d", code)
	}
	startDemo(t, dsn)
}
