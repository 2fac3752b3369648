package main

import (
	"context"
	"strings"
	"time"

	"sarraf/payout"
	"sarraf/store"
)

// How long money that goes out may wait for somebody before doctor says so.
const (
	doubtHard   = 24 * time.Hour   // a payout whose rail fell silent
	deskSoft    = 24 * time.Hour   // one that people carry out, for a sheet
	handedSoft  = 72 * time.Hour   // and for the bank's answer
	openingSoft = 10 * time.Minute // a sheet that is being filled
)

// payouts checks that no money that is to go out is forgotten: by a rail, by whoever approves, at the desk.
func (u *checkup) payouts(ctx context.Context) {
	var d payout.DeskState
	var methods []payout.Method
	if !u.snapshot(ctx, "payouts", func(ctx context.Context, tx *store.Tx) (err error) {
		if d, err = payout.Desk(ctx, tx); err == nil {
			methods, err = payout.AllMethods(ctx, tx)
		}
		return err
	}) {
		return
	}
	age := func(n int64, since time.Time) time.Duration {
		if n == 0 {
			return 0
		}
		return max(u.machine.clock.Now().Sub(since), 0)
	}
	doubt := age(d.Unknown, d.UnknownSince)
	s := grade(doubt, doubtHard, doubtHard)
	if d.Unknown > 0 && s == good {
		s = warn
	}
	u.say(s, "silent rails", mendIf(s, "ask the rail's operator about each of sarraf payout list --status unknown, as docs/payouts.md says; send none of them again"),
		"%d payouts are unknown, the first for %s", d.Unknown, short(doubt))
	wanted := age(d.Wanted, d.WantedSince)
	s = soft(wanted, approvalSoft)
	u.say(s, "approval", mendIf(s, "look at them with sarraf payout list --approval wanted, and approve or reject each"),
		"%d payouts wait for a second person, the first for %s", d.Wanted, short(wanted))
	waits, handed, open := age(d.Manual, d.ManualSince), age(d.Handed, d.HandedSince), age(d.OpenSheets, d.OpenSince)
	s = soft(waits, deskSoft)
	u.say(s, "desk", mendIf(s, "put them on a sheet with sarraf payout export, unless their merchants are disabled"),
		"%d payouts wait for a sheet, the first for %s", d.Manual, short(waits))
	s = soft(handed, handedSoft)
	u.say(s, "bank", mendIf(s, "import what the bank answered with sarraf payout import, or ask it about those of sarraf payout list --status processing --rail manual"),
		"%d payouts are on a sheet and not decided, the first for %s", d.Handed, short(handed))
	if s = soft(open, openingSoft); s != good {
		u.say(s, "sheets", "look at them with sarraf payout sheet, and close what no export fills any more with --close",
			"%d sheets are open, the first for %s", d.OpenSheets, short(open))
	}
	u.methods(methods)
}

// soft is good up to a time, and a warning above it.
func soft(d, most time.Duration) state {
	if d > most {
		return warn
	}
	return good
}

// methods checks that the rails are there over which merchants pay out.
func (u *checkup) methods(list []payout.Method) {
	on, wrong := 0, 0
	named := map[string]bool{payout.Manual: true, payout.Sandbox: true}
	for _, text := range u.PayoutRails {
		name, _, _ := strings.Cut(text, "=")
		named[strings.TrimSpace(name)] = true
	}
	for _, m := range list {
		if m.Disabled {
			continue
		}
		if on++; named[m.Rail] {
			continue
		}
		wrong++
		u.say(warn, "methods", "give the method another one with sarraf method set --rail, or switch it off with sarraf method disable",
			"method %d of merchant %s goes over the rail %.40q, which is not there: nothing can be asked for by it", m.Number, m.Owner, m.Rail)
	}
	if wrong == 0 {
		u.say(good, "methods", "", "%d methods are on, and their rails are there", on)
	}
}
