package dialecttest

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Page runs the examples of a page of documentation (Markdown): each block marked sh that begins with curl, against the target that
// open makes, in the order of the page. A block marked json that follows next is the answer: it must have the same keys in the same
// order with the same types, and the same figures and words. A text that is neither (an id, a time, a token, a URL), and a number whose key
// is id or ends in Id, may be another one in truth; wherever the page repeats it, also in a later request, the true one is used.
//
// The commands are read, not given to a shell: flags -X, -H, -d (--data, --data-raw), --data-urlencode, -s and -i, quotes, $NAME
// from the target's Vars, and a backslash at the end of a line. The host of a URL, written $URL, is that of the target.
func Page(t *testing.T, file string, open func(t *testing.T) Target) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	examples := examples(string(text))
	if len(examples) == 0 {
		t.Fatalf("%s has no example", file)
	}
	target := open(t)
	p := newPlayer(t, target)
	truth := map[string]string{}
	for _, e := range examples {
		where := fmt.Sprintf("%s:%d", file, e.line)
		c, err := parseCurl(e.command, target.Vars)
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		for printed, actual := range truth {
			c.path, c.body = strings.ReplaceAll(c.path, printed, actual), strings.ReplaceAll(c.body, printed, actual)
		}
		got, err := p.send(t.Context(), c.method, c.path, c.header, c.body)
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		if e.answer == "" {
			continue
		}
		if problems := sameShape(e.answer, string(got.Body), truth); len(problems) > 0 {
			t.Fatalf("%s:\n  %s\nthe answer is %d\n%s", where, strings.Join(problems, "\n  "), got.Status, got.Body)
		}
	}
}

// example is one command of a page and the answer printed under it.
type example struct {
	line            int
	command, answer string
}

var fence = regexp.MustCompile("(?m)^```([a-z]*)\n((?s:.*?))^```$")

func examples(page string) []example {
	var list []example
	for _, at := range fence.FindAllStringSubmatchIndex(page, -1) {
		language, text := page[at[2]:at[3]], page[at[4]:at[5]]
		switch {
		case language == "sh" && strings.HasPrefix(text, "curl "):
			list = append(list, example{line: strings.Count(page[:at[0]], "\n") + 1, command: text})
		case language == "json" && len(list) > 0 && list[len(list)-1].answer == "":
			list[len(list)-1].answer = text
		}
	}
	return list
}

// command is what a curl command asks for.
type command struct {
	method, path, body string
	header             http.Header
}

