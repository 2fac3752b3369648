package checkout

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/money"
	"sarraf/rail"
)

func TestAWayThatNeedsTypingIsALinkToItsForm(t *testing.T) {
	p := livePage(t)
	p.Methods[0].FormURL = "/methods/tok?way=wallet"
	doc := render(t, Hosted(p))
	has(t, doc, `id="do-wallet" href="/methods/tok?way=wallet"`, `value="pay:card"`)
	lacks(t, doc, `value="pay:wallet"`)
}

func TestFormAsksForNumberAndPINAndSaysWhatIsPaid(t *testing.T) {
	doc := render(t, Hosted(screens(t)["typing"]))
	has(t, doc,
		`<form method="post" action="/methods/tok"`, `name="attempt" value="01936b2e-7c1a-7d9e-b0a4-5f2f6f1f0c11.123450.0.mark"`,
		`<label for="in-mobile_number">Mobile number</label>`, `<label for="in-pin">PIN</label>`,
		`id="in-mobile_number" name="mobile_number" autocomplete="tel" type="tel" inputmode="tel"`,
		`id="in-pin" name="pin" autocomplete="off" type="password" inputmode="numeric" pattern="[0-9]{4}" maxlength="4"`,
		`aria-describedby="hint-pin"`, `name="action" value="pay:wallet"`, "Pay ৳1,234.50", "Choose another way to pay", "Amount due",
	)
	// Nothing but the payer takes the page away while they type.
	lacks(t, doc, "http-equiv", "pay:approve", "aria-invalid", "Fee", `role="alert"`, `value="cancel"`)
	has(t, doc, `hx-get="/methods/tok/live?way=wallet&amp;seen=`)
}

func TestFormShowsTheFeeAndTheTotalBeforePaying(t *testing.T) {
	doc := render(t, Hosted(screens(t)["typing-fee"]))
	has(t, doc, "Amount ৳1,234.50", "Fee ৳5.00", "You pay ৳1,239.50 1,239.50 Bangladeshi taka", "Pay ৳1,239.50")
}

func TestRefusedFormKeepsTheNumberAndNeverThePIN(t *testing.T) {
	p := screens(t)["typing-wrong"]
	p.Form.Fields[1].Value = "4711"
	for _, doc := range []string{render(t, Hosted(p)), render(t, Live(p, ""))} {
		has(t, doc, `value="01712-345678"`, `role="alert"`, "The number or the PIN is not right", "Nothing was taken",
			`aria-invalid="true" aria-describedby="refused hint-pin" autofocus`)
		lacks(t, doc, `"4711"`)
	}
	has(t, render(t, Hosted(p)), "<title>The number or the PIN is not right · Shapla Books</title>")
	// The focus is where the payer goes on.
	for screen, field := range map[string]string{"typing": "mobile_number", "typing-wrong": "pin", "typing-number": "mobile_number", "typing-locked": "pin"} {
		doc := render(t, Hosted(screens(t)[screen]))
		if found := regexp.MustCompile(`name="(\w+)"[^>]* autofocus`).FindAllStringSubmatch(doc, -1); len(found) != 1 || found[0][1] != field {
			t.Errorf("%s: the focus is at %v, want %s", screen, found, field)
		}
	}
}

// Whoever types is not interrupted by what only the form itself knows; when something else becomes due, they are told.
func TestVersionOfAFormChangesWithWhatItCosts(t *testing.T) {
	all := screens(t)
	same := all["typing"].Version()
	again := with(all["typing"], func(p *Page) {
		f := *p.Form
		f.Attempt, f.Refusal, f.Fields = "another", WrongPIN, nil
		p.Form = &f
	})
	if again.Version() != same {
		t.Error("what was typed changed the version")
	}
	dearer := with(all["typing"], func(p *Page) {
		f := *p.Form
		f.Fee = Money{Text: "৳1.00"}
		p.Form = &f
	})
	for name, p := range map[string]Page{"no form": with(all["typing"], func(p *Page) { p.Form = nil }), "fee": dearer} {
		if p.Version() == same {
			t.Errorf("%s: the version stays", name)
		}
	}
}

func TestPaidPageLeadsToTheReceipt(t *testing.T) {
	p := screens(t)["paid-receipt"]
	has(t, render(t, Hosted(p)), `href="/receipt/8G5TJQ2WNA"`, "See your receipt")
	p.Status = Failed
	lacks(t, render(t, Hosted(p)), "receipt")
}

// wordsOf are the values that the sentences of a refusal can have.
var wordsOf = map[string]string{"minutes": "7", "limit": "৳5.00", "currency": "EUR"}

