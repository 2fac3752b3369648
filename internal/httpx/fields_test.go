package httpx

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
)

const formType = "application/x-www-form-urlencoded"

func parse(t testing.TB, contentType, body string) Fields {
	t.Helper()
	f, err := ParseFields(contentType, []byte(body))
	if err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	return f
}

// show is every field as NAME:KIND:RAW.
func show(f Fields) string {
	var b strings.Builder
	for _, name := range f.Names() {
		raw, _ := f.Raw(name)
		fmt.Fprintf(&b, "%s:%d:%s\n", name, f.Kind(name), raw)
	}
	return b.String()
}

func TestBodyIsReadAsWhatItIsWhateverTheContentTypeSays(t *testing.T) {
	const boundary = `multipart/form-data; boundary="xx"`
	part := func(name, value string) string {
		return "--xx\r\nContent-Disposition: form-data; " + name + "\r\n\r\n" + value + "\r\n"
	}
	for _, c := range []struct{ contentType, body, want string }{
		{"", "", ""},
		{"application/json", " \r\n\t", ""},
		{"text/xml", "", ""},
		{"application/json", `{}`, ""},
		{"application/json; charset=utf-8", `{"a":"x"}`, "a:2:\"x\"\n"},
		{formType, ` {"a":1}`, "a:3:1\n"},
		{"text/plain", "\ufeff {\"a\":true}\n ", "a:4:true\n"},
		{"", `{"a":null,"A":1}`, "a:1:null\nA:3:1\n"},
		{"", `{"n":-0.10e+5,"o":{"a":[1, 2]},"l":[]}`, "n:3:-0.10e+5\no:6:{\"a\":[1, 2]}\nl:5:[]\n"},
		{"", `{"n":12345678901234567890.123456789012345678901}`, "n:3:12345678901234567890.123456789012345678901\n"},
		{"", `{ "a" : "\u0041\n" , "\u0062":"" }`, "a:2:\"\\u0041\\n\"\nb:2:\"\"\n"},
		{"", `{"":1}`, ":3:1\n"},

		{formType, "a=1&b=x+y%21", "a:2:\"1\"\nb:2:\"x y!\"\n"},
		{"Application/X-WWW-Form-UrlEncoded ; charset=UTF-8", "&a=&&b&=c&", "a:2:\"\"\nb:2:\"\"\n:2:\"c\"\n"},
		{"", "a=1", "a:2:\"1\"\n"},
		{formType, "a=b=c;d", "a:2:\"b=c;d\"\n"},
		{formType, "n=%E0%A6%AA", "n:2:\"প\"\n"},
		{formType, "ids[]=a&x=1&ids[]=b", "ids:5:[\"a\",\"b\"]\nx:2:\"1\"\n"},
		{formType, "ids%5B0%5D=a&ids%5B2%5D=b&ids[1]=c", "ids:5:[\"a\",\"b\",\"c\"]\n"},
		{formType, "a[x]=1&b[0][y]=2&[]=3&c[00]=4&d[1234567]=5&e]=6&f[-1]=7", `a[x]:2:"1"
b[0][y]:2:"2"
[]:2:"3"
c[00]:2:"4"
d[1234567]:2:"5"
e]:2:"6"
f[-1]:2:"7"
`},

		{
			boundary, part(`name="a"`, "1") + part(`name="ids[]"`, "x") + part(`name="ids[]"`, "y") + "--xx--\r\n",
			"a:2:\"1\"\nids:5:[\"x\",\"y\"]\n",
		},
		{boundary, part(`name="a"; filename="f.txt"`, "1") + part(`other="b"`, "2") + "--xx--", ""},
		{boundary, "--xx--", ""},
	} {
		if got := show(parse(t, c.contentType, c.body)); got != c.want {
			t.Errorf("%s %q:\n%swant:\n%s", c.contentType, c.body, got, c.want)
		}
	}
}

