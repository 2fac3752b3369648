package receipt

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"sarraf/money"
	"sarraf/phone"
	"sarraf/qr"
	"sarraf/wallet"
)

// locale is how amounts are written, as on the payment page.
const locale money.Locale = "en-BD"

// view is what a receipt's page and picture show: the transfer in full, with the figures, the time and the masks of its fields.
type view struct {
	Fields
	From, To                  Party // whole, not cut
	Note                      string
	AmountText, Fee, Total    string
	Spoken                    string // the amount for assistive technology
	Text                      string // signed
	QR                        string // an <svg> element
	PictureURL, CodeURL, Link string // of the picture, of the code alone, of the page that checks
}

// viewOf is the view of a transfer's receipt with its signed text.
func viewOf(t wallet.Transfer, f Fields, text string) (view, error) {
	code, err := qr.SVG(text, qr.Options{})
	if err != nil {
		return view{}, err
	}
	whole := func(name, number string, short Party) Party {
		if short == (Party{}) {
			return short
		}
		if strings.Contains(short.Number, "*") {
			number = phone.Number(number).Mask()
		}
		return Party{name, number}
	}
	amount := money.Of(t.Amount, t.Currency)
	return view{
		Fields: f, From: whole(t.SenderName, t.SenderNumber, f.From), To: whole(t.ReceiverName, t.ReceiverNumber, f.To), Note: t.Note,
		AmountText: amount.Display(locale), Fee: money.Of(t.Fee, t.Currency).Display(locale), Total: money.Of(f.Total(), t.Currency).Display(locale),
		Spoken: amount.Spoken(locale), Text: text, QR: code,
		PictureURL: pagePath + t.Number + ".svg", CodeURL: pagePath + t.Number + ".png", Link: verifyPath + "#" + text,
	}, nil
}

// headed is what the receipt begins with: "Payment successful".
func (f Fields) headed() string {
	for _, k := range kinds {
		if k.movement == f.Kind {
			return k.headed
		}
	}
	return string(f.Kind)
}

// day and clock are the parts of the time.
func (f Fields) day() string   { return f.At.Format("2 January 2006") }
func (f Fields) clock() string { return f.At.Format("3:04:05 PM") }

// figureSize is the class that keeps a long amount on one line of a phone.
func figureSize(text string) string {
	switch n := utf8.RuneCountInString(text); {
	case n > 16:
		return "figure-longest"
	case n > 11:
		return "figure-long"
	}
	return "figure-short"
}

// width is about how wide a character is drawn, in tenths of the letters' height.
func width(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r == 'W' || r == 'M' || r == 'm' || r == 'w' || r == '@' || r == '%':
		return 9
	case r >= 0x1100 && unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) || r >= 0x1f000:
		return 11
	case unicode.IsUpper(r):
		return 7
	case r == ' ' || r == 'i' || r == 'l' || r == 'j' || r == '.' || r == ',':
		return 3
	}
	return 6
}

// wrap breaks a text for the picture, where nothing else does: into at most so many lines of so much width, at spaces where there are any.
// What is left over is not shown, and the last line says so.
func wrap(text string, room, lines int) []string {
	text = cut(text, len(text)+len(ellipsis))
	text = strings.Map(func(r rune) rune {
		if r == 0xfffe || r == 0xffff { // no XML has these
			return utf8.RuneError
		}
		return r
	}, text)
	var list []string
	for text != "" {
		end := fits(text, room)
		if len(list) == lines-1 && end < len(text) {
			return append(list, strings.TrimRight(text[:fits(text, room-10)], " ")+ellipsis)
		}
		if end < len(text) {
			if space := strings.LastIndexByte(text[:end+1], ' '); space > 0 {
				end = space
			}
		}
		list = append(list, strings.TrimRight(text[:end], " "))
		text = strings.TrimLeft(text[end:], " ")
	}
	return list
}

// fits is how many bytes of the text have room in a line: at least one character, and none without the marks on it.
func fits(text string, room int) int {
	used := 0
	for i, r := range text {
		if used += width(r); used > room && i > 0 && width(r) > 0 {
			return i
		}
	}
	return len(text)
}

// line is one line of the picture.
type line struct {
	name, value string
	soft, bold  bool
}

// lines are the picture's lines: the rows of the receipt, wrapped.
func (v view) lines() []line {
	const room = 190 // of the 19 letters' heights between a row's name and the edge
	var list []line
	row := func(name string, bold bool, most int, values ...string) {
		first := true
		for i, value := range values {
			for _, text := range wrap(value, room, most) {
				l := line{value: text, soft: i > 0, bold: bold}
				if first {
					l.name, first = name, false
				}
				list = append(list, l)
			}
		}
	}
	row("Receipt", false, 1, v.Number)
	row("Kind", false, 1, v.kindName())
	row("Date", false, 1, v.day())
	row("Time", false, 1, v.clock()+" "+v.zone())
	row("From", false, 3, v.From.Name, v.From.Number)
	row("To", false, 3, v.To.Name, v.To.Number)
	row("Amount", false, 1, v.AmountText)
	row("Fee", false, 1, v.Fee)
	row("Total", true, 1, v.Total)
	row("Note", false, 4, v.Note)
	return list
}
