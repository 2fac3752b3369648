package main

import (
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"sarraf/internal/browsertest"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/internal/storetest"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/payment"
	"sarraf/rail"
	"sarraf/store"
	"sarraf/wallet"
)

// purse is somebody with a wallet at a demo.
type purse struct {
	wallet.Wallet
	d   *demo
	pin string
}

var purseActor = merchant.Actor{Name: "test", Source: "test"}

// purse makes an approved wallet for sandbox money with so much of each currency in it, minor units, altered before it is made.
func (d *demo) purse(number, pin string, minor int64, alter func(*wallet.New)) purse {
	d.t.Helper()
	n := wallet.New{PIN: pin, Wallet: wallet.Wallet{
		Kind: wallet.Consumer, Name: "Rahim Uddin", Number: number, Status: wallet.Approved, Sandbox: true, Zone: "Asia/Dhaka",
		Currencies: []money.Currency{"BDT", "PKR", "EUR"},
	}}
	if alter != nil {
		alter(&n)
	}
	w, err := d.app.wallets.Create(d.t.Context(), purseActor, n, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, c := range w.Currencies {
		if minor == 0 {
			continue
		}
		_, err := d.app.wallets.TopUp(d.t.Context(), wallet.TopUpNew{
			ID: id.New(clock.System{}), Door: "command", Wallet: w.Owner, Amount: money.Of(minor, c), Rail: wallet.OperatorRail,
			Reference: "start-" + string(c), By: wallet.Operator, Actor: "test",
		}, nil)
		if err != nil {
			d.t.Fatal(err)
		}
	}
	return purse{w, d, pin}
}

// has is what the wallet holds, minor units.
func (p purse) has(c money.Currency) int64 {
	p.d.t.Helper()
	a, err := p.d.app.wallets.Balance(p.d.t.Context(), p.Owner, c)
	if err != nil {
		p.d.t.Fatal(err)
	}
	return a.Minor
}

// sheet is the form of a wallet on an invoice's page, as a browser has it.
type sheet struct {
	d      *demo
	page   string // path
	fields url.Values
}

var hidden = regexp.MustCompile(`<input type="hidden" name="attempt" value="([^"]+)">`)

// sheet opens the form on the page at the address.
func (d *demo) sheet(address string) sheet {
	d.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		d.t.Fatal(err)
	}
	r := d.ask(u.Path+"?way=wallet", "")
	return sheet{d, u.Path, url.Values{"action": {"pay:wallet"}, "attempt": {attemptOn(d.t, r)}}}
}

// attemptOn is the attempt in the form on a page.
func attemptOn(t testing.TB, r reply) string {
	t.Helper()
	found := hidden.FindStringSubmatch(r.text)
	if found == nil {
		t.Fatalf("no form: %d %s", r.status, r.text)
	}
	return html.UnescapeString(found[1])
}

// send posts the form with a number and a PIN. A form that comes back is the one to send next.
func (s sheet) send(number, pin string) reply {
	s.d.t.Helper()
	s.fields.Set("mobile_number", number)
	s.fields.Set("pin", pin)
	r := s.again()
	if r.status == http.StatusUnprocessableEntity {
		s.fields.Set("attempt", attemptOn(s.d.t, r))
	}
	return r
}

// again posts the form as it stands.
func (s sheet) again() reply {
	s.d.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.d.line.URL+s.page, strings.NewReader(s.fields.Encode()))
	if err != nil {
		s.d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.d.send(req)
}

// refused checks that a form came back with a sentence, the number, and no PIN.
func (r reply) refused(t testing.TB, sentence, number, pin string) {
	t.Helper()
	if r.status != http.StatusUnprocessableEntity || !strings.Contains(html.UnescapeString(r.text), sentence) {
		t.Errorf("%d, and not %q: %s", r.status, sentence, r.text)
	}
	if number != "" && !strings.Contains(r.text, `value="`+number+`"`) {
		t.Errorf("%q: the number that was typed is gone", sentence)
	}
	if pin != "" && strings.Contains(strings.NewReplacer(sentence, "", number, "").Replace(hidden.ReplaceAllString(r.text, "")), `"`+pin+`"`) {
		t.Errorf("%q: the PIN is on the page", sentence)
	}
}

