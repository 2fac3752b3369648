package api

import (
	"time"

	"sarraf/internal/httpx"
	"sarraf/money"
	"sarraf/phone"
	"sarraf/wallet"
)

// Transfer is money that left a wallet, or was put into one. Its JSON is written by appendTransfer too, where many are answered.
type Transfer struct {
	ID            string    `json:"id" doc:"Its own id. Ids sort by time."`
	Number        string    `json:"number,omitempty" doc:"The number of its receipt, where its front door prints one."`
	Kind          string    `json:"kind" enum:"send,payment,topup,withdrawal,return,refund" doc:"Money sent to a person, paid to a shop, put in from outside, taken out by a payout, back from a payout that came to nothing, or given back by a merchant that had been paid."`
	Door          string    `json:"door" doc:"The front door it came in by." example:"native"`
	Sender        *Party    `json:"sender,omitempty" doc:"Absent for a topup and a return."`
	Receiver      Party     `json:"receiver"`
	Invoice       string    `json:"invoice,omitempty" doc:"The id of the invoice that it paid."`
	Amount        string    `json:"amount" doc:"What the receiver got, in the major unit." example:"120.00"`
	Fee           string    `json:"fee" doc:"What the house took of the sender beside it." example:"5.00"`
	Total         string    `json:"total" doc:"What left the sender's wallet." example:"125.00"`
	Currency      string    `json:"currency" example:"BDT"`
	Note          string    `json:"note,omitempty" doc:"The sender's."`
	Rail          string    `json:"rail,omitempty" doc:"Of a topup: the way the money came. Of a withdrawal payout, of its return return."`
	RailReference string    `json:"rail_reference,omitempty" doc:"Of a topup: the rail's own id of it. Of a withdrawal and its return: the payout's id."`
	BalanceAfter  string    `json:"balance_after,omitempty" doc:"What the sender then had left, or after a topup, a return or a refund the wallet; only for whoever may see it."`
	By            string    `json:"by,omitempty" enum:"merchant,operator" doc:"Whose key asked for it; absent when the holder did, at another front door."`
	At            time.Time `json:"at"`
}

// Party is one side of a transfer, as it was called then.
type Party struct {
	Wallet       string `json:"wallet,omitempty" doc:"The wallet's id; absent for an invoice's merchant."`
	Kind         string `json:"kind,omitempty" enum:"consumer,merchant" doc:"Of the receiver."`
	Name         string `json:"name"`
	MobileNumber string `json:"mobile_number,omitempty" doc:"In E.164; masked with asterisks where it is another's that the caller need not know."`
}

// transferOf is a transfer as one of its sides may see it; balance says that it is the side whose balance is in it.
func transferOf(t wallet.Transfer, balance bool) Transfer {
	out := Transfer{
		ID: t.ID, Number: t.Number, Kind: string(t.Kind), Door: t.Door, Invoice: t.Invoice, Amount: major(t.Amount, t.Currency),
		Fee: major(t.Fee, t.Currency), Total: major(t.Total(), t.Currency), Currency: string(t.Currency), Note: t.Note, Rail: t.Rail,
		RailReference: t.RailReference, By: string(t.By), At: t.At, Receiver: receiverOf(t),
	}
	out.Sender = senderOf(t)
	if balance {
		out.BalanceAfter = major(t.BalanceAfter, t.Currency)
	}
	return out
}

// shownTo is the transfer with the telephone numbers that whoever has these of its sides may read whole: those of its own wallets, the one that
// its key sent to, which it knows, and a shop's that was paid. All others are masked.
func shownTo(t wallet.Transfer, sender, receiver bool) wallet.Transfer {
	if !sender {
		t.SenderNumber = phone.Number(t.SenderNumber).Mask()
	}
	if typed := sender && t.By == wallet.MerchantKey; !receiver && !typed && t.ReceiverKind != wallet.Merchant {
		t.ReceiverNumber = phone.Number(t.ReceiverNumber).Mask()
	}
	return t
}

// senderOf is nobody for what came from outside.
func senderOf(t wallet.Transfer) *Party {
	if t.FromOutside() {
		return nil
	}
	p := sentBy(t)
	return &p
}

// sentBy is who sent the money: a wallet, or for a refund a merchant.
func sentBy(t wallet.Transfer) Party {
	p := Party{Wallet: t.Owner, Name: t.SenderName, MobileNumber: t.SenderNumber}
	if t.Kind == wallet.Refund {
		p.Wallet = ""
	}
	return p
}

func receiverOf(t wallet.Transfer) Party {
	p := Party{Wallet: t.Receiver, Kind: string(t.ReceiverKind), Name: t.ReceiverName, MobileNumber: t.ReceiverNumber}
	if t.Invoice != "" && t.Kind != wallet.Refund {
		p.Wallet = "" // it is a merchant
	}
	if t.Kind == wallet.Withdrawal {
		p.MobileNumber = "" // it may be any account: the payout tells
	}
	return p
}

// appendTransfer appends the JSON of transferOf, byte for byte.
func appendTransfer(b []byte, t *wallet.Transfer, balance bool) []byte {
	b = append(b, `{"id":`...)
	b = httpx.AppendString(b, t.ID)
	b = appendMember(b, `,"number":`, t.Number)
	b = append(b, `,"kind":`...)
	b = httpx.AppendString(b, string(t.Kind))
	b = append(b, `,"door":`...)
	b = httpx.AppendString(b, t.Door)
	if !t.FromOutside() {
		b = append(b, `,"sender":`...)
		b = appendParty(b, sentBy(*t))
	}
	b = append(b, `,"receiver":`...)
	b = appendParty(b, receiverOf(*t))
	b = appendMember(b, `,"invoice":`, t.Invoice)
	b = appendMoney(b, `,"amount":"`, t.Amount, t.Currency)
	b = appendMoney(b, `,"fee":"`, t.Fee, t.Currency)
	b = appendMoney(b, `,"total":"`, t.Total(), t.Currency)
	b = append(b, `,"currency":`...)
	b = httpx.AppendString(b, string(t.Currency))
	b = appendMember(b, `,"note":`, t.Note)
	b = appendMember(b, `,"rail":`, t.Rail)
	b = appendMember(b, `,"rail_reference":`, t.RailReference)
	if balance {
		b = appendMoney(b, `,"balance_after":"`, t.BalanceAfter, t.Currency)
	}
	b = appendMember(b, `,"by":`, string(t.By))
	b = append(b, `,"at":"`...)
	b = t.At.AppendFormat(b, time.RFC3339Nano)
	return append(b, '"', '}')
}

func appendParty(b []byte, p Party) []byte {
	b = append(b, '{')
	start := len(b)
	b = appendMember(b, `,"wallet":`, p.Wallet)
	b = appendMember(b, `,"kind":`, p.Kind)
	b = append(b, `,"name":`...)
	b = httpx.AppendString(b, p.Name)
	b = appendMember(b, `,"mobile_number":`, p.MobileNumber)
	b = append(b[:start], b[start+1:]...) // the first comma
	return append(b, '}')
}

// appendMember appends a member that is absent when it is empty.
func appendMember(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return httpx.AppendString(append(b, name...), value)
}

// appendMoney appends an amount in the major unit; name ends in its opening quote.
func appendMoney(b []byte, name string, minor int64, c money.Currency) []byte {
	b = append(b, name...)
	b = append(b, major(minor, c)...)
	return append(b, '"')
}
