package receipt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sarraf/fault"
	"sarraf/money"
	"sarraf/wallet"
)

func keysOf(signers ...*Signer) []ed25519.PublicKey {
	var list []ed25519.PublicKey
	for _, s := range signers {
		list = append(list, s.Public())
	}
	return list
}

// sameFields compares fields with their times, zones included.
var sameFields = cmp.Comparer(same)

func TestASignedReceiptSaysWhatWasPaid(t *testing.T) {
	h := newHouse(t, "a")
	for _, s := range stories() {
		text := h.text(t, s)
		f, err := Verify(text, keysOf(h.signer))
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		if f.Number != s.Number || f.Amount != s.Amount || f.Fee != s.Fee || f.Total() != s.Total() || f.Test != s.holder.Sandbox ||
			!f.At.Equal(s.At.Truncate(time.Second)) || f.Currency != s.Currency || f.Kind != s.Kind {
			t.Errorf("%s: %+v", s.name, f)
		}
	}
	want := []Row{
		{"Receipt", "BZCTN2X942"},
		{"Kind", "Send money"},
		{"Date", "19 February 2025, 11:33:05 AM (UTC+06:00)"},
		{"From", "John Smith, +88017*****678"},
		{"To", "Jane Doe, +88018*****678"},
		{"Amount", "10.00 BDT"},
		{"Fee", "5.00 BDT"},
		{"Total", "15.00 BDT"},
		{"Note", "Test execute"},
	}
	f, err := Verify(h.text(t, stories()[1]), keysOf(h.signer))
	if diff := cmp.Diff(want, f.Rows()); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	test, err := Verify(h.text(t, stories()[2]), keysOf(h.signer))
	if err != nil || test.Rows()[0] != (Row{"Mode", "test: no real money moved"}) {
		t.Errorf("money that is played with: %v %v", err, test.Rows())
	}
	yen, err := Verify(h.text(t, stories()[7]), keysOf(h.signer))
	if err != nil || yen.decimal(yen.Total()) != "1503 JPY" || yen.From.Number != "+8801712345678" || yen.zone() != "UTC+05:00" {
		t.Errorf("a merchant's own, in yen: %v %+v", err, yen)
	}
}

func TestAPrintedReceiptIsCheckedForEver(t *testing.T) {
	// docs/receipts.md has it as its example.
	const printed = "SR1:AGD464CZIJNEGVCOGJMDSNBSIJCFIAUR3LK32BVABPUAP5ADBJFG62DOEBJW22LUNAHCWOBYGAYTOKRKFIVCUNRXHAEEUYLOMUQEI33FBYVTQOBQGE4CUKRKFIVDMNZYBRKGK43UEBSXQZLDOV2GLPEZA376GIQN34JGWINZWN6UZURTM56FOA6JYRP5KDCR3IOU64NJYNETBK4PJMEJ2NMNOFDAFZGWC4BNOFMN6RAC6PURY6VOVJ6LEEAQ"
	h := newHouse(t, "a")
	if text := h.text(t, stories()[1]); text != printed {
		t.Errorf("the same receipt is %s now", text)
	}
	key, err := ParseKey("fac3DBuU9Lvu8/dp0f+aK111izo9Y/EzPQ6mrFWnIRc=")
	if err != nil {
		t.Fatal(err)
	}
	if f, err := Verify(printed, []ed25519.PublicKey{key}); err != nil || f.Number != "BZCTN2X942" {
		t.Errorf("%+v, %v", f, err)
	}
}

// drawFields are any fields that a text can hold.
func drawFields(t *rapid.T) Fields {
	line := func(name string, most int) string { return cut(rapid.String().Draw(t, name), most) }
	amount := rapid.Int64Range(1, math.MaxInt64).Draw(t, "amount")
	return Fields{
		Number: rapid.StringMatching(`[0-9A-Z]{10}`).Draw(t, "number"), Test: rapid.Bool().Draw(t, "test"),
		Kind:     rapid.SampledFrom([]wallet.Movement{wallet.Send, wallet.Payment, wallet.TopUp, wallet.Refund}).Draw(t, "kind"),
		At:       time.Unix(rapid.Int64Range(0, maxSeconds).Draw(t, "at"), 0).In(fixed(rapid.IntRange(-maxOffset, maxOffset).Draw(t, "offset"))),
		Currency: money.Currency(rapid.StringMatching(`[A-Z]{3}`).Draw(t, "currency")), Decimals: rapid.IntRange(0, 4).Draw(t, "decimals"),
		Amount: amount, Fee: rapid.Int64Range(0, math.MaxInt64-amount).Draw(t, "fee"),
		From: Party{line("from", maxName), line("from number", maxNumber)}, To: Party{line("to", maxName), line("to number", maxNumber)},
		Note: line("note", maxNote),
	}
}