func TestBodiesThatAreNeitherJSONNorAFormAreRefused(t *testing.T) {
	deep := func(n int) string { return `{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}` }
	if _, err := ParseFields("", []byte(deep(maxDepth-1))); err != nil {
		t.Errorf("%d deep: %v", maxDepth, err)
	}
	for _, c := range []struct {
		contentType, body string
		want              *fault.Error
	}{
		{"application/json", `[1]`, fault.New(fault.BodyMalformed)},
		{"application/problem+json", `"a"`, fault.New(fault.BodyMalformed)},
		{"application/json; charset=utf-8", `null`, fault.New(fault.BodyMalformed)},
		{"text/json", `1`, fault.New(fault.BodyMalformed)},
		{"text/plain", "a=1", fault.New(fault.BodyUnsupported)},
		{"application/xml", "<a/>", fault.New(fault.BodyUnsupported)},
		{"multipart/mixed; boundary=x", "--x--", fault.New(fault.BodyUnsupported)},

		{"", deep(maxDepth), fault.New(fault.BodyMalformed)},
		{"", strings.Repeat(`{"a":`, 100000), fault.New(fault.BodyMalformed)},
		{"", strings.Repeat(`{"a":`, maxDepth) + "1" + strings.Repeat("}", maxDepth) + "}", fault.New(fault.BodyMalformed)},

		{formType, "a=%", fault.New(fault.BodyMalformed).On("a")},
		{formType, "a=1%2", fault.New(fault.BodyMalformed).On("a")},
		{formType, "a=%zz", fault.New(fault.BodyMalformed).On("a")},
		{formType, "%=1", fault.New(fault.BodyMalformed)},
		{formType, "a=%ff", fault.New(fault.BodyMalformed).On("a")},
		{formType, "b\xff=1", fault.New(fault.BodyMalformed).On("b")},
		{"multipart/form-data", "--x", fault.New(fault.BodyMalformed)},
		{"multipart/form-data; boundary=x; boundary=y", "--x", fault.New(fault.BodyMalformed)},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1", fault.New(fault.BodyMalformed)},
		{"multipart/form-data; boundary=x", "a=1", fault.New(fault.BodyMalformed)},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x\r\n", fault.New(fault.BodyMalformed)},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; name=b\r\n", fault.New(fault.BodyMalformed)},
	} {
		checkFault(t, c.contentType, c.body, c.want)
	}
	for _, body := range []string{
		`{`, `{"`, `{"a`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`, `{a:1}`, `{'a':1}`, `{"a" 1}`, `{"a":}`, `{"a":1 "b":2}`,
		`{"a":1}}`, `{"a":1}{}`, `{"a":1} x`, `{"a":01}`, `{"a":+1}`, `{"a":1.}`, `{"a":.5}`, `{"a":-}`, `{"a":1e}`, `{"a":1e+}`,
		`{"a":0x1}`, `{"a":NaN}`, `{"a":tru}`, `{"a":nul}`, `{"a":True}`, `{"a":[1,]}`, `{"a":[1 2]}`, `{"a":[}`, `{"a":[`,
		`{"a":"x`, `{"a":"\`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`, "{\"a\":\"\n\"}", "{\"a\":\"\x00\"}",
		"{\"a\":\"\xff\"}", "{\"\xc3\x28\":1}", "{\"a\":\"\xed\xa0\x80\"}", `{"a":"\ud800"}`, `{"a":"\udc00"}`, `{"a":"\ud800\ud800"}`,
		`{"a":"\ud800x"}`, `{"a":"\ud800\n"}`, `{"a":"\ud800\u0041"}`, `{"a":/*x*/1}`, "{\"a\":\u00a01}", "{\u2028}", `{"a":1}` + "\x00",
	} {
		checkFault(t, "application/json", body, fault.New(fault.BodyMalformed))
	}
}

func checkFault(t *testing.T, contentType, body string, want *fault.Error) {
	t.Helper()
	_, err := ParseFields(contentType, []byte(body))
	got := fault.First(err)
	if got == nil || got.Code != want.Code || got.Field != want.Field {
		t.Errorf("%s %.80q: %v; want %v", contentType, body, err, want)
	}
}

func TestNameThatComesTwiceIsRefusedAtAnyDepth(t *testing.T) {
	var many strings.Builder
	for i := range 40 {
		fmt.Fprintf(&many, `"k%d":%d,`, i, i)
	}
	for _, c := range []struct{ contentType, body, field string }{
		{"", `{"amount":1,"amount":1}`, "amount"},
		{"", `{"amount":1,"x":{},"\u0061mount":2}`, "amount"},
		{"", `{"a":{"b":1,"c":2,"b":3}}`, "b"},
		{"", `{"a":[{"b":1},{"b":1,"b":1}]}`, "b"},
		{"", `{"a":{"b":{"c":1},"\u0062":1}}`, "b"},
		{"", `{` + many.String() + `"k3":0}`, "k3"},
		{"", `{` + many.String() + `"k39":0}`, "k39"},
		{"", `{"a":{` + many.String() + `"k3":0}}`, "k3"},
		{"", `{"a":{` + many.String() + `"k39":0}}`, "k39"},
		{"", `{"":1,"":2}`, ""},
		{formType, "a=1&a=1", "a"},
		{formType, "a=1&%61=1", "a"},
		{formType, "a[]=1&a=1", "a"},
		{formType, "a=1&a[]=1", "a"},
		{formType, "a[0]=1&a[0]=1", "a[0]"},
		{formType, "a[]=1&a[0]=1", "a"},
		{formType, "a[0]=1&a[]=1", "a"},
		{formType, "a[x]=1&a[x]=1", "a[x]"},
		{formType, strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(many.String(), ",", "&"), ":", "="), `"`, "") + "k3=0", "k3"},
	} {
		checkFault(t, c.contentType, c.body, fault.New(fault.BodyMalformed).On(c.field))
	}
	for _, body := range []string{
		`{"o":{"a":{"b":1},"b":1}}`, `{"a":{"a":{"a":1}},"b":{"a":1}}`, `{"a":[{"a":1},{"a":1}]}`, `{"a":1,"A":2}`, `{` + many.String() + `"o":{` + many.String() + `"z":1}}`,
	} {
		parse(t, "", body)
	}
}

