package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
)

// Limits of explain.
const (
	explainText = 4096 // characters of an id: the longest hosted URL or QR payload is shorter
	explainMost = 20   // things that are told whole; a reference such as "1" may be that of many merchants
)

// whatIDs is what explain can find a thing by, for its help and its regrets.
const whatIDs = "an invoice's printed number, the merchant's own reference, a payment page's URL or token, a QR code's payload, " +
	"a PSID, the number of a receipt, of a bulk upload or of a payout, a payout's row on a sheet (S17-42), a sheet (S17), a wallet's mobile number, " +
	"a rail's reference, an Idempotency-Key, the id of an invoice, payment, refund, payout, hold of one, batch of payouts, transfer, wallet, delivery (webhook-id), credential or merchant, " +
	"a merchant's id at a front door, a credential's public key, or an event as MERCHANT/NUMBER"

type explainCmd struct {
	databaseFlag
	ID       string `arg:"" name:"id" help:"What to explain: an id of any kind that any front door, page, webhook or person knows; after -- where it begins with a dash."`
	Merchant string `help:"Only what is this merchant's, by id. A bare number is then an event's number too."`
	Zone     string `default:"UTC" help:"Time zone of the times, as Asia/Dhaka. JSON is always in UTC."`
	JSON     bool   `name:"json" help:"Print one JSON object."`
}

// explanation is what `sarraf explain --json` prints.
type explanation struct {
	ID      string    `json:"id"`
	Found   []subject `json:"found"`
	LeftOut int       `json:"left_out"` // how many more things the id means than are told
}

// subject is one thing that the id means, with everything that belongs to it. Amounts are in the major unit.
type subject struct {
	As          []string          `json:"as"` // what the id is of it, in words
	Kind        string            `json:"kind"`
	ID          string            `json:"id"`
	Merchant    merchantFacts     `json:"merchant"` // empty for a wallet that is of none
	Invoice     *invoiceFacts     `json:"invoice,omitempty"`
	Upload      *uploadFacts      `json:"upload,omitempty"`
	Batch       *batchFacts       `json:"payout_batch,omitempty"`
	Wallet      *walletFacts      `json:"wallet,omitempty"`
	Spending    *spendingFacts    `json:"wallet_transfer,omitempty"`
	Payout      *goingFacts       `json:"payout,omitempty"`
	Sheet       *sheetAnswer      `json:"payout_sheet,omitempty"`
	Payments    []paymentFacts    `json:"payments"`
	Refunds     []refundFacts     `json:"refunds,omitempty"`
	Transfers   []transferFacts   `json:"transfers"`
	Events      []eventFacts      `json:"events"`
	Deliveries  []deliveryFacts   `json:"deliveries"`
	Credentials []credentialFacts `json:"credentials"` // that this is, or that it can have been asked with
	Answers     []store.Answer    `json:"answers"`     // kept for the Idempotency-Key that was asked for
	Audit       []auditFacts      `json:"audit"`
	Missing     []string          `json:"missing"` // what should be there and is not; sarraf audit says more
}

type merchantFacts struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Mode     string `json:"mode"`
	Disabled bool   `json:"disabled,omitempty"`
}

