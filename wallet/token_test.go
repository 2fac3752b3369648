package wallet_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/store"
	"sarraf/wallet"
)

// shut fails the test unless the token is no good.
func (p *porch) shut(t *testing.T, what, token string) {
	t.Helper()
	w, err := p.Authenticate(t.Context(), token)
	isFault(t, what, err, fault.CredentialsInvalid, "")
	if d := cmp.Diff(wallet.Wallet{}, w); d != "" {
		t.Errorf("%s tells: %s", what, d)
	}
}

// open fails the test unless the token is good.
func (p *porch) open(t *testing.T, what, token string) {
	t.Helper()
	if _, err := p.Authenticate(t.Context(), token); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// soon waits until the token is no good at this node, which is to see within a second what another one has done.
func (p *porch) soon(t *testing.T, what, token string) {
	t.Helper()
	began := time.Now()
	for {
		_, err := p.Authenticate(t.Context(), token)
		if fault.Has(err, fault.CredentialsInvalid) {
			return
		}
		if err != nil || time.Since(began) > 10*time.Second {
			t.Fatalf("%s: still good after %v: %v", what, time.Since(began), err)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestATokenIs256RandomBitsOfWhichAHashIsKept(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		w := p.holder(t, rahim, "1234")
		token, again := p.token(t, rahim, "1234"), p.token(t, rahim, "1234")
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || len(raw) != 48 || token == again || token[22:] == again[22:] || wallet.TokenOwner(token) != w.Owner {
			t.Fatalf("%s %s: %v", token, again, err)
		}
		err = p.db.Query(t.Context(), `SELECT hash || ' ' || door || ' ' || address FROM wallet_token`, nil, func(r store.Row) error {
			var text string
			err := r.Scan(&text)
			if strings.Contains(text, token) || strings.Contains(text, token[30:]) || !strings.HasSuffix(text, " deshipay 203.0.113.9") {
				t.Error(text)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		p.open(t, "one", token)
		p.open(t, "the other", again)
	})
}

func TestWhatIsNoTokenIsRefusedAlike(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		p.holder(t, rahim, "1234")
		token := p.token(t, rahim, "1234")
		last := "A"
		if strings.HasSuffix(token, last) {
			last = "B"
		}
		for name, text := range map[string]string{
			"nothing": "", "a word": "token", "cut off": token[:63], "longer": token + "A", "altered": token[:63] + last, "with a space": token + " ",
			"a line break": token[:30] + "\n" + token[30:], "another wallet's": strings.Repeat("A", 22) + token[22:],
			"standard base64": strings.Repeat("+", 64), "much": strings.Repeat("A", 1<<20), "not UTF-8": strings.Repeat("\xff", 64),
		} {
			p.shut(t, name, text)
			if err := p.SignOut(t.Context(), text); err != nil {
				t.Errorf("signing out with %s: %v", name, err)
			}
		}
		p.open(t, "the token itself", token)
	})
}

func TestATokenThatIsNotUsedFor30MinutesEnds(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		p.holder(t, rahim, "1234")
		second := p.another(t)
		used, idle := p.token(t, rahim, "1234"), p.token(t, rahim, "1234")
		p.clock.Advance(30*time.Minute - time.Microsecond)
		p.open(t, "a moment before", used)
		p.clock.Advance(time.Microsecond)
		p.shut(t, "at 30 minutes", idle)
		second.shut(t, "at 30 minutes, elsewhere", idle)
		p.open(t, "what was used", used)
		second.open(t, "what was used elsewhere", used)
		for range 10 {
			p.clock.Advance(29 * time.Minute)
			second.open(t, "used every 29 minutes", used)
		}
		p.clock.Advance(30 * time.Minute)
		for _, node := range []*porch{p, second, p.another(t)} {
			node.shut(t, "idle", used)
		}
	})
}

func TestHowLongATokenMayBeIdleCanBeSaid(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		for _, bad := range []time.Duration{0, -time.Hour, 2*time.Minute - 1, 30*24*time.Hour + 1} {
			if p.SetIdle(bad) == nil {
				t.Errorf("%v is taken", bad)
			}
		}
		if err := p.SetIdle(5 * time.Minute); err != nil {
			t.Fatal(err)
		}
		p.holder(t, rahim, "1234")
		token := p.token(t, rahim, "1234")
		p.clock.Advance(5*time.Minute - time.Microsecond)
		p.open(t, "a moment before", token)
		p.clock.Advance(5 * time.Minute)
		p.shut(t, "at 5 minutes", token)
	})
}