func TestLongNameIsCutInTheFault(t *testing.T) {
	name := strings.Repeat("প", 1000)
	_, err := ParseFields("", []byte(`{"`+name+`":1,"`+name+`":2}`))
	f := fault.First(err)
	if f == nil || len(f.Field) == 0 || len(f.Field) > maxShownName || !strings.HasPrefix(name, f.Field) || len(f.Field)%3 != 0 {
		t.Errorf("%v", err)
	}
}

func TestTextOfAField(t *testing.T) {
	f := parse(t, "", `{"s":"a\u00e9\ud83d\ude00\\\"\/\b\f\n\r\t","e":"","n":12.50,"big":1e400,"b":true,"z":null,"l":["a"],"o":{}}`)
	for _, c := range []struct {
		name         string
		text, string string // what Text and String give; "-" is absent, "!" is FieldNotString
	}{
		{"s", "aé😀\\\"/\b\f\n\r\t", "aé😀\\\"/\b\f\n\r\t"},
		{"e", "", ""},
		{"n", "12.50", "!"},
		{"big", "1e400", "!"},
		{"b", "!", "!"},
		{"z", "-", "-"},
		{"l", "!", "!"},
		{"o", "!", "!"},
		{"S", "-", "-"},
		{"none", "-", "-"},
	} {
		word := func(s string, present bool, wrong *fault.Error) string {
			switch {
			case wrong != nil:
				if !errors.Is(wrong, fault.New(fault.FieldNotString).On(c.name)) || !present || s != "" {
					t.Errorf("%s: %q, %v, %v", c.name, s, present, wrong)
				}
				return "!"
			case !present:
				return "-" + s
			}
			return s
		}
		if got := word(f.Text(c.name)); got != c.text {
			t.Errorf("Text(%s) = %q; want %q", c.name, got, c.text)
		}
		if got := word(f.String(c.name)); got != c.string {
			t.Errorf("String(%s) = %q; want %q", c.name, got, c.string)
		}
	}
	if !f.Has("z") || !f.Has("e") || f.Has("Z") || f.Kind("z") != Null || f.Kind("none") != Absent {
		t.Error("Has and Kind do not tell null, empty and absent apart")
	}
	if raw, ok := f.Raw("none"); ok || raw != "" {
		t.Errorf("Raw of nothing: %q", raw)
	}
	form := parse(t, formType, "n=12.50&l[]=1")
	if s, ok, wrong := form.String("n"); s != "12.50" || !ok || wrong != nil {
		t.Errorf("%q, %v, %v", s, ok, wrong)
	}
	if _, _, wrong := form.Text("l"); !errors.Is(wrong, fault.New(fault.FieldNotString).On("l")) {
		t.Errorf("a list as text: %v", wrong)
	}
}

