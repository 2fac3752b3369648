package hostile

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
)

// Mutation makes one part of a request hostile.
type Mutation struct {
	Name string
	// Refuse is set where an answer that takes the request is a mistake, whatever else it holds.
	Refuse bool
	// Foreign is set where the request names what is somebody else's.
	Foreign bool
	// Stray is set where the request may no longer be the route's: another door may answer, or nobody's.
	Stray bool
	Apply func(*Request)
}

// corpus collects mutations.
type corpus struct{ list []Mutation }

// may adds a mutation that may be taken or refused, must one that has to be refused, stray one that may lead away from the route.
func (c *corpus) may(name string, f func(*Request)) {
	c.list = append(c.list, Mutation{Name: name, Apply: f})
}
func (c *corpus) must(name string, f func(*Request)) { c.add(name, true, f) }
func (c *corpus) stray(name string, f func(*Request)) {
	c.list = append(c.list, Mutation{Name: name, Stray: true, Apply: f})
}

func (c *corpus) add(name string, refuse bool, f func(*Request)) {
	c.list = append(c.list, Mutation{Name: name, Refuse: refuse, Apply: f})
}

// Mutations is the whole corpus for requests that are made like r, always in the same order. foreign are ids, references, numbers
// and tokens of somebody else.
func Mutations(r Request, foreign []Pair) []Mutation {
	var c corpus
	if r.hasBody() {
		c.fields(r, foreign)
		c.bodies(r)
	}
	c.framings(r)
	c.paths(r, foreign)
	c.queries(r, foreign)
	c.heads(r)
	c.credentials(r)
	c.methods(r)
	return c.list
}

// another is how the names of values begin that are somebody else's.
const another = "another's "

// fields gives each field each value, and takes each away.
func (c *corpus) fields(r Request, foreign []Pair) {
	list := values()
	for _, p := range foreign {
		list = append(list, value{name: another + p.Name, json: quote(p.Value)})
	}
	for _, f := range r.Fields {
		if f.Secret {
			continue // see credentials
		}
		first := len(c.list)
		c.add(f.Name+" left out", f.Required, func(r *Request) {
			r.Fields = slices.DeleteFunc(r.Fields, func(have Field) bool { return have.Name == f.Name })
		})
		c.add(f.Name+" in capitals", f.Required, func(r *Request) { r.rename(f.Name, strings.ToUpper(f.Name)) })
		for _, v := range list {
			if !r.Form {
				c.add(f.Name+" = "+v.name, f.refuses(v), func(r *Request) { r.set(f.Name, v.json) })
			}
		}
		if r.Form || r.Forms {
			for _, v := range f.formValues() {
				c.add(f.Name+" = "+v.name+", in a form", f.refuses(v), func(r *Request) { r.Form = true; r.set(f.Name, v.json) })
			}
		}
		for i := range c.list[first:] {
			m := &c.list[first+i]
			m.Foreign = strings.Contains(m.Name, " = "+another)
		}
		if f.Sort == List {
			c.items(f)
		}
		if r.Form || r.Forms {
			for _, raw := range []string{"%ff", "%c0%af", "%ed%a0%80", "%f4%90%80%80", "a%00b", "%zz", "%", "%e2%82"} {
				c.add("form with "+f.Name+"="+raw, !f.Loose || raw != "a%00b", func(r *Request) {
					r.Form = true
					r.setBody(r.without(f.Name) + "&" + f.Name + "=" + raw)
					r.header("Content-Type", "application/x-www-form-urlencoded")
				})
			}
			for _, form := range []string{"%[1]s[]=1", "%[1]s[a]=1", "%[1]s[0][0]=1", "%[1]s[=1", "%[1]s]=1", "%[1]s[]", "%[1]s"} {
				body := fmt.Sprintf(form, f.Name)
				c.add("form with "+body, f.Required && f.Sort != List, func(r *Request) {
					r.Form = true
					r.setBody(r.without(f.Name) + "&" + body)
					r.header("Content-Type", "application/x-www-form-urlencoded")
				})
			}
		}
	}
}

// formValues are the values that are tried in a form: texts, and what the field is for.
func (f Field) formValues() []value {
	switch list := texts(); f.Sort {
	case Amount:
		return append(list, slices.DeleteFunc(numbers(), func(v value) bool { return !strings.HasPrefix(v.json, `"`) })...)
	case URL, Link:
		return append(list, addresses()...)
	default:
		return list
	}
}

// rename gives a field another name.
func (r *Request) rename(old, now string) {
	for i := range r.Fields {
		if r.Fields[i].Name == old {
			r.Fields[i].Name = now
		}
	}
}

// without is the body as a form that lacks a field.
func (r *Request) without(name string) string {
	c := r.Clone()
	c.Fields = slices.DeleteFunc(c.Fields, func(f Field) bool { return f.Name == name })
	return c.Encoded()
}

