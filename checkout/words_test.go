package checkout

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestTimeLeft(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{-time.Hour, "Time is up"},
		{0, "Time is up"},
		{time.Nanosecond, "1 s left"},
		{45 * time.Second, "45 s left"},
		{59*time.Second + time.Nanosecond, "1 min 00 s left"},
		{time.Minute, "1 min 00 s left"},
		{12*time.Minute + 30*time.Second, "12 min 30 s left"},
		{time.Hour - time.Nanosecond, "1 h 00 min left"},
		{2*time.Hour + 5*time.Minute + 59*time.Second, "2 h 05 min left"},
		{24*time.Hour - time.Second, "23 h 59 min left"},
		{24 * time.Hour, "1 day left"},
		{25 * time.Hour, "1 day 1 h left"},
		{76*time.Hour + 59*time.Minute, "3 days 4 h left"},
		{1<<63 - 1, "106751 days 23 h left"},
	} {
		if got := TimeLeft("en", c.d); got != c.want {
			t.Errorf("TimeLeft(%v) = %q, want %q", c.d, got, c.want)
		}
	}
}

func TestUnknownLanguagesAreShownInEnglishAndSaySo(t *testing.T) {
	for _, tag := range []string{"", "en", "en-GB", "EN-gb", "xx", "bn-BD", `"><script>`} {
		if l := speak(tag); l.Tag != "en" || l.Dir != "ltr" {
			t.Errorf("%q is spoken as %s %s", tag, l.Tag, l.Dir)
		}
	}
}

func TestEveryLanguageHasEverySentence(t *testing.T) {
	for tag, l := range languages {
		v := reflect.ValueOf(l)
		for i := range v.NumField() {
			if f := v.Field(i); f.IsZero() || (f.Kind() == reflect.Map && f.Len() == 0) {
				t.Errorf("%s lacks %s", tag, v.Type().Field(i).Name)
			}
		}
		for _, n := range []Notice{Declined, Unavailable, Checking} {
			if s := l.Notices[n]; s.Head == "" || s.Body == "" {
				t.Errorf("%s lacks notice %s", tag, n)
			}
		}
		for _, s := range []Status{Paid, Failed, Expired, Cancelled, Superseded, Refunded} {
			if r := l.Results[s]; r.Title == "" || r.Head == "" || r.Body == "" || (r.Part == "") != (s == Paid || s == Refunded) {
				t.Errorf("%s lacks a part of result %s", tag, s)
			}
		}
		if r := l.Partly; r.Title == "" || r.Head == "" || !strings.Contains(r.Body, "{returned}") || !strings.Contains(r.Part, "{amount}") {
			t.Errorf("%s lacks what is said when part of it was given back", tag)
		}
		for _, k := range []ProblemKind{NotFound, Gone, Broken, Busy} {
			if s := l.Problems[k]; s.Head == "" || s.Body == "" {
				t.Errorf("%s lacks problem %s", tag, k)
			}
		}
	}
}

func TestNamesInRightToLeftScriptAreIsolated(t *testing.T) {
	for name, want := range map[string]string{
		"Shapla": "Return to Shapla", "শাপলা ৳": "Return to শাপলা ৳", "دکان": "Return to \u2068دکان\u2069",
		"a\u202eb": "Return to \u2068a\u202eb\u2069",
	} {
		if got := fill("Return to {store}", "store", name); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestInitialIsTheFirstLetter(t *testing.T) {
	for name, want := range map[string]string{"shapla": "S", "  (७) days": "७", "éclair": "É", "শাপলা": "শ", "": "·", "!?": "·"} {
		if got := initial(name); got != want {
			t.Errorf("initial(%q) = %q, want %q", name, got, want)
		}
	}
}
