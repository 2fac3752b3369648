package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/danielgtaylor/huma/v2"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/money"
	"sarraf/wallet"
)

// Bounds of transfers.
const (
	bulkBody  = 2 << 20 // bytes of a bulk's body
	mostNote  = 255     // characters
	mostParty = 64      // characters of what names a wallet
)

func (a *api) registerTransfers(h huma.API) {
	refusals := []int{http.StatusNotFound}
	registerLean[NewTransfer, Transfer](h, acts, huma.Operation{
		OperationID: "create-transfer", Method: http.MethodPost, Path: "/v1/transfers", Tags: []string{"Transfers"},
		Summary: "Send money from a wallet",
		Description: "From a wallet of the merchant's to any wallet of the same mode. A consumer's money moves with its `pin`; five wrong ones in a " +
			"row lock the PIN for 30 minutes. A shop's own wallet needs none, nor does an operator's key.",
		Errors: refusals,
	}, 0, a.transfer)
	registerLean[NewTransfers, BulkAnswer](h, acts, huma.Operation{
		OperationID: "create-transfers", Method: http.MethodPost, Path: "/v1/transfers/bulk", Tags: []string{"Transfers"},
		Summary: "Send money up to 1,000 times in one call",
		Description: "Each transfer is decided by itself, in the order given, and answered in its place. What cannot be read refuses the whole call " +
			"before anything moves; `field` then names the transfer, counted from 0, such as `transfers.3.amount`.",
	}, bulkBody, a.bulk)
	register(h, looks, huma.Operation{
		OperationID: "get-transfer", Method: http.MethodGet, Path: "/v1/transfers/{id}", Tags: []string{"Transfers"},
		Summary:     "Get a transfer",
		Description: "By its id together with the sender's wallet, or by the number of its receipt alone. Either side may ask.",
		Errors:      []int{http.StatusNotFound, http.StatusUnprocessableEntity},
	}, a.getTransfer)
	registerBody[NewQuote](h, acts, huma.Operation{
		OperationID: "create-quote", Method: http.MethodPost, Path: "/v1/quotes", Tags: []string{"Transfers"},
		Summary: "See what a transfer would come to",
		Description: "By the rules of a transfer, but for the PIN; nothing moves. What would be refused for its amount, a limit or the balance has its " +
			"figures all the same, with the `problem`.",
		Errors: []int{http.StatusNotFound},
	}, a.quote)
}

// NewTransfer is the body of POST /v1/transfers.
type NewTransfer struct {
	Sender   string `json:"sender" format:"uuid" doc:"The id of the wallet that pays."`
	Receiver string `json:"receiver" minLength:"1" maxLength:"64" doc:"The id of a wallet of the merchant's, or the mobile number of any wallet, in E.164." example:"+8801712345678"`
	Amount   string `json:"amount" doc:"What the receiver gets, in the major unit." example:"120.00"`
	Currency string `json:"currency" doc:"ISO 4217." example:"BDT"`
	Note     string `json:"note,omitempty" maxLength:"255" doc:"One line, for the receiver."`
	PIN      string `json:"pin,omitempty" doc:"The sender's, four digits: a consumer's must be given, unless an operator asks." example:"1234"`
}

// NewTransfers is the body of POST /v1/transfers/bulk.
type NewTransfers struct {
	Transfers []NewTransfer `json:"transfers" minItems:"1" maxItems:"1000" nullable:"false"`
}

// BulkAnswer is its answer. It is written by appendBulk.
type BulkAnswer struct {
	Data []BulkLine `json:"data" nullable:"false" doc:"What became of each, in the order they were given."`
}

// BulkLine is what became of one transfer of many.
type BulkLine struct {
	Index    int          `json:"index" doc:"Its place in the call, from 0."`
	Status   string       `json:"status" enum:"done,refused"`
	Transfer *Transfer    `json:"transfer,omitempty" doc:"When it is done."`
	Problem  *ProblemItem `json:"problem,omitempty" doc:"When it is refused: why, as the problem of a call for it alone."`
}

