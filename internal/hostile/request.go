// Package hostile attacks front doors: it makes hostile variants of a good request, sends them over a raw socket, and holds the answers
// against what no answer may do. It is for tests.
//
// A Request is a good request in parts: the route's pattern, the values of its wildcards, the query, the headers, the fields of the
// body, each with what it is for. Mutations makes the corpus out of it: every way that is known here to make one part bad. A mutation
// that must be refused says so. Mutations can be applied one on another, which is how a random mixture is made. Send writes the bytes
// as they are, since net/http's client refuses to send most of this.
package hostile

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Pair is a name and its value: a header, a parameter, a wildcard.
type Pair struct{ Name, Value string }

// Sort is what a field is for. It decides which values must be refused.
type Sort uint8

// The sorts of fields.
const (
	Text   Sort = iota + 1 // one line of text
	Lines                  // text of several lines
	Amount                 // an amount of money
	URL                    // an absolute address
	Link                   // an absolute address, or a bare host
	Word                   // one of a few words
	List                   // a list of texts
)

// Field is one field of a good body.
type Field struct {
	Name     string
	JSON     string // the value as JSON text
	Sort     Sort
	Required bool // without it, or blank, the request must be refused
	Secret   bool // it holds a credential
	Loose    bool // whatever stands here does not matter, as long as the body can be read
}

// Request is a request in parts, good as its maker made it, or with mutations applied.
type Request struct {
	Method  string
	Pattern string // the route's, with its wildcards
	Path    []Pair // the values of the wildcards, percent-encoded where they need it
	Query   []Pair // the documented parameters, not encoded
	Header  []Pair
	Fields  []Field // nil for a request without a body
	Within  string  // the member of the body whose object has the fields, with [] at its end for a list of one; "" when the body itself has them
	MaxBody int     // the largest body that is read, in bytes; 0 for 1 MiB

	Secrets     []string            // the headers that hold credentials
	Open        bool                // the credentials may be left out
	Form        bool                // the body is sent as a form
	Forms       bool                // a form is read as well as JSON
	Keyed       bool                // an Idempotency-Key is honoured
	StrictQuery bool                // a query that cannot be read is refused
	Wrong       []map[string]string // sets of credentials that are not good here, by header or field

	target  string   // replaces path and query, as it stands in the request line
	query   *string  // replaces the query, encoded
	body    *string  // replaces the body
	proto   string   // replaces HTTP/1.1
	heads   []string // further lines of the head, as they are
	noHost  bool
	framing framing
	cut     int // leave out so many bytes at the end of the body
}

// framing is how the end of the body is told.
type framing uint8

const (
	byLength framing = iota
	byChunks
	untold // no header about the length: a mutation brings its own
)

// Clone is a copy that can be changed without changing r.
func (r Request) Clone() Request {
	r.Path, r.Query, r.Header = slices.Clone(r.Path), slices.Clone(r.Query), slices.Clone(r.Header)
	r.Fields, r.heads = slices.Clone(r.Fields), slices.Clone(r.heads)
	return r
}

// With is a copy with one more header.
func (r Request) With(name, value string) Request {
	c := r.Clone()
	c.Header = append(c.Header, Pair{name, value})
	return c
}

// header sets a header, in place of every one of that name.
func (r *Request) header(name, value string) {
	r.drop(name)
	r.Header = append(r.Header, Pair{name, value})
}

// drop takes a header away.
func (r *Request) drop(name string) {
	r.Header = slices.DeleteFunc(r.Header, func(p Pair) bool { return strings.EqualFold(p.Name, name) })
}

// get is the value of a header, "" when there is none.
func (r *Request) get(name string) string {
	for _, p := range r.Header {
		if strings.EqualFold(p.Name, name) {
			return p.Value
		}
	}
	return ""
}

// set gives a field another value. A field that an earlier mutation took away stays away.
func (r *Request) set(name, json string) {
	for i := range r.Fields {
		if r.Fields[i].Name == name {
			r.Fields[i].JSON = json
		}
	}
}

// setBody replaces the whole body.
func (r *Request) setBody(s string) { r.body = &s }

// hasBody reports whether the good request has one.
func (r *Request) hasBody() bool { return r.Fields != nil }

