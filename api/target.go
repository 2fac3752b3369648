package api

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/invoice"
	"sarraf/payout"
	"sarraf/qr"
)

// hostedPattern is the path of a door's hosted pages: what stands before and after the token.
type hostedPattern struct{ before, after string }

// newHostedPattern reads a routing pattern with the one wildcard {token}.
func newHostedPattern(p string) (hostedPattern, bool) {
	before, after, ok := strings.Cut(p, "{token}")
	return hostedPattern{before, after}, ok && strings.HasPrefix(before, "/") && strings.HasSuffix(before, "/")
}

// token is the token in a path of that pattern, "" when it is none.
func (h hostedPattern) token(path string) string {
	rest, ok := strings.CutPrefix(path, h.before)
	if !ok {
		return ""
	}
	if rest, ok = strings.CutSuffix(rest, h.after); !ok || strings.Contains(rest, "/") {
		return ""
	}
	return rest
}

// readings is what the text of a target can stand for: itself, the token of the hosted page whose address it is, the bill number
// of the QR code whose payload it is. Where the address leads is not looked at: a page may be reached under several names.
func (a *api) readings(text string) []string {
	list := []string{text}
	add := func(s string) {
		if s != "" && s != text {
			list = append(list, s)
		}
	}
	if strings.HasPrefix(text, "/") || strings.Contains(text, "://") {
		if u, err := url.Parse(text); err == nil {
			path, _ := httpx.NormalPath(u.EscapedPath())
			for _, h := range a.hosted {
				add(h.token(path))
			}
		}
	}
	if strings.HasPrefix(text, qrBegin) {
		if p, err := qr.Decode(text); err == nil {
			bill, _ := p.Find(qr.IDMore, qr.IDBill)
			add(bill)
		}
	}
	return list
}

// qrBegin is how every EMVCo payload begins: its format indicator.
const qrBegin = qr.IDFormat + "0201"

// target is the one invoice of the owner that text means. Faults on field: TargetMissing, TargetAmbiguous with the ids of what it can
// mean.
func (a *api) target(ctx context.Context, owner, text, field string) (invoice.Meaning, error) {
	var list []invoice.Meaning
	for _, reading := range a.readings(text) {
		found, err := a.Invoices.Meanings(ctx, owner, reading, a.names)
		if err != nil {
			return invoice.Meaning{}, err
		}
		list = append(list, found...)
	}
	return only(list, meaningID, fault.TargetMissing, field)
}

// only is the one thing of the list, be it there more than once. Faults, on field: missing, TargetAmbiguous.
func only[T any](list []T, idOf func(T) string, missing fault.Code, field string) (T, error) {
	var none T
	if len(list) == 0 {
		return none, fault.New(missing).On(field)
	}
	ids := make([]string, 0, len(list))
	for _, m := range list {
		if !slices.Contains(ids, idOf(m)) {
			ids = append(ids, idOf(m))
		}
	}
	if len(ids) == 1 {
		return list[0], nil
	}
	return none, fault.New(fault.TargetAmbiguous).On(field).With(candidatesParam, strings.Join(ids, ","))
}

func meaningID(m invoice.Meaning) string { return m.ID }

func payoutID(p payout.Payout) string { return p.ID }

// candidatesParam is where a fault TargetAmbiguous has the ids.
const candidatesParam = "candidates"

// explained is err with what it takes to choose, where it is a fault TargetAmbiguous. It reads nothing that can change, so that a
// repeated request is answered alike.
func explained(err error, read func(id string) (Candidate, error)) error {
	f := fault.First(err)
	if f == nil || f.Code != fault.TargetAmbiguous {
		return err
	}
	out := &ambiguous{error: err}
	for _, id := range strings.Split(f.Params[candidatesParam], ",") {
		c, err := read(id)
		if err != nil {
			return err
		}
		out.candidates = append(out.candidates, c)
	}
	return out
}

// explained is explained for what names an invoice of the owner.
func (a *api) explained(ctx context.Context, owner string, err error) error {
	return explained(err, func(id string) (Candidate, error) {
		inv, err := a.Invoices.Get(ctx, owner, id)
		return Candidate{ID: inv.ID, Door: inv.Door, Reference: inv.Reference}, err
	})
}

// explainedPayouts is explained for what names a payout on the owner's list.
func (a *api) explainedPayouts(ctx context.Context, owner string, err error) error {
	return explained(err, func(id string) (Candidate, error) {
		p, err := a.Payouts.Get(ctx, owner, id)
		return Candidate{ID: p.ID, Door: p.Door, Reference: p.Reference}, err
	})
}
