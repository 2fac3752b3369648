// Package httpx is what every front door shares about HTTP: one router with one middleware, and the readers and writers of
// bodies.
//
// A front door hands over a Door: its routes, the prefixes it answers for, and the function that words a fault in its own
// shape. NewMux makes one handler of all doors. It normalises the path first (repeated slashes collapse, a trailing slash goes,
// a dot segment is unknown), never redirects, and lets the door that owns a path word what goes wrong on it. Every answer
// carries Request-Id, is counted and timed, and a panic becomes the door's own 500.
//
// Bodies are read tolerantly (JSON or a form, whatever the content type says) and kept strictly (no duplicate name, no text
// that is not UTF-8, numbers as their exact text). Whatever is wrong with a request is a fault; the wording is the door's.
package httpx

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"sarraf/internal/clock"
)

// DefaultMaxBody is the largest request body, in bytes, of a route that does not say otherwise.
const DefaultMaxBody = 1 << 20

// DefaultMaxInFlight is how many requests are worked on at once when Options does not say otherwise.
const DefaultMaxInFlight = 4096

// Route is one operation of a front door.
type Route struct {
	// Method is one HTTP method in capitals. GET answers HEAD as well. OPTIONS is answered by the mux unless a route takes it.
	Method string
	// Pattern is a path in the notation of http.ServeMux without method or host: "/api/payment/{id}", "/_sarraf/{path...}".
	// It is normalised as requests are: "/api/create/" is "/api/create", never a subtree, and "/" is the root alone. A
	// pattern that ends in {name...} also takes the bare path before it, with an empty value. One that begins with a wildcard
	// takes nothing that lies under another door's prefixes.
	Pattern string
	// Handler answers. The values of the wildcards are in r.PathValue.
	Handler http.Handler
	// Name is the route's value in metrics and logs; the pattern when empty.
	Name string
	// MaxBody is the largest body in bytes; DefaultMaxBody when 0. A longer one is fault.BodyTooLarge, in the door's shape,
	// before the handler runs where the request tells its length.
	MaxBody int64
	// Vital routes (is the server alive?) are answered even when the server is full.
	Vital bool
}

// Door is a front door: a set of routes that belong together and word their faults alike.
type Door struct {
	// Name is the door's value in metrics and logs, unique among the doors.
	Name string
	// Prefixes are the paths under which an unknown path is this door's to refuse: "/api" takes "/api" and "/api/x", not
	// "/apix". The longest prefix wins; of two doors with the same one, the door given first.
	Prefixes []string
	// Routes are the door's operations.
	Routes []Route
	// Error answers r with err in the door's shape; Neutral when nil. The mux calls it with fault.RouteUnknown,
	// MethodNotAllowed (the Allow header is set already), BodyTooLarge, Overloaded and Bug; Fail calls it with anything.
	Error func(w http.ResponseWriter, r *http.Request, err error)
}

// Options is what the mux needs from outside. The zero value works: no log, no metrics.
type Options struct {
	// Log takes panics and internal faults (error), outages (warn) and one line a request (debug). No line holds a path, a
	// query or a body, since those carry tokens.
	Log *slog.Logger
	// Registry takes the metrics sarraf_http_requests_total, sarraf_http_request_seconds and sarraf_http_in_flight. One mux a
	// registry.
	Registry prometheus.Registerer
	// Clock times requests; clock.System when nil.
	Clock clock.Clock
	// MaxInFlight is how many requests may be worked on at once; one more is fault.Overloaded, at once. DefaultMaxInFlight
	// when 0, no limit when negative.
	MaxInFlight int
}

// Mux is the handler made of all doors.
type Mux struct {
	routes      *http.ServeMux
	methods     []string // every method that some route takes, sorted
	owners      []owner  // longest prefix first
	neutral     *endpoint
	log         *slog.Logger
	clock       clock.Clock
	maxInFlight int64
	inFlight    atomic.Int64
}

// owner says which door refuses unknown paths under a prefix.
type owner struct {
	prefix string
	miss   *endpoint
}

// endpoint is one route, or a door's refusals, with everything that can be looked up beforehand.
type endpoint struct {
	mux     *Mux
	door    string
	route   string
	handler http.Handler
	maxBody int64
	vital   bool
	wide    bool // its pattern begins with a wildcard: what lies under another door's prefix is not its own
	refuse  func(w http.ResponseWriter, r *http.Request, err error)
	miss    *endpoint // the door's refusals of what no route takes
	meter   meter
}

