package event

import "sarraf/store"

const columns = `e.owner, e.seq, e.type, e.kind, e.subject, e.door, e.data, e.at`

const (
	sqlGet      = `SELECT ` + columns + ` FROM event e WHERE e.owner = $1 AND e.seq = $2`
	sqlAfter    = `SELECT ` + columns + ` FROM event e WHERE e.owner = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3`
	sqlBefore   = `SELECT ` + columns + ` FROM event e WHERE e.owner = $1 AND e.seq < $2 ORDER BY e.seq DESC LIMIT $3`
	sqlBetween  = `SELECT ` + columns + ` FROM event e WHERE e.owner = $1 AND e.seq > $2 AND e.seq < $3 ORDER BY e.seq LIMIT $4`
	sqlStream   = `SELECT ` + columns + ` FROM event e WHERE e.kind = $1 ORDER BY e.owner, e.subject, e.seq`
	sqlSubjects = `SELECT ` + columns + ` FROM event e WHERE e.kind = $1 ORDER BY e.subject, e.owner, e.seq`
	sqlAll      = `SELECT ` + columns + ` FROM event e ORDER BY e.owner, e.seq`
	sqlSpan     = `SELECT ` + columns + ` FROM event e WHERE e.owner = $1 AND e.seq > $2 AND e.seq <= $3 ORDER BY e.seq`
	sqlNewest   = `SELECT COALESCE(MAX(at), 0) FROM event`
	sqlCount    = `SELECT COUNT(*), COALESCE(MAX(at), 0) FROM event`
	sqlLast     = `SELECT last FROM event_counter WHERE owner = $1`
	sqlAt       = `SELECT e.at FROM event e WHERE e.owner = $1 AND e.seq = $2`
	sqlAbout    = `SELECT ` + columns + ` FROM event e WHERE e.owner = $1 AND e.seq >= $2 AND e.seq <= $3 AND e.subject = $4 ORDER BY e.seq`
	sqlLatest   = `SELECT COALESCE(MAX(e.at), 0) FROM event_counter c JOIN event e ON e.owner = c.owner AND e.seq = c.last`
	sqlHeads    = `SELECT owner, last FROM event_counter ORDER BY owner`
)

var (
	bulkCounter = store.NewBulk(`INSERT INTO event_counter (owner, last) VALUES {rows}
		ON CONFLICT (owner) DO UPDATE SET last = event_counter.last + excluded.last RETURNING owner, last`, "TEXT", "BIGINT")
	bulkInsert = store.NewBulk(`INSERT INTO event (owner, seq, type, kind, subject, door, data, at) VALUES {rows}`,
		"TEXT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT")
	bulkGet = store.NewBulk(`WITH k (owner, seq) AS (VALUES {rows})
		SELECT `+columns+` FROM k JOIN event e ON e.owner = k.owner AND e.seq = k.seq`, "TEXT", "BIGINT")
	bulkHeads = store.NewBulk(`WITH k (owner) AS (VALUES {rows}) SELECT c.owner, c.last FROM k JOIN event_counter c ON c.owner = k.owner`,
		"TEXT")
	bulkSpans = store.NewBulk(`WITH k (owner, low, high) AS (VALUES {rows})
		SELECT `+columns+` FROM k JOIN event e ON e.owner = k.owner AND e.seq > k.low AND e.seq <= k.high ORDER BY e.owner, e.seq`,
		"TEXT", "BIGINT", "BIGINT")
)
