package webhook

const outcomeText = `WITH d (owner, id, n, node, state, failed, due_at, first_at, closed_at) AS (VALUES {rows})
		UPDATE delivery SET state = d.state, failures = failures + d.failed, due_at = d.due_at, lease_by = '', first_at = d.first_at,
			closed_at = d.closed_at
		FROM d WHERE delivery.owner = d.owner AND delivery.id = d.id AND delivery.attempts = d.n AND delivery.lease_by = d.node`

var outcomeTypes = []string{"TEXT", "TEXT", "BIGINT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT"}

const endText = `WITH d (owner, delivery, n, ended_at, status, outcome, answer) AS (VALUES {rows})
		UPDATE delivery_attempt SET ended_at = d.ended_at, status = d.status, outcome = d.outcome, answer = d.answer
		FROM d WHERE delivery_attempt.owner = d.owner AND delivery_attempt.delivery = d.delivery AND delivery_attempt.n = d.n`

var endTypes = []string{"TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "TEXT", "TEXT"}
