package ledger_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/internal/audit"
	"sarraf/internal/storetest"
	"sarraf/ledger"
	"sarraf/money"
	"sarraf/store"
)

// began is when every script begins; "at 60s" is a minute later.
var began = time.Date(2026, 2, 9, 21, 30, 0, 0, time.UTC)

// line is a line of a script: a command and what is to become of it, or what is to stand on an account.
type line struct {
	number  int
	command ledger.Command
	want    string
	account ledger.Account // of an expectation
}

// Each script is carried out with its commands one by one, and all in one slice: the results and the books are the same.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 3 {
		t.Fatalf("scripts: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			lines := readScript(t, file)
			var books []string
			storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
				t.Run("singly", func(t *testing.T) {
					for _, l := range lines {
						if l.account.Owner != "" {
							expect(t, file, l, db)
							continue
						}
						check(t, file, l, apply(t, db, l.command)[0])
					}
					books = append(books, dump(t, db))
				})
				t.Run("together", func(t *testing.T) {
					db := storetest.Open(t, storetest.URL(t, db.Engine()), nil)
					var commands []ledger.Command
					var from []line
					for _, l := range lines {
						if l.account.Owner == "" {
							commands, from = append(commands, l.command), append(from, l)
						}
					}
					for i, r := range apply(t, db, commands...) {
						check(t, file, from[i], r)
					}
					for i := len(lines) - 1; lines[i].account.Owner != ""; i-- {
						expect(t, file, lines[i], db)
					}
					books = append(books, dump(t, db))
				})
			})
			for _, b := range books {
				if d := cmp.Diff(books[0], b); d != "" {
					t.Errorf("the books differ:\n%s", d)
				}
			}
		})
	}
}

func check(t *testing.T, file string, l line, r ledger.Result) {
	t.Helper()
	got := "ok"
	switch {
	case r.Err != nil:
		f := fault.First(r.Err)
		got = string(f.Code)
		if f.Field != "" {
			got += " on=" + f.Field
		}
		for _, name := range []string{"state", "account", "available"} {
			if v, ok := f.Params[name]; ok {
				got += " " + name + "=" + v
			}
		}
	case r.Exists:
		got = "exists"
	}
	if r.Err == nil && len(l.command.Ops) == 1 {
		a, wantsAfter := r.After[0], strings.Contains(l.want, " ")
		switch l.command.Ops[0].(type) {
		case ledger.Transfer:
			if wantsAfter {
				got += fmt.Sprintf(" from %d to %d", a.From, a.To)
			}
		case ledger.Post:
			got += fmt.Sprintf(" from %d to %d held %d", a.From, a.To, a.Held)
		default:
			got += fmt.Sprintf(" held %d", a.Held)
		}
	}
	if got != l.want {
		t.Errorf("%s:%d: %s, want %s", file, l.number, got, l.want)
	}
	if r.Err == nil && len(r.After) != len(l.command.Ops) || r.Err != nil && r.After != nil {
		t.Errorf("%s:%d: %v with %d figures for %d operations", file, l.number, r.Err, len(r.After), len(l.command.Ops))
	}
}

func expect(t *testing.T, file string, l line, db *store.DB) {
	t.Helper()
	f, err := ledger.Read(ctx, db, l.account)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%d held %d", f.Balance(), f.Held); got != l.want {
		t.Errorf("%s:%d: %s of %s has %s, want %s", file, l.number, l.account.ID(), l.account.Owner, got, l.want)
	}
}

