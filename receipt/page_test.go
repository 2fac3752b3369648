package receipt

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/internal/scantest"
	"sarraf/qr"
	"sarraf/wallet"
)

func TestAReceiptShowsWhatBothSidesKnow(t *testing.T) {
	h := newHouse(t, "a")
	w := h.get("/receipt/BZCTN2X942")
	page := w.Body.String()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	for _, want := range []string{
		"BZCTN2X942", "Money sent", "John Smith", "+88017*****678", "Jane Doe", "+88018*****678", "৳10.00", "৳5.00", "৳15.00", "19 February 2025",
		"11:33:05 AM", "UTC+06:00", "Test execute", "10.00 Bangladeshi taka", "/receipt/BZCTN2X942.svg", h.text(t, stories()[1]), "Send money",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, secret := range []string{"122,105", "12210514", "+8801712345678", "+8801812345678", "01952b6c", "test-banner\">", "<script"} {
		if strings.Contains(page, secret) {
			t.Errorf("the page has %q", secret)
		}
	}
	merchants := h.get("/receipt/AZCTL8S942").Body.String()
	if !strings.Contains(merchants, "+8801812345678") || strings.Contains(merchants, "+8801712345678") || !strings.Contains(merchants, "Payment successful") {
		t.Error("a merchant's number must be whole, and a consumer's must not")
	}
	if page := h.get("/receipt/T000000001").Body.String(); !strings.Contains(page, "no real money moved") {
		t.Error("money that is played with is not said to be")
	}
	if page := h.get("/receipt/TOPUP00001").Body.String(); strings.Contains(page, "<dt>From</dt>") || !strings.Contains(page, "Money added") {
		t.Error("a top-up comes from somebody")
	}
	if small := h.get("/receipt/bzctn2x942"); small.Body.String() != page {
		t.Errorf("in small letters: %d", small.Code)
	}
}

func TestAReceiptIsInItsHoldersTime(t *testing.T) {
	h := newHouse(t, "a")
	for zone, want := range map[string][]string{
		"Asia/Dhaka": {"1 January 2026", "12:00:01 AM", "UTC+06:00"}, "America/St_Johns": {"31 December 2025", "2:30:01 PM", "UTC-03:30"},
		"Asia/Kathmandu": {"31 December 2025", "11:45:01 PM", "UTC+05:45"}, "": {"31 December 2025", "6:00:01 PM", "UTC+00:00"},
		"No/Where": {"31 December 2025", "6:00:01 PM", "UTC+00:00"}, "Local": {"31 December 2025", "6:00:01 PM", "UTC+00:00"},
	} {
		s := stories()[0]
		s.At, s.holder.Zone = time.Date(2025, 12, 31, 18, 0, 1, 999999000, time.UTC), zone
		h.wallets[s.holder.Owner], h.transfers[s.Number] = s.holder, s.Transfer
		page := h.get("/receipt/" + s.Number).Body.String()
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("in %q: no %q", zone, text)
			}
		}
	}
}

func TestWhatIsNoReceiptIsNotFound(t *testing.T) {
	h := newHouse(t, "a")
	for path, asks := range map[string]int{
		"/receipt/0000000000": 1, "/receipt/0000000000.svg": 1, "/receipt/0000000000.png": 1, "/receipt/AZCTL8S942.pdf": 1, "/receipt/AZCTL8S942.": 1,
		"/receipt/AZCTL8S942.svg.png": 1, "/receipt/AZCTL8S94": 0, "/receipt/AZCTL8S9422": 0, "/receipt/AZCTL8S94é": 0, "/receipt/" + strings.Repeat("A", 9999): 0,
		"/receipt": 0, "/receipt/AZCTL8S942/x": 0, "/receipt/%41ZCTL8S942%00": 0, "/receipt/AZCTL8S942%2fpng": 0, "/_sarraf/avatar/none": 0, "/_sarraf/avatar": 0,
	} {
		h.asked = 0
		w := h.get(path)
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "There is nothing here") || w.Header().Get("X-Frame-Options") != "DENY" {
			t.Errorf("%.60s: %d %.200s", path, w.Code, w.Body)
		}
		if h.asked != asks {
			t.Errorf("%.60s: the wallets were asked %d times", path, h.asked)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/receipt/AZCTL8S942", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" || !strings.Contains(w.Body.String(), "</html>") {
		t.Errorf("POST: %d %v", w.Code, w.Header())
	}
}

func TestWhatGoesWrongIsNotTold(t *testing.T) {
	h := newHouse(t, "a")
	for _, c := range []struct {
		err         error
		code        int
		head, after string
	}{
		{fault.New(fault.Outage), http.StatusServiceUnavailable, "Please try again shortly", "5"},
		{fault.New(fault.RateLimited).With("retry_after", "7"), http.StatusTooManyRequests, "Please try again shortly", "7"},
		{errors.New("secret trace"), http.StatusInternalServerError, "Something went wrong", ""},
	} {
		h.down = c.err
		for _, end := range []string{"", ".svg", ".png"} {
			w := h.get("/receipt/AZCTL8S942" + end)
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.head) || strings.Contains(w.Body.String(), "secret") || w.Header().Get("Retry-After") != c.after {
				t.Errorf("%v: %d %v %s", c.err, w.Code, w.Header(), w.Body)
			}
			if again := strings.Contains(w.Body.String(), `href="/receipt/AZCTL8S942`+end+`"`); again != (c.after != "") {
				t.Errorf("%v: leads on to try again: %t", c.err, again)
			}
		}
	}
	h.down = nil
	delete(h.wallets, stories()[0].Owner)
	if w := h.get("/receipt/AZCTL8S942"); w.Code != http.StatusNotFound {
		t.Errorf("a receipt of a wallet that is gone: %d", w.Code)
	}
	s := stories()[0]
	s.Amount = 0
	h.wallets[s.Owner], h.transfers[s.Number] = s.holder, s.Transfer
	if w := h.get("/receipt/AZCTL8S942"); w.Code != http.StatusInternalServerError {
		t.Errorf("a receipt that cannot be signed: %d", w.Code)
	}
}

