package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/payout"
	"sarraf/rail"
)

// sandboxRail is the name of the rail that moves no money.
const sandboxRail = "sandbox"

// maxTarget bounds a target, in characters: a URL is the longest it can be.
const maxTarget = httpx.MaxURL

func (a *api) registerSandbox(h huma.API) {
	registerWrite[SandboxPay](h, plays, huma.Operation{
		OperationID: "sandbox-pay", Method: http.MethodPost, Path: "/v1/sandbox/pay", Tags: []string{"Sandbox"},
		Summary: "Play the payer",
		Description: "Pays, fails, cancels or expires an invoice. `paid` brings what is due - to a static code, whose payers choose, 100.00 - and settles an invoice that has failed, " +
			"expired or been cancelled as late money would; of two such calls one is a 409. An invoice from which there is no such " +
			"way is a 409 too, with its status. To `cancelled` and `expired`, an invoice that is so already answers as it is.",
		Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, a.sandboxPay)
	registerWrite[SandboxPayout](h, plays, huma.Operation{
		OperationID: "sandbox-payout", Method: http.MethodPost, Path: "/v1/sandbox/payout", Tags: []string{"Sandbox"},
		Summary: "Play the rail of a payout",
		Description: "Says what becomes of a payout or a withdrawal; in the sandbox nothing else does. A pending one that is `completed` passes through " +
			"processing. A move that is not legal is a 409, with the status; so is one that a second person has to approve first.",
		Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, a.sandboxPayout)
}

// SandboxPay is the body of POST /v1/sandbox/pay.
type SandboxPay struct {
	Target  string `json:"target" minLength:"1" maxLength:"2048" doc:"An id, a printed number, a reference, a PSID, the address of a hosted page, or the text of a QR code. A PSID means its newest bill." example:"ORDER-1001"`
	Outcome string `json:"outcome,omitempty" enum:"paid,failed,cancelled,expired" default:"paid" doc:"What becomes of it."`
}

// SandboxPaid is its answer.
type SandboxPaid struct {
	Invoice
	Payment *Payment `json:"payment,omitempty" doc:"What this call brought: the money, or the attempt that failed."`
}

// sandboxPay decides in one core command, which also keeps the answer for the Idempotency-Key. What is due is left to that command,
// under the invoice's lock. Faults, in this order: FieldNotString, FieldRequired, FieldControl, FieldTooLong on target;
// FieldNotString, FieldNotOneOf on outcome; TargetMissing, TargetAmbiguous on target; InvoiceClosed.
func (a *api) sandboxPay(ctx context.Context, c caller, in *command) (SandboxPaid, error) {
	text, outcome, err := sandboxFields(in.fields, "paid", "failed", "cancelled", "expired")
	if err != nil {
		return SandboxPaid{}, err
	}
	means, err := a.target(ctx, c.Owner, text, "target")
	refused := fault.First(err)
	if refused != nil && (in.key == nil || refused.Kind() != fault.Missing && refused.Kind() != fault.Conflict) {
		return SandboxPaid{}, a.explained(ctx, c.Owner, err)
	}
	// With a key, a target that cannot be told goes through the command too: the first answer to the key stands, also when
	// something else has come to fit the target since.
	var out SandboxPaid
	var inv invoice.Invoice
	if status := ends[outcome]; status != "" {
		inv, err = a.Invoices.End(ctx, invoice.Ending{
			Owner: c.Owner, ID: means.ID, To: status, Reason: endReasons[outcome], Refused: refused,
		}, in.key)
	} else {
		var settled payment.Settled
		settled, err = a.Payments.Settle(ctx, payment.Receipt{
			ID: id.New(a.Clock), Owner: c.Owner, Invoice: means.ID, Rail: sandboxRail, RailReference: id.New(a.Clock),
			Amount: money.Of(0, means.Currency), Whole: true, Outcome: attempts[outcome].outcome, Reason: attempts[outcome].reason,
			Refused: refused,
		}, in.key)
		p := paymentOf(settled.Payment)
		inv, out.Payment = settled.Invoice, &p
	}
	if err != nil {
		return SandboxPaid{}, a.explained(ctx, c.Owner, err)
	}
	out.Invoice, err = a.invoiceOf(ctx, inv)
	return out, err
}

// ends are the outcomes without money, attempts those that a rail tells of. The reasons are those of the hosted page.
var (
	ends       = map[string]invoice.Status{"cancelled": invoice.Cancelled, "expired": invoice.Expired}
	endReasons = map[string]string{"cancelled": "cancelled by the payer", "expired": "time ran out"}
	attempts   = map[string]struct {
		outcome rail.Outcome
		reason  string
	}{
		"paid":   {rail.Accepted, ""},
		"failed": {rail.Over, "The bank refused the payment."},
	}
)

// sandboxFields reads the body: the target, and one of the outcomes, by default the first. A number is a target too: some ids are all digits.
func sandboxFields(f httpx.Fields, outcomes ...string) (target, outcome string, err error) {
	var r intake
	target, _, wrong := f.Text("target")
	if wrong == nil {
		if target, wrong = httpx.CleanText("target", target, maxTarget); wrong == nil && target == "" {
			wrong = fault.New(fault.FieldRequired).On("target")
		}
	}
	r.wrong(wrong)
	outcome = r.word(f, "outcome", outcomes[0], outcomes...)
	return target, outcome, r.err()
}

// SandboxPayout is the body of POST /v1/sandbox/payout.
type SandboxPayout struct {
	Target  string `json:"target" minLength:"1" maxLength:"2048" doc:"An id, a printed number or a reference." example:"SALARY-2026-07-77"`
	Outcome string `json:"outcome,omitempty" enum:"completed,processing,rejected,cancelled" default:"completed" doc:"What becomes of it."`
}

// played is what the outcomes of a payout do.
var played = map[string]payout.Move{
	"processing": {Action: payout.Process}, "completed": {Action: payout.Complete},
	"rejected": {Action: payout.Reject, Reason: "The recipient's account was refused."}, "cancelled": {Action: payout.Cancel, Reason: "cancelled in the sandbox"},
}

// sandboxPayout decides in one core command, which also keeps the answer for the Idempotency-Key. Faults, in this order: those of sandboxFields;
// TargetMissing, TargetAmbiguous on target; ApprovalWanted, PayoutClosed.
func (a *api) sandboxPayout(ctx context.Context, c caller, in *command) (Payout, error) {
	text, outcome, err := sandboxFields(in.fields, "completed", "processing", "rejected", "cancelled")
	if err != nil {
		return Payout{}, err
	}
	list, err := a.Payouts.Meanings(ctx, c.Owner, text, a.names)
	if err != nil {
		return Payout{}, err
	}
	means, err := only(list, payoutID, fault.TargetMissing, "target")
	m := played[outcome]
	m.Merchant, m.Payout, m.Right, m.Refused = c.Owner, means.ID, payout.OfRail, fault.First(err)
	p, err := a.Payouts.Move(ctx, m, in.key)
	if err != nil {
		return Payout{}, a.explainedPayouts(ctx, c.Owner, err)
	}
	return payoutOf(p), nil
}
