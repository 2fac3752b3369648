package main

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"sarraf/dialect/deshipay"
	"sarraf/dialect/dialecttest"
	"sarraf/internal/storetest"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
	"sarraf/wallet"
)

// deshi asks DeshiPay's door; a body is posted.
func (d *demo) deshi(path, body, token string) reply {
	d.t.Helper()
	if token == "" {
		return d.ask("/api/v1"+path, body)
	}
	return d.ask("/api/v1"+path, body, "Authorization", "Bearer "+token)
}

// signIn signs a holder of the demo's line in.
func (d *demo) signIn(who demoHolder) string {
	d.t.Helper()
	r := d.deshi("/auth/signin", fmt.Sprintf(`{"mobile_number":%q,"pin":%q}`, who.MobileNumber, who.PIN), "")
	data, _ := r.json["data"].(map[string]any)
	token, _ := data["token"].(string)
	if r.status != http.StatusOK || token == "" {
		d.t.Fatalf("sign in: %d %s", r.status, r.text)
	}
	return token
}

// balanceOf is the balance of who has the token, as it is printed.
func (d *demo) balanceOf(token string) string {
	d.t.Helper()
	data, _ := d.deshi("/private/user/profile", "", token).json["data"].(map[string]any)
	return fmt.Sprint(data["balance"])
}

var sentCode = regexp.MustCompile(`text="[^"]*\b([0-9]{6})\b`)

// codeOf is the newest code that was sent to a number, from the log.
func (d *demo) codeOf(number string) string {
	code := ""
	for line := range strings.Lines(d.logs.String()) {
		if found := sentCode.FindStringSubmatch(line); found != nil && strings.Contains(line, number) {
			code = found[1]
		}
	}
	return code
}

// Every documented request and answer of the guide, and every example of the page, against the whole program over HTTP.
func TestDeshiPaysGuidesHoldAgainstTheProgram(t *testing.T) {
	d := startDemo(t, storetest.URL(t, store.SQLite))
	stories := 0
	open := func(t *testing.T) dialecttest.Target {
		stories++
		purses := dialecttest.NewWallets(d.app.wallets, d.app.db.Clock())
		vars := purses.Cast(t, d.owner())
		vars["run"], vars["TOKEN"] = fmt.Sprint(stories), d.signIn(demoHolder{vars["sender"], vars["pin"]})
		actions := purses.Actions()
		actions["code"] = func(_ context.Context, args []string, _ string) (dialecttest.Answer, error) {
			return dialecttest.Answer{Status: http.StatusOK, Body: fmt.Appendf(nil, `{"code":%q}`, d.codeOf(args[0]))}, nil
		}
		return dialecttest.Target{URL: d.line.URL, Vars: vars, Actions: actions}
	}
	dialecttest.Run(t, "../../dialect/deshipay/testdata", open)
	t.Run("page", func(t *testing.T) { dialecttest.Page(t, "../../dialect/deshipay/README.md", open) })
}

func TestTheDemosPeopleHaveMoneyAndItsShopIsTheMerchants(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		for _, who := range d.line.DeshiPay.Consumers {
			if has := d.balanceOf(d.signIn(who)); has != "৳122,115.14" {
				t.Errorf("%s has %s", who.MobileNumber, has)
			}
		}
		shop, err := d.app.wallets.ByNumber(t.Context(), d.line.DeshiPay.Merchant.MobileNumber)
		if err != nil || shop.Merchant != d.owner() || shop.Kind != wallet.Merchant || shop.Name != "Nokshi Store" {
			t.Errorf("%+v, %v", shop, err)
		}
		payer := d.line.DeshiPay.Consumers[0]
		token := d.signIn(payer)
		r := d.deshi("/private/transaction/manual-payment/execute", fmt.Sprintf(`{"receiver_mobile_number":%q,"amount":10,"pin":%q}`, shop.Number, payer.PIN), token)
		if r.status != http.StatusOK || !strings.Contains(r.text, `"new_balance":"৳122,105.14"`) {
			t.Errorf("%d %s", r.status, r.text)
		}
		d.stop()
		again := startDemo(t, dsn)
		if again.line.DeshiPay != d.line.DeshiPay {
			t.Errorf("%+v, then %+v", d.line.DeshiPay, again.line.DeshiPay)
		}
		if has := again.balanceOf(token); has != "৳122,105.14" { // the token is as good as before
			t.Errorf("after a restart there is %s", has)
		}
		if has := again.balanceOf(again.signIn(again.line.DeshiPay.Merchant)); has != "৳10.00" {
			t.Errorf("the shop has %s", has)
		}
		again.stop()
		proveClean(t, dsn)
	})
}

