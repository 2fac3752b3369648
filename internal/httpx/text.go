package httpx

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"sarraf/fault"
)

// MaxURL is the longest URL that CheckURL takes, in characters.
const MaxURL = 2048

// CleanText is s without the white space around it: one line of text of at most limit characters (not bytes). The faults, on
// field, are FieldControl for control characters (line breaks and tabs too), for marks that override or isolate the direction
// of writing, and for text that is not UTF-8; and FieldTooLong (max: characters). Text that shows nothing is "", without a fault: white
// space, and characters without width or ink alone.
func CleanText(field, s string, limit int) (string, *fault.Error) {
	return clean(field, s, limit, false)
}

// CleanLines is CleanText for text of several lines: line breaks and tabs are allowed, and a line ends in "\n" alone.
func CleanLines(field, s string, limit int) (string, *fault.Error) {
	if strings.Contains(s, "\r\n") {
		s = strings.ReplaceAll(s, "\r\n", "\n")
	}
	return clean(field, s, limit, true)
}

func clean(field, s string, limit int, lines bool) (string, *fault.Error) {
	s = strings.TrimSpace(s)
	n, shows := 0, false
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd") {
			return "", fault.New(fault.FieldControl).On(field)
		}
		if isControl(r) && !(lines && (r == '\n' || r == '\t')) || isBidi(r) {
			return "", fault.New(fault.FieldControl).On(field)
		}
		n++
		shows = shows || !isInvisible(r)
	}
	if n > limit {
		return "", fault.New(fault.FieldTooLong).On(field).With("max", strconv.Itoa(limit))
	}
	if !shows {
		return "", nil
	}
	return s, nil
}

// Blank reports whether text shows nothing, as CleanText has it: it is empty, or holds nothing but what isInvisible names.
func Blank(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !isInvisible(r) })
}

// isInvisible reports whether r leaves no ink: joiners, marks of direction, fillers, selectors of variants, tags, spaces. Within a text
// they are wanted, Bengali and Urdu need some of them; a text of nothing else is a name that nobody can read or tell from another.
func isInvisible(r rune) bool {
	if r > ' ' && r < 0x7f {
		return false
	}
	const brailleBlank = 0x2800
	return r == brailleBlank || unicode.IsSpace(r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) ||
		unicode.Is(unicode.Variation_Selector, r) || unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// isControl reports whether r is one of C0, DEL and C1.
func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }

// isBidi reports whether r embeds, overrides or isolates a direction of writing: it can make text read as what it is not. The
// plain marks for left and right, which Urdu needs, are not among them.
func isBidi(r rune) bool { return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 }

// CheckURL reads an address of the caller's choosing, white space around it aside: absolute, http or https, with a host, without
// user name or password, at most MaxURL characters. Whether it may be called is not decided here. The faults, on field, are
// those of CleanText and FieldNotURL.
func CheckURL(field, s string) (*url.URL, *fault.Error) {
	s, wrong := CleanText(field, s, MaxURL)
	if wrong != nil {
		return nil, wrong
	}
	// The cause stays out of the fault: it would repeat the address, which may carry a token.
	not := fault.New(fault.FieldNotURL).On(field)
	if strings.ContainsAny(s, " \"<>\\") { // browsers and programs read these in different ways
		return nil, not
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, not
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https", u.Opaque != "", u.User != nil, u.Host == "":
		return nil, not
	case !isHost(u.Hostname(), u.Host[0] == '['), !isPort(u):
		return nil, not
	}
	return u, nil
}

// isHost reports whether h is a name (of letters of any script, so that it stays one when url.URL prints those percent-encoded)
// or an address without a zone.
func isHost(h string, bracketed bool) bool {
	if bracketed {
		a, err := netip.ParseAddr(h)
		return err == nil && a.Is6() && a.Zone() == ""
	}
	for _, r := range h {
		switch {
		case unicode.IsLetter(r), unicode.IsMark(r), unicode.IsDigit(r), r == '.', r == '-', r == '_':
		case r == '\u200c', r == '\u200d': // joiners, which Bengali and Urdu names need
		default:
			return false
		}
	}
	return strings.Trim(h, ".") != ""
}

// isPort reports whether u has no port, or one that can be dialled.
func isPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && n > 0
}
