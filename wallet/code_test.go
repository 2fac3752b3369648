package wallet_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/pgtest"
	"sarraf/internal/storetest"
	"sarraf/store"
	"sarraf/wallet"
)

func TestACodeIsSixDigitsAndGoodOnceForItsNumberAndPurpose(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		code := p.ask(t, rahim)
		if len(code) != 6 || !strings.HasPrefix(p.out.texts[rahim][0], code+" is your code. It is good for 5 minutes.") {
			t.Fatalf("%q", p.out.texts[rahim])
		}
		isFault(t, "another purpose", p.UseCode(t.Context(), rahim, "new PIN", code), fault.CodeWrong, "code", "left", "0")
		isFault(t, "another number", p.UseCode(t.Context(), karim, wallet.SignUpCode, code), fault.CodeWrong, "code", "left", "0")
		isFault(t, "wrong", p.UseCode(t.Context(), rahim, wallet.SignUpCode, other(code)), fault.CodeWrong, "code", "left", "4")
		isFault(t, "with a space", p.UseCode(t.Context(), rahim, wallet.SignUpCode, code+" "), fault.CodeWrong, "code", "left", "3")
		if err := p.UseCode(t.Context(), rahim, wallet.SignUpCode, code); err != nil {
			t.Fatal(err)
		}
		isFault(t, "again", p.UseCode(t.Context(), rahim, wallet.SignUpCode, code), fault.CodeWrong, "code", "left", "0")
		isFault(t, "not E.164", p.AskCode(t.Context(), "01712345678", wallet.SignUpCode, ""), fault.FieldMalformed, "mobile_number")
		if p.heard.of("code sent") != 1 || p.heard.of("code used") != 1 || p.heard.of("code wrong") != 5 {
			t.Errorf("heard %v", p.heard.m)
		}
	})
}

func TestANewerCodeEndsTheOlder(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		first := p.ask(t, rahim)
		second := p.ask(t, rahim)
		if first != second { // one in a million
			isFault(t, "the older", p.UseCode(t.Context(), rahim, wallet.SignUpCode, first), fault.CodeWrong, "code", "left", "4")
		}
		if err := p.UseCode(t.Context(), rahim, wallet.SignUpCode, second); err != nil {
			t.Fatal(err)
		}
	})
}

func TestACodeEndsAtExactlyFiveMinutes(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		code := p.ask(t, rahim)
		p.clock.Advance(5 * time.Minute)
		isFault(t, "at 5 minutes", p.UseCode(t.Context(), rahim, wallet.SignUpCode, code), fault.CodeWrong, "code", "left", "0")
		p.clock.Advance(-time.Microsecond)
		if err := p.UseCode(t.Context(), rahim, wallet.SignUpCode, code); err != nil {
			t.Fatalf("a microsecond before: %v", err)
		}
	})
}

func TestAClockThatJumpsBackMakesNoCodeGoodForLonger(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		code := p.ask(t, rahim)
		p.clock.Advance(-time.Minute) // as far as another node's may be behind
		if err := p.UseCode(t.Context(), rahim, wallet.SignUpCode, code); err != nil {
			t.Fatal(err)
		}
		p.clock.Set(doorStart)
		code = p.ask(t, rahim)
		p.clock.Advance(-time.Hour)
		isFault(t, "of an hour ahead", p.UseCode(t.Context(), rahim, wallet.SignUpCode, code), fault.CodeWrong, "code", "left", "0")
		// What was asked for in the hour that did not come shuts nobody out until then.
		code = p.ask(t, rahim)
		if err := p.UseCode(t.Context(), rahim, wallet.SignUpCode, code); err != nil {
			t.Fatal(err)
		}
	})
}

func TestThreeCodesInTenMinutesForANumberOnAllNodes(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		second := p.another(t)
		for i := range 3 {
			[]*porch{p, second}[i%2].ask(t, rahim)
			p.clock.Advance(time.Minute)
		}
		for purpose, node := range map[string]*porch{wallet.SignUpCode: p, "something else": second} {
			isFault(t, purpose, node.AskCode(t.Context(), rahim, purpose, ""), fault.CodeTooMany, "", "retry_after", "420")
		}
		p.ask(t, karim)
		p.clock.Advance(7*time.Minute - time.Microsecond)
		isFault(t, "a moment before", p.AskCode(t.Context(), rahim, wallet.SignUpCode, ""), fault.CodeTooMany, "", "retry_after", "1")
		p.clock.Advance(time.Microsecond)
		p.ask(t, rahim)
		if n := p.out.sent(rahim); n != 4 {
			t.Errorf("%d were sent", n)
		}
		if p.heard.of("code limited")+second.heard.of("code limited") != 3 {
			t.Errorf("heard %v %v", p.heard.m, second.heard.m)
		}
	})
}

