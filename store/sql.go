package store

const (
	sqlVersionTableSQLite   = `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'goose_db_version'`
	sqlVersionTablePostgres = `SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'goose_db_version'`
	sqlVersion              = `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version`

	sqlCounterLease = `INSERT INTO counter (name, next) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET next = counter.next + excluded.next RETURNING next`

	sqlAliasFind    = `SELECT id FROM alias WHERE value = $1 AND kind = $2 AND owner = $3`
	sqlAliasResolve = `SELECT owner, id FROM alias WHERE value = $1 AND kind = $2`
	sqlAliasAll     = `SELECT kind, id FROM alias WHERE value = $1 AND owner = $2 ORDER BY kind`

	sqlIdempotencyPrune = `DELETE FROM idempotency WHERE at < $1`

	// A write that changes nothing, to see whether writing works.
	sqlWritable = `UPDATE counter SET next = next WHERE name = ''`
)

var (
	bulkAliasInsert = NewBulk(`INSERT INTO alias (value, kind, owner, id) VALUES {rows}`, "TEXT", "TEXT", "TEXT", "TEXT")
	bulkAliasFind   = NewBulk(`WITH k (value, kind, owner) AS (VALUES {rows})
		SELECT a.value, a.id FROM k JOIN alias a ON a.value = k.value AND a.kind = k.kind AND a.owner = k.owner`,
		"TEXT", "TEXT", "TEXT")

	bulkIdempotencyFind = NewBulk(`WITH k (owner, door, key) AS (VALUES {rows})
		SELECT i.owner, i.door, i.key, i.body_hash, i.snapshot FROM k JOIN idempotency i
		ON i.owner = k.owner AND i.door = k.door AND i.key = k.key`, "TEXT", "TEXT", "TEXT")
	bulkIdempotencyInsert = NewBulk(`INSERT INTO idempotency (owner, door, key, body_hash, snapshot, at) VALUES {rows}`,
		"TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT")
)
