package merchant

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/internal/tally"
	"sarraf/store"
)

// Signed is what a user has once it has signed in.
type Signed struct {
	Merchant Merchant
	Login    Login
	Token    string // the same at each signing in, until it is revoked or the password changes
}

// A name at a front door may be tried mostFailures times in failureSpan without success. Each guess is counted before it is tried.
const (
	mostFailures = 10
	failureSpan  = 15 * time.Minute
)

var failuresBound = tally.Bound{Most: mostFailures, Span: failureSpan}

// SignIn answers whose name and password these are, with the user's token. Every failure is the same fault CredentialsInvalid, after the
// same work, whether nobody has the name, the password is wrong, the login is revoked or its merchant disabled.
//
// Ten failures of a name at a door within 15 minutes are a fault RateLimited (retry_after: seconds until the first of them is 15 minutes
// old), whatever password is shown, also for a name that nobody has. They are counted in the database before a password is looked at: on
// however many nodes guesses come at once, no more are tried. A success and a new password forget them. Names are counted under a keyed
// hash, since people type all sorts of things there. The tenth failure of a login is a line in its merchant's audit log, with the address
// that it came from.
//
// Hashing takes turns; who has waited until ctx ends gets a fault Overloaded, and it counts as nothing. A database that is gone is a fault
// Outage.
func (s *Service) SignIn(ctx context.Context, door, username, password, address string) (Signed, error) {
	if s.keys == nil {
		return Signed{}, errNoKey
	}
	k, err := s.named(ctx, door, username)
	if err != nil {
		return Signed{}, err
	}
	g := guess{door: door, name: s.failureName(door, username), login: k, password: password, address: address}
	before, err := s.failures(ctx, g)
	if err != nil {
		return Signed{}, err
	}
	if wait := before.Wait(s.clock.Now(), failuresBound); wait > 0 {
		return Signed{}, limited(wait)
	}
	right := g.known(s.hasher)
	switch {
	case !right:
		right, err = s.try(ctx, g)
	case len(before) > 0:
		err = s.forgetFailures(ctx, g)
	}
	if err == nil && !right {
		err = fault.New(fault.CredentialsInvalid)
	}
	if err != nil {
		return Signed{}, err
	}
	m, err := s.Get(ctx, k.Owner)
	if err != nil {
		return Signed{}, err
	}
	token, err := s.openToken(k)
	return Signed{Merchant: m, Login: k.Login, Token: token}, err
}

// named reads the login that has the name at a door: the zero keptLogin unless it is good, and its merchant not shut out. It is one
// statement, so that it takes the same time for a name that nobody has.
func (s *Service) named(ctx context.Context, door, username string) (k keptLogin, err error) {
	if !isUsername(username) {
		username = "" // nobody has it
	}
	var m Merchant
	err = s.db.Query(ctx, sqlLoginByName, []any{username, loginKind(door)}, func(r store.Row) (err error) {
		var settings string
		if k, err = scanLogin(r, &settings); err != nil {
			return err
		}
		return json.Unmarshal([]byte(settings), &m.Settings)
	})
	if err != nil || !k.good() || m.Settings.Disabled {
		return keptLogin{}, err
	}
	return k, nil
}

// guess is a password that is shown for a name.
type guess struct {
	door     string
	name     string    // as it is counted
	login    keptLogin // whose name it is; zero when it is nobody's
	password string
	address  string
}

// known reports whether the password was right a moment ago.
func (g guess) known(h *hasher) bool {
	return g.login.good() && h.memo.has(g.login.password, g.password)
}

// try counts a guess and makes it. One caller at a time does so for a name: those who come with the right password at once must not
// count against each other.
func (s *Service) try(ctx context.Context, g guess) (right bool, err error) {
	leave, err := s.gates.enter(ctx, g.door+" "+g.name)
	if err != nil {
		return false, err
	}
	defer leave()
	if g.known(s.hasher) { // somebody else has just shown it
		return true, nil
	}
	done, err := s.hasher.slot(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	counted, err := s.count(ctx, g)
	if err != nil {
		return false, err
	}
	kept := g.login.password
	if len(g.password) > mostPassword {
		kept, g.password = "", "" // it is nobody's, and no more work than another
	}
	if kept == "" {
		kept = s.hasher.dummy
	}
	right, err = s.hasher.fits(kept, g.password)
	switch {
	case err == nil && right:
		err = s.forgetFailures(ctx, g)
	case err == nil && counted >= mostFailures:
		err = s.noteLocked(ctx, g)
	}
	return right, err
}

func limited(wait time.Duration) error {
	return fault.New(fault.RateLimited).With("retry_after", strconv.FormatInt(tally.Seconds(wait), 10))
}

// failures reads what is counted against a name.
func (s *Service) failures(ctx context.Context, g guess) (f tally.List, err error) {
	err = s.db.Query(ctx, sqlFailures, []any{g.door, g.name}, func(r store.Row) (err error) {
		f, err = scanFailures(r)
		return err
	})
	return f, err
}

// count counts a guess against its name under the lock of the name's row and answers how many there are now, or a fault RateLimited.
func (s *Service) count(ctx context.Context, g guess) (counted int, err error) {
	now := s.clock.Now()
	own := id.Token(9)
	err = s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		var f tally.List
		err := tx.Query(ctx, sqlLockFailures, []any{g.door, g.name, clock.Micros(now.Add(failureSpan))}, func(r store.Row) (err error) {
			f, err = scanFailures(r)
			return err
		})
		if err != nil {
			return err
		}
		f = f.Recent(now, failureSpan)
		if counted = len(f); f.Has(own) { // our own earlier work
			return nil
		}
		if wait := f.Wait(now, failuresBound); wait > 0 {
			return limited(wait)
		}
		counted++
		tx.Later(sqlSetFailures, []any{g.door, g.name, f.With(own, now).Text()}, nil)
		return nil
	})
	return counted, err
}

// noteLocked notes in the merchant's audit log that a name was tried too often. A name that nobody has is as much work: it changes a row too.
func (s *Service) noteLocked(ctx context.Context, g guess) error {
	address := g.address
	if address == "" {
		address = "an unknown address"
	}
	line, err := s.note(Actor{Name: "somebody", Source: address}, g.login.Owner, "login.locked", g.login.ID)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(_ context.Context, tx *store.Tx) error {
		tx.Later(sqlTouchFailures, []any{g.door, g.name, clock.Micros(line.at.Add(failureSpan))}, nil)
		tx.Later(sqlNoteOfMerchant, line.args("", g.login.Door+" "+g.login.Username), nil)
		return nil
	})
}

func (s *Service) forgetFailures(ctx context.Context, g guess) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.Exec(ctx, sqlForgetFailures, g.door, g.name) })
}

// PruneFailures forgets what is counted against names and counts no more.
func (s *Service) PruneFailures(ctx context.Context) error {
	now := clock.Micros(s.clock.Now())
	return s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.Exec(ctx, sqlPruneFailures, now) })
}

// failureName is how a name is kept that failed: whoever reads the table learns neither names nor passwords typed in their place.
func (s *Service) failureName(door, username string) string {
	mac := hmac.New(sha256.New, s.keys.Derive("sign-in failures"))
	mac.Write([]byte(door + "\x00" + username))
	return hex.EncodeToString(mac.Sum(nil))
}
