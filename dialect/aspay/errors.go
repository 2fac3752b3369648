package aspay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/money"
)

// sentence is how a fault is worded: the HTTP status, the field it is about when it does not say so itself, and the text, in which
// :attribute stands for the field's name and :max, :limit and the like for the fault's figures.
type sentence struct {
	status int
	field  string
	text   string
}

const validation = http.StatusUnprocessableEntity

// sentences has every code. A validation sentence is what a Laravel client knows; each has a field.
var sentences = map[fault.Code]sentence{
	fault.BodyMalformed:    {http.StatusBadRequest, "", "The request body is not valid JSON or form data."},
	fault.BodyTooLarge:     {http.StatusRequestEntityTooLarge, "", "The request body is too large."},
	fault.BodyUnsupported:  {http.StatusUnsupportedMediaType, "", "The request body must be JSON or form data."},
	fault.RouteUnknown:     {http.StatusNotFound, "", "The route could not be found."},
	fault.MethodNotAllowed: {http.StatusMethodNotAllowed, "", "The method is not supported for this route. Supported methods: :allow."},

	fault.FieldRequired:     {validation, "request", "The :attribute field is required."},
	fault.FieldNotString:    {validation, "request", "The :attribute field must be a string."},
	fault.FieldNotNumber:    {validation, "request", "The :attribute field must be a number."},
	fault.FieldNotInteger:   {validation, "request", "The :attribute field must be an integer."},
	fault.FieldNotList:      {validation, "request", "The :attribute field must be an array."},
	fault.FieldNotURL:       {validation, "request", "The :attribute field must be a valid URL."},
	fault.FieldNotOneOf:     {validation, "request", "The selected :attribute is invalid."},
	fault.FieldMalformed:    {validation, "request", "The :attribute field format is invalid."},
	fault.FieldControl:      {validation, "request", "The :attribute field format is invalid."},
	fault.FieldTooLong:      {validation, "request", "The :attribute field must not be greater than :max characters."},
	fault.FieldTooMany:      {validation, "request", "The :attribute field must not have more than :max items."},
	fault.AmountNotPositive: {validation, "amount", "The :attribute field must be greater than 0."},
	fault.AmountTooLarge:    {validation, "amount", "The :attribute field must not be greater than :max."},
	fault.AmountDecimals:    {validation, "amount", "The :attribute field must have 0-:decimals decimal places."},
	fault.CurrencyUnknown:   {validation, "amount", "This store does not take payments in this currency."},
	fault.IdempotencyReused: {validation, httpx.IdempotencyHeader, "The Idempotency-Key has already been used with another request."},

	fault.CredentialsInvalid: {http.StatusUnauthorized, "", "Invalid API credentials"},
	fault.PermissionMissing:  {http.StatusForbidden, "", "This API key may only read."},
	fault.SandboxOnly:        {http.StatusForbidden, "", "This is possible in the sandbox only."},
	fault.RateLimited:        {http.StatusTooManyRequests, "", "Too Many Attempts."},

	fault.InvoiceMissing:    {http.StatusNotFound, "", "Invoice not found"},
	fault.PaymentMissing:    {http.StatusNotFound, "", "Payment not found"},
	fault.PayoutMissing:     {http.StatusNotFound, "", "Payout not found"},
	fault.MerchantMissing:   {http.StatusNotFound, "", "Store not found"},
	fault.EventMissing:      {http.StatusNotFound, "", "Event not found"},
	fault.UploadMissing:     {http.StatusNotFound, "", "Upload not found"},
	fault.ChannelMissing:    {http.StatusNotFound, "", "Channel not found"},
	fault.TargetMissing:     {http.StatusNotFound, "", "Target not found"},
	fault.HoldMissing:       {http.StatusNotFound, "", "Hold not found"},
	fault.TargetAmbiguous:   {http.StatusConflict, "", "More than one object has this id."},
	fault.ReferenceTaken:    {validation, fieldReference, "The :attribute has already been taken."},
	fault.ReferenceReserved: {validation, fieldReference, "The :attribute field must not be methods or look like an id of ours."},

	fault.InvoiceClosed:       {http.StatusConflict, "", "The invoice is closed."},
	fault.AmountMismatch:      {validation, "amount", "The :attribute field must be what is due."},
	fault.AmountOverflow:      {validation, "amount", "The :attribute field must not be that great."},
	fault.BalanceInsufficient: {validation, "amount", "The :attribute and its fee must not be greater than the available balance."},
	fault.HoldClosed:          {http.StatusConflict, "", "The money that was set aside is no longer."},
	fault.HoldExpired:         {http.StatusConflict, "", "The time of the money that was set aside is over."},
	fault.HoldNotDue:          {http.StatusConflict, "", "The time of the money that was set aside is not over."},
	fault.TransferInvalid:     {validation, "request", "The transfer is invalid."},
	fault.RailDeclined:        {validation, "request", "The payment was declined."},
	fault.RailUnknown:         {validation, "request", "This way to pay is not available."},

	fault.Overloaded:           {http.StatusServiceUnavailable, "", "The service is busy. Please try again."},
	fault.Outage:               {http.StatusServiceUnavailable, "", "The service is unavailable. Please try again."},
	fault.SettingMissing:       {http.StatusServiceUnavailable, "", "The service is unavailable. Please try again."},
	fault.WalletMissing:        {http.StatusNotFound, "", "Wallet not found."},
	fault.TransferMissing:      {http.StatusNotFound, "", "Transfer not found."},
	fault.SenderNotApproved:    {validation, "request", "The sending wallet is not approved."},
	fault.ReceiverMissing:      {validation, "request", "The receiver is not found."},
	fault.ReceiverSelf:         {validation, "request", "Sender and receiver are the same wallet."},
	fault.AmountBelowLimit:     {validation, "amount", "The :attribute field must be at least :limit."},
	fault.AmountAboveLimit:     {validation, "amount", "The :attribute field must not be greater than :limit."},
	fault.DailyLimitExceeded:   {validation, "request", "The daily limit is exceeded."},
	fault.MonthlyLimitExceeded: {validation, "request", "The monthly limit is exceeded."},
	fault.PINMalformed:         {validation, "request", "The PIN must be 4 digits."},
	fault.PINWrong:             {validation, "request", "The PIN is wrong."},
	fault.PINLocked:            {validation, "request", "The PIN is locked, try again later."},
	fault.QRInvalid:            {validation, "request", "The QR code is invalid."},
	fault.CodeWrong:            {validation, "request", "The code is wrong or too old."},
	fault.CodeTooMany:          {http.StatusTooManyRequests, "", "Too many codes were asked for, try again later."},
	fault.PayoutMethodMissing:  {validation, "payout_method_id", "The selected :attribute is invalid."},
	fault.PayoutClosed:         {http.StatusConflict, "", "The payout is past that."},
	fault.ApprovalOwn:          {http.StatusForbidden, "", "Whoever asked cannot decide."},
	fault.ApprovalWanted:       {http.StatusConflict, "", "A second person has to approve first."},
	fault.BatchMissing:         {http.StatusNotFound, "", "Batch not found."},
	fault.BatchUnfinished:      {http.StatusConflict, "", "The batch is still being worked at."},
	fault.RefundMissing:        {http.StatusNotFound, "", "Refund not found."},
	fault.RefundTooMuch:        {validation, "amount", "The amount is more than can be given back."},
	fault.InvoiceOpen:          {http.StatusConflict, "", "The invoice is still open."},
	fault.Bug:                  {http.StatusInternalServerError, "", "Server Error"},
}