// pages are an open invoice of each door with a page, each of 1,234.50 in the currency it has.
func (d *demo) pages(reference, back string) map[string]string {
	d.t.Helper()
	r := d.ask("/payment-request/qr/"+d.line.AssanPay.MerchantID, fmt.Sprintf(
		`{"amount":"1234.50","order_id":%q,"store_name":"Tea House","link":%q}`, reference, back))
	data, _ := r.json["data"].(map[string]any)
	link, _ := data["completeLink"].(string)
	return map[string]string{
		"aspay": d.create(reference, back).str("payment_url"), "assanpay": link,
		"payrequest": strings.Replace(d.link(d.t, map[string]string{"id": reference, "response": back}), d.line.URL+"/", d.line.URL+"/checkout/", 1),
	}
}

// paid checks that the answer to a form is that the invoice was paid, and leads on.
func (s sheet) paid(t testing.TB, r reply) {
	t.Helper()
	if r.status != http.StatusSeeOther || r.header.Get("Location") == "" {
		t.Fatalf("%d %s", r.status, r.text)
	}
	if text := s.d.ask(s.page, "").text; !strings.Contains(text, "Payment received") {
		t.Errorf("the page does not say that it was paid: %s", text)
	}
}

func TestInvoicesOfEveryDoorArePaidFromAWallet(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		site := newShop(t, nil)
		p := d.purse("+8801712345678", "8371", 10_000_00, nil)
		for door, page := range d.pages("WALLET-1", site.URL+"/callback") {
			c := map[string]money.Currency{"aspay": "BDT", "assanpay": "PKR", "payrequest": "EUR"}[door]
			s := d.sheet(page)
			s.paid(t, s.send("+880 1712-345678", "8371"))
			if left := p.has(c); left != 10_000_00-1234_50 {
				t.Errorf("%s: the wallet has %d %s", door, left, c)
			}
			sent, err := d.app.wallets.Statement(t.Context(), p.Owner, c, wallet.Page{Limit: 1})
			if err != nil || len(sent) != 1 || sent[0].Transfer.Door != "checkout" || sent[0].Moved != 1234_50 {
				t.Fatalf("%s: %+v, %v", door, sent, err)
			}
			// What leads to it: the receipt's number, and the merchant's books.
			if text := mustRun(t, "explain", sent[0].Transfer.Number, "--database", dsn); !strings.Contains(text, sent[0].Transfer.Invoice) {
				t.Errorf("explain %s: %s", sent[0].Transfer.Number, text)
			}
		}
		told := site.wait(t, 1)
		if len(told) != 1 || !strings.Contains(told[0].body, "WALLET-1") {
			t.Errorf("Aspay's webhook: %+v", told)
		}
		if code := d.stop(); code != 0 || strings.Contains(d.logs.String(), "8371") {
			t.Errorf("it ended with %d: %s", code, d.logs)
		}
		proveClean(t, dsn)
	})
}

