package railtest

import (
	"context"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/money"
	"sarraf/rail"
)

// Subject is a rail.Sender that is put to the test, with a bank behind it that is in good order.
type Subject struct {
	Sender rail.Sender
	Moved  func(id string) int // how often money was moved for an order; nil for a rail that moves none
}

// Kinds are all kinds of order.
var Kinds = []rail.OrderKind{rail.OrderPayout, rail.OrderRefund, rail.OrderWithdrawal}

// NewOrder is an order of the kind that no rail has a reason to refuse.
func NewOrder(k rail.OrderKind) rail.Order {
	o := rail.Order{
		ID: id.New(clock.System{}), Owner: "shop", Kind: k, Amount: money.Of(123450, "BDT"), Method: "bkash", Destination: "+8801712345678",
		Name: "Rahim Uddin", Note: "March, \"first\" half", Reference: "S-1",
	}
	if k == rail.OrderRefund {
		o.PaymentReference = "P-1"
	}
	return o
}

// Suite holds a sender to what rail.Sender promises. open makes a fresh one.
func Suite(t *testing.T, open func(t *testing.T) Subject) {
	t.Helper()
	t.Run("says what it is", func(t *testing.T) { says(t, open(t).Sender) })
	t.Run("does not send what it does not send", func(t *testing.T) { keepsOut(t, open(t)) })
	for _, k := range Kinds {
		if !open(t).Sender.Sends(k) {
			continue
		}
		t.Run("moves money once: "+string(k), func(t *testing.T) { movesOnce(t, open(t), k) })
		t.Run("moves nothing when it is asked: "+string(k), func(t *testing.T) { onlyAsks(t, open(t), k) })
		t.Run("many at once: "+string(k), func(t *testing.T) { manyAtOnce(t, open(t), k) })
		t.Run("a caller that has gone: "+string(k), func(t *testing.T) { gone(t, open(t), k) })
	}
}

var plausible = regexp.MustCompile(`^[a-z][a-z0-9-]{1,31}$`)

func says(t *testing.T, s rail.Sender) {
	if !plausible.MatchString(s.Name()) {
		t.Errorf("its name is %q", s.Name())
	}
	if s.Limit() <= 0 || s.Limit() > time.Minute {
		t.Errorf("a call takes up to %v", s.Limit())
	}
	if !slices.ContainsFunc(Kinds, s.Sends) {
		t.Error("it sends nothing")
	}
	if s.Sends("made up") {
		t.Error("it sends what there is not")
	}
}

func keepsOut(t *testing.T, s Subject) {
	for _, k := range Kinds {
		if s.Sender.Sends(k) {
			continue
		}
		o := NewOrder(k)
		a, err := s.Sender.Inquire(t.Context(), o)
		if err == nil && a.Outcome == rail.Accepted {
			t.Errorf("%s: it says that it moved money", k)
		}
		if s.Moved != nil && s.Moved(o.ID) != 0 {
			t.Errorf("%s: it moved money", k)
		}
	}
}

// ends are the answers to a sending that leave nothing open.
func ends(t *testing.T, a rail.Answer) {
	t.Helper()
	switch a.Outcome {
	case rail.Accepted:
		if a.Reference == "" || a.Reason != "" {
			t.Errorf("accepted with reference %q and reason %q", a.Reference, a.Reason)
		}
	case rail.Declined, rail.Over:
		if a.Reason == "" {
			t.Error("declined without a reason")
		}
	default:
		t.Errorf("a rail in good order answers %q", a.Outcome)
	}
}

func movesOnce(t *testing.T, s Subject, k rail.OrderKind) {
	one, two := NewOrder(k), NewOrder(k)
	references := map[string]bool{}
	for _, o := range []rail.Order{one, two} {
		a, err := s.Sender.Send(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		ends(t, a)
		if references[a.Reference] {
			t.Errorf("two orders have the reference %q", a.Reference)
		}
		references[a.Reference] = true
		for range 2 {
			again, err := s.Sender.Inquire(t.Context(), o)
			if diff := cmp.Diff(a, again); err != nil || diff != "" {
				t.Errorf("when it is asked it says something else: %v %s", err, diff)
			}
		}
		want := 0
		if a.Outcome == rail.Accepted {
			want = 1
		}
		if s.Moved != nil && s.Moved(o.ID) != want {
			t.Errorf("money was moved %d times after %s", s.Moved(o.ID), a.Outcome)
		}
	}
}

func onlyAsks(t *testing.T, s Subject, k rail.OrderKind) {
	o := NewOrder(k)
	a, err := s.Sender.Inquire(t.Context(), o)
	if s.Moved == nil {
		return
	}
	if err == nil && a.Outcome != rail.Absent && a.Outcome != rail.Unknown {
		t.Errorf("of an order that it never got it says %q", a.Outcome)
	}
	if n := s.Moved(o.ID); n != 0 {
		t.Errorf("an inquiry moved money %d times", n)
	}
}

func manyAtOnce(t *testing.T, s Subject, k rail.OrderKind) {
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			o := NewOrder(k)
			a, err := s.Sender.Send(t.Context(), o)
			if err != nil || a.Outcome != rail.Accepted {
				t.Errorf("%v, %v", a, err)
			}
			if s.Moved != nil && s.Moved(o.ID) != 1 {
				t.Errorf("money was moved %d times", s.Moved(o.ID))
			}
		})
	}
	all.Wait()
}

// gone asks with a context that has ended. Whatever is said then must be true.
func gone(t *testing.T, s Subject, k rail.OrderKind) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := NewOrder(k)
	a, err := s.Sender.Send(ctx, o)
	if s.Moved == nil || err != nil {
		return
	}
	switch n := s.Moved(o.ID); {
	case a.Outcome == rail.Accepted && n != 1, a.Outcome == rail.Retryable && n != 0, a.Outcome == rail.Declined && n != 0:
		t.Errorf("it says %s, and money was moved %d times", a.Outcome, n)
	}
}
