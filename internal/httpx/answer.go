package httpx

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"sarraf/fault"
)

var jsonType = []string{"application/json"}

// encoder is a JSON encoder with the buffer it writes into.
type encoder struct {
	buf bytes.Buffer
	enc *json.Encoder
}

var encoders = sync.Pool{New: func() any {
	e := &encoder{}
	e.enc = json.NewEncoder(&e.buf)
	e.enc.SetEscapeHTML(false)
	return e
}}

// maxKeptBuffer is the largest buffer, in bytes, that is kept for the next answer.
const maxKeptBuffer = 64 << 10

// WriteJSON answers with v as JSON: no HTML escaping, no line end, with Content-Length. The Content-Type is application/json
// unless the handler has set one. A value that cannot be encoded is a mistake in the program: it panics before anything is
// written, and the mux answers that.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	e := encoders.Get().(*encoder)
	defer e.free()
	h := w.Header()
	body := e.encode(v)
	if len(h["Content-Type"]) == 0 {
		h["Content-Type"] = jsonType
	}
	write(w, status, body)
}

// WriteRaw answers with a body that is ready, with Content-Type and Content-Length.
func WriteRaw(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header()["Content-Type"] = []string{contentType}
	write(w, status, body)
}

// write sends the answer. That the caller no longer listens is not an error of ours.
func write(w http.ResponseWriter, status int, body []byte) {
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (e *encoder) encode(v any) []byte {
	e.buf.Reset()
	if err := e.enc.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(e.buf.Bytes(), []byte("\n"))
}

func (e *encoder) free() {
	if e.buf.Cap() <= maxKeptBuffer {
		encoders.Put(e)
	}
}

// encode is v as JSON in memory of its own.
func encode(v any) []byte {
	e := encoders.Get().(*encoder)
	defer e.free()
	return bytes.Clone(e.encode(v))
}

// Status is the HTTP status that suits a fault where no contract says another.
func Status(f *fault.Error) int {
	switch f.Code {
	case fault.BodyTooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.BodyUnsupported:
		return http.StatusUnsupportedMediaType
	case fault.MethodNotAllowed:
		return http.StatusMethodNotAllowed
	}
	switch f.Kind() {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.Missing:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Refused:
		return http.StatusUnprocessableEntity
	case fault.Limited:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// problem is an answer of RFC 9457.
type problem struct {
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Code      string `json:"code"`
	RequestID string `json:"request_id,omitempty"`
}

// Neutral answers with err, the first of its faults, in nobody's shape: problem+json to who speaks JSON, else one line of text.
// It tells the status, the code and the request id, and nothing of the cause. err must not be nil.
func Neutral(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.First(err)
	status := Status(f)
	p := problem{http.StatusText(status), status, string(f.Code), RequestID(r.Context())}
	if wantsJSON(r) {
		w.Header().Set("Content-Type", "application/problem+json")
		WriteJSON(w, status, p)
		return
	}
	text := p.Title + " (" + p.Code
	if p.RequestID != "" {
		text += ", request " + p.RequestID
	}
	WriteRaw(w, status, "text/plain; charset=utf-8", []byte(text+")\n"))
}

// wantsJSON reports whether the caller asks for JSON or sends it.
func wantsJSON(r *http.Request) bool {
	for _, name := range [...]string{"Accept", "Content-Type"} {
		for _, v := range r.Header[name] {
			if strings.Contains(strings.ToLower(v), "json") {
				return true
			}
		}
	}
	return false
}
