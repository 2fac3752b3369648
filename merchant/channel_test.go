package merchant_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sarraf/fault"
	"sarraf/merchant"
	"sarraf/rail"
)

// bank is a channel.
func bank() rail.Channel {
	return rail.Channel{
		ID: "bank-1", Name: "Bank One", Username: "them", Sandbox: true,
		Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")},
		Prefixes: []string{"1001", "02"}, Profile: rail.Profile{DetailLower: true},
	}
}

var prefixes = cmpopts.EquateComparable(netip.Prefix{})

func TestChannelIsKnownByItsPassword(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		secret, err := h.AddChannel(ctx, by, bank(), "")
		if err != nil || len(secret) < 43 {
			t.Fatal(len(secret), err)
		}
		plain := rail.Channel{ID: "b", Name: "B", Username: "them"} // another's username is no secret
		const imported = "Their 0ld-pass"
		if _, err := h.AddChannel(ctx, by, plain, imported); !fault.Has(err, fault.FieldMalformed) {
			t.Fatal(err)
		}
		const strong = "Their-0ld-password!"
		if got, err := h.AddChannel(ctx, by, plain, strong); err != nil || got != strong {
			t.Fatal(got, err)
		}
		for range 2 { // read, and from the cache
			for _, node := range []*house{h, h.second(t)} {
				got, err := node.AuthenticateChannel(ctx, "bank-1", "them", secret)
				if d := cmp.Diff(bank(), got, prefixes); err != nil || d != "" {
					t.Fatal(err, d)
				}
				if got, err = node.AuthenticateChannel(ctx, "b", "them", strong); err != nil || cmp.Diff(plain, got, prefixes) != "" {
					t.Fatal(got, err)
				}
				for name, try := range map[string][3]string{
					"wrong password": {"bank-1", "them", secret + "x"}, "no password": {"bank-1", "them", ""}, "wrong username": {"bank-1", "Them", secret},
					"no username": {"bank-1", "", secret}, "another's password": {"bank-1", "them", strong}, "another channel": {"b", "them", secret},
				} {
					_, err := node.AuthenticateChannel(ctx, try[0], try[1], try[2])
					same(t, name, err)
				}
				for _, id := range []string{"", "bank", "BANK-1", "bank-1 ", strings.Repeat("b", 10_000)} {
					if _, err := node.AuthenticateChannel(ctx, id, "them", secret); !fault.Has(err, fault.ChannelMissing) {
						t.Errorf("%.20q: %v", id, err)
					}
				}
			}
		}
		list, err := h.Channels(ctx)
		if d := cmp.Diff([]rail.Channel{plain, bank()}, list, prefixes); err != nil || d != "" {
			t.Fatal(err, d)
		}
		for _, id := range []string{"bank-1", "b"} {
			again := bank()
			again.ID = id
			if _, err := h.AddChannel(ctx, by, again, strong); !fault.Has(err, fault.ReferenceTaken) {
				t.Errorf("%s twice: %v", id, err)
			}
		}
		// What is kept tells no password.
		for column, cells := range all(t, h.db) {
			for _, cell := range cells {
				if strings.Contains(cell, secret) || strings.Contains(cell, strong) {
					t.Errorf("%s has a password in it", column)
				}
			}
		}
	})
}

