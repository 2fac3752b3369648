package api

import (
	"errors"
	"net/http"
	"strings"

	"sarraf/fault"
	"sarraf/internal/httpx"
)

// wording is how this door tells a fault: with a status and a sentence. {name} in the sentence is the fault's param of that name.
type wording struct {
	status int
	text   string
}

// wordings has every code there is.
var wordings = map[fault.Code]wording{
	fault.BodyMalformed:    {400, "The body is not one JSON object in UTF-8, the query cannot be decoded, or a name comes twice."},
	fault.BodyTooLarge:     {413, "The body is longer than {limit} bytes."},
	fault.BodyUnsupported:  {415, "A body of this type or coding is not read here; send plain JSON."},
	fault.RouteUnknown:     {404, "There is no such path."},
	fault.MethodNotAllowed: {405, "This path takes {allow}."},

	fault.FieldRequired:     {422, "It must be given."},
	fault.FieldNotString:    {422, "It must be a string."},
	fault.FieldNotNumber:    {422, "It must be a plain decimal number."},
	fault.FieldNotInteger:   {422, "It must be a whole number in its range."},
	fault.FieldNotList:      {422, "It must be a list."},
	fault.FieldNotURL:       {422, "It must be an absolute http or https URL."},
	fault.FieldNotOneOf:     {422, "It must be one of {allowed}."},
	fault.FieldMalformed:    {422, "It does not have the right form."},
	fault.FieldTooLong:      {422, "It is longer than {max} characters."},
	fault.FieldTooMany:      {422, "It has more than {max} items."},
	fault.FieldControl:      {422, "It has control characters in it."},
	fault.AmountNotPositive: {422, "It must be more than zero."},
	fault.AmountTooLarge:    {422, "It is more than {max}."},
	fault.AmountDecimals:    {422, "It has more than {decimals} decimals."},
	fault.CurrencyUnknown:   {422, "It is not a currency that can be used here."},

	fault.IdempotencyReused:  {422, "This Idempotency-Key came with another request before."},
	fault.CredentialsInvalid: {401, "The key is missing, wrong or revoked."},
	fault.PermissionMissing:  {403, "This key may not do this."},
	fault.SandboxOnly:        {403, "Only sandbox merchants may do this."},
	fault.RateLimited:        {429, "Too many requests; try again after {retry_after} seconds."},

	fault.InvoiceMissing:  {404, "There is no such invoice."},
	fault.PaymentMissing:  {404, "There is no such payment."},
	fault.PayoutMissing:   {404, "There is no such payout."},
	fault.MerchantMissing: {404, "There is no such merchant."},
	fault.EventMissing:    {404, "There is no such event."},
	fault.UploadMissing:   {404, "There is no such upload."},
	fault.ChannelMissing:  {404, "There is no such channel."},
	fault.TargetMissing:   {404, "It fits nothing of this merchant."},
	fault.TargetAmbiguous: {409, "It fits several things; use the id of one of the candidates."},
	fault.HoldMissing:     {404, "There is no such hold."},

	fault.ReferenceTaken:      {409, "It has been used before."},
	fault.ReferenceReserved:   {422, "It looks like one of our own ids."},
	fault.InvoiceClosed:       {409, "The invoice is {status}, and this cannot be done to it any more."},
	fault.AmountMismatch:      {422, "It must be the amount due."},
	fault.BalanceInsufficient: {422, "The available balance does not suffice."},
	fault.AmountOverflow:      {422, "A sum would become too large."},
	fault.HoldClosed:          {409, "The hold has ended."},
	fault.HoldExpired:         {409, "The hold's time has run out."},
	fault.HoldNotDue:          {409, "The hold's time has not run out."},
	fault.TransferInvalid:     {422, "Such a transfer cannot be made."},
	fault.RailDeclined:        {422, "The payment was declined."},
	fault.RailUnknown:         {422, "There is no such way to pay here."},

	fault.Overloaded:           {503, "Too much at once; nothing was done. Try again."},
	fault.Outage:               {503, "This cannot be decided now. Try again with the same Idempotency-Key."},
	fault.SettingMissing:       {503, "The operator has not set up what this needs."},
	fault.WalletMissing:        {404, "There is no such wallet."},
	fault.TransferMissing:      {404, "There is no such transfer."},
	fault.SenderNotApproved:    {422, "The wallet is not approved."},
	fault.ReceiverMissing:      {422, "There is nobody there who may receive this."},
	fault.ReceiverSelf:         {422, "Sender and receiver are the same wallet."},
	fault.AmountBelowLimit:     {422, "The least amount of one transfer is {limit}."},
	fault.AmountAboveLimit:     {422, "The greatest amount of one transfer is {limit}."},
	fault.DailyLimitExceeded:   {422, "With this, more than {limit} would go in one day."},
	fault.MonthlyLimitExceeded: {422, "With this, more than {limit} would go in one month."},
	fault.PINMalformed:         {422, "The PIN must be 4 digits."},
	fault.PINWrong:             {422, "The PIN is wrong."},
	fault.PINLocked:            {422, "The PIN was wrong too often; try again after {retry_after} seconds."},
	fault.QRInvalid:            {422, "The QR code is invalid."},
	fault.CodeWrong:            {422, "The code is wrong or too old."},
	fault.CodeTooMany:          {429, "Too many codes were asked for, try again later."},
	fault.PayoutMethodMissing:  {422, "There is no such payout method."},
	fault.PayoutClosed:         {409, "The payout is {status}, and this cannot be done to it."},
	fault.ApprovalOwn:          {403, "Whoever asked for it cannot decide about it."},
	fault.ApprovalWanted:       {409, "A second person has to approve it first."},
	fault.BatchMissing:         {404, "There is no such batch."},
	fault.BatchUnfinished:      {409, "Its payouts are still being made; try again when it is done."},
	fault.RefundMissing:        {404, "There is no such refund."},
	fault.RefundTooMuch:        {422, "It is more than can still be given back."},
	fault.InvoiceOpen:          {409, "The invoice is still open; cancel it first."},
	fault.Bug:                  {500, "Something went wrong here. The request id names it in our log."},
}