func TestEveryRefusalHasItsWords(t *testing.T) {
	told := map[Refusal]bool{Again: true, BadNumber: true, BadPIN: true, FeeIsMore: true, Changed: true}
	for _, why := range refusals {
		told[why] = true
	}
	for why := range told {
		s, ok := english.refused(&Form{Refusal: why, Values: wordsOf})
		if !ok || s.Head == "" || s.Body == "" || strings.ContainsAny(s.Head+s.Body, "{}") {
			t.Errorf("%s: %q %q", why, s.Head, s.Body)
		}
	}
	if said := slices.Sorted(maps.Keys(english.Refusals)); len(said) != len(told) {
		t.Errorf("sentences for %v, refusals %v", said, told)
	}
}

func TestFaultsOfARailBecomeRefusals(t *testing.T) {
	by := way{method: rail.Method{Fields: []rail.Field{{Key: "mobile_number", Kind: rail.FieldPhone}, {Key: "pin", Kind: rail.FieldPIN}}}}
	for _, c := range []struct {
		fault *fault.Error
		why   Refusal
		said  string
		fee   int64
	}{
		{fault.New(fault.PINWrong), WrongPIN, "", 0},
		{fault.New(fault.PINMalformed).On("pin"), BadPIN, "", 0},
		{fault.New(fault.FieldRequired).On("pin"), BadPIN, "", 0},
		{fault.New(fault.FieldRequired).On("mobile_number"), BadNumber, "", 0},
		{fault.New(fault.FieldMalformed).On("mobile_number"), BadNumber, "", 0},
		{fault.New(fault.PINLocked).With("retry_after", "1741"), Locked, "Try again in 30 min", 0},
		{fault.New(fault.PINLocked).With("retry_after", "0"), Locked, "Try again in 1 min", 0},
		{fault.New(fault.AmountAboveLimit).With("limit", "5000000"), TooMuch, "৳50,000.00 at most", 0},
		{fault.New(fault.CurrencyUnknown), NoCurrency, "no BDT", 0},
		{fault.New(fault.AmountMismatch).On("amount").With("due", "100"), Changed, "", 0},
		{fault.New(fault.AmountMismatch).On("fee").With("due", "500"), FeeIsMore, "", 500},
	} {
		no, ok := refusal(c.fault, by, "BDT")
		s, _ := english.refused(&Form{Refusal: no.why, Values: no.said})
		if !ok || no.why != c.why || no.fee != c.fee || !strings.Contains(s.Head+" "+s.Body, c.said) {
			t.Errorf("%v: %v, %q", c.fault, no, s)
		}
	}
	for _, code := range []fault.Code{fault.Bug, fault.Outage, fault.Overloaded, fault.PermissionMissing, fault.RateLimited, fault.InvoiceMissing} {
		if no, ok := refusal(fault.New(code), by, "BDT"); ok {
			t.Errorf("%s is told as %s", code, no.why)
		}
	}
}

// silver is a rail of no account; it is asked for its name only.
type silver struct{ rail.Collector }

func (silver) Name() string { return "silver" }

func TestAnAttemptIsGoodForItsOwnInvoiceAndPriceAlone(t *testing.T) {
	h := newHost(Deps{AttemptKey: []byte("a key of thirty-two bytes, or so"), PublicURL: "https://pay.example"})
	v := visit{inv: invoice.Invoice{Owner: "o", ID: "i", Currency: "BDT"}}
	by := way{silver{}, rail.Method{Key: "wallet"}}
	a := attempt{id: id.New(clock.System{}), due: money.Of(123450, "BDT"), fee: money.Of(500, "BDT")}
	sealed := h.sealed(v, by, a)
	if got, ok := h.unsealed(v, by, sealed); !ok || got != a {
		t.Fatalf("%v, %v of %q", got, ok, sealed)
	}
	for _, bad := range []string{
		"", ".", "...", sealed + "A", sealed[:len(sealed)-1], strings.Replace(sealed, ".500.", ".0.", 1), strings.Replace(sealed, ".123450.", ".1.", 1),
		strings.Replace(sealed, ".500.", ".500.1.", 1), a.id + ".123450.500", a.id + ".123450.500.", strings.ToUpper(sealed),
	} {
		if got, ok := h.unsealed(v, by, bad); ok {
			t.Errorf("%q is taken as %v", bad, got)
		}
	}
	other, elsewhere := v, by
	other.inv.ID, elsewhere.method.Key = "j", "card"
	stranger := newHost(Deps{AttemptKey: []byte("another key of thirty-two bytes."), PublicURL: "https://pay.example"})
	for name, ok := range map[string]bool{
		"another invoice": second(h.unsealed(other, by, sealed)), "another way": second(h.unsealed(v, elsewhere, sealed)),
		"another key": second(stranger.unsealed(v, by, sealed)),
	} {
		if ok {
			t.Errorf("an attempt is good for %s", name)
		}
	}
}

func second[T any](_ T, ok bool) bool { return ok }
