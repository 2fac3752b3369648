package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/internal/audit"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/rail"
	"sarraf/seal"
	"sarraf/settlement"
	"sarraf/store"
	"sarraf/wallet"
)

// moneyTables are the tables that the audit proves. A table that the schema has and neither list names makes the test fail.
var moneyTables = []string{
	"account", "entry", "hold", "hold_step", "seal", "seal_head", "event", "event_counter", "invoice", "payment", "payer", "bill_total", "alias",
	"upload", "upload_part", "settlement", "settlement_line", "wallet_transfer", "payout",
	"batch", "batch_part", "refund", "payout_sheet", "payout_answer", "payout_answer_line",
}

// otherTables are those that hold no money, and why an edit there is not the audit's to find.
var otherTables = map[string]string{
	"counter":          "running numbers: a number given twice fails on the alias's key",
	"idempotency":      "answers kept for 48 hours",
	"merchant":         "settings, with their changes in audit_log",
	"credential":       "who may ask",
	"login":            "who may sign in, with its changes in audit_log",
	"sign_in_failure":  "guesses of the last minutes",
	"channel":          "settings of banks, with their changes in audit_log",
	"wallet":           "who may spend, with its changes in audit_log; a PIN is worth nothing without the key outside the database",
	"wallet_state":     "counts of limits and of wrong PINs; that there is one is proved",
	"wallet_rule":      "fees and limits, with their changes in audit_log; what was taken by them is in wallet_transfer and entry",
	"wallet_code":      "one-time codes of the last minutes; one is worth nothing without the key outside the database",
	"wallet_asked":     "how often codes were asked for in the last minutes",
	"wallet_stranger":  "guesses of the last day",
	"wallet_token":     "who is signed in",
	"payout_method":    "fees, limits and rails, with their changes in audit_log; what was taken by them is in payout and entry",
	"payout_work":      "when a worker looks at a payout again; what it did is in payout",
	"payout_attempt":   "the log of what rails were told and said",
	"merchant_fee":     "a schedule; what was taken by it is in payment and entry",
	"audit_log":        "who changed what",
	"seal_key":         "the keys that an audit trusts are given to it",
	"delivery":         "what was told, not what is true",
	"delivery_attempt": "the log of it",
	"goose_db_version": "the schema's own",
	"sqlite_sequence":  "SQLite's own",
}

// books is a small house with every kind of row in it.
type books struct {
	db    *store.DB
	clock *clock.Fake
	key   ed25519.PrivateKey
}

