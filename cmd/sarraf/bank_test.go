package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sarraf/internal/storetest"
	"sarraf/invoice"
	"sarraf/store"
)

// line writes a demo's line that leads to the house, and answers its file.
func (h *billHouse) line() string {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "demo.json")
	text, err := json.Marshal(map[string]any{"url": h.nodes[0].server.URL, "billpay": map[string]string{
		"channel": "switch", "username": "switch", "password": "password",
	}})
	h.must(err)
	h.must(os.WriteFile(file, text, 0o600))
	return file
}

// masked is what a command printed, with the ids of payments and receipts made alike.
func masked(text string) string {
	text = regexp.MustCompile(`id [0-9]{6}`).ReplaceAllString(text, "id N")
	return regexp.MustCompile(`receipt [0-9]+`).ReplaceAllString(text, "receipt N")
}

func TestBankSaysWhatItWasTold(t *testing.T) {
	h := newBillHouse(t, storetest.URL(t, store.SQLite), 1, nil)
	file, now := h.line(), time.Now()
	due := now.Add(7*24*time.Hour - time.Microsecond).In(time.FixedZone("", 5*3600)).Format("20060102")
	demand := "inquiry: 00, done\n  for      School fee\n  asks     2500.00 until " + due + ", 2600.00 after that\n"
	bills := make([]string, 6)
	for i := range bills {
		bills[i] = h.issued(i, 2500_00).PSID
	}
	code := h.demand("anybody", 0)
	code.Invoice.Kind, code.Invoice.LateAmount, code.Invoice.LateFrom = invoice.Static, 0, time.Time{}
	made, err := h.nodes[0].invoices.CreateBill(t.Context(), code, nil)
	h.must(err)
	nobody := strings.Repeat("9", 24)
	for _, c := range []struct {
		args []string
		exit int
		want string
	}{
		{[]string{"inquire", bills[0]}, 0, demand},
		{[]string{"inquire", nobody}, 1, "inquiry: 01, not found, expired or not payable\n"},
		{[]string{"inquire", "12x"}, 1, "inquiry: 04, invalid data or credentials\n"},
		{[]string{"pay", nobody}, 1, "inquiry: 01, not found, expired or not payable\n"},
		{[]string{"pay", bills[0], "--amount", "1.00"}, 1, "SIM      PSID paid with id N: 02, blocked, or a zero or wrong amount\n"},
		{
			[]string{"pay", bills[0], "--repeat", "1"}, 0, demand + "SIM      PSID paid with id N: 00, done, receipt N\n" +
				"SIM      PSID paid with id N: 03, duplicate: this payment was recorded before, receipt N\n",
		},
		{[]string{"pay", bills[0], "--amount", "2500"}, 1, "SIM      PSID paid with id N: 06, already paid\n"},
		{
			[]string{"pay", bills[1], "--signed", "--base", "/api/v1", "--at", "2020-02-09T23:59:00"},
			0,
			demand + "SIM      PSID paid with id N: 00, done, receipt N\n",
		},
		{[]string{"pay", made.Invoice.PSID, "--amount", "7.50", "--mnemonic", "HBL"}, 0, "HBL      PSID paid with id N: 00, done, receipt N\n"},
	} {
		exit, out, errs := command(t, append([]string{"bank", c.args[0], "--demo", file}, c.args[1:]...)...)
		if got := strings.ReplaceAll(masked(out), c.args[1], "PSID"); exit != c.exit || got != c.want || errs != "" {
			t.Errorf("%v: status %d\n%s%swant status %d\n%s", c.args, exit, got, errs, c.exit, c.want)
		}
	}
	if exit, out, _ := command(t, "bank", "pay", "--demo", file, bills[2], "--banks", "3"); exit != 0 ||
		strings.Count(out, ": 00, done, receipt ") != 1 || strings.Count(out, ": 06, already paid") != 2 || !strings.Contains(out, "SIM3 ") {
		t.Errorf("three banks: status %d\n%s", exit, out)
	}
	if exit, out, _ := command(t, "bank", "pay", "--demo", file, bills[3], "--lose-answer"); exit != 0 ||
		!strings.Contains(out, ": the answer was lost\n") || !strings.Contains(out, ", receipt ") {
		t.Errorf("a lost answer: status %d\n%s", exit, out)
	}
	if exit, _, errs := command(t, "bank", "pay", "--demo", file, made.Invoice.PSID); exit != exitUsage || !strings.Contains(errs, "--amount") {
		t.Errorf("a code without an amount: status %d, %s", exit, errs)
	}
	exit, out, _ := command(t, "bank", "inquire", "--demo", file, bills[0])
	if exit != 0 || !regexp.MustCompile(`(?m)^  paid     000000250000 on [0-9]{8}, id [0-9]{6}$`).MatchString(out) {
		t.Errorf("a paid bill: status %d\n%s", exit, out)
	}
	h.proveClean()
}

func TestBankFindsItsCredentialsOrSaysWhichItNeeds(t *testing.T) {
	h := newBillHouse(t, storetest.URL(t, store.SQLite), 1, nil)
	psid := h.issued(0, 2500_00).PSID
	secret := filepath.Join(t.TempDir(), "password")
	h.must(os.WriteFile(secret, []byte("password\n"), 0o600))
	empty := filepath.Join(t.TempDir(), "empty.json")
	h.must(os.WriteFile(empty, []byte("{}"), 0o600))
	at := []string{"--url", h.nodes[0].server.URL + "/"}
	if exit, _, errs := command(t, append([]string{"bank", "inquire", psid}, at...)...); exit != exitUsage || !strings.Contains(errs, "--channel") {
		t.Errorf("no channel: status %d, %s", exit, errs)
	}
	at = append(at, "--channel", "switch", "--username", "switch")
	if exit, _, errs := command(t, append([]string{"bank", "inquire", psid}, at...)...); exit != exitUsage || !strings.Contains(errs, "SARRAF_BANK_PASSWORD_FILE") {
		t.Errorf("no password: status %d, %s", exit, errs)
	}
	t.Setenv("SARRAF_BANK_PASSWORD_FILE", secret)
	if exit, out, errs := command(t, append([]string{"bank", "inquire", psid}, at...)...); exit != 0 {
		t.Errorf("a password in a file: status %d, %s%s", exit, out, errs)
	}
	t.Setenv("SARRAF_BANK_PASSWORD", "wrong")
	if exit, out, _ := command(t, append([]string{"bank", "inquire", psid}, at...)...); exit != exitFailed || !strings.Contains(out, "04, invalid data or credentials") {
		t.Errorf("a wrong one: status %d, %s", exit, out)
	}
	for _, args := range [][]string{
		{"--demo", empty},
		{"--demo", empty + ".none"},
		append([]string{"--banks", "0"}, at...),
		append([]string{"--repeat=-1"}, at...),
		append([]string{"--at", "yesterday"}, at...),
		append([]string{"--amount", "much"}, at...),
	} {
		if exit, out, errs := command(t, append([]string{"bank", "pay", psid}, args...)...); exit != exitUsage || errs == "" || out != "" {
			t.Errorf("%v: status %d, %s%s", args, exit, out, errs)
		}
	}
	if exit, _, errs := command(t, "bank", "pay", psid, "--url", "http://127.0.0.1:1", "--channel", "switch", "--username", "switch", "--lose-answer",
		"--amount", "1"); exit != exitFailed || !strings.Contains(errs, "could not be sent") {
		t.Errorf("nobody there: status %d, %s", exit, errs)
	}
}
