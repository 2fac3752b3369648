package aspay

import (
	"strconv"
	"strings"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/money"
	"sarraf/payout"
)

// The fields of a payout's request, in the order in which they are checked, beside those that an invoice has.
const (
	fieldMethod      = "payout_method_id"
	fieldRecipient   = "recipient_name"
	fieldAccount     = "recipient_account"
	fieldDescription = "description"
)

// Limits of a payout's fields, in characters.
const (
	maxRecipient       = 255
	maxAccount         = 255
	maxPayoutReference = 50
	maxDescription     = 255
)

// payoutRequest is what POST /api/payout/request asks for.
type payoutRequest struct {
	method                                               int64
	amount                                               money.Amount
	recipient, account, reference, description, callback string
}

// readPayout reads and checks every field; the error joins what is wrong with each, in their order.
func readPayout(f httpx.Fields) (payoutRequest, error) {
	var q payoutRequest
	var wrong [7]*fault.Error
	q.method, wrong[0] = readMethod(f)
	q.amount, wrong[1] = f.Amount(fieldAmount, money.BDT, maxAmount)
	q.recipient, wrong[2] = readText(f, fieldRecipient, maxRecipient, httpx.Fields.String)
	q.account, wrong[3] = readAccount(f)
	q.reference, wrong[4] = readReference(f, maxPayoutReference)
	q.description, wrong[5] = readDescription(f)
	q.callback, wrong[6] = readHook(f)
	return q, fault.Join(wrong[:]...)
}

// readMethod reads the number of a payout method: a number without decimals, or a text that is one.
func readMethod(f httpx.Fields) (int64, *fault.Error) {
	text, _, wrong := f.Text(fieldMethod)
	text = strings.TrimSpace(text)
	if wrong == nil && text == "" {
		return 0, fault.New(fault.FieldRequired).On(fieldMethod)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if wrong != nil || err != nil || text[0] == '+' {
		return 0, fault.New(fault.FieldNotInteger).On(fieldMethod)
	}
	return n, nil
}

// readAccount reads the recipient's account as it is written. Of a number only digits are an account: what a program has turned into a fraction
// may be another's.
func readAccount(f httpx.Fields) (string, *fault.Error) {
	text, wrong := readText(f, fieldAccount, maxAccount, httpx.Fields.Text)
	if wrong == nil && f.Kind(fieldAccount) == httpx.Number && strings.Trim(text, "0123456789") != "" {
		return "", fault.New(fault.FieldMalformed).On(fieldAccount)
	}
	return text, wrong
}

// readDescription reads the merchant's note, which need not be there.
func readDescription(f httpx.Fields) (string, *fault.Error) {
	text, _, wrong := f.Text(fieldDescription)
	if wrong != nil {
		return "", wrong
	}
	return httpx.CleanLines(fieldDescription, text, maxDescription)
}

// readHook reads where the merchant wants to be told, "" for nowhere.
func readHook(f httpx.Fields) (string, *fault.Error) {
	text, _, wrong := f.String(fieldCallback)
	if text = strings.TrimSpace(text); wrong != nil || text == "" {
		return "", wrong
	}
	_, wrong = httpx.CheckURL(fieldCallback, text)
	return text, wrong
}

// names are what this door's requests call what the core names in its faults.
var names = map[string]string{payout.FieldMethod: fieldMethod, payout.FieldReference: fieldReference}

// inRequest is the core's refusal of a payout with its fields named as the request has them. A method of another currency is none here, and
// nothing is said of what it would take.
func inRequest(err error) error {
	faults := fault.All(err)
	for i, f := range faults {
		if f.Code == fault.CurrencyUnknown {
			return fault.New(fault.PayoutMethodMissing).On(fieldMethod)
		}
		if name := names[f.Field]; name != "" {
			faults[i] = f.On(name)
		}
	}
	return fault.Join(faults...)
}

// payoutWords are what a payout's status is called here. Whether an unknown one was paid is being asked about: it is under way.
var payoutWords = map[payout.Status]string{
	payout.Pending:    "pending",
	payout.Processing: "processing",
	payout.Unknown:    "processing",
	payout.Completed:  "completed",
	payout.Rejected:   "rejected",
	payout.Cancelled:  "cancelled",
}

// methodsOf lists the methods that can be asked for at this door: those in taka.
func (d *Dialect) methodsOf(list []payout.Method) payoutMethods {
	answer := payoutMethods{Status: "success", Data: []payoutMethod{}}
	for _, m := range list {
		if m.Disabled || m.Currency != money.BDT {
			continue
		}
		answer.Data = append(answer.Data, payoutMethod{
			ID: m.Number, Name: m.Name, Type: m.Type, AccountType: m.AccountType, Currency: string(m.Currency),
			MinAmount: money.Of(m.Min, m.Currency).JSONNumber(), MaxAmount: money.Of(m.Max, m.Currency).JSONNumber(), Logo: d.public + d.logo(m.Kind),
		})
	}
	return answer
}

// requestedOf answers a request purely from what was made of it, so that a repeat of the request gets the same bytes.
func requestedOf(p payout.Payout) requested {
	return requested{
		Success: true, Message: "Payout request created successfully", PayoutID: p.Number, TransactionReference: p.Reference,
		Amount: p.Money().JSONNumber(), Fee: p.FeeMoney().JSONNumber(), TotalAmount: p.Total().JSONNumber(), Status: payoutWords[p.Status],
	}
}

func payoutStandingOf(p payout.Payout) payoutStanding {
	return payoutStanding{
		PayoutID: p.Number, TransactionReference: p.Reference, Status: payoutWords[p.Status], Amount: p.Money().JSONNumber(),
		Fee: p.FeeMoney().JSONNumber(), TotalAmount: p.Total().JSONNumber(), RecipientName: p.RecipientName, RecipientAccount: p.Account,
		ProcessedAt: seconds(p.ProcessedAt), CreatedAt: seconds(p.CreatedAt),
	}
}

// payoutStandingsOf answers a batch: each payout once, at the first of the texts that means it, and each text that means none once.
func payoutStandingsOf(ids []string, found map[string]payout.Payout) payoutStandings {
	s := payoutStandings{Status: "success", TotalRequested: len(ids), Payouts: []payoutStandingEntry{}}
	s.NotFoundIDs = once(ids, func(text string) string { return found[text].ID }, func(text string) {
		p := found[text]
		s.Payouts = append(s.Payouts, payoutStandingEntry{
			PayoutID: p.Number, TransactionReference: p.Reference, Status: payoutWords[p.Status], Amount: p.Money().JSONNumber(),
		})
	})
	s.TotalFound = len(s.Payouts)
	return s
}
