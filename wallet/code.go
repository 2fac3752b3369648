package wallet

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/internal/tally"
	"sarraf/merchant"
	"sarraf/phone"
	"sarraf/store"
)

// SignUpCode is the purpose of the codes with which people sign up.
const SignUpCode = "sign-up"

// A code is good for codeLife and codeTries guesses; a number is sent askedMost of them in askedSpan.
const (
	codeLife  = 5 * time.Minute
	codeTries = 5
	askedMost = 3
	askedSpan = 10 * time.Minute
	// clockSlack is how far another node's clock may be ahead of ours: a code or a token from later than that was made by a clock that was
	// wrong, and would be good for as long as it was.
	clockSlack = time.Minute
	// mostPurpose is the longest purpose, in bytes.
	mostPurpose = 32
)

// AskCode makes a code of six digits and sends it to the number, in E.164. It is good for 5 minutes, for one use and for 5 tries; an earlier one
// for the same purpose ends. address is where it is asked from, "" where that is not known.
//
// Faults, in this order: SettingMissing (setting) where no messages can be sent; FieldMalformed on mobile_number; FieldNotOneOf
// on mobile_number (allowed: what numbers begin with) for one that no messages are sent to; CodeTooMany (retry_after:
// seconds) after 3 codes for the number within 10 minutes, whatever they were for, or too many from the address; Outage when the message could
// not be sent, which counts as a code that was asked for, since it may have been sent none the less.
func (a *Access) AskCode(ctx context.Context, number, purpose, address string) error {
	if a.sender == nil {
		return noSender()
	}
	if err := a.codeOf(number, purpose); err != nil {
		return err
	}
	if len(a.prefixes) > 0 && !slices.ContainsFunc(a.prefixes, func(p string) bool { return strings.HasPrefix(number, p) }) {
		return fault.New(fault.FieldNotOneOf).On("mobile_number").With("allowed", strings.Join(a.prefixes, ","))
	}
	digits := newCode()
	c := keptCode{id: id.Token(9), madeAt: a.clock.Now()}
	c.hash = a.hashCode(c.id, number, purpose, digits)
	if err := a.putCode(ctx, number, purpose, address, c); err != nil {
		if fault.Has(err, fault.CodeTooMany) {
			a.observer.Code(codeLimited)
		}
		return err
	}
	// Whoever asked may go away: the code is made, and counts.
	if err := a.sender.Send(context.WithoutCancel(ctx), number, strings.Replace(a.text, codePlace, digits, 1)); err != nil {
		a.observer.Code(codeUnsent)
		return fault.New(fault.Outage).Wrap(fmt.Errorf("wallet: a code was not sent: %w", err))
	}
	a.observer.Code(codeSent)
	return nil
}

func noSender() error { return fault.New(fault.SettingMissing).With("setting", "sms-url") }

// codeOf says what is wrong with what a code is asked for, or shown for.
func (a *Access) codeOf(number, purpose string) error {
	if a.keys == nil {
		return errNoKey
	}
	if purpose == "" || len(purpose) > mostPurpose {
		return fmt.Errorf("wallet: %q is no purpose of a code", purpose)
	}
	if parsed, err := phone.Parse(number, ""); err != nil || string(parsed) != number {
		return fault.New(fault.FieldMalformed).On("mobile_number")
	}
	return nil
}