func TestChangedChannelIsKnownOnEveryNodeWithinASecond(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		secret, err := h.AddChannel(ctx, by, bank(), "")
		if err != nil {
			t.Fatal(err)
		}
		other := h.second(t)
		// eventually asks the other node until it answers as it should; a loaded machine gets more time than the second.
		eventually := func(what string, good func() bool) {
			t.Helper()
			changed := time.Now()
			for {
				began := time.Now()
				if good() {
					return
				}
				if began.Sub(changed) > time.Second {
					t.Fatalf("%s is not known %v afterwards", what, began.Sub(changed))
				}
			}
		}
		if _, err := other.AuthenticateChannel(ctx, "bank-1", "them", secret); err != nil {
			t.Fatal(err)
		}
		off := bank()
		off.Disabled = true
		if err := h.SetChannel(ctx, by, off); err != nil {
			t.Fatal(err)
		}
		_, err = h.AuthenticateChannel(ctx, "bank-1", "them", secret)
		same(t, "switched off, at once where it was", err)
		eventually("that it is off", func() bool {
			_, err := other.AuthenticateChannel(ctx, "bank-1", "them", secret)
			return fault.Has(err, fault.CredentialsInvalid)
		})
		on := rail.Channel{ID: "bank-1", Name: "Bank Two", Username: "we", Sandbox: true, Profile: rail.Profile{Contacts: true}}
		if err := h.SetChannel(ctx, by, on); err != nil {
			t.Fatal(err)
		}
		eventually("its new settings", func() bool {
			got, err := other.AuthenticateChannel(ctx, "bank-1", "we", secret)
			return err == nil && cmp.Equal(on, got, prefixes)
		})
		fresh, err := h.SetChannelPassword(ctx, by, "bank-1", "")
		if err != nil || fresh == secret {
			t.Fatal(err)
		}
		eventually("its new password", func() bool {
			_, err := other.AuthenticateChannel(ctx, "bank-1", "we", fresh)
			return err == nil
		})
		_, err = other.AuthenticateChannel(ctx, "bank-1", "we", secret)
		same(t, "the old password", err)
		if err := h.SetChannel(ctx, by, on); err != nil { // nothing new: no line
			t.Fatal(err)
		}
		var actions []string
		for _, line := range h.logged(t, merchant.House) {
			if strings.Contains(line, secret) || strings.Contains(line, fresh) {
				t.Error("a password is in the audit log")
			}
			actions = append(actions, strings.Join(strings.Split(line, "|")[:2], " "))
		}
		want := []string{"channel.add bank-1", "channel.change bank-1", "channel.change bank-1", "channel.password bank-1"}
		if d := cmp.Diff(want, actions); d != "" {
			t.Fatal(d)
		}
	})
}

func TestChannelThatIsNoneIsRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		if _, err := h.AddChannel(ctx, by, bank(), ""); err != nil {
			t.Fatal(err)
		}
		for name, bad := range map[string]struct {
			field  string
			code   fault.Code
			change func(c *rail.Channel)
		}{
			"no name":           {"name", fault.FieldRequired, func(c *rail.Channel) { c.Name = " " }},
			"a long name":       {"name", fault.FieldTooLong, func(c *rail.Channel) { c.Name = strings.Repeat("n", 101) }},
			"a tab in the name": {"name", fault.FieldControl, func(c *rail.Channel) { c.Name = "a\tb" }},
			"no username":       {"username", fault.FieldRequired, func(c *rail.Channel) { c.Username = "" }},
			"a long username":   {"username", fault.FieldTooLong, func(c *rail.Channel) { c.Username = strings.Repeat("u", 65) }},
			"a space":           {"username", fault.FieldMalformed, func(c *rail.Channel) { c.Username = "a b" }},
			"no network":        {"networks", fault.FieldMalformed, func(c *rail.Channel) { c.Networks = []netip.Prefix{{}} }},
			"IPv4 in IPv6": {"networks", fault.FieldMalformed, func(c *rail.Channel) {
				c.Networks = []netip.Prefix{netip.MustParsePrefix("::ffff:192.0.2.0/120")}
			}},
			"65 networks":    {"networks", fault.FieldTooMany, func(c *rail.Channel) { c.Networks = make65() }},
			"an empty one":   {"prefixes", fault.FieldMalformed, func(c *rail.Channel) { c.Prefixes = []string{""} }},
			"letters":        {"prefixes", fault.FieldMalformed, func(c *rail.Channel) { c.Prefixes = []string{"10a"} }},
			"a comma":        {"prefixes", fault.FieldMalformed, func(c *rail.Channel) { c.Prefixes = []string{"1,2"} }},
			"24 digits":      {"prefixes", fault.FieldMalformed, func(c *rail.Channel) { c.Prefixes = []string{strings.Repeat("1", 24)} }},
			"one twice":      {"prefixes", fault.FieldMalformed, func(c *rail.Channel) { c.Prefixes = []string{"1", "2", "1"} }},
			"17 prefixes":    {"prefixes", fault.FieldTooMany, func(c *rail.Channel) { c.Prefixes = strings.Split("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", " ") }},
			"real money now": {"sandbox", fault.FieldNotOneOf, func(c *rail.Channel) { c.Sandbox = false }},
		} {
			c := bank()
			bad.change(&c)
			errs := []error{h.SetChannel(ctx, by, c)}
			if bad.field != "sandbox" {
				c.ID = "fresh"
				_, err := h.AddChannel(ctx, by, c, "")
				errs = append(errs, err)
			}
			for _, err := range errs {
				if list := fault.All(err); len(list) != 1 || list[0].Code != bad.code || list[0].Field != bad.field {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		for _, id := range []string{"", "Bank", "bank_1", "b/c", "ü", strings.Repeat("b", 33)} {
			c := bank()
			c.ID = id
			if _, err := h.AddChannel(ctx, by, c, ""); !fault.Has(err, fault.FieldMalformed) {
				t.Errorf("%q: %v", id, err)
			}
		}
		for _, weak := range []string{"short", strings.Repeat("ab", 20), strings.Repeat("0123456789", 13), "with a space 0123456", "ümläut-0123456789", "line\n0123456789abc"} {
			c := bank()
			c.ID = "fresh"
			_, err := h.AddChannel(ctx, by, c, weak)
			_, err2 := h.SetChannelPassword(ctx, by, "bank-1", weak)
			for _, err := range []error{err, err2} {
				if !fault.Has(err, fault.FieldMalformed) || fault.First(err).Field != "password" {
					t.Errorf("%q: %v", weak, err)
				}
			}
		}
		_, err := h.SetChannelPassword(ctx, by, "none", "")
		missing := bank()
		missing.ID = "none"
		for _, err := range []error{err, h.SetChannel(ctx, by, missing)} {
			if !fault.Has(err, fault.ChannelMissing) {
				t.Error(err)
			}
		}
		list, err := h.Channels(ctx)
		if d := cmp.Diff([]rail.Channel{bank()}, list, prefixes); err != nil || d != "" {
			t.Fatal(err, d)
		}
	})
}

