package wallet_test

import (
	"flag"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/ledger"
	"sarraf/money"
	"sarraf/wallet"
)

// spendingsLeast is how many spendings the random test asks for at least.
const spendingsLeast = 2000

// TestRandomSlicesOfSpendingsAgreeWithTheModel asks for random things in slices, on both engines, and holds each answer against the model's,
// and balances and limits after each slice. -rapid.seed repeats a run.
func TestRandomSlicesOfSpendingsAgreeWithTheModel(t *testing.T) {
	set := func(name, value string) {
		f := flag.Lookup(name)
		before := f.Value.String()
		if err := f.Value.Set(value); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Value.Set(before) })
	}
	set("rapid.checks", "1")
	if flag.Lookup("rapid.seed").Value.String() == "0" {
		set("rapid.seed", strconv.FormatUint(rand.Uint64(), 10))
	}
	t.Logf("-rapid.seed=%s", flag.Lookup("rapid.seed").Value)
	each(t, func(h *house) {
		rapid.Check(h.t, func(rt *rapid.T) {
			h.clock.Set(start)
			newDriver(h, rt).drive()
		})
		h.clock.Set(start.AddDate(20, 0, 0))
	})
}

// driver asks for random things and keeps the model beside the wallets.
type driver struct {
	h      *house
	t      *rapid.T
	model  *model
	owners []string
	latest time.Time
	past   []wallet.Spend
	out    []wallet.Spend // withdrawals of before
	spent  int
	codes  map[fault.Code]int // what slices were answered
}

func newDriver(h *house, t *rapid.T) *driver {
	d := &driver{h: h, t: t, model: &model{wallets: map[string]*person{}, rules: map[ruleOf]wallet.Rule{}}, latest: start, codes: map[fault.Code]int{}}
	for i, m := range []string{"", "", "m1", "m1", "m2", "m1", "m2", ""} {
		zone := []string{"Asia/Dhaka", "Asia/Karachi", "UTC"}[i%3]
		w := h.made([]wallet.Kind{wallet.Consumer, wallet.Consumer, wallet.Merchant}[i%3], func(n *wallet.New) {
			n.Merchant, n.Zone, n.Sandbox, n.Name = m, zone, i != 7, "W"+strconv.Itoa(i)
			if i%2 == 0 {
				n.Currencies = []money.Currency{"BDT", "PKR"}
			}
		})
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		d.model.wallets[w.Owner] = &person{Wallet: w, pin: "1234", zone: loc}
		d.owners = append(d.owners, w.Owner)
	}
	for _, k := range []ruleOf{
		{"", "BDT", wallet.Send}, {"", "BDT", wallet.Payment}, {"", "PKR", wallet.Send}, {"", "PKR", wallet.Payment}, {"", "BDT", wallet.Withdrawal}, {"", "PKR", wallet.Withdrawal},
	} {
		d.setRule(k, wallet.Rule{Fee: money.Schedule{Flat: 500}, Min: 100, Max: 5_000_00, Daily: 20_000_00, Monthly: 60_000_00})
	}
	return d
}

func (d *driver) drive() {
	for d.spent < spendingsLeast {
		d.tick()
		switch rapid.SampledFrom([]string{"slice", "slice", "slice", "top up", "check PIN", "change PIN", "status", "reset", "rule", "slice", "withdraw", "withdraw", "give back"}).Draw(d.t, "what") {
		case "slice":
			d.slice()
		case "top up":
			d.topUp()
		case "check PIN":
			d.checkPIN()
		case "change PIN":
			d.changePIN()
		case "status":
			d.setStatus()
		case "reset":
			d.reset()
		case "withdraw":
			d.withdraw()
		case "give back":
			d.giveBack()
		default:
			k := ruleOf{"", d.currency(), rapid.SampledFrom([]wallet.Movement{wallet.Send, wallet.Payment, wallet.Withdrawal}).Draw(d.t, "movement")}
			if d.chance(60) {
				k.owner = d.owner()
			}
			d.setRule(k, wallet.Rule{
				Fee: money.Schedule{Flat: d.oneOf(0, 5_00, 1), PPM: d.oneOf(0, 12_345, 500_000), Max: d.oneOf(0, 50_00)}, Min: d.oneOf(0, 1_00), Max: d.oneOf(0, 700_00, 5_000_00),
				Daily: d.oneOf(0, 1_000_00, 5_000_00), Monthly: d.oneOf(0, 4_000_00, 90_000_00),
			})
		}
		d.check()
	}
	for _, c := range []fault.Code{"", fault.BalanceInsufficient, fault.PINWrong, fault.WalletMissing, fault.ReceiverMissing} {
		if d.codes[c] == 0 {
			d.t.Fatalf("nothing was answered with %q: %v", c, d.codes)
		}
	}
}

