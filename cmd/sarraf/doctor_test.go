package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/store"
)

// soundMachine is a machine with nothing wrong.
func soundMachine() machine {
	m := thisMachine()
	m.synchronised = func() (bool, error) { return true, nil }
	m.free = func(string) (uint64, error) { return 100 << 30, nil }
	m.openFiles = func() (uint64, error) { return 1 << 20, nil }
	return m
}

// doctor makes the checks and answers them.
func doctor(t *testing.T, m machine, c doctorCmd) diagnosis {
	t.Helper()
	var out, errs safeBuffer
	c.JSON = true
	err := c.examine(t.Context(), streams{out: &out, err: &errs}, m)
	var d diagnosis
	if err2 := json.Unmarshal([]byte(out.String()), &d); err2 != nil {
		t.Fatalf("%v %v\n%s", err, err2, out.String())
	}
	if d.Healthy != (err == nil) || err != nil && !errors.Is(err, errFound) {
		t.Fatalf("%+v: %v", d, err)
	}
	return d
}

// the is the check with the name that is not good, else any with the name.
func (d diagnosis) the(t *testing.T, name string) check {
	t.Helper()
	var found check
	for _, c := range d.Checks {
		if c.Name == name && (found.Name == "" || c.State != good) {
			found = c
		}
	}
	if found.Name == "" {
		t.Fatalf("there is no check %s: %+v", name, d.Checks)
	}
	return found
}

// expect fails unless the named check has the state, and says what to mend when it is not good.
func expect(t *testing.T, d diagnosis, name string, want state) {
	t.Helper()
	if c := d.the(t, name); c.State != want || (c.Mend == "") != (want == good) {
		t.Errorf("%s is %s, want %s: %s. Mend: %s", name, c.State, want, c.Said, c.Mend)
	}
}

// durably runs a test on both engines as in production: PostgreSQL with a server that syncs.
func durably(t *testing.T, fn func(t *testing.T, dsn string)) {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Run("sqlite", func(t *testing.T) { fn(t, storetest.URL(t, store.SQLite)) })
	t.Run("postgres", func(t *testing.T) { fn(t, pgtest.Start(t, true).Database(t)) })
}

func TestAHealthyInstallationHasNothingToMend(t *testing.T) {
	durably(t, func(t *testing.T, dsn string) {
		s := newSecrets(t)
		mustRun(t, "migrate", "--database", dsn)
		mustRun(t, "merchant", "create", "Shop", "--database", dsn)
		key := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(key, []byte(s.Key+"\n"), 0o400); err != nil {
			t.Fatal(err)
		}
		t.Setenv("SARRAF_KEY", "")
		t.Setenv("SARRAF_KEY_FILE", key)
		srv := startServe(t, dsn)
		d := doctor(t, soundMachine(), doctorCmd{databaseFlag: databaseFlag{dsn}, PublicURL: "http://" + srv.app.address})
		if !d.Healthy {
			t.Errorf("not healthy")
		}
		for _, c := range d.Checks {
			if c.State != good || c.Said == "" || c.Mend != "" {
				t.Errorf("%+v", c)
			}
		}
		for _, name := range []string{
			"secret file", "key", "seal key", "database", "schema", "writing", "durability", "clock", "clock steps", "newest row",
			"public URL", "ready", "webhooks", "endpoints", "sealing", "expiring", "open files",
		} {
			expect(t, d, name, good)
		}
		if c := d.the(t, "database"); !strings.Contains(c.Said, "is being served") {
			t.Errorf("while it is served: %s", c.Said)
		}
		if code, out, errs := command(t, "health", "--listen", srv.app.address, "--ready"); code != 0 || out != "ready\n" {
			t.Errorf("health: %d %q %q", code, out, errs)
		}
		if code, out, _ := command(t, "health", "--listen", srv.app.address); code != 0 || out != "alive\n" {
			t.Errorf("health: %d %q", code, out)
		}
		srv.stop()
		d = doctor(t, soundMachine(), doctorCmd{databaseFlag: databaseFlag{dsn}, PublicURL: "http://" + srv.app.address})
		expect(t, d, "public URL", warn)
		if c := d.the(t, "database"); !strings.Contains(c.Said, "nobody serves") {
			t.Errorf("while it is not served: %s", c.Said)
		}
		if code, _, errs := command(t, "health", "--listen", srv.app.address); code != exitFailed || errs == "" {
			t.Errorf("health of nothing: %d %q", code, errs)
		}
		text := mustRun(t, "doctor", "--database", dsn, "--only", "webhooks,sealing")
		if lines := strings.Split(text, "\n"); len(lines) != 3 || !strings.HasPrefix(lines[0], "ok    webhooks") {
			t.Errorf("one line a check:\n%s", text)
		}
	})
}

