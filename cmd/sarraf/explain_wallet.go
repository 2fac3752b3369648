package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sarraf/event"
	"sarraf/internal/id"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/phone"
	"sarraf/wallet"
	"sarraf/webhook"
)

// explainEntries is how many of the latest entries are told of each of a wallet's accounts: a statement tells the rest.
const explainEntries = 20

// explainRegions are where a telephone number without a country's code may be dialled.
var explainRegions = []string{"BD", "PK"}

// walletFacts are what is told of a wallet. Nothing of its PIN is told but how it stands.
type walletFacts struct {
	ID          string          `json:"id"`
	Number      string          `json:"mobile_number,omitempty"`
	Kind        string          `json:"kind"`
	Name        string          `json:"name"`
	Status      string          `json:"status"`
	Mode        string          `json:"mode"`
	Reference   string          `json:"reference,omitempty"`
	Zone        string          `json:"zone"`
	PIN         bool            `json:"pin"` // it has one
	Failures    int64           `json:"pin_failures"`
	LockedUntil time.Time       `json:"pin_locked_until,omitzero"`
	Balances    []balanceAnswer `json:"balances"`
	Entries     int64           `json:"entries"` // of all its accounts of money; the latest of each are told
	CreatedAt   time.Time       `json:"created_at"`
	UpdatedAt   time.Time       `json:"updated_at"`
}

// spendingFacts are what is told of a transfer of a wallet: what its receipt says.
type spendingFacts struct {
	ID            string    `json:"id"`
	Receipt       string    `json:"receipt,omitempty"` // its number
	Kind          string    `json:"kind"`
	Door          string    `json:"door"`
	From          partyFact `json:"from"`
	To            partyFact `json:"to"`
	Amount        string    `json:"amount"`
	Fee           string    `json:"fee"`
	Currency      string    `json:"currency"`
	BalanceAfter  string    `json:"balance_after"`
	Invoice       string    `json:"invoice,omitempty"`
	Note          string    `json:"note,omitempty"`
	Rail          string    `json:"rail,omitempty"`
	RailReference string    `json:"rail_reference,omitempty"`
	Payout        string    `json:"payout,omitempty"`        // of a withdrawal and a return: its id
	PayoutStatus  string    `json:"payout_status,omitempty"` // what became of it
	By            string    `json:"by"`                      // by whose right: holder, merchant, operator; of a return the house
	Actor         string    `json:"actor,omitempty"`
	At            time.Time `json:"at"`
}

// partyFact is one side of a transfer, as it then was.
type partyFact struct {
	ID     string `json:"id"`
	Name   string `json:"name,omitempty"`
	Number string `json:"mobile_number,omitempty"`
}

// noteWallet adds a wallet, or a transfer of its, that the text means.
func (s *search) noteWallet(kind string, w wallet.Wallet, id, as string) {
	m, ok := s.merchants[w.Merchant]
	if s.alone && !ok {
		return // it is another merchant's than the one asked for, or nobody's
	}
	s.put(kind, w.Owner, id, as, m)
}

