package dialecttest

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"sarraf/event"
	"sarraf/invoice"
	"sarraf/money"
	"sarraf/payout"
)

// SetMethods gives the merchant each payout method of the catalog whose currency it has, on the sandbox's rail, with the catalog's limits and
// without a fee. Of a fresh merchant they are numbered from 1, in the catalog's order.
func (h *House) SetMethods(t testing.TB, owner string) {
	t.Helper()
	m, err := h.Merchants.Get(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range payout.Catalog() {
		if !m.Has(k.Currency) {
			continue
		}
		_, err := h.Payouts.SetMethod(t.Context(), By, payout.Method{
			Owner: owner, Kind: k.Kind, Name: k.Name, Type: k.Type, AccountType: k.AccountType, Currency: k.Currency, Min: k.Min, Max: k.Max, Rail: "sandbox",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Fund puts money into the merchant's balance, as a demo does.
func (h *House) Fund(t testing.TB, owner string, a money.Amount) {
	t.Helper()
	if err := h.Merchants.Fund(t.Context(), By, owner, "test-"+string(a.Currency), a); err != nil {
		t.Fatal(err)
	}
}

// moves are what makes a payout come to a status.
var moves = map[payout.Status]payout.Action{
	payout.Processing: payout.Process, payout.Completed: payout.Complete, payout.Rejected: payout.Reject, payout.Cancelled: payout.Cancel,
	payout.Unknown: payout.Doubt,
}

// PayoutActions are what the rail does in a story, and what the merchant is told of it. move takes what find takes and the status that the
// payout comes to; told takes the same and the type of the event, whose message it answers as it is sent at the time that now says.
func PayoutActions(
	payouts *payout.Service, log *event.Log, door invoice.Door, now func() time.Time, find func(ctx context.Context, text string) (payout.Payout, error),
) map[string]Action {
	return map[string]Action{
		"move": func(ctx context.Context, args []string, _ string) (Answer, error) {
			p, err := find(ctx, args[0])
			if err != nil {
				return Answer{}, err
			}
			to := payout.Status(args[1])
			p, err = payouts.Move(ctx, payout.Move{
				Merchant: p.Merchant, Payout: p.ID, Action: moves[to], By: By, Right: payout.OfRail, Reason: "as the story says",
			}, nil)
			if err == nil && p.Status != to {
				err = fmt.Errorf("payout %s is %s", p.ID, p.Status)
			}
			return Answer{Status: http.StatusOK}, err
		},
		"told": func(ctx context.Context, args []string, _ string) (Answer, error) {
			p, err := find(ctx, args[0])
			if err != nil {
				return Answer{}, err
			}
			return told(ctx, log, door, p.Owner, p.ID, event.Type(args[1]), now())
		},
	}
}
