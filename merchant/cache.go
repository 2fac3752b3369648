package merchant

import (
	"sync"
	"time"

	"sarraf/internal/clock"
)

// Whatever is revoked or changed takes effect on every node within cacheAge. The figures are read on every request, so a look-up in
// the database each time would cost more than the request's own work.
const (
	cacheAge  = 500 * time.Millisecond
	cacheMost = 20_000 // entries of each sort; then the cache starts anew
)

// cache keeps what authentication reads.
type cache struct {
	merchants   *kept[Merchant]
	secrets     *kept[string]
	credentials *kept[known]
	owners      *kept[string]    // of public ids
	tokens      *kept[keptLogin] // without their secrets
	channels    *kept[map[string]keptChannel]
}

func newCache() cache {
	return cache{
		merchants: newKept[Merchant](), secrets: newKept[string](), credentials: newKept[known](), owners: newKept[string](),
		tokens: newKept[keptLogin](), channels: newKept[map[string]keptChannel](),
	}
}

func (c *cache) merchant(owner string, read func() (Merchant, error)) (Merchant, error) {
	return c.merchants.get(owner, read, func(Merchant) bool { return true })
}

func (c *cache) secret(owner string, read func() (string, error)) (string, error) {
	return c.secrets.get(owner, read, func(string) bool { return true })
}

// credential does not keep that a handle is unknown: whoever guesses would fill the cache.
func (c *cache) credential(key string, read func() (known, error)) (known, error) {
	return c.credentials.get(key, read, func(k known) bool { return k.credential.Owner != "" })
}

// publicOwner does not keep that an id is unknown, for the same reason.
func (c *cache) publicOwner(key string, read func() (string, error)) (string, error) {
	return c.owners.get(key, read, func(owner string) bool { return owner != "" })
}

// token does not keep that one is unknown, for the same reason.
func (c *cache) token(key string, read func() (keptLogin, error)) (keptLogin, error) {
	return c.tokens.get(key, read, func(k keptLogin) bool { return k.ID != "" })
}

func (c *cache) allChannels(read func() (map[string]keptChannel, error)) (map[string]keptChannel, error) {
	return c.channels.get("", read, func(map[string]keptChannel) bool { return true })
}

// forget drops what this node knows of the owner; other nodes follow within cacheAge.
func (c *cache) forget(owner string) {
	c.merchants.drop(owner)
	c.credentials.clear()
	c.owners.clear()
	c.tokens.clear()
}

// kept is a map of values that are read again when they are too old; one reader at a time for each key.
type kept[V any] struct {
	mu sync.Mutex
	m  map[string]*slot[V]
}

type slot[V any] struct {
	mu   sync.Mutex
	age  func() time.Duration // nil before the first reading
	v    V
	good bool
}

func newKept[V any]() *kept[V] { return &kept[V]{m: map[string]*slot[V]{}} }

func (k *kept[V]) get(key string, read func() (V, error), keep func(V) bool) (V, error) {
	k.mu.Lock()
	s := k.m[key]
	if s == nil {
		if len(k.m) >= cacheMost {
			clear(k.m)
		}
		s = &slot[V]{}
		k.m[key] = s
	}
	k.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.good && s.age() < cacheAge {
		return s.v, nil
	}
	age := clock.Start()
	v, err := read()
	if err != nil {
		s.good = false
		return v, err
	}
	s.v, s.age, s.good = v, age, true
	if !keep(v) {
		k.drop(key)
	}
	return v, nil
}

func (k *kept[V]) drop(key string) {
	k.mu.Lock()
	delete(k.m, key)
	k.mu.Unlock()
}

func (k *kept[V]) clear() {
	k.mu.Lock()
	clear(k.m)
	k.mu.Unlock()
}
