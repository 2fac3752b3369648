package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sarraf/internal/audit"
	"sarraf/internal/storetest"
	"sarraf/ledger"
	"sarraf/money"
	"sarraf/store"
)

// errUndo rolls an edit back.
var errUndo = errors.New("undo")

// Until a seal covers them, rows are proved by one another: every column of every table of the books, as the schema names them, edited
// alone, is seen without any seal.
func TestAuditSeesEveryEditWithoutSeals(t *testing.T) {
	storetest.Each(t, nil, func(t *testing.T, db *store.DB) {
		fill(t, db)
		if found := auditEdited(t, db, ""); len(found) > 0 {
			t.Fatalf("before any edit: %v", found)
		}
		for table, key := range map[string][]string{
			"account": {"owner", "id"}, "entry": {"owner", "account", "seq"}, "hold": {"owner", "id"}, "hold_step": {"owner", "account", "n"},
		} {
			for _, c := range columnsOf(t, db, table) {
				for _, row := range rowsOf(t, db, table, key) {
					edit := fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s", table, c.name, c.changed(), row)
					if len(auditEdited(t, db, edit)) == 0 {
						t.Errorf("not seen: %s", edit)
					}
				}
			}
			for _, row := range rowsOf(t, db, table, key) {
				edit := fmt.Sprintf("DELETE FROM %s WHERE %s", table, row)
				found := auditEdited(t, db, edit)
				if len(found) == 0 {
					t.Errorf("not seen: %s", edit)
				}
			}
		}
	})
}

// fill makes a row of every kind.
func fill(t *testing.T, db *store.DB) {
	t.Helper()
	at := func(name, kind string) ledger.Account {
		return ledger.Account{Owner: name, Currency: money.BDT, Kind: kind}
	}
	move := func(id string, from, to ledger.Account, amount int64) ledger.Op {
		return ledger.Transfer{ID: id, From: from, To: to, Amount: amount, Kind: "k", Subject: "s"}
	}
	hold := func(id string) ledger.Op {
		return ledger.Hold{ID: id, From: at("b", ledger.Wallet), To: at("a", ledger.Balance), Amount: 10, ExpiresAt: began.Add(time.Minute), Kind: "k", Subject: "s"}
	}
	commands := []ledger.Command{
		{At: began, Ops: []ledger.Op{move("t1", at("a", ledger.Clearing("sandbox")), at("a", ledger.Balance), 500), move("t2", at("a", ledger.Balance), at("a", ledger.Fees), 10)}},
		{At: began, Ops: []ledger.Op{move("t3", at("a", ledger.Balance), at("b", ledger.Wallet), 100)}},
		{At: began, Ops: []ledger.Op{hold("h1"), hold("h2"), hold("h3"), hold("h4")}},
		{At: began, Ops: []ledger.Op{ledger.Hold{ID: "h5", From: at("b", ledger.Wallet), To: at("b", ledger.Payouts), Amount: 1, Kind: "k", Subject: "s"}}},
		{At: began.Add(time.Second), Ops: []ledger.Op{ledger.Post{Owner: "b", Hold: "h1", Transfer: "t4"}}},
		{At: began.Add(time.Second), Ops: []ledger.Op{ledger.Void{Owner: "b", Hold: "h2"}}},
		{At: began.Add(time.Hour), Ops: []ledger.Op{ledger.Expire{Owner: "b", Hold: "h3"}}},
	}
	for i, r := range apply(t, db, commands...) {
		if r.Err != nil {
			t.Fatalf("command %d: %v", i, r.Err)
		}
	}
}

// auditEdited is what the audit finds after an edit, which is then taken back.
func auditEdited(t *testing.T, db *store.DB, edit string) (found []audit.Finding) {
	t.Helper()
	err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		found = nil
		if edit != "" {
			if err := tx.Exec(ctx, edit); err != nil {
				return err
			}
		}
		if err := ledger.Audit(ctx, tx, began.Add(2*time.Hour), func(f audit.Finding) { found = append(found, f) }); err != nil {
			return err
		}
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		t.Fatalf("%s: %v", edit, err)
	}
	return found
}

type column struct {
	name   string
	number bool
}

// changed is another value for the column: where there is one, and where there is none.
func (c column) changed() string {
	if c.number {
		return "COALESCE(" + c.name + ", 0) + 1000003" // a key next to it may be taken
	}
	return "COALESCE(" + c.name + ", '') || 'x'"
}

func columnsOf(t *testing.T, db *store.DB, table string) (list []column) {
	t.Helper()
	q := `SELECT name, type FROM pragma_table_info($1) ORDER BY cid`
	if db.Engine() == store.Postgres {
		q = `SELECT column_name::text, data_type::text FROM information_schema.columns WHERE table_name = $1 AND table_schema = current_schema()`
	}
	err := db.Query(ctx, q, []any{table}, func(r store.Row) error {
		var name, typ string
		err := r.Scan(&name, &typ)
		list = append(list, column{name, strings.EqualFold(typ, "bigint")})
		return err
	})
	if err != nil || len(list) < 10 {
		t.Fatalf("columns of %s: %v, %v", table, list, err)
	}
	return list
}

// rowsOf is a condition for each row of a table.
func rowsOf(t *testing.T, db *store.DB, table string, key []string) (list []string) {
	t.Helper()
	q := "SELECT 'x'"
	for _, k := range key {
		q += " || ' AND " + k + " = ''' || " + k + " || ''''"
	}
	err := db.Query(ctx, q+" FROM "+table, nil, func(r store.Row) error {
		var s string
		err := r.Scan(&s)
		list = append(list, strings.TrimPrefix(s, "x AND "))
		return err
	})
	if err != nil || len(list) == 0 {
		t.Fatalf("rows of %s: %v, %v", table, list, err)
	}
	return list
}
