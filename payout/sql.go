package payout

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"sarraf/internal/clock"
	"sarraf/money"
	"sarraf/store"
)

const (
	columns = `p.owner, p.id, p.kind, p.merchant, p.door, p.number, p.reference, p.batch, p.line, p.method, p.method_kind, p.method_name, p.rail,
	p.amount, p.fee, p.currency, p.recipient_name, p.account, p.destination, p.description, p.webhook_url, p.source, p.target, p.subject,
	p.payment_reference, p.status, p.approval, p.reason, p.asked_by, p.decided_by, p.rail_reference, p.sheet, p.changes, p.created_at,
	p.updated_at, p.sent_at, p.processed_at, p.moves`
	methodColumns = `m.owner, m.number, m.kind, m.name, m.account_type, m.smallest, m.greatest, m.flat, m.ppm, m.least, m.most, m.rail, m.disabled`
)

const (
	sqlByID        = `SELECT ` + columns + ` FROM payout p WHERE p.merchant = $1 AND p.id = $2`
	sqlByOwner     = `SELECT ` + columns + ` FROM payout p WHERE p.owner = $1 AND p.id = $2`
	sqlByReference = `SELECT ` + columns + ` FROM payout p WHERE p.reference = $3 AND p.door = $2 AND p.merchant = $1`
	sqlByNumber    = `SELECT ` + columns + ` FROM alias a CROSS JOIN payout p
		WHERE a.value = $1 AND a.kind = $2 AND a.owner = $3 AND p.merchant = $3 AND p.id = a.id`
	sqlAnyReference = `SELECT ` + columns + ` FROM payout p WHERE p.reference = $1 ORDER BY p.merchant, p.door`
	sqlAll          = `SELECT ` + columns + ` FROM payout p ORDER BY p.merchant, p.id`
	sqlAllRefunds   = `SELECT ` + columns + ` FROM payout p WHERE p.kind = 'refund' ORDER BY p.owner, p.subject, p.id`
	sqlAllByOwner   = `SELECT ` + columns + ` FROM payout p ORDER BY p.owner, p.id`

	sqlMethods    = `SELECT ` + methodColumns + ` FROM payout_method m WHERE m.owner = $1 ORDER BY m.number`
	sqlMethod     = `SELECT ` + methodColumns + ` FROM payout_method m WHERE m.owner = $1 AND m.number = $2`
	sqlLockMethod = sqlMethod + ` {lock:m}`
	sqlAllMethods = `SELECT ` + methodColumns + ` FROM payout_method m ORDER BY m.owner, m.number`
	sqlNextMethod = `SELECT COALESCE(MAX(number), 0) + 1 FROM payout_method WHERE owner = $1`
	sqlNewMethod  = `INSERT INTO payout_method (owner, number, kind, name, account_type, smallest, greatest, flat, ppm, least, most, rail, disabled)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (owner, number) DO NOTHING RETURNING number`
	sqlSaveMethod = `UPDATE payout_method SET kind = $3, name = $4, account_type = $5, smallest = $6, greatest = $7, flat = $8, ppm = $9, least = $10,
		most = $11, rail = $12, disabled = $13 WHERE owner = $1 AND number = $2`

	sqlAttempts = `SELECT a.n, a.kind, a.node, a.started_at, a.ended_at, a.outcome, a.reference, a.reason FROM payout_attempt a
		WHERE a.owner = $1 AND a.payout = $2 ORDER BY a.n`

	// What an audit finds: a printed id that does not lead to its payout, one that leads to none, values that stand for others, and rows
	// that a worker would take up though they have ended.
	sqlNoNumber = `SELECT p.merchant, p.id FROM payout p LEFT JOIN alias a ON a.value = p.number AND a.kind = p.door || '.payout'
		AND a.owner = p.merchant AND a.id = p.id WHERE a.id IS NULL AND p.number <> ''`
	sqlStrayAlias = `SELECT a.owner, a.value, a.kind FROM alias a LEFT JOIN payout p ON p.merchant = a.owner AND p.id = a.id
		WHERE a.kind LIKE '%.payout' AND (p.number IS NULL OR p.number <> a.value OR a.kind <> p.door || '.payout')`
	sqlEmpty = `SELECT p.merchant, p.id FROM payout p WHERE p.reference = '' OR p.sent_at = 0 OR p.processed_at = 0`
	// A payout that nobody would ever hand to its rail.
	sqlForgotten = `SELECT p.merchant, p.id FROM payout p LEFT JOIN payout_work w ON w.owner = p.owner AND w.payout = p.id
		WHERE p.processed_at IS NULL AND p.approval <> 'wanted' AND p.rail <> 'manual' AND p.rail <> 'sandbox' AND w.owner IS NULL`
	sqlEnded = `SELECT p.merchant, p.id FROM payout_work w JOIN payout p ON p.owner = w.owner AND p.id = w.payout
		WHERE p.processed_at IS NOT NULL OR p.approval = 'wanted'`

	// Orders that were handed over although an earlier attempt may have moved the money.
	sqlSentAgain = `SELECT DISTINCT p.merchant, p.id FROM payout_attempt a JOIN payout_attempt b ON b.owner = a.owner AND b.payout = a.payout AND b.n < a.n
		JOIN payout p ON p.owner = a.owner AND p.id = a.payout WHERE a.kind = 'send' AND (b.kind <> 'send' OR b.outcome <> 'retryable')`

	// What is due on a rail, from either end of the queue: payouts that may be handed over, and those that may only be asked about.
	sqlDue = `SELECT p.merchant, p.id, w.attempts FROM payout_work w JOIN payout p ON p.owner = w.owner AND p.id = w.payout
		LEFT JOIN payout_attempt a ON a.owner = w.owner AND a.payout = w.payout AND a.n = w.attempts WHERE w.rail = $1 AND w.due_at <= $2 AND `
	sqlDueSends = sqlDue + `(p.status = 'pending' OR p.status = 'processing' AND a.kind = 'send' AND a.outcome = 'retryable') ORDER BY w.due_at`
	sqlDueAsks  = sqlDue + `(p.status = 'unknown' OR p.status = 'processing' AND (a.n IS NULL OR a.kind <> 'send' OR a.outcome <> 'retryable'))
		ORDER BY w.due_at`
	sqlFirstSends = sqlDueSends + ` LIMIT $3`
	sqlLastSends  = sqlDueSends + ` DESC LIMIT $3`
	sqlFirstAsks  = sqlDueAsks + ` LIMIT $3`
	sqlLastAsks   = sqlDueAsks + ` DESC LIMIT $3`

	sqlVoidLeases = `UPDATE payout_work SET due_at = $1, lease_until = 0, lease_by = '' WHERE lease_by <> ''`
)

