package dialecttest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sarraf/fault"
)

// Faults says how a dialect words what goes wrong.
type Faults struct {
	// Words reports whether the dialect's own table has the code.
	Words func(fault.Code) bool
	// Render is the answer that the dialect gives to the error.
	Render func(err error) Answer
	// Statuses are the HTTP statuses allowed for a kind, where the dialect's guide wants others than usual. fault.Internal is always 500.
	Statuses map[fault.Kind][]int
}

// usual are the HTTP statuses that a fault of a kind may have where the guide does not say otherwise.
var usual = map[fault.Kind][]int{
	fault.Invalid: {
		http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
		http.StatusUnprocessableEntity,
	},
	fault.Unauthenticated: {http.StatusUnauthorized},
	fault.Forbidden:       {http.StatusForbidden},
	fault.Missing:         {http.StatusNotFound},
	fault.Conflict:        {http.StatusConflict, http.StatusUnprocessableEntity, http.StatusBadRequest},
	fault.Refused:         {http.StatusUnprocessableEntity, http.StatusConflict, http.StatusBadRequest, http.StatusForbidden},
	fault.Limited:         {http.StatusTooManyRequests},
	fault.Unavailable:     {http.StatusServiceUnavailable},
}

// FaultCodes runs every code there is through the dialect. It fails on one that the dialect's table lacks, on a status that does not
// suit the code's kind, on an answer that says nothing, and on one that repeats what is for the log alone: the cause of a fault, or
// anything at all of an internal one.
func FaultCodes(t *testing.T, d Faults) {
	t.Helper()
	for _, code := range fault.Codes() {
		t.Run(string(code), func(t *testing.T) {
			for _, p := range d.problems(code) {
				t.Error(p)
			}
		})
	}
	t.Run("an error that is no fault", func(t *testing.T) {
		for _, p := range d.internal(errors.New(canary)) {
			t.Error(p)
		}
	})
	t.Run("a code that is not in the list", func(t *testing.T) {
		for _, p := range d.internal(fault.New("no_such_code").On(canary).With("max", canary).Wrap(errors.New(canary))) {
			t.Error(p)
		}
	})
}

// canary is a text that no answer may hold. It looks like what leaks: SQL, a path of the source, a secret.
const canary = "canary: INSERT INTO credential VALUES ('sesame'); goroutine 7 [running]: /src/store/tx.go:42"

// figures are values for every figure that a fault can carry, so that no sentence has a gap.
var figures = map[string]string{
	"limit": "1048576", "allow": "GET, HEAD", "allowed": "a,b", "max": "255", "decimals": "2", "retry_after": "7",
	"candidates": "a,b", "status": "paid", "due": "100", "account": "balance", "available": "100.00", "state": "posted",
	"reason": "declined",
}

// problems is what is wrong with the dialect's answers to one code: alone, and beside another fault.
func (d Faults) problems(code fault.Code) []string {
	var problems []string
	if !d.Words(code) {
		problems = append(problems, "the dialect's table has no sentence for it")
	}
	f := fault.New(code).On("amount").Wrap(errors.New(canary))
	for name, value := range figures {
		f = f.With(name, value)
	}
	if code.Kind() == fault.Internal {
		return append(problems, d.internal(f.On(canary).With("reason", canary))...)
	}
	allowed := usual[code.Kind()]
	if own, ok := d.Statuses[code.Kind()]; ok {
		allowed = own
	}
	for name, err := range map[string]error{
		"alone":                       f,
		"without a field or a figure": fault.New(code).Wrap(errors.New(canary)),
		"wrapped in another error":    fmt.Errorf("%s: %w", canary, f),
		"with a hostile field name":   f.On("a\"\r\n<b>\u2028"),
	} {
		got := d.Render(err)
		if !slices.Contains(allowed, got.Status) {
			problems = append(problems, fmt.Sprintf("%s: status %d does not suit the kind %s, want one of %v", name, got.Status, code.Kind(), allowed))
		}
		problems = append(problems, sound(name, got)...)
	}
	two := d.Render(fault.Join(f, fault.New(fault.FieldRequired).On("customer_name").Wrap(errors.New(canary))))
	return append(problems, sound("with a second fault", two)...)
}

// internal is what is wrong with the answer to an error that the outside may know nothing of.
func (d Faults) internal(err error) []string {
	var problems []string
	got := d.Render(err)
	if got.Status != http.StatusInternalServerError {
		problems = append(problems, fmt.Sprintf("want status 500, got %d", got.Status))
	}
	return append(problems, sound("alone", got)...)
}

// sound checks what holds for every answer: it says something, it is what its type says, and it does not leak.
func sound(name string, a Answer) []string {
	var problems []string
	if len(strings.TrimSpace(string(a.Body))) == 0 {
		problems = append(problems, name+": the answer says nothing")
	}
	if strings.Contains(a.Header.Get("Content-Type"), "json") && !json.Valid(a.Body) {
		problems = append(problems, fmt.Sprintf("%s: the answer is not JSON: %s", name, a.Body))
	}
	texts := map[string]string{"the body": string(a.Body)}
	for h, list := range maps.All(a.Header) {
		texts["the header "+h] = strings.Join(list, "\n")
	}
	for where, text := range texts {
		for _, secret := range []string{"canary", "INSERT", "sesame", "goroutine", ".go:"} {
			if strings.Contains(text, secret) {
				problems = append(problems, fmt.Sprintf("%s: %s holds what is for the log alone: %s", name, where, text))
				break
			}
		}
		if strings.Contains(text, "%!") || strings.Contains(text, "<no value>") {
			problems = append(problems, fmt.Sprintf("%s: %s has a gap: %s", name, where, text))
		}
	}
	return problems
}
