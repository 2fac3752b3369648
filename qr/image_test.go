package qr

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/png"
	"io"
	"regexp"
	"strings"
	"testing"

	"rsc.io/qr"

	"sarraf/fault"
)

// element is one start tag with its attributes.
type element struct {
	name  string
	attrs map[string]string
	text  string
}

// elements reads a drawing, which must be well-formed.
func elements(t *testing.T, svg string) []element {
	t.Helper()
	var list []element
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		switch v := token.(type) {
		case xml.StartElement:
			e := element{name: v.Name.Local, attrs: map[string]string{}}
			for _, a := range v.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			list = append(list, e)
		case xml.CharData:
			list[len(list)-1].text += string(v)
		}
	}
}

var run = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`)

func TestSVGDrawsTheModulesOfTheCode(t *testing.T) {
	for label, text := range vectors(t) {
		svg, err := SVG(text, Options{Title: "Scan to pay"})
		if err != nil {
			t.Fatalf("%s: %v", label, err)
		}
		code, err := qr.Encode(text, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		list := elements(t, svg)
		path := list[len(list)-1].attrs["d"]
		if rest := run.ReplaceAllString(path, ""); rest != "" {
			t.Fatalf("%s: %q is no rectangle", label, rest)
		}
		black := map[[2]int]bool{}
		for _, m := range run.FindAllStringSubmatch(path, -1) {
			var x, y, w, back int
			if _, err := fmt.Sscan(strings.Join(m[1:], " "), &x, &y, &w, &back); err != nil || w != back {
				t.Fatalf("%s: %q, %v", label, m[0], err)
			}
			for i := range w {
				black[[2]int{x + i - Quiet, y - Quiet}] = true
			}
		}
		for y := -Quiet; y < code.Size+Quiet; y++ {
			for x := -Quiet; x < code.Size+Quiet; x++ {
				if code.Black(x, y) != black[[2]int{x, y}] {
					t.Fatalf("%s: module %d, %d", label, x, y)
				}
			}
		}
		box := fmt.Sprintf("0 0 %d %d", code.Size+2*Quiet, code.Size+2*Quiet)
		if got := list[0].attrs["viewBox"]; got != box {
			t.Errorf("%s: view box %q, want %q", label, got, box)
		}
	}
}

func TestSVGIsAccessibleAndBringsNothingElse(t *testing.T) {
	hostile := `</title><script>alert("1")</script>&'` + "\x00\n"
	svg, err := SVG("hello", Options{Title: hostile})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range elements(t, svg) {
		names = append(names, e.name)
		for a := range e.attrs {
			if !strings.Contains(" xmlns viewBox shape-rendering role width height fill d ", " "+a+" ") {
				t.Errorf("attribute %s", a)
			}
		}
	}
	if got := strings.Join(names, " "); got != "svg title rect path" {
		t.Errorf("elements %s", got)
	}
	title := elements(t, svg)[1].text
	if !strings.HasPrefix(title, `</title><script>alert("1")</script>&'`) || elements(t, svg)[0].attrs["role"] != "img" {
		t.Errorf("title %q in %s", title, svg)
	}
	if strings.Count(svg, "http") != 1 || strings.Contains(svg, "<script") || strings.Contains(svg, "style") {
		t.Errorf("%s", svg)
	}
	bare, err := SVG("hello", Options{})
	if err != nil || elements(t, bare)[0].attrs["aria-hidden"] != "true" || strings.Contains(bare, "<title>") {
		t.Errorf("%s, %v", bare, err)
	}
}

func TestImagesRefuseNothingAndTooMuch(t *testing.T) {
	for text, code := range map[string]fault.Code{"": fault.FieldRequired, strings.Repeat("a", 2332): fault.FieldTooLong} {
		if svg, err := SVG(text, Options{}); svg != "" || !fault.Has(err, code) {
			t.Errorf("%d bytes: %q, %v", len(text), svg, err)
		}
		if png, err := PNG(text, 4); png != nil || !fault.Has(err, code) {
			t.Errorf("%d bytes: %d, %v", len(text), len(png), err)
		}
	}
	if _, err := SVG(strings.Repeat("a", 2331), Options{}); err != nil {
		t.Error(err)
	}
}

func TestPNGHasItsBorderAndScale(t *testing.T) {
	code, err := qr.Encode("hello", qr.M)
	if err != nil {
		t.Fatal(err)
	}
	for scale, want := range map[int]int{-1: 1, 1: 1, 6: 6, 99: 16} {
		data, err := PNG("hello", scale)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil || img.Bounds().Dx() != (code.Size+2*Quiet)*want {
			t.Fatalf("scale %d: %v, %v", scale, img.Bounds(), err)
		}
		at := func(x, y int) bool {
			r, _, _, _ := img.At((x+Quiet)*want+want/2, (y+Quiet)*want+want/2).RGBA()
			return r == 0
		}
		for y := -Quiet; y < code.Size+Quiet; y++ {
			for x := -Quiet; x < code.Size+Quiet; x++ {
				if at(x, y) != code.Black(x, y) {
					t.Fatalf("scale %d: module %d, %d", scale, x, y)
				}
			}
		}
	}
}

func FuzzSVG(f *testing.F) {
	for _, s := range []string{"", "0123456789", "ABC $%*+-./:", "hello", "৳ শাপলা", "\xff\x00", strings.Repeat("7", 3000)} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, text, title string) {
		svg, err := SVG(text, Options{Title: title})
		if err != nil {
			if svg != "" {
				t.Fatal(svg)
			}
			return
		}
		if list := elements(t, svg); list[len(list)-1].name != "path" || len(list) > 4 {
			t.Fatalf("%q titled %q: %s", text, title, svg)
		}
	})
}
