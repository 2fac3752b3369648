package billpay

import (
	"strings"
)

// reference is the payment's replay key as text: channel, bank, PSID, the bank's id of the payment, its date and its time, in this order.
// What a bank chooses freely is escaped, so that no two keys have one text. The consumer number stands in it as the PSID that it means:
// the same payment reported with the aggregator's prefix and without it is one payment.
func (p paymentRequest) reference(channel, psid string) string {
	return strings.Join([]string{channel, escape(p.mnemonic), psid, p.auth, p.date, p.time}, "/")
}

// escape is s with every byte but letters and digits written as % and two hexadecimal digits.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	plain := true
	for i := range len(s) {
		plain = plain && isAlnum(s[i])
	}
	if plain {
		return s
	}
	b := make([]byte, 0, 3*len(s))
	for i := range len(s) {
		if isAlnum(s[i]) {
			b = append(b, s[i])
			continue
		}
		b = append(b, '%', hex[s[i]>>4], hex[s[i]&15])
	}
	return string(b)
}

func isAlnum(c byte) bool { return c-'0' <= 9 || c|0x20-'a' < 26 }

// authOf is the bank's id in a payment's reference; "" where it is not a text that reference makes.
func authOf(reference string) string {
	parts := strings.Split(reference, "/")
	if len(parts) != 6 || len(parts[3]) != authDigits || !isDigits(parts[3]) {
		return ""
	}
	return parts[3]
}