// dump is every account, entry, hold and step as text, once the audit has found nothing.
func dump(t *testing.T, db *store.DB) string {
	t.Helper()
	var b strings.Builder
	err := db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		return ledger.Audit(ctx, tx, began.Add(10000*time.Hour), func(f audit.Finding) { t.Error(f) })
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		`SELECT owner || ' ' || id || ' ' || currency || ' ' || kind, debits, credits, held, seq, hold_seq FROM account ORDER BY owner, id`,
		`SELECT owner || ' ' || account || ' ' || transfer || ' ' || side || ' ' || counter_owner || ' ' || counter_account || ' ' || kind || ' ' || subject,
			seq, amount, balance_after, at, 0 FROM entry ORDER BY owner, account, seq`,
		`SELECT owner || ' ' || id || ' ' || account || ' ' || counter_owner || ' ' || counter_account || ' ' || state || ' ' || kind || ' ' || subject || ' ' ||
			COALESCE(transfer, '-'), amount, COALESCE(expires_at, -1), created_at, COALESCE(closed_at, -1), 0 FROM hold ORDER BY owner, id`,
		`SELECT owner || ' ' || account || ' ' || hold || ' ' || step || ' ' || counter_owner || ' ' || counter_account || ' ' || kind || ' ' || subject || ' ' ||
			COALESCE(transfer, '-'), n, amount, COALESCE(expires_at, -1), held_after, entry_seq FROM hold_step ORDER BY owner, account, n`,
	} {
		err := db.Query(ctx, q, nil, func(r store.Row) error {
			var s string
			var n [5]int64
			err := r.Scan(&s, &n[0], &n[1], &n[2], &n[3], &n[4])
			fmt.Fprintln(&b, s, n)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if b.Len() == 0 {
		t.Fatal("there are no books")
	}
	return b.String()
}

// readScript reads a script. Its language:
//
//	transfer ID FROM -> TO AMOUNT [for SUBJECT]
//	hold ID FROM -> TO AMOUNT [until TIME]
//	post OWNER HOLD TRANSFER / void OWNER HOLD / expire OWNER HOLD
//
// each followed by "= result"; "together = result", then operations, then "end"; "at TIME" moves the clock; "expect ACCOUNT BALANCE
// held AMOUNT". An account is OWNER/CURRENCY/KIND; a time is since the beginning of the script.
func readScript(t *testing.T, file string) []line {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines []line
	var open *line
	at := began
	for i, s := range strings.Split(string(text), "\n") {
		s = strings.TrimSpace(s)
		if s == "" || strings.HasPrefix(s, "#") {
			continue
		}
		what, want, _ := strings.Cut(s, " = ")
		words := strings.Fields(what)
		l := line{number: i + 1, want: want, command: ledger.Command{At: at}}
		switch words[0] {
		case "at":
			at = began.Add(since(t, words[1]))
		case "expect":
			l.account, l.want = accountOf(words[1]), strings.Join(words[2:], " ")
			lines = append(lines, l)
		case "together":
			open = &l
		case "end":
			lines = append(lines, *open)
			open = nil
		default:
			op := operation(t, words)
			if open != nil {
				open.command.Ops = append(open.command.Ops, op)
				continue
			}
			l.command.Ops = []ledger.Op{op}
			lines = append(lines, l)
		}
	}
	return lines
}

func operation(t *testing.T, words []string) ledger.Op {
	t.Helper()
	for i, w := range words {
		if w == `""` {
			words[i] = ""
		}
	}
	option := func(name string) string {
		if len(words) > 7 && words[6] == name {
			return words[7]
		}
		return ""
	}
	switch words[0] {
	case "transfer":
		tr := ledger.Transfer{ID: words[1], From: accountOf(words[2]), To: accountOf(words[4]), Amount: minor(t, words[5]), Kind: "test", Subject: "s"}
		if s := option("for"); s != "" {
			tr.Subject = s
		}
		return tr
	case "hold":
		h := ledger.Hold{ID: words[1], From: accountOf(words[2]), To: accountOf(words[4]), Amount: minor(t, words[5]), Kind: "test", Subject: "s"}
		if s := option("until"); s != "" {
			h.ExpiresAt = began.Add(since(t, s))
		}
		return h
	case "post":
		return ledger.Post{Owner: words[1], Hold: words[2], Transfer: words[3]}
	case "void":
		return ledger.Void{Owner: words[1], Hold: words[2]}
	case "expire":
		return ledger.Expire{Owner: words[1], Hold: words[2]}
	}
	t.Fatalf("no such operation: %q", words)
	return nil
}

func accountOf(text string) ledger.Account {
	owner, rest, _ := strings.Cut(text, "/")
	currency, kind, _ := strings.Cut(rest, "/")
	return ledger.Account{Owner: owner, Currency: money.Currency(currency), Kind: kind}
}

func minor(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func since(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
