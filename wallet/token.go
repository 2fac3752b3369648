package wallet

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
	"sarraf/merchant"
	"sarraf/store"
)

// A token ends when it is not used for as long as the Access was told, and tokenLife after it was given in any case.
const (
	tokenLife = 30 * 24 * time.Hour
	// touchAfter is how often it is written down that a token is used, so that reading does not write.
	touchAfter = time.Minute
	// mostTokens is how many tokens of a wallet are good at once: a further one ends the oldest.
	mostTokens = 50
	// tokenRandom are the random bytes of a token; the wallet's id stands before them.
	tokenRandom = 32
	ownerBytes  = 16
	// strangerKept is how long it is remembered that a number that nobody has was tried.
	strangerKept = 24 * time.Hour
)

// Session is a wallet's being signed in somewhere. What proves it is known to its holder alone.
type Session struct {
	Door      string
	Address   string // where the signing in came from; "" where that is not known
	CreatedAt time.Time
	UsedAt    time.Time // the last use, to the minute
}

// session is a token as it is kept.
type session struct {
	Session
	owner, hash string
}

// newToken is a token for a wallet: its id and 256 random bits, as 64 characters of [A-Za-z0-9_-]. That the owner can be read from it has every
// look-up name the owner.
func newToken(owner string) (string, error) {
	raw, err := ownerOf(owner)
	if err != nil {
		return "", err
	}
	random := make([]byte, tokenRandom)
	_, _ = rand.Read(random) // never fails
	return base64.RawURLEncoding.EncodeToString(append(raw, random...)), nil
}

// ownerOf is a wallet's id as the bytes that it stands for.
func ownerOf(owner string) ([]byte, error) {
	if !id.Valid(owner) {
		return nil, fault.New(fault.WalletMissing)
	}
	return hex.DecodeString(owner[:8] + owner[9:13] + owner[14:18] + owner[19:23] + owner[24:])
}

// TokenOwner is the wallet that a token would be of, "" for what is no token. It proves nothing.
func TokenOwner(token string) string {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != ownerBytes+tokenRandom || len(token) != base64.RawURLEncoding.EncodedLen(len(raw)) {
		return ""
	}
	text := hex.EncodeToString(raw[:ownerBytes])
	owner := text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
	if !id.Valid(owner) {
		return ""
	}
	return owner
}

// SignIn gives a token to whoever knows the PIN of the wallet with the number, in E.164. A wallet that waits for approval may sign in. door and
// address say where it happens, for the holder and the operator.
//
// Faults: PINMalformed on pin, which counts as nothing; PINLocked on pin (retry_after) after five wrong ones in a row, counted with those that
// are shown for anything else; CredentialsInvalid, after the same work, for a wrong PIN, for a wallet that has none, and for a number that
// nobody has, which is locked after five of them as well; PermissionMissing for a wallet that is suspended, to whoever knows its PIN.
func (a *Access) SignIn(ctx context.Context, number, pin, door, address string) (token string, w Wallet, err error) {
	if a.keys == nil {
		return "", Wallet{}, errNoKey
	}
	token, w, err = a.signIn(ctx, number, pin, door, address)
	outcome := signedIn
	switch {
	case err == nil:
	case fault.Has(err, fault.CredentialsInvalid):
		outcome = signInWrong
	case fault.Has(err, fault.PINMalformed):
		outcome = signInMalformed
	case fault.Has(err, fault.PINLocked):
		outcome = signInLocked
	case fault.Has(err, fault.PermissionMissing):
		outcome = signInSuspended
	default:
		outcome = signInFailed
	}
	a.observer.SignIn(outcome)
	if err != nil {
		return "", Wallet{}, err
	}
	return token, w, nil
}

