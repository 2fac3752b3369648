package settlement

import (
	"context"

	"sarraf/internal/clock"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/rail"
	"sarraf/store"
)

const (
	fileColumns = `f.owner, f.id, f.rail, f.name, f.hash, f.currency, f.lines, f.amount, f.charges, f.settled, f.settled_amount,
		f.settled_charges, f.lacking, f.status, f.actor, f.source, f.created_at, f.updated_at`
	lineColumns = `l.owner, l.payment, l.file, l.line, l.amount, l.charges, l.currency, l.settled_on, l.transfer, l.at`
)

const (
	sqlInsertFile = `INSERT INTO settlement (owner, id, rail, name, hash, currency, lines, amount, charges, settled, settled_amount,
		settled_charges, lacking, status, actor, source, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0, 0, $10, $11, $12, $13, $13)
		ON CONFLICT (hash, rail, owner) DO NOTHING RETURNING id`
	sqlFileByHash = `SELECT ` + fileColumns + ` FROM settlement f WHERE f.hash = $1 AND f.rail = $2 AND f.owner = $3`
	sqlLockFile   = `SELECT ` + fileColumns + ` FROM settlement f WHERE f.owner = $1 AND f.id = $2 {lock:f}`
	sqlUpdateFile = `UPDATE settlement SET settled = $3, settled_amount = $4, settled_charges = $5, lacking = $6, status = $7, updated_at = $8
		WHERE owner = $1 AND id = $2`
	sqlFiles = `SELECT ` + fileColumns + ` FROM settlement f WHERE f.owner = $1 AND ($2 = '' OR f.rail = $2) ORDER BY f.id DESC LIMIT $3`

	sqlAllFiles       = `SELECT ` + fileColumns + ` FROM settlement f ORDER BY f.owner, f.id`
	sqlAllLines       = `SELECT ` + lineColumns + ` FROM settlement_line l ORDER BY l.owner, l.payment`
	sqlLinesByPayment = `SELECT ` + lineColumns + ` FROM settlement_line l ORDER BY l.payment, l.owner`
)

var (
	bulkFiles = store.NewBulk(`WITH k (owner, id) AS (VALUES {rows})
		SELECT `+fileColumns+` FROM k JOIN settlement f ON f.owner = k.owner AND f.id = k.id`, "TEXT", "TEXT")
	bulkLines = store.NewBulk(`WITH k (owner, payment) AS (VALUES {rows})
		SELECT `+lineColumns+` FROM k JOIN settlement_line l ON l.owner = k.owner AND l.payment = k.payment`, "TEXT", "TEXT")
	// Whoever settles the same receipt at this moment is waited for; what it settled is not answered.
	bulkInsertLines = store.NewBulk(`WITH d (owner, payment, file, line, amount, charges, currency, settled_on, transfer, at) AS (VALUES {rows})
		INSERT INTO settlement_line (owner, payment, file, line, amount, charges, currency, settled_on, transfer, at)
		SELECT owner, payment, file, line, amount, charges, currency, settled_on, transfer, at FROM d WHERE true
		ON CONFLICT (owner, payment) DO NOTHING RETURNING owner, payment`,
		"TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "TEXT", "TEXT", "TEXT", "BIGINT")
)

// key names a receipt: the owner and the payment.
type key struct{ owner, payment string }

func (l Line) key() key { return key{l.Owner, l.Payment} }

func scanFile(r store.Row) (f File, err error) {
	var currency, status string
	var created, updated int64
	err = r.Scan(&f.Owner, &f.ID, &f.Rail, &f.Name, &f.Hash, &currency, &f.Lines, &f.Amount, &f.Charges, &f.Settled, &f.SettledAmount,
		&f.SettledCharges, &f.Lacking, &status, &f.Actor, &f.Source, &created, &updated)
	f.Currency, f.Status = money.Currency(currency), Status(status)
	f.CreatedAt, f.UpdatedAt = clock.FromMicros(created), clock.FromMicros(updated)
	return f, err
}

func scanLine(r store.Row) (l Line, err error) {
	var currency, on string
	var at int64
	err = r.Scan(&l.Owner, &l.Payment, &l.File, &l.Number, &l.Amount, &l.Charges, &currency, &on, &l.Transfer, &at)
	l.Currency, l.SettledOn, l.At = money.Currency(currency), rail.Day(on), clock.FromMicros(at)
	return l, err
}

// linesOf are the lines that settled the receipts, of those that were.
func linesOf(ctx context.Context, tx *store.Tx, keys []key) (map[key]Line, error) {
	args := make([]any, 0, 2*len(keys))
	for _, k := range keys {
		args = append(args, k.owner, k.payment)
	}
	have := make(map[key]Line, len(keys))
	err := tx.QueryRows(ctx, bulkLines, args, func(r store.Row) error {
		l, err := scanLine(r)
		have[l.key()] = l
		return err
	})
	return have, err
}

// filesOf are the files with the ids.
func filesOf(ctx context.Context, tx *store.Tx, ids []string) (map[string]File, error) {
	args := make([]any, 0, 2*len(ids))
	for _, id := range ids {
		args = append(args, merchant.House, id)
	}
	have := make(map[string]File, len(ids))
	err := tx.QueryRows(ctx, bulkFiles, args, func(r store.Row) error {
		f, err := scanFile(r)
		have[f.ID] = f
		return err
	})
	return have, err
}

// insertLines writes those of the lines whose receipts nobody has settled, and answers their keys.
func insertLines(ctx context.Context, tx *store.Tx, lines []Line) (map[key]bool, error) {
	args := make([]any, 0, 10*len(lines))
	for _, l := range lines {
		args = append(args, l.Owner, l.Payment, l.File, l.Number, l.Amount, l.Charges, string(l.Currency), string(l.SettledOn), l.Transfer,
			clock.Micros(l.At))
	}
	done := make(map[key]bool, len(lines))
	err := tx.QueryRows(ctx, bulkInsertLines, args, func(r store.Row) error {
		var k key
		err := r.Scan(&k.owner, &k.payment)
		done[k] = true
		return err
	})
	return done, err
}

// saveLater queues what may change of a file.
func saveLater(tx *store.Tx, f File) {
	tx.Later(sqlUpdateFile, []any{f.Owner, f.ID, f.Settled, f.SettledAmount, f.SettledCharges, f.Lacking, string(f.Status), clock.Micros(f.UpdatedAt)}, nil)
}
