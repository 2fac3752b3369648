package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/payout"
	"sarraf/store"
	"sarraf/wallet"
)

// Bounds of a payout's texts, in characters.
const (
	mostRecipient   = 100
	mostAccount     = 64
	mostDescription = 255
	mostReason      = 255
)

func (a *api) registerPayouts(h huma.API) {
	register(h, looks, huma.Operation{
		OperationID: "list-payout-methods", Method: http.MethodGet, Path: "/v1/payout_methods", Tags: []string{"Payouts"},
		Summary:     "List payout methods",
		Description: "The ways in which the merchant's money can go out, with their bounds and fees. The operator sets them.",
		Errors:      []int{http.StatusNotFound, http.StatusUnprocessableEntity},
	}, a.listMethods)
	registerWrite[NewPayout, Payout](h, asks, huma.Operation{
		OperationID: "create-payout", Method: http.MethodPost, Path: "/v1/payouts", Tags: []string{"Payouts"},
		Summary: "Ask for a payout",
		Description: "Amount and fee are set aside at once: completed, they are gone; rejected or cancelled, they are given back. Above the limit that the " +
			"merchant has set, it waits with `approval` wanted until a second person has approved it. With a `wallet` of the merchant's it is a withdrawal from " +
			"that: its money leaves the wallet at once, with the fee of the wallet's own rule, and comes back if it is rejected or cancelled.",
		Errors:   []int{http.StatusNotFound, http.StatusConflict},
		Metadata: map[string]any{privateKey: true},
	}, a.createPayout)
	register(h, looks, huma.Operation{
		OperationID: "list-payouts", Method: http.MethodGet, Path: "/v1/payouts", Tags: []string{"Payouts"},
		Summary: "List payouts",
		Description: "All money that goes out, whichever front door asked for it: payouts, refunds, withdrawals. Newest first. `before` an id: the next " +
			"older ones. `after` an id: the ones made next after it, also newest first.",
		Errors: []int{http.StatusUnprocessableEntity},
	}, a.listPayouts)
	register(h, looks, huma.Operation{
		OperationID: "get-payout", Method: http.MethodGet, Path: "/v1/payouts/{id}", Tags: []string{"Payouts"},
		Summary: "Get a payout",
		Description: "By its own id, the number that its front door prints, or its reference. A reference that was used at several front doors is a 409 " +
			"with the candidates.",
		Errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity},
	}, a.getPayout)
	for _, d := range []struct{ word, summary, description string }{
		{"approve", "Approve a payout", "While it waits for approval; never by the key that asked for it."},
		{"reject", "Reject a payout", "While it waits for approval; never by the key that asked for it, which can cancel it. What was set aside is given back."},
	} {
		registerWrite[Decision, Payout](h, decides, huma.Operation{
			OperationID: d.word + "-payout", Method: http.MethodPost, Path: "/v1/payouts/{id}/" + d.word, Tags: []string{"Payouts"},
			Summary: d.summary, Description: d.description, Errors: []int{http.StatusNotFound, http.StatusConflict},
		}, a.decide(payout.Action(d.word)))
	}
	registerWrite[Cancellation, Payout](h, asks, huma.Operation{
		OperationID: "cancel-payout", Method: http.MethodPost, Path: "/v1/payouts/{id}/cancel", Tags: []string{"Payouts"},
		Summary: "Cancel a payout", Description: "While it is pending. What was set aside is given back.",
		Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, a.decide(payout.Cancel))
}

// merchantQuery is what an operator says whose things it asks for.
type merchantQuery struct {
	Merchant string `query:"merchant" format:"uuid" doc:"For operators, who have to say it: the merchant's id."`
}

// whose is the merchant whose things are asked for: the caller; for an operator the one it names. Faults, on merchant: FieldMalformed;
// PermissionMissing for a merchant that names another; FieldRequired for an operator that names none.
func (c caller) whose(named string) (string, error) {
	switch {
	case named != "" && !id.Valid(named):
		return "", fault.New(fault.FieldMalformed).On("merchant")
	case c.operator() && named == "":
		return "", fault.New(fault.FieldRequired).On("merchant")
	case c.operator():
		return named, nil
	case named != "" && named != c.Owner:
		return "", fault.New(fault.PermissionMissing).On("merchant")
	}
	return c.Owner, nil
}

// PayoutMethods are the ways in which a merchant's money can go out.
type PayoutMethods struct {
	Data []PayoutMethod `json:"data" nullable:"false"`
}

