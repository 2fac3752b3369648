package httpx

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"sarraf/fault"
)

// maxDepth is how deep objects and lists may be nested, the body's own object counted.
const maxDepth = 32

// jsonSpace is the white space of JSON.
const jsonSpace = " \t\r\n"

// scanner reads JSON text once, from left to right, and checks all of it: the grammar of RFC 8259, and beyond it that no name
// comes twice in an object, that no surrogate is alone, and the depth. That the text is UTF-8 is checked before.
type scanner struct {
	text string
	at   int
	// names are those of the nested objects that are open, innermost last.
	names []string
}

// parseJSON reads a whole body that begins with its object.
func parseJSON(text string) (Fields, error) {
	if !utf8.ValidString(text) {
		return Fields{}, malformed("", "not UTF-8")
	}
	var f Fields
	s := scanner{text: text}
	if wrong := s.object(1, &f); wrong != nil {
		return Fields{}, wrong
	}
	if s.space(); s.at < len(text) {
		return Fields{}, s.bad("something follows the object")
	}
	return f, nil
}

// bad is the fault for what stands at the present place.
func (s *scanner) bad(why string) *fault.Error {
	return malformed("", "byte "+strconv.Itoa(s.at)+": "+why)
}

// space skips white space.
func (s *scanner) space() {
	for s.at < len(s.text) {
		if c := s.text[s.at]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return
		}
		s.at++
	}
}

// is skips white space and then c, where c is what follows.
func (s *scanner) is(c byte) bool {
	s.space()
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// object reads an object. Its members go into top, or are only checked when top is nil.
func (s *scanner) object(depth int, top *Fields) *fault.Error {
	if depth > maxDepth {
		return s.bad("nested too deeply")
	}
	s.at++ // the brace
	if s.is('}') {
		return nil
	}
	open := openObject{scanner: s, base: len(s.names)}
	for {
		if s.space(); s.at == len(s.text) || s.text[s.at] != '"' {
			return s.bad("a name must stand here")
		}
		raw, escaped, wrong := s.string()
		if wrong != nil {
			return wrong
		}
		name := unquote(raw, escaped)
		if top == nil {
			if wrong := open.add(name); wrong != nil {
				return wrong
			}
		}
		if !s.is(':') {
			return s.bad("a colon must stand here")
		}
		v, wrong := s.value(depth)
		if wrong != nil {
			return wrong
		}
		if v.name = name; top != nil {
			if wrong := top.add(v); wrong != nil {
				return wrong
			}
		}
		if s.is(',') {
			continue
		}
		if !s.is('}') {
			return s.bad("a comma or a closing brace must stand here")
		}
		s.names = s.names[:open.base]
		return nil
	}
}

// openObject holds the names of one nested object while it is read: on the scanner's stack, and in a map once they are many.
type openObject struct {
	*scanner
	base int
	many map[string]struct{}
}

// add notes a name, which must be new.
func (o *openObject) add(name string) *fault.Error {
	if o.many != nil {
		if _, twice := o.many[name]; twice {
			return duplicate(name)
		}
		if len(o.many) == maxNames {
			return malformed("", "too many names")
		}
		o.many[name] = struct{}{}
		return nil
	}
	own := o.names[o.base:]
	if slices.Contains(own, name) {
		return duplicate(name)
	}
	if len(own) < few {
		o.names = append(o.names, name)
		return nil
	}
	o.many = make(map[string]struct{}, 4*few)
	for _, n := range own {
		o.many[n] = struct{}{}
	}
	o.many[name] = struct{}{}
	return nil
}

// value reads any value inside of depth.
func (s *scanner) value(depth int) (v field, wrong *fault.Error) {
	if s.space(); s.at == len(s.text) {
		return v, s.bad("it ends early")
	}
	start := s.at
	switch c := s.text[s.at]; c {
	case '"':
		v.kind = String
		_, v.escaped, wrong = s.string()
	case '{':
		v.kind, wrong = Object, s.object(depth+1, nil)
	case '[':
		v.kind, wrong = List, s.list(depth+1)
	case 't':
		v.kind, wrong = Bool, s.word("true")
	case 'f':
		v.kind, wrong = Bool, s.word("false")
	case 'n':
		v.kind, wrong = Null, s.word("null")
	default:
		v.kind, wrong = Number, s.number()
	}
	v.raw = s.text[start:s.at]
	return v, wrong
}

func (s *scanner) list(depth int) *fault.Error {
	if depth > maxDepth {
		return s.bad("nested too deeply")
	}
	s.at++ // the bracket
	if s.is(']') {
		return nil
	}
	for {
		if _, wrong := s.value(depth); wrong != nil {
			return wrong
		}
		if s.is(',') {
			continue
		}
		if !s.is(']') {
			return s.bad("a comma or a closing bracket must stand here")
		}
		return nil
	}
}

func (s *scanner) word(w string) *fault.Error {
	if !strings.HasPrefix(s.text[s.at:], w) {
		return s.bad("no such word")
	}
	s.at += len(w)
	return nil
}

// digits skips digits and says how many there were.
func (s *scanner) digits() int {
	start := s.at
	for s.at < len(s.text) && s.text[s.at]-'0' <= 9 {
		s.at++
	}
	return s.at - start
}

// next skips the byte at the present place when it is a or b.
func (s *scanner) next(a, b byte) bool {
	if s.at < len(s.text) && (s.text[s.at] == a || s.text[s.at] == b) {
		s.at++
		return true
	}
	return false
}

func (s *scanner) number() *fault.Error {
	s.next('-', '-')
	if !s.next('0', '0') && s.digits() == 0 {
		return s.bad("no value stands here")
	}
	if s.next('.', '.') && s.digits() == 0 {
		return s.bad("a digit must stand here")
	}
	if s.next('e', 'E') {
		s.next('+', '-')
		if s.digits() == 0 {
			return s.bad("a digit must stand here")
		}
	}
	return nil
}

// string reads a string and gives it with its quotes, and whether there is a backslash in it.
func (s *scanner) string() (raw string, escaped bool, wrong *fault.Error) {
	start := s.at
	s.at++ // the quote
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return s.text[start:s.at], escaped, nil
		case c == '\\':
			escaped = true
			if wrong := s.escape(); wrong != nil {
				return "", false, wrong
			}
		case c < ' ':
			return "", false, s.bad("a control character in a string")
		default:
			s.at++
		}
	}
	return "", false, s.bad("a string without an end")
}

