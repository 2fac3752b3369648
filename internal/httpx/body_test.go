package httpx

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"sarraf/fault"
)

// requestWith is a POST of body that tells its length, or does not.
func requestWith(body io.Reader, length int64, told bool) *http.Request {
	r := httptest.NewRequest("POST", "/", body)
	if r.ContentLength = length; !told {
		r.ContentLength = -1
	}
	return r
}

func TestBodyIsReadUpToItsLimit(t *testing.T) {
	long := strings.Repeat("x", 200<<10)
	for _, c := range []struct {
		body  string
		limit int64
		want  error
	}{
		{"", 1, nil},
		{"abc", 3, nil},
		{"abcd", 3, fault.New(fault.BodyTooLarge)},
		{strings.Repeat("x", 512), 512, nil},
		{strings.Repeat("x", 513), 512, fault.New(fault.BodyTooLarge)},
		{long, 0, nil},
		{long, int64(len(long)), nil},
		{long, int64(len(long)) - 1, fault.New(fault.BodyTooLarge)},
		{strings.Repeat("x", DefaultMaxBody+1), 0, fault.New(fault.BodyTooLarge)},
	} {
		for _, told := range []bool{true, false} {
			for _, reader := range []io.Reader{strings.NewReader(c.body), iotest.HalfReader(strings.NewReader(c.body))} {
				body, err := ReadBody(requestWith(reader, int64(len(c.body)), told), c.limit)
				if !errors.Is(err, c.want) || err == nil && string(body) != c.body {
					t.Errorf("%d bytes, limit %d, length told: %v: %d bytes, %v", len(c.body), c.limit, told, len(body), err)
				}
			}
		}
	}
	_, err := ReadBody(requestWith(strings.NewReader("abcd"), 4, true), 3)
	if f := fault.First(err); f == nil || f.Params["limit"] != "3" {
		t.Errorf("the fault does not tell the limit: %v", err)
	}
}

func TestBodyThatIsToldTooLongIsNotRead(t *testing.T) {
	r := requestWith(iotest.ErrReader(errors.New("it was read")), 4, true)
	if _, err := ReadBody(r, 3); !fault.Has(err, fault.BodyTooLarge) {
		t.Error(err)
	}
}

func TestBodyThatBreaksOffIsMalformed(t *testing.T) {
	r := requestWith(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(io.ErrUnexpectedEOF)), 10, true)
	if body, err := ReadBody(r, 0); !fault.Has(err, fault.BodyMalformed) || body != nil {
		t.Errorf("%q, %v", body, err)
	}
}

func TestCompressedBodyIsUnsupported(t *testing.T) {
	for coding, ok := range map[string]bool{"gzip": false, "identity": true, "Identity": true, "": true, "gzip, identity": false} {
		r := requestWith(strings.NewReader("abc"), 3, true)
		r.Header.Set("Content-Encoding", coding)
		if _, err := ReadBody(r, 0); ok != (err == nil) || !ok && !fault.Has(err, fault.BodyUnsupported) {
			t.Errorf("%q: %v", coding, err)
		}
	}
}

func TestRequestWithoutABodyHasAnEmptyOne(t *testing.T) {
	for _, body := range []io.ReadCloser{nil, http.NoBody} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Body = body
		if got, err := ReadBody(r, 0); len(got) != 0 || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
}
