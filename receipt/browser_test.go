package receipt

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"sarraf/internal/browsertest"
	"sarraf/internal/scantest"
	"sarraf/qr"
	"sarraf/wallet"
)

// views are the sizes and themes that every page must fit.
var views = map[string]browsertest.View{
	"phone-light": browsertest.Phone, "desk-light": browsertest.Desk, "phone-dark": dark(browsertest.Phone), "desk-dark": dark(browsertest.Desk),
}

func dark(v browsertest.View) browsertest.View { v.Dark = true; return v }

// serve answers over HTTP.
func (h *house) serve(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// emulatePrint shows the tab as it is printed.
func emulatePrint(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
	_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	return chromedp.Void{}, err
}

func shoot(t testing.TB, tab *browsertest.Tab) []byte {
	t.Helper()
	img, err := chromedp.Run(tab.Context(), chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestEveryPageFitsAPhoneAndADeskInLightAndDark(t *testing.T) {
	h := newHouse(t, "a")
	base := h.serve(t)
	browser := browsertest.Start(t)
	for name, view := range views {
		t.Run(name, func(t *testing.T) {
			tab := browser.Tab(t, view)
			var images [][]byte
			for _, s := range stories() {
				if got := tab.Open(base + "/receipt/" + s.Number); got != http.StatusOK {
					t.Fatalf("%s: %d", s.name, got)
				}
				images = append(images, shoot(t, tab)) // as it is sent on by phone
				tab.ShotWhole("receipt-" + s.name + "-" + name)
				browsertest.Eval[bool](tab, `document.querySelector("details").open = true`)
				for _, flaw := range browsertest.Eval[[]string](tab, browsertest.Flaws) {
					t.Errorf("%s: %s", s.name, flaw)
				}
			}
			for i, text := range scantest.Read(t, images...) {
				if want := h.text(t, stories()[i]); text != want {
					t.Errorf("%s: the code on the page reads %s", stories()[i].name, text)
				}
			}
			for page, path := range map[string]string{
				"verify": "/receipt/verify", "verify-valid": "/receipt/verify#" + h.text(t, stories()[1]), "verify-wrong": "/receipt/verify#SR1:AAAA",
				"missing": "/receipt/0000000000",
			} {
				tab.Open("about:blank")
				tab.Open(base + path)
				tab.ShotWhole(page + "-" + name)
				browsertest.Eval[bool](tab, `document.querySelector("details") ? document.querySelector("details").open = true : false`)
				for _, flaw := range browsertest.Eval[[]string](tab, browsertest.Flaws) {
					t.Errorf("%s: %s", page, flaw)
				}
			}
		})
	}
}

func TestThePictureIsDrawnAndItsCodeIsRead(t *testing.T) {
	h := newHouse(t, "a")
	base := h.serve(t)
	tab := browsertest.Start(t).Tab(t, browsertest.View{Width: 480, Height: 1100})
	var images [][]byte
	for _, s := range stories() {
		tab.Open(base + "/receipt/" + s.Number + ".svg")
		images = append(images, shoot(t, tab))
		tab.ShotWhole("picture-" + s.name)
		const edges = `(() => {
		  const found = [], names = [...document.querySelectorAll("text")].filter(e => !e.getAttribute("text-anchor") && e.closest("g") === null);
		  for (const e of document.querySelectorAll("text")) {
		    const box = e.getBoundingClientRect();
		    if (box.left < 20 || box.right > 460) found.push("beyond the edge: " + e.textContent);
		    if (names.some(n => n !== e && n.getBoundingClientRect().right > box.left && Math.abs(n.getBoundingClientRect().top - box.top) < 8 && e.getAttribute("text-anchor")))
		      found.push("over another: " + e.textContent);
		  }
		  return found;
		})()`
		for _, flaw := range browsertest.Eval[[]string](tab, edges) {
			t.Errorf("%s: %s", s.name, flaw)
		}
	}
	for i, text := range scantest.Read(t, images...) {
		if want := h.text(t, stories()[i]); text != want {
			t.Errorf("%s: the code reads %s", stories()[i].name, text)
		}
		if own, err := qr.ReadPNG(images[i]); own != text {
			t.Errorf("%s: we read %s, %v", stories()[i].name, own, err)
		}
	}
}

// On paper there is no way on and no dark ground, and the code is there to be read.
func TestAPrintedPageIsAReceiptAlone(t *testing.T) {
	h := newHouse(t, "a")
	tab := browsertest.Start(t).Tab(t, dark(browsertest.Desk))
	tab.Open(h.serve(t) + "/receipt/" + stories()[1].Number)
	tab.Do(emulatePrint)
	for css, want := range map[string]bool{".ways": false, "details": false, ".stamp": false, ".qr": true, ".facts": true, ".figure": true} {
		shown := browsertest.Eval[bool](tab, fmt.Sprintf(`document.querySelector(%q).getBoundingClientRect().height > 0`, css))
		if shown != want {
			t.Errorf("%s is on paper: %t", css, shown)
		}
	}
	if ground := browsertest.Eval[string](tab, `getComputedStyle(document.body).backgroundColor`); ground != "rgb(255, 255, 255)" {
		t.Errorf("the ground is %s", ground)
	}
	if text := scantest.Read(t, shoot(t, tab)); text[0] != h.text(t, stories()[1]) {
		t.Errorf("%s", text[0])
	}
	tab.ShotWhole("printed")
}

// offline keeps the page that checks as a file, as a reader would, and answers its address.
func (h *house) offline(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "check-receipts.html")
	if err := os.WriteFile(path, h.get("/receipt/verify").Body.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// verdict is what the page says of a text.
type verdict struct {
	State, Head, Body string
	Rows              []Row
}

const readVerdict = `(() => {
  const result = document.getElementById("result");
  return {
    State: result.className, Head: result.querySelector("h2").textContent, Body: result.querySelector("p").textContent,
    Rows: [...result.querySelectorAll("dl > div")].map(d => ({Name: d.children[0].textContent, Value: d.children[1].textContent})),
  };
})()`

// stateOf is what the page calls a receipt that is valid. Money that is played with must not be taken for money.
func stateOf(f Fields) string {
	if f.Test {
		return "result is-test"
	}
	return "result is-valid"
}

// judge puts a text into the page, and the keys in place of its own if there are any, and presses its button.
func judge(tab *browsertest.Tab, text, keys string) verdict {
	set := func(id, value string) string {
		quoted, _ := json.Marshal(value)
		return fmt.Sprintf(`document.getElementById(%q).value = %s;`, id, quoted)
	}
	script := set("text", text) + `document.getElementById("keys").value = document.getElementById("keys").defaultValue;`
	if keys != "" {
		script += set("keys", keys)
	}
	return browsertest.Eval[verdict](tab, `(() => {`+script+`document.getElementById("check").click(); return `+readVerdict+`})()`)
}

func TestThePageChecksReceiptsFromAFile(t *testing.T) {
	h, other := newHouse(t, "a"), newHouse(t, "b")
	tab := browsertest.Start(t).Tab(t, browsertest.Phone)
	tab.Open(h.offline(t))
	if v := browsertest.Eval[verdict](tab, readVerdict); v.State != "result is-none" || v.Head != "Not checked yet" || len(v.Rows) > 0 {
		t.Errorf("before anything was put in: %+v", v)
	}
	if browsertest.Eval[bool](tab, `document.getElementById("save").getBoundingClientRect().height > 0`) {
		t.Error("a file offers to be kept as a file")
	}
	for _, s := range stories() {
		text := h.text(t, s)
		f, err := Verify(text, keysOf(h.signer))
		if err != nil {
			t.Fatal(err)
		}
		want := append(f.Rows(), Row{"Key", IDOf(h.signer.Public()).String()})
		v := judge(tab, text, "")
		if diff := cmp.Diff(want, v.Rows); v.State != stateOf(f) || s.holder.Sandbox == (v.Head == "Valid") || diff != "" {
			t.Errorf("%s: %+v %s", s.name, v, diff)
		}
		// Whoever writes into the text looks at no verdict on another one.
		browsertest.Eval[bool](tab, `document.getElementById("text").dispatchEvent(new Event("input"))`)
		if v := browsertest.Eval[verdict](tab, readVerdict); v.State != "result is-none" || len(v.Rows) > 0 {
			t.Errorf("%s: after a change: %+v", s.name, v)
		}
	}
	text := h.text(t, stories()[1])
	raw, _ := decode(text)
	altered := bytes.Clone(raw)
	altered[bytes.Index(raw, []byte("Jane"))] ^= 2
	more := bytes.Clone(raw)
	more[len(raw)-1] ^= 1
	theirs := other.text(t, stories()[1])
	forged, _ := fieldsOf(stories()[1].Transfer, stories()[1].holder).body(IDOf(h.signer.Public()))
	for why, c := range map[string]struct{ text, keys, state string }{
		"altered":                   {prefix + encoding.EncodeToString(altered), "", "result is-wrong"},
		"another signature":         {prefix + encoding.EncodeToString(more), "", "result is-wrong"},
		"forged under our key's id": {resigned(other, forged), "", "result is-wrong"},
		"cut":                       {text[:len(text)-8], "", "result is-wrong"},
		"no receipt":                {"https://pay.example.com/receipt/BZCTN2X942", "", "result is-wrong"},
		"of elsewhere":              {theirs, "", "result is-unknown"},
		"with another's key alone":  {text, KeyLine(other.signer.Public()), "result is-unknown"},
		"without keys":              {text, "# none", "result is-unknown"},
		"with a key that is none":   {text, "hello", "result is-unknown"},
		"with a key under another's id": {
			text, IDOf(h.signer.Public()).String() + " " + strings.Fields(KeyLine(other.signer.Public()))[1], "result is-unknown",
		},
		"nothing": {"  ", KeyLine(h.signer.Public()), "result is-unknown"},
	} {
		if v := judge(tab, c.text, c.keys); v.State != c.state || v.Head == "Valid" || v.Body == "" || len(v.Rows) > 0 {
			t.Errorf("%s: %+v", why, v)
		}
	}
	both := KeyLine(h.signer.Public()) + "\r\n# the other house\n" + strings.Fields(KeyLine(other.signer.Public()))[1]
	for why, good := range map[string]string{"with two keys": theirs, "in lines and small letters": strings.ToLower(text[:30]) + "\n " + text[30:] + "\r\n"} {
		if v := judge(tab, good, both); v.State != "result is-valid" {
			t.Errorf("%s: %+v", why, v)
		}
	}
	tab.ShotWhole("verify-file")
}

// The page and the program read the same texts, and the same things in them.
func TestThePageAndTheProgramAgree(t *testing.T) {
	h := newHouse(t, "a")
	tab := browsertest.Start(t).Tab(t, browsertest.Desk)
	tab.Open(h.offline(t))
	seed := rand.Uint64()
	by := rand.New(rand.NewPCG(seed, 0))
	var texts []string
	for range 300 {
		s := stories()[by.IntN(len(stories()))]
		raw, _ := decode(h.text(t, s))
		body := bytes.Clone(raw[:len(raw)-64])
		for range by.IntN(3) {
			switch i := by.IntN(len(body)); by.IntN(4) {
			case 0:
				body[i] ^= 1 << by.IntN(8)
			case 1:
				body[i] = byte(by.IntN(256))
			case 2:
				body = append(body[:i], body[i+1:]...)
			case 3:
				body = append(body[:i:i], append([]byte{byte(by.IntN(256))}, body[i:]...)...)
			}
		}
		text := resigned(h, body) // what is left to judge is the form
		if by.IntN(4) == 0 {
			i := by.IntN(len(text))
			text = text[:i] + string("A a\n=7\u00a0é1"[by.IntN(9)]) + text[i+by.IntN(2):]
		}
		texts = append(texts, strings.ToValidUTF8(text, "\ufffd"))
	}
	list, _ := json.Marshal(texts)
	verdicts := browsertest.Eval[[]verdict](tab, `(() => `+string(list)+`.map(text => {
	  document.getElementById("text").value = text;
	  document.getElementById("check").click();
	  return `+readVerdict+`;
	}))()`)
	valid := 0
	for i, v := range verdicts {
		f, err := Verify(texts[i], keysOf(h.signer))
		if err == nil {
			valid++
			if diff := cmp.Diff(f.Rows(), v.Rows[:max(len(v.Rows)-1, 0)]); v.State != stateOf(f) || diff != "" {
				t.Errorf("seed %d: %q is valid, and the page says %+v %s", seed, texts[i], v, diff)
			}
		} else if v.State == "result is-valid" || v.State == "result is-test" || len(v.Rows) > 0 {
			t.Errorf("seed %d: %q is not valid (%v), and the page says %+v", seed, texts[i], err, v)
		}
	}
	if valid < 30 || valid > 270 {
		t.Errorf("%d of %d are valid: the test tries one side only", valid, len(texts))
	}
}

func TestABrowserThatCannotCheckSaysSo(t *testing.T) {
	h := newHouse(t, "a")
	browser := browsertest.Start(t)
	text := h.text(t, stories()[0])
	page := h.get("/receipt/verify").Body.String()
	for why, change := range map[string]func(string) string{
		"the arithmetic is wrong": func(s string) string {
			return strings.Replace(s, "27742317777372353535851937790883648493n", "27742317777372353535851937790883648494n", 1)
		},
		"the curve is wrong": func(s string) string { return strings.Replace(s, "-121665n", "-121664n", 1) },
		"there is no such number": func(s string) string {
			return strings.Replace(s, `"use strict";`, `"use strict"; globalThis.BigInt = undefined;`, 1)
		},
		"the language is not known": func(s string) string { return strings.Replace(s, "1n << 64n", "1n <!< 64n", 1) },
	} {
		broken := change(script)
		if broken == script {
			t.Fatalf("%s: nothing is changed", why)
		}
		path := filepath.Join(t.TempDir(), "broken.html")
		if err := os.WriteFile(path, []byte(strings.Replace(strings.Replace(page, script, broken, 1), hashed(script), hashed(broken), 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		checkSilent(t, browser, why, path, text, browsertest.Phone)
	}
	path := filepath.Join(t.TempDir(), "whole.html")
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	off := browsertest.Phone
	off.NoScript = true
	checkSilent(t, browser, "JavaScript is off", path, text, off)
	// A script that was altered is not run at all.
	altered := filepath.Join(t.TempDir(), "altered.html")
	if err := os.WriteFile(altered, []byte(strings.Replace(page, `"Not valid"`, `"Valid"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	checkSilent(t, browser, "the script was altered", altered, text, browsertest.Phone)
}

// checkSilent opens a page that cannot check, and sees that it says nothing of a good receipt.
func checkSilent(t *testing.T, browser *browsertest.Browser, why, path, text string, view browsertest.View) {
	t.Helper()
	t.Run(why, func(t *testing.T) {
		tab := browser.Tab(t, view)
		tab.Allow("SyntaxError", "policy: script-src", "Content Security Policy")
		tab.Open((&url.URL{Scheme: "file", Path: path, Fragment: text}).String())
		v := browsertest.Eval[verdict](tab, readVerdict)
		if v.State == "result is-valid" || v.Head == "Valid" || len(v.Rows) > 0 {
			t.Errorf("it says %+v", v)
		}
		if !browsertest.Eval[bool](tab, `document.getElementById("check").disabled`) ||
			browsertest.Eval[string](tab, `document.getElementById("check").textContent`) != "This browser cannot check receipts" {
			t.Error("its button promises something")
		}
		if strings.Contains(strings.ToLower(browsertest.Eval[string](tab, `document.body.innerText`)), " valid") {
			t.Errorf("it says %s", browsertest.Eval[string](tab, `document.body.innerText`))
		}
	})
}

func TestAReceiptLeadsToItsCheck(t *testing.T) {
	h := newHouse(t, "a")
	tab := browsertest.Start(t).Tab(t, browsertest.Phone)
	tab.Open(h.serve(t) + "/receipt/" + stories()[0].Number)
	tab.Follow(".go-quiet")
	tab.Wait(`location.pathname === "/receipt/verify"`)
	v := browsertest.Eval[verdict](tab, readVerdict)
	if v.State != "result is-valid" || v.Rows[0] != (Row{"Receipt", stories()[0].Number}) {
		t.Errorf("%+v", v)
	}
	// The link's text does not reach a server: it stands behind the #.
	if got := tab.URL(); !strings.Contains(got, "/receipt/verify#"+prefix) {
		t.Errorf("%s", got)
	}
}

func TestInitialsStandWithinTheirFace(t *testing.T) {
	h := newHouse(t, "a")
	base := h.serve(t)
	tab := browsertest.Start(t).Tab(t, browsertest.View{Width: 128, Height: 128})
	for i, name := range []string{"John Smith", "WWW MMM", "রহিম উদ্দিন", "محمد علی", "ক্ষমা শ্রীমতী", "", "李 小龙", "solo"} {
		tab.Open(base + strings.TrimPrefix(h.AvatarURL(wallet.Wallet{Owner: fmt.Sprint(i), Name: name}), publicURL))
		tab.Shot(fmt.Sprintf("face-%d", i))
		const inside = `(() => { const b = document.querySelector("text").getBoundingClientRect(); return b.left >= 8 && b.right <= 120 && b.width > 4 && Math.abs(b.left + b.right - 128) < 8; })()`
		if !browsertest.Eval[bool](tab, inside) {
			t.Errorf("%q does not stand in the middle of its face", name)
		}
	}
}
