package settlement

import (
	"context"
	"slices"
	"strings"
	"time"

	"sarraf/internal/id"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/payment"
	"sarraf/rail"
	"sarraf/store"
)

// page is how many receipts are read at a time.
const page = 500

// lacking adds to the report the receipts that the file should have: those of the days and channels it covers that no file has settled.
func (i *run) lacking(ctx context.Context) error {
	parts := map[rail.SettlementPart]bool{}
	for _, p := range i.Covers {
		parts[p] = true
	}
	for _, l := range i.File.Lines {
		parts[l.Part] = true
	}
	if len(parts) == 0 {
		return nil
	}
	var since time.Time
	for p := range parts {
		if at := i.Rail.Since(p.Day); since.IsZero() || at.Before(since) {
			since = at
		}
	}
	return i.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		return ofMerchants(ctx, tx, i.Rail, func(m merchant.Merchant, _ ledger.Figures) error {
			return walk(ctx, tx, func(last string) ([]payment.Payment, error) {
				if last == "" {
					last = id.Least(since)
				}
				return payment.After(ctx, tx, m.Owner, i.Rail.Name(), last, page)
			}, func(p payment.Payment) bool {
				part, ok := i.Rail.Part(p.RailReference)
				_, named := i.first[p.RailReference]
				return ok && parts[part] && !named
			}, func(p payment.Payment) bool {
				i.report.Problems = append(i.report.Problems, Problem{Cause: Lacking, Booked: &p})
				return true
			})
		})
	})
}

// ofMerchants calls fn for each merchant that ever had a receipt over the rail, with its clearing account.
func ofMerchants(ctx context.Context, tx *store.Tx, over rail.Settler, fn func(merchant.Merchant, ledger.Figures) error) error {
	list, err := merchant.All(ctx, tx)
	if err != nil {
		return err
	}
	accounts := make([]ledger.Account, len(list))
	for n, m := range list {
		accounts[n] = clearing(over.Name(), m.Owner, over.Currency())
	}
	figures, err := ledger.ReadIn(ctx, tx, accounts)
	if err != nil {
		return err
	}
	for n, m := range list {
		if f, ok := figures[accounts[n]]; ok {
			if err := fn(m, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// walk calls fn for the receipts that count and are not settled, page by page, until it answers false. read answers the page after the
// payment with the id, the first one for "".
func walk(ctx context.Context, tx *store.Tx, read func(last string) ([]payment.Payment, error), counts, fn func(payment.Payment) bool) error {
	for last := ""; ; {
		list, err := read(last)
		if err != nil || len(list) == 0 {
			return err
		}
		last = list[len(list)-1].ID
		list = slices.DeleteFunc(list, func(p payment.Payment) bool { return p.Status != payment.Received || !counts(p) })
		keys := make([]key, len(list))
		for n, p := range list {
			keys[n] = key{p.Owner, p.ID}
		}
		settled, err := linesOf(ctx, tx, keys)
		if err != nil {
			return err
		}
		for n, p := range list {
			if _, ok := settled[keys[n]]; !ok && !fn(p) {
				return nil
			}
		}
	}
}

// Outstanding is what a rail's other side has not settled.
type Outstanding struct {
	Receipts []Owed // those before the time that was asked for: at most as many as were asked for, by merchant, each merchant's latest first
	Count    int64  // how many there are
	Amount   int64  // what they come to, in minor units
	// All is what the other side owes for every receipt, those of today too.
	All int64
}

// Owed is a receipt that is not settled.
type Owed struct {
	Merchant merchant.Merchant
	Payment  payment.Payment
	Part     rail.SettlementPart // zero when the rail cannot tell
}

// Outstanding are the receipts of merchants of the mode over the rail that were recorded before the time and that no file has settled. It
// walks back from the newest one of each merchant as far as the balance of its clearing account says that there are some.
func (s *Service) Outstanding(ctx context.Context, over rail.Settler, mode merchant.Mode, before time.Time, most int) (o Outstanding, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		o = Outstanding{}
		return ofMerchants(ctx, tx, over, func(m merchant.Merchant, f ledger.Figures) error {
			left := -f.Balance()
			if left == 0 || m.Mode != mode {
				return nil
			}
			o.All += left
			return walk(ctx, tx, func(last string) ([]payment.Payment, error) {
				if last == "" {
					last = afterAll
				}
				return payment.Before(ctx, tx, m.Owner, over.Name(), last, page)
			}, func(p payment.Payment) bool {
				return p.Currency == over.Currency()
			}, func(p payment.Payment) bool {
				left -= p.Amount
				if p.At.Before(before) {
					o.Count++
					o.Amount += p.Amount
					if len(o.Receipts) < most {
						part, _ := over.Part(p.RailReference)
						o.Receipts = append(o.Receipts, Owed{Merchant: m, Payment: p, Part: part})
					}
				}
				return left != 0
			})
		})
	})
	return o, err
}

// afterAll is greater than every id.
var afterAll = strings.Repeat("g", 36)
