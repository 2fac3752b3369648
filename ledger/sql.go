package ledger

import (
	"fmt"
	"strings"

	"sarraf/store"
)

const (
	accountColumns = `a.owner, a.id, a.currency, a.kind, a.debits, a.credits, a.held, a.floor, a.seq, a.hold_seq`
	entryColumns   = `e.owner, e.account, e.seq, e.transfer, e.side, e.amount, e.counter_owner, e.counter_account, e.kind, e.subject,
		e.balance_after, e.at`
	holdColumns = `h.owner, h.id, h.account, h.counter_owner, h.counter_account, h.amount, h.state, h.kind, h.subject, h.transfer,
		h.expires_at, h.created_at, h.closed_at`
	stepColumns = `s.owner, s.account, s.n, s.hold, s.step, s.amount, s.counter_owner, s.counter_account, s.kind, s.subject, s.transfer,
		s.expires_at, s.held_after, s.entry_seq, s.at`
)

// What Apply reads and locks.
var (
	// n numbers the keys in their order, so that the rows are locked in it, and told by it.
	bulkLock = store.NewBulk(`WITH k (n, owner, id) AS (VALUES {rows})
		SELECT k.n, a.debits, a.credits, a.held, a.seq, a.hold_seq FROM k JOIN account a ON a.owner = k.owner AND a.id = k.id
		ORDER BY k.n {lock:a}`, "BIGINT", "TEXT", "TEXT")
	bulkMoves = store.NewBulk(`WITH k (transfer, owner) AS (VALUES {rows})
		SELECT `+entryColumns+` FROM k JOIN entry e ON e.transfer = k.transfer AND e.owner = k.owner`, "TEXT", "TEXT")
	bulkHoldSteps = store.NewBulk(`WITH k (owner, hold, step) AS (VALUES {rows})
		SELECT `+stepColumns+` FROM k JOIN hold_step s ON s.owner = k.owner AND s.hold = k.hold AND s.step = k.step`,
		"TEXT", "TEXT", "TEXT")
)

// What Apply writes.
var (
	bulkAccountInsert = store.NewBulk(`INSERT INTO account (owner, id, currency, kind, debits, credits, held, floor, seq, hold_seq)
		VALUES {rows} ON CONFLICT (owner, id) DO NOTHING RETURNING id`,
		"TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BIGINT")
	// All of these rows are there, and locked: the conflict is certain. SQLite does this in one pass, and UPDATE ... FROM in three.
	bulkAccountUpdate = store.NewBulk(`WITH d (owner, id, debits, credits, held, seq, hold_seq) AS (VALUES {rows})
		INSERT INTO account (owner, id, currency, kind, debits, credits, held, seq, hold_seq)
		SELECT owner, id, '', '', debits, credits, held, seq, hold_seq FROM d WHERE true
		ON CONFLICT (owner, id) DO UPDATE SET debits = excluded.debits, credits = excluded.credits, held = excluded.held,
		seq = excluded.seq, hold_seq = excluded.hold_seq`,
		"TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BIGINT")
	// One row of the list makes the two sides of a transfer.
	bulkEntryInsert = store.NewBulk(`WITH d (transfer, amount, kind, subject, at, owner1, account1, seq1, after1, owner2, account2, seq2, after2)
		AS (VALUES {rows})
		INSERT INTO entry (owner, account, seq, transfer, side, amount, counter_owner, counter_account, kind, subject, balance_after, at)
		SELECT owner1, account1, seq1, transfer, 'debit', amount, owner2, account2, kind, subject, after1, at FROM d UNION ALL
		SELECT owner2, account2, seq2, transfer, 'credit', amount, owner1, account1, kind, subject, after2, at FROM d`,
		"TEXT", "BIGINT", "TEXT", "TEXT", "BIGINT", "TEXT", "TEXT", "BIGINT", "BIGINT", "TEXT", "TEXT", "BIGINT", "BIGINT")
	bulkHoldInsert = store.NewBulk(`INSERT INTO hold (owner, id, account, counter_owner, counter_account, amount, state, kind, subject,
		transfer, expires_at, created_at, closed_at) VALUES {rows}`,
		"TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT")
	bulkHoldUpdate = store.NewBulk(`WITH d (owner, id, state, transfer, closed_at) AS (VALUES {rows})
		UPDATE hold SET state = d.state, transfer = d.transfer, closed_at = d.closed_at
		FROM d WHERE hold.owner = d.owner AND hold.id = d.id`, "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT")
	bulkStepInsert = store.NewBulk(`INSERT INTO hold_step (owner, account, n, hold, step, amount, counter_owner, counter_account, kind,
		subject, transfer, expires_at, held_after, entry_seq, at) VALUES {rows}`,
		"TEXT", "TEXT", "BIGINT", "TEXT", "TEXT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT")
)

// What readers ask for.
const (
	sqlAccount = `SELECT ` + accountColumns + ` FROM account a WHERE a.owner = $1 AND a.id = $2`
	sqlOfOwner = `SELECT ` + accountColumns + ` FROM account a WHERE a.owner = $1 ORDER BY a.id`
	sqlEntries = `SELECT ` + entryColumns + ` FROM entry e WHERE e.owner = $1 AND e.account = $2 AND e.seq > $3 ORDER BY e.seq LIMIT $4`

	sqlSpan   = `SELECT ` + entryColumns + ` FROM entry e WHERE e.owner = $1 AND e.account = $2 AND e.seq > $3 AND e.seq < $4 AND e.kind <> $5`
	sqlNewest = sqlSpan + ` ORDER BY e.seq DESC LIMIT $6`
	sqlNext   = sqlSpan + ` ORDER BY e.seq LIMIT $6`
)