// parseCurl reads one curl command.
func parseCurl(text string, vars map[string]string) (command, error) {
	words, err := shellWords(text, vars)
	if err != nil {
		return command{}, err
	}
	c := command{header: http.Header{}}
	var data []string
	for i := 1; i < len(words); i++ {
		w := words[i]
		switch w {
		case "-s", "-i", "-sS":
			continue
		case "-X", "-H", "-d", "--data", "--data-raw", "--data-urlencode":
			i++
			if i == len(words) {
				return c, fmt.Errorf("%s needs a value", w)
			}
		}
		switch w {
		case "-X":
			c.method = words[i]
		case "-H":
			h, err := header(words[i])
			if err != nil {
				return c, err
			}
			c.header.Add(h[0], h[1])
		case "-d", "--data", "--data-raw":
			data = append(data, words[i])
		case "--data-urlencode":
			name, value, _ := strings.Cut(words[i], "=")
			data = append(data, name+"="+escapeForm(value))
		default:
			path, ok := strings.CutPrefix(w, urlMark)
			if !ok || c.path != "" {
				return c, fmt.Errorf("%q is not understood here", w)
			}
			c.path = path
		}
	}
	if c.path == "" {
		return c, fmt.Errorf("the command asks for nothing under $URL")
	}
	c.body = strings.Join(data, "&")
	if data != nil && c.header.Get("Content-Type") == "" {
		c.header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.method == "" {
		c.method = http.MethodGet
		if data != nil {
			c.method = http.MethodPost
		}
	}
	return c, nil
}

// urlMark stands for the host in a command that has been read.
const urlMark = "\x01"

// escapeForm encodes a value as curl does.
func escapeForm(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

var variable = regexp.MustCompile(`\$([A-Z_]+)`)

// shellWords cuts a command into words as a shell does.
func shellWords(text string, vars map[string]string) ([]string, error) {
	var words []string
	var word strings.Builder
	var missing error
	begun := false
	expand := func(s string) string {
		return variable.ReplaceAllStringFunc(s, func(v string) string {
			if v == "$URL" {
				return urlMark
			}
			value, ok := vars[v[1:]]
			if !ok {
				missing = fmt.Errorf("%s has no value", v)
			}
			return value
		})
	}
	text = strings.ReplaceAll(text, "\\\n", " ")
	for text != "" {
		switch c := text[0]; c {
		case ' ', '\n', '\t':
			if begun {
				words, begun = append(words, word.String()), false
				word.Reset()
			}
			text = text[1:]
		case '\'', '"':
			inside, after, ok := strings.Cut(text[1:], string(c))
			if !ok {
				return nil, fmt.Errorf("a quote that does not end")
			}
			if c == '"' {
				if strings.ContainsAny(inside, "\\`") {
					return nil, fmt.Errorf("escapes inside of double quotes are not understood here")
				}
				inside = expand(inside)
			}
			word.WriteString(inside)
			text, begun = after, true
		default:
			end := strings.IndexAny(text, " \n\t'\"")
			if end < 0 {
				end = len(text)
			}
			if strings.ContainsAny(text[:end], "\\`|&;<>()") {
				return nil, fmt.Errorf("%q is not understood here", text[:end])
			}
			word.WriteString(expand(text[:end]))
			text, begun = text[end:], true
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words, missing
}

// fixed is text that a page must print as it is: a status word, a sentence, an amount. printedID are the keys of numbers that need not be.
var (
	fixed     = regexp.MustCompile(`^(?:[A-Z]?[a-z ,.'_-]*|[A-Z_]+|-?[0-9]+\.[0-9]{2}|৳[0-9,]+(?:\.[0-9]{2})?)$`)
	printedID = regexp.MustCompile(`\.(?:id|[a-z]\w*Id)$`)
)

// sameShape tells in what the true answer is not like the printed one, and takes over into truth what the printed ids really are.
func sameShape(printed, actual string, truth map[string]string) []string {
	want, err := parseNode(printed)
	if err != nil {
		return []string{fmt.Sprintf("the printed answer is not JSON: %v", err)}
	}
	got, err := parseNode(actual)
	if err != nil {
		return []string{fmt.Sprintf("the answer is not JSON: %v", err)}
	}
	return shapes("the body", want, got, truth)
}

func shapes(path string, want, got node, truth map[string]string) []string {
	switch {
	case want.kind != got.kind:
		return []string{fmt.Sprintf("%s: printed %s, is %s %s", path, want.kind, got.kind, got.text)}
	case !slices.Equal(want.keys, got.keys):
		return []string{fmt.Sprintf("%s: printed keys %q, are %q", path, want.keys, got.keys)}
	case len(want.items) != len(got.items):
		return []string{fmt.Sprintf("%s: printed %d items, are %d", path, len(want.items), len(got.items))}
	}
	var problems []string
	for i := range want.items {
		name := fmt.Sprintf("%s[%d]", path, i)
		if want.keys != nil {
			name = path + "." + want.keys[i]
		}
		problems = append(problems, shapes(name, want.items[i], got.items[i], truth)...)
	}
	if want.text == got.text {
		return problems
	}
	if want.kind != "a string" && !(want.kind == "a number" && printedID.MatchString(path)) || fixed.MatchString(want.text) {
		return append(problems, fmt.Sprintf("%s: printed %s, is %s", path, want.text, got.text))
	}
	if was, ok := truth[want.text]; ok && was != got.text {
		return append(problems, fmt.Sprintf("%s: printed %s, which was %s before, is %s", path, want.text, was, got.text))
	}
	truth[want.text] = got.text
	return problems
}
