package api

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
	"sarraf/invoice"
)

func reader(t testing.TB) *api {
	t.Helper()
	a := &api{}
	for _, p := range []string{shop.pages, bill.pages} {
		h, ok := newHostedPattern(p)
		if !ok {
			t.Fatal(p)
		}
		a.hosted = append(a.hosted, h)
	}
	return a
}

func TestTargetsAreReadAsWhatTheyCanStandFor(t *testing.T) {
	a := reader(t)
	for text, want := range map[string][]string{
		"ORDER-1":                             nil,
		"methods/abc":                         nil,
		"/methods/abc":                        {"abc"},
		"/methods/abc/":                       {"abc"},
		"https://x.example/methods/abc?a=b#c": {"abc"},
		"https://x.example//methods///abc":    {"abc"},
		"https://x.example/methods/abc/live":  nil,
		"https://x.example/methods/":          nil,
		"https://x.example/methods/a%2Fb":     {"a%2Fb"},
		"https://x.example/bill/abc/pay":      {"abc"},
		"https://x.example/bill/abc":          nil,
		"https://x.example/bill//pay":         nil,
		"https://x.example:port/methods/abc":  nil,
		"javascript:alert(1)//methods/abc":    nil,
		"000201":                              nil,
		"00020162090105ABCDE6304FFFF":         nil, // a wrong checksum
	} {
		if diff := cmp.Diff(append([]string{text}, want...), a.readings(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func FuzzReadings(f *testing.F) {
	for _, s := range []string{"ORDER-1", "https://x.example/methods/abc", "/bill/abc/pay", "000201", "//", "http://[::1]/methods/a", "%"} {
		f.Add(s)
	}
	a := reader(f)
	f.Fuzz(func(t *testing.T, text string) {
		list := a.readings(text)
		if list[0] != text {
			t.Errorf("%q is not read as itself: %q", text, list)
		}
		for _, s := range list[1:] {
			if s == "" || s == text || strings.Contains(s, "/") && !strings.HasPrefix(text, qrBegin) {
				t.Errorf("%q is read as %q", text, s)
			}
		}
	})
}

func TestOneInvoiceFoundTwiceIsOne(t *testing.T) {
	one, two := invoice.Meaning{ID: "1"}, invoice.Meaning{ID: "2"}
	if inv, err := only([]invoice.Meaning{one, one}, meaningID, fault.TargetMissing, "f"); err != nil || inv.ID != "1" {
		t.Errorf("%v %v", inv, err)
	}
	_, err := only([]invoice.Meaning{one, two, one}, meaningID, fault.TargetMissing, "f")
	if f := fault.First(err); f == nil || f.Code != fault.TargetAmbiguous || f.Params[candidatesParam] != "1,2" || f.Field != "f" {
		t.Errorf("%v", err)
	}
}
