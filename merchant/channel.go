package merchant

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
	"sarraf/rail"
	"sarraf/store"
)

// House is the owner of what is nobody's but the house's own, such as channels.
const House = "house"

// Bounds of a channel's settings.
const (
	mostChannelID      = 32
	mostNetworks       = 64
	mostPrefixes       = 16
	mostPrefix         = 23 // digits: a consumer number has 24
	leastChannelSecret = 16
	leastDifferent     = 8
)

// AddChannel makes a channel and answers its password, which cannot be had again: a new one of 256 random bits for "", else the given one,
// which a bank may have already. Faults, on id, name, username, networks or prefixes: FieldRequired, FieldTooLong (max), FieldControl,
// FieldMalformed, FieldTooMany (max); on password: FieldMalformed (min) for one of less than 16 or more than 128 visible ASCII
// characters, or of less than 8 different ones; ReferenceTaken on id.
//
// A password is kept as an HMAC-SHA-256 under the master key. A slow hash would protect a weak one better against somebody who has the
// database and the key; so weak ones are not taken, and in return a wrong one costs us nothing, however many come, and a right one
// neither: a bank shows it with each of its calls, thousands a second.
func (s *Service) AddChannel(ctx context.Context, by Actor, c rail.Channel, password string) (string, error) {
	password, hash, err := s.channelSecret(c.ID, password)
	if err != nil {
		return "", err
	}
	if err := checkChannel(&c); err != nil {
		return "", err
	}
	k := keptChannel{Channel: c, hash: hash}
	line, err := s.note(by, House, "channel.add", c.ID)
	if err != nil {
		return "", err
	}
	defer s.cache.channels.Clear()
	return password, s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		had, err := lockChannel(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		if had.ID != "" {
			ours, err := line.written(ctx, tx)
			if err == nil && !ours { // else it is our own earlier work
				err = fault.New(fault.ReferenceTaken).On("id")
			}
			return err
		}
		tx.Later(sqlInsertChannel, []any{
			House, c.ID, c.Name, number(c.Sandbox), c.Username, hash, k.networks(), strings.Join(c.Prefixes, ","), k.profile(),
			number(c.Disabled), clock.Micros(line.at),
		}, nil)
		line.later(tx, "", k.describe())
		return nil
	})
}

// SetChannel puts another channel in the place of the one with its id, all but the password. Faults: those of ChangeChannel.
func (s *Service) SetChannel(ctx context.Context, by Actor, c rail.Channel) error {
	if err := checkChannel(&c); err != nil {
		return err
	}
	return s.ChangeChannel(ctx, by, c.ID, func(k *rail.Channel) error {
		*k = c
		return nil
	})
}

// ChangeChannel changes a channel, all but its id and its password, on every node within a second. change is given it as it stands, under
// its lock, so that of two operators neither undoes what the other did; it may be called more than once. Faults: those of AddChannel and of
// change; ChannelMissing; FieldNotOneOf on sandbox when it is to change, which would let one and the same account pay play money and real
// money.
func (s *Service) ChangeChannel(ctx context.Context, by Actor, id string, change func(*rail.Channel) error) error {
	return s.changeChannel(ctx, by, "channel.change", id, func(k *keptChannel) error {
		c := k.Channel
		if err := change(&c); err != nil {
			return err
		}
		c.ID = id
		if err := checkChannel(&c); err != nil {
			return err
		}
		if c.Sandbox != k.Sandbox {
			return fault.New(fault.FieldNotOneOf).On("sandbox").With("allowed", strconv.FormatBool(k.Sandbox))
		}
		k.Channel = c
		return nil
	})
}

// SetChannelPassword gives a channel another password, on every node within a second, and answers it as AddChannel does. Faults:
// ChannelMissing, FieldMalformed on password.
func (s *Service) SetChannelPassword(ctx context.Context, by Actor, channel, password string) (string, error) {
	password, hash, err := s.channelSecret(channel, password)
	if err != nil {
		return "", err
	}
	return password, s.changeChannel(ctx, by, "channel.password", channel, func(k *keptChannel) error {
		k.hash = hash
		return nil
	})
}

// changeChannel changes a channel under its lock and notes the change, if there is one.
func (s *Service) changeChannel(ctx context.Context, by Actor, action, channel string, change func(*keptChannel) error) error {
	line, err := s.note(by, House, action, channel)
	if err != nil {
		return err
	}
	defer s.cache.channels.Clear()
	return s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		k, err := lockChannel(ctx, tx, channel)
		switch {
		case err != nil:
			return err
		case k.ID == "":
			return fault.New(fault.ChannelMissing)
		}
		before, hash := k.describe(), k.hash
		if err := change(&k); err != nil {
			return err
		}
		after := k.describe()
		if before == after && hash == k.hash {
			return nil
		}
		tx.Later(sqlSetChannel, []any{
			House, k.ID, k.Name, k.Username, k.hash, k.networks(), strings.Join(k.Prefixes, ","), k.profile(), number(k.Disabled),
		}, nil)
		line.later(tx, before, after)
		return nil
	})
}

func lockChannel(ctx context.Context, tx *store.Tx, channel string) (k keptChannel, err error) {
	err = tx.Query(ctx, sqlLockChannel, []any{House, channel}, func(r store.Row) (err error) {
		k, err = scanChannel(r)
		return err
	})
	return k, err
}

// Channels lists the channels by id.
func (s *Service) Channels(ctx context.Context) ([]rail.Channel, error) {
	var list []rail.Channel
	err := s.db.Query(ctx, sqlChannels, []any{House}, func(r store.Row) error {
		k, err := scanChannel(r)
		list = append(list, k.Channel)
		return err
	})
	return list, err
}

