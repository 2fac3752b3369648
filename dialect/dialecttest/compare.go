package dialecttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// differences tells in what the answer is not as expected.
func (w Want) differences(got Answer, values *values) []string {
	var problems []string
	if w.Status != 0 && got.Status != w.Status {
		problems = append(problems, fmt.Sprintf("want status %d, got %d", w.Status, got.Status))
	}
	for _, h := range w.Header {
		list := got.Header.Values(h[0])
		if len(list) != 1 {
			problems = append(problems, fmt.Sprintf("want one header %s, got %q", h[0], list))
			continue
		}
		if err := values.match(h[1], list[0]); err != nil {
			problems = append(problems, fmt.Sprintf("header %s: %v", h[0], err))
		}
	}
	if w.Body == "" {
		return problems
	}
	if w.Body[0] != '{' && w.Body[0] != '[' {
		if err := values.match(w.Body, string(got.Body)); err != nil {
			problems = append(problems, "body: "+err.Error())
		}
		return problems
	}
	want, err := parseNode(bare(w.Body))
	if err != nil {
		return append(problems, fmt.Sprintf("the expected body is not JSON: %v", err))
	}
	have, err := parseNode(string(got.Body))
	if err != nil {
		return append(problems, fmt.Sprintf("the body is not JSON: %v", err))
	}
	c := comparison{values: values, added: w.Added, problems: problems}
	c.nodes("", want, have)
	return c.problems
}

// bareMark stands before a placeholder that had no quotes around it.
const bareMark = "\x01"

// bare puts quotes around the placeholders that stand outside of strings, so that the text is JSON.
func bare(text string) string {
	var b strings.Builder
	inString := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && inString && i+1 < len(text):
			b.WriteByte(c)
			i++
		case c == '"':
			inString = !inString
		case c == '<' && !inString:
			if at := placeholder.FindStringIndex(text[i:]); at != nil && at[0] == 0 {
				b.WriteString(`"\u0001` + text[i:i+at[1]] + `"`)
				i += at[1] - 1
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// node is a JSON value with the order of its keys and the text of its numbers.
type node struct {
	kind  string // what people call its type
	text  string // of a string, a number or a bool
	keys  []string
	items []node // of an object in the order of keys, or of a list
}

func parseNode(text string) (node, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	n, err := readNode(d)
	if err != nil {
		return n, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("something follows the JSON value")
	}
	return n, nil
}

func readNode(d *json.Decoder) (node, error) {
	t, err := d.Token()
	if err != nil {
		return node{}, err
	}
	switch v := t.(type) {
	case string:
		return node{kind: "a string", text: v}, nil
	case json.Number:
		return node{kind: "a number", text: v.String()}, nil
	case bool:
		return node{kind: "a bool", text: fmt.Sprint(v)}, nil
	case json.Delim:
		n := node{kind: "a list"}
		if v == '{' {
			n.kind = "an object"
		}
		for d.More() {
			if v == '{' {
				key, err := d.Token()
				if err != nil {
					return n, err
				}
				if slices.Contains(n.keys, key.(string)) {
					return n, fmt.Errorf("the key %q comes twice", key)
				}
				n.keys = append(n.keys, key.(string))
			}
			item, err := readNode(d)
			if err != nil {
				return n, err
			}
			n.items = append(n.items, item)
		}
		_, err := d.Token() // the closing bracket
		return n, err
	}
	return node{kind: "null"}, nil
}

// key is the value of an object's key.
func (n node) key(name string) (node, bool) {
	if i := slices.Index(n.keys, name); i >= 0 {
		return n.items[i], true
	}
	return node{}, false
}

// comparison gathers what differs.
type comparison struct {
	values   *values
	added    []string
	problems []string
}

func (c *comparison) say(path, format string, args ...any) {
	if path == "" {
		path = "the body"
	}
	c.problems = append(c.problems, path+": "+fmt.Sprintf(format, args...))
}

func (c *comparison) nodes(path string, want, got node) {
	if name, isBare := strings.CutPrefix(want.text, bareMark); isBare && want.kind == "a string" {
		want = node{kind: "a number", text: name}
	}
	if want.kind != got.kind {
		c.say(path, "want %s, got %s %s", want.kind, got.kind, got.text)
		return
	}
	switch want.kind {
	case "an object":
		c.objects(path, want, got)
	case "a list":
		if len(want.items) != len(got.items) {
			c.say(path, "want %d items, got %d", len(want.items), len(got.items))
			return
		}
		for i := range want.items {
			c.nodes(fmt.Sprintf("%s[%d]", path, i), want.items[i], got.items[i])
		}
	default:
		if err := c.values.match(want.text, got.text); err != nil {
			c.say(path, "%v", err)
		}
	}
}

func (c *comparison) objects(path string, want, got node) {
	prefix := path
	if prefix != "" {
		prefix += "."
	}
	var common []string
	for _, k := range got.keys {
		switch {
		case slices.Contains(want.keys, k):
			common = append(common, k)
		case !slices.Contains(c.added, plainPath(prefix+k)):
			c.say(path, "the key %q is not documented", k)
		}
	}
	if len(common) == len(want.keys) && !slices.Equal(common, want.keys) {
		c.say(path, "want the keys in the order %q, got %q", want.keys, common)
	}
	for i, k := range want.keys {
		item, ok := got.key(k)
		if !ok {
			c.say(path, "the key %q is missing", k)
			continue
		}
		c.nodes(prefix+k, want.items[i], item)
	}
}

// plainPath is a path without the places in lists: "invoices[3].status" is "invoices.status".
func plainPath(path string) string {
	var b strings.Builder
	for path != "" {
		head, rest, found := strings.Cut(path, "[")
		b.WriteString(head)
		if !found {
			break
		}
		_, path, _ = strings.Cut(rest, "]")
	}
	return b.String()
}
