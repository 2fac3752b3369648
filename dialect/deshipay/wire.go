package deshipay

import "encoding/json"

// envelope is every answer.
type envelope struct {
	Code       int             `json:"code"`
	Messages   []string        `json:"messages"`
	Data       any             `json:"data"`
	ErrorTitle json.RawMessage `json:"error_title,omitempty"` // also null, where the guide prints that
	RequestID  string          `json:"request_id,omitempty"`
}

// merchantAnswer is the data of manual-payment/merchant-info.
type merchantAnswer struct {
	Merchant merchantInfo `json:"merchant"`
}

type merchantInfo struct {
	Name         string `json:"name"`
	MobileNumber string `json:"mobile_number"`
	Avatar       string `json:"avatar"`
	QRCode       string `json:"qr_code"`
}

// summaryAnswer is the data of everything that quotes or executes.
type summaryAnswer struct {
	Summary any `json:"summary"`
}

// quoted is the summary of what has not been executed.
type quoted struct {
	NatureOfTransaction string    `json:"nature_of_transaction"`
	Recipient           recipient `json:"recipient"`
	Card                *string   `json:"card"`
	Amount              string    `json:"amount"`
	Charge              string    `json:"charge"`
	TotalPayable        string    `json:"total_payable"`
	Remarks             string    `json:"remarks"`
}

type recipient struct {
	Name         string `json:"name"`
	MobileNumber string `json:"mobile_number"`
	Avatar       string `json:"avatar"`
	Type         string `json:"type,omitempty"` // of a receipt
}

// manualReceipt is the summary of an executed manual payment.
type manualReceipt struct {
	Recipient    recipient `json:"recipient"`
	InvoiceID    string    `json:"invoice_id"`
	NewBalance   string    `json:"new_balance"`
	Date         string    `json:"date"`
	Time         string    `json:"time"`
	Amount       string    `json:"amount"`
	Fee          string    `json:"fee"`
	TotalPayable string    `json:"total_payable"`
	Remarks      string    `json:"remarks"`
}

// qrReceipt is the summary of an executed QR payment: the same in another order.
type qrReceipt struct {
	Recipient    recipient `json:"recipient"`
	InvoiceID    string    `json:"invoice_id"`
	Date         string    `json:"date"`
	Time         string    `json:"time"`
	TotalPayable string    `json:"total_payable"`
	NewBalance   string    `json:"new_balance"`
	Fee          string    `json:"fee"`
	Amount       string    `json:"amount"`
	Remarks      string    `json:"remarks"`
}

// scanned is the data of qr-payment/summary.
type scanned struct {
	Params   []param  `json:"params"`
	Receiver receiver `json:"receiver"`
}

// param is one field of the form that the payer fills in.
type param struct {
	Key         string  `json:"key"`
	Type        string  `json:"type"`
	Input       bool    `json:"input"`
	Label       string  `json:"label"`
	Value       string  `json:"value"`
	Required    bool    `json:"required"`
	FieldType   string  `json:"field_type"`
	Placeholder *string `json:"placeholder"`
	IsReadOnly  bool    `json:"is_read_only"`
}

type receiver struct {
	Name      string `json:"name"`
	MSISDN    string `json:"msisdn"`
	Thumbnail string `json:"thumbnail"`
	UserType  string `json:"user_type"`
}

// holder is who has signed in, as each profile begins.
type holder struct {
	Name         string `json:"name"`
	Email        string `json:"email"`
	MSISDN       string `json:"msisdn"`
	MobileNo     string `json:"mobile_no"`
	MobileNumber string `json:"mobile_number"`
	Thumbnail    string `json:"thumbnail"`
	Avatar       string `json:"avatar"`
	UserType     string `json:"user_type"`
	Address      string `json:"address"`
}

// holderQR is the data of user/profile-qr.
type holderQR struct {
	holder
	QRCodeText string `json:"qr_code_text"`
}

// user is what signing up and signing in say of the holder.
type user struct {
	holder
	Status string `json:"status"`
}

// profile is the data of user/profile.
type profile struct {
	user
	Balance string `json:"balance"`
}

// codeAsked is the data of a sign-up without a code.
type codeAsked struct {
	OTPRequired  bool   `json:"otp_required"`
	MobileNumber string `json:"mobile_number"`
	ExpiresIn    int    `json:"expires_in"` // seconds
}

// signedUp is the data of a sign-up with its code.
type signedUp struct {
	User user `json:"user"`
}

// signedIn is the data of a sign-in.
type signedIn struct {
	Token string `json:"token"`
	User  user   `json:"user"`
}

// history is the data of user/transaction/history.
type history struct {
	Transactions []transaction `json:"transactions"`
	PerPage      int           `json:"per_page"`
	NextCursor   *string       `json:"next_cursor"`
}

type transaction struct {
	InvoiceID   *string    `json:"invoice_id"`
	Type        string     `json:"type"`
	Direction   string     `json:"direction"`
	Counterpart *recipient `json:"counterpart"`
	Amount      string     `json:"amount"`
	Fee         string     `json:"fee"`
	Total       string     `json:"total"`
	NewBalance  string     `json:"new_balance"`
	Date        string     `json:"date"`
	Time        string     `json:"time"`
	Remarks     string     `json:"remarks"`
}

// limits is the data of user/transactional-limits.
type limits struct {
	Limits []limit `json:"limits"`
}

type limit struct {
	Type             string  `json:"type"`
	MinimumAmount    *string `json:"minimum_amount"`
	MaximumAmount    *string `json:"maximum_amount"`
	DailyLimit       *string `json:"daily_limit"`
	DailyUsed        string  `json:"daily_used"`
	DailyRemaining   *string `json:"daily_remaining"`
	MonthlyLimit     *string `json:"monthly_limit"`
	MonthlyUsed      string  `json:"monthly_used"`
	MonthlyRemaining *string `json:"monthly_remaining"`
	Fee              fee     `json:"fee"`
}

// fee is a schedule: flat and percent of the amount together, but within minimum and maximum.
type fee struct {
	Flat    string  `json:"flat"`
	Percent string  `json:"percent"`
	Minimum *string `json:"minimum"`
	Maximum *string `json:"maximum"`
}
