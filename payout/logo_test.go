package payout

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEveryKindOfTheCatalogHasADrawingAndNothingElseHas(t *testing.T) {
	files, err := fs.Glob(logos, "logos/*.svg")
	if err != nil {
		t.Fatal(err)
	}
	var kinds, drawn []string
	for _, k := range Catalog() {
		kinds = append(kinds, k.Kind)
		if len(Logo(k.Kind)) == 0 {
			t.Errorf("%s has no drawing", k.Kind)
		}
	}
	for _, f := range files {
		drawn = append(drawn, strings.TrimSuffix(strings.TrimPrefix(f, "logos/"), ".svg"))
	}
	slices.Sort(kinds)
	if slices.Sort(drawn); !slices.Equal(kinds, drawn) {
		t.Errorf("the catalog has %q, and %q are drawn", kinds, drawn)
	}
	for _, kind := range []string{"", "none", "BKASH", "../logo", "bkash.svg", "bkash/", "*", "\x00", "../logos/bkash"} {
		if Logo(kind) != nil {
			t.Errorf("%q has a drawing", kind)
		}
	}
}

// A drawing that carried a script, a style, a link or a text would be more than lines: it is shown on other people's pages.
func TestDrawingsAreLinesAlone(t *testing.T) {
	elements := []string{"svg", "rect", "g", "path", "circle"}
	tile := regexp.MustCompile(`<rect width="96" height="96" rx="22" fill="#[0-9a-f]{6}"/>`)
	for _, k := range Catalog() {
		drawing := Logo(k.Kind)
		if len(drawing) > 1024 || !tile.Match(drawing) || !bytes.Contains(drawing, []byte(` viewBox="0 0 96 96"`)) {
			t.Errorf("%s is not a tile like the others: %s", k.Kind, drawing)
		}
		for dec := xml.NewDecoder(bytes.NewReader(drawing)); ; {
			token, err := dec.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", k.Kind, err)
			}
			switch e := token.(type) {
			case xml.StartElement:
				if !slices.Contains(elements, e.Name.Local) {
					t.Errorf("%s has an element %s", k.Kind, e.Name.Local)
				}
				for _, a := range e.Attr {
					if a.Name.Local != "xmlns" && (strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Value, ":") || strings.Contains(a.Value, "url")) {
						t.Errorf("%s: %s=%q", k.Kind, a.Name.Local, a.Value)
					}
				}
			case xml.CharData:
				if strings.TrimSpace(string(e)) != "" {
					t.Errorf("%s has text: %q", k.Kind, e)
				}
			case xml.EndElement:
			default:
				t.Errorf("%s has %T", k.Kind, e)
			}
		}
	}
}