func TestListOfAField(t *testing.T) {
	for _, c := range []struct {
		contentType, body string
		limit             int
		items             []string
		present           bool
		wrong             *fault.Error
	}{
		{"", `{"ids":["a", 12 ,"\u0062"]}`, 3, []string{"a", "12", "b"}, true, nil},
		{"", `{"ids": [ ]}`, 1, []string{}, true, nil},
		{"", `{"ids":null}`, 0, nil, false, nil},
		{"", `{}`, 0, nil, false, nil},
		{"", `{"ids":["a","b","c"]}`, 2, nil, true, fault.New(fault.FieldTooMany).On("ids").With("max", "2")},
		{"", `{"ids":["a","b",{"c":1}]}`, 0, nil, true, fault.New(fault.FieldNotString).On("ids.2")},
		{"", `{"ids":[null]}`, 0, nil, true, fault.New(fault.FieldNotString).On("ids.0")},
		{"", `{"ids":[["a"]]}`, 0, nil, true, fault.New(fault.FieldNotString).On("ids.0")},
		{"", `{"ids":"a"}`, 0, nil, true, fault.New(fault.FieldNotList).On("ids")},
		{"", `{"ids":{}}`, 0, nil, true, fault.New(fault.FieldNotList).On("ids")},
		{formType, "ids[]=a&ids[]=b", 2, []string{"a", "b"}, true, nil},
		{formType, "ids[0]=a&ids[1]=b", 0, []string{"a", "b"}, true, nil},
		{formType, "ids[]=a&ids[]=b", 1, nil, true, fault.New(fault.FieldTooMany).On("ids").With("max", "1")},
		{formType, "ids=a", 0, nil, true, fault.New(fault.FieldNotList).On("ids")},
	} {
		items, present, wrong := parse(t, c.contentType, c.body).List("ids", c.limit)
		if diff := cmp.Diff(c.items, items); diff != "" || present != c.present || fmt.Sprint(wrong) != fmt.Sprint(c.wrong) {
			t.Errorf("%s: %q, %v, %v\n%s", c.body, items, present, wrong, diff)
		}
	}
}

