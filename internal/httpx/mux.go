package httpx

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"sarraf/fault"
)

// ServeHTTP answers one request by the door that owns its path.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{ResponseWriter: w, mux: m, end: m.neutral, id: requestID(r.Header), started: m.clock.Now()}
	x.setHeaders()
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	defer x.finish(r)

	asked := r.URL.EscapedPath()
	path, ok := NormalPath(asked)
	if path != asked {
		r.URL = withPath(r.URL, path)
	}
	if !ok || r.URL.Opaque != "" || r.RequestURI == "*" { // the last is no path, and ServeMux has a bare 400 of its own for it
		x.end = m.owner(r.URL.Path)
		x.end.refuse(x, r, fault.New(fault.RouteUnknown))
		return
	}
	m.routes.ServeHTTP(x, r)
}

// withPath is a copy of u with another path, given in its escaped form.
func withPath(u *url.URL, escaped string) *url.URL {
	c := *u
	plain, err := url.PathUnescape(escaped)
	if err != nil { // it was made from a path that could be unescaped
		plain = escaped
	}
	c.Path, c.RawPath = plain, escaped
	return &c
}

// owner is the endpoint that refuses unknown paths where path lies.
func (m *Mux) owner(path string) *endpoint {
	for _, o := range m.owners {
		if rest, ok := strings.CutPrefix(path, o.prefix); ok && (rest == "" || rest[0] == '/' || o.prefix == "/") {
			return o.miss
		}
	}
	return m.neutral
}

// miss answers what no route takes: 404, or 405 and OPTIONS where another method would be taken.
func (m *Mux) miss(w http.ResponseWriter, r *http.Request) {
	x := w.(*exchange)
	allow, owns := m.allowed(r)
	if owns == nil {
		x.end = m.owner(r.URL.Path)
		x.end.refuse(x, r, fault.New(fault.RouteUnknown))
		return
	}
	x.end = owns.miss
	w.Header().Set("Allow", allow)
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	x.end.refuse(x, r, fault.New(fault.MethodNotAllowed).With("allow", allow))
}

// allowed is the methods that r's path takes, as the Allow header lists them, and the first endpoint among them; nil when there
// is none.
func (m *Mux) allowed(r *http.Request) (string, *endpoint) {
	var first *endpoint
	list := make([]string, 0, len(m.methods)+2)
	for _, method := range m.methods {
		h, _ := m.routes.Handler(&http.Request{Method: method, URL: r.URL, Host: r.Host})
		e, ok := h.(*endpoint)
		if !ok || e.strays(r.URL.Path) != nil {
			continue
		}
		if first == nil {
			first = e
		}
		list = append(list, method)
		if method == http.MethodGet {
			list = append(list, http.MethodHead)
		}
	}
	return strings.Join(append(list, http.MethodOptions), ", "), first
}

// ServeHTTP runs the route's handler within the route's and the server's limits.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := w.(*exchange)
	m := e.mux
	if other := e.strays(r.URL.Path); other != nil {
		x.end = other
		other.refuse(x, r, fault.New(fault.RouteUnknown))
		return
	}
	x.end = e
	n := m.inFlight.Add(1)
	defer m.inFlight.Add(-1)
	if m.maxInFlight > 0 && n > m.maxInFlight && !e.vital {
		w.Header()["Retry-After"] = oneSecond
		e.refuse(x, r, fault.New(fault.Overloaded))
		return
	}
	switch {
	case r.ContentLength > e.maxBody:
		e.refuse(x, r, tooLarge(e.maxBody))
		return
	case r.ContentLength < 0 && r.Body != nil:
		r.Body = http.MaxBytesReader(x.ResponseWriter, r.Body, e.maxBody)
	}
	e.handler.ServeHTTP(x, r)
}

// strays answers the refusals of the door that owns the path, where this route takes it only because its pattern is so wide; nil where the
// path is the route's own.
func (e *endpoint) strays(path string) *endpoint {
	if !e.wide {
		return nil
	}
	if owns := e.mux.owner(path); owns != e.mux.neutral && owns.door != e.door {
		return owns
	}
	return nil
}
