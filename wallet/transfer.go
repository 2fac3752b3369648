package wallet

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
)

// Right is by whose right money is moved.
type Right string

// The rights.
const (
	Holder      Right = ""         // the wallet's holder, who shows the PIN
	MerchantKey Right = "merchant" // a key of the merchant that the wallet is of; a consumer's PIN is asked for all the same
	Operator    Right = "operator" // whoever runs the house; no PIN
)

// Transfer is money that left a wallet, or came into it from outside. It is the row behind each receipt, and lies with its sender; what comes
// from outside, a top-up or a return, lies with the wallet that it is for.
type Transfer struct {
	Owner            string         `json:"owner"`
	ID               string         `json:"id"`                 // UUIDv7, made where the command entered; of the principal's transfer in the ledger, too
	Number           string         `json:"number,omitempty"`   // 10 of [0-9A-Z], on the receipt; "" where the door prints none
	Door             string         `json:"door"`               // the front door it came in by
	Kind             Movement       `json:"kind"`               //
	Merchant         string         `json:"merchant,omitempty"` // the sender's merchant; its events are that merchant's
	Receiver         string         `json:"receiver"`           // the receiver's wallet; of an invoice its owner; of what comes from outside the wallet itself; "" of a withdrawal
	ReceiverMerchant string         `json:"receiver_merchant,omitempty"`
	Invoice          string         `json:"invoice,omitempty"` // the id of the invoice that it paid
	Amount           int64          `json:"amount"`            // minor units of Currency
	Fee              int64          `json:"fee"`               // on top of it, paid by the sender
	Currency         money.Currency `json:"currency"`
	Note             string         `json:"note,omitempty"`           // the sender's
	Rail             string         `json:"rail,omitempty"`           // that a top-up came over; PayoutRail of a withdrawal, ReturnRail of a return
	RailReference    string         `json:"rail_reference,omitempty"` // the rail's own name for it; of the latter two the payout's id
	SenderName       string         `json:"sender_name"`              // this and what follows: as it then was
	SenderNumber     string         `json:"sender_number,omitempty"`
	ReceiverName     string         `json:"receiver_name"`
	ReceiverNumber   string         `json:"receiver_number,omitempty"` // of a withdrawal the account that it goes to
	ReceiverKind     Kind           `json:"receiver_kind"`             // "" of a withdrawal and a return
	BalanceAfter     int64          `json:"balance_after"`             // the sender's, with amount and fee gone; of what comes from outside, the wallet's
	By               Right          `json:"by,omitempty"`              // by whose right
	Actor            string         `json:"actor,omitempty"`           // which key or command asked, "" for the holder
	At               time.Time      `json:"at"`
}

func (t Transfer) money() money.Amount { return money.Of(t.Amount, t.Currency) }

// Total is amount and fee.
func (t Transfer) Total() int64 { return t.Amount + t.Fee }

// FromOutside reports whether the money came into the wallet from outside: it has no sender here.
func (t Transfer) FromOutside() bool { return t.Kind == TopUp || t.Kind == Return }

// The kinds of transfer in the ledger. The subject of each is the Transfer's id.
const (
	moveSend    = "wallet.send"    // wallet -> wallet
	movePayment = "wallet.payment" // wallet -> a merchant's wallet, or what the rail wallet owes a merchant
	moveTopUp   = "wallet.topup"   // clearing of a rail -> wallet
	moveFee     = "wallet.fee"     // wallet -> fees of the same owner

	moveWithdrawal = "wallet.withdrawal" // wallet -> withdrawals of the same owner: amount and fee
	moveReturn     = "wallet.return"     // withdrawals -> wallet: amount and fee
)

var moves = map[Movement]string{
	Send: moveSend, Payment: movePayment, TopUp: moveTopUp, Withdrawal: moveWithdrawal, Return: moveReturn, Refund: moveRefund,
}

// The events about transfers. Their data is a Fact. They are the events of the sender's merchant, or of the sender where it has none.
const (
	EventSent     event.Type = "wallet.sent"
	EventPaid     event.Type = "wallet.paid"
	EventToppedUp event.Type = "wallet.topped_up"
	// EventWithdrawn tells that money has left for a payout, whose own events tell what becomes of it; EventReturned, that it came back.
	EventWithdrawn event.Type = "wallet.withdrawn"
	EventReturned  event.Type = "wallet.returned"
	// EventReceived tells the merchant of a wallet that was paid, or got money back, unless it is the sender's, too. It is of ReceiptKind.
	EventReceived event.Type = "wallet.received"
)