// byNumber finds the wallet with a telephone number, however it is written.
func (s *search) byNumber(ctx context.Context, text string) error {
	var numbers []string
	for _, region := range explainRegions {
		if n, err := phone.Parse(text, region); err == nil && !slices.Contains(numbers, string(n)) {
			numbers = append(numbers, string(n))
		}
	}
	for _, n := range numbers {
		list, err := s.tx.Meanings(ctx, n)
		if err != nil {
			return err
		}
		for _, a := range list {
			if a.Kind == wallet.NumberAlias {
				if err := s.wallets(ctx, aWallet, "the number of the wallet", [2]string{a.Owner, a.Owner}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// byReceipt finds the transfer of a wallet whose receipt has the number.
func (s *search) byReceipt(ctx context.Context, text string) error {
	list, err := s.tx.Meanings(ctx, strings.ToUpper(text))
	if err != nil {
		return err
	}
	for _, a := range list {
		if a.Kind == wallet.ReceiptAlias {
			if some, err := s.noteRefunds(ctx, a.ID, "the number of the receipt of a refund of it", a.Owner); some || err != nil {
				return err
			}
			if err := s.wallets(ctx, aSpending, "the number of the receipt", [2]string{a.Owner, a.ID}); err != nil {
				return err
			}
		}
	}
	return nil
}

// byWallet finds a wallet by its id, and by a token with which it is or was signed in.
func (s *search) byWallet(ctx context.Context, text string) error {
	if own := strings.ToLower(text); id.Valid(own) {
		return s.wallets(ctx, aWallet, "the id of the wallet", [2]string{own, own})
	}
	if owner := wallet.TokenOwner(text); owner != "" {
		return s.wallets(ctx, aWallet, "a token that names the wallet", [2]string{owner, owner})
	}
	return nil
}

// bySpending finds the transfer of a wallet that an entry is of, and reports whether it is one's.
func (s *search) bySpending(ctx context.Context, e ledger.Entry) (bool, error) {
	if some, err := s.noteRefunds(ctx, e.Subject, "the id of a transfer for a refund of it", e.Owner, e.CounterOwner); some || err != nil {
		return some, err
	}
	found, err := wallet.TransfersOf(ctx, s.tx, [2]string{e.Owner, e.Subject}, [2]string{e.CounterOwner, e.Subject})
	for _, t := range found {
		as := "the id of the transfer"
		if e.Transfer != t.ID {
			as = "the id of the transfer of its fee"
		}
		if err := s.wallets(ctx, aSpending, as, [2]string{t.Owner, t.ID}); err != nil {
			return false, err
		}
	}
	return len(found) > 0, err
}

// wallets notes a thing of each wallet: its id stands behind the wallet's.
func (s *search) wallets(ctx context.Context, kind, as string, things ...[2]string) error {
	for _, thing := range things {
		list, err := wallet.Of(ctx, s.tx, thing[0])
		if err != nil {
			return err
		}
		for _, w := range list {
			s.noteWallet(kind, w, thing[1], as)
		}
	}
	return nil
}

// fillWallet adds how a wallet stands, and the latest that befell it.
func (s *search) fillWallet(ctx context.Context, r root, to *subject) error {
	list, err := wallet.Of(ctx, s.tx, r.owner)
	if err != nil || len(list) == 0 {
		return err
	}
	w := list[0]
	pin, err := wallet.PINOf(ctx, s.tx, w.Owner)
	if err != nil {
		return err
	}
	f := &walletFacts{
		ID: w.Owner, Number: w.Number, Kind: string(w.Kind), Name: w.Name, Status: string(w.Status), Mode: string(modeOf(w)), Reference: w.Reference,
		Zone: w.Zone, PIN: w.HasPIN, Failures: pin.Failures, LockedUntil: pin.LockedUntil, Balances: []balanceAnswer{}, CreatedAt: w.CreatedAt,
		UpdatedAt: w.UpdatedAt,
	}
	to.Wallet = f
	for _, currency := range w.Currencies {
		account := w.Account(currency)
		figures, err := ledger.ReadIn(ctx, s.tx, []ledger.Account{account})
		if err != nil {
			return err
		}
		f.Balances = append(f.Balances, balanceAnswer{Currency: string(currency), Available: money.Of(figures[account].Available(), currency).Decimal()})
		f.Entries += figures[account].Entries
		latest, err := ledger.Latest(ctx, s.tx, account, explainEntries)
		if err != nil {
			return err
		}
		if err := s.movements(ctx, latest, to); err != nil {
			return err
		}
	}
	return s.audit(ctx, w.Owner, "", to)
}

// movements adds the transfers that entries are of, both sides of each, and what was told of them.
func (s *search) movements(ctx context.Context, entries []ledger.Entry, to *subject) error {
	told := map[string]bool{}
	for _, e := range slices.Backward(entries) {
		whole, err := ledger.OfTransfer(ctx, s.tx, e.Transfer)
		if err != nil {
			return err
		}
		to.Transfers = append(to.Transfers, transfersOf(whole)...)
		if told[e.Subject] {
			continue // with its fee
		}
		told[e.Subject] = true
		found, err := wallet.TransfersOf(ctx, s.tx, [2]string{e.Owner, e.Subject}, [2]string{e.CounterOwner, e.Subject})
		if err != nil {
			return err
		}
		for _, t := range found {
			if err := s.tellings(ctx, t, to); err != nil {
				return err
			}
		}
		if len(found) == 0 {
			to.Missing = append(to.Missing, "what the transfer "+e.Transfer+" was for")
		}
	}
	return nil
}

// tellings adds the events and webhooks about a transfer of a wallet.
func (s *search) tellings(ctx context.Context, t wallet.Transfer, to *subject) error {
	for _, owner := range t.Tellers() {
		events, err := event.About(ctx, s.tx, owner, t.ID, t.At.Add(-explainSlack), t.At.Add(explainSlack))
		if err != nil {
			return err
		}
		if len(events) == 0 {
			to.Missing = append(to.Missing, "the event about transfer "+t.ID+" for "+owner)
		}
		for _, e := range events {
			to.Events = append(to.Events, eventOf(e))
		}
		list, err := webhook.About(ctx, s.tx, owner, t.ID, t.At.Add(-explainSlack), t.At.Add(explainAfter))
		if err != nil {
			return err
		}
		if err := s.deliveries(ctx, list, to); err != nil {
			return err
		}
	}
	return nil
}

// fillSpending adds what a transfer of a wallet was, its entries and what was told of it.
func (s *search) fillSpending(ctx context.Context, r root, to *subject) error {
	list, err := wallet.TransfersOf(ctx, s.tx, [2]string{r.owner, r.id})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		to.Missing = append(to.Missing, "the transfer itself")
		return nil
	}
	t := list[0]
	to.Spending = spendingOf(t)
	if t.Kind == wallet.Withdrawal || t.Kind == wallet.Return {
		to.Spending.Payout = t.RailReference
		list, err := payout.OfOwner(ctx, s.tx, t.Owner, t.RailReference)
		if err != nil {
			return err
		}
		for _, p := range list {
			to.Spending.PayoutStatus = string(p.Status)
		}
		if len(list) == 0 {
			to.Missing = append(to.Missing, "the payout "+t.RailReference)
		}
	}
	entries, err := ledger.OfTransfer(ctx, s.tx, t.ID)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		to.Missing = append(to.Missing, "the entries of transfer "+t.ID)
	}
	to.Transfers = transfersOf(entries)
	if t.Fee > 0 && t.Kind != wallet.Withdrawal { // with a withdrawal it goes along
		own, err := ledger.OfSubject(ctx, s.tx, t.Owner, t.ID, t.At.Add(-explainSlack), t.At.Add(explainAfter))
		if err != nil {
			return err
		}
		fees := transfersOf(slices.DeleteFunc(own, func(e ledger.Entry) bool { return e.Transfer == t.ID }))
		if len(fees) == 0 {
			to.Missing = append(to.Missing, "the transfer of the fee of "+t.ID)
		}
		to.Transfers = append(to.Transfers, fees...)
	}
	if err := s.tellings(ctx, t, to); err != nil {
		return err
	}
	return s.audit(ctx, t.Owner, t.ID, to)
}

func spendingOf(t wallet.Transfer) *spendingFacts {
	sum := func(minor int64) string { return money.Of(minor, t.Currency).Decimal() }
	f := &spendingFacts{
		ID: t.ID, Receipt: t.Number, Kind: string(t.Kind), Door: t.Door, From: partyFact{t.Owner, t.SenderName, t.SenderNumber},
		To: partyFact{t.Receiver, t.ReceiverName, t.ReceiverNumber}, Amount: sum(t.Amount), Fee: sum(t.Fee), Currency: string(t.Currency),
		BalanceAfter: sum(t.BalanceAfter), Invoice: t.Invoice, Note: t.Note, Rail: t.Rail, RailReference: t.RailReference, By: string(t.By),
		Actor: t.Actor, At: t.At,
	}
	switch {
	case t.Kind == wallet.Return:
		f.By = "house"
	case t.By == wallet.Holder:
		f.By = "holder"
	}
	return f
}

// facts are the wallet's in the story.
func (f walletFacts) facts(fact func(name, value string), zone *time.Location) {
	fact("wallet", f.ID)
	fact("name", plain(f.Name))
	fact("number", f.Number)
	fact("holder", f.Kind+", "+f.Mode)
	fact("status", f.Status)
	if f.Reference != "" {
		fact("reference", plain(f.Reference))
	}
	fact("zone", f.Zone)
	switch {
	case !f.PIN:
		fact("PIN", "none")
	case !f.LockedUntil.IsZero():
		fact("PIN", "locked until "+clockText(f.LockedUntil, zone))
	case f.Failures > 0:
		fact("PIN", fmt.Sprintf("set, wrong %d times in a row", f.Failures))
	default:
		fact("PIN", "set")
	}
	for _, b := range f.Balances {
		fact("balance", b.Available+" "+b.Currency)
	}
	if f.Entries > explainEntries {
		fact("entries", strconv.FormatInt(f.Entries, 10)+", of which the latest are told")
	}
}

// facts are the transfer's in the story.
func (f spendingFacts) facts(fact func(name, value string)) {
	fact("transfer", f.ID)
	fact("receipt", f.Receipt)
	fact("kind", f.Kind+" through "+f.Door+", by right of the "+f.By)
	switch {
	case f.Actor == "":
	case f.Kind == string(wallet.TopUp):
		fact("put there", "by "+plain(f.Actor))
	default:
		fact("actor", plain(f.Actor))
	}
	if f.To.ID != f.From.ID { // it did not come from outside
		fact("from", f.From.words())
	}
	fact("to", f.To.words())
	fact("amount", f.Amount+" "+f.Currency+", and a fee of "+f.Fee)
	fact("left", f.BalanceAfter+" "+f.Currency)
	fact("invoice", f.Invoice)
	switch {
	case f.Payout != "":
		fact("payout", f.Payout+", "+f.PayoutStatus)
	case f.Rail != "":
		fact("rail", f.Rail+", its reference "+plain(f.RailReference))
	}
	if f.Note != "" {
		fact("note", plain(f.Note))
	}
}

func (p partyFact) words() string {
	text := p.ID
	if p.Name != "" {
		text = strings.TrimSpace(text + "  " + strconv.Quote(p.Name))
	}
	if p.Number != "" {
		text += ", " + p.Number
	}
	return text
}

// merchantWords is the line about the merchant, "" where there is none.
func merchantWords(m merchantFacts) string {
	if m.ID == "" {
		return ""
	}
	who := m.ID + "  " + strconv.Quote(m.Name) + ", " + m.Mode
	if m.Disabled {
		who += ", DISABLED"
	}
	return who
}

func merchantOf(m merchant.Merchant) merchantFacts {
	return merchantFacts{ID: m.Owner, Name: m.Name, Mode: string(m.Mode), Disabled: m.Settings.Disabled}
}
