package qr

// PakistanIBAN reports whether text is an IBAN of Pakistan as it is printed in a payload: PK, two check digits, the bank's four
// capitals, 16 digits of account, no spaces, and a right checksum (ISO 13616).
func PakistanIBAN(text string) bool {
	if len(text) != 24 || text[:2] != "PK" {
		return false
	}
	for i := 2; i < len(text); i++ {
		if bank := i >= 4 && i < 8; bank && !capital(text[i]) || !bank && !digit(text[i]) {
			return false
		}
	}
	return mod97(text[4:]+text[:4]) == 1
}

func capital(c byte) bool { return c >= 'A' && c <= 'Z' }

// mod97 is the remainder by 97 of digits and capitals read as one number, a capital being 10 to 35 (ISO 7064).
func mod97(text string) int {
	rest := 0
	for i := range len(text) {
		if c := text[i]; capital(c) {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	return rest
}
