package invoice

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"sarraf/internal/clock"
	"sarraf/store"
)

const columns = `i.owner, i.id, i.door, i.number, i.token, i.reference, i.title, i.description, i.store_name, i.payer_name, i.payer_email,
	i.amount, i.currency, i.paid, i.status, i.reason, i.return_url, i.webhook_url, i.extra, i.changes, i.created_at, i.updated_at, i.expires_at, i.paid_at,
	i.kind, i.psid, i.payer, i.late_amount, i.late_from, i.qr, i.upload, i.line, i.refunded`

const (
	sqlByID        = `SELECT ` + columns + ` FROM invoice i WHERE i.owner = $1 AND i.id = $2`
	sqlByReference = `SELECT ` + columns + ` FROM invoice i WHERE i.owner = $1 AND i.door = $2 AND i.reference = $3`
	sqlByNumber    = `SELECT ` + columns + ` FROM alias a CROSS JOIN invoice i
		WHERE a.value = $1 AND a.kind = $2 AND a.owner = $3 AND i.owner = $3 AND i.id = a.id`
	sqlAnyReference = `SELECT ` + columns + ` FROM invoice i WHERE i.reference = $1 ORDER BY i.owner, i.door`
	sqlAnyPSID      = `SELECT ` + columns + ` FROM invoice i WHERE i.psid = $1 ORDER BY i.owner, i.id DESC LIMIT $2`
	sqlByToken      = `SELECT ` + columns + ` FROM alias a JOIN invoice i ON i.owner = a.owner AND i.id = a.id
		WHERE a.value = $1 AND a.kind = $2`
	sqlByPSID = `SELECT ` + columns + ` FROM payer p CROSS JOIN invoice i
		WHERE p.owner = $1 AND p.psid = $2 AND i.owner = $1 AND i.id = p.invoice`
	// A page is found in the index alone, and then its rows are read.
	sqlBills = `SELECT ` + columns + ` FROM (SELECT b.owner, b.id, b.updated_at FROM invoice b WHERE b.owner = $1 AND b.door = $2
		AND b.kind <> '' ORDER BY b.updated_at DESC, b.id DESC LIMIT $3 OFFSET $4) k CROSS JOIN invoice i
		WHERE i.owner = k.owner AND i.id = k.id ORDER BY k.updated_at DESC, k.id DESC`
	sqlBillTotal   = `SELECT b.total FROM bill_total b WHERE b.owner = $1 AND b.door = $2`
	sqlBillsOfPSID = `SELECT ` + columns + ` FROM invoice i WHERE i.psid = $3 AND i.owner = $1 AND i.door = $2
		ORDER BY i.updated_at DESC, i.id DESC LIMIT $4 OFFSET $5`
	sqlCountOfPSID = `SELECT COUNT(*) FROM invoice i WHERE i.psid = $3 AND i.owner = $1 AND i.door = $2`

	sqlAfter   = `SELECT ` + columns + ` FROM invoice i WHERE i.owner = $1 AND i.id > $2 ORDER BY i.id LIMIT $3`
	sqlBefore  = `SELECT ` + columns + ` FROM invoice i WHERE i.owner = $1 AND i.id < $2 ORDER BY i.id DESC LIMIT $3`
	sqlDue     = `SELECT owner, id FROM invoice WHERE status = 'open' AND expires_at <= $1 ORDER BY expires_at LIMIT $2`
	sqlOverdue = `SELECT COUNT(*), COALESCE(MIN(o.expires_at), 0) FROM (SELECT expires_at FROM invoice WHERE status = 'open'
		AND expires_at <= $1 ORDER BY expires_at LIMIT $2) o`
	sqlAll = `SELECT ` + columns + ` FROM invoice i ORDER BY i.owner, i.id`
	// What is not there is NULL: an empty value would be taken for it by some statements and not by others.
	sqlCount = `SELECT COUNT(*) FROM invoice`
	sqlEmpty = `SELECT i.owner, i.id FROM invoice i WHERE i.reference = '' OR i.expires_at = 0 OR i.paid_at = 0
		OR i.psid = '' OR i.payer = '' OR i.upload = '' OR i.late_from = 0`
	sqlNoPage = `SELECT i.owner, i.id FROM invoice i LEFT JOIN alias a ON a.value = i.token AND a.kind = $1 AND a.owner = i.owner
		AND a.id = i.id WHERE a.id IS NULL AND i.token <> ''`
	sqlNoNumber = `SELECT i.owner, i.id FROM invoice i LEFT JOIN alias a ON a.value = i.number AND a.kind = i.door || '.invoice'
		AND a.owner = i.owner AND a.id = i.id WHERE a.id IS NULL AND i.number <> ''`
	sqlStrayAlias = `SELECT a.owner, a.value, a.kind FROM alias a LEFT JOIN invoice i ON i.owner = a.owner AND i.id = a.id
		WHERE (a.kind = $1 AND (i.token IS NULL OR i.token <> a.value))
		OR (a.kind LIKE '%.invoice' AND (i.number IS NULL OR i.number <> a.value OR a.kind <> i.door || '.invoice'))
		UNION ALL SELECT a.owner, a.value, a.kind FROM alias a LEFT JOIN payer p ON p.owner = a.owner AND p.psid = a.id
		WHERE a.kind = $2 AND (p.psid IS NULL OR p.psid <> a.value)`
	// An open bill is its payer's newest; every bill has the PSID of the payer of its identifier.
	sqlNoPayer = `SELECT i.owner, COALESCE(i.psid, '') FROM invoice i LEFT JOIN payer p ON p.owner = i.owner AND p.psid = i.psid
		WHERE (i.kind <> '' AND (p.psid IS NULL OR p.reference <> i.payer OR p.reusable <> CASE WHEN i.kind = 'static' THEN 1 ELSE 0 END))
		OR (i.kind <> '' AND i.status = 'open' AND p.invoice <> i.id)`
	sqlStrayPayer = `SELECT p.owner, p.psid FROM payer p LEFT JOIN invoice i ON i.owner = p.owner AND i.id = p.invoice
		WHERE i.id IS NULL OR i.psid IS NULL OR i.psid <> p.psid OR i.status = 'superseded'`
	sqlNoPSID = `SELECT p.owner, p.psid FROM payer p LEFT JOIN alias a ON a.value = p.psid AND a.kind = $1 AND a.owner = p.owner
		AND a.id = p.psid WHERE a.id IS NULL`
	sqlWrongTotal = `SELECT COALESCE(t.owner, c.owner), COALESCE(t.door, c.door) FROM bill_total t FULL JOIN
		(SELECT i.owner, i.door, COUNT(*) AS total FROM invoice i WHERE i.kind <> '' GROUP BY i.owner, i.door) c
		ON c.owner = t.owner AND c.door = t.door WHERE t.total IS NULL OR c.total IS NULL OR t.total <> c.total`
)

