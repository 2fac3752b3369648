package api

import (
	"slices"
	"strconv"
	"strings"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/phone"
	"sarraf/wallet"
)

// intake reads the fields of a body and gathers all that is wrong with them. at is what the names of the fields begin with in faults.
type intake struct {
	at     string
	faults []*fault.Error
}

func (r *intake) wrong(f *fault.Error) {
	if f != nil {
		r.faults = append(r.faults, f.On(r.at+f.Field))
	}
}

// err is all that was wrong, nil for nothing.
func (r *intake) err() error { return fault.Join(r.faults...) }

// text is one line of text. Faults: FieldNotString, FieldControl, FieldTooLong; FieldRequired where it must be there.
func (r *intake) text(f httpx.Fields, name string, most int, must bool) string {
	s, _, wrong := f.String(name)
	if wrong == nil {
		s, wrong = httpx.CleanText(name, s, most)
	}
	if wrong == nil && s == "" && must {
		wrong = fault.New(fault.FieldRequired).On(name)
	}
	r.wrong(wrong)
	return s
}

// word is one of a few words. Faults: FieldNotString; FieldRequired where there is none that it is by default; FieldNotOneOf.
func (r *intake) word(f httpx.Fields, name, byDefault string, allowed ...string) string {
	s, given, wrong := f.String(name)
	switch {
	case wrong != nil:
	case !given && byDefault != "":
		return byDefault
	case s == "":
		wrong = fault.New(fault.FieldRequired).On(name)
	case !slices.Contains(allowed, s):
		wrong = fault.New(fault.FieldNotOneOf).On(name).With("allowed", strings.Join(allowed, ","))
	}
	r.wrong(wrong)
	return s
}

// number is a mobile number in E.164, "" where none is given. Faults: FieldNotString, FieldTooLong, FieldMalformed.
func (r *intake) number(f httpx.Fields, name string) string {
	s, _, wrong := f.String(name)
	if wrong == nil && strings.TrimSpace(s) != "" {
		s, wrong = mobileNumber(name, s)
	}
	r.wrong(wrong)
	return strings.TrimSpace(s)
}

// pin is a PIN that is to be set, "" where none is given. Faults: FieldNotString, PINMalformed.
func (r *intake) pin(f httpx.Fields) string {
	s, given, wrong := f.String("pin")
	if wrong == nil && given && !wallet.ValidPIN(s) {
		wrong = fault.New(fault.PINMalformed).On("pin")
	}
	r.wrong(wrong)
	return s
}

// mobileNumber is a telephone number with its country's code, in E.164. Faults, on field: FieldRequired, FieldTooLong, FieldMalformed.
func mobileNumber(field, text string) (string, *fault.Error) {
	n, err := phone.Parse(text, "")
	if err != nil {
		return "", fault.First(err).On(field)
	}
	return string(n), nil
}

// mostSerial bounds numbers that things of a merchant are counted by.
const mostSerial = 1_000_000_000

// serial is the number of something, 1 to 1,000,000,000; clients send it as a number or as its digits. Faults: FieldRequired, FieldNotInteger.
func (r *intake) serial(f httpx.Fields, name string) int64 {
	text, given, wrong := f.Text(name)
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case wrong != nil:
		wrong = fault.New(fault.FieldNotInteger).On(name)
	case !given || strings.TrimSpace(text) == "":
		wrong = fault.New(fault.FieldRequired).On(name)
	case err != nil || n < 1 || n > mostSerial || strconv.FormatInt(n, 10) != text:
		wrong = fault.New(fault.FieldNotInteger).On(name)
	}
	r.wrong(wrong)
	return n
}

// mostMinor bounds an amount, in minor units.
const mostMinor = 100_000_000_000_000

// amount is what amount and currency say. Faults: those of currency, and of httpx.Fields.Amount.
func (r *intake) amount(f httpx.Fields) money.Amount {
	text, _, wrong := f.String("currency")
	if wrong == nil && text == "" {
		wrong = fault.New(fault.FieldRequired).On("currency")
	}
	if wrong != nil {
		r.wrong(wrong)
		return money.Amount{}
	}
	c, err := money.ParseCurrency(text)
	if err != nil {
		r.wrong(fault.First(err).On("currency"))
		return money.Amount{}
	}
	amount, wrong := f.Amount("amount", c, mostMinor)
	r.wrong(wrong)
	return amount
}

// currencies are some of the merchant's, by default all of them; of nobody's wallet they must be given. Faults: those of Fields.List,
// FieldRequired, CurrencyUnknown.
func (r *intake) currencies(f httpx.Fields, name string, m merchant.Merchant) []money.Currency {
	list, given, wrong := f.List(name, mostCurrencies)
	if !given && wrong == nil {
		if len(m.Currencies) == 0 {
			r.wrong(fault.New(fault.FieldRequired).On(name))
		}
		return m.Currencies
	}
	if wrong == nil && len(list) == 0 {
		wrong = fault.New(fault.FieldRequired).On(name)
	}
	r.wrong(wrong)
	var out []money.Currency
	for i, text := range list {
		c := money.Currency(text)
		if !c.Known() || m.Owner != "" && !m.Has(c) || slices.Contains(out, c) {
			r.wrong(fault.New(fault.CurrencyUnknown).On(name + "." + strconv.Itoa(i)))
			continue
		}
		out = append(out, c)
	}
	return out
}

// renamed is err with a field of the core's called as this door calls it.
func renamed(err error, from, to string) error {
	faults := fault.All(err)
	for i, f := range faults {
		if f.Field == from {
			faults[i] = f.On(to)
		}
	}
	return fault.Join(faults...)
}
