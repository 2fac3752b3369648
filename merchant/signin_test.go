package merchant_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/merchant"
)

// counted counts the hashes of passwords that the nodes make.
func counted(nodes ...*house) *atomic.Int64 {
	var n atomic.Int64
	for _, h := range nodes {
		h.Deriving(func() { n.Add(1) })
	}
	return &n
}

// guess signs in with a wrong password.
func (h *house) guess(username string) error {
	_, err := h.SignIn(ctx, "asaanbill", username, "a wrong password", "192.0.2.7")
	return err
}

// limited fails unless err is a fault RateLimited until so many seconds have passed.
func limited(t *testing.T, what string, err error, seconds string) {
	t.Helper()
	want := []*fault.Error{fault.New(fault.RateLimited).With("retry_after", seconds)}
	if d := cmp.Diff(want, fault.All(err), cmp.AllowUnexported(fault.Error{})); d != "" {
		t.Errorf("%s: %s", what, d)
	}
}

func TestWrongSignInsAreAllTheSameFaultAfterTheSameWork(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m, shut := h.shop(t), h.shop(t)
		h.user(t, m.Owner, "sana")
		revoked := h.user(t, m.Owner, "gone")
		h.user(t, shut.Owner, "shut")
		if err := h.RevokeLogin(ctx, by, m.Owner, revoked.ID); err != nil {
			t.Fatal(err)
		}
		shut.Settings.Disabled = true
		if err := h.Change(ctx, by, shut); err != nil {
			t.Fatal(err)
		}
		n := counted(h)
		for name, try := range map[string][3]string{
			"a wrong password":         {"asaanbill", "sana", right + "."},
			"another case":             {"asaanbill", "sana", strings.ToUpper(right)},
			"no password":              {"asaanbill", "sana", ""},
			"a very long password":     {"asaanbill", "sana", strings.Repeat(right, 1000)},
			"a revoked user":           {"asaanbill", "gone", right},
			"a disabled merchant":      {"asaanbill", "shut", right},
			"nobody":                   {"asaanbill", "nobody", right},
			"no name":                  {"asaanbill", "", right},
			"a name that nobody has":   {"asaanbill", "sa\x00na\xff", right},
			"a very long name":         {"asaanbill", strings.Repeat("x", 10_000), right},
			"another door":             {"console", "sana", right},
			"a door in the name":       {"", "asaanbill sana", right},
			"the password as the name": {"asaanbill", right, "sana"},
		} {
			before := n.Load()
			s, err := h.SignIn(ctx, try[0], try[1], try[2], "192.0.2.7")
			same(t, name, err)
			if d := cmp.Diff(merchant.Signed{}, s); d != "" {
				t.Errorf("%s tells: %s", name, d)
			}
			if made := n.Load() - before; made != 1 {
				t.Errorf("%s: %d hashes were made", name, made)
			}
		}
		h.signIn(t, "sana")
	})
}

func TestTenFailuresShutANameFor15MinutesOnEveryNodeAndAfterARestart(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		l := h.user(t, m.Owner, "sana")
		h.user(t, m.Owner, "omar")
		other := h.second(t)
		for _, username := range []string{"sana", "nobody"} {
			h.clock.Set(start)
			for i := range 10 {
				node := []*house{h, other}[i%2]
				same(t, fmt.Sprint(username, i), node.guess(username))
				h.clock.Advance(time.Minute)
			}
			n := counted(h, other)
			for _, node := range []*house{h, other, h.second(t)} {
				limited(t, username, node.guess(username), "300") // the first failure was 10 minutes ago
				_, err := node.SignIn(ctx, "asaanbill", username, right, "")
				limited(t, username+" with the right password", err, "300")
			}
			if n.Load() != 0 {
				t.Errorf("%d passwords were looked at", n.Load())
			}
			h.clock.Advance(5*time.Minute - time.Microsecond)
			limited(t, username, h.guess(username), "1")
			h.signIn(t, "omar") // others are not shut
			h.clock.Advance(time.Microsecond)
			same(t, username+" after 15 minutes", h.guess(username)) // in the place of the first failure
			limited(t, username, h.guess(username), "60")
			h.clock.Advance(time.Minute)
		}
		h.signIn(t, "sana")
		lines := text(t, h.db, 4, `SELECT action, subject, source, after FROM audit_log WHERE actor = 'somebody' ORDER BY id`)
		want := "login.locked|" + l.ID + "|192.0.2.7|asaanbill sana"
		if d := cmp.Diff([]string{want, want}, lines); d != "" {
			t.Error(d)
		}
	})
}

func TestFailuresOfAClockThatWasADayAheadShutNobodyOutForADay(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user(t, h.shop(t).Owner, "sana")
		h.clock.Advance(24 * time.Hour)
		for range 10 {
			same(t, "ahead", h.guess("sana"))
		}
		h.clock.Set(start)
		h.signIn(t, "sana")

		h.clock.Advance(5 * time.Minute) // as another node's may be: its failures count
		for range 10 {
			same(t, "a little ahead", h.guess("sana"))
		}
		h.clock.Set(start)
		limited(t, "a little ahead", h.guess("sana"), "1200")
	})
}

