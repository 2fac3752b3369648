package qr

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sarraf/fault"
)

// vectors are the payloads of testdata by their labels.
func vectors(t testing.TB) map[string]string {
	t.Helper()
	file, err := os.ReadFile("testdata/payloads.txt")
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for line := range strings.Lines(string(file)) {
		if label, text, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok && line[0] != '#' {
			list[label] = text
		}
	}
	if len(list) != 4 {
		t.Fatalf("%d payloads", len(list))
	}
	return list
}

// sealed is text with its CRC behind it.
func sealed(text string) string { return text + "6304" + crcText(text+"6304") }

func TestCRCIsThatOfItsDefinition(t *testing.T) {
	if got := CRC("123456789"); got != 0x29b1 {
		t.Errorf("%04X", got)
	}
	if got := crcText(""); got != "FFFF" {
		t.Errorf("nothing has %s", got)
	}
	// A CRC that begins with zeros keeps them.
	text := "0"
	for CRC(text) >= 0x100 {
		text += "0"
	}
	if got := crcText(text); len(got) != 4 || got[:2] != "00" {
		t.Errorf("%q", got)
	}
}

func TestPayloadsDecodeAndEncodeToThemselves(t *testing.T) {
	for label, text := range vectors(t) {
		p, err := Decode(text)
		if err != nil {
			t.Errorf("%s: %v", label, err)
			continue
		}
		if got, err := Encode(p); err != nil || got != text {
			t.Errorf("%s: %q, %v; want %q", label, got, err, text)
		}
	}
}

func TestDecodeTellsWhatAPayloadSays(t *testing.T) {
	list := vectors(t)
	for _, c := range []struct {
		label string
		path  []string
		want  string
		found bool
	}{
		{"emvco-sample", []string{IDName}, "BEST TRANSPORT", true},
		{"emvco-sample", []string{IDLanguage, "01"}, "最佳运输", true},
		{"emvco-sample", []string{IDLanguage, "02"}, "北京", true},
		{"emvco-sample", []string{"91", "07"}, "12345678", true},
		{"emvco-sample", []string{"29", "05"}, "A93FO3230Q", true},
		{"emvco-sample", []string{"55"}, "01", true},
		{"emvco-sample", []string{IDMore, "09"}, "ME", true},
		{"pk-dynamic", []string{IDMethod}, Dynamic, true},
		{"pk-dynamic", []string{IDAmount}, "1500.50", true},
		{"pk-dynamic", []string{IDMore, IDBill}, "INV-0001", true},
		{"pk-dynamic", []string{IDMore, IDTerminal}, "TILL01", true},
		{"pk-static", []string{"28", "02"}, "PK81DEMO0000001123456702", true},
		{"pk-static", []string{IDAmount}, "", false},
		{"pk-static", []string{"28"}, "", false},
		{"pk-static", []string{"28", "09"}, "", false},
		{"pk-static", []string{IDName, "01"}, "", false},
		{"pk-static", []string{IDCRC}, "", false},
		{"pk-static", nil, "", false},
	} {
		p, err := Decode(list[c.label])
		if err != nil {
			t.Fatalf("%s: %v", c.label, err)
		}
		if got, found := p.Find(c.path...); got != c.want || found != c.found {
			t.Errorf("%s %v: %q, %t", c.label, c.path, got, found)
		}
	}
}

