package aspay

import "encoding/json"

// created answers POST /api/payment/create.
type created struct {
	Status     string `json:"status"`
	InvoiceID  string `json:"invoice_id"`
	PaymentURL string `json:"payment_url"`
}

// standing answers GET /api/payment/{id}.
type standing struct {
	InvoiceID  string      `json:"invoice_id"`
	Status     string      `json:"status"`
	AmountPaid json.Number `json:"amount_paid"`
	PaidAt     *string     `json:"paid_at"`
}

// standings answers POST /api/payment/batch/status.
type standings struct {
	Status         string          `json:"status"`
	TotalRequested int             `json:"total_requested"`
	TotalFound     int             `json:"total_found"`
	Invoices       []standingEntry `json:"invoices"`
	NotFoundIDs    []string        `json:"not_found_ids"`
}

type standingEntry struct {
	InvoiceID            string      `json:"invoice_id"`
	TransactionReference string      `json:"transaction_reference"`
	Status               string      `json:"status"`
	Amount               json.Number `json:"amount"`
	AmountPaid           json.Number `json:"amount_paid"`
}

// payoutMethods answers GET /api/payout/methods.
type payoutMethods struct {
	Status string         `json:"status"`
	Data   []payoutMethod `json:"data"`
}

type payoutMethod struct {
	ID          int64       `json:"id"`
	Name        string      `json:"name"`
	Type        string      `json:"type"`
	AccountType string      `json:"account_type"`
	Currency    string      `json:"currency"`
	MinAmount   json.Number `json:"min_amount"`
	MaxAmount   json.Number `json:"max_amount"`
	Logo        string      `json:"logo"`
}

// requested answers POST /api/payout/request. The guide prints the key status twice, and one object can hold one.
type requested struct {
	Success              bool        `json:"success"`
	Message              string      `json:"message"`
	PayoutID             string      `json:"payout_id"`
	TransactionReference string      `json:"transaction_reference"`
	Amount               json.Number `json:"amount"`
	Fee                  json.Number `json:"fee"`
	TotalAmount          json.Number `json:"total_amount"`
	Status               string      `json:"status"`
}

// payoutStanding answers GET /api/payout/{id}.
type payoutStanding struct {
	PayoutID             string      `json:"payout_id"`
	TransactionReference string      `json:"transaction_reference"`
	Status               string      `json:"status"`
	Amount               json.Number `json:"amount"`
	Fee                  json.Number `json:"fee"`
	TotalAmount          json.Number `json:"total_amount"`
	RecipientName        string      `json:"recipient_name"`
	RecipientAccount     string      `json:"recipient_account"`
	ProcessedAt          *string     `json:"processed_at"`
	CreatedAt            *string     `json:"created_at"`
}

// payoutStandings answers POST /api/payout/batch/status.
type payoutStandings struct {
	Status         string                `json:"status"`
	TotalRequested int                   `json:"total_requested"`
	TotalFound     int                   `json:"total_found"`
	Payouts        []payoutStandingEntry `json:"payouts"`
	NotFoundIDs    []string              `json:"not_found_ids"`
}

type payoutStandingEntry struct {
	PayoutID             string      `json:"payout_id"`
	TransactionReference string      `json:"transaction_reference"`
	Status               string      `json:"status"`
	Amount               json.Number `json:"amount"`
}

// failure answers whatever goes wrong.
type failure struct {
	Status    string      `json:"status"`
	Message   string      `json:"message"`
	Errors    fieldErrors `json:"errors,omitempty"`
	RequestID string      `json:"request_id,omitempty"`
}

// told is the body of a webhook. Data is a completedData of an invoice, or a payoutData.
type told struct {
	Event     string `json:"event"`
	Timestamp string `json:"timestamp"`
	Data      any    `json:"data"`
}

// completedData is what payment.completed says.
type completedData struct {
	InvoiceID            string      `json:"invoice_id"`
	TransactionReference string      `json:"transaction_reference"`
	Status               string      `json:"status"`
	Amount               json.Number `json:"amount"`
	AmountPaid           json.Number `json:"amount_paid"`
	Currency             string      `json:"currency"`
	CustomerName         string      `json:"customer_name"`
	PaidAt               string      `json:"paid_at"`
}

// payoutData is what payout.processing, payout.completed, payout.rejected and payout.cancelled say.
type payoutData struct {
	PayoutID             string      `json:"payout_id"`
	TransactionReference string      `json:"transaction_reference"`
	Status               string      `json:"status"`
	Amount               json.Number `json:"amount"`
	Fee                  json.Number `json:"fee"`
	RecipientName        string      `json:"recipient_name"`
	RecipientAccount     string      `json:"recipient_account"`
	ProcessedAt          *string     `json:"processed_at"`
}
