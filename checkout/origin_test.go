package checkout

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"sarraf/internal/httpx"
)

func TestAPostIsOursByThePublicURLToo(t *testing.T) {
	h := newHost(Deps{PublicURL: "https://pay.example.com", Log: slog.New(slog.DiscardHandler)})
	for origin, ours := range map[string]bool{
		"https://pay.example.com":      true, // behind a proxy that puts its own name into Host
		"http://127.0.0.1:8080":        true, // the Host itself
		"":                             true, // no browser
		"https://evil.example":         false,
		"http://pay.example.com":       false,
		"https://pay.example.com.evil": false,
		"null":                         false,
	} {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8080/methods/t", nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if err := h.origin.Check(r); (err == nil) != ours {
			t.Errorf("origin %q: %v", origin, err)
		}
	}
}

// served is the checkout without a dialect behind a mux.
func served(t *testing.T) http.Handler {
	t.Helper()
	mux, err := httpx.NewMux(httpx.Options{}, New(Deps{PublicURL: "https://pay.example.com", Log: slog.New(slog.DiscardHandler)}))
	if err != nil {
		t.Fatal(err)
	}
	return mux
}

func TestAFileThatIsNotThereIsOurErrorPage(t *testing.T) {
	for _, path := range []string{"/_sarraf/none.css", "/_sarraf/a%2Fb", "/_sarraf/pay.css", "/_sarraf/", "/_sarraf/a/b/c"} {
		w := httptest.NewRecorder()
		served(t).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusNotFound || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(w.Body.String(), "<!doctype html>") {
			t.Errorf("%s: %d %v %.100s", path, w.Code, w.Header(), w.Body)
		}
	}
}

func TestAPageForAPayerWhoHasGoneIsNoFailureOfOurs(t *testing.T) {
	gone, leave := context.WithCancel(t.Context())
	leave()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(gone, http.MethodGet, "/methods/t", nil)
	if err := draw(w, r, http.StatusNotFound, Trouble(Problem{Kind: NotFound})); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusNotFound || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(w.Body.String(), "</html>") {
		t.Errorf("%d %v %.100s", w.Code, w.Header(), w.Body)
	}
}

func TestAPageThatCannotBeDrawnIsNotSentInPart(t *testing.T) {
	broken := templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return errors.New("out of ink")
	})
	w := httptest.NewRecorder()
	if err := draw(w, httptest.NewRequest(http.MethodGet, "/methods/t", nil), http.StatusOK, broken); err == nil || w.Body.Len() != 0 {
		t.Errorf("%v %q", err, w.Body)
	}
}
