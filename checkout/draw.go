package checkout

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/a-h/templ"
)

// htmxConfig switches off what the policy forbids and the page does not need: eval, style and script injection, history.
const htmxConfig = `{"allowEval":false,"allowScriptTags":false,"includeIndicatorStyles":false,"historyEnabled":false,` +
	`"selfRequestsOnly":true,"timeout":10000,"defaultSettleDelay":0}`

// drawings has the names that icon draws.
var drawings = []string{
	"wallet", "phone", "bank", "card", "cash", "qr", "approve", "decline", "fail", "clock", "alert", "chevron", "arrow", "tick",
	"cross", "minus", "swap", "back", "search",
}

// drawing is the name, or "coin" for one that has no drawing.
func drawing(name string) string {
	if slices.Contains(drawings, name) {
		return name
	}
	return "coin"
}

func resultIcon(p Page) string {
	if p.Status == Paid && p.partlyBack() {
		return "back"
	}
	switch p.Status {
	case Paid:
		return "tick"
	case Failed:
		return "cross"
	case Expired:
		return "clock"
	case Superseded:
		return "swap"
	case Refunded:
		return "back"
	}
	return "minus"
}

func problemIcon(k ProblemKind) string {
	switch k {
	case NotFound:
		return "search"
	case Gone:
		return "minus"
	case Busy:
		return "clock"
	}
	return "alert"
}

func noticeIcon(n Notice) string {
	if n == Checking {
		return "clock"
	}
	return "alert"
}

// amountSize is the class that keeps a long amount on one line of a phone.
func amountSize(text string) string {
	switch n := utf8.RuneCountInString(text); {
	case n > 16:
		return "amount-longest"
	case n > 11:
		return "amount-long"
	}
	return "amount-short"
}

// choiceClasses are how a way to pay looks.
func choiceClasses(m Method, first bool) string {
	class := "way way-" + drawing(m.Icon)
	if first {
		class += " way-first"
	}
	if m.Test {
		class += " way-test"
	}
	return class
}

// inputAttributes are what a field's input has beside its name: how it is typed, what it says, and whether it is to be mended. The first
// field to mend has the focus, or else the first that has nothing in it.
func inputAttributes(f *Form, i int) templ.OrderedAttributes {
	own := f.Fields[i]
	var list templ.OrderedAttributes
	add := func(name string, value any) {
		list = append(list, templ.KeyValue[string, any]{Key: name, Value: value})
	}
	add("autocomplete", cmp.Or(own.Autocomplete, "off"))
	if own.Secret {
		add("type", "password")
		add("inputmode", "numeric")
		add("pattern", "[0-9]{4}")
		add("maxlength", "4")
	} else {
		add("type", "tel")
		add("inputmode", "tel")
		add("maxlength", "32")
		add("value", own.Value)
	}
	add("required", true)
	var about []string
	if own.Wrong {
		add("aria-invalid", "true")
		about = append(about, "refused")
	}
	if own.Hint != "" {
		about = append(about, "hint-"+own.Key)
	}
	if len(about) > 0 {
		add("aria-describedby", strings.Join(about, " "))
	}
	if i == f.focus() {
		add("autofocus", true)
	}
	return list
}

// focus is the field that a payer types into next.
func (f *Form) focus() int {
	for i, field := range f.Fields {
		if field.Secret || field.Value == "" || field.Wrong && f.Refusal != WrongPIN {
			return i
		}
	}
	return -1
}

// percent is a share in the bounds of the bar.
func percent(share int) string { return strconv.Itoa(min(max(share, 0), 100)) }

// refreshTo is the content of a refresh tag that leads elsewhere.
func refreshTo(seconds int, url string) string { return fmt.Sprintf("%d;url=%s", seconds, url) }

// describe is what is being paid for beyond the title that stands beside the amount; a finished page has no such title.
func describe(p Page) string {
	switch {
	case p.leadsOn():
		return "" // it stands above the way on
	case !p.Finished():
		return p.Description
	case p.Title != "" && p.Description != "":
		return p.Title + " – " + p.Description
	}
	return p.Title + p.Description
}

// paidOn reports whether the page tells when it was paid.
func (p Page) paidOn() bool { return p.Finished() && !p.PaidAt.IsZero() }

// hasFacts reports whether there is any fact to list.
func (p Page) hasFacts() bool {
	return p.paidOn() || p.partlyBack() || describe(p)+p.Customer+p.Invoice+p.Reference+p.Support != ""
}

// saying is what assistive technology reads out when the state changes.
func (l language) saying(p Page) string {
	if p.Finished() {
		r := l.told(p)
		return r.Head + ". " + r.Body
	}
	if n, ok := l.Notices[p.Notice]; ok && !p.typing() {
		return n.Head + ". " + n.Body
	}
	return l.LeftToPay + ": " + p.due().spoken()
}