func TestFieldsOutliveTheBodyTheyWereReadFrom(t *testing.T) {
	body := []byte(`{"a":"first"}`)
	f, err := ParseFields("", body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	if s, _, _ := f.String("a"); s != "first" {
		t.Errorf("%q", s)
	}
}

func TestQueryIsReadByTheRulesOfAForm(t *testing.T) {
	f, err := ParseQuery("transactionId=T2025+1&pageNo=%31")
	if err != nil || show(f) != "transactionId:2:\"T2025 1\"\npageNo:2:\"1\"\n" {
		t.Errorf("%s %v", show(f), err)
	}
	if _, err := ParseQuery("a=1&a=2"); !fault.Has(err, fault.BodyMalformed) {
		t.Errorf("%v", err)
	}
	if f, err := ParseQuery(""); err != nil || len(f.Names()) != 0 {
		t.Errorf("%v %v", f, err)
	}
}

func TestManyFieldsAreFoundByTheirNames(t *testing.T) {
	for _, n := range []int{1, few, few + 1, 3 * few, maxNames} {
		var json, form strings.Builder
		for i := range n {
			fmt.Fprintf(&json, `,"k%d":"v%d"`, i, i)
			fmt.Fprintf(&form, "&k%d=v%d", i, i)
		}
		for _, f := range []Fields{parse(t, "", "{"+json.String()[1:]+"}"), parse(t, formType, form.String())} {
			for _, i := range []int{0, n / 2, n - 1} {
				if s, ok, _ := f.String(fmt.Sprintf("k%d", i)); !ok || s != fmt.Sprintf("v%d", i) {
					t.Errorf("%d fields: k%d is %q", n, i, s)
				}
			}
			if f.Has(fmt.Sprintf("k%d", n)) || len(f.Names()) != n {
				t.Errorf("%d fields: %d names", n, len(f.Names()))
			}
		}
	}
}

func TestBodyOfEndlessNamesIsRefused(t *testing.T) {
	var names strings.Builder
	for i := range maxNames + 1 {
		fmt.Fprintf(&names, `,"k%d":0`, i)
	}
	object := "{" + names.String()[1:] + "}"
	checkFault(t, "", object, fault.New(fault.BodyMalformed))
	checkFault(t, "", `{"a":[`+object+`]}`, fault.New(fault.BodyMalformed))
	checkFault(t, formType, strings.NewReplacer(",", "&", `"`, "", ":", "=").Replace(names.String()), fault.New(fault.BodyMalformed))
	parse(t, "", `{"a":[`+strings.Replace(object, `,"k7":0`, "", 1)+`]}`)

	parse(t, formType, strings.Repeat("ids[]=x&", maxItems))
	checkFault(t, formType, strings.Repeat("ids[]=x&", maxItems+1), fault.New(fault.BodyMalformed).On("ids"))
}

func TestObjectsInABodyAreReadLikeIt(t *testing.T) {
	f := parse(t, "", `{"o": {"a": " x", "b":1.50, "c":{"d":[{}]}}, "e":{}, "n":null, "t":"{}", "l":[{"a":1} , {"b":"2","c":null},{}], "m":[], "x":[{"a":1},[]]}`)
	for name, want := range map[string]string{"o": "a:2:\" x\"\nb:3:1.50\nc:6:{\"d\":[{}]}\n", "e": ""} {
		inner, present, wrong := f.Object(name)
		if got := show(inner); got != want || !present || wrong != nil {
			t.Errorf("%s is %q, %v, %v; want %q", name, got, present, wrong, want)
		}
	}
	for _, name := range []string{"n", "absent"} {
		if inner, present, wrong := f.Object(name); present || wrong != nil || inner.Names() != nil && len(inner.Names()) > 0 {
			t.Errorf("%s is %v, %v", name, present, wrong)
		}
		if items, present, wrong := f.Objects(name, 1); present || wrong != nil || items != nil {
			t.Errorf("%s is %v, %v, %v", name, items, present, wrong)
		}
	}
	for name, want := range map[string][]string{"l": {"a:3:1\n", "b:2:\"2\"\nc:1:null\n", ""}, "m": {}} {
		items, present, wrong := f.Objects(name, 3)
		got := []string{}
		for _, item := range items {
			got = append(got, show(item))
		}
		if d := cmp.Diff(want, got); d != "" || !present || wrong != nil {
			t.Errorf("%s, %v, %v: %s", name, present, wrong, d)
		}
	}
	for _, name := range []string{"t", "l"} {
		if _, present, wrong := f.Object(name); !present || wrong == nil || wrong.Code != fault.FieldMalformed || wrong.Field != name {
			t.Errorf("%s is no object: %v, %v", name, present, wrong)
		}
	}
	for name, want := range map[string]*fault.Error{
		"t": fault.New(fault.FieldNotList).On("t"), "o": fault.New(fault.FieldNotList).On("o"), "x": fault.New(fault.FieldMalformed).On("x.1"),
		"l": fault.New(fault.FieldTooMany).On("l").With("max", "2"),
	} {
		if _, present, wrong := f.Objects(name, 2); !present || wrong == nil || wrong.Error() != want.Error() {
			t.Errorf("%s: %v, %v; want %v", name, present, wrong, want)
		}
	}
	form := parse(t, formType, "o=%7B%7D&l[]=%7B%7D")
	if _, present, wrong := form.Object("o"); !present || wrong == nil {
		t.Errorf("an object in a form: %v", wrong)
	}
	if _, present, wrong := form.Objects("l", 1); !present || wrong == nil {
		t.Errorf("a list of objects in a form: %v", wrong)
	}
}
