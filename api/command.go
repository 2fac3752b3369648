package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/merchant"
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
	key, err := httpx.IdempotencyKey(r.Header)
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
	c.key = merchant.IdempotencyKey(Name, key, r.Method, r.URL.Path, string(body))
	return nil
}

var keyMost, keyLeast = httpx.MaxIdempotencyKey, 1

// keyParam documents the header.
var keyParam = &huma.Param{
	Name: httpx.IdempotencyHeader, In: "header",
	Description: "1 to 255 visible ASCII characters of your choice. The same key with the same body gets the same answer, byte for " +
		"byte, and nothing is done twice; with another body it is refused. Kept for 24 hours at least.",
	Schema: &huma.Schema{Type: huma.TypeString, MinLength: &keyLeast, MaxLength: &keyMost, Pattern: "^[!-~]+$"},
}