func TestNobodyTriesNumbersFast(t *testing.T) {
	fake := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	h := newHouse(t, "a", func(d *Deps) {
		d.ByAddress = httpx.NewLimiter(3, fake, nil)
		d.Address = func(r *http.Request) string { return r.Header.Get("X-From") }
	})
	codes := func(from string) (list []int) {
		for range 5 {
			list = append(list, h.get("/receipt/0000000000", "X-From", from).Code)
		}
		return list
	}
	for _, from := range []string{"a", "b"} {
		got := codes(from)
		if got[2] != http.StatusNotFound || got[3] != http.StatusTooManyRequests || got[4] != http.StatusTooManyRequests {
			t.Errorf("%s: %v", from, got)
		}
	}
	if h.asked != 6 {
		t.Errorf("the wallets were asked %d times", h.asked)
	}
	for _, path := range []string{"/receipt/verify", "/receipt/public-key", "/receipt/nonsense"} {
		if w := h.get(path, "X-From", "a"); w.Code == http.StatusTooManyRequests {
			t.Errorf("%s is held too", path)
		}
	}
	fake.Advance(time.Second)
	if w := h.get("/receipt/AZCTL8S942", "X-From", "a"); w.Code != http.StatusOK {
		t.Errorf("a second later: %d", w.Code)
	}
}

// Whatever a name or a note says, it is text.
func TestNamesAreNeverMarkup(t *testing.T) {
	h := newHouse(t, "a")
	s := stories()[0]
	s.SenderName, s.ReceiverName, s.Note = `<img src=x onerror=alert(1)>`, `</text><script>alert("1")</script>&'`, "]]></style><b>\ufffe"
	h.transfers[s.Number] = s.Transfer
	page := h.get("/receipt/" + s.Number).Body.String()
	if strings.Contains(page, "<img") || strings.Contains(page, "<script") || strings.Contains(page, "<b>") || !strings.Contains(page, "&lt;img src=x") {
		t.Errorf("%s", page)
	}
	var text strings.Builder
	for _, e := range drawn(t, h.get("/receipt/"+s.Number+".svg")) {
		if e.name != "svg" && e.name != "title" && e.name != "rect" && e.name != "path" && e.name != "g" && e.name != "text" {
			t.Errorf("the picture has <%s>", e.name)
		}
		text.WriteString(e.text)
	}
	if !strings.Contains(text.String(), `</text><script>`) || !strings.Contains(text.String(), "<img src=x") {
		t.Errorf("%s", text.String())
	}
}

type element struct{ name, text string }

// drawn reads a picture, which must be well-formed.
func drawn(t *testing.T, w *httptest.ResponseRecorder) (list []element) {
	t.Helper()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/svg+xml" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	d := xml.NewDecoder(w.Body)
	for {
		token, err := d.Token()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatalf("%v in %s", err, w.Body)
		}
		switch v := token.(type) {
		case xml.StartElement:
			list = append(list, element{name: v.Name.Local})
		case xml.CharData:
			if len(list) > 0 {
				list[len(list)-1].text += string(v)
			}
		}
	}
}

