package merchant

import "sarraf/store"

// IdempotencyKey is what a front door hands to a noun with a command that came with an Idempotency-Key: the merchant's own key at that
// door, and a fingerprint of the request, given in parts such as method, path and body. It is nil where there was no key.
func IdempotencyKey(door, key string, request ...string) *store.Key {
	if key == "" {
		return nil
	}
	return &store.Key{Door: door, Key: key, Hash: store.BodyHash(request...)}
}