func (d *driver) chance(percent int) bool {
	return rapid.IntRange(1, 100).Draw(d.t, "chance") > 100-percent
}

func (d *driver) oneOf(list ...int64) int64 { return rapid.SampledFrom(list).Draw(d.t, "figure") }

func (d *driver) owner() string { return rapid.SampledFrom(d.owners).Draw(d.t, "owner") }

func (d *driver) currency() money.Currency {
	if d.chance(8) {
		return "PKR"
	}
	return "BDT"
}

// tick moves the clock: a little, to the next day now and then, and back, though never by more than a day from where it has been.
func (d *driver) tick() {
	by := time.Duration(rapid.IntRange(0, 40_000).Draw(d.t, "ms")) * time.Millisecond
	switch {
	case d.chance(10):
		by = time.Duration(rapid.IntRange(1, 40).Draw(d.t, "hours")) * time.Hour
	case d.chance(10):
		by = -time.Duration(rapid.IntRange(1, 600).Draw(d.t, "minutes")) * time.Minute
	}
	now := d.h.clock.Now().Add(by)
	if least := d.latest.Add(-20 * time.Hour); now.Before(least) {
		now = least
	}
	if d.h.clock.Set(now); now.After(d.latest) {
		d.latest = now
	}
}

// pin is what somebody types.
func (d *driver) pin(p *person) *string {
	pin := "1234"
	if p != nil {
		pin = p.pin
	}
	switch {
	case d.chance(14):
		pin = "9999"
	case d.chance(5):
		pin = rapid.SampledFrom([]string{"", "12", "12345", "12a4", "१२३४"}).Draw(d.t, "bad")
	case d.chance(8):
		return nil
	}
	return &pin
}

func (d *driver) spending() wallet.Spend {
	if len(d.past) > 0 && d.chance(8) {
		sp := rapid.SampledFrom(d.past).Draw(d.t, "again")
		if d.chance(40) {
			sp.Amount.Minor++
		}
		return sp
	}
	from := d.owner()
	p := d.model.wallets[from]
	sp := wallet.Spend{
		ID: id.New(d.h.clock), Door: "native", Sender: from, Receiver: d.owner(), PIN: d.pin(p), Once: d.chance(40),
		Amount: money.Of(d.oneOf(1_00, 10_00, 20_00, 33_33, 99_99, 50, 800_00)+int64(rapid.IntRange(0, 2).Draw(d.t, "paisa")), d.currency()), Note: rapid.SampledFrom([]string{"", "tea"}).Draw(d.t, "note"),
	}
	for sp.Receiver == from {
		sp.Receiver = d.owner()
	}
	switch {
	case d.chance(2):
		sp.Amount.Minor = rapid.SampledFrom([]int64{0, -1, 1 << 40}).Draw(d.t, "odd")
	case d.chance(3):
		sp.Receiver = rapid.SampledFrom([]string{"", "nobody", from}).Draw(d.t, "receiver")
	case d.chance(2):
		sp.Sender = "nobody"
	}
	switch {
	case d.chance(15):
		sp.By = wallet.Operator
	case d.chance(25):
		sp.By, sp.Merchant = wallet.MerchantKey, rapid.SampledFrom([]string{"m1", "m2"}).Draw(d.t, "key")
		if p.Merchant != "" && d.chance(80) {
			sp.Merchant = p.Merchant
		}
	}
	if d.chance(30) {
		d.past = append(d.past, sp)
	}
	return sp
}

