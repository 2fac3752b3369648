package httpx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits are what a server allows a connection. A zero value means the default that is named.
type Limits struct {
	ReadHeaderTimeout time.Duration // 5 s: from the first byte to the end of the headers
	ReadTimeout       time.Duration // 60 s: to the end of the body
	WriteTimeout      time.Duration // 60 s: from the end of the headers to the end of the answer
	IdleTimeout       time.Duration // 120 s: between two requests of one connection
	MaxHeaderBytes    int           // 32 KiB: the request line with all headers
}

// Server is a server of h with limits, so that no slow or silent caller holds it up. What net/http has to say about broken
// connections goes to log at debug level; it may be nil.
func Server(h http.Handler, l Limits, log *slog.Logger) *http.Server {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: or(l.ReadHeaderTimeout, 5*time.Second),
		ReadTimeout:       or(l.ReadTimeout, time.Minute),
		WriteTimeout:      or(l.WriteTimeout, time.Minute),
		IdleTimeout:       or(l.IdleTimeout, 2*time.Minute),
		MaxHeaderBytes:    or(l.MaxHeaderBytes, 32<<10),
		// OPTIONS * would be answered below the mux: without a request id, uncounted.
		DisableGeneralOptionsHandler: true,
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	return s
}

func or[T time.Duration | int](v, byDefault T) T {
	if v == 0 {
		return byDefault
	}
	return v
}

// Serve serves on ln until ctx ends, then takes no more and lets what it took finish, for at most grace; what still runs then is
// cut off, which is an error. It returns nil after a clean stop, and at once with the error when serving fails. It closes ln.
func Serve(ctx context.Context, s *http.Server, ln net.Listener, grace time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ln) }()
	select {
	case err := <-ended:
		return fmt.Errorf("httpx: serve on %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	left, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := s.Shutdown(left)
	if err != nil {
		_ = s.Close()
		err = fmt.Errorf("httpx: requests still running after %s were cut off: %w", grace, err)
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