func (a *Access) signIn(ctx context.Context, number, pin, door, address string) (token string, w Wallet, err error) {
	if !ValidPIN(pin) {
		return "", w, fault.New(fault.PINMalformed).On("pin")
	}
	asked := number
	if !isNumber(number) {
		asked = "" // nobody has it
	}
	owner, _, err := a.db.ResolveAlias(ctx, NumberAlias, asked)
	if err != nil {
		return "", w, err
	}
	if owner == "" {
		return "", w, a.stranger(ctx, number, pin)
	}
	if token, err = newToken(owner); err != nil {
		return "", w, err
	}
	now := a.clock.Now()
	s := session{Session: Session{Door: door, Address: address, CreatedAt: now, UsedAt: now}, owner: owner, hash: keyring.HashSecret(token)}
	locked := merchant.Line{Owner: owner, ID: id.New(a.clock), Actor: "somebody", Source: address, Action: "wallet.locked", Subject: owner, At: now}
	if address == "" {
		locked.Source = "an unknown address"
	}
	var refused error // a wrong PIN is written down, so that it is no error of the transaction
	err = a.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		have := newHouse()
		have.lockLater(tx, []string{owner})
		have.walletsLater(tx, []string{owner})
		if err := tx.Flush(ctx); err != nil {
			return err
		}
		k, st := have.wallets[owner], have.states[owner]
		if k == nil || st == nil {
			refused = fault.New(fault.CredentialsInvalid)
			return nil
		}
		// PIN, status and token under one lock: a PIN that is reset, or a wallet that is suspended, at this moment leaves no token behind.
		refused, w = wrongIsUnknown(a.wallets.show(k, st, pin, now)), k.Wallet
		if st.lockedUntil != 0 && st.changed {
			merchant.NoteLater(tx, locked)
		}
		have.recordStates(tx)
		switch {
		case refused != nil:
			return nil
		case k.Status == Suspended:
			refused = fault.New(fault.PermissionMissing)
			return nil
		}
		tx.Later(sqlPutToken, []any{s.owner, s.hash, s.Door, s.Address, clock.Micros(s.CreatedAt)}, nil)
		tx.Later(sqlEndOldest, []any{s.owner, int64(mostTokens)}, nil)
		return nil
	})
	if err == nil {
		err = refused
	}
	return token, w, err
}

// isNumber reports whether somebody could have the number: it has the form of E.164.
func isNumber(text string) bool {
	digits, ok := strings.CutPrefix(text, "+")
	return ok && digits != "" && len(digits) <= 15 && strings.Trim(digits, "0123456789") == ""
}

// wrongIsUnknown is a fault about a PIN as it is told to whoever may have no wallet at all.
func wrongIsUnknown(err error) error {
	if fault.Has(err, fault.PINWrong) {
		return fault.New(fault.CredentialsInvalid)
	}
	return err
}

// stranger refuses a number that nobody has, as one whose PIN was wrong, and counts that in the same way.
func (a *Access) stranger(ctx context.Context, number, pin string) error {
	name, now := strangerName(a.keys, number), a.clock.Now()
	var refused error
	err := a.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		var nobody kept
		var st state
		found := false
		read := func(r store.Row) error {
			found = true
			return r.Scan(&st.failures, &st.lockedUntil)
		}
		if err := tx.Query(ctx, sqlLockStranger, []any{name}, read); err != nil {
			return err
		}
		if !found {
			tx.Later(sqlPutStranger, []any{name, clock.Micros(now)}, nil)
			if err := tx.Query(ctx, sqlLockStranger, []any{name}, read); err != nil {
				return err
			}
		}
		refused = wrongIsUnknown(a.wallets.show(&nobody, &st, pin, now))
		if st.changed {
			tx.Later(sqlSetStranger, []any{name, st.failures, st.lockedUntil, clock.Micros(now)}, nil)
		}
		return nil
	})
	if err == nil {
		err = refused
	}
	return err
}

// known is what authentication keeps of a token: the wallet with it.
type known struct {
	session
	wallet Wallet
}

// Authenticate answers whose token this is, at most half a second after it was ended on another node. Every failure is the same fault
// CredentialsInvalid: a token that is none, that was ended, that was not used for too long, that is older than 30 days, or whose wallet is
// suspended. A database that is gone is a fault Outage.
func (a *Access) Authenticate(ctx context.Context, token string) (Wallet, error) {
	owner := TokenOwner(token)
	if owner == "" {
		return Wallet{}, fault.New(fault.CredentialsInvalid)
	}
	hash := keyring.HashSecret(token)
	read := func() (known, error) { return a.lookUp(ctx, owner, hash) }
	k, err := a.tokens.Get(hash, read, func(k known) bool { return k.hash != "" })
	if now := a.clock.Now(); err == nil && k.good(now, a.idle) && k.stale(now) {
		a.tokens.Drop(hash) // its use is to be written down
		k, err = a.tokens.Get(hash, read, func(k known) bool { return k.hash != "" })
	}
	switch {
	case err != nil:
		return Wallet{}, err
	case !k.good(a.clock.Now(), a.idle) || k.wallet.Status == Suspended:
		return Wallet{}, fault.New(fault.CredentialsInvalid)
	}
	return k.wallet, nil
}

