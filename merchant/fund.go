package merchant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/audit"
	"sarraf/ledger"
	"sarraf/money"
	"sarraf/store"
)

// EventFunded says that an operator has put money on a merchant's balance. Its data is a Funding.
const EventFunded event.Type = "balance.funded"

// EventKind is the kind of the events about a merchant's balance.
const EventKind = "balance"

// TransferFunding is the kind of the transfer that a funding makes: clearing of the operator -> the merchant's balance.
const TransferFunding = "funding"

// operatorRail names the clearing account of money that the operator says is there.
const operatorRail = "operator"

// Funding is money that an operator has put on a merchant's balance.
type Funding struct {
	ID       string         `json:"id"` // the transfer's
	Actor    string         `json:"actor"`
	Amount   int64          `json:"amount"`
	Currency money.Currency `json:"currency"`
}

// Fund puts money on a merchant's balance, which the operator has received for it outside. The id is the operator's own name for the
// funding, unique for the merchant: the same id and amount again changes nothing. Faults: MerchantMissing, AmountNotPositive,
// CurrencyUnknown, FieldRequired when there is no id, ReferenceTaken when the id was used for another amount, AmountOverflow.
func (s *Service) Fund(ctx context.Context, by Actor, owner, id string, a money.Amount) error {
	m, err := s.Get(ctx, owner)
	switch {
	case err != nil:
		return err
	case a.Minor <= 0:
		return fault.New(fault.AmountNotPositive).On("amount")
	case id == "":
		return fault.New(fault.FieldRequired).On("id")
	case !m.Has(a.Currency):
		return fault.New(fault.CurrencyUnknown).On("currency")
	}
	now := s.clock.Now()
	account := func(kind string) ledger.Account {
		return ledger.Account{Owner: owner, Currency: a.Currency, Kind: kind}
	}
	data, err := json.Marshal(Funding{ID: id, Actor: by.Name, Amount: a.Minor, Currency: a.Currency})
	if err != nil {
		return err
	}
	line, err := s.note(by, owner, "balance.fund", id)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		results, err := ledger.Apply(ctx, tx, []ledger.Command{{At: now, Ops: []ledger.Op{ledger.Transfer{
			ID: id, From: account(ledger.Clearing(operatorRail)), To: account(ledger.Balance), Amount: a.Minor, Kind: TransferFunding, Subject: id,
		}}}})
		if err != nil {
			return err
		}
		switch {
		case fault.Has(results[0].Err, fault.IdempotencyReused):
			return fault.New(fault.ReferenceTaken).On("id")
		case results[0].Err != nil || results[0].Exists:
			return results[0].Err
		}
		line.later(tx, "", a.String())
		_, err = s.log.Append(ctx, tx, []event.New{{Owner: owner, Type: EventFunded, Kind: EventKind, Subject: id, Data: data, At: now}})
		return err
	})
}

// Audit proves in a snapshot that each funding transfer has its event, and each event its transfer, with the same amount.
func Audit(ctx context.Context, tx *store.Tx, report audit.Report) error {
	events, moves := event.Stream(ctx, tx, EventKind), ledger.StreamTransfers(ctx, tx, []string{TransferFunding})
	for {
		e, ok1 := events.Peek(ctx)
		m, ok2 := moves.Peek(ctx)
		if !ok1 && !ok2 {
			break
		}
		order := 0
		if !ok2 || ok1 && (e.Owner < m.Owner || e.Owner == m.Owner && e.Subject < m.Subject) {
			order = -1
		} else if !ok1 || m.Owner < e.Owner || m.Owner == e.Owner && m.Subject < e.Subject {
			order = 1
		}
		say := func(owner, row, format string, args ...any) {
			report(audit.Finding{Table: "event", Owner: owner, Row: row, Problem: fmt.Sprintf(format, args...)})
		}
		if order <= 0 {
			events.Next(ctx)
		}
		if order >= 0 {
			moves.Next(ctx)
		}
		var f Funding
		switch {
		case order < 0:
			say(e.Owner, fmt.Sprint(e.Seq), "it tells of funding %s, and there is no such transfer", e.Subject)
		case order > 0:
			say(m.Owner, m.Subject, "the funding of %d to %s has no event", m.Amount, m.CounterAccount)
		case json.Unmarshal(e.Data, &f) != nil:
			say(e.Owner, fmt.Sprint(e.Seq), "it cannot be read")
		case f.Amount != m.Amount || f.ID != m.Transfer || !e.At.Equal(m.At) || m.CounterAccount != (ledger.Account{Owner: m.Owner, Currency: f.Currency, Kind: ledger.Balance}).ID():
			say(e.Owner, fmt.Sprint(e.Seq), "it tells of %d %s, and transfer %s moved %d to %s", f.Amount, f.Currency, m.Transfer, m.Amount, m.CounterAccount)
		}
	}
	return errors.Join(events.Err(), moves.Err())
}
