package receipt

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/wallet"
)

func (h *house) face(t testing.TB, url string) string {
	t.Helper()
	w := h.get(strings.TrimPrefix(url, publicURL))
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/svg+xml" || w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
		t.Fatalf("%s: %d %v", url, w.Code, w.Header())
	}
	return w.Body.String()
}

func TestInitialsAreThoseOfTheName(t *testing.T) {
	for name, want := range map[string]string{
		"John Smith": "J|S", "SHARE & TRIP": "S|T", "john": "J", "  mary   ann  jones ": "M|J", "24/7 Shop": "2|S", "": "·", "!!! ???": "·",
		"রহিম উদ্দিন চৌধুরী": "র|চ", "মোহাম্মদ আব্দুর রহমান": "ম|র", "য\u09bcাসির": "য\u09bc", "شیئر اینڈ ٹرپ": "ش|ٹ", "محمد علی": "م|ع", "e\u0301mile zola": "E\u0301|Z",
		"ا\u0653صف": "ا\u0653", "(Best) \"Deals\"": "B|D", "李 小龙": "李|小", "ßtraße": "ß", "\xff\xfe x": "X", "O'Neill-Brown": "O",
	} {
		if got := strings.ReplaceAll(initials(name), apart, "|"); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestAFaceShowsInitialsOnTheColourOfItsWallet(t *testing.T) {
	h := newHouse(t, "a")
	w := wallet.Wallet{Owner: stories()[0].Owner, Name: "রহিম উদ্দিন", Number: "+8801712345678"}
	url := h.AvatarURL(w)
	if !regexp.MustCompile(`^https://pay\.example\.com/_sarraf/avatar/[A-Za-z0-9_-]+\.svg$`).MatchString(url) {
		t.Fatalf("%s", url)
	}
	face := h.face(t, url)
	if !strings.Contains(face, ">র"+apart+"উ</text>") {
		t.Errorf("%s", face)
	}
	if h.AvatarURL(w) != url {
		t.Error("the address is another each time, and nobody can keep it")
	}
	colours := map[string]int{}
	for range 300 {
		w.Owner = id.New(clock.System{})
		colours[regexp.MustCompile(`rect[^>]*fill="(#[0-9a-f]{6})"`).FindStringSubmatch(h.face(t, h.AvatarURL(w)))[1]]++
	}
	if len(colours) != len(shades) {
		t.Errorf("%d colours for 300 wallets: %v", len(colours), colours)
	}
}

func TestAFacesAddressTellsNothing(t *testing.T) {
	h := newHouse(t, "a")
	rapid.Check(t, func(rt *rapid.T) {
		w := wallet.Wallet{Owner: id.New(clock.System{}), Name: rapid.StringN(0, 200, -1).Draw(rt, "name"), Number: "+8801712345678"}
		url := h.AvatarURL(w)
		if len(url) > 150 || strings.Contains(url, w.Owner) || strings.Contains(url, "1712345678") {
			rt.Fatalf("%s", url)
		}
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(url, publicURL+avatarPath), avatarEnd))
		if i := initials(w.Name); err != nil || len(i) > 2 && strings.Contains(string(raw), i) {
			rt.Fatalf("%s holds %q (%v)", url, i, err)
		}
		face := h.face(t, url)
		if strings.Contains(face, "<script") || strings.Count(face, "<") != 5 {
			rt.Fatalf("%q: %s", w.Name, face)
		}
	})
}

func TestNobodyMakesAFaceWithoutTheKey(t *testing.T) {
	h, other := newHouse(t, "a"), newHouse(t, "b")
	w := wallet.Wallet{Owner: stories()[0].Owner, Name: "John Smith"}
	path := strings.TrimPrefix(h.AvatarURL(w), publicURL)
	name := strings.TrimSuffix(strings.TrimPrefix(path, avatarPath), avatarEnd)
	for why, bad := range map[string]string{
		"another house's": strings.TrimPrefix(other.AvatarURL(w), publicURL), "cut": avatarPath + name[:len(name)-4] + avatarEnd, "without its end": avatarPath + name,
		"another end": avatarPath + name + ".png", "longer": avatarPath + name + "AAAA" + avatarEnd, "huge": avatarPath + strings.Repeat("A", 4000) + avatarEnd,
		"padded": avatarPath + name + "=" + avatarEnd, "empty": avatarPath + avatarEnd, "a break": avatarPath + name + "%0A" + avatarEnd,
		"changed": avatarPath + "A" + strings.Map(func(r rune) rune { return r ^ 1 }, name[1:2]) + name[2:] + avatarEnd,
	} {
		if got := h.get(bad); got.Code != http.StatusNotFound || got.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d", why, got.Code)
		}
	}
	both := newHouse(t, "ba")
	if got := both.get(path); got.Code != http.StatusOK {
		t.Errorf("with a newer master key in front: %d", got.Code)
	}
}