func TestDoctorFindsWrongSecretsAndPrintsNone(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		right, other := newSecrets(t), fresh()
		mustRun(t, "migrate", "--database", dsn)
		mustRun(t, "merchant", "create", "Shop", "--database", dsn)
		if code := startServe(t, dsn).stop(); code != 0 { // the seal key is known from now on
			t.Fatalf("status %d", code)
		}
		open := filepath.Join(t.TempDir(), "open")
		if err := os.WriteFile(open, []byte(right.Key), 0o644); err != nil {
			t.Fatal(err)
		}
		for name, tc := range map[string]struct {
			key, seal, file string
			check           string
			want            state
		}{
			"right":                {right.Key, right.SealKey, "", "key", good},
			"newer first":          {other.Key + "," + right.Key, right.SealKey, "", "key", good},
			"no key":               {"", right.SealKey, "", "key", fail},
			"no key that is one":   {"c2hvcnQ=", right.SealKey, "", "key", fail},
			"another's key":        {other.Key, right.SealKey, "", "key", fail},
			"no seal key":          {right.Key, "", "", "seal key", fail},
			"no seal key that is":  {right.Key, "c2hvcnQ=", "", "seal key", fail},
			"another seal key":     {right.Key, other.SealKey, "", "seal key", warn},
			"a file open to all":   {"", right.SealKey, open, "secret file", fail},
			"a file that is not":   {"", right.SealKey, open + ".none", "secrets", fail},
			"the seal key is good": {right.Key, right.SealKey, "", "seal key", good},
		} {
			t.Setenv("SARRAF_KEY", tc.key)
			t.Setenv("SARRAF_SEAL_KEY", tc.seal)
			t.Setenv("SARRAF_KEY_FILE", tc.file)
			d := doctor(t, soundMachine(), doctorCmd{databaseFlag: databaseFlag{dsn}, Only: []string{"configuration"}})
			if t.Log(name); d.the(t, tc.check).State != tc.want {
				t.Errorf("%s: %+v", name, d.Checks)
			}
			text := fmt.Sprint(d)
			for _, secret := range []string{right.Key, right.SealKey, other.Key, other.SealKey, "c2hvcnQ="} {
				if strings.Contains(text, secret) {
					t.Errorf("%s: a secret is printed: %s", name, text)
				}
			}
		}
	})
}

func TestADatabaseThatIsNotThereFailsAndTellsNoPassword(t *testing.T) {
	newSecrets(t)
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	for _, dsn := range []string{"sqlite:" + filepath.Join(t.TempDir(), "none.db"), "postgres://u:hunter2@127.0.0.1:1/none", "mysql://u:hunter2@x/y"} {
		d := doctor(t, soundMachine(), doctorCmd{databaseFlag: databaseFlag{dsn}})
		expect(t, d, "database", fail)
		expect(t, d, "webhooks", warn)
		expect(t, d, "key", warn)
		if strings.Contains(fmt.Sprint(d), "hunter2") {
			t.Errorf("the password is printed: %+v", d)
		}
	}
}

func TestDoctorFindsWhatIsWrongWithADatabase(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		newSecrets(t)
		c := doctorCmd{databaseFlag: databaseFlag{dsn}, Only: []string{"database", "sealing"}}
		edit(t, dsn, "SELECT 1") // makes an SQLite file
		expect(t, doctor(t, soundMachine(), c), "schema", fail)
		expect(t, doctor(t, soundMachine(), c), "sealing", warn)
		mustRun(t, "migrate", "--database", dsn)
		expect(t, doctor(t, soundMachine(), c), "schema", good)
		if strings.HasPrefix(dsn, "postgres") {
			expect(t, doctor(t, soundMachine(), c), "durability", fail) // tests run without fsync
			name := dsn[strings.LastIndex(dsn, "/")+1 : strings.Index(dsn, "?")]
			edit(t, dsn, "ALTER DATABASE "+name+" CONNECTION LIMIT 5")
			expect(t, doctor(t, soundMachine(), c), "connections", fail)
			edit(t, dsn, "ALTER DATABASE "+name+" CONNECTION LIMIT 10")
			expect(t, doctor(t, soundMachine(), c), "connections", warn)
			edit(t, dsn, "ALTER DATABASE "+name+" CONNECTION LIMIT -1")
			expect(t, doctor(t, soundMachine(), c), "connections", good)
		}
		for free, want := range map[uint64]state{freeHard - 1: fail, freeSoft - 1: warn, freeSoft: good} {
			m := soundMachine()
			m.free = func(string) (uint64, error) { return free, nil }
			if strings.HasPrefix(dsn, "sqlite") {
				expect(t, doctor(t, m, c), "disk", want)
			}
		}
		edit(t, dsn, "ALTER TABLE counter RENAME TO mislaid")
		expect(t, doctor(t, soundMachine(), c), "writing", fail)
		edit(t, dsn, "ALTER TABLE mislaid RENAME TO counter")
		edit(t, dsn, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, "+map[bool]string{true: "1", false: "true"}[strings.HasPrefix(dsn, "sqlite")]+")")
		expect(t, doctor(t, soundMachine(), c), "schema", fail)
	})
}

