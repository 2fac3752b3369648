package api

import (
	"strconv"
	"strings"
	"time"

	"sarraf/payout"
)

// PayoutMethod is one way in which a merchant's money can go out.
type PayoutMethod struct {
	Number      int64     `json:"number" doc:"What a payout names it by. The merchant's own, and never another method's." example:"1"`
	Merchant    string    `json:"merchant" format:"uuid" doc:"The id of the merchant whose method it is."`
	Kind        string    `json:"kind" doc:"What it pays into."`
	Name        string    `json:"name" example:"bKash"`
	Type        string    `json:"type" doc:"Of what sort it is: mobile_banking, bank." example:"mobile_banking"`
	AccountType string    `json:"account_type" doc:"What a recipient's account is called there."`
	Currency    string    `json:"currency" doc:"ISO 4217." example:"BDT"`
	MinAmount   string    `json:"min_amount,omitempty" doc:"The least amount of one payout, in the major unit; absent where there is none." example:"50.00"`
	MaxAmount   string    `json:"max_amount,omitempty" doc:"The greatest amount of one payout; absent where there is none." example:"25000.00"`
	Fee         PayoutFee `json:"fee" doc:"What the house takes on top of the amount."`
	Rail        string    `json:"rail" doc:"The way the money goes: sandbox moves none, manual is by the operator's hand." example:"sandbox"`
	Disabled    bool      `json:"disabled" doc:"No new payout can name it now."`
}

// PayoutFee is how the fee of a payout is worked out: flat, and so many percent of the amount, kept within bounds.
type PayoutFee struct {
	Flat    string `json:"flat" doc:"In the major unit, whatever the amount." example:"5.00"`
	Percent string `json:"percent" doc:"And so many percent of the amount." example:"1.85"`
	Min     string `json:"min,omitempty" doc:"At least this, in the major unit." example:"5.00"`
	Max     string `json:"max,omitempty" doc:"And at most this." example:"100.00"`
}

// Payout is money that goes out: a payout of a merchant's balance, a refund of a payment, or a withdrawal from a wallet.
type Payout struct {
	ID               string     `json:"id" doc:"Its own id. Ids sort by time."`
	Kind             string     `json:"kind" enum:"payout,refund,withdrawal" doc:"From a merchant's balance, back to a payer, or out of a wallet."`
	Merchant         string     `json:"merchant,omitempty" format:"uuid" doc:"The id of the merchant whose list it is on; absent for a withdrawal from a wallet that is no merchant's."`
	Door             string     `json:"door" doc:"The front door it came in by." example:"native"`
	Number           string     `json:"number,omitempty" doc:"The id that its front door prints." example:"ATPAY00000000000417"`
	Reference        string     `json:"reference,omitempty" doc:"The merchant's own id of it, unique at that door." example:"SALARY-2026-07-77"`
	Batch            string     `json:"batch,omitempty" doc:"The id of the batch that it came in."`
	Line             int64      `json:"line,omitempty" doc:"Its line in the batch, from 1."`
	Wallet           string     `json:"wallet,omitempty" doc:"Of a withdrawal: the id of the wallet. Of a refund: of the one that had paid."`
	Transfer         string     `json:"transfer,omitempty" doc:"Of a withdrawal: the id of the transfer that took the money out of the wallet."`
	Payment          string     `json:"payment,omitempty" doc:"Of a refund: the id of the payment that is given back."`
	PayoutMethod     int64      `json:"payout_method,omitempty" doc:"The number of the merchant's method; absent for a refund."`
	Method           string     `json:"method,omitempty" doc:"What the method pays into." example:"bkash"`
	MethodName       string     `json:"method_name,omitempty" example:"bKash"`
	Rail             string     `json:"rail" doc:"The way the money goes." example:"sandbox"`
	Amount           string     `json:"amount" doc:"What the recipient gets, in the major unit." example:"1234.50"`
	Fee              string     `json:"fee" doc:"What the house takes on top." example:"5.00"`
	Total            string     `json:"total" doc:"Both: what is held, and gone when it is completed." example:"1239.50"`
	Currency         string     `json:"currency" doc:"ISO 4217." example:"BDT"`
	RecipientName    string     `json:"recipient_name,omitempty" example:"Rahima Khatun"`
	RecipientAccount string     `json:"recipient_account,omitempty" doc:"As it was sent." example:"01712-345678"`
	Destination      string     `json:"destination,omitempty" doc:"The account as the rail is told it: a number in E.164, an IBAN without spaces, ROUTING/ACCOUNT." example:"+8801712345678"`
	Description      string     `json:"description,omitempty"`
	Status           string     `json:"status" enum:"pending,processing,completed,rejected,cancelled,unknown" doc:"Completed, rejected and cancelled are final. Unknown: the rail fell silent, so the money may have gone; it is asked about, and never sent again."`
	Approval         string     `json:"approval,omitempty" enum:"wanted,given" doc:"Whether a second person has to approve it, or has; absent where none need."`
	Reason           string     `json:"reason,omitempty" doc:"Why it was rejected or cancelled, or is unknown."`
	AskedBy          string     `json:"asked_by,omitempty" doc:"Whose key asked for it." example:"merchant key 019f1d9a-5c1e-7d3a-9d0b-1b2c3d4e5f60"`
	DecidedBy        string     `json:"decided_by,omitempty" doc:"Who approved, rejected or cancelled it."`
	RailReference    string     `json:"rail_reference,omitempty" doc:"The rail's own id of it."`
	Sheet            string     `json:"sheet,omitempty" doc:"The operator's sheet that it was paid from."`
	CreatedAt        time.Time  `json:"created_at"`
	UpdatedAt        time.Time  `json:"updated_at"`
	SentAt           *time.Time `json:"sent_at,omitempty" doc:"When it became processing."`
	ProcessedAt      *time.Time `json:"processed_at,omitempty" doc:"When it became final."`
}