var bulkAccounts = store.NewBulk(`WITH k (owner, id) AS (VALUES {rows})
	SELECT `+accountColumns+` FROM k JOIN account a ON a.owner = k.owner AND a.id = k.id`, "TEXT", "TEXT")

// What operators ask for.
const (
	sqlTransfer = `SELECT ` + entryColumns + ` FROM entry e WHERE e.transfer = $1 ORDER BY e.owner, e.side DESC`
	// Ids of transfers sort by time, and there is no index by subject: of the transfers between two ids, those for the subject.
	sqlOfSubject = `SELECT ` + entryColumns + ` FROM entry e WHERE e.transfer >= $1 AND e.transfer < $2 AND e.owner = $3 AND e.subject = $4
		ORDER BY e.transfer, e.side DESC`
	sqlOfSubjectEver = `SELECT ` + entryColumns + ` FROM entry e WHERE e.owner = $1 AND e.subject = $2 ORDER BY e.transfer, e.side DESC`
)

// What audits and seals walk.
const (
	sqlAllAccounts = `SELECT ` + accountColumns + ` FROM account a ORDER BY a.owner, a.id`
	sqlAllEntries  = `SELECT ` + entryColumns + ` FROM entry e ORDER BY e.owner, e.account, e.seq`
	sqlAllSteps    = `SELECT ` + stepColumns + ` FROM hold_step s ORDER BY s.owner, s.account, s.n`
	sqlHold        = `SELECT ` + holdColumns + ` FROM hold h WHERE h.owner = $1 AND h.id = $2`
	sqlAllHolds    = `SELECT ` + holdColumns + ` FROM hold h ORDER BY h.owner, h.id`
	sqlStepsByHold = `SELECT ` + stepColumns + ` FROM hold_step s ORDER BY s.owner, s.hold, s.n`
	sqlNewestEntry = `SELECT COALESCE(MAX(at), 0) FROM entry`
	sqlCountRows   = `SELECT (SELECT COUNT(*) FROM account), (SELECT COUNT(*) FROM entry WHERE side = 'debit')`
	sqlNewestStep  = `SELECT COALESCE(MAX(at), 0) FROM hold_step`

	// Entries whose other side is not there or says something else.
	sqlUnmatched = `SELECT ` + entryColumns + `, c.owner, c.account, c.amount, c.counter_owner, c.counter_account, c.kind, c.subject, c.at
		FROM entry e LEFT JOIN entry c ON c.owner = e.counter_owner AND c.transfer = e.transfer
		AND c.side = CASE e.side WHEN 'debit' THEN 'credit' ELSE 'debit' END
		WHERE c.owner IS NULL OR c.account <> e.counter_account OR c.amount <> e.amount OR c.counter_owner <> e.owner OR c.counter_account <> e.account
		OR c.kind <> e.kind OR c.subject <> e.subject OR c.at <> e.at`
)

var bulkHeads = store.NewBulk(`WITH k (owner) AS (VALUES {rows})
	SELECT a.owner, a.id, a.seq, a.hold_seq FROM k JOIN account a ON a.owner = k.owner`, "TEXT")

// sqlDebitsOfKinds walks the debit entries of n kinds, by what they are for.
func sqlDebitsOfKinds(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("$%d", i+1)
	}
	return `SELECT ` + entryColumns + ` FROM entry e WHERE e.side = 'debit' AND e.kind IN (` + strings.Join(list, ", ") + `)
		ORDER BY e.owner, e.subject, e.transfer`
}

// What the sealer reads.
const (
	sqlEntryHeads = `SELECT a.owner, a.id, a.seq FROM account a WHERE a.seq > 0 ORDER BY a.owner, a.id`
	sqlEntrySpan  = `SELECT ` + entryColumns + ` FROM entry e WHERE e.owner = $1 AND e.account = $2 AND e.seq > $3 AND e.seq <= $4 ORDER BY e.seq`
	sqlStepSpan   = `SELECT ` + stepColumns + ` FROM hold_step s WHERE s.owner = $1 AND s.account = $2 AND s.n > $3 AND s.n <= $4 ORDER BY s.n`
	sqlStepHeads  = `SELECT a.owner, a.id, a.hold_seq FROM account a WHERE a.hold_seq > 0 ORDER BY a.owner, a.id`
)

var (
	bulkEntrySpans = store.NewBulk(`WITH k (owner, account, low, high) AS (VALUES {rows})
		SELECT `+entryColumns+` FROM k JOIN entry e ON e.owner = k.owner AND e.account = k.account AND e.seq > k.low AND e.seq <= k.high
		ORDER BY e.owner, e.account, e.seq`, "TEXT", "TEXT", "BIGINT", "BIGINT")
	bulkStepSpans = store.NewBulk(`WITH k (owner, account, low, high) AS (VALUES {rows})
		SELECT `+stepColumns+` FROM k JOIN hold_step s ON s.owner = k.owner AND s.account = k.account AND s.n > k.low AND s.n <= k.high
		ORDER BY s.owner, s.account, s.n`, "TEXT", "TEXT", "BIGINT", "BIGINT")
)