// escape checks and skips one backslash with what belongs to it; a surrogate pair is one.
func (s *scanner) escape() *fault.Error {
	if s.at+1 < len(s.text) {
		switch s.text[s.at+1] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			s.at += 2
			return nil
		case 'u':
			if _, size := unicodeEscape(s.text[s.at:]); size > 0 {
				s.at += size
				return nil
			}
		}
	}
	return s.bad("no such escape")
}

// unicodeEscape reads \uXXXX, or a surrogate pair of two, at the start of text. The size is 0 when there is none, or a surrogate
// stands alone.
func unicodeEscape(text string) (r rune, size int) {
	r = hex4(text)
	if r < 0 || !utf16.IsSurrogate(r) {
		if r < 0 {
			return 0, 0
		}
		return r, 6
	}
	low := rune(-1)
	if len(text) > 6 {
		low = hex4(text[6:])
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

// hex4 is the number of \uXXXX at the start of text; -1 when there is none.
func hex4(text string) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	var r rune
	for i := 2; i < 6; i++ {
		d, ok := unhex(text[i])
		if !ok {
			return -1
		}
		r = r<<4 | rune(d)
	}
	return r
}

func unhex(c byte) (byte, bool) {
	switch {
	case c-'0' <= 9:
		return c - '0', true
	case c|0x20-'a' <= 5:
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// unquote is the text of a string that the scanner has checked.
func unquote(raw string, escaped bool) string {
	raw = raw[1 : len(raw)-1]
	if !escaped {
		return raw
	}
	b := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			b = append(b, raw[i])
			i++
			continue
		}
		switch c := raw[i+1]; c {
		case 'u':
			r, size := unicodeEscape(raw[i:])
			b = utf8.AppendRune(b, r)
			i += size
			continue
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		default:
			b = append(b, c)
		}
		i += 2
	}
	return string(b)
}

// jsonStrings reads a checked list of strings and numbers, at most limit where that is not 0.
func jsonStrings(raw, name string, limit int) ([]string, *fault.Error) {
	s := scanner{text: raw, at: 1}
	items := []string{}
	if s.is(']') {
		return items, nil
	}
	for {
		v, wrong := s.value(1)
		if wrong != nil {
			return nil, wrong
		}
		if limit > 0 && len(items) == limit {
			return nil, tooMany(name, limit)
		}
		switch v.kind {
		case String:
			items = append(items, unquote(v.raw, v.escaped))
		case Number:
			items = append(items, v.raw)
		default:
			return nil, fault.New(fault.FieldNotString).On(name + "." + strconv.Itoa(len(items)))
		}
		if !s.is(',') {
			return items, nil
		}
	}
}

// jsonObjects reads a checked list of objects, at most limit where that is not 0.
func jsonObjects(raw, name string, limit int) ([]Fields, *fault.Error) {
	s := scanner{text: raw, at: 1}
	items := []Fields{}
	if s.is(']') {
		return items, nil
	}
	for {
		if limit > 0 && len(items) == limit {
			return nil, tooMany(name, limit)
		}
		if s.space(); s.text[s.at] != '{' {
			return nil, fault.New(fault.FieldMalformed).On(name + "." + strconv.Itoa(len(items)))
		}
		var item Fields
		if wrong := s.object(1, &item); wrong != nil {
			return nil, wrong
		}
		items = append(items, item)
		if !s.is(',') {
			return items, nil
		}
	}
}