func TestEveryReceiptComesBackFromItsText(t *testing.T) {
	signer := NewSigner(ring(t, "a"))
	rapid.Check(t, func(t *rapid.T) {
		f := drawFields(t)
		text, err := signer.Sign(f)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 800 || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:") != "" {
			t.Fatalf("%d characters: %s", len(text), text)
		}
		got, err := Verify(text, keysOf(signer))
		if diff := cmp.Diff(f, got, sameFields); err != nil || diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
		// As it comes off a scanner, a mail or a hand.
		spaced := " " + strings.ToLower(text[:20]) + "\r\n\t" + text[20:] + "\n"
		if got, err := Verify(spaced, keysOf(signer)); err != nil || !same(got, f) {
			t.Fatalf("with breaks and small letters: %v", err)
		}
	})
}

func TestNoChangedReceiptIsValid(t *testing.T) {
	h := newHouse(t, "a")
	text := h.text(t, stories()[1])
	invalid := func(why, text string) {
		t.Helper()
		f, err := Verify(text, keysOf(h.signer))
		if err == nil || f != (Fields{}) {
			t.Errorf("%s: %q is valid, or says something: %+v", why, text, f)
		}
	}
	raw, ok := decode(text)
	if !ok {
		t.Fatal("not decoded")
	}
	for i := range len(raw) * 8 {
		changed := bytes.Clone(raw)
		changed[i/8] ^= 1 << (i % 8)
		invalid("a flipped bit", prefix+encoding.EncodeToString(changed))
	}
	for i := range raw {
		invalid("cut bytes", prefix+encoding.EncodeToString(raw[:i]))
	}
	invalid("a byte more", prefix+encoding.EncodeToString(append(bytes.Clone(raw), 0)))
	for i := range text {
		invalid("cut", text[:i])
		for _, more := range []string{"A", "=", "-", "\x00", "é", "ſ"} {
			invalid("more in it", text[:i]+more+text[i:])
		}
		for b := range 256 {
			if c := byte(b); c != text[i] && !strings.ContainsRune(" \t\n\v\f\r", rune(c)) && c != text[i]|0x20 {
				invalid("another character", text[:i]+string([]byte{c})+text[i+1:])
			}
		}
	}
	for why, other := range map[string]string{
		"nothing": "", "the prefix": prefix, "padded": text + "======", "another version": "SR2:" + text[4:], "no prefix": text[4:],
		"huge": prefix + strings.Repeat("A", 64<<20), "long": text + strings.Repeat(" ", MaxText), "twice": text + text, "a link": "https://x.example/" + text,
	} {
		invalid(why, other)
	}
}

// resigned is a body under the house's own signature: what only a mistake of ours could make.
func resigned(h *house, body []byte) string {
	return prefix + encoding.EncodeToString(append(bytes.Clone(body), ed25519.Sign(h.signer.key, append([]byte(domain), body...))...))
}

