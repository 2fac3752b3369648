package api

import (
	"bytes"
	"context"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/payout"
	"sarraf/store"
)

// batchBody bounds the body of a batch, in bytes: 10,000 lines with every text at its longest.
const batchBody = 12 << 20

const csvType = "text/csv"

func (a *api) registerBatches(h huma.API) {
	registerLean[NewPayoutBatch, PayoutBatch](h, asks, huma.Operation{
		OperationID: "create-payout-batch", Method: http.MethodPost, Path: "/v1/payouts/batches", Tags: []string{"Payouts"},
		Summary: "Ask for up to 10,000 payouts in one call",
		Description: "As JSON, or as `text/csv` with the columns `method,amount,recipient_name,recipient_account,reference,description`, whose reference and name are " +
			"parameters of the address. The payouts are made in the background, each judged alone: a line that is refused leaves the others. What cannot " +
			"be read refuses the whole call; `field` then names the line, counted from 0, such as `payouts.3.amount`; of a CSV it names the column, and `params` the line of the file.",
		Parameters: []*huma.Param{
			{Name: "reference", In: "query", Description: "With text/csv: the merchant's own id of the batch.", Schema: &huma.Schema{Type: huma.TypeString}},
			{Name: "name", In: "query", Description: "With text/csv: its name, for people.", Schema: &huma.Schema{Type: huma.TypeString}},
		},
		Errors: []int{http.StatusConflict},
	}, batchBody, a.createBatch)
	doc := h.OpenAPI().Paths["/v1/payouts/batches"].Post.RequestBody
	doc.Content[csvType] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	register(h, looks, huma.Operation{
		OperationID: "list-payout-batches", Method: http.MethodGet, Path: "/v1/payouts/batches", Tags: []string{"Payouts"},
		Summary:     "List batches",
		Description: "Newest first. `before` an id: the next older ones. `after` an id: the ones made next after it, also newest first.",
		Errors:      []int{http.StatusUnprocessableEntity},
	}, a.listBatches)
	register(h, looks, huma.Operation{
		OperationID: "get-payout-batch", Method: http.MethodGet, Path: "/v1/payouts/batches/{id}", Tags: []string{"Payouts"},
		Summary: "Get a batch",
		Errors:  []int{http.StatusNotFound, http.StatusUnprocessableEntity},
	}, a.getBatch)
	register(h, looks, huma.Operation{
		OperationID: "list-payout-batch-lines", Method: http.MethodGet, Path: "/v1/payouts/batches/{id}/lines", Tags: []string{"Payouts"},
		Summary:     "Read a batch line by line",
		Description: "In the order in which they came, with what was made of each, or why nothing was.",
		Errors:      []int{http.StatusNotFound, http.StatusUnprocessableEntity},
	}, a.listLines)
	for _, word := range []string{"approve", "reject"} {
		registerWrite[Decision, BatchDecided](h, decides, huma.Operation{
			OperationID: word + "-payout-batch", Method: http.MethodPost, Path: "/v1/payouts/batches/{id}/" + word, Tags: []string{"Payouts"},
			Summary: strings.ToUpper(word[:1]) + word[1:] + " a batch",
			Description: "All payouts of a batch that want approval, each as if it had been decided alone, and each noted in the audit log. While the batch is " +
				"not done it is a 409. Never by the key that asked for it.",
			Errors: []int{http.StatusNotFound, http.StatusConflict},
		}, a.decideBatch(word == "approve"))
	}
}

// NewPayoutBatch is the body of POST /v1/payouts/batches.
type NewPayoutBatch struct {
	Reference string        `json:"reference,omitempty" maxLength:"64" doc:"The merchant's own id of the batch, unique at this front door." example:"SALARIES-2026-07"`
	Name      string        `json:"name,omitempty" maxLength:"100" doc:"Its name, for people." example:"Salaries of July"`
	Payouts   []PayoutOrder `json:"payouts" minItems:"1" maxItems:"10000" nullable:"false"`
}

// createBatch takes many payouts in one command, which also keeps the answer for the Idempotency-Key. Faults: FieldRequired, FieldNotList,
// FieldTooMany, FieldMalformed on payouts; those of what cannot be read on payouts.N and the field's name, or for CSV those of
// payout.ReadBatchCSV; FieldNotString, FieldControl, FieldTooLong on reference and name; then those of payout.Service.CreateBatch.
func (a *api) createBatch(w http.ResponseWriter, r *http.Request, c caller) error {
	b, key, err := a.readBatch(r, c)
	if err != nil {
		return err
	}
	b.ID, b.Door = id.New(a.Clock), Name
	made, err := a.Payouts.CreateBatch(r.Context(), c.Owner, c.actor(), b, key)
	if err != nil {
		return err
	}
	httpx.WriteJSON(w, http.StatusOK, batchOf(made))
	return nil
}

// readBatch reads a batch as JSON or, where the content type says so, as CSV.
func (a *api) readBatch(r *http.Request, c caller) (payout.NewBatch, *store.Key, error) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media == csvType {
		return a.readCSV(r, c)
	}
	var b payout.NewBatch
	f, key, err := readBody(r, batchBody, nil)
	if err != nil {
		return b, nil, err
	}
	var read intake
	b.Reference, b.Name = read.text(f, "reference", mostReference, false), read.text(f, "name", mostName, false)
	lines, _, wrong := f.Objects("payouts", payout.BatchMost)
	if wrong == nil && len(lines) == 0 {
		wrong = fault.New(fault.FieldRequired).On("payouts")
	}
	read.wrong(wrong)
	b.Lines = make([]payout.New, len(lines))
	for i := 0; i < len(lines) && len(read.faults) < mostToldFaults; i++ {
		read.at = "payouts." + strconv.Itoa(i) + "."
		b.Lines[i] = a.readPayout(&read, lines[i])
		for _, name := range []string{"wallet", "pin"} {
			if lines[i].Has(name) {
				read.wrong(fault.New(fault.FieldMalformed).On(name)) // it would go out of the balance
			}
		}
	}
	return b, key, read.err()
}

