package adapter

import (
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"sarraf/internal/httpx"
	"sarraf/rail"
)

// Bounds of what is kept of an answer.
const (
	referenceMost = 100 // characters of a reference; a longer one is no answer
	reasonMost    = 200 // characters of a reason; a longer one is cut
)

// question says what was asked.
type question int

const (
	sent question = iota
	asked
)

// words are what the service can say of an order, by what was asked. Whatever is not here is not known.
var words = map[question]map[string]rail.Outcome{
	sent:  {"completed": rail.Accepted, "rejected": rail.Declined, "processing": rail.Taken, "retry": rail.Retryable},
	asked: {"completed": rail.Accepted, "rejected": rail.Declined, "processing": rail.Taken, "absent": rail.Absent},
}

// judge says what an answer means. It means something only when it is a 200 with one JSON object that repeats the order's id and says a word of
// the list; an error is everything else, and the order's fate is not known.
func judge(got received, id string, q question) (rail.Answer, error) {
	if got.status != http.StatusOK {
		return rail.Answer{}, fmt.Errorf("adapter: status %d", got.status)
	}
	fields, err := httpx.ParseFields("application/json", got.body)
	if err != nil || len(fields.Names()) == 0 {
		return rail.Answer{}, fmt.Errorf("adapter: the answer is not one JSON object")
	}
	text := map[string]string{}
	for _, name := range []string{"id", "status", "reference", "reason"} {
		value, _, wrong := fields.String(name)
		if wrong != nil {
			return rail.Answer{}, fmt.Errorf("adapter: %s is not a text", name)
		}
		text[name] = value
	}
	if text["id"] != id {
		return rail.Answer{}, fmt.Errorf("adapter: the answer is about another order")
	}
	outcome, known := words[q][text["status"]]
	if !known {
		return rail.Answer{}, fmt.Errorf("adapter: the status %.40q is none of the list", text["status"])
	}
	a := rail.Answer{Outcome: outcome, Reference: text["reference"], Reason: clean(text["reason"])}
	if utf8.RuneCountInString(a.Reference) > referenceMost || strings.ContainsFunc(a.Reference, unprintable) {
		return rail.Answer{}, fmt.Errorf("adapter: the reference is longer than %d characters, or not all of them can be printed", referenceMost)
	}
	switch {
	case outcome == rail.Accepted && a.Reference == "":
		return rail.Answer{}, fmt.Errorf("adapter: completed without a reference")
	case outcome == rail.Accepted:
		a.Reason = ""
	case outcome == rail.Declined && a.Reason == "":
		a.Reason = "The rail refused it."
	}
	return a, nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// clean makes a reason of at most reasonMost characters that can be shown anywhere.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unprintable(r) {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if list := []rune(text); len(list) > reasonMost {
		text = string(list[:reasonMost])
	}
	return text
}