func TestThereIsOneTextForEachReceipt(t *testing.T) {
	h := newHouse(t, "a")
	good, err := fieldsOf(stories()[1].Transfer, stories()[1].holder).body(IDOf(h.signer.Public()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(resigned(h, good), keysOf(h.signer)); err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(good, []byte("BDT")) + 4 // where the time begins
	seconds, n := binary.Uvarint(good[at:])
	set := func(i int, b byte) []byte {
		c := bytes.Clone(good)
		c[i] = b
		return c
	}
	splice := func(from, to int, with ...byte) []byte {
		return append(append(bytes.Clone(good[:from]), with...), good[to:]...)
	}
	name := bytes.Index(good, []byte("John Smith"))
	fee := at + n + 4 // two bytes each of zone and amount
	if amount, n := binary.Uvarint(good[fee-2:]); amount != 1000 || n != 2 {
		t.Fatal("the test looks at the wrong bytes")
	}
	for why, body := range map[string][]byte{
		"no kind": set(0, 0), "a kind beyond the last": set(0, byte(len(kinds)+1)), "an unknown flag": set(0, 0x42), "a small letter in the number": set(5, 'b'),
		"a small letter in the currency": set(at-2, 't'), "five decimals": set(at-1, 5),
		"a time in more bytes than it needs": splice(at, at+n, append(good[at:at+n-1:at+n-1], good[at+n-1]|0x80, 0)...),
		"a time beyond all":                  splice(at, at+n, binary.AppendUvarint(nil, maxSeconds+1)...),
		"a zone beyond all":                  splice(at+n, at+n+2, binary.AppendUvarint(nil, 2*maxOffset+1)...),
		"no amount":                          splice(fee-2, fee, 0),
		"an amount beyond all":               splice(fee-2, fee, binary.AppendUvarint(nil, 1<<63)...),
		"a total beyond all":                 splice(fee, fee+2, binary.AppendUvarint(nil, math.MaxInt64-999)...),
		"a number that never ends":           splice(at, at+n, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01),
		"a name that is longer than is left": set(name-1, 96),
		"a name longer than any":             splice(name-1, name+10, append([]byte{97}, bytes.Repeat([]byte("x"), 97)...)...),
		"a name that is no text":             set(name, 0xff),
		"a line break in a name":             set(name, '\n'),
		"a name that turns the line about":   splice(name, name+3, []byte("\u202e")...),
		"bytes behind the note":              append(bytes.Clone(good), 0),
		"no note":                            good[:len(good)-13],
		"nothing":                            good[:1],
	} {
		if f, err := Verify(resigned(h, body), keysOf(h.signer)); !errors.Is(err, ErrForm) {
			t.Errorf("%s is taken (at %d): %+v, %v", why, seconds, f, err)
		}
	}
}

func TestASignatureOfElsewhereIsNotOurs(t *testing.T) {
	ours, theirs := newHouse(t, "a"), newHouse(t, "b")
	text := theirs.text(t, stories()[0])
	var other KeyError
	if f, err := Verify(text, keysOf(ours.signer)); !errors.As(err, &other) || other.Key != IDOf(theirs.signer.Public()) || f != (Fields{}) {
		t.Errorf("%+v, %v", f, err)
	}
	if _, err := Verify(text, nil); !errors.As(err, &other) {
		t.Errorf("without a key: %v", err)
	}
	if _, err := Verify(text, []ed25519.PublicKey{nil, {1, 2, 3}, ours.signer.Public(), theirs.signer.Public()}); err != nil {
		t.Errorf("among other keys: %v", err)
	}
	// It names our key, and theirs signed it.
	body, err := fieldsOf(stories()[0].Transfer, stories()[0].holder).body(IDOf(ours.signer.Public()))
	if err != nil {
		t.Fatal(err)
	}
	if f, err := Verify(resigned(theirs, body), keysOf(ours.signer)); !errors.Is(err, ErrSignature) || f != (Fields{}) {
		t.Errorf("%+v, %v", f, err)
	}
	// What our key has signed for another use is no receipt.
	raw := append(bytes.Clone(body), ed25519.Sign(ours.signer.key, body)...)
	if _, err := Verify(prefix+encoding.EncodeToString(raw), keysOf(ours.signer)); !errors.Is(err, ErrSignature) {
		t.Errorf("%v", err)
	}
}

func TestTheSigningKeyOutlivesANewMasterKey(t *testing.T) {
	old, both, fresh := NewSigner(ring(t, "a")), NewSigner(ring(t, "ba")), NewSigner(ring(t, "b"))
	if !old.Public().Equal(both.Public()) || old.Public().Equal(fresh.Public()) {
		t.Fatal("the key must change when the oldest master key goes, and not before")
	}
	s := stories()[0]
	was, err := old.Sign(fieldsOf(s.Transfer, s.holder))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(was, keysOf(fresh, old)); err != nil {
		t.Errorf("with the key of then among the keys: %v", err)
	}
	if _, err := Verify(was, keysOf(fresh)); !errors.As(err, new(KeyError)) {
		t.Errorf("with the key of now alone: %v", err)
	}
}

func TestWhatNoReceiptCanSayIsNotSigned(t *testing.T) {
	signer := NewSigner(ring(t, "a"))
	good := fieldsOf(stories()[0].Transfer, stories()[0].holder)
	for why, change := range map[string]func(*Fields){
		"no number": func(f *Fields) { f.Number = "" }, "a small number": func(f *Fields) { f.Number = "azctl8s942" },
		"no kind": func(f *Fields) { f.Kind = "" }, "no currency": func(f *Fields) { f.Currency = "" },
		"no amount": func(f *Fields) { f.Amount = 0 }, "less than none": func(f *Fields) { f.Amount = -1 },
		"a fee below none": func(f *Fields) { f.Fee = -1 }, "a total beyond all": func(f *Fields) { f.Fee = math.MaxInt64 },
		"a time before 1970": func(f *Fields) { f.At = time.Unix(-1, 0) }, "a long name": func(f *Fields) { f.To.Name = strings.Repeat("x", 97) },
		"a name in two lines": func(f *Fields) { f.To.Name = "a\nb" }, "a name that is no text": func(f *Fields) { f.To.Name = "\xff" },
		"fractions of seconds": func(f *Fields) { f.At = f.At.Add(time.Millisecond) },
	} {
		f := good
		change(&f)
		if text, err := signer.Sign(f); text != "" || !fault.Has(err, fault.Bug) {
			t.Errorf("%s: %q, %v", why, text, err)
		}
	}
}

func TestTextsAreCutToWhatACodeHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, most := rapid.String().Draw(t, "text"), rapid.IntRange(8, 120).Draw(t, "most")
		got := cut(text, most)
		if len(got) > most || !utf8.ValidString(got) || strings.ContainsFunc(got, unprintable) || cut(got, most) != got {
			t.Fatalf("%q in %d is %q", text, most, got)
		}
	})
	for text, want := range map[string]string{
		"": "", "  a \n b\t": "a b", "a\u202eb": "a b", "abcdefghijkl": "abcdefg…", "abcdefghij": "abcdefghij", "রহিম": "রহ…", "a\xffb": "a\ufffdb", "abcdef ghijkl": "abcdef…",
	} {
		if got := cut(text, 10); got != want {
			t.Errorf("%q is cut to %q, want %q", text, got, want)
		}
	}
}

