package httpx

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"sarraf/fault"
)

// firstRead is the most memory, in bytes, that is set aside on the word of a Content-Length alone.
const firstRead = 64 << 10

// ReadBody reads the whole body of r, at most limit bytes; DefaultMaxBody when limit is 0. The faults are BodyTooLarge (limit:
// bytes), before anything is read where the request tells its length, so that a client that asks with Expect never sends it;
// BodyUnsupported for a compressed body; BodyMalformed for one that ends early or comes too slowly.
func ReadBody(r *http.Request, limit int64) ([]byte, error) {
	if limit == 0 {
		limit = DefaultMaxBody
	}
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	for _, coding := range r.Header["Content-Encoding"] {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return nil, fault.New(fault.BodyUnsupported).Wrap(errors.New("a compressed body"))
		}
	}
	// One byte more than is told, to meet the end without growing.
	body := make([]byte, 0, min(max(r.ContentLength, 511)+1, firstRead))
	for {
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if int64(len(body)) > limit {
			return nil, tooLarge(limit)
		}
		if err == io.EOF {
			return body, nil
		}
		if err != nil {
			return nil, readFault(err)
		}
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
	}
}

// readFault is the fault for a body that cannot be read to its end.
func readFault(err error) *fault.Error {
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return tooLarge(over.Limit)
	}
	return fault.New(fault.BodyMalformed).Wrap(err)
}

func tooLarge(limit int64) *fault.Error {
	return fault.New(fault.BodyTooLarge).With("limit", strconv.FormatInt(limit, 10))
}