func TestWhatKeepsAWalletFromPayingIsSaidNextToTheForm(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		p := d.purse("+8801712345678", "8371", 2_000_00, nil)
		d.purse("+8801812345678", "8371", 0, func(n *wallet.New) { n.Status = wallet.Suspended })
		d.purse("+8801912345678", "8371", 0, func(n *wallet.New) { n.Currencies = []money.Currency{"EUR"} })
		d.purse("+8801612345678", "8371", 100_00, nil)
		open := func(ref string) sheet { return d.sheet(d.create(ref, "https://shop.example/back").str("payment_url")) }
		s := open("SAID-1")
		if text := d.ask(s.page+"?way=wallet", "").text; strings.Contains(text, "http-equiv") || !strings.Contains(text, "Pay ৳1,234.50") {
			t.Errorf("the form: %s", text)
		}
		s.send("01712-345678", "0000").refused(t, "The number or the PIN is not right", "01712-345678", "0000")
		s.send("01512345678", "8371").refused(t, "The number or the PIN is not right", "01512345678", "8371")
		s.send("01712 34", "8371").refused(t, "Please check the mobile number", "01712 34", "8371")
		s.send("", "8371").refused(t, "Please check the mobile number", "", "8371")
		s.send("+৮৮০১৭১২৩৪৫৬৭৮", "837").refused(t, "A PIN has 4 digits", "+৮৮০১৭১২৩৪৫৬৭৮", "837")
		s.send("01712345678", "").refused(t, "A PIN has 4 digits", "01712345678", "")
		s.send("01812345678", "8371").refused(t, "This wallet cannot pay at present", "01812345678", "8371")
		s.send("01912345678", "8371").refused(t, "This wallet holds no BDT", "01912345678", "8371")
		s.send("01612345678", "8371").refused(t, "There is not enough money in this wallet", "01612345678", "8371")
		s.send("01612345678", "0000").refused(t, "The number or the PIN is not right", "01612345678", "0000")
		for _, c := range []struct {
			rule     wallet.Rule
			sentence string
		}{
			{wallet.Rule{Min: 2000_00}, "It pays ৳2,000.00 at least at a time"},
			{wallet.Rule{Max: 1000_00}, "It pays ৳1,000.00 at most at a time"},
			{wallet.Rule{Daily: 1200_00}, "It may pay ৳1,200.00 a day"},
			{wallet.Rule{Monthly: 1200_00}, "It may pay ৳1,200.00 a month"},
		} {
			if err := d.app.wallets.SetRule(t.Context(), purseActor, p.Owner, "BDT", wallet.Payment, &c.rule); err != nil {
				t.Fatal(err)
			}
			s.send("01712345678", "8371").refused(t, c.sentence, "01712345678", "8371")
		}
		// A fee of its own is shown before it is taken, and is part of what the wallet must have.
		if err := d.app.wallets.SetRule(t.Context(), purseActor, p.Owner, "BDT", wallet.Payment, &wallet.Rule{Fee: money.Schedule{Flat: 765_51}}); err != nil {
			t.Fatal(err)
		}
		s.send("01712345678", "8371").refused(t, "There is not enough money in this wallet", "01712345678", "8371")
		if err := d.app.wallets.SetRule(t.Context(), purseActor, p.Owner, "BDT", wallet.Payment, &wallet.Rule{Fee: money.Schedule{Flat: 765_50}}); err != nil {
			t.Fatal(err)
		}
		r := s.send("01712345678", "8371")
		r.refused(t, "This wallet pays another fee", "01712345678", "8371")
		if !strings.Contains(r.text, "৳765.50") || !strings.Contains(r.text, "Pay ৳2,000.00") {
			t.Errorf("the fee is not shown: %s", r.text)
		}
		s.paid(t, s.send("01712345678", "8371"))
		if left := p.has("BDT"); left != 0 {
			t.Errorf("the wallet has %d", left)
		}
		// An attempt of another invoice's form, or of nobody's, is asked for again, and no PIN is looked at.
		other := open("SAID-2")
		for _, attempt := range []string{s.fields.Get("attempt"), "", "x", other.fields.Get("attempt") + "A"} {
			other.fields.Set("attempt", attempt)
			other.fields.Set("mobile_number", "01612345678")
			other.fields.Set("pin", "0000")
			other.again().refused(t, "Please type your PIN again", "01612345678", "0000")
		}
		// Somebody paid a part of it meanwhile: the payer sees what is left, and agrees to that.
		d.purse("+8801412345678", "8371", 2_000_00, nil)
		part := open("SAID-3")
		inv, err := d.app.invoices.ByToken(t.Context(), part.page[strings.LastIndexByte(part.page, '/')+1:])
		if err != nil {
			t.Fatal(err)
		}
		key := id.New(clock.System{})
		if _, err := d.app.payments.Settle(t.Context(), payment.Receipt{
			ID: key, Owner: inv.Owner, Invoice: inv.ID, Rail: "sandbox", RailReference: key, Amount: money.Of(500_00, "BDT"), Outcome: rail.Accepted,
		}, nil); err != nil {
			t.Fatal(err)
		}
		r = part.send("01412345678", "8371")
		r.refused(t, "What is due has changed", "01412345678", "8371")
		if !strings.Contains(r.text, "Pay ৳734.50") {
			t.Errorf("what is left is not shown: %s", r.text)
		}
		part.paid(t, part.send("01412345678", "8371"))
		if code := d.stop(); code != 0 || strings.Contains(d.logs.String(), "8371") {
			t.Errorf("it ended with %d: %s", code, d.logs)
		}
		proveClean(t, dsn)
	})
}

