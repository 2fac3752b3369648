package payment

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/invoice"
	"sarraf/ledger"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/store"
	"sarraf/wallet"
)

// part is a part of a payment, of which refunds are taken.
type part struct {
	owner, payment string
	of             RefundOf
}

// giving is what a slice of refunds is judged against.
type giving struct {
	payments map[[2]string]*Payment // by owner and id
	invoices map[invoice.Key]*invoice.Invoice
	lists    map[invoice.Key][]*Payment // of the invoices that are named instead of a payment, oldest first
	given    map[part]int64             // by refunds that were not rejected or cancelled
	payers   map[[2]string]string       // by owner and payment: the wallet that paid
	known    map[payout.Key]*Refund     // that were made before
}

// refundSlice is Refund for a slice. Locked are the invoices, then the accounts; the rows of payout are new.
func (s *Service) refundSlice(ctx context.Context, tx *store.Tx, list []NewRefund) ([]store.Outcome[Refund], error) {
	have, err := readGiving(ctx, tx, list)
	if err != nil {
		return nil, err
	}
	if err := have.open(ctx, tx); err != nil {
		return nil, err
	}
	out := make([]store.Outcome[Refund], len(list))
	var facts []event.New
	var made []*Refund
	for rest := places(len(list)); len(rest) > 0; { // once, but for those that take of the same as one before them, or ask for the same
		var rows []*Refund
		var at []int
		if rest, rows, at = have.round(s, list, rest, out); len(rows) == 0 {
			continue
		}
		payouts := make([]*payout.Payout, len(rows))
		for i, r := range rows {
			payouts[i] = &r.Payout
		}
		errs, told, err := s.payouts.StartIn(ctx, tx, payouts)
		if err != nil {
			return nil, err
		}
		facts = append(facts, told...)
		for i, r := range rows {
			if out[at[i]].Err = errs[i]; errs[i] != nil {
				continue
			}
			out[at[i]].Value = *r
			have.given[r.part()] += r.Amount
			have.known[r.Key()] = r
			made = append(made, r)
		}
	}
	insertRefundsLater(tx, made)
	if _, err := s.log.Append(ctx, tx, facts); err != nil {
		return nil, err
	}
	return out, s.finish(ctx, tx, made, out)
}

