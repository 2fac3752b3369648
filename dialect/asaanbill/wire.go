package asaanbill

import "encoding/json"

// envelope is around every answer. Data is nil, and so null, where something went wrong, but for a bulk request with nothing good in it.
type envelope struct {
	ResponseCode    int    `json:"responseCode"`
	ResponseMessage string `json:"responseMessage"`
	Data            any    `json:"data"`
	RequestID       string `json:"requestId,omitempty"`
}

// signedIn answers POST /login.
type signedIn struct {
	Token   string  `json:"token"`
	User    user    `json:"user"`
	Channel channel `json:"channel"`
}

type user struct {
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
}

type channel struct {
	ID   json.Number `json:"id"`
	Name string      `json:"name"`
}

// added answers POST /add.
type added struct {
	ID                    json.Number  `json:"id"`
	Amount                *json.Number `json:"amount"`
	AmountAfterDueDate    *json.Number `json:"amountAfterDueDate"`
	Identifier            string       `json:"identifier"`
	Title                 *string      `json:"title"`
	DueDate               *string      `json:"dueDate"`
	Period                *string      `json:"period"`
	IdentifierDescription *string      `json:"identifierDescription"`
	BilledToName          *string      `json:"billedToName"`
	BilledToAddress       *string      `json:"billedToAddress"`
	BilledToContact       *string      `json:"billedToContact"`
	PSID                  *string      `json:"psid"`
	QRString              *string      `json:"qrString"`
	Status                string       `json:"status"`
	CreatedAt             string       `json:"createdAt"`
	UpdatedAt             string       `json:"updatedAt"`
	PaymentDetails        []receipt    `json:"paymentDetails"`
}

// bulkAdded answers POST /add-bulk. Each payment is echoed as it was sent, with what became of it.
type bulkAdded struct {
	BulkPaymentRequestID json.Number       `json:"bulkPaymentRequestId"`
	Payments             []json.RawMessage `json:"payments"`
}

// bulkRefused is the data of an add-bulk with nothing good in it.
type bulkRefused struct {
	Payments []json.RawMessage `json:"payments"`
}

// page is around the items of the lists.
type page struct {
	PageNo        int64 `json:"pageNo"`
	PageSize      int64 `json:"pageSize"`
	TotalElements int64 `json:"totalElements"`
	TotalPages    int64 `json:"totalPages"`
	IsFirst       bool  `json:"isFirst"`
	IsLast        bool  `json:"isLast"`
	Content       any   `json:"content"`
}

// bulkRequest is one item of GET /bulk-payment-request.
type bulkRequest struct {
	ID            json.Number `json:"id"`
	CreatedAt     string      `json:"createdAt"`
	UpdatedAt     string      `json:"updatedAt"`
	FileName      *string     `json:"fileName"`
	ContentType   string      `json:"contentType"`
	VouchersCount int64       `json:"vouchersCount"`
	Status        string      `json:"status"`
	Message       *string     `json:"message"`
}

// bulkDetail answers GET /bulk-payment-request/{bulkPaymentRequestId}.
type bulkDetail struct {
	BulkPaymentRequestID json.Number `json:"bulkPaymentRequestId"`
	UploadedAt           string      `json:"uploadedAt"`
	UpdatedAt            string      `json:"updatedAt"`
	Status               string      `json:"status"`
	Payments             bulkPage    `json:"payments"`
}

type bulkPage struct {
	PageNo            int64         `json:"pageNo"`
	PageSize          int64         `json:"pageSize"`
	TotalNoOfElements int64         `json:"totalNoOfElements"`
	TotalPages        int64         `json:"totalPages"`
	IsFirst           *bool         `json:"isFirst"`
	IsLast            bool          `json:"isLast"`
	Content           []bulkPayment `json:"content"`
}

type bulkPayment struct {
	ID                    json.Number  `json:"id"`
	Amount                *json.Number `json:"amount"`
	AmountAfterDueDate    *json.Number `json:"amountAfterDueDate"`
	Identifier            string       `json:"identifier"`
	DueDate               *string      `json:"dueDate"`
	Period                *string      `json:"period"`
	IdentifierDescription *string      `json:"identifierDescription"`
	PSID                  *string      `json:"psid"`
	Status                string       `json:"status"`
	CreatedAt             string       `json:"createdAt"`
	UpdatedAt             string       `json:"updatedAt"`
	Message               string       `json:"message,omitempty"`
}

// listed is a payment as GET /payment, /payment/{paymentId} and /search/{psid} show it.
type listed struct {
	ID                 json.Number `json:"id"`
	Title              *string     `json:"title"`
	Identifier         string      `json:"identifier"`
	Amount             *string     `json:"amount"`
	DueDate            *string     `json:"dueDate"`
	AmountAfterDueDate *string     `json:"amountAfterDueDate"`
	BilledToName       *string     `json:"billedToName"`
	BilledToAddress    *string     `json:"billedToAddress"`
	BilledToContact    *string     `json:"billedToContact"`
	PSID               *string     `json:"psid"`
	QRString           *string     `json:"qrString"`
	Status             string      `json:"status"`
	CreatedAt          string      `json:"createdAt"`
	PaidAt             string      `json:"paidAt"`
	PaymentDetails     []receipt   `json:"paymentDetails"`
}

// receipt is one of a payment's paymentDetails.
type receipt struct {
	Amount    string `json:"amount"`
	PaidAt    string `json:"paidAt"`
	Rail      string `json:"rail"`
	Reference string `json:"reference"`
}

// processed is the body of the call-back /processed.
type processed struct {
	Title              *string `json:"title"`
	Identifier         string  `json:"identifier"`
	DueDate            *string `json:"dueDate"`
	Amount             string  `json:"amount"`
	AmountAfterDueDate *string `json:"amountAfterDueDate"`
	PSID               string  `json:"psid"`
}

// bulkApproved is the body of the call-back /bulk-payment-request-approved.
type bulkApproved struct {
	BulkPaymentRequestID json.Number `json:"bulkPaymentRequestId"`
}

// extra is what an invoice keeps for this dialect alone.
type extra struct {
	Generation            string `json:"generation"`
	Identifier            string `json:"identifier"`         // as it was sent, or the record's id
	Untitled              bool   `json:"untitled,omitempty"` // the title is the merchant's name, and was not sent
	Period                string `json:"period,omitempty"`
	IdentifierDescription string `json:"identifier_description,omitempty"`
	BilledToAddress       string `json:"billed_to_address,omitempty"`
	BilledToContact       string `json:"billed_to_contact,omitempty"`
	Longitude             string `json:"longitude,omitempty"`
	Latitude              string `json:"latitude,omitempty"`
}
