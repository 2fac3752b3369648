package adapter

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// Bounds of a secret, in bytes; they are those of the Standard Webhooks specification.
const (
	secretPrefix = "whsec_"
	secretLeast  = 24
	secretMost   = 64
)

var errSecret = errors.New("its signing secret is not whsec_ and standard base64 of 24 to 64 bytes")

// parseSecret reads a signing secret. The error never quotes it.
func parseSecret(text string) ([]byte, error) {
	encoded, found := strings.CutPrefix(text, secretPrefix)
	if !found || strings.ContainsAny(encoded, "\r\n") {
		return nil, errSecret
	}
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(key) < secretLeast || len(key) > secretMost {
		return nil, errSecret
	}
	return key, nil
}

// sign sets the headers of the Standard Webhooks specification: the order's id, the time in Unix seconds, and an HMAC-SHA256 over both and the
// body with full stops in between. The body of an inquiry is empty.
func (r *Rail) sign(h http.Header, id string, body []byte) {
	if r.key == nil {
		return
	}
	at := strconv.FormatInt(r.o.Clock.Now().Unix(), 10)
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", at)
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