func places(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// finish completes those whose money is in this house: their accounts are locked by now, before the events were written.
func (s *Service) finish(ctx context.Context, tx *store.Tx, made []*Refund, out []store.Outcome[Refund]) error {
	var moves []payout.Move
	for _, r := range made {
		if r.Wallet != "" {
			moves = append(moves, payout.Move{
				ID: r.ID, Merchant: r.Merchant, Payout: r.ID, Action: payout.Complete, Right: payout.OfRail, RailReference: r.Receipt, At: r.CreatedAt,
			})
		}
	}
	if len(moves) == 0 {
		return nil
	}
	done, err := s.payouts.MoveIn(ctx, tx, moves)
	if err != nil {
		return err
	}
	for _, d := range done {
		if d.Err != nil {
			return d.Err // it was made a moment ago, and nothing stands in its way: our mistake
		}
		for i := range out {
			if r := &out[i].Value; out[i].Err == nil && r.ID == d.Value.ID && r.Merchant == d.Value.Merchant {
				r.Payout = d.Value
			}
		}
	}
	return nil
}

// round judges those at the places, in their order, that do not depend on one before them that is not decided yet, and answers the others, with the rows
// of those that are to be started and their places.
func (g *giving) round(s *Service, list []NewRefund, at []int, out []store.Outcome[Refund]) (rest []int, rows []*Refund, started []int) {
	waits := map[part]bool{}
	ids := map[payout.Key]bool{}
	for _, i := range at {
		n := list[i]
		key := payout.Key{Merchant: n.Owner, ID: n.ID}
		if ids[key] {
			rest = append(rest, i)
			continue
		}
		p, err := g.target(n)
		if err == nil && waits[part{n.Owner, p.ID, n.Of}] && g.known[key] == nil {
			rest = append(rest, i)
			continue
		}
		r, exists, err := g.judge(s, n, p, err)
		if err != nil || exists {
			out[i] = store.Outcome[Refund]{Value: r, Err: err}
			continue
		}
		waits[r.part()], ids[key] = true, true
		rows, started = append(rows, &r), append(started, i)
	}
	return rest, rows, started
}

func (r *Refund) part() part { return part{r.Owner, r.Payment, r.Of} }

// left is what can still be given back of a part of the payment.
func (g *giving) left(p *Payment, of RefundOf) int64 {
	whole := p.Applied
	if of == OfUnapplied {
		whole = p.Unapplied
	}
	return whole - g.given[part{p.Owner, p.ID, of}]
}

// target is the payment that is meant.
func (g *giving) target(n NewRefund) (*Payment, error) {
	if n.Payment != "" {
		p := g.payments[[2]string{n.Owner, n.Payment}]
		if p == nil || n.Invoice != "" && p.Invoice != n.Invoice {
			return nil, fault.New(fault.PaymentMissing).On("payment")
		}
		return p, nil
	}
	key := invoice.Key{Owner: n.Owner, ID: n.Invoice}
	if g.invoices[key] == nil {
		return nil, fault.New(fault.InvoiceMissing).On("invoice")
	}
	all := g.lists[key]
	some := slices.DeleteFunc(slices.Clone(all), func(p *Payment) bool { return g.left(p, n.Of) <= 0 })
	if len(all) >= OfManyMost && len(some) > 0 || len(some) > 1 { // of a code's older ones, not all were looked at
		var ids []string
		for _, p := range some[:min(len(some), 10)] {
			ids = append(ids, p.ID)
		}
		return nil, fault.New(fault.TargetAmbiguous).On("invoice").With("candidates", strings.Join(ids, ","))
	}
	if len(some) == 0 {
		return nil, tooMuch(0)
	}
	return some[0], nil
}

func tooMuch(left int64) *fault.Error {
	return fault.New(fault.RefundTooMuch).On("amount").With("refundable", strconv.FormatInt(max(left, 0), 10))
}

// judge is the refund that a request makes of the payment, with all rules but the balance's; exists when it was made before. missing is why
// there is no payment.
func (g *giving) judge(s *Service, n NewRefund, p *Payment, missing error) (r Refund, exists bool, err error) {
	if old := g.known[payout.Key{Merchant: n.Owner, ID: n.ID}]; old != nil {
		if !old.is(n) {
			return r, false, fault.New(fault.IdempotencyReused).On("id")
		}
		return *old, true, nil
	}
	switch {
	case n.Of != OfSettled && n.Of != OfUnapplied:
		return r, false, fault.New(fault.FieldNotOneOf).On("of").With("allowed", string(OfSettled)+","+string(OfUnapplied))
	case !utf8.ValidString(n.Reason) || strings.ContainsFunc(n.Reason, unicode.IsControl):
		return r, false, fault.New(fault.FieldControl).On("reason")
	case utf8.RuneCountInString(n.Reason) > mostReason:
		return r, false, fault.New(fault.FieldTooLong).On("reason").With("max", strconv.Itoa(mostReason))
	case n.shop.Owner == "":
		return r, false, fault.New(fault.MerchantMissing)
	case missing != nil:
		return r, false, missing
	}
	left := g.left(p, n.Of)
	amount := money.Of(left, p.Currency)
	if n.Amount != nil {
		amount = *n.Amount
	}
	inv := g.invoices[invoice.Key{Owner: p.Owner, ID: p.Invoice}]
	switch {
	case inv == nil:
		return r, false, fault.New(fault.InvoiceMissing).On("invoice")
	case amount.Currency != p.Currency:
		return r, false, fault.New(fault.CurrencyUnknown).On("currency")
	case n.Amount != nil && amount.Minor <= 0:
		return r, false, fault.New(fault.AmountNotPositive).On("amount")
	case n.Of == OfSettled && inv.Status == invoice.Open && inv.Kind != invoice.Static:
		return r, false, fault.New(fault.InvoiceOpen)
	case amount.Minor > left || left <= 0:
		return r, false, tooMuch(left)
	}
	return s.refundOf(n, p, amount, inv, g.payers[[2]string{p.Owner, p.ID}])
}

// is reports whether the request is the one that made the refund.
func (r *Refund) is(n NewRefund) bool {
	return r.Of == n.Of && (n.Payment == "" || n.Payment == r.Payment) && (n.Invoice == "" || n.Invoice == r.Invoice) &&
		(n.Amount == nil || *n.Amount == r.Money()) && r.Description == n.Reason
}

// refundOf is the row of a refund that was judged. Its rail is the one that the payment came over, where that sends money back; else a person's. What
// a sandbox merchant gives back never becomes work for one.
func (s *Service) refundOf(n NewRefund, p *Payment, amount money.Amount, inv *invoice.Invoice, payer string) (Refund, bool, error) {
	at := n.At.UTC().Truncate(time.Microsecond)
	r := Refund{
		Invoice: p.Invoice, Payment: p.ID, Of: n.Of,
		Payout: payout.Payout{
			Owner: p.Owner, ID: n.ID, Kind: payout.KindRefund, Merchant: p.Owner, Door: n.Door, Amount: amount.Minor, Currency: amount.Currency,
			RecipientName: inv.PayerName, Description: n.Reason, Source: n.Of.source(), Target: ledger.Payouts, Rail: payout.Manual, Subject: p.ID,
			PaymentReference: p.RailReference, Status: payout.Pending, AskedBy: n.AskedBy.Name, CreatedAt: at, UpdatedAt: at,
		},
	}
	switch {
	case p.Rail == wallet.Rail:
		if payer == "" {
			return r, false, fmt.Errorf("payment: no wallet made payment %s of %s", p.ID, p.Owner)
		}
		r.Rail, r.Wallet, r.Receipt = wallet.Rail, payer, n.receipt
	case s.payouts.Sender(p.Rail, payout.KindRefund) != nil:
		r.Rail = p.Rail
	case n.shop.Sandbox():
		r.Rail = payout.Sandbox
	}
	if r.Rail != payout.Manual {
		r.Target = ledger.Clearing(r.Rail)
	}
	return r, false, nil
}

// readGiving fetches what the refunds are judged by, and locks their invoices.
func readGiving(ctx context.Context, tx *store.Tx, list []NewRefund) (*giving, error) {
	g := &giving{
		payments: map[[2]string]*Payment{}, invoices: map[invoice.Key]*invoice.Invoice{}, lists: map[invoice.Key][]*Payment{}, given: map[part]int64{},
		payers: map[[2]string]string{},
	}
	var byID, byInvoice []any
	var keys []invoice.Key
	var ids []payout.Key
	for _, n := range list {
		ids = append(ids, payout.Key{Merchant: n.Owner, ID: n.ID})
		if n.Payment != "" {
			byID = append(byID, n.Owner, n.Payment)
			continue
		}
		if k := (invoice.Key{Owner: n.Owner, ID: n.Invoice}); !slices.Contains(keys, k) {
			keys = append(keys, k)
			byInvoice = append(byInvoice, n.Owner, n.Invoice)
		}
	}
	// Whose invoice a payment is, never changes: it can be read before anything is locked.
	err := tx.QueryRows(ctx, bulkByID, byID, func(r store.Row) error {
		p, err := scan(r)
		g.payments[[2]string{p.Owner, p.ID}] = &p
		keys = append(keys, invoice.Key{Owner: p.Owner, ID: p.Invoice})
		return err
	})
	if err != nil {
		return nil, err
	}
	invoice.LockLater(tx, keys, g.invoices)
	tx.LaterRows(bulkOfInvoice, byInvoice, func(r store.Row) error {
		p, err := scan(r)
		k := invoice.Key{Owner: p.Owner, ID: p.Invoice}
		g.payments[[2]string{p.Owner, p.ID}], g.lists[k] = &p, append(g.lists[k], &p)
		return err
	})
	if err := tx.Flush(ctx); err != nil {
		return nil, err
	}
	for _, l := range g.lists {
		slices.SortFunc(l, func(a, b *Payment) int { return strings.Compare(a.ID, b.ID) })
	}
	// From here on, whoever gives money of these invoices back has done it, or waits.
	var payments [][2]string
	paid := map[string][]string{} // from wallets, by owner
	for k, p := range g.payments {
		payments = append(payments, k)
		if p.Rail == wallet.Rail {
			paid[p.Owner] = append(paid[p.Owner], p.ID)
		}
	}
	payout.GivenBackLater(tx, payments, func(owner, payment, source string, minor int64) {
		of := OfSettled
		if source == OfUnapplied.source() {
			of = OfUnapplied
		}
		g.given[part{owner, payment, of}] = minor
	})
	for owner, list := range paid {
		payers, err := wallet.PayersOf(ctx, tx, owner, list)
		if err != nil {
			return nil, err
		}
		for payment, payer := range payers {
			g.payers[[2]string{owner, payment}] = payer
		}
	}
	g.known, err = refundsIn(ctx, tx, ids)
	return g, err
}

// open locks all accounts that the refunds may touch, in the order of their keys, before any of them is decided.
func (g *giving) open(ctx context.Context, tx *store.Tx) error {
	var accounts []ledger.Account
	add := func(owner string, c money.Currency, kinds ...string) {
		for _, kind := range kinds {
			accounts = append(accounts, ledger.Account{Owner: owner, Currency: c, Kind: kind})
		}
	}
	for _, p := range g.payments {
		add(p.Owner, p.Currency, ledger.Balance, ledger.Unapplied, ledger.Payouts, ledger.Clearing(p.Rail), ledger.Clearing(payout.Sandbox))
		if payer := g.payers[[2]string{p.Owner, p.ID}]; payer != "" {
			add(payer, p.Currency, ledger.Wallet)
		}
	}
	if len(accounts) == 0 {
		return nil
	}
	_, err := ledger.Open(ctx, tx, accounts)
	return err
}

// errLost says that the rows of a refund contradict each other.
func errLost(k payout.Key) error {
	return fmt.Errorf("payment: refund %s of %s is of nothing that it could be of", k.ID, k.Merchant)
}
