package wallet

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
)

// Codes makes and reads the QR texts of wallets: what a holder shows and a sender scans. Nobody without a master key can make a text,
// alter one, or tell from one whose it is.
//
// A text is a version, 1, and what it says encrypted under the newest master key, in standard base64. It says the wallet's id (16 bytes)
// and its QR serial (8 bytes, the highest first). The same wallet has the same text until its serial or the newest key changes. Printed
// texts outlive a newer key, and end when the key that they were made under is taken away, or when the wallet's texts are revoked.
type Codes struct {
	get  func(ctx context.Context, owner string) (Wallet, error)
	keys *keyring.Keyring
}

// NewCodes makes and reads texts of the wallets of s.
func NewCodes(s *Service, keys *keyring.Keyring) *Codes { return &Codes{get: s.Get, keys: keys} }

const (
	qrPurpose = "wallet QR text"
	qrVersion = 1
	// maxQRText is far more than a text has (72 characters): what is longer is not looked at.
	maxQRText = 512
)

// errNoWallet says that a wallet without an id has no text.
var errNoWallet = errors.New("wallet: a QR text is of a wallet that has an id")

// Text is the QR text of the wallet, 72 characters of standard base64 with padding.
func (c *Codes) Text(w Wallet) (string, error) {
	owner, err := hex.DecodeString(strings.ReplaceAll(w.Owner, "-", ""))
	if err != nil || !id.Valid(w.Owner) {
		return "", fault.New(fault.Bug).Wrap(errNoWallet)
	}
	sealed, err := c.keys.Seal(qrPurpose, binary.BigEndian.AppendUint64(owner, uint64(w.QRSerial)), []byte{qrVersion})
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(append([]byte{qrVersion}, sealed...)), nil
}

// Read is the wallet of a text, as Service.Get knows it. It is QRInvalid for a text that was not made here, was altered in any way or was
// revoked, or whose wallet is gone. Whether the wallet may receive is not looked at.
func (c *Codes) Read(ctx context.Context, text string) (Wallet, error) {
	owner, serial, ok := c.open(text)
	if !ok {
		return Wallet{}, fault.New(fault.QRInvalid)
	}
	w, err := c.get(ctx, owner)
	switch {
	case fault.Has(err, fault.WalletMissing):
		return Wallet{}, fault.New(fault.QRInvalid).Wrap(err)
	case err != nil:
		return Wallet{}, err
	case serial < w.QRSerial:
		return Wallet{}, fault.New(fault.QRInvalid)
	}
	return w, nil
}

// open is what a text says, if it is one of ours.
func (c *Codes) open(text string) (owner string, serial int64, ok bool) {
	// Package base64 passes over line breaks, wherever they stand.
	if len(text) > maxQRText || strings.ContainsAny(text, "\r\n") {
		return "", 0, false
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) == 0 || raw[0] != qrVersion {
		return "", 0, false
	}
	plain, err := c.keys.Open(qrPurpose, raw[1:], raw[:1])
	if err != nil || len(plain) != 24 {
		return "", 0, false
	}
	h := hex.EncodeToString(plain[:16])
	owner = h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	serial = int64(binary.BigEndian.Uint64(plain[16:]))
	return owner, serial, id.Valid(owner) && serial >= 0
}
