// Package sandbox is the rail of merchants who try things out: it moves no money and does what it is told.
package sandbox

import (
	"context"
	"time"

	"sarraf/money"
	"sarraf/rail"
)

// Name is the rail's name.
const Name = "sandbox"

// The methods, each with a known end.
const (
	Approve = "approve" // the money comes
	Decline = "decline" // this attempt fails, and the payer may try again
	Fail    = "fail"    // the rail says that it is over
)

// Rail is the sandbox rail.
type Rail struct{}

var (
	_ rail.Collector = Rail{}
	_ rail.Sender    = Rail{}
)

// Name is "sandbox".
func (Rail) Name() string { return Name }

// Methods are the three ends an attempt can have, in every currency.
func (Rail) Methods(money.Currency) []rail.Method {
	return []rail.Method{
		{Key: Approve, Label: "Approve the payment", Hint: "The money arrives", Icon: "approve", Test: true},
		{Key: Decline, Label: "Decline this attempt", Hint: "The payer may try again", Icon: "decline", Test: true},
		{Key: Fail, Label: "Fail for good", Hint: "The bank says no, and that is the end", Icon: "fail", Test: true},
	}
}

// CanRefuse is true: no money has moved.
func (Rail) CanRefuse() bool { return true }

// Charge answers as the method says. Its reference is the attempt's id, so that the same attempt is the same money.
func (Rail) Charge(_ context.Context, c rail.Charge) (rail.Answer, error) {
	switch c.MethodKey {
	case Approve:
		return rail.Answer{Outcome: rail.Accepted, Reference: c.ID}, nil
	case Fail:
		return rail.Answer{Outcome: rail.Over, Reason: "The bank refused the payment."}, nil
	}
	return rail.Answer{Outcome: rail.Declined, Reason: "The payment was declined."}, nil
}

// Sends is true of refunds alone: payouts and withdrawals of the sandbox move when they are told to.
func (Rail) Sends(k rail.OrderKind) bool { return k == rail.OrderRefund }

// Limit is a second, of which nothing is needed.
func (Rail) Limit() time.Duration { return time.Second }

// Send takes a refund at once. Its reference is the order's id; another kind is declined.
func (r Rail) Send(_ context.Context, o rail.Order) (rail.Answer, error) {
	if !r.Sends(o.Kind) {
		return rail.Answer{Outcome: rail.Declined, Reason: "The sandbox sends refunds alone."}, nil
	}
	return rail.Answer{Outcome: rail.Accepted, Reference: o.ID}, nil
}

// Inquire says what Send said or would have said: there is nothing that could get lost.
func (r Rail) Inquire(ctx context.Context, o rail.Order) (rail.Answer, error) { return r.Send(ctx, o) }
