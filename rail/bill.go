package rail

import (
	"context"
	"time"

	"sarraf/money"
)

// Biller is the core as a rail sees it whose banks ask for bills by their number and report that they were paid.
type Biller interface {
	// Bill is the newest bill of a PSID. Fault InvoiceMissing: nobody has the PSID.
	Bill(ctx context.Context, psid string) (Bill, error)
	// PayBill records that a bill was paid. Its rules, in this order:
	//   - a Reference that was recorded before: the first receipt again with Replay, and nothing moves, also when the PSID has a newer
	//     bill since;
	//   - nobody has the PSID, or it is of the other mode: InvoiceMissing;
	//   - the merchant is shut out: PermissionMissing;
	//   - the newest bill of the PSID is paid: InvoiceClosed with status "paid";
	//   - it expired, was cancelled or superseded, or its time is over by our clock: InvoiceClosed with that status;
	//   - zero or less: AmountNotPositive; an amount that is not what is due at At: AmountMismatch. A static code takes any amount.
	// A refused payment leaves no trace: the same Reference is judged afresh when it comes again.
	PayBill(ctx context.Context, p BillPayment) (BillReceipt, error)
}

// BillState is what a bank is told of a bill.
type BillState string

// The states of a bill.
const (
	BillOpen    BillState = "open"
	BillPaid    BillState = "paid"
	BillClosed  BillState = "closed"  // expired, cancelled, superseded
	BillBlocked BillState = "blocked" // its merchant is shut out
)

// Bill is what a payer's bank may know of a demand.
type Bill struct {
	PSID       string
	Title      string
	Sandbox    bool // of a sandbox merchant
	State      BillState
	AnyAmount  bool         // the payer chooses (a static code); the amounts are 0 then
	Amount     money.Amount // up to and on its due date
	LateAmount money.Amount // after it; equal to Amount when there is none
	LateFrom   time.Time    // the first instant after the due date; zero: no due date
	ExpiresAt  time.Time    // zero: never

	// Of a paid one:
	PaidAt        time.Time
	PaidAmount    money.Amount
	PaidReference string // the rail reference of its last receipt over rail billpay, "" when it came another way
}

// BillPayment is a bank's report that one of its customers paid a bill.
type BillPayment struct {
	Rail      string // the rail's name
	Reference string // what makes the payment this one and no other; it becomes the payment's rail reference
	PSID      string
	Amount    money.Amount
	At        time.Time // the moment by which the amount is judged
	Sandbox   bool      // a sandbox channel pays bills of sandbox merchants, and only them; another is fault InvoiceMissing
}

// BillReceipt is the answer to a payment that was taken.
type BillReceipt struct {
	Number string // our receipt number, at most 20 digits
	Replay bool   // the payment was recorded before
}
