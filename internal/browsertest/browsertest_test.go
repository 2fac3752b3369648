package browsertest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// witness is a test that may fail: it keeps what it was told and runs its clean-up when asked.
type witness struct {
	testing.TB
	said     []string
	cleanups []func()
}

func (w *witness) Helper()           {}
func (w *witness) Cleanup(fn func()) { w.cleanups = append(w.cleanups, fn) }
func (w *witness) Errorf(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

func (w *witness) Fatal(args ...any) {
	w.said = append(w.said, fmt.Sprint(args...))
	runtime.Goexit()
}

// run gives what to do a goroutine of its own, so that Fatal can end it, and cleans up after it.
func (w *witness) run(what func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		what()
	}()
	<-done
	for i := len(w.cleanups) - 1; i >= 0; i-- {
		w.cleanups[i]()
	}
}

func TestMissingChromiumFailsTheTestAndSaysWhatToDo(t *testing.T) {
	t.Setenv(EnvChromium, filepath.Join(t.TempDir(), "chromium"))
	w := &witness{TB: t}
	w.run(func() { Start(w) })
	if want := "Chromium is needed: run make setup (Debian package chromium)"; len(w.said) != 1 || w.said[0] != want {
		t.Errorf("it said %q, want %q", w.said, want)
	}
}

const pages = `<!DOCTYPE html><title>t</title><link rel=icon href=data:,>`

func serve(t *testing.T) string {
	t.Helper()
	bodies := map[string]string{
		"/good":      pages + `<p id=p>Good</p><a id=a href=/other>on</a>`,
		"/other":     pages + `<p id=p>Other</p>`,
		"/console":   pages + `<script>console.error("broken", 7)</script>`,
		"/exception": pages + `<script>undefined.x</script>`,
		"/policy":    pages + `<p style="color:red">x</p>`,
		"/missing":   pages + `<img src=/nowhere.png>`,
		"/script":    pages + `<p id=p>off</p><script>document.querySelector("#p").textContent = "on"</script>`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := bodies[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/policy" {
			w.Header().Set("Content-Security-Policy", "style-src 'self'")
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestComplaintsFailTheTest(t *testing.T) {
	base, browser := serve(t), Start(t)
	for path, want := range map[string]string{
		"/console": "console: broken 7", "/exception": "TypeError", "/policy": "style-src", "/missing": "404",
	} {
		w := &witness{TB: t}
		w.run(func() {
			tab := browser.Tab(w, Desk)
			tab.Open(base + path)
			tab.Wait(`document.readyState === "complete"`)
		})
		if !strings.Contains(strings.Join(w.said, "\n"), want) {
			t.Errorf("%s: it said %q, which lacks %q", path, w.said, want)
		}
	}
}

func TestAllowedComplaintsAreForgiven(t *testing.T) {
	tab := Start(t).Tab(t, Desk)
	tab.Allow("broken")
	tab.Open(serve(t) + "/console")
	if got := tab.Problems(); len(got) != 0 {
		t.Errorf("problems: %q", got)
	}
}

func TestTabIsWhatTheViewSays(t *testing.T) {
	base, browser := serve(t), Start(t)

	phone := browser.Tab(t, View{Width: 360, Height: 740, Scale: 2, Phone: true, Dark: true, NoScript: true})
	if got := phone.Open(base + "/script"); got != http.StatusOK {
		t.Errorf("status %d", got)
	}
	if got := phone.Text("#p"); got != "off" {
		t.Errorf("without JavaScript a script has run: %q", got)
	}
	if !Eval[bool](phone, `matchMedia("(prefers-color-scheme: dark)").matches && devicePixelRatio === 2 && "ontouchstart" in window`) {
		t.Error("it is not a dark phone with a sharp screen")
	}

	desk := browser.Tab(t, Desk)
	desk.Open(base + "/script")
	if got := desk.Text("#p"); got != "on" {
		t.Errorf("with JavaScript the script has not run: %q", got)
	}
	if !Eval[bool](desk, `matchMedia("(prefers-color-scheme: light)").matches && innerWidth === 1280 && innerHeight === 800`) {
		t.Error("it is not a light desk of 1280 by 800")
	}
}

func TestLinksAreFollowedAndErrorPagesOpened(t *testing.T) {
	base := serve(t)
	tab := Start(t).Tab(t, Phone)
	tab.Open(base + "/good")
	if got := tab.Follow("#a"); got != http.StatusOK || tab.Text("#p") != "Other" || tab.URL() != base+"/other" {
		t.Errorf("the link led to %s with %d", tab.URL(), got)
	}
	if got := tab.Open(base + "/nowhere"); got != http.StatusNotFound {
		t.Errorf("status %d, want 404", got)
	}
}

func TestScreenshotsAreTakenWhereTheyAreWanted(t *testing.T) {
	base, browser := serve(t), Start(t)
	tab := browser.Tab(t, Phone)
	tab.Open(base + "/good")

	t.Setenv(EnvScreenshots, "")
	tab.Shot("none")

	dir := filepath.Join(t.TempDir(), "shots")
	t.Setenv(EnvScreenshots, dir)
	tab.Shot("one")
	tab.ShotWhole("../two")
	for _, name := range []string{"one.png", "two.png"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.HasPrefix(string(b), "\x89PNG") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
