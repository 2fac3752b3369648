package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sarraf/internal/httpx"
)

// lean is a handler of a route that is asked thousands of times a second: huma describes the operation, and the request does not pass
// through it. What it answers as an error the door words like every other.
type lean func(w http.ResponseWriter, r *http.Request, c caller) error

// The names under which an operation's metadata has its lean handler, and how long its body may be.
const (
	leanKey = "lean"
	bodyKey = "body"
	// privateKey is set where the body may hold a PIN.
	privateKey = "private"
)

// registerLean adds one operation that writes: to the document as registerWrite does, and to the routes with a handler of its own.
func registerLean[B, O any](h huma.API, need access, op huma.Operation, maxBody int64, serve lean) {
	op.Metadata = map[string]any{leanKey: serve, bodyKey: maxBody}
	registerWrite[B, O](h, need, op, nil)
}

// serveLean is the handler of a lean route. The caller is known before anything else is looked at.
func (a *api) serveLean(op *huma.Operation, need access, serve lean) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := a.authenticate(r, need)
		if err == nil {
			err = readable(op, r)
		}
		if err == nil {
			err = serve(w, r, c)
		}
		if err != nil {
			httpx.Fail(w, r, err)
		}
	})
}
