package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"sarraf/fault"
	"sarraf/merchant"
	"sarraf/rail"
)

// channelCmd manages how banks reach the house.
type channelCmd struct {
	Add      channelAdd      `cmd:"" help:"Make a channel; unless --import is given, its password is printed once."`
	List     channelList     `cmd:"" help:"List the channels."`
	Set      channelSet      `cmd:"" help:"Change a channel; what is not given stays as it is."`
	Password channelPassword `cmd:"" help:"Give a channel another password."`
	Off      channelOff      `cmd:"" help:"Switch a channel off: its bank is refused. set --no-off switches it on again."`
}

// channelFlags are what can be chosen of a channel.
type channelFlags struct {
	Name     string   `help:"The bank's name, for people."`
	Username string   `help:"Name that the bank shows with each call."`
	Network  []string `help:"Address ranges that it may call from, as 192.0.2.0/24, comma-separated; all from now on. any: no matter where from."`
	Prefix   []string `help:"Prefixes of consumer numbers that the bank may leave out, comma-separated; all from now on. none: none."`
	Profile  string   `help:"What differs from the specification, as JSON; {} for nothing."`
}

// apply changes what the flags say.
func (f channelFlags) apply(c *rail.Channel) error {
	if f.Name != "" {
		c.Name = f.Name
	}
	if f.Username != "" {
		c.Username = f.Username
	}
	if len(f.Network) > 0 {
		c.Networks = nil
		if strings.Join(f.Network, "") != "any" {
			list, err := ranges("network", f.Network)
			if err != nil {
				return err
			}
			c.Networks = list
		}
	}
	if len(f.Prefix) > 0 {
		c.Prefixes = f.Prefix
		if strings.Join(f.Prefix, "") == "none" {
			c.Prefixes = nil
		}
	}
	if f.Profile != "" {
		var p rail.Profile
		dec := json.NewDecoder(strings.NewReader(f.Profile))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&p); err != nil {
			return usage("--profile: %v", err)
		}
		c.Profile = p
	}
	return nil
}

// channelError says what is wrong with a channel in words.
func channelError(err error) error {
	if err == nil {
		return nil
	}
	switch f := fault.First(err); {
	case f.Code == fault.ChannelMissing:
		return errors.New("there is no such channel: `sarraf channel list` shows them")
	case f.Code == fault.ReferenceTaken:
		return errors.New("there is a channel with this id")
	case f.Field == "id":
		return errors.New("a channel's id has 1 to 32 characters of a-z, 0-9 and -")
	case f.Field == "password":
		return errors.New("a channel's password has 16 to 128 visible characters of ASCII, 8 different ones among them: a bank's program keeps it, nobody types it")
	}
	return err
}

// channelSecretBytes are the random bytes of a password that is made for a channel.
const channelSecretBytes = 32

type channelAdd struct {
	databaseFlag
	imports
	channelFlags
	ID      string `arg:"" help:"The channel's id, a segment of its address: a-z, 0-9 and -."`
	Sandbox bool   `help:"Bills of sandbox merchants, and only them."`
}

func (c channelAdd) Run(ctx context.Context, s streams) error {
	channel := rail.Channel{ID: c.ID, Name: c.ID, Username: c.ID, Sandbox: c.Sandbox}
	if err := c.apply(&channel); err != nil {
		return err
	}
	return withMerchants(ctx, c.databaseFlag, s, true, func(svc *merchant.Service, by merchant.Actor) error {
		password, err := c.password(s, channelSecretBytes)
		if err != nil {
			return err
		}
		if _, err := svc.AddChannel(ctx, by, channel, password); err != nil {
			return channelError(err)
		}
		fmt.Fprintf(s.out, "username: %s\n", channel.Username)
		return c.show(s, password)
	})
}

type channelList struct{ databaseFlag }

func (c channelList) Run(ctx context.Context, s streams) error {
	return withMerchants(ctx, c.databaseFlag, s, false, func(svc *merchant.Service, _ merchant.Actor) error {
		list, err := svc.Channels(ctx)
		if err != nil {
			return err
		}
		return table(s.out, "CHANNEL\tNAME\tMODE\tSTATE\tUSERNAME\tNETWORKS\tPREFIXES\tPROFILE", func(w io.Writer) {
			for _, k := range list {
				mode, state, networks, prefixes := merchant.Live, "on", "any", "none"
				if k.Sandbox {
					mode = merchant.Sandbox
				}
				if k.Disabled {
					state = "off"
				}
				if len(k.Networks) > 0 {
					networks = strings.Trim(fmt.Sprint(k.Networks), "[]")
				}
				if len(k.Prefixes) > 0 {
					prefixes = strings.Join(k.Prefixes, " ")
				}
				profile, err := json.Marshal(k.Profile)
				if err != nil {
					profile = []byte(err.Error())
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, mode, state, k.Username, networks, prefixes, profile)
			}
		})
	})
}

// changeChannel reads a channel, changes it and keeps it.
func changeChannel(ctx context.Context, f databaseFlag, s streams, id string, change func(*rail.Channel) error) error {
	return withMerchants(ctx, f, s, false, func(svc *merchant.Service, by merchant.Actor) error {
		var wrong error // of the flags, which the command words itself
		err := svc.ChangeChannel(ctx, by, id, func(k *rail.Channel) error {
			wrong = change(k)
			return wrong
		})
		if wrong != nil {
			return wrong
		}
		return channelError(err)
	})
}

type channelSet struct {
	databaseFlag
	channelFlags
	ID  string `arg:"" help:"The channel's id."`
	Off *bool  `negatable:"" help:"Switch it off, or on again."`
}

func (c channelSet) Run(ctx context.Context, s streams) error {
	return changeChannel(ctx, c.databaseFlag, s, c.ID, func(k *rail.Channel) error {
		if c.Off != nil {
			k.Disabled = *c.Off
		}
		return c.apply(k)
	})
}

type channelPassword struct {
	databaseFlag
	imports
	ID string `arg:"" help:"The channel's id."`
}

func (c channelPassword) Run(ctx context.Context, s streams) error {
	return withMerchants(ctx, c.databaseFlag, s, true, func(svc *merchant.Service, by merchant.Actor) error {
		password, err := c.password(s, channelSecretBytes)
		if err != nil {
			return err
		}
		if _, err := svc.SetChannelPassword(ctx, by, c.ID, password); err != nil {
			return channelError(err)
		}
		return c.show(s, password)
	})
}

type channelOff struct {
	databaseFlag
	ID string `arg:"" help:"The channel's id."`
}

func (c channelOff) Run(ctx context.Context, s streams) error {
	return changeChannel(ctx, c.databaseFlag, s, c.ID, func(k *rail.Channel) error {
		k.Disabled = true
		return nil
	})
}
