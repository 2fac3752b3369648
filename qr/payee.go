package qr

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"sarraf/fault"
	"sarraf/money"
)

// Payee is what a payload says of a merchant and a payment, whatever the country. Texts are printable ASCII, because that is
// what every scanner shows; the merchant's own script goes into the local fields.
type Payee struct {
	Name     string // at most 25 characters
	City     string // at most 15
	Postal   string // at most 10; may be empty
	Category string // four digits; "0000" when empty

	// Language is the letters of the language (ISO 639-1, two small letters) that LocalName and LocalCity are in; empty for none.
	Language  string
	LocalName string // at most 25 characters of any script
	LocalCity string // at most 15; may be empty

	Dynamic bool         // made for one payment
	Amount  money.Amount // zero: the payer chooses it

	// What the payer's bank hands back, each at most 25 characters and absent when empty.
	Bill, Reference, Terminal, Purpose string
}

// PakistanAccount is where the money of a Pakistani code goes: template 28. All of it is the operator's configuration.
type PakistanAccount struct {
	Operator string // the operator's id in the scheme, 1 to 32 characters
	BIC      string // of the merchant's bank, 8 or 11 capitals and digits
	IBAN     string // of the merchant, see PakistanIBAN
}

// Pakistan is the text of a person-to-merchant payload in PKR. The faults, one for each wrong field by its name in small letters
// (name, city, postal, category, language, local_name, local_city, amount, bill, reference, terminal, purpose, operator, bic,
// iban), are FieldRequired, FieldTooLong (max), FieldMalformed, CurrencyUnknown (the amount is not in PKR), AmountNotPositive and
// AmountTooLarge (max: 13 characters hold no more).
func Pakistan(to PakistanAccount, p Payee) (string, error) {
	var c checks
	c.ascii("operator", to.Operator, 32, true)
	if c.ascii("bic", to.BIC, 11, true) && !isBIC(to.BIC) {
		c.add(fault.FieldMalformed, "bic")
	}
	if c.ascii("iban", to.IBAN, 24, true) && !PakistanIBAN(to.IBAN) {
		c.add(fault.FieldMalformed, "iban")
	}
	account := Object{ID: "28", Objects: values("00", to.Operator, "01", to.BIC, "02", to.IBAN)}
	return build(c, p, account, money.PKR, "PK")
}

// BangladeshAccount is where the money of a Bangla QR code goes: template 26. All of it is the operator's configuration.
type BangladeshAccount struct {
	Acquirer        string // the acquirer's domain, 1 to 32 characters
	InstitutionType string // 1 to 25 characters
	Institution     string // the institution's id, 4 characters
	PAN             string // the merchant's number, at most 19 digits
}

// Bangladesh is the text of a Bangla QR payload in BDT. The faults are those of Pakistan, the currency being BDT and the account's
// fields acquirer, institution_type, institution and pan.
func Bangladesh(to BangladeshAccount, p Payee) (string, error) {
	var c checks
	c.ascii("acquirer", to.Acquirer, 32, true)
	c.ascii("institution_type", to.InstitutionType, 25, true)
	if c.ascii("institution", to.Institution, 4, true) && len(to.Institution) != 4 {
		c.add(fault.FieldMalformed, "institution")
	}
	if c.ascii("pan", to.PAN, 19, true) && strings.Trim(to.PAN, "0123456789") != "" {
		c.add(fault.FieldMalformed, "pan")
	}
	account := Object{
		ID:      "26",
		Objects: values("00", to.Acquirer, "01", to.InstitutionType, "02", to.Institution, "03", to.PAN),
	}
	return build(c, p, account, money.BDT, "BD")
}

// build checks the payee and puts the objects into the order of their ids.
func build(c checks, p Payee, account Object, cur money.Currency, country string) (string, error) {
	if p.Category == "" {
		p.Category = "0000"
	}
	c.payee(p)
	c.amount(p.Amount, cur)
	if err := fault.Join(c...); err != nil {
		return "", err
	}
	method, amount := Static, ""
	if p.Dynamic {
		method = Dynamic
	}
	if !p.Amount.IsZero() {
		amount = p.Amount.Decimal()
	}
	list := values(IDFormat, "01", IDMethod, method)
	list = append(list, account)
	list = append(list, values(IDCategory, p.Category, IDCurrency, cur.Numeric(), IDAmount, amount, IDCountry, country,
		IDName, p.Name, IDCity, p.City, IDPostal, p.Postal)...)
	list = template(list, IDMore, IDBill, p.Bill, IDReference, p.Reference, IDTerminal, p.Terminal, IDPurpose, p.Purpose)
	list = template(list, IDLanguage, "00", strings.ToUpper(p.Language), "01", p.LocalName, "02", p.LocalCity)
	return Encode(list)
}

