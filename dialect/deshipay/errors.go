package deshipay

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"sarraf/fault"
	"sarraf/internal/httpx"
)

// sentence is how a fault is worded: the HTTP status, the text, in which :attribute stands for the field's name and :max, :limit and the
// like for the fault's figures, a second text where the guide prints two, and error_title where it prints one.
type sentence struct {
	status       int
	text, second string
	title        json.RawMessage
}

const validation = http.StatusUnprocessableEntity

// What error_title says: null where the guide prints null, and pinTitle where a client asks for the PIN again.
var (
	nullTitle = json.RawMessage("null")
	pinTitle  = json.RawMessage(`"E_PIN_ERROR"`)
)

// The guide's sentences about PINs.
const (
	pinDigits  = "The pin must be 4 digits."
	pinNoMatch = "Sorry! PIN does not match."
)

// sentences has every code. Where the guide quotes one it is the guide's; a sentence about a field is what a Laravel client knows.
var sentences = map[fault.Code]sentence{
	fault.BodyMalformed:    {status: http.StatusBadRequest, text: "The request body is not valid JSON or form data."},
	fault.BodyTooLarge:     {status: http.StatusRequestEntityTooLarge, text: "The request body is too large."},
	fault.BodyUnsupported:  {status: http.StatusUnsupportedMediaType, text: "The request body must be JSON or form data."},
	fault.RouteUnknown:     {status: http.StatusNotFound, text: "The route could not be found."},
	fault.MethodNotAllowed: {status: http.StatusMethodNotAllowed, text: "The method is not supported for this route. Supported methods: :allow."},

	fault.FieldRequired:     {status: validation, text: "The :attribute field is required."},
	fault.FieldNotString:    {status: validation, text: "The :attribute must be a string."},
	fault.FieldNotNumber:    {status: validation, text: "The :attribute must be a number."},
	fault.FieldNotInteger:   {status: validation, text: "The :attribute must be an integer."},
	fault.FieldNotList:      {status: validation, text: "The :attribute must be an array."},
	fault.FieldNotURL:       {status: validation, text: "The :attribute must be a valid URL."},
	fault.FieldNotOneOf:     {status: validation, text: "The selected :attribute is invalid."},
	fault.FieldMalformed:    {status: validation, text: "The :attribute format is invalid."},
	fault.FieldControl:      {status: validation, text: "The :attribute format is invalid."},
	fault.FieldTooLong:      {status: validation, text: "The :attribute must not be greater than :max characters."},
	fault.FieldTooMany:      {status: validation, text: "The :attribute must not have more than :max items."},
	fault.AmountNotPositive: {status: validation, text: tooLittle},
	fault.AmountTooLarge:    {status: validation, text: tooMuch},
	fault.AmountDecimals:    {status: validation, text: "The :attribute must have 0-:decimals decimal places."},
	fault.CurrencyUnknown:   {status: validation, text: "Sorry! This account is not in taka."},
	fault.IdempotencyReused: {status: validation, text: "The Idempotency-Key has already been used with another request."},

	fault.CredentialsInvalid: {status: http.StatusUnauthorized, text: "Unauthenticated."},
	fault.PermissionMissing:  {status: http.StatusForbidden, text: "Sorry! This account is suspended."},
	fault.SandboxOnly:        {status: http.StatusForbidden, text: "This is possible in the sandbox only."},
	fault.RateLimited:        {status: http.StatusTooManyRequests, text: "Too Many Attempts."},

	fault.SenderNotApproved:    {status: validation, text: "Sorry! Sender account is not approved", title: nullTitle},
	fault.ReceiverMissing:      {status: validation, text: "Sorry! Receiver not found."},
	fault.ReceiverSelf:         {status: validation, text: "Sorry! You can not send money to your own account."},
	fault.AmountBelowLimit:     {status: validation, text: tooLittle},
	fault.AmountAboveLimit:     {status: validation, text: tooMuch},
	fault.DailyLimitExceeded:   {status: validation, text: "Transaction amount is above than daily transaction amount limit."},
	fault.MonthlyLimitExceeded: {status: validation, text: "Transaction amount is above than monthly transaction amount limit."},
	fault.BalanceInsufficient:  {status: validation, text: "Sorry! Insufficient balance."},
	fault.PINMalformed:         {status: validation, text: pinDigits, second: pinNoMatch, title: pinTitle},
	fault.PINWrong:             {status: validation, text: pinNoMatch, title: pinTitle},
	fault.PINLocked:            {status: validation, text: "Sorry! PIN is locked. Try again later.", title: pinTitle},
	fault.QRInvalid:            {status: validation, text: "Invalid QR Code. Please try again"},
	fault.CodeWrong:            {status: validation, text: "Sorry! OTP does not match or has expired."},
	fault.CodeTooMany:          {status: http.StatusTooManyRequests, text: "Too many OTP requests. Please try again later."},
	fault.PayoutMethodMissing:  {status: http.StatusUnprocessableEntity, text: "There is no such payout method."},
	fault.PayoutClosed:         {status: http.StatusConflict, text: "The payout is past that."},
	fault.ApprovalOwn:          {status: http.StatusForbidden, text: "Whoever asked cannot decide."},
	fault.ApprovalWanted:       {status: http.StatusConflict, text: "A second person has to approve first."},
	fault.BatchMissing:         {status: http.StatusNotFound, text: "Batch not found."},
	fault.BatchUnfinished:      {status: http.StatusConflict, text: "The batch is still being worked at."},
	fault.RefundMissing:        {status: http.StatusNotFound, text: "Refund not found."},
	fault.RefundTooMuch:        {status: http.StatusUnprocessableEntity, text: "The amount is more than can be given back."},
	fault.InvoiceOpen:          {status: http.StatusConflict, text: "The invoice is still open."},

	fault.WalletMissing:     {status: http.StatusNotFound, text: "Account not found."},
	fault.TransferMissing:   {status: http.StatusNotFound, text: "Transaction not found."},
	fault.InvoiceMissing:    {status: http.StatusNotFound, text: "Invoice not found."},
	fault.PaymentMissing:    {status: http.StatusNotFound, text: "Payment not found."},
	fault.PayoutMissing:     {status: http.StatusNotFound, text: "Payout not found."},
	fault.MerchantMissing:   {status: http.StatusNotFound, text: "Merchant not found."},
	fault.EventMissing:      {status: http.StatusNotFound, text: "Event not found."},
	fault.UploadMissing:     {status: http.StatusNotFound, text: "Upload not found."},
	fault.ChannelMissing:    {status: http.StatusNotFound, text: "Channel not found."},
	fault.TargetMissing:     {status: http.StatusNotFound, text: "Target not found."},
	fault.HoldMissing:       {status: http.StatusNotFound, text: "Hold not found."},
	fault.TargetAmbiguous:   {status: http.StatusConflict, text: "More than one object has this id."},
	fault.ReferenceTaken:    {status: validation, text: "The :attribute has already been taken."},
	fault.ReferenceReserved: {status: validation, text: "The :attribute is reserved."},

	fault.InvoiceClosed:   {status: http.StatusConflict, text: "The invoice is closed."},
	fault.AmountMismatch:  {status: validation, text: "The :attribute must be what is due."},
	fault.AmountOverflow:  {status: validation, text: tooMuch},
	fault.HoldClosed:      {status: http.StatusConflict, text: "The money that was set aside is no longer."},
	fault.HoldExpired:     {status: http.StatusConflict, text: "The time of the money that was set aside is over."},
	fault.HoldNotDue:      {status: http.StatusConflict, text: "The time of the money that was set aside is not over."},
	fault.TransferInvalid: {status: validation, text: "The transfer is invalid."},
	fault.RailDeclined:    {status: validation, text: "The payment was declined."},
	fault.RailUnknown:     {status: validation, text: "This way to pay is not available."},

	fault.Overloaded:     {status: http.StatusServiceUnavailable, text: "The service is busy. Please try again."},
	fault.Outage:         {status: http.StatusServiceUnavailable, text: "The service is unavailable. Please try again."},
	fault.SettingMissing: {status: http.StatusServiceUnavailable, text: "The service is unavailable. Please try again."},
	fault.Bug:            {status: http.StatusInternalServerError, text: "Something went wrong. Please try again later."},
}

