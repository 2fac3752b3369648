package qr

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
	"rsc.io/qr"

	"sarraf/fault"
)

// picture is an image as a file.
func picture(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func isRead(t testing.TB, why string, data []byte, want string) {
	t.Helper()
	if got, err := ReadPNG(data); err != nil || got != want {
		t.Errorf("%s: read %q, %v, want %q", why, got, err, want)
	}
}

func isNotRead(t testing.TB, why string, data []byte) {
	t.Helper()
	if got, err := ReadPNG(data); got != "" || !fault.Has(err, fault.FieldMalformed) {
		t.Errorf("%s: read %q, %v", why, got, err)
	}
}

func TestWhatIsDrawnIsReadAgain(t *testing.T) {
	texts := []string{
		"1", "0123456789", "0012", "00", "ABC $%*+-./:", "A", "hello", "৳ শাপলা", "\x00\xff", strings.Repeat("7", 3000), strings.Repeat("AZ09", 500),
		strings.Repeat("a", 2331),
	}
	for _, text := range vectors(t) {
		texts = append(texts, text)
	}
	for _, text := range texts {
		for _, scale := range []int{2, 3} {
			data, err := PNG(text, scale)
			if err != nil {
				t.Fatal(err)
			}
			isRead(t, "drawn", data, text)
		}
	}
	for _, level := range []qr.Level{qr.L, qr.M, qr.Q, qr.H} {
		code, err := qr.Encode("https://example.com/"+strings.Repeat("x", 60), level)
		if err != nil {
			t.Fatal(err)
		}
		isRead(t, "of another level", code.PNG(), "https://example.com/"+strings.Repeat("x", 60))
	}
}

func TestEveryTextIsReadFromItsPicture(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringN(1, 60, -1), rapid.StringMatching(`[0-9]{1,120}`), rapid.StringMatching(`[A-Z2-7:]{1,200}`)).Draw(t, "text")
		data, err := PNG(text, rapid.IntRange(2, 4).Draw(t, "scale"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ReadPNG(data); err != nil || got != text {
			t.Fatalf("read %q, %v", got, err)
		}
	})
}

// canvas is a ground with codes on it.
func canvas(t testing.TB, width, height int, ground color.Color) *image.RGBA {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.Set(x, y, ground)
		}
	}
	return img
}

func paste(t testing.TB, img *image.RGBA, text string, scale, left, top int) {
	t.Helper()
	data, err := PNG(text, scale)
	if err != nil {
		t.Fatal(err)
	}
	code, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for y := range code.Bounds().Dy() {
		for x := range code.Bounds().Dx() {
			img.Set(left+x, top+y, code.At(x, y))
		}
	}
}

func TestACodeIsFoundAnywhereOnAPicture(t *testing.T) {
	by := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		img := canvas(t, 700, 600, color.Gray{Y: uint8(by.IntN(256))})
		for range 40 { // what else is on a page
			x, y, w, h, c := by.IntN(700), by.IntN(600), by.IntN(90), by.IntN(30), color.Gray{Y: uint8(by.IntN(256))}
			for i := range w * h {
				img.Set(x+i%max(w, 1), y+i/max(w, 1), c)
			}
		}
		paste(t, img, "SR1:ABCDEFGHIJKLMNOP", 2+by.IntN(5), by.IntN(400), by.IntN(300))
		isRead(t, "on a page", picture(t, img), "SR1:ABCDEFGHIJKLMNOP")
	}
	clear := image.NewNRGBA(image.Rect(0, 0, 300, 300)) // lets everything through
	code, err := qr.Encode("hello", qr.M)
	if err != nil {
		t.Fatal(err)
	}
	for y := range 300 {
		for x := range 300 {
			if code.Black(x/8-4, y/8-4) {
				clear.Set(x, y, color.NRGBA{R: 40, G: 20, B: 90, A: 255})
			}
		}
	}
	isRead(t, "on no ground", picture(t, clear), "hello")
}