// Of uploads. Lines are decided in their order: the next ones stand in the first part whose last line is not.
const (
	uploadColumns = `u.owner, u.id, u.door, u.number, u.content_type, u.file_name, u.lines, u.done, u.errored, u.status, u.message,
	u.failures, u.created_at, u.updated_at, u.due_at`
	partColumns = `p.owner, p.upload, p.part, p.first_line, p.last_line, p.first_number, p.last_number, p.problems, p.items`

	sqlUpload         = `SELECT ` + uploadColumns + ` FROM upload u WHERE u.owner = $1 AND u.id = $2`
	sqlLockUpload     = sqlUpload + ` {lock:u}`
	sqlUploadByNumber = `SELECT ` + uploadColumns + ` FROM alias a CROSS JOIN upload u
		WHERE a.value = $1 AND a.kind = $2 AND a.owner = $3 AND u.owner = $3 AND u.id = a.id`
	sqlUploads = `SELECT ` + uploadColumns + ` FROM upload u WHERE u.owner = $1 AND u.door = $2 AND ($3 = '' OR u.content_type = $3)
		ORDER BY u.id DESC LIMIT $4 OFFSET $5`
	sqlCountUploads = `SELECT COUNT(*) FROM upload u WHERE u.owner = $1 AND u.door = $2 AND ($3 = '' OR u.content_type = $3)`
	sqlDueOwners    = `SELECT u.owner, MIN(u.due_at) FROM upload u WHERE u.status <> 'done' AND u.due_at <= $1 GROUP BY u.owner`
	sqlDueUpload    = `SELECT u.id FROM upload u WHERE u.owner = $1 AND u.status <> 'done' AND u.due_at <= $2 ORDER BY u.due_at, u.id LIMIT 1`
	sqlUndone       = `SELECT COUNT(*), COALESCE(MIN(u.created_at), 0) FROM upload u WHERE u.status <> 'done'`
	sqlAllUploads   = `SELECT ` + uploadColumns + ` FROM upload u ORDER BY u.owner, u.id`
	sqlSaveUpload   = `UPDATE upload SET done = $3, errored = $4, status = $5, message = $6, failures = $7, updated_at = $8, due_at = $9
		WHERE owner = $1 AND id = $2`
	sqlPostpone = `UPDATE upload SET message = $5, failures = $6, due_at = $7
		WHERE owner = $1 AND id = $2 AND done = $3 AND failures = $4 AND status <> 'done'`

	sqlNextPart = `SELECT ` + partColumns + ` FROM upload u CROSS JOIN upload_part p WHERE u.owner = $1 AND u.id = $2
		AND p.owner = u.owner AND p.upload = u.id AND p.last_line > u.done ORDER BY p.part LIMIT 1`
	sqlParts       = `SELECT ` + partColumns + ` FROM upload_part p WHERE p.owner = $1 AND p.upload = $2 ORDER BY p.part`
	sqlPartsOfSpan = `SELECT ` + partColumns + ` FROM upload_part p WHERE p.owner = $1 AND p.last_number >= $2 AND p.first_number <= $2
		ORDER BY p.upload, p.part`
	sqlAllParts  = `SELECT ` + partColumns + ` FROM upload_part p ORDER BY p.owner, p.upload, p.part`
	sqlDropPart  = `DELETE FROM upload_part WHERE owner = $1 AND upload = $2 AND part = $3`
	sqlSavePart  = `UPDATE upload_part SET problems = $4 WHERE owner = $1 AND upload = $2 AND part = $3`
	sqlMadeOfOne = `SELECT ` + columns + ` FROM invoice i WHERE i.upload = $1 AND i.owner = $2 ORDER BY i.line`
	sqlMadeOfAll = `SELECT i.owner, i.upload, COUNT(*), COUNT(DISTINCT i.line), MIN(i.line), MAX(i.line), CAST(SUM(i.line) AS BIGINT)
		FROM invoice i WHERE i.upload IS NOT NULL GROUP BY i.owner, i.upload ORDER BY i.owner, i.upload`
	sqlNoUploadNumber = `SELECT u.owner, u.id FROM upload u LEFT JOIN alias a ON a.value = u.number AND a.kind = u.door || '.upload'
		AND a.owner = u.owner AND a.id = u.id WHERE a.id IS NULL`
	sqlStrayUploadAlias = `SELECT a.owner, a.value, a.kind FROM alias a LEFT JOIN upload u ON u.owner = a.owner AND u.id = a.id
		WHERE a.kind LIKE '%.upload' AND (u.number IS NULL OR u.number <> a.value OR a.kind <> u.door || '.upload')`
)

