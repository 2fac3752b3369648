package payment

import (
	"strconv"

	"sarraf/internal/clock"
	"sarraf/money"
	"sarraf/store"
)

const columns = `p.owner, p.id, p.invoice, p.rail, p.rail_reference, p.amount, p.currency, p.applied, p.unapplied, p.fee, p.status,
	p.reason, p.late, p.at, p.number`

const (
	sqlOfInvoice = `SELECT ` + columns + ` FROM payment p WHERE p.owner = $1 AND p.invoice = $2 ORDER BY p.id`
	sqlAnyRail   = `SELECT ` + columns + ` FROM payment p WHERE p.rail_reference = $1 ORDER BY p.owner, p.rail`
	sqlAnyNumber = `SELECT ` + columns + ` FROM payment p WHERE p.number = $1 AND p.number <> '' ORDER BY p.owner, p.id`
	sqlAll       = `SELECT ` + columns + ` FROM payment p ORDER BY p.owner, p.id`
	sqlByInvoice = `SELECT ` + columns + ` FROM payment p ORDER BY p.owner, p.invoice, p.id`

	// By the primary key, which for ids is by time; a rail's own share of it is not worth an index on the hottest table.
	sqlAfter  = `SELECT ` + columns + ` FROM payment p WHERE p.owner = $1 AND p.id > $2 AND p.rail = $3 ORDER BY p.id LIMIT $4`
	sqlBefore = `SELECT ` + columns + ` FROM payment p WHERE p.owner = $1 AND p.id < $2 AND p.rail = $3 ORDER BY p.id DESC LIMIT $4`
)

var (
	bulkInsert = store.NewBulk(`INSERT INTO payment (owner, id, invoice, rail, rail_reference, amount, currency, applied, unapplied, fee,
		status, reason, late, at, number) VALUES {rows}`, "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "TEXT", "BIGINT", "BIGINT", "BIGINT",
		"TEXT", "TEXT", "BIGINT", "BIGINT", "TEXT")
	// The last OfManyMost of each invoice: where they begin is found first, so that of an invoice with any number of payments no more are
	// answered. What is done to the id keeps both engines from walking the primary key, and with it all payments of the owner.
	bulkOfInvoice = store.NewBulk(`WITH k (owner, invoice) AS (VALUES {rows}),
		f (owner, invoice, first) AS MATERIALIZED (SELECT k.owner, k.invoice, COALESCE((SELECT q.id FROM payment q WHERE q.owner = k.owner
			AND q.invoice = k.invoice ORDER BY q.id || '' DESC LIMIT 1 OFFSET `+strconv.Itoa(OfManyMost-1)+`), '') FROM k)
		SELECT `+columns+` FROM f JOIN payment p ON p.owner = f.owner AND p.invoice = f.invoice AND p.id || '' >= f.first`, "TEXT", "TEXT")
	bulkByID = store.NewBulk(`WITH k (owner, id) AS (VALUES {rows})
		SELECT `+columns+` FROM k JOIN payment p ON p.owner = k.owner AND p.id = k.id`, "TEXT", "TEXT")
	bulkByRailReference = store.NewBulk(`WITH k (owner, rail, rail_reference) AS (VALUES {rows})
		SELECT `+columns+` FROM k JOIN payment p ON p.owner = k.owner AND p.rail = k.rail AND p.rail_reference = k.rail_reference`,
		"TEXT", "TEXT", "TEXT")
	bulkOfRail = store.NewBulk(`WITH k (rail_reference, rail) AS (VALUES {rows})
		SELECT `+columns+` FROM k JOIN payment p ON p.rail_reference = k.rail_reference AND p.rail = k.rail`, "TEXT", "TEXT")
)

// Refunds: what each payout of kind refund is a refund of.
const (
	refundColumns = `f.owner, f.id, f.invoice, f.payment, f.taken, f.amount, f.wallet, f.receipt`

	sqlRefundsOfInvoice = `SELECT ` + refundColumns + ` FROM refund f WHERE f.invoice = $1 AND f.owner = $2 ORDER BY f.id`
	sqlRefundsByPayment = `SELECT ` + refundColumns + ` FROM refund f ORDER BY f.owner, f.payment, f.id`
	sqlRefundsByInvoice = `SELECT ` + refundColumns + ` FROM refund f ORDER BY f.owner, f.invoice, f.id`
	sqlRefundsToWallets = `SELECT ` + refundColumns + ` FROM refund f WHERE f.wallet <> '' ORDER BY f.owner, f.id`
)

var (
	bulkInsertRefunds = store.NewBulk(`INSERT INTO refund (owner, id, invoice, payment, taken, amount, wallet, receipt) VALUES {rows}`,
		"TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "TEXT", "TEXT")
	bulkRefunds = store.NewBulk(`WITH k (owner, id) AS (VALUES {rows})
		SELECT `+refundColumns+` FROM k JOIN refund f ON f.owner = k.owner AND f.id = k.id`, "TEXT", "TEXT")
)

// refundRow is a row of refund.
type refundRow struct {
	owner, id, invoice, payment string
	taken                       RefundOf
	amount                      int64
	wallet, receipt             string
}

func scanRefund(r store.Row) (f refundRow, err error) {
	var taken string
	err = r.Scan(&f.owner, &f.id, &f.invoice, &f.payment, &taken, &f.amount, &f.wallet, &f.receipt)
	f.taken = RefundOf(taken)
	return f, err
}

func insertRefundsLater(tx *store.Tx, list []*Refund) {
	args := make([]any, 0, 8*len(list))
	for _, r := range list {
		args = append(args, r.Owner, r.ID, r.Invoice, r.Payment, string(r.Of), r.Amount, r.Wallet, r.Receipt)
	}
	tx.LaterRows(bulkInsertRefunds, args, nil)
}

func insertLater(tx *store.Tx, list []*Payment) {
	args := make([]any, 0, 15*len(list))
	for _, p := range list {
		late := int64(0)
		if p.Late {
			late = 1
		}
		args = append(args, p.Owner, p.ID, p.Invoice, p.Rail, p.RailReference, p.Amount, string(p.Currency), p.Applied, p.Unapplied,
			p.Fee, string(p.Status), p.Reason, late, clock.Micros(p.At), p.Number)
	}
	tx.LaterRows(bulkInsert, args, nil)
}

func scan(r store.Row) (Payment, error) {
	p, err := scanRow(r)
	return p.Payment, err
}

// row is a payment with its flag as the table has it.
type row struct {
	Payment
	late int64
}

func scanRow(r store.Row) (p row, err error) {
	var currency, status string
	var at int64
	err = r.Scan(&p.Owner, &p.ID, &p.Invoice, &p.Rail, &p.RailReference, &p.Amount, &currency, &p.Applied, &p.Unapplied, &p.Fee,
		&status, &p.Reason, &p.late, &at, &p.Number)
	p.Currency, p.Status, p.Late, p.At = money.Currency(currency), Status(status), p.late != 0, clock.FromMicros(at)
	return p, err
}