func newBooks(t *testing.T, db *store.DB, c *clock.Fake) *books {
	t.Helper()
	keys, sealKey, err := fresh().keys()
	if err != nil {
		t.Fatal(err)
	}
	b := &books{db: db, clock: c, key: sealKey}
	b.fill(t, keys)
	for range 2 { // seals that follow seals
		b.hold(t)
		s := seal.New(db, sealKey, 0, slog.New(slog.DiscardHandler), sealSources()...)
		if err := s.Round(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		c.Advance(time.Hour)
	}
	return b
}

func (b *books) fill(t *testing.T, keys *keyring.Keyring) {
	t.Helper()
	ctx, log := t.Context(), event.NewLog(b.db)
	merchants, invoices, payments := merchant.NewService(b.db, log, keys), invoice.NewService(b.db, log), payment.NewService(b.db, log)
	wallets := wallet.NewService(b.db, log, keys)
	payments.SetWallets(wallets)
	t.Cleanup(func() { invoices.Close(); payments.Close(); wallets.Close() })
	by := merchant.Actor{Name: "test", Source: "test"}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	m, err := merchants.Create(ctx, by, merchant.Merchant{Name: "M", Mode: merchant.Sandbox, Currencies: []money.Currency{"BDT", "PKR"}})
	ok(err)
	ok(merchants.Fund(ctx, by, m.Owner, "f1", money.Of(5000, "BDT")))
	ok(merchants.SetFee(ctx, by, merchant.FeeKey{Owner: m.Owner, Rail: "sandbox", Currency: "BDT"}, money.Schedule{PPM: 20_000}))
	for i, do := range []func(invoice.Invoice){
		func(invoice.Invoice) {},
		func(inv invoice.Invoice) { b.settle(t, payments, inv, 100, rail.Accepted) },
		func(inv invoice.Invoice) { b.settle(t, payments, inv, 40, rail.Accepted) },
		func(inv invoice.Invoice) { b.settle(t, payments, inv, 130, rail.Accepted) },
		func(inv invoice.Invoice) { b.settle(t, payments, inv, 100, rail.Declined) },
		func(inv invoice.Invoice) { b.settle(t, payments, inv, 100, rail.Over) },
		func(inv invoice.Invoice) {
			_, err := invoices.End(ctx, invoice.Ending{Owner: inv.Owner, ID: inv.ID, To: invoice.Cancelled, Reason: "r"}, nil)
			ok(err)
			b.settle(t, payments, inv, 100, rail.Accepted)
		},
	} {
		inv := invoice.Invoice{
			Owner: m.Owner, ID: id.New(b.clock), Door: "aspay", Number: fmt.Sprintf("ATINV%014d", i), Token: id.Token(16),
			Reference: fmt.Sprintf("R%d", i), Title: "T", PayerName: "P", Amount: 100, Currency: "BDT", ReturnURL: "https://r", WebhookURL: "https://w",
			Extra: "{}", ExpiresAt: b.clock.Now().Add(100 * time.Hour),
		}
		made, err := invoices.Create(ctx, inv, nil)
		ok(err)
		b.clock.Advance(time.Second)
		do(made.Invoice)
	}
	ok(invoices.SetPSIDPrefix(demoPrefix))
	for i, kind := range []invoice.Kind{invoice.Bill, invoice.Bill, invoice.Static, invoice.Dynamic} {
		made, err := invoices.CreateBill(ctx, invoice.NewBill{Invoice: invoice.Invoice{
			Owner: m.Owner, ID: id.New(b.clock), Door: "asaanbill", Number: fmt.Sprint(i), Kind: kind, Payer: "P" + string(kind), Title: "T", Amount: 100,
			LateAmount: 110, LateFrom: b.clock.Now().Add(time.Hour), Currency: "PKR", Extra: "{}",
		}}, nil)
		ok(err)
		b.clock.Advance(time.Second)
		_, err = payment.NewBiller(payments, invoices, merchants).PayBill(ctx, rail.BillPayment{
			Rail: "billpay", Reference: fmt.Sprint("bank/", i), PSID: made.Invoice.PSID, Amount: money.Of(100, "PKR"), At: b.clock.Now(), Sandbox: true,
		})
		ok(err)
	}
	b.fillWallets(t, log, keys, m.Owner)
	b.fillPayouts(t, log, merchants, m.Owner)
	b.fillWithdrawals(t, log, keys, merchants, m.Owner)
	b.fillDesk(t, log, merchants)
	for i := range 2 {
		made, err := invoices.Create(ctx, invoice.Invoice{
			Owner: m.Owner, ID: id.New(b.clock), Door: "aspay", Number: fmt.Sprint("ATINVW", i), Token: id.Token(16), Title: "T", Amount: 100, Currency: "BDT",
		}, nil)
		ok(err)
		b.clock.Advance(time.Second)
		_, err = payment.NewPurses(payments, wallets, merchants).PayFromWallet(ctx, rail.WalletPayment{
			ID: id.New(b.clock), Owner: m.Owner, Invoice: made.Invoice.ID, Amount: made.Invoice.Total(), Number: "+8801712345670", PIN: "1234",
		})
		ok(err)
	}
	b.fillRefunds(t, log, payments, invoices, merchants, m.Owner)
	settlements := settlement.NewService(b.db, log)
	for i, lines := range [][]rail.SettlementLine{
		{{Line: 2, References: []string{"bank/0"}, Amount: 100, Charges: 3, SettledOn: "20260210"}, {Line: 3, References: []string{"bank/1"}, Amount: 100}},
		{{Line: 2, References: []string{"bank/2"}, Amount: 100}, {Line: 3, References: []string{"bank/9"}, Amount: 5}},
	} {
		_, err := settlements.Import(ctx, settlement.Request{
			By: by, Rail: settler{}, Name: "f.csv", Hash: fmt.Sprint("hash", i), File: rail.Settlement{Lines: lines},
		})
		ok(err)
		b.clock.Advance(time.Second)
	}
	b.upload(t, invoices, m.Owner)
}

// settler is the rail of those bills, as far as an import asks.
type settler struct{ rail.Settler }

func (settler) Name() string             { return "billpay" }
func (settler) Currency() money.Currency { return money.PKR }
func (settler) Since(rail.Day) time.Time { return time.Time{} }
func (settler) Part(string) (rail.SettlementPart, bool) {
	return rail.SettlementPart{}, true
}

// upload makes an upload with a line that cannot be made, one that waits, and one that is done.
func (b *books) upload(t *testing.T, s *invoice.Service, owner string) {
	t.Helper()
	for n, work := range []bool{true, false, true} {
		var bills []invoice.NewBill
		for line := range 2 {
			bills = append(bills, invoice.NewBill{Invoice: invoice.Invoice{
				Number: fmt.Sprint(100*n + line + 100), Kind: invoice.Bill, Payer: fmt.Sprint("U", n, line), Title: "T", Amount: 100, LateAmount: 110,
				LateFrom: b.clock.Now().Add(time.Hour), Currency: "PKR", Extra: "{}",
			}})
		}
		if n == 0 {
			bills[1].Code = &invoice.Code{}
		}
		u, err := s.Upload(t.Context(), invoice.Upload{Owner: owner, Door: "asaanbill", Number: fmt.Sprint(n), ContentType: "CSV", FileName: "f.csv"}, bills, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(time.Second)
		if !work {
			continue
		}
		if done, err := s.WorkUpload(t.Context(), owner, u.ID); err != nil || !done {
			t.Fatal(done, err)
		}
	}
}

func (b *books) settle(t *testing.T, s *payment.Service, inv invoice.Invoice, minor int64, o rail.Outcome) {
	t.Helper()
	key := id.New(b.clock)
	_, err := s.Settle(t.Context(), payment.Receipt{
		ID: key, Owner: inv.Owner, Invoice: inv.ID, Rail: "sandbox", RailReference: key, Amount: money.Of(minor, "BDT"), Outcome: o, Reason: "r",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// hold makes holds of every state on accounts of an owner of their own.
func (b *books) hold(t *testing.T) {
	t.Helper()
	at := b.clock.Now()
	from := ledger.Account{Owner: "holder", Currency: "BDT", Kind: ledger.Wallet}
	to := ledger.Account{Owner: "holder", Currency: "BDT", Kind: ledger.Payouts}
	place := func(h string) ledger.Op {
		return ledger.Hold{ID: h, From: from, To: to, Amount: 10, ExpiresAt: at.Add(time.Minute), Kind: "errand", Subject: "s"}
	}
	n := id.New(b.clock)
	commands := []ledger.Command{
		{At: at, Ops: []ledger.Op{ledger.Transfer{
			ID: n, From: ledger.Account{Owner: "house", Currency: "BDT", Kind: ledger.House("capital")}, To: from, Amount: 1000, Kind: "top_up", Subject: "s",
		}}},
		{At: at, Ops: []ledger.Op{place(n + "a"), place(n + "b"), place(n + "c"), place(n + "d")}},
		{At: at.Add(time.Second), Ops: []ledger.Op{ledger.Post{Owner: "holder", Hold: n + "a", Transfer: n + "t"}}},
		{At: at.Add(time.Second), Ops: []ledger.Op{ledger.Void{Owner: "holder", Hold: n + "b"}}},
		{At: at.Add(time.Hour), Ops: []ledger.Op{ledger.Expire{Owner: "holder", Hold: n + "c"}}},
	}
	err := b.db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		results, err := ledger.Apply(ctx, tx, commands)
		for i, r := range results {
			if r.Err != nil {
				t.Errorf("command %d: %v", i, r.Err)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// errUndo rolls an edit back.
var errUndo = errors.New("undo")

// tamper makes an edit with the database's own guards off, proves what is then there, and takes it back.
func (b *books) tamper(t *testing.T, edit string) []audit.Finding {
	t.Helper()
	var found []audit.Finding
	err := b.db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		found = nil
		off := "PRAGMA defer_foreign_keys = ON"
		if tx.Engine() == store.Postgres {
			off = "SET LOCAL session_replication_role = replica"
		}
		if err := tx.Exec(ctx, off); err != nil {
			return err
		}
		changed := 0
		err := tx.Query(ctx, edit, nil, func(r store.Row) error {
			changed++
			var one int64
			return r.Scan(&one)
		})
		if err != nil {
			return err
		}
		if changed == 0 {
			return errors.New("the edit changed nothing")
		}
		keys := []ed25519.PublicKey{b.key.Public().(ed25519.PublicKey)}
		if err := proveIn(ctx, tx, b.clock.Now(), keys, func(f audit.Finding) { found = append(found, f) }); err != nil {
			return err
		}
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		t.Errorf("%s: %v", edit, err)
	}
	return found
}

// named fails unless a finding names the table.
func named(t *testing.T, found []audit.Finding, table, what string) {
	t.Helper()
	if !slices.ContainsFunc(found, func(f audit.Finding) bool { return f.Table == table }) {
		t.Errorf("%s of %s is not named: %v", what, table, found)
	}
}

// column is a column as the schema has it.
type column struct {
	name     string
	number   bool
	nullable bool
	key      bool
}

func columnsOf(t *testing.T, db *store.DB, table string) []column {
	t.Helper()
	sql := `SELECT name, type, "notnull", pk FROM pragma_table_info($1) ORDER BY cid`
	if db.Engine() == store.Postgres {
		sql = `SELECT c.column_name::text, c.data_type::text, CASE c.is_nullable WHEN 'NO' THEN 1 ELSE 0 END::bigint,
			(SELECT COUNT(*) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
			WHERE i.indrelid = $1::text::regclass AND i.indisprimary AND a.attname = c.column_name)
			FROM information_schema.columns c WHERE c.table_name = $1 AND c.table_schema = current_schema() ORDER BY c.ordinal_position`
	}
	var list []column
	err := db.Query(t.Context(), sql, []any{table}, func(r store.Row) error {
		var c column
		var typ string
		var notNull, pk int64
		err := r.Scan(&c.name, &typ, &notNull, &pk)
		c.number, c.nullable, c.key = strings.EqualFold(typ, "bigint"), notNull == 0, pk > 0
		list = append(list, c)
		return err
	})
	if err != nil || len(list) == 0 {
		t.Fatalf("columns of %s: %v, %v", table, list, err)
	}
	return list
}

func tablesOf(t *testing.T, db *store.DB) []string {
	t.Helper()
	sql := `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`
	if db.Engine() == store.Postgres {
		sql = `SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename`
	}
	var list []string
	err := db.Query(t.Context(), sql, nil, func(r store.Row) error {
		var name string
		err := r.Scan(&name)
		list = append(list, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestEveryTableIsProvedOrHasItsReason(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		have := tablesOf(t, db)
		for _, table := range have {
			if !slices.Contains(moneyTables, table) && otherTables[table] == "" {
				t.Errorf("the audit says nothing of table %s", table)
			}
		}
		for _, table := range moneyTables {
			if !slices.Contains(have, table) {
				t.Errorf("there is no table %s", table)
			}
		}
	})
}

// Every column of every money table, as the schema names them: one value edited at a time, a row taken away, a row put in. The audit
// names each.
func TestAuditNamesEveryEdit(t *testing.T) {
	began := time.Date(2026, 2, 9, 21, 30, 0, 0, time.UTC)
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			c := clock.NewFake(began)
			db := storetest.Open(t, storetest.URL(t, engine), c)
			b := newBooks(t, db, c)
			if err := prove(t.Context(), db, nil, func(f audit.Finding) { t.Errorf("before any edit: %s", f) }); err != nil {
				t.Fatal(err)
			}
			for _, table := range moneyTables {
				t.Run(table, func(t *testing.T) { b.walk(t, table) })
			}
		})
	}
}

// only says which rows of a table are the audit's: aliases of credentials are not.
func only(table string) string {
	if table == "alias" {
		return "(kind IN ('checkout', 'psid', 'wallet.number', 'wallet.receipt') OR kind LIKE '%.invoice' OR kind LIKE '%.upload' OR kind LIKE '%.payout')"
	}
	return "1 = 1"
}

func (b *books) walk(t *testing.T, table string) {
	cols := columnsOf(t, b.db, table)
	var keys, all []string
	for _, c := range cols {
		all = append(all, c.name)
		if c.key {
			keys = append(keys, c.name)
		}
	}
	key := strings.Join(keys, ", ")
	pick := func(order string) string {
		return fmt.Sprintf("(%s) IN (SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT 1)", key, key, table, only(table), order)
	}
	last := strings.Join(keys, " DESC, ") + " DESC"
	for _, c := range cols {
		change := c.name + " || 'x'"
		if c.number {
			change = c.name + " + 1"
			if c.key || c.name == "line" || c.name == "number" && table == "payout_sheet" { // next to it there is a row as a rule, and the schema refuses two
				change = c.name + " + 1000"
			}
		}
		rows := []string{pick(key), pick(last)}
		for _, where := range rows {
			if c.nullable { // a value where there was none, and another where there was one
				change = fmt.Sprintf("COALESCE(%s, 'x')", change)
				if c.number {
					change = fmt.Sprintf("COALESCE(%s + 1, 7)", c.name)
				}
			}
			edit := fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s RETURNING 1", table, c.name, change, where)
			named(t, b.tamper(t, edit), table, "an edit of "+c.name)
		}
	}
	for _, order := range []string{key, last} {
		named(t, b.tamper(t, fmt.Sprintf("DELETE FROM %s WHERE %s RETURNING 1", table, pick(order))), table, "a row taken away")
	}
	// The row after the last one: the next number, or another name.
	numbered := slices.ContainsFunc(cols, func(c column) bool { return c.key && c.number })
	copied := make([]string, len(all))
	for i, c := range cols {
		copied[i] = c.name
		named := c.key && !numbered && c.name != "kind" && (c.name != "owner" || len(keys) == 1)
		switch {
		case c.number && (c.key || c.name == "prev"):
			copied[i] = c.name + " + 1"
		case c.name == "line" && (table == "settlement_line" || table == "payout_answer_line"), c.name == "number" && table == "payout_sheet":
			copied[i] = c.name + " + 1000"
		case named || c.name == "reference" || c.name == "rail_reference" || c.name == "hash" || c.name == "psid" || c.name == "transfer" && table == "entry",
			c.name == "hold" && table == "hold_step":
			copied[i] = c.name + " || 'x'"
		}
	}
	insert := fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s WHERE %s RETURNING 1", table, strings.Join(all, ", "),
		strings.Join(copied, ", "), table, pick(last))
	named(t, b.tamper(t, insert), table, "a row put in")
}