func TestAPictureWithoutAWholeCodeIsNotRead(t *testing.T) {
	const text = "SR1:ABCDEF"
	whole := canvas(t, 70, 70, color.White)
	paste(t, whole, text, 2, 5, 6)
	isRead(t, "whole", picture(t, whole), text)
	code, err := layout(text)
	if err != nil {
		t.Fatal(err)
	}
	side := code.Size
	for i := range side * side {
		x, y := i%side, i/side
		if x == 8 && y == side-8 {
			continue // the module that is dark in every code, and says nothing
		}
		img := canvas(t, 70, 70, color.White)
		copy(img.Pix, whole.Pix)
		ink := color.Color(color.Black)
		if code.Black(x, y) {
			ink = color.White
		}
		for p := range 4 {
			img.Set(5+(x+Quiet)*2+p%2, 6+(y+Quiet)*2+p/2, ink)
		}
		if got, err := ReadPNG(picture(t, img)); err == nil {
			t.Fatalf("with module %d, %d changed it reads %q", x, y, got)
		}
	}
	cut := whole.SubImage(image.Rect(0, 0, 40, 70))
	isNotRead(t, "cut", picture(t, cut))
	isNotRead(t, "blank", picture(t, canvas(t, 100, 100, color.White)))
	isNotRead(t, "dark", picture(t, canvas(t, 100, 100, color.Black)))
	isNotRead(t, "a pixel", picture(t, canvas(t, 1, 1, color.Black)))
	for why, data := range map[string][]byte{"nothing": nil, "no picture": []byte("hello"), "half a file": picture(t, whole)[:200]} {
		isNotRead(t, why, data)
	}
}

// crcOf is the checksum of a part of a PNG file.
func crcOf(part []byte) []byte { return binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(part)) }

func TestAHugePictureIsNotDecoded(t *testing.T) {
	data, err := PNG("hello", 2)
	if err != nil {
		t.Fatal(err)
	}
	huge := append(append(bytes.Clone(data[:16]), 0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff), data[24:29]...)
	huge = append(huge, crcOf(huge[12:29])...)
	huge = append(huge, data[33:]...)
	if got, err := ReadPNG(huge); got != "" || !(fault.Has(err, fault.FieldTooLong) || fault.Has(err, fault.FieldMalformed)) {
		t.Errorf("%q, %v", got, err)
	}
	wide := append(append(bytes.Clone(data[:16]), 0, 0, 0x40, 0, 0, 0, 0x40, 0), data[24:29]...)
	wide = append(wide, crcOf(wide[12:29])...)
	wide = append(wide, data[33:]...)
	if got, err := ReadPNG(wide); got != "" || !fault.Has(err, fault.FieldTooLong) {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzReadImage(f *testing.F) {
	for _, text := range []string{"1", "hello", "SR1:ABCDEFGHIJKLMNOP"} {
		data, err := PNG(text, 2)
		if err != nil {
			f.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			f.Fatal(err)
		}
		side := img.Bounds().Dx()
		bits := make([]byte, side*side/8+1)
		for i := range side * side {
			if c, _, _, _ := img.At(i%side, i/side).RGBA(); c == 0 {
				bits[i/8] |= 1 << (i % 8)
			}
		}
		f.Add(side, bits)
	}
	f.Fuzz(func(t *testing.T, width int, bits []byte) {
		if width < 1 || width > 200 || len(bits) > 2000 {
			return
		}
		img := image.NewGray(image.Rect(0, 0, width, len(bits)*8/width+1))
		for i := range img.Pix {
			if img.Pix[i] = 0xff; i/8 < len(bits) && bits[i/8]>>(i%8)&1 == 1 {
				img.Pix[i] = 0
			}
		}
		if text, err := readImage(img); (err == nil) != (text != "") || err != nil && !fault.Has(err, fault.FieldMalformed) {
			t.Fatalf("%q, %v", text, err)
		}
	})
}
