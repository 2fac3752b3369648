package payout

import "embed"

//go:embed logos/*.svg
var logos embed.FS

// Logo is the drawing of a kind of method of the catalog, as SVG; nil for a kind that has none. The drawings are our own: a telephone, a wallet
// or a bank with the first letter of the kind's name on a tile of colour, and nobody's mark.
func Logo(kind string) []byte {
	text, err := logos.ReadFile("logos/" + kind + ".svg")
	if err != nil {
		return nil // there is no file of that name, also for one that is no name
	}
	return text
}