// readCSV reads a batch that is a table. Its reference and name are in the query, and so they are part of what the Idempotency-Key stands for.
func (a *api) readCSV(r *http.Request, c caller) (payout.NewBatch, *store.Key, error) {
	var b payout.NewBatch
	key, err := httpx.IdempotencyKey(r.Header)
	if err != nil {
		return b, nil, err
	}
	body, err := httpx.ReadBody(r, batchBody)
	if err != nil {
		return b, nil, err
	}
	query, err := httpx.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return b, nil, err
	}
	var read intake
	b.Reference, b.Name = read.text(query, "reference", mostReference, false), read.text(query, "name", mostName, false)
	if err := read.err(); err != nil {
		return b, nil, err
	}
	methods, err := a.Payouts.Methods(r.Context(), c.Owner)
	if err != nil {
		return b, nil, err
	}
	if b.Lines, err = payout.ReadBatchCSV(bytes.NewReader(body), methods); err != nil || key == "" {
		return b, nil, err
	}
	return b, merchant.IdempotencyKey(Name, key, r.Method, r.URL.Path+"?"+r.URL.RawQuery, string(body)), nil
}

type batchPage struct {
	Limit    int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"How many, at most."`
	After    string `query:"after" format:"uuid" doc:"A batch's id: only younger ones."`
	Before   string `query:"before" format:"uuid" doc:"A batch's id: only older ones."`
	Merchant string `query:"merchant" format:"uuid" doc:"For operators, who have to say it: the merchant's id."`
}

func (a *api) listBatches(ctx context.Context, c caller, in *batchPage) (Page[PayoutBatch], error) {
	page := Page[PayoutBatch]{Data: []PayoutBatch{}}
	for name, text := range map[string]string{"after": in.After, "before": in.Before} {
		if text != "" && !id.Valid(text) {
			return page, fault.New(fault.FieldMalformed).On(name)
		}
	}
	owner, err := c.whose(in.Merchant)
	if err != nil {
		return page, err
	}
	list, err := a.Payouts.Batches(ctx, owner, payout.BatchPage{After: in.After, Before: in.Before, Limit: in.Limit + 1})
	if err != nil {
		return page, err
	}
	if page.HasMore = len(list) > in.Limit; page.HasMore && in.After != "" {
		list = list[1:] // the newest is the one too many
	} else if page.HasMore {
		list = list[:in.Limit]
	}
	for _, b := range list {
		page.Data = append(page.Data, batchOf(b))
	}
	return page, nil
}

type batchID struct {
	ID       string `path:"id" maxLength:"64" doc:"A batch's id."`
	Merchant string `query:"merchant" format:"uuid" doc:"For operators, who have to say it: the merchant's id."`
}

func (a *api) getBatch(ctx context.Context, c caller, in *batchID) (PayoutBatch, error) {
	owner, err := c.whose(in.Merchant)
	if err != nil {
		return PayoutBatch{}, err
	}
	b, err := a.Payouts.Batch(ctx, owner, in.ID)
	return batchOf(b), err
}

type linePage struct {
	ID       string `path:"id" maxLength:"64" doc:"A batch's id."`
	Merchant string `query:"merchant" format:"uuid" doc:"For operators, who have to say it: the merchant's id."`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many, at most."`
	After    int64  `query:"after" minimum:"0" doc:"A line's number: only later ones."`
	State    string `query:"state" enum:"draft,made,errored"`
}

func (a *api) listLines(ctx context.Context, c caller, in *linePage) (Page[PayoutBatchLine], error) {
	page := Page[PayoutBatchLine]{Data: []PayoutBatchLine{}}
	owner, err := c.whose(in.Merchant)
	if err != nil {
		return page, err
	}
	list, err := a.Payouts.BatchLines(ctx, owner, in.ID, payout.LinePage{After: in.After, Limit: in.Limit + 1, State: payout.LineState(in.State)})
	if err != nil {
		return page, err
	}
	if page.HasMore = len(list) > in.Limit; page.HasMore {
		list = list[:in.Limit]
	}
	for _, l := range list {
		page.Data = append(page.Data, batchLineOf(l))
	}
	return page, nil
}

// decideBatch is the handler of a decision about a whole batch. Faults: those of a decision about one payout; BatchMissing, BatchUnfinished.
func (a *api) decideBatch(approve bool) func(context.Context, caller, *command) (BatchDecided, error) {
	return func(ctx context.Context, c caller, in *command) (BatchDecided, error) {
		var r intake
		reason := r.text(in.fields, "reason", mostReason, !approve)
		named := r.text(in.fields, "merchant", mostParty, false)
		if err := r.err(); err != nil {
			return BatchDecided{}, err
		}
		owner, err := c.whose(named)
		if err != nil {
			return BatchDecided{}, err
		}
		d, err := a.Payouts.ApproveBatch(ctx, owner, in.name, c.actor(), approve, reason, c.personal(in.key))
		if err != nil {
			return BatchDecided{}, err
		}
		return BatchDecided{ID: in.name, Decided: d.Decided, Left: d.Left}, nil
	}
}
