package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sarraf/internal/keyring"
	"sarraf/internal/scantest"
	"sarraf/receipt"
	"sarraf/wallet"
)

// verifying runs sarraf receipt verify with something on standard input.
func verifying(t *testing.T, in string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e safeBuffer
	code = run(t.Context(), append([]string{"receipt", "verify"}, args...), streams{in: strings.NewReader(in), out: &o, err: &e})
	return code, o.String(), e.String()
}

// A payment's receipt, from its page to somebody who knows nothing but the house's public key.
func TestAReceiptIsCheckedWithThePublicKeyAlone(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		paid := d.pays("+8801998765431", "+8801898765432")
		page := d.ask("/receipt/"+paid.Number, "")
		for _, want := range []string{"৳10.50", "John Smith", "+88019*****431", "SHARE &amp; TRIP", "+8801898765432", "Tickets", "no real money moved"} {
			if page.status != http.StatusOK || !strings.Contains(page.text, want) {
				t.Errorf("the page lacks %q: %d", want, page.status)
			}
		}
		if strings.Contains(page.text, "989.50") || strings.Contains(page.text, "+8801998765431") {
			t.Error("the page tells the balance, or the sender's number")
		}
		image := d.ask("/receipt/"+paid.Number+".png", "").text
		text := scantest.Read(t, []byte(image))[0]
		if svg := d.ask("/receipt/"+paid.Number+".svg", ""); svg.status != http.StatusOK || !strings.Contains(svg.text, paid.Number) {
			t.Errorf("the picture: %d", svg.status)
		}
		key := strings.TrimSpace(d.ask("/receipt/public-key", "").text)
		dir := t.TempDir()
		file, picture := filepath.Join(dir, "keys"), filepath.Join(dir, "receipt.PNG")
		for path, content := range map[string]string{file: "# the house\n" + key + "\n", picture: image} {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for why, c := range map[string]struct {
			in   string
			args []string
		}{
			"by text": {"", []string{text, "--key", key}}, "from standard input": {text + "\n", []string{"-", "--key", strings.Fields(key)[1]}},
			"from a picture": {"", []string{picture, "--key-file", file}}, "in lines": {text[:40] + "\n" + text[40:], []string{"-", "--key-file", file}},
		} {
			code, out, errs := verifying(t, c.in, c.args...)
			if code != 0 || !strings.HasPrefix(out, "valid, and only a test\n") || !strings.Contains(out, paid.Number) || !strings.Contains(out, "10.50 BDT") || errs != "" {
				t.Errorf("%s: %d %q %q", why, code, out, errs)
			}
		}
		if face := d.ask(strings.TrimPrefix(d.app.receipts.AvatarURL(wallet.Wallet{Owner: paid.Owner, Name: "John Smith"}), d.line.URL), ""); face.status != http.StatusOK {
			t.Errorf("a face: %d", face.status)
		}
	})
}

// receiptText is a text that the signer signed, and the line of its key.
func receiptText(t *testing.T, s *receipt.Signer, f receipt.Fields) (text, key string) {
	t.Helper()
	text, err := s.Sign(f)
	if err != nil {
		t.Fatal(err)
	}
	return text, receipt.KeyLine(s.Public())
}

func signerOf(t *testing.T, master string) *receipt.Signer {
	t.Helper()
	ring, err := keyring.Parse(master)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.NewSigner(ring)
}

