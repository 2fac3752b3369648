package merchant

import "sarraf/internal/recent"

// cache keeps what authentication reads, for recent.Age.
type cache struct {
	merchants   *recent.Map[Merchant]
	secrets     *recent.Map[string]
	credentials *recent.Map[known]
	owners      *recent.Map[string]    // of public ids
	tokens      *recent.Map[keptLogin] // without their secrets
	channels    *recent.Map[map[string]keptChannel]
}

func newCache() cache {
	return cache{
		merchants: recent.New[Merchant](), secrets: recent.New[string](), credentials: recent.New[known](), owners: recent.New[string](),
		tokens: recent.New[keptLogin](), channels: recent.New[map[string]keptChannel](),
	}
}

func (c *cache) merchant(owner string, read func() (Merchant, error)) (Merchant, error) {
	return c.merchants.Get(owner, read, nil)
}

func (c *cache) secret(owner string, read func() (string, error)) (string, error) {
	return c.secrets.Get(owner, read, nil)
}

// credential does not keep that a handle is unknown: whoever guesses would fill the cache.
func (c *cache) credential(key string, read func() (known, error)) (known, error) {
	return c.credentials.Get(key, read, func(k known) bool { return k.credential.Owner != "" })
}

// publicOwner does not keep that an id is unknown, for the same reason.
func (c *cache) publicOwner(key string, read func() (string, error)) (string, error) {
	return c.owners.Get(key, read, func(owner string) bool { return owner != "" })
}

// token does not keep that one is unknown, for the same reason.
func (c *cache) token(key string, read func() (keptLogin, error)) (keptLogin, error) {
	return c.tokens.Get(key, read, func(k keptLogin) bool { return k.ID != "" })
}

func (c *cache) allChannels(read func() (map[string]keptChannel, error)) (map[string]keptChannel, error) {
	return c.channels.Get("", read, nil)
}

// forget drops what this node knows of the owner; other nodes follow within recent.Age.
func (c *cache) forget(owner string) {
	c.merchants.Drop(owner)
	c.credentials.Clear()
	c.owners.Clear()
	c.tokens.Clear()
}