// values makes objects of pairs of id and value, without those that have no value.
func values(pairs ...string) []Object {
	var list []Object
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			list = append(list, Object{ID: pairs[i], Value: pairs[i+1]})
		}
	}
	return list
}

// template appends a template of such pairs, unless all of them are empty.
func template(list []Object, id string, pairs ...string) []Object {
	if inside := values(pairs...); len(inside) > 0 {
		list = append(list, Object{ID: id, Objects: inside})
	}
	return list
}

// isBIC reports whether text has the form of a business identifier code (ISO 9362): four capitals or digits, two capitals of a
// country, two more, and three for a branch.
func isBIC(text string) bool {
	if len(text) != 8 && len(text) != 11 {
		return false
	}
	for i := range len(text) {
		if country := i == 4 || i == 5; !capital(text[i]) && (country || !digit(text[i])) {
			return false
		}
	}
	return true
}

// checks gathers what is wrong with the fields of a payload.
type checks []*fault.Error

func (c *checks) add(code fault.Code, field string) { *c = append(*c, fault.New(code).On(field)) }

// length checks that there is text where there must be, and not too much. It reports whether there is text to look into.
func (c *checks) length(field, text string, limit int, required bool) bool {
	if text == "" {
		if required {
			c.add(fault.FieldRequired, field)
		}
		return false
	}
	if utf8.RuneCountInString(text) > limit {
		*c = append(*c, fault.New(fault.FieldTooLong).On(field).With("max", strconv.Itoa(limit)))
		return false
	}
	return true
}

// ascii is length for text of printable ASCII that neither begins nor ends in a space.
func (c *checks) ascii(field, text string, limit int, required bool) bool {
	if !c.length(field, text, limit, required) {
		return false
	}
	plain := strings.TrimSpace(text) == text
	for i := range len(text) {
		plain = plain && text[i] >= ' ' && text[i] <= '~'
	}
	if !plain {
		c.add(fault.FieldMalformed, field)
	}
	return plain
}

// local is length for text of any script, without control characters.
func (c *checks) local(field, text string, limit int, required bool) {
	if !c.length(field, text, limit, required) {
		return
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		c.add(fault.FieldMalformed, field)
	}
}

func (c *checks) payee(p Payee) {
	c.ascii("name", p.Name, 25, true)
	c.ascii("city", p.City, 15, true)
	c.ascii("postal", p.Postal, 10, false)
	if len(p.Category) != 4 || strings.Trim(p.Category, "0123456789") != "" {
		c.add(fault.FieldMalformed, "category")
	}
	translated := p.LocalName != "" || p.LocalCity != "" || p.Language != ""
	if c.length("language", p.Language, 2, translated) && !isLanguage(p.Language) {
		c.add(fault.FieldMalformed, "language")
	}
	c.local("local_name", p.LocalName, 25, translated)
	c.local("local_city", p.LocalCity, 15, false)
	c.ascii("bill", p.Bill, 25, false)
	c.ascii("reference", p.Reference, 25, false)
	c.ascii("terminal", p.Terminal, 25, false)
	c.ascii("purpose", p.Purpose, 25, false)
}

func isLanguage(text string) bool {
	return len(text) == 2 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz") == ""
}

// maxAmount is the most characters of an amount.
const maxAmount = 13

func (c *checks) amount(a money.Amount, cur money.Currency) {
	switch {
	case a.IsZero():
	case a.Currency != cur:
		c.add(fault.CurrencyUnknown, "amount")
	case a.Sign() < 0:
		c.add(fault.AmountNotPositive, "amount")
	case len(a.Decimal()) > maxAmount:
		*c = append(*c, fault.New(fault.AmountTooLarge).On("amount").With("max", "9999999999.99"))
	}
}

// Fit is text as a payload's field can hold it: cut to at most limit characters, after a whole word when one ends in the second
// half, without spaces around it. Names of stores are often longer than 25 characters.
func Fit(text string, limit int) string {
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	head, rest, _ := take(text, limit)
	if space := strings.LastIndexByte(head, ' '); !strings.HasPrefix(rest, " ") && space > len(head)/2 {
		head = head[:space]
	}
	return strings.TrimSpace(head)
}