func TestVerifyTellsGoodFromBad(t *testing.T) {
	f := receipt.Fields{Number: "AZCTL8S942", Kind: wallet.Payment, Currency: "BDT", Decimals: 2, Amount: 1000, To: receipt.Party{Name: "SHARE & TRIP"}}
	f.At = time.Date(2025, 2, 19, 5, 33, 0, 0, time.UTC)
	text, key := receiptText(t, signerOf(t, random32()), f)
	foreign, other := receiptText(t, signerOf(t, random32()), f)
	altered := text[:60] + string(text[60]^1) + text[61:]
	nothing := filepath.Join(t.TempDir(), "blank.png")
	if err := os.WriteFile(nothing, []byte("no picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	for why, c := range map[string]struct {
		args []string
		code int
		out  string
	}{
		"good":                {[]string{text, "--key", key}, 0, "valid\n  Receipt  AZCTL8S942\n"},
		"good, one of keys":   {[]string{text, "--key", other, "--key", key}, 0, "valid\n"},
		"altered":             {[]string{altered, "--key", key}, exitFailed, "NOT VALID: "},
		"foreign":             {[]string{foreign, "--key", key}, exitFailed, "NOT VALID: it names the key " + other[:8]},
		"cut":                 {[]string{text[:50], "--key", key}, exitFailed, "NOT VALID: this is no receipt's text"},
		"good and bad":        {[]string{text, altered, "--key", key}, exitFailed, "valid\n"},
		"a picture of naught": {[]string{nothing, "--key", key}, exitFailed, "NOT VALID: no code of a receipt can be read"},
	} {
		code, out, errs := verifying(t, "", c.args...)
		if code != c.code || !strings.HasPrefix(out, c.out) || errs != "" || code != 0 && !strings.Contains(out, "NOT VALID") {
			t.Errorf("%s: %d %q %q", why, code, out, errs)
		}
		if code != 0 && why != "good and bad" && strings.Contains(out, "SHARE") {
			t.Errorf("%s: it says what is not to be believed: %q", why, out)
		}
	}
	for why, args := range map[string][]string{
		"no key": {text}, "no text": {"--key", key}, "a key that is none": {text, "--key", "x"}, "two keys in one": {text, "--key", key + "\n" + other},
		"a key under another's id": {text, "--key", other[:8] + key[8:]}, "a picture that is not there": {filepath.Join(t.TempDir(), "none.png"), "--key", key},
		"a file that is not there": {text, "--key-file", filepath.Join(t.TempDir(), "none")}, "a file of no keys": {text, "--key-file", nothing},
	} {
		if code, out, errs := verifying(t, "", args...); code != exitUsage || out != "" || errs == "" {
			t.Errorf("%s: %d %q %q", why, code, out, errs)
		}
	}
	code, out, _ := verifying(t, "", text, altered, "--json", "--key", key)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var good, bad map[string]any
	if len(lines) != 2 || json.Unmarshal([]byte(lines[0]), &good) != nil || json.Unmarshal([]byte(lines[1]), &bad) != nil {
		t.Fatalf("%q", out)
	}
	fields, _ := good["fields"].(map[string]any)
	if code != exitFailed || good["valid"] != true || fields["total"] != "10.00 BDT" || bad["valid"] != false || bad["fields"] != nil || bad["reason"] == nil {
		t.Errorf("%d %s", code, out)
	}
}

// SARRAF_KEY is the master key. It is not what a receipt is checked with, and nobody who checks one needs it or sees it.
func TestTheMasterKeyIsNotTakenForAPublicOne(t *testing.T) {
	master := random32()
	t.Setenv("SARRAF_KEY", master)
	t.Setenv("SARRAF_KEY_FILE", filepath.Join(t.TempDir(), "none"))
	code, out, errs := verifying(t, "", "SR1:AAAA")
	if code != exitUsage || !strings.Contains(errs, "no key to check with") || strings.Contains(out+errs, master) {
		t.Errorf("%d %q %q", code, out, errs)
	}
	if code, out, errs := verifying(t, "", "SR1:AAAA", "--key", master+"x"); code != exitUsage || strings.Contains(out+errs, master) {
		t.Errorf("%d %q %q", code, out, errs)
	}
	want := receipt.KeyLine(signerOf(t, master).Public())
	if code, out, _ := command(t, "receipt", "public-key"); code != 0 || out != want+"\n" {
		t.Errorf("%d %q, want %q", code, out, want)
	}
	var said map[string]string
	if code, out, _ := command(t, "receipt", "public-key", "--json"); code != 0 || json.Unmarshal([]byte(out), &said) != nil || said["id"]+" "+said["public_key"] != want {
		t.Errorf("%d %q", code, out)
	}
	t.Setenv("SARRAF_KEY", "short")
	if code, _, errs := command(t, "receipt", "public-key"); code != exitFailed || !strings.Contains(errs, "SARRAF_KEY: ") {
		t.Errorf("%d %q", code, errs)
	}
	t.Setenv("SARRAF_KEY", "")
	t.Setenv("SARRAF_KEY_FILE", "")
	if code, _, errs := command(t, "receipt", "public-key"); code != exitFailed || !strings.Contains(errs, "/receipt/public-key") {
		t.Errorf("%d %q", code, errs)
	}
}
