package main

import (
	"strconv"
	"strings"
)

// bulk is a statement over many rows: {rows} stands for the list of them.
type bulk struct {
	name          string
	before, after string
	types         []string // of the columns, t for TEXT and i for BIGINT
	texts         map[int]string
}

func newBulk(name, types, sql string) *bulk {
	before, after, _ := strings.Cut(sql, "{rows}")
	return &bulk{name: name, before: before, after: after, types: strings.Split(types, ""), texts: map[int]string{}}
}

// text is the statement for n rows. It is for one goroutine.
//
// SQLite searches a list for the name of each parameter that has one, and $7 is a name: with thousands of them that search takes
// most of the time. So there they are bare question marks.
func (b *bulk) text(n int, marks bool) string {
	if t, ok := b.texts[n]; ok {
		return t
	}
	var s strings.Builder
	s.WriteString(b.before)
	p := 0
	for row := range n {
		if row > 0 {
			s.WriteByte(',')
		}
		s.WriteByte('(')
		for col, typ := range b.types {
			if col > 0 {
				s.WriteByte(',')
			}
			p++
			mark := "$" + strconv.Itoa(p)
			if marks {
				mark = "?"
			}
			if row > 0 {
				s.WriteString(mark)
				continue
			}
			// PostgreSQL asks what a parameter is where VALUES stands alone.
			name := "TEXT"
			if typ == "i" {
				name = "BIGINT"
			}
			s.WriteString("CAST(" + mark + " AS " + name + ")")
		}
		s.WriteByte(')')
	}
	s.WriteString(b.after)
	t := s.String()
	b.texts[n] = t
	return t
}

// statements are the writes of both jobs, row for row what the program itself writes.
type statements struct {
	invoice, alias, counter, event          *bulk
	paid, payment, entry, account, delivery *bulk
	state, transfer                         *bulk
}

func newStatements() *statements {
	return &statements{
		invoice: newBulk("invoice", "tttttttttttititttttiiiii", `INSERT INTO invoice (owner, id, door, number, token, reference, title, description,
			store_name, payer_name, payer_email, amount, currency, paid, status, reason, return_url, webhook_url, extra, changes, created_at, updated_at,
			expires_at, paid_at) VALUES {rows}`),
		alias: newBulk("alias", "tttt", `INSERT INTO alias (value, kind, owner, id) VALUES {rows}`),
		counter: newBulk("event_counter", "ti", `INSERT INTO event_counter (owner, last) VALUES {rows}
			ON CONFLICT (owner) DO UPDATE SET last = event_counter.last + excluded.last`),
		event: newBulk("event", "tittttti", `INSERT INTO event (owner, seq, type, kind, subject, door, data, at) VALUES {rows}`),
		paid: newBulk("invoice", "ttittiii", `WITH d (owner, id, paid, status, reason, changes, updated_at, paid_at) AS (VALUES {rows})
			UPDATE invoice SET paid = d.paid, status = d.status, reason = d.reason, changes = d.changes, updated_at = d.updated_at,
			paid_at = d.paid_at FROM d WHERE invoice.owner = d.owner AND invoice.id = d.id`),
		payment: newBulk("payment", "tttttitiiittii", `INSERT INTO payment (owner, id, invoice, rail, rail_reference, amount, currency,
			applied, unapplied, fee, status, reason, late, at) VALUES {rows}`),
		entry: newBulk("entry", "ttittittttii", `INSERT INTO entry (owner, account, seq, transfer, side, amount, counter_owner,
			counter_account, kind, subject, balance_after, at) VALUES {rows}`),
		account: newBulk("account", "ttttiiiii", `INSERT INTO account (owner, id, currency, kind, debits, credits, held, seq, hold_seq)
			VALUES {rows} ON CONFLICT (owner, id) DO UPDATE SET debits = excluded.debits, credits = excluded.credits, seq = excluded.seq`),
		state: newBulk("wallet_state", "tiit", `INSERT INTO wallet_state (owner, pin_failures, pin_locked_until, used) VALUES {rows}
			ON CONFLICT (owner) DO UPDATE SET used = excluded.used`),
		transfer: newBulk("wallet_transfer", "tttttttttiitttttttttittti", `INSERT INTO wallet_transfer (owner, id, number, door,
			kind, merchant, receiver, receiver_merchant, invoice, amount, fee, currency, note, rail, rail_reference, sender_name, sender_number,
			receiver_name, receiver_number, receiver_kind, balance_after, by_right, actor, echo, at) VALUES {rows}`),
		delivery: newBulk("delivery", "ttitttttt"+"iiiiti", `INSERT INTO delivery (owner, id, event_seq, type, door, object, url, lane,
			state, attempts, failures, due_at, lease_until, lease_by, created_at) VALUES {rows}`),
	}
}