// AuthenticateChannel answers the channel whose username and password these are, at most a second old. Faults: ChannelMissing when there is
// none with the id; CredentialsInvalid for anything else that is wrong, and for a channel that is switched off. All take the same time.
func (s *Service) AuthenticateChannel(ctx context.Context, channel, username, password string) (rail.Channel, error) {
	if s.keys == nil {
		return rail.Channel{}, errNoKey
	}
	all, err := s.cache.allChannels(func() (map[string]keptChannel, error) { return s.readChannels(ctx) })
	if err != nil {
		return rail.Channel{}, err
	}
	k, found := all[channel]
	if !found {
		k.hash = strings.Repeat("0", hex.EncodedLen(sha256.Size))
	}
	rightName := keyring.Equal(keyring.HashSecret(username), keyring.HashSecret(k.Username))
	rightPassword := keyring.Equal(s.channelHash(channel, password), k.hash)
	switch {
	case !found:
		return rail.Channel{}, fault.New(fault.ChannelMissing)
	case !rightName || !rightPassword || k.Disabled:
		return rail.Channel{}, fault.New(fault.CredentialsInvalid)
	}
	k.Networks, k.Prefixes = slices.Clone(k.Networks), slices.Clone(k.Prefixes) // what is kept is shared
	return k.Channel, nil
}

// readChannels reads all channels, which are few: so an id that nobody has is no more work than another.
func (s *Service) readChannels(ctx context.Context) (map[string]keptChannel, error) {
	all := map[string]keptChannel{}
	err := s.db.Query(ctx, sqlChannels, []any{House}, func(r store.Row) error {
		k, err := scanChannel(r)
		all[k.ID] = k
		return err
	})
	return all, err
}

// channelSecret is a password with its hash, a new one for "".
func (s *Service) channelSecret(channel, password string) (secret, hash string, err error) {
	if s.keys == nil {
		return "", "", errNoKey
	}
	if password == "" {
		password = id.Token(32)
	}
	different := map[rune]bool{}
	for _, r := range password {
		different[r] = true
	}
	if len(password) < leastChannelSecret || len(password) > mostPassword || len(different) < leastDifferent || !visible(password) {
		return "", "", fault.New(fault.FieldMalformed).On("password").With("min", strconv.Itoa(leastChannelSecret))
	}
	return password, s.channelHash(channel, password), nil
}

func (s *Service) channelHash(channel, password string) string {
	mac := hmac.New(sha256.New, s.keys.Derive("channel password"))
	mac.Write([]byte(channel + "\x00" + password))
	return hex.EncodeToString(mac.Sum(nil))
}

// keptChannel is a channel as it is kept.
type keptChannel struct {
	rail.Channel
	hash string // of its password
}

func (k keptChannel) networks() string {
	texts := make([]string, len(k.Networks))
	for i, n := range k.Networks {
		texts[i] = n.String()
	}
	return strings.Join(texts, ",")
}

func (k keptChannel) profile() string { return jsonText(k.Profile) }

// describe is the channel for the audit log.
func (k keptChannel) describe() string { return jsonText(k.Channel) }

func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "{}" // there is nothing in it that has no JSON
	}
	return string(text)
}

func number(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

func isChannelID(text string) bool {
	return text != "" && len(text) <= mostChannelID && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// checkChannel says what is wrong with a channel, all of it, and brings its networks into their one form.
func checkChannel(c *rail.Channel) error {
	var faults []*fault.Error
	wrong := func(code fault.Code, field string) { faults = append(faults, fault.New(code).On(field)) }
	most := func(code fault.Code, field string, max int) {
		faults = append(faults, fault.New(code).On(field).With("max", strconv.Itoa(max)))
	}
	if !isChannelID(c.ID) {
		wrong(fault.FieldMalformed, "id")
	}
	switch {
	case strings.TrimSpace(c.Name) == "":
		wrong(fault.FieldRequired, "name")
	case utf8.RuneCountInString(c.Name) > mostPerson:
		most(fault.FieldTooLong, "name", mostPerson)
	case !utf8.ValidString(c.Name) || strings.ContainsFunc(c.Name, unicode.IsControl):
		wrong(fault.FieldControl, "name")
	}
	switch {
	case c.Username == "":
		wrong(fault.FieldRequired, "username")
	case len(c.Username) > mostUsername:
		most(fault.FieldTooLong, "username", mostUsername)
	case !visible(c.Username):
		wrong(fault.FieldMalformed, "username")
	}
	if len(c.Networks) > mostNetworks {
		most(fault.FieldTooMany, "networks", mostNetworks)
	}
	networks := make([]netip.Prefix, 0, len(c.Networks))
	for _, n := range c.Networks {
		if !n.IsValid() || n.Addr().Is4In6() { // callers' addresses are told as plain IPv4
			wrong(fault.FieldMalformed, "networks")
			break
		}
		networks = append(networks, n.Masked())
	}
	if len(c.Prefixes) > mostPrefixes {
		most(fault.FieldTooMany, "prefixes", mostPrefixes)
	}
	for i, p := range c.Prefixes {
		if p == "" || len(p) > mostPrefix || strings.Trim(p, "0123456789") != "" || slices.Contains(c.Prefixes[:i], p) {
			wrong(fault.FieldMalformed, "prefixes")
			break
		}
	}
	c.Networks, c.Prefixes = networks, slices.Clone(c.Prefixes)
	if len(networks) == 0 {
		c.Networks = nil
	}
	return fault.Join(faults...)
}
