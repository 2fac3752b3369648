package qr

import (
	"bytes"
	"image"
	"image/png"
	"strconv"

	"rsc.io/qr/coding"

	"sarraf/fault"
)

// MaxPixels is the largest picture, in pixels, that ReadPNG looks at.
const MaxPixels = 40_000_000

// ReadPNG is the text of the QR code on a PNG picture that was drawn and not photographed: the code stands upright, dark on light, each of
// its modules at least two pixels wide and undamaged, with anything around it. So are the images that PNG makes and screenshots of pages
// that show one; a photograph needs a scanner. Of several codes one is read. The faults are FieldTooLong (max: pixels) and FieldMalformed for
// whatever is no PNG, or has no such code on it.
func ReadPNG(data []byte) (string, error) {
	head, err := png.DecodeConfig(bytes.NewReader(data))
	switch {
	case err != nil:
		return "", fault.New(fault.FieldMalformed).Wrap(err)
	case head.Width > MaxPixels/max(head.Height, 1):
		return "", fault.New(fault.FieldTooLong).With("max", strconv.Itoa(MaxPixels))
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return "", fault.New(fault.FieldMalformed).Wrap(err)
	}
	return readImage(img)
}

// readImage is ReadPNG of a picture that is decoded.
func readImage(img image.Image) (string, error) {
	s := newSheet(img)
	eyes := s.eyes()
	for _, a := range eyes {
		for _, b := range eyes {
			for _, c := range eyes {
				if text, ok := s.read(a, b, c); ok {
					return text, nil
				}
			}
		}
	}
	return "", fault.New(fault.FieldMalformed)
}

// sheet is a picture in black and white.
type sheet struct {
	width, height int
	dark          []bool
}

func newSheet(img image.Image) *sheet {
	b := img.Bounds()
	s := &sheet{width: b.Dx(), height: b.Dy(), dark: make([]bool, b.Dx()*b.Dy())}
	if p, ok := img.(*image.Paletted); ok { // as PNG makes them: few colours, and many dots of each
		inks := make([]bool, 256)
		for i, c := range p.Palette {
			inks[i] = inky(c.RGBA())
		}
		for y := range s.height {
			for x := range s.width {
				s.dark[y*s.width+x] = inks[p.Pix[y*p.Stride+x]]
			}
		}
		return s
	}
	for y := range s.height {
		for x := range s.width {
			s.dark[y*s.width+x] = inky(img.At(b.Min.X+x, b.Min.Y+y).RGBA())
		}
	}
	return s
}

// inky reports whether a colour is dark. What lets the ground through lies on white.
func inky(red, green, blue, alpha uint32) bool {
	paper := 0xffff - alpha
	return 299*(red+paper)+587*(green+paper)+114*(blue+paper) < 1000*0x8000
}

func (s *sheet) at(x, y int) bool {
	return x >= 0 && x < s.width && y >= 0 && y < s.height && s.dark[y*s.width+x]
}

// eye is one of the three squares in the corners of a code: twice its middle, and the width of its seven modules, in pixels.
type eye struct{ x, y, width int }

// mostEyes is how many squares are looked at: a code has three, and chance makes few.
const mostEyes = 32

// eyes are the squares that look like those of a code from left to right and from top to bottom.
func (s *sheet) eyes() (list []eye) {
	for y := range s.height {
		var runs [5]int
		row := func(x int) bool { return s.at(x, y) }
		for x := 0; x < s.width; {
			length := stretch(row, x, 1, s.width)
			copy(runs[:], runs[1:])
			runs[4] = length
			x += length
			if !s.at(x-1, y) || !likeEye(runs) {
				continue
			}
			middle := 2*x - 2*runs[4] - 2*runs[3] - runs[2]
			e, ok := s.upright(middle/2, y, sum(runs))
			if e.x = middle; !ok || len(list) == mostEyes || known(list, e) {
				continue
			}
			list = append(list, e)
		}
	}
	return list
}

// stretch is how many pixels from at on are as the first one, up to most.
func stretch(dark func(int) bool, at, step, most int) int {
	n := 0
	for first := dark(at); n < most && dark(at+n*step) == first && at+n*step >= 0; n++ {
	}
	return n
}

// upright looks from the middle of a square up and down.
func (s *sheet) upright(x, y, width int) (eye, bool) {
	column := func(y int) bool { return s.at(x, y) }
	var up, down [3]int // the middle square, the light ring, the dark one
	above, below := y, y
	for i := range up {
		up[i] = stretch(column, above, -1, above+1)
		down[i] = stretch(column, below, 1, s.height-below)
		above, below = above-up[i], below+down[i]
		if above < 0 && i < 2 || below >= s.height && i < 2 {
			return eye{}, false
		}
	}
	runs := [5]int{up[2], up[1], up[0] + down[0] - 1, down[1], down[2]}
	top := above + 1 // of the dark ring
	return eye{y: top + below, width: width}, likeEye(runs) && 4*sum(runs) < 5*width && 5*sum(runs) > 4*width
}

func sum(runs [5]int) (n int) {
	for _, r := range runs {
		n += r
	}
	return n
}

