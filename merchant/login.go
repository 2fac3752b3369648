package merchant

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/store"
)

// Login is a user of a merchant at a front door: a person, or a program, that signs in with a name and a password and is given a token.
type Login struct {
	Owner, ID, Door     string
	Username            string // 3 to 64 visible ASCII characters, compared exactly; unique at the door over all merchants, for ever
	FirstName, LastName string // for people; may be empty
	Role                Role
	CreatedAt           time.Time
	RevokedAt           time.Time // zero while it is good
}

// Lengths of a username, in bytes, and of a person's names, in characters.
const (
	leastUsername = 3
	mostUsername  = 64
	mostPerson    = 100
)

// AddLogin makes a user and its token. A username is never given again, not even when its login is revoked: who asked must be plain from
// the name. Faults: MerchantMissing; FieldRequired on door; FieldRequired, FieldTooLong (max), FieldMalformed on username; FieldTooLong,
// FieldControl on first_name and last_name; FieldNotOneOf on role; those of SetPassword on password; ReferenceTaken on username.
func (s *Service) AddLogin(ctx context.Context, by Actor, l Login, password string) (Login, error) {
	if err := l.check(); err != nil {
		return l, err
	}
	if err := checkPassword(l.Username, password); err != nil {
		return l, err
	}
	if _, err := s.get(ctx, l.Owner); err != nil {
		return l, err
	}
	l.ID, l.CreatedAt, l.RevokedAt = id.New(s.clock), s.clock.Now(), time.Time{}
	token, err := s.newToken(l.Owner, l.ID)
	if err != nil {
		return l, err
	}
	line, err := s.note(by, l.Owner, "login.add", l.ID)
	if err != nil {
		return l, err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return l, err
	}
	err = s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		fresh := false
		err := tx.Query(ctx, sqlInsertLogin, []any{
			l.Owner, l.ID, l.Door, l.Username, l.FirstName, l.LastName, string(l.Role), hash, token.sealed, token.hash, clock.Micros(l.CreatedAt),
		}, func(r store.Row) error {
			fresh = true
			return r.Scan(new(string))
		})
		if err != nil || !fresh { // it is there: our own earlier work
			return err
		}
		tx.PutAliases([]store.Alias{
			{Value: l.Username, Kind: loginKind(l.Door), Owner: l.Owner, ID: l.ID},
			{Value: token.hash, Kind: tokenKind(l.Door), Owner: l.Owner, ID: l.ID},
		})
		line.later(tx, "", l.Door+" "+l.Username+" "+string(l.Role))
		return nil
	})
	if store.IsUnique(err) {
		err = fault.New(fault.ReferenceTaken).On("username")
	}
	return l, err
}

// check says what is wrong with a new login, all of it.
func (l Login) check() error {
	var faults []*fault.Error
	if l.Door == "" {
		faults = append(faults, fault.New(fault.FieldRequired).On("door"))
	}
	switch {
	case l.Username == "":
		faults = append(faults, fault.New(fault.FieldRequired).On("username"))
	case len(l.Username) > mostUsername:
		faults = append(faults, fault.New(fault.FieldTooLong).On("username").With("max", "64"))
	case !isUsername(l.Username):
		faults = append(faults, fault.New(fault.FieldMalformed).On("username"))
	}
	faults = append(faults, person("first_name", l.FirstName), person("last_name", l.LastName))
	if l.Role != Admin && l.Role != Maker && l.Role != Viewer {
		faults = append(faults, fault.New(fault.FieldNotOneOf).On("role").With("allowed", "admin,maker,viewer"))
	}
	return fault.Join(faults...)
}

// person says what is wrong with a name for people; nil when nothing is.
func person(field, text string) *fault.Error {
	switch {
	case utf8.RuneCountInString(text) > mostPerson:
		return fault.New(fault.FieldTooLong).On(field).With("max", "100")
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return fault.New(fault.FieldControl).On(field)
	}
	return nil
}

// isUsername reports whether somebody could have the name.
func isUsername(text string) bool {
	return len(text) >= leastUsername && len(text) <= mostUsername && visible(text)
}

func loginKind(door string) string { return "login/" + door }

// LoginKind is the kind under which the names of a door's users are kept as aliases.
func LoginKind(door string) string { return loginKind(door) }

// Logins lists the merchant's users, oldest first.
func (s *Service) Logins(ctx context.Context, owner string) ([]Login, error) {
	var list []Login
	err := s.db.Query(ctx, sqlLogins, []any{owner}, func(r store.Row) error {
		k, err := scanLogin(r)
		list = append(list, k.Login)
		return err
	})
	return list, err
}