type invoiceFacts struct {
	ID          string    `json:"id"`
	Door        string    `json:"door"`
	Number      string    `json:"number,omitempty"`
	Reference   string    `json:"reference,omitempty"`
	PageToken   string    `json:"page_token,omitempty"`
	Kind        string    `json:"kind,omitempty"`
	PSID        string    `json:"psid,omitempty"`
	Payer       string    `json:"payer,omitempty"`
	LateAmount  string    `json:"late_amount,omitempty"`
	LateFrom    time.Time `json:"late_from,omitzero"`
	Upload      string    `json:"upload,omitempty"`
	Title       string    `json:"title,omitempty"`
	Description string    `json:"description,omitempty"`
	StoreName   string    `json:"store_name,omitempty"`
	PayerName   string    `json:"payer_name,omitempty"`
	PayerEmail  string    `json:"payer_email,omitempty"`
	Amount      string    `json:"amount"`
	AmountPaid  string    `json:"amount_paid"`
	Refunded    string    `json:"amount_refunded,omitempty"`
	Currency    string    `json:"currency"`
	Status      string    `json:"status"`
	Reason      string    `json:"reason,omitempty"`
	ReturnURL   string    `json:"return_url,omitempty"`
	WebhookURL  string    `json:"webhook_url,omitempty"`
	Changes     int64     `json:"changes"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	PaidAt      time.Time `json:"paid_at,omitzero"`
}

type paymentFacts struct {
	ID            string    `json:"id"`
	Rail          string    `json:"rail"`
	RailReference string    `json:"rail_reference"`
	Amount        string    `json:"amount"`
	Currency      string    `json:"currency"`
	Applied       string    `json:"applied"`
	Unapplied     string    `json:"unapplied"`
	Fee           string    `json:"fee"`
	Status        string    `json:"status"`
	Reason        string    `json:"reason,omitempty"`
	Late          bool      `json:"late"`
	Number        string    `json:"number,omitempty"` // of the receipt
	At            time.Time `json:"at"`
	// Settled says by which line of which settlement file the rail's other side has settled it; absent while it has not.
	Settled *settledFacts `json:"settled,omitempty"`
}

type settledFacts struct {
	File      string    `json:"file"` // its id
	Name      string    `json:"name"`
	Line      int64     `json:"line"`
	Charges   string    `json:"charges"`
	SettledOn string    `json:"settled_on,omitempty"`
	Transfer  string    `json:"transfer"`
	At        time.Time `json:"at"`
}

type transferFacts struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Subject  string    `json:"subject"`
	Amount   string    `json:"amount"`
	Currency string    `json:"currency"`
	From     sideFacts `json:"from"`
	To       sideFacts `json:"to"`
	At       time.Time `json:"at"`
}

// sideFacts is one entry of a transfer; without a number when that entry is not there.
type sideFacts struct {
	Owner        string `json:"owner"`
	Account      string `json:"account"`
	Entry        int64  `json:"entry,omitempty"`
	BalanceAfter string `json:"balance_after,omitempty"`
}

type eventFacts struct {
	Number int64           `json:"number"`
	Type   string          `json:"type"`
	Kind   string          `json:"kind"`
	Door   string          `json:"door,omitempty"`
	Data   json.RawMessage `json:"data"`
	At     time.Time       `json:"at"`
}

type deliveryFacts struct {
	ID        string         `json:"id"`
	Event     int64          `json:"event"`
	Type      string         `json:"type"`
	URL       string         `json:"url"`
	State     string         `json:"state"`
	Failures  int64          `json:"failures"`
	DueAt     time.Time      `json:"due_at"`
	HeldBy    string         `json:"held_by,omitempty"` // the process start that is trying it
	CreatedAt time.Time      `json:"created_at"`
	ClosedAt  time.Time      `json:"closed_at,omitzero"`
	Attempts  []attemptFacts `json:"attempts"`
}

type attemptFacts struct {
	Number    int64     `json:"number"`
	Node      string    `json:"node,omitempty"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Status    int64     `json:"status,omitempty"`
	Outcome   string    `json:"outcome,omitempty"`
	Answer    string    `json:"answer,omitempty"`
}