// Problem is the answer to a request that failed, after RFC 9457.
type Problem struct {
	Title     string            `json:"title" doc:"The HTTP status in words."`
	Status    int               `json:"status" doc:"The HTTP status."`
	Code      string            `json:"code" doc:"What went wrong, for programs. A code keeps its meaning." example:"invoice_closed"`
	Detail    string            `json:"detail" doc:"What went wrong, for people. The sentence may change."`
	Field     string            `json:"field,omitempty" doc:"The field, parameter or header that it is about."`
	Params    map[string]string `json:"params,omitempty" doc:"The figures of the sentence."`
	RequestID string            `json:"request_id,omitempty" doc:"Names the request in our log."`
	// Errors is only there when there are several.
	Errors     []ProblemItem `json:"errors,omitempty" nullable:"false" doc:"Everything that is wrong, when it is more than one thing; the first stands above as well."`
	Candidates []Candidate   `json:"candidates,omitempty" nullable:"false" doc:"With target_ambiguous: what the target can mean."`
}

// ProblemItem is one of several things that are wrong with a request.
type ProblemItem struct {
	Code   string            `json:"code"`
	Detail string            `json:"detail"`
	Field  string            `json:"field,omitempty"`
	Params map[string]string `json:"params,omitempty"`
}

// Candidate is one thing that a target can mean.
type Candidate struct {
	ID        string `json:"id" doc:"Its own id."`
	Door      string `json:"door"`
	Reference string `json:"reference,omitempty"`
}

// Error, GetStatus and ContentType make it an error as huma wants them, which is how it gets into the document.
func (p Problem) Error() string { return p.Code }

// GetStatus is the HTTP status.
func (p Problem) GetStatus() int { return p.Status }

// ContentType is the media type of problems.
func (Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// ambiguous is a fault TargetAmbiguous with what it takes to choose.
type ambiguous struct {
	error
	candidates []Candidate
}

func (e *ambiguous) Unwrap() error { return e.error }

// problem words err, which is not nil. Of an internal fault it tells nothing but the request id.
func problem(err error, requestID string) Problem {
	faults := fault.All(err)
	items := make([]ProblemItem, len(faults))
	for i, f := range faults {
		items[i] = item(f)
	}
	first := items[0]
	w := wordingOf(faults[0].Code)
	p := Problem{
		Title: http.StatusText(w.status), Status: w.status, Code: first.Code, Detail: first.Detail, Field: first.Field,
		Params: first.Params, RequestID: requestID,
	}
	if len(items) > 1 {
		p.Errors = items
	}
	var several *ambiguous
	if errors.As(err, &several) {
		p.Candidates = several.candidates
		p.Params = nil // it has the same ids
	}
	return p
}

// wordingOf is the wording of a code; of one that is not in the list, that of a bug.
func wordingOf(c fault.Code) wording {
	if w, ok := wordings[c]; ok {
		return w
	}
	return wordings[fault.Bug]
}

func item(f *fault.Error) ProblemItem {
	if f.Kind() == fault.Internal {
		return ProblemItem{Code: string(fault.Bug), Detail: wordings[fault.Bug].text}
	}
	return ProblemItem{Code: string(f.Code), Detail: sentence(wordingOf(f.Code).text, f.Params), Field: f.Field, Params: f.Params}
}

// sentence fills in the params. A place whose param is missing becomes "the limit".
func sentence(text string, params map[string]string) string {
	before, rest, ok := strings.Cut(text, "{")
	if !ok {
		return text
	}
	name, after, _ := strings.Cut(rest, "}")
	value, ok := params[name]
	if !ok {
		value = "the limit"
	}
	return before + value + after
}

// Values of Retry-After, in seconds: a full queue empties at once, a database takes a while.
var retryAfter = map[fault.Code]string{fault.Overloaded: "1", fault.Outage: "5", fault.SettingMissing: "60"}

// refuse answers a request that failed. It is the door's one way to do so.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := problem(err, httpx.RequestID(r.Context()))
	h := w.Header()
	h.Set("Content-Type", problemType)
	f := fault.First(err)
	switch f.Code {
	case fault.CredentialsInvalid:
		h.Set("WWW-Authenticate", `Bearer realm="sarraf"`)
	case fault.RateLimited, fault.CodeTooMany:
		h.Set("Retry-After", f.Params["retry_after"])
	default:
		if after, ok := retryAfter[f.Code]; ok && h.Get("Retry-After") == "" {
			h.Set("Retry-After", after)
		}
	}
	httpx.WriteJSON(w, p.Status, p)
}
