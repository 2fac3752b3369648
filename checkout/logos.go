package checkout

import (
	"net/http"
	"strings"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/payout"
)

// The drawings of the ways to pay out. Merchants keep their addresses, so these stay the same when a drawing changes.
const (
	logoPrefix = assetPrefix + "payout/"
	logoEnd    = ".svg"
)

// LogoPath is the path of the drawing of a kind of payout method; "" for a kind that has none.
func LogoPath(kind string) string {
	if payout.Logo(kind) == nil {
		return ""
	}
	return logoPrefix + kind + logoEnd
}

// logo serves a drawing to anybody's page, to be kept for a day by whoever fetched it.
func logo(w http.ResponseWriter, r *http.Request) {
	kind, ok := strings.CutSuffix(r.PathValue("file"), logoEnd)
	drawing := payout.Logo(kind)
	if !ok || drawing == nil {
		httpx.Fail(w, r, fault.New(fault.RouteUnknown))
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=86400")
	h.Set("Access-Control-Allow-Origin", "*") // a drawing on a canvas of somebody's page
	httpx.WriteRaw(w, http.StatusOK, "image/svg+xml", drawing)
}
