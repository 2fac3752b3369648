package api

import (
	"time"

	"sarraf/payout"
)

// PayoutBatch is many payouts that were asked for in one call.
type PayoutBatch struct {
	ID        string    `json:"id" doc:"Its own id. Ids sort by time."`
	Merchant  string    `json:"merchant" format:"uuid"`
	Door      string    `json:"door" doc:"The front door it came in by." example:"native"`
	Reference string    `json:"reference,omitempty" doc:"The merchant's own id of it." example:"SALARIES-2026-07"`
	Name      string    `json:"name,omitempty" example:"Salaries of July"`
	Status    string    `json:"status" enum:"waiting,working,done" doc:"Done: each line has been judged."`
	Lines     int64     `json:"lines" doc:"How many payouts were asked for."`
	Made      int64     `json:"made" doc:"Of how many a payout was made so far."`
	Errored   int64     `json:"errored" doc:"How many were refused so far."`
	Amounts   []Sum     `json:"amounts" nullable:"false" doc:"What was asked for in all, without fees, by currency."`
	AskedBy   string    `json:"asked_by" doc:"Whose key asked for it."`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Sum is what amounts of one currency come to.
type Sum struct {
	Currency string `json:"currency" example:"BDT"`
	Amount   string `json:"amount" doc:"In the major unit." example:"98765.00"`
}

// PayoutBatchLine is one of a batch's payouts, as it was asked for.
type PayoutBatchLine struct {
	Line             int64         `json:"line" doc:"Its number, from 1."`
	State            string        `json:"state" enum:"draft,made,errored" doc:"Not judged yet, a payout, or refused."`
	Payout           string        `json:"payout,omitempty" doc:"The id of the payout that it became."`
	PayoutMethod     int64         `json:"payout_method"`
	Amount           string        `json:"amount" example:"1234.50"`
	Currency         string        `json:"currency" example:"BDT"`
	RecipientName    string        `json:"recipient_name,omitempty"`
	RecipientAccount string        `json:"recipient_account,omitempty"`
	Reference        string        `json:"reference,omitempty"`
	Description      string        `json:"description,omitempty"`
	Problems         []ProblemItem `json:"problems,omitempty" nullable:"false" doc:"Why it was refused, all of it, as the problems of a call for it alone."`
}

// BatchDecided is what became of a decision about a whole batch.
type BatchDecided struct {
	ID      string `json:"id" doc:"The batch's id."`
	Decided int64  `json:"decided" doc:"How many payouts the decision was about."`
	Left    int64  `json:"left" doc:"How many still want one, such as those that the caller asked for itself."`
}

func batchOf(b payout.Batch) PayoutBatch {
	out := PayoutBatch{
		ID: b.ID, Merchant: b.Owner, Door: b.Door, Reference: b.Reference, Name: b.Name, Status: string(b.Status), Lines: b.Lines, Made: b.Made,
		Errored: b.Errored, AskedBy: b.AskedBy, CreatedAt: b.CreatedAt, UpdatedAt: b.UpdatedAt,
		Amounts: make([]Sum, len(b.Amounts)),
	}
	for i, sum := range b.Amounts {
		out.Amounts[i] = Sum{Currency: string(sum.Currency), Amount: sum.Decimal()}
	}
	return out
}

func batchLineOf(l payout.BatchLine) PayoutBatchLine {
	out := PayoutBatchLine{
		Line: l.Line, State: string(l.State), Payout: l.Payout, PayoutMethod: l.Method, Amount: l.Amount.Decimal(), Currency: string(l.Amount.Currency),
		RecipientName: l.RecipientName, RecipientAccount: l.Account, Reference: l.Reference, Description: l.Description,
	}
	for _, f := range told(l.Faults, l.Amount.Currency) {
		out.Problems = append(out.Problems, item(f))
	}
	return out
}
