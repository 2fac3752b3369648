package httpx

import (
	"net/url"
	"strings"
	"testing"
)

func TestPathIsNormalisedBeforeRouting(t *testing.T) {
	for _, c := range []struct {
		in, want string
		ok       bool
	}{
		{"", "/", true},
		{"/", "/", true},
		{"//", "/", true},
		{"/a", "/a", true},
		{"/a/", "/a", true},
		{"/a//", "/a", true},
		{"///a///b///", "/a/b", true},
		{"/a/b.c/.well-known", "/a/b.c/.well-known", true},
		{"/...", "/...", true},
		{"/..a/a..", "/..a/a..", true},
		{"/A%2FB", "/A%2FB", true},
		{"/a%20b", "/a%20b", true},
		{"/%E0%A6%AA", "/%E0%A6%AA", true},
		{"/%252e%252e", "/%252e%252e", true},
		{"/.", "/.", false},
		{"/..", "/..", false},
		{"/a/./b", "/a/./b", false},
		{"/a//../b/", "/a/../b", false},
		{"/a/%2e%2e/b", "/a/%2e%2e/b", false},
		{"/a/%2E", "/a/%2E", false},
		{"/a/.%2e", "/a/.%2e", false},
		{"/a%2f..%2fb", "/a%2f..%2fb", false},
		{"/a/..%5Cb", "/a/..%5Cb", false},
		{`/a\..\b`, `/a\..\b`, false},
		{"/a%00", "/a%00", false},
		{"/a%0Ab", "/a%0Ab", false},
		{"/a%7f", "/a%7f", false},
		{"/a%C2%85", "/a%C2%85", false},
		{"/a%ff", "/a%ff", false},
		{"/a%zz", "/a%zz", false},
		{"/a%", "/a%", false},
		{"*", "*", false},
		{"a/b", "a/b", false},
	} {
		if got, ok := NormalPath(c.in); got != c.want || ok != c.ok {
			t.Errorf("NormalPath(%q) = %q, %v; want %q, %v", c.in, got, ok, c.want, c.ok)
		}
	}
}

func TestNormalPathDoesNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { NormalPath("/api/payment/ATINV17038392001234") }); n != 0 {
		t.Errorf("%v allocations for a path that is normal already", n)
	}
}

func FuzzNormalPath(f *testing.F) {
	for _, s := range []string{"", "/", "//a/", "/a/../b", "/%2e%2E/", "/a%2fb", "/a%5c..", "*", "/%", "/\xff", "/a/.../b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		path, ok := NormalPath(in)
		if !ok {
			return
		}
		if again, ok := NormalPath(path); again != path || !ok {
			t.Fatalf("%q gave %q, and that gave %q, %v", in, path, again, ok)
		}
		if path == "" || path[0] != '/' || strings.Contains(path, "//") || len(path) > 1 && strings.HasSuffix(path, "/") {
			t.Fatalf("%q gave %q", in, path)
		}
		plain, err := url.PathUnescape(path)
		if err != nil {
			t.Fatalf("%q gave %q, which cannot be unescaped", in, path)
		}
		for _, segment := range strings.FieldsFunc(plain, func(r rune) bool { return r == '/' || r == '\\' }) {
			if segment == "." || segment == ".." {
				t.Fatalf("%q gave %q with a dot segment", in, path)
			}
		}
	})
}
