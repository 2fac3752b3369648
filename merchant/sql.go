package merchant

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"sarraf/internal/clock"
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
)

var bulkFees = store.NewBulk(`WITH k (owner, rail, currency) AS (VALUES {rows})
	SELECT f.owner, f.rail, f.currency, f.flat, f.ppm, f.least, f.most FROM k JOIN merchant_fee f
	ON f.owner = k.owner AND f.rail = k.rail AND f.currency = k.currency`, "TEXT", "TEXT", "TEXT")

var bulkCredential = store.NewBulk(`WITH k (o, i) AS (VALUES {rows})
	SELECT `+credentialColumns+` FROM k JOIN credential ON owner = k.o AND id = k.i`, "TEXT", "TEXT")

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
