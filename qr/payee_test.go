package qr

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sarraf/fault"
	"sarraf/money"
)

var (
	longID  = PakistanAccount{Operator: "00112233445566778899aabbccddeeff", BIC: "DEMOPKKA", IBAN: "PK81DEMO0000001123456702"}
	shortID = PakistanAccount{Operator: "D15600000000", BIC: "DEMOPKKA", IBAN: "PK81DEMO0000001123456702"}
	bangla  = BangladeshAccount{Acquirer: "demo.example", InstitutionType: "01", Institution: "0042", PAN: "1234567890123456789"}
	shop    = Payee{Name: "DEMO MERCHANT", City: "Karachi", Category: "5411"}
	tea     = Payee{Name: "Shapla Tea", City: "Dhaka", Postal: "1205", Language: "bn", LocalName: "শাপলা চা", LocalCity: "ঢাকা"}
)

func TestPakistansPayloadsAreWrittenAsTheVectors(t *testing.T) {
	list := vectors(t)
	dynamic := shop
	dynamic.Dynamic, dynamic.Amount = true, money.Of(150050, money.PKR)
	dynamic.Bill, dynamic.Reference, dynamic.Terminal = "INV-0001", "REF0001", "TILL01"
	for label, build := range map[string]func() (string, error){
		"pk-static":          func() (string, error) { return Pakistan(longID, shop) },
		"pk-static-short-id": func() (string, error) { return Pakistan(shortID, shop) },
		"pk-dynamic":         func() (string, error) { return Pakistan(longID, dynamic) },
	} {
		if got, err := build(); err != nil || got != list[label] {
			t.Errorf("%s: %q, %v; want %q", label, got, err, list[label])
		}
	}
}

func TestBanglaQRSaysWhoAndWhat(t *testing.T) {
	p := tea
	p.Amount, p.Purpose = money.Of(12250, money.BDT), "Lunch"
	text, err := Bangladesh(bangla, p)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"00": "01", "01": Static, "26 00": "demo.example", "26 01": "01", "26 02": "0042", "26 03": "1234567890123456789",
		"52": "0000", "53": "050", "54": "122.50", "58": "BD", "59": "Shapla Tea", "60": "Dhaka", "61": "1205", "62 08": "Lunch",
		"64 00": "BN", "64 01": "শাপলা চা", "64 02": "ঢাকা",
	} {
		if v, ok := got.Find(strings.Fields(path)...); !ok || v != want {
			t.Errorf("%s: %q, %t; want %q", path, v, ok, want)
		}
	}
	for _, path := range []string{"62 01", "62 05", "62 07", "28"} {
		if v, ok := got.Find(strings.Fields(path)...); ok {
			t.Errorf("%s: %q", path, v)
		}
	}
}

func TestBuildersNameEachWrongField(t *testing.T) {
	type bad struct {
		field string
		code  fault.Code
		to    PakistanAccount
		p     Payee
	}
	with := func(field string, code fault.Code, change func(*PakistanAccount, *Payee)) bad {
		b := bad{field, code, longID, shop}
		change(&b.to, &b.p)
		return b
	}
	for _, c := range []bad{
		with("operator", fault.FieldRequired, func(a *PakistanAccount, _ *Payee) { a.Operator = "" }),
		with("operator", fault.FieldTooLong, func(a *PakistanAccount, _ *Payee) { a.Operator = strings.Repeat("A", 33) }),
		with("bic", fault.FieldMalformed, func(a *PakistanAccount, _ *Payee) { a.BIC = "DEMOPKK" }),
		with("bic", fault.FieldMalformed, func(a *PakistanAccount, _ *Payee) { a.BIC = "demopkka" }),
		with("bic", fault.FieldMalformed, func(a *PakistanAccount, _ *Payee) { a.BIC = "DEMO12KA" }),
		with("iban", fault.FieldRequired, func(a *PakistanAccount, _ *Payee) { a.IBAN = "" }),
		with("iban", fault.FieldMalformed, func(a *PakistanAccount, _ *Payee) { a.IBAN = "PK82DEMO0000001123456702" }),
		with("name", fault.FieldRequired, func(_ *PakistanAccount, p *Payee) { p.Name = "" }),
		with("name", fault.FieldTooLong, func(_ *PakistanAccount, p *Payee) { p.Name = strings.Repeat("n", 26) }),
		with("name", fault.FieldMalformed, func(_ *PakistanAccount, p *Payee) { p.Name = "চা" }),
		with("name", fault.FieldMalformed, func(_ *PakistanAccount, p *Payee) { p.Name = " shop" }),
		with("city", fault.FieldRequired, func(_ *PakistanAccount, p *Payee) { p.City = "" }),
		with("city", fault.FieldTooLong, func(_ *PakistanAccount, p *Payee) { p.City = strings.Repeat("c", 16) }),
		with("postal", fault.FieldTooLong, func(_ *PakistanAccount, p *Payee) { p.Postal = "12345678901" }),
		with("category", fault.FieldMalformed, func(_ *PakistanAccount, p *Payee) { p.Category = "541" }),
		with("category", fault.FieldMalformed, func(_ *PakistanAccount, p *Payee) { p.Category = "54a1" }),
		with("bill", fault.FieldTooLong, func(_ *PakistanAccount, p *Payee) { p.Bill = strings.Repeat("1", 26) }),
		with("reference", fault.FieldMalformed, func(_ *PakistanAccount, p *Payee) { p.Reference = "a\nb" }),
		with("terminal", fault.FieldTooLong, func(_ *PakistanAccount, p *Payee) { p.Terminal = strings.Repeat("1", 26) }),
		with("purpose", fault.FieldTooLong, func(_ *PakistanAccount, p *Payee) { p.Purpose = strings.Repeat("1", 26) }),
		with("language", fault.FieldRequired, func(_ *PakistanAccount, p *Payee) { p.LocalName = "دکان" }),
		with("language", fault.FieldTooLong, func(_ *PakistanAccount, p *Payee) { p.Language, p.LocalName = "urd", "دکان" }),
		with("language", fault.FieldMalformed, func(_ *PakistanAccount, p *Payee) { p.Language, p.LocalName = "UR", "دکان" }),
		with("local_name", fault.FieldRequired, func(_ *PakistanAccount, p *Payee) { p.Language = "ur" }),
		with("local_name", fault.FieldMalformed, func(_ *PakistanAccount, p *Payee) { p.Language, p.LocalName = "ur", "a\x00" }),
		with("local_city", fault.FieldTooLong, func(_ *PakistanAccount, p *Payee) {
			p.Language, p.LocalName, p.LocalCity = "ur", "دکان", strings.Repeat("ک", 16)
		}),
		with("amount", fault.CurrencyUnknown, func(_ *PakistanAccount, p *Payee) { p.Amount = money.Of(1, money.BDT) }),
		with("amount", fault.AmountNotPositive, func(_ *PakistanAccount, p *Payee) { p.Amount = money.Of(-1, money.PKR) }),
		with("amount", fault.AmountTooLarge, func(_ *PakistanAccount, p *Payee) { p.Amount = money.Of(1_000_000_000_000, money.PKR) }),
	} {
		text, err := Pakistan(c.to, c.p)
		list := fault.All(err)
		if text != "" || len(list) != 1 || list[0].Field != c.field || list[0].Code != c.code {
			t.Errorf("%s, %s: %q, %v", c.field, c.code, text, err)
		}
	}
	_, err := Bangladesh(BangladeshAccount{InstitutionType: "1", Institution: "42", PAN: "12x"}, Payee{})
	var fields []string
	for _, f := range fault.All(err) {
		fields = append(fields, f.Field)
	}
	if got := strings.Join(fields, " "); got != "acquirer institution pan name city" {
		t.Errorf("several: %s", got)
	}
}

