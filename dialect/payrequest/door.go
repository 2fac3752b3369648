package payrequest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"sarraf/event"
	"sarraf/internal/httpx"
	"sarraf/invoice"
)

// Secrets tells the signing secret of a merchant, as the merchant knows it: merchant.Service.
type Secrets interface {
	SigningSecret(ctx context.Context, owner string) (string, error)
}

// Door is what the rest of the house knows of this dialect.
type Door struct{ secrets Secrets }

var _ invoice.Door = Door{}

// NewDoor is the dialect's door, whose returns are signed with the merchants' secrets.
func NewDoor(s Secrets) Door { return Door{secrets: s} }

// Name is "payrequest".
func (Door) Name() string { return Name }

// payPath is where a link is paid.
const payPath = "/checkout/"

// Hosted are the landing page, at the root as the guide prints it, and the page behind it.
func (Door) Hosted() []invoice.Hosted {
	return []invoice.Hosted{{Pattern: "/{token}", Landing: true}, {Pattern: payPath + "{token}"}}
}

// HostedPath is the path of the landing page, or of the one behind it where the merchant asked for type direct.
func (d Door) HostedPath(inv invoice.Invoice) string {
	if extraOf(inv).Type == typeDirect {
		return d.PayPath(inv)
	}
	return "/" + inv.Token
}

// PayPath is the path of the page where the link is paid.
func (Door) PayPath(inv invoice.Invoice) string { return payPath + inv.Token }

// Return is the response URL with response, return_id and signature after its own query and before its fragment; "" while the invoice is
// open. Its error is that of Secrets.
func (d Door) Return(ctx context.Context, inv invoice.Invoice) (string, error) {
	word := returnWords[inv.Status]
	if word == "" || inv.ReturnURL == "" {
		return "", nil
	}
	secret, err := d.secrets.SigningSecret(ctx, inv.Owner)
	if err != nil {
		return "", err
	}
	return httpx.AddQuery(inv.ReturnURL,
		"response", md5Hex(word+idOf(inv)), "return_id", extraOf(inv).ReturnID, "signature", sign(secret, word, inv)), nil
}

// sign is the signature of a return: HMAC-SHA256 in hex over status.id.amount. The key is the text of the secret, whsec_ included: so it
// is another key than the one that webhooks are signed with, and neither signature is ever good for the other.
func sign(secret, word string, inv invoice.Invoice) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(word + "." + idOf(inv) + "." + inv.Total().Decimal()))
	return hex.EncodeToString(mac.Sum(nil))
}

// Wants is true of every end that an invoice can come to.
func (Door) Wants(t event.Type) bool { return eventWords[t] != "" }

// Acknowledged is true of any 2xx.
func (Door) Acknowledged(status int, _ []byte) bool { return status >= 200 && status <= 299 }

// Timeout is 10 seconds.
func (Door) Timeout() time.Duration { return 10 * time.Second }