// EventKind is the kind of the events about a transfer, and ReceiptKind that of what a paid wallet's merchant is told. The subject of both is
// the transfer's id.
const (
	EventKind   = "wallet"
	ReceiptKind = "wallet_receipt"
)

var eventTypes = map[Movement]event.Type{
	Send: EventSent, Payment: EventPaid, TopUp: EventToppedUp, Withdrawal: EventWithdrawn, Return: EventReturned, Refund: EventRefunded,
}

// Fact is the data of an event.
type Fact struct {
	Transfer Transfer `json:"transfer"`
}

// events are those that tell of the transfer.
func (t *Transfer) events() ([]event.New, error) {
	data, err := t.fact()
	if err != nil {
		return nil, err
	}
	moved := []string{t.Owner, t.Receiver}
	if t.Receiver == "" {
		moved = moved[:1]
	}
	list := []event.New{{Owner: t.teller(), Type: eventTypes[t.Kind], Kind: EventKind, Subject: t.ID, Door: t.Door, Data: data, At: t.At, Moved: moved}}
	if t.notes() {
		list = append(list, event.New{
			Owner: t.ReceiverMerchant, Type: EventReceived, Kind: ReceiptKind, Subject: t.ID, Door: t.Door, Data: data, At: t.At,
		})
	}
	return list, nil
}

// teller is whose event it is.
func (t *Transfer) teller() string {
	if t.Merchant != "" {
		return t.Merchant
	}
	return t.Owner
}

// notes reports whether the receiver's merchant is told.
func (t *Transfer) notes() bool {
	return (t.Kind == Payment || t.Kind == Refund) && t.ReceiverMerchant != "" && t.ReceiverMerchant != t.teller()
}

// Spend asks that money leave a wallet.
type Spend struct {
	ID       string // of the transfer that it makes, UUIDv7
	Number   string // of its receipt, from NextNumber; "" for none
	Door     string
	Sender   string // wallet
	Receiver string // wallet; "" when the caller found nobody
	Amount   money.Amount
	Note     string  // at most 255 characters
	PIN      *string // nil: none was shown
	By       Right
	Merchant string // with MerchantKey: whose key it is
	Actor    string // which key or command asks, for the books; "" for the holder
	Near     bool   // with MerchantKey: the receiver is of the same merchant, or is as good as nobody
	// Once has an identical Spend (sender, receiver, amount, note) of the last 60 seconds answered with the transfer that it made. It is for
	// doors whose guide has no idempotency key; others that come by them set it, too.
	Once bool
	// Payee and Invoice, when set, say that the money is for an invoice of that merchant's: Receiver is its owner then, and the money goes to
	// what the rail wallet owes it.
	Payee   *merchant.Merchant
	Invoice string
	// Out, when set, says that the money leaves the house, by a payout; Receiver is "" then.
	Out *Out
	// Stranger has the PIN judged before anything is told of the wallet, and a Sender that there is not, or not for the Payee's mode, refused
	// as for a wrong PIN: for doors at which nobody has signed in.
	Stranger bool
	// Unknown, with Stranger, is the telephone number that was typed where no wallet has it, or none that may be told of: wrong PINs for it
	// are counted as a wallet's are, and lock it for as long, so that it cannot be told from one. Sender is then an id that nobody has.
	Unknown string
	// MostFee, when set, is what the holder was told to come on top, minor units. A higher fee is fault AmountMismatch on fee (due), once the
	// PIN was right.
	MostFee *int64

	rail, reference string // of a top-up: its rail, and that one's name for it
	at              time.Time
	content         string // a hash of what identical ones have in common, once it is made
}

// Enter says when the Spend came, where it is part of another noun's command; else it is dated when it is handed in.
func (sp *Spend) Enter(at time.Time) { sp.at = at }

func (sp *Spend) topUp() bool { return sp.rail != "" }

// Sent is what became of a Spend.
type Sent struct {
	Transfer Transfer `json:"transfer"`
	Replay   bool     `json:"replay,omitempty"` // an earlier command made the transfer, and nothing was moved now
}

// Outcome is Sent, or the faults that a Spend was refused with.
type Outcome struct {
	Sent   *Sent          `json:"sent,omitempty"`
	Faults []*fault.Error `json:"faults,omitempty"`
}

// order is what a caller hands in at once.
type order struct {
	list []Spend
	many bool // a refusal is an outcome of its line, and not of the whole
}

