package merchant

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"

	"sarraf/fault"
	"sarraf/internal/keyring"
	"sarraf/store"
)

// tokenBytes are the random bytes of a token: 344 characters in base64, as integrators' columns have room for.
const tokenBytes = 256

// tokenPurpose binds an encrypted token to its use.
const tokenPurpose = "sign-in token"

// errNoKey says that the service was made without the master key, which this needs.
var errNoKey = errors.New("merchant: the master key is not set")

func tokenKind(door string) string { return "token/" + door }

// TokenKind is the kind under which the hashes of a door's tokens are kept as aliases.
func TokenKind(door string) string { return tokenKind(door) }

// keptToken is a token as it is kept: encrypted, since each signing in is answered with it again, and hashed, to be looked up by.
type keptToken struct{ sealed, hash string }

func (s *Service) newToken(owner, login string) (t keptToken, err error) {
	if s.keys == nil {
		return t, errNoKey
	}
	raw := make([]byte, tokenBytes)
	_, _ = rand.Read(raw) // never fails
	token := base64.StdEncoding.EncodeToString(raw)
	t.hash = keyring.HashSecret(token)
	t.sealed, err = s.keys.Encrypt(tokenPurpose, []byte(token), tokenRow(owner, login))
	return t, err
}

func tokenRow(owner, login string) []byte { return []byte(owner + " " + login) }

// openToken is the token of a login in clear.
func (s *Service) openToken(k keptLogin) (string, error) {
	token, err := s.keys.Decrypt(tokenPurpose, k.token, tokenRow(k.Owner, k.ID))
	return string(token), err
}

// AuthenticateToken answers whose token this is, at most a second after it was revoked. Every failure is the same fault
// CredentialsInvalid; a database that is gone is a fault Outage.
func (s *Service) AuthenticateToken(ctx context.Context, door, token string) (Merchant, Login, error) {
	hash := keyring.HashSecret(token)
	k, err := s.cache.token(door+" "+hash, func() (keptLogin, error) { return s.lookUpToken(ctx, door, hash) })
	if err != nil {
		return Merchant{}, Login{}, err
	}
	same := subtle.ConstantTimeCompare([]byte(hash), []byte(k.tokenHash)) == 1
	if !same || !k.good() {
		return Merchant{}, Login{}, fault.New(fault.CredentialsInvalid)
	}
	m, err := s.Get(ctx, k.Owner)
	if err == nil && m.Settings.Disabled {
		err = fault.New(fault.CredentialsInvalid)
	}
	if err != nil {
		return Merchant{}, Login{}, err
	}
	return m, k.Login, nil
}

// lookUpToken reads the login that a token was made for; for an unknown one it answers a login that no token is of.
func (s *Service) lookUpToken(ctx context.Context, door, hash string) (keptLogin, error) {
	k := keptLogin{tokenHash: strings.Repeat("0", len(hash))}
	err := s.db.Query(ctx, sqlLoginByAlias, []any{hash, tokenKind(door)}, func(r store.Row) (err error) {
		k, err = scanLogin(r)
		k.password, k.token = "", "" // not for the cache
		return err
	})
	return k, err
}
