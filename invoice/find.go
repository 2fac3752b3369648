package invoice

import (
	"context"
	"slices"
	"strings"
	"time"

	"sarraf/fault"
	"sarraf/money"
	"sarraf/store"
)

// currencyOf is a currency code as the database has it. It was checked on its way in.
func currencyOf(code string) money.Currency { return money.Currency(code) }

// one runs a query for at most one invoice.
func (s *Service) one(ctx context.Context, sql string, args ...any) (Invoice, error) {
	var inv Invoice
	found := false
	err := s.db.Query(ctx, sql, args, func(r store.Row) (err error) {
		found = true
		inv, err = scan(r)
		return err
	})
	if err == nil && !found {
		err = fault.New(fault.InvoiceMissing)
	}
	return inv, err
}

// Get answers the owner's invoice with the id, or a fault InvoiceMissing.
func (s *Service) Get(ctx context.Context, owner, id string) (Invoice, error) {
	return s.one(ctx, sqlByID, owner, id)
}

// ByNumber answers the owner's invoice that the door prints as number, or a fault InvoiceMissing.
func (s *Service) ByNumber(ctx context.Context, owner, door, number string) (Invoice, error) {
	inv, err := s.numbers.Find(ctx, numberKey{owner, AliasKind(door), number})
	switch {
	case err != nil:
		return Invoice{}, err
	case inv == nil:
		return Invoice{}, fault.New(fault.InvoiceMissing)
	}
	return *inv, nil
}

// numberKey is what an invoice's printed number is found by.
type numberKey struct{ owner, kind, number string }

// byNumbers answers the invoices of the keys, nil where there is none.
func (s *Service) byNumbers(ctx context.Context, keys []numberKey) ([]*Invoice, error) {
	found := make([]*Invoice, len(keys))
	if len(keys) == 1 {
		k := keys[0]
		return found, s.db.Query(ctx, sqlByNumber, []any{k.number, k.kind, k.owner}, func(r store.Row) error {
			inv, err := scan(r)
			found[0] = &inv
			return err
		})
	}
	args := make([]any, 0, 4*len(keys))
	for n, k := range keys {
		args = append(args, int64(n), k.number, k.kind, k.owner)
	}
	return found, s.db.QueryRows(ctx, bulkByNumber, args, func(r store.Row) error {
		var n int64
		inv, err := scanAfter(r, &n)
		found[n] = &inv
		return err
	})
}

// ByReference answers the owner's invoice with the merchant's own reference at the door, or a fault InvoiceMissing.
func (s *Service) ByReference(ctx context.Context, owner, door, reference string) (Invoice, error) {
	return s.one(ctx, sqlByReference, owner, door, reference)
}

// ByToken answers the invoice whose hosted page has the token, or a fault InvoiceMissing. Whoever knows the token may see the page.
func (s *Service) ByToken(ctx context.Context, token string) (Invoice, error) {
	return s.one(ctx, sqlByToken, token, TokenAlias)
}

// ByPSID answers the newest of the owner's bills that have the PSID, or a fault InvoiceMissing.
func (s *Service) ByPSID(ctx context.Context, owner, psid string) (Invoice, error) {
	return s.one(ctx, sqlByPSID, owner, psid)
}

// OfPSID is ByPSID whoever the owner is: banks know nothing but the PSID.
func (s *Service) OfPSID(ctx context.Context, psid string) (Invoice, error) {
	inv, err := s.payees.Find(ctx, psid)
	switch {
	case err != nil:
		return Invoice{}, err
	case inv == nil:
		return Invoice{}, fault.New(fault.InvoiceMissing)
	}
	return *inv, nil
}

// byPSIDs is OfPSID for a slice, nil where there is none.
func (s *Service) byPSIDs(ctx context.Context, psids []string) ([]*Invoice, error) {
	found := make([]*Invoice, len(psids))
	args := make([]any, 0, 3*len(psids))
	for n, p := range psids {
		args = append(args, int64(n), p, PSIDAlias)
	}
	return found, s.db.QueryRows(ctx, bulkByPSID, args, func(r store.Row) error {
		var n int64
		inv, err := scanAfter(r, &n)
		found[n] = &inv
		return err
	})
}

