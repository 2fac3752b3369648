package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"sarraf/fault"
	"sarraf/internal/httpx"
)

// adapter is what huma registers operations with: it makes routes of them.
type adapter struct {
	api  *api
	list []httpx.Route
}

// Handle adds the route of one operation. The caller is known before huma looks at the request, so that a stranger learns nothing
// of what a good request would be.
func (ad *adapter) Handle(op *huma.Operation, run func(huma.Context)) {
	need, ok := op.Metadata[accessKey].(access)
	if !ok {
		panic("api: an operation without a right: " + op.OperationID)
	}
	if serve, ok := op.Metadata[leanKey].(lean); ok {
		most, _ := op.Metadata[bodyKey].(int64)
		ad.list = append(ad.list, httpx.Route{Method: op.Method, Pattern: op.Path, MaxBody: most, Handler: ad.api.serveLean(op, need, serve)})
		return
	}
	ad.list = append(ad.list, httpx.Route{
		Method: op.Method, Pattern: op.Path,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			x := &exchange{humaContext: humago.NewContext(op, r, w), w: w, r: r}
			if private, _ := op.Metadata[privateKey].(bool); private {
				x.blind = ad.api.Wallets.BlindPIN
			}
			if x.caller, x.wrong = ad.api.authenticate(r, need); x.wrong == nil {
				x.wrong = readable(op, r)
			}
			if x.wrong == nil {
				x.ctx = context.WithValue(r.Context(), exchangeKey{}, x)
				run(x)
			}
			if x.wrong != nil {
				httpx.Fail(w, r, x.wrong)
			}
		}),
	})
}

// readable is a fault for a request whose parameters can be taken in two ways: huma passes over what it cannot decode, takes the first
// of two, and reads +1 and 01 as 1. Faults: BodyMalformed for a query that cannot be decoded, or has a name twice; FieldNotString for a
// list; FieldNotInteger for a number that is not written plainly.
func readable(op *huma.Operation, r *http.Request) error {
	query, err := httpx.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
		return fault.New(fault.BodyMalformed).Wrap(err)
	}
	for _, p := range op.Parameters {
		text := r.PathValue(p.Name)
		if p.In == "query" {
			var wrong *fault.Error
			if text, _, wrong = query.String(p.Name); wrong != nil {
				return wrong
			}
		}
		if p.In == "header" || p.Schema == nil || p.Schema.Type != huma.TypeInteger {
			continue
		}
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) != text {
			return fault.New(fault.FieldNotInteger).On(p.Name)
		}
	}
	return nil
}

// ServeHTTP is never called: the routes are served by httpx.
func (ad *adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	httpx.Neutral(w, r, fault.New(fault.RouteUnknown))
}

// exchange is one request as huma sees it. Once something is wrong, whatever huma answers is thrown away: the door words the fault,
// like those that never reach huma.
type exchange struct {
	humaContext
	w      http.ResponseWriter
	r      *http.Request
	ctx    context.Context
	status int
	caller caller
	blind  blind
	wrong  error
}

type exchangeKey struct{}

// humaContext gives the embedded field another name than that of its method Context.
type humaContext = huma.Context

// Context is the request's context, in which the exchange itself is found.
func (x *exchange) Context() context.Context { return x.ctx }

// fail says what is wrong; the first fault counts.
func (x *exchange) fail(err error) {
	if x.wrong == nil {
		x.wrong = err
	}
}

// SetStatus is told before the body, and kept until encode has the whole answer.
func (x *exchange) SetStatus(status int) { x.status = status }

// Status is what was set, 0 before.
func (x *exchange) Status() int { return x.status }

// SetHeader sets a header of the answer.
func (x *exchange) SetHeader(name, value string) {
	if x.wrong == nil {
		x.humaContext.SetHeader(name, value)
	}
}

// AppendHeader adds to a header of the answer.
func (x *exchange) AppendHeader(name, value string) {
	if x.wrong == nil {
		x.humaContext.AppendHeader(name, value)
	}
}

// BodyWriter is what encode is given.
func (x *exchange) BodyWriter() io.Writer { return x }

// Write takes what huma writes besides the encoded body, which is only complaints about itself.
func (x *exchange) Write(p []byte) (int, error) {
	x.fail(fault.New(fault.Bug).Wrap(errors.New("huma: " + string(p))))
	return len(p), nil
}

// encode answers with v, all of it at once.
func encode(w io.Writer, v any) error {
	x, ok := w.(*exchange)
	if !ok {
		return errors.New("api: an answer to nobody")
	}
	if x.wrong == nil {
		httpx.WriteJSON(x.w, x.status, v)
	}
	return nil
}

// formats is how huma encodes answers. Bodies of requests do not come here: httpx reads them.
var formats = map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat}

var jsonFormat = huma.Format{
	Marshal:   encode,
	Unmarshal: func([]byte, any) error { return errors.New("api: huma reads no bodies here") },
}