func make65() (list []netip.Prefix) {
	for i := range 65 {
		list = append(list, netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", i)))
	}
	return list
}

func TestChannelsNetworksAreKeptInTheirOneForm(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := bank()
		c.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.77/24")}
		secret, err := h.AddChannel(ctx, by, c, "")
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				got, err := h.AuthenticateChannel(ctx, "bank-1", "them", secret)
				if err != nil || len(got.Networks) != 1 || got.Networks[0].String() != "192.0.2.0/24" || got.Prefixes[0] != "1001" {
					t.Error(got, err)
					return
				}
				got.Networks[0], got.Prefixes[0] = netip.Prefix{}, "x" // the caller's own affair
			})
		}
		all.Wait()
	})
}

func TestAChannelThatIsSwitchedOffStaysOffWhoeverChangesItBeside(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		nodes := []*house{h, h.second(t)}
		for round := range 20 {
			c := bank()
			c.ID = fmt.Sprint("race-", round)
			if _, err := h.AddChannel(ctx, by, c, ""); err != nil {
				t.Fatal(err)
			}
			var errs [2]error
			var both sync.WaitGroup
			both.Go(func() {
				errs[0] = nodes[0].ChangeChannel(ctx, by, c.ID, func(k *rail.Channel) error { k.Disabled = true; return nil })
			})
			both.Go(func() {
				errs[1] = nodes[1].ChangeChannel(ctx, by, c.ID, func(k *rail.Channel) error { k.Name = "Renamed"; return nil })
			})
			both.Wait()
			list, err := h.Channels(ctx)
			at := slices.IndexFunc(list, func(k rail.Channel) bool { return k.ID == c.ID })
			if err != nil || errs != [2]error{} || at < 0 || !list[at].Disabled || list[at].Name != "Renamed" {
				t.Fatalf("%v %v %+v", err, errs, list)
			}
		}
		refused := h.ChangeChannel(ctx, by, "race-0", func(k *rail.Channel) error { k.Sandbox = !k.Sandbox; return nil })
		if !fault.Has(refused, fault.FieldNotOneOf) {
			t.Errorf("the other mode: %v", refused)
		}
	})
}
