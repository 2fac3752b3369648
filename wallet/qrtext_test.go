package wallet

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"maps"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
)

const shownWallet = "01952b6c-6a80-7f00-8a00-abcdefabcdef"

func masterKey(c byte) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(c), 32)))
}

func ring(t testing.TB, letters string) *keyring.Keyring {
	t.Helper()
	var list []string
	for i := range len(letters) {
		list = append(list, masterKey(letters[i]))
	}
	k, err := keyring.Parse(strings.Join(list, ","))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// qrCodes are under the master keys, the newest first, and know the wallets.
func qrCodes(t testing.TB, letters string, known ...Wallet) *Codes {
	t.Helper()
	return &Codes{keys: ring(t, letters), get: func(_ context.Context, owner string) (Wallet, error) {
		for _, w := range known {
			if w.Owner == owner {
				return w, nil
			}
		}
		return Wallet{}, fault.New(fault.WalletMissing)
	}}
}

func textOf(t testing.TB, c *Codes, w Wallet) string {
	t.Helper()
	text, err := c.Text(w)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func refusesQR(t testing.TB, c *Codes, why, text string) {
	t.Helper()
	if w, err := c.Read(t.Context(), text); !fault.Has(err, fault.QRInvalid) || w.Owner != "" {
		t.Errorf("%s: %q is of wallet %q, %v", why, text, w.Owner, err)
	}
}

func TestEveryWalletIsFoundByItsText(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := Wallet{Owner: id.New(clock.System{}), QRSerial: rapid.Int64Min(0).Draw(rt, "serial"), Name: rapid.String().Draw(rt, "name")}
		c := qrCodes(t, "a", w)
		text, err := c.Text(w)
		if err != nil {
			rt.Fatal(err)
		}
		if !regexp.MustCompile(`^[A-Za-z0-9+/]{71}=$`).MatchString(text) {
			rt.Fatalf("text %q", text)
		}
		if got, err := c.Read(t.Context(), text); err != nil || got.Owner != w.Owner || got.Name != w.Name {
			rt.Fatalf("%q is of %+v, %v", text, got, err)
		}
		if again, err := c.Text(w); err != nil || again != text {
			rt.Fatalf("the same wallet's text is %q, and was %q (%v)", again, text, err)
		}
	})
}

