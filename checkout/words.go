package checkout

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// language is one language's direction and every sentence of the page. {store}, {amount} and {seconds} stand for their values.
type language struct {
	Tag, Dir string

	PayTo, AmountDue, LeftToPay, ReceivedOf   string
	TestMode, TestModeHint, Ways, TestWays    string
	Scan, NoWays, Cancel, CancelNoStore       string
	Asks, Continue, ContinueHint              string
	For, Customer, Invoice, Reference, PaidOn string
	Return, Returning, Waiting, Help          string
	By, RequestID, TryAgain                   string
	TimeUp, Left, Day, Days, Hour, Min, Sec   string
	DateLayout                                string
	PayNow, Amount, Fee, Total                string
	OtherWays, Receipt, SentBack              string

	Notices  map[Notice]sentence
	Refusals map[Refusal]sentence
	Results  map[Status]result
	Closed   result
	Partly   result // of a payment that was whole; Part is of one that was not
	Problems map[ProblemKind]sentence
}

// sentence is a headline and what it means for the payer.
type sentence struct{ Head, Body string }

// result is what a finished page says. Part is said in place of Body where a part of the amount had come: it must never be told
// that nothing was paid.
type result struct{ Title, Head, Body, Part string }

const askAboutPart = "{amount} had already been received. Please ask {store} what happens with it."

var english = language{
	Tag: "en", Dir: "ltr",
	PayTo: "Pay to", AmountDue: "Amount due", LeftToPay: "Left to pay", ReceivedOf: "received of",
	TestMode: "Test mode:", TestModeHint: "no real money moves",
	Ways: "How would you like to pay?", TestWays: "Choose what the test bank does",
	Scan: "Scan to pay", NoWays: "This payment cannot be made right now. Please try again later.",
	Cancel: "Cancel and return to {store}", CancelNoStore: "Cancel this payment",
	Asks: "{store} asks you for this payment", Continue: "Continue to payment", ContinueHint: "You choose how to pay on the next page.",
	For: "For", Customer: "Billed to", Invoice: "Invoice", Reference: "Reference", PaidOn: "Paid on",
	Return: "Return to {store}", Returning: "You will be taken back in {seconds} seconds.",
	Waiting: "This page updates by itself once you have paid.", Help: "Help",
	By: "Payments by Sarraf", RequestID: "Request id", TryAgain: "Try again",
	TimeUp: "Time is up", Left: "{time} left", Day: "day", Days: "days", Hour: "h", Min: "min", Sec: "s",
	DateLayout: "2 Jan 2006, 3:04 pm",
	PayNow:     "Pay {amount}", Amount: "Amount", Fee: "Fee", Total: "You pay", OtherWays: "Choose another way to pay", Receipt: "See your receipt", SentBack: "Sent back",
	Refusals: map[Refusal]sentence{
		Again:       {"Please type your PIN again", "This page had been open for long. Nothing was taken."},
		BadNumber:   {"Please check the mobile number", "Type it as you dial it, or with the country's code. Nothing was taken."},
		BadPIN:      {"A PIN has 4 digits", "Please type yours. Nothing was taken."},
		WrongPIN:    {"The number or the PIN is not right", "Nothing was taken. Check both and try again; five wrong PINs lock a wallet for a while."},
		Locked:      {"This wallet is locked for now", "There were too many wrong PINs. Try again in {minutes} min, or choose another way to pay."},
		NotApproved: {"This wallet cannot pay at present", "It is not approved, or it is suspended. Nothing was taken."},
		NoCurrency:  {"This wallet holds no {currency}", "Nothing was taken. Use another wallet, or choose another way to pay."},
		NotEnough:   {"There is not enough money in this wallet", "Nothing was taken. Put money in first, or choose another way to pay."},
		TooLittle:   {"This is too little for this wallet", "It pays {limit} at least at a time. Nothing was taken."},
		TooMuch:     {"This is too much for this wallet", "It pays {limit} at most at a time. Nothing was taken."},
		DayFull:     {"This is more than this wallet may pay today", "It may pay {limit} a day. Nothing was taken."},
		MonthFull:   {"This is more than this wallet may pay this month", "It may pay {limit} a month. Nothing was taken."},
		FeeIsMore:   {"This wallet pays another fee", "Nothing was taken. Please look at what you pay, and type your PIN again if you agree."},
		Changed:     {"What is due has changed", "Nothing was taken. Please look at what you pay, and type your PIN again if you agree."},
	},
	Notices: map[Notice]sentence{
		Declined:    {"Your payment was declined", "Nothing was taken. You can try again or choose another way to pay."},
		Unavailable: {"That did not work just now", "Nothing was taken. Please try again, or choose another way to pay."},
		Checking:    {"We are checking your payment", "Your bank has not confirmed it yet. Please do not pay a second time."},
	},
	Results: map[Status]result{
		Paid:       {"Paid", "Payment received", "Thank you. Your payment to {store} is complete.", ""},
		Failed:     {"Not paid", "Payment failed", "It did not go through. Nothing was paid to {store}.", askAboutPart},
		Expired:    {"Expired", "This payment has expired", "The time to pay ran out. Nothing was paid to {store}.", askAboutPart},
		Cancelled:  {"Cancelled", "Payment cancelled", "Nothing was paid to {store}.", askAboutPart},
		Superseded: {"Replaced", "Replaced by a newer request", "Please use the latest link from {store}. This one cannot be paid any more.", askAboutPart},
		Refunded:   {"Refunded", "Payment refunded", "{store} has sent the money back. Your bank may need some days to show it.", ""},
	},
	Closed: result{"Closed", "This payment is closed", "It cannot be paid any more.", askAboutPart},
	Partly: result{
		"Partly refunded", "Partly refunded", "{store} has sent {returned} of your payment back. Your bank may need some days to show it.",
		"{amount} had been received, and {store} has sent {returned} of it back. Your bank may need some days to show it.",
	},
	Problems: map[ProblemKind]sentence{
		NotFound: {"There is nothing here", "Check the address, or open the payment link again from the shop."},
		Gone:     {"This link is no longer valid", "Go back to the shop and start the payment again to get a new link."},
		Broken:   {"Something went wrong", "The mistake is ours, not yours. Before you pay again, please check with the shop whether your payment has arrived."},
		Busy:     {"Please try again shortly", "We cannot take payments at this moment. Please wait a minute before you try again."},
	},
}

