package httpx

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"sarraf/fault"
)

func TestTextIsTrimmedBoundedAndFreeOfControls(t *testing.T) {
	tooLong := fault.New(fault.FieldTooLong).On("f")
	control := fault.New(fault.FieldControl).On("f")
	for _, c := range []struct {
		in, want    string
		line, lines error
	}{
		{in: "", want: ""},
		{in: " \t\r\n\u00a0\u3000", want: ""},
		{in: "\u200b\u200c\u200d\u2060\ufeff", want: ""},
		{in: "\u00ad\u200e \u200f\u061c", want: ""},
		{in: "\u3164\uffa0\u115f\u2800", want: ""},
		{in: "\ufe0f\U000e0041\U000e0100", want: ""},
		{in: "\u200bx", want: "\u200bx"},
		{in: "\u0600", want: "\u0600"},
		{in: "\u200b\u0301", want: "\u200b\u0301"},
		{in: strings.Repeat("\u200b", 21), line: tooLong, lines: tooLong},
		{in: "  John Doe\n", want: "John Doe"},
		{in: "প্রিয়াংকা", want: "প্রিয়াংকা"},
		{in: "a\u200fb\u200dc", want: "a\u200fb\u200dc"},
		{in: "a\ufffdb", want: "a\ufffdb"},
		{in: "0123456789012345678\u09aa", want: "0123456789012345678\u09aa"},
		{in: " 01234567890123456789 ", want: "01234567890123456789"},
		{in: "012345678901234567890", line: tooLong, lines: tooLong},
		{in: strings.Repeat("প", 21), line: tooLong, lines: tooLong},
		{in: "a\nb", want: "a\nb", line: control},
		{in: "a\tb", want: "a\tb", line: control},
		{in: "a\r\nb\r\n", want: "a\nb", line: control},
		{in: "a\rb", line: control, lines: control},
		{in: "a\x00b", line: control, lines: control},
		{in: "\x00", line: control, lines: control},
		{in: "a\x1bb", line: control, lines: control},
		{in: "a\x7f", line: control, lines: control},
		{in: "a\u0085b", line: control, lines: control},
		{in: "a\u009fb", line: control, lines: control},
		{in: "a\u202ab", line: control, lines: control},
		{in: "a\u202eb", line: control, lines: control},
		{in: "a\u2066b", line: control, lines: control},
		{in: "a\u2069", line: control, lines: control},
		{in: "a\xffb", line: control, lines: control},
		{in: "a\xed\xa0\x80", line: control, lines: control},
		{in: strings.Repeat("x", 30) + "\x00", line: control, lines: control},
	} {
		if blank := c.want == "" && c.line == nil; Blank(c.in) != blank && c.lines == nil {
			t.Errorf("Blank(%q) = %v", c.in, !blank)
		}
		for name, try := range map[string]struct {
			clean func(string, string, int) (string, *fault.Error)
			want  error
		}{"CleanText": {CleanText, c.line}, "CleanLines": {CleanLines, c.lines}} {
			got, wrong := try.clean("f", c.in, 20)
			switch {
			case try.want == nil && (wrong != nil || got != c.want):
				t.Errorf("%s(%q) = %q, %v; want %q", name, c.in, got, wrong, c.want)
			case try.want != nil && (wrong == nil || got != "" || !errors.Is(wrong, try.want)):
				t.Errorf("%s(%q) = %q, %v; want %v", name, c.in, got, wrong, try.want)
			}
		}
	}
	if _, wrong := CleanText("f", "abc", 2); wrong == nil || wrong.Params["max"] != "2" {
		t.Errorf("the fault does not tell the limit: %v", wrong)
	}
}