func (a *api) listMethods(ctx context.Context, c caller, in *merchantQuery) (PayoutMethods, error) {
	out := PayoutMethods{Data: []PayoutMethod{}}
	owner, err := c.whose(in.Merchant)
	if err != nil {
		return out, err
	}
	list, err := a.Payouts.Methods(ctx, owner)
	for _, m := range list {
		out.Data = append(out.Data, methodOf(m))
	}
	return out, err
}

// PayoutOrder is what any payout is asked for with.
type PayoutOrder struct {
	PayoutMethod     int64  `json:"payout_method" minimum:"1" doc:"The number of a method of the merchant's." example:"1"`
	Amount           string `json:"amount" doc:"What the recipient gets, in the major unit. The fee comes on top." example:"1234.50"`
	Currency         string `json:"currency" doc:"ISO 4217; the method's." example:"BDT"`
	RecipientName    string `json:"recipient_name" minLength:"1" maxLength:"100" example:"Rahima Khatun"`
	RecipientAccount string `json:"recipient_account" minLength:"1" maxLength:"64" doc:"By the method: a mobile number, an IBAN, or ROUTING/ACCOUNT." example:"01712345678"`
	Reference        string `json:"reference,omitempty" maxLength:"64" doc:"The merchant's own id of it, unique at this front door." example:"SALARY-2026-07-77"`
	Description      string `json:"description,omitempty" maxLength:"255" doc:"One line, for the recipient where the rail shows it."`
}

// NewPayout is the body of POST /v1/payouts.
type NewPayout struct {
	PayoutOrder
	Wallet string `json:"wallet,omitempty" format:"uuid" doc:"For a withdrawal: the id of the wallet that the money leaves."`
	PIN    string `json:"pin,omitempty" doc:"For a withdrawal: the wallet's, four digits; a consumer's must be given." example:"1234"`
}

// createPayout decides in one core command, which also keeps the answer for the Idempotency-Key. What cannot be read is told first, all of
// it: faults on payout_method, amount, currency, recipient_name, recipient_account, reference, description, wallet and pin, FieldMalformed on a pin
// without a wallet. Then those of payout.Service.Request, or with a wallet those of Withdraw.
func (a *api) createPayout(ctx context.Context, c caller, in *command) (Payout, error) {
	var r intake
	n := a.readPayout(&r, in.fields)
	purse, pin := r.text(in.fields, "wallet", mostParty, false), r.pin(in.fields)
	if pin != "" && purse == "" {
		r.wrong(fault.New(fault.FieldMalformed).On("pin")) // it opens nothing
	}
	if err := r.err(); err != nil {
		return Payout{}, err
	}
	n.ID, n.Owner, n.AskedBy, n.At = id.New(a.Clock), c.Owner, c.actor(), a.Clock.Now()
	if purse != "" {
		return a.withdraw(ctx, c, n, purse, pin, in.key)
	}
	p, err := a.Payouts.Request(ctx, n, in.key)
	if err != nil {
		return Payout{}, fault.Join(told(fault.All(err), n.Amount.Currency)...)
	}
	return payoutOf(p), nil
}

// withdraw is createPayout for money that leaves a wallet. Whose the wallet is, the core judges, so that this is kept with an Idempotency-Key too.
func (a *api) withdraw(ctx context.Context, c caller, n payout.New, purse, pin string, key *store.Key) (Payout, error) {
	n.Owner = purse
	w := payout.Withdrawal{New: n, Spend: wallet.Spend{By: c.right(), Merchant: c.Owner, Actor: c.name()}}
	if pin != "" {
		w.Spend.PIN = &pin
	}
	p, err := a.Payouts.Withdraw(ctx, w, key)
	if err != nil {
		return Payout{}, renamed(fault.Join(told(fault.All(err), n.Amount.Currency)...), "sender", "wallet")
	}
	return payoutOf(p), nil
}

// readPayout reads what a payout is asked for with.
func (a *api) readPayout(r *intake, f httpx.Fields) payout.New {
	return payout.New{
		Door: Name, Method: r.serial(f, "payout_method"), Amount: r.amount(f), RecipientName: r.text(f, "recipient_name", mostRecipient, true),
		Account: r.text(f, "recipient_account", mostAccount, true), Reference: r.text(f, "reference", mostReference, false),
		Description: r.text(f, "description", mostDescription, false),
	}
}