// Offset says which part of a list with a total is wanted: at most Limit after the first Skip.
type Offset struct{ Skip, Limit int64 }

// Bills answers a part of the owner's bills at the door, the last changed first, and how many there are in all.
func (s *Service) Bills(ctx context.Context, owner, door string, p Offset) (list []Invoice, total int64, err error) {
	err = s.db.Query(ctx, sqlBillTotal, []any{owner, door}, func(r store.Row) error { return r.Scan(&total) })
	if err != nil || p.Skip >= total {
		return nil, total, err // a page far beyond the end is not walked to
	}
	list, err = s.many(ctx, sqlBills, owner, door, p.Limit, p.Skip)
	return list, total, err
}

// BillsOfPSID answers a part of the owner's bills at the door that have the PSID, the last changed first, and how many there are.
func (s *Service) BillsOfPSID(ctx context.Context, owner, door, psid string, p Offset) (list []Invoice, total int64, err error) {
	list, err = s.many(ctx, sqlBillsOfPSID, owner, door, psid, p.Limit, p.Skip)
	if err != nil {
		return nil, 0, err
	}
	return list, total, s.db.Query(ctx, sqlCountOfPSID, []any{owner, door, psid}, func(r store.Row) error { return r.Scan(&total) })
}

// many runs a query for invoices.
func (s *Service) many(ctx context.Context, sql string, args ...any) ([]Invoice, error) {
	var list []Invoice
	err := s.db.Query(ctx, sql, args, func(r store.Row) error {
		inv, err := scan(r)
		list = append(list, inv)
		return err
	})
	return list, err
}

// Find answers those of the owner's invoices at the door that the given texts mean, by text: each text is a printed number or a
// reference. A text that means nothing is absent.
func (s *Service) Find(ctx context.Context, owner, door string, texts []string) (map[string]Invoice, error) {
	ids, err := s.db.FindAliases(ctx, owner, AliasKind(door), texts)
	if err != nil {
		return nil, err
	}
	found := make(map[string]Invoice, len(texts))
	var byID, byRef []any
	textOf := make(map[string]string, len(ids))
	for _, t := range texts {
		if id, ok := ids[t]; ok {
			textOf[id] = t
			byID = append(byID, owner, id)
		} else {
			byRef = append(byRef, owner, door, t)
		}
	}
	err = s.db.QueryRows(ctx, bulkByID, byID, func(r store.Row) error {
		inv, err := scan(r)
		found[textOf[inv.ID]] = inv
		return err
	})
	if err != nil {
		return nil, err
	}
	err = s.db.QueryRows(ctx, bulkByReference, byRef, func(r store.Row) error {
		inv, err := scan(r)
		found[inv.Reference] = inv
		return err
	})
	return found, err
}

// Meaning is an invoice that a text can mean.
type Meaning struct {
	ID       string
	Currency money.Currency
}

// Meanings answers every invoice of the owner that text can mean, oldest first: its own id, a page token, or a printed number or a
// reference at one of the doors; a PSID means its newest bill. It is for people and for the sandbox, who do not say what they mean.
func (s *Service) Meanings(ctx context.Context, owner, text string, doors []string) ([]Meaning, error) {
	list, err := s.meanings.Find(ctx, question{owner, text, doors})
	if err != nil || !ValidPSID(text) {
		return list, err
	}
	inv, err := s.ByPSID(ctx, owner, text)
	switch {
	case fault.Has(err, fault.InvoiceMissing):
		return list, nil
	case err == nil && !slices.ContainsFunc(list, func(m Meaning) bool { return m.ID == inv.ID }):
		list = append(list, Meaning{ID: inv.ID, Currency: inv.Currency})
	}
	return list, err
}

// question is a text whose meaning is asked for.
type question struct {
	owner, text string
	doors       []string
}