// payoutOf is a function of the payout alone, so that a repeated request is answered alike.
func payoutOf(p payout.Payout) Payout {
	out := Payout{
		ID: p.ID, Kind: string(p.Kind), Merchant: p.Merchant, Door: p.Door, Number: p.Number, Reference: p.Reference, Batch: p.Batch, Line: p.Line,
		PayoutMethod: p.Method, Method: p.MethodKind, MethodName: p.MethodName, Rail: p.Rail, Amount: major(p.Amount, p.Currency),
		Fee: major(p.Fee, p.Currency), Total: p.Total().Decimal(), Currency: string(p.Currency), RecipientName: p.RecipientName,
		RecipientAccount: p.Account, Destination: p.Destination, Description: p.Description, Status: string(p.Status), Approval: string(p.Approval),
		Reason: p.Reason, AskedBy: p.AskedBy, DecidedBy: p.DecidedBy, RailReference: p.RailReference, Sheet: p.Sheet, CreatedAt: p.CreatedAt,
		UpdatedAt: p.UpdatedAt, SentAt: moment(p.SentAt), ProcessedAt: moment(p.ProcessedAt),
	}
	switch p.Kind {
	case payout.KindRefund:
		out.Payment = p.Subject
	case payout.KindWithdrawal:
		out.Wallet, out.Transfer = p.Owner, p.Subject
	}
	return out
}

func methodOf(m payout.Method) PayoutMethod {
	return PayoutMethod{
		Number: m.Number, Merchant: m.Owner, Kind: m.Kind, Name: m.Name, Type: m.Type, AccountType: m.AccountType, Currency: string(m.Currency),
		MinAmount: bound(m.Min, m.Currency), MaxAmount: bound(m.Max, m.Currency), Rail: m.Rail, Disabled: m.Disabled,
		Fee: PayoutFee{
			Flat: major(m.Fee.Flat, m.Currency), Percent: percent(m.Fee.PPM), Min: bound(m.Fee.Min, m.Currency), Max: bound(m.Fee.Max, m.Currency),
		},
	}
}

// percent writes parts per million as percent, with no more decimals than it has: 18,500 is "1.85".
func percent(ppm int64) string {
	const one = 10_000
	whole, rest := strconv.FormatInt(ppm/one, 10), strings.TrimRight(strconv.FormatInt(one+ppm%one, 10)[1:], "0")
	if rest == "" {
		return whole
	}
	return whole + "." + rest
}
