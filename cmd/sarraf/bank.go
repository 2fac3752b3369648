package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/money"
	"sarraf/rail/billpay/bank"
)

// bankCmd plays a member bank against a running Sarraf, for developers.
type bankCmd struct {
	Inquire bankInquire `cmd:"" help:"Ask for a bill by its PSID, as a bank's app does."`
	Pay     bankPay     `cmd:"" help:"Report that a bill was paid, well or badly."`
}

// bankFlags are how the bank reaches the biller.
type bankFlags struct {
	URL      string `default:"http://127.0.0.1:8080" env:"SARRAF_BANK_URL" help:"Where Sarraf serves."`
	Channel  string `env:"SARRAF_BANK_CHANNEL" help:"The channel's id, the segment of its path."`
	Username string `env:"SARRAF_BANK_USERNAME" help:"The channel's user name. Its password comes by SARRAF_BANK_PASSWORD, or the file that SARRAF_BANK_PASSWORD_FILE names."`
	Demo     string `env:"SARRAF_BANK_DEMO" help:"A file with the line that sarraf demo --json prints: it has all of these."`
	Mnemonic string `default:"SIM" help:"The bank's short name."`
	Base     string `default:"/api/1.0/Payments" help:"The path before the operation, as this member spells it."`
	Signed   bool   `help:"Send amounts with their sign, in 14 characters."`
}

// bank is the bank that the flags describe.
func (f bankFlags) bank() (*bank.Bank, error) {
	password, err := secretFrom("SARRAF_BANK_PASSWORD")
	if err != nil {
		return nil, err
	}
	if f.Demo != "" {
		var line struct {
			URL     string `json:"url"`
			BillPay struct {
				Channel  string `json:"channel"`
				Username string `json:"username"`
				Password string `json:"password"`
			} `json:"billpay"`
		}
		found, err := readJSON(f.Demo, &line)
		switch {
		case err != nil:
			return nil, err
		case !found || line.URL == "" || line.BillPay.Channel == "":
			return nil, usage("%s does not hold the line of a demo: write it with sarraf demo --json > %s", f.Demo, f.Demo)
		}
		f.URL, f.Channel = line.URL, cmp.Or(f.Channel, line.BillPay.Channel)
		f.Username, password = cmp.Or(f.Username, line.BillPay.Username), cmp.Or(password, line.BillPay.Password)
	}
	switch {
	case f.Channel == "":
		return nil, usage("say which channel: --channel, or --demo with a demo's line")
	case f.Username == "" || password == "":
		return nil, usage("give --username, and the password by SARRAF_BANK_PASSWORD or SARRAF_BANK_PASSWORD_FILE")
	}
	return &bank.Bank{
		URL: strings.TrimRight(f.URL, "/") + "/billpay/" + f.Channel, Username: f.Username, Password: password, Mnemonic: f.Mnemonic,
		Base: f.Base, Signed: f.Signed,
	}, nil
}

// bankInquire asks for a bill.
type bankInquire struct {
	bankFlags
	PSID string `arg:"" name:"psid" help:"The bill's number."`
}

func (c bankInquire) Run(ctx context.Context, s streams) error {
	b, err := c.bank()
	if err != nil {
		return err
	}
	bill, err := b.Inquire(ctx, c.PSID)
	if err != nil {
		return err
	}
	tellBill(s, bill)
	if bill.Code != "00" {
		return errFound
	}
	return nil
}

// tellBill prints an inquiry's answer in words.
func tellBill(s streams, b bank.Bill) {
	fmt.Fprintf(s.out, "inquiry: %s, %s\n", b.Code, b.Meaning())
	if b.Code != "00" {
		return
	}
	within, after := money.Of(b.Within, money.PKR).Decimal(), money.Of(b.After, money.PKR).Decimal()
	fmt.Fprintf(s.out, "  for      %s\n", b.Detail)
	fmt.Fprintf(s.out, "  asks     %s until %s, %s after that\n", within, b.DueDate, after)
	if b.Status == "P" {
		fmt.Fprintf(s.out, "  paid     %s on %s, id %s\n", b.AmountPaid, b.DatePaid, cmp.Or(b.AuthID, "of another way"))
	}
}