// items gives a list each value as its second item.
func (c *corpus) items(f Field) {
	for _, v := range values() {
		bad := v.blank || v.shape || slices.Contains(v.bad, Text)
		c.add(f.Name+" with the item "+v.name, bad, func(r *Request) { r.set(f.Name, `["a",`+v.json+`]`) })
	}
	c.must(f.Name+" with 100,000 items", func(r *Request) { r.set(f.Name, "["+strings.Repeat(`"a",`, 100_000)+`"a"]`) })
	c.may(f.Name+" with one item 100 times", func(r *Request) { r.set(f.Name, "["+strings.Repeat(`"a",`, 99)+`"a"]`) })
}

// bodies replaces the body as a whole.
func (c *corpus) bodies(r Request) {
	must := slices.ContainsFunc(r.Fields, func(f Field) bool { return f.Required && !f.Secret })
	body := func(name string, refuse bool, f func(*Request) string) {
		c.add("body: "+name, refuse, func(r *Request) { r.setBody(f(r)); r.kind() })
	}
	fixed := func(name, text string) { body(name, must, func(*Request) string { return text }) }
	fixed("none", "")
	fixed("white space", " \r\n\t ")
	fixed("an opening brace", "{")
	fixed("an empty object", "{}")
	fixed("a list", "[]")
	fixed("a list of objects", `[{"a":1}]`)
	fixed("null", "null")
	fixed("a number", "1")
	fixed("a text", `"a"`)
	fixed("NUL", "\x00")
	fixed("noise", "\x1f\x8b\x00\xff\xfe{}")
	fixed("markup", "<"+Mark+"/>")
	fixed("XML", `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>`)
	fixed("objects 100,000 deep", strings.Repeat(`{"a":`, 100_000))
	fixed("lists 500,000 deep", `{"a":`+strings.Repeat("[", 500_000))
	fixed("a form that cannot be decoded", "a=%zz&b=%")
	fixed("a form that is not UTF-8", "a=%ff%fe")
	fixed("a form with 5,000 names", strings.Repeat("a&", 5000))
	json := func(name string, refuse bool, f func(json string) string) {
		body(name, refuse, func(r *Request) string { return f(r.JSON()) })
	}
	json("cut in half", true, func(s string) string { return s[:len(s)/2] })
	json("without its last brace", true, func(s string) string { return s[:len(s)-1] })
	json("JSON after JSON", true, func(s string) string { return s + s })
	json("text after JSON", true, func(s string) string { return s + "a" })
	json("NUL after JSON", true, func(s string) string { return s + "\x00" })
	json("a brace too many", true, func(s string) string { return s + "}" })
	json("in a list", true, func(s string) string { return "[" + s + "]" })
	json("with a byte order mark", false, func(s string) string { return "\ufeff" + s })
	json("UTF-16, little end first", true, func(s string) string { return wide(s, false) })
	json("UTF-16, big end first", true, func(s string) string { return wide(s, true) })
	json("UTF-32", true, func(s string) string { return "\xff\xfe\x00\x00" + strings.Join(strings.Split(s, ""), "\x00\x00\x00") })
	json("white space around it", false, func(s string) string { return "\r\n\t " + s + strings.Repeat(" ", 5000) })
	extra := func(name string, refuse bool, member string) {
		body(name, refuse, func(r *Request) string { return r.member(member) })
	}
	extra("an unknown field", false, `"unknown":"`+Mark+`"`)
	extra("an unknown field with markup for a name", false, `"<`+Mark+`>":1`)
	extra("an unknown field 40 deep", true, `"unknown":`+strings.Repeat("[", 40)+strings.Repeat("]", 40))
	extra("an unknown field with a name twice", true, `"unknown":{"a":1,"a":2}`)
	extra("an unknown field that is not UTF-8", true, "\"unknown\":\"\xff\"")
	extra("a prototype", false, `"__proto__":{"admin":true},"constructor":{}`)
	extra("an owner", false, `"owner":"00000000-0000-0000-0000-000000000000","merchant_id":1,"status":"paid","amount_paid":1`)
	extra("an empty name", false, `"":1`)
	extra("2,000 names", true, numbered(2000))
	extra("over the limit by an unknown field", true, `"unknown":"`+strings.Repeat("a", r.limit())+`"`)
	for _, f := range r.Fields {
		if f.Secret {
			continue
		}
		twice := `"` + f.Name + `":` + f.JSON
		escaped := fmt.Sprintf(`"\u%04x%s":%s`, f.Name[0], f.Name[1:], f.JSON)
		extra(f.Name+" twice", true, twice)
		extra(f.Name+" twice, once escaped", true, escaped)
		extra(f.Name+" twice, once in capitals", false, `"`+strings.ToUpper(f.Name)+`":`+f.JSON)
		extra(f.Name+" with NUL after its name", false, `"`+f.Name+`\u0000":1`)
	}
	c.kinds(must)
}

