package store

const (
	sqlVersionTableSQLite   = `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'goose_db_version'`
	sqlVersionTablePostgres = `SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'goose_db_version'`
	sqlVersion              = `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version`

	// A list of rows on PostgreSQL; the arrays follow in parentheses.
	sqlArrays = `SELECT * FROM unnest`

	// The counter "*" is where those begin that nobody has drawn from yet: past 0 only in a restored database.
	sqlCounterLease = `INSERT INTO counter (name, next) VALUES ($1, $2 + COALESCE((SELECT next FROM counter WHERE name = '*'), 0))
		ON CONFLICT (name) DO UPDATE SET next = counter.next + $2 RETURNING next`
	sqlCounterBase = `INSERT INTO counter (name, next) VALUES ('*', 0) ON CONFLICT (name) DO NOTHING`
	sqlCounterSkip = `UPDATE counter SET next = next + $1`

	sqlAliasFind    = `SELECT id FROM alias WHERE value = $1 AND kind = $2 AND owner = $3`
	sqlAliasResolve = `SELECT owner, id FROM alias WHERE value = $1 AND kind = $2`
	sqlAliasAll     = `SELECT kind, id FROM alias WHERE value = $1 AND owner = $2 ORDER BY kind`

	sqlAliasAnyone = `SELECT value, kind, owner, id FROM alias WHERE value = $1 ORDER BY kind, owner`

	sqlIdempotencyPrune = `DELETE FROM idempotency WHERE at < $1`

	sqlSettingsPostgres = `SELECT current_setting('server_version'), CAST(current_setting('server_version_num') AS BIGINT),
		current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),
		CAST(current_setting('max_connections') AS BIGINT) - CAST(current_setting('superuser_reserved_connections') AS BIGINT)
			- COALESCE(CAST(current_setting('reserved_connections', true) AS BIGINT), 0),
		(SELECT CAST(datconnlimit AS BIGINT) FROM pg_database WHERE datname = current_database()),
		(SELECT CAST(rolconnlimit AS BIGINT) FROM pg_roles WHERE rolname = current_user),
		(SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
		(SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = '` + writeName + `'),
		(SELECT COALESCE(MAX(CAST(EXTRACT(EPOCH FROM clock_timestamp() - xact_start) * 1000000 AS BIGINT)), 0) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid())`
	sqlClockPostgres  = `SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`
	sqlVersionSQLite  = `SELECT sqlite_version()`
	sqlJournalSQLite  = `PRAGMA journal_mode`
	sqlWritesOfSQLite = `PRAGMA synchronous`

	// A write that changes nothing, to see whether writing works.
	sqlWritable = `UPDATE counter SET next = next WHERE name = ''`
)

// What a backup and a restore ask of SQLite about a file.
const (
	sqlTablesSQLite = `SELECT COUNT(*) FROM sqlite_master`
	sqlForeignKeys  = `SELECT "table" || ' row ' || COALESCE(rowid, 0) || ' to ' || parent FROM pragma_foreign_key_check LIMIT 5`
)

// What a backup and a restore ask of PostgreSQL about itself.
const (
	sqlServerVersion = `SHOW server_version_num`
	// The snapshot is handed on by a transaction that waits for pg_dump, which takes as long as it takes.
	sqlMayIdle        = `SELECT set_config('idle_in_transaction_session_timeout', '0', true)`
	sqlExportSnapshot = `SELECT pg_export_snapshot()`

	sqlDatabase = `SELECT pg_encoding_to_char(encoding)::text, datcollate::text, datctype::text FROM pg_database WHERE datname = $1`
	// Of other users' sessions an ordinary user sees whose they are, and little else.
	sqlSessions = `SELECT pid::bigint, COALESCE(usename::text, ''), COALESCE(application_name, ''), COALESCE(host(client_addr), 'this machine')
		FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()
		AND (backend_type = 'client backend' OR backend_type IS NULL AND usename IS NOT NULL) ORDER BY pid`
	sqlTables = `SELECT COUNT(*)::bigint, COALESCE(SUM(CASE WHEN schemaname = current_schema() AND tablename = 'goose_db_version' THEN 1 ELSE 0 END), 0)::bigint
		FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname NOT LIKE 'pg_toast%'`
	sqlLeftOver = `SELECT datname::text FROM pg_database WHERE starts_with(datname::text, $1) ORDER BY datname`
)

var (
	bulkAliasInsert = NewBulk(`INSERT INTO alias (value, kind, owner, id) VALUES {rows}`, "TEXT", "TEXT", "TEXT", "TEXT")
	bulkAliasFind   = NewBulk(`WITH k (value, kind, owner) AS (VALUES {rows})
		SELECT a.value, a.id FROM k JOIN alias a ON a.value = k.value AND a.kind = k.kind AND a.owner = k.owner`,
		"TEXT", "TEXT", "TEXT")

	bulkIdempotencyFind = NewBulk(`WITH k (owner, door, key) AS (VALUES {rows})
		SELECT i.owner, i.door, i.key, i.body_hash, i.snapshot FROM k JOIN idempotency i
		ON i.owner = k.owner AND i.door = k.door AND i.key = k.key`, "TEXT", "TEXT", "TEXT")
	bulkIdempotencyKept = NewBulk(`WITH k (owner, door, key) AS (VALUES {rows})
		SELECT i.owner, i.door, i.key, i.snapshot, i.at FROM k JOIN idempotency i
		ON i.owner = k.owner AND i.door = k.door AND i.key = k.key`, "TEXT", "TEXT", "TEXT")
	bulkIdempotencyInsert = NewBulk(`INSERT INTO idempotency (owner, door, key, body_hash, snapshot, at) VALUES {rows}`,
		"TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT")
)
