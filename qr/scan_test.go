package qr

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"sarraf/internal/scantest"
	"sarraf/money"
)

// Every form of payload, drawn, is read by another program as the text that it was drawn from, and our own parser finds in it what was put in.
func TestAnotherDecoderReadsEveryPayload(t *testing.T) {
	texts := vectors(t)
	for i, name := range []string{"A", "Ali Tuck Shop", strings.Repeat("W", 25)} {
		for j, amount := range []int64{0, 1, 150050, 99_999_999} {
			p := shop
			p.Name, p.Dynamic, p.Amount = name, j > 0, money.Of(amount, money.PKR)
			p.Bill, p.Reference = fmt.Sprintf("%024d", i*j), fmt.Sprint(1000+i)
			account := []PakistanAccount{longID, shortID}[j%2]
			text, err := Pakistan(account, p)
			if err != nil {
				t.Fatal(err)
			}
			texts[fmt.Sprint("pk ", i, " ", j)] = text
		}
	}
	labels := slices.Sorted(maps.Keys(texts))
	for scale := 2; scale <= 6; scale += 4 {
		images := make([][]byte, len(labels))
		for i, label := range labels {
			img, err := PNG(texts[label], scale)
			if err != nil {
				t.Fatal(label, err)
			}
			images[i] = img
		}
		for i, read := range scantest.Read(t, images...) {
			want := texts[labels[i]]
			if read != want {
				t.Errorf("%s at %d pixels a module: read %q, drawn %q", labels[i], scale, read, want)
				continue
			}
			p, err := Decode(read)
			if err != nil {
				t.Errorf("%s: %v", labels[i], err)
				continue
			}
			if again, err := Encode(p); err != nil || again != want {
				t.Errorf("%s: parsed and written again %q, %v", labels[i], again, err)
			}
		}
	}
}