// Figures that a test cannot bring about are judged as they would come.
func TestFiguresOfADatabaseAreJudged(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		db := storetest.Open(t, dsn, nil)
		judged := func(name string, judge func(*checkup)) check {
			u := &checkup{doctorCmd: doctorCmd{databaseFlag: databaseFlag{dsn}}, machine: soundMachine(), db: db}
			judge(u)
			return diagnosis{Checks: u.checks}.the(t, name)
		}
		if db.Engine() == store.SQLite {
			for c, want := range map[store.Condition]state{
				{Journal: "wal", Synchronous: 2}: good, {Journal: "delete", Synchronous: 2}: fail, {Journal: "wal", Synchronous: 1}: fail,
			} {
				if got := judged("durability", func(u *checkup) { u.durability(c) }); got.State != want {
					t.Errorf("%+v: %+v", c, got)
				}
			}
			for bytes, want := range map[int64]state{0: good, walSoft + 1: warn, walHard + 1: fail} {
				if got := judged("log", func(u *checkup) { u.wal = bytes; u.files() }); got.State != want {
					t.Errorf("%d bytes: %+v", bytes, got)
				}
			}
			return
		}
		on := store.Condition{Fsync: "on", FullPageWrites: "on", SynchronousCommit: "on", VersionNumber: 150000}
		for _, tc := range []struct {
			change func(*store.Condition)
			want   state
		}{
			{func(*store.Condition) {}, good},
			{func(c *store.Condition) { c.SynchronousCommit = "remote_apply" }, good},
			{func(c *store.Condition) { c.SynchronousCommit = "local" }, fail},
			{func(c *store.Condition) { c.SynchronousCommit = "off" }, fail},
			{func(c *store.Condition) { c.FullPageWrites = "off" }, fail},
			{func(c *store.Condition) { c.Fsync = "off" }, fail},
		} {
			c := on
			tc.change(&c)
			if got := judged("durability", func(u *checkup) { u.durability(c) }); got.State != tc.want {
				t.Errorf("%+v: %+v", c, got)
			}
		}
		for number, want := range map[int64]state{140_012: fail, 150_000: good, 180_001: good} {
			if got := judged("database", func(u *checkup) { u.version(store.Condition{VersionNumber: number}) }); got.State != want {
				t.Errorf("version %d: %+v", number, got)
			}
		}
		for age, want := range map[time.Duration]state{time.Second: good, time.Hour: warn, 7 * time.Hour: fail} {
			if got := judged("transactions", func(u *checkup) { u.transactions(store.Condition{OldestTransaction: age}) }); got.State != want {
				t.Errorf("a transaction of %s: %+v", age, got)
			}
		}
		for limit, want := range map[int64]state{-1: good, 9: fail, 12: warn, 40: good} {
			c := store.Condition{Connections: 97, Used: 5, DatabaseLimit: -1, RoleLimit: limit}
			if got := judged("connections", func(u *checkup) { u.connections(c) }); got.State != want {
				t.Errorf("%+v: %+v", c, got)
			}
		}
	})
}

