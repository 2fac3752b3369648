package asaanbill

import (
	"net/http"
	"strings"

	"sarraf/fault"
	"sarraf/internal/httpx"
)

// sentence is how a fault is worded: the HTTP status, and the text, in which :attribute stands for the field's name and :max, :limit and
// the like for the fault's figures.
type sentence struct {
	status int
	text   string
}

// sentences has every code. Where the guide quotes one, it is the guide's.
var sentences = map[fault.Code]sentence{
	fault.BodyMalformed:    {http.StatusBadRequest, "Invalid request body"},
	fault.BodyTooLarge:     {http.StatusRequestEntityTooLarge, "Request body cannot be larger than :limit bytes"},
	fault.BodyUnsupported:  {http.StatusUnsupportedMediaType, "Request body must be JSON"},
	fault.RouteUnknown:     {http.StatusNotFound, "The requested resource does not exist"},
	fault.MethodNotAllowed: {http.StatusMethodNotAllowed, "Request method is not supported, use one of: :allow"},

	fault.FieldRequired:     {http.StatusBadRequest, ":attribute cannot be empty or null"},
	fault.FieldNotString:    {http.StatusBadRequest, ":attribute must be a string"},
	fault.FieldNotNumber:    {http.StatusBadRequest, ":attribute must be a number"},
	fault.FieldNotInteger:   {http.StatusBadRequest, ":attribute must be a whole number"},
	fault.FieldNotList:      {http.StatusBadRequest, ":attribute must be a list"},
	fault.FieldNotURL:       {http.StatusBadRequest, ":attribute must be a valid URL"},
	fault.FieldNotOneOf:     {http.StatusBadRequest, ":attribute must be one of: :allowed"},
	fault.FieldMalformed:    {http.StatusBadRequest, ":attribute is invalid"},
	fault.FieldControl:      {http.StatusBadRequest, ":attribute has characters that are not allowed"},
	fault.FieldTooLong:      {http.StatusBadRequest, ":attribute cannot have more than :max characters"},
	fault.FieldTooMany:      {http.StatusBadRequest, ":attribute cannot have more than :max items"},
	fault.AmountNotPositive: {http.StatusBadRequest, ":attribute must be greater than 0"},
	fault.AmountTooLarge:    {http.StatusBadRequest, ":attribute cannot be greater than :max"},
	fault.AmountDecimals:    {http.StatusBadRequest, ":attribute cannot have more than :decimals decimal places"},
	fault.CurrencyUnknown:   {http.StatusBadRequest, "Payments in PKR are not enabled for this channel"},
	fault.IdempotencyReused: {http.StatusConflict, "Idempotency-Key has already been used with another request"},

	fault.CredentialsInvalid: {http.StatusUnauthorized, "No valid authentication token provided. Re-authenticate by logging in"},
	fault.PermissionMissing:  {http.StatusForbidden, "Insufficient permissions"},
	fault.SandboxOnly:        {http.StatusForbidden, "This is possible in the sandbox only"},
	fault.RateLimited:        {http.StatusTooManyRequests, "Too many attempts, please try again later"},

	fault.InvoiceMissing:    {http.StatusNotFound, "Payment with the provided PSID not found"},
	fault.UploadMissing:     {http.StatusNotFound, "Record against provided bulkPaymentRequestId NOT found"},
	fault.MerchantMissing:   {http.StatusNotFound, "User not found or incorrect password"},
	fault.ChannelMissing:    {http.StatusNotFound, "Channel not found"},
	fault.PaymentMissing:    {http.StatusNotFound, "Receipt not found"},
	fault.PayoutMissing:     {http.StatusNotFound, "Payout not found"},
	fault.EventMissing:      {http.StatusNotFound, "Event not found"},
	fault.TargetMissing:     {http.StatusNotFound, "Target not found"},
	fault.HoldMissing:       {http.StatusNotFound, "Hold not found"},
	fault.TargetAmbiguous:   {http.StatusConflict, "More than one record has this id"},
	fault.ReferenceTaken:    {http.StatusConflict, ":attribute has already been used"},
	fault.ReferenceReserved: {http.StatusBadRequest, ":attribute is reserved"},

	fault.InvoiceClosed:       {http.StatusConflict, "The payment cannot be paid any more"},
	fault.AmountMismatch:      {http.StatusBadRequest, ":attribute must be what is due"},
	fault.AmountOverflow:      {http.StatusBadRequest, ":attribute is too great"},
	fault.BalanceInsufficient: {http.StatusBadRequest, ":attribute is greater than the available balance"},
	fault.HoldClosed:          {http.StatusConflict, "The money that was set aside is no longer"},
	fault.HoldExpired:         {http.StatusConflict, "The time of the money that was set aside is over"},
	fault.HoldNotDue:          {http.StatusConflict, "The time of the money that was set aside is not over"},
	fault.TransferInvalid:     {http.StatusBadRequest, "The transfer is invalid"},
	fault.RailDeclined:        {http.StatusBadRequest, "The payment was declined"},
	fault.RailUnknown:         {http.StatusBadRequest, "This way to pay is not available"},

	fault.Overloaded:           {http.StatusServiceUnavailable, "The service is busy, please try again"},
	fault.Outage:               {http.StatusServiceUnavailable, "The service is unavailable, please try again"},
	fault.SettingMissing:       {http.StatusServiceUnavailable, "This is not set up for your channel yet, please contact our team"},
	fault.WalletMissing:        {http.StatusNotFound, "Wallet not found"},
	fault.TransferMissing:      {http.StatusNotFound, "Transfer not found"},
	fault.SenderNotApproved:    {http.StatusConflict, "The sending wallet is not approved"},
	fault.ReceiverMissing:      {http.StatusConflict, "The receiver is not found"},
	fault.ReceiverSelf:         {http.StatusConflict, "Sender and receiver are the same wallet"},
	fault.AmountBelowLimit:     {http.StatusConflict, "The amount is below the least of a transaction"},
	fault.AmountAboveLimit:     {http.StatusConflict, "The amount is above the most of a transaction"},
	fault.DailyLimitExceeded:   {http.StatusConflict, "The daily limit is exceeded"},
	fault.MonthlyLimitExceeded: {http.StatusConflict, "The monthly limit is exceeded"},
	fault.PINMalformed:         {http.StatusConflict, "The PIN must be 4 digits"},
	fault.PINWrong:             {http.StatusConflict, "The PIN is wrong"},
	fault.PINLocked:            {http.StatusConflict, "The PIN is locked, try again later"},
	fault.QRInvalid:            {http.StatusConflict, "The QR code is invalid"},
	fault.CodeWrong:            {http.StatusConflict, "The code is wrong or too old"},
	fault.CodeTooMany:          {http.StatusTooManyRequests, "Too many codes were asked for, try again later"},
	fault.PayoutMethodMissing:  {http.StatusBadRequest, "There is no such payout method"},
	fault.PayoutClosed:         {http.StatusConflict, "The payout is past that"},
	fault.ApprovalOwn:          {http.StatusForbidden, "Whoever asked cannot decide"},
	fault.ApprovalWanted:       {http.StatusConflict, "A second person has to approve first"},
	fault.BatchMissing:         {http.StatusNotFound, "Batch not found"},
	fault.BatchUnfinished:      {http.StatusConflict, "The batch is still being worked at"},
	fault.RefundMissing:        {http.StatusNotFound, "Refund not found"},
	fault.RefundTooMuch:        {http.StatusConflict, "The amount is more than can be given back"},
	fault.InvoiceOpen:          {http.StatusConflict, "The invoice is still open"},
	fault.Bug:                  {http.StatusInternalServerError, "Something went wrong, please contact our team"},
}

