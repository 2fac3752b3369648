package api

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io"
	"net/http"
	"strconv"
	"strings"

	"sarraf/internal/httpx"
)

// assets holds the script of the pages, compressed as it is sent. assets/README.md says where it is from.
//
//go:embed assets/docs.html assets/scalar.js.gz
var assets embed.FS

const (
	docsPath = "/docs"
	// scriptPath has the script's version in it, so that browsers may keep it for good.
	scriptPath = docsPath + "/scalar-1.46.4.js"
	// docsPolicy lets the page load nothing from elsewhere. The script puts its own styles into the page.
	docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
		"font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// docRoutes are the page that shows the document, and its script.
func docRoutes() ([]httpx.Route, error) {
	page, err := assets.ReadFile("assets/docs.html")
	if err != nil {
		return nil, err
	}
	script, err := assets.ReadFile("assets/scalar.js.gz")
	if err != nil {
		return nil, err
	}
	return []httpx.Route{
		{Method: http.MethodGet, Pattern: docsPath, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Security-Policy", docsPolicy)
			httpx.WriteRaw(w, http.StatusOK, "text/html; charset=utf-8", page)
		})},
		{Method: http.MethodGet, Pattern: scriptPath, Handler: compressed(script)},
	}, nil
}

// compressed serves a script that is kept as gzip: as it is to those who take that, else unpacked.
func compressed(packed []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("Vary", "Accept-Encoding")
		if takesGzip(r.Header) {
			h.Set("Content-Encoding", "gzip")
			h.Set("Content-Length", strconv.Itoa(len(packed)))
			_, _ = w.Write(packed)
			return
		}
		plain, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			httpx.Fail(w, r, err)
			return
		}
		_, _ = io.Copy(w, plain) // that the caller no longer listens is not an error of ours
	})
}

// takesGzip reports whether the Accept-Encoding header allows gzip.
func takesGzip(h http.Header) bool {
	for _, list := range h["Accept-Encoding"] {
		for item := range strings.SplitSeq(list, ",") {
			coding, params, _ := strings.Cut(item, ";")
			if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
				continue
			}
			weight, weighed := strings.CutPrefix(strings.TrimSpace(params), "q=")
			return !weighed || strings.Trim(weight, "0.") != "" // a weight of 0, however it is written, says no
		}
	}
	return false
}