func (o order) weight() int { return len(o.list) }

// Spend moves money from one wallet to another, with its fee. Everything is decided and recorded in one transaction; an error that is not a
// fault below has moved nothing, unless it is fault.Outage, after which the same Spend (the same ID, or the same key) tells.
//
// Rules, in the order in which they are checked: AmountNotPositive, FieldTooLong and FieldControl on note; a Spend that was carried out before
// is answered again (IdempotencyReused on id for another with that ID). Sender: WalletMissing, also for one that is not of the key's
// merchant; CurrencyUnknown on currency for one that has no such money; SenderNotApproved. Receiver: ReceiverMissing for nobody, for one
// that is not approved, has no such currency, or is of the other mode; ReceiverSelf. Then Once: an identical transfer's PIN is checked, and
// it is answered. Limits by the rule of the sender: AmountBelowLimit, AmountAboveLimit, DailyLimitExceeded, MonthlyLimitExceeded.
// BalanceInsufficient (available). PIN: FieldRequired on pin where one is needed and none shown; PINMalformed, PINLocked, PINWrong, of which
// the last is counted, in the same transaction. With Stranger, the PIN comes first, before what is said of the sender. With MostFee, its
// AmountMismatch comes last. AmountOverflow when the books cannot hold the sum. Others are those of store.Batcher.Do. A Spend with Out is judged by
// the same rules, but for those of the receiver and Once, and by whoever makes its payout: here it is an error.
func (s *Service) Spend(ctx context.Context, sp Spend, key *store.Key) (Sent, error) {
	if sp.Out != nil {
		return Sent{}, errOnlyWithPayout
	}
	return s.single(ctx, sp.Keys(), sp, key)
}

// keysOf is whose an Idempotency-Key is that comes by such a right.
func keysOf(by Right, of, holder string) string {
	switch by {
	case MerchantKey:
		return of
	case Operator:
		return merchant.House
	}
	return holder
}

// Keys is whose an Idempotency-Key is that the Spend comes with: the merchant's whose key asks, the house's for an operator, else the holder's.
func (sp *Spend) Keys() string { return keysOf(sp.By, sp.Merchant, sp.Sender) }

func (s *Service) single(ctx context.Context, owner string, sp Spend, key *store.Key) (Sent, error) {
	sp.at = s.clock.Now()
	out, err := s.spend.Do(ctx, owner, key, order{list: []Spend{sp}})
	if err != nil {
		return Sent{}, err
	}
	return *out[0].Sent, nil
}

// MostAtOnce is how many spendings one call may bring.
const MostAtOnce = 1000

// SpendMany is Spend for 1 to 1,000 at once, each judged alone in its order, in one transaction. The key, if there is one, is the owner's and
// stands for all. The error is for what befell the call; what befell each Spend is in its outcome.
func (s *Service) SpendMany(ctx context.Context, owner string, list []Spend, key *store.Key) ([]Outcome, error) {
	if len(list) == 0 || len(list) > MostAtOnce {
		return nil, fault.New(fault.FieldTooMany).On("transfers").With("max", strconv.Itoa(MostAtOnce))
	}
	now := s.clock.Now()
	for i := range list {
		if list[i].Out != nil {
			return nil, errOnlyWithPayout
		}
		list[i].at = now
	}
	return s.spend.Do(ctx, owner, key, order{list: list, many: true})
}

// TopUpNew asks that money come into a wallet from outside.
type TopUpNew struct {
	ID        string // of the transfer that it makes, UUIDv7
	Number    string // of its receipt, from NextNumber; "" for none
	Door      string
	Wallet    string
	Amount    money.Amount
	Rail      string // "sandbox" for money that is only played with, "operator" for money that an operator has received
	Reference string // the rail's own name for it, unique for the wallet and rail
	Note      string
	By        Right  // MerchantKey or Operator
	Merchant  string // with MerchantKey
	Actor     string // who asks, for the books
}

// OperatorRail names money that an operator says has come.
const OperatorRail = "operator"

