package payrequest

import (
	"cmp"
	"net/http"

	"sarraf/fault"
	"sarraf/internal/httpx"
)

// sentence is how a fault is worded: the HTTP status; the documented error; and, where that is unknown, what realerror says, in which
// :attribute stands for the name of the field and :max, :allow and the like for the fault's figures.
type sentence struct {
	status int
	error  string
	text   string
}

const unknown = "unknown"

// is is a documented error, says one that only realerror can tell.
func is(error string) sentence  { return sentence{http.StatusOK, error, ""} }
func says(text string) sentence { return sentence{http.StatusOK, unknown, text} }

// missing are the documented errors of fields that must be there.
var missing = map[string]string{fieldToken: "notoken", fieldID: "noid", fieldTitle: "notitle", fieldAmount: "noamount"}

// sentences has every code. The guide's clients read nothing but the body, so that all a client can mend is a 200.
var sentences = map[fault.Code]sentence{
	fault.FieldRequired:      says(":attribute is missing"), // see missing
	fault.CredentialsInvalid: is("novalidtoken"),
	fault.FieldNotNumber:     is("notvalidamount"),
	fault.AmountNotPositive:  is("notvalidamount"),
	fault.AmountTooLarge:     is("notvalidamount"),
	fault.AmountDecimals:     is("notvalidamount"),
	fault.AmountOverflow:     is("notvalidamount"),
	fault.RailUnknown:        is("nointegration"),
	fault.CurrencyUnknown:    is("pspnotsupported"),
	fault.InvoiceMissing:     is("nosuchlink"),
	fault.ReferenceTaken:     says("id already exists"),

	fault.BodyMalformed:   says("the request is neither JSON nor form data"),
	fault.BodyUnsupported: says("the request must be JSON or form data"),
	fault.FieldNotString:  says(":attribute must be text"),
	fault.FieldNotInteger: says(":attribute must be a whole number"),
	fault.FieldNotList:    says(":attribute must be a list"),
	fault.FieldNotURL:     says(":attribute must be an http or https URL"),
	fault.FieldNotOneOf:   says(":attribute is not one of the values it can have"),
	fault.FieldMalformed:  says(":attribute is not valid"),
	fault.FieldControl:    says(":attribute has characters that are not allowed"),
	fault.FieldTooLong:    says(":attribute is longer than :max characters"),
	fault.FieldTooMany:    says(":attribute has more than :max items"),

	fault.IdempotencyReused: says("the Idempotency-Key was used with another request"),
	fault.PermissionMissing: says("this token may only read"),
	fault.SandboxOnly:       says("this is possible in the sandbox only"),

	fault.PaymentMissing:    says("payment not found"),
	fault.PayoutMissing:     says("payout not found"),
	fault.MerchantMissing:   says("merchant not found"),
	fault.EventMissing:      says("event not found"),
	fault.UploadMissing:     says("upload not found"),
	fault.ChannelMissing:    says("channel not found"),
	fault.TargetMissing:     says("target not found"),
	fault.HoldMissing:       says("hold not found"),
	fault.TargetAmbiguous:   says("more than one object has this id"),
	fault.ReferenceReserved: says(":attribute may not look like that"),

	fault.InvoiceClosed:       says("the link is closed"),
	fault.AmountMismatch:      says("the amount is not what is due"),
	fault.BalanceInsufficient: says("the balance is too low"),
	fault.HoldClosed:          says("the money that was set aside is no longer"),
	fault.HoldExpired:         says("the time of the money that was set aside is over"),
	fault.HoldNotDue:          says("the time of the money that was set aside is not over"),
	fault.TransferInvalid:     says("the transfer is not valid"),
	fault.RailDeclined:        says("the payment was declined"),

	fault.RouteUnknown:         {http.StatusNotFound, unknown, "there is no such path"},
	fault.MethodNotAllowed:     {http.StatusMethodNotAllowed, unknown, "the path takes :allow"},
	fault.BodyTooLarge:         {http.StatusRequestEntityTooLarge, unknown, "the request is larger than :limit bytes"},
	fault.RateLimited:          {http.StatusTooManyRequests, unknown, "too many requests, please try again later"},
	fault.Overloaded:           {http.StatusServiceUnavailable, unknown, "the service is busy, please try again"},
	fault.Outage:               {http.StatusServiceUnavailable, unknown, "the service is unavailable, please try again"},
	fault.SettingMissing:       {http.StatusServiceUnavailable, unknown, "the service is unavailable, please try again"},
	fault.WalletMissing:        says("wallet not found"),
	fault.TransferMissing:      says("transfer not found"),
	fault.SenderNotApproved:    says("the sending wallet is not approved"),
	fault.ReceiverMissing:      says("the receiver is not found"),
	fault.ReceiverSelf:         says("sender and receiver are the same wallet"),
	fault.AmountBelowLimit:     says("the amount is below the least of a transaction"),
	fault.AmountAboveLimit:     says("the amount is above the most of a transaction"),
	fault.DailyLimitExceeded:   says("the daily limit is exceeded"),
	fault.MonthlyLimitExceeded: says("the monthly limit is exceeded"),
	fault.PINMalformed:         says("the PIN must be 4 digits"),
	fault.PINWrong:             says("the PIN is wrong"),
	fault.PINLocked:            says("the PIN is locked, try again later"),
	fault.QRInvalid:            says("the QR code is invalid"),
	fault.CodeWrong:            says("the code is wrong or too old"),
	fault.CodeTooMany:          {http.StatusTooManyRequests, unknown, "too many codes were asked for, try again later"},
	fault.PayoutMethodMissing:  says("there is no such payout method"),
	fault.PayoutClosed:         says("the payout is past that"),
	fault.ApprovalOwn:          says("whoever asked cannot decide"),
	fault.ApprovalWanted:       says("a second person has to approve first"),
	fault.BatchMissing:         says("batch not found"),
	fault.BatchUnfinished:      says("the batch is still being worked at"),
	fault.RefundMissing:        says("refund not found"),
	fault.RefundTooMuch:        says("the amount is more than can be given back"),
	fault.InvoiceOpen:          says("the invoice is still open"),
	fault.Bug:                  {http.StatusInternalServerError, unknown, "something went wrong"},
}

// failureOf is the answer to err: that to its first fault.
func failureOf(err error, requestID string) (int, failure) {
	f := fault.First(err)
	s, ok := sentences[f.Code]
	if !ok {
		s = sentences[fault.Bug] // a code that has no sentence is as bad as an internal fault
	}
	if s.status == http.StatusInternalServerError {
		return s.status, failure{"error", s.error, s.text + ", request " + cmp.Or(requestID, "unknown")}
	}
	if code := missing[f.Field]; f.Code == fault.FieldRequired && code != "" {
		s = is(code)
	}
	return s.status, failure{"error", s.error, httpx.Word(s.text, "a field", f)}
}

// refuse answers r with err in the dialect's shape.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	httpx.RetryAfter(w.Header(), fault.First(err))
	status, body := failureOf(err, httpx.RequestID(r.Context()))
	httpx.WriteJSON(w, status, body)
}
