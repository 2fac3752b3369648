package crashtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Order is an invoice that a merchant wants.
type Order struct {
	Reference string // unique over all doors, so that it names the invoice everywhere
	Amount    string // major units with two decimals
	Hook      string // where the merchant wants to be told
}

// Request is one call of a client. Path may carry a query; Header is pairs of names and values.
type Request struct {
	Method, Path string
	Header       []string
	Body         []byte
}

// Answer is what came back.
type Answer struct {
	Status   int
	Location string
	Body     []byte
}

// Driver is one front door as its merchants' programs know it. A new door is added with one value in Drivers.
type Driver struct {
	Door     string
	Currency string
	Tells    []string // the ends of an invoice that the door tells by webhook, in the core's words

	// Create is the call that makes an invoice, and Made reads the answer: the address of the payer's page, "" when there is none, or
	// false when it says anything but that the invoice was made.
	Create func(Order) Request
	Made   func(Answer) (page string, ok bool)
	// Named reads the number that the door prints of an invoice in the answer to Create, where invoices are asked for and paid by that
	// and not by their reference; nil elsewhere.
	Named func(Answer) string
	// Ask is the call that asks for an invoice's status by its reference, or what Named says, and Standing reads the status word; ""
	// says that there is no such invoice, and false that the answer is neither.
	Ask      func(name string) Request
	Standing func(Answer) (word string, ok bool)
	// The door's words.
	Open, Paid, Cancelled, Expired string
}

// Line is what `sarraf demo --json` prints, as far as clients need it. A door that is not there is nil.
type Line struct {
	Native struct {
		APIKey        string `json:"api_key"`
		WebhookSecret string `json:"webhook_secret"`
	} `json:"native"`
	Aspay *struct {
		APIKey    string `json:"api_key"`
		APISecret string `json:"api_secret"`
	} `json:"aspay"`
	AssanPay *struct {
		MerchantID string `json:"merchant_id"`
		APIKey     string `json:"api_key"`
	} `json:"assanpay"`
	PayRequest *struct {
		Token string `json:"token"`
	} `json:"payrequest"`
	AsaanBill *struct {
		Username string `json:"username"`
		Password string `json:"password"`

		token, channel string // what the login answered
	} `json:"asaanbill"`
	DeshiPay *struct {
		Consumers []*Holder `json:"consumers"`
		Merchant  *Holder   `json:"merchant"`
	} `json:"deshipay"`
}

// login is the call by which AsaanBill's user logs in, and loggedIn keeps what it answered; false when that is no token.
func (l Line) login() Request {
	return post("/integration/login", []string{"username", l.AsaanBill.Username}, map[string]any{"password": l.AsaanBill.Password})
}

func (l Line) loggedIn(a Answer) bool {
	l.AsaanBill.token, l.AsaanBill.channel = text(a, "data", "token"), text(a, "data", "channel", "id")
	return a.Status == http.StatusOK && l.AsaanBill.token != "" && l.AsaanBill.channel != ""
}

// Drivers are those of the front doors with the given names. A door that nobody here knows, or that the line has no credentials for, is
// not among them.
func (l Line) Drivers(doors []string) []*Driver {
	return slices.DeleteFunc(l.all(), func(d *Driver) bool { return !slices.Contains(doors, d.Door) })
}