func TestAnAddressAsksForSoManyCodesAndNoMore(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		p.LimitCodes(4)
		for i := range 4 {
			if err := p.AskCode(t.Context(), fmt.Sprintf("+88017123456%02d", i), wallet.SignUpCode, "203.0.113.9"); err != nil {
				t.Fatal(err)
			}
		}
		isFault(t, "the fifth", p.AskCode(t.Context(), rahim, wallet.SignUpCode, "203.0.113.9"), fault.CodeTooMany, "", "retry_after", "600")
		if p.out.sent(rahim) != 0 {
			t.Error("it was sent all the same")
		}
		for _, from := range []string{"203.0.113.10", ""} {
			if err := p.AskCode(t.Context(), rahim, wallet.SignUpCode, from); err != nil {
				t.Errorf("from %q: %v", from, err)
			}
		}
		p.LimitCodes(0)
		if err := p.AskCode(t.Context(), karim, wallet.SignUpCode, "203.0.113.9"); err != nil {
			t.Errorf("without a bound: %v", err)
		}
	})
}

func TestOf50WhoAskAtOnceOnTwoNodesThreeAreSent(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		nodes := []*porch{p, p.another(t)}
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				err := nodes[i%2].AskCode(t.Context(), rahim, wallet.SignUpCode, fmt.Sprintf("203.0.113.%d", i%5))
				if err != nil && !fault.Has(err, fault.CodeTooMany) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := p.out.sent(rahim); n != 3 {
			t.Errorf("%d were sent", n)
		}
	})
}

func TestOf100GuessesAtOnceOnTwoNodesFiveAreTried(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		nodes := []*porch{p, p.another(t)}
		for _, signUp := range []bool{false, true} {
			code := p.ask(t, rahim)
			var left [6]atomic.Int64
			var all sync.WaitGroup
			for i := range 100 {
				all.Go(func() {
					var err error
					if signUp {
						_, err = nodes[i%2].SignUp(t.Context(), doorBy, consumer(rahim, "1234"), other(code))
					} else {
						err = nodes[i%2].UseCode(t.Context(), rahim, wallet.SignUpCode, other(code))
					}
					if f := fault.First(err); f == nil || f.Code != fault.CodeWrong || len(f.Params["left"]) != 1 {
						t.Errorf("guess %d: %v", i, err)
					} else {
						left[f.Params["left"][0]-'0'].Add(1)
					}
				})
			}
			all.Wait()
			for n, want := range []int64{96, 1, 1, 1, 1, 0} {
				if got := left[n].Load(); got != want {
					t.Errorf("%d were told that %d tries are left, want %d", got, n, want)
				}
			}
			isFault(t, "the right one, too late", nodes[1].UseCode(t.Context(), rahim, wallet.SignUpCode, code), fault.CodeWrong, "code", "left", "0")
		}
		if n := p.count(t, "wallet"); n != 0 {
			t.Errorf("%d wallets", n)
		}
	})
}

func TestCodesAreSentOnlyWhereTheyShould(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		for _, bad := range []string{"", "880", "+", "+88O", "+8801712345678901"} {
			if p.SendOnlyTo("+880", bad) == nil {
				t.Errorf("%q is taken", bad)
			}
		}
		if err := p.SendOnlyTo("+880", "+92"); err != nil {
			t.Fatal(err)
		}
		const far = "+14155552671"
		isFault(t, "elsewhere", p.AskCode(t.Context(), far, wallet.SignUpCode, ""), fault.FieldNotOneOf, "mobile_number", "allowed", "+880,+92")
		if p.out.sent(far) != 0 || p.count(t, "wallet_asked") != 0 {
			t.Error("it was sent all the same, or counts")
		}
		p.ask(t, rahim)
		p.ask(t, "+923001234567")
	})
}

func TestACodeIsUsedOnceByWhoeverIsFirst(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		nodes := []*porch{p, p.another(t)}
		code := p.ask(t, rahim)
		var good atomic.Int64
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				switch err := nodes[i%2].UseCode(t.Context(), rahim, wallet.SignUpCode, code); {
				case err == nil:
					good.Add(1)
				case !fault.Has(err, fault.CodeWrong):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if good.Load() != 1 {
			t.Errorf("it was used %d times", good.Load())
		}
	})
}

func TestWhoSignsUpHasAWalletAndSignsIn(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		n := consumer(rahim, "1234")
		n.Status = wallet.Pending
		w, err := p.SignUp(t.Context(), doorBy, n, p.ask(t, rahim))
		if err != nil || w.Status != wallet.Pending || w.Number != rahim || !w.HasPIN || w.Owner == "" {
			t.Fatalf("%+v %v", w, err)
		}
		got, err := p.Authenticate(t.Context(), p.token(t, rahim, "1234"))
		if err != nil || got.Owner != w.Owner {
			t.Errorf("%+v %v", got, err)
		}
	})
}

