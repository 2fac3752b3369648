package httpx

import (
	"net/http/httptest"
	"testing"

	"pgregory.net/rapid"
)

func TestWhatIsAppendedIsWhatIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]*`), rapid.SampledFrom([]string{
			"", `"`, `\`, "<b>&amp;</b>", "\x00\x1f\x7f", "\u2028\u2029", "রহিম", "👩‍👩", "\xff\xfe", "a\nb",
		})).Draw(t, "text")
		w := httptest.NewRecorder()
		WriteJSON(w, 200, text)
		if got := string(AppendString([]byte("before"), text)); got != "before"+w.Body.String() {
			t.Fatalf("%q is appended as %s and written as %s", text, got, w.Body)
		}
		v := map[string]any{"a": text, "b": []string{text}}
		w = httptest.NewRecorder()
		WriteJSON(w, 200, v)
		if got := string(AppendJSON(nil, v)); got != w.Body.String() {
			t.Fatalf("%v is appended as %s and written as %s", v, got, w.Body)
		}
	})
}
