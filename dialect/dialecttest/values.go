package dialecttest

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
)

// commonKinds are the sorts of text that every story knows.
var commonKinds = map[string]string{
	"any":        `.*`,
	"number":     `-?[0-9]+(?:\.[0-9]+)?`,
	"time":       `[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z`,
	"millis":     `[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z`,
	"token":      `[A-Za-z0-9_-]{16,}`,
	"request_id": `[A-Za-z0-9._-]{1,64}`,
}

// values are what the placeholders of a story stand for so far.
type values struct {
	kinds map[string]string
	known map[string]string
}

func newValues(kinds, vars map[string]string) *values {
	v := &values{kinds: maps.Clone(commonKinds), known: map[string]string{}}
	maps.Copy(v.kinds, kinds)
	maps.Copy(v.known, vars)
	return v
}

var placeholder = regexp.MustCompile(`<([a-z_]+)(\.[a-z0-9_]+)?>`)

// fill is text with each placeholder replaced by its value, which it must have.
func (v *values) fill(text string) (string, error) {
	var err error
	filled := placeholder.ReplaceAllStringFunc(text, func(p string) string {
		value, ok := v.known[p[1:len(p)-1]]
		if !ok {
			err = fmt.Errorf("%s has no value yet", p)
		}
		return value
	})
	return filled, err
}

// match reports whether got is text of the pattern's form, and takes over the values of the placeholders that had none.
func (v *values) match(pattern, got string) error {
	var expr strings.Builder
	var names []string // of each group
	rest := pattern
	expr.WriteString(`(?s)^`)
	for rest != "" {
		at := placeholder.FindStringSubmatchIndex(rest)
		if at == nil {
			break
		}
		expr.WriteString(regexp.QuoteMeta(rest[:at[0]]))
		name, kind := rest[at[0]+1:at[1]-1], rest[at[2]:at[3]]
		value, known := v.known[name]
		switch {
		case known:
			expr.WriteString(regexp.QuoteMeta(value))
		case v.kinds[kind] == "":
			return fmt.Errorf("<%s> is no sort of text that this story names", name)
		default:
			expr.WriteString(`(` + v.kinds[kind] + `)`)
			names = append(names, name)
		}
		rest = rest[at[1]:]
	}
	expr.WriteString(regexp.QuoteMeta(rest) + `$`)
	re, err := regexp.Compile(expr.String())
	if err != nil {
		return err
	}
	if re.NumSubexp() != len(names) {
		return fmt.Errorf("a sort of text in %q has a group of its own: write (?: instead of (", pattern)
	}
	found := re.FindStringSubmatch(got)
	if found == nil {
		return fmt.Errorf("want %q, got %q", v.shown(pattern), got)
	}
	for i, name := range names {
		if was, twice := v.known[name]; twice && was != found[i+1] {
			return fmt.Errorf("<%s> is both %q and %q", name, was, found[i+1])
		}
		if name != "any" {
			v.known[name] = found[i+1]
		}
	}
	return nil
}

// shown is a pattern for people: what is known is filled in.
func (v *values) shown(pattern string) string {
	return placeholder.ReplaceAllStringFunc(pattern, func(p string) string {
		if value, ok := v.known[p[1:len(p)-1]]; ok {
			return value
		}
		return p
	})
}
