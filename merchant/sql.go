package merchant

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"

	"sarraf/internal/clock"
	"sarraf/internal/tally"
	"sarraf/money"
	"sarraf/store"
)

const (
	columns           = `owner, name, mode, currencies, settings, created_at`
	credentialColumns = `owner, id, door, handle, secret_hash, role, label, created_at, revoked_at`

	sqlInsert = `INSERT INTO merchant (owner, name, mode, currencies, settings, signing_secret, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (owner) DO NOTHING`
	sqlUpdate    = `UPDATE merchant SET name = $2, currencies = $3, settings = $4 WHERE owner = $1`
	sqlGet       = `SELECT ` + columns + ` FROM merchant WHERE owner = $1`
	sqlLock      = `SELECT ` + columns + ` FROM merchant WHERE owner = $1 {lock:merchant}`
	sqlList      = `SELECT ` + columns + ` FROM merchant ORDER BY name, owner`
	sqlAnySecret = `SELECT owner, signing_secret FROM merchant ORDER BY owner LIMIT 1`
	sqlSecret    = `SELECT signing_secret FROM merchant WHERE owner = $1`

	sqlPublicOwner = `SELECT owner FROM alias WHERE value = $1 AND kind = $2`

	sqlInsertCredential = `INSERT INTO credential (owner, id, door, handle, secret_hash, role, label, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (owner, id) DO NOTHING RETURNING id`
	sqlCredential  = `SELECT ` + credentialColumns + ` FROM credential WHERE owner = $1 AND id = $2`
	sqlCredentials = `SELECT ` + credentialColumns + ` FROM credential WHERE owner = $1 ORDER BY id`
	sqlRevoke      = `UPDATE credential SET revoked_at = $3 WHERE owner = $1 AND id = $2 AND revoked_at IS NULL RETURNING id`

	sqlSetFee = `INSERT INTO merchant_fee (owner, rail, currency, flat, ppm, least, most) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (owner, rail, currency) DO UPDATE SET flat = excluded.flat, ppm = excluded.ppm, least = excluded.least, most = excluded.most`

	sqlNotes = `SELECT id, actor, action, subject, before, after, source, at FROM audit_log
		WHERE owner = $1 AND ($2 = '' OR subject = $2) ORDER BY id`
	sqlNote = `INSERT INTO audit_log (owner, id, actor, action, subject, before, after, source, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (owner, id) DO NOTHING`
	sqlNoteWritten = `SELECT id FROM audit_log WHERE owner = $1 AND id = $2`
	// The same line for a merchant that there may not be.
	sqlNoteOfMerchant = `INSERT INTO audit_log (owner, id, actor, action, subject, before, after, source, at)
		SELECT m.owner, CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS TEXT), CAST($7 AS TEXT),
			CAST($8 AS TEXT), CAST($9 AS BIGINT) FROM merchant m WHERE m.owner = $1 ON CONFLICT (owner, id) DO NOTHING`
)

// Logins and what is counted against names.
const (
	loginColumns = `l.owner, l.id, l.door, l.username, l.first_name, l.last_name, l.role, l.password, l.token, l.token_hash, l.created_at, l.revoked_at`

	sqlInsertLogin = `INSERT INTO login (owner, id, door, username, first_name, last_name, role, password, token, token_hash, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (owner, id) DO NOTHING RETURNING id`
	sqlSetLogin     = `UPDATE login SET password = $3, token = $4, token_hash = $5 WHERE owner = $1 AND id = $2`
	sqlRevokeLogin  = `UPDATE login SET revoked_at = $3 WHERE owner = $1 AND id = $2 AND revoked_at IS NULL RETURNING id`
	sqlLogin        = `SELECT ` + loginColumns + ` FROM login l WHERE l.owner = $1 AND l.id = $2`
	sqlLockLogin    = `SELECT ` + loginColumns + ` FROM login l WHERE l.owner = $1 AND l.id = $2 {lock:l}`
	sqlLogins       = `SELECT ` + loginColumns + ` FROM login l WHERE l.owner = $1 ORDER BY l.id`
	sqlLoginByAlias = `SELECT ` + loginColumns + ` FROM alias a JOIN login l ON l.owner = a.owner AND l.id = a.id
		WHERE a.value = $1 AND a.kind = $2`
	sqlLoginByName = `SELECT ` + loginColumns + `, m.settings FROM alias a JOIN login l ON l.owner = a.owner AND l.id = a.id
		JOIN merchant m ON m.owner = a.owner WHERE a.value = $1 AND a.kind = $2`

	sqlFailures     = `SELECT tries FROM sign_in_failure WHERE door = $1 AND name = $2`
	sqlLockFailures = `INSERT INTO sign_in_failure (door, name, tries, until) VALUES ($1, $2, '[]', $3)
		ON CONFLICT (door, name) DO UPDATE SET until = excluded.until RETURNING tries`
	sqlSetFailures    = `UPDATE sign_in_failure SET tries = $3 WHERE door = $1 AND name = $2`
	sqlTouchFailures  = `UPDATE sign_in_failure SET until = $3 WHERE door = $1 AND name = $2`
	sqlForgetFailures = `DELETE FROM sign_in_failure WHERE door = $1 AND name = $2`
	sqlPruneFailures  = `DELETE FROM sign_in_failure WHERE until < $1`
)