// meaningsOf is Meanings for a slice.
func (s *Service) meaningsOf(ctx context.Context, asked []question) ([][]Meaning, error) {
	found := make([][]Meaning, len(asked))
	row := func(r store.Row) error {
		var kind, currency string
		var m Meaning
		n := int64(0)
		into := []any{&n, &kind, &m.ID, &currency}
		if len(asked) == 1 {
			into = into[1:]
		}
		if err := r.Scan(into...); err != nil {
			return err
		}
		m.Currency = currencyOf(currency)
		if asked[n].may(kind) && !slices.Contains(found[n], m) {
			found[n] = append(found[n], m)
		}
		return nil
	}
	var err error
	if len(asked) == 1 {
		q := asked[0]
		args := make([]any, 0, 2+len(q.doors))
		args = append(args, q.owner, q.text)
		for _, d := range q.doors {
			args = append(args, d)
		}
		err = s.db.Query(ctx, s.meaningsText(len(q.doors)), args, row)
	} else {
		var args []any
		for n, q := range asked {
			args = append(args, int64(n), q.owner, "", q.text)
			for _, d := range q.doors {
				args = append(args, int64(n), q.owner, d, q.text)
			}
		}
		err = s.db.QueryRows(ctx, bulkMeanings, args, row)
	}
	for _, list := range found {
		slices.SortFunc(list, func(a, b Meaning) int { return strings.Compare(a.ID, b.ID) })
	}
	return found, err
}

// meaningsText is the statement for one text and n doors, made once.
func (s *Service) meaningsText(n int) string {
	if text, ok := s.texts.Load(n); ok {
		return text.(string)
	}
	text, _ := s.texts.LoadOrStore(n, sqlMeanings(n))
	return text.(string)
}

// may tells whether an alias of this kind is one of the things that are asked for; "" is no alias.
func (q question) may(kind string) bool {
	return kind == "" || kind == TokenAlias || slices.ContainsFunc(q.doors, func(d string) bool { return kind == AliasKind(d) })
}

// Page says which part of a list is wanted: at most Limit, older than Before or newer than After (ids; "" for no bound).
type Page struct {
	After, Before string
	Limit         int
}

// List answers the owner's invoices, newest first; with After, the Limit oldest of those that are newer.
func (s *Service) List(ctx context.Context, owner string, p Page) ([]Invoice, error) {
	sql, args := sqlBefore, []any{owner, p.Before, int64(p.Limit)}
	switch {
	case p.After != "":
		sql, args = sqlAfter, []any{owner, p.After, int64(p.Limit)}
	case p.Before == "":
		args[1] = "\U0010ffff" // after every id
	}
	var list []Invoice
	err := s.db.Query(ctx, sql, args, func(r store.Row) error {
		inv, err := scan(r)
		list = append(list, inv)
		return err
	})
	if p.After != "" {
		slices.Reverse(list)
	}
	return list, err
}

// expireMost is how many invoices are expired in one round.
const expireMost = 500

// ExpireDue expires the open invoices whose time has run out, at most 500, and answers how many it took on. Any number of nodes may
// do it at once: whether an invoice is still open is decided under its lock.
func (s *Service) ExpireDue(ctx context.Context) (int, error) {
	now := s.clock.Now()
	var due []Key
	err := s.db.Query(ctx, sqlDue, []any{now.UnixMicro(), int64(expireMost)}, func(r store.Row) error {
		var k Key
		err := r.Scan(&k.Owner, &k.ID)
		due = append(due, k)
		return err
	})
	if err != nil || len(due) == 0 {
		return 0, err
	}
	list := make([]Ending, len(due))
	for i, k := range due {
		list[i] = Ending{Owner: k.Owner, ID: k.ID, To: Expired, Reason: "time ran out", Due: true, At: now}
	}
	err = s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := s.endSlice(ctx, tx, list)
		return err
	})
	return len(due), err
}

// Expire runs ExpireDue every interval until ctx ends, and again at once while there is more to do. An error is given to failed
// and tried again at the next turn.
func (s *Service) Expire(ctx context.Context, interval time.Duration, failed func(error)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		n, err := s.ExpireDue(ctx)
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		if n == expireMost && err == nil && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Count answers how many invoices there are, of all owners.
func Count(ctx context.Context, tx *store.Tx) (invoices int64, err error) {
	err = tx.Query(ctx, sqlCount, nil, func(r store.Row) error { return r.Scan(&invoices) })
	return invoices, err
}