// putCode counts that a code was asked for, under the locks of its number and its address, and keeps it in the place of the one before.
func (a *Access) putCode(ctx context.Context, number, purpose, address string, c keptCode) error {
	type bounded struct {
		name  string
		bound tally.Bound
	}
	// Numbers are locked before addresses, everywhere.
	bounds := []bounded{{a.blind("number", number), tally.Bound{Most: askedMost, Span: askedSpan}}}
	if address != "" && a.byAddress.Most > 0 {
		bounds = append(bounds, bounded{a.blind("address", address), a.byAddress})
	}
	return a.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		var wait time.Duration
		lists := make([]tally.List, len(bounds))
		for i, b := range bounds {
			list, err := a.lockAsked(ctx, tx, b.name, c.madeAt)
			if err != nil {
				return err
			}
			lists[i] = list.Recent(c.madeAt, b.bound.Span)
			wait = max(wait, list.Wait(c.madeAt, b.bound))
		}
		if lists[0].Has(c.id) { // our own earlier work
			return nil
		}
		if wait > 0 {
			return fault.New(fault.CodeTooMany).With("retry_after", strconv.FormatInt(tally.Seconds(wait), 10))
		}
		for i, b := range bounds {
			tx.Later(sqlSetAsked, []any{b.name, lists[i].With(c.id, c.madeAt).Text()}, nil)
		}
		tx.Later(sqlPutCode, []any{bounds[0].name, purpose, c.id, c.hash, clock.Micros(c.madeAt)}, nil)
		return nil
	})
}

// lockAsked reads when codes were asked for, under the lock of the name's row, which is made where there is none.
func (a *Access) lockAsked(ctx context.Context, tx *store.Tx, name string, now time.Time) (list tally.List, err error) {
	err = tx.Query(ctx, sqlLockAsked, []any{name, clock.Micros(now.Add(askedSpan))}, func(r store.Row) error {
		var text string
		if err := r.Scan(&text); err != nil {
			return err
		}
		list, err = tally.Read(text)
		return err
	})
	return list, err
}

// UseCode takes a code that was sent to the number for the purpose: once. Fault: CodeWrong on code (left: how many tries are left; with 0 there
// is no code to be guessed any more, and another one has to be asked for), whether it is wrong, used, ended by a newer one or too old; each
// try is counted in the transaction that judges it. FieldMalformed on mobile_number.
func (a *Access) UseCode(ctx context.Context, number, purpose, code string) error {
	if err := a.codeOf(number, purpose); err != nil {
		return err
	}
	own := id.Token(9)
	var g codeGuess
	err := a.db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		g, err = a.tryCode(ctx, tx, codeShown{number: number, purpose: purpose, code: code, by: own})
		return err
	})
	switch {
	case err != nil:
		return err
	case g.verdict == isRight || g.verdict == isOurs:
		a.observer.Code(codeUsed)
		return nil
	}
	a.observer.Code(codeWrong)
	return g.fault()
}

// SignUp makes a wallet for whoever shows the code that was sent to n.Number: the code is used and the wallet made in one transaction, so
// that no code is used up by a wallet that could not be made. n is as Create takes it, with a PIN.
//
// A sign-up that is sent again within the code's 5 minutes, since its answer was lost, with the same code and the same PIN, is answered with
// the wallet that it made: the PIN is checked and counted as everywhere.
//
// Faults, in this order: SettingMissing (setting) where no codes can be sent; FieldMalformed on mobile_number; PINMalformed on pin;
// CodeWrong on code (left), as at UseCode; those of Create: only who has the number learns whether it has a wallet already.
func (a *Access) SignUp(ctx context.Context, by merchant.Actor, n New, code string) (Wallet, error) {
	if a.sender == nil {
		return Wallet{}, noSender()
	}
	if err := a.codeOf(n.Number, SignUpCode); err != nil {
		return Wallet{}, err
	}
	if !ValidPIN(n.PIN) {
		return Wallet{}, fault.New(fault.PINMalformed).On("pin")
	}
	n.Owner = id.New(a.clock)
	var w Wallet
	var g codeGuess
	err := a.db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		g, err = a.tryCode(ctx, tx, codeShown{number: n.Number, purpose: SignUpCode, code: code, by: n.Owner})
		if err != nil || g.verdict != isRight && g.verdict != isOurs {
			return err
		}
		w, err = a.wallets.CreateIn(ctx, tx, by, n)
		return err // the code with it: who has been refused may correct what was wrong
	})
	switch {
	case err != nil:
		return Wallet{}, err
	case g.verdict == isUsed:
		if w, err = a.signedUp(ctx, g.usedBy, n.PIN); err == nil {
			a.observer.Code(codeAgain)
			return w, nil
		}
		if fault.Has(err, fault.Outage) || fault.Has(err, fault.Overloaded) {
			return Wallet{}, err
		}
	case g.verdict == isRight || g.verdict == isOurs:
		a.observer.Code(codeUsed)
		return w, nil
	}
	a.observer.Code(codeWrong)
	return Wallet{}, g.fault()
}