// of is the fault's sentence. A code that has none is as bad as an internal fault.
func of(f *fault.Error) sentence {
	s, ok := sentences[f.Code]
	if !ok {
		s = sentences[fault.Bug]
	}
	return s
}

// wordField is the name of the field that the fault is about, as the request has it.
func (s sentence) wordField(f *fault.Error) string {
	if f.Field != "" {
		return f.Field
	}
	return s.field
}

// word is the sentence about the fault.
func (s sentence) word(f *fault.Error) string {
	if s.status == http.StatusInternalServerError {
		return s.text
	}
	return httpx.Word(s.text, "", inTaka(f).On(strings.ReplaceAll(s.wordField(f), "_", " ")))
}

// inTaka is the fault with its limit, which is in minor units where it is one of an amount, in taka: the one currency here.
func inTaka(f *fault.Error) *fault.Error {
	if f.Code != fault.AmountBelowLimit && f.Code != fault.AmountAboveLimit {
		return f
	}
	limit, err := strconv.ParseInt(f.Params["limit"], 10, 64)
	if err != nil {
		return f
	}
	return f.With("limit", money.Of(limit, money.BDT).JSONNumber().String())
}

// fieldErrors lists the sentences of each field, in the order of the documented fields.
type fieldErrors []fieldError

type fieldError struct {
	field     string
	sentences []string
}

// add puts one more sentence to a field.
func (l *fieldErrors) add(field, text string) {
	for i := range *l {
		if e := &(*l)[i]; e.field == field {
			e.sentences = append(e.sentences, text)
			return
		}
	}
	*l = append(*l, fieldError{field, []string{text}})
}

// MarshalJSON writes an object whose keys keep their order.
func (l fieldErrors) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for i, e := range l {
		b.WriteByte("{,"[min(i, 1)])
		if err := enc.Encode(e.field); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := enc.Encode(e.sentences); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// failureOf is the answer to err: the status of its first fault and, where that is about a field, every fault of this sort.
func failureOf(err error, requestID string) (int, failure) {
	faults := fault.All(err)
	first := of(faults[0])
	body := failure{Status: "error", Message: first.word(faults[0])}
	switch first.status {
	case http.StatusInternalServerError:
		body.RequestID = requestID
	case validation:
		n := 0
		for _, f := range faults {
			if s := of(f); s.status == validation {
				body.Errors.add(s.wordField(f), s.word(f))
				n++
			}
		}
		switch n {
		case 1:
		case 2:
			body.Message += " (and 1 more error)"
		default:
			body.Message += fmt.Sprintf(" (and %d more errors)", n-1)
		}
	}
	return first.status, body
}

// refuse answers r with err in the dialect's shape.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	httpx.RetryAfter(w.Header(), fault.First(err))
	status, body := failureOf(err, httpx.RequestID(r.Context()))
	httpx.WriteJSON(w, status, body)
}