func TestASignUpThatIsSentAgainIsAnsweredWithItsWallet(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		code := p.ask(t, rahim)
		nodes := []*porch{p, p.another(t)}
		var mu sync.Mutex
		owners := map[string]int{}
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				w, err := nodes[i%2].SignUp(t.Context(), doorBy, consumer(rahim, "1234"), code)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				owners[w.Owner]++
			})
		}
		all.Wait()
		if len(owners) != 1 || p.count(t, "wallet") != 1 {
			t.Fatalf("%v", owners)
		}
		_, err := p.SignUp(t.Context(), doorBy, consumer(rahim, "4321"), code)
		isFault(t, "with another PIN", err, fault.CodeWrong, "code", "left", "0")
		_, err = p.SignUp(t.Context(), doorBy, consumer(rahim, "1234"), other(code))
		isFault(t, "with another code", err, fault.CodeWrong, "code", "left", "0")
		p.clock.Advance(5 * time.Minute)
		_, err = p.SignUp(t.Context(), doorBy, consumer(rahim, "1234"), code)
		isFault(t, "after 5 minutes", err, fault.CodeWrong, "code", "left", "0")
		if p.heard.of("code again")+nodes[1].heard.of("code again") != 19 {
			t.Errorf("heard %v", p.heard.m)
		}
	})
}

func TestAUsedCodeIsNoWayToGuessPINs(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		code := p.ask(t, rahim)
		if _, err := p.SignUp(t.Context(), doorBy, consumer(rahim, "1234"), code); err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			_, err := p.SignUp(t.Context(), doorBy, consumer(rahim, fmt.Sprintf("900%d", i)), code)
			isFault(t, "a guess", err, fault.CodeWrong, "code", "left", "0")
		}
		_, _, err := p.SignIn(t.Context(), rahim, "1234", "deshipay", "")
		isFault(t, "the right PIN", err, fault.PINLocked, "pin", "retry_after", "1800")
	})
}

func TestASignUpThatIsRefusedUsesUpNoCode(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		p.holder(t, karim, "1111")
		taken := p.ask(t, karim)
		for range 2 {
			_, err := p.SignUp(t.Context(), doorBy, consumer(karim, "1234"), taken)
			isFault(t, "a number that is taken", err, fault.ReferenceTaken, "mobile_number")
		}
		_, err := p.SignUp(t.Context(), doorBy, consumer(karim, "1234"), other(taken))
		isFault(t, "who does not have the number learns nothing", err, fault.CodeWrong, "code", "left", "4")

		code := p.ask(t, rahim)
		nameless := consumer(rahim, "1234")
		nameless.Name = ""
		_, err = p.SignUp(t.Context(), doorBy, nameless, code)
		isFault(t, "no name", err, fault.FieldRequired, "name")
		_, err = p.SignUp(t.Context(), doorBy, consumer(rahim, "12345"), code)
		isFault(t, "no PIN", err, fault.PINMalformed, "pin")
		if _, err = p.SignUp(t.Context(), doorBy, consumer(rahim, "1234"), code); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWithoutASenderNobodySignsUp(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		dumb := wallet.NewAccess(p.db, p.wallets, nil, nil, p.clock)
		_, err := dumb.SignUp(t.Context(), doorBy, consumer(rahim, "1234"), "123456")
		isFault(t, "sign up", err, fault.SettingMissing, "", "setting", "sms-url")
		isFault(t, "ask", dumb.AskCode(t.Context(), rahim, wallet.SignUpCode, ""), fault.SettingMissing, "", "setting", "sms-url")
		if dumb.CanSignUp() || !p.CanSignUp() {
			t.Error("whether people can sign up is told wrongly")
		}
	})
}

func TestAMessageThatIsNotSentCountsAndTellsNothing(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		p.out.fails = errGateway
		for range 3 {
			err := p.AskCode(t.Context(), rahim, wallet.SignUpCode, "")
			isFault(t, "not sent", err, fault.Outage, "")
			if strings.Contains(err.Error(), p.out.code(t, rahim)) {
				t.Error("the code is in the error")
			}
		}
		p.out.fails = nil
		isFault(t, "the fourth", p.AskCode(t.Context(), rahim, wallet.SignUpCode, ""), fault.CodeTooMany, "", "retry_after", "600")
		// A gateway that did not answer may have sent it.
		if err := p.UseCode(t.Context(), rahim, wallet.SignUpCode, p.out.code(t, rahim)); err != nil {
			t.Error(err)
		}
		if p.heard.of("code unsent") != 3 {
			t.Errorf("heard %v", p.heard.m)
		}
	})
}

