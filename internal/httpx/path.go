package httpx

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// NormalPath is the escaped path of a URL as it is routed: repeated slashes are one, a trailing slash is dropped, an empty path
// is "/". It reports false for a path that no route may see: one that is not absolute, has a dot segment, plain or percent-
// encoded (an encoded slash and a backslash end a segment here as well), or holds control characters or text that is not
// UTF-8. The path is then still collapsed, to tell whose it would have been.
//
// An encoded slash is data, not a separator: a merchant's reference may hold one.
func NormalPath(escaped string) (path string, ok bool) {
	if escaped == "" {
		return "/", true
	}
	if escaped[0] != '/' {
		return escaped, false
	}
	if isNormal(escaped) {
		return escaped, true
	}
	path = collapse(escaped)
	plain, err := url.PathUnescape(path)
	if err != nil || !utf8.ValidString(plain) {
		return path, false
	}
	for _, r := range plain {
		if isControl(r) {
			return path, false
		}
	}
	for rest := plain; rest != ""; {
		var segment string
		if i := strings.IndexAny(rest, `/\`); i >= 0 {
			segment, rest = rest[:i], rest[i+1:]
		} else {
			segment, rest = rest, ""
		}
		if segment == "." || segment == ".." {
			return path, false
		}
	}
	return path, true
}

// isNormal reports whether the path needs no second look: printable ASCII, nothing encoded, no empty segment, none that begins
// with a dot.
func isNormal(path string) bool {
	last := byte(0)
	for i := range len(path) {
		c := path[i]
		if c <= ' ' || c >= 0x7f || c == '%' || c == '\\' || last == '/' && (c == '/' || c == '.') {
			return false
		}
		last = c
	}
	return last != '/' || len(path) == 1
}

// collapse leaves one slash of each run, and none at the end.
func collapse(path string) string {
	b := make([]byte, 0, len(path))
	for i := range len(path) {
		if path[i] == '/' && len(b) > 0 && b[len(b)-1] == '/' {
			continue
		}
		b = append(b, path[i])
	}
	if n := len(b); n > 1 && b[n-1] == '/' {
		b = b[:n-1]
	}
	return string(b)
}
