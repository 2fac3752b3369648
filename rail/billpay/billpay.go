// Package billpay is the rail over which Pakistan's banks pay bills by number, in the manner of 1LINK's 1BILL: a bank's app asks for a
// bill by its consumer number, and then reports that its customer has paid it.
//
// It is the biller's side of that protocol: fixed-width texts in JSON, a two-digit code in every answer, the channel's user name and
// password in headers. The calls come in from outside, and reach the core through rail.Biller. What differs between members is the
// channel's rail.Profile, not a fork. docs/billpay.md has the contract and what was decided where it is silent.
package billpay

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/httpx"
	"sarraf/rail"
)

// Name is the rail's name, which is also that of its clearing accounts and of its door.
const Name = "billpay"

// zone is where the banks' days begin and end.
const zone = "Asia/Karachi"

// maxBody is the largest request, in bytes. The longest honest one is not a tenth of it, its reserved in escapes.
const maxBody = 32 << 10

// maxCredential is the longest user name or password that is looked up, in bytes.
const maxCredential = 256

// Deps is what the rail works with.
type Deps struct {
	Biller   rail.Biller
	Channels rail.Channels
	Clock    clock.Clock
	// Address is where a request comes from, as a channel's allow-list has it; the peer's own address when nil.
	Address func(*http.Request) netip.Addr
	// Registry takes sarraf_billpay_answers_total; nil for no metrics.
	Registry prometheus.Registerer
}

// Rail is the biller's side of the protocol.
type Rail struct {
	Deps
	answers *prometheus.CounterVec // nil for no metrics
}

// New is the rail over the core. It is an error when the registry has such metrics already.
func New(d Deps) (*Rail, error) {
	if d.Address == nil {
		d.Address = func(r *http.Request) netip.Addr { return httpx.ClientIP(r, nil) }
	}
	x := &Rail{Deps: d}
	if d.Registry == nil {
		return x, nil
	}
	x.answers = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sarraf_billpay_answers_total",
		Help: "Answers to banks, by channel (none where no channel's credentials were shown), operation and code.",
	}, []string{"channel", "operation", "code"})
	return x, d.Registry.Register(x.answers)
}

// bases are the spellings of the path before the operation: the specification's, and those of members who number versions otherwise.
var bases = []string{"/api/1.0/Payments", "/api/v1/Payments", "/api/v1"}

// HTTP is the rail's routes, and how it words what goes wrong under their paths.
func (x *Rail) HTTP() httpx.Door {
	d := httpx.Door{Name: Name, Prefixes: []string{"/billpay"}, Error: x.refuse}
	for _, base := range bases {
		for _, o := range []struct {
			operation operation
			handle    func(ctx context.Context, c *call, f httpx.Fields) (answer, error)
		}{{inquiry, x.inquire}, {payment, x.pay}} {
			route := httpx.Handle(http.MethodPost, "/billpay/{channel}"+base+"/"+o.operation.path(), func(w http.ResponseWriter, r *http.Request) error {
				return x.serve(w, r, &call{operation: o.operation}, o.handle)
			})
			route.MaxBody = maxBody
			d.Routes = append(d.Routes, route)
		}
	}
	return d
}

// call is one request of a bank's, as far as it was understood: its answer depends on no more.
type call struct {
	operation operation
	channel   rail.Channel // zero until its credentials were found right
	reserved  string       // as sent
}

// serve answers one request. Who asks is found out before what is asked.
func (x *Rail) serve(w http.ResponseWriter, r *http.Request, c *call, handle func(context.Context, *call, httpx.Fields) (answer, error)) error {
	a, err := x.answer(r, c, handle)
	if err != nil {
		return &refusal{call: c, cause: err}
	}
	x.write(w, http.StatusOK, c, a)
	return nil
}

func (x *Rail) answer(r *http.Request, c *call, handle func(context.Context, *call, httpx.Fields) (answer, error)) (answer, error) {
	if err := x.authenticate(r, c); err != nil {
		return answer{}, err
	}
	body, err := httpx.ReadBody(r, maxBody)
	if err != nil {
		return answer{}, err
	}
	f, err := httpx.ParseFields(r.Header.Get("Content-Type"), body)
	if err != nil {
		return answer{}, err
	}
	if c.reserved, err = readReserved(f); err != nil {
		return answer{}, err
	}
	return handle(r.Context(), c, f)
}

