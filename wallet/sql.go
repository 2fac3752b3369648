package wallet

import (
	"fmt"
	"strconv"
	"strings"

	"sarraf/internal/clock"
	"sarraf/money"
	"sarraf/store"
)

const (
	walletColumns = `w.owner, w.merchant, w.reference, w.kind, w.name, w.number, w.email, w.address, w.status, w.sandbox, w.currencies, w.zone,
		w.pin_salt, w.pin_hash, w.qr_serial, w.created_at, w.updated_at`
	transferColumns = `t.owner, t.id, t.number, t.door, t.kind, t.merchant, t.receiver, t.receiver_merchant, t.invoice, t.amount, t.fee, t.currency, t.note,
		t.rail, t.rail_reference, t.sender_name, t.sender_number, t.receiver_name, t.receiver_number, t.receiver_kind, t.balance_after, t.by_right,
		t.actor, t.echo, t.at`
	transferColumnCount = 25
)

// What is read of wallets.
const (
	sqlByReference = `SELECT ` + walletColumns + ` FROM wallet w WHERE w.reference = $1 AND w.merchant = $2`
	sqlPending     = `SELECT COUNT(*), COALESCE(MIN(updated_at), 0) FROM wallet WHERE status = 'pending'`
	sqlAnyWallet   = `SELECT owner FROM wallet ORDER BY owner LIMIT 1`
	sqlAllWallets  = `SELECT ` + walletColumns + ` FROM wallet w ORDER BY w.owner`
)

// sqlList lists wallets by the conditions that are wanted, their parameters in the order given; the last is how many.
func sqlList(merchant, status, after, before, backwards bool) string {
	var where []string
	n := 0
	add := func(wanted bool, condition string) {
		if wanted {
			n++
			where = append(where, condition+"$"+strconv.Itoa(n))
		}
	}
	add(merchant, "w.merchant = ")
	add(status, "w.status = ")
	add(after, "w.owner > ")
	add(before, "w.owner < ")
	text := `SELECT ` + walletColumns + ` FROM wallet w`
	if len(where) > 0 {
		text += ` WHERE ` + strings.Join(where, " AND ")
	}
	text += ` ORDER BY w.owner`
	if backwards {
		text += ` DESC`
	}
	return text + ` LIMIT $` + strconv.Itoa(n+1)
}

var (
	bulkWallets = store.NewBulk(`WITH k (owner) AS (VALUES {rows})
		SELECT `+walletColumns+` FROM k JOIN wallet w ON w.owner = k.owner`, "TEXT")
	bulkNumberOwners = store.NewBulk(`WITH k (value, kind) AS (VALUES {rows})
		SELECT a.value, a.owner FROM k JOIN alias a ON a.value = k.value AND a.kind = k.kind`, "TEXT", "TEXT")
	bulkReferencesTaken = store.NewBulk(`WITH k (reference, merchant) AS (VALUES {rows})
		SELECT w.reference, w.merchant FROM k JOIN wallet w ON w.reference = k.reference AND w.merchant = k.merchant`, "TEXT", "TEXT")
	// n numbers the keys in their order, so that the rows are locked in it.
	bulkLockStates = store.NewBulk(`WITH k (n, owner) AS (VALUES {rows})
		SELECT s.owner, s.pin_failures, s.pin_locked_until, s.used FROM k JOIN wallet_state s ON s.owner = k.owner ORDER BY k.n {lock:s}`,
		"BIGINT", "TEXT")
	bulkStates = store.NewBulk(`WITH k (n, owner) AS (VALUES {rows})
		SELECT s.owner, s.pin_failures, s.pin_locked_until, s.used FROM k JOIN wallet_state s ON s.owner = k.owner`, "BIGINT", "TEXT")
	bulkRules = store.NewBulk(`WITH k (owner) AS (VALUES {rows})
		SELECT r.owner, r.currency, r.movement, r.flat, r.ppm, r.least, r.most, r.smallest, r.greatest, r.daily, r.monthly
		FROM k JOIN wallet_rule r ON r.owner = k.owner`, "TEXT")
)

