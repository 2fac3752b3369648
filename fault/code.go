package fault

import "slices"

// Kind is the coarse class of a fault. A front door that has no sentence for a code falls back on its kind.
type Kind uint8

// The kinds. Internal is the zero value, so that a forgotten kind never tells too much.
const (
	Internal        Kind = iota // our mistake; the cause is logged and never shown
	Invalid                     // the request cannot be read, or a field breaks its rule
	Unauthenticated             // no credentials, or wrong ones
	Forbidden                   // known, but not allowed
	Missing                     // no such thing, or not the caller's
	Conflict                    // it contradicts what is already there
	Refused                     // understood, and a business rule says no
	Limited                     // too much at once; try later
	Unavailable                 // we cannot decide now
)

var kindNames = [...]string{
	"internal", "invalid", "unauthenticated", "forbidden", "missing", "conflict", "refused", "limited", "unavailable",
}

// String is the kind's lower-case name.
func (k Kind) String() string { return kindNames[k] }

// Code says exactly what went wrong. The list is closed: Codes returns all of it, and the suite of every dialect fails on one
// that the dialect does not word.
type Code string

// Codes about the request itself. The comment names the Params each carries.
const (
	BodyMalformed     Code = "body_malformed"      // not JSON, not a form, duplicate keys, invalid UTF-8, too deep
	BodyTooLarge      Code = "body_too_large"      // limit: bytes
	BodyUnsupported   Code = "body_unsupported"    // a content type that is not read here
	RouteUnknown      Code = "route_unknown"       // no such path
	MethodNotAllowed  Code = "method_not_allowed"  // allow
	FieldRequired     Code = "field_required"      // absent, null or blank
	FieldNotString    Code = "field_not_string"    // another JSON type
	FieldNotNumber    Code = "field_not_number"    // not a plain decimal number
	FieldNotInteger   Code = "field_not_integer"   // not a whole number in range
	FieldNotList      Code = "field_not_list"      // not a JSON array
	FieldNotURL       Code = "field_not_url"       // not an absolute http or https URL
	FieldNotOneOf     Code = "field_not_one_of"    // allowed: the words, comma-separated
	FieldMalformed    Code = "field_malformed"     // breaks its own format (an id, a cursor)
	FieldTooLong      Code = "field_too_long"      // max: characters
	FieldTooMany      Code = "field_too_many"      // max: items
	FieldControl      Code = "field_control"       // control characters, or text that is not UTF-8
	AmountNotPositive Code = "amount_not_positive" // zero or less
	AmountTooLarge    Code = "amount_too_large"    // max: major units
	AmountDecimals    Code = "amount_decimals"     // decimals: how many the currency has
	CurrencyUnknown   Code = "currency_unknown"    // not one this merchant has
	IdempotencyReused Code = "idempotency_reused"  // the same key with another body
)

// Codes about who asks.
const (
	CredentialsInvalid Code = "credentials_invalid" // missing or wrong, never told apart
	PermissionMissing  Code = "permission_missing"  // the credential is right and lacks this right
	SandboxOnly        Code = "sandbox_only"        // a sandbox call by a live merchant
	RateLimited        Code = "rate_limited"        // retry_after: seconds
)

// Codes about business rules.
const (
	InvoiceMissing      Code = "invoice_missing"
	PaymentMissing      Code = "payment_missing"
	PayoutMissing       Code = "payout_missing"
	MerchantMissing     Code = "merchant_missing"
	EventMissing        Code = "event_missing"
	UploadMissing       Code = "upload_missing"       // a bulk upload
	ChannelMissing      Code = "channel_missing"      // a bank's way in
	TargetMissing       Code = "target_missing"       // a sandbox target that fits nothing
	TargetAmbiguous     Code = "target_ambiguous"     // candidates: ids, comma-separated
	ReferenceTaken      Code = "reference_taken"      // the merchant has used it at this front door
	ReferenceReserved   Code = "reference_reserved"   // it looks like one of our own ids
	InvoiceClosed       Code = "invoice_closed"       // status: the move is not legal from there
	AmountMismatch      Code = "amount_mismatch"      // due: the rail must bring exactly that
	BalanceInsufficient Code = "balance_insufficient" // account, available
	AmountOverflow      Code = "amount_overflow"      // a sum left 64 bits
	HoldMissing         Code = "hold_missing"
	HoldClosed          Code = "hold_closed"  // state: posted, voided or expired before
	HoldExpired         Code = "hold_expired" // past its time: it can be voided or expired, not posted
	HoldNotDue          Code = "hold_not_due" // it cannot expire before its time
	TransferInvalid     Code = "transfer_invalid"
	RailDeclined        Code = "rail_declined" // reason
	RailUnknown         Code = "rail_unknown"  // no such way to pay here
)

