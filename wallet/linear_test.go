package wallet_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/money"
	"sarraf/wallet"
)

// asked is one call, for the checker: of what, by which PIN, about wallets by their number.
type asked struct {
	what     string // spend, topup, balance, pin, unlock
	from, to int
	amount   int64
	right    bool // the PIN
}

// told is what it answered: a fault's code, and the balance of from, where the answer says one.
type told struct {
	code    fault.Code
	balance int64
}

// linearWallets is how many wallets there are, and linearFee what their sending costs.
const (
	linearWallets = 3
	linearFee     = 1_00
)

// standing is what the checker knows of its wallets.
type standing struct {
	balance, failures [linearWallets]int64
}

// sequential is the wallets as they would be if everything were asked one after another, by a clock that stands still.
var sequential = porcupine.Model{
	Init: func() any { return standing{} },
	Step: func(state, input, output any) (bool, any) {
		s, in, out := state.(standing), input.(asked), output.(told)
		want := s.answer(in)
		return want == out, s
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
}

// answer carries out one call.
func (s *standing) answer(in asked) told {
	pin := func() fault.Code {
		switch {
		case s.failures[in.from] >= 5:
			return fault.PINLocked
		case in.right:
			s.failures[in.from] = 0
			return ""
		}
		s.failures[in.from]++
		return fault.PINWrong
	}
	switch in.what {
	case "balance":
		return told{balance: s.balance[in.from]}
	case "topup":
		s.balance[in.from] += in.amount
		return told{balance: s.balance[in.from]}
	case "unlock":
		s.failures[in.from] = 0
		return told{}
	case "pin":
		return told{code: pin()}
	}
	if s.balance[in.from] < in.amount+linearFee {
		return told{code: fault.BalanceInsufficient, balance: s.balance[in.from]}
	}
	if c := pin(); c != "" {
		return told{code: c}
	}
	s.balance[in.from] -= in.amount + linearFee
	s.balance[in.to] += in.amount
	return told{balance: s.balance[in.from]}
}

// ask makes one call of a node.
func (h *house) ask(list []wallet.Wallet, in asked) (told, error) {
	pin, from := "0000", list[in.from]
	if in.right {
		pin = "1234"
	}
	out := told{}
	var err error
	switch in.what {
	case "balance":
		var have money.Amount
		have, err = h.Balance(h.t.Context(), from.Owner, "BDT")
		out.balance = have.Minor
	case "topup":
		var sent wallet.Sent
		sent, err = h.TopUp(h.t.Context(), wallet.TopUpNew{
			ID: id.New(h.clock), Wallet: from.Owner, Amount: money.Of(in.amount, "BDT"), Rail: wallet.OperatorRail, Reference: id.New(h.clock), By: wallet.Operator,
		}, nil)
		out.balance = sent.Transfer.BalanceAfter
	case "unlock":
		err = h.Unlock(h.t.Context(), by, from.Owner)
	case "pin":
		err = h.CheckPIN(h.t.Context(), from.Owner, pin)
	case "spend":
		sp := h.spending(from, list[in.to], in.amount)
		sp.PIN = &pin
		var sent wallet.Sent
		sent, err = h.Spend(h.t.Context(), sp, nil)
		out.balance = sent.Transfer.BalanceAfter
	}
	switch out.code = code(err); out.code {
	case fault.PINWrong, fault.PINLocked:
		err = nil
	case fault.BalanceInsufficient:
		whole, part, _ := strings.Cut(fault.First(err).Params["available"], ".")
		out.balance, err = strconv.ParseInt(whole+part, 10, 64)
	}
	return out, err
}

// history has callers ask at random, on both nodes, and notes what each was told and when; in the end a PIN is locked, and what is there
// is read.
func (w *town) history(round uint64, callers, each int) []porcupine.Operation {
	w.rule(wallet.Rule{Fee: money.Schedule{Flat: linearFee}})
	list := make([]wallet.Wallet, linearWallets)
	for i := range list {
		list[i] = w.nodes[0].made(wallet.Consumer)
	}
	watch := clock.Start()
	var mu sync.Mutex
	var all []porcupine.Operation
	w.crowd(callers, func(g int) {
		chance := rand.New(rand.NewPCG(round, uint64(g)))
		for range each {
			in := asked{from: chance.IntN(linearWallets), amount: 1_00 * (1 + chance.Int64N(9)), right: chance.IntN(10) < 4}
			in.to = (in.from + 1 + chance.IntN(linearWallets-1)) % linearWallets
			in.what = []string{"spend", "spend", "spend", "topup", "balance", "balance", "pin", "unlock"}[chance.IntN(8)]
			op := porcupine.Operation{ClientId: g, Input: in, Call: int64(watch())}
			out, err := w.nodes[chance.IntN(2)].ask(list, in)
			if err != nil {
				w.t.Errorf("%+v: %v", in, err)
				return
			}
			op.Output, op.Return = out, int64(watch())
			mu.Lock()
			all = append(all, op)
			mu.Unlock()
		}
	})
	last := []asked{{what: "unlock"}, {what: "spend", to: 1, amount: 1 << 40}}
	for range 6 {
		last = append(last, asked{what: "pin"})
	}
	for i := range list {
		last = append(last, asked{what: "balance", from: i})
	}
	for i, in := range last {
		op := porcupine.Operation{Input: in, Call: int64(watch())}
		out, err := w.nodes[i%2].ask(list, in)
		if err != nil {
			w.t.Fatal(err)
		}
		op.Output, op.Return = out, int64(watch())
		all = append(all, op)
	}
	return all
}

// checkMost is how long one history is checked at most; a check that does not end by then has failed.
const checkMost = time.Minute

func TestAnswersAreThoseOfOneAfterAnother(t *testing.T) {
	eachTown(t, func(w *town) {
		limit, stop := howLong(t), clock.Start()
		codes, rounds := map[fault.Code]int{}, 0
		for stop() < limit/2 || rounds < 3 {
			all := w.history(uint64(rounds), 8, 40)
			if got := porcupine.CheckOperationsTimeout(sequential, all, checkMost); got != porcupine.Ok {
				t.Fatalf("round %d: %s: %v", rounds, got, all)
			}
			for _, op := range all {
				codes[op.Output.(told).code]++
			}
			w.falsified(all)
			rounds++
		}
		for _, c := range []fault.Code{"", fault.BalanceInsufficient, fault.PINWrong, fault.PINLocked} {
			if codes[c] == 0 {
				t.Errorf("nobody was told %q: the test shows little", c)
			}
		}
		t.Logf("%d histories, %v", rounds, codes)
	})
}

// falsified tells the checker stories that cannot be: each must be found out.
func (w *town) falsified(all []porcupine.Operation) {
	w.t.Helper()
	last := int64(0)
	for _, op := range all {
		last = max(last, op.Return)
	}
	then := func(n int64, in asked, out told) porcupine.Operation {
		return porcupine.Operation{ClientId: 99, Input: in, Output: out, Call: last + 2*n, Return: last + 2*n + 1}
	}
	edit := func(what string, fits func(told) bool, change func(*told)) []porcupine.Operation {
		list := slices.Clone(all)
		for i := range list {
			out := list[i].Output.(told)
			if list[i].Input.(asked).what == what && fits(out) {
				change(&out)
				list[i].Output = out
				return list
			}
		}
		return nil
	}
	good := func(out told) bool { return out.code == "" }
	read := all[len(all)-1] // of the end
	in, have := read.Input.(asked), read.Output.(told).balance
	stories := map[string][]porcupine.Operation{
		"a balance of before": slices.Concat(all, []porcupine.Operation{
			then(1, asked{what: "topup", from: in.from, amount: 7_00}, told{balance: have + 7_00}), then(2, in, told{balance: have}),
		}),
		"money from nowhere":         edit("balance", good, func(o *told) { o.balance++ }),
		"a paisa that was kept":      edit("spend", good, func(o *told) { o.balance++ }),
		"a wrong PIN that was right": edit("spend", func(o told) bool { return o.code == fault.PINWrong }, func(o *told) { *o = told{} }),
		"a lock without failures": slices.Concat(all, []porcupine.Operation{
			then(1, asked{what: "unlock"}, told{}), then(2, asked{what: "pin"}, told{code: fault.PINLocked}),
		}),
		"a sixth guess": slices.Concat(all, []porcupine.Operation{
			then(1, asked{what: "unlock"}, told{}), then(2, asked{what: "pin"}, told{code: fault.PINWrong}), then(3, asked{what: "pin"}, told{code: fault.PINWrong}),
			then(4, asked{what: "pin"}, told{code: fault.PINWrong}), then(5, asked{what: "pin"}, told{code: fault.PINWrong}),
			then(6, asked{what: "pin"}, told{code: fault.PINWrong}), then(7, asked{what: "pin"}, told{code: fault.PINWrong}),
		}),
	}
	for name, story := range stories {
		if story == nil {
			w.t.Fatalf("%s: the history has nothing to tell it of", name)
		}
		if got := porcupine.CheckOperationsTimeout(sequential, story, checkMost); got != porcupine.Illegal {
			w.t.Fatalf("%s: %s", name, got)
		}
	}
}