// SetPassword gives a user another password, and another token at its next signing in: the old one is refused on every node within a
// second. What was counted against the name is forgotten. Faults: FieldRequired, FieldTooLong (max), FieldControl, FieldMalformed on
// password (8 to 128 bytes of UTF-8 without control characters, and not the username); CredentialsInvalid when the merchant has no such
// login, or it is revoked.
func (s *Service) SetPassword(ctx context.Context, by Actor, owner, login, password string) error {
	had, err := s.loginOf(ctx, owner, login)
	switch {
	case err != nil:
		return err
	case s.keys == nil:
		return errNoKey
	}
	if err := checkPassword(had.Username, password); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	name := s.failureName(had.Door, had.Username)
	return s.changeLogin(ctx, by, "login.password", had.Login, func(tx *store.Tx, k *keptLogin) {
		k.password = hash
		tx.Later(sqlForgetFailures, []any{had.Door, name}, nil)
	})
}

// RevokeToken ends a user's token, on every node within a second: the next signing in gives another. Fault: CredentialsInvalid when the
// merchant has no such login, or it is revoked.
func (s *Service) RevokeToken(ctx context.Context, by Actor, owner, login string) error {
	had, err := s.loginOf(ctx, owner, login)
	if err != nil {
		return err
	}
	return s.changeLogin(ctx, by, "login.token", had.Login, func(*store.Tx, *keptLogin) {})
}

// loginOf is a login of the merchant that is good, or a fault CredentialsInvalid.
func (s *Service) loginOf(ctx context.Context, owner, login string) (k keptLogin, err error) {
	err = s.db.Query(ctx, sqlLogin, []any{owner, login}, func(r store.Row) (err error) {
		k, err = scanLogin(r)
		return err
	})
	if err == nil && !k.good() {
		err = fault.New(fault.CredentialsInvalid)
	}
	return k, err
}

// changeLogin changes a login under its lock and gives it a new token, which ends the one it had.
func (s *Service) changeLogin(ctx context.Context, by Actor, action string, l Login, change func(*store.Tx, *keptLogin)) error {
	token, err := s.newToken(l.Owner, l.ID)
	if err != nil {
		return err
	}
	line, err := s.note(by, l.Owner, action, l.ID)
	if err != nil {
		return err
	}
	defer s.cache.forget(l.Owner)
	return s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		var k keptLogin
		err := tx.Query(ctx, sqlLockLogin, []any{l.Owner, l.ID}, func(r store.Row) (err error) {
			k, err = scanLogin(r)
			return err
		})
		switch {
		case err != nil:
			return err
		case k.tokenHash == token.hash: // our own earlier work
			return nil
		case !k.good():
			return fault.New(fault.CredentialsInvalid)
		}
		change(tx, &k)
		tx.Later(sqlSetLogin, []any{l.Owner, l.ID, k.password, token.sealed, token.hash}, nil)
		tx.PutAliases([]store.Alias{{Value: token.hash, Kind: tokenKind(l.Door), Owner: l.Owner, ID: l.ID}})
		line.later(tx, "", l.Door+" "+l.Username)
		return nil
	})
}

// RevokeLogin ends a user, on every node within a second. One that is revoked stays so. Fault: CredentialsInvalid when the merchant has
// none with the id.
func (s *Service) RevokeLogin(ctx context.Context, by Actor, owner, login string) error {
	line, err := s.note(by, owner, "login.revoke", login)
	if err != nil {
		return err
	}
	defer s.cache.forget(owner)
	return s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		revoked := false
		tx.Later(sqlRevokeLogin, []any{owner, login, clock.Micros(line.at)}, func(r store.Row) error {
			revoked = true
			return r.Scan(new(string))
		})
		var k keptLogin
		err := tx.Query(ctx, sqlLogin, []any{owner, login}, func(r store.Row) (err error) {
			k, err = scanLogin(r)
			return err
		})
		switch {
		case err != nil:
			return err
		case k.ID == "":
			return fault.New(fault.CredentialsInvalid)
		case revoked:
			line.later(tx, k.Door+" "+k.Username, "")
		}
		return nil
	})
}

// keptLogin is a login with its secrets, as they are kept.
type keptLogin struct {
	Login
	password  string // argon2id, as a PHC string
	token     string // encrypted
	tokenHash string
}

// good reports whether there is such a login and it is not revoked.
func (k keptLogin) good() bool { return k.ID != "" && k.RevokedAt.IsZero() }
