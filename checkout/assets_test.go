package checkout

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func fetchAsset(method, path, accept string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept-Encoding", accept)
	w := httptest.NewRecorder()
	Assets().ServeHTTP(w, r)
	return w
}

func TestAssetsAreServedForGood(t *testing.T) {
	for _, a := range assetTypes {
		url := assetURL(a.name)
		if !regexp.MustCompile(`^/_sarraf/[a-z.]+\.[0-9a-f]{12}\.(css|js|svg)$`).MatchString(url) {
			t.Errorf("%s is at %s", a.name, url)
		}
		w := fetchAsset(http.MethodGet, url, "br")
		if w.Code != http.StatusOK || w.Body.Len() == 0 || w.Header().Get("Content-Type") != a.mime ||
			w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" || w.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: %d %v", url, w.Code, w.Header())
		}
		plain := w.Body.Bytes()

		w = fetchAsset(http.MethodGet, url, "br, gzip;q=0.8")
		if w.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%s is not compressed: %v", url, w.Header())
			continue
		}
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s decompresses to something else (%v)", url, err)
		}

		w = fetchAsset(http.MethodHead, url, "")
		if w.Code != http.StatusOK || w.Body.Len() != 0 {
			t.Errorf("HEAD %s: %d with %d bytes", url, w.Code, w.Body.Len())
		}
	}
}

func TestAssetOfAnotherReleaseIsNotKept(t *testing.T) {
	w := fetchAsset(http.MethodGet, "/_sarraf/pay.000000000000.css", "")
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestNoOtherFileIsServed(t *testing.T) {
	for _, path := range []string{
		"/_sarraf/", "/_sarraf/pay.css", "/_sarraf/htmx.LICENSE", "/_sarraf/htmx.000000000000.LICENSE", "/_sarraf/../pay.0.css",
		"/_sarraf/x.000000000000.css", "/pay.000000000000.css", "/_sarraf/.css", "/_sarraf/.",
	} {
		if w := fetchAsset(http.MethodGet, path, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if url := assetURL("none.css"); url != "" {
		t.Errorf("an asset that is not there has the address %s", url)
	}
}

func TestStyleSheetNamesOnlyHashedFilesOfOurs(t *testing.T) {
	css := string(assets()["pay.css"].plain)
	found := regexp.MustCompile(`url\([^)]*\)`).FindAllString(css, -1)
	if len(found) == 0 {
		t.Fatal("no image in the style sheet")
	}
	for _, f := range found {
		if f != `url("`+strings.TrimPrefix(assetURL("guilloche.svg"), assetPrefix)+`")` {
			t.Errorf("the style sheet names %s", f)
		}
	}
	if physical := regexp.MustCompile(`(?m)^\s*(margin|padding|border|inset)?-?(left|right|top|bottom|width|height):`).FindString(css); physical != "" {
		t.Errorf("the style sheet is not logical: %s", physical)
	}
}

func TestGzipIsSentToWhoTakesIt(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "gzip": true, "gzip, br": true, "br , gzip ; q=0.5": true, "gzip;q=0": false, "gzip;q=0.000": false,
		"identity": false, "x-gzip": false, "*": false,
	} {
		if got := takesGzip(accept); got != want {
			t.Errorf("%q: %v, want %v", accept, got, want)
		}
	}
}
