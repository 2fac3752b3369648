package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sarraf/internal/keyring"
	"sarraf/store"
)

// secrets are what is kept outside the database.
type secrets struct {
	// Key is the master key (or several, newest first, comma-separated), 32 bytes each in base64.
	Key string `json:"key"`
	// SealKey is the seed of the Ed25519 key that signs the books, 32 bytes in base64.
	SealKey string `json:"seal_key"`
}

// environment reads the secrets from SARRAF_KEY and SARRAF_SEAL_KEY, or from the files that SARRAF_KEY_FILE and
// SARRAF_SEAL_KEY_FILE name. Those that are not set are empty.
func environment() (s secrets, err error) {
	if s.Key, err = secretFrom("SARRAF_KEY"); err != nil {
		return s, err
	}
	s.SealKey, err = secretFrom("SARRAF_SEAL_KEY")
	return s, err
}

func secretFrom(name string) (string, error) {
	if v := os.Getenv(name); v != "" {
		return v, nil
	}
	path := os.Getenv(name + "_FILE")
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	return strings.TrimSpace(string(text)), nil
}

// complete reports what is missing, in words that say how to mend it.
func (s secrets) complete() error {
	var missing []string
	if s.Key == "" {
		missing = append(missing, "SARRAF_KEY")
	}
	if s.SealKey == "" {
		missing = append(missing, "SARRAF_SEAL_KEY")
	}
	if len(missing) == 0 {
		return nil
	}
	is := "is"
	if len(missing) > 1 {
		is = "are"
	}
	return fmt.Errorf("%s %s not set: make each with `openssl rand -base64 32` and give it by environment, or as a file that "+
		"the same name with _FILE names; to try things out, use --dev", strings.Join(missing, " and "), is)
}

// fresh makes new secrets.
func fresh() secrets { return secrets{Key: random32(), SealKey: random32()} }

func random32() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}

// keys parses both secrets.
func (s secrets) keys() (*keyring.Keyring, ed25519.PrivateKey, error) {
	ring, err := keyring.Parse(s.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("SARRAF_KEY: %w", err)
	}
	key, err := parseSealKey(s.SealKey)
	return ring, key, err
}

func parseSealKey(text string) (ed25519.PrivateKey, error) {
	seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, errors.New("SARRAF_SEAL_KEY: want 32 bytes in base64")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// besideDatabase is the file that keeps something of a database, such as the demo's credentials, across restarts: beside an SQLite
// file, or for a server in the user's configuration folder under the name of its URL's hash.
func besideDatabase(dsn, what string) (string, error) {
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		return path + "." + what + ".json", nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		if dir, err = os.Getwd(); err != nil {
			return "", err
		}
	}
	dir = filepath.Join(dir, "sarraf")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return filepath.Join(dir, what+"-"+store.BodyHash(dsn)[:16]+".json"), nil
}

// readJSON reads a kept file; false when there is none.
func readJSON(path string, v any) (bool, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return false, fmt.Errorf("%s cannot be read (%w): remove it to begin anew", path, err)
	}
	return true, nil
}

// writeJSON writes a file that only its owner can read, whole or not at all.
func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	part := path + ".part"
	if err := os.WriteFile(part, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(part, path)
}