// Codes about wallets.
const (
	WalletMissing        Code = "wallet_missing"
	TransferMissing      Code = "transfer_missing"       // a transfer, or the receipt of one
	SenderNotApproved    Code = "sender_not_approved"    // the wallet that is to pay is not approved
	ReceiverMissing      Code = "receiver_missing"       // nobody there who may receive
	ReceiverSelf         Code = "receiver_self"          // sender and receiver are one
	AmountBelowLimit     Code = "amount_below_limit"     // limit: minor units
	AmountAboveLimit     Code = "amount_above_limit"     // limit: minor units
	DailyLimitExceeded   Code = "daily_limit_exceeded"   // limit, used: minor units
	MonthlyLimitExceeded Code = "monthly_limit_exceeded" // limit, used: minor units
	PINMalformed         Code = "pin_malformed"          // not 4 digits
	PINWrong             Code = "pin_wrong"
	PINLocked            Code = "pin_locked"    // retry_after: seconds
	QRInvalid            Code = "qr_invalid"    // not a code of ours, altered or revoked
	CodeWrong            Code = "code_wrong"    // a one-time code: wrong, used or too old, never told apart
	CodeTooMany          Code = "code_too_many" // retry_after: seconds
)

// Codes about money that goes out.
const (
	PayoutMethodMissing Code = "payout_method_missing" // no such way to pay out, or it is switched off
	PayoutClosed        Code = "payout_closed"         // status: the move is not legal from there
	ApprovalOwn         Code = "approval_own"          // who asked for money cannot decide about it
	ApprovalWanted      Code = "approval_wanted"       // a second person has to approve first
	BatchMissing        Code = "batch_missing"
	BatchUnfinished     Code = "batch_unfinished" // its payouts are still being made
	RefundMissing       Code = "refund_missing"
	RefundTooMuch       Code = "refund_too_much" // refundable: minor units that can still be given back
	InvoiceOpen         Code = "invoice_open"    // money of an open invoice is given back only once it is closed
)

// Codes about us.
const (
	Overloaded Code = "overloaded" // a bounded queue is full; nothing was done
	Outage     Code = "outage"     // the database is gone, full or out of reach
	// SettingMissing says that an operator has not set up what this needs.
	SettingMissing Code = "setting_missing" // setting
	Bug            Code = "internal"        // anything else; the log has it under the request id
)

var kinds = map[Code]Kind{
	BodyMalformed: Invalid, BodyTooLarge: Invalid, BodyUnsupported: Invalid, RouteUnknown: Missing, MethodNotAllowed: Invalid,
	FieldRequired: Invalid, FieldNotString: Invalid, FieldNotNumber: Invalid, FieldNotInteger: Invalid, FieldNotList: Invalid,
	FieldNotURL: Invalid, FieldNotOneOf: Invalid, FieldMalformed: Invalid, FieldTooLong: Invalid, FieldTooMany: Invalid,
	FieldControl: Invalid, AmountNotPositive: Invalid, AmountTooLarge: Invalid, AmountDecimals: Invalid,
	CurrencyUnknown: Invalid, IdempotencyReused: Conflict, CredentialsInvalid: Unauthenticated, PermissionMissing: Forbidden,
	SandboxOnly: Forbidden, RateLimited: Limited, InvoiceMissing: Missing, PaymentMissing: Missing, PayoutMissing: Missing,
	MerchantMissing: Missing, EventMissing: Missing, UploadMissing: Missing, ChannelMissing: Missing, TargetMissing: Missing, TargetAmbiguous: Conflict,
	ReferenceTaken: Conflict, ReferenceReserved: Invalid, InvoiceClosed: Refused, AmountMismatch: Refused,
	BalanceInsufficient: Refused, AmountOverflow: Refused, HoldMissing: Missing, HoldClosed: Refused, HoldExpired: Refused,
	HoldNotDue: Refused, TransferInvalid: Invalid, RailDeclined: Refused, RailUnknown: Invalid, Overloaded: Unavailable,
	Outage: Unavailable, SettingMissing: Unavailable, Bug: Internal,

	WalletMissing:        Missing,
	TransferMissing:      Missing,
	SenderNotApproved:    Refused,
	ReceiverMissing:      Refused,
	ReceiverSelf:         Refused,
	AmountBelowLimit:     Refused,
	AmountAboveLimit:     Refused,
	DailyLimitExceeded:   Refused,
	MonthlyLimitExceeded: Refused,
	PINMalformed:         Refused,
	PINWrong:             Refused,
	PINLocked:            Refused,
	QRInvalid:            Refused,
	CodeWrong:            Refused,
	CodeTooMany:          Limited,

	PayoutMethodMissing: Invalid,
	PayoutClosed:        Conflict,
	ApprovalOwn:         Forbidden,
	ApprovalWanted:      Conflict,
	BatchMissing:        Missing,
	BatchUnfinished:     Conflict,
	RefundMissing:       Missing,
	RefundTooMuch:       Refused,
	InvoiceOpen:         Conflict,
}

// Codes lists every code there is, sorted.
func Codes() []Code {
	list := make([]Code, 0, len(kinds))
	for c := range kinds {
		list = append(list, c)
	}
	slices.Sort(list)
	return list
}

// Kind is the coarse class the code belongs to; Internal for one that is not in the list.
func (c Code) Kind() Kind { return kinds[c] }
