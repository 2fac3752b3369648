package httpx

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"sarraf/fault"
)

// Kind is what a field's value is in the body.
type Kind uint8

// The kinds. In a form every value is a String, or a List where the name ends in brackets.
const (
	Absent Kind = iota
	Null
	String
	Number
	Bool
	List
	Object
)

// Fields is the named values of one request body (or query), as they were sent. Names match case-sensitively; those nobody
// asks for are ignored. The zero value has none. It may be read by several goroutines.
type Fields struct {
	list  []field
	index map[string]int // only where there are many
}

// field is one named value.
type field struct {
	name string
	// raw is the JSON text of the value, or the decoded value of a form.
	raw     string
	kind    Kind
	form    bool
	escaped bool     // a JSON string with a backslash in it
	items   []string // a form's list
}

// Bounds that no honest body comes near. They keep what a body of the largest size can cost in memory within a few times it.
const (
	maxNames = 1000   // names in one object, or in a form
	maxItems = 10_000 // items of the lists of a form together
)

// few is up to how many names a search one by one is quicker than a map.
const few = 16

// ParseFields reads a body. One that begins with an opening brace (after white space or a byte order mark) is JSON whatever its
// content type says; an empty one has no fields; else it is a form, url-encoded (also without a content type) or multipart,
// whose files are passed over.
//
// The faults: BodyUnsupported for another content type; BodyMalformed for what is neither JSON nor a form, with a name that
// comes twice (in JSON at any depth; the fault is on that name), with text that is not UTF-8 (half a surrogate pair too), or
// nested more than 32 deep. A body is read without regard to its size: ReadBody bounds it.
func ParseFields(contentType string, body []byte) (Fields, error) {
	text := string(body)
	start := strings.TrimLeft(strings.TrimPrefix(text, "\ufeff"), jsonSpace)
	if start == "" {
		return Fields{}, nil
	}
	if start[0] == '{' {
		return parseJSON(start)
	}
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	switch {
	case media == "" || media == "application/x-www-form-urlencoded":
		return parseForm(text)
	case media == "multipart/form-data":
		return parseMultipart(contentType, text)
	case strings.HasSuffix(media, "/json") || strings.HasSuffix(media, "+json"):
		return Fields{}, malformed("", "the top of the JSON is not an object")
	}
	return Fields{}, fault.New(fault.BodyUnsupported)
}

// ParseQuery reads the query of a URL, without its question mark, by the rules of a form.
func ParseQuery(raw string) (Fields, error) { return parseForm(raw) }

// find is the field of that name; nil when there is none.
func (f Fields) find(name string) *field {
	if f.index != nil {
		if i, ok := f.index[name]; ok {
			return &f.list[i]
		}
		return nil
	}
	for i := range f.list {
		if f.list[i].name == name {
			return &f.list[i]
		}
	}
	return nil
}

// add appends v, whose name must be new.
func (f *Fields) add(v field) *fault.Error {
	if f.find(v.name) != nil {
		return duplicate(v.name)
	}
	if len(f.list) == maxNames {
		return malformed("", "too many names")
	}
	if f.list == nil {
		f.list = make([]field, 0, 8)
	}
	f.list = append(f.list, v)
	switch {
	case f.index != nil:
		f.index[v.name] = len(f.list) - 1
	case len(f.list) > few:
		f.index = make(map[string]int, 4*few)
		for i := range f.list {
			f.index[f.list[i].name] = i
		}
	}
	return nil
}

// Names lists the names in the order they were sent.
func (f Fields) Names() []string {
	names := make([]string, len(f.list))
	for i := range f.list {
		names[i] = f.list[i].name
	}
	return names
}

// Has reports whether the name was sent, be its value empty or null.
func (f Fields) Has(name string) bool { return f.find(name) != nil }

// Kind is what the value is; Absent when the name was not sent.
func (f Fields) Kind(name string) Kind {
	if v := f.find(name); v != nil {
		return v.kind
	}
	return Absent
}

