package main

import (
	"context"
	"maps"
	"slices"

	"sarraf/dialect/asaanbill"
	"sarraf/dialect/aspay"
	"sarraf/dialect/assanpay"
	"sarraf/dialect/payrequest"
	"sarraf/merchant"
	"sarraf/money"
	walletrail "sarraf/rail/wallet"
	"sarraf/store"
)

// hostedDoors are those whose invoices have a page to be paid on.
var hostedDoors = []string{aspay.Name, assanpay.Name, payrequest.Name}

// merchants checks that what is set up for the merchants can work: that their callbacks may be called, their codes drawn, and their pages paid
// on.
func (u *checkup) merchants(ctx context.Context) {
	var list []merchant.Merchant
	keys := map[string][]merchant.Credential{} // of those whose pages collect for real
	if !u.snapshot(ctx, "merchants", func(ctx context.Context, tx *store.Tx) (err error) {
		list, err = merchant.All(ctx, tx)
		for _, m := range list {
			if !m.Sandbox() && err == nil {
				keys[m.Owner], err = merchant.CredentialsOf(ctx, tx, m.Owner)
			}
		}
		return err
	}) {
		return
	}
	active, wrong := 0, 0
	for _, m := range list {
		if m.Settings.Disabled {
			continue
		}
		active++
		for _, door := range slices.Sorted(maps.Keys(m.Settings.Callbacks)) {
			if err := u.policy.CheckTarget(m.Settings.Callbacks[door]); err != nil {
				wrong++
				u.say(warn, "callbacks", "change it with sarraf merchant callback, or allow it to serve and to doctor",
					"the callbacks of %s to merchant %s cannot be sent: %v", door, m.Owner, err)
			}
		}
		if u.PSIDPrefix == "" && m.Settings.PublicIDs[asaanbill.Name] != "" {
			wrong++
			u.say(warn, "bills", "give --psid-prefix to serve and to doctor, or SARRAF_PSID_PREFIX to both",
				"merchant %s has users at %s, and no bill gets a PSID without a prefix", m.Owner, asaanbill.Name)
		}
		if !m.Sandbox() && !m.MayUse(walletrail.Name) && slices.ContainsFunc(keys[m.Owner], opensPages) {
			wrong++
			u.say(warn, "pages", "allow it one with sarraf merchant set --rails wallet",
				"merchant %s is live and has a key at a front door with payment pages, which offer no way to pay", m.Owner)
		}
		codes := m.Settings.PakistanQR
		if codes == nil {
			continue
		}
		if err := codes.Check(); err != nil {
			wrong++
			u.say(warn, "codes", "correct them with sarraf merchant set --pakistan-qr", "the settings of merchant %s make no code: %v", m.Owner, err)
		} else if !m.Has(money.PKR) {
			wrong++
			u.say(warn, "codes", "add PKR to its currencies, or take the settings away with sarraf merchant set --pakistan-qr none",
				"merchant %s has settings for codes in PKR, and is not paid in PKR", m.Owner)
		}
	}
	if wrong == 0 {
		u.say(good, "merchants", "", "what %d of them have set up can work", active)
	}
}

// opensPages reports whether the credential makes invoices that are paid on a page.
func opensPages(c merchant.Credential) bool {
	return c.RevokedAt.IsZero() && slices.Contains(hostedDoors, c.Door)
}