// NewMux makes one handler of the doors. It is an error when a route's method or pattern is none, when two routes take the
// same requests, when a path cannot be told to be of one or the other, and when the registry already holds such metrics.
func NewMux(o Options, doors ...Door) (*Mux, error) {
	m := &Mux{
		routes: http.NewServeMux(), log: o.Log, clock: o.Clock, maxInFlight: int64(o.MaxInFlight),
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	if m.clock == nil {
		m.clock = clock.System{}
	}
	if m.maxInFlight == 0 {
		m.maxInFlight = DefaultMaxInFlight
	}
	meters, err := newMeters(o.Registry, &m.inFlight)
	if err != nil {
		return nil, fmt.Errorf("httpx: metrics: %w", err)
	}
	m.neutral = &endpoint{mux: m, door: "none", route: unmatched, refuse: Neutral}
	m.neutral.meter = meters.of(m.neutral, anyMethod)
	t := table{mux: m, meters: meters, taken: map[string]bool{}, names: map[string]bool{m.neutral.door: true}}
	if err := t.add(doors); err != nil {
		return nil, err
	}
	m.routes.Handle("/", http.HandlerFunc(m.miss))
	slices.SortStableFunc(m.owners, func(a, b owner) int { return len(b.prefix) - len(a.prefix) })
	return m, nil
}

// table registers the doors' routes, and remembers what is taken while it does.
type table struct {
	mux    *Mux
	meters *meters
	taken  map[string]bool // method and pattern with the wildcards' names left out
	names  map[string]bool
	bare   []bareRoute
}

// bareRoute is the path before a {name...}, which ServeMux would answer with a redirect.
type bareRoute struct {
	method, pattern string
	end             *endpoint
}

func (t *table) add(doors []Door) error {
	for _, d := range doors {
		if d.Name == "" || t.names[d.Name] {
			return fmt.Errorf("httpx: a door's name must be unique and not empty: %q", d.Name)
		}
		t.names[d.Name] = true
		if d.Error == nil {
			d.Error = Neutral
		}
		if err := t.addDoor(d); err != nil {
			return fmt.Errorf("httpx: door %s: %w", d.Name, err)
		}
	}
	for _, b := range t.bare {
		if t.taken[shape(b.method, b.pattern)] {
			continue
		}
		if err := t.register(b.method, b.pattern, b.end); err != nil {
			return fmt.Errorf("httpx: door %s: %w", b.end.door, err)
		}
	}
	slices.Sort(t.mux.methods)
	t.mux.methods = slices.Compact(t.mux.methods)
	return nil
}

func (t *table) addDoor(d Door) error {
	miss := &endpoint{mux: t.mux, door: d.Name, route: unmatched, refuse: d.Error}
	miss.meter = t.meters.of(miss, anyMethod)
	for _, p := range d.Prefixes {
		normal, ok := NormalPath(p)
		if !ok || strings.ContainsAny(p, "{}%") {
			return fmt.Errorf("prefix %q is not a plain path", p)
		}
		t.mux.owners = append(t.mux.owners, owner{normal, miss})
	}
	for _, r := range d.Routes {
		if err := t.addRoute(d, r, miss); err != nil {
			return fmt.Errorf("route %s %s: %w", r.Method, r.Pattern, err)
		}
	}
	return nil
}

func (t *table) addRoute(d Door, r Route, miss *endpoint) error {
	switch {
	case r.Handler == nil:
		return errors.New("no handler")
	case r.Method == "" || strings.Trim(r.Method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || r.Method == http.MethodHead:
		return errors.New("the method must be one in capitals; HEAD comes with GET")
	case r.MaxBody < 0:
		return errors.New("a negative limit")
	}
	pattern, ok := normalPattern(r.Pattern)
	if !ok {
		return errors.New("not an absolute path")
	}
	e := &endpoint{
		mux: t.mux, door: d.Name, route: r.Name, handler: r.Handler, maxBody: r.MaxBody, vital: r.Vital, refuse: d.Error,
		miss: miss, wide: strings.HasPrefix(pattern, "/{"),
	}
	if e.route == "" {
		e.route = pattern
	}
	if e.maxBody == 0 {
		e.maxBody = DefaultMaxBody
	}
	e.meter = t.meters.of(e, r.Method)
	if err := t.register(r.Method, pattern, e); err != nil {
		return err
	}
	if i := strings.LastIndexByte(pattern, '/'); strings.HasSuffix(pattern, "...}") {
		t.bare = append(t.bare, bareRoute{r.Method, pattern[:max(i, 1)], e})
	}
	return nil
}

// register puts one pattern into the ServeMux and turns its panic about a bad or conflicting pattern into an error.
func (t *table) register(method, pattern string, e *endpoint) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	t.taken[shape(method, pattern)] = true
	t.mux.methods = append(t.mux.methods, method)
	if pattern == "/" {
		pattern = "/{$}"
	}
	t.mux.routes.Handle(method+" "+pattern, e)
	return nil
}

// normalPattern is the pattern as normalised requests meet it: no trailing slash, no {$}.
func normalPattern(p string) (string, bool) {
	return NormalPath(strings.TrimSuffix(p, "{$}"))
}

// shape is the method and the pattern with the names of the wildcards left out: two patterns of one shape take the same paths.
func shape(method, pattern string) string {
	parts := strings.Split(pattern, "/")
	for i, s := range parts {
		switch {
		case strings.HasSuffix(s, "...}"):
			parts[i] = "{...}"
		case strings.HasPrefix(s, "{"):
			parts[i] = "{}"
		}
	}
	return method + " " + strings.Join(parts, "/")
}