// Raw is the value as JSON text: in a JSON body exactly as sent, numbers digit for digit; in a form its string, or list of
// strings, written as JSON. It reports false when the name was not sent.
func (f Fields) Raw(name string) (text string, present bool) {
	v := f.find(name)
	switch {
	case v == nil:
		return "", false
	case !v.form:
		return v.raw, true
	case v.kind == List:
		return string(encode(v.items)), true
	}
	return string(encode(v.raw)), true
}

// String is the value of a field that must be text. It is not present when the name is absent or null. Any other kind is
// fault.FieldNotString.
func (f Fields) String(name string) (text string, present bool, wrong *fault.Error) {
	return f.text(name, false)
}

// Text is the value of a field that clients send as a string or as a number, the number as its exact text ("12.50", "1e3"). It
// is not present when the name is absent or null. Any other kind is fault.FieldNotString.
func (f Fields) Text(name string) (text string, present bool, wrong *fault.Error) {
	return f.text(name, true)
}

func (f Fields) text(name string, numbers bool) (string, bool, *fault.Error) {
	v := f.find(name)
	switch {
	case v == nil || v.kind == Null:
		return "", false, nil
	case v.kind == String && v.form:
		return v.raw, true, nil
	case v.kind == String:
		return unquote(v.raw, v.escaped), true, nil
	case v.kind == Number && numbers:
		return v.raw, true, nil
	}
	return "", true, fault.New(fault.FieldNotString).On(name)
}

// List is the value of a field that is a list of strings; numbers in it are taken as their exact text. In a form it is ids[]=a
// or ids[0]=a, in the order sent. It is not present when the name is absent or null. The faults are FieldNotList; FieldTooMany
// (max: items) when limit is not 0 and there are more; FieldNotString on "name.3", counted from 0, for an item of another kind.
func (f Fields) List(name string, limit int) (items []string, present bool, wrong *fault.Error) {
	v := f.find(name)
	switch {
	case v == nil || v.kind == Null:
		return nil, false, nil
	case v.kind != List:
		return nil, true, fault.New(fault.FieldNotList).On(name)
	case v.form:
		if limit > 0 && len(v.items) > limit {
			return nil, true, tooMany(name, limit)
		}
		return slices.Clone(v.items), true, nil
	}
	items, wrong = jsonStrings(v.raw, name, limit)
	return items, true, wrong
}

// Object is the value of a field that is an object, of a JSON body; a form has none. It is not present when the name is absent or null.
// Any other kind is fault.FieldMalformed.
func (f Fields) Object(name string) (inner Fields, present bool, wrong *fault.Error) {
	v := f.find(name)
	switch {
	case v == nil || v.kind == Null:
		return Fields{}, false, nil
	case v.kind != Object:
		return Fields{}, true, fault.New(fault.FieldMalformed).On(name)
	}
	s := scanner{text: v.raw}
	return inner, true, s.object(1, &inner)
}

// Objects is the value of a field that is a list of objects, of a JSON body. It is not present when the name is absent or null. The faults
// are FieldNotList; FieldTooMany (max: items) when limit is not 0 and there are more; FieldMalformed on "name.3", counted from 0, for an
// item that is no object.
func (f Fields) Objects(name string, limit int) (items []Fields, present bool, wrong *fault.Error) {
	v := f.find(name)
	switch {
	case v == nil || v.kind == Null:
		return nil, false, nil
	case v.kind != List || v.form:
		return nil, true, fault.New(fault.FieldNotList).On(name)
	}
	items, wrong = jsonObjects(v.raw, name, limit)
	return items, true, wrong
}

func tooMany(name string, limit int) *fault.Error {
	return fault.New(fault.FieldTooMany).On(name).With("max", strconv.Itoa(limit))
}

// maxShownName is how much of a name that the caller chose a fault repeats, in bytes.
const maxShownName = 64

// malformed is fault.BodyMalformed on a name of the caller's choosing, which is cut to a bearable length.
func malformed(name, why string) *fault.Error {
	if len(name) > maxShownName {
		cut := maxShownName
		for cut > 0 && !utf8.RuneStart(name[cut]) {
			cut--
		}
		name = name[:cut]
	}
	return fault.New(fault.BodyMalformed).On(strings.ToValidUTF8(name, "")).Wrap(errors.New(why))
}

func duplicate(name string) *fault.Error { return malformed(name, "the name comes twice") }
