package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"sarraf/internal/browsertest"
)

func TestTheScriptIsServedPackedAndUnpacked(t *testing.T) {
	h := lightHouse(t)
	raw, err := os.ReadFile("assets/README.md")
	if err != nil {
		t.Fatal(err)
	}
	sum := func(b []byte) string {
		s := sha256.Sum256(b)
		return hex.EncodeToString(s[:])
	}
	for accept, packed := range map[string]bool{
		"": false, "gzip": true, "br, GZIP;q=0.5": true, "gzip;q=0": false, "gzip; q=0.000": false, "deflate, gzip;q=1.0": true,
		"identity": false, "gzipped": false,
	} {
		a := h.call("GET", scriptPath, "", "", "Accept-Encoding", accept)
		body := []byte(a.body)
		if (a.header.Get("Content-Encoding") == "gzip") != packed || a.status != 200 {
			t.Errorf("%q: %d %v", accept, a.status, a.header)
			continue
		}
		if packed {
			r, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
		if !strings.Contains(string(raw), sum(body)) {
			t.Errorf("%q: the script is another than assets/README.md says: %s", accept, sum(body))
		}
		for name, want := range map[string]string{
			"Content-Type": "text/javascript; charset=utf-8", "Vary": "Accept-Encoding",
			"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%q: %s is %q", accept, name, got)
			}
		}
	}
}

func TestThePageShowsTheDocumentAndLoadsNothingFromElsewhere(t *testing.T) {
	h := lightHouse(t)
	page := h.call("GET", "/docs/", "", "")
	if page.status != 200 || page.header.Get("Content-Security-Policy") != docsPolicy || !strings.Contains(page.body, scriptPath) {
		t.Fatalf("%d %v %s", page.status, page.header, page.body)
	}
	server := httptest.NewServer(h.handler)
	defer server.Close()
	tab := browsertest.Start(t).Tab(t, browsertest.View{Width: 1280, Height: 900})
	// The script asks whether it may make functions of text. The policy says no, and it goes on without.
	tab.Allow("policy: script-src")
	if status := tab.Open(server.URL + "/docs"); status != 200 {
		t.Fatalf("status %d", status)
	}
	// It draws what is looked at, so each text is waited for.
	shows := func(text string) { tab.Wait("document.body.innerText.includes(" + strconv.Quote(text) + ")") }
	for _, text := range []string{"Sarraf", "List invoices", "List events", "Play the payer"} {
		shows(text)
	}
	tab.Open(server.URL + "/docs#tag/sandbox/POST/v1/sandbox/pay")
	shows("Idempotency-Key")
	shows("/v1/sandbox/pay")
	away := browsertest.Eval[[]string](tab,
		`performance.getEntriesByType("resource").map(e => e.name).filter(u => !u.startsWith(location.origin) && !u.startsWith("data:"))`)
	if len(away) > 0 {
		t.Errorf("the page asks elsewhere: %v", away)
	}
	tab.Shot("api-docs")
}