// transfer decides in one core command, which also keeps the answer for the Idempotency-Key. What cannot be read is told first, all of it:
// faults on sender, receiver, currency, amount, note and pin. Then those of wallet.Service.Spend, with WalletMissing for a sender that is
// not the caller's.
func (a *api) transfer(w http.ResponseWriter, r *http.Request, c caller) error {
	f, key, err := readBody(r, httpx.DefaultMaxBody, a.Wallets.BlindPIN)
	if err != nil {
		return err
	}
	var read intake
	list := []wallet.Spend{readSpend(&read, f)}
	if err := read.err(); err != nil {
		return err
	}
	if err := a.resolve(r.Context(), c, list); err != nil {
		return err
	}
	out, err := a.Wallets.SpendMany(r.Context(), c.keys(), list, key)
	if err != nil {
		return err
	}
	if out[0].Sent == nil {
		return fault.Join(told(out[0].Faults, list[0].Amount.Currency)...)
	}
	respond(w, func(b []byte) []byte { return appendTransfer(b, &out[0].Sent.Transfer, true) })
	return nil
}

// answers are buffers in which answers are put together. What is written is copied before they are used again.
var answers = sync.Pool{New: func() any { return new([]byte) }}

// maxKept is the largest such buffer that is kept, in bytes.
const maxKept = 1 << 20

// respond answers with the JSON that put appends.
func respond(w http.ResponseWriter, put func([]byte) []byte) {
	buffer := answers.Get().(*[]byte)
	*buffer = put((*buffer)[:0])
	httpx.WriteRaw(w, http.StatusOK, "application/json", *buffer)
	if cap(*buffer) <= maxKept {
		answers.Put(buffer)
	}
}

// bulk is transfer for many. Faults, all before anything moves: FieldRequired, FieldNotList, FieldTooMany, FieldMalformed on transfers; those
// of what cannot be read on transfers.N and the field's name.
func (a *api) bulk(w http.ResponseWriter, r *http.Request, c caller) error {
	f, key, err := readBody(r, bulkBody, a.Wallets.BlindPIN)
	if err != nil {
		return err
	}
	lines, _, wrong := f.Objects("transfers", wallet.MostAtOnce)
	if wrong == nil && len(lines) == 0 {
		wrong = fault.New(fault.FieldRequired).On("transfers")
	}
	if wrong != nil {
		return wrong
	}
	list := make([]wallet.Spend, len(lines))
	var read intake
	for i := 0; i < len(lines) && len(read.faults) < mostToldFaults; i++ {
		read.at = "transfers." + strconv.Itoa(i) + "."
		list[i] = readSpend(&read, lines[i])
	}
	if err := read.err(); err != nil {
		return err
	}
	if err := a.resolve(r.Context(), c, list); err != nil {
		return err
	}
	out, err := a.Wallets.SpendMany(r.Context(), c.keys(), list, key)
	if err != nil {
		return err
	}
	respond(w, func(b []byte) []byte { return appendBulk(b, list, out) })
	return nil
}

// mostToldFaults is how many things that are wrong with a call one answer tells.
const mostToldFaults = 20

