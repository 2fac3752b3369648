// Package browsertest drives a headless Chromium for tests of pages, and fails a test on anything the browser complains about.
//
// A test starts one browser, opens tabs of a size and a theme, each with a profile of its own, and looks at them. Console
// errors, uncaught exceptions, failed loads and violations of the Content-Security-Policy fail the test when the tab closes,
// unless they were allowed by name. Everything is bounded in time.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// The environment that a run can set.
const (
	EnvChromium    = "SARRAF_CHROMIUM"    // the program to start; else chromium in PATH
	EnvScreenshots = "SARRAF_SCREENSHOTS" // the folder that screenshots go to; else none are taken
)

const (
	startLimit = 60 * time.Second // for a browser to start, on a busy machine
	tabLimit   = 3 * time.Minute  // for everything a tab does, on such a machine
	closeLimit = 15 * time.Second // for a browser to close by itself, before it is killed
	interval   = 25 * time.Millisecond
)

// Browser is a running Chromium. It is closed when the test that started it ends.
type Browser struct{ ctx context.Context }

// Start starts Chromium. Where there is none, the test fails: a page that nobody looked at has not been tested.
func Start(t testing.TB) *Browser {
	t.Helper()
	program := os.Getenv(EnvChromium)
	if program == "" {
		program = "chromium"
	}
	program, err := exec.LookPath(program)
	if err != nil {
		t.Fatal("Chromium is needed: run make setup (Debian package chromium)")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program),
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-crash-reporter", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("lang", "en"),
	)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		bounded, done := context.WithTimeout(ctx, closeLimit)
		defer done()
		if err := chromedp.Cancel(bounded); err != nil {
			t.Logf("closing Chromium: %v", err)
		}
		cancel()
		stop() // waits until the process is gone and its profile removed
	})
	// The first run binds the browser's life to its context, so the limit cannot be a timeout of that context.
	late := time.AfterFunc(startLimit, cancel)
	defer late.Stop()
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", program, err)
	}
	return &Browser{ctx: ctx}
}

// View is how a tab looks at the world.
type View struct {
	Width, Height int     // CSS pixels
	Scale         float64 // device pixels in a CSS pixel; 0 is 1
	Phone         bool    // touch, and a mobile viewport
	Dark          bool    // prefers-color-scheme
	NoScript      bool    // JavaScript is off
}

// Phone and Desk are the two sizes that every page must fit.
var (
	Phone = View{Width: 360, Height: 740, Phone: true}
	Desk  = View{Width: 1280, Height: 800}
)

// Tab is one tab with its own profile.
type Tab struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	problems []string
	allowed  []string
}

// Tab opens a tab. It is closed at the end of the test, which then fails if the browser had complained.
func (b *Browser) Tab(t testing.TB, v View) *Tab {
	t.Helper()
	own, closeTab := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	if err := chromedp.Do(own); err != nil {
		closeTab()
		t.Fatalf("opening a tab: %v", err)
	}
	ctx, cancel := context.WithTimeout(own, tabLimit)
	tab := &Tab{t: t, ctx: ctx}
	t.Cleanup(func() {
		cancel()
		closeTab()
		for _, p := range tab.Problems() {
			t.Errorf("the browser complained: %s", p)
		}
	})
	if err := chromedp.Listen(ctx, tab.note); err != nil {
		t.Fatalf("listening to a tab: %v", err)
	}
	if v.Scale == 0 {
		v.Scale = 1
	}
	size := []chromedp.EmulateViewportOption{chromedp.EmulateScale(v.Scale)}
	if v.Phone {
		size = append(size, chromedp.EmulatePortrait, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	theme := "light"
	if v.Dark {
		theme = "dark"
	}
	tab.Do(
		func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, t, audits.Enable, cdp.Empty{})
			return chromedp.Void{}, err
		},
		chromedp.EmulateViewport(int64(v.Width), int64(v.Height), size...),
		func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
			})
			return chromedp.Void{}, err
		},
		func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled,
				emulation.SetScriptExecutionDisabledParams{Value: v.NoScript})
			return chromedp.Void{}, err
		},
	)
	return tab
}

// note keeps what the browser complains about. It runs on the goroutine that reads the browser's messages.
func (tab *Tab) note(ev any) {
	switch e := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			var words []string
			for _, a := range e.Args {
				words = append(words, strings.Trim(string(a.Value), `"`)+a.Description)
			}
			tab.complain("console: " + strings.Join(words, " "))
		}
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			text += " " + x.Description
		}
		tab.complain("exception: " + text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Source == log.EntrySourceSecurity {
			tab.complain(string(e.Entry.Source) + ": " + e.Entry.Text + " " + e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		if d := e.Issue.Details; d != nil && d.ContentSecurityPolicyIssueDetails != nil {
			csp := d.ContentSecurityPolicyIssueDetails
			tab.complain("policy: " + csp.ViolatedDirective + " " + csp.BlockedURL)
		}
	}
}

func (tab *Tab) complain(text string) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.problems = append(tab.problems, text)
}