func TestKeysAreReadAsTheyArePrinted(t *testing.T) {
	a, b := NewSigner(ring(t, "a")).Public(), NewSigner(ring(t, "b")).Public()
	keys, err := ParseKeys("# old\n" + KeyLine(a) + "\r\n\n  " + strings.Fields(KeyLine(b))[1] + "  \n")
	if err != nil || len(keys) != 2 || !keys[0].Equal(a) || !keys[1].Equal(b) {
		t.Fatalf("%v, %v", keys, err)
	}
	if keys, err := ParseKeys("\n# none\n"); keys != nil || err != nil {
		t.Errorf("%v, %v", keys, err)
	}
	for _, bad := range []string{
		"x", "00000000 " + strings.Fields(KeyLine(a))[1], KeyLine(a) + " more", strings.TrimRight(KeyLine(a), "="), KeyLine(a)[:20], "SARRAF_KEY=" + KeyLine(a),
	} {
		if keys, err := ParseKeys(bad); keys != nil || err == nil || !strings.HasPrefix(err.Error(), "line 1: ") {
			t.Errorf("%q: %v, %v", bad, keys, err)
		}
	}
	// A secret that was put in by mistake is not said again.
	if _, err := ParseKey("c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I"); err == nil || strings.Contains(err.Error(), "c2Vj") {
		t.Errorf("%v", err)
	}
}

func FuzzVerify(f *testing.F) {
	h := newHouse(f, "a")
	known := map[string]bool{}
	for _, s := range stories() {
		text := h.text(f, s)
		raw, _ := decode(text)
		known[string(raw)] = true
		f.Add(text)
		f.Add(text[:len(text)/2])
		f.Add(strings.ToLower(text) + "\n")
	}
	f.Add("")
	f.Add(prefix + strings.Repeat("A", 200))
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Verify(text, keysOf(h.signer))
		if raw, ok := decode(text); err == nil && (!ok || !known[string(raw)]) {
			t.Fatalf("%q is valid: %+v", text, got)
		}
		if err != nil && got != (Fields{}) {
			t.Fatalf("%q is not valid (%v) and says %+v", text, err, got)
		}
		// What can be read at all is written again as it was.
		if body := []byte(text); len(body) > 0 {
			if fields, id, err := parse(body); err == nil {
				if back, err := fields.body(id); err != nil || !bytes.Equal(back, body) {
					t.Fatalf("%x is read, and written as %x (%v)", body, back, err)
				}
			}
		}
	})
}
