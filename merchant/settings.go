package merchant

import (
	"context"
	"maps"
	"net/url"
	"strconv"
	"strings"

	"sarraf/fault"
	"sarraf/money"
	"sarraf/qr"
	"sarraf/store"
)

// PakistanQR is what the operator of the scheme and the merchant's bank have assigned: nothing in it is invented.
type PakistanQR struct {
	OperatorID string `json:"operator_id"`      // in the scheme, at most 32 characters
	BIC        string `json:"bic"`              // of the merchant's bank, 8 or 11 capitals and digits
	IBAN       string `json:"iban"`             // of the merchant, 24 characters
	Name       string `json:"name"`             // as payers see it, at most 25 characters of ASCII
	City       string `json:"city"`             // at most 15
	Category   string `json:"category"`         // merchant category code, 4 digits; "" is 0000
	Postal     string `json:"postal,omitempty"` // at most 10
}

// Account is where the money of the merchant's codes goes.
func (p PakistanQR) Account() qr.PakistanAccount {
	return qr.PakistanAccount{Operator: p.OperatorID, BIC: p.BIC, IBAN: p.IBAN}
}

// Payee is what the merchant's codes say of it; what they say of a payment is the caller's.
func (p PakistanQR) Payee() qr.Payee {
	return qr.Payee{Name: p.Name, City: p.City, Category: p.Category, Postal: p.Postal}
}

// Check answers nil when codes can be made of the settings; else the faults of qr.Pakistan, on pakistan_qr and the field's name.
func (p PakistanQR) Check() error {
	payee := p.Payee()
	payee.Dynamic, payee.Amount, payee.Bill, payee.Reference = true, money.Of(100, money.PKR), strings.Repeat("9", 24), strings.Repeat("9", 19)
	_, err := qr.Pakistan(p.Account(), payee)
	var faults []*fault.Error
	for _, f := range fault.All(err) {
		if f.Field == "operator" {
			f = f.On("operator_id")
		}
		faults = append(faults, f.On("pakistan_qr."+f.Field))
	}
	return fault.Join(faults...)
}

// mostCallback is the longest callback address, in bytes: what a door appends still makes a URL that is called.
const mostCallback = 1900

// CheckCallback answers nil when the text can be an address that a door appends its paths to: absolute, http or https, with a host, without
// user, query, fragment and white space. Faults, on callback: FieldTooLong (max), FieldNotURL. Whether it may be called is decided when it
// is.
func CheckCallback(text string) error {
	if len(text) > mostCallback {
		return fault.New(fault.FieldTooLong).On("callback").With("max", strconv.Itoa(mostCallback))
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "" || u.User != nil ||
		strings.ContainsAny(text, "?#\"<>\\") || !visible(text) {
		return fault.New(fault.FieldNotURL).On("callback") // the cause would repeat the address, which may hold a token
	}
	return nil
}

// SetCallback has a front door send what it tells of the merchant's payments to an address of the merchant: the door appends its own paths to
// it. Slashes at its end are left out; "" takes the address away. What has happened already is told where it was to be told then.
// Faults: MerchantMissing, FieldRequired on door, those of CheckCallback.
func (s *Service) SetCallback(ctx context.Context, by Actor, owner, door, address string) error {
	address = strings.TrimRight(address, "/")
	if door == "" {
		return fault.New(fault.FieldRequired).On("door")
	}
	if address != "" {
		if err := CheckCallback(address); err != nil {
			return err
		}
	}
	defer s.cache.forget(owner)
	return s.update(ctx, by, owner, "merchant.callback", func(_ context.Context, _ *store.Tx, m *Merchant) error {
		all := maps.Clone(m.Settings.Callbacks)
		if all == nil {
			all = map[string]string{}
		}
		all[door] = address
		if address == "" {
			delete(all, door)
		}
		m.Settings.Callbacks = all
		return nil
	})
}

// checkSettings says what is wrong with settings, all of it.
func checkSettings(s Settings) (faults []*fault.Error) {
	if s.InvoiceMinutes < 0 || s.InvoiceMinutes > 60*24*366 {
		faults = append(faults, fault.New(fault.FieldMalformed).On("invoice_minutes"))
	}
	if s.PakistanQR != nil {
		faults = append(faults, fault.All(s.PakistanQR.Check())...)
	}
	for c, most := range s.PayoutApproval {
		if !c.Known() {
			faults = append(faults, fault.New(fault.CurrencyUnknown).On("payout_approval"))
		} else if most < 0 {
			faults = append(faults, fault.New(fault.FieldMalformed).On("payout_approval"))
		}
	}
	for _, address := range s.Callbacks {
		faults = append(faults, fault.All(CheckCallback(address))...)
	}
	return faults
}

// visible reports whether text is visible ASCII alone.
func visible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
