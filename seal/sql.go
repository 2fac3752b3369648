package seal

import "sarraf/store"

const (
	sqlKeyInsert = `INSERT INTO seal_key (public_key) VALUES ($1) ON CONFLICT (public_key) DO NOTHING`
	sqlKeys      = `SELECT public_key FROM seal_key ORDER BY public_key`
	sqlAll       = `SELECT owner, chain, seq, prev, hash, signature FROM seal WHERE chain >= $1 AND chain < $2 ORDER BY owner, chain, seq`
	sqlStrays    = `SELECT owner, chain, seq FROM seal ORDER BY owner, chain, seq`
)

var (
	// The last seal of each chain: its number, and its hash.
	bulkLast = store.NewBulk(`WITH k (owner, chain) AS (VALUES {rows})
		SELECT s.owner, s.chain, s.seq, s.hash FROM k JOIN seal s ON s.owner = k.owner AND s.chain = k.chain
		AND s.seq = (SELECT MAX(l.seq) FROM seal l WHERE l.owner = k.owner AND l.chain = k.chain)`, "TEXT", "TEXT")
	// Another node may have sealed the same rows meanwhile: one of the two counts, and the chain never forks, since prev is unique.
	bulkInsert = store.NewBulk(`INSERT INTO seal (owner, chain, seq, prev, hash, signature) VALUES {rows} ON CONFLICT DO NOTHING`,
		"TEXT", "TEXT", "BIGINT", "BIGINT", "TEXT", "TEXT")
)

func scan(r store.Row) (s sealed, err error) {
	err = r.Scan(&s.owner, &s.chain, &s.seq, &s.prev, &s.hash, &s.signature)
	return s, err
}