// slice sends several at once.
func (d *driver) slice() {
	list := make([]wallet.Spend, rapid.IntRange(1, 40).Draw(d.t, "slice"))
	for i := range list {
		list[i] = d.spending()
	}
	d.send(list)
}

// send spends them.
func (d *driver) send(list []wallet.Spend) {
	out, err := d.h.SpendMany(d.h.t.Context(), "m1", list, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	d.became(list, out)
}

// became holds what became of each against the model's.
func (d *driver) became(list []wallet.Spend, out []wallet.Outcome) {
	now := d.h.clock.Now()
	for i, sp := range list {
		d.spent++
		t, replay, code := d.model.spend(sp, now)
		d.codes[code]++
		got := fault.Code("")
		if out[i].Sent == nil {
			got = out[i].Faults[0].Code
		}
		if got != code {
			d.t.Fatalf("%+v at %v: %q, the model says %q", sp, now, got, code)
		}
		if code == "" && (out[i].Sent.Transfer != t || out[i].Sent.Replay != replay) {
			d.t.Fatalf("%+v: replay %v, not %v: %s", sp, out[i].Sent.Replay, replay, cmp.Diff(t, out[i].Sent.Transfer))
		}
	}
}

// withdraw takes money out several times at once.
func (d *driver) withdraw() {
	list := make([]wallet.Spend, rapid.IntRange(1, 10).Draw(d.t, "withdrawals"))
	for i := range list {
		if len(d.out) > 0 && d.chance(8) {
			list[i] = rapid.SampledFrom(d.out).Draw(d.t, "again")
			if d.chance(40) {
				list[i].Amount.Minor++
			}
			continue
		}
		sp := d.spending()
		sp.ID, sp.Receiver, sp.Out = id.New(d.h.clock), "", &wallet.Out{Payout: id.New(d.h.clock), Name: "R", Account: "+8801712345678"}
		if list[i] = sp; d.chance(30) {
			d.out = append(d.out, sp)
		}
	}
	d.became(list, d.h.withdrawMany(list))
}

// giveBack returns a withdrawal or some.
func (d *driver) giveBack() {
	now := d.h.clock.Now()
	var list, want []wallet.Transfer
	for i := range d.model.moved {
		t := d.model.moved[i]
		if t.Kind == wallet.Withdrawal && !t.returned && len(list) < 3 && d.chance(50) {
			list, want = append(list, t.Transfer), append(want, d.model.giveBack(i, now))
		}
	}
	if len(list) == 0 {
		return
	}
	d.answered(d.h.bringBack(list...), "", list)
	for i, t := range list {
		lines, err := d.h.Statement(d.h.t.Context(), t.Owner, t.Currency, wallet.Page{Limit: 3})
		if err != nil {
			d.t.Fatal(err)
		}
		found := false
		for _, l := range lines {
			found = found || l.Transfer.Kind == wallet.Return && l.Transfer.RailReference == t.RailReference && l.Transfer.Amount == want[i].Amount &&
				l.Transfer.BalanceAfter == want[i].BalanceAfter && l.Balance == want[i].BalanceAfter && l.Transfer.At.Equal(now)
		}
		if !found {
			d.t.Fatalf("%+v: its statement has %+v, the model says %+v", t, lines, want[i])
		}
	}
}

// answered holds an answer against the model's.
func (d *driver) answered(err error, want fault.Code, what ...any) {
	if got := code(err); got != want {
		d.t.Fatalf("%v: %q, the model says %q", what, got, want)
	}
}

func (d *driver) topUp() {
	n := wallet.TopUpNew{
		ID: id.New(d.h.clock), Door: "command", Wallet: d.owner(), Amount: money.Of(d.oneOf(100_00, 2_000_00, 9_000_00), d.currency()),
		Rail: rapid.SampledFrom([]string{"sandbox", wallet.OperatorRail}).Draw(d.t, "rail"), By: wallet.Operator,
		Reference: strconv.Itoa(rapid.IntRange(1, 100).Draw(d.t, "reference")*1000 + rapid.IntRange(1, 1000).Draw(d.t, "rest")),
	}
	sent, err := d.h.TopUp(d.h.t.Context(), n, nil)
	t, replay, code := d.model.topUp(n, d.h.clock.Now())
	d.answered(err, code, n)
	if err == nil && (sent.Transfer != t || sent.Replay != replay) {
		d.t.Fatalf("%+v: %s", n, cmp.Diff(t, sent.Transfer))
	}
}

func (d *driver) checkPIN() {
	p := d.model.wallets[d.owner()]
	wrong := "0000"
	burst := rapid.Bool().Draw(d.t, "burst")
	for range rapid.SampledFrom([]int{1, 6, 3, 7}).Draw(d.t, "times") {
		pin := d.pin(p)
		if burst {
			pin = &wrong
		}
		if pin == nil {
			return
		}
		d.answered(d.h.CheckPIN(d.h.t.Context(), p.Owner, *pin), p.show(pin, d.h.clock.Now()), "check", *pin)
	}
	list := []wallet.Spend{d.spending(), d.spending()}
	for i := range list {
		list[i].ID, list[i].Sender, list[i].PIN = id.New(d.h.clock), p.Owner, &p.pin
	}
	d.send(list)
}

func (d *driver) changePIN() {
	p := d.model.wallets[d.owner()]
	pin, to := d.pin(p), rapid.SampledFrom([]string{"1234", "0007"}).Draw(d.t, "new")
	if pin == nil {
		return
	}
	code := p.show(pin, d.h.clock.Now())
	if d.answered(d.h.ChangePIN(d.h.t.Context(), p.Owner, *pin, to), code, "change", *pin); code == "" {
		p.pin = to
	}
}

// reset is an operator who helps somebody with a PIN.
func (d *driver) reset() {
	p := d.model.wallets[d.owner()]
	if d.chance(50) {
		p.pin = "4455"
		d.answered(d.h.SetPIN(d.h.t.Context(), by, p.Owner, p.pin), "", "set PIN")
	} else {
		d.answered(d.h.Unlock(d.h.t.Context(), by, p.Owner), "", "unlock")
	}
	p.failures, p.locked = 0, time.Time{}
}

func (d *driver) setStatus() {
	p := d.model.wallets[d.owner()]
	p.Status = wallet.Approved
	if d.chance(12) {
		p.Status = rapid.SampledFrom([]wallet.Status{wallet.Suspended, wallet.Pending}).Draw(d.t, "status")
	}
	_, err := d.h.SetStatus(d.h.t.Context(), by, p.Owner, p.Status)
	d.answered(err, "", p.Status)
}

func (d *driver) setRule(k ruleOf, r wallet.Rule) {
	err := d.h.SetRule(d.h.t.Context(), by, k.owner, k.currency, k.movement, &r)
	d.answered(err, "", k, r)
	d.model.rules[k] = r
}

// check holds balances, fees and what is used of the limits against the model's.
func (d *driver) check() {
	sums := map[money.Currency]int64{}
	for _, owner := range d.owners {
		p := d.model.wallets[owner]
		figures, err := ledger.ReadAll(d.h.t.Context(), d.h.db, owner)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, f := range figures {
			sums[f.Currency] += f.Balance()
			if f.Kind == ledger.Wallet && (f.Balance() != d.model.balance(owner, f.Currency) || f.Balance() < 0) {
				d.t.Fatalf("%s has %d of %s, the model says %d", p.Name, f.Balance(), f.Currency, d.model.balance(owner, f.Currency))
			}
			if f.Kind == ledger.Withdrawals && f.Balance() != d.model.outside(owner, f.Currency) {
				d.t.Fatalf("%s has taken out %d of %s, the model says %d", p.Name, f.Balance(), f.Currency, d.model.outside(owner, f.Currency))
			}
		}
		used, err := d.h.Used(d.h.t.Context(), owner, "BDT")
		for m, u := range used {
			if want := d.model.used(p, "BDT", m, d.model.dated(p, "BDT", m, d.h.clock.Now())); err != nil || u != want {
				d.t.Fatalf("%s has used %+v of %s, the model says %+v: %v", p.Name, u, m, want, err)
			}
		}
	}
	for c, sum := range sums {
		if sum != 0 {
			d.t.Fatalf("all accounts in %s come to %d", c, sum)
		}
	}
}
