package httpx

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"unicode/utf8"

	"sarraf/fault"
)

// maxIndexDigits bounds the number in ids[12]: a longer one is part of the name.
const maxIndexDigits = 6

// form collects the pairs of a form or of a query.
type form struct {
	Fields
	// indexed are the names with a number in brackets, to refuse one that comes twice.
	indexed map[string]struct{}
	items   int
}

// parseForm reads a=1&b=2, with plus signs for spaces and percent-encoding.
func parseForm(text string) (Fields, error) {
	var f form
	for text != "" {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, ok := decodeForm(name)
		if !ok {
			return Fields{}, malformed("", "a percent sign that encodes nothing, in a name")
		}
		if value, ok = decodeForm(value); !ok {
			return Fields{}, malformed(name, "a percent sign that encodes nothing")
		}
		if wrong := f.put(name, value); wrong != nil {
			return Fields{}, wrong
		}
	}
	return f.Fields, nil
}

// put adds one pair. ids[] and ids[0] are items of the list ids, in the order they come; the two ways do not mix, and a list does
// not mix with a plain value of its name, since readers differ on what that means.
func (f *form) put(name, value string) *fault.Error {
	if !utf8.ValidString(name) || !utf8.ValidString(value) {
		return malformed(name, "not UTF-8")
	}
	base, index, isItem := itemName(name)
	if !isItem {
		return f.add(field{name: name, raw: value, kind: String, form: true})
	}
	if f.items++; f.items > maxItems {
		return malformed(base, "too many items")
	}
	if index != "" {
		if _, twice := f.indexed[name]; twice {
			return duplicate(name)
		}
		if f.indexed == nil {
			f.indexed = map[string]struct{}{}
		}
		f.indexed[name] = struct{}{}
	}
	// escaped is of no use in a form; here it tells the numbered list from the other.
	list := f.find(base)
	switch {
	case list == nil:
		return f.add(field{name: base, kind: List, form: true, escaped: index != "", items: []string{value}})
	case list.kind != List || list.escaped != (index != ""):
		return duplicate(base)
	default:
		list.items = append(list.items, value)
	}
	return nil
}

// itemName takes ids[] and ids[12] apart. Anything else in brackets is part of a plain name.
func itemName(name string) (base, index string, ok bool) {
	i := strings.IndexByte(name, '[')
	if i <= 0 || name[len(name)-1] != ']' {
		return "", "", false
	}
	base, index = name[:i], name[i+1:len(name)-1]
	if len(index) > maxIndexDigits || len(index) > 1 && index[0] == '0' {
		return "", "", false
	}
	for _, c := range []byte(index) {
		if c-'0' > 9 {
			return "", "", false
		}
	}
	return base, index, true
}

// decodeForm undoes the encoding of a name or a value; false when a percent sign is not followed by two hexadecimal digits.
func decodeForm(s string) (string, bool) {
	if !strings.ContainsAny(s, "%+") {
		return s, true
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '+':
			b = append(b, ' ')
		case '%':
			if i+2 >= len(s) {
				return "", false
			}
			high, ok := unhex(s[i+1])
			low, also := unhex(s[i+2])
			if !ok || !also {
				return "", false
			}
			b = append(b, high<<4|low)
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return string(b), true
}

// parseMultipart reads multipart/form-data, which PHP sends for an array of fields. Files are passed over.
func parseMultipart(contentType, text string) (Fields, error) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return Fields{}, fault.New(fault.BodyMalformed).Wrap(errors.New("multipart without a boundary"))
	}
	// The reader takes an end within a part's headers for the end of the form.
	end := "--" + params["boundary"] + "--"
	if !strings.HasPrefix(text, end) && !strings.Contains(text, "\n"+end) {
		return Fields{}, fault.New(fault.BodyMalformed).Wrap(errors.New("multipart without an end"))
	}
	var f form
	parts := multipart.NewReader(strings.NewReader(text), params["boundary"])
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return f.Fields, nil
		}
		if err != nil {
			return Fields{}, fault.New(fault.BodyMalformed).Wrap(err)
		}
		name := part.FormName()
		value, err := io.ReadAll(part)
		if err != nil {
			return Fields{}, fault.New(fault.BodyMalformed).Wrap(err)
		}
		if name == "" || part.FileName() != "" {
			continue
		}
		if wrong := f.put(name, string(value)); wrong != nil {
			return Fields{}, wrong
		}
	}
}
