// Package bank plays a member bank that pays bills over rail billpay: it asks for a bill, reports a payment, and misbehaves as it is told.
//
// It is for developers and tests, and knows the protocol from the outside alone: it shares no code with the biller's side, so that a
// mistake there is not made here as well. An answer that breaks the protocol is an error.
package bank

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sarraf/internal/clock"
)

const zone = "Asia/Karachi"

// Bank is a member bank, or an aggregator that calls for one. It may be used by several goroutines.
type Bank struct {
	URL      string // of the biller with the channel's path: https://pay.example.com/billpay/hbl
	Username string
	Password string
	Mnemonic string       // its short name, 1 to 8 characters
	Base     string       // the path before the operation; /api/1.0/Payments when empty
	Signed   bool         // it sends amounts with their sign, in 14 characters instead of 12
	Client   *http.Client // one with a time limit of 30 s when nil

	authID atomic.Uint32 // the last one given, and where the first was begun
}

// Bill is the answer to an inquiry.
type Bill struct {
	Code       string // two digits
	Detail     string // without the spaces that fill it up, as all of these
	Status     string // U, P or B
	DueDate    string // yyyyMMdd
	Within     int64  // minor units, up to and on the due date
	After      int64  // after it
	Month      string // yyMM
	DatePaid   string // yyyyMMdd, "" of a bill that is not paid
	AmountPaid string // 12 digits, or ""
	AuthID     string // 6 digits, or ""
	Body       string // the answer as it came
}

// Payment is what a bank reports. Sent twice, it is the same payment.
type Payment struct {
	Consumer string
	AuthID   string // 6 digits
	Amount   int64  // minor units
	Date     string // yyyyMMdd, in Karachi
	Time     string // HHmmss
	Reserved string
}

// Receipt is the answer to a payment.
type Receipt struct {
	Code      string // two digits
	Parameter string // the biller's receipt number, "" where the payment was refused
	Body      string // the answer as it came
}

// Asked is the amount to be paid at an instant, in minor units: Within until the end of the due date in Karachi, After from then on.
func (b Bill) Asked(at time.Time) int64 {
	if clock.In(at, zone).Format("20060102") > b.DueDate {
		return b.After
	}
	return b.Within
}

// NewPayment is a payment made at an instant, with an id that this bank has not given yet.
func (b *Bank) NewPayment(consumer string, minor int64, at time.Time) Payment {
	for b.authID.Load() == 0 { // two processes that play one bank in one second must not give the same ids
		b.authID.CompareAndSwap(0, 1+rand.Uint32N(1_000_000))
	}
	local := clock.In(at, zone)
	return Payment{
		Consumer: consumer, AuthID: fmt.Sprintf("%06d", b.authID.Add(1)%1_000_000), Amount: minor,
		Date: local.Format("20060102"), Time: local.Format("150405"),
	}
}

// Inquire asks for a bill. A refusal is no error: its Code tells.
func (b *Bank) Inquire(ctx context.Context, consumer string) (Bill, error) {
	body, fields, err := b.post(ctx, "BillInquiry", map[string]string{
		"consumer_number": consumer, "bank_mnemonic": b.Mnemonic, "reserved": "",
	})
	if err != nil {
		return Bill{}, err
	}
	return readBill(body, fields)
}

// Pay reports a payment. A refusal is no error: its Code tells.
func (b *Bank) Pay(ctx context.Context, p Payment) (Receipt, error) {
	body, fields, err := b.post(ctx, "BillPayment", b.fields(p))
	if err != nil {
		return Receipt{}, err
	}
	return readReceipt(body, fields)
}

func (b *Bank) fields(p Payment) map[string]string {
	amount := fmt.Sprintf("%012d", p.Amount)
	if b.Signed {
		amount = fmt.Sprintf("%+014d", p.Amount)
	}
	return map[string]string{
		"consumer_number": p.Consumer, "tran_auth_id": p.AuthID, "transaction_amount": amount, "tran_date": p.Date, "tran_time": p.Time,
		"bank_mnemonic": b.Mnemonic, "reserved": p.Reserved,
	}
}

// ErrLost says that an answer never arrived. The payment may have been taken or not: only asking again tells.
var ErrLost = errors.New("the answer was lost")

// Loss is where an answer is lost.
type Loss int

// The losses.
const (
	HangUp  Loss = iota // the connection is cut once the request is out, before the biller can have answered
	Unheard             // the biller answered, and nobody read it
)

// PayUnheard reports a payment whose answer is lost: it is ErrLost unless the request could not be sent at all.
func (b *Bank) PayUnheard(ctx context.Context, p Payment, loss Loss) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if sent.Store(info.Err == nil); loss == HangUp {
				cancel()
			}
		},
		GotFirstResponseByte: cancel,
	}
	req, err := b.request(httptrace.WithClientTrace(ctx, trace), "BillPayment", b.fields(p))
	if err != nil {
		return err
	}
	req.Close = true // the connection goes with the answer
	resp, err := b.client().Do(req)
	if err == nil {
		err = resp.Body.Close()
	}
	if !sent.Load() {
		return errors.Join(errors.New("the payment could not be sent"), err)
	}
	return ErrLost
}

// Insist reports a payment until an answer arrives, at most so many times, as a bank does that heard nothing.
func (b *Bank) Insist(ctx context.Context, p Payment, times int) (r Receipt, err error) {
	for range times {
		if r, err = b.Pay(ctx, p); err == nil || ctx.Err() != nil {
			return r, err
		}
	}
	return r, err
}

// Attempt is a payment by a bank, and what came of it.
type Attempt struct {
	Bank    *Bank
	Payment Payment
	Receipt Receipt
	Err     error
}

// Together makes all attempts at the same instant, and fills in what came of each.
func Together(ctx context.Context, attempts []Attempt) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range attempts {
		ready.Add(1)
		done.Go(func() {
			a := &attempts[i]
			ready.Done()
			<-start
			a.Receipt, a.Err = a.Bank.Pay(ctx, a.Payment)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 64 << 10

// post asks and answers the body and its texts.
func (b *Bank) post(ctx context.Context, operation string, fields map[string]string) (string, map[string]string, error) {
	req, err := b.request(ctx, operation, fields)
	if err != nil {
		return "", nil, err
	}
	resp, err := b.client().Do(req)
	if err != nil {
		return "", nil, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return "", nil, err
	}
	var said map[string]string
	if err := json.Unmarshal(text, &said); err != nil {
		return "", nil, fmt.Errorf("HTTP %d is no answer of a biller: %w: %.200q", resp.StatusCode, err, text)
	}
	return string(text), said, nil
}

func (b *Bank) request(ctx context.Context, operation string, fields map[string]string) (*http.Request, error) {
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	base := b.Base
	if base == "" {
		base = "/api/1.0/Payments"
	}
	url := strings.TrimRight(b.URL, "/") + base + "/" + operation
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(string(body)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("username", b.Username)
	req.Header.Set("password", b.Password)
	return req, nil
}

var patient = &http.Client{Timeout: 30 * time.Second}

func (b *Bank) client() *http.Client {
	if b.Client != nil {
		return b.Client
	}
	return patient
}
