package checkout

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"sarraf/fault"
	"sarraf/internal/httpx"
)

// AssetPattern is the route that Assets is to be served at, for GET and HEAD.
const AssetPattern = assetPrefix + "{file}"

const assetPrefix = "/_sarraf/"

//go:embed assets
var assetFiles embed.FS

// assetTypes has every asset that is served. Order matters: a style sheet comes after the images it names.
var assetTypes = []struct{ name, mime string }{
	{"guilloche.svg", "image/svg+xml"},
	{"mark.svg", "image/svg+xml"},
	{"htmx.min.js", "text/javascript; charset=utf-8"},
	{"pay.css", "text/css; charset=utf-8"},
}

// asset is one file, ready to be sent.
type asset struct {
	url, mime   string
	plain, gzip []byte
}

// assets reads and hashes the embedded files once. In a style sheet, url("name") becomes the hashed name beside it.
var assets = sync.OnceValue(func() map[string]asset {
	all := make(map[string]asset, len(assetTypes))
	for _, t := range assetTypes {
		body, err := assetFiles.ReadFile("assets/" + t.name)
		if err != nil {
			panic(err) // not built in: nothing that input can cause
		}
		if path.Ext(t.name) == ".css" {
			for name, other := range all {
				body = bytes.ReplaceAll(body, []byte(`url("`+name+`")`), []byte(`url("`+path.Base(other.url)+`")`))
			}
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(t.name)
		all[t.name] = asset{
			url:   assetPrefix + strings.TrimSuffix(t.name, ext) + "." + hex.EncodeToString(sum[:6]) + ext,
			mime:  t.mime,
			plain: body,
			gzip:  squeeze(body),
		}
	}
	return all
})

func squeeze(body []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // fails on an unknown level only
	_, _ = w.Write(body)                                  // a bytes.Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// assetURL is the address of an asset, which changes with its content. It is "" for a name that is not there.
func assetURL(name string) string { return assets()[name].url }

// Assets serves the style sheet, the script and the drawings of the page under AssetPattern, to be kept for a year by whoever
// fetched them. A name with another version's hash, as a page of the release before asks for it during a change of release, gets
// today's file, not to be kept. Anything else is 404.
func Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, current, ok := findAsset(r.URL.Path)
		if !ok {
			httpx.Fail(w, r, fault.New(fault.RouteUnknown))
			return
		}
		h := w.Header()
		h.Set("Content-Type", a.mime)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Vary", "Accept-Encoding")
		h.Set("Cache-Control", "no-cache")
		if current {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		body := a.plain
		if takesGzip(r.Header.Get("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			body = a.gzip
		}
		h.Set("Content-Length", strconv.Itoa(len(body)))
		if r.Method != http.MethodHead {
			_, _ = w.Write(body) // a reader that went away is not our trouble
		}
	})
}

// findAsset looks up a path; current tells whether its hash is today's.
func findAsset(p string) (a asset, current, ok bool) {
	file, found := strings.CutPrefix(p, assetPrefix)
	if !found {
		return asset{}, false, false
	}
	ext := path.Ext(file)
	stem := strings.TrimSuffix(file, ext)
	dot := strings.LastIndexByte(stem, '.')
	if dot < 0 {
		return asset{}, false, false
	}
	a, ok = assets()[stem[:dot]+ext]
	return a, a.url == p, ok
}

// takesGzip reads an Accept-Encoding header, leaning to no.
func takesGzip(accept string) bool {
	return slices.ContainsFunc(strings.Split(accept, ","), func(part string) bool {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(name) != "gzip" {
			return false
		}
		q = strings.ReplaceAll(q, " ", "")
		return q == "" || (strings.HasPrefix(q, "q=") && strings.Trim(q[2:], "0.") != "")
	})
}
