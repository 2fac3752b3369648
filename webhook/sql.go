package webhook

import (
	"sarraf/internal/clock"
	"sarraf/store"
)

const deliveryColumns = `owner, id, event_seq, type, door, object, url, lane, state, attempts, failures, due_at, lease_by, created_at,
	first_at, closed_at`

const (
	// The lanes that have something pending, each with the time when its first delivery is due: two looks at the index a lane,
	// however many deliveries wait in it.
	sqlLanes = `WITH RECURSIVE l (lane) AS (
			SELECT (SELECT d.lane FROM delivery d WHERE d.state = 'pending' ORDER BY d.lane, d.due_at LIMIT 1)
			UNION ALL
			SELECT (SELECT d.lane FROM delivery d WHERE d.state = 'pending' AND d.lane > l.lane ORDER BY d.lane, d.due_at LIMIT 1)
			FROM l WHERE l.lane IS NOT NULL)
		SELECT l.lane, (SELECT d.due_at FROM delivery d WHERE d.state = 'pending' AND d.lane = l.lane ORDER BY d.due_at LIMIT 1)
		FROM l WHERE l.lane IS NOT NULL`

	// A claim moves due_at to the end of the lease, so that nobody finds the delivery due before. The condition is repeated
	// outside, where it is judged again after a wait for another node's lock; every node locks in the order of due_at. A delivery
	// waits for the earlier ones of its object until they have failed three times. Only the first few hundred that are due are
	// looked at, so that a claim never takes long: sqlBehind moves those out of the way that have to wait.
	//
	// PostgreSQL may plan this while the table is empty and keep the plan when it is not. Hence MATERIALIZED and OFFSET 0, which
	// part what it would else join in any order, and closed_at for state, which keeps it to the primary key.
	sqlClaim = `WITH c (o, i) AS MATERIALIZED (SELECT d.owner, d.id FROM (SELECT w.owner, w.id, w.object, w.event_seq FROM delivery w
				WHERE w.lane = $4 AND w.state = 'pending' AND w.due_at <= $3 ORDER BY w.due_at LIMIT 512) d
			WHERE NOT EXISTS (SELECT 1 FROM delivery e WHERE e.owner = d.owner AND e.object = d.object AND e.state = 'pending'
				AND e.event_seq < d.event_seq AND e.failures < 3 LIMIT 1 OFFSET 0)
			LIMIT $5)
		UPDATE delivery SET attempts = attempts + 1, due_at = $1, lease_until = $1, lease_by = $2, first_at = COALESCE(first_at, $3)
		FROM c WHERE owner = c.o AND id = c.i AND closed_at IS NULL AND due_at <= $3 RETURNING ` + deliveryColumns

	// Deliveries that are due and wait for earlier ones of their object are due again when the last of those is, and not before
	// $3; one that is being tried now may end at any time.
	sqlBehind = `WITH b (o, i, due) AS MATERIALIZED (SELECT d.owner, d.id,
				(SELECT MAX(CASE WHEN e.lease_by = '' AND e.due_at > $3 THEN e.due_at ELSE $3 END) FROM delivery e WHERE e.owner = d.owner
				AND e.object = d.object AND e.state = 'pending' AND e.event_seq < d.event_seq AND e.failures < 3)
			FROM (SELECT w.owner, w.id, w.object, w.event_seq FROM delivery w WHERE w.lane = $1 AND w.state = 'pending' AND w.due_at <= $2
				ORDER BY w.due_at LIMIT 128) d)
		UPDATE delivery SET due_at = b.due FROM b WHERE owner = b.o AND id = b.i AND b.due IS NOT NULL AND closed_at IS NULL
		AND due_at <= $2 RETURNING id`

	sqlVoidLeases = `UPDATE delivery SET due_at = $1, lease_by = '' WHERE state = 'pending' AND lease_by <> ''`

	sqlFailing = `SELECT p.lane, COUNT(*), MAX(p.failures) FROM (SELECT d.lane, d.failures FROM delivery d WHERE d.state = 'pending' LIMIT $1) p
		WHERE p.failures > 0 GROUP BY p.lane ORDER BY MAX(p.failures) DESC, COUNT(*) DESC, p.lane`
	sqlGet      = `SELECT ` + deliveryColumns + ` FROM delivery WHERE owner = $1 AND id = $2`
	sqlOfObject = `SELECT ` + deliveryColumns + ` FROM delivery WHERE owner = $1 AND object = $2 ORDER BY id`
	sqlAfter    = `SELECT ` + deliveryColumns + ` FROM delivery WHERE owner = $1 AND id > $2 ORDER BY id LIMIT $3`
	sqlBefore   = `SELECT ` + deliveryColumns + ` FROM delivery WHERE owner = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	// Ids of deliveries sort by time, and only what is pending has an index by object.
	sqlOfObjectBetween = `SELECT ` + deliveryColumns + ` FROM delivery WHERE owner = $1 AND id >= $2 AND id < $3 AND object = $4 ORDER BY id`
	sqlAttempts        = `SELECT n, node, started_at, ended_at, status, outcome, answer FROM delivery_attempt
		WHERE owner = $1 AND delivery = $2 ORDER BY n`
	sqlAgain = `UPDATE delivery SET state = 'pending', failures = 0, due_at = $3, lease_by = '', first_at = NULL, closed_at = NULL
		WHERE owner = $1 AND id = $2 AND state <> 'pending'`

	// How often the delivery's address was found blocked before its attempt $3.
	sqlBlocked = `SELECT COUNT(*) FROM delivery_attempt WHERE owner = $1 AND delivery = $2 AND n < $3 AND outcome = 'blocked'`
)

var (
	bulkByID = store.NewBulk(`WITH k (o, i) AS (VALUES {rows})
		SELECT `+deliveryColumns+` FROM k JOIN delivery ON owner = k.o AND id = k.i`, "TEXT", "TEXT")
	bulkInsert = store.NewBulk(`INSERT INTO delivery (owner, id, event_seq, type, door, object, url, lane, state, attempts, failures,
		due_at, lease_until, lease_by, created_at, closed_at) VALUES {rows}`, "TEXT", "TEXT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT",
		"TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "TEXT", "BIGINT", "BIGINT")
	bulkAttempt = store.NewBulk(`INSERT INTO delivery_attempt (owner, delivery, n, node, started_at, ended_at, status, outcome, answer)
		VALUES {rows}`, "TEXT", "TEXT", "BIGINT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "TEXT", "TEXT")
	// An outcome counts only for the attempt it is of: whoever holds the lease by now knows better otherwise. Only what is
	// pending has a lease.
	bulkOutcome = store.NewBulk(`WITH d (owner, id, n, node, state, failed, due_at, first_at, closed_at) AS (VALUES {rows})
		UPDATE delivery SET state = d.state, failures = failures + d.failed, due_at = d.due_at, lease_by = '', first_at = d.first_at,
			closed_at = d.closed_at
		FROM d WHERE delivery.owner = d.owner AND delivery.id = d.id AND delivery.attempts = d.n AND delivery.lease_by = d.node`,
		"TEXT", "TEXT", "BIGINT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT")
	bulkAttemptEnd = store.NewBulk(`WITH d (owner, delivery, n, ended_at, status, outcome, answer) AS (VALUES {rows})
		UPDATE delivery_attempt SET ended_at = d.ended_at, status = d.status, outcome = d.outcome, answer = d.answer
		FROM d WHERE delivery_attempt.owner = d.owner AND delivery_attempt.delivery = d.delivery AND delivery_attempt.n = d.n`,
		"TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "TEXT", "TEXT")
)

func scanDelivery(r store.Row) (d Delivery, err error) {
	var state string
	var due, created int64
	var first, closed *int64
	err = r.Scan(&d.Owner, &d.ID, &d.EventSeq, &d.Type, &d.Door, &d.Object, &d.URL, &d.Lane, &state, &d.Attempts, &d.Failures, &due,
		&d.LeaseBy, &created, &first, &closed)
	d.State, d.DueAt, d.CreatedAt = State(state), clock.FromMicros(due), clock.FromMicros(created)
	if first != nil {
		d.FirstAt = clock.FromMicros(*first)
	}
	if closed != nil {
		d.ClosedAt = clock.FromMicros(*closed)
	}
	return d, err
}

func scanAttempt(r store.Row) (a Attempt, err error) {
	var started int64
	var ended *int64
	err = r.Scan(&a.N, &a.Node, &started, &ended, &a.Status, &a.Outcome, &a.Answer)
	a.StartedAt = clock.FromMicros(started)
	if ended != nil {
		a.EndedAt = clock.FromMicros(*ended)
	}
	return a, err
}
