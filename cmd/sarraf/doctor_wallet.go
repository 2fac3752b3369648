package main

import (
	"context"
	"time"

	"sarraf/store"
	"sarraf/wallet"
)

// approvalSoft is how long a wallet may wait for approval.
const approvalSoft = 24 * time.Hour

// wallets checks that people can come in to their wallets: that codes can be sent, and that nobody waits too long for approval.
func (u *checkup) wallets(ctx context.Context) {
	var pending int64
	var since time.Time
	var some bool
	if !u.snapshot(ctx, "wallets", func(ctx context.Context, tx *store.Tx) (err error) {
		pending, since, some, err = wallet.Waiting(ctx, tx)
		return err
	}) {
		return
	}
	u.signingUp(some)
	waits := time.Duration(0)
	if pending > 0 {
		waits = max(u.machine.clock.Now().Sub(since), 0)
	}
	s := good
	if waits > approvalSoft {
		s = warn
	}
	u.say(s, "approval", mendIf(s, "look at them with sarraf wallet list --status pending, and approve or suspend each"),
		"%d wallets wait for approval, the first for %s", pending, short(waits))
}

// signingUp checks the settings of whoever sends text messages. Nothing is sent.
func (u *checkup) signingUp(some bool) {
	a, err := u.access()
	a.close()
	switch {
	case err != nil:
		u.say(fail, "messages", "correct it: serve would not start", "%v", err)
	case a.sender == nil && some:
		u.say(warn, "messages", "give --sms-url to serve and to doctor, unless all wallets are made by operators and merchants",
			"no gateway is set: nobody can sign up for a wallet")
	case a.sender == nil:
		u.say(good, "messages", "", "no gateway is set: nobody can sign up for a wallet, and there is none")
	default:
		u.say(good, "messages", "", "a gateway is set; whether it takes a message is seen in sarraf_wallet_codes_total")
	}
}
