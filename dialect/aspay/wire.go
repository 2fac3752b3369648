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

// failure answers whatever goes wrong.
type failure struct {
	Status    string      `json:"status"`
	Message   string      `json:"message"`
	Errors    fieldErrors `json:"errors,omitempty"`
	RequestID string      `json:"request_id,omitempty"`
}

// completed is the body of the webhook payment.completed.
type completed struct {
	Event     string        `json:"event"`
	Timestamp string        `json:"timestamp"`
	Data      completedData `json:"data"`
}

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