// authenticate finds the channel of the path by the credentials in the headers. Whatever is wrong with them, with the channel or with
// the address is fault CredentialsInvalid, so that nobody learns which it was.
func (x *Rail) authenticate(r *http.Request, c *call) error {
	username, password := r.Header["Username"], r.Header["Password"]
	if len(username) != 1 || len(password) != 1 || len(username[0]) > maxCredential || len(password[0]) > maxCredential {
		return fault.New(fault.CredentialsInvalid)
	}
	found, err := x.Channels.AuthenticateChannel(r.Context(), r.PathValue("channel"), username[0], password[0])
	switch f := fault.First(err); {
	case f == nil:
	case f.Kind() == fault.Missing || f.Kind() == fault.Unauthenticated:
		return fault.New(fault.CredentialsInvalid).Wrap(err)
	default:
		return err
	}
	if found.Disabled {
		return fault.New(fault.CredentialsInvalid).Wrap(errors.New("the channel is off"))
	}
	from := x.Address(r)
	if len(found.Networks) > 0 && !slices.ContainsFunc(found.Networks, func(p netip.Prefix) bool { return p.Contains(from) }) {
		return fault.New(fault.CredentialsInvalid).Wrap(errors.New("not called from an address of channel " + found.ID))
	}
	c.channel = found
	return nil
}

// inquire tells what is asked for under a consumer number.
func (x *Rail) inquire(ctx context.Context, c *call, f httpx.Fields) (answer, error) {
	q, err := readInquiry(f)
	if err != nil {
		return answer{}, err
	}
	psid, err := x.resolve(ctx, c.channel, q.consumer)
	if err != nil {
		return answer{}, err
	}
	b, err := x.bill(ctx, c.channel, psid)
	if err != nil {
		return answer{}, err
	}
	return presented(b, x.Clock.Now())
}

// pay hands on that a bill was paid.
func (x *Rail) pay(ctx context.Context, c *call, f httpx.Fields) (answer, error) {
	now := x.Clock.Now() // when the request came, before anything waits
	p, err := readPayment(f)
	if err != nil {
		return answer{}, err
	}
	psid, err := x.resolve(ctx, c.channel, p.consumer)
	if err != nil {
		return answer{}, err
	}
	receipt, err := x.Biller.PayBill(ctx, rail.BillPayment{
		Rail: Name, Reference: p.reference(c.channel.ID, psid), PSID: psid, Amount: p.amount, At: judgedAt(p.at, now), Sandbox: c.channel.Sandbox,
	})
	if err != nil {
		return answer{}, err
	}
	a := answer{code: codeDone, parameter: receipt.Number}
	if receipt.Replay {
		a.code = codeAgain
	}
	return a, nil
}

// bill is the bill of a PSID as the channel may see it. Fault InvoiceMissing: there is none, or it is of the other mode.
func (x *Rail) bill(ctx context.Context, c rail.Channel, psid string) (rail.Bill, error) {
	b, err := x.Biller.Bill(ctx, psid)
	if err == nil && b.Sandbox != c.Sandbox {
		return rail.Bill{}, fault.New(fault.InvoiceMissing)
	}
	return b, err
}

// resolve is the PSID that a consumer number means. It is 24 digits, and may have come without one of the prefixes that the aggregator
// cuts off. Where several prefixes would make a PSID of it, it is the one that there is; two that there are is fault FieldMalformed, for
// it is not ours to choose whose bill is paid. InvoiceMissing: no PSID comes of it.
func (x *Rail) resolve(ctx context.Context, c rail.Channel, consumer string) (string, error) {
	if len(consumer) == psidDigits {
		return consumer, nil
	}
	var candidates []string
	for _, prefix := range c.Prefixes {
		if psid := prefix + consumer; len(psid) == psidDigits && !slices.Contains(candidates, psid) {
			candidates = append(candidates, psid)
		}
	}
	switch len(candidates) {
	case 0:
		return "", fault.New(fault.InvoiceMissing)
	case 1:
		return candidates[0], nil
	}
	meant := ""
	for _, psid := range candidates {
		switch _, err := x.bill(ctx, c, psid); {
		case fault.Has(err, fault.InvoiceMissing):
		case err != nil:
			return "", err
		case meant != "":
			return "", fault.New(fault.FieldMalformed).On(fieldConsumer).Wrap(errors.New("it means two bills"))
		default:
			meant = psid
		}
	}
	if meant == "" {
		return "", fault.New(fault.InvoiceMissing)
	}
	return meant, nil
}
