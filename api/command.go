package api

import (
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/store"
)

// command is the input of every write: its body, read strictly, and its Idempotency-Key.
type command struct {
	fields httpx.Fields
	key    *store.Key // nil without the header
}

// Resolve is called by huma before the handler runs.
func (c *command) Resolve(ctx huma.Context) []error {
	x, ok := ctx.(*exchange)
	if !ok {
		return []error{fault.New(fault.Bug)}
	}
	if err := c.read(x.r); err != nil {
		x.fail(err)
		return []error{err}
	}
	return nil
}

func (c *command) read(r *http.Request) error {
	key, err := idempotencyKey(r.Header)
	if err != nil {
		return err
	}
	body, err := httpx.ReadBody(r, httpx.DefaultMaxBody)
	if err != nil {
		return err
	}
	// Whatever the header says, only JSON is read here.
	if c.fields, err = httpx.ParseFields("application/json", body); err != nil {
		return err
	}
	if key != "" {
		c.key = &store.Key{Door: Name, Key: key, Hash: store.BodyHash(r.Method, r.URL.Path, string(body))}
	}
	return nil
}

const (
	keyHeader = "Idempotency-Key"
	maxIdem   = 255 // characters of an Idempotency-Key
)

// idempotencyKey is the value of the header, "" without one. Faults on the header's name: FieldMalformed for an empty one, for two,
// and for anything but visible ASCII; FieldTooLong.
func idempotencyKey(h http.Header) (string, error) {
	values := h[keyHeader]
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(values) > 1 || key == "" {
		return "", fault.New(fault.FieldMalformed).On(keyHeader)
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return "", fault.New(fault.FieldMalformed).On(keyHeader)
		}
	}
	if len(key) > maxIdem {
		return "", fault.New(fault.FieldTooLong).On(keyHeader).With("max", strconv.Itoa(maxIdem))
	}
	return key, nil
}

var keyMost, keyLeast = maxIdem, 1

// keyParam documents the header.
var keyParam = &huma.Param{
	Name: keyHeader, In: "header",
	Description: "1 to 255 visible ASCII characters of your choice. The same key with the same body gets the same answer, byte for " +
		"byte, and nothing is done twice; with another body it is refused. Kept for 24 hours at least.",
	Schema: &huma.Schema{Type: huma.TypeString, MinLength: &keyLeast, MaxLength: &keyMost, Pattern: "^[!-~]+$"},
}