func appendBulk(b []byte, list []wallet.Spend, out []wallet.Outcome) []byte {
	b = append(b, `{"data":[`...)
	for i := range out {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"index":`...)
		b = strconv.AppendInt(b, int64(i), 10)
		if sent := out[i].Sent; sent != nil {
			b = append(b, `,"status":"done","transfer":`...)
			b = appendTransfer(b, &sent.Transfer, true)
		} else {
			b = append(b, `,"status":"refused","problem":`...)
			b = httpx.AppendJSON(b, item(fault.First(fault.Join(told(out[i].Faults, list[i].Amount.Currency)...))))
		}
		b = append(b, '}')
	}
	return append(b, `]}`...)
}

// readSpend reads one transfer. Its sender and receiver are as they were sent, a mobile number in E.164. Faults, all of them: on sender,
// receiver, currency, amount, note and pin.
func readSpend(r *intake, f httpx.Fields) wallet.Spend {
	sp := wallet.Spend{Sender: r.text(f, "sender", mostParty, true), Receiver: r.text(f, "receiver", mostParty, true)}
	if sp.Sender != "" && !id.Valid(sp.Sender) {
		r.wrong(fault.New(fault.FieldMalformed).On("sender"))
	}
	if sp.Receiver != "" && !id.Valid(sp.Receiver) {
		number, wrong := mobileNumber("receiver", sp.Receiver)
		r.wrong(wrong)
		sp.Receiver = number
	}
	sp.Amount, sp.Note = r.amount(f), r.text(f, "note", mostNote, false)
	if pin := r.pin(f); pin != "" {
		sp.PIN = &pin
	}
	return sp
}

// resolve makes commands of transfers that could be read. What the caller may not use is refused by the core, as if it were not there: so
// that is kept with an Idempotency-Key as well. The error is for what cannot be told now.
func (a *api) resolve(ctx context.Context, c caller, list []wallet.Spend) error {
	named := map[string][]*wallet.Spend{}
	for i := range list {
		sp := &list[i]
		sp.ID, sp.Door = id.New(a.Clock), Name
		sp.By, sp.Merchant, sp.Actor = c.right(), c.Owner, c.name()
		if sp.Near = id.Valid(sp.Receiver); !sp.Near {
			named[sp.Receiver] = append(named[sp.Receiver], sp)
		}
	}
	if len(named) == 0 {
		return nil
	}
	numbers := slices.Collect(maps.Keys(named))
	owners := make([]string, len(numbers))
	err := together(len(numbers), func(i int) error {
		w, err := found(a.Wallets.ByNumber(ctx, numbers[i]))
		owners[i] = w.Owner
		return err
	})
	for i, number := range numbers {
		for _, sp := range named[number] {
			sp.Receiver = owners[i]
		}
	}
	return err
}

// lookups is how many look-ups of one call are under way at once: the store asks for those together.
const lookups = 32

// together does n things, several at once, and answers the first error.
func together(n int, do func(int) error) error {
	if n == 1 {
		return do(0)
	}
	var next atomic.Int64
	errs := make([]error, min(n, lookups))
	var all sync.WaitGroup
	for k := range errs {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && errs[k] == nil; i = next.Add(1) - 1 {
				errs[k] = do(int(i))
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// own is the caller's wallet with the id; the zero Wallet where there is none, or it is another's, which is never told apart.
func (a *api) own(ctx context.Context, c caller, wid string) (wallet.Wallet, error) {
	w, err := found(a.Wallets.Get(ctx, wid))
	if err != nil || !c.owns(w) {
		return wallet.Wallet{}, err
	}
	return w, nil
}

// found is the zero Wallet in place of a fault that there is none.
func found(w wallet.Wallet, err error) (wallet.Wallet, error) {
	if fault.Has(err, fault.WalletMissing) {
		return wallet.Wallet{}, nil
	}
	return w, err
}

// minorParams are the figures of limits that are in minor units; this door tells them in the major unit, as all amounts.
var minorParams = [...]string{"limit", "used"}

// fieldsOf are the fields that faults of a transfer are about, where the core does not say: it knows no bodies.
var fieldsOf = map[fault.Code]string{
	fault.WalletMissing: "sender", fault.SenderNotApproved: "sender", fault.ReceiverMissing: "receiver", fault.ReceiverSelf: "receiver",
	fault.BalanceInsufficient: "amount",
}

// told are the faults of a transfer as this door tells them.
func told(list []*fault.Error, c money.Currency) []*fault.Error {
	out := make([]*fault.Error, len(list))
	for i, f := range list {
		if f.Field == "" && fieldsOf[f.Code] != "" {
			f = f.On(fieldsOf[f.Code])
		}
		switch f.Code {
		case fault.AmountBelowLimit, fault.AmountAboveLimit, fault.DailyLimitExceeded, fault.MonthlyLimitExceeded:
			for _, name := range minorParams {
				if minor, err := strconv.ParseInt(f.Params[name], 10, 64); err == nil {
					f = f.With(name, major(minor, c))
				}
			}
		}
		out[i] = f
	}
	return out
}

type transferName struct {
	ID     string `path:"id" maxLength:"64" doc:"An id, or the number of a receipt."`
	Wallet string `query:"wallet" format:"uuid" doc:"With an id: the sender's wallet; of a topup the one it went to."`
}

// getTransfer answers a transfer to whoever has one of its sides. Faults: FieldMalformed on wallet; TransferMissing.
func (a *api) getTransfer(ctx context.Context, c caller, in *transferName) (Transfer, error) {
	var t wallet.Transfer
	var err error
	switch {
	case in.Wallet != "" && !id.Valid(in.Wallet):
		return Transfer{}, fault.New(fault.FieldMalformed).On("wallet")
	case in.Wallet != "":
		t, err = a.Wallets.Transfer(ctx, in.Wallet, in.ID)
	default:
		t, err = a.Wallets.OfNumber(ctx, in.ID)
	}
	if err != nil {
		return Transfer{}, err
	}
	if t.Kind == wallet.Refund {
		return a.refunded(ctx, c, t)
	}
	sender, err := a.own(ctx, c, t.Owner)
	if err != nil {
		return Transfer{}, err
	}
	receiver, err := a.own(ctx, c, t.Receiver)
	if err != nil {
		return Transfer{}, err
	}
	if sender.Owner == "" && receiver.Owner == "" {
		return Transfer{}, fault.New(fault.TransferMissing).On("id")
	}
	return transferOf(shownTo(t, sender.Owner != "", receiver.Owner != ""), sender.Owner != ""), nil
}

// refunded is a transfer that gave money back, to the merchant that gave it and to whoever has the wallet that got it. The balance in it is the
// wallet's.
func (a *api) refunded(ctx context.Context, c caller, t wallet.Transfer) (Transfer, error) {
	receiver, err := a.own(ctx, c, t.Receiver)
	if err != nil {
		return Transfer{}, err
	}
	if receiver.Owner == "" && c.Owner != t.Owner {
		return Transfer{}, fault.New(fault.TransferMissing).On("id")
	}
	return transferOf(shownTo(t, false, receiver.Owner != ""), receiver.Owner != ""), nil
}

// NewQuote is the body of POST /v1/quotes.
type NewQuote struct {
	Sender   string `json:"sender" format:"uuid" doc:"The id of the wallet that would pay."`
	Receiver string `json:"receiver" minLength:"1" maxLength:"64" doc:"As of a transfer." example:"+8801712345678"`
	Amount   string `json:"amount" doc:"What the receiver would get, in the major unit." example:"120.00"`
	Currency string `json:"currency" doc:"ISO 4217." example:"BDT"`
}

// quote answers the figures of a transfer, also where it would be refused for them. Faults: of what cannot be read as of a transfer; those of
// wallet.Service.Quote that leave nothing to be told.
func (a *api) quote(ctx context.Context, c caller, in *command) (Quote, error) {
	var read intake
	list := []wallet.Spend{readSpend(&read, in.fields)}
	if err := read.err(); err != nil {
		return Quote{}, err
	}
	if err := a.resolve(ctx, c, list); err != nil {
		return Quote{}, err
	}
	q, err := a.Wallets.Quote(ctx, list[0])
	if err != nil {
		err = fault.Join(told(fault.All(err), list[0].Amount.Currency)...)
	}
	refused := fault.First(err)
	if err != nil && (refused.Kind() != fault.Refused || q.Total.Minor == 0) {
		return Quote{}, err
	}
	out := Quote{
		Kind: string(q.Kind), Amount: q.Amount.Decimal(), Fee: q.Fee.Decimal(), Total: q.Total.Decimal(), Currency: string(q.Amount.Currency),
		Sender:   Party{Wallet: q.Sender.Owner, Name: q.Sender.Name, MobileNumber: q.Sender.Number},
		Receiver: Party{Wallet: q.Receiver.Owner, Kind: string(q.Receiver.Kind), Name: q.Receiver.Name, MobileNumber: q.Receiver.Number},
		Goes:     err == nil,
	}
	if refused != nil {
		p := item(refused)
		out.Problem = &p
	}
	return out, nil
}
