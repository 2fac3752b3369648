package merchant_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/internal/audit"
	"sarraf/internal/clock"
	"sarraf/internal/keyring"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var (
	ctx   = context.Background()
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	by    = merchant.Actor{Name: "root", Source: "test"}
)

const masterKey = "0707070707070707070707070707070707070707070707070707070707070707"

// house is a database with a service over it, as one node has it.
type house struct {
	db    *store.DB
	log   *event.Log
	clock *clock.Fake
	*merchant.Service
}

// each runs fn on both engines, with a clock that stands at start.
func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	fake := clock.NewFake(start)
	storetest.Each(t, fake, func(t *testing.T, db *store.DB) {
		fake.Set(start)
		fn(t, open(t, db, fake))
	})
}

func open(t *testing.T, db *store.DB, c *clock.Fake) *house {
	keys, err := keyring.Parse(masterKey)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{db: db, log: event.NewLog(db), clock: c}
	h.Service = merchant.NewService(db, h.log, keys)
	h.Cheaply()
	return h
}

// second is another node on the same database, with a cache of its own.
func (h *house) second(t *testing.T) *house { return open(t, h.db, h.clock) }

// shop makes a merchant.
func (h *house) shop(t *testing.T) merchant.Merchant {
	t.Helper()
	m, err := h.Create(ctx, by, merchant.Merchant{
		Name: "Shop", Mode: merchant.Sandbox, Currencies: []money.Currency{money.BDT, money.EUR},
		Settings: merchant.Settings{InvoiceMinutes: 30, Rails: []string{"sandbox"}, BanglaQR: &merchant.BanglaQR{Name: "SHOP", City: "DHAKA"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// issue makes a credential with a public handle.
func (h *house) issue(t *testing.T, owner string, role merchant.Role) (merchant.Credential, string) {
	t.Helper()
	c, secret, err := h.Issue(ctx, by, merchant.Credential{Owner: owner, Door: "aspay", Role: role, Label: "till"}, "pk_", "sk_", true)
	if err != nil {
		t.Fatal(err)
	}
	return c, secret
}

// text runs a query and answers its rows, their columns as text joined by "|".
func text(t *testing.T, db *store.DB, columns int, sql string, args ...any) []string {
	t.Helper()
	var list []string
	err := db.Query(ctx, sql, args, func(r store.Row) error {
		cells, into := make([]*string, columns), make([]any, columns)
		for i := range cells {
			into[i] = &cells[i]
		}
		err := r.Scan(into...)
		var row []string
		for _, c := range cells {
			if c == nil {
				row = append(row, "NULL")
			} else {
				row = append(row, *c)
			}
		}
		list = append(list, strings.Join(row, "|"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// logged are the owner's lines of the audit log, oldest first: action, subject, before and after.
func (h *house) logged(t *testing.T, owner string) []string {
	t.Helper()
	return text(t, h.db, 4, `SELECT action, subject, before, after FROM audit_log WHERE owner = $1 AND actor = 'root' AND source = 'test' ORDER BY id`, owner)
}

// all is every column of every row of the database, as text by table and column.
func all(t *testing.T, db *store.DB) map[string][]string {
	t.Helper()
	schema := `SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'`
	if db.Engine() == store.Postgres {
		schema = `SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = current_schema()`
	}
	cells := map[string][]string{}
	for _, line := range text(t, db, 2, schema) {
		table, column, _ := strings.Cut(line, "|")
		cells[table+"."+column] = text(t, db, 1, fmt.Sprintf(`SELECT CAST(%s AS TEXT) FROM %s`, column, table))
	}
	if len(cells) < 100 {
		t.Fatalf("only %d columns were found", len(cells))
	}
	return cells
}

// clean fails the test when the audit finds anything.
func (h *house) clean(t *testing.T) {
	t.Helper()
	err := h.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		return merchant.Audit(ctx, tx, func(f audit.Finding) { t.Errorf("audit: %s", f) })
	})
	if err != nil {
		t.Fatal(err)
	}
}