func TestOf100GuessesAtOnceOnTwoNodesTenAreTried(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user(t, h.shop(t).Owner, "sana")
		other := h.second(t)
		for _, username := range []string{"sana", "nobody"} {
			n := counted(h, other)
			var wrong, refused atomic.Int64
			var all sync.WaitGroup
			for i := range 100 {
				all.Go(func() {
					_, err := []*house{h, other}[i%2].SignIn(ctx, "asaanbill", username, fmt.Sprintf("a guess %d", i), "")
					switch {
					case fault.Has(err, fault.CredentialsInvalid):
						wrong.Add(1)
					case fault.Has(err, fault.RateLimited):
						refused.Add(1)
					default:
						t.Error(err)
					}
				})
			}
			all.Wait()
			if n.Load() != 10 || wrong.Load() != 10 || refused.Load() != 90 {
				t.Errorf("%s: %d tried, %d wrong, %d refused", username, n.Load(), wrong.Load(), refused.Load())
			}
		}
	})
}

func TestManyWhoSignInAtOnceDoNotShutEachOtherOut(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user(t, h.shop(t).Owner, "sana")
		other := h.second(t)
		n := counted(h, other)
		for range 7 { // with one guess under way on each node, there are nine
			same(t, "before", h.guess("sana"))
		}
		tokens := make([]string, 60)
		var all sync.WaitGroup
		for i := range tokens {
			all.Go(func() {
				s, err := []*house{h, other}[i%2].SignIn(ctx, "asaanbill", "sana", right, "")
				if err != nil {
					t.Error(err)
				}
				tokens[i] = s.Token
			})
		}
		all.Wait()
		for _, token := range tokens {
			if token != tokens[0] || len(token) != 344 {
				t.Fatal("not one token for all")
			}
		}
		if n.Load() > 7+2 { // a node remembers for a minute what was right
			t.Errorf("%d hashes", n.Load())
		}
	})
}

func TestSuccessAndANewPasswordForgetFailures(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		l := h.user(t, m.Owner, "sana")
		for range 2 { // the second time the password is remembered
			for range 9 {
				same(t, "wrong", h.guess("sana"))
			}
			h.signIn(t, "sana")
			if rows := text(t, h.db, 1, `SELECT name FROM sign_in_failure`); len(rows) != 0 {
				t.Fatal(rows)
			}
		}
		for range 10 {
			same(t, "wrong", h.guess("sana"))
		}
		_, err := h.SignIn(ctx, "asaanbill", "sana", right, "")
		limited(t, "right, and remembered", err, "900")
		if err := h.SetPassword(ctx, by, m.Owner, l.ID, "another passphrase"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.SignIn(ctx, "asaanbill", "sana", "another passphrase", ""); err != nil {
			t.Fatal(err)
		}
		same(t, "the old password", func() error { _, err := h.SignIn(ctx, "asaanbill", "sana", right, ""); return err }())
	})
}

func TestFailuresThatCountNoMoreArePruned(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		same(t, "first", h.guess("first"))
		h.clock.Advance(10 * time.Minute)
		same(t, "second", h.guess("second"))
		rows := func() int { return len(text(t, h.db, 1, `SELECT name FROM sign_in_failure`)) }
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{0, 2}, {5*time.Minute + time.Microsecond, 1}, {10 * time.Minute, 0}} {
			h.clock.Advance(step.after)
			if err := h.PruneFailures(ctx); err != nil {
				t.Fatal(err)
			}
			if got := rows(); got != step.want {
				t.Errorf("%d rows after %v, want %d", got, step.after, step.want)
			}
		}
	})
}

func TestHashesAreMadeAFewAtATimeAndWaitingEndsWithTheCaller(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		began, hold := make(chan struct{}), make(chan struct{})
		most := h.Deriving(func() { began <- struct{}{}; <-hold })
		var all sync.WaitGroup
		for i := range most {
			all.Go(func() { same(t, "one of those that are taken", h.guess(fmt.Sprint("user", i))) })
			<-began
		}
		// Whoever comes now waits, for a hash and, with the same name, for the turn; nothing is counted.
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if hash, turn := h.Waits(gone, "asaanbill", "user0"); !fault.Has(hash, fault.Overloaded) || !fault.Has(turn, fault.Overloaded) {
			t.Errorf("%v, %v", hash, turn)
		}
		close(hold)
		all.Wait()
		if rows := text(t, h.db, 1, `SELECT name FROM sign_in_failure`); len(rows) != most {
			t.Errorf("%d names are counted, want %d", len(rows), most)
		}
		if hash, turn := h.Waits(ctx, "asaanbill", "user0"); hash != nil || turn != nil {
			t.Errorf("afterwards: %v, %v", hash, turn)
		}
	})
}

func TestWithoutTheMasterKeyNobodySignsIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := h.shop(t)
		l := h.user(t, m.Owner, "sana")
		bare := merchant.NewService(h.db, h.log, nil)
		_, err := bare.SignIn(ctx, "asaanbill", "sana", right, "")
		_, err2 := bare.AddLogin(ctx, by, merchant.Login{Owner: m.Owner, Door: "asaanbill", Username: "omar", Role: merchant.Admin}, right)
		_, err3 := bare.AuthenticateChannel(ctx, "bank", "bank", "x")
		for _, err := range []error{err, err2, err3, bare.SetPassword(ctx, by, m.Owner, l.ID, right), bare.RevokeToken(ctx, by, m.Owner, l.ID)} {
			if err == nil || !strings.Contains(err.Error(), "master key") {
				t.Error(err)
			}
		}
		if err := bare.RevokeLogin(ctx, by, m.Owner, l.ID); err != nil { // the one thing that must always be possible
			t.Fatal(err)
		}
	})
}