// bankPay reports payments.
type bankPay struct {
	bankFlags
	PSID       string `arg:"" name:"psid" help:"The bill's number."`
	Amount     string `help:"Rupees, as 2500.00; by default what the bill asks for at the time of the payment."`
	At         string `help:"When it was paid, in Karachi, as 2026-02-09T23:59:00; by default now."`
	Repeat     int    `default:"0" help:"Send the same payment so many times more."`
	LoseAnswer bool   `help:"Cut the connection once the payment is sent, and ask again."`
	Banks      int    `default:"1" help:"So many banks pay the bill in the same instant."`
}

func (c bankPay) Run(ctx context.Context, s streams) error {
	b, err := c.bank()
	if err != nil {
		return err
	}
	if c.Banks < 1 || c.Banks > 100 || c.Repeat < 0 || c.Repeat > 1000 {
		return usage("--banks is 1 to 100, --repeat 0 to 1000")
	}
	at, minor, err := c.order(ctx, b, s)
	if err != nil {
		return err
	}
	attempts := make([]bank.Attempt, c.Banks)
	for i := range attempts {
		attempts[i] = bank.Attempt{Bank: b, Payment: b.NewPayment(c.PSID, minor, at)}
		if i > 0 {
			attempts[i].Bank = &bank.Bank{
				URL: b.URL, Username: b.Username, Password: b.Password, Mnemonic: fmt.Sprintf("%.5s%d", b.Mnemonic, i+1), Base: b.Base, Signed: b.Signed,
			}
		}
	}
	if c.LoseAnswer {
		for _, a := range attempts {
			err := a.Bank.PayUnheard(ctx, a.Payment, bank.HangUp)
			if !errors.Is(err, bank.ErrLost) {
				return err
			}
			fmt.Fprintf(s.out, "%-8s %s paid with id %s: the answer was lost\n", a.Bank.Mnemonic, c.PSID, a.Payment.AuthID)
		}
	}
	taken := false
	for range c.Repeat + 1 {
		bank.Together(ctx, attempts)
		for _, a := range attempts {
			if a.Err != nil {
				return a.Err
			}
			fmt.Fprintf(s.out, "%-8s %s paid with id %s: %s, %s%s\n", a.Bank.Mnemonic, c.PSID, a.Payment.AuthID, a.Receipt.Code, a.Receipt.Meaning(),
				receiptWords(a.Receipt))
			taken = taken || a.Receipt.Parameter != ""
		}
	}
	if !taken {
		return errFound
	}
	return nil
}

func receiptWords(r bank.Receipt) string {
	if r.Parameter == "" {
		return ""
	}
	return ", receipt " + r.Parameter
}

// order is when the payment is made and how much it brings, in minor units. What nobody said is asked of the biller.
func (c bankPay) order(ctx context.Context, b *bank.Bank, s streams) (at time.Time, minor int64, err error) {
	at = clock.System{}.Now()
	if c.At != "" {
		if at, err = time.ParseInLocation("2006-01-02T15:04:05", c.At, clock.In(at, "Asia/Karachi").Location()); err != nil {
			return at, 0, usage("--at: want a time as 2026-02-09T23:59:00, not %q", c.At)
		}
	}
	if c.Amount != "" {
		amount, err := money.Parse(c.Amount, money.PKR, money.Plain)
		if err != nil {
			return at, 0, usage("--amount: want rupees as 2500.00, not %q (%s)", c.Amount, fault.First(err).Code)
		}
		return at, amount.Minor, nil
	}
	bill, err := b.Inquire(ctx, c.PSID)
	if err != nil {
		return at, 0, err
	}
	tellBill(s, bill)
	if bill.Code != "00" {
		return at, 0, errFound
	}
	if minor = bill.Asked(at); minor == 0 {
		return at, 0, usage("this bill takes any amount: say how much with --amount")
	}
	return at, minor, nil
}
