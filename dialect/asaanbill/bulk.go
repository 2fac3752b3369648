package asaanbill

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/store"
)

// The content types of bulk requests. Only the first comes by this door.
const (
	contentJSON = "JSON"
	contentCSV  = "CSV"
)

// What add-bulk says where not everything is good.
const (
	someBad = `Processed successfully but one or more payments have errors. Refer to the "status" of each payment`
	allBad  = `Invalid bulk payment request, please refer to the "status" of each payment`
)

// addBulk takes many payments at once. They are made in the background.
func (d *Dialect) addBulk(w http.ResponseWriter, r *http.Request) error {
	m, err := d.authenticate(r, makers)
	if err != nil {
		return err
	}
	c, items, err := readBulk(r)
	if err != nil {
		return err
	}
	if err := payable(m, false); err != nil {
		return err
	}
	echoes, requests := judge(items)
	if len(requests) == 0 {
		httpx.WriteJSON(w, http.StatusBadRequest, envelope{
			ResponseCode: http.StatusBadRequest, ResponseMessage: allBad, Data: bulkRefused{Payments: echoes},
		})
		return nil
	}
	upload, err := d.upload(r.Context(), m, requests, invoice.Upload{ContentType: contentJSON}, merchant.IdempotencyKey(Name, c.key, http.MethodPost, "/add-bulk", string(c.body)))
	if err != nil {
		return err
	}
	said := done
	if len(requests) < len(items) {
		said = someBad
	}
	httpx.WriteJSON(w, http.StatusOK, envelope{
		ResponseCode: http.StatusOK, ResponseMessage: said,
		Data: bulkAdded{BulkPaymentRequestID: json.Number(upload.Number), Payments: echoes},
	})
	return nil
}

// readBulk reads a bulk request as far as it concerns all of its payments.
func readBulk(r *http.Request) (c call, items []httpx.Fields, err error) {
	query, err := httpx.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return call{}, nil, err
	}
	if _, err := readWord(query, paramContent, contentJSON, contentJSON); err != nil {
		return call{}, nil, err
	}
	if c, err = readCall(r, bulkBody); err != nil {
		return call{}, nil, err
	}
	items, _, wrong := c.fields.Objects(fieldPayments, maxBulk)
	if wrong == nil && len(items) == 0 {
		wrong = fault.New(fault.FieldRequired).On(fieldPayments)
	}
	if wrong != nil {
		return call{}, nil, wrong
	}
	return c, items, nil
}

// judge reads each payment by itself. It answers the echo of each, and those that are good.
func judge(items []httpx.Fields) (echoes []json.RawMessage, good []request) {
	echoes = make([]json.RawMessage, len(items))
	for i, item := range items {
		status := taken
		q, err := readPayment(item, typePSID)
		if err == nil {
			good = append(good, q)
		} else {
			_, status = wording(err)
		}
		echoes[i] = echo(item, status)
	}
	return echoes, good
}

// upload hands the payments to the core, with their ids. Of u, the content type and the file's name are set.
func (d *Dialect) upload(ctx context.Context, m merchant.Merchant, list []request, u invoice.Upload, key *store.Key) (invoice.Upload, error) {
	first, err := d.Numbers.Take(ctx, int64(len(list)))
	if err != nil {
		return invoice.Upload{}, err
	}
	number, err := d.Uploads.Next(ctx)
	if err != nil {
		return invoice.Upload{}, err
	}
	now := d.Clock.Now()
	bills := make([]invoice.NewBill, len(list))
	for i, q := range list {
		if bills[i], err = newBill(m, q, id.New(d.Clock), strconv.FormatInt(first+int64(i), 10), now); err != nil {
			return invoice.Upload{}, err
		}
	}
	u.Owner, u.ID, u.Door, u.Number = m.Owner, id.New(d.Clock), Name, strconv.FormatInt(number, 10)
	return d.Invoices.Upload(ctx, u, bills, key)
}

// bulkRequests lists the merchant's bulk requests.
func (d *Dialect) bulkRequests(w http.ResponseWriter, r *http.Request) error {
	m, err := d.authenticate(r, readers)
	if err != nil {
		return err
	}
	query, err := httpx.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	content, wrong := readWord(query, paramContent, "", contentJSON, contentCSV)
	no, size, err := readPage(query)
	if err := errors.Join(wrong, err); err != nil {
		return err
	}
	list, total, err := d.Invoices.Uploads(r.Context(), m.Owner, Name, content, invoice.Offset{Skip: no * size, Limit: size})
	if err != nil {
		return err
	}
	shown := make([]bulkRequest, len(list))
	for i, u := range list {
		shown[i] = requestOf(u)
	}
	return answer(w, pageOf(no, size, total, shown))
}

// bulkRequest answers one bulk request with its payments.
func (d *Dialect) bulkRequest(w http.ResponseWriter, r *http.Request) error {
	m, err := d.authenticate(r, readers)
	if err != nil {
		return err
	}
	text := r.PathValue("bulkPaymentRequestId")
	if !isNumber(text) {
		return fault.New(fault.UploadMissing)
	}
	u, err := d.Invoices.UploadByNumber(r.Context(), m.Owner, Name, text)
	if err != nil {
		return err
	}
	lines, err := d.Invoices.UploadLines(r.Context(), m.Owner, u.ID)
	if err != nil {
		return err
	}
	return answer(w, detailOf(u, lines))
}