func TestTheLongestAmountFits(t *testing.T) {
	p := shop
	p.Amount = money.Of(999_999_999_999, money.PKR)
	text, err := Pakistan(longID, p)
	if err != nil || !strings.Contains(text, "54139999999999.99") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestIBANsOfPakistanAreChecked(t *testing.T) {
	for text, want := range map[string]bool{
		"PK81DEMO0000001123456702":  true,
		"PK36SCBL0000001123456702":  true, // the registry's example
		"PK81DEMO0000001123456720":  false,
		"PK18DEMO0000001123456702":  false,
		"pk81demo0000001123456702":  false,
		"PK81 DEMO0000001123456702": false,
		"PK81DEMO000000112345670":   false,
		"PK81DEM00000001123456702":  false,
		"PK81DEMO000000112345670A":  false,
		"GB82WEST12345698765432":    false,
		"":                          false,
	} {
		if got := PakistanIBAN(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
	if got := mod97("WEST12345698765432GB82"); got != 1 { // the standard's example
		t.Errorf("remainder %d", got)
	}
}

func TestNamesAreFitted(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{
		{"Shapla Books", 25, "Shapla Books"},
		{"  Shapla Books ", 25, "Shapla Books"},
		{"Shapla Books and Stationery House", 25, "Shapla Books and"},
		{"Shapla Books and Stationery", 16, "Shapla Books and"},
		{"A Supercalifragilistic", 10, "A Supercal"},
		{"শাপলা বই ঘর", 9, "শাপলা বই"},
		{"", 5, ""},
	} {
		if got := Fit(c.text, c.limit); got != c.want {
			t.Errorf("%q in %d: %q", c.text, c.limit, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text, limit := rapid.String().Draw(t, "text"), rapid.IntRange(1, 30).Draw(t, "limit")
		if got := Fit(text, limit); len([]rune(got)) > limit || !strings.Contains(text, got) {
			t.Fatalf("%q in %d: %q", text, limit, got)
		}
	})
}

// FuzzPayee: a builder answers a payload that decodes to what went in, or names a field.
func FuzzPayee(f *testing.F) {
	f.Add("DEMO MERCHANT", "Karachi", "INV-1", "দোকান", int64(150050))
	f.Add("", "", "", "", int64(0))
	f.Add("name \x00", "Łódź", strings.Repeat("x", 26), "\xff", int64(-1))
	f.Fuzz(func(t *testing.T, name, city, bill, local string, minor int64) {
		p := Payee{Name: name, City: city, Bill: bill, LocalName: local, Amount: money.Of(minor, money.PKR)}
		if local != "" {
			p.Language = "bn"
		}
		text, err := Pakistan(shortID, p)
		if err != nil {
			if f := fault.First(err); f.Field == "" {
				t.Fatalf("%+v: %v", p, err)
			}
			return
		}
		got, err := Decode(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for path, want := range map[string]string{IDName: name, IDCity: city, IDMore + " " + IDBill: bill, IDLanguage + " 01": local} {
			if v, _ := got.Find(strings.Fields(path)...); v != want {
				t.Fatalf("%s: %q, want %q", path, v, want)
			}
		}
	})
}
