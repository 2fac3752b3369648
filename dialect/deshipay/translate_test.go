package deshipay

import (
	"testing"
	"time"

	"sarraf/internal/httpx"
	"sarraf/money"
	"sarraf/wallet"
)

func TestAmountsPrintAsTheirEndpointPrintsThem(t *testing.T) {
	for _, c := range []struct {
		minor      int64
		long, code string
	}{
		{1000, "৳10.00", "৳10"},
		{1050, "৳10.50", "৳10.50"},
		{0, "৳0.00", "৳0"},
		{12210514, "৳122,105.14", "৳122,105.14"},
		{5, "৳0.05", "৳0.05"},
		{12210500, "৳122,105.00", "৳122,105"},
	} {
		if long, code := manual.amount(c.minor), byQR.amount(c.minor); long != c.long || code != c.code {
			t.Errorf("%d: %s and %s", c.minor, long, code)
		}
	}
}

func TestTimesPrintInDhaka(t *testing.T) {
	for at, want := range map[string][2]string{
		"2025-02-19T05:33:59Z": {"19 February, 2025", "11:33 AM"},
		"2025-02-19T07:27:00Z": {"19 February, 2025", "01:27 PM"},
		"2025-12-31T18:00:00Z": {"01 January, 2026", "12:00 AM"},
	} {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if d, h := date(moment), hour(moment); d != want[0] || h != want[1] {
			t.Errorf("%s is %s, %s", at, d, h)
		}
	}
}

func TestAConsumersNumberIsForTheHolderAndWhoTypedIt(t *testing.T) {
	const number = "+8801712345678"
	for _, c := range []struct {
		kind  wallet.Kind
		typed bool
		want  string
	}{
		{wallet.Merchant, false, number},
		{wallet.Merchant, true, number},
		{wallet.Consumer, true, number},
		{wallet.Consumer, false, "+88017*****678"},
		{"", false, "+88017*****678"},
	} {
		if got := shown(number, c.kind, c.typed); got != c.want {
			t.Errorf("%s, typed %t: %s", c.kind, c.typed, got)
		}
	}
}

func TestLimitsThatAreNotThereAreNull(t *testing.T) {
	l := limitOf("payment", wallet.Rule{Max: 5000, Daily: 100, Fee: money.Schedule{PPM: 18_500, Max: 700}}, wallet.Usage{Today: 150, ThisMonth: 300})
	if l.MinimumAmount != nil || l.MonthlyLimit != nil || l.MonthlyRemaining != nil || l.Fee.Minimum != nil {
		t.Errorf("%+v", l)
	}
	if *l.MaximumAmount != "৳50.00" || *l.DailyRemaining != "৳0.00" || l.DailyUsed != "৳1.50" || l.MonthlyUsed != "৳3.00" || l.Fee.Percent != "1.85" ||
		*l.Fee.Maximum != "৳7.00" {
		t.Errorf("%+v", l)
	}
	for ppm, want := range map[int64]string{0: "0", 10_000: "1", 1: "0.0001", 1_000_000: "100", 100_500: "10.05"} {
		if got := percent(ppm); got != want {
			t.Errorf("%d: %s", ppm, got)
		}
	}
}

// fields reads a JSON body.
func fields(t testing.TB, body string) httpx.Fields {
	t.Helper()
	f, err := httpx.ParseFields("application/json", []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestNumbersAreReadInEverySpelling(t *testing.T) {
	for _, text := range []string{
		`"+8801712345678"`, `"01712345678"`, `"8801712345678"`, `"+880 1712-345678"`, `"008801712345678"`, `" 01712 345 678 "`,
		`"০১৭১২৩৪৫৬৭৮"`, `8801712345678`, `1712345678`, `"(0)1712-345678"`,
	} {
		if got, wrong := readNumber(fields(t, `{"mobile_number":`+text+`}`), fieldMobile); wrong != nil || got != "+8801712345678" {
			t.Errorf("%s: %s, %v", text, got, wrong)
		}
	}
	for _, text := range []string{`""`, `null`, `"+88017xxxxxxxx"`, `"17"`, `true`, `[]`, `"017123456789012"`, `"01712345678\u0000"`} {
		if got, wrong := readNumber(fields(t, `{"mobile_number":`+text+`}`), fieldMobile); wrong == nil || wrong.Field != fieldMobile {
			t.Errorf("%s: %s, %v", text, got, wrong)
		}
	}
}