// payoutList is what may be asked of the list.
type payoutList struct {
	Limit    int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"How many, at most."`
	After    string `query:"after" format:"uuid" doc:"A payout's id: only younger ones."`
	Before   string `query:"before" format:"uuid" doc:"A payout's id: only older ones."`
	Status   string `query:"status" enum:"pending,processing,completed,rejected,cancelled,unknown"`
	Approval string `query:"approval" enum:"wanted,given" doc:"Only those that a second person has to approve, or has approved."`
	Kind     string `query:"kind" enum:"payout,refund,withdrawal"`
	Batch    string `query:"batch" format:"uuid" doc:"Only those of the batch."`
	Rail     string `query:"rail" maxLength:"64" pattern:"^[a-z0-9_-]+$" doc:"Only those that go that way."`
	Merchant string `query:"merchant" format:"uuid" doc:"For operators: only those of the merchant."`
}

func (a *api) listPayouts(ctx context.Context, c caller, in *payoutList) (Page[Payout], error) {
	page := Page[Payout]{Data: []Payout{}}
	for name, text := range map[string]string{"after": in.After, "before": in.Before, "batch": in.Batch} {
		if text != "" && !id.Valid(text) {
			return page, fault.New(fault.FieldMalformed).On(name)
		}
	}
	owner := ""
	if !c.operator() || in.Merchant != "" {
		var err error
		if owner, err = c.whose(in.Merchant); err != nil {
			return page, err
		}
	}
	// One more than is wanted tells whether there is more.
	list, err := a.Payouts.List(ctx, payout.Query{
		Merchant: owner, Status: payout.Status(in.Status), Approval: payout.Approval(in.Approval), Kind: payout.Kind(in.Kind), Batch: in.Batch,
		Rail: in.Rail, After: in.After, Before: in.Before, Limit: in.Limit + 1,
	})
	if err != nil {
		return page, err
	}
	if page.HasMore = len(list) > in.Limit; page.HasMore && in.After != "" {
		list = list[1:] // the newest is the one too many
	} else if page.HasMore {
		list = list[:in.Limit]
	}
	for _, p := range list {
		page.Data = append(page.Data, payoutOf(p))
	}
	return page, nil
}

type payoutName struct {
	ID       string `path:"id" maxLength:"255" doc:"An id, a printed number or a reference." example:"SALARY-2026-07-77"`
	Merchant string `query:"merchant" format:"uuid" doc:"For operators, who have to say it: the merchant's id."`
}

// getPayout answers a payout by any of its names. An own id always means itself, whatever references there are. Faults: those of
// caller.whose; PayoutMissing, TargetAmbiguous on id.
func (a *api) getPayout(ctx context.Context, c caller, in *payoutName) (Payout, error) {
	owner, err := c.whose(in.Merchant)
	if err != nil {
		return Payout{}, err
	}
	if id.Valid(in.ID) {
		p, err := a.Payouts.Get(ctx, owner, in.ID)
		if err == nil || !fault.Has(err, fault.PayoutMissing) {
			return payoutOf(p), err
		}
	}
	list, err := a.Payouts.Meanings(ctx, owner, in.ID, a.names)
	if err != nil {
		return Payout{}, err
	}
	p, err := only(list, payoutID, fault.PayoutMissing, "id")
	return payoutOf(p), a.explainedPayouts(ctx, owner, err)
}

// Decision is the body of POST /v1/payouts/{id}/approve and /reject.
type Decision struct {
	Reason   string `json:"reason,omitempty" maxLength:"255" doc:"Why, in a line. To reject, it must be given: the merchant is told."`
	Merchant string `json:"merchant,omitempty" format:"uuid" doc:"For operators, who have to say it: the merchant's id."`
}

// Cancellation is the body of POST /v1/payouts/{id}/cancel.
type Cancellation struct {
	Reason string `json:"reason,omitempty" maxLength:"255" doc:"Why, in a line."`
}

// decide is the handler of an action. Whether it may be done is left to the core, so that a refusal is kept with an Idempotency-Key. Faults:
// FieldNotString, FieldControl, FieldTooLong, FieldRequired on reason; those of caller.whose; then those of payout.Service.Move.
func (a *api) decide(action payout.Action) func(context.Context, caller, *command) (Payout, error) {
	return func(ctx context.Context, c caller, in *command) (Payout, error) {
		var r intake
		m := payout.Move{Payout: in.name, Action: action, By: c.actor(), Reason: r.text(in.fields, "reason", mostReason, action == payout.Reject)}
		named := r.text(in.fields, "merchant", mostParty, false)
		if err := r.err(); err != nil {
			return Payout{}, err
		}
		var err error
		if m.Merchant, err = c.whose(named); err != nil {
			return Payout{}, err
		}
		// By the merchant's right, an operator too: what became of money that has been sent is said at the desk, with evidence.
		p, err := a.Payouts.Move(ctx, m, c.personal(in.key))
		if err != nil {
			return Payout{}, err
		}
		return payoutOf(p), nil
	}
}