// Whatever a first start has made before it was cut off, the second takes over.
func TestWalletsOfAFirstStartThatWasCutShortAreTakenOver(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		other, err := d.app.merchants.Create(t.Context(), demoActor, merchant.Merchant{Name: "Later", Mode: merchant.Sandbox, Currencies: []money.Currency{money.BDT}})
		if err != nil {
			t.Fatal(err)
		}
		line, err := settleWallets(t.Context(), d.app, demoActor, other.Owner)
		if err != nil {
			t.Fatal(err)
		}
		for i, who := range line.Consumers {
			if has := d.balanceOf(d.signIn(who)); has != "৳122,115.14" || who.MobileNumber != d.line.DeshiPay.Consumers[i].MobileNumber {
				t.Errorf("%s has %s", who.MobileNumber, has)
			}
		}
		shop, err := d.app.wallets.ByNumber(t.Context(), line.Merchant.MobileNumber)
		if err != nil || shop.Merchant != other.Owner {
			t.Errorf("%+v, %v", shop, err)
		}
		d.stop()
		proveClean(t, dsn)
	})
}

// The credentials of a demo that was kept before there were wallets are completed, and all others stay.
func TestAKeptDemoWithoutWalletsGetsThem(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		d := startDemo(t, dsn)
		d.stop()
		path, err := besideDatabase(dsn, "demo")
		if err != nil {
			t.Fatal(err)
		}
		var kept demoFile
		if _, err := readJSON(path, &kept); err != nil {
			t.Fatal(err)
		}
		kept.Line.DeshiPay = demoDeshiPay{}
		if err := writeJSON(path, kept); err != nil {
			t.Fatal(err)
		}
		again := startDemo(t, dsn)
		if again.line.Native != d.line.Native {
			t.Errorf("%+v, then %+v", d.line, again.line)
		}
		if has := again.balanceOf(again.signIn(again.line.DeshiPay.Consumers[2])); has != "৳122,115.14" {
			t.Errorf("there is %s", has)
		}
	})
}

func TestDeshiPayCanBeSwitchedOff(t *testing.T) {
	dsn := storetest.URL(t, store.SQLite)
	newSecrets(t)
	mustRun(t, "migrate", "--database", dsn)
	for _, c := range []struct {
		args   []string
		status int
	}{{nil, http.StatusUnauthorized}, {[]string{"--off", deshipay.Name}, http.StatusNotFound}} {
		s := startServe(t, dsn, c.args...)
		d := &demo{t: t, app: s.app, line: demoLine{URL: "http://" + s.app.address}}
		if r := d.deshi("/private/user/profile", "", ""); r.status != c.status {
			t.Errorf("%v: %d %s", c.args, r.status, r.text)
		}
		s.stop()
	}
}

// Whoever tries more often than may be from one address has to wait, at every door into a wallet.
func TestSignInsAreBoundedByAddress(t *testing.T) {
	dsn := storetest.URL(t, store.SQLite)
	newSecrets(t)
	mustRun(t, "migrate", "--database", dsn)
	s := startServe(t, dsn, "--sign-ins-per-address", "2")
	d := &demo{t: t, app: s.app, line: demoLine{URL: "http://" + s.app.address}}
	statuses := map[int]int{}
	for n := range 20 {
		path := []string{"/auth/signin", "/auth/signup"}[n%2]
		r := d.deshi(path, `{"mobile_number":"01712345678"}`, "")
		statuses[r.status]++
		if r.status == http.StatusTooManyRequests && (r.header.Get("Retry-After") == "" || !strings.Contains(r.text, `"messages":["Too Many Attempts."]`)) {
			t.Errorf("%v %s", r.header, r.text)
		}
	}
	if statuses[http.StatusTooManyRequests] == 0 || statuses[http.StatusUnprocessableEntity] < 2 {
		t.Errorf("%v", statuses)
	}
}