// JSON is the body as a JSON object.
func (r *Request) JSON() string {
	parts := make([]string, len(r.Fields))
	for i, f := range r.Fields {
		parts[i] = quote(f.Name) + ":" + f.JSON
	}
	before, after := r.around()
	return before + strings.Join(parts, ",") + after
}

// around is what stands before and behind the members of the object that has the fields.
func (r *Request) around() (before, after string) {
	name, list := strings.CutSuffix(r.Within, "[]")
	switch {
	case list:
		return `{` + quote(name) + `:[{`, `}]}`
	case name != "":
		return `{` + quote(name) + `:{`, `}}`
	}
	return "{", "}"
}

// member is the body as JSON with one more member beside the fields.
func (r *Request) member(text string) string {
	before, after := r.around()
	if rest := strings.TrimPrefix(r.JSON(), before); rest != after {
		return before + text + "," + rest
	}
	return before + text + after
}

// limit is the largest body that is read, in bytes.
func (r *Request) limit() int {
	if r.MaxBody > 0 {
		return r.MaxBody
	}
	return 1 << 20
}

// Encoded is the body as a form: texts and numbers as such, lists with brackets, anything else as its JSON text.
func (r *Request) Encoded() string {
	var parts []string
	for _, f := range r.Fields {
		items, isList := unlist(f.JSON)
		if !isList {
			parts = append(parts, url.QueryEscape(f.Name)+"="+url.QueryEscape(unquote(f.JSON)))
		}
		for _, item := range items {
			parts = append(parts, url.QueryEscape(f.Name)+"[]="+url.QueryEscape(item))
		}
	}
	return strings.Join(parts, "&")
}

// Body is what is sent after the head, before it is cut or chunked.
func (r *Request) Body() string {
	switch {
	case r.body != nil:
		return *r.body
	case !r.hasBody():
		return ""
	case r.Form:
		return r.Encoded()
	}
	return r.JSON()
}

// Target is the path with the query as the request line has them.
func (r *Request) Target() string {
	if r.target != "" {
		return r.target
	}
	path := Expand(r.Pattern, r.Path)
	switch {
	case r.query != nil:
		return path + "?" + *r.query
	case len(r.Query) > 0:
		parts := make([]string, len(r.Query))
		for i, p := range r.Query {
			parts[i] = url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value)
		}
		return path + "?" + strings.Join(parts, "&")
	}
	return path
}

// Expand is the path that a pattern means with these values of its wildcards.
func Expand(pattern string, values []Pair) string {
	path := strings.TrimSuffix(pattern, "{$}")
	for _, v := range values {
		path = strings.ReplaceAll(strings.ReplaceAll(path, "{"+v.Name+"}", v.Value), "{"+v.Name+"...}", v.Value)
	}
	return path
}

// Bytes is the request as it goes over the wire.
func (r *Request) Bytes() []byte {
	var b bytes.Buffer
	proto := r.proto
	if proto == "" {
		proto = "HTTP/1.1"
	}
	fmt.Fprintf(&b, "%s %s %s\r\n", r.Method, r.Target(), proto)
	if !r.noHost {
		b.WriteString("Host: pay.example\r\n")
	}
	for _, h := range r.Header {
		fmt.Fprintf(&b, "%s: %s\r\n", h.Name, h.Value)
	}
	for _, line := range r.heads {
		b.WriteString(line + "\r\n")
	}
	body := r.Body()
	if r.body == nil && body != "" && r.get("Content-Type") == "" && !r.says("content-type") {
		kind := "application/json"
		if r.Form {
			kind = "application/x-www-form-urlencoded"
		}
		b.WriteString("Content-Type: " + kind + "\r\n")
	}
	switch {
	case r.framing == untold:
	case r.framing == byChunks:
		b.WriteString("Transfer-Encoding: chunked\r\n")
		body = chunked(body)
	case body != "" || r.hasBody():
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.WriteString(body[:max(len(body)-r.cut, 0)])
	return b.Bytes()
}

// says reports whether a line of the head was added that begins with the lower-case name.
func (r *Request) says(name string) bool {
	return slices.ContainsFunc(r.heads, func(line string) bool { return strings.HasPrefix(strings.ToLower(line), name+":") })
}

// chunked is the body in chunks of uneven sizes.
func chunked(body string) string {
	var b strings.Builder
	for size := 1; body != ""; size = size*3 + 1 {
		n := min(size, len(body))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	return b.String() + "0\r\n\r\n"
}
