package assanpay

// created answers POST /payment-request/qr/{merchantId}.
type created struct {
	Status  string      `json:"status"`
	Message string      `json:"message"`
	Data    createdData `json:"data"`
}

type createdData struct {
	ID                    string   `json:"id"`
	TransactionID         string   `json:"transactionId"`
	Amount                string   `json:"amount"`
	Description           *string  `json:"description"`
	DueDate               *string  `json:"dueDate"`
	Status                string   `json:"status"`
	Link                  string   `json:"link"`
	Metadata              metadata `json:"metadata"`
	Provider              *string  `json:"provider"`
	UserID                string   `json:"userId"`
	CreatedAt             string   `json:"createdAt"`
	UpdatedAt             string   `json:"updatedAt"`
	DeletedAt             *string  `json:"deletedAt"`
	MerchantTransactionID string   `json:"merchant_transaction_id"`
	CompleteLink          string   `json:"completeLink"`
	OrderID               string   `json:"order_id"`
}

type metadata struct {
	ReturnURL *string `json:"return_url"`
}

// repeated answers a creation whose order id exists.
type repeated struct {
	Success    string   `json:"success"`
	Message    string   `json:"message"`
	Data       struct{} `json:"data"`
	StatusCode string   `json:"statusCode"`
}

// standing answers GET /payment/all-inquiry/{merchantId}.
type standing struct {
	Status  string       `json:"status"`
	Message string       `json:"message"`
	Data    standingData `json:"data"`
}

type standingData struct {
	OrderID             string  `json:"orderId"`
	TransactionStaus    string  `json:"transactionStaus"` // as the guide spells it
	TransactionStatus   string  `json:"transactionStatus"`
	TransactionAmount   string  `json:"transactionAmount"`
	TransactionDateTime string  `json:"transactionDateTime"`
	ResponseDesc        *string `json:"responseDesc"`
	ResponseMode        string  `json:"responseMode"`
}

// invalid answers a request with a field that is missing or wrong.
type invalid struct {
	StatusText string `json:"statusText"`
	Status     int    `json:"status"`
	Message    string `json:"message"`
}

// failed answers a request that no transaction can be made of.
type failed struct {
	StatusText string `json:"statusText"`
	Status     string `json:"status"`
	Message    string `json:"message"`
}

// missing answers an inquiry about what there is not.
type missing struct {
	Status  string      `json:"status"`
	Message string      `json:"message"`
	Data    missingData `json:"data"`
}

type missingData struct {
	Status  int    `json:"status"`
	Message string `json:"message"`
	Errcode string `json:"errcode"`
}

// failure answers everything else that goes wrong.
type failure struct {
	Status    string `json:"status"`
	Message   string `json:"message"`
	RequestID string `json:"request_id,omitempty"`
}
