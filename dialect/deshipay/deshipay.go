// Package deshipay speaks DeshiPay's API (Bangladesh, BDT): people sign in to their wallets, pay merchants and send money, by mobile number
// and by QR code. README.md is its contract.
//
// A handler authenticates, decodes, makes one call into the core and encodes what it answers; whom a number or a QR code means is looked up
// before. What the guide calls a user is a wallet.Wallet, and what it calls an invoice_id is the number of a wallet.Transfer.
package deshipay

import (
	"context"
	"net/http"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
	"sarraf/wallet"
)

// Name is the door's name.
const Name = "deshipay"

// Access is who may come in: wallet.Access.
type Access interface {
	AskCode(ctx context.Context, number, purpose, address string) error
	SignUp(ctx context.Context, by merchant.Actor, n wallet.New, code string) (wallet.Wallet, error)
	SignIn(ctx context.Context, number, pin, door, address string) (token string, w wallet.Wallet, err error)
	Authenticate(ctx context.Context, token string) (wallet.Wallet, error)
	SignOut(ctx context.Context, token string) error
}

// Codes are the texts of QR codes: wallet.Codes.
type Codes interface {
	Text(w wallet.Wallet) (string, error)
	Read(ctx context.Context, text string) (wallet.Wallet, error)
}

// Pictures are where the pictures of holders are. They depend on a wallet's Owner and Name alone, which is what is known of a receiver when a
// kept answer is given again.
type Pictures interface {
	AvatarURL(w wallet.Wallet) string
}

// Deps is what the dialect works with.
type Deps struct {
	Wallets  *wallet.Service
	Access   Access
	Codes    Codes
	Pictures Pictures
	Clock    clock.Clock
	// Status and Sandbox are those of a wallet that somebody signs up for.
	Status  wallet.Status
	Sandbox bool
	// Address is whose request a sign-up or a sign-in is; httpx.RemoteAddress when nil. ByAddress bounds how many of them an address makes.
	Address   func(*http.Request) string
	ByAddress *httpx.Limiter
}

// Dialect is the front door.
type Dialect struct{ Deps }

// New is the dialect over the core.
func New(d Deps) *Dialect {
	if d.Address == nil {
		d.Address = httpx.RemoteAddress
	}
	return &Dialect{d}
}

// base is the path under which everything is served.
const base = "/api/v1"

// HTTP is the dialect's routes, and how it words what goes wrong under their paths.
func (d *Dialect) HTTP() httpx.Door {
	const user, move = base + "/private/user", base + "/private/transaction"
	get := func(path string, h func(http.ResponseWriter, *http.Request) error) httpx.Route {
		return httpx.Handle(http.MethodGet, path, h)
	}
	post := func(path string, h func(http.ResponseWriter, *http.Request) error) httpx.Route {
		return httpx.Handle(http.MethodPost, path, h)
	}
	return httpx.Door{
		Name: Name, Prefixes: []string{base}, Error: refuse,
		Routes: []httpx.Route{
			post(base+"/auth/signup", d.signUp),
			post(base+"/auth/signin", d.signIn),
			post(base+"/auth/logout", d.signOut),
			get(user+"/profile", d.profile),
			get(user+"/profile-qr", d.profileQR),
			get(user+"/transaction/history", d.history),
			get(user+"/transactional-limits", d.limits),
			post(move+"/manual-payment/merchant-info", d.merchantInfo),
			post(move+"/manual-payment/summary", d.summary),
			post(move+"/manual-payment/execute", d.execute(manual)),
			post(move+"/request-money/execute", d.execute(manual)),
			post(move+"/qr-payment/summary", d.scan),
			get(move+"/qr-payment/confirmation", d.confirm),
			post(move+"/qr-payment/confirmation", d.confirm),
			post(move+"/qr-payment/execute", d.execute(byQR)),
		},
	}
}

// answer answers with data, and with what is to be said about it.
func answer(w http.ResponseWriter, data any, messages ...string) error {
	if messages == nil {
		messages = []string{}
	}
	httpx.WriteJSON(w, http.StatusOK, envelope{Code: http.StatusOK, Messages: messages, Data: data})
	return nil
}

// read reads the body of r, whatever its method.
func read(r *http.Request) ([]byte, httpx.Fields, error) {
	body, err := httpx.ReadBody(r, 0)
	if err != nil {
		return nil, httpx.Fields{}, err
	}
	fields, err := httpx.ParseFields(r.Header.Get("Content-Type"), body)
	return body, fields, err
}

// merchantInfo answers the merchant with a number.
func (d *Dialect) merchantInfo(w http.ResponseWriter, r *http.Request) error {
	who, err := d.authenticate(r)
	if err != nil {
		return err
	}
	_, fields, err := read(r)
	if err != nil {
		return err
	}
	number, wrong := readNumber(fields, fieldReceiver)
	if wrong != nil {
		return wrong
	}
	to, err := d.Wallets.ByNumber(r.Context(), number)
	if fault.Has(err, fault.WalletMissing) || err == nil && !(to.Kind == wallet.Merchant && reachable(who, to)) {
		return fault.New(fault.ReceiverMissing).Wrap(err)
	}
	if err != nil {
		return err
	}
	text, err := d.Codes.Text(to)
	if err != nil {
		return err
	}
	return answer(w, merchantAnswer{merchantInfo{Name: to.Name, MobileNumber: to.Number, Avatar: d.Pictures.AvatarURL(to), QRCode: text}})
}

// reachable reports whether who could pay or send to the wallet, whatever the amount.
func reachable(who, to wallet.Wallet) bool {
	return to.Status == wallet.Approved && to.Sandbox == who.Sandbox && to.Has(money.BDT)
}

