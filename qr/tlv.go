// Package qr writes and reads the payment payloads of QR codes, EMVCo's merchant-presented mode 1.1, and draws any text as a QR
// code.
//
// A payload is a row of data objects: a two-digit id, a two-digit length in characters, and a value that may itself be such a
// row (a template). Encode and Decode keep the order of objects, so each is the other's inverse. Pakistan and Bangladesh are the
// builders of the two national forms; what makes them the operator's own (ids, BICs, acquirer domains) is configuration and
// never made up here.
package qr

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"sarraf/fault"
)

// Object is one data object. It has either a Value or, where its id is that of a template, Objects.
type Object struct {
	ID      string // two digits
	Value   string // 1 to 99 characters
	Objects []Object
}

// Payload is a payload's data objects in order, without the CRC (id 63), which Encode appends and Decode has checked.
type Payload []Object

// Ids of a payload's data objects.
const (
	IDFormat    = "00" // always "01", always first
	IDMethod    = "01" // Static or Dynamic
	IDCategory  = "52" // merchant category code, ISO 18245
	IDCurrency  = "53" // ISO 4217 number
	IDAmount    = "54"
	IDCountry   = "58" // ISO 3166-1 letters
	IDName      = "59"
	IDCity      = "60"
	IDPostal    = "61"
	IDMore      = "62" // template, see the ids below
	IDCRC       = "63" // always last
	IDLanguage  = "64" // template: name and city in another language
	IDBill      = "01" // in IDMore
	IDReference = "05" // in IDMore
	IDTerminal  = "07" // in IDMore
	IDPurpose   = "08" // in IDMore
)

// Static and Dynamic are the values of IDMethod: a code that is shown to many payers, and one made for one payment.
const (
	Static  = "11"
	Dynamic = "12"
)

// maxValue is the most characters that a length of two digits can tell.
const maxValue = 99

// crcHead is the id and length of the CRC, which the CRC covers too.
const crcHead = IDCRC + "04"

// level is where an object stands: which of its ids are templates depends on it.
type level uint8

const (
	top   level = iota
	more        // inside IDMore
	inner       // inside any other template; nothing in it is one
)

// template reports whether an object of that id is a template, and on what level the objects in it stand.
func (l level) template(id int) (level, bool) {
	switch {
	case l == top && id == 62:
		return more, true
	case l == top && (id >= 26 && id <= 51 || id == 64 || id >= 80), l == more && id >= 50:
		return inner, true
	}
	return 0, false
}