// Channels.
const (
	channelColumns = `id, name, sandbox, username, password_hash, networks, prefixes, profile, disabled`

	sqlInsertChannel = `INSERT INTO channel (owner, id, name, sandbox, username, password_hash, networks, prefixes, profile, disabled, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	sqlSetChannel = `UPDATE channel SET name = $3, username = $4, password_hash = $5, networks = $6, prefixes = $7, profile = $8, disabled = $9
		WHERE owner = $1 AND id = $2`
	sqlLockChannel = `SELECT ` + channelColumns + ` FROM channel WHERE owner = $1 AND id = $2 {lock:channel}`
	sqlChannels    = `SELECT ` + channelColumns + ` FROM channel WHERE owner = $1 ORDER BY id`
)

var bulkFees = store.NewBulk(`WITH k (owner, rail, currency) AS (VALUES {rows})
	SELECT f.owner, f.rail, f.currency, f.flat, f.ppm, f.least, f.most FROM k JOIN merchant_fee f
	ON f.owner = k.owner AND f.rail = k.rail AND f.currency = k.currency`, "TEXT", "TEXT", "TEXT")

var bulkCredential = store.NewBulk(`WITH k (o, i) AS (VALUES {rows})
	SELECT `+credentialColumns+` FROM k JOIN credential ON owner = k.o AND id = k.i`, "TEXT", "TEXT")

var bulkLogin = store.NewBulk(`WITH k (o, i) AS (VALUES {rows})
	SELECT `+loginColumns+` FROM k JOIN login l ON l.owner = k.o AND l.id = k.i`, "TEXT", "TEXT")

func (s *Service) read(ctx context.Context, sql string, args ...any) ([]Merchant, error) {
	var list []Merchant
	err := s.db.Query(ctx, sql, args, func(r store.Row) error {
		m, err := scan(r)
		list = append(list, m)
		return err
	})
	return list, err
}

func scan(r store.Row) (m Merchant, err error) {
	var mode, currencies, settings string
	var created int64
	if err := r.Scan(&m.Owner, &m.Name, &mode, &currencies, &settings, &created); err != nil {
		return m, err
	}
	m.Mode, m.CreatedAt = Mode(mode), clock.FromMicros(created)
	for _, c := range strings.Split(currencies, ",") {
		m.Currencies = append(m.Currencies, money.Currency(c))
	}
	if err := json.Unmarshal([]byte(settings), &m.Settings); err != nil {
		return m, fmt.Errorf("settings of merchant %s: %w", m.Owner, err)
	}
	return m, nil
}

func scanCredential(r store.Row) (c Credential, hash string, err error) {
	var role string
	var created int64
	var revoked *int64
	err = r.Scan(&c.Owner, &c.ID, &c.Door, &c.Handle, &hash, &role, &c.Label, &created, &revoked)
	c.Role, c.CreatedAt = Role(role), clock.FromMicros(created)
	if revoked != nil {
		c.RevokedAt = clock.FromMicros(*revoked)
	}
	return c, hash, err
}

// scanLogin reads loginColumns, and whatever follows them into more.
func scanLogin(r store.Row, more ...any) (k keptLogin, err error) {
	var role string
	var created int64
	var revoked *int64
	err = r.Scan(append([]any{
		&k.Owner, &k.ID, &k.Door, &k.Username, &k.FirstName, &k.LastName, &role, &k.password, &k.token, &k.tokenHash, &created, &revoked,
	}, more...)...)
	k.Role, k.CreatedAt = Role(role), clock.FromMicros(created)
	if revoked != nil {
		k.RevokedAt = clock.FromMicros(*revoked)
	}
	return k, err
}

func scanFailures(r store.Row) (tally.List, error) {
	var text string
	if err := r.Scan(&text); err != nil {
		return nil, err
	}
	return tally.Read(text)
}

// scanChannel reads channelColumns.
func scanChannel(r store.Row) (k keptChannel, err error) {
	var networks, prefixes, profile string
	var sandbox, disabled int64
	if err := r.Scan(&k.ID, &k.Name, &sandbox, &k.Username, &k.hash, &networks, &prefixes, &profile, &disabled); err != nil {
		return k, err
	}
	k.Sandbox, k.Disabled = sandbox != 0, disabled != 0
	for network := range strings.SplitSeq(networks, ",") {
		if network == "" {
			continue
		}
		p, err := netip.ParsePrefix(network)
		if err != nil {
			return k, fmt.Errorf("networks of channel %s: %w", k.ID, err)
		}
		k.Networks = append(k.Networks, p)
	}
	if prefixes != "" {
		k.Prefixes = strings.Split(prefixes, ",")
	}
	if err := json.Unmarshal([]byte(profile), &k.Profile); err != nil {
		return k, fmt.Errorf("profile of channel %s: %w", k.ID, err)
	}
	return k, nil
}
