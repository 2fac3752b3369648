package receipt

import (
	"crypto/ed25519"
	"os"
	"regexp"
	"strings"
	"testing"
)

// What the page shows as an example is one.
func TestTheExampleOfThePageIsValid(t *testing.T) {
	page, err := os.ReadFile("../docs/receipts.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile("public key `([0-9a-f]{8} [A-Za-z0-9+/]{43}=)`").FindSubmatch(page)
	text := regexp.MustCompile(`(?m)^SR1:[A-Z2-7]{100,}$`).Find(page)
	if line == nil || text == nil {
		t.Fatal("the page has no example")
	}
	keys, err := ParseKeys(string(line[1]))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Verify(string(text), keys)
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(strings.Fields(string(page[strings.Index(string(page), "It says: "):])), " ")
	for _, row := range f.Rows() {
		if !strings.Contains(said, row.Value) {
			t.Errorf("the page does not say %s %q", row.Name, row.Value)
		}
	}
	if _, err := Verify(strings.Replace(string(text), "SXQZLDOV2", "SXQZLDOV3", 1), []ed25519.PublicKey{keys[0]}); err == nil {
		t.Error("an altered one is valid, too")
	}
}
