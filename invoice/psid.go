package invoice

import (
	"context"
	"fmt"
	"strings"

	"sarraf/fault"
	"sarraf/store"
)

// A PSID is what a payer types into a bank's app: the prefix that the bill-payment network has assigned to this installation, a running
// number, and a check digit, 24 digits in all. The check digit is by the Luhn formula (ISO/IEC 7812-1, annex B) over the 23 before
// it, so that a mistyped digit, and nearly every exchange of two neighbours, is seen before anybody is asked.
const (
	psidDigits = 24
	maxPrefix  = 12 // leaves 11 digits to the running number
)

// PSIDAlias is the kind under which PSIDs are kept as aliases. A PSID names a payer of its owner, and leads to the payer's newest bill.
const PSIDAlias = "psid"

// psids makes PSIDs that were never given out before, over all nodes.
type psids struct {
	prefix  string
	numbers *store.Numbers
}

// SetPSIDPrefix has bills get PSIDs that begin with prefix, 1 to 12 digits, as the network assigned it. Call it before the first bill. One run
// of numbers serves all prefixes there ever were, so that no two PSIDs are alike. Fault: FieldMalformed on psid_prefix.
func (s *Service) SetPSIDPrefix(prefix string) error {
	if prefix == "" || len(prefix) > maxPrefix || strings.Trim(prefix, "0123456789") != "" {
		return fault.New(fault.FieldMalformed).On("psid_prefix")
	}
	s.psids = &psids{prefix: prefix, numbers: s.db.Numbers(PSIDAlias)}
	return nil
}

// drawPSIDs answers n new PSIDs. It may write, so never call it inside of a transaction. Fault: SettingMissing.
func (s *Service) drawPSIDs(ctx context.Context, n int) ([]string, error) {
	if s.psids == nil {
		return nil, fault.New(fault.SettingMissing).With("setting", "psid_prefix")
	}
	list := make([]string, n)
	for i := range list {
		number, err := s.psids.numbers.Next(ctx)
		if err != nil {
			return nil, err
		}
		body := s.psids.prefix + fmt.Sprintf("%0*d", psidDigits-1-len(s.psids.prefix), number)
		list[i] = body + string(luhn(body))
	}
	return list, nil
}

// ValidPSID reports whether text has the form of a PSID and a right check digit.
func ValidPSID(text string) bool {
	return len(text) == psidDigits && strings.Trim(text, "0123456789") == "" && text[psidDigits-1] == luhn(text[:psidDigits-1])
}

// luhn is the check digit of some digits.
func luhn(digits string) byte {
	sum, double := 0, true
	for i := len(digits) - 1; i >= 0; i-- {
		d := int(digits[i] - '0')
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		double = !double
	}
	return byte('0' + (10-sum%10)%10)
}
