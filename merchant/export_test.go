package merchant

import (
	"context"

	"golang.org/x/crypto/argon2"
)

// Deriving has look called before each hash of a password, and answers how many may be made at once.
func (s *Service) Deriving(look func()) int {
	derive := s.hasher.derive
	s.hasher.derive = func(password, salt []byte, c cost) []byte {
		look()
		return derive(password, salt, c)
	}
	return cap(s.hasher.slots)
}

// Cheaply makes hashes of passwords with little work: they look the same.
func (s *Service) Cheaply() {
	s.hasher.derive = func(password, salt []byte, _ cost) []byte { return argon2.IDKey(password, salt, 1, 64, 1, hashBytes) }
}

// ReadHash reports whether a kept hash of a password can be read, and whether it is as costly as a new one.
func ReadHash(text string) (readable, fresh bool) {
	c, _, _, err := parsePHC(text)
	return err == nil, c == present
}

// Waits waits for a hash, and for the turn at a name that a door knows, and gives both back.
func (s *Service) Waits(ctx context.Context, door, username string) (hash, turn error) {
	leave, hash := s.hasher.slot(ctx)
	if hash == nil {
		leave()
	}
	leave, turn = s.gates.enter(ctx, door+" "+s.failureName(door, username))
	if turn == nil {
		leave()
	}
	return hash, turn
}