func TestURLMustBeAbsoluteAndPlain(t *testing.T) {
	for _, s := range []string{
		"https://yoursite.com/callback", "http://a", "HTTPS://A.example:8443/x?y=z&a[]=1#part", " https://a.example/ ", "http://127.0.0.1:8080",
		"http://[::1]:80/", "http://[2001:db8::1]", "https://পেমেন্ট.বাংলা/পথ?ক=খ", "https://a.example/%20%2F", "https://a_b.example./",
		"https://a.example/?to={id}", "http://%E0%A6%AA.example/", "http://\u09b0\u200d\u09cd\u09af.example/", "https://a.example/" + strings.Repeat("x", MaxURL-18),
	} {
		if u, wrong := CheckURL("f", s); wrong != nil || u == nil || u.Host == "" {
			t.Errorf("%q: %v, %v", s, u, wrong)
		}
	}
	for s, code := range map[string]fault.Code{
		"":                                fault.FieldNotURL,
		"yoursite.com/callback":           fault.FieldNotURL,
		"//yoursite.com/callback":         fault.FieldNotURL,
		"/callback":                       fault.FieldNotURL,
		"ftp://a.example/":                fault.FieldNotURL,
		"javascript:alert(1)":             fault.FieldNotURL,
		"javascript://a.example/%0aalert": fault.FieldNotURL,
		"data:text/html,x":                fault.FieldNotURL,
		"http:a.example":                  fault.FieldNotURL,
		"http:/a.example":                 fault.FieldNotURL,
		"http://":                         fault.FieldNotURL,
		"http:///path":                    fault.FieldNotURL,
		"http://:80/":                     fault.FieldNotURL,
		"http://./":                       fault.FieldNotURL,
		"http://a:/":                      fault.FieldNotURL,
		"http://a:0/":                     fault.FieldNotURL,
		"http://a:65536/":                 fault.FieldNotURL,
		"http://a:x/":                     fault.FieldNotURL,
		"http://user@a.example/":          fault.FieldNotURL,
		"http://user:pw@a.example/":       fault.FieldNotURL,
		"http://@a.example/":              fault.FieldNotURL,
		`http://a.example\@evil.example/`: fault.FieldNotURL,
		`http:\\a.example/`:               fault.FieldNotURL,
		"http://a b/":                     fault.FieldNotURL,
		"http://a/b c":                    fault.FieldNotURL,
		"http://a/<b>":                    fault.FieldNotURL,
		`http://a/"`:                      fault.FieldNotURL,
		"http://a,b/":                     fault.FieldNotURL,
		"http://a%2eexample/":             fault.FieldNotURL,
		"http://%e2%80%aea/":              fault.FieldNotURL,
		"http://%ff/":                     fault.FieldNotURL,
		"http://a\u2024example/":          fault.FieldNotURL,
		"http://a\uff0fb/":                fault.FieldNotURL,
		"http://[fe80::1%25eth0]/":        fault.FieldNotURL,
		"http://[::1/":                    fault.FieldNotURL,
		"http://[a]/":                     fault.FieldNotURL,
		"http://[1.2.3.4]/":               fault.FieldNotURL,
		"http://a/%zz":                    fault.FieldNotURL,
		"http://a/\x00":                   fault.FieldControl,
		"http://a/\r\nSet-Cookie: x":      fault.FieldControl,
		"http://a/\u202e":                 fault.FieldControl,
		"http://a/\xff":                   fault.FieldControl,
		"http://a/" + strings.Repeat("x", MaxURL-8): fault.FieldTooLong,
	} {
		if u, wrong := CheckURL("f", s); u != nil || wrong == nil || wrong.Code != code || wrong.Field != "f" {
			t.Errorf("%q: %v, %v; want %s", s, u, wrong, code)
		}
	}
}

func TestURLThatWasTakenIsTakenAgainAsItPrints(t *testing.T) {
	for _, s := range []string{"https://땲.example/x", "https://পেমেন্ট.বাংলা/পথ", "http://[::1]:80/?a=%20"} {
		u, wrong := CheckURL("f", s)
		if wrong != nil {
			t.Errorf("%q: %v", s, wrong)
			continue
		}
		if again, wrong := CheckURL("f", u.String()); wrong != nil || again.Host != u.Host {
			t.Errorf("%q was taken, and then not as %q: %v", s, u, wrong)
		}
	}
}

func TestFaultOfAURLDoesNotRepeatIt(t *testing.T) {
	if _, wrong := CheckURL("f", "https://a:b:c/?token=sesame"); wrong == nil || strings.Contains(wrong.Error(), "sesame") {
		t.Errorf("%v", wrong)
	}
}

func FuzzCheckURLGivesAPlainHost(f *testing.F) {
	for _, s := range []string{"https://a.example/x", "http://[::1]:80", "http://u@h", `http://a\@b`, "http://%e0%a6%aa", "http:a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, wrong := CheckURL("f", s)
		if wrong != nil {
			return
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || !utf8.ValidString(u.Host) ||
			strings.ContainsAny(u.Host, `@/\?# %`) {
			t.Fatalf("%q: %#v", s, u)
		}
		again, wrong := CheckURL("f", u.String())
		if wrong != nil && wrong.Code != fault.FieldTooLong || wrong == nil && again.Host != u.Host {
			t.Fatalf("%q became %q: %v", s, u, wrong)
		}
	})
}
