package billpay

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sarraf/fault"
	"sarraf/rail"
)

func TestBadDataIsInvalidAndDoesNothing(t *testing.T) {
	h := newHouse(t, rail.Profile{})
	h.has(bill())
	both := []string{
		``, `{`, `[]`, `null`, `"x"`, `{"consumer_number":}`, "\xff", `{"consumer_number":"` + psid + `","consumer_number":"` + psid + `"}`,
		strings.Repeat("[", 10_000), strings.Repeat(" ", maxBody+1), `{"reserved":"` + strings.Repeat("x", maxBody) + `"}`,
	}
	var payments []string
	for _, f := range []struct {
		name   string
		shared bool // an inquiry has it too
		bad    []string
	}{
		{fieldConsumer, true, []string{
			``, `null`, `""`, `"   "`, psid, `true`, `[]`, `{}`, `"12345678901234567890123456"`, `"10011900000000000000001x"`, `"١٠٠١١٩"`,
			`"+1"`, `"1 2"`, `"-100119"`, `"` + psid + `\u0000"`, `"` + psid + `\n"`,
		}},
		{fieldMnemonic, true, []string{`7`, `"NINECHARS"`, `"H B"`, `"H\u0000"`, `"بینک"`}},
		{fieldMnemonic, false, []string{``, `null`, `""`}},
		{fieldReserved, true, []string{
			`7`, `{}`, `"` + strings.Repeat("x", 401) + `"`, `"` + strings.Repeat(" ", 401) + `"`, `"a\u0000"`, `"a\u202eb"`,
		}},
		{fieldAuth, false, []string{``, `null`, `""`, `123456`, `"12345"`, `"1234567"`, `"12345a"`, `"１２３４５６"`, `["123456"]`}},
		{fieldAmount, false, []string{
			``, `null`, `""`, `250000`, `"250000"`, `"2500.00"`, `"0000000250000"`, `"+000000250000"`, `"+00000000250000"`, `"00000000250000"`,
			`"0000002500.0"`, `"+-000000250000"`, `"+000000025000a"`, `"1e0000000005"`, `true`,
		}},
		{fieldDate, false, []string{
			``, `null`, `20260209`, `"2026029"`, `"20261301"`, `"20260230"`, `"20260200"`, `"20260029"`, `"09-02-26"`, `"00000000"`,
		}},
		{fieldTime, false, []string{``, `null`, `213000`, `"2130"`, `"240000"`, `"216000"`, `"213060"`, `"21:30:"`}},
	} {
		for _, value := range f.bad {
			if f.shared {
				both = append(both, paying(f.name, value))
			} else {
				payments = append(payments, paying(f.name, value))
			}
		}
	}
	for _, body := range both {
		h.says("inquiry: "+cut(body), h.post(inquiryPath, body), nothing("04"))
	}
	for _, body := range append(both, payments...) {
		h.says("payment: "+cut(body), h.post(paymentPath, body), said("04", ""))
	}
	if len(h.core.seen) != 0 {
		t.Errorf("%d payments reached the core: %+v", len(h.core.seen), h.core.seen[0])
	}
	h.says("a good one after all that", h.pay(), said("00", "00000000000000000001"))
}

func cut(s string) string { return s[:min(len(s), 200)] }

func TestBodyInAnotherCodingIsInvalid(t *testing.T) {
	h := newHouse(t, rail.Profile{})
	h.has(bill())
	h.says("gzip", h.post(paymentPath, paying(), func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }), said("04", ""))
	h.says("no content type", h.post(paymentPath, paying(), func(r *http.Request) { r.Header.Del("Content-Type") }), said("00", "00000000000000000001"))
}

func TestLongestHonestRequestIsTaken(t *testing.T) {
	h := newHouse(t, rail.Profile{EchoReserved: true})
	h.has(bill())
	reserved := `"` + strings.Repeat(`\ud83d\udcb8`, 400) + `"`
	w := h.pay("reserved", reserved, "bank_mnemonic", `"ABCDEFGH"`)
	h.says("400 characters", w, `{"response_Code":"00","identification_parameter":"00000000000000000001","reserved":"`+strings.Repeat("💸", 400)+`"}`)
}

