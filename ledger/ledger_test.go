package ledger_test

import (
	"context"
	"testing"

	"sarraf/internal/pgtest"
	"sarraf/ledger"
	"sarraf/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var ctx = context.Background()

// apply carries out commands in one transaction.
func apply(t testing.TB, db *store.DB, commands ...ledger.Command) []ledger.Result {
	t.Helper()
	var results []ledger.Result
	err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		results, err = ledger.Apply(ctx, tx, commands)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return results
}