func TestTheOldestTransactionIsSeen(t *testing.T) {
	dsn := storetest.URL(t, store.Postgres)
	db := storetest.Open(t, dsn, nil)
	before, err := db.Condition(t.Context())
	if err != nil || before.OldestTransaction != 0 || before.ClockAhead.Abs() > time.Second {
		t.Fatalf("%+v %v", before, err)
	}
	err = db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if err := tx.Exec(ctx, "SELECT 1"); err != nil {
			return err
		}
		c, err := db.Condition(ctx)
		if err == nil && c.OldestTransaction <= 0 {
			t.Errorf("%+v", c)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDoctorFindsAWrongClock(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		newSecrets(t)
		mustRun(t, "migrate", "--database", dsn)
		d := startDemo(t, dsn) // it has events of now
		d.stop()
		c := doctorCmd{databaseFlag: databaseFlag{dsn}, Only: []string{"clock"}}
		at := func(offset time.Duration) machine {
			m := soundMachine()
			m.clock = clock.NewFake(time.Now().Add(offset))
			return m
		}
		m := soundMachine()
		expect(t, doctor(t, m, c), "clock", good)
		expect(t, doctor(t, m, c), "clock steps", good)
		m.synchronised = func() (bool, error) { return false, nil }
		expect(t, doctor(t, m, c), "clock", warn)
		m.synchronised = func() (bool, error) { return false, errors.New("not permitted") }
		expect(t, doctor(t, m, c), "clock", warn)
		jumpy := clock.NewFake(time.Now())
		m = soundMachine()
		m.clock, m.synchronised = jumpy, func() (bool, error) { jumpy.Advance(time.Hour); return true, nil }
		expect(t, doctor(t, m, c), "clock steps", fail)
		expect(t, doctor(t, at(-time.Hour), c), "newest row", fail)
		expect(t, doctor(t, at(time.Hour), c), "newest row", good)
		if strings.HasPrefix(dsn, "postgres") {
			expect(t, doctor(t, soundMachine(), c), "clock offset", good)
			expect(t, doctor(t, at(time.Hour), c), "clock offset", fail)
			expect(t, doctor(t, at(-10*time.Second), c), "clock offset", warn)
		}
	})
}

func TestDoctorFindsWorkThatIsNotDone(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		newSecrets(t)
		d := startDemo(t, dsn)
		site := newShop(t, nil)
		d.create("OPEN", site.URL+"/callback")
		d.create("TOLD", site.URL+"/callback")
		d.pay("TOLD")
		site.wait(t, 1)
		if code := d.stop(); code != 0 {
			t.Fatalf("status %d", code)
		}
		only := func(group string, offset time.Duration) diagnosis {
			m := soundMachine()
			m.clock = clock.NewFake(time.Now().Add(offset))
			return doctor(t, m, doctorCmd{databaseFlag: databaseFlag{dsn}, Only: []string{group}})
		}
		expect(t, only("expiring", 0), "expiring", good)
		expect(t, only("expiring", time.Hour+5*time.Minute), "expiring", warn)
		expect(t, only("expiring", 3*time.Hour), "expiring", fail)
		expect(t, only("webhooks", 3*time.Hour), "webhooks", good)
		expect(t, only("sealing", 3*time.Hour), "sealing", good)
		edit(t, dsn, `UPDATE delivery SET state = 'pending', closed_at = NULL, lease_by = '', failures = 1, due_at = $1`, time.Now().UnixMicro())
		expect(t, only("webhooks", time.Second), "webhooks", good)
		expect(t, only("webhooks", time.Second), "endpoints", good)
		expect(t, only("webhooks", 2*time.Minute), "webhooks", warn)
		expect(t, only("webhooks", 3*time.Hour), "webhooks", fail)
		edit(t, dsn, `UPDATE delivery SET failures = 4`)
		expect(t, only("webhooks", 0), "endpoints", warn)
		edit(t, dsn, `DELETE FROM seal WHERE chain = 'events'`)
		expect(t, only("sealing", 0), "sealing", good)
		expect(t, only("sealing", 5*time.Minute), "sealing", warn)
		expect(t, only("sealing", time.Hour), "sealing", fail)
	})
}

func TestDoctorFindsNarrowLimits(t *testing.T) {
	newSecrets(t)
	c := doctorCmd{databaseFlag: databaseFlag{"sqlite:" + filepath.Join(t.TempDir(), "none.db")}, Only: []string{"limits"}}
	for most, want := range map[uint64]state{filesHard - 1: fail, filesSoft - 1: warn, filesSoft: good} {
		m := soundMachine()
		m.openFiles = func() (uint64, error) { return most, nil }
		expect(t, doctor(t, m, c), "open files", want)
	}
	m := soundMachine()
	m.openFiles = func() (uint64, error) { return 0, errors.New("not here") }
	expect(t, doctor(t, m, c), "open files", warn)
	if n, err := thisMachine().openFiles(); err != nil || n == 0 {
		t.Errorf("this machine's own: %d, %v", n, err)
	}
	if n, err := thisMachine().free(t.TempDir()); err != nil || n == 0 {
		t.Errorf("this machine's disk: %d, %v", n, err)
	}
}