// What is written of wallets.
const (
	sqlUpdateWallet = `UPDATE wallet SET merchant = $2, reference = $3, kind = $4, name = $5, number = $6, email = $7, address = $8, status = $9,
		sandbox = $10, currencies = $11, zone = $12, pin_salt = $13, pin_hash = $14, qr_serial = $15, created_at = $16, updated_at = $17
		WHERE owner = $1`
	sqlForgetNumber = `DELETE FROM alias WHERE value = $1 AND kind = $2 AND owner = $3`
	sqlForgetRule   = `DELETE FROM wallet_rule WHERE owner = $1 AND currency = $2 AND movement = $3`
	sqlSetRule      = `INSERT INTO wallet_rule (owner, currency, movement, flat, ppm, least, most, smallest, greatest, daily, monthly)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
)

var (
	bulkInsertWallet = store.NewBulk(`INSERT INTO wallet (owner, merchant, reference, kind, name, number, email, address, status, sandbox,
		currencies, zone, pin_salt, pin_hash, qr_serial, created_at, updated_at) VALUES {rows}`, "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT",
		"TEXT", "TEXT", "TEXT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT")
	bulkInsertState = store.NewBulk(`INSERT INTO wallet_state (owner, pin_failures, pin_locked_until, used) VALUES {rows}`,
		"TEXT", "BIGINT", "BIGINT", "TEXT")
	// These rows are there, and locked: the conflict is certain.
	bulkUpdateStates = store.NewBulk(`WITH d (owner, pin_failures, pin_locked_until, used) AS (VALUES {rows})
		INSERT INTO wallet_state (owner, pin_failures, pin_locked_until, used)
		SELECT owner, pin_failures, pin_locked_until, used FROM d WHERE true
		ON CONFLICT (owner) DO UPDATE SET pin_failures = excluded.pin_failures, pin_locked_until = excluded.pin_locked_until, used = excluded.used`,
		"TEXT", "BIGINT", "BIGINT", "TEXT")
)

// Transfers.
var (
	bulkInsertTransfers = store.NewBulk(`INSERT INTO wallet_transfer (owner, id, number, door, kind, merchant, receiver, receiver_merchant, invoice,
		amount, fee, currency, note, rail, rail_reference, sender_name, sender_number, receiver_name, receiver_number, receiver_kind, balance_after,
		by_right, actor, echo, at) VALUES {rows}`, "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "TEXT",
		"TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "TEXT", "TEXT", "TEXT", "BIGINT")
	bulkTransfers = store.NewBulk(`WITH k (owner, id) AS (VALUES {rows})
		SELECT `+transferColumns+` FROM k JOIN wallet_transfer t ON t.owner = k.owner AND t.id = k.id`, "TEXT", "TEXT")
	bulkTransfersOfRail = store.NewBulk(`WITH k (rail_reference, rail, owner) AS (VALUES {rows})
		SELECT `+transferColumns+` FROM k JOIN wallet_transfer t ON t.rail_reference = k.rail_reference AND t.rail = k.rail AND t.owner = k.owner
		AND t.rail <> ''`, "TEXT", "TEXT", "TEXT")
	bulkPayers = store.NewBulk(`WITH k (id, receiver) AS (VALUES {rows})
		SELECT t.id, t.owner FROM k JOIN wallet_transfer t ON t.id = k.id AND t.receiver = k.receiver AND t.kind = 'payment' AND t.invoice <> ''`,
		"TEXT", "TEXT")
	bulkEchoes = store.NewBulk(`WITH k (echo, owner) AS (VALUES {rows})
		SELECT `+transferColumns+` FROM k JOIN wallet_transfer t ON t.echo = k.echo AND t.owner = k.owner AND t.echo <> ''`, "TEXT", "TEXT")
)

const (
	sqlTransfersByOwner = `SELECT ` + transferColumns + ` FROM wallet_transfer t ORDER BY t.owner, t.id`
	sqlTransfersByID    = `SELECT ` + transferColumns + ` FROM wallet_transfer t ORDER BY t.id, t.owner`
	sqlOfInvoices       = `SELECT ` + transferColumns + ` FROM wallet_transfer t WHERE t.invoice <> '' AND t.kind = 'payment' ORDER BY t.receiver, t.id`
	sqlOfPayouts        = `SELECT ` + transferColumns + ` FROM wallet_transfer t WHERE t.kind IN ($1, $2) ORDER BY t.owner, t.rail_reference, t.rail`
	sqlOfRefunds        = `SELECT ` + transferColumns + ` FROM wallet_transfer t WHERE t.kind = 'refund' ORDER BY t.owner, t.id`

	// What no event can tell: aliases that do not fit, and values that stand for others.
	sqlNoNumber = `SELECT w.owner, w.number FROM wallet w LEFT JOIN alias a ON a.value = w.number AND a.kind = $1
		WHERE w.number <> '' AND (a.owner IS NULL OR a.owner <> w.owner OR a.id <> w.owner)`
	sqlNoReceipt = `SELECT t.owner, t.id FROM wallet_transfer t LEFT JOIN alias a ON a.value = t.number AND a.kind = $1
		WHERE t.number <> '' AND (a.owner IS NULL OR a.owner <> t.owner OR a.id <> t.id)`
	sqlStrayNumber = `SELECT a.owner, a.value, a.kind FROM alias a LEFT JOIN wallet w ON w.owner = a.owner
		WHERE a.kind = $1 AND (w.owner IS NULL OR w.number <> a.value)`
	sqlStrayReceipt = `SELECT a.owner, a.value, a.kind FROM alias a LEFT JOIN wallet_transfer t ON t.owner = a.owner AND t.id = a.id
		WHERE a.kind = $1 AND (t.owner IS NULL OR t.number <> a.value)`
	sqlNoState = `SELECT w.owner, '' FROM wallet w LEFT JOIN wallet_state s ON s.owner = w.owner WHERE s.owner IS NULL`
)

func scanWallet(r store.Row) (w kept, err error) {
	var reference *string
	var kind, status, currencies string
	var sandbox, created, updated int64
	err = r.Scan(&w.Owner, &w.Merchant, &reference, &kind, &w.Name, &w.Number, &w.Email, &w.Address, &status, &sandbox, &currencies, &w.Zone,
		&w.pinSalt, &w.pinHash, &w.QRSerial, &created, &updated)
	if err != nil {
		return w, err
	}
	if reference != nil {
		w.Reference = *reference
	}
	w.Kind, w.Status, w.Sandbox, w.HasPIN = Kind(kind), Status(status), sandbox != 0, w.pinHash != ""
	w.CreatedAt, w.UpdatedAt = clock.FromMicros(created), clock.FromMicros(updated)
	for c := range strings.SplitSeq(currencies, ",") {
		w.Currencies = append(w.Currencies, money.Currency(c))
	}
	return w, nil
}

// args is the wallet as walletColumns has it.
func (w *kept) args() []any {
	var reference any
	if w.Reference != "" {
		reference = w.Reference
	}
	sandbox := int64(0)
	if w.Sandbox {
		sandbox = 1
	}
	return []any{
		w.Owner, w.Merchant, reference, string(w.Kind), w.Name, w.Number, w.Email, w.Address, string(w.Status), sandbox, codes(w.Currencies), w.Zone,
		w.pinSalt, w.pinHash, w.QRSerial, clock.Micros(w.CreatedAt), clock.Micros(w.UpdatedAt),
	}
}

// takeState reads a row of wallet_state.
func (h *house) takeState(r store.Row) error {
	st := &state{}
	var text string
	if err := r.Scan(&st.owner, &st.failures, &st.lockedUntil, &text); err != nil {
		return err
	}
	var err error
	if st.used, err = parseUsed(text); err != nil {
		return fmt.Errorf("what wallet %s has used: %w", st.owner, err)
	}
	h.states[st.owner] = st
	return nil
}

// scanTransfer reads transferColumns: the transfer, and its echo.
func scanTransfer(r store.Row) (t Transfer, echo string, err error) {
	var kind, currency, receiverKind, by string
	var at int64
	err = r.Scan(&t.Owner, &t.ID, &t.Number, &t.Door, &kind, &t.Merchant, &t.Receiver, &t.ReceiverMerchant, &t.Invoice, &t.Amount, &t.Fee, &currency,
		&t.Note, &t.Rail, &t.RailReference, &t.SenderName, &t.SenderNumber, &t.ReceiverName, &t.ReceiverNumber, &receiverKind, &t.BalanceAfter, &by,
		&t.Actor, &echo, &at)
	t.Kind, t.Currency, t.ReceiverKind, t.By, t.At = Movement(kind), money.Currency(currency), Kind(receiverKind), Right(by), clock.FromMicros(at)
	return t, echo, err
}

// args is the transfer as transferColumns has it.
func (t *Transfer) args(echo string) []any {
	return []any{
		t.Owner, t.ID, t.Number, t.Door, string(t.Kind), t.Merchant, t.Receiver, t.ReceiverMerchant, t.Invoice, t.Amount, t.Fee, string(t.Currency), t.Note,
		t.Rail, t.RailReference, t.SenderName, t.SenderNumber, t.ReceiverName, t.ReceiverNumber, string(t.ReceiverKind), t.BalanceAfter, string(t.By),
		t.Actor, echo, clock.Micros(t.At),
	}
}

// Codes, and who is signed in.
const (
	sqlLockAsked = `INSERT INTO wallet_asked (name, tries, until) VALUES ($1, '[]', $2)
		ON CONFLICT (name) DO UPDATE SET until = excluded.until RETURNING tries`
	sqlSetAsked   = `UPDATE wallet_asked SET tries = $2 WHERE name = $1`
	sqlPruneAsked = `DELETE FROM wallet_asked WHERE until < $1`

	sqlPutCode = `INSERT INTO wallet_code (name, purpose, id, hash, tries, last_try, made_at, used_by) VALUES ($1, $2, $3, $4, 0, '', $5, '')
		ON CONFLICT (name, purpose) DO UPDATE SET id = excluded.id, hash = excluded.hash, tries = 0, last_try = '', made_at = excluded.made_at, used_by = ''`
	sqlLockCode   = `SELECT id, hash, tries, last_try, made_at, used_by FROM wallet_code c WHERE c.name = $1 AND c.purpose = $2 {lock:c}`
	sqlUseCode    = `UPDATE wallet_code SET used_by = $3 WHERE name = $1 AND purpose = $2`
	sqlCountTry   = `UPDATE wallet_code SET tries = $3, last_try = $4 WHERE name = $1 AND purpose = $2`
	sqlPruneCodes = `DELETE FROM wallet_code WHERE made_at < $1`

	sqlPutStranger    = `INSERT INTO wallet_stranger (name, failures, locked_until, at) VALUES ($1, 0, 0, $2) ON CONFLICT (name) DO NOTHING`
	sqlLockStranger   = `SELECT failures, locked_until FROM wallet_stranger s WHERE s.name = $1 {lock:s}`
	sqlSetStranger    = `UPDATE wallet_stranger SET failures = $2, locked_until = $3, at = $4 WHERE name = $1`
	sqlPruneStrangers = `DELETE FROM wallet_stranger WHERE at < $1`

	tokenColumns = `owner, hash, door, address, created_at, used_at`

	sqlPutToken = `INSERT INTO wallet_token (owner, hash, door, address, created_at, used_at) VALUES ($1, $2, $3, $4, $5, $5)
		ON CONFLICT (owner, hash) DO NOTHING`
	sqlToken     = `SELECT ` + tokenColumns + ` FROM wallet_token WHERE owner = $1 AND hash = $2`
	sqlTokens    = `SELECT ` + tokenColumns + ` FROM wallet_token WHERE owner = $1 ORDER BY created_at DESC, hash`
	sqlEndToken  = `DELETE FROM wallet_token WHERE owner = $1 AND hash = $2`
	sqlEndTokens = `DELETE FROM wallet_token WHERE owner = $1`
	sqlEndOldest = `DELETE FROM wallet_token WHERE owner = $1 AND hash IN
		(SELECT hash FROM wallet_token WHERE owner = $1 ORDER BY created_at DESC, hash LIMIT 1000000 OFFSET $2)`
	sqlPruneTokens = `DELETE FROM wallet_token WHERE used_at <= $1`
)

// scanCode reads the columns of sqlLockCode.
func scanCode(r store.Row) (c keptCode, err error) {
	var made int64
	err = r.Scan(&c.id, &c.hash, &c.tries, &c.lastTry, &made, &c.usedBy)
	c.madeAt = clock.FromMicros(made)
	return c, err
}

// scanToken reads tokenColumns.
func scanToken(r store.Row) (s session, err error) {
	var created, used int64
	err = r.Scan(&s.owner, &s.hash, &s.Door, &s.Address, &created, &used)
	s.CreatedAt, s.UsedAt = clock.FromMicros(created), clock.FromMicros(used)
	return s, err
}

var bulkTouchTokens = store.NewBulk(`WITH d (owner, hash, before, used_at) AS (VALUES {rows})
	UPDATE wallet_token SET used_at = d.used_at
	FROM d WHERE wallet_token.owner = d.owner AND wallet_token.hash = d.hash AND wallet_token.used_at = d.before`, "TEXT", "TEXT", "BIGINT", "BIGINT")