func TestAPrintedTextIsReadForEver(t *testing.T) {
	// Made by the first release that printed any.
	const printed = "AZh0Me/zyXuR6uL4UWJ2MFR3tksILdFR8dlZYd2WIjNqWcgpU3UxJkfbkJE9N4YmGRIsFJM="
	w := Wallet{Owner: shownWallet, QRSerial: 7}
	c := qrCodes(t, "a", w)
	if text := textOf(t, c, w); text != printed {
		t.Errorf("the text is %q now: what holders print twice must look the same", text)
	}
	if got, err := c.Read(t.Context(), printed); err != nil || got.Owner != w.Owner {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestATextTellsNothingOfItsWallet(t *testing.T) {
	a, b := Wallet{Owner: shownWallet}, Wallet{Owner: shownWallet[:35] + "e"}
	c := qrCodes(t, "a", a, b)
	first, second := textOf(t, c, a), textOf(t, c, b)
	same := 0
	for i := 2; i < len(first)-1; i++ { // behind the version
		if first[i] == second[i] {
			same++
		}
	}
	if same > 12 { // of 69, by chance 1 of 64 each
		t.Errorf("texts of wallets that differ in a letter are alike in %d places: %s %s", same, first, second)
	}
	raw, err := base64.StdEncoding.DecodeString(first)
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.ReplaceAll(shownWallet, "-", "")
	if got := hex.EncodeToString(raw); strings.Contains(got, plain[:8]) || strings.Contains(got, plain[24:]) {
		t.Errorf("the wallet's id is in %s", got)
	}
}

// One bit, one character, one byte more or less: it is refused, whichever it is.
func TestNoChangedTextIsTaken(t *testing.T) {
	w := Wallet{Owner: shownWallet}
	c := qrCodes(t, "ba", w)
	text := textOf(t, c, w)
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(raw) * 8 {
		raw[i/8] ^= 1 << (i % 8)
		refusesQR(t, c, "a flipped bit", base64.StdEncoding.EncodeToString(raw))
		raw[i/8] ^= 1 << (i % 8)
	}
	for i := range len(raw) {
		refusesQR(t, c, "cut bytes", base64.StdEncoding.EncodeToString(raw[:i]))
	}
	refusesQR(t, c, "a byte more", base64.StdEncoding.EncodeToString(append(raw, 0)))
	for i := range text {
		refusesQR(t, c, "cut", text[:i])
		refusesQR(t, c, "cut in front", text[i+1:])
		for _, more := range []string{"\n", "\r\n", " ", "A", "=", "\x00", "é"} {
			refusesQR(t, c, "more in it", text[:i]+more+text[i:])
		}
		for b := range 256 {
			if byte(b) != text[i] {
				refusesQR(t, c, "another character", text[:i]+string([]byte{byte(b)})+text[i+1:])
			}
		}
	}
}

func TestOtherSpellingsAreRefused(t *testing.T) {
	// A wallet whose text has both characters that the alphabets differ in.
	var c *Codes
	var text string
	for serial := int64(0); !strings.Contains(text, "+") || !strings.Contains(text, "/"); serial++ {
		w := Wallet{Owner: shownWallet, QRSerial: serial}
		c = qrCodes(t, "a", w)
		text = textOf(t, c, w)
	}
	if _, err := c.Read(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	for why, other := range map[string]string{
		"without padding": strings.TrimRight(text, "="), "in the URL alphabet": strings.NewReplacer("+", "-", "/", "_").Replace(text),
		"in capitals": strings.ToUpper(text), "with a break at its end": text + "\n", "with a break in it": text[:20] + "\r\n" + text[20:],
		"with spaces around it": " " + text + " ", "in lines of 64": text[:64] + "\n" + text[64:], "twice": text + text,
		"encoded once more": base64.StdEncoding.EncodeToString([]byte(text)), "as a link": "https://example.com/" + text, "with more padding": text + "==",
	} {
		refusesQR(t, c, why, other)
	}
}

func TestTextsOfElsewhereAreRefused(t *testing.T) {
	w := Wallet{Owner: shownWallet}
	c := qrCodes(t, "a", w)
	refusesQR(t, c, "another installation's", textOf(t, qrCodes(t, "b", w), w))
	gone := Wallet{Owner: id.New(clock.System{})}
	refusesQR(t, c, "a wallet that is gone", textOf(t, c, gone))
	said := append(make([]byte, 0, 24), 0x01, 0x95, 0x2b, 0x6c, 0x6a, 0x80, 0x7f, 0x00, 0x8a, 0x00, 0xab, 0xcd, 0xef, 0xab, 0xcd, 0xef)
	said = binary.BigEndian.AppendUint64(said, 0)
	seal := func(purpose string, plain []byte, version byte) string {
		sealed, err := ring(t, "a").Seal(purpose, plain, []byte{version})
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(append([]byte{version}, sealed...))
	}
	if got, err := c.Read(t.Context(), seal(qrPurpose, said, qrVersion)); err != nil || got.Owner != w.Owner {
		t.Fatalf("the test makes another text than the code: %v", err)
	}
	refusesQR(t, c, "another purpose", seal("webhook secret", said, qrVersion))
	refusesQR(t, c, "another version", seal(qrPurpose, said, 2))
	refusesQR(t, c, "more than is said", seal(qrPurpose, append(said, 0), qrVersion))
	refusesQR(t, c, "less than is said", seal(qrPurpose, said[:23], qrVersion))
	refusesQR(t, c, "nothing said", seal(qrPurpose, nil, qrVersion))
	negative := append(said[:16:16], 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	refusesQR(t, c, "a serial below none", seal(qrPurpose, negative, qrVersion))
	other := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x4f, 0xff}, said[8:]...)
	refusesQR(t, c, "an id that none of ours is", seal(qrPurpose, other, qrVersion))
	secret, err := ring(t, "a").Encrypt(qrPurpose, said, nil)
	if err != nil {
		t.Fatal(err)
	}
	for why, text := range map[string]string{
		"an encrypted secret": secret, "that in base64": base64.StdEncoding.EncodeToString([]byte(secret)), "nothing": "", "a number": "+8801712345678",
		"the wallet's id": shownWallet, "zeros": base64.StdEncoding.EncodeToString(make([]byte, 53)),
		"the guide's sample": "WDRJVU8xd1RhMlhUdThMWnx8UitMbXlpWG1kcEUvV0Q5NUNjY3RmRU5YTkJpci84SGtURHpjVjVNVGVadEpNQ25EdmVXQUZwUjZOK3VGWkN5K1dQWWJETkdSN0lwc1BIUGx4UENGakdTSnpIUkFzS0EwblNWWU5yUk9hYzlhbHgrV25uTUtTcEcyTlVNdXg1akxkV3NJdTB4ZktxMjE3Tm4zSmI1ZmVtalZNNDM3NlV5VWZlbUI3Y0Rzamd3PQ==",
		"a bill's code":      "00020101021226370016com.example.bank", "a megabyte": strings.Repeat("QUFB", 1<<18),
	} {
		refusesQR(t, c, why, text)
	}
}

func TestAHugeTextIsNotDecoded(t *testing.T) {
	c := qrCodes(t, "a")
	text := strings.Repeat("A", 64<<20)
	if n := testing.AllocsPerRun(1, func() { refusesQR(t, c, "huge", text) }); n > 20 {
		t.Errorf("%v allocations", n)
	}
	for n := 0; n <= 4*maxQRText; n += 4 { // whatever stands at the border of the lengths that are looked at
		refusesQR(t, c, "long", text[:n])
	}
}

func TestRevokingEndsTheTextsUntilThen(t *testing.T) {
	at := func(serial int64) Wallet { return Wallet{Owner: shownWallet, QRSerial: serial} }
	texts := map[int64]string{}
	for serial := range int64(4) {
		texts[serial] = textOf(t, qrCodes(t, "a"), at(serial))
	}
	for now := range int64(4) {
		c := qrCodes(t, "a", at(now))
		for serial, text := range maps.All(texts) {
			if serial < now {
				refusesQR(t, c, "revoked", text)
				continue
			}
			// A later one is made by a node that has heard of a revocation sooner.
			if w, err := c.Read(t.Context(), text); err != nil || w.Owner != shownWallet {
				t.Errorf("serial %d, of a wallet at %d: %v", serial, now, err)
			}
		}
	}
}

func TestPrintedTextsOutliveANewMasterKeyUntilTheirsIsTakenAway(t *testing.T) {
	w := Wallet{Owner: shownWallet}
	old, both, fresh := qrCodes(t, "a", w), qrCodes(t, "ba", w), qrCodes(t, "b", w)
	printed, now := textOf(t, old, w), textOf(t, both, w)
	if printed == now || now != textOf(t, fresh, w) {
		t.Error("a text is not made under the newest key")
	}
	for why, text := range map[string]string{"printed": printed, "of now": now} {
		if got, err := both.Read(t.Context(), text); err != nil || got.Owner != w.Owner {
			t.Errorf("%s, with both keys: %v", why, err)
		}
	}
	if _, err := fresh.Read(t.Context(), now); err != nil {
		t.Errorf("the text of now with the new key alone: %v", err)
	}
	refusesQR(t, fresh, "whose key was taken away", printed)
	refusesQR(t, old, "whose key is not there yet", now)
}

func TestAnOutageIsNotTakenForAForgery(t *testing.T) {
	w := Wallet{Owner: shownWallet}
	c := qrCodes(t, "a", w)
	text := textOf(t, c, w)
	c.get = func(context.Context, string) (Wallet, error) { return Wallet{}, fault.New(fault.Outage) }
	if _, err := c.Read(t.Context(), text); !fault.Has(err, fault.Outage) || fault.Has(err, fault.QRInvalid) {
		t.Errorf("%v", err)
	}
}

func TestAWalletWithoutAnIDHasNoText(t *testing.T) {
	for _, owner := range []string{"", "x", strings.ToUpper(shownWallet), strings.ReplaceAll(shownWallet, "-", ""), shownWallet + "0"} {
		if text, err := qrCodes(t, "a").Text(Wallet{Owner: owner}); text != "" || !errors.Is(err, errNoWallet) {
			t.Errorf("%q: %q, %v", owner, text, err)
		}
	}
}

func FuzzReadQR(f *testing.F) {
	w := Wallet{Owner: shownWallet, QRSerial: 3}
	c := qrCodes(f, "ba", w)
	text := textOf(f, c, w)
	earlier := textOf(f, c, Wallet{Owner: shownWallet, QRSerial: 2})
	for _, s := range []string{"", text, earlier, text[:71], text + "\n", strings.ToLower(text), "AQ==", strings.Repeat("A", maxQRText+4), "\xff", "===="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := c.Read(t.Context(), s)
		if s == text {
			if err != nil || got.Owner != shownWallet {
				t.Fatalf("%v", err)
			}
			return
		}
		if !fault.Has(err, fault.QRInvalid) || got.Owner != "" {
			t.Fatalf("%q is of %q, %v", s, got.Owner, err)
		}
	})
}