func TestThePictureSaysWhatThePageSays(t *testing.T) {
	h := newHouse(t, "a")
	for _, s := range stories() {
		w := h.get("/receipt/" + s.Number + ".svg")
		if got := w.Header().Get("Content-Disposition"); got != `inline; filename="receipt-`+s.Number+`.svg"` {
			t.Errorf("%s", got)
		}
		whole := w.Body.String()
		if strings.Contains(whole, "<style") || strings.Contains(whole, "style=") || strings.Count(whole, "http") != 2 {
			t.Errorf("%s: it brings something else: %.300s", s.name, whole)
		}
		var text strings.Builder
		for _, e := range drawn(t, w) {
			text.WriteString(e.text + "\n")
		}
		f := fieldsOf(s.Transfer, s.holder)
		for _, want := range []string{s.Number, f.day(), f.clock(), f.zone(), f.kindName(), f.headed(), f.To.Number, strings.Fields(s.ReceiverName)[0][:3]} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%s: the picture lacks %q: %s", s.name, want, text.String())
			}
		}
		if s.holder.Sandbox != strings.Contains(text.String(), "no real money moved") {
			t.Errorf("%s: the test mode is said wrongly", s.name)
		}
	}
}

func TestLinesOfThePictureHaveRoom(t *testing.T) {
	for _, c := range []struct {
		text  string
		lines int
		want  string
	}{
		{"", 3, ""},
		{"SHARE & TRIP", 3, "SHARE & TRIP"},
		{"a name that does not go into a line, nor into two of them, nor three lines of it", 3, "a name that does not go into a line,|nor into two of them, nor three|lines of it"},
		{strings.Repeat("W", 60), 2, strings.Repeat("W", 21) + "|" + strings.Repeat("W", 20) + "…"},
		{"one two " + strings.Repeat("x", 80), 2, "one two|" + strings.Repeat("x", 30) + "…"},
		{strings.Repeat("ক্ষ", 40), 1, strings.Repeat("ক্ষ", 15) + "…"},
	} {
		if got := strings.Join(wrap(c.text, 190, c.lines), "|"); got != c.want {
			t.Errorf("%q in %d: %q", c.text, c.lines, got)
		}
	}
}

func TestTheCodeIsReadByAnotherDecoder(t *testing.T) {
	h := newHouse(t, "a")
	var images [][]byte
	for _, s := range stories() {
		w := h.get("/receipt/" + s.Number + ".png")
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/png" || w.Header().Get("Cache-Control") != "private, no-store" {
			t.Fatalf("%d %v", w.Code, w.Header())
		}
		images = append(images, w.Body.Bytes())
	}
	for i, text := range scantest.Read(t, images...) {
		s := stories()[i]
		if f, err := Verify(text, keysOf(h.signer)); err != nil || f.Number != s.Number || f.Amount != s.Amount {
			t.Errorf("%s: %v %+v", s.name, err, f)
		}
	}
	if _, err := qr.SVG(h.text(t, stories()[6]), qr.Options{}); err != nil {
		t.Errorf("the longest: %v", err)
	}
}

func TestThePublicKeyIsToldToEverybody(t *testing.T) {
	h := newHouse(t, "a")
	w := h.get("/receipt/public-key")
	keys, err := ParseKeys(w.Body.String())
	if err != nil || len(keys) != 1 || !keys[0].Equal(h.signer.Public()) || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%v %v %q", keys, err, w.Body)
	}
	w = h.get("/receipt/public-key", "Accept", "application/json")
	var said struct {
		Keys []struct {
			ID        string `json:"id"`
			Algorithm string `json:"algorithm"`
			Public    string `json:"public_key"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || len(said.Keys) != 1 || said.Keys[0].Algorithm != "Ed25519" ||
		said.Keys[0].ID+" "+said.Keys[0].Public != KeyLine(h.signer.Public()) || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%v %s", err, w.Body)
	}
}

func TestNoPageLetsAnythingElseIn(t *testing.T) {
	h := newHouse(t, "a")
	for path, scripts := range map[string]int{"/receipt/AZCTL8S942": 0, "/receipt/none": 0, "/receipt/verify": 1} {
		w := h.get(path)
		policy, page := w.Header().Get("Content-Security-Policy"), w.Body.String()
		if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "'self'") ||
			strings.Contains(policy, "script-src") != (scripts > 0) || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: %s", path, policy)
		}
		if strings.Count(page, "<script") != scripts || strings.Count(page, "<style") != 1 || regexp.MustCompile(`(?i)\son[a-z]+=|style=|@import|url\(`).MatchString(page) {
			t.Errorf("%s brings something else", path)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY", "X-Robots-Tag": "noindex, nofollow",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
	page := h.get("/receipt/verify").Body.String()
	if loads := regexp.MustCompile(`(?i)(src|href)="[^"]*"`).FindAllString(page, -1); strings.Join(loads, " ") != `href="data:," href="/receipt/verify"` {
		t.Errorf("the page that works without a network loads %v", loads)
	}
}

func TestAddressesOfReceiptsAreAbsolute(t *testing.T) {
	h := newHouse(t, "a")
	if got := h.URL("AZCTL8S942"); got != publicURL+"/receipt/AZCTL8S942" {
		t.Errorf("%s", got)
	}
	if got := h.URL(""); got != "" {
		t.Errorf("of no number: %s", got)
	}
	var _ interface{ AvatarURL(wallet.Wallet) string } = h.Pages
}
