package deshipay

import (
	"strconv"
	"strings"
	"time"

	"sarraf/internal/clock"
	"sarraf/money"
	"sarraf/phone"
	"sarraf/wallet"
)

// zone is where times are printed, and where the days of limits begin.
const zone = "Asia/Dhaka"

// locale is how amounts are written: the taka sign before the number, and commas between thousands.
const locale money.Locale = "en-BD"

// taka is an amount of paisa with its decimals.
func taka(minor int64) string { return money.Of(minor, money.BDT).Display(locale) }

// amount is an amount as it prints in this manner: in a manual payment with its decimals always, by QR code without when they are zero.
func (m manner) amount(minor int64) string {
	if m == byQR {
		return money.Of(minor, money.BDT).DisplayShort(locale)
	}
	return taka(minor)
}

// date and hour are a time as receipts print it.
func date(t time.Time) string { return clock.In(t, zone).Format("02 January, 2006") }
func hour(t time.Time) string { return clock.In(t, zone).Format("03:04 PM") }

// shown is a number for another's eyes: a merchant's is known to all, and so is a consumer's to who typed it.
func shown(number string, kind wallet.Kind, typed bool) string {
	if typed || kind == wallet.Merchant {
		return number
	}
	return phone.Number(number).Mask()
}

// nature is what every summary calls itself.
const nature = "Transfer"

// quotedOf is the summary of a quote.
func (d *Dialect) quotedOf(got wallet.Quote, q payment, m manner) quoted {
	to := got.Receiver
	return quoted{
		NatureOfTransaction: nature,
		Recipient: recipient{
			Name: to.Name, MobileNumber: shown(to.Number, to.Kind, q.number != ""), Avatar: d.Pictures.AvatarURL(to),
		},
		Amount: m.amount(got.Amount.Minor), Charge: m.amount(got.Fee.Minor), TotalPayable: m.amount(got.Total.Minor),
	}
}

// receiptOf is the summary of a transfer, purely from what was kept of it and from the request, so that a repeat of the request gets the
// same bytes.
func (d *Dialect) receiptOf(t wallet.Transfer, q payment, m manner) any {
	to := wallet.Wallet{Owner: t.Receiver, Kind: t.ReceiverKind, Name: t.ReceiverName, Number: t.ReceiverNumber}
	who := recipient{
		Name: to.Name, MobileNumber: shown(to.Number, to.Kind, q.number != ""), Avatar: d.Pictures.AvatarURL(to), Type: string(to.Kind),
	}
	if m == byQR {
		return qrReceipt{
			Recipient: who, InvoiceID: t.Number, Date: date(t.At), Time: hour(t.At), TotalPayable: m.amount(t.Total()),
			NewBalance: taka(t.BalanceAfter), Fee: m.amount(t.Fee), Amount: m.amount(t.Amount), Remarks: t.Note,
		}
	}
	return manualReceipt{
		Recipient: who, InvoiceID: t.Number, NewBalance: taka(t.BalanceAfter), Date: date(t.At), Time: hour(t.At),
		Amount: m.amount(t.Amount), Fee: m.amount(t.Fee), TotalPayable: m.amount(t.Total()),
	}
}

// form is what a payer by QR code is asked for.
var form = []param{
	{Key: fieldAmount, Type: "numeric", Input: true, Label: "Amount", Value: "0.0", Required: true, FieldType: "numeric"},
	{Key: fieldNote, Type: "alphanumeric", Input: true, Label: "Write a note (optional)", FieldType: "textarea", Placeholder: new(string)},
}

// holderOf is the holder as he is shown to himself.
func (d *Dialect) holderOf(w wallet.Wallet) holder {
	picture := d.Pictures.AvatarURL(w)
	return holder{
		Name: w.Name, Email: w.Email, MSISDN: w.Number, MobileNo: w.Number, MobileNumber: w.Number, Thumbnail: picture, Avatar: picture,
		UserType: string(w.Kind), Address: w.Address,
	}
}

func (d *Dialect) userOf(w wallet.Wallet) user { return user{d.holderOf(w), string(w.Status)} }

// movements are what a holder does or gets, in the order in which their limits are listed, and their names in this API.
var movements = []struct {
	movement wallet.Movement
	name     string
}{
	{wallet.Payment, "payment"}, {wallet.Send, "send_money"}, {wallet.TopUp, "top_up"},
}

func movementName(m wallet.Movement) string {
	for _, known := range movements {
		if known.movement == m {
			return known.name
		}
	}
	return string(m)
}

// The directions of a transaction, seen from the wallet whose history it is in.
const (
	incoming = "in"
	outgoing = "out"
)

// transactionOf is a line of a history. sender is what the sender of an incoming one is, where that is known.
func (d *Dialect) transactionOf(l wallet.Line, sender wallet.Kind) transaction {
	t := l.Transfer
	made := transaction{
		Type: movementName(t.Kind), Direction: outgoing, Amount: taka(t.Amount), Fee: taka(t.Fee), Total: taka(l.Moved), NewBalance: taka(l.Balance),
		Date: date(t.At), Time: hour(t.At), Remarks: t.Note,
	}
	if t.Number != "" {
		made.InvoiceID = &t.Number
	}
	other := wallet.Wallet{Owner: t.Receiver, Kind: t.ReceiverKind, Name: t.ReceiverName, Number: t.ReceiverNumber}
	if l.In {
		made.Direction, made.Fee = incoming, taka(0)
		other = wallet.Wallet{Owner: t.Owner, Kind: sender, Name: t.SenderName, Number: t.SenderNumber}
	}
	if t.Kind == wallet.Withdrawal && !strings.HasPrefix(other.Number, "+") {
		other.Number = "" // an account at a bank
	}
	if t.Kind == wallet.Refund {
		other.Kind = wallet.Merchant // it lies with one
	}
	if !t.FromOutside() {
		made.Counterpart = &recipient{
			Name: other.Name, MobileNumber: shown(other.Number, other.Kind, false), Avatar: d.Pictures.AvatarURL(other), Type: string(other.Kind),
		}
	}
	return made
}

// limitOf is what a holder may do by one kind of movement, and has done.
func limitOf(name string, r wallet.Rule, used wallet.Usage) limit {
	return limit{
		Type: name, MinimumAmount: some(r.Min), MaximumAmount: some(r.Max),
		DailyLimit: some(r.Daily), DailyUsed: taka(used.Today), DailyRemaining: left(r.Daily, used.Today),
		MonthlyLimit: some(r.Monthly), MonthlyUsed: taka(used.ThisMonth), MonthlyRemaining: left(r.Monthly, used.ThisMonth),
		Fee: fee{Flat: taka(r.Fee.Flat), Percent: percent(r.Fee.PPM), Minimum: some(r.Fee.Min), Maximum: some(r.Fee.Max)},
	}
}

// some is an amount, nil for 0: there is no such limit.
func some(minor int64) *string {
	if minor == 0 {
		return nil
	}
	text := taka(minor)
	return &text
}

// left is how much of a limit is left, nil where there is none.
func left(limit, used int64) *string {
	if limit == 0 {
		return nil
	}
	text := taka(max(limit-used, 0))
	return &text
}

// percent is so many parts per million as percent: "0", "1.85".
func percent(ppm int64) string {
	text := strconv.FormatInt(ppm/10_000, 10)
	if rest := ppm % 10_000; rest > 0 {
		decimals := strconv.FormatInt(10_000+rest, 10)[1:]
		text += "." + strings.TrimRight(decimals, "0")
	}
	return text
}