// sqlStatus is what a status read needs.
const sqlStatus = `SELECT i.number, i.status, i.paid, i.paid_at FROM alias a JOIN invoice i ON i.owner = a.owner AND i.id = a.id
	WHERE a.value = $1 AND a.kind = $2 AND a.owner = $3`

const (
	sqlCountEvents  = `SELECT COUNT(*) FROM event`
	sqlCountEntries = `SELECT COUNT(*) FROM entry`
	sqlFsync        = `SELECT current_setting('fsync') || ' ' || current_setting('synchronous_commit')`
	sqlPragmas      = `SELECT (SELECT journal_mode FROM pragma_journal_mode) || ' ' || (SELECT synchronous FROM pragma_synchronous)`
)

// One transaction for each command, as a program without group commit would write it on PostgreSQL: the owner's counter and the two
// accounts are updated first, which also locks them, and their new numbers go straight into the rows.
const (
	sqlOneCreateInvoice = `INSERT INTO invoice (owner, id, door, number, token, reference, title, description, store_name, payer_name,
		payer_email, amount, currency, paid, status, reason, return_url, webhook_url, extra, changes, created_at, updated_at, expires_at,
		paid_at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24)`
	sqlOneAliases = `INSERT INTO alias (value, kind, owner, id) VALUES ($1,$2,$3,$4), ($5,$6,$7,$8)`
	sqlOneEvent   = `WITH c AS (INSERT INTO event_counter (owner, last) VALUES ($1, 1)
		ON CONFLICT (owner) DO UPDATE SET last = event_counter.last + 1 RETURNING last)
		INSERT INTO event (owner, seq, type, kind, subject, door, data, at) SELECT $1::text, last, $2, $3, $4, $5, $6, $7 FROM c`
	sqlOnePaid = `UPDATE invoice SET paid = $3, status = $4, reason = $5, changes = $6, updated_at = $7, paid_at = $8
		WHERE owner = $1 AND id = $2`
	sqlOnePayment = `INSERT INTO payment (owner, id, invoice, rail, rail_reference, amount, currency, applied, unapplied, fee, status,
		reason, late, at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)`
	sqlOneEntry = `WITH a AS (INSERT INTO account (owner, id, currency, kind, debits, credits, held, seq, hold_seq)
		VALUES ($1, $2, $3, $4, $5, $6, 0, 1, 0) ON CONFLICT (owner, id) DO UPDATE SET debits = account.debits + excluded.debits,
		credits = account.credits + excluded.credits, seq = account.seq + 1 RETURNING seq, credits - debits AS balance)
		INSERT INTO entry (owner, account, seq, transfer, side, amount, counter_owner, counter_account, kind, subject, balance_after, at)
		SELECT $1::text, $2::text, seq, $7, $8, $9, $10, $11, $12, $13, balance, $14 FROM a`
	sqlOneEventDelivery = `WITH c AS (INSERT INTO event_counter (owner, last) VALUES ($1, 1)
		ON CONFLICT (owner) DO UPDATE SET last = event_counter.last + 1 RETURNING last),
		e AS (INSERT INTO event (owner, seq, type, kind, subject, door, data, at) SELECT $1::text, last, $2, $3, $4, $5, $6, $7 FROM c)
		INSERT INTO delivery (owner, id, event_seq, type, door, object, url, lane, state, attempts, failures, due_at, lease_until,
		lease_by, created_at) SELECT $1::text, $8, last, $2, $5, $4, $9, $10, 'pending', 0, 0, $7, 0, '', $7 FROM c`
)