// about is a code on one field.
type about struct {
	code  fault.Code
	field string
}

// own are the texts of what a code means on one field alone.
var own = map[about]string{
	{fault.FieldRequired, tokenHeader}:       "Missing header :attribute",
	{fault.FieldRequired, channelHeader}:     "Missing header :attribute",
	{fault.FieldRequired, usernameHeader}:    "Missing header :attribute",
	{fault.FieldMalformed, fieldPayment}:     ":attribute must be an object",
	{fault.FieldMalformed, fieldDueDate}:     ":attribute must be a date in the format yyyy-MM-dd",
	{fault.FieldMalformed, fieldAmountAfter}: ":attribute cannot be less than " + fieldAmount,
	{fault.FieldMalformed, fieldLatitude}:    ":attribute must be a number of degrees from -90 to 90",
	{fault.FieldMalformed, fieldLongitude}:   ":attribute must be a number of degrees from -180 to 180",
	{fault.FieldMalformed, paramPageNo}:      ":attribute must be a whole number from 0 to :max",
	{fault.FieldMalformed, paramPageSize}:    ":attribute must be a whole number from 1 to :max",
}

// of is the fault's sentence. A code that has none is as bad as an internal fault.
func of(f *fault.Error) sentence {
	s, ok := sentences[f.Code]
	if !ok {
		return sentences[fault.Bug]
	}
	if text := own[about{f.Code, f.Field}]; text != "" {
		s.text = text
	}
	return s
}

// word is the sentence about the fault.
func (s sentence) word(f *fault.Error) string { return httpx.Word(s.text, "request", f) }

// wording is the sentences about all faults of err that have the status of the first, each once, in their order.
func wording(err error) (status int, text string) {
	var said []string
	seen := map[string]bool{}
	for i, f := range fault.All(err) {
		s := of(f)
		if i == 0 {
			status = s.status
		}
		text := s.word(f)
		if s.status == status && !seen[text] {
			seen[text] = true
			said = append(said, text)
		}
	}
	return status, strings.Join(said, "; ")
}

// failureOf is the answer to err.
func failureOf(err error, requestID string) envelope {
	e := envelope{}
	if e.ResponseCode, e.ResponseMessage = wording(err); e.ResponseCode == http.StatusInternalServerError {
		e.RequestID = requestID
	}
	return e
}

// refuse answers r with err in the dialect's shape.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	httpx.RetryAfter(w.Header(), fault.First(err))
	body := failureOf(err, httpx.RequestID(r.Context()))
	httpx.WriteJSON(w, body.ResponseCode, body)
}
