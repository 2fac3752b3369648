package seal

import "sarraf/store"

const (
	sqlKeyInsert = `INSERT INTO seal_key (public_key) VALUES ($1) ON CONFLICT (public_key) DO NOTHING`
	sqlKeys      = `SELECT public_key FROM seal_key ORDER BY public_key`
	sqlOfSource  = `SELECT owner, chain, seq, prev, hash, signature FROM seal WHERE chain >= $1 AND chain < $2 ORDER BY owner, chain, seq`
	sqlAll       = `SELECT owner, chain, seq, prev, hash, signature FROM seal ORDER BY owner, chain, seq`
	sqlHeads     = `SELECT owner, chains, hash, signature FROM seal_head ORDER BY owner`
)

var (
	// The last seal of each chain: its number, and its hash.
	bulkLast = store.NewBulk(`WITH k (owner, chain) AS (VALUES {rows})
		SELECT s.owner, s.chain, s.seq, s.hash FROM k JOIN seal s ON s.owner = k.owner AND s.chain = k.chain
		AND s.seq = (SELECT MAX(l.seq) FROM seal l WHERE l.owner = k.owner AND l.chain = k.chain)`, "TEXT", "TEXT")
	// Whoever has the head's row seals the owner's chains.
	bulkHeadLock = store.NewBulk(`INSERT INTO seal_head (owner, chains, hash, signature) VALUES {rows}
		ON CONFLICT (owner) DO UPDATE SET chains = seal_head.chains`, "TEXT", "BIGINT", "TEXT", "TEXT")
	bulkHeadUpdate = store.NewBulk(`WITH d (owner, chains, hash, signature) AS (VALUES {rows})
		UPDATE seal_head SET chains = d.chains, hash = d.hash, signature = d.signature FROM d WHERE seal_head.owner = d.owner`,
		"TEXT", "BIGINT", "TEXT", "TEXT")
	bulkInsert = store.NewBulk(`INSERT INTO seal (owner, chain, seq, prev, hash, signature) VALUES {rows}`,
		"TEXT", "TEXT", "BIGINT", "BIGINT", "TEXT", "TEXT")
)

func scan(r store.Row) (s sealed, err error) {
	err = r.Scan(&s.owner, &s.chain, &s.seq, &s.prev, &s.hash, &s.signature)
	return s, err
}

func scanHead(r store.Row) (h head, err error) {
	err = r.Scan(&h.owner, &h.chains, &h.hash, &h.signature)
	return h, err
}