// Allow forgives every complaint that contains one of the texts, those already made too.
func (tab *Tab) Allow(texts ...string) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.allowed = append(tab.allowed, texts...)
}

// Problems lists what the browser complained about so far and was not allowed to.
func (tab *Tab) Problems() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	var list []string
next:
	for _, p := range tab.problems {
		for _, a := range tab.allowed {
			if strings.Contains(p, a) {
				continue next
			}
		}
		list = append(list, p)
	}
	return list
}

// Context is the tab's context, for chromedp's own actions.
func (tab *Tab) Context() context.Context { return tab.ctx }

// Do runs actions in order; an error fails the test.
func (tab *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	if err := chromedp.Do(tab.ctx, actions...); err != nil {
		tab.t.Fatalf("in the browser: %v", err)
	}
}

// Open goes to an address, waits until it is loaded and returns the HTTP status. A complaint about that status itself is
// allowed, since an error page is opened on purpose.
func (tab *Tab) Open(url string) int {
	tab.t.Helper()
	return tab.arrive("opening "+url, chromedp.Navigate(url))
}

// Follow clicks the first element that a CSS selector finds, a link or a form's button, waits until the page it leads to is
// loaded, and returns that page's HTTP status as Open does.
func (tab *Tab) Follow(css string) int {
	tab.t.Helper()
	return tab.arrive("following "+css, chromedp.Click(chromedp.CSS(css)))
}

func (tab *Tab) arrive(doing string, action chromedp.Action[chromedp.Void]) int {
	tab.t.Helper()
	res, err := chromedp.RunResponse(tab.ctx, action)
	if err != nil {
		tab.t.Fatalf("%s: %v", doing, err)
	}
	if res == nil { // a page that did not come over HTTP
		return 0
	}
	if res.Status >= 400 {
		tab.Allow("Failed to load resource: the server responded with a status of")
	}
	return int(res.Status)
}

// Click clicks the first element that a CSS selector finds, as a mouse does.
func (tab *Tab) Click(css string) {
	tab.t.Helper()
	tab.Do(chromedp.Click(chromedp.CSS(css)))
}

// Text is the visible text of the first element that a CSS selector finds.
func (tab *Tab) Text(css string) string {
	tab.t.Helper()
	text, err := chromedp.Run(tab.ctx, chromedp.Text(chromedp.CSS(css)))
	if err != nil {
		tab.t.Fatalf("the text of %s: %v", css, err)
	}
	return text
}

// URL is where the tab is.
func (tab *Tab) URL() string {
	tab.t.Helper()
	return Eval[string](tab, "location.href")
}

// Wait waits until a JavaScript expression is true in the page, across navigations. It works with the page's own JavaScript off.
func (tab *Tab) Wait(expression string) {
	tab.t.Helper()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		ok, err := chromedp.Run(tab.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && ok {
			return
		}
		select {
		case <-tab.ctx.Done(): // an error in between is a page that is just going away
			tab.t.Fatalf("waited in vain for %s (last error: %v)", expression, err)
		case <-tick.C:
		}
	}
}

// Eval is the value of a JavaScript expression in the page.
func Eval[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	v, err := chromedp.Run(tab.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		tab.t.Fatalf("evaluating %s: %v", expression, err)
	}
	return v
}

// Shot saves a PNG of what the tab shows as name.png, where screenshots are wanted.
func (tab *Tab) Shot(name string) {
	tab.t.Helper()
	tab.save(name, chromedp.CaptureScreenshot())
}

// ShotWhole is Shot of the whole page, below the fold too.
func (tab *Tab) ShotWhole(name string) {
	tab.t.Helper()
	tab.save(name, chromedp.FullScreenshot(100))
}

func (tab *Tab) save(name string, take chromedp.Action[[]byte]) {
	tab.t.Helper()
	dir := os.Getenv(EnvScreenshots)
	if dir == "" {
		return
	}
	png, err := chromedp.Run(tab.ctx, take)
	if err != nil {
		tab.t.Fatalf("taking screenshot %s: %v", name, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		tab.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)+".png"), png, 0o644); err != nil {
		tab.t.Fatal(err)
	}
}
