package httpx

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"time"

	"sarraf/fault"
)

// exchange is one request and its answer as the mux follows it: the ResponseWriter that handlers get, and what RequestID and
// Fail find in the context.
type exchange struct {
	http.ResponseWriter
	mux      *Mux
	end      *endpoint
	id       string
	idHeader [1]string
	started  time.Time
	status   int // 0 until the answer begins
	bytes    int64
}

type exchangeKey struct{}

// Header values that many answers share. Nothing writes into a header's slice; who adds to one gets a new one.
var (
	noSniff    = []string{"nosniff"}
	sameOrigin = []string{"same-origin"}
	noStore    = []string{"no-store"}
	oneSecond  = []string{"1"}
)

// setHeaders gives the answer what all answers have. Referrer-Policy is same-origin since our URLs carry tokens, and since a
// form's Origin would be null under no-referrer. Cache-Control is a default: a handler that serves assets sets its own.
func (x *exchange) setHeaders() {
	x.idHeader[0] = x.id
	h := x.ResponseWriter.Header()
	h["Request-Id"] = x.idHeader[:]
	h["X-Content-Type-Options"] = noSniff
	h["Referrer-Policy"] = sameOrigin
	h["Cache-Control"] = noStore
}

// WriteHeader notes the final status.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes of the answer.
func (x *exchange) Write(p []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := x.ResponseWriter.Write(p)
	x.bytes += int64(n)
	return n, err
}

// Flush sends what was written so far.
func (x *exchange) Flush() {
	if f, ok := x.ResponseWriter.(http.Flusher); ok {
		if x.status == 0 {
			x.status = http.StatusOK
		}
		f.Flush()
	}
}

// Unwrap is for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// finish is deferred: it answers a panic, then counts, times and logs the request. A panic after the answer began, and
// http.ErrAbortHandler, cut the connection, so that half an answer is not taken for a whole one.
func (x *exchange) finish(r *http.Request) {
	p := recover()
	abort := p == http.ErrAbortHandler
	if p != nil && !abort {
		x.mux.log.LogAttrs(r.Context(), slog.LevelError, "panic", x.attrs(r,
			slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))...)
		if abort = x.status != 0; !abort {
			x.answerPanic(r, p)
		}
	}
	if x.status == 0 {
		x.status = http.StatusOK // what net/http sends for a handler that wrote nothing
		if abort {
			x.status = http.StatusInternalServerError
		}
	}
	took := max(x.mux.clock.Now().Sub(x.started), 0)
	x.end.meter.observe(x.status, took)
	if x.mux.log.Enabled(r.Context(), slog.LevelDebug) {
		x.mux.log.LogAttrs(r.Context(), slog.LevelDebug, "request", x.attrs(r,
			slog.Int("status", x.status), slog.Int64("bytes", x.bytes), slog.Duration("took", took))...)
	}
	if abort {
		panic(http.ErrAbortHandler)
	}
}

// answerPanic answers in the door's shape, and neutrally when the door panics on that too.
func (x *exchange) answerPanic(r *http.Request, p any) {
	f := fault.New(fault.Bug).Wrap(fmt.Errorf("panic: %v", p))
	defer func() {
		if again := recover(); again != nil {
			x.mux.log.LogAttrs(r.Context(), slog.LevelError, "panic in the answer to a panic",
				x.attrs(r, slog.String("panic", fmt.Sprint(again)))...)
			if x.status == 0 {
				x.clean()
				Neutral(x, r, f)
			}
		}
	}()
	x.clean()
	x.end.refuse(x, r, f)
}

// clean takes back the headers a handler set before it failed.
func (x *exchange) clean() {
	clear(x.Header())
	x.setHeaders()
}

// attrs is what each log line about the request begins with. The path stays out: it may be a token.
func (x *exchange) attrs(r *http.Request, more ...slog.Attr) []slog.Attr {
	return append([]slog.Attr{
		slog.String("request_id", x.id), slog.String("door", x.end.door), slog.String("route", x.end.route),
		slog.String("method", knownMethod(r.Method)),
	}, more...)
}

// RequestID is the id of the request that ctx belongs to, "" outside of one.
func RequestID(ctx context.Context) string {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x.id
	}
	return ""
}

// Fail answers r with err in the shape of the door that owns the route, Neutral outside of a Mux. An internal fault is logged
// with its cause under the request id, an outage as a warning; a caller who went away is nobody's mistake, and an outage at most.
// Once the answer has begun, it is only logged.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	x, ok := r.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		Neutral(w, r, err)
		return
	}
	level := slog.LevelDebug
	switch f := fault.First(err); {
	case r.Context().Err() != nil && errors.Is(err, context.Canceled):
		err = fault.New(fault.Outage).Wrap(err) // nobody reads it, but it is counted: no failure of ours
	case f.Kind() == fault.Internal:
		level = slog.LevelError
	case f.Kind() == fault.Unavailable:
		level = slog.LevelWarn
	}
	if x.mux.log.Enabled(r.Context(), level) {
		x.mux.log.LogAttrs(r.Context(), level, "request failed", x.attrs(r, slog.Any("error", err))...)
	}
	if x.status == 0 {
		x.end.refuse(w, r, err)
	}
}

// maxRequestID is the longest request id that is taken over from a caller, in characters.
const maxRequestID = 64

// requestID is the caller's own id for the request when it is short and plain, otherwise a new one of 128 random bits.
func requestID(h http.Header) string {
	for _, name := range [...]string{"Request-Id", "X-Request-Id"} {
		if v := h[name]; len(v) == 1 && isPlainID(v[0]) {
			return v[0]
		}
	}
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], rand.Uint64())
	binary.BigEndian.PutUint64(raw[8:], rand.Uint64())
	var text [32]byte
	hex.Encode(text[:], raw[:])
	return string(text[:])
}

func isPlainID(s string) bool {
	if s == "" || len(s) > maxRequestID {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-' {
			continue
		}
		return false
	}
	return true
}
