package wallet

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sarraf/internal/clock"
	"sarraf/internal/keyring"
	"sarraf/internal/recent"
	"sarraf/internal/tally"
	"sarraf/store"
)

// Sender sends text messages. After an error a message may have been sent all the same. Its errors hold neither the number nor the text.
type Sender interface {
	// Send sends the text to the number, in E.164. It must come to its end by itself, within some seconds.
	Send(ctx context.Context, number, text string) error
}

// AccessObserver is told what comes of codes and sign-ins, for metrics. Its methods must be quick and safe for concurrent use.
type AccessObserver interface {
	// Code is called with what came of asking for a code (sent, unsent, limited) or of showing one (used, again, wrong).
	Code(outcome string)
	// SignIn is called with what came of signing in: signed_in, wrong, malformed, locked, suspended, failed.
	SignIn(outcome string)
}

// CodeOutcomes and SignInOutcomes are what an AccessObserver is told.
var (
	CodeOutcomes   = []string{codeSent, codeUnsent, codeLimited, codeUsed, codeAgain, codeWrong}
	SignInOutcomes = []string{signedIn, signInWrong, signInMalformed, signInLocked, signInSuspended, signInFailed}
)

const (
	codeSent    = "sent"
	codeUnsent  = "unsent"
	codeLimited = "limited"
	codeUsed    = "used"
	codeAgain   = "again"
	codeWrong   = "wrong"

	signedIn        = "signed_in"
	signInWrong     = "wrong"
	signInMalformed = "malformed"
	signInLocked    = "locked"
	signInSuspended = "suspended"
	signInFailed    = "failed"
)

// Access lets people in: it sends one-time codes and takes them, makes wallets for those who sign up, and gives tokens to those who sign in.
// It is safe for concurrent use.
type Access struct {
	db        *store.DB
	wallets   *Service
	keys      *keyring.Keyring // nil where no code is to be made or taken
	sender    Sender           // nil where nobody can sign up
	clock     clock.Clock
	observer  AccessObserver
	text      string // of the message with a code
	idle      time.Duration
	byAddress tally.Bound // of codes
	prefixes  []string    // what numbers begin with that are sent codes; none for all
	tokens    *recent.Map[known]
}

// Defaults of what an Access can be told otherwise.
const (
	DefaultIdle            = 30 * time.Minute
	DefaultCodesPerAddress = 30
	DefaultCodeText        = codePlace + " is your code. It is good for 5 minutes. Never tell it to anybody, whoever asks."
	leastIdle              = 2 * time.Minute
	codePlace              = "{code}"
	mostCodeText           = 320 // characters of a message: longer ones cost more than they tell
)

// NewAccess lets people in to the service's wallets. keys may be nil where nobody signs up and codes are not asked for, as on a command line;
// sender nil says that no text messages can be sent, and that nobody can sign up. c is the clock of the database.
func NewAccess(db *store.DB, wallets *Service, keys *keyring.Keyring, sender Sender, c clock.Clock) *Access {
	return &Access{
		db: db, wallets: wallets, keys: keys, sender: sender, clock: c, observer: unobserved{}, text: DefaultCodeText, idle: DefaultIdle,
		byAddress: tally.Bound{Most: DefaultCodesPerAddress, Span: askedSpan}, tokens: recent.New[known](),
	}
}

// Observe has o told from now on. It is called before the Access is used.
func (a *Access) Observe(o AccessObserver) { a.observer = o }

// SetIdle says how long a token may be unused before it ends: 2 minutes to 30 days. It is called before the Access is used, with the same
// time on every node.
func (a *Access) SetIdle(d time.Duration) error {
	if d < leastIdle || d > tokenLife {
		return errors.New("wallet: a token may be idle for 2 minutes to 30 days")
	}
	a.idle = d
	return nil
}

// SetCodeText says what a message with a code reads: it has {code} in it, and 320 characters at most. It is called before the Access is used.
func (a *Access) SetCodeText(text string) error {
	switch {
	case strings.Count(text, codePlace) != 1:
		return errors.New("wallet: the text of a message with a code has {code} in it, once")
	case utf8.RuneCountInString(text) > mostCodeText || !utf8.ValidString(text):
		return errors.New("wallet: the text of a message with a code has at most 320 characters")
	}
	a.text = text
	return nil
}

// LimitCodes says how many codes may be asked for from one address within 10 minutes; 0 for no bound. It is called before the Access is used.
func (a *Access) LimitCodes(byAddress int) { a.byAddress.Most = byAddress }

// SendOnlyTo has codes sent only to numbers that begin with one of the prefixes, such as "+880"; none lets all numbers through. Whoever can have
// messages sent to numbers of their own choice all over the world can have them sent to ones that cost. It is called before the Access is
// used.
func (a *Access) SendOnlyTo(prefixes ...string) error {
	for _, p := range prefixes {
		if !isNumber(p) {
			return fmt.Errorf("wallet: %.20q is not what a number begins with: want a plus sign and digits, as +880", p)
		}
	}
	a.prefixes = slices.Clone(prefixes)
	return nil
}

// CanSignUp reports whether codes can be sent, so that people can sign up.
func (a *Access) CanSignUp() bool { return a.sender != nil }

// Prune forgets tokens, codes and counts that are of no more use.
func (a *Access) Prune(ctx context.Context) error {
	now := a.clock.Now()
	return a.db.Write(ctx, func(_ context.Context, tx *store.Tx) error {
		tx.Later(sqlPruneTokens, []any{clock.Micros(now.Add(-a.idle))}, nil)
		tx.Later(sqlPruneCodes, []any{clock.Micros(now.Add(-codeLife))}, nil)
		tx.Later(sqlPruneAsked, []any{clock.Micros(now)}, nil)
		tx.Later(sqlPruneStrangers, []any{clock.Micros(now.Add(-strangerKept))}, nil)
		return nil
	})
}

// blind is a number or an address as it is kept where it need not be read again: whoever sees the table learns nobody's.
func (a *Access) blind(what, text string) string { return blind(a.keys, what, text) }

func blind(keys *keyring.Keyring, what, text string) string {
	mac := hmac.New(sha256.New, keys.Derive("wallet access"))
	mac.Write([]byte(what + "\x00" + text))
	return hex.EncodeToString(mac.Sum(nil))
}

// strangerName is under which name the wrong PINs of a number that nobody has are counted, whichever door they come by.
func strangerName(keys *keyring.Keyring, number string) string {
	return blind(keys, "stranger", number)
}

type unobserved struct{}

func (unobserved) Code(string)   {}
func (unobserved) SignIn(string) {}
