package merchant

import (
	"sarraf/money"
	"sarraf/store"
)

// FeeKey names a fee schedule: what the house takes of money that a merchant receives over a rail in a currency.
type FeeKey struct {
	Owner    string
	Rail     string
	Currency money.Currency
}

// FeesLater fills have with those of the schedules that exist, at the transaction's next flush. A schedule that is absent takes
// nothing.
func FeesLater(tx *store.Tx, keys []FeeKey, have map[FeeKey]money.Schedule) {
	args := make([]any, 0, 3*len(keys))
	for _, k := range keys {
		args = append(args, k.Owner, k.Rail, string(k.Currency))
	}
	tx.LaterRows(bulkFees, args, func(r store.Row) error {
		var k FeeKey
		var s money.Schedule
		var currency string
		if err := r.Scan(&k.Owner, &k.Rail, &currency, &s.Flat, &s.PPM, &s.Min, &s.Max); err != nil {
			return err
		}
		k.Currency = money.Currency(currency)
		have[k] = s
		return nil
	})
}
