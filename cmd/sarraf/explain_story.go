package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sarraf/store"
	"sarraf/wallet"
)

// storyWidth is how many columns a line of a story has at most. A single word that is longer is broken.
const storyWidth = 100

// happening is one line of a story, with what belongs to it below.
type happening struct {
	at   time.Time
	rank int // among those of one instant
	what string
	more []string
}

// tellStory prints the answer for people: what the id means, the facts, and what happened in the order of time.
func tellStory(to io.Writer, a explanation, zone *time.Location) error {
	var b strings.Builder
	for i, s := range a.Found {
		if i > 0 {
			b.WriteString("\n" + strings.Repeat("-", 40) + "\n\n")
		}
		s.tell(&b, a.ID, zone)
	}
	if a.LeftOut > 0 {
		fmt.Fprintf(&b, "\nIt means %d more things that are left out here: name the merchant with --merchant.\n", a.LeftOut)
	}
	_, err := io.WriteString(to, b.String())
	return err
}

func (s subject) tell(b *strings.Builder, text string, zone *time.Location) {
	if s.Kind == aCredential || wallet.TokenOwner(text) != "" {
		text = "What was given" // it may be a secret
	} else {
		text = cut(plain(text), 60)
	}
	say(b, 0, 4, text+" is "+strings.Join(s.As, ", and "))
	fact := func(name, value string) {
		if value != "" {
			say(b, 2, 13, fmt.Sprintf("%-10s %s", name, value))
		}
	}
	fact("merchant", merchantWords(s.Merchant))
	if s.Kind == aCredential || s.Kind == aMerchant {
		for _, c := range s.Credentials {
			fact("credential", c.words(zone))
		}
	}
	if inv := s.Invoice; inv != nil {
		inv.facts(fact, zone)
		fact("asked", s.asked())
	}
	if s.Upload != nil {
		s.Upload.facts(fact)
	}
	if s.Batch != nil {
		s.Batch.facts(fact)
	}
	if s.Wallet != nil {
		s.Wallet.facts(fact, zone)
	}
	if s.Spending != nil {
		s.Spending.facts(fact)
	}
	if s.Payout != nil {
		s.Payout.facts(fact, zone)
	}
	if s.Sheet != nil {
		s.Sheet.facts(fact, zone)
	}
	for _, a := range s.Answers {
		fact("answer", answerWords(a, zone))
	}
	for _, m := range s.Missing {
		fact("MISSING", m+": run sarraf audit")
	}
	if inv := s.Invoice; inv != nil && len(s.Deliveries) == 0 {
		switch {
		case inv.WebhookURL == "":
			fact("webhooks", "none: the invoice names no address for them")
		default:
			fact("webhooks", "none: its front door tells of nothing that has happened so far, or was switched off")
		}
	}
	list := s.happenings(zone)
	if len(list) > 0 {
		fmt.Fprintf(b, "\n  %s\n", zone)
	}
	for _, h := range list {
		say(b, 2, 29, clockText(h.at, zone)+"  "+h.what)
		for _, m := range h.more {
			say(b, 27, 29, m)
		}
	}
}

func (i invoiceFacts) facts(fact func(name, value string), zone *time.Location) {
	fact("invoice", i.ID)
	status := i.Status
	if i.Reason != "" {
		status += " (" + plain(i.Reason) + ")"
	}
	fact("status", status)
	paid := ", of which " + i.AmountPaid + " is paid"
	if i.Refunded != "" {
		paid += ", and " + i.Refunded + " of that given back"
	}
	fact("amount", i.Amount+" "+i.Currency+paid)
	for _, f := range []struct{ name, value string }{
		{"number", i.Number},
		{"kind", i.Kind},
		{"PSID", i.PSID},
		{"payer's id", i.Payer},
		{"reference", i.Reference},
		{"title", i.Title},
		{"for", i.Description},
		{"store", i.StoreName},
		{"payer", i.PayerName},
		{"email", i.PayerEmail},
	} {
		if f.value != "" {
			fact(f.name, plain(f.value))
		}
	}
	if i.PageToken != "" {
		fact("page token", i.PageToken)
	}
	if !i.LateFrom.IsZero() {
		fact("late", i.LateAmount+" "+i.Currency+" from "+clockText(i.LateFrom, zone)+" on")
	}
	if !i.ExpiresAt.IsZero() {
		fact("expires", clockText(i.ExpiresAt, zone))
	}
	if i.ReturnURL != "" {
		fact("return", plain(i.ReturnURL))
	}
	if i.WebhookURL != "" && i.WebhookURL != i.ReturnURL {
		fact("webhook", plain(i.WebhookURL))
	}
}

