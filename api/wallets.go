package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/wallet"
)

func (a *api) registerWallets(h huma.API) {
	registerWrite[NewWallet, Wallet](h, acts, huma.Operation{
		OperationID: "create-wallet", Method: http.MethodPost, Path: "/v1/wallets", Tags: []string{"Wallets"},
		Summary: "Make a wallet",
		Description: "It is approved at once, and of the merchant's mode. A mobile number that another wallet has, and a reference that the merchant has " +
			"used, are a 409.",
		Errors:   []int{http.StatusNotFound, http.StatusConflict},
		Metadata: map[string]any{privateKey: true},
	}, a.createWallet)
	register(h, looks, huma.Operation{
		OperationID: "list-wallets", Method: http.MethodGet, Path: "/v1/wallets", Tags: []string{"Wallets"},
		Summary: "List wallets",
		Description: "In the order of their making. `before` alone gives the last ones before that id. With a mobile number or a reference: the one " +
			"that has it, or none.",
		Errors: []int{http.StatusUnprocessableEntity},
	}, a.listWallets)
	register(h, looks, huma.Operation{
		OperationID: "get-wallet", Method: http.MethodGet, Path: "/v1/wallets/{id}", Tags: []string{"Wallets"},
		Summary: "Get a wallet with its balances",
		Errors:  []int{http.StatusNotFound},
	}, a.getWallet)
	register(h, looks, huma.Operation{
		OperationID: "get-wallet-limits", Method: http.MethodGet, Path: "/v1/wallets/{id}/limits", Tags: []string{"Wallets"},
		Summary:     "Get a wallet's limits, and what is used of them",
		Description: "By currency and kind of transfer. Days and months are those of the wallet's time zone.",
		Errors:      []int{http.StatusNotFound},
	}, a.getLimits)
	register(h, looks, huma.Operation{
		OperationID: "get-wallet-statement", Method: http.MethodGet, Path: "/v1/wallets/{id}/statement", Tags: []string{"Wallets"},
		Summary: "Read a wallet's statement",
		Description: "What the books say, newest first. `before` a line's number: the next older ones. `after` a number: the ones that came next " +
			"after it, also newest first.",
		Errors: []int{http.StatusNotFound, http.StatusUnprocessableEntity},
	}, a.getStatement)
	registerWrite[NewTopUp, Transfer](h, acts, huma.Operation{
		OperationID: "top-up-wallet", Method: http.MethodPost, Path: "/v1/wallets/{id}/top-ups", Tags: []string{"Wallets"},
		Summary: "Put money into a wallet",
		Description: "Play money into a sandbox wallet. Into a live one only an operator puts money, that has come to the house. The same reference with " +
			"the same amount again changes nothing; with another it is a 409.",
		Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, a.topUp)
	registerWrite[NewStatus, Wallet](h, operates, huma.Operation{
		OperationID: "set-wallet-status", Method: http.MethodPost, Path: "/v1/wallets/{id}/status", Tags: []string{"Wallets"},
		Summary:     "Approve or suspend a wallet",
		Description: "For operators. A wallet that is not approved neither spends nor receives; its money stays.",
		Errors:      []int{http.StatusNotFound},
	}, a.setStatus)
}

// NewWallet is the body of POST /v1/wallets.
type NewWallet struct {
	Kind         string   `json:"kind" enum:"consumer,merchant" doc:"A person's, who spends with a PIN; or a shop's own, from which the merchant's key spends without one."`
	Name         string   `json:"name" minLength:"1" maxLength:"100" doc:"Shown to whoever pays it or is paid by it." example:"Rahima Khatun"`
	MobileNumber string   `json:"mobile_number,omitempty" doc:"In E.164. Whoever knows it can send money to it." example:"+8801712345678"`
	Reference    string   `json:"reference,omitempty" maxLength:"64" doc:"The merchant's own id of it." example:"USER-77"`
	Currencies   []string `json:"currencies,omitempty" doc:"By default all of the merchant's. An operator that names no merchant must give them."`
	TimeZone     string   `json:"time_zone,omitempty" doc:"An IANA name; by default that of the first currency: Asia/Dhaka, Asia/Karachi, else UTC." example:"Asia/Dhaka"`
	PIN          string   `json:"pin,omitempty" pattern:"^[0-9]{4}$" doc:"Four digits. Without one a consumer's money cannot move." example:"1234"`
	Merchant     string   `json:"merchant,omitempty" format:"uuid" doc:"For operators: the merchant whose wallet it becomes; nobody's by default."`
	Mode         string   `json:"mode,omitempty" enum:"sandbox,live" default:"live" doc:"For operators, of a wallet that is no merchant's."`
}

// Bounds of a wallet's texts, in characters. The core's are the same or wider.
const (
	mostName       = 100
	mostReference  = 64
	mostZone       = 64
	mostCurrencies = 20
)

// createWallet answers without balances: there is nothing in it, and a repeated request is answered alike. Faults, of what cannot be read:
// on kind, name, mobile_number, reference, currencies, time_zone, pin, merchant and mode. PermissionMissing on merchant and mode for a merchant, and on
// mobile_number for a live one: only an operator gives a wallet of real money a number without a code.
// Then those of wallet.Service.Create.
func (a *api) createWallet(ctx context.Context, c caller, in *command) (Wallet, error) {
	f := in.fields
	var r intake
	n := wallet.New{Wallet: wallet.Wallet{
		Kind:      wallet.Kind(r.word(f, "kind", "", string(wallet.Consumer), string(wallet.Merchant))),
		Name:      r.text(f, "name", mostName, true),
		Reference: r.text(f, "reference", mostReference, false),
		Zone:      r.text(f, "time_zone", mostZone, false),
		Number:    r.number(f, "mobile_number"),
		Status:    wallet.Approved,
	}}
	n.PIN = r.pin(f)
	m, err := a.merchantOf(ctx, c, f, &r)
	if err != nil {
		return Wallet{}, err
	}
	n.Keys, n.Merchant, n.Sandbox = c.keys(), m.Owner, m.Sandbox()
	if f.Has("mobile_number") && !c.operator() && !m.Sandbox() {
		// Nobody has shown that it is the holder's: what is sent to the number would be the merchant's.
		r.wrong(fault.New(fault.PermissionMissing).On("mobile_number"))
	}
	n.Currencies = r.currencies(f, "currencies", m)
	if n.Zone == "" && len(n.Currencies) > 0 {
		n.Zone = zoneOf(n.Currencies[0])
	}
	if err := r.err(); err != nil {
		return Wallet{}, err
	}
	w, err := a.Wallets.Create(ctx, c.actor(), n, in.key)
	if err != nil {
		return Wallet{}, renamed(err, "zone", "time_zone")
	}
	return walletOf(w), nil
}

// merchantOf is the merchant whose wallet is made: the caller; for an operator the one it names, or nobody with the mode that it names.
// Faults go to r, what cannot be told is the error.
func (a *api) merchantOf(ctx context.Context, c caller, f httpx.Fields, r *intake) (merchant.Merchant, error) {
	owner := r.text(f, "merchant", mostParty, false)
	mode := r.word(f, "mode", string(merchant.Live), string(merchant.Sandbox), string(merchant.Live))
	switch {
	case !c.operator():
		for _, name := range []string{"merchant", "mode"} {
			if f.Has(name) {
				r.wrong(fault.New(fault.PermissionMissing).On(name))
			}
		}
		return c.Merchant, nil
	case owner == "":
		return merchant.Merchant{Mode: merchant.Mode(mode)}, nil
	}
	if f.Has("mode") {
		r.wrong(fault.New(fault.FieldMalformed).On("mode")) // it is the merchant's
	}
	m, err := a.Merchants.Get(ctx, owner)
	if fault.Has(err, fault.MerchantMissing) {
		r.wrong(fault.New(fault.MerchantMissing).On("merchant"))
		err = nil
	}
	return m, err
}

// zoneOf is where the holders of a currency are, as a rule.
func zoneOf(c money.Currency) string {
	switch c {
	case money.BDT:
		return "Asia/Dhaka"
	case money.PKR:
		return "Asia/Karachi"
	}
	return "UTC"
}

// walletList is what may be asked of the list.
type walletList struct {
	Limit        int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"How many, at most."`
	After        string `query:"after" format:"uuid" doc:"A wallet's id: only younger ones."`
	Before       string `query:"before" format:"uuid" doc:"A wallet's id: only older ones."`
	Status       string `query:"status" enum:"pending,approved,suspended"`
	MobileNumber string `query:"mobile_number" maxLength:"32" doc:"In E.164."`
	Reference    string `query:"reference" maxLength:"64" doc:"The merchant's own."`
	Merchant     string `query:"merchant" format:"uuid" doc:"For operators: only those of the merchant."`
}

func (a *api) listWallets(ctx context.Context, c caller, in *walletList) (Page[Wallet], error) {
	page := Page[Wallet]{Data: []Wallet{}}
	for name, text := range map[string]string{"after": in.After, "before": in.Before, "merchant": in.Merchant} {
		if text != "" && !id.Valid(text) {
			return page, fault.New(fault.FieldMalformed).On(name)
		}
	}
	owner := c.Owner
	switch {
	case c.operator():
		owner = in.Merchant
	case in.Merchant != "" && in.Merchant != c.Owner:
		return page, fault.New(fault.PermissionMissing).On("merchant")
	}
	if in.MobileNumber != "" || in.Reference != "" {
		return a.findWallet(ctx, c, owner, in)
	}
	// One more than is wanted tells whether there is more.
	list, err := a.Wallets.List(ctx, wallet.Query{
		Merchant: owner, Status: wallet.Status(in.Status), After: in.After, Before: in.Before, Limit: in.Limit + 1,
	})
	if err != nil {
		return page, err
	}
	if page.HasMore = len(list) > in.Limit; page.HasMore && in.Before != "" && in.After == "" {
		list = list[1:] // asked for backwards: the earliest is the one too many
	} else if page.HasMore {
		list = list[:in.Limit]
	}
	for _, w := range list {
		page.Data = append(page.Data, walletOf(w))
	}
	return page, nil
}

// findWallet is the list of the one wallet that is asked for by name, or of none.
func (a *api) findWallet(ctx context.Context, c caller, owner string, in *walletList) (Page[Wallet], error) {
	page := Page[Wallet]{Data: []Wallet{}}
	if _, wrong := httpx.CleanText("reference", in.Reference, mostReference); wrong != nil {
		return page, wrong
	}
	var w wallet.Wallet
	var err error
	if in.MobileNumber != "" {
		number, wrong := mobileNumber("mobile_number", in.MobileNumber)
		if wrong != nil {
			return page, wrong
		}
		w, err = found(a.Wallets.ByNumber(ctx, number))
	} else {
		w, err = found(a.Wallets.ByReference(ctx, owner, in.Reference))
	}
	fits := w.Owner != "" && c.owns(w) && (owner == "" || w.Merchant == owner) && (in.Reference == "" || w.Reference == in.Reference) &&
		(in.Status == "" || string(w.Status) == in.Status) && (in.After == "" || w.Owner > in.After) && (in.Before == "" || w.Owner < in.Before)
	if err == nil && fits {
		page.Data = append(page.Data, walletOf(w))
	}
	return page, err
}

type walletID struct {
	ID string `path:"id" maxLength:"64" doc:"A wallet's id."`
}

// walletNamed is the caller's wallet with the id. Fault: WalletMissing, also for another's.
func (a *api) walletNamed(ctx context.Context, c caller, wid string) (wallet.Wallet, error) {
	w, err := a.own(ctx, c, wid)
	if err == nil && w.Owner == "" {
		err = fault.New(fault.WalletMissing).On("id")
	}
	return w, err
}

func (a *api) getWallet(ctx context.Context, c caller, in *walletID) (WalletDetail, error) {
	w, err := a.walletNamed(ctx, c, in.ID)
	if err != nil {
		return WalletDetail{}, err
	}
	out := WalletDetail{Wallet: walletOf(w), Balances: make([]WalletBalance, len(w.Currencies))}
	for i, currency := range w.Currencies {
		have, err := a.Wallets.Balance(ctx, w.Owner, currency)
		if err != nil {
			return WalletDetail{}, err
		}
		out.Balances[i] = WalletBalance{Currency: string(currency), Available: have.Decimal()}
	}
	return out, nil
}

// Limits is what bounds a wallet.
type Limits struct {
	Data []Limit `json:"data" nullable:"false"`
}

func (a *api) getLimits(ctx context.Context, c caller, in *walletID) (Limits, error) {
	out := Limits{Data: []Limit{}}
	w, err := a.walletNamed(ctx, c, in.ID)
	if err != nil {
		return out, err
	}
	for _, currency := range w.Currencies {
		used, err := a.Wallets.Used(ctx, w.Owner, currency)
		if err != nil {
			return out, err
		}
		for _, m := range wallet.Movements() {
			rule, own, err := a.Wallets.Rule(ctx, w.Owner, currency, m)
			if err != nil {
				return out, err
			}
			out.Data = append(out.Data, limitOf(currency, m, rule, own, used[m]))
		}
	}
	return out, nil
}

type statementPage struct {
	ID       string `path:"id" maxLength:"64" doc:"A wallet's id."`
	Currency string `query:"currency" doc:"By default the wallet's first." example:"BDT"`
	Limit    int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"How many, at most."`
	After    int64  `query:"after" minimum:"1" doc:"A line's number: only newer ones."`
	Before   int64  `query:"before" minimum:"1" doc:"A line's number: only older ones."`
}

func (a *api) getStatement(ctx context.Context, c caller, in *statementPage) (Page[StatementLine], error) {
	page := Page[StatementLine]{Data: []StatementLine{}}
	w, err := a.walletNamed(ctx, c, in.ID)
	if err != nil {
		return page, err
	}
	currency := money.Currency(in.Currency)
	switch {
	case in.Currency == "":
		currency = w.Currencies[0]
	case !slices.Contains(w.Currencies, currency):
		return page, fault.New(fault.CurrencyUnknown).On("currency")
	}
	list, err := a.Wallets.Statement(ctx, w.Owner, currency, wallet.Page{After: in.After, Before: in.Before, Limit: in.Limit + 1})
	if err != nil {
		return page, err
	}
	if page.HasMore = len(list) > in.Limit; page.HasMore && in.After > 0 && in.Before == 0 {
		list = list[1:] // the newest is the one too many
	} else if page.HasMore {
		list = list[:in.Limit]
	}
	for _, l := range list {
		own := func(merchant string) bool { return c.operator() || merchant == c.Owner }
		l.Transfer = shownTo(l.Transfer, !l.In || own(l.Transfer.Merchant), l.In || own(l.Transfer.ReceiverMerchant))
		page.Data = append(page.Data, lineOf(l))
	}
	return page, nil
}

// NewTopUp is the body of POST /v1/wallets/{id}/top-ups.
type NewTopUp struct {
	Amount    string `json:"amount" doc:"In the major unit." example:"1000.00"`
	Currency  string `json:"currency" doc:"ISO 4217." example:"BDT"`
	Reference string `json:"reference,omitempty" maxLength:"64" doc:"What the money is known by where it came from, such as a bank's number of a deposit; an operator must give it. Unique for the wallet."`
	Note      string `json:"note,omitempty" maxLength:"255"`
}

// topUp leaves to the core whose wallet it is, so that a refusal is kept with an Idempotency-Key.
func (a *api) topUp(ctx context.Context, c caller, in *command) (Transfer, error) {
	f := in.fields
	var r intake
	t := wallet.TopUpNew{
		ID: id.New(a.Clock), Door: Name, Wallet: in.name, Rail: sandboxRail, By: c.right(), Merchant: c.Owner, Actor: c.name(),
		Amount: r.amount(f), Reference: r.text(f, "reference", mostReference, c.operator()), Note: r.text(f, "note", mostNote, false),
	}
	if err := r.err(); err != nil {
		return Transfer{}, err
	}
	if c.operator() {
		t.Rail = wallet.OperatorRail
	}
	if t.Reference == "" {
		t.Reference = t.ID
	}
	sent, err := a.Wallets.TopUp(ctx, t, in.key)
	if err != nil {
		return Transfer{}, renamed(fault.Join(told(fault.All(err), t.Amount.Currency)...), "sender", "id")
	}
	return transferOf(sent.Transfer, true), nil
}

// NewStatus is the body of POST /v1/wallets/{id}/status.
type NewStatus struct {
	Status string `json:"status" enum:"pending,approved,suspended"`
}

func (a *api) setStatus(ctx context.Context, c caller, in *command) (Wallet, error) {
	var r intake
	st := r.word(in.fields, "status", "", string(wallet.Pending), string(wallet.Approved), string(wallet.Suspended))
	if err := r.err(); err != nil {
		return Wallet{}, err
	}
	w, err := a.Wallets.SetStatusOnce(ctx, c.actor(), in.name, wallet.Status(st), c.keys(), in.key)
	if err != nil {
		return Wallet{}, renamed(fault.Join(told(fault.All(err), "")...), "sender", "id")
	}
	return walletOf(w), nil
}
