package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sarraf/event"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
	"sarraf/invoice"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/payout"
	"sarraf/qr"
	"sarraf/settlement"
	"sarraf/store"
	"sarraf/wallet"
	"sarraf/webhook"
)

// Kinds of things that explain tells about. What belongs to an invoice is told with it.
const (
	anInvoice    = "invoice"
	anUpload     = "upload"
	aTransfer    = "transfer"
	anEvent      = "event"
	aDelivery    = "delivery"
	aCredential  = "credential"
	aMerchant    = "merchant"
	anAnswer     = "answer"
	aWallet      = "wallet"
	aSpending    = "wallet_transfer"
	explainSlack = time.Minute      // by which times and numbers may be out of order: clocks differ, commands wait
	explainAfter = 10 * time.Minute // by which an id may be younger than what it is for: a batch that was tried again
)

// root names a thing.
type root struct{ kind, owner, id string }

// search looks for what a text means, in one snapshot.
type search struct {
	tx        *store.Tx
	merchants map[string]merchant.Merchant
	owners    []string // of merchants, by name
	alone     bool     // one merchant was asked for
	found     map[root]*subject
	order     []root
}

// readings are what a text can stand for, the likeliest first: itself; what an address has in its path and query; the bill number of a QR
// code's payload.
func readings(text string) []string {
	list := []string{text}
	if strings.HasPrefix(text, qr.IDFormat+"0201") {
		if p, err := qr.Decode(text); err == nil {
			if bill, _ := p.Find(qr.IDMore, qr.IDBill); bill != "" {
				list = append(list, bill)
			}
		}
	}
	if !strings.HasPrefix(text, "/") && !strings.Contains(text, "://") {
		return list
	}
	u, err := url.Parse(text)
	if err != nil {
		return list
	}
	parts := strings.Split(u.Path, "/")
	slices.Reverse(parts) // what is most particular stands last
	for _, values := range u.Query() {
		parts = append(parts, values...)
	}
	for _, p := range parts {
		if p != "" && checkID(p) == nil && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

// note adds a thing that the text means, as what it means it.
func (s *search) note(kind, owner, id, as string) *subject {
	m, ok := s.merchants[owner]
	if !ok {
		return nil // it is another merchant's than the one asked for
	}
	return s.put(kind, owner, id, as, m)
}

// put is note for a thing of a merchant that may be told, or of none.
func (s *search) put(kind, owner, id, as string, m merchant.Merchant) *subject {
	r := root{kind, owner, id}
	found := s.found[r]
	if found == nil {
		found = &subject{
			Kind: kind, ID: id, Merchant: merchantOf(m), Payments: []paymentFacts{},
			Transfers: []transferFacts{}, Events: []eventFacts{}, Deliveries: []deliveryFacts{}, Credentials: []credentialFacts{},
			Answers: []store.Answer{}, Audit: []auditFacts{}, Missing: []string{},
		}
		s.found[r] = found
		s.order = append(s.order, r)
	}
	if !slices.Contains(found.As, as) {
		found.As = append(found.As, as)
	}
	return found
}

// seek notes everything that the text means. Each look-up is by a key; where the owner is part of it, every merchant's is tried.
func (s *search) seek(ctx context.Context, text string) error {
	for _, look := range []func(context.Context, string) error{
		s.byAlias, s.byReference, s.byID, s.byPSID, s.byRail, s.byTransfer, s.byEvent, s.byKey, s.byWallet, s.byNumber, s.byReceipt, s.byPayout, s.byBatch,
	} {
		if err := look(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// byAlias finds printed numbers, page tokens and credentials, whose secret may be all that somebody has: it is looked up by its hash.
func (s *search) byAlias(ctx context.Context, text string) error {
	plain, err := s.tx.Meanings(ctx, text)
	if err != nil {
		return err
	}
	hashed, err := s.tx.Meanings(ctx, keyring.HashSecret(text))
	if err != nil {
		return err
	}
	for _, a := range append(plain, hashed...) {
		switch {
		case a.Kind == invoice.TokenAlias:
			s.note(anInvoice, a.Owner, a.ID, "the token of the payment page")
		case strings.HasPrefix(a.Kind, merchant.CredentialKind("")):
			s.note(aCredential, a.Owner, a.ID, "a key of the front door "+strings.TrimPrefix(a.Kind, merchant.CredentialKind("")))
		case strings.HasPrefix(a.Kind, merchant.LoginKind("")):
			s.note(aCredential, a.Owner, a.ID, "a username at the front door "+strings.TrimPrefix(a.Kind, merchant.LoginKind("")))
		case strings.HasPrefix(a.Kind, merchant.TokenKind("")):
			s.note(aCredential, a.Owner, a.ID, "a token that a user of the front door "+strings.TrimPrefix(a.Kind, merchant.TokenKind(""))+" has or had")
		case strings.HasPrefix(a.Kind, merchant.PublicKind("")):
			s.note(aMerchant, a.Owner, a.Owner, "the merchant's id at "+strings.TrimPrefix(a.Kind, merchant.PublicKind("")))
		case strings.HasSuffix(a.Kind, invoice.UploadAliasKind("")):
			s.note(anUpload, a.Owner, a.ID, "the number of a bulk upload that "+strings.TrimSuffix(a.Kind, invoice.UploadAliasKind(""))+" prints")
		case strings.HasSuffix(a.Kind, invoice.AliasKind("")):
			s.note(anInvoice, a.Owner, a.ID, "the number that "+strings.TrimSuffix(a.Kind, invoice.AliasKind(""))+" prints")
		}
	}
	return nil
}

func (s *search) byReference(ctx context.Context, text string) error {
	list, err := invoice.OfReference(ctx, s.tx, text)
	for _, inv := range list {
		s.note(anInvoice, inv.Owner, inv.ID, "the merchant's reference at "+inv.Door)
	}
	return err
}

// byID finds what is known by an id of ours.
func (s *search) byID(ctx context.Context, text string) error {
	own := strings.ToLower(text)
	if !id.Valid(own) {
		return nil
	}
	if _, ok := s.merchants[own]; ok {
		s.note(aMerchant, own, own, "the id of the merchant")
	}
	keys := make([]invoice.Key, len(s.owners))
	for i, o := range s.owners {
		keys[i] = invoice.Key{Owner: o, ID: own}
	}
	invoices, err := invoice.OfKeys(ctx, s.tx, keys)
	if err != nil {
		return err
	}
	for _, inv := range invoices {
		s.note(anInvoice, inv.Owner, inv.ID, "the id of the invoice")
	}
	payments, err := payment.OfID(ctx, s.tx, s.owners, own)
	if err != nil {
		return err
	}
	for _, p := range payments {
		s.note(anInvoice, p.Owner, p.Invoice, "the id of a payment for it")
	}
	deliveries, err := webhook.OfID(ctx, s.tx, s.owners, own)
	if err != nil {
		return err
	}
	for _, d := range deliveries {
		if err := s.noteDelivery(ctx, d); err != nil {
			return err
		}
	}
	credentials, err := merchant.CredentialsOfID(ctx, s.tx, s.owners, own)
	for _, c := range credentials {
		s.note(aCredential, c.Owner, own, "the id of the credential")
	}
	if err != nil {
		return err
	}
	logins, err := merchant.LoginsOfID(ctx, s.tx, s.owners, own)
	for _, l := range logins {
		s.note(aCredential, l.Owner, own, "the id of the user")
	}
	return err
}

func (s *search) noteDelivery(ctx context.Context, d webhook.Delivery) error {
	e, ok, err := event.Find(ctx, s.tx, d.Owner, d.EventSeq)
	if err != nil {
		return err
	}
	switch {
	case ok && e.Kind == invoice.EventKind:
		s.note(anInvoice, d.Owner, d.Object, "the id of a webhook about it")
		return nil
	case ok && e.Kind == payout.EventKind:
		return s.ofPayout(ctx, e, "the id of a webhook about it")
	}
	s.note(aDelivery, d.Owner, d.ID, "the id of the webhook")
	return nil
}

// byPSID finds the bills of a PSID, the newest first, and the one that a receipt with that number is for.
func (s *search) byPSID(ctx context.Context, text string) error {
	bills, err := invoice.WithPSID(ctx, s.tx, text)
	if err != nil {
		return err
	}
	for _, inv := range bills {
		s.note(anInvoice, inv.Owner, inv.ID, "the PSID of its payer")
	}
	receipts, err := payment.OfNumber(ctx, s.tx, text)
	for _, p := range receipts {
		s.note(anInvoice, p.Owner, p.Invoice, "the number of a receipt for it")
	}
	return err
}

func (s *search) byRail(ctx context.Context, text string) error {
	list, err := payment.OfRailReference(ctx, s.tx, text)
	for _, p := range list {
		s.note(anInvoice, p.Owner, p.Invoice, "the reference that the rail "+p.Rail+" gave a payment for it")
	}
	return err
}

// byTransfer finds a movement of money, and what it was for.
func (s *search) byTransfer(ctx context.Context, text string) error {
	if own := strings.ToLower(text); id.Valid(own) { // not one that a person chose
		text = own
	}
	entries, err := ledger.OfTransfer(ctx, s.tx, text)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch ofWallet, err := s.bySpending(ctx, e); {
		case err != nil:
			return err
		case ofWallet:
			continue
		}
		switch going, err := s.byGoing(ctx, e); {
		case err != nil:
			return err
		case going:
			continue
		}
		owners := []string{e.Owner}
		if e.Owner == merchant.House { // it is for a merchant's payment
			owners = s.owners
		}
		payments, err := payment.OfID(ctx, s.tx, owners, e.Subject)
		if err != nil {
			return err
		}
		for _, p := range payments {
			s.note(anInvoice, p.Owner, p.Invoice, "the id of a transfer for it")
		}
		if len(payments) == 0 {
			s.note(aTransfer, e.Owner, e.Transfer, "the id of the transfer")
		}
	}
	return nil
}

// byEvent finds an event as MERCHANT/NUMBER; by its number alone when one merchant was asked for.
func (s *search) byEvent(ctx context.Context, text string) error {
	owner, number, ok := strings.Cut(text, "/")
	if !ok && s.alone {
		owner, number = s.owners[0], text
	}
	seq, err := strconv.ParseInt(number, 10, 64)
	if err != nil || seq < 1 {
		return nil // it is none
	}
	if _, ok := s.merchants[strings.ToLower(owner)]; !ok {
		return nil
	}
	e, ok, err := event.Find(ctx, s.tx, strings.ToLower(owner), seq)
	switch {
	case err != nil || !ok:
		return err
	case e.Kind == invoice.EventKind:
		s.note(anInvoice, e.Owner, e.Subject, fmt.Sprintf("event %d about it", e.Seq))
	case e.Kind == wallet.EventKind || e.Kind == wallet.ReceiptKind:
		var f wallet.Fact
		if err := json.Unmarshal(e.Data, &f); err != nil {
			return fmt.Errorf("event %d of %s: %w", e.Seq, e.Owner, err)
		}
		if f.Transfer.Kind == wallet.Refund {
			_, err := s.noteRefunds(ctx, f.Transfer.ID, fmt.Sprintf("event %d about a refund of it", e.Seq), f.Transfer.Owner)
			return err
		}
		return s.wallets(ctx, aSpending, fmt.Sprintf("event %d about it", e.Seq), [2]string{f.Transfer.Owner, f.Transfer.ID})
	case e.Kind == payout.EventKind:
		return s.ofPayout(ctx, e, fmt.Sprintf("event %d about it", e.Seq))
	case e.Kind == settlement.LineKind:
		payments, err := payment.OfID(ctx, s.tx, []string{e.Owner}, e.Subject)
		for _, p := range payments {
			s.note(anInvoice, p.Owner, p.Invoice, fmt.Sprintf("event %d about a payment for it", e.Seq))
		}
		return err
	default:
		if some, err := s.noteRefunds(ctx, e.Subject, fmt.Sprintf("event %d about a refund of it", e.Seq), e.Owner); some || err != nil {
			return err
		}
		s.note(anEvent, e.Owner, strconv.FormatInt(e.Seq, 10), "the event")
	}
	return nil
}

// fill adds everything that belongs to a thing.
func (s *search) fill(ctx context.Context, r root, to *subject) error {
	var err error
	switch r.kind {
	case anInvoice:
		return s.fillInvoice(ctx, r, to)
	case anUpload:
		err = s.fillUpload(ctx, r, to)
	case aBatch:
		err = s.fillBatch(ctx, r, to)
	case aTransfer:
		err = s.fillTransfer(ctx, r, to)
	case anEvent:
		err = s.fillEvent(ctx, r, to)
	case aDelivery:
		var list []webhook.Delivery
		if list, err = webhook.OfID(ctx, s.tx, []string{r.owner}, r.id); err == nil {
			err = s.deliveries(ctx, list, to)
		}
	case aCredential, aMerchant:
		err = s.fillMerchant(ctx, r, to)
	case aWallet:
		err = s.fillWallet(ctx, r, to)
	case aSpending:
		err = s.fillSpending(ctx, r, to)
	case aPayout:
		err = s.fillPayout(ctx, r, to)
	case aPayoutSheet:
		err = s.fillSheet(ctx, r, to)
	}
	return err
}

func (s *search) fillMerchant(ctx context.Context, r root, to *subject) error {
	err := s.holders(ctx, r.owner, func(c merchant.Credential) {
		if r.kind == aMerchant || c.ID == r.id {
			to.Credentials = append(to.Credentials, credentialOf(c))
		}
	})
	if err != nil {
		return err
	}
	about := r.id
	if r.kind == aMerchant {
		about = ""
	}
	return s.audit(ctx, r.owner, about, to)
}

// holders are whoever can ask in the merchant's name: its credentials, and its users in the form of one.
func (s *search) holders(ctx context.Context, owner string, each func(merchant.Credential)) error {
	credentials, err := merchant.CredentialsOf(ctx, s.tx, owner)
	if err != nil {
		return err
	}
	for _, c := range credentials {
		each(c)
	}
	logins, err := merchant.LoginsOf(ctx, s.tx, owner)
	for _, l := range logins {
		each(merchant.Credential{
			Owner: l.Owner, ID: l.ID, Door: l.Door, Handle: l.Username, Role: l.Role, Label: strings.TrimSpace(l.FirstName + " " + l.LastName),
			CreatedAt: l.CreatedAt, RevokedAt: l.RevokedAt,
		})
	}
	return err
}

func credentialOf(c merchant.Credential) credentialFacts {
	return credentialFacts{
		ID: c.ID, Door: c.Door, Handle: c.Handle, Role: string(c.Role), Label: c.Label, CreatedAt: c.CreatedAt, RevokedAt: c.RevokedAt,
	}
}

// audit adds the lines of the audit log about a subject; all of the merchant's for "".
func (s *search) audit(ctx context.Context, owner, about string, to *subject) error {
	notes, err := merchant.Notes(ctx, s.tx, owner, about)
	for _, n := range notes {
		to.Audit = append(to.Audit, auditFacts{
			Actor: n.Actor, Source: n.Source, Action: n.Action, Subject: n.Subject, Before: n.Before, After: n.After, At: n.At,
		})
	}
	return err
}

func (s *search) fillTransfer(ctx context.Context, r root, to *subject) error {
	entries, err := ledger.OfTransfer(ctx, s.tx, r.id)
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e ledger.Entry) bool { return e.Owner != r.owner && e.CounterOwner != r.owner })
	to.Transfers = transfersOf(entries)
	for _, t := range to.Transfers {
		events, err := s.events(ctx, r.owner, t.Subject, t.At, t.At)
		if err != nil {
			return err
		}
		to.Events = append(to.Events, events...)
		if err := s.audit(ctx, r.owner, t.Subject, to); err != nil {
			return err
		}
	}
	return nil
}

func (s *search) fillEvent(ctx context.Context, r root, to *subject) error {
	seq, err := strconv.ParseInt(r.id, 10, 64)
	if err != nil {
		return err
	}
	e, _, err := event.Find(ctx, s.tx, r.owner, seq)
	if err != nil {
		return err
	}
	to.Events = append(to.Events, eventOf(e))
	entries, err := ledger.OfSubject(ctx, s.tx, r.owner, e.Subject, e.At.Add(-explainSlack), e.At.Add(explainAfter))
	if err != nil {
		return err
	}
	if len(entries) == 0 { // its transfer has an id that a person chose: the subject's
		entries, err = ledger.OfTransfer(ctx, s.tx, e.Subject)
		entries = slices.DeleteFunc(entries, func(x ledger.Entry) bool { return x.Owner != r.owner })
	}
	if err != nil {
		return err
	}
	to.Transfers = transfersOf(entries)
	return s.audit(ctx, r.owner, e.Subject, to)
}

func eventOf(e event.Event) eventFacts {
	return eventFacts{Number: e.Seq, Type: string(e.Type), Kind: e.Kind, Door: e.Door, Data: e.Data, At: e.At}
}

// events are those about a subject that were made from the one time to the other.
func (s *search) events(ctx context.Context, owner, about string, from, to time.Time) ([]eventFacts, error) {
	if !from.IsZero() {
		from, to = from.Add(-explainSlack), to.Add(explainSlack)
	}
	list, err := event.About(ctx, s.tx, owner, about, from, to)
	facts := make([]eventFacts, len(list))
	for i, e := range list {
		facts[i] = eventOf(e)
	}
	return facts, err
}

func (s *search) fillInvoice(ctx context.Context, r root, to *subject) error {
	list, err := invoice.OfKeys(ctx, s.tx, []invoice.Key{{Owner: r.owner, ID: r.id}})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		to.Missing = append(to.Missing, "the invoice itself")
		return nil
	}
	inv := list[0]
	to.Invoice = &invoiceFacts{
		ID: inv.ID, Door: inv.Door, Number: inv.Number, Reference: inv.Reference, PageToken: inv.Token, Title: inv.Title,
		Description: inv.Description, StoreName: inv.StoreName, PayerName: inv.PayerName, PayerEmail: inv.PayerEmail, Amount: inv.Total().Decimal(), AmountPaid: inv.AmountPaid().Decimal(), Currency: string(inv.Currency),
		Status: string(inv.Status), Reason: inv.Reason, ReturnURL: inv.ReturnURL, WebhookURL: inv.WebhookURL, Changes: inv.Changes,
		CreatedAt: inv.CreatedAt, UpdatedAt: inv.UpdatedAt, ExpiresAt: inv.ExpiresAt, PaidAt: inv.PaidAt,
		Kind: string(inv.Kind), PSID: inv.PSID, Payer: inv.Payer, LateFrom: inv.LateFrom, Upload: inv.Upload,
	}
	if inv.Refunded > 0 {
		to.Invoice.Refunded = inv.AmountRefunded().Decimal()
	}
	if !inv.LateFrom.IsZero() {
		to.Invoice.LateAmount = money.Of(inv.LateAmount, inv.Currency).Decimal()
	}
	payments, err := payment.OfInvoice(ctx, s.tx, r.owner, r.id)
	if err != nil {
		return err
	}
	last := inv.UpdatedAt
	for _, p := range payments {
		if p.At.After(last) {
			last = p.At
		}
		if err := s.payment(ctx, p, to); err != nil {
			return err
		}
	}
	if to.Events, err = s.events(ctx, r.owner, r.id, inv.CreatedAt, last); err != nil {
		return err
	}
	if !wholeStory(inv, to.Events) { // a clock jumped, perhaps: all events of the merchant are read
		if to.Events, err = s.events(ctx, r.owner, r.id, time.Time{}, time.Time{}); err != nil {
			return err
		}
		if !wholeStory(inv, to.Events) {
			to.Missing = append(to.Missing, "the event of one of its changes")
		}
	}
	if err := s.settled(ctx, payments, to); err != nil {
		return err
	}
	if err := s.refunds(ctx, r.owner, r.id, to); err != nil {
		return err
	}
	deliveries, err := webhook.About(ctx, s.tx, r.owner, r.id, inv.CreatedAt.Add(-explainSlack), last.Add(explainAfter))
	if err != nil {
		return err
	}
	if err := s.deliveries(ctx, deliveries, to); err != nil {
		return err
	}
	err = s.holders(ctx, r.owner, func(c merchant.Credential) {
		if c.Door == inv.Door && c.Role.Adds() && c.GoodAt(inv.CreatedAt) {
			to.Credentials = append(to.Credentials, credentialOf(c))
		}
	})
	if err != nil {
		return err
	}
	return s.audit(ctx, r.owner, r.id, to)
}

// payment adds a payment and the transfers that carried it.
func (s *search) payment(ctx context.Context, p payment.Payment, to *subject) error {
	sum := func(minor int64) string { return money.Of(minor, p.Currency).Decimal() }
	to.Payments = append(to.Payments, paymentFacts{
		ID: p.ID, Rail: p.Rail, RailReference: p.RailReference, Amount: sum(p.Amount), Currency: string(p.Currency), Applied: sum(p.Applied),
		Unapplied: sum(p.Unapplied), Fee: sum(p.Fee), Status: string(p.Status), Reason: p.Reason, Late: p.Late, Number: p.Number, At: p.At,
	})
	want := 0
	for _, minor := range []int64{p.Applied, p.Unapplied, p.Fee} {
		if minor > 0 {
			want++
		}
	}
	// What settles it with the house is told with the file that did it.
	later := func(e ledger.Entry) bool { return e.Kind == settlement.TransferClearing }
	entries, err := ledger.OfSubject(ctx, s.tx, p.Owner, p.ID, p.At.Add(-explainSlack), p.At.Add(explainAfter))
	if entries = slices.DeleteFunc(entries, later); err == nil && len(entries) < 2*want {
		entries, err = ledger.OfSubjectEver(ctx, s.tx, p.Owner, p.ID)
		entries = slices.DeleteFunc(entries, later)
	}
	if err != nil {
		return err
	}
	transfers := transfersOf(entries)
	to.Transfers = append(to.Transfers, transfers...)
	if len(transfers) < want {
		to.Missing = append(to.Missing, fmt.Sprintf("%d of the %d transfers of payment %s", want-len(transfers), want, p.ID))
	}
	return nil
}

// deliveries adds deliveries with their attempts.
func (s *search) deliveries(ctx context.Context, list []webhook.Delivery, to *subject) error {
	for _, d := range list {
		attempts, err := webhook.Attempts(ctx, s.tx, d.Owner, d.ID)
		if err != nil {
			return err
		}
		f := deliveryFacts{
			ID: d.ID, Event: d.EventSeq, Type: d.Type, URL: d.URL, State: string(d.State), Failures: d.Failures, DueAt: d.DueAt,
			HeldBy: d.LeaseBy, CreatedAt: d.CreatedAt, ClosedAt: d.ClosedAt, Attempts: []attemptFacts{},
		}
		for _, a := range attempts {
			f.Attempts = append(f.Attempts, attemptFacts{
				Number: a.N, Node: a.Node, StartedAt: a.StartedAt, EndedAt: a.EndedAt, Status: a.Status, Outcome: a.Outcome, Answer: a.Answer,
			})
		}
		to.Deliveries = append(to.Deliveries, f)
	}
	return nil
}
