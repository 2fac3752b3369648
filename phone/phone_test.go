package phone

import (
	"strings"
	"testing"

	"sarraf/fault"
)

func TestUsualSpellingsAreOneNumber(t *testing.T) {
	for _, c := range []struct {
		text, region string
		want         Number
	}{
		{"+8801712345678", "BD", "+8801712345678"},
		{"8801712345678", "BD", "+8801712345678"},
		{"008801712345678", "BD", "+8801712345678"},
		{"01712345678", "BD", "+8801712345678"},
		{"1712345678", "BD", "+8801712345678"},
		{"01712-345678", "BD", "+8801712345678"},
		{" +880 1712 345 678 ", "BD", "+8801712345678"},
		{"+880 (0) 1712-345678", "BD", "+8801712345678"},
		{"০১৭১২৩৪৫৬৭৮", "BD", "+8801712345678"},
		{"+8801712345678", "PK", "+8801712345678"},
		{"+8801712345678", "", "+8801712345678"},
		{"03001234567", "PK", "+923001234567"},
		{"0300 1234567", "PK", "+923001234567"},
		{"0300-1234567", "PK", "+923001234567"},
		{"+92 300 1234567", "PK", "+923001234567"},
		{"923001234567", "PK", "+923001234567"},
		{"00923001234567", "PK", "+923001234567"},
		{"۰۳۰۰۱۲۳۴۵۶۷", "PK", "+923001234567"},
		{"٠٣٠٠\u00a0١٢٣٤٥٦٧", "PK", "+923001234567"},
		{"+৮৮০ ১৭১২\u2011৩৪৫৬৭৮", "", "+8801712345678"},
		{"(042) 111-222-333", "PK", "+9242111222333"},
		{"06 12345678", "NL", "+31612345678"},
	} {
		if got, err := Parse(c.text, c.region); err != nil || got != c.want {
			t.Errorf("%q in %q: %q, %v; want %q", c.text, c.region, got, err, c.want)
		}
	}
}

func TestWhatIsNoNumberIsRefused(t *testing.T) {
	for _, c := range []struct {
		text, region string
		code         fault.Code
	}{
		{"", "BD", fault.FieldRequired},
		{" \t", "BD", fault.FieldRequired},
		{strings.Repeat("0", MaxText+1), "BD", fault.FieldTooLong},
		{"12345", "BD", fault.FieldMalformed},
		{"999", "BD", fault.FieldMalformed},
		{"0171234567", "BD", fault.FieldMalformed},
		{"017123456789", "BD", fault.FieldMalformed},
		{"01012345678", "BD", fault.FieldMalformed},
		{"+88017xxxxxxxx", "BD", fault.FieldMalformed},
		{"01712345678 ext. 5", "BD", fault.FieldMalformed},
		{"01712345678;ext=5", "BD", fault.FieldMalformed},
		{"tel:+8801712345678", "BD", fault.FieldMalformed},
		{"1-800-FLOWERS", "US", fault.FieldMalformed},
		{"++8801712345678", "BD", fault.FieldMalformed},
		{"0171+2345678", "BD", fault.FieldMalformed},
		{"+", "BD", fault.FieldMalformed},
		{"०१७१२३४५६७८", "BD", fault.FieldMalformed},
		{"()", "BD", fault.FieldMalformed},
		{"+9991712345678", "BD", fault.FieldMalformed},
		{"01712345678", "", fault.FieldMalformed},
		{"01712345678", "XX", fault.FieldMalformed},
		{"0171234567\x008", "BD", fault.FieldMalformed},
		{"0171234567\xff", "BD", fault.FieldMalformed},
	} {
		if got, err := Parse(c.text, c.region); got != "" || !fault.Has(err, c.code) {
			t.Errorf("%q in %q: %q, %v; want %s", c.text, c.region, got, err, c.code)
		}
	}
}

func TestNumbersPrintAsTheirCountryWritesThem(t *testing.T) {
	for n, want := range map[Number]string{
		"+8801712345678": "01712-345678", "+923001234567": "0300 1234567", "nonsense": "nonsense", "": "",
	} {
		if got := n.National(); got != want {
			t.Errorf("%q: %q, want %q", n, got, want)
		}
	}
}

func TestMasksHideTheMiddle(t *testing.T) {
	for n, want := range map[Number]string{
		"+8801712345678": "+88017*****678", "+923001234567": "+92300****567", "+29012345": "+2****345", "+2901234": "+****234",
		"+12": "***", "": "",
	} {
		if got := n.Mask(); got != want {
			t.Errorf("%q: %q, want %q", n, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"+8801712345678", "01712345678", "0300 1234567", "12345", "", "+", "(((((", "০১৭১২৩৪৫৬৭৮", "00", "+1 (800) 555-0199",
		"+39 02 1234567", "+800 1234 5678", "tel:;phone-context=+880", "\xff", "+54 9 11 1234-5678",
	} {
		f.Add(s, "BD")
		f.Add(s, "PK")
	}
	f.Fuzz(func(t *testing.T, text, region string) {
		n, err := Parse(text, region)
		if err != nil {
			if n != "" || fault.First(err).Code == fault.Bug {
				t.Fatalf("%q in %q: %q, %v", text, region, n, err)
			}
			return
		}
		if len(n) < 4 || len(n) > 18 || n[0] != '+' || strings.Trim(string(n[1:]), "0123456789") != "" {
			t.Fatalf("%q in %q: %q", text, region, n)
		}
		if again, err := Parse(string(n), "XX"); err != nil || again != n {
			t.Fatalf("%q in %q is %q, read again %q, %v", text, region, n, again, err)
		}
		if m := n.Mask(); len(m) != len(n) || strings.Count(m, "*") < 4 && len(n) > 4 {
			t.Fatalf("%q masked %q", n, m)
		}
		if n.National() == "" {
			t.Fatalf("%q has no national form", n)
		}
	})
}