func TestWrongPINsOnPagesLockAWalletAndAFormSentTwiceIsOneAttempt(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		p := d.purse("+8801712345678", "8371", 5_000_00, nil)
		forms := d.pages("LOCK-1", "https://shop.example/back")
		for i := range 5 { // at one page and the other
			s := d.sheet(forms[[]string{"aspay", "payrequest"}[i%2]])
			s.fields.Set("mobile_number", "+8801712345678")
			s.fields.Set("pin", "000"+fmt.Sprint(i))
			for range 3 { // clicked three times
				s.again().refused(t, "The number or the PIN is not right", "", "")
			}
		}
		s := d.sheet(forms["assanpay"])
		s.send("+8801712345678", "8371").refused(t, "Try again in 30 min", "+8801712345678", "8371")
		if err := d.app.wallets.Unlock(t.Context(), purseActor, p.Owner); err != nil {
			t.Fatal(err)
		}
		// Clicked ten times at once: one payment, and everybody is led on.
		s.fields.Set("pin", "8371")
		replies := make([]reply, 10)
		var all sync.WaitGroup
		for i := range replies {
			all.Go(func() { replies[i] = s.again() })
		}
		all.Wait()
		for _, r := range replies {
			if r.status != http.StatusSeeOther || r.header.Get("Location") != replies[0].header.Get("Location") {
				t.Errorf("%d %s %s", r.status, r.header.Get("Location"), r.text)
			}
		}
		if left := p.has("PKR"); left != 5_000_00-1234_50 {
			t.Errorf("the wallet has %d", left)
		}
		if code := d.stop(); code != 0 {
			t.Errorf("it ended with %d: %s", code, d.logs)
		}
		proveClean(t, dsn)
	})
}

