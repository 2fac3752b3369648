package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sarraf/internal/clock"
)

// The headers of a signed call, as the Standard Webhooks specification names them; HTTP does not mind their case.
const (
	HeaderID        = "webhook-id"        // the delivery's stable id: the same at each attempt
	HeaderTimestamp = "webhook-timestamp" // when this attempt was made, in Unix seconds
	HeaderSignature = "webhook-signature" // one or more of "v1,BASE64", with a space between
)

// Tolerance is how far a receiver usually lets the timestamp be from its own clock, either way.
const Tolerance = 5 * time.Minute

const (
	secretPrefix  = "whsec_"
	secretBytes   = 32         // what NewSecret makes
	secretLeast   = 24         // the specification's bounds for a key, in bytes
	secretMost    = 64         //
	idMost        = 255        // bytes of an id
	signatureMark = "v1,"      // the symmetric scheme; other schemes in a header are passed over
	timestampMost = 9999999999 // Unix seconds that ten digits hold, far beyond any tolerance
)

// Errors of Verify, to be told apart with errors.Is.
var (
	ErrUnsigned  = errors.New("webhook: a signature header is missing, doubled or malformed")
	ErrStale     = errors.New("webhook: the timestamp is outside the tolerance")
	ErrSignature = errors.New("webhook: no signature fits")
)

// ErrSecret says that a text is no secret: not whsec_ and standard base64 of 24 to 64 bytes. It never quotes the text.
var ErrSecret = errors.New("webhook: not a secret")

// Secret is the key that one endpoint's calls are signed with. It prints as a placeholder everywhere; only Reveal tells
// it. The zero Secret signs nothing.
type Secret struct {
	key *secretKey // behind a pointer, so that printing a struct that holds a Secret does not print the bytes
}

type secretKey struct{ bytes []byte }

// NewSecret makes a secret of 32 random bytes.
func NewSecret() Secret {
	key := make([]byte, secretBytes)
	rand.Read(key) // never fails: the process ends instead
	return Secret{&secretKey{key}}
}

// ParseSecret reads a secret as Reveal prints it. The error is ErrSecret.
func ParseSecret(text string) (Secret, error) {
	encoded, found := strings.CutPrefix(text, secretPrefix)
	if !found || len(encoded) > base64.StdEncoding.EncodedLen(secretMost) || strings.ContainsAny(encoded, "\r\n") {
		return Secret{}, ErrSecret
	}
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(key) < secretLeast || len(key) > secretMost {
		return Secret{}, ErrSecret
	}
	return Secret{&secretKey{key}}, nil
}

// Reveal is the secret's text, whsec_ and base64: for the merchant who owns it and for encrypted keeping, nothing else.
func (s Secret) Reveal() string {
	if s.key == nil {
		return ""
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(s.key.bytes)
}

// String is a placeholder.
func (s Secret) String() string { return secretPrefix + "hidden" }

// Format prints the placeholder for every verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText is the placeholder: a secret that strays into JSON or a log is not told.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Sign is the value of the signature header for a call made at the given time (cut to seconds): one "v1,BASE64" for each
// secret, in their order, with a space between. Several secrets are for the time of a rotation. The id is 1 to 255 bytes of
// printable ASCII without a space or a full stop, since a full stop parts the signed content. It fails on any other id,
// on a time before 1970, and without a secret.
func Sign(id string, at time.Time, body []byte, secrets ...Secret) (string, error) {
	if !validID(id) {
		return "", fmt.Errorf("webhook: %q cannot be signed as an id", id)
	}
	stamp := at.Unix()
	if stamp < 0 || stamp > timestampMost {
		return "", fmt.Errorf("webhook: %d is no timestamp", stamp)
	}
	if len(secrets) == 0 {
		return "", fmt.Errorf("%w: none given", ErrSecret)
	}
	var b strings.Builder
	for i, s := range secrets {
		if s.key == nil {
			return "", fmt.Errorf("%w: an empty one", ErrSecret)
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(signatureMark)
		b.WriteString(base64.StdEncoding.EncodeToString(s.mac(id, strconv.FormatInt(stamp, 10), body)))
	}
	return b.String(), nil
}

// SignHeader sets the three headers of a call made at the given time. It fails where Sign does, and then sets none.
func SignHeader(h http.Header, id string, at time.Time, body []byte, secrets ...Secret) error {
	signature, err := Sign(id, at, body, secrets...)
	if err != nil {
		return err
	}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(HeaderSignature, signature)
	return nil
}

// Verify is the receiver's side: it checks that the headers hold a signature of the body by one of the secrets, and that the
// timestamp is within the tolerance of the clock, before or after, both ends included. Every signature is compared in
// constant time. In this order the errors are ErrUnsigned, ErrSignature and ErrStale, so that a stranger learns nothing
// about our clock.
func Verify(h http.Header, body []byte, tolerance time.Duration, now clock.Clock, secrets ...Secret) error {
	id, okID := single(h, HeaderID)
	text, okTime := single(h, HeaderTimestamp)
	signatures, okSignature := single(h, HeaderSignature)
	stamp, ok := parseTimestamp(text)
	if !okID || !okTime || !okSignature || !ok || !validID(id) {
		return ErrUnsigned
	}
	fits := false
	for _, s := range secrets {
		if s.key == nil {
			continue
		}
		want := s.mac(id, text, body)
		for given := range strings.FieldsSeq(signatures) {
			encoded, v1 := strings.CutPrefix(given, signatureMark)
			got, err := base64.StdEncoding.DecodeString(encoded)
			if v1 && err == nil && hmac.Equal(got, want) {
				fits = true
			}
		}
	}
	if !fits {
		return ErrSignature
	}
	if off := now.Now().Sub(time.Unix(stamp, 0)); off > tolerance || off < -tolerance {
		return ErrStale
	}
	return nil
}

// mac is HMAC-SHA-256 over id.timestamp.body.
func (s Secret) mac(id, timestamp string, body []byte) []byte {
	m := hmac.New(sha256.New, s.key.bytes)
	io.WriteString(m, id)
	m.Write([]byte{'.'})
	io.WriteString(m, timestamp)
	m.Write([]byte{'.'})
	m.Write(body)
	return m.Sum(nil)
}

// single is the header's one value; a header given twice is as bad as none, since two readers may take different ones.
func single(h http.Header, name string) (string, bool) {
	values := h.Values(name)
	if len(values) != 1 {
		return "", false
	}
	return values[0], true
}

func validID(id string) bool {
	if id == "" || len(id) > idMost {
		return false
	}
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c >= 0x7f || c == '.' {
			return false
		}
	}
	return true
}

// parseTimestamp reads Unix seconds: digits only, no sign, no leading zero but for 0 itself.
func parseTimestamp(text string) (int64, bool) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || n > timestampMost || strconv.FormatUint(n, 10) != text {
		return 0, false
	}
	return int64(n), true
}