func TestAmountIsJudgedByTheBanksTimeWhereThatIsCredible(t *testing.T) {
	// The due date ends at 19:00 UTC on the 10th, which is midnight in Karachi.
	midnight := time.Date(2026, 2, 10, 19, 0, 0, 0, time.UTC)
	for what, c := range map[string]struct {
		now        time.Time
		date, time string
		late       bool
	}{
		"on the day":                         {midnight.Add(-time.Hour), "20260210", "230000", false},
		"a moment before midnight":           {midnight.Add(-time.Second), "20260210", "235959", false},
		"paid at 23:59, told at 00:00":       {midnight, "20260210", "235900", false},
		"told 14 minutes later":              {midnight.Add(14 * time.Minute), "20260210", "235959", false},
		"told exactly 15 minutes later":      {midnight.Add(14*time.Minute + 59*time.Second), "20260210", "235959", false},
		"told more than 15 minutes later":    {midnight.Add(15 * time.Minute), "20260210", "235959", true},
		"told within the same 15 minutes":    {midnight.Add(14*time.Minute + 59*time.Second + time.Microsecond), "20260210", "235959", true},
		"dated back a day":                   {midnight.Add(time.Hour), "20260209", "230000", true},
		"at midnight":                        {midnight, "20260211", "000000", true},
		"the bank's clock is ahead":          {midnight.Add(-time.Minute), "20260211", "000100", false},
		"the bank's clock is a second ahead": {midnight.Add(-time.Millisecond), "20260211", "000000", false},
		"the bank's year is another":         {midnight.Add(-time.Minute), "19700101", "000000", false},
	} {
		for late, amount := range map[bool]string{false: `"000000250000"`, true: `"000000275000"`} {
			h := newHouse(t, rail.Profile{})
			h.has(bill())
			h.clock.Set(c.now)
			want := said("02", "")
			if late == c.late {
				want = said("00", "00000000000000000001")
			}
			h.says(what, h.pay("tran_date", `"`+c.date+`"`, "tran_time", `"`+c.time+`"`, "transaction_amount", amount), want)
		}
	}
}

func TestNoTwoPaymentsHaveOneReference(t *testing.T) {
	digits := func(n int) *rapid.Generator[string] { return rapid.StringOfN(rapid.RuneFrom([]rune("01")), n, n, n) }
	one := rapid.Custom(func(t *rapid.T) [6]string {
		return [6]string{
			rapid.StringMatching(`[ab-]{1,3}`).Draw(t, "channel"), rapid.StringMatching(`[a/%2F-]{1,8}`).Draw(t, "bank"),
			digits(psidDigits).Draw(t, "psid"), digits(authDigits).Draw(t, "auth"), digits(dateDigits).Draw(t, "date"), digits(timeDigits).Draw(t, "time"),
		}
	})
	reference := func(k [6]string) string {
		return paymentRequest{mnemonic: k[1], auth: k[3], date: k[4], time: k[5]}.reference(k[0], k[2])
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := one.Draw(t, "a"), one.Draw(t, "b")
		if rapid.Bool().Draw(t, "differ in one place") {
			i, own := rapid.IntRange(0, 5).Draw(t, "place"), b
			b = a
			b[i] = own[i]
		}
		if (a == b) != (reference(a) == reference(b)) {
			t.Fatalf("%q and %q: %s and %s", a, b, reference(a), reference(b))
		}
		if got := authOf(reference(a)); got != a[3] {
			t.Fatalf("the bank's id in %s is %q", reference(a), got)
		}
	})
	for _, odd := range []string{"", "x", "a/b/c/d/e/f", "a/b/c/12345x/e/f", "a/b/c/123456/e/f/g", "a/b/c/1234567/e/f"} {
		if got := authOf(odd); got != "" {
			t.Errorf("%q: %q", odd, got)
		}
	}
}

func TestEveryFaultHasACodeOfItsOperation(t *testing.T) {
	known := map[operation]map[string]bool{
		inquiry: {codeMissing: true, codeBlocked: true, codeSystem: true, codeInvalid: true},
		payment: {codeMissing: true, codeBlocked: true, codeInvalid: true, codeFailed: true},
	}
	for _, c := range fault.Codes() {
		for o, codes := range known {
			f := fault.New(c)
			got := codeOf(o, f)
			if !codes[got] {
				t.Errorf("%s at %s: %s", c, o, got)
			}
			switch f.Kind() {
			case fault.Internal, fault.Unavailable, fault.Limited:
				if want := map[operation]string{inquiry: codeSystem, payment: codeFailed}[o]; got != want {
					t.Errorf("%s at %s: %s, want %s: it is no word about the bill", c, o, got, want)
				}
			}
		}
	}
}