// twoDigits is the number that s begins with, in two ASCII digits.
func twoDigits(s string) (int, bool) {
	if len(s) < 2 || !digit(s[0]) || !digit(s[1]) {
		return 0, false
	}
	return int(s[0]-'0')*10 + int(s[1]-'0'), true
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// Find is the value at the path of ids: Find("62", "01") is the bill number. It reports false when there is none, or when it is a
// template.
func (p Payload) Find(path ...string) (string, bool) {
	for _, o := range p {
		switch {
		case len(path) == 0 || o.ID != path[0]:
		case len(path) == 1:
			return o.Value, len(o.Objects) == 0
		default:
			return Payload(o.Objects).Find(path[1:]...)
		}
	}
	return "", false
}

// Encode is the payload's text, its CRC appended. The error says what the rules forbid: a payload that does not begin with "00" =
// "01", an id that is not two digits, twice the same id side by side, an id 63, a value of no or more than 99 characters or
// that is not UTF-8, objects in what is not a template or a value in what is.
func Encode(p Payload) (string, error) {
	if len(p) == 0 || p[0].ID != IDFormat || p[0].Value != "01" {
		return "", errors.New("qr: a payload begins with 00 = 01")
	}
	body, err := encode(p, top)
	if err != nil {
		return "", err
	}
	body += crcHead
	return body + crcText(body), nil
}

func encode(list []Object, l level) (string, error) {
	var b strings.Builder
	var seen [100]bool
	for _, o := range list {
		id, ok := twoDigits(o.ID)
		if !ok || len(o.ID) != 2 {
			return "", fmt.Errorf("qr: %q is not an id", o.ID)
		}
		if seen[id] || l == top && o.ID == IDCRC {
			return "", fmt.Errorf("qr: %s must not stand here", o.ID)
		}
		seen[id] = true
		value := o.Value
		if inside, is := l.template(id); is != (len(o.Objects) > 0) || is && value != "" {
			return "", fmt.Errorf("qr: %s has what it cannot hold", o.ID)
		} else if is {
			var err error
			if value, err = encode(o.Objects, inside); err != nil {
				return "", err
			}
		}
		n := utf8.RuneCountInString(value)
		if n == 0 || n > maxValue || !utf8.ValidString(value) {
			return "", fmt.Errorf("qr: %s has no value that fits", o.ID)
		}
		fmt.Fprintf(&b, "%s%02d%s", o.ID, n, value)
	}
	return b.String(), nil
}

// Decode reads a payload's text and checks its CRC. It is strict: whatever is not exactly what Encode writes for some payload
// is fault.FieldMalformed, with the reason as its cause: among them objects that run over their end, twice the same id, an
// empty value, "00" not first or not "01", a CRC that is wrong, in small letters or not at the end.
func Decode(text string) (Payload, error) {
	list, err := decode(text)
	if err != nil {
		return nil, fault.New(fault.FieldMalformed).Wrap(err)
	}
	return list, nil
}

func decode(text string) (Payload, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("qr: not UTF-8")
	}
	end := len(text) - 4
	if end < len(crcHead) || text[end-len(crcHead):end] != crcHead {
		return nil, errors.New("qr: no CRC at the end")
	}
	if text[end:] != crcText(text[:end]) {
		return nil, errors.New("qr: the CRC is wrong")
	}
	list, err := parse(text[:end-len(crcHead)], top)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || list[0].ID != IDFormat || list[0].Value != "01" {
		return nil, errors.New("qr: it does not begin with 00 = 01")
	}
	return list, nil
}

// parse reads objects up to the end of text.
func parse(text string, l level) ([]Object, error) {
	var list []Object
	var seen [100]bool
	for text != "" {
		id, ok := twoDigits(text)
		if !ok {
			return nil, errors.New("qr: an id is not two digits")
		}
		o := Object{ID: text[:2]}
		if seen[id] || l == top && o.ID == IDCRC {
			return nil, fmt.Errorf("qr: %s must not stand here", o.ID)
		}
		seen[id] = true
		n, ok := twoDigits(text[2:])
		if !ok || n == 0 {
			return nil, fmt.Errorf("qr: the length of %s is not 01 to 99", o.ID)
		}
		if o.Value, text, ok = take(text[4:], n); !ok {
			return nil, fmt.Errorf("qr: %s runs over the end", o.ID)
		}
		if inside, is := l.template(id); is {
			var err error
			if o.Objects, err = parse(o.Value, inside); err != nil {
				return nil, err
			}
			o.Value = ""
		}
		list = append(list, o)
	}
	return list, nil
}

// take cuts n characters off the front of valid UTF-8.
func take(text string, n int) (head, rest string, ok bool) {
	at := 0
	for range n {
		if at >= len(text) {
			return "", "", false
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return text[:at], text[at:], true
}

// crcText is the CRC of text as a payload ends in it: four capital hexadecimal digits.
func crcText(text string) string {
	return strings.ToUpper(strconv.FormatUint(uint64(CRC(text))|1<<16, 16)[1:])
}

// CRC is the CRC-16/CCITT-FALSE of the bytes of text: polynomial 1021, begun with FFFF, nothing reflected. That of "123456789" is
// 29B1.
func CRC(text string) uint16 {
	crc := uint16(0xffff)
	for i := range len(text) {
		crc ^= uint16(text[i]) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			crc <<= 1
			if carry {
				crc ^= 0x1021
			}
		}
	}
	return crc
}
