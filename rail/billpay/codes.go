package billpay

import (
	"errors"
	"net/http"
	"strings"

	"sarraf/fault"
)

// operation is one of the two things that a bank asks.
type operation string

const (
	inquiry operation = "inquiry"
	payment operation = "payment"
)

// path is the last segment of the operation's path.
func (o operation) path() string {
	if o == payment {
		return "BillPayment"
	}
	return "BillInquiry"
}

// operationOf is the operation of a path: what cannot be told is answered as an inquiry, whose answer promises nothing.
func operationOf(path string) operation {
	if strings.HasSuffix(path, "/"+payment.path()) {
		return payment
	}
	return inquiry
}

// The codes. 03 says one thing at an inquiry and another at a payment.
const (
	codeDone    = "00"
	codeMissing = "01" // not found, expired, or not payable
	codeBlocked = "02" // blocked; a zero or wrong amount
	codeSystem  = "03" // at an inquiry: a fault of ours
	codeAgain   = "03" // at a payment: it was recorded before
	codeInvalid = "04" // the data or the credentials are wrong
	codeFailed  = "05" // at a payment: it could not be processed
	codePaid    = "06" // at a payment: another one has paid the bill
)

// codeOf is the code that a fault is answered with. Every fault has one; what is none of the bank's business is a fault of ours.
func codeOf(o operation, f *fault.Error) string {
	switch f.Code {
	case fault.InvoiceClosed:
		if status := f.Params["status"]; o == payment && (status == "paid" || status == "refunded") {
			return codePaid
		}
		return codeMissing
	case fault.PermissionMissing, fault.AmountMismatch, fault.AmountNotPositive, fault.AmountTooLarge, fault.AmountOverflow:
		return codeBlocked
	case fault.InvoiceMissing, fault.MerchantMissing:
		return codeMissing
	case fault.RouteUnknown:
		return codeInvalid
	}
	switch f.Kind() {
	case fault.Invalid, fault.Unauthenticated, fault.Forbidden:
		return codeInvalid
	}
	if o == payment {
		return codeFailed
	}
	return codeSystem
}

// refusal is a fault with what was understood of the call that met it.
type refusal struct {
	call  *call
	cause error
}

func (r *refusal) Error() string { return r.cause.Error() }

// Unwrap is for package fault.
func (r *refusal) Unwrap() error { return r.cause }

// refuse answers r with err. The protocol has its codes in the body: the HTTP status is 200 for whatever a bank can ask, so that no layer
// between swallows the code; 404 and 405 are for what is no operation at all.
func (x *Rail) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var known *refusal
	c := &call{operation: operationOf(r.URL.Path)}
	if errors.As(err, &known) {
		c = known.call
	}
	f, status := fault.First(err), http.StatusOK
	switch f.Code {
	case fault.RouteUnknown:
		status = http.StatusNotFound
	case fault.MethodNotAllowed:
		status = http.StatusMethodNotAllowed
	}
	x.write(w, status, c, answer{code: codeOf(c.operation, f)})
}
