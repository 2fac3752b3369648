package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sarraf/money"
)

// Standing is what stands on one account of an owner.
type Standing struct {
	Kind      string       // what the account is for, as the ledger's chart names it
	Balance   money.Amount // credits less debits
	Held      money.Amount // set aside
	Available money.Amount // the balance less what is held
}

func (a *api) registerBalances(h huma.API) {
	if a.Balances == nil {
		return
	}
	register(h, reads, huma.Operation{
		OperationID: "list-balances", Method: http.MethodGet, Path: "/v1/balances", Tags: []string{"Balances"},
		Summary:     "List balances",
		Description: "Every account of the merchant that ever had an entry, by currency and kind.",
	}, a.listBalances)
}

func (a *api) listBalances(ctx context.Context, c caller, _ *struct{}) (Page[Balance], error) {
	list, err := a.Balances(ctx, c.Owner)
	if err != nil {
		return Page[Balance]{}, err
	}
	page := Page[Balance]{Data: make([]Balance, len(list))}
	for i, s := range list {
		page.Data[i] = Balance{
			Currency: string(s.Balance.Currency), Kind: s.Kind, Balance: s.Balance.Decimal(), Held: s.Held.Decimal(),
			Available: s.Available.Decimal(),
		}
	}
	return page, nil
}