// kind gives a replaced body the content type of the good one.
func (r *Request) kind() {
	if r.get("Content-Type") == "" {
		r.header("Content-Type", "application/json")
	}
}

// kinds sends the good body under another content type, and other bodies under their own.
func (c *corpus) kinds(must bool) {
	for _, kind := range []string{
		"", "text/plain", "application/json; charset=utf-8", "application/json;charset=UTF-16", "APPLICATION/JSON", "application/problem+json", "a", "/", ";;;",
		"application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=", "application/xml", strings.Repeat("a", 8000),
		"text/html\t;\"", "application/json, text/html", "\xff\xfe",
	} {
		c.may(fmt.Sprintf("JSON as %.40q", kind), func(r *Request) { r.setBody(r.JSON()); r.header("Content-Type", kind) })
		c.may(fmt.Sprintf("form as %.40q", kind), func(r *Request) { r.setBody(r.Encoded()); r.header("Content-Type", kind) })
	}
	c.may("no content type", func(r *Request) { r.setBody(r.Body()); r.drop("Content-Type") })
	c.may("two content types", func(r *Request) {
		r.setBody(r.Body())
		r.Header = append(r.Header, Pair{"Content-Type", "application/json"}, Pair{"Content-Type", "text/plain"})
	})
	multi := func(name string, refuse bool, kind string, body func(*Request) string) {
		c.add("multipart: "+name, refuse, func(r *Request) { r.setBody(body(r)); r.header("Content-Type", "multipart/form-data"+kind) })
	}
	multi("whole", false, "; boundary=b", (*Request).multipart)
	multi("cut in half", true, "; boundary=b", func(r *Request) string { s := r.multipart(); return s[:len(s)/2] })
	multi("without its end", true, "; boundary=b", func(r *Request) string { return strings.TrimSuffix(r.multipart(), "--b--\r\n") })
	multi("another boundary", must, "; boundary=x", (*Request).multipart)
	multi("no boundary", must, "", (*Request).multipart)
	multi("a boundary of 5,000", must, "; boundary="+strings.Repeat("b", 5000), (*Request).multipart)
	multi("cut in a part's headers", true, "; boundary=b", func(r *Request) string {
		return strings.TrimSuffix(r.multipart(), "--b--\r\n") + "--b\r\nContent-Disposition: form-data; name=last\r\n"
	})
	multi("cut after a boundary", true, "; boundary=b", func(r *Request) string {
		return strings.TrimSuffix(r.multipart(), "--b--\r\n") + "--b\r\n"
	})
	multi("all of it files", must, "; boundary=b", func(r *Request) string {
		return strings.ReplaceAll(r.multipart(), "name=", `filename="a.php"; name=`)
	})
	multi("10,000 headers", must, "; boundary=b", func(*Request) string {
		return "--b\r\n" + strings.Repeat("A: b\r\n", 10_000) + "\r\na\r\n--b--\r\n"
	})
	multi("nothing but boundaries", must, "; boundary=b", func(*Request) string { return strings.Repeat("--b\r\n\r\n", 20_000) })
	for _, coding := range []string{"gzip", "deflate", "br", "zstd", "gzip, gzip", "x", "identity, gzip"} {
		c.must("coded as "+coding, func(r *Request) {
			r.setBody(squeezed(r.JSON()))
			r.kind()
			r.header("Content-Encoding", coding)
		})
	}
	c.must("a bomb", func(r *Request) {
		r.setBody(squeezed(`{"a":"` + strings.Repeat("a", 8<<20) + `"}`))
		r.kind()
		r.header("Content-Encoding", "gzip")
	})
	c.may("coded as identity", func(r *Request) { r.header("Content-Encoding", "identity") })
}

// multipart is the body as multipart/form-data with the boundary b.
func (r *Request) multipart() string {
	var b strings.Builder
	for _, f := range r.Fields {
		items, isList := unlist(f.JSON)
		name := f.Name + "[]"
		if !isList {
			items, name = []string{unquote(f.JSON)}, f.Name
		}
		for _, item := range items {
			fmt.Fprintf(&b, "--b\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", name, item)
		}
	}
	return b.String() + "--b--\r\n"
}

// numbered is n members of different names.
func numbered(n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(`"n%d":1`, i)
	}
	return strings.Join(parts, ",")
}

// wide is s in UTF-16.
func wide(s string, big bool) string {
	var b strings.Builder
	for _, u := range append([]uint16{0xfeff}, utf16.Encode([]rune(s))...) {
		if big {
			b.Write([]byte{byte(u >> 8), byte(u)})
		} else {
			b.Write([]byte{byte(u), byte(u >> 8)})
		}
	}
	return b.String()
}

// squeezed is s as gzip has it.
func squeezed(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(s)) // a bytes.Buffer takes everything
	_ = w.Close()
	return b.String()
}

// escape is text as it may stand in a path.
func escape(text string) string { return url.PathEscape(text) }