// sqlList lists payouts by the conditions that are wanted, in which a $ stands for the next parameter; the last is how many.
func sqlList(conditions []string, backwards bool) string {
	text, params := `SELECT `+columns+` FROM payout p`, 0
	for n, c := range conditions {
		before, after, has := strings.Cut(c, "$")
		if text += [2]string{` WHERE `, ` AND `}[min(n, 1)] + before; has {
			params++
			text += `$` + strconv.Itoa(params) + after
		}
	}
	text += ` ORDER BY p.id`
	if backwards {
		text += ` DESC`
	}
	return text + ` LIMIT $` + strconv.Itoa(params+1)
}

// The types of the columns, in their order.
var columnTypes = strings.Fields(`TEXT TEXT TEXT TEXT TEXT TEXT TEXT TEXT BIGINT BIGINT TEXT TEXT TEXT
	BIGINT BIGINT TEXT TEXT TEXT TEXT TEXT TEXT TEXT TEXT TEXT
	TEXT TEXT TEXT TEXT TEXT TEXT TEXT TEXT BIGINT BIGINT
	BIGINT BIGINT BIGINT TEXT`)

var (
	bulkInsert = store.NewBulk(`INSERT INTO payout (`+strings.ReplaceAll(columns, "p.", "")+`) VALUES {rows}`, columnTypes...)
	bulkByID   = store.NewBulk(`WITH k (merchant, id) AS (VALUES {rows})
		SELECT `+columns+` FROM k JOIN payout p ON p.merchant = k.merchant AND p.id = k.id`, "TEXT", "TEXT")
	bulkByReference = store.NewBulk(`WITH k (merchant, door, reference) AS (VALUES {rows})
		SELECT `+columns+` FROM k JOIN payout p ON p.reference = k.reference AND p.door = k.door AND p.merchant = k.merchant`, "TEXT", "TEXT", "TEXT")
	// Whoever locks payouts does it by merchant and id.
	bulkLock = store.NewBulk(`WITH k (merchant, id) AS (VALUES {rows})
		SELECT `+columns+` FROM k JOIN payout p ON p.merchant = k.merchant AND p.id = k.id ORDER BY p.merchant, p.id {lock:p}`, "TEXT", "TEXT")
	bulkSave = store.NewBulk(`WITH d (owner, id, status, approval, reason, decided_by, rail_reference, sheet, changes, updated_at, sent_at,
		processed_at, moves) AS (VALUES {rows})
		UPDATE payout SET status = d.status, approval = d.approval, reason = d.reason, decided_by = d.decided_by, rail_reference = d.rail_reference,
		sheet = d.sheet, changes = d.changes, updated_at = d.updated_at, sent_at = d.sent_at, processed_at = d.processed_at, moves = d.moves
		FROM d WHERE payout.owner = d.owner AND payout.id = d.id`,
		"TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "TEXT")
	// What a worker is to do, at another time.
	bulkPutWork = store.NewBulk(`INSERT INTO payout_work (owner, payout, merchant, rail, due_at, lease_until, lease_by, attempts, inquiries) VALUES {rows}
		ON CONFLICT (owner, payout) DO UPDATE SET due_at = excluded.due_at`, "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "TEXT", "BIGINT", "BIGINT")
	bulkDropWork = store.NewBulk(`WITH k (owner, payout) AS (VALUES {rows})
		DELETE FROM payout_work WHERE (owner, payout) IN (SELECT k.owner, k.payout FROM k)`, "TEXT", "TEXT")
	bulkGivenBack = store.NewBulk(`WITH k (subject, owner) AS (VALUES {rows})
		SELECT p.owner, p.subject, p.source, CAST(SUM(p.amount) AS BIGINT) FROM k JOIN payout p ON p.subject = k.subject AND p.owner = k.owner
		WHERE p.subject <> '' AND p.kind = 'refund' AND p.status <> 'rejected' AND p.status <> 'cancelled' GROUP BY p.owner, p.subject, p.source`,
		"TEXT", "TEXT")
	bulkMethods = store.NewBulk(`WITH k (owner, number) AS (VALUES {rows})
		SELECT `+methodColumns+` FROM k JOIN payout_method m ON m.owner = k.owner AND m.number = k.number`, "TEXT", "BIGINT")
	bulkWork = store.NewBulk(`WITH k (owner, payout) AS (VALUES {rows})
		SELECT w.owner, w.payout, w.due_at, w.lease_until, w.lease_by, w.attempts, w.inquiries, a.kind, a.ended_at, a.outcome
		FROM k JOIN payout_work w ON w.owner = k.owner AND w.payout = k.payout
		LEFT JOIN payout_attempt a ON a.owner = w.owner AND a.payout = w.payout AND a.n = w.attempts`, "TEXT", "TEXT")
	// A claim is of a payout as it was looked at: its attempts are counted.
	bulkLease = store.NewBulk(`WITH d (owner, payout, n, asked, until, node) AS (VALUES {rows})
		UPDATE payout_work SET attempts = d.n, inquiries = inquiries + d.asked, due_at = d.until, lease_until = d.until, lease_by = d.node
		FROM d WHERE payout_work.owner = d.owner AND payout_work.payout = d.payout AND payout_work.attempts = d.n - 1`,
		"TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "TEXT")
	// Only who holds the lease gives it back.
	bulkRest = store.NewBulk(`WITH d (owner, payout, n, node, due_at) AS (VALUES {rows})
		UPDATE payout_work SET due_at = d.due_at, lease_until = 0, lease_by = ''
		FROM d WHERE payout_work.owner = d.owner AND payout_work.payout = d.payout AND payout_work.attempts = d.n AND payout_work.lease_by = d.node`,
		"TEXT", "TEXT", "BIGINT", "TEXT", "BIGINT")
	bulkBegin = store.NewBulk(`INSERT INTO payout_attempt (owner, payout, n, kind, node, started_at, ended_at, outcome, reference, reason)
		VALUES {rows}`, "TEXT", "TEXT", "BIGINT", "TEXT", "TEXT", "BIGINT", "BIGINT", "TEXT", "TEXT", "TEXT")
	// What was recorded of an attempt stays, unless it was that there is no answer, and one came late.
	bulkEnd = store.NewBulk(`WITH d (owner, payout, n, ended_at, outcome, reference, reason, late) AS (VALUES {rows})
		UPDATE payout_attempt SET ended_at = d.ended_at, outcome = d.outcome, reference = d.reference, reason = d.reason
		FROM d WHERE payout_attempt.owner = d.owner AND payout_attempt.payout = d.payout AND payout_attempt.n = d.n
		AND (payout_attempt.ended_at IS NULL OR d.late = 1 AND payout_attempt.outcome = 'unknown')`,
		"TEXT", "TEXT", "BIGINT", "BIGINT", "TEXT", "TEXT", "TEXT", "BIGINT")
)

// Of batches. Lines are decided in their order: the next ones stand in the first part whose last line is not.
const (
	batchColumns = `b.owner, b.id, b.door, b.reference, b.name, b.status, b.lines, b.made, b.errored, b.amounts, b.message, b.asked_by,
	b.created_at, b.updated_at, b.failures, b.due_at`
	batchPartColumns = `p.owner, p.batch, p.part, p.first_line, p.last_line, p.items, p.faults`

	sqlBatch             = `SELECT ` + batchColumns + ` FROM batch b WHERE b.owner = $1 AND b.id = $2`
	sqlLockBatch         = sqlBatch + ` {lock:b}`
	sqlBatchByReference  = `SELECT ` + batchColumns + ` FROM batch b WHERE b.owner = $1 AND b.door = $2 AND b.reference = $3`
	sqlAnyBatchReference = `SELECT ` + batchColumns + ` FROM batch b WHERE b.reference = $1 ORDER BY b.owner, b.door`
	sqlBatches           = `SELECT ` + batchColumns + ` FROM batch b WHERE b.owner = $1 ORDER BY b.id DESC LIMIT $2`
	sqlBatchesBefore     = `SELECT ` + batchColumns + ` FROM batch b WHERE b.owner = $1 AND b.id < $2 ORDER BY b.id DESC LIMIT $3`
	sqlBatchesAfter      = `SELECT * FROM (SELECT ` + batchColumns + ` FROM batch b WHERE b.owner = $1 AND b.id > $2 ORDER BY b.id LIMIT $3) n
		ORDER BY n.id DESC`
	sqlDueBatchOwners = `SELECT b.owner, MIN(b.due_at) FROM batch b WHERE b.status <> 'done' AND b.due_at <= $1 GROUP BY b.owner`
	sqlDueBatch       = `SELECT b.id FROM batch b WHERE b.owner = $1 AND b.status <> 'done' AND b.due_at <= $2 ORDER BY b.due_at, b.id LIMIT 1`
	sqlBatchesUndone  = `SELECT COUNT(*), COALESCE(MIN(b.created_at), 0) FROM batch b WHERE b.status <> 'done'`
	sqlAllBatches     = `SELECT ` + batchColumns + ` FROM batch b ORDER BY b.owner, b.id`
	sqlSaveBatch      = `UPDATE batch SET made = $3, errored = $4, status = $5, message = $6, failures = $7, updated_at = $8, due_at = $9
		WHERE owner = $1 AND id = $2`
	sqlPostponeBatch = `UPDATE batch SET message = $5, failures = $6, due_at = $7
		WHERE owner = $1 AND id = $2 AND made + errored = $3 AND failures = $4 AND status <> 'done'`

	sqlNextBatchPart = `SELECT ` + batchPartColumns + ` FROM batch b CROSS JOIN batch_part p WHERE b.owner = $1 AND b.id = $2
		AND p.owner = b.owner AND p.batch = b.id AND p.last_line > b.made + b.errored ORDER BY p.part LIMIT 1`
	sqlBatchPartAfter  = `SELECT ` + batchPartColumns + ` FROM batch_part p WHERE p.owner = $1 AND p.batch = $2 AND p.last_line > $3 ORDER BY p.part LIMIT 1`
	sqlFaultyPartAfter = `SELECT ` + batchPartColumns + ` FROM batch_part p WHERE p.owner = $1 AND p.batch = $2 AND p.last_line > $3 AND p.faults <> ''
		ORDER BY p.part LIMIT 1`
	sqlBatchFaults     = `SELECT p.faults FROM batch_part p WHERE p.owner = $1 AND p.batch = $2 ORDER BY p.part`
	sqlAllBatchParts   = `SELECT ` + batchPartColumns + ` FROM batch_part p ORDER BY p.owner, p.batch, p.part`
	sqlSaveBatchFaults = `UPDATE batch_part SET faults = $4 WHERE owner = $1 AND batch = $2 AND part = $3`

	// batch <> '' is what the index of those that have one is for.
	// Those that wait for a second person, and how many are left and how many somebody has approved or rejected.
	sqlWantedOfBatch = `SELECT p.id, p.line FROM payout p WHERE p.batch <> '' AND p.batch = $2 AND p.merchant = $1 AND p.line > $3 AND p.status = 'pending'
		AND p.approval = 'wanted' ORDER BY p.line LIMIT $4`
	sqlDecidedOfBatch = `SELECT COALESCE(SUM(CASE WHEN p.status = 'pending' AND p.approval = 'wanted' THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN p.decided_by = $3 AND p.approval = 'given' THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN p.decided_by = $3 AND p.approval = 'wanted' AND p.status = 'rejected' THEN 1 ELSE 0 END), 0)
		FROM payout p WHERE p.batch <> '' AND p.batch = $2 AND p.merchant = $1`
	sqlAllOfBatches = `SELECT ` + columns + ` FROM payout p WHERE p.batch <> '' ORDER BY p.merchant, p.batch, p.line, p.id`
)

var (
	bulkBatchesThere = store.NewBulk(`WITH k (owner, id, door, reference) AS (VALUES {rows})
		SELECT b.owner, b.id, b.door, '' FROM k JOIN batch b ON b.owner = k.owner AND b.id = k.id
		UNION ALL SELECT b.owner, '', b.door, b.reference FROM k JOIN batch b ON b.reference = k.reference AND b.door = k.door AND b.owner = k.owner`,
		"TEXT", "TEXT", "TEXT", "TEXT")
	bulkBatchByID = store.NewBulk(`WITH k (owner, id) AS (VALUES {rows})
		SELECT `+batchColumns+` FROM k JOIN batch b ON b.owner = k.owner AND b.id = k.id`, "TEXT", "TEXT")
	bulkPutBatch = store.NewBulk(`INSERT INTO batch (`+strings.ReplaceAll(batchColumns, "b.", "")+`) VALUES {rows}`, "TEXT", "TEXT", "TEXT", "TEXT", "TEXT",
		"TEXT", "BIGINT", "BIGINT", "BIGINT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT")
	bulkPutBatchPart = store.NewBulk(`INSERT INTO batch_part (`+strings.ReplaceAll(batchPartColumns, "p.", "")+`) VALUES {rows}`,
		"TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "TEXT", "TEXT")
)

// batchRow is a batch with what only its workers need.
type batchRow struct {
	Batch
	failures int64 // in a row
	due      int64 // when it is worked at next, microseconds; 0 once it is done
	empty    bool  // its reference is "" and not NULL, which an audit names
}

func scanBatch(r store.Row) (b batchRow, err error) {
	var reference *string
	var status, amounts string
	var created, updated int64
	err = r.Scan(&b.Owner, &b.ID, &b.Door, &reference, &b.Name, &status, &b.Lines, &b.Made, &b.Errored, &amounts, &b.Message, &b.AskedBy,
		&created, &updated, &b.failures, &b.due)
	if err != nil {
		return b, err
	}
	if reference != nil {
		b.Reference, b.empty = *reference, *reference == ""
	}
	b.Status, b.CreatedAt, b.UpdatedAt = BatchStatus(status), clock.FromMicros(created), clock.FromMicros(updated)
	if json.Unmarshal([]byte(amounts), &b.Amounts) != nil {
		b.Amounts = nil // which an audit finds
	}
	return b, nil
}

func scanBatchPart(r store.Row) (p batchPart, err error) {
	return p, r.Scan(&p.owner, &p.batch, &p.part, &p.firstLine, &p.lastLine, &p.items, &p.faults)
}

// batchesHave is which ids and references of batches are there.
type batchesHave struct {
	ids        map[Key]bool
	references map[batchSlot]bool
}

func batchesThere(ctx context.Context, tx *store.Tx, list []batchCommand) (batchesHave, error) {
	have := batchesHave{map[Key]bool{}, map[batchSlot]bool{}}
	args := make([]any, 0, 4*len(list))
	for _, c := range list {
		args = append(args, c.Owner, c.ID, c.Door, text(c.Reference))
	}
	return have, tx.QueryRows(ctx, bulkBatchesThere, args, func(r store.Row) error {
		var owner, id, door, reference string
		err := r.Scan(&owner, &id, &door, &reference)
		if id != "" {
			have.ids[Key{owner, id}] = true
		} else {
			have.references[batchSlot{owner, door, reference}] = true
		}
		return err
	})
}

// putBatch queues the insertion of a batch, due at once, and its parts.
func putBatch(tx *store.Tx, b Batch, parts []batchPart) error {
	amounts, err := json.Marshal(b.Amounts)
	if err != nil {
		return err
	}
	created := clock.Micros(b.CreatedAt)
	tx.LaterRows(bulkPutBatch, []any{
		b.Owner, b.ID, b.Door, text(b.Reference), b.Name, string(b.Status), b.Lines, b.Made, b.Errored, string(amounts), b.Message, b.AskedBy,
		created, clock.Micros(b.UpdatedAt), int64(0), created,
	}, nil)
	args := make([]any, 0, 7*len(parts))
	for _, p := range parts {
		args = append(args, p.owner, p.batch, p.part, p.firstLine, p.lastLine, p.items, p.faults)
	}
	tx.LaterRows(bulkPutBatchPart, args, nil)
	return nil
}

func scan(r store.Row) (p Payout, err error) {
	var kind, currency, status, approval string
	var reference *string
	var created, updated int64
	var sent, processed *int64
	err = r.Scan(&p.Owner, &p.ID, &kind, &p.Merchant, &p.Door, &p.Number, &reference, &p.Batch, &p.Line, &p.Method, &p.MethodKind, &p.MethodName, &p.Rail,
		&p.Amount, &p.Fee, &currency, &p.RecipientName, &p.Account, &p.Destination, &p.Description, &p.WebhookURL, &p.Source, &p.Target, &p.Subject,
		&p.PaymentReference, &status, &approval, &p.Reason, &p.AskedBy, &p.DecidedBy, &p.RailReference, &p.Sheet, &p.Changes, &created,
		&updated, &sent, &processed, &p.Moves)
	p.Kind, p.Currency, p.Status, p.Approval = Kind(kind), money.Currency(currency), Status(status), Approval(approval)
	p.CreatedAt, p.UpdatedAt = clock.FromMicros(created), clock.FromMicros(updated)
	if reference != nil {
		p.Reference = *reference
	}
	if sent != nil {
		p.SentAt = clock.FromMicros(*sent)
	}
	if processed != nil {
		p.ProcessedAt = clock.FromMicros(*processed)
	}
	return p, err
}

// text is a text that may be NULL: "" is.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// args is the row as columns has it.
func (p *Payout) args() []any {
	return []any{
		p.Owner, p.ID, string(p.Kind), p.Merchant, p.Door, p.Number, text(p.Reference), p.Batch, p.Line, p.Method, p.MethodKind, p.MethodName, p.Rail,
		p.Amount, p.Fee, string(p.Currency), p.RecipientName, p.Account, p.Destination, p.Description, p.WebhookURL, p.Source, p.Target, p.Subject,
		p.PaymentReference, string(p.Status), string(p.Approval), p.Reason, p.AskedBy, p.DecidedBy, p.RailReference, p.Sheet, p.Changes, clock.Micros(p.CreatedAt),
		clock.Micros(p.UpdatedAt), moment(p.SentAt), moment(p.ProcessedAt), p.Moves,
	}
}

// changed is the row as bulkSave has it.
func (p *Payout) changed() []any {
	return []any{
		p.Owner, p.ID, string(p.Status), string(p.Approval), p.Reason, p.DecidedBy, p.RailReference, p.Sheet, p.Changes, clock.Micros(p.UpdatedAt),
		moment(p.SentAt), moment(p.ProcessedAt), p.Moves,
	}
}

// args is the method as its statements have it.
func (m Method) args() []any {
	disabled := int64(0)
	if m.Disabled {
		disabled = 1
	}
	return []any{m.Owner, m.Number, m.Kind, m.Name, m.AccountType, m.Min, m.Max, m.Fee.Flat, m.Fee.PPM, m.Fee.Min, m.Fee.Max, m.Rail, disabled}
}

func scanMethod(r store.Row) (m Method, err error) {
	var disabled int64
	err = r.Scan(&m.Owner, &m.Number, &m.Kind, &m.Name, &m.AccountType, &m.Min, &m.Max, &m.Fee.Flat, &m.Fee.PPM, &m.Fee.Min, &m.Fee.Max, &m.Rail, &disabled)
	m.Disabled = disabled != 0
	if k, ok := KindOf(m.Kind); ok {
		m.Type, m.Currency = k.Type, k.Currency
	}
	return m, err
}

// moment is a time that may be NULL: the zero time is.
func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return clock.Micros(t)
}

func scanWork(r store.Row) (of workKey, w work, err error) {
	var due, until int64
	var ended *int64
	var kind, outcome *string
	err = r.Scan(&of.owner, &of.payout, &due, &until, &w.leaseBy, &w.attempts, &w.inquiries, &kind, &ended, &outcome)
	w.dueAt, w.leaseUntil = clock.FromMicros(due), clock.FromMicros(until)
	if kind != nil && outcome != nil {
		w.last = Attempt{N: w.attempts, Kind: *kind, Outcome: *outcome}
	}
	if ended != nil {
		w.last.EndedAt = clock.FromMicros(*ended)
	}
	return of, w, err
}

// The desk's: sheets, and files of answers.
const (
	sheetColumns  = `s.owner, s.id, s.number, s.mode, s.currency, s.method, s.lines, s.amount, s.status, s.actor, s.source, s.created_at, s.updated_at`
	answerColumns = `f.owner, f.id, f.name, f.hash, f.lines, f.completed, f.rejected, f.status, f.actor, f.source, f.created_at, f.updated_at`
	lineColumns   = `l.owner, l.payout, l.file, l.line, l.outcome, l.amount, l.currency, l.reference, l.at`

	sqlInsertSheet = `INSERT INTO payout_sheet (owner, id, number, mode, currency, method, lines, amount, status, actor, source, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	sqlUpdateSheet   = `UPDATE payout_sheet SET lines = $3, amount = $4, status = $5, updated_at = $6 WHERE owner = $1 AND id = $2`
	sqlSheet         = `SELECT ` + sheetColumns + ` FROM payout_sheet s WHERE s.owner = $1 AND s.id = $2`
	sqlLockSheet     = sqlSheet + ` {lock:s}`
	sqlSheetOfNumber = `SELECT ` + sheetColumns + ` FROM payout_sheet s WHERE s.number = $1 AND s.owner = $2`
	sqlSheets        = `SELECT ` + sheetColumns + ` FROM payout_sheet s WHERE s.owner = $1 ORDER BY s.number DESC LIMIT $2`
	sqlAllSheets     = `SELECT ` + sheetColumns + ` FROM payout_sheet s ORDER BY s.owner, s.id`
	sqlOnSheet       = `SELECT ` + columns + ` FROM payout p WHERE p.sheet = $1 AND p.sheet <> '' ORDER BY p.id`
	sqlOpenSheets    = `SELECT COUNT(*), COALESCE(MIN(s.created_at), 0) FROM payout_sheet s WHERE s.status = 'open'`

	// processed_at IS NULL is what the index of payouts that have not ended is for.
	sqlWaitingManual = `SELECT ` + columns + ` FROM payout p WHERE p.status = 'pending' AND p.rail = 'manual' AND p.processed_at IS NULL
		AND p.approval <> 'wanted' AND p.currency = $1 AND ($2 = '' OR p.method_kind = $2) AND p.id > $3 ORDER BY p.id LIMIT $4`
	sqlBacklog = `SELECT p.merchant, p.owner, p.currency, p.method_kind, p.approval, COUNT(*), CAST(SUM(p.amount) AS BIGINT), MIN(p.created_at) FROM payout p
		WHERE p.status = 'pending' AND p.rail = 'manual' AND p.processed_at IS NULL GROUP BY p.merchant, p.owner, p.currency, p.method_kind, p.approval`
	sqlDesk = `SELECT p.status, p.rail, p.approval, COUNT(*), MIN(CASE WHEN p.status = 'pending' THEN p.created_at ELSE p.updated_at END)
		FROM payout p WHERE p.processed_at IS NULL GROUP BY p.status, p.rail, p.approval`

	sqlInsertAnswer = `INSERT INTO payout_answer (owner, id, name, hash, lines, completed, rejected, status, actor, source, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, 0, 0, $6, $7, $8, $9, $9) ON CONFLICT (hash, owner) DO NOTHING RETURNING id`
	sqlUpdateAnswer = `UPDATE payout_answer SET completed = $3, rejected = $4, status = $5, updated_at = $6 WHERE owner = $1 AND id = $2`
	sqlAnswerByHash = `SELECT ` + answerColumns + ` FROM payout_answer f WHERE f.hash = $1 AND f.owner = $2`
	sqlLockAnswer   = `SELECT ` + answerColumns + ` FROM payout_answer f WHERE f.owner = $1 AND f.id = $2 {lock:f}`
	sqlAnswers      = `SELECT ` + answerColumns + ` FROM payout_answer f WHERE f.owner = $1 ORDER BY f.id DESC LIMIT $2`
	sqlAllAnswers   = `SELECT ` + answerColumns + ` FROM payout_answer f ORDER BY f.owner, f.id`

	// What an audit walks.
	sqlAllAnswerLines = `SELECT ` + lineColumns + ` FROM payout_answer_line l ORDER BY l.file, l.line, l.owner`
	sqlAllOnSheets    = `SELECT ` + columns + ` FROM payout p WHERE p.sheet <> '' ORDER BY p.sheet, p.id`
	sqlNoSheet        = `SELECT p.merchant, p.id FROM payout p WHERE p.status = 'processing' AND p.rail = 'manual' AND p.processed_at IS NULL AND p.sheet = ''`
	sqlWrongAnswers   = `SELECT l.owner, l.payout FROM payout_answer_line l LEFT JOIN payout p ON p.owner = l.owner AND p.id = l.payout
		WHERE p.id IS NULL OR p.status <> l.outcome OR p.amount <> l.amount OR p.currency <> l.currency OR p.rail <> 'manual' OR p.sheet = ''
		OR l.reference <> '' AND p.rail_reference <> l.reference`
)

var (
	bulkOfIDs = store.NewBulk(`WITH k (id) AS (VALUES {rows})
		SELECT `+columns+` FROM k JOIN payout p ON p.id = k.id`, "TEXT")
	bulkAnswers = store.NewBulk(`WITH k (owner, id) AS (VALUES {rows})
		SELECT `+answerColumns+` FROM k JOIN payout_answer f ON f.owner = k.owner AND f.id = k.id`, "TEXT", "TEXT")
	bulkAnswerLines = store.NewBulk(`WITH k (owner, payout) AS (VALUES {rows})
		SELECT `+lineColumns+` FROM k JOIN payout_answer_line l ON l.owner = k.owner AND l.payout = k.payout`, "TEXT", "TEXT")
	bulkInsertAnswerLines = store.NewBulk(`INSERT INTO payout_answer_line (owner, payout, file, line, outcome, amount, currency, reference, at) VALUES {rows}`,
		"TEXT", "TEXT", "TEXT", "BIGINT", "TEXT", "BIGINT", "TEXT", "TEXT", "BIGINT")
)
