package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"sarraf/event"
	"sarraf/internal/id"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/webhook"
)

// Kinds of things about money that goes out. What belongs to a payout is told with it.
const (
	aPayout      = "payout"
	aPayoutSheet = "payout_sheet"
)

// holdFacts are money that is set aside, or was.
type holdFacts struct {
	ID       string    `json:"id"`
	Amount   string    `json:"amount"`
	From     string    `json:"from"` // the account whose money it is
	For      string    `json:"for"`  // and the one that it is for
	State    string    `json:"state"`
	Since    time.Time `json:"since"`
	ClosedAt time.Time `json:"closed_at,omitzero"`
}

// orderAttempt is a call to a payout's rail, as it was written down before it was made.
type orderAttempt struct {
	Number    int64     `json:"number"`
	Kind      string    `json:"kind"` // send, or inquire, which moves nothing
	Node      string    `json:"node"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Outcome   string    `json:"outcome,omitempty"`
	Reference string    `json:"reference,omitempty"`
	Reason    string    `json:"reason,omitempty"`
}

// answeredFacts are the line of a bank's file that decided a payout.
type answeredFacts struct {
	File      string    `json:"file"` // its id
	Name      string    `json:"name"`
	Line      int64     `json:"line"`
	Outcome   string    `json:"outcome"`
	Reference string    `json:"reference,omitempty"`
	Actor     string    `json:"actor"`
	At        time.Time `json:"at"`
}

// goingFacts are what is told of a payout beside what is told of everything.
type goingFacts struct {
	payoutAnswer
	Row      string         `json:"row,omitempty"` // on its sheet
	Holds    []holdFacts    `json:"holds"`
	Attempts []orderAttempt `json:"attempts"`
	Answered *answeredFacts `json:"answered,omitempty"` // absent when no file decided it
}

// notePayout adds a payout that the text means.
func (s *search) notePayout(p payout.Payout, as string) *subject {
	m, ok := s.merchants[p.Merchant]
	if s.alone && !ok {
		return nil // it is another merchant's than the one asked for, or nobody's
	}
	return s.put(aPayout, p.Merchant, p.ID, as, m)
}

// notePayoutOf is notePayout; a refund is told with the invoice that it is of.
func (s *search) notePayoutOf(ctx context.Context, p payout.Payout, as string) error {
	if p.Kind == payout.KindRefund {
		_, err := s.noteRefunds(ctx, p.ID, as+" of it", p.Merchant)
		return err
	}
	s.notePayout(p, as)
	return nil
}

// byPayout finds payouts by everything that names one, and the sheets that operators carry out.
func (s *search) byPayout(ctx context.Context, text string) error {
	own, fee := strings.CutSuffix(strings.ToLower(text), ".fee")
	if !fee {
		own = text
	}
	list, err := payout.NamedIn(ctx, s.tx, own)
	if err != nil {
		return err
	}
	_, _, row := payout.ParseRowName(own)
	for _, p := range list {
		as := "the number that " + p.Door + " prints"
		switch {
		case fee:
			as = "the hold, or the transfer, of the fee of the " + string(p.Kind)
		case id.Valid(strings.ToLower(own)):
			as = "the id of the " + string(p.Kind)
		case row:
			as = "the row of it on a sheet"
		}
		if err := s.notePayoutOf(ctx, p, as); err != nil {
			return err
		}
	}
	if list, err = payout.OfReference(ctx, s.tx, text); err != nil {
		return err
	}
	for _, p := range list {
		if err := s.notePayoutOf(ctx, p, "the merchant's reference of a "+string(p.Kind)+" at "+p.Door); err != nil {
			return err
		}
	}
	if s.alone {
		return nil // a sheet is the house's
	}
	sheetID, number := strings.ToLower(text), int64(0)
	if !id.Valid(sheetID) {
		n, _, ok := payout.ParseRowName(text + "-1")
		if sheetID, number = "", n; !ok {
			return nil
		}
	}
	sheet, found, err := payout.SheetOf(ctx, s.tx, sheetID, number)
	if found {
		s.put(aPayoutSheet, sheet.Owner, sheet.ID, "the sheet", merchant.Merchant{Owner: merchant.House, Name: "the house", Mode: sheet.Mode})
	}
	return err
}

// byGoing finds the payout that an entry is of, and reports whether it is one's.
func (s *search) byGoing(ctx context.Context, e ledger.Entry) (bool, error) {
	if e.Kind != payout.TransferPayout && e.Kind != payout.TransferRefund && e.Kind != payout.TransferFee {
		return false, nil
	}
	list, err := payout.OfIDs(ctx, s.tx, []string{e.Subject})
	if err != nil {
		return false, err
	}
	for _, p := range list {
		if err := s.notePayoutOf(ctx, p, "the id of the transfer of the "+string(p.Kind)); err != nil {
			return false, err
		}
	}
	return len(list) > 0, nil
}

// ofPayout finds the payout that an event is about.
func (s *search) ofPayout(ctx context.Context, e event.Event, as string) error {
	list, err := payout.OfKeys(ctx, s.tx, []payout.Key{{Merchant: e.Owner, ID: e.Subject}})
	if err != nil {
		return err
	}
	for _, p := range list {
		if err := s.notePayoutOf(ctx, p, as); err != nil {
			return err
		}
	}
	return nil
}

// fillPayout adds what belongs to a payout: who asked and decided, what was set aside and moved, what its rail was told and said, what was
// told of it.
func (s *search) fillPayout(ctx context.Context, r root, to *subject) error {
	list, err := payout.OfKeys(ctx, s.tx, []payout.Key{{Merchant: r.owner, ID: r.id}})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		to.Missing = append(to.Missing, "the payout itself")
		return nil
	}
	p := list[0]
	f := &goingFacts{payoutAnswer: payoutFacts(p), Holds: []holdFacts{}, Attempts: []orderAttempt{}}
	to.Payout = f
	if err := s.setAside(ctx, p, to); err != nil {
		return err
	}
	attempts, err := payout.Attempts(ctx, s.tx, p.Owner, p.ID)
	if err != nil {
		return err
	}
	for _, a := range attempts {
		f.Attempts = append(f.Attempts, orderAttempt{
			Number: a.N, Kind: a.Kind, Node: a.Node, StartedAt: a.StartedAt, EndedAt: a.EndedAt, Outcome: a.Outcome, Reference: a.Reference, Reason: a.Reason,
		})
	}
	if err := s.onDesk(ctx, p, to); err != nil {
		return err
	}
	if to.Events, err = s.events(ctx, p.Merchant, p.ID, p.CreatedAt, p.UpdatedAt); err != nil {
		return err
	}
	if !everyChange(p, to.Events) { // a clock jumped, perhaps: all events of the merchant are read
		if to.Events, err = s.events(ctx, p.Merchant, p.ID, time.Time{}, time.Time{}); err != nil {
			return err
		}
		if !everyChange(p, to.Events) {
			to.Missing = append(to.Missing, "the event of one of its changes")
		}
	}
	deliveries, err := webhook.About(ctx, s.tx, p.Merchant, p.ID, p.CreatedAt.Add(-explainSlack), p.UpdatedAt.Add(explainAfter))
	if err != nil {
		return err
	}
	if err := s.deliveries(ctx, deliveries, to); err != nil {
		return err
	}
	return s.audit(ctx, p.Merchant, p.ID, to)
}

// everyChange reports whether the events tell of the payout's request and of each of its changes.
func everyChange(p payout.Payout, events []eventFacts) bool {
	changes := map[int64]bool{}
	for _, e := range events {
		var f payout.Fact
		if json.Unmarshal(e.Data, &f) == nil && f.Payout.ID == p.ID {
			changes[f.Payout.Changes] = true
		}
	}
	return int64(len(changes)) == p.Changes+1
}

// setAside adds the payout's holds and the transfers that they became.
func (s *search) setAside(ctx context.Context, p payout.Payout, to *subject) error {
	ids := []string{p.ID}
	if p.Fee > 0 {
		ids = append(ids, p.ID+".fee")
	}
	for _, held := range ids {
		h, found, err := ledger.HoldOf(ctx, s.tx, p.Owner, held)
		if err != nil {
			return err
		}
		if !found {
			to.Missing = append(to.Missing, "the hold "+held)
			continue
		}
		to.Payout.Holds = append(to.Payout.Holds, holdFacts{
			ID: h.ID, Amount: money.Of(h.Amount, p.Currency).Decimal(), From: h.Account, For: h.CounterAccount, State: string(h.State), Since: h.CreatedAt,
			ClosedAt: h.ClosedAt,
		})
		entries, err := ledger.OfTransfer(ctx, s.tx, held)
		if err != nil {
			return err
		}
		if p.Status == payout.Completed && len(entries) == 0 {
			to.Missing = append(to.Missing, "the transfer "+held)
		}
		to.Transfers = append(to.Transfers, transfersOf(entries)...)
	}
	return nil
}

// onDesk adds where a payout stands on its sheet, and the line of a bank's file that decided it.
func (s *search) onDesk(ctx context.Context, p payout.Payout, to *subject) error {
	if p.Sheet != "" {
		sheet, found, err := payout.SheetOf(ctx, s.tx, p.Sheet, 0)
		if err != nil {
			return err
		}
		rows, err := payout.RowsOf(ctx, s.tx, p.Sheet)
		if err != nil {
			return err
		}
		for n, row := range rows {
			if row.ID == p.ID && row.Owner == p.Owner {
				to.Payout.Row = sheet.RowName(int64(n) + 1)
			}
		}
		if !found {
			to.Missing = append(to.Missing, "the sheet "+p.Sheet)
		}
	}
	line, file, ok, err := payout.Answered(ctx, s.tx, p)
	if ok {
		to.Payout.Answered = &answeredFacts{
			File: file.ID, Name: file.Name, Line: line.Line, Outcome: string(line.Outcome), Reference: line.Reference, Actor: file.Actor, At: line.At,
		}
	}
	return err
}

// fillSheet adds a sheet with the payouts on it.
func (s *search) fillSheet(ctx context.Context, r root, to *subject) error {
	sheet, found, err := payout.SheetOf(ctx, s.tx, r.id, 0)
	if err != nil || !found {
		return err
	}
	rows, err := payout.RowsOf(ctx, s.tx, r.id)
	if err != nil {
		return err
	}
	a := sheetFacts(sheet, rows)
	to.Sheet = &a
	if int64(len(rows)) != sheet.Lines {
		to.Missing = append(to.Missing, fmt.Sprintf("%d of the %d payouts on it", sheet.Lines-int64(len(rows)), sheet.Lines))
	}
	to.Events, err = s.events(ctx, r.owner, r.id, sheet.CreatedAt, sheet.UpdatedAt)
	return err
}

// facts are the payout's in the story.
func (g goingFacts) facts(fact func(name, value string), zone *time.Location) {
	g.payoutAnswer.facts(fact, zone)
	fact("row", g.Row)
	for _, h := range g.Holds {
		fact("hold", h.Amount+" "+g.Currency+" of "+h.From+" for "+h.For+", "+h.State+": "+h.ID)
	}
	switch {
	case g.Status == string(payout.Unknown):
		fact("to do", "find out from the rail, and never send it again: docs/payouts.md")
	case g.Status == string(payout.Pending) && g.Approval == string(payout.Wanted):
		fact("to do", "somebody else than "+plain(g.AskedBy)+" approves or rejects it")
	case g.Status == string(payout.Pending) && g.Rail == payout.Manual:
		fact("to do", "sarraf payout export puts it on a sheet")
	case g.Status == string(payout.Processing) && g.Rail == payout.Manual:
		fact("to do", "sarraf payout import, complete or reject says what the bank did")
	}
}

// facts are the sheet's in the story.
func (a sheetAnswer) facts(fact func(name, value string), zone *time.Location) {
	fact("sheet", fmt.Sprintf("%d, %s: %s", a.Number, a.Status, a.ID))
	fact("amount", fmt.Sprintf("%s %s, %d payouts, %s", a.Amount, a.Currency, a.Lines, a.Mode))
	fact("method", a.Method)
	fact("made by", plain(a.Actor)+", "+plain(a.Source)+", "+clockText(a.CreatedAt, zone))
	count := map[string]int{}
	for _, p := range a.Payouts {
		count[p.Status]++
	}
	for _, status := range payout.Statuses() {
		if n := count[string(status)]; n > 0 {
			fact(string(status), fmt.Sprint(n))
		}
	}
}

// happenings are those of the payout that nothing else tells of.
func (g goingFacts) happenings(add func(at time.Time, rank int, what string, more ...string)) {
	for _, a := range g.Attempts {
		what := "the rail " + plain(g.Rail) + " is handed the order"
		if a.Kind != "send" {
			what = "the rail " + plain(g.Rail) + " is asked what became of it"
		}
		if a.EndedAt.IsZero() {
			add(a.StartedAt, 1, what, "the call has no end: it is under way, or its process died")
			continue
		}
		text := cmp.Or(a.Outcome, "no outcome") + " after " + a.EndedAt.Sub(a.StartedAt).Round(time.Millisecond).String()
		if a.Reference != "" {
			text += ", reference " + plain(a.Reference)
		}
		more := []string{text}
		if a.Reason != "" {
			more = append(more, cut(plain(a.Reason), 300))
		}
		add(a.StartedAt, 1, what, more...)
	}
	if a := g.Answered; a != nil {
		text := a.Outcome
		if a.Reference != "" {
			text += ", reference " + plain(a.Reference)
		}
		add(a.At, 1, fmt.Sprintf("line %d of %s says so", a.Line, plain(a.Name)), text+", imported by "+plain(a.Actor))
	}
}
