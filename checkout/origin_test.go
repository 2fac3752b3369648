package checkout

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
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
