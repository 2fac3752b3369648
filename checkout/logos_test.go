package checkout

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sarraf/internal/browsertest"
	"sarraf/payout"
)

func TestDrawingsOfPayoutMethodsAreServedToAnybodysPage(t *testing.T) {
	for _, k := range payout.Catalog() {
		path := LogoPath(k.Kind)
		if path != "/_sarraf/payout/"+k.Kind+".svg" { // merchants keep it
			t.Errorf("%s is at %s", k.Kind, path)
		}
		w := httptest.NewRecorder()
		served(t).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), payout.Logo(k.Kind)) {
			t.Errorf("%s: %d %.100s", path, w.Code, w.Body)
		}
		for name, want := range map[string]string{
			"Content-Type": "image/svg+xml", "Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'", "Access-Control-Allow-Origin": "*",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
}

func TestWhatIsNoDrawingOfAMethodIsNotThere(t *testing.T) {
	for _, path := range []string{
		"/_sarraf/payout/none.svg", "/_sarraf/payout/bkash", "/_sarraf/payout/bkash.png", "/_sarraf/payout/.svg", "/_sarraf/payout/BKASH.svg",
		"/_sarraf/payout/..%2Flogos%2Fbkash.svg", "/_sarraf/payout/bkash.svg/x", "/_sarraf/payout/",
	} {
		w := httptest.NewRecorder()
		served(t).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusNotFound || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	if path := LogoPath("none"); path != "" {
		t.Errorf("a kind without a drawing has the path %s", path)
	}
}

// As they stand on a merchant's page: each is drawn, in light and in dark, large and small.
func TestDrawingsOfPayoutMethodsAreSeen(t *testing.T) {
	var page strings.Builder
	page.WriteString(`<!doctype html><html lang="en"><head><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">` +
		`<title>Ways to be paid</title><style>:root{color-scheme:light dark}</style></head><body><p>`)
	for _, k := range payout.Catalog() {
		for _, width := range []int{96, 32} {
			fmt.Fprintf(&page, `<img src="%s" width="%d" alt="%s"> `, LogoPath(k.Kind), width, k.Name)
		}
	}
	page.WriteString("</p></body></html>")
	mux := http.NewServeMux()
	mux.Handle("/_sarraf/", served(t))
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(page.String()))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	browser := browsertest.Start(t)
	for name, view := range map[string]browsertest.View{"light": {Width: 720, Height: 400}, "dark": {Width: 360, Height: 740, Phone: true, Dark: true}} {
		t.Run(name, func(t *testing.T) {
			tab := browser.Tab(t, view)
			tab.Open(server.URL + "/page")
			tab.Wait(fmt.Sprintf(`[...document.images].filter(i => i.complete && i.naturalWidth === 96).length === %d`, 2*len(payout.Catalog())))
			tab.Shot("payout-logos-" + name)
		})
	}
}