func TestDecodeTakesAnyOrderBetweenFirstAndLast(t *testing.T) {
	text := sealed("000201" + "5802BD" + "0102" + "11" + "5303050")
	p, err := Decode(text)
	want := Payload{{ID: "00", Value: "01"}, {ID: "58", Value: "BD"}, {ID: "01", Value: "11"}, {ID: "53", Value: "050"}}
	if diff := cmp.Diff(want, p); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := vectors(t)["pk-static"]
	for name, text := range map[string]string{
		"nothing":                       "",
		"a CRC alone":                   sealed(""),
		"a wrong CRC":                   good[:len(good)-1] + "0",
		"a CRC in small letters":        good[:len(good)-4] + strings.ToLower(good[len(good)-4:]),
		"a changed character":           strings.Replace(good, "Karachi", "Lahore!", 1),
		"no CRC":                        good[:len(good)-8],
		"something after the CRC":       good + "5802PK",
		"a CRC in the middle":           sealed(sealed("000201") + "5802PK"),
		"a line break at the end":       good + "\n",
		"no format first":               sealed("5802PK000201"),
		"no format":                     sealed("5802PK"),
		"another format":                sealed("000202"),
		"twice the same id":             sealed("0002015802PK5802PK"),
		"twice the same id in template": sealed("00020162100101A0101B"),
		"an object over the end":        sealed("0002015803PK"),
		"an object over its template":   sealed("00020162050102A" + "5802PK"),
		"a template of no objects":      sealed("0002016203ABC"),
		"a nested template of none":     sealed("00020162075003ABC"),
		"an empty value":                sealed("0002015800"),
		"an id of letters":              sealed("000201AB02PK"),
		"a length of letters":           sealed("00020158XXPK"),
		"a signed length":               sealed("00020158+2PK"),
		"half an object":                sealed("000201580"),
		"digits of another script":      sealed("000201৫৮02PK"),
		"not UTF-8":                     sealed("0002015901\xff"),
		"a length in bytes":             sealed("0002015903ঢ"), // one character of three bytes
	} {
		if p, err := Decode(text); !fault.Has(err, fault.FieldMalformed) || p != nil {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	first := Object{ID: "00", Value: "01"}
	for name, p := range map[string]Payload{
		"nothing":                  nil,
		"no format":                {{ID: "58", Value: "PK"}},
		"another format":           {{ID: "00", Value: "02"}},
		"a CRC of its own":         {first, {ID: "63", Value: "ABCD"}},
		"twice the same id":        {first, {ID: "58", Value: "PK"}, {ID: "58", Value: "BD"}},
		"an id of one digit":       {first, {ID: "5", Value: "PK"}},
		"an id of three digits":    {first, {ID: "580", Value: "PK"}},
		"an id of letters":         {first, {ID: "XX", Value: "PK"}},
		"an empty value":           {first, {ID: "58"}},
		"a value too long":         {first, {ID: "58", Value: strings.Repeat("x", 100)}},
		"a value that is not text": {first, {ID: "58", Value: "\xff"}},
		"a value for a template":   {first, {ID: "62", Value: "0101A"}},
		"both":                     {first, {ID: "62", Value: "A", Objects: []Object{{ID: "01", Value: "A"}}}},
		"objects in no template":   {first, {ID: "58", Objects: []Object{{ID: "01", Value: "A"}}}},
		"a template too deep":      {first, {ID: "26", Objects: []Object{{ID: "62", Objects: []Object{{ID: "01", Value: "A"}}}}}},
		"a template too long": {first, {ID: "62", Objects: []Object{
			{ID: "01", Value: strings.Repeat("a", 50)}, {ID: "02", Value: strings.Repeat("b", 50)},
		}}},
	} {
		if text, err := Encode(p); err == nil || text != "" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

// objects draws valid objects for a level, at most size characters of them, or as many as fit.
func objects(t *rapid.T, l level, size int) []Object {
	var list []Object
	for _, id := range rapid.SliceOfNDistinct(rapid.IntRange(0, 99), 0, 8, rapid.ID[int]).Draw(t, "ids") {
		o := Object{ID: string([]byte{byte('0' + id/10), byte('0' + id%10)})}
		if l == top && (id == 0 || id == 63) || size < 16 {
			continue
		}
		inside, is := l.template(id)
		if is {
			o.Objects = objects(t, inside, min(size-4, maxValue))
		}
		used := 4
		for _, x := range o.Objects {
			used += 4 + len([]rune(x.Value))
			for _, y := range x.Objects {
				used += 4 + len([]rune(y.Value))
			}
		}
		if is && len(o.Objects) == 0 {
			continue
		}
		if !is {
			o.Value = rapid.StringN(1, min(size-4, 20), -1).Filter(func(s string) bool { return s != "" }).Draw(t, "value")
			used += len([]rune(o.Value))
		}
		size -= used
		list = append(list, o)
	}
	return list
}

func TestEveryValidPayloadSurvivesEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := append(Payload{{ID: "00", Value: "01"}}, objects(t, top, 2000)...)
		text, err := Encode(p)
		if err != nil {
			t.Fatalf("%v: %v", p, err)
		}
		got, err := Decode(text)
		if diff := cmp.Diff(p, got); err != nil || diff != "" {
			t.Fatalf("%q: %v\n%s", text, err, diff)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, text := range vectors(f) {
		f.Add(text)
		f.Add(text[:len(text)-8])
	}
	for _, text := range []string{
		"", "6304FFFF", "000201", "00020162100101A0101B", "0002015803PK", "0002015901\xff", "00020162075003ABC",
		"0002016210500600020X", "000201630400006304ABCD",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		// As it came, and with a right CRC, so that the search gets past it.
		for _, text := range []string{s, sealed(s)} {
			p, err := Decode(text)
			if err != nil {
				if p != nil || !fault.Has(err, fault.FieldMalformed) {
					t.Fatalf("%q: %v, %v", text, p, err)
				}
				continue
			}
			again, err := Encode(p)
			if err != nil || again != text {
				t.Fatalf("%q decoded and encoded to %q, %v", text, again, err)
			}
		}
	})
}