func TestNeitherCodesNorNumbersStandInTheDatabaseOfCodes(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		if err := p.AskCode(t.Context(), rahim, wallet.SignUpCode, "203.0.113.9"); err != nil {
			t.Fatal(err)
		}
		code := p.out.code(t, rahim)
		isFault(t, "wrong", p.UseCode(t.Context(), rahim, wallet.SignUpCode, other(code)), fault.CodeWrong, "code", "left", "4")
		_, _, err := p.SignIn(t.Context(), nobody, "7391", "deshipay", "203.0.113.9")
		isFault(t, "nobody", err, fault.CredentialsInvalid, "")
		for _, q := range []string{
			`SELECT '/' || name || '/' || purpose || '/' || hash || '/' || id || '/' || last_try || '/' FROM wallet_code`,
			`SELECT '/' || name || '/' || tries FROM wallet_asked`, `SELECT '/' || name || '/' FROM wallet_stranger`,
		} {
			rows := 0
			err := p.db.Query(t.Context(), q, nil, func(r store.Row) error {
				rows++
				var text string
				err := r.Scan(&text)
				for _, no := range []string{"1712345678", "1912345678", "203.0.113.9", "/" + code + "/", "/" + other(code) + "/", "/7391/"} {
					if strings.Contains(text, no) {
						t.Errorf("%s: %s", no, text)
					}
				}
				return err
			})
			if err != nil || rows == 0 {
				t.Errorf("%s: %d rows, %v", q, rows, err)
			}
		}
	})
}

func TestTheTextOfAMessageHasTheCodeInIt(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		for _, bad := range []string{"", "no code", "{code} {code}", "{code}" + strings.Repeat("x", 400), "{code}\xff"} {
			if p.SetCodeText(bad) == nil {
				t.Errorf("%q is taken", bad)
			}
		}
		if err := p.SetCodeText("আপনার কোড {code}"); err != nil {
			t.Fatal(err)
		}
		code := p.ask(t, rahim)
		if got := p.out.texts[rahim][0]; got != "আপনার কোড "+code {
			t.Error(got)
		}
	})
}

func TestWhatIsOfNoMoreUseIsPruned(t *testing.T) {
	eachPorch(t, func(t *testing.T, p *porch) {
		w := p.holder(t, karim, "1234")
		p.token(t, karim, "1234")
		p.ask(t, rahim)
		_, _, _ = p.SignIn(t.Context(), nobody, "1234", "deshipay", "")
		for _, step := range []struct {
			after                           time.Duration
			codes, asked, tokens, strangers int64
		}{
			{0, 1, 1, 1, 1},
			{5*time.Minute + time.Microsecond, 0, 1, 1, 1},
			{5 * time.Minute, 0, 0, 1, 1},
			{20 * time.Minute, 0, 0, 0, 1},
			{24 * time.Hour, 0, 0, 0, 0},
		} {
			p.clock.Advance(step.after)
			if err := p.Prune(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := [4]int64{p.count(t, "wallet_code"), p.count(t, "wallet_asked"), p.count(t, "wallet_token"), p.count(t, "wallet_stranger")}
			if want := [4]int64{step.codes, step.asked, step.tokens, step.strangers}; got != want {
				t.Errorf("%v later: %v rows, want %v", step.after, got, want)
			}
		}
		if got, err := p.wallets.Get(t.Context(), w.Owner); err != nil || got.Owner != w.Owner {
			t.Error(got, err)
		}
	})
}

func TestAccessWhoseCommitWasNotAnsweredIsGivenOnce(t *testing.T) {
	url, lose := pgtest.Lossy(t, storetest.URL(t, store.Postgres))
	p := openPorch(t, url, clock.NewFake(doorStart), &outbox{texts: map[string][]string{}})
	lose()
	code := p.ask(t, rahim)
	if n := p.out.sent(rahim); n != 1 {
		t.Errorf("%d were sent", n)
	}
	lose()
	isFault(t, "wrong", p.UseCode(t.Context(), rahim, wallet.SignUpCode, other(code)), fault.CodeWrong, "code", "left", "4")
	lose()
	w, err := p.SignUp(t.Context(), doorBy, consumer(rahim, "1234"), code)
	if err != nil {
		t.Fatal(err)
	}
	if p.count(t, "wallet") != 1 || p.heard.of("code used") != 1 {
		t.Errorf("%d wallets, heard %v", p.count(t, "wallet"), p.heard.m)
	}
	lose()
	token := p.token(t, rahim, "1234")
	if n := p.count(t, "wallet_token"); n != 1 {
		t.Errorf("%d tokens", n)
	}
	if got, err := p.Authenticate(t.Context(), token); err != nil || got.Owner != w.Owner {
		t.Error(got, err)
	}
	lose()
	if err := p.SignOut(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	_, err = p.Authenticate(t.Context(), token)
	isFault(t, "signed out", err, fault.CredentialsInvalid, "")
}