// likeEye reports whether runs of dark and light by turns are as 1 to 1 to 3 to 1 to 1, each within half of its length.
func likeEye(runs [5]int) bool {
	all := sum(runs)
	for i, modules := range [5]int{1, 1, 3, 1, 1} {
		if off := 7*runs[i] - modules*all; 2*off > modules*all || -2*off > modules*all {
			return false
		}
	}
	return true
}

// known reports whether the square was seen in a row before.
func known(list []eye, e eye) bool {
	for _, o := range list {
		if dx, dy := o.x-e.x, o.y-e.y; dx*dx+dy*dy < o.width*o.width {
			return true
		}
	}
	return false
}

// read reads the code whose left upper, right upper and left lower squares these are.
func (s *sheet) read(a, b, c eye) (string, bool) {
	wide, high := b.x-a.x, c.y-a.y
	slack := a.width / 3
	near := func(p, q int) bool { return p-q <= slack && q-p <= slack }
	if wide < 2*a.width || !near(a.y, b.y) || !near(a.x, c.x) || !near(wide, high) || !near(a.width, b.width) || !near(a.width, c.width) {
		return "", false
	}
	// From the middle of one square to that of the next there are 14 modules in a code of version 1, and four more in each after it.
	guess := (wide*7/(2*a.width) - 10 + 2) / 4
	for _, off := range [...]int{0, -1, 1, -2, 2, -3, 3} {
		version := coding.Version(guess + off)
		if version < coding.MinVersion || version > coding.MaxVersion {
			continue
		}
		between := 10 + 4*int(version)
		dark := func(x, y int) bool {
			return s.at((a.x*between+(x-3)*wide)/(2*between), (a.y*between+(y-3)*high)/(2*between))
		}
		if !timed(between+7, dark) {
			continue
		}
		if text, ok := decodeModules(version, dark); ok {
			return text, true
		}
	}
	return "", false
}

// timed reports whether dark and light take turns between the squares, as they do in a code with so many modules on a side: the quick way to
// tell that there is none.
func timed(side int, dark func(x, y int) bool) bool {
	for i := 8; i < side-8; i++ {
		if want := i%2 == 0; dark(i, 6) != want || dark(6, i) != want {
			return false
		}
	}
	return true
}

// decodeModules is the text of modules, none of which may be wrong.
func decodeModules(version coding.Version, dark func(x, y int) bool) (string, bool) {
	for level := coding.L; level <= coding.H; level++ {
		for mask := range coding.Mask(8) {
			plan, err := coding.NewPlan(version, level, mask)
			if err != nil || !agrees(plan, dark) {
				continue
			}
			raw := make([]byte, plan.DataBytes+plan.CheckBytes)
			for y, row := range plan.Pixel {
				for x, p := range row {
					if role := p.Role(); (role == coding.Data || role == coding.Check) && dark(x, y) != (p&coding.Black != 0) {
						raw[p.Offset()/8] |= 1 << (7 - p.Offset()%8)
					}
				}
			}
			var whole coding.Bits
			whole.Append(raw[:plan.DataBytes])
			whole.AddCheckBytes(version, level)
			if !bytes.Equal(whole.Bytes(), raw) {
				return "", false
			}
			return segments(raw[:plan.DataBytes], version)
		}
	}
	return "", false
}

// agrees reports whether the modules that are the same whatever the code says, of this version, level and mask, are as planned.
func agrees(plan *coding.Plan, dark func(x, y int) bool) bool {
	for y, row := range plan.Pixel {
		for x, p := range row {
			switch p.Role() {
			case coding.Position, coding.Alignment, coding.Timing, coding.Format, coding.PVersion:
				if dark(x, y) != (p&coding.Black != 0) {
					return false
				}
			}
		}
	}
	return true
}

// bitReader takes bits off the front, and zeros behind the end.
type bitReader struct {
	data []byte
	at   int
}

func (r *bitReader) take(n int) (v int) {
	for range n {
		v <<= 1
		if r.at/8 < len(r.data) {
			v |= int(r.data[r.at/8]>>(7-r.at%8)) & 1
		}
		r.at++
	}
	return v
}

func (r *bitReader) left() int { return 8*len(r.data) - r.at }

const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// segments is the text of a code's data: digits, capitals and bytes, one after another.
func segments(data []byte, version coding.Version) (string, bool) {
	class := 0
	if version > 9 {
		class++
	}
	if version > 26 {
		class++
	}
	r := &bitReader{data: data}
	var text []byte
	for r.left() >= 4 {
		switch r.take(4) {
		case 0:
			return string(text), len(text) > 0
		case 1:
			for n := r.take([...]int{10, 12, 14}[class]); n > 0; n -= 3 {
				digits := min(n, 3)
				number := strconv.Itoa(r.take(1 + 3*digits))
				for range digits - len(number) {
					text = append(text, '0')
				}
				text = append(text, number...)
			}
		case 2:
			for n := r.take([...]int{9, 11, 13}[class]); n > 0; n -= 2 {
				if n == 1 {
					text = append(text, alphanumeric[min(r.take(6), 44)])
					break
				}
				pair := min(r.take(11), 44*45+44)
				text = append(text, alphanumeric[pair/45], alphanumeric[pair%45])
			}
		case 4:
			for range r.take([...]int{8, 16, 16}[class]) {
				text = append(text, byte(r.take(8)))
			}
		default:
			return "", false
		}
		if r.left() < 0 {
			return "", false
		}
	}
	return string(text), len(text) > 0
}
