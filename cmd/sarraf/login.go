package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/merchant"
)

// merchantUser manages who signs in at a front door with a name and a password.
type merchantUser struct {
	Add      userAdd      `cmd:"" help:"Make a user; unless --import is given, its password is printed once."`
	List     userList     `cmd:"" help:"List a merchant's users."`
	Password userPassword `cmd:"" help:"Give a user another password; its token ends."`
	Revoke   userRevoke   `cmd:"" help:"End a user, or its token alone."`
}

// loginDoors are the front doors at which users sign in.
var loginDoors = []string{"asaanbill"}

// imports is the flag with which a command takes a password that exists already.
type imports struct {
	Import bool `help:"Take the password from standard input instead of making one."`
}

// password is the one on standard input, else what is made of so many random bytes.
func (i imports) password(s streams, random int) (string, error) {
	if !i.Import {
		return id.Token(random), nil
	}
	text, err := io.ReadAll(io.LimitReader(s.in, 4096))
	if err != nil {
		return "", err
	}
	if given := strings.TrimRight(string(text), "\r\n"); given != "" {
		return given, nil
	}
	return "", errors.New("there is no password on standard input")
}

// show prints a password that was made.
func (i imports) show(s streams, password string) error {
	if i.Import {
		return nil
	}
	_, err := fmt.Fprintf(s.out, "password: %s\n", password)
	return err
}

// userPasswordBytes are the random bytes of a password that is made for a user: 24 characters.
const userPasswordBytes = 18

type userAdd struct {
	databaseFlag
	imports
	ID        string `arg:"" help:"The merchant's id."`
	Door      string `arg:"" help:"The front door: asaanbill."`
	Username  string `arg:"" help:"Name to sign in with: 3 to 64 visible characters of ASCII. It is never given to anybody else."`
	FirstName string `help:"First name, for people."`
	LastName  string `help:"Last name, for people."`
	Role      string `default:"admin" enum:"admin,maker,viewer" help:"admin, maker (adds and does not read) or viewer (only reads)."`
	ChannelID string `name:"channel-id" help:"The number of the merchant's channel, such as the one it had before; by default it keeps the one it has, or gets a new one."`
}

func (c userAdd) Run(ctx context.Context, s streams) error {
	if c.ChannelID != "" && !isChannelID(c.ChannelID) {
		return usage("--channel-id %s: want a number of 1 to 15 digits that does not begin with 0", c.ChannelID)
	}
	if !slices.Contains(loginDoors, c.Door) {
		return usage("nobody signs in at %q; there is %s", c.Door, strings.Join(loginDoors, ", "))
	}
	return withMerchants(ctx, c.databaseFlag, s, true, func(svc *merchant.Service, by merchant.Actor) error {
		password, err := c.password(s, userPasswordBytes)
		if err != nil {
			return err
		}
		channel, err := channelID(ctx, svc, by, c.ID, c.Door, c.ChannelID)
		if err != nil {
			return err
		}
		l, err := svc.AddLogin(ctx, by, merchant.Login{
			Owner: c.ID, Door: c.Door, Username: c.Username, FirstName: c.FirstName, LastName: c.LastName, Role: merchant.Role(c.Role),
		}, password)
		if err != nil {
			return userError(err, c.ID)
		}
		fmt.Fprintf(s.out, "channel_id: %s\nusername: %s\n", channel, l.Username)
		return c.show(s, password)
	})
}

// userError says what is wrong with a user in words.
func userError(err error, owner string) error {
	switch {
	case fault.Has(err, fault.ReferenceTaken):
		return errors.New("this username is, or was, somebody's at this front door: choose another")
	case fault.Has(err, fault.CredentialsInvalid):
		return fmt.Errorf("there is no such user, or it is revoked: `sarraf merchant user list %s` shows them", owner)
	case fault.First(err) != nil && fault.First(err).Field == "password":
		return errors.New("a password has 8 to 128 bytes of UTF-8, no control characters, and is not the username")
	case fault.First(err) != nil && fault.First(err).Field == "username":
		return errors.New("a username has 3 to 64 visible characters of ASCII")
	}
	return err
}

