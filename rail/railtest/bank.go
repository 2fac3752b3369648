// Package railtest has what tests of money that goes out need: a bank that moves money however often it is told to and counts it, misbehaving as
// a script says; the same bank behind HTTP, as a service of rail/adapter; and the suite that every rail.Sender passes.
package railtest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"sarraf/rail"
)

// ErrSilence is what a bank that does not answer comes to.
var ErrSilence = errors.New("railtest: there was no answer")

// Act is what a bank does with one call. The zero Act takes an order and moves its money, and answers an inquiry with the truth.
type Act struct {
	Lost    bool            // the call does not arrive: nothing is counted or moved, and nothing is answered
	Outcome rail.Outcome    // of a sending: what becomes of the order: Accepted ("" too) moves money; Declined, Over, Taken, Retryable do not
	Reason  string          // why it was declined
	Hold    <-chan struct{} // not answered before it is closed, whatever the caller's context says: an answer may come late
	Silent  bool            // what was done is done, and nothing is answered
	Panic   any             // what the sender panics with after it has done its work, nil for nothing
	Say     *rail.Answer    // what is answered instead of the truth
}

// Bank is a rail.Sender that dedupes nothing: each order that arrives is carried out, each time it arrives. It may be used by several goroutines.
type Bank struct {
	name  string
	limit time.Duration

	// OnSend and OnInquire choose what is done with the nth call about an order, counted from 1 with those that were lost. They are set
	// before the bank is used, and called one at a time. nil: the zero Act.
	OnSend, OnInquire func(o rail.Order, n int) Act

	mu     sync.Mutex
	orders map[string]*record
	under  int // calls under way now
	most   int // and at the most so far
}

// record is what a bank knows of one order.
type record struct {
	calls, asked    int // with those that were lost
	arrivals, moved int
	state           rail.Outcome // what it says when it is asked; "" when the order never arrived
	reason          string
	order           rail.Order
}

var _ rail.Sender = (*Bank)(nil)

// NewBank is a bank that sends everything. One call may take the limit.
func NewBank(name string, limit time.Duration) *Bank {
	return &Bank{name: name, limit: limit, orders: map[string]*record{}}
}

// Name is the bank's.
func (b *Bank) Name() string { return b.name }

// Sends is true of the three kinds of order.
func (b *Bank) Sends(k rail.OrderKind) bool {
	return slices.Contains([]rail.OrderKind{rail.OrderPayout, rail.OrderRefund, rail.OrderWithdrawal}, k)
}

// Limit is how long a call may take.
func (b *Bank) Limit() time.Duration { return b.limit }

// Send carries an order out.
func (b *Bank) Send(_ context.Context, o rail.Order) (rail.Answer, error) {
	act := b.enter(o, true)
	defer b.leave()
	return b.answer(o, act, true)
}

// Inquire says what became of an order.
func (b *Bank) Inquire(_ context.Context, o rail.Order) (rail.Answer, error) {
	act := b.enter(o, false)
	defer b.leave()
	return b.answer(o, act, false)
}

// enter does what a call comes to.
func (b *Bank) enter(o rail.Order, sending bool) Act {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.under++; b.under > b.most {
		b.most = b.under
	}
	r := b.orders[o.ID]
	if r == nil {
		r = &record{}
		b.orders[o.ID] = r
	}
	script, n := b.OnSend, &r.calls
	if !sending {
		script, n = b.OnInquire, &r.asked
	}
	*n++
	var act Act
	if script != nil {
		act = script(o, *n)
	}
	if !sending || act.Lost {
		return act
	}
	r.arrivals++
	r.order = o
	switch act.Outcome {
	case "", rail.Accepted:
		r.moved++
		r.state = rail.Accepted
	case rail.Retryable: // as if it had never come
	default:
		r.state, r.reason = act.Outcome, act.Reason
	}
	return act
}

func (b *Bank) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.under--
}

// answer is what the bank says.
func (b *Bank) answer(o rail.Order, act Act, sending bool) (rail.Answer, error) {
	if act.Hold != nil {
		<-act.Hold
	}
	switch {
	case act.Panic != nil:
		panic(act.Panic)
	case act.Lost, act.Silent:
		return rail.Answer{}, ErrSilence
	case act.Say != nil:
		return *act.Say, nil
	case sending && act.Outcome == rail.Retryable:
		return rail.Answer{Outcome: rail.Retryable, Reason: act.Reason}, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.orders[o.ID]
	switch r.state {
	case "":
		return rail.Answer{Outcome: rail.Absent}, nil
	case rail.Accepted:
		return rail.Answer{Outcome: rail.Accepted, Reference: "B-" + o.ID}, nil
	case rail.Declined, rail.Over:
		return rail.Answer{Outcome: r.state, Reason: reasonOr(r.reason)}, nil
	}
	return rail.Answer{Outcome: r.state}, nil
}

func reasonOr(text string) string {
	if text == "" {
		return "The account is closed."
	}
	return text
}

// Settle ends an order that was taken: Accepted moves its money, Declined does not.
func (b *Bank) Settle(id string, outcome rail.Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.orders[id]
	if r == nil || r.state != rail.Taken {
		return
	}
	if r.state = outcome; outcome == rail.Accepted {
		r.moved++
	}
}

// Moved is how often the bank moved money for an order.
func (b *Bank) Moved(id string) int { return b.look(id).moved }

// Arrivals is how often an order arrived.
func (b *Bank) Arrivals(id string) int { return b.look(id).arrivals }

// Sent is how often an order was sent, with the calls that were lost.
func (b *Bank) Sent(id string) int { return b.look(id).calls }

// Asked is how often the bank was asked about an order, with the calls that were lost.
func (b *Bank) Asked(id string) int { return b.look(id).asked }

// Order is an order as it arrived last; the zero Order when it never did.
func (b *Bank) Order(id string) rail.Order { return b.look(id).order }

// State is what the bank says of an order when it is asked; "" when it never arrived.
func (b *Bank) State(id string) rail.Outcome { return b.look(id).state }

func (b *Bank) look(id string) record {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.orders[id]; r != nil {
		return *r
	}
	return record{}
}

// Orders are the ids of the orders that were sent or asked about, in the order of the ids.
func (b *Bank) Orders() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []string
	for id := range b.orders {
		list = append(list, id)
	}
	slices.Sort(list)
	return list
}

// Under is how many calls are under way now, and how many there were at the most at once.
func (b *Bank) Under() (now, most int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.under, b.most
}