type credentialFacts struct {
	ID        string    `json:"id"`
	Door      string    `json:"door"`
	Handle    string    `json:"handle"`
	Role      string    `json:"role"`
	Label     string    `json:"label,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
}

type auditFacts struct {
	Actor   string    `json:"actor"`
	Source  string    `json:"source"`
	Action  string    `json:"action"`
	Subject string    `json:"subject"`
	Before  string    `json:"before,omitempty"`
	After   string    `json:"after,omitempty"`
	At      time.Time `json:"at"`
}

func (c explainCmd) Run(ctx context.Context, io streams) error {
	text := strings.TrimSpace(c.ID)
	if err := checkID(text); err != nil {
		return err
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return usage("--zone %.60q: want the name of a time zone, as Asia/Dhaka", c.Zone)
	}
	db, err := c.openMade(ctx, store.Options{Logger: slog.New(slog.NewTextHandler(io.err, nil)), ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.CheckSchema(ctx); err != nil {
		return err
	}
	answer := explanation{ID: text, Found: []subject{}}
	err = db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error { return explain(ctx, tx, c.Merchant, &answer) })
	if err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(io.out)
		out.SetEscapeHTML(false)
		err = out.Encode(answer)
	} else {
		err = tellStory(io.out, answer, zone)
	}
	if err == nil && len(answer.Found) == 0 {
		err = fmt.Errorf("%.80q means nothing here. It can be %s", text, whatIDs)
	}
	return err
}

// checkID refuses what no id can be, before it gets to the database or the terminal.
func checkID(text string) error {
	switch {
	case text == "":
		return usage("no id was given: it can be %s", whatIDs)
	case utf8.RuneCountInString(text) > explainText:
		return usage("an id of more than %d characters is none", explainText)
	case !utf8.ValidString(text) || strings.ContainsRune(text, utf8.RuneError) || strings.ContainsFunc(text, unicode.IsControl):
		return usage("an id with control characters, or that is not UTF-8, is none: %.80q", text)
	}
	return nil
}

// explain fills the answer with what its id means, to one merchant or, for "", to all.
func explain(ctx context.Context, tx *store.Tx, only string, answer *explanation) error {
	s, err := newSearch(ctx, tx, only)
	if err != nil {
		return err
	}
	for _, reading := range readings(answer.ID) {
		if err := s.seek(ctx, reading); err != nil {
			return err
		}
		if len(s.order) > 0 {
			break // a longer reading says more than what is in it
		}
	}
	for i, r := range s.order {
		if i == explainMost {
			answer.LeftOut = len(s.order) - i
			break
		}
		if err := s.fill(ctx, r, s.found[r]); err != nil {
			return err
		}
		answer.Found = append(answer.Found, *s.found[r])
	}
	return nil
}

// newSearch looks among what is one merchant's or, for "", everybody's.
func newSearch(ctx context.Context, tx *store.Tx, only string) (*search, error) {
	list, err := merchant.All(ctx, tx)
	if err != nil {
		return nil, err
	}
	s := &search{tx: tx, merchants: map[string]merchant.Merchant{}, alone: only != "", found: map[root]*subject{}}
	for _, m := range list {
		if only == "" || only == m.Owner {
			s.merchants[m.Owner] = m
			s.owners = append(s.owners, m.Owner)
		}
	}
	if only != "" && len(s.owners) == 0 {
		return nil, errors.New("--merchant: there is no such merchant: `sarraf merchant list` shows them")
	}
	return s, nil
}

// transfersOf pairs entries, which come by transfer, into transfers. A side that is not there is left as the other one names it.
func transfersOf(entries []ledger.Entry) []transferFacts {
	list := []transferFacts{}
	at := map[string]int{}
	for _, e := range entries {
		currency, _, _ := strings.Cut(e.Account, "/")
		sum := func(minor int64) string { return money.Of(minor, money.Currency(currency)).Decimal() }
		mine := sideFacts{Owner: e.Owner, Account: e.Account, Entry: e.Seq, BalanceAfter: sum(e.BalanceAfter)}
		other := sideFacts{Owner: e.CounterOwner, Account: e.CounterAccount}
		debited := mine.Owner
		if e.Side == ledger.Credit {
			debited = other.Owner
		}
		key := e.Transfer + " " + debited // an id that people choose may be that of several merchants
		n, ok := at[key]
		if !ok {
			n = len(list)
			at[key] = n
			t := transferFacts{ID: e.Transfer, Kind: e.Kind, Subject: e.Subject, Amount: sum(e.Amount), Currency: currency, From: mine, To: other, At: e.At}
			if e.Side == ledger.Credit {
				t.From, t.To = other, mine
			}
			list = append(list, t)
			continue
		}
		if e.Side == ledger.Credit {
			list[n].To = mine
		} else {
			list[n].From = mine
		}
	}
	return list
}
