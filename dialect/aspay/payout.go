package aspay

import (
	"context"
	"fmt"
	"net/http"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/payout"
)

// methods lists the ways in which the merchant pays out.
func (d *Dialect) methods(w http.ResponseWriter, r *http.Request) error {
	m, _, err := d.authenticate(r)
	if err != nil {
		return err
	}
	list, err := d.payouts.Methods(r.Context(), m.Owner)
	if err != nil {
		return err
	}
	httpx.WriteJSON(w, http.StatusOK, d.methodsOf(list))
	return nil
}

// request asks for a payout.
func (d *Dialect) request(w http.ResponseWriter, r *http.Request) error {
	m, credential, err := d.authenticate(r)
	if err != nil {
		return err
	}
	if err := mayWrite(credential); err != nil {
		return err
	}
	body, err := httpx.ReadBody(r, 0)
	if err != nil {
		return err
	}
	key, err := httpx.IdempotencyKey(r.Header)
	if err != nil {
		return err
	}
	fields, err := httpx.ParseFields(r.Header.Get("Content-Type"), body)
	if err != nil {
		return err
	}
	q, err := readPayout(fields)
	if err != nil {
		return err
	}
	n, err := d.newPayout(r.Context(), m.Owner, q)
	if err != nil {
		return err
	}
	n.AskedBy = merchant.Actor{Name: "merchant key " + credential.ID, Source: Name + " from " + d.address(r)}
	made, err := d.payouts.Request(r.Context(), n, merchant.IdempotencyKey(Name, key, http.MethodPost, requestPath, string(body)))
	if err != nil {
		return inRequest(err)
	}
	httpx.WriteJSON(w, http.StatusCreated, requestedOf(made))
	return nil
}

// newPayout is the payout that the merchant asks for, with its ids.
func (d *Dialect) newPayout(ctx context.Context, owner string, q payoutRequest) (payout.New, error) {
	n, err := d.payoutNumbers.Next(ctx)
	if err != nil {
		return payout.New{}, err
	}
	digits, err := d.payoutDigits.Encode(uint64(n))
	if err != nil {
		return payout.New{}, fmt.Errorf("aspay: number %d: %w", n, err)
	}
	return payout.New{
		Owner: owner, ID: id.New(d.clock), Door: Name, Number: payoutPrefix + digits, Reference: q.reference, Method: q.method, Amount: q.amount,
		RecipientName: q.recipient, Account: q.account, Description: q.description, WebhookURL: q.callback, At: d.clock.Now(),
	}, nil
}

// payoutStatus tells where one payout stands.
func (d *Dialect) payoutStatus(w http.ResponseWriter, r *http.Request) error {
	m, _, err := d.authenticate(r)
	if err != nil {
		return err
	}
	p, err := d.findPayout(r.Context(), m.Owner, r.PathValue("id"))
	if err != nil {
		return err
	}
	httpx.WriteJSON(w, http.StatusOK, payoutStandingOf(p))
	return nil
}

// findPayout answers the merchant's payout with the printed id or the reference.
func (d *Dialect) findPayout(ctx context.Context, owner, text string) (payout.Payout, error) {
	if isPrinted(text, payoutPrefix) {
		return d.payouts.ByNumber(ctx, owner, Name, text)
	}
	if _, wrong := httpx.CleanText("id", text, maxPayoutReference); wrong != nil {
		return payout.Payout{}, fault.New(fault.PayoutMissing)
	}
	return d.payouts.ByReference(ctx, owner, Name, text)
}

// payoutBatch tells where several payouts stand.
func (d *Dialect) payoutBatch(w http.ResponseWriter, r *http.Request) error {
	owner, ids, err := d.readBatch(r)
	if err != nil {
		return err
	}
	found, err := d.payouts.Find(r.Context(), owner, Name, ids)
	if err != nil {
		return err
	}
	httpx.WriteJSON(w, http.StatusOK, payoutStandingsOf(ids, found))
	return nil
}