func TestATokenEndsAfter30DaysHoweverItIsUsed(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		p.holder(t, rahim, "1234")
		token := p.token(t, rahim, "1234")
		const days = 30 * 24 * time.Hour
		if err := p.SetIdle(days); err != nil {
			t.Fatal(err)
		}
		for spent := time.Duration(0); spent < days-24*time.Hour; spent += 24 * time.Hour {
			p.open(t, spent.String(), token)
			p.clock.Advance(24 * time.Hour)
		}
		p.clock.Advance(24*time.Hour - time.Microsecond)
		p.open(t, "a moment before", token)
		p.clock.Advance(time.Microsecond)
		p.shut(t, "after 30 days", token)
	})
}

func TestAClockThatJumpsBackMakesNoTokenGoodForLonger(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		p.holder(t, rahim, "1234")
		token := p.token(t, rahim, "1234")
		p.clock.Advance(24 * time.Hour)
		ahead := p.token(t, rahim, "1234")
		p.clock.Set(doorStart.Add(time.Minute))
		p.shut(t, "of tomorrow", ahead)
		p.open(t, "of today", token)

		// Used by a clock that is a day ahead, it is idle 30 minutes after it was used by the right one.
		if err := p.SetIdle(48 * time.Hour); err != nil {
			t.Fatal(err)
		}
		p.clock.Advance(24 * time.Hour)
		p.open(t, "tomorrow", token)
		if err := p.SetIdle(30 * time.Minute); err != nil {
			t.Fatal(err)
		}
		p.clock.Set(doorStart.Add(2 * time.Minute))
		p.open(t, "back today", token)
		p.clock.Advance(30 * time.Minute)
		p.shut(t, "30 minutes later", token)
	})
}

func TestUseIsWrittenDownOnceAMinuteAtMost(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		w := p.holder(t, rahim, "1234")
		token := p.token(t, rahim, "1234")
		nodes := []*porch{p, p.another(t)}
		for _, step := range []struct{ at, want time.Duration }{
			{0, 0}, {59 * time.Second, 0}, {60 * time.Second, 60 * time.Second}, {119 * time.Second, 60 * time.Second}, {5 * time.Minute, 5 * time.Minute},
		} {
			p.clock.Set(doorStart.Add(step.at))
			var all sync.WaitGroup
			for i := range 20 {
				all.Go(func() {
					if _, err := nodes[i%2].Authenticate(t.Context(), token); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			list, err := p.Sessions(t.Context(), w.Owner)
			want := []wallet.Session{{Door: "deshipay", Address: "203.0.113.9", CreatedAt: doorStart, UsedAt: doorStart.Add(step.want)}}
			if d := cmp.Diff(want, list); d != "" || err != nil {
				t.Errorf("at %v: %s %v", step.at, d, err)
			}
		}
	})
}

func TestWhatEndsATokenIsSeenOnEveryNodeWithinASecond(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		second := p.another(t)
		w := p.holder(t, rahim, "1234")
		pin := "1234"
		for _, end := range []struct {
			name string
			do   func(token string) error
			all  bool // of the wallet
		}{
			{"signing out", func(token string) error { return p.SignOut(t.Context(), token) }, false},
			{"ending all", func(string) error { return p.RevokeAll(t.Context(), doorBy, w.Owner) }, true},
			{"another PIN", func(string) error { pin = "4321"; return p.wallets.SetPIN(t.Context(), doorBy, w.Owner, pin) }, true},
			{"the same PIN by an operator", func(string) error { return p.wallets.SetPIN(t.Context(), doorBy, w.Owner, pin) }, true},
			{"another PIN of the holder's", func(string) error { pin = "9876"; return p.wallets.ChangePIN(t.Context(), w.Owner, "4321", pin) }, true},
			{"suspending", func(string) error {
				_, err := p.wallets.SetStatus(t.Context(), doorBy, w.Owner, wallet.Suspended)
				return err
			}, true},
		} {
			token, further := p.token(t, rahim, pin), p.token(t, rahim, pin)
			for _, node := range []*porch{p, second} {
				node.open(t, end.name, token)
				node.open(t, end.name, further)
			}
			if err := end.do(token); err != nil {
				t.Fatalf("%s: %v", end.name, err)
			}
			second.soon(t, end.name, token)
			p.soon(t, end.name, token)
			if end.all {
				second.soon(t, end.name, further)
			} else {
				second.open(t, end.name+" leaves the other", further)
			}
		}
		token, _, err := p.SignIn(t.Context(), rahim, pin, "deshipay", "")
		isFault(t, "who is suspended", err, fault.PermissionMissing, "")
		if token != "" {
			t.Error("with a token")
		}
		if _, err := p.wallets.SetStatus(t.Context(), doorBy, w.Owner, wallet.Approved); err != nil {
			t.Fatal(err)
		}
		if n := p.count(t, "wallet_token"); n != 0 {
			t.Errorf("%d tokens are left", n)
		}
		isFault(t, "a wallet that is none", p.RevokeAll(t.Context(), doorBy, "0195f7a0-0000-7000-8000-000000000000"), fault.WalletMissing, "")
	})
}