// good reports whether the token can be used at that time.
func (k known) good(now time.Time, idle time.Duration) bool {
	age := now.Sub(k.CreatedAt)
	// One from the future was made by a clock that was wrong: it would be good for longer than any other.
	return k.hash != "" && age > -clockSlack && age < tokenLife && now.Sub(k.UsedAt) < idle
}

// stale reports whether the use of the token at that time is to be written down. A clock that went back has it written down anew, since the
// token would not become idle until it is there again.
func (k known) stale(now time.Time) bool { return now.Sub(k.UsedAt).Abs() >= touchAfter }

// lookUp reads a token with its wallet, and writes down that it is used; the zero known for one that nobody was given.
func (a *Access) lookUp(ctx context.Context, owner, hash string) (k known, err error) {
	err = a.db.Query(ctx, sqlToken, []any{owner, hash}, func(r store.Row) (err error) {
		k.session, err = scanToken(r)
		return err
	})
	if err != nil || k.hash == "" {
		return known{}, err
	}
	k.wallet, err = a.wallets.Get(ctx, owner)
	switch now := a.clock.Now(); {
	case fault.Has(err, fault.WalletMissing):
		return known{}, nil
	case err != nil:
		return known{}, err
	case k.good(now, a.idle) && k.stale(now):
		t := touch{owner: owner, hash: hash, before: clock.Micros(k.UsedAt), now: clock.Micros(now)}
		k.UsedAt = now
		_, err = a.wallets.touches.Do(ctx, owner, nil, t)
	}
	return k, err
}

// touch is that a token was used: it is written down where nobody else has done so meanwhile.
type touch struct {
	owner, hash string
	before, now int64
}

// touchSlice writes down several at once: whoever comes back after a minute is not alone, and a commit for each would cost more than what they
// came for.
func touchSlice(_ context.Context, tx *store.Tx, list []touch) ([]store.Outcome[struct{}], error) {
	out := make([]store.Outcome[struct{}], len(list))
	list = slices.Clone(list)
	slices.SortFunc(list, func(x, y touch) int { return cmp.Or(cmp.Compare(x.owner, y.owner), cmp.Compare(x.hash, y.hash)) })
	list = slices.CompactFunc(list, func(x, y touch) bool { return x.owner == y.owner && x.hash == y.hash })
	args := make([]any, 0, 4*len(list))
	for _, t := range list {
		args = append(args, t.owner, t.hash, t.before, t.now)
	}
	tx.LaterRows(bulkTouchTokens, args, nil)
	return out, nil
}

// SignOut ends a token, on every node within half a second. One that is no token, or has ended, is nothing to complain about: its holder may
// have been asked to sign out twice.
func (a *Access) SignOut(ctx context.Context, token string) error {
	owner := TokenOwner(token)
	if owner == "" {
		return nil
	}
	hash := keyring.HashSecret(token)
	defer a.tokens.Drop(hash)
	return a.db.Write(ctx, func(_ context.Context, tx *store.Tx) error {
		tx.Later(sqlEndToken, []any{owner, hash}, nil)
		return nil
	})
}

// RevokeAll ends all tokens of a wallet, on every node within half a second, and notes who did so. Fault: WalletMissing.
func (a *Access) RevokeAll(ctx context.Context, by merchant.Actor, owner string) error {
	if by.Name == "" || by.Source == "" {
		return errNoActor
	}
	if _, err := a.wallets.Get(ctx, owner); err != nil {
		return err
	}
	line := merchant.Line{
		Owner: owner, ID: id.New(a.clock), Actor: by.Name, Source: by.Source, Action: "wallet.sign_out", Subject: owner, At: a.clock.Now(),
	}
	defer a.tokens.Clear()
	return a.db.Write(ctx, func(_ context.Context, tx *store.Tx) error {
		endTokens(tx, owner)
		merchant.NoteLater(tx, line)
		return nil
	})
}

// endTokens queues the end of all tokens of a wallet: what signed in before it was suspended, or with a PIN that it has no more, is out.
func endTokens(tx *store.Tx, owner string) { tx.Later(sqlEndTokens, []any{owner}, nil) }

// Sessions are where the wallet is signed in, the latest first.
func (a *Access) Sessions(ctx context.Context, owner string) ([]Session, error) {
	var list []Session
	now := a.clock.Now()
	err := a.db.Query(ctx, sqlTokens, []any{owner}, func(r store.Row) error {
		s, err := scanToken(r)
		if (known{session: s}).good(now, a.idle) {
			list = append(list, s.Session)
		}
		return err
	})
	return list, err
}