// The guide's sentence about an amount that is too small, and its counterpart.
const (
	tooLittle = "Transaction amount is below than minimum transaction amount limit."
	tooMuch   = "Transaction amount is above than maximum transaction amount limit."
)

// about is a code on one field.
type about struct {
	code  fault.Code
	field string
}

// own are the sentences of codes that mean something else on one field.
var own = map[about]sentence{
	{fault.FieldMalformed, fieldPIN}: {status: validation, text: pinDigits, title: pinTitle}, // of a PIN that is chosen
	{fault.PINWrong, fieldMobile}:    {status: validation, text: "Sorry! Mobile number or PIN does not match.", title: pinTitle},
}

// of is the fault's sentence. A code that has none is as bad as an internal fault.
func of(f *fault.Error) sentence {
	if s, ok := own[about{f.Code, f.Field}]; ok {
		return s
	}
	s, ok := sentences[f.Code]
	if !ok {
		s = sentences[fault.Bug]
	}
	return s
}

// words are the sentences about the fault.
func (s sentence) words(f *fault.Error) []string {
	if s.status == http.StatusInternalServerError {
		return []string{s.text}
	}
	text := httpx.Word(s.text, "request", f.On(strings.ReplaceAll(f.Field, "_", " ")))
	if s.second != "" {
		return []string{text, s.second}
	}
	return []string{text}
}

// failureOf is the answer to err: the status and the error_title of its first fault, and what all faults of that status say.
func failureOf(err error, requestID string) envelope {
	faults := fault.All(err)
	first := of(faults[0])
	body := envelope{Code: first.status, Messages: []string{}, ErrorTitle: first.title}
	if first.status == http.StatusInternalServerError {
		body.RequestID = requestID
		faults = faults[:1]
	}
	for _, f := range faults {
		s := of(f)
		if s.status != first.status {
			continue
		}
		for _, text := range s.words(f) {
			if !slices.Contains(body.Messages, text) {
				body.Messages = append(body.Messages, text)
			}
		}
	}
	return body
}

// refuse answers r with err in the dialect's shape.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	first := fault.First(err)
	if first.Code == fault.CodeTooMany {
		first = fault.New(fault.RateLimited).With("retry_after", first.Params["retry_after"])
	}
	httpx.RetryAfter(w.Header(), first)
	body := failureOf(err, httpx.RequestID(r.Context()))
	httpx.WriteJSON(w, body.Code, body)
}