func TestTheOldestOfTooManyTokensEnds(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		w := p.holder(t, rahim, "1234")
		var tokens []string
		for range 52 {
			tokens = append(tokens, p.token(t, rahim, "1234"))
			p.clock.Advance(time.Second)
		}
		list, err := p.Sessions(t.Context(), w.Owner)
		if err != nil || len(list) != 50 {
			t.Fatalf("%d %v", len(list), err)
		}
		p.shut(t, "the first", tokens[0])
		p.shut(t, "the second", tokens[1])
		p.open(t, "the third", tokens[2])
		p.open(t, "the last", tokens[51])
	})
}

func TestWhoWaitsForApprovalMaySignIn(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		n := consumer(rahim, "1234")
		n.Status = wallet.Pending
		if _, err := p.wallets.Create(t.Context(), doorBy, n, nil); err != nil {
			t.Fatal(err)
		}
		w, err := p.Authenticate(t.Context(), p.token(t, rahim, "1234"))
		if err != nil || w.Status != wallet.Pending {
			t.Errorf("%+v %v", w, err)
		}
	})
}

func TestWrongSignInsAreAllTheSameFault(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		p.holder(t, rahim, "1234")
		p.holder(t, karim, "") // without a PIN
		for _, number := range []string{rahim, karim, nobody, "", "rahim", "01712345678", strings.Repeat("9", 10_000), "\x00\xff"} {
			for _, pin := range []string{"", "123", "12345", "12a4", "१२३४"} {
				_, _, err := p.SignIn(t.Context(), number, pin, "deshipay", "")
				isFault(t, fmt.Sprintf("%.20q with %q", number, pin), err, fault.PINMalformed, "pin")
			}
			for i := range 5 {
				token, w, err := p.SignIn(t.Context(), number, "4321", "deshipay", "")
				isFault(t, fmt.Sprintf("%.20q, try %d", number, i), err, fault.CredentialsInvalid, "")
				if d := cmp.Diff(wallet.Wallet{}, w); d != "" || token != "" {
					t.Errorf("%.20q tells: %s %s", number, token, d)
				}
			}
			for _, pin := range []string{"4321", "1234"} {
				_, _, err := p.SignIn(t.Context(), number, pin, "deshipay", "")
				isFault(t, fmt.Sprintf("%.20q after five", number), err, fault.PINLocked, "pin", "retry_after", "1800")
			}
		}
		p.clock.Advance(30*time.Minute - time.Microsecond)
		for _, number := range []string{rahim, nobody} {
			_, _, err := p.SignIn(t.Context(), number, "4321", "deshipay", "")
			isFault(t, number+" a moment before", err, fault.PINLocked, "pin", "retry_after", "1")
		}
		p.clock.Advance(time.Microsecond)
		for i := range 6 {
			for _, number := range []string{rahim, nobody} {
				_, _, err := p.SignIn(t.Context(), number, "4321", "deshipay", "")
				if i < 5 {
					isFault(t, fmt.Sprint(number, " counted anew ", i), err, fault.CredentialsInvalid, "")
				} else {
					isFault(t, number+" locked again", err, fault.PINLocked, "pin", "retry_after", "1800")
				}
			}
		}
		if p.heard.of("sign-in wrong") != 50 || p.heard.of("sign-in malformed") != 40 || p.heard.of("sign-in locked") != 20 {
			t.Errorf("heard %v", p.heard.m)
		}
	})
}