// signedUp is the wallet that was made with a code, for whoever knows its PIN.
func (a *Access) signedUp(ctx context.Context, owner, pin string) (Wallet, error) {
	if err := a.wallets.CheckPIN(ctx, owner, pin); err != nil {
		return Wallet{}, err
	}
	return a.wallets.Get(ctx, owner)
}

// codeShown is a code that somebody shows.
type codeShown struct {
	number, purpose, code string
	by                    string // what it is used for, by which a transaction that runs again recognises its own work
}

// keptCode is a code as it is kept.
type keptCode struct {
	id, hash string
	tries    int64
	lastTry  string // what the last wrong try was for
	madeAt   time.Time
	usedBy   string
}

// verdict says what a shown code is.
type verdict int

const (
	isWrong verdict = iota // or too old, or none is there
	isRight                // and used from now on
	isOurs                 // used by this very command, in a transaction whose commit was not answered
	isUsed                 // right, and used before
)

// codeGuess is what came of a try.
type codeGuess struct {
	verdict verdict
	left    int64
	usedBy  string
}

func (g codeGuess) fault() error {
	return fault.New(fault.CodeWrong).On("code").With("left", strconv.FormatInt(g.left, 10))
}

// tryCode judges a shown code under the lock of its row, and counts it there, or notes that it is used.
func (a *Access) tryCode(ctx context.Context, tx *store.Tx, shown codeShown) (g codeGuess, err error) {
	name := a.blind("number", shown.number)
	var c keptCode
	err = tx.Query(ctx, sqlLockCode, []any{name, shown.purpose}, func(r store.Row) (err error) {
		c, err = scanCode(r)
		return err
	})
	if err != nil {
		return g, err
	}
	same := hmac.Equal([]byte(a.hashCode(c.id, shown.number, shown.purpose, shown.code)), []byte(c.hash))
	age := a.clock.Now().Sub(c.madeAt)
	switch {
	case c.usedBy == shown.by && c.usedBy != "":
		return codeGuess{verdict: isOurs, usedBy: c.usedBy}, nil
	case c.id == "" || age >= codeLife || age < -clockSlack:
		return g, nil
	case c.lastTry == shown.by: // counted before
	case c.tries >= codeTries:
		return g, nil
	case same && c.usedBy != "":
		return codeGuess{verdict: isUsed, usedBy: c.usedBy}, nil
	case same:
		tx.Later(sqlUseCode, []any{name, shown.purpose, shown.by}, nil)
		return codeGuess{verdict: isRight, usedBy: shown.by}, nil
	default:
		c.tries++
		tx.Later(sqlCountTry, []any{name, shown.purpose, c.tries, shown.by}, nil)
	}
	if c.usedBy == "" {
		g.left = codeTries - c.tries
	}
	return g, nil
}

// hashCode is a code as it is kept. There are only a million of them: the key, which lies outside the database, is what protects one.
func (a *Access) hashCode(codeID, number, purpose, code string) string {
	mac := hmac.New(sha256.New, a.keys.Derive("wallet codes"))
	mac.Write([]byte(codeID + "\x00" + number + "\x00" + purpose + "\x00" + code))
	return hex.EncodeToString(mac.Sum(nil))
}

// newCode is six random digits, each code as likely.
func newCode() string {
	const codes = 1_000_000
	for {
		var b [4]byte
		_, _ = rand.Read(b[:]) // never fails
		if n := binary.BigEndian.Uint32(b[:]); n < 1<<32/codes*codes {
			return fmt.Sprintf("%06d", n%codes)
		}
	}
}
