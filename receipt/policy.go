package receipt

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
)

var (
	//go:embed assets/receipt.css
	style string
	//go:embed assets/verify.js
	script string
)

// The style and the script stand in the pages, so that a saved page is whole; the policies let nothing else in.
func styleElement() string  { return "<style>" + style + "</style>" }
func scriptElement() string { return "<script>" + script + "</script>" }

// hashed is the source by which a policy lets in exactly this text.
func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// pagePolicy is the Content-Security-Policy of a receipt's page and of the error pages: their own style, and nothing that runs.
func pagePolicy() string {
	return "default-src 'none'; style-src " + hashed(style) + "; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// verifyPolicy is that of the page that checks, as it stands in the page too: its own style and script, and no network at all.
func verifyPolicy() string {
	return "default-src 'none'; script-src " + hashed(script) + "; style-src " + hashed(style) + "; img-src data:; base-uri 'none'; form-action 'none'"
}
