package payout

import (
	"slices"
	"strings"
	"unicode/utf8"

	"sarraf/fault"
	"sarraf/money"
	"sarraf/phone"
)

// MethodKind is a way to pay out as the catalog has it: what a merchant's own method begins with.
type MethodKind struct {
	Kind        string // what it is called in files and commands
	Name        string // for people
	Type        string // MobileBanking or Bank
	AccountType string // what sort of account the recipient has, for people
	Currency    money.Currency
	Rule        string // how its accounts are written: RulePhoneBD and so on
	Min, Max    int64  // of one payout, minor units, until the merchant's method says otherwise
}

// The types of method.
const (
	MobileBanking = "mobile_banking"
	Bank          = "bank"
)

// The rules by which accounts are judged; a fault FieldMalformed on recipient_account names its rule.
const (
	RulePhoneBD = "phone_bd" // a mobile number of Bangladesh
	RulePhonePK = "phone_pk" // a mobile number of Pakistan
	RuleIBAN    = "iban_pk"  // an IBAN of Pakistan, 24 characters, whose check digits are right (ISO 13616, ISO 7064 MOD 97-10)
	RuleRouting = "routing"  // a routing number of 9 digits and an account number of 5 to 17, with a slash, a hyphen or a space between
)

var catalog = []MethodKind{
	{"bkash", "bKash", MobileBanking, "Personal", money.BDT, RulePhoneBD, 100_00, 50_000_00},
	{"nagad", "Nagad", MobileBanking, "Personal", money.BDT, RulePhoneBD, 100_00, 50_000_00},
	{"rocket", "Rocket", MobileBanking, "Personal", money.BDT, RulePhoneBD, 100_00, 50_000_00},
	{"bank_bd", "Bank transfer", Bank, "Current or savings", money.BDT, RuleRouting, 100_00, 1_000_000_00},
	{"easypaisa", "Easypaisa", MobileBanking, "Personal", money.PKR, RulePhonePK, 100_00, 50_000_00},
	{"jazzcash", "JazzCash", MobileBanking, "Personal", money.PKR, RulePhonePK, 100_00, 50_000_00},
	{"iban_pk", "Bank transfer (IBAN)", Bank, "Current or savings", money.PKR, RuleIBAN, 100_00, 1_000_000_00},
}

// Catalog lists every kind of method.
func Catalog() []MethodKind { return slices.Clone(catalog) }

// KindOf is the kind of method with that name; false when there is none.
func KindOf(kind string) (MethodKind, bool) {
	i := slices.IndexFunc(catalog, func(k MethodKind) bool { return k.Kind == kind })
	if i < 0 {
		return MethodKind{}, false
	}
	return catalog[i], true
}

// The field that faults about accounts are on.
const fieldAccount = "recipient_account"

// mostAccount is the longest account that is looked at, in characters.
const mostAccount = 64

// CheckAccount reads an account of a method's kind as people write it, and answers it as rails are told it: an E.164 number, an IBAN without
// spaces, or ROUTING/ACCOUNT. Faults, on recipient_account: FieldRequired, FieldTooLong (max), FieldMalformed (rule).
func CheckAccount(kind, account string) (destination string, err error) {
	k, ok := KindOf(kind)
	malformed := fault.New(fault.FieldMalformed).On(fieldAccount).With("rule", k.Rule)
	account = strings.TrimSpace(account)
	switch {
	case account == "":
		return "", fault.New(fault.FieldRequired).On(fieldAccount)
	case utf8.RuneCountInString(account) > mostAccount:
		return "", fault.New(fault.FieldTooLong).On(fieldAccount).With("max", "64")
	case !ok:
		return "", malformed
	}
	switch k.Rule {
	case RulePhoneBD:
		destination, ok = mobile(account, "BD", "+8801", len("+8801712345678"))
	case RulePhonePK:
		destination, ok = mobile(account, "PK", "+923", len("+923001234567"))
	case RuleIBAN:
		destination, ok = iban(account)
	default:
		destination, ok = routing(account)
	}
	if !ok {
		return "", malformed
	}
	return destination, nil
}

// mobile is a number of a region whose mobile numbers begin and are as long as given.
func mobile(text, region, prefix string, length int) (string, bool) {
	n, err := phone.Parse(text, region)
	return string(n), err == nil && len(n) == length && strings.HasPrefix(string(n), prefix)
}

// iban is an IBAN of Pakistan.
func iban(text string) (string, bool) {
	text = strings.ToUpper(strings.ReplaceAll(text, " ", ""))
	if len(text) != 24 || !strings.HasPrefix(text, "PK") {
		return "", false
	}
	rest := int64(0)
	for i, c := range []byte(text[4:] + text[:4]) { // the bank, four letters; the account, 16 letters or digits; PK; two check digits
		switch {
		case c >= '0' && c <= '9' && i > 3:
			rest = (rest*10 + int64(c-'0')) % 97
		case c >= 'A' && c <= 'Z' && i < 22:
			rest = (rest*100 + int64(c-'A') + 10) % 97
		default:
			return "", false
		}
	}
	return text, rest == 1
}

// routing is ROUTING/ACCOUNT: a routing number of Bangladesh, 9 digits, and an account number.
func routing(text string) (string, bool) {
	at := strings.IndexAny(text, "/- ")
	if at < 0 {
		return "", false
	}
	bank, account := text[:at], strings.NewReplacer(" ", "", "-", "").Replace(strings.TrimLeft(text[at+1:], " "))
	digits := func(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) }
	if len(bank) != 9 || !digits(bank) || len(account) < 5 || len(account) > 17 || !digits(account) || strings.Trim(account, "0") == "" {
		return "", false
	}
	return bank + "/" + account, true
}
