package payout_test

import (
	"fmt"
	"sync"
	"testing"

	"sarraf/merchant"
	"sarraf/payout"
)

// Two operators who make methods of one merchant at the same time, on two nodes, make two methods.
func TestMethodsThatAreMadeAtOnceGetNumbersOfTheirOwn(t *testing.T) {
	each(t, func(h *house) {
		const makers = 16
		owner := h.shop(merchant.Sandbox, 0).Owner
		nodes := []*house{h, h.second()}
		made := make([]payout.Method, makers)
		var all sync.WaitGroup
		for i := range makers {
			all.Go(func() {
				m, err := nodes[i%2].SetMethod(ctx, alice, payout.Method{Owner: owner, Kind: "bkash", Name: fmt.Sprint("Method ", i), Rail: "sandbox"})
				if err != nil {
					t.Error(err)
				}
				made[i] = m
			})
		}
		all.Wait()
		for i, m := range made {
			if now, err := h.Method(ctx, owner, m.Number); err != nil || now != m || now.Name != fmt.Sprint("Method ", i) {
				t.Errorf("%+v, %v, want %+v", now, err, m)
			}
		}
	})
}