// A form that was open for longer than its invoice pays nothing, and no other site can send one.
func TestAFormIsOfNoUseAfterItsInvoiceOrFromElsewhere(t *testing.T) {
	d := startDemo(t, storetest.URL(t, store.SQLite))
	p := d.purse("+8801712345678", "8371", 5_000_00, nil)
	for outcome, says := range map[string]string{"expired": "This payment has expired", "cancelled": "Payment cancelled", "paid": "Payment received"} {
		made := d.create("LATE-"+outcome, "https://shop.example/back")
		s := d.sheet(made.str("payment_url"))
		if r := d.native("/v1/sandbox/pay", fmt.Sprintf(`{"target":%q,"outcome":%q}`, "LATE-"+outcome, outcome)); r.status != http.StatusOK {
			t.Fatalf("%d %s", r.status, r.text)
		}
		if r := s.send("01712345678", "8371"); r.status != http.StatusSeeOther {
			t.Errorf("%s: %d %s", outcome, r.status, r.text)
		}
		if text := d.ask(s.page+"?way=wallet", "").text; !strings.Contains(text, says) || strings.Contains(text, "mobile_number") {
			t.Errorf("%s: %s", outcome, text)
		}
		// The script of a page with a form leaves it by its address: loading it anew would send the form anew.
		live := d.ask("/_sarraf/live/"+s.page[strings.LastIndexByte(s.page, '/')+1:]+"?way=wallet&seen=x", "")
		if live.header.Get("HX-Redirect") != s.page || live.header.Get("HX-Refresh") != "" {
			t.Errorf("%s: %v", outcome, live.header)
		}
	}
	s := d.sheet(d.create("ELSEWHERE", "https://shop.example/back").str("payment_url"))
	s.fields.Set("mobile_number", "01712345678")
	s.fields.Set("pin", "8371")
	req, err := http.NewRequest(http.MethodPost, d.line.URL+s.page, strings.NewReader(s.fields.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", "https://evil.example")
	if r := d.send(req); r.status != http.StatusForbidden {
		t.Errorf("from elsewhere: %d", r.status)
	}
	if left := p.has("BDT"); left != 5_000_00 {
		t.Errorf("the wallet has %d", left)
	}
}

func TestPayersWithWalletsInABrowser(t *testing.T) {
	d := startDemo(t, storetest.URL(t, store.SQLite))
	site := newShop(t, nil)
	b := browsertest.Start(t)
	d.purse("+8801712345678", "8371", 50_000_00, nil)
	plain, dark := browsertest.Phone, browsertest.Desk
	plain.NoScript, dark.Dark = true, true
	for i, v := range []struct {
		name string
		view browsertest.View
	}{{"phone", browsertest.Phone}, {"desk dark", dark}, {"without JavaScript", plain}} {
		t.Run(v.name, func(t *testing.T) {
			ref := fmt.Sprint("BROWSER-", i)
			p := newPayer(t, d, site, b, v.view, ref)
			shot := func(what string) { p.tab.ShotWhole("wallet-" + what + "-" + strings.ReplaceAll(v.name, " ", "-")) }
			p.tab.Follow("#do-wallet")
			shot("form")
			typed := func(number, pin string) int {
				t.Helper()
				if number != "" {
					p.tab.Do(chromedp.SendKeys(chromedp.CSS("#in-mobile_number"), number))
				}
				p.tab.Do(chromedp.SendKeys(chromedp.CSS("#in-pin"), pin))
				return p.tab.Follow("#do-pay")
			}
			if code := typed("01712345678", "1234"); code != http.StatusUnprocessableEntity {
				t.Fatalf("a wrong PIN: %d", code)
			}
			if text := p.tab.Text("#refused"); !strings.Contains(text, "not right") {
				t.Errorf("a wrong PIN: %s", text)
			}
			shot("wrong")
			p.is(t, "pending")
			typed("", "8371") // the number is still there
			shot("paid")
			page := p.tab.URL()
			if code := p.tab.Follow("#do-receipt"); code != http.StatusOK || !strings.Contains(p.tab.Text("h1"), "Payment successful") {
				t.Errorf("the receipt: %d at %s", code, p.tab.URL())
			}
			p.tab.Open(page)
			p.tab.Follow(".go")
			p.landed(t, "success", ref)
			p.is(t, "paid")
		})
	}
}

// What serve collects for real: a live merchant that has the rail is paid from live wallets, and whoever tries many numbers from one address is
// held back.
func TestALiveMerchantIsPaidFromLiveWallets(t *testing.T) {
	newSecrets(t)
	dsn := storetest.URL(t, store.SQLite)
	mustRun(t, "migrate", "--database", dsn)
	owner := mustRun(t, "merchant", "create", "Padma", "--mode", "live", "--currencies", "BDT", "--database", dsn)
	mustRun(t, "merchant", "set", owner, "--rails", "wallet", "--database", dsn)
	var keys demoKeyPair
	for line := range strings.Lines(mustRun(t, "merchant", "key", owner, "aspay", "--database", dsn)) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), ": "); name {
		case "api_key":
			keys.APIKey = value
		case "api_secret":
			keys.APISecret = value
		}
	}
	served := startServe(t, dsn, "--anonymous-per-address", "1")
	d := &demo{t: t, app: served.app, logs: served.logs, line: demoLine{URL: "http://" + served.app.address, Aspay: keys}}
	rich := d.purse("+8801712345678", "8371", 2_000_00, func(n *wallet.New) { n.Sandbox, n.Currencies = false, []money.Currency{"BDT"} })
	d.purse("+8801812345678", "8371", 2_000_00, func(n *wallet.New) { n.Currencies = []money.Currency{"BDT"} })
	s := d.sheet(d.create("LIVE-1", "https://shop.example/back").str("payment_url"))
	if text := d.ask(s.page, "").text; strings.Contains(text, "Test mode") || strings.Contains(text, "pay:approve") || !strings.Contains(text, "Pay from your wallet") {
		t.Errorf("a live page: %s", text)
	}
	tried := func(number string) (r reply) {
		waitFor(t, "a turn", func() bool {
			r = s.send(number, "8371")
			return r.status != http.StatusTooManyRequests
		})
		return r
	}
	tried("01812345678").refused(t, "The number or the PIN is not right", "01812345678", "8371") // it holds what is only played with
	var held atomic.Int64
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			if r := (sheet{d, s.page, maps.Clone(s.fields)}).again(); r.status == http.StatusTooManyRequests && r.header.Get("Retry-After") != "" {
				held.Add(1)
			}
		})
	}
	all.Wait()
	if held.Load() == 0 {
		t.Error("30 guesses at once were all looked at")
	}
	s.paid(t, tried("01712345678"))
	if left := rich.has("BDT"); left != 2_000_00-1234_50 {
		t.Errorf("the wallet has %d", left)
	}
	if code := served.stop(); code != 0 {
		t.Errorf("it ended with %d: %s", code, served.logs)
	}
	proveClean(t, dsn)
}

func TestDoctorTellsOfLivePagesThatNobodyCanPayOn(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		newSecrets(t)
		mustRun(t, "migrate", "--database", dsn)
		owner := mustRun(t, "merchant", "create", "Padma", "--mode", "live", "--currencies", "BDT", "--database", dsn)
		look := func() diagnosis {
			return doctor(t, soundMachine(), doctorCmd{databaseFlag: databaseFlag{dsn}, Only: []string{"merchants"}})
		}
		mustRun(t, "merchant", "key", owner, "native", "--database", dsn)
		expect(t, look(), "merchants", good) // it may well have bills alone
		mustRun(t, "merchant", "key", owner, "aspay", "--database", dsn)
		expect(t, look(), "pages", warn)
		mustRun(t, "merchant", "set", owner, "--rails", "wallet", "--database", dsn)
		expect(t, look(), "merchants", good)
	})
}