func (l Line) all() []*Driver {
	var list []*Driver
	if k := l.Aspay; k != nil {
		keys := []string{"x-api-key", k.APIKey, "x-api-secret", k.APISecret}
		list = append(list, &Driver{
			Door: "aspay", Currency: "BDT", Tells: []string{"paid"}, Open: "pending", Paid: "paid", Cancelled: "cancelled", Expired: "expired",
			Create: func(o Order) Request {
				return post("/api/payment/create", keys, map[string]any{
					"amount": json.Number(o.Amount), "customer_name": "Rahima Khatun", "transaction_reference": o.Reference, "callback_url": o.Hook,
				})
			},
			Made: func(a Answer) (string, bool) {
				page := text(a, "payment_url")
				return page, a.Status == http.StatusOK && text(a, "status") == "success" && page != ""
			},
			Ask:      func(ref string) Request { return get("/api/payment/"+ref, keys) },
			Standing: func(a Answer) (string, bool) { return standing(a, "status") },
		})
	}
	if k := l.AssanPay; k != nil {
		keys := []string{"Authorization", "Bearer " + k.APIKey}
		list = append(list, &Driver{
			Door: "assanpay", Currency: "PKR", Open: "Pending", Paid: "Completed", Cancelled: "Cancelled", Expired: "Expired",
			Create: func(o Order) Request {
				return post("/payment-request/qr/"+k.MerchantID, keys, map[string]any{
					"amount": o.Amount, "order_id": o.Reference, "store_name": "Anarkali Books", "link": o.Hook,
				})
			},
			Made: func(a Answer) (string, bool) {
				page := text(a, "data", "completeLink")
				return page, a.Status == http.StatusOK && text(a, "status") == "true" && page != ""
			},
			Ask: func(ref string) Request {
				return get("/payment/all-inquiry/"+k.MerchantID+"?transactionId="+url.QueryEscape(ref), keys)
			},
			Standing: func(a Answer) (string, bool) { return standing(a, "data", "transactionStatus") },
		})
	}
	if k := l.PayRequest; k != nil {
		list = append(list, &Driver{
			Door: "payrequest", Currency: "EUR", Tells: []string{"paid", "failed", "cancelled", "expired"},
			Open: "pending", Paid: "paid", Cancelled: "failed", Expired: "failed",
			Create: func(o Order) Request {
				return post("/api/create/", nil, map[string]any{
					"token": k.Token, "id": o.Reference, "title": "Two books", "amount": o.Amount, "type": "direct", "webhook": o.Hook,
				})
			},
			Made: func(a Answer) (string, bool) {
				page := text(a, "url")
				return page, a.Status == http.StatusOK && text(a, "status") == "success" && page != ""
			},
			Ask: func(ref string) Request {
				return post("/api/get/", nil, map[string]any{"token": k.Token, "id": ref})
			},
			Standing: func(a Answer) (string, bool) {
				if text(a, "error") == "nosuchlink" {
					return "", true
				}
				return standing(a, "status")
			},
		})
	}
	if k := l.AsaanBill; k != nil {
		keys := []string{"x-auth-ph-key", k.token, "channel-id", k.channel, "username", k.Username}
		list = append(list, &Driver{
			Door: "asaanbill", Currency: "PKR", Open: "APPROVED", Paid: "PROCESSED", Cancelled: "DISCARD", Expired: "DISCARD",
			Create: func(o Order) Request {
				return post("/payment-hub/integration/add?generationTypes=PSID", keys, map[string]any{"payment": map[string]any{
					"title": "School fees", "identifier": o.Reference, "dueDate": "2925-08-31", "amount": o.Amount, "amountAfterDueDate": o.Amount,
				}})
			},
			Made: func(a Answer) (string, bool) {
				return "", a.Status == http.StatusOK && text(a, "data", "psid") != "" && text(a, "data", "status") == "APPROVED"
			},
			Named:    func(a Answer) string { return text(a, "data", "id") },
			Ask:      func(number string) Request { return get("/integration/payment/"+number, keys) },
			Standing: func(a Answer) (string, bool) { return standing(a, "data", "status") },
		})
	}
	return list
}

// standing is the status word at a path of names in the answer; a 404 says that there is no such invoice.
func standing(a Answer, path ...string) (string, bool) {
	if a.Status == http.StatusNotFound {
		return "", true
	}
	word := text(a, path...)
	return word, a.Status == http.StatusOK && word != ""
}

// word is how the door calls a status of the core.
func (d *Driver) word(status string) string {
	return map[string]string{"open": d.Open, "paid": d.Paid, "cancelled": d.Cancelled, "expired": d.Expired}[status]
}

func get(path string, header []string) Request {
	return Request{Method: http.MethodGet, Path: path, Header: header}
}

func post(path string, header []string, body any) Request {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("a body that is no JSON: %v", err)) // of texts and numbers made here
	}
	return Request{Method: http.MethodPost, Path: path, Header: append([]string{"Content-Type", "application/json"}, header...), Body: encoded}
}

// text is the string or the number at a path of names in the answer's JSON, "" when there is none.
func text(a Answer, path ...string) string {
	var at any
	dec := json.NewDecoder(bytes.NewReader(a.Body))
	dec.UseNumber()
	if dec.Decode(&at) != nil {
		return ""
	}
	for _, name := range path {
		m, _ := at.(map[string]any)
		at = m[name]
	}
	if n, ok := at.(json.Number); ok {
		return n.String()
	}
	s, _ := at.(string)
	return s
}

// pathOf is what follows the host of a URL of the program's own: clients reach it at the address of a node that they choose.
func pathOf(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return "/"
	}
	return u.RequestURI()
}

// with is the request with an Idempotency-Key.
func (r Request) with(key string) Request {
	r.Header = append(r.Header[:len(r.Header):len(r.Header)], "Idempotency-Key", key)
	return r
}

// String names the request in a message.
func (r Request) String() string { return r.Method + " " + strings.SplitN(r.Path, "?", 2)[0] }
