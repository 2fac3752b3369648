package httpx

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// strict reads JSON with encoding/json's tokens, and tells what ParseFields must refuse beyond what that does.
type strict struct {
	*json.Decoder
	twice, deep, many bool
}

func (s *strict) value(depth int) error {
	token, err := s.Token()
	if err != nil {
		return err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	s.deep = s.deep || depth > maxDepth
	seen := map[string]bool{}
	for s.More() {
		if open == '{' {
			name, err := s.Token()
			if err != nil {
				return err
			}
			s.twice = s.twice || seen[name.(string)]
			seen[name.(string)] = true
			s.many = s.many || len(seen) > maxNames
		}
		if err := s.value(depth + 1); err != nil {
			return err
		}
	}
	_, err = s.Token()
	return err
}

// hasLoneSurrogate reports whether a \u escape of valid JSON stands for half a pair, which encoding/json replaces in silence.
func hasLoneSurrogate(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if text[i+1] == 'u' {
			_, size := unicodeEscape(text[i:])
			if size == 0 {
				return true
			}
			i += size - 1
			continue
		}
		i++
	}
	return false
}

func FuzzJSONFieldsAgreeWithTheStandardReader(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a":1}`, ` {"a":"\u0041\ud83d\ude00","b":[1,{"c":null}],"d":{"e":true}} `, `{"a":1,"a":2}`, `{"a":{"b":1,"\u0062":2}}`,
		`{"o":{"a":{"b":1},"b":1}}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{"a":-0.1e+10,"b":01}`, `{"a":[[[[[[[]]]]]]]}`, `{"a":1}x`, "\ufeff{\"a\":\"\\/\"}",
		`{` + strings.Repeat(`"a":{`, 40), `{"":0,"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"9":0,"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"g":1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		fields, err := ParseFields("application/json", body)
		text := bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\ufeff")), jsonSpace)
		if len(text) == 0 {
			if err != nil {
				t.Fatalf("empty: %v", err)
			}
			return
		}
		var want map[string]json.RawMessage
		acceptable := text[0] == '{' && utf8.Valid(text) && json.Unmarshal(text, &want) == nil && !hasLoneSurrogate(string(text))
		if acceptable {
			s := strict{Decoder: json.NewDecoder(bytes.NewReader(text))}
			s.UseNumber()
			if err := s.value(1); err != nil {
				t.Fatalf("the second look differs: %v", err)
			}
			acceptable = !s.twice && !s.deep && !s.many
		}
		if acceptable != (err == nil) {
			t.Fatalf("%q: %v; acceptable: %v", body, err, acceptable)
		}
		if err != nil {
			return
		}
		names := fields.Names()
		slices.Sort(names)
		if !slices.Equal(names, slices.Sorted(maps.Keys(want))) {
			t.Fatalf("%q: names %q", body, names)
		}
		for name, value := range want {
			checkAgainst(t, fields, name, value)
		}
	})
}

// checkNames compares the names and values of an object within.
func checkNames(t *testing.T, inner Fields, object json.RawMessage) {
	t.Helper()
	var want map[string]json.RawMessage
	if err := json.Unmarshal(object, &want); err != nil || len(want) != len(inner.Names()) {
		t.Fatalf("%s has the names %q: %v", object, inner.Names(), err)
	}
	for name, value := range want {
		if raw, ok := inner.Raw(name); !ok || raw != string(value) {
			t.Fatalf("%s: %q is %s", object, name, raw)
		}
	}
}

// checkAgainst compares one field with its value as encoding/json has it.
func checkAgainst(t *testing.T, fields Fields, name string, value json.RawMessage) {
	t.Helper()
	if raw, ok := fields.Raw(name); !ok || raw != string(value) {
		t.Fatalf("%q: raw %q; want %q", name, raw, value)
	}
	text, present, wrong := fields.Text(name)
	var s string
	switch value[0] {
	case '"':
		if err := json.Unmarshal(value, &s); err != nil || s != text || !present || wrong != nil {
			t.Fatalf("%q: %q, %v, %v; want %q", name, text, present, wrong, s)
		}
	case 'n':
		if present || wrong != nil {
			t.Fatalf("%q: null is %q, %v", name, text, wrong)
		}
	case 't', 'f', '[', '{':
		if wrong == nil {
			t.Fatalf("%q: %s is the text %q", name, value, text)
		}
	default:
		if text != string(value) || !present || wrong != nil {
			t.Fatalf("%q: %q, %v, %v; want %s", name, text, present, wrong, value)
		}
	}
	inner, present, wrong := fields.Object(name)
	if isObject := value[0] == '{'; isObject != (present && wrong == nil) && value[0] != 'n' {
		t.Fatalf("%q: %s is an object: %v, %v", name, value, present, wrong)
	} else if isObject {
		checkNames(t, inner, value)
	}
	var objects []json.RawMessage
	if all, _, wrong := fields.Objects(name, 0); value[0] == '[' && json.Unmarshal(value, &objects) == nil {
		other := slices.ContainsFunc(objects, func(o json.RawMessage) bool { return o[0] != '{' })
		if other != (wrong != nil) || !other && len(all) != len(objects) {
			t.Fatalf("%q: %s is %d objects, %v", name, value, len(all), wrong)
		}
		for i, inner := range all {
			checkNames(t, inner, objects[i])
		}
	}
	items, _, wrong := fields.List(name, 0)
	var list []string
	if value[0] == '[' && json.Unmarshal(value, &list) == nil && !bytes.Contains(value, []byte("null")) {
		if wrong != nil || !slices.Equal(items, list) {
			t.Fatalf("%q: list %q, %v; want %q", name, items, wrong, list)
		}
	}
}

func FuzzFormFieldsAgreeWithTheStandardReader(f *testing.F) {
	for _, s := range []string{"a=1&b=2", "a=%41+b&&c", "ids[]=1&ids[]=2", "ids[0]=1&ids[0]=2", "a=1&a=2", "a=%", "%ff=1", "=", "[0]=&a[]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		fields, err := ParseQuery(query)
		want, wantErr := url.ParseQuery(query)
		if err == nil && wantErr != nil && !strings.Contains(query, ";") {
			t.Fatalf("%q: accepted, but %v", query, wantErr)
		}
		if err != nil {
			return
		}
		for _, name := range fields.Names() {
			if fields.Kind(name) == List {
				continue
			}
			text, present, wrong := fields.String(name)
			if !present || wrong != nil || !utf8.ValidString(text) {
				t.Fatalf("%q: %q is %q, %v, %v", query, name, text, present, wrong)
			}
			if wantErr == nil && !slices.Equal(want[name], []string{text}) {
				t.Fatalf("%q: %q is %q; want %q", query, name, text, want[name])
			}
		}
		for name, values := range want {
			if _, _, item := itemName(name); !item && len(values) > 1 && wantErr == nil {
				t.Fatalf("%q: %q comes twice and was accepted", query, name)
			}
		}
	})
}

func FuzzMultipartNeverPanicsNorKeepsBadText(f *testing.F) {
	f.Add("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--")
	f.Add("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=zz\r\n--x--")
	f.Add("multipart/form-data; boundary=\"\"", "--")
	f.Add("text/plain", "x")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		fields, err := ParseFields(contentType, []byte(body))
		if err != nil && len(fields.Names()) > 0 {
			t.Fatal("fields beside a fault")
		}
		for _, name := range fields.Names() {
			if raw, ok := fields.Raw(name); !ok || !utf8.ValidString(name) || !json.Valid([]byte(raw)) {
				t.Fatalf("%q: %q", name, raw)
			}
		}
	})
}

func FuzzReadBodyKeepsItsLimit(f *testing.F) {
	f.Add([]byte("abc"), int64(2), true)
	f.Add(bytes.Repeat([]byte("a"), 1000), int64(600), false)
	f.Fuzz(func(t *testing.T, body []byte, limit int64, told bool) {
		limit = limit&0xfffff + 1
		r := requestWith(io.MultiReader(bytes.NewReader(body)), int64(len(body)), told)
		got, err := ReadBody(r, limit)
		if (err != nil) != (int64(len(body)) > limit) {
			t.Fatalf("%d bytes, limit %d: %v", len(body), limit, err)
		}
		if err == nil && !bytes.Equal(got, body) {
			t.Fatalf("%q became %q", body, got)
		}
	})
}