type userList struct {
	databaseFlag
	ID string `arg:"" help:"The merchant's id."`
}

func (c userList) Run(ctx context.Context, s streams) error {
	return withMerchants(ctx, c.databaseFlag, s, false, func(svc *merchant.Service, _ merchant.Actor) error {
		if _, err := svc.Get(ctx, c.ID); err != nil {
			return err
		}
		list, err := svc.Logins(ctx, c.ID)
		if err != nil {
			return err
		}
		return table(s.out, "USER\tDOOR\tUSERNAME\tROLE\tNAME\tCREATED\tREVOKED", func(w io.Writer) {
			for _, l := range list {
				revoked := "-"
				if !l.RevokedAt.IsZero() {
					revoked = l.RevokedAt.Format(time.DateTime)
				}
				name := strings.TrimSpace(l.FirstName + " " + l.LastName)
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Door, l.Username, l.Role, name, l.CreatedAt.Format(time.DateTime), revoked)
			}
		})
	})
}

// oneUser names a user of a merchant.
type oneUser struct {
	ID   string `arg:"" help:"The merchant's id."`
	User string `arg:"" help:"The user's id, as list prints it, or its username."`
}

// find answers the user that is meant.
func (u oneUser) find(ctx context.Context, svc *merchant.Service) (merchant.Login, error) {
	if _, err := svc.Get(ctx, u.ID); err != nil {
		return merchant.Login{}, err
	}
	list, err := svc.Logins(ctx, u.ID)
	if err != nil {
		return merchant.Login{}, err
	}
	var found []merchant.Login
	for _, l := range list {
		if l.ID == u.User || l.Username == u.User {
			found = append(found, l)
		}
	}
	switch len(found) {
	case 0:
		return merchant.Login{}, userError(fault.New(fault.CredentialsInvalid), u.ID)
	case 1:
		return found[0], nil
	}
	return merchant.Login{}, fmt.Errorf("%s signs in at several front doors: give the user's id, as `sarraf merchant user list %s` shows it", u.User, u.ID)
}

type userPassword struct {
	databaseFlag
	imports
	oneUser
}

func (c userPassword) Run(ctx context.Context, s streams) error {
	return withMerchants(ctx, c.databaseFlag, s, true, func(svc *merchant.Service, by merchant.Actor) error {
		l, err := c.find(ctx, svc)
		if err != nil {
			return err
		}
		password, err := c.password(s, userPasswordBytes)
		if err != nil {
			return err
		}
		if err := svc.SetPassword(ctx, by, c.ID, l.ID, password); err != nil {
			return userError(err, c.ID)
		}
		return c.show(s, password)
	})
}

type userRevoke struct {
	databaseFlag
	oneUser
	Token bool `help:"End the token alone: the next signing in gives another."`
}

func (c userRevoke) Run(ctx context.Context, s streams) error {
	return withMerchants(ctx, c.databaseFlag, s, c.Token, func(svc *merchant.Service, by merchant.Actor) error {
		l, err := c.find(ctx, svc)
		switch {
		case err != nil:
			return err
		case c.Token:
			return userError(svc.RevokeToken(ctx, by, c.ID, l.ID), c.ID)
		}
		return svc.RevokeLogin(ctx, by, c.ID, l.ID)
	})
}

// isChannelID reports whether text is a number that every program reads as the same one.
func isChannelID(text string) bool {
	return text != "" && len(text) <= 15 && strings.Trim(text, "0123456789") == "" && text[0] != '0'
}

// channelID is the number by which the front door names the merchant's channel: the wanted one, else the one it has, else a new one.
func channelID(ctx context.Context, svc *merchant.Service, by merchant.Actor, owner, door, wanted string) (string, error) {
	if wanted == "" {
		return svc.PublicNumber(ctx, by, owner, door)
	}
	err := svc.SetPublicID(ctx, by, owner, door, wanted)
	if fault.Has(err, fault.ReferenceTaken) {
		err = errors.New("this channel id is, or was, another merchant's")
	}
	return wanted, err
}
