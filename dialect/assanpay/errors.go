package assanpay

import (
	"net/http"

	"sarraf/fault"
	"sarraf/internal/httpx"
)

// shape is which of the guide's answers a fault gets.
type shape uint8

const (
	general shape = iota // {"status":"error","message":...}
	field                // a field is missing or wrong
	refusal              // no transaction can be made
	unknown              // an inquiry about what there is not
)

// sentence is how a fault is worded: the HTTP status, the shape, and the text, in which :attribute stands for the field's name and :max and
// the like for the fault's figures.
type sentence struct {
	status int
	shape  shape
	text   string
}

// Sentences that several codes share.
const (
	notCreated = "Transaction not Created"
	notFound   = "Payment data not found"
	wrong      = "Something went wrong"
)

func badField(text string) sentence { return sentence{http.StatusBadRequest, field, text} }

func plain(status int, text string) sentence { return sentence{status, general, text} }

// sentences has every code.
var sentences = map[fault.Code]sentence{
	fault.BodyMalformed:    badField("The request body is not valid JSON or form data."),
	fault.BodyTooLarge:     plain(http.StatusRequestEntityTooLarge, "The request body is too large."),
	fault.BodyUnsupported:  plain(http.StatusUnsupportedMediaType, "The request body must be JSON or form data."),
	fault.RouteUnknown:     plain(http.StatusNotFound, "The route does not exist."),
	fault.MethodNotAllowed: plain(http.StatusMethodNotAllowed, "The method is not allowed here. Allowed: :allow."),

	fault.FieldRequired:     badField("Argument `:attribute` is missing."),
	fault.FieldNotString:    badField("Argument `:attribute` must be a string."),
	fault.FieldNotNumber:    badField("Argument `:attribute` must be a number."),
	fault.FieldNotInteger:   badField("Argument `:attribute` must be a whole number."),
	fault.FieldNotList:      badField("Argument `:attribute` must be a list."),
	fault.FieldNotURL:       badField("Argument `:attribute` must be a http or https address."),
	fault.FieldNotOneOf:     badField("Argument `:attribute` is not one of the allowed values."),
	fault.FieldMalformed:    badField("Argument `:attribute` is malformed."),
	fault.FieldControl:      badField("Argument `:attribute` has characters that are not allowed."),
	fault.FieldTooLong:      badField("Argument `:attribute` must not be longer than :max characters."),
	fault.FieldTooMany:      badField("Argument `:attribute` must not have more than :max items."),
	fault.AmountNotPositive: badField("Argument `:attribute` must be greater than 0."),
	fault.AmountTooLarge:    badField("Argument `:attribute` must not be greater than :max."),
	fault.AmountDecimals:    badField("Argument `:attribute` must not have more than :decimals decimals."),
	fault.AmountMismatch:    badField("Argument `:attribute` must be what is due."),
	fault.AmountOverflow:    badField("Argument `:attribute` must not be that great."),
	fault.CurrencyUnknown:   badField("Argument `:attribute` is in a currency that this merchant does not take."),
	fault.IdempotencyReused: badField("Argument `Idempotency-Key` has been used with another request."),
	fault.ReferenceReserved: badField("Argument `:attribute` must not look like an id of ours."),
	fault.TransferInvalid:   badField("The transfer is invalid."),
	fault.RailUnknown:       badField("This way to pay is not available."),

	fault.CredentialsInvalid: plain(http.StatusUnauthorized, "Unauthorized"),
	fault.PermissionMissing:  plain(http.StatusForbidden, "This key may only read."),
	fault.SandboxOnly:        plain(http.StatusForbidden, "This is possible in the sandbox only."),
	fault.RateLimited:        plain(http.StatusTooManyRequests, "Too many requests."),

	fault.MerchantMissing: {http.StatusBadRequest, refusal, notCreated},
	fault.InvoiceMissing:  {http.StatusNotFound, unknown, notFound},
	fault.PaymentMissing:  {http.StatusNotFound, unknown, notFound},
	fault.PayoutMissing:   {http.StatusNotFound, unknown, notFound},
	fault.EventMissing:    {http.StatusNotFound, unknown, "Event not found"},
	fault.UploadMissing:   {http.StatusNotFound, unknown, "Upload not found"},
	fault.ChannelMissing:  {http.StatusNotFound, unknown, "Channel not found"},
	fault.TargetMissing:   {http.StatusNotFound, unknown, "Target not found"},
	fault.HoldMissing:     {http.StatusNotFound, unknown, "Hold not found"},

	fault.TargetAmbiguous:     plain(http.StatusConflict, "More than one object has this id."),
	fault.ReferenceTaken:      {http.StatusBadRequest, refusal, "Order Id already exists"},
	fault.InvoiceClosed:       plain(http.StatusConflict, "The payment is closed."),
	fault.BalanceInsufficient: plain(http.StatusConflict, "The balance is not enough."),
	fault.HoldClosed:          plain(http.StatusConflict, "The money that was set aside is no longer."),
	fault.HoldExpired:         plain(http.StatusConflict, "The time of the money that was set aside is over."),
	fault.HoldNotDue:          plain(http.StatusConflict, "The time of the money that was set aside is not over."),
	fault.RailDeclined:        plain(http.StatusConflict, "The payment was declined."),

	fault.Overloaded:           plain(http.StatusServiceUnavailable, "The service is busy. Please try again."),
	fault.Outage:               plain(http.StatusServiceUnavailable, "The service is unavailable. Please try again."),
	fault.SettingMissing:       plain(http.StatusServiceUnavailable, "The service is unavailable. Please try again."),
	fault.WalletMissing:        plain(http.StatusNotFound, "Wallet not found."),
	fault.TransferMissing:      plain(http.StatusNotFound, "Transfer not found."),
	fault.SenderNotApproved:    plain(http.StatusConflict, "The sending wallet is not approved."),
	fault.ReceiverMissing:      plain(http.StatusConflict, "The receiver is not found."),
	fault.ReceiverSelf:         plain(http.StatusConflict, "Sender and receiver are the same wallet."),
	fault.AmountBelowLimit:     plain(http.StatusConflict, "The amount is below the least of a transaction."),
	fault.AmountAboveLimit:     plain(http.StatusConflict, "The amount is above the most of a transaction."),
	fault.DailyLimitExceeded:   plain(http.StatusConflict, "The daily limit is exceeded."),
	fault.MonthlyLimitExceeded: plain(http.StatusConflict, "The monthly limit is exceeded."),
	fault.PINMalformed:         plain(http.StatusConflict, "The PIN must be 4 digits."),
	fault.PINWrong:             plain(http.StatusConflict, "The PIN is wrong."),
	fault.PINLocked:            plain(http.StatusConflict, "The PIN is locked, try again later."),
	fault.QRInvalid:            plain(http.StatusConflict, "The QR code is invalid."),
	fault.CodeWrong:            plain(http.StatusConflict, "The code is wrong or too old."),
	fault.CodeTooMany:          plain(http.StatusTooManyRequests, "Too many codes were asked for, try again later."),
	fault.PayoutMethodMissing:  plain(http.StatusBadRequest, "There is no such payout method."),
	fault.PayoutClosed:         plain(http.StatusConflict, "The payout is past that."),
	fault.ApprovalOwn:          plain(http.StatusForbidden, "Whoever asked cannot decide."),
	fault.ApprovalWanted:       plain(http.StatusConflict, "A second person has to approve first."),
	fault.BatchMissing:         plain(http.StatusNotFound, "Batch not found."),
	fault.BatchUnfinished:      plain(http.StatusConflict, "The batch is still being worked at."),
	fault.RefundMissing:        plain(http.StatusNotFound, "Refund not found."),
	fault.RefundTooMuch:        plain(http.StatusConflict, "The amount is more than can be given back."),
	fault.InvoiceOpen:          plain(http.StatusConflict, "The invoice is still open."),
	fault.Bug:                  plain(http.StatusInternalServerError, wrong),
}

// answerOf is the answer to the first fault of err: the guide tells one at a time.
func answerOf(err error, requestID string) (int, any) {
	f := fault.First(err)
	s, ok := sentences[f.Code]
	if !ok || s.status == http.StatusInternalServerError {
		return http.StatusInternalServerError, failure{Status: "error", Message: wrong, RequestID: requestID}
	}
	text := httpx.Word(s.text, "request", f)
	switch s.shape {
	case field:
		return s.status, invalid{StatusText: "error", Status: s.status, Message: text}
	case refusal:
		return s.status, failed{StatusText: "fail", Status: "400", Message: text}
	case unknown:
		return s.status, missing{
			Status: "error", Message: "Failed to retrieve payout status", // as the guide has it
			Data: missingData{Status: s.status, Message: text, Errcode: "validation"},
		}
	}
	return s.status, failure{Status: "error", Message: text}
}

// refuse answers r with err in the dialect's shape.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	httpx.RetryAfter(w.Header(), fault.First(err))
	status, body := answerOf(err, httpx.RequestID(r.Context()))
	httpx.WriteJSON(w, status, body)
}