func TestASuccessForgetsWrongPINs(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		w := p.holder(t, rahim, "1234")
		for range 3 {
			for range 4 {
				_, _, err := p.SignIn(t.Context(), rahim, "4321", "deshipay", "")
				isFault(t, "wrong", err, fault.CredentialsInvalid, "")
			}
			p.token(t, rahim, "1234")
		}
		// Wrong PINs count together, wherever they are shown.
		for range 3 {
			if err := p.wallets.CheckPIN(t.Context(), w.Owner, "4321"); !fault.Has(err, fault.PINWrong) {
				t.Error(err)
			}
		}
		for range 2 {
			_, _, err := p.SignIn(t.Context(), rahim, "4321", "deshipay", "203.0.113.9")
			isFault(t, "wrong", err, fault.CredentialsInvalid, "")
		}
		if err := p.wallets.CheckPIN(t.Context(), w.Owner, "1234"); !fault.Has(err, fault.PINLocked) {
			t.Error(err)
		}
		var lines []string
		err := p.db.Query(t.Context(), `SELECT action || ' ' || source FROM audit_log WHERE owner = $1 AND actor = 'somebody' AND action = 'wallet.locked'`,
			[]any{w.Owner}, func(r store.Row) error {
				var line string
				err := r.Scan(&line)
				lines = append(lines, line)
				return err
			})
		if d := cmp.Diff([]string{"wallet.locked 203.0.113.9"}, lines); d != "" || err != nil {
			t.Error(d, err)
		}
		if err := p.wallets.Unlock(t.Context(), doorBy, w.Owner); err != nil {
			t.Fatal(err)
		}
		p.token(t, rahim, "1234")
	})
}

func TestOf100PINsGuessedAtOnceOnTwoNodesFiveAreTried(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		p.holder(t, rahim, "9999")
		nodes := []*porch{p, p.another(t)}
		for _, number := range []string{rahim, nobody} {
			var wrong, locked atomic.Int64
			var all sync.WaitGroup
			for i := range 100 {
				all.Go(func() {
					_, _, err := nodes[i%2].SignIn(t.Context(), number, fmt.Sprintf("%04d", i), "deshipay", "203.0.113.9")
					switch {
					case fault.Has(err, fault.CredentialsInvalid):
						wrong.Add(1)
					case fault.Has(err, fault.PINLocked):
						locked.Add(1)
					default:
						t.Error(err)
					}
				})
			}
			all.Wait()
			if wrong.Load() != 5 || locked.Load() != 95 {
				t.Errorf("%s: %d were tried, %d refused", number, wrong.Load(), locked.Load())
			}
			for _, node := range append(nodes, p.another(t)) { // the last one has just opened the database
				_, _, err := node.SignIn(t.Context(), number, "9999", "deshipay", "")
				isFault(t, "the right PIN of "+number, err, fault.PINLocked, "pin", "retry_after", "1800")
			}
		}
		if n := p.count(t, "wallet_token"); n != 0 {
			t.Errorf("%d tokens", n)
		}
		p.clock.Advance(30 * time.Minute)
		p.token(t, rahim, "9999")
	})
}

func TestAPINThatIsResetOrAWalletThatIsSuspendedMeanwhileLeavesNoTokenBehind(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		w := p.holder(t, rahim, "1111")
		second := p.another(t)
		for round := range 10 {
			old, fresh := "1111", "2222"
			if round%2 == 1 {
				old, fresh = fresh, old
			}
			var mu sync.Mutex
			var tokens []string
			var all sync.WaitGroup
			for i := range 4 {
				all.Go(func() {
					token, _, err := []*porch{p, second}[i%2].SignIn(t.Context(), rahim, old, "deshipay", "")
					if err == nil {
						mu.Lock()
						defer mu.Unlock()
						tokens = append(tokens, token)
					}
				})
			}
			all.Go(func() {
				if err := second.wallets.SetPIN(t.Context(), doorBy, w.Owner, fresh); err != nil {
					t.Error(err)
				}
			})
			all.Wait()
			third := p.another(t) // it has nothing kept
			for _, token := range tokens {
				third.shut(t, "a token of the PIN before", token)
			}
			if err := p.wallets.Unlock(t.Context(), doorBy, w.Owner); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzTokenOwner(f *testing.F) {
	for _, text := range []string{"", "token", strings.Repeat("A", 64), "AZyua2YAcf-aQkcR4ACnDwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", strings.Repeat("A", 32) + "\n" + strings.Repeat("A", 31)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		owner := wallet.TokenOwner(text)
		if owner == "" {
			return
		}
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || base64.RawURLEncoding.EncodeToString(raw) != text || fmt.Sprintf("%x", raw[:16]) != strings.ReplaceAll(owner, "-", "") {
			t.Errorf("%q is of %s: %v", text, owner, err)
		}
	})
}