// TopUp puts money into a wallet. The same reference with the same amount again changes nothing. Faults: those of Spend about amount, note,
// wallet and limits; ReferenceTaken on reference when it was used for another amount; FieldRequired on reference; SandboxOnly for a live
// wallet and any rail but the operator's.
func (s *Service) TopUp(ctx context.Context, t TopUpNew, key *store.Key) (Sent, error) {
	switch {
	case t.Rail == "":
		return Sent{}, fault.New(fault.FieldRequired).On("rail")
	case t.Reference == "":
		return Sent{}, fault.New(fault.FieldRequired).On("reference")
	}
	if faults := append(checkText("reference", t.Reference, mostReference), checkText("actor", t.Actor, mostName)...); len(faults) > 0 {
		return Sent{}, fault.Join(faults...)
	}
	return s.single(ctx, keysOf(t.By, t.Merchant, t.Wallet), Spend{
		ID: t.ID, Number: t.Number, Door: t.Door, Sender: t.Wallet, Receiver: t.Wallet, Amount: t.Amount, Note: t.Note, By: t.By,
		Merchant: t.Merchant, rail: t.Rail, reference: t.Reference, Actor: t.Actor,
	}, key)
}

// echoSpan is how long an identical Spend is the same one.
const echoSpan = time.Minute

// echoMinute is how many characters tell an echo's minute.
const echoMinute = 8

// echo is what identical spendings of the same minute have in common; the minute is so many after that of the Spend.
func (sp *Spend) echo(minutes int64) string {
	minute := sp.at.Unix()/int64(echoSpan/time.Second) + minutes
	if sp.content == "" {
		sp.content = store.BodyHash(sp.Receiver, sp.Invoice, strconv.FormatInt(sp.Amount.Minor, 10), string(sp.Amount.Currency), sp.Note)[:32]
	}
	var digits [echoMinute]byte
	text := strconv.AppendInt(digits[:0], minute, 36)
	const zeroes = "00000000"
	return zeroes[:max(0, echoMinute-len(text))] + string(text) + sp.content
}

// receiptNumbers are 10 characters each: a running number scrambled within 15 digits, to base 36. Nobody can guess one.
type receiptNumbers struct {
	keys     *keyring.Keyring
	numbers  *store.Numbers
	once     sync.Once
	scramble *id.Scrambler
	err      error
}

const (
	receiptDigits = 15
	receiptLength = 10 // 36^10 is more than 10^15
)

func newReceiptNumbers(db *store.DB, keys *keyring.Keyring) *receiptNumbers {
	return &receiptNumbers{keys: keys, numbers: db.Numbers(ReceiptAlias)}
}

// NextNumber is a number for a receipt that no other has. It must not be asked for within a transaction. Its error is a fault.Outage when none
// can be had.
func (s *Service) NextNumber(ctx context.Context) (string, error) {
	r := s.numbers
	if r.keys == nil {
		return "", errNoKey
	}
	r.once.Do(func() { r.scramble, r.err = id.NewScrambler(r.keys.Derive("wallet receipt numbers"), receiptDigits) })
	if r.err != nil {
		return "", r.err
	}
	n, err := r.numbers.Next(ctx)
	if err != nil {
		return "", err
	}
	digits, err := r.scramble.Encode(uint64(n))
	if err != nil {
		return "", err
	}
	scrambled, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return "", err
	}
	text := strings.ToUpper(strconv.FormatUint(scrambled, 36))
	return strings.Repeat("0", receiptLength-len(text)) + text, nil
}

// accounts are those that a Spend of the wallet may touch.
func (sp *Spend) accounts(withFee bool) []ledger.Account {
	own := account(sp.Sender, sp.Amount.Currency)
	list := []ledger.Account{own}
	switch {
	case sp.topUp():
		return append(list, ledger.Account{Owner: sp.Sender, Currency: sp.Amount.Currency, Kind: ledger.Clearing(sp.rail)})
	case sp.Out != nil:
		return append(list, Withdrawals(sp.Sender, sp.Amount.Currency)) // with its fee, which is the house's when the payout has reached its end
	case sp.Payee != nil:
		list = append(list, Clearing(sp.Receiver, sp.Amount.Currency))
	case sp.Receiver != "":
		list = append(list, account(sp.Receiver, sp.Amount.Currency))
	}
	if withFee {
		list = append(list, ledger.Account{Owner: sp.Sender, Currency: sp.Amount.Currency, Kind: ledger.Fees})
	}
	return list
}

// payeeOfInvoice stands for whoever's invoice it is, where only that it is one matters.
var payeeOfInvoice merchant.Merchant

// Rail is the name of the rail by which wallets pay invoices.
const Rail = "wallet"

// Clearing is what the rail wallet owes a merchant: money for invoices goes through it.
func Clearing(owner string, c money.Currency) ledger.Account {
	return ledger.Account{Owner: owner, Currency: c, Kind: ledger.Clearing(Rail)}
}