var (
	bulkUploadsThere = store.NewBulk(`WITH k (owner, id) AS (VALUES {rows}) SELECT u.owner, u.id FROM k JOIN upload u
		ON u.owner = k.owner AND u.id = k.id`, "TEXT", "TEXT")
	bulkPutUpload = store.NewBulk(`INSERT INTO upload (owner, id, door, number, content_type, file_name, lines, done, errored, status,
		message, failures, created_at, updated_at, due_at) VALUES {rows}`, "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT",
		"BIGINT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT")
	bulkPutPart = store.NewBulk(`INSERT INTO upload_part (owner, upload, part, first_line, last_line, first_number, last_number, problems,
		items) VALUES {rows}`, "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "TEXT", "TEXT")

	bulkInsert = store.NewBulk(`INSERT INTO invoice (owner, id, door, number, token, reference, title, description, store_name,
		payer_name, payer_email, amount, currency, paid, status, reason, return_url, webhook_url, extra, changes, created_at, updated_at, expires_at, paid_at) VALUES {rows}
		ON CONFLICT DO NOTHING RETURNING owner, id`, "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT",
		"TEXT", "TEXT", "BIGINT", "TEXT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BIGINT")
	bulkInsertBills = store.NewBulk(`INSERT INTO invoice (owner, id, door, number, token, reference, title, description, store_name,
		payer_name, payer_email, amount, currency, paid, status, reason, return_url, webhook_url, extra, changes, created_at, updated_at,
		expires_at, paid_at, kind, psid, payer, late_amount, late_from, qr, upload, line) VALUES {rows}`,
		"TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "TEXT", "BIGINT", "TEXT", "TEXT",
		"TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BIGINT",
		"TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "TEXT", "TEXT", "BIGINT")
	bulkPutPayer = store.NewBulk(`INSERT INTO payer (owner, psid, reusable, reference, invoice) VALUES {rows}
		ON CONFLICT (reference, reusable, owner) DO NOTHING RETURNING owner, reusable, reference, psid`,
		"TEXT", "TEXT", "BIGINT", "TEXT", "TEXT")
	// Whoever locks payers does it by owner, reference and reusable.
	bulkLockPayer = store.NewBulk(`WITH k (owner, reusable, reference) AS (VALUES {rows})
		SELECT p.owner, p.reusable, p.reference, p.psid FROM k JOIN payer p
		ON p.owner = k.owner AND p.reusable = k.reusable AND p.reference = k.reference
		ORDER BY p.owner, p.reference, p.reusable {lock:p}`, "TEXT", "BIGINT", "TEXT")
	// The payers' newest bills are looked up before the bills are: as one join, PostgreSQL may plan, while the tables are small, to walk over
	// all of an owner's invoices for each payer and over all of its payers for each invoice, and keep the plan when they are not.
	bulkLockNewestOfPayer = store.NewBulk(`WITH k (owner, reusable, reference) AS (VALUES {rows}),
		n AS MATERIALIZED (SELECT p.owner, p.invoice FROM k JOIN payer p
			ON p.owner = k.owner AND p.reusable = k.reusable AND p.reference = k.reference)
		SELECT `+columns+` FROM n CROSS JOIN invoice i WHERE i.owner = n.owner AND i.id = n.invoice
		ORDER BY i.owner, i.id {lock:i}`, "TEXT", "BIGINT", "TEXT")
	bulkLockPSID = store.NewBulk(`WITH k (owner, psid) AS (VALUES {rows})
		SELECT p.psid FROM k JOIN payer p ON p.owner = k.owner AND p.psid = k.psid
		ORDER BY p.owner, p.reference, p.reusable {lock:p}`, "TEXT", "TEXT")
	bulkLockNewest = store.NewBulk(`WITH k (owner, psid) AS (VALUES {rows}),
		n AS MATERIALIZED (SELECT p.owner, p.invoice FROM k JOIN payer p ON p.owner = k.owner AND p.psid = k.psid)
		SELECT `+columns+` FROM n CROSS JOIN invoice i WHERE i.owner = n.owner AND i.id = n.invoice
		ORDER BY i.owner, i.id {lock:i}`, "TEXT", "TEXT")
	bulkPointPayer = store.NewBulk(`WITH d (owner, psid, invoice) AS (VALUES {rows})
		UPDATE payer SET invoice = d.invoice FROM d WHERE payer.owner = d.owner AND payer.psid = d.psid AND payer.invoice <> d.invoice`,
		"TEXT", "TEXT", "TEXT")
	bulkAddTotal = store.NewBulk(`INSERT INTO bill_total (owner, door, total) VALUES {rows}
		ON CONFLICT (owner, door) DO UPDATE SET total = bill_total.total + excluded.total`, "TEXT", "TEXT", "BIGINT")
	// n tells the texts apart.
	bulkByPSID = store.NewBulk(`WITH k (n, psid, kind) AS (VALUES {rows}),
		m AS MATERIALIZED (SELECT k.n, p.owner, p.invoice FROM k CROSS JOIN alias a CROSS JOIN payer p
			WHERE a.value = k.psid AND a.kind = k.kind AND p.owner = a.owner AND p.psid = a.id)
		SELECT m.n, `+columns+` FROM m CROSS JOIN invoice i WHERE i.owner = m.owner AND i.id = m.invoice`,
		"BIGINT", "TEXT", "TEXT")
	bulkByID = store.NewBulk(`WITH k (owner, id) AS (VALUES {rows})
		SELECT `+columns+` FROM k JOIN invoice i ON i.owner = k.owner AND i.id = k.id`, "TEXT", "TEXT")
	bulkByReference = store.NewBulk(`WITH k (owner, door, reference) AS (VALUES {rows})
		SELECT `+columns+` FROM k JOIN invoice i ON i.owner = k.owner AND i.door = k.door AND i.reference = k.reference`,
		"TEXT", "TEXT", "TEXT")
	// CROSS JOIN keeps SQLite from beginning at the other end. n tells the keys apart.
	bulkByNumber = store.NewBulk(`WITH k (n, value, kind, owner) AS (VALUES {rows})
		SELECT k.n, `+columns+` FROM k CROSS JOIN alias a CROSS JOIN invoice i
		WHERE a.value = k.value AND a.kind = k.kind AND a.owner = k.owner AND i.owner = a.owner AND i.id = a.id`,
		"BIGINT", "TEXT", "TEXT", "TEXT")
	// Of each text, one row is without a door and asks for ids and aliases of any kind; of the latter a value has a few at most. Each
	// branch names a whole unique key or, of alias, what is as good as one, so that no planner can think of walking over all of an
	// owner's invoices.
	bulkMeanings = store.NewBulk(`WITH k (n, owner, door, text) AS (VALUES {rows})
		SELECT k.n, a.kind, i.id, i.currency FROM k CROSS JOIN alias a CROSS JOIN invoice i
			WHERE k.door = '' AND a.value = k.text AND a.owner = k.owner AND i.owner = k.owner AND i.id = a.id
		UNION ALL SELECT k.n, '', i.id, i.currency FROM k CROSS JOIN invoice i
			WHERE k.door <> '' AND i.owner = k.owner AND i.door = k.door AND i.reference = k.text
		UNION ALL SELECT k.n, '', i.id, i.currency FROM k CROSS JOIN invoice i
			WHERE k.door = '' AND i.owner = k.owner AND i.id = k.text`, "BIGINT", "TEXT", "TEXT", "TEXT")
	bulkLock = store.NewBulk(`WITH k (owner, id) AS (VALUES {rows})
		SELECT `+columns+` FROM k JOIN invoice i ON i.owner = k.owner AND i.id = k.id ORDER BY i.owner, i.id {lock:i}`, "TEXT", "TEXT")
	bulkSave = store.NewBulk(`WITH d (owner, id, paid, refunded, status, reason, changes, updated_at, paid_at) AS (VALUES {rows})
		UPDATE invoice SET paid = d.paid, refunded = d.refunded, status = d.status, reason = d.reason, changes = d.changes,
		updated_at = d.updated_at, paid_at = d.paid_at FROM d WHERE invoice.owner = d.owner AND invoice.id = d.id`,
		"TEXT", "TEXT", "BIGINT", "BIGINT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT")
)

// sqlMeanings is bulkMeanings for one text ($2) of one owner ($1) and n doors ($3 on): a list of keys costs SQLite more than the rest.
func sqlMeanings(n int) string {
	var s strings.Builder
	s.WriteString(`SELECT a.kind, i.id, i.currency FROM alias a CROSS JOIN invoice i
			WHERE a.value = $2 AND a.owner = $1 AND i.owner = $1 AND i.id = a.id
		UNION ALL SELECT '', i.id, i.currency FROM invoice i WHERE i.owner = $1 AND i.id = $2`)
	for d := range n {
		s.WriteString(` UNION ALL SELECT '', i.id, i.currency FROM invoice i WHERE i.owner = $1 AND i.door = $` + strconv.Itoa(d+3) +
			` AND i.reference = $2`)
	}
	return s.String()
}

func insertArgs(list []Invoice, order []int) []any {
	args := make([]any, 0, 24*len(order))
	for _, n := range order {
		i := &list[n]
		args = append(args, i.Owner, i.ID, i.Door, i.Number, i.Token, text(i.Reference), i.Title, i.Description, i.StoreName, i.PayerName,
			i.PayerEmail, i.Amount,
			string(i.Currency), i.Paid, string(i.Status), i.Reason, i.ReturnURL, i.WebhookURL, i.Extra, i.Changes,
			clock.Micros(i.CreatedAt), clock.Micros(i.UpdatedAt), when(i.ExpiresAt), when(i.PaidAt))
	}
	return args
}

// insertBillsLater queues the insertion of bills.
func insertBillsLater(tx *store.Tx, list []*Invoice) {
	args := make([]any, 0, 32*len(list))
	for _, i := range list {
		args = append(args, i.Owner, i.ID, i.Door, i.Number, i.Token, text(i.Reference), i.Title, i.Description, i.StoreName, i.PayerName,
			i.PayerEmail, i.Amount, string(i.Currency), i.Paid, string(i.Status), i.Reason, i.ReturnURL, i.WebhookURL, i.Extra, i.Changes,
			clock.Micros(i.CreatedAt), clock.Micros(i.UpdatedAt), when(i.ExpiresAt), when(i.PaidAt),
			string(i.Kind), text(i.PSID), text(i.Payer), i.LateAmount, when(i.LateFrom), i.QR, text(i.Upload), i.Line)
	}
	tx.LaterRows(bulkInsertBills, args, nil)
}

// text and when are values that are NULL when empty.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func when(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return clock.Micros(t)
}

func scan(r store.Row) (Invoice, error) { return scanAfter(r) }

// scanAfter scans the columns that stand before those of the invoice, and it.
func scanAfter(r store.Row, before ...any) (i Invoice, err error) {
	var reference *string
	var currency, status string
	var created, updated int64
	var expires, paid *int64
	var kind string
	var psid, payer, upload *string
	var lateFrom *int64
	err = r.Scan(append(before, &i.Owner, &i.ID, &i.Door, &i.Number, &i.Token, &reference, &i.Title, &i.Description, &i.StoreName,
		&i.PayerName, &i.PayerEmail, &i.Amount, &currency, &i.Paid,
		&status, &i.Reason, &i.ReturnURL, &i.WebhookURL, &i.Extra, &i.Changes, &created, &updated, &expires, &paid,
		&kind, &psid, &payer, &i.LateAmount, &lateFrom, &i.QR, &upload, &i.Line, &i.Refunded)...)
	if err != nil {
		return i, err
	}
	if reference != nil {
		i.Reference = *reference
	}
	i.Currency, i.Status = currencyOf(currency), Status(status)
	i.CreatedAt, i.UpdatedAt = clock.FromMicros(created), clock.FromMicros(updated)
	if expires != nil {
		i.ExpiresAt = clock.FromMicros(*expires)
	}
	if paid != nil {
		i.PaidAt = clock.FromMicros(*paid)
	}
	if i.Kind = Kind(kind); i.Kind != Link || psid != nil || payer != nil || upload != nil || lateFrom != nil {
		i.PSID, i.Payer, i.Upload = textOf(psid), textOf(payer), textOf(upload)
		if lateFrom != nil {
			i.LateFrom = clock.FromMicros(*lateFrom)
		}
	}
	return i, nil
}

// textOf is a value that is "" when it is NULL.
func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Lock reads the invoices with the given keys and locks them until the end of the transaction. Those that do not exist are absent
// from the answer. A caller that locks accounts or counters too does it afterwards.
func Lock(ctx context.Context, tx *store.Tx, keys []Key) (map[Key]*Invoice, error) {
	have := make(map[Key]*Invoice, len(keys))
	LockLater(tx, keys, have)
	return have, tx.Flush(ctx)
}

// LockLater is Lock for a caller that has more to ask in the same round trip: it fills have at the next flush.
func LockLater(tx *store.Tx, keys []Key, have map[Key]*Invoice) {
	sorted := slices.Clone(keys)
	slices.SortFunc(sorted, func(a, b Key) int {
		if c := strings.Compare(a.Owner, b.Owner); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	sorted = slices.Compact(sorted)
	args := make([]any, 0, 2*len(sorted))
	for _, k := range sorted {
		args = append(args, k.Owner, k.ID)
	}
	tx.LaterRows(bulkLock, args, func(r store.Row) error {
		inv, err := scan(r)
		have[inv.Key()] = &inv
		return err
	})
}

// Save queues the update of what can change in an invoice. The caller has locked it.
func Save(tx *store.Tx, list []*Invoice) {
	args := make([]any, 0, 9*len(list))
	seen := make(map[*Invoice]bool, len(list))
	for _, i := range list {
		if seen[i] {
			continue // it changed more than once in the slice: its last state counts
		}
		seen[i] = true
		args = append(args, i.Owner, i.ID, i.Paid, i.Refunded, string(i.Status), i.Reason, i.Changes, clock.Micros(i.UpdatedAt), when(i.PaidAt))
	}
	tx.LaterRows(bulkSave, args, nil)
}

// uploadRow is an upload with what only its workers need.
type uploadRow struct {
	Upload
	failures int64 // in a row
	due      int64 // when it is worked at next, microseconds; 0 once it is done
}

func scanUpload(r store.Row) (u uploadRow, err error) {
	var status string
	var created, updated int64
	err = r.Scan(&u.Owner, &u.ID, &u.Door, &u.Number, &u.ContentType, &u.FileName, &u.Lines, &u.Done, &u.Errored, &status, &u.Message,
		&u.failures, &created, &updated, &u.due)
	u.Status, u.CreatedAt, u.UpdatedAt = UploadStatus(status), clock.FromMicros(created), clock.FromMicros(updated)
	return u, err
}

func scanPart(r store.Row) (p uploadPart, err error) {
	return p, r.Scan(&p.owner, &p.upload, &p.part, &p.firstLine, &p.lastLine, &p.firstNumber, &p.lastNumber, &p.problems, &p.items)
}

// uploadsThere tells which of the uploads exist.
func uploadsThere(ctx context.Context, tx *store.Tx, keys []Key) (map[Key]bool, error) {
	there := map[Key]bool{}
	args := make([]any, 0, 2*len(keys))
	for _, k := range keys {
		args = append(args, k.Owner, k.ID)
	}
	return there, tx.QueryRows(ctx, bulkUploadsThere, args, func(r store.Row) error {
		var k Key
		err := r.Scan(&k.Owner, &k.ID)
		there[k] = true
		return err
	})
}

// putUpload queues the insertion of an upload, due at once, and its parts.
func putUpload(tx *store.Tx, u Upload, parts []uploadPart) {
	created := clock.Micros(u.CreatedAt)
	tx.LaterRows(bulkPutUpload, []any{
		u.Owner, u.ID, u.Door, u.Number, u.ContentType, u.FileName, u.Lines, u.Done, u.Errored, string(u.Status), u.Message, int64(0),
		created, clock.Micros(u.UpdatedAt), created,
	}, nil)
	args := make([]any, 0, 9*len(parts))
	for _, p := range parts {
		args = append(args, p.owner, p.upload, p.part, p.firstLine, p.lastLine, p.firstNumber, p.lastNumber, p.problems, p.items)
	}
	tx.LaterRows(bulkPutPart, args, nil)
}