// languages has every language that the page has words for.
var languages = map[string]language{"en": english}

// speak is the language for a tag: the tag itself, its first part ("bn" of "bn-BD"), or English.
func speak(tag string) language {
	if l, ok := languages[tag]; ok {
		return l
	}
	primary, _, _ := strings.Cut(tag, "-")
	if l, ok := languages[strings.ToLower(primary)]; ok {
		return l
	}
	return english
}

// fill puts a value into a sentence. A value that may be written from right to left is isolated, so that it does not turn the
// words around it.
func fill(text, name, value string) string {
	if strings.ContainsFunc(value, turns) {
		value = "\u2068" + value + "\u2069"
	}
	return strings.ReplaceAll(text, "{"+name+"}", value)
}

// turns reports whether a rune may change the direction of text: right-to-left scripts, and the invisible marks for it.
func turns(r rune) bool {
	switch {
	case r >= 0x0590 && r <= 0x08ff, r >= 0xfb1d && r <= 0xfdff, r >= 0xfe70 && r <= 0xfeff: // Hebrew, Arabic and kin
		return true
	case r >= 0x10800 && r <= 0x10fff, r >= 0x1e800 && r <= 0x1efff:
		return true
	}
	return unicode.Is(unicode.Bidi_Control, r)
}

// told is what a finished page says, with its values.
func (l language) told(p Page) result {
	r, ok := l.Results[p.Status]
	if !ok {
		r = l.Closed
	}
	if p.partial() && r.Part != "" {
		r.Body = r.Part
	}
	switch {
	case p.partlyBack() && p.Status == Paid:
		r = l.Partly
	case p.partlyBack():
		r.Body = l.Partly.Part
	}
	r.Body = fill(fill(fill(r.Body, "amount", p.Received.Text), "returned", p.Returned.Text), "store", p.Store)
	return r
}

// refused is what an open form says of the last attempt on it, with its values; not ok when there is nothing to say.
func (l language) refused(f *Form) (s sentence, ok bool) {
	s, ok = l.Refusals[f.Refusal]
	for name, value := range f.Values {
		s.Head, s.Body = fill(s.Head, name, value), fill(s.Body, name, value)
	}
	return s, ok
}

// title is the document's title. It begins with what is read out first when the page comes: that something is to be mended.
func (l language) title(p Page) string {
	if p.Finished() {
		return l.told(p).Title + " · " + p.Store
	}
	if p.typing() {
		if s, ok := l.refused(p.Form); ok {
			return s.Head + " · " + p.Store
		}
	}
	return p.due().Text + " · " + p.Store
}

// payNow is the label of the button under a form: all that will be taken.
func (l language) payNow(f *Form) string { return fill(l.PayNow, "amount", f.cost().Text) }

// cancel is the cancel button's label.
func (l language) cancel(p Page) string {
	if p.returnURL() == "" {
		return l.CancelNoStore
	}
	return fill(l.Cancel, "store", p.Store)
}

// returning announces the automatic return.
func (l language) returning(p Page) string {
	return fill(l.Returning, "seconds", strconv.Itoa(p.ReturnAfter))
}

// TimeLeft is a duration in words in the language of the tag: "45 s left", "12 min 30 s left", "2 h 05 min left", "3 days 4 h
// left". Seconds are rounded up, so that a moment that is left is never shown as none; from one hour on the smaller unit is
// rounded down. Zero or less is "Time is up".
func TimeLeft(tag string, d time.Duration) string { return speak(tag).timeLeft(d) }

func (l language) timeLeft(d time.Duration) string {
	if d <= 0 {
		return l.TimeUp
	}
	s := int64(d / time.Second)
	if d%time.Second > 0 {
		s++
	}
	const minute, hour, day = 60, 60 * 60, 24 * 60 * 60
	var t string
	switch {
	case s < minute:
		t = fmt.Sprintf("%d %s", s, l.Sec)
	case s < hour:
		t = fmt.Sprintf("%d %s %02d %s", s/minute, l.Min, s%minute, l.Sec)
	case s < day:
		t = fmt.Sprintf("%d %s %02d %s", s/hour, l.Hour, s%hour/minute, l.Min)
	default:
		t = fmt.Sprintf("%d %s", s/day, l.plural(s/day))
		if h := s % day / hour; h > 0 {
			t += fmt.Sprintf(" %d %s", h, l.Hour)
		}
	}
	return strings.ReplaceAll(l.Left, "{time}", t)
}

func (l language) plural(days int64) string {
	if days == 1 {
		return l.Day
	}
	return l.Days
}

// isWordRune reports whether a rune can stand for a name.
func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
