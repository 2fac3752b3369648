package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server and answers its address.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func get(path string) func(int, []byte) ([]byte, bool) {
	return func(_ int, buf []byte) ([]byte, bool) {
		return fmt.Appendf(buf, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path), true
	}
}

func TestEveryRequestIsSentAndCountedOnce(t *testing.T) {
	var served atomic.Int64
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		_, _ = io.Copy(w, r.Body)
	})
	var mu sync.Mutex
	seen := map[string]bool{}
	var next atomic.Int64
	res, err := Run(t.Context(), Plan{
		Address: address, Clients: 8, Window: time.Minute, Most: 500,
		Next: func(_ int, buf []byte) ([]byte, bool) {
			body := fmt.Sprintf("request %d", next.Add(1))
			return fmt.Appendf(buf, "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n%s", len(body), body), true
		},
		Check: func(_ int, body []byte) error {
			mu.Lock()
			defer mu.Unlock()
			if seen[string(body)] {
				return errors.New("answered twice: " + string(body))
			}
			seen[string(body)] = true
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if served.Load() != 500 || res.Requests != 500 || res.Sent != 500 || res.Len() != 500 || len(seen) != 500 {
		t.Errorf("%d served, %d counted, %d timed, %d seen; want 500 of each", served.Load(), res.Requests, res.Len(), len(seen))
	}
	if res.Rate() <= 0 || res.Percentile(50) <= 0 || res.Percentile(100) > res.Took {
		t.Errorf("rate %v, median %v, longest %v in %v", res.Rate(), res.Percentile(50), res.Percentile(100), res.Took)
	}
}

func TestTheLoopEndsWhenThereIsNothingLeftToAsk(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {})
	var left atomic.Int64
	left.Store(20)
	res, err := Run(t.Context(), Plan{
		Address: address, Clients: 4, Window: time.Minute,
		Next: func(n int, buf []byte) ([]byte, bool) {
			if left.Add(-1) < 0 {
				return buf, false
			}
			return get("/")(n, buf)
		},
	})
	if err != nil || res.Requests != 20 {
		t.Errorf("%+v %v, want 20 requests", res, err)
	}
}

func TestARequestThatFailsFailsTheRun(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		check   func(int, []byte) error
		want    string
	}{
		"a status":    {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "too busy", http.StatusServiceUnavailable) }, nil, "status 503: too busy"},
		"a redirect":  {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) }, nil, "status 302"},
		"a bad body":  {func(w http.ResponseWriter, _ *http.Request) {}, func(int, []byte) error { return errors.New("no id") }, "no id"},
		"a cut":       {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil, "EOF"},
		"half a body": {half, nil, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int64
			address := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) == 10 || n.Load() > 30 {
					c.handler(w, r)
				}
			})
			res, err := Run(t.Context(), Plan{Address: address, Clients: 2, Window: time.Minute, Most: 50, Next: get("/"), Check: c.check})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want one that says %q", err, c.want)
			}
			if res.Failed == 0 || res.Err == nil {
				t.Errorf("%d failed, first %v", res.Failed, res.Err)
			}
		})
	}
}

func half(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = w.Write([]byte("half"))
}

func TestAServerThatClosesEachConnectionIsAskedAgainOnANewOne(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	res, err := Run(t.Context(), Plan{Address: address, Clients: 2, Window: time.Minute, Most: 20, Next: get("/")})
	if err != nil || res.Requests != 20 {
		t.Errorf("%+v %v, want 20 requests", res, err)
	}
}

func TestARunThatIsGivenUpEndsAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	address := serve(t, func(http.ResponseWriter, *http.Request) {
		cancel()
		<-release // the answer never comes while the run is waited for
	})
	t.Cleanup(func() { close(release) })
	res, err := Run(ctx, Plan{Address: address, Clients: 2, Window: time.Hour, Next: get("/")})
	if !errors.Is(err, context.Canceled) || res.Failed != 0 {
		t.Errorf("%d failed, %v; want none, cancelled", res.Failed, err)
	}
}

func TestOnlyThisMachineIsMeasured(t *testing.T) {
	for _, address := range []string{"", "localhost:80", "192.0.2.1:80", "example.com:80", "127.0.0.1", "[::]:80"} {
		if _, err := Run(t.Context(), Plan{Address: address, Clients: 1, Window: 1, Next: get("/")}); err == nil {
			t.Errorf("%q was measured", address)
		}
	}
}

func TestPlansOutOfBoundsAreRefused(t *testing.T) {
	good := Plan{Address: "127.0.0.1:1", Clients: 1, Window: 1, Next: get("/")}
	for name, change := range map[string]func(*Plan){
		"no clients":       func(p *Plan) { p.Clients = 0 },
		"too many clients": func(p *Plan) { p.Clients = maxClients + 1 },
		"no window":        func(p *Plan) { p.Window = 0 },
		"a negative start": func(p *Plan) { p.Warm = -1 },
		"no requests":      func(p *Plan) { p.Next = nil },
	} {
		p := good
		change(&p)
		if _, err := Run(t.Context(), p); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