// asked says through which door the invoice came, and whose credential it can have been.
func (s subject) asked() string {
	text := "through " + s.Invoice.Door
	switch len(s.Credentials) {
	case 0:
		return text + ", where the merchant has no credential that was good then"
	case 1:
		return text + ", with the one credential that was good then: " + s.Credentials[0].name()
	}
	names := make([]string, len(s.Credentials))
	for i, c := range s.Credentials {
		names[i] = c.name()
	}
	return text + ", with one of the credentials that were good then: " + strings.Join(names, "; ")
}

// name is the credential as a merchant knows it. A handle that is a hash is only ours.
func (c credentialFacts) name() string {
	text := c.Handle
	if len(text) == 64 {
		text = c.ID
	}
	if c.Label != "" {
		text += " " + strconv.Quote(c.Label)
	}
	return text
}

func (c credentialFacts) words(zone *time.Location) string {
	text := c.name() + " at " + c.Door + ", " + c.Role + ", since " + clockText(c.CreatedAt, zone)
	if !c.RevokedAt.IsZero() {
		text += ", revoked " + clockText(c.RevokedAt, zone)
	}
	return text
}

func answerWords(a store.Answer, zone *time.Location) string {
	text := "kept for key " + plain(a.Key) + " at " + a.Door + " since " + clockText(a.At, zone) + ": "
	if len(a.Faults) == 0 {
		return text + "done"
	}
	codes := make([]string, len(a.Faults))
	for i, f := range a.Faults {
		codes[i] = string(f.Code)
	}
	return text + "refused, " + strings.Join(codes, ", ")
}

// happenings is what happened, in the order of time.
func (s subject) happenings(zone *time.Location) []happening {
	var list []happening
	add := func(at time.Time, rank int, what string, more ...string) {
		list = append(list, happening{at: at, rank: rank, what: what, more: more})
	}
	for _, a := range s.Audit {
		more := []string{}
		if a.Before != "" {
			more = append(more, "before: "+cut(plain(a.Before), 400))
		}
		if a.After != "" {
			more = append(more, "after: "+cut(plain(a.After), 400))
		}
		add(a.At, 0, a.Action+" of "+plain(a.Subject)+" by "+plain(a.Actor)+", "+plain(a.Source), more...)
	}
	for _, p := range s.Payments {
		add(p.At, 1, "payment "+p.ID+" "+p.Status, p.words()...)
		if f := p.Settled; f != nil {
			add(f.At, 1, fmt.Sprintf("payment %s settled by line %d of %s", p.ID, f.Line, plain(f.Name)), f.words(p)...)
		}
	}
	for _, r := range s.Refunds {
		add(r.CreatedAt, 1, "refund "+r.ID, r.words()...)
	}
	if s.Payout != nil {
		s.Payout.happenings(add)
	}
	for _, t := range s.Transfers {
		add(t.At, 2, "transfer "+t.ID+" "+t.Kind+", "+t.Amount+" "+t.Currency, "from "+t.From.words(s.owner()), "to   "+t.To.words(s.owner()))
	}
	for _, e := range s.Events {
		add(e.At, 3, fmt.Sprintf("event %d, %s", e.Number, e.Type))
	}
	for _, d := range s.Deliveries {
		add(d.CreatedAt, 4, "delivery "+d.ID+" of event "+strconv.FormatInt(d.Event, 10)+", "+d.State, "to "+plain(d.URL), d.next(zone))
		for _, a := range d.Attempts {
			add(a.StartedAt, 5, fmt.Sprintf("attempt %d of delivery ..%s", a.Number, d.ID[max(len(d.ID)-12, 0):]), a.words()...)
		}
	}
	slices.SortStableFunc(list, func(a, b happening) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.rank - b.rank
	})
	return list
}

