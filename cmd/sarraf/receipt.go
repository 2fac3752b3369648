package main

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"sarraf/internal/keyring"
	"sarraf/qr"
	"sarraf/receipt"
)

// receiptCmd checks receipts and tells the key they are checked with. It needs no database.
type receiptCmd struct {
	Verify receiptVerify `cmd:"" help:"Check receipts with the house's public key alone. Exit status 1 when one is not valid."`
	Key    receiptKey    `cmd:"" name:"public-key" help:"Print the public key that this installation's receipts are checked with."`
}

// receiptVerify checks texts. Its flags are no environment variables: SARRAF_KEY is the master key.
type receiptVerify struct {
	Texts   []string `arg:"" name:"text" help:"The texts of receipts' codes, or PNG files with such a code on them, as /receipt/NUMBER.png is one; - reads a text from standard input."`
	Key     []string `env:"-" sep:"none" help:"A public key of the house, in base64, as sarraf receipt public-key or /receipt/public-key prints it, with or without its id. Give each one that the house had."`
	KeyFile []string `name:"key-file" env:"-" sep:"none" help:"A file with such keys, one a line."`
	JSON    bool     `name:"json" help:"Print a line of JSON for each receipt."`
}

// The largest files that are read, in bytes.
const (
	maxKeyFile = 1 << 20
	maxPicture = 32 << 20
)

func (c receiptVerify) Run(io streams) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	bad := 0
	for _, given := range c.Texts {
		var fields receipt.Fields
		text, wrong, err := c.read(io, given)
		if err != nil {
			return err
		}
		if wrong == nil {
			fields, wrong = receipt.Verify(text, keys)
		}
		if wrong != nil {
			bad++
		}
		if err := c.say(io, fields, wrong); err != nil {
			return err
		}
	}
	if bad > 0 {
		return errFound
	}
	return nil
}

// keys are those that the flags name.
func (c receiptVerify) keys() (keys []ed25519.PublicKey, err error) {
	for _, text := range c.Key {
		list, err := receipt.ParseKeys(text)
		if err != nil || len(list) != 1 {
			return nil, usage("--key: want a public key, 32 bytes in base64, with or without its id before it")
		}
		keys = append(keys, list...)
	}
	for _, path := range c.KeyFile {
		text, err := readBounded(path, maxKeyFile)
		if err != nil {
			return nil, usage("--key-file: %v", err)
		}
		list, err := receipt.ParseKeys(text)
		if err != nil {
			return nil, usage("--key-file %s: %v", path, err)
		}
		keys = append(keys, list...)
	}
	if len(keys) == 0 {
		return nil, usage("no key to check with: give the house's public key with --key, or --key-file")
	}
	return keys, nil
}

// errNoCode says that a picture is of no use here.
var errNoCode = errors.New("no code of a receipt can be read on this picture: scan it with a scanner, and give the text that it shows")

// read is the text that an argument means; wrong, where it means a picture without one.
func (c receiptVerify) read(s streams, given string) (text string, wrong, err error) {
	switch {
	case given == "-":
		b, err := io.ReadAll(io.LimitReader(s.in, receipt.MaxText+1))
		return string(b), nil, err
	case strings.HasSuffix(strings.ToLower(given), ".png"):
		b, err := readBounded(given, maxPicture)
		if err != nil {
			return "", nil, usage("%v", err)
		}
		if text, err = qr.ReadPNG([]byte(b)); err != nil {
			return "", errNoCode, nil
		}
		return text, nil, nil
	}
	return given, nil, nil
}

// readBounded is a file's text; too long a file is an error.
func readBounded(path string, limit int64) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return string(text), err
}

// verified is what --json prints of a receipt.
type verified struct {
	Valid  bool              `json:"valid"`
	Test   bool              `json:"test,omitempty"`
	Reason string            `json:"reason,omitempty"`
	Fields map[string]string `json:"fields,omitempty"`
}

// say prints what became of one receipt: what it says, or why nothing that it says is to be believed.
func (c receiptVerify) say(s streams, f receipt.Fields, wrong error) error {
	if c.JSON {
		v := verified{Valid: wrong == nil, Test: f.Test}
		if wrong != nil {
			v.Reason = wrong.Error()
		} else {
			v.Fields = map[string]string{}
			for _, row := range f.Rows() {
				v.Fields[strings.ToLower(row.Name)] = row.Value
			}
		}
		line, err := json.Marshal(v)
		if err == nil {
			_, err = fmt.Fprintf(s.out, "%s\n", line)
		}
		return err
	}
	if wrong != nil {
		_, err := fmt.Fprintf(s.out, "NOT VALID: %v\n", wrong)
		return err
	}
	head := "valid"
	if f.Test {
		head = "valid, and only a test"
	}
	var b strings.Builder
	fmt.Fprintln(&b, head)
	for _, row := range f.Rows() {
		fmt.Fprintf(&b, "  %-8s %s\n", row.Name, row.Value)
	}
	_, err := io.WriteString(s.out, b.String())
	return err
}

// receiptKey prints the public key of the master keys in the environment.
type receiptKey struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c receiptKey) Run(s streams) error {
	sec, err := environment()
	if err != nil {
		return err
	}
	if sec.Key == "" {
		return errors.New("SARRAF_KEY is not set: give it by environment or SARRAF_KEY_FILE, as to serve; a running server tells the key at /receipt/public-key")
	}
	ring, err := keyring.Parse(sec.Key)
	if err != nil {
		return fmt.Errorf("SARRAF_KEY: %w", err)
	}
	line := receipt.KeyLine(receipt.NewSigner(ring).Public())
	if c.JSON {
		id, key, _ := strings.Cut(line, " ")
		_, err = fmt.Fprintf(s.out, `{"id":%q,"algorithm":"Ed25519","public_key":%q}`+"\n", id, key)
		return err
	}
	_, err = fmt.Fprintln(s.out, line)
	return err
}
