package api

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/merchant"
	"sarraf/store"
)

// command is the input of a write: its body, read strictly, its Idempotency-Key, and what its path names.
type command struct {
	fields httpx.Fields
	key    *store.Key // nil without the header
	name   string     // the path's {id}, "" where it has none
}

// Resolve is called by huma before the handler runs.
func (c *command) Resolve(ctx huma.Context) []error {
	x, ok := ctx.(*exchange)
	if !ok {
		return []error{fault.New(fault.Bug)}
	}
	if err := c.read(x.r, x.blind); err != nil {
		x.fail(err)
		return []error{err}
	}
	return nil
}

// blind makes of a text what only this program can make of it, so that what is kept of a request with a PIN in it is worth nothing to whoever
// reads the database: of a plain hash, the PIN would be found in 10,000 tries. It is nil where no PIN comes.
type blind func(string) string

func (c *command) read(r *http.Request, hide blind) (err error) {
	c.name = r.PathValue("id")
	c.fields, c.key, err = readBody(r, httpx.DefaultMaxBody, hide)
	return err
}

// readBody is the body of a write, at most so many bytes of it, with its Idempotency-Key.
func readBody(r *http.Request, most int64, hide blind) (httpx.Fields, *store.Key, error) {
	key, err := httpx.IdempotencyKey(r.Header)
	if err != nil {
		return httpx.Fields{}, nil, err
	}
	body, err := httpx.ReadBody(r, most)
	if err != nil {
		return httpx.Fields{}, nil, err
	}
	// Whatever the header says, only JSON is read here.
	f, err := httpx.ParseFields("application/json", body)
	if err != nil || key == "" {
		return f, nil, err
	}
	text := string(body)
	if hide != nil {
		text = hide(text)
	}
	return f, merchant.IdempotencyKey(Name, key, r.Method, r.URL.Path, text), nil
}

var keyMost, keyLeast = httpx.MaxIdempotencyKey, 1

// keyParam documents the header.
var keyParam = &huma.Param{
	Name: httpx.IdempotencyHeader, In: "header",
	Description: "1 to 255 visible ASCII characters of your choice. The same key with the same body gets the same answer, byte for " +
		"byte, and nothing is done twice; with another body it is refused. Kept for 24 hours at least.",
	Schema: &huma.Schema{Type: huma.TypeString, MinLength: &keyLeast, MaxLength: &keyMost, Pattern: "^[!-~]+$"},
}

// idParam documents the {id} of a write's path.
func idParam(path string) *huma.Param {
	text := "A wallet's id."
	if strings.HasPrefix(path, "/v1/payouts/batches/{id}") {
		text = "A batch's id."
	} else if strings.HasPrefix(path, "/v1/payouts/{id}") {
		text = "A payout's own id."
	}
	return &huma.Param{Name: "id", In: "path", Required: true, Description: text, Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"}}
}
