package httpx

import (
	"net/http"
	"strings"
	"testing"

	"sarraf/fault"
)

func TestIdempotencyKeyIsOneVisibleText(t *testing.T) {
	for _, good := range []string{"k", "!~", strings.Repeat("x", 255)} {
		if got, err := IdempotencyKey(http.Header{"Idempotency-Key": {good}}); err != nil || got != good {
			t.Errorf("%q: %q, %v", good, got, err)
		}
	}
	if got, err := IdempotencyKey(http.Header{}); err != nil || got != "" {
		t.Errorf("none: %q, %v", got, err)
	}
	for _, bad := range []struct {
		values []string
		want   fault.Code
	}{
		{[]string{""}, fault.FieldMalformed},
		{[]string{"a", "a"}, fault.FieldMalformed},
		{[]string{"a b"}, fault.FieldMalformed},
		{[]string{"ü"}, fault.FieldMalformed},
		{[]string{"a\x7f"}, fault.FieldMalformed},
		{[]string{strings.Repeat("x", 256)}, fault.FieldTooLong},
	} {
		_, err := IdempotencyKey(http.Header{"Idempotency-Key": bad.values})
		if f := fault.First(err); err == nil || f.Code != bad.want || f.Field != "Idempotency-Key" {
			t.Errorf("%q: %v", bad.values, err)
		}
	}
}

func TestParametersAreAddedBehindTheURLsOwn(t *testing.T) {
	for to, want := range map[string]string{
		"https://a.example":             "https://a.example?s=1&r=a+b%26",
		"https://a.example/?":           "https://a.example/?s=1&r=a+b%26",
		"https://a.example/cb?x[]=%20":  "https://a.example/cb?x[]=%20&s=1&r=a+b%26",
		"https://a.example/cb?x=1&":     "https://a.example/cb?x=1&s=1&r=a+b%26",
		"https://a.example/#/spa?route": "https://a.example/?s=1&r=a+b%26#/spa?route",
	} {
		if got := AddQuery(to, "s", "1", "r", "a b&"); got != want {
			t.Errorf("%s becomes %s", to, got)
		}
	}
}
