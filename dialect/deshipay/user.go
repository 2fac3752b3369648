package deshipay

import (
	"net/http"
	"strconv"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/money"
	"sarraf/wallet"
)

// profile answers who has signed in, with the balance.
func (d *Dialect) profile(w http.ResponseWriter, r *http.Request) error {
	who, err := d.authenticate(r)
	if err != nil {
		return err
	}
	has, err := d.Wallets.Balance(r.Context(), who.Owner, money.BDT)
	if err != nil {
		return err
	}
	return answer(w, profile{user: d.userOf(who), Balance: taka(has.Minor)})
}

// profileQR answers who has signed in, with the text of the holder's own QR code.
func (d *Dialect) profileQR(w http.ResponseWriter, r *http.Request) error {
	who, err := d.authenticate(r)
	if err != nil {
		return err
	}
	text, err := d.Codes.Text(who)
	if err != nil {
		return err
	}
	return answer(w, holderQR{holder: d.holderOf(who), QRCodeText: text})
}

// history lists what changed the wallet, newest first.
func (d *Dialect) history(w http.ResponseWriter, r *http.Request) error {
	who, err := d.authenticate(r)
	if err != nil {
		return err
	}
	query, err := httpx.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	page, err := readPage(query)
	if err != nil {
		return err
	}
	size := page.Limit
	page.Limit++ // to see whether more follows
	list, err := d.Wallets.Statement(r.Context(), who.Owner, money.BDT, page)
	if err != nil {
		return err
	}
	h := history{Transactions: []transaction{}, PerPage: size}
	if len(list) > size {
		list = list[:size]
		next := strconv.FormatInt(list[size-1].Seq, 10)
		h.NextCursor = &next
	}
	kinds := map[string]wallet.Kind{}
	for _, l := range list {
		kind, known := kinds[l.Transfer.Owner]
		if l.In && !l.Transfer.FromOutside() && l.Transfer.Kind != wallet.Refund && !known {
			sender, err := d.Wallets.Get(r.Context(), l.Transfer.Owner)
			if err != nil && !fault.Has(err, fault.WalletMissing) {
				return err
			}
			kind = sender.Kind
			kinds[l.Transfer.Owner] = kind
		}
		h.Transactions = append(h.Transactions, d.transactionOf(l, kind))
	}
	return answer(w, h)
}

// limits answers what the holder may move, and has moved today and this month.
func (d *Dialect) limits(w http.ResponseWriter, r *http.Request) error {
	who, err := d.authenticate(r)
	if err != nil {
		return err
	}
	used, err := d.Wallets.Used(r.Context(), who.Owner, money.BDT)
	if err != nil {
		return err
	}
	all := limits{Limits: []limit{}}
	for _, m := range movements {
		rule, _, err := d.Wallets.Rule(r.Context(), who.Owner, money.BDT, m.movement)
		if err != nil {
			return err
		}
		all.Limits = append(all.Limits, limitOf(m.name, rule, used[m.movement]))
	}
	return answer(w, all)
}
