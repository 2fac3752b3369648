package payout

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/store"
)

// one runs a query for at most one payout.
func (s *Service) one(ctx context.Context, sql string, args ...any) (Payout, error) {
	list, err := s.many(ctx, sql, args...)
	if err == nil && len(list) == 0 {
		err = fault.New(fault.PayoutMissing)
	}
	if err != nil {
		return Payout{}, err
	}
	return list[0], nil
}

func (s *Service) many(ctx context.Context, sql string, args ...any) ([]Payout, error) {
	var list []Payout
	err := s.db.Query(ctx, sql, args, func(r store.Row) error {
		p, err := scan(r)
		list = append(list, p)
		return err
	})
	return list, err
}

// Get answers the payout, refund or withdrawal with the id on the merchant's list, or a fault PayoutMissing.
func (s *Service) Get(ctx context.Context, merchant, id string) (Payout, error) {
	return s.one(ctx, sqlByID, merchant, id)
}

// ByNumber answers the one that the door prints as number, or a fault PayoutMissing.
func (s *Service) ByNumber(ctx context.Context, merchant, door, number string) (Payout, error) {
	return s.one(ctx, sqlByNumber, number, AliasKind(door), merchant)
}

// ByReference answers the one with the merchant's own reference at the door, or a fault PayoutMissing.
func (s *Service) ByReference(ctx context.Context, merchant, door, reference string) (Payout, error) {
	return s.one(ctx, sqlByReference, merchant, door, reference)
}

// Find answers those on the merchant's list that the texts mean at the door, by text: each text is a printed number or a reference. A text
// that means nothing is absent.
func (s *Service) Find(ctx context.Context, merchant, door string, texts []string) (map[string]Payout, error) {
	ids, err := s.db.FindAliases(ctx, merchant, AliasKind(door), texts)
	if err != nil {
		return nil, err
	}
	found := make(map[string]Payout, len(texts))
	textOf := make(map[string]string, len(ids))
	var byID, byReference []any
	for _, t := range texts {
		if id, ok := ids[t]; ok {
			textOf[id] = t
			byID = append(byID, merchant, id)
		} else {
			byReference = append(byReference, merchant, door, t)
		}
	}
	err = s.db.QueryRows(ctx, bulkByID, byID, func(r store.Row) error {
		p, err := scan(r)
		found[textOf[p.ID]] = p
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, s.db.QueryRows(ctx, bulkByReference, byReference, func(r store.Row) error {
		p, err := scan(r)
		found[p.Reference] = p
		return err
	})
}

// Meanings answers all on the merchant's list that text can mean, oldest first: its own id, or a printed number or a reference at one of the doors.
// It is for people and for the sandbox, who do not say what they mean.
func (s *Service) Meanings(ctx context.Context, merchant, text string, doors []string) ([]Payout, error) {
	aliases, err := s.db.AliasesOf(ctx, merchant, text)
	if err != nil {
		return nil, err
	}
	var byID, byReference []any
	if id.Valid(text) {
		byID = append(byID, merchant, strings.ToLower(text))
	}
	for _, d := range doors {
		if id := aliases[AliasKind(d)]; id != "" {
			byID = append(byID, merchant, id)
		}
		byReference = append(byReference, merchant, d, text)
	}
	var list []Payout
	keep := func(r store.Row) error {
		p, err := scan(r)
		if !slices.ContainsFunc(list, func(q Payout) bool { return q.ID == p.ID }) {
			list = append(list, p)
		}
		return err
	}
	if err := s.db.QueryRows(ctx, bulkByID, byID, keep); err != nil {
		return nil, err
	}
	err = s.db.QueryRows(ctx, bulkByReference, byReference, keep)
	slices.SortFunc(list, func(a, b Payout) int { return strings.Compare(a.ID, b.ID) })
	return list, err
}

// Query says which payouts are wanted: those that have all that is not "".
type Query struct {
	Merchant, Owner, Batch, Sheet, Rail string
	Status                              Status
	Approval                            Approval // Wanted: those that still wait for one, and none that was rejected or called off before
	Kind                                Kind
	Before, After                       string // ids: older than Before, newer than After
	Limit                               int
}

// List answers payouts, the newest first; with After, the Limit oldest of those that are newer, newest first too. A page is found by an index by
// what it asks for; where it asks for several things, by the one that is rarest as a rule, and the others are looked for among those that have it.
func (s *Service) List(ctx context.Context, q Query) ([]Payout, error) {
	sql, args := q.statement()
	list, err := s.many(ctx, sql, args...)
	if q.After != "" {
		slices.Reverse(list)
	}
	return list, err
}

// statement is the query's, and its parameters.
func (q Query) statement() (string, []any) {
	var conditions []string
	var args []any
	add := func(condition, value string) {
		if value != "" {
			conditions, args = append(conditions, condition), append(args, value)
		}
	}
	add("p.merchant = $", q.Merchant)
	add("p.owner = $", q.Owner)
	add("p.id < $", q.Before)
	add("p.id > $", q.After)
	open := q.Status != "" && !q.Status.Final()
	desk := open && q.Rail != "" && q.Merchant == "" // what a rail has not done yet has an index of its own
	if desk || q.Approval == Wanted {
		conditions = append(conditions, "p.processed_at IS NULL")
	}
	led := false
	for _, w := range q.wishes(open) {
		switch {
		case led && !(desk && w.column == "rail"): // planners do not know what is rare: no index is by a column with a text after it
			add("p."+w.column+" || '' = $", w.value)
			continue
		case w.partial: // its index holds those alone
			conditions = append(conditions, "p."+w.column+" <> ''")
			add("p."+w.column+" = $", w.value)
		case w.column == "approval" && (q.Approval == Wanted || q.Approval == Given):
			conditions = append(conditions, "p.approval = '"+w.value+"'")
		default:
			add("p."+w.column+" = $", w.value)
		}
		led = true
	}
	return sqlList(conditions, q.After == ""), append(args, int64(q.Limit))
}

// wish is something that a query asks for beside whose payouts it wants.
type wish struct {
	column, value string
	common        int // how much there is of it, as a rule
	partial       bool
}

// wishes are what the query asks for, what is rarest first.
func (q Query) wishes(open bool) []wish {
	list := []wish{
		{"sheet", q.Sheet, 0, true},
		{"batch", q.Batch, 1, true},
		{"approval", string(q.Approval), 6, false},
		{"status", string(q.Status), 4, false},
		{"kind", string(q.Kind), 5, false},
		{"rail", q.Rail, 7, false},
	}
	if q.Approval == Wanted {
		list[2].common = 2
	}
	if open {
		list[3].common = 3
	}
	if q.Status == Completed {
		list[3].common = 9
	}
	if q.Kind == KindPayout {
		list[4].common = 8
	}
	list = slices.DeleteFunc(list, func(w wish) bool { return w.value == "" })
	slices.SortFunc(list, func(a, b wish) int { return cmp.Compare(a.common, b.common) })
	return list
}
