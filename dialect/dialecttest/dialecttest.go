// Package dialecttest is the suite that every dialect passes: each fault has its own sentence and tells no secret, each documented
// request gets the documented answer, and each example of a dialect's page works as it is printed.
//
// Golden files (testdata/*.golden) are stories: requests and the answers they must get, one after the other against one merchant. See
// Parse for how they are written and Suite for how they are run, against a handler in the process or against a program that serves.
package dialecttest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Target is what a story is run against.
type Target struct {
	// Handler answers the requests; when it is nil, the program at URL does.
	Handler http.Handler
	// URL is the base of every request where there is no Handler: scheme, host and port.
	URL string
	// Vars are values that the story uses by name and cannot know: credentials, the public URL, digits that make its references
	// unique.
	Vars map[string]string
	// Actions are what a story does beside requests, by name: pay an invoice, receive a webhook.
	Actions map[string]Action
}

// Action does something with the words that follow its name in the story, and answers what is to be compared with the answer that the
// story expects. A body of the story is its last argument.
type Action func(ctx context.Context, args []string, body string) (Answer, error)

// Answer is an answer to a request, or what an action makes of itself.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Run runs every golden file of dir as a subtest, each against a target of its own that open makes, so that no story can disturb
// another. It is an error when there is none.
func Run(t *testing.T, dir string, open func(t *testing.T) Target) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.golden"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files in %s: %v", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".golden"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			story, err := Parse(string(text))
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			story.run(t, file, open(t))
		})
	}
}

// run plays the story. The first case that fails ends it, since what follows builds on it.
func (s Story) run(t *testing.T, file string, target Target) {
	p := newPlayer(t, target)
	values := newValues(s.Kinds, target.Vars)
	for _, c := range s.Cases {
		if !t.Run(c.Title, func(t *testing.T) { p.play(t, fmt.Sprintf("%s:%d", file, c.Line), c, values) }) {
			return
		}
	}
}

// player sends requests to a target.
type player struct {
	target Target
	base   string
	client *http.Client
}

// newPlayer makes ready what the target needs; a handler is served on a socket, so that requests are real ones.
func newPlayer(t *testing.T, target Target) *player {
	t.Helper()
	p := &player{target: target, base: strings.TrimSuffix(target.URL, "/"), client: &http.Client{
		Timeout:       time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if target.Handler != nil {
		server := httptest.NewServer(target.Handler)
		t.Cleanup(server.Close)
		p.base = server.URL
	}
	t.Cleanup(p.client.CloseIdleConnections)
	return p
}

// play runs one case and holds its answer against the one that is expected.
func (p *player) play(t *testing.T, where string, c Case, values *values) {
	t.Helper()
	got, err := p.answer(t.Context(), c, values)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	if c.Want == nil {
		return
	}
	if problems := c.Want.differences(got, values); len(problems) > 0 {
		t.Fatalf("%s:\n  %s\nthe answer is %d\n%s", where, strings.Join(problems, "\n  "), got.Status, got.Body)
	}
}

// answer sends the case's request, or does its action.
func (p *player) answer(ctx context.Context, c Case, values *values) (Answer, error) {
	body, err := values.fill(c.Body)
	if err != nil {
		return Answer{}, err
	}
	words := make([]string, len(c.Words))
	for i, w := range c.Words {
		if words[i], err = values.fill(w); err != nil {
			return Answer{}, err
		}
	}
	if c.Action != "" {
		act := p.target.Actions[c.Action]
		if act == nil {
			return Answer{}, fmt.Errorf("there is no action %q here", c.Action)
		}
		return act(ctx, words, body)
	}
	header := http.Header{}
	for _, h := range c.Header {
		v, err := values.fill(h[1])
		if err != nil {
			return Answer{}, err
		}
		header.Add(h[0], v)
	}
	return p.send(ctx, c.Method, words[0], header, body)
}

// send makes one request and reads its answer whole.
func (p *player) send(ctx context.Context, method, path string, header http.Header, body string) (Answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, p.base+path, strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	maps.Copy(r.Header, header)
	res, err := p.client.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return Answer{Status: res.StatusCode, Header: res.Header, Body: text}, err
}