// owner is whose thing it is.
func (s subject) owner() string {
	switch {
	case s.Wallet != nil:
		return s.Wallet.ID
	case s.Spending != nil:
		return s.Spending.From.ID
	case s.Payout != nil:
		return s.Payout.Owner
	}
	return s.Merchant.ID
}

func (p paymentFacts) words() []string {
	text := p.Amount + " " + p.Currency + " over " + p.Rail + ", its reference " + plain(p.RailReference)
	more := "applied " + p.Applied + ", set aside " + p.Unapplied + ", fee " + p.Fee
	if p.Late {
		more += ", late"
	}
	if p.Reason != "" {
		more += " (" + plain(p.Reason) + ")"
	}
	return []string{text, more}
}

func (f settledFacts) words(p paymentFacts) []string {
	text := "settlement " + f.File + ", charges " + f.Charges + " " + p.Currency
	if f.SettledOn != "" {
		text += ", the money moves on " + f.SettledOn
	}
	return []string{text}
}

func (s sideFacts) words(owner string) string {
	text := s.Account
	if s.Owner != owner {
		text += " of " + s.Owner
	}
	if s.Entry == 0 {
		return text + ": ITS ENTRY IS MISSING"
	}
	return text + fmt.Sprintf(", entry %d, balance after it %s", s.Entry, s.BalanceAfter)
}

// next says what is to come of a delivery.
func (d deliveryFacts) next(zone *time.Location) string {
	switch {
	case d.State != "pending":
		return fmt.Sprintf("closed %s after %d failures", clockText(d.ClosedAt, zone), d.Failures)
	case d.HeldBy != "":
		return "being tried by process start " + d.HeldBy + ", until " + clockText(d.DueAt, zone) + " at most"
	}
	return fmt.Sprintf("%d failures; due %s", d.Failures, clockText(d.DueAt, zone))
}

func (a attemptFacts) words() []string {
	if a.EndedAt.IsZero() {
		return []string{"it has no end: under way, or its process died"}
	}
	text := a.Outcome
	if a.Status != 0 {
		text += fmt.Sprintf(", status %d", a.Status)
	}
	text += " after " + a.EndedAt.Sub(a.StartedAt).Round(time.Millisecond).String()
	if a.Answer == "" {
		return []string{text}
	}
	return []string{text, "answer: " + cut(plain(a.Answer), 300)}
}

// clockText is a time in the zone, always as wide.
func clockText(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("2006-01-02 15:04:05.000")
}

// plain is a text that came from outside, in quotes where it could be taken for our own words, and escaped where it could do something to a
// terminal.
func plain(s string) string {
	switch {
	case s == "" || strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }):
		return strconv.Quote(s)
	case strings.Contains(s, " "):
		return "'" + s + "'"
	}
	return s
}

// cut is the beginning of a text that is too long.
func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "..."
}

// say prints a text, indented, in as many lines as it needs; those after the first begin at column hang.
func say(b *strings.Builder, indent, hang int, text string) {
	room := storyWidth - indent
	for first := true; first || text != ""; first = false {
		line := text
		if utf8.RuneCountInString(line) > room {
			runes := []rune(text)
			end := room
			for i := room; i > room/2; i-- {
				if runes[i] == ' ' {
					end = i
					break
				}
			}
			line = string(runes[:end])
		}
		fmt.Fprintf(b, "%*s%s\n", indent, "", line)
		text = strings.TrimPrefix(text[len(line):], " ")
		if first {
			indent, room = hang, storyWidth-hang
		}
	}
}
