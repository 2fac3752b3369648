package qr

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strconv"
	"strings"

	"rsc.io/qr"

	"sarraf/fault"
)

// Quiet is the width of the empty border that a scanner needs, in modules (ISO 18004).
const Quiet = 4

// Options says how SVG draws.
type Options struct {
	// Title is what assistive technology reads out and a pointer shows. Without one the image is hidden from assistive
	// technology, for a page that labels what is around it.
	Title string
}

// layout places the modules. A seventh of them may be damaged (level M), which is what screens and tills need.
func layout(text string) (*qr.Code, error) {
	if text == "" {
		return nil, fault.New(fault.FieldRequired)
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, fault.New(fault.FieldTooLong).Wrap(err)
	}
	return code, nil
}

// SVG draws text as an <svg> element: black on white in any surroundings, as large as its place, its border included, with no
// script, style, or reference to anything else. It can stand in a page as it is, or in a file of its own. The faults are
// FieldRequired for no text and FieldTooLong for more than a code can hold (2,331 bytes).
func SVG(text string, o Options) (string, error) {
	code, err := layout(text)
	if err != nil {
		return "", err
	}
	side := code.Size + 2*Quiet
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges" `, side, side)
	if o.Title == "" {
		b.WriteString(`aria-hidden="true">`)
	} else {
		b.WriteString(`role="img"><title>`)
		if err := xml.EscapeText(&b, []byte(o.Title)); err != nil {
			return "", err
		}
		b.WriteString(`</title>`)
	}
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/><path d="`, side, side)
	drawRuns(&b, code)
	b.WriteString(`"/></svg>`)
	return b.String(), nil
}

// drawRuns writes each unbroken row of black modules as a rectangle of the path.
func drawRuns(b *strings.Builder, code *qr.Code) {
	var buf []byte // fmt would take longer than the code itself
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for code.Black(x, y) {
				x++
			}
			if run := int64(x - from); run > 0 {
				buf = strconv.AppendInt(append(buf[:0], 'M'), int64(from+Quiet), 10)
				buf = strconv.AppendInt(append(buf, ' '), int64(y+Quiet), 10)
				buf = strconv.AppendInt(append(buf, 'h'), run, 10)
				buf = strconv.AppendInt(append(buf, "v1h-"...), run, 10)
				b.Write(append(buf, 'z'))
			}
		}
	}
}

// PNG draws text as a PNG image in black and white with its border, scale pixels to a module (1 to 16, else the nearer of them).
// The faults are those of SVG.
func PNG(text string, scale int) ([]byte, error) {
	code, err := layout(text)
	if err != nil {
		return nil, err
	}
	scale = min(max(scale, 1), 16)
	side := (code.Size + 2*Quiet) * scale
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range side {
		for x := range side {
			if code.Black(x/scale-Quiet, y/scale-Quiet) {
				img.Pix[y*img.Stride+x] = 1
			}
		}
	}
	var b bytes.Buffer
	err = png.Encode(&b, img)
	return b.Bytes(), err
}