func TestDoctorTellsWhereThePublicURLLeads(t *testing.T) {
	newSecrets(t)
	dsn := storetest.URL(t, store.SQLite)
	mustRun(t, "migrate", "--database", dsn)
	mustRun(t, "merchant", "create", "Shop", "--database", dsn)
	keys, _, err := fresh().keys()
	if err != nil {
		t.Fatal(err)
	}
	look := func(url string) diagnosis {
		return doctor(t, soundMachine(), doctorCmd{databaseFlag: databaseFlag{dsn}, PublicURL: url, Only: []string{"reachability"}})
	}
	expect(t, look(""), "public URL", warn)
	expect(t, look("http://nothing.invalid"), "name", fail)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + ln.Addr().String()
	_ = ln.Close()
	expect(t, look(closed), "public URL", warn)
	srv := startServe(t, dsn)
	expect(t, look(closed), "public URL", fail)
	_, port, _ := net.SplitHostPort(srv.app.address)
	expect(t, look("http://0.0.0.0:"+port), "TLS", warn)
	answering := func(fn http.HandlerFunc) string {
		s := httptest.NewServer(fn)
		t.Cleanup(s.Close)
		return s.URL
	}
	for name, fn := range map[string]http.HandlerFunc{
		"another program": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<h1>It works!") },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://x.example", http.StatusFound)
		},
		"one without keys": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "alive\n") },
		"another sarraf": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(answerHeader, proveInstallation(keys, r.Header.Get(challengeHeader)))
			fmt.Fprint(w, "alive\n")
		},
	} {
		t.Log(name)
		expect(t, look(answering(fn)), "public URL", fail)
	}
	busy := answering(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set(answerHeader, proveInstallation(srv.app.keys, r.Header.Get(challengeHeader)))
		fmt.Fprint(w, "alive\n")
	})
	expect(t, look(busy), "public URL", good)
	expect(t, look(busy), "ready", fail)
	t.Setenv("SARRAF_KEY", "")
	expect(t, look("http://"+srv.app.address), "public URL", warn)
}

func TestNoChallengeButOurOwnIsAnswered(t *testing.T) {
	keys, _, err := fresh().keys()
	if err != nil {
		t.Fatal(err)
	}
	for _, challenge := range []string{"", "x", strings.Repeat("g", challengeLength), strings.Repeat("a", challengeLength+2), strings.Repeat("a", 10_000)} {
		if got := proveInstallation(keys, challenge); got != "" {
			t.Errorf("%.40q: %s", challenge, got)
		}
	}
	if got := proveInstallation(keys, strings.Repeat("a", challengeLength)); len(got) != 64 {
		t.Errorf("ours: %q", got)
	}
}

func TestDoctorReadsCertificates(t *testing.T) {
	newSecrets(t)
	dsn := storetest.URL(t, store.SQLite)
	mustRun(t, "migrate", "--database", dsn)
	for left, want := range map[time.Duration]state{24 * time.Hour: fail, 10 * 24 * time.Hour: warn, 90 * 24 * time.Hour: good, -time.Hour: fail} {
		cert, roots := certificateFor(t, left)
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "alive\n") }))
		s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
		s.StartTLS()
		m := soundMachine()
		m.roots = roots
		c := doctorCmd{databaseFlag: databaseFlag{dsn}, PublicURL: s.URL, Only: []string{"reachability"}}
		expect(t, doctor(t, m, c), "TLS", want)
		if left > 0 {
			m.roots = x509.NewCertPool()
			expect(t, doctor(t, m, c), "TLS", fail)
		}
		s.Close()
	}
}

// certificateFor is a certificate for loopback that is good for so long, and who is to trust it.
func certificateFor(t *testing.T, left time.Duration) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(left),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

func TestDoctorsWrongArgumentsAreStatusTwo(t *testing.T) {
	for _, args := range [][]string{
		{"doctor", "--only", "nonsense"}, {"doctor", "--public-url", "ftp://x"}, {"doctor", "--public-url", "https://x/path"}, {"health", "--nonsense"},
	} {
		if code, _, errs := command(t, args...); code != exitUsage || errs == "" {
			t.Errorf("%v: %d %q", args, code, errs)
		}
	}
}

func TestEveryGroupOfChecksIsNamedInTheHelp(t *testing.T) {
	_, out, _ := command(t, "doctor", "--help")
	for _, g := range groups {
		if !slices.Contains(strings.FieldsFunc(out, func(r rune) bool { return strings.ContainsRune(" ,.\n", r) }), g.name) {
			t.Errorf("%s is not in %s", g.name, out)
		}
	}
}
