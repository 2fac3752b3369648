package receipt

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/wallet"
)

const (
	avatarPrefix  = "/_sarraf/avatar"
	avatarPath    = avatarPrefix + "/"
	avatarPurpose = "avatar"
	avatarEnd     = ".svg"
	// maxAvatar is longer than any name of ours: 29 bytes and the initials', in base64.
	maxAvatar = 128
)

// shades are the colours of faces: white letters can be read on each (4.5 to 1).
var shades = [...]string{
	"#0b6650", "#1d5c8a", "#5a4fa3", "#8a3a78", "#a3312a", "#8a5200", "#4d6b1e", "#0f6a74", "#3d5a99", "#7a4a2b", "#a02c5b", "#4a5a63",
}

// AvatarURL is the absolute address of the holder's face: the initials of the name on a colour that goes with the wallet's id. The address
// holds no name, number or id that anybody else could read, changes with the initials alone, and may be kept for ever.
func (p *Pages) AvatarURL(w wallet.Wallet) string {
	sum := sha256.Sum256([]byte(w.Owner))
	sealed, err := p.Keys.Seal(avatarPurpose, append([]byte{sum[0] % byte(len(shades))}, initials(w.Name)...), nil)
	if err != nil {
		return "" // a master key that is none, which cannot be had
	}
	return p.public + avatarPath + base64.RawURLEncoding.EncodeToString(sealed) + avatarEnd
}

// avatar draws the face that an address names.
func (p *Pages) avatar(w http.ResponseWriter, r *http.Request) error {
	name, ok := strings.CutSuffix(r.PathValue("file"), avatarEnd)
	if !ok || len(name) > maxAvatar || strings.ContainsAny(name, "\r\n") {
		return fault.New(fault.RouteUnknown)
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(name)
	if err != nil {
		return fault.New(fault.RouteUnknown)
	}
	said, err := p.Keys.Open(avatarPurpose, sealed, nil)
	if err != nil || len(said) == 0 || int(said[0]) >= len(shades) {
		return fault.New(fault.RouteUnknown)
	}
	h := w.Header()
	secure(h, "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Access-Control-Allow-Origin", "*") // a drawing on a canvas of somebody's page
	httpx.WriteRaw(w, http.StatusOK, "image/svg+xml", face(shades[said[0]], string(said[1:])))
	return nil
}

// face is the drawing.
func face(shade, letters string) []byte {
	size := 44
	if utf8.RuneCountInString(strings.ReplaceAll(letters, apart, "")) == 1 {
		size = 52
	}
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" width="128" height="128" viewBox="0 0 128 128"><rect width="128" height="128" fill="%s"/>`+
		`<text x="64" y="66" fill="#fff" font-family="system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans Bengali', 'Noto Naskh Arabic', 'DejaVu Sans', sans-serif" `+
		`font-size="%d" font-weight="600" text-anchor="middle" dominant-baseline="central">%s</text></svg>`, shade, size, html.EscapeString(letters))
}

// apart keeps letters that would join each in its own form (zero width non-joiner).
const apart = "\u200c"

// initials are the first letters of the first and the last word of a name, in any script; a dot for a name without letters or digits.
func initials(name string) string {
	var list []string
	for word := range strings.FieldsSeq(name) {
		if i := initial(word); i != "" {
			list = append(list, i)
		}
	}
	switch len(list) {
	case 0:
		return "·"
	case 1:
		return list[0]
	}
	return list[0] + apart + list[len(list)-1]
}

// initial is the first letter or digit of a word, as a capital where its script has them, with the mark that makes it another letter.
func initial(word string) string {
	for i, r := range word {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			continue
		}
		letter := strings.ToUpper(string(r))
		mark, n := utf8.DecodeRuneInString(word[i+utf8.RuneLen(r):])
		// Accents; the Bengali dot below; the Arabic madda and hamzas.
		if n > 0 && (mark >= 0x300 && mark <= 0x36f || mark == 0x9bc || mark >= 0x653 && mark <= 0x655) {
			letter += string(mark)
		}
		return letter
	}
	return ""
}