// scan answers the form for a payment by QR code, and to whom it would be.
func (d *Dialect) scan(w http.ResponseWriter, r *http.Request) error {
	who, err := d.authenticate(r)
	if err != nil {
		return err
	}
	_, fields, err := read(r)
	if err != nil {
		return err
	}
	text, wrong := readQR(fields)
	if wrong == nil && text == "" {
		wrong = fault.New(fault.FieldRequired).On(fieldQR)
	}
	if wrong != nil {
		return wrong
	}
	to, err := d.Codes.Read(r.Context(), text)
	if err != nil {
		return err
	}
	if !reachable(who, to) {
		return fault.New(fault.ReceiverMissing)
	}
	return answer(w, scanned{Params: form, Receiver: receiver{
		Name: to.Name, MSISDN: shown(to.Number, to.Kind, false), Thumbnail: d.Pictures.AvatarURL(to), UserType: string(to.Kind),
	}})
}

// summary tells what a manual payment would do.
func (d *Dialect) summary(w http.ResponseWriter, r *http.Request) error {
	who, err := d.authenticate(r)
	if err != nil {
		return err
	}
	_, fields, err := read(r)
	if err != nil {
		return err
	}
	return d.quote(w, r, who, fields, manual)
}

// confirm tells what a payment by QR code would do; with a PIN, it does it.
func (d *Dialect) confirm(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodHead { // it could not tell a quote from a receipt
		const allow = "GET, OPTIONS, POST"
		w.Header().Set("Allow", allow)
		return fault.New(fault.MethodNotAllowed).With("allow", allow)
	}
	who, err := d.authenticate(r)
	if err != nil {
		return err
	}
	body, fields, err := read(r)
	if err != nil {
		return err
	}
	// A PIN in the address is not read, since addresses are written to logs; but who puts it there asks for no quote.
	if fields.Has(fieldPIN) || r.URL.Query().Has(fieldPIN) {
		return d.spend(w, r, who, body, fields, byQR)
	}
	return d.quote(w, r, who, fields, byQR)
}

// quote answers the figures of what is asked for, moving nothing.
func (d *Dialect) quote(w http.ResponseWriter, r *http.Request, who wallet.Wallet, fields httpx.Fields, m manner) error {
	q, err := readPayment(fields, m)
	if err != nil {
		return err
	}
	to, none, err := d.receiver(r.Context(), q)
	if err != nil {
		return err
	}
	got, err := d.Wallets.Quote(r.Context(), wallet.Spend{Door: Name, Sender: who.Owner, Receiver: to, Amount: q.amount, Note: q.note})
	if err != nil {
		return because(err, none)
	}
	return answer(w, summaryAnswer{d.quotedOf(got, q, m)})
}

// execute moves the money.
func (d *Dialect) execute(m manner) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, err := d.authenticate(r)
		if err != nil {
			return err
		}
		body, fields, err := read(r)
		if err != nil {
			return err
		}
		return d.spend(w, r, who, body, fields, m)
	}
}

func (d *Dialect) spend(w http.ResponseWriter, r *http.Request, who wallet.Wallet, body []byte, fields httpx.Fields, m manner) error {
	key, err := httpx.IdempotencyKey(r.Header)
	if err != nil {
		return err
	}
	q, err := readPayment(fields, m)
	if err != nil {
		return err
	}
	to, none, err := d.receiver(r.Context(), q)
	if err != nil {
		return err
	}
	number, err := d.Wallets.NextNumber(r.Context())
	if err != nil {
		return err
	}
	pin := readPIN(fields)
	sent, err := d.Wallets.Spend(r.Context(), wallet.Spend{
		ID: id.New(d.Clock), Number: number, Door: Name, Sender: who.Owner, Receiver: to, Amount: q.amount, Note: q.note,
		PIN: &pin, Once: key == "",
	}, d.keyOf(key, m, body))
	if err != nil {
		return because(err, none)
	}
	said := "Send money is successful."
	if sent.Transfer.ReceiverKind == wallet.Merchant {
		said = "Payment is successful"
	}
	return answer(w, summaryAnswer{d.receiptOf(sent.Transfer, q, m)}, said)
}

// keyOf is the request's Idempotency-Key for the core, nil for none. The body is blinded as a PIN is, since it holds one.
func (d *Dialect) keyOf(key string, m manner, body []byte) *store.Key {
	if key == "" {
		return nil
	}
	return merchant.IdempotencyKey(Name, key, m.String(), d.Wallets.BlindPIN(string(body)))
}

// receiver is the owner of the wallet that the request names. Where it names none, owner is "" and none says why; the core, which is then
// asked with that, looks at the sender and at kept answers before it refuses.
func (d *Dialect) receiver(ctx context.Context, q payment) (owner string, none *fault.Error, err error) {
	if q.qr != "" {
		to, err := d.Codes.Read(ctx, q.qr)
		if fault.Has(err, fault.QRInvalid) {
			return "", fault.New(fault.QRInvalid).Wrap(err), nil
		}
		if err != nil || q.number == "" {
			return to.Owner, nil, err
		}
		owner = to.Owner
	}
	to, err := d.Wallets.ByNumber(ctx, q.number)
	if fault.Has(err, fault.WalletMissing) || err == nil && owner != "" && owner != to.Owner {
		return "", fault.New(fault.ReceiverMissing).Wrap(err), nil
	}
	return to.Owner, nil, err
}

// because is the refusal err; where the core found no receiver, it is why the request names none.
func because(err error, none *fault.Error) error {
	if none != nil && fault.Has(err, fault.ReceiverMissing) {
		return none
	}
	return err
}
