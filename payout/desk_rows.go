package payout

import (
	"context"
	"slices"
	"strings"

	"sarraf/internal/clock"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
	"sarraf/wallet"
)

// The desk's rows: sheets, files of answers and their lines.

func scanSheet(r store.Row) (s Sheet, err error) {
	var mode, currency, status string
	var created, updated int64
	err = r.Scan(&s.Owner, &s.ID, &s.Number, &mode, &currency, &s.Method, &s.Lines, &s.Amount, &status, &s.Actor, &s.Source, &created, &updated)
	s.Mode, s.Currency, s.Status = merchant.Mode(mode), money.Currency(currency), SheetStatus(status)
	s.CreatedAt, s.UpdatedAt = clock.FromMicros(created), clock.FromMicros(updated)
	return s, err
}

func insertSheetLater(tx *store.Tx, s Sheet) {
	tx.Later(sqlInsertSheet, []any{
		s.Owner, s.ID, s.Number, string(s.Mode), string(s.Currency), s.Method, s.Lines, s.Amount, string(s.Status), s.Actor, s.Source,
		clock.Micros(s.CreatedAt), clock.Micros(s.UpdatedAt),
	}, nil)
}

func updateSheetLater(tx *store.Tx, s Sheet) {
	tx.Later(sqlUpdateSheet, []any{s.Owner, s.ID, s.Lines, s.Amount, string(s.Status), clock.Micros(s.UpdatedAt)}, nil)
}

// lockSheet reads a sheet, and holds it until the transaction ends.
func lockSheet(ctx context.Context, tx *store.Tx, id string) (s Sheet, found bool, err error) {
	err = tx.Query(ctx, sqlLockSheet, []any{merchant.House, id}, func(r store.Row) (err error) {
		found = true
		s, err = scanSheet(r)
		return err
	})
	return s, found, err
}

// SheetOf answers the sheet with the id, or the number; false when there is none.
func SheetOf(ctx context.Context, tx *store.Tx, id string, number int64) (s Sheet, found bool, err error) {
	text, args := sqlSheet, []any{merchant.House, id}
	if id == "" {
		text, args = sqlSheetOfNumber, []any{number, merchant.House}
	}
	err = tx.Query(ctx, text, args, func(r store.Row) (err error) {
		found = true
		s, err = scanSheet(r)
		return err
	})
	return s, found, err
}

// RowsOf are the payouts on the sheet with the id, in the order of its rows.
func RowsOf(ctx context.Context, tx *store.Tx, sheetID string) ([]Payout, error) {
	var list []Payout
	err := tx.Query(ctx, sqlOnSheet, []any{sheetID}, keepIn(&list))
	return list, err
}

// OfIDs are the payouts with the ids, whoever's they are, in no order.
func OfIDs(ctx context.Context, tx *store.Tx, ids []string) ([]Payout, error) {
	args := make([]any, 0, len(ids))
	for n, id := range ids {
		if !slices.Contains(ids[:n], id) {
			args = append(args, id)
		}
	}
	var list []Payout
	err := tx.QueryRows(ctx, bulkOfIDs, args, keepIn(&list))
	return list, err
}

// OfNumber are the payouts that any front door prints with the number.
func OfNumber(ctx context.Context, tx *store.Tx, number string) ([]Payout, error) {
	aliases, err := tx.Meanings(ctx, number)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, a := range aliases {
		if strings.HasSuffix(a.Kind, AliasKind("")) {
			ids = append(ids, a.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return OfIDs(ctx, tx, ids)
}

// Named are the payouts that a text names, to operators: by their id, by their row on a sheet, by the number that a front door prints, or,
// where it is none of these, by a merchant's reference.
func (s *Service) Named(ctx context.Context, text string) (list []Payout, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		if list, err = NamedIn(ctx, tx, text); err == nil && len(list) == 0 && text != "" {
			list, err = OfReference(ctx, tx, text)
		}
		return err
	})
	return list, err
}

// NamedIn is Named in a snapshot, without references.
func NamedIn(ctx context.Context, tx *store.Tx, text string) ([]Payout, error) {
	f := finder{rows: map[int64][]Payout{}, found: map[string][]Payout{}}
	err := f.look(ctx, tx, []string{text})
	return f.found[text], err
}

// waitingManual are payouts that wait for a sheet, the oldest first, from after the one with the id.
func waitingManual(ctx context.Context, tx *store.Tx, o ExportOptions, after string, most int) ([]Payout, error) {
	var list []Payout
	err := tx.Query(ctx, sqlWaitingManual, []any{string(o.Currency), o.Method, after, int64(most)}, keepIn(&list))
	return list, err
}

// payoutsOf are the payouts with the keys that there are, locked until the transaction ends when so asked.
func payoutsOf(ctx context.Context, tx *store.Tx, keys []Key, lock bool) (map[Key]Payout, error) {
	keys = slices.Clone(keys)
	slices.SortFunc(keys, func(a, b Key) int { // everybody locks in this order
		if c := strings.Compare(a.Merchant, b.Merchant); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	args := make([]any, 0, 2*len(keys))
	for _, k := range slices.Compact(keys) {
		args = append(args, k.Merchant, k.ID)
	}
	bulk := bulkByID
	if lock {
		bulk = bulkLock
	}
	have := make(map[Key]Payout, len(keys))
	err := tx.QueryRows(ctx, bulk, args, func(r store.Row) error {
		p, err := scan(r)
		have[p.Key()] = p
		return err
	})
	return have, err
}

// holder is what matters of whose money goes out.
type holder struct{ known, sandbox, disabled bool }

// modesOf tells of each of the merchants and holders of wallets whether their money is only played with, and whether they are shut out or suspended.
func modesOf(ctx context.Context, tx *store.Tx, merchants []string) (map[string]holder, error) {
	all, err := merchant.All(ctx, tx)
	if err != nil {
		return nil, err
	}
	have := make(map[string]holder, len(merchants))
	for _, m := range all {
		have[m.Owner] = holder{known: true, sandbox: m.Sandbox(), disabled: m.Settings.Disabled}
	}
	var wallets []string
	for _, owner := range merchants {
		if !have[owner].known && !slices.Contains(wallets, owner) {
			wallets = append(wallets, owner)
		}
	}
	if len(wallets) == 0 {
		return have, nil
	}
	list, err := wallet.Of(ctx, tx, wallets...)
	for _, w := range list {
		have[w.Owner] = holder{known: true, sandbox: w.Sandbox, disabled: w.Status == wallet.Suspended}
	}
	return have, err
}

// backlogIn is ManualBacklog in a snapshot.
func backlogIn(ctx context.Context, tx *store.Tx) ([]Backlog, error) {
	type group struct {
		merchant, owner, currency, method string
		wanted                            bool
		count, amount, since              int64
	}
	var groups []group
	var owners []string
	err := tx.Query(ctx, sqlBacklog, nil, func(r store.Row) error {
		var g group
		var approval string
		err := r.Scan(&g.merchant, &g.owner, &g.currency, &g.method, &approval, &g.count, &g.amount, &g.since)
		g.wanted = Approval(approval) == Wanted
		groups, owners = append(groups, g), append(owners, g.merchant, g.owner)
		return err
	})
	if err != nil || len(groups) == 0 {
		return nil, err
	}
	holders, err := modesOf(ctx, tx, owners)
	var list []Backlog
	for _, g := range groups {
		h, mode := holders[g.merchant], merchant.Live
		if h.sandbox {
			mode = merchant.Sandbox
		}
		at := slices.IndexFunc(list, func(b Backlog) bool {
			return b.Mode == mode && string(b.Currency) == g.currency && b.Method == g.method
		})
		if at < 0 {
			at = len(list)
			list = append(list, Backlog{Mode: mode, Currency: money.Currency(g.currency), Method: g.method})
		}
		b := &list[at]
		switch {
		case g.wanted:
			b.Wanted += g.count
		case h.disabled || !h.known || holders[g.owner].disabled:
			b.Held += g.count
		default:
			since := clock.FromMicros(g.since)
			if b.Ready == 0 || since.Before(b.Since) {
				b.Since = since
			}
			b.Ready, b.Amount = b.Ready+g.count, b.Amount+g.amount
		}
	}
	slices.SortFunc(list, func(a, b Backlog) int {
		return strings.Compare(string(a.Mode)+" "+string(a.Currency)+" "+a.Method, string(b.Mode)+" "+string(b.Currency)+" "+b.Method)
	})
	return list, err
}

func scanAnswer(r store.Row) (a Answer, err error) {
	var status string
	var created, updated int64
	err = r.Scan(&a.Owner, &a.ID, &a.Name, &a.Hash, &a.Lines, &a.Completed, &a.Rejected, &status, &a.Actor, &a.Source, &created, &updated)
	a.Status, a.CreatedAt, a.UpdatedAt = AnswerStatus(status), clock.FromMicros(created), clock.FromMicros(updated)
	return a, err
}

func scanAnswerLine(r store.Row) (l AnswerLine, err error) {
	var outcome, currency string
	var at int64
	err = r.Scan(&l.Owner, &l.Payout, &l.File, &l.Line, &outcome, &l.Amount, &currency, &l.Reference, &at)
	l.Outcome, l.Currency, l.At = Status(outcome), money.Currency(currency), clock.FromMicros(at)
	return l, err
}

// oneAnswer reads a file, if it is there.
func oneAnswer(ctx context.Context, tx *store.Tx, text string, args ...any) (a Answer, found bool, err error) {
	err = tx.Query(ctx, text, args, func(r store.Row) (err error) {
		found = true
		a, err = scanAnswer(r)
		return err
	})
	return a, found, err
}

func answerByHash(ctx context.Context, tx *store.Tx, hash string) (Answer, bool, error) {
	return oneAnswer(ctx, tx, sqlAnswerByHash, hash, merchant.House)
}

func lockAnswer(ctx context.Context, tx *store.Tx, id string) (Answer, bool, error) {
	return oneAnswer(ctx, tx, sqlLockAnswer, merchant.House, id)
}

// insertAnswer writes a file that nobody has imported; false when it is there.
func insertAnswer(ctx context.Context, tx *store.Tx, a Answer) (fresh bool, err error) {
	err = tx.Query(ctx, sqlInsertAnswer, []any{
		a.Owner, a.ID, a.Name, a.Hash, a.Lines, string(a.Status), a.Actor, a.Source, clock.Micros(a.CreatedAt),
	}, func(r store.Row) error {
		fresh = true
		return r.Scan(new(string))
	})
	return fresh, err
}

func saveAnswerLater(tx *store.Tx, a Answer) {
	tx.Later(sqlUpdateAnswer, []any{a.Owner, a.ID, a.Completed, a.Rejected, string(a.Status), clock.Micros(a.UpdatedAt)}, nil)
}

func insertAnswerLinesLater(tx *store.Tx, lines []AnswerLine) {
	args := make([]any, 0, 9*len(lines))
	for _, l := range lines {
		args = append(args, l.Owner, l.Payout, l.File, l.Line, string(l.Outcome), l.Amount, string(l.Currency), l.Reference, clock.Micros(l.At))
	}
	tx.LaterRows(bulkInsertAnswerLines, args, nil)
}

// answerLinesOf are the lines that decided the payouts, of those that a file has decided. owners and ids go together.
func answerLinesOf(ctx context.Context, tx *store.Tx, list []Payout) (map[Key]AnswerLine, error) {
	args, keys := make([]any, 0, 2*len(list)), make(map[[2]string]Key, len(list))
	for _, p := range list {
		args = append(args, p.Owner, p.ID)
		keys[[2]string{p.Owner, p.ID}] = p.Key()
	}
	have := make(map[Key]AnswerLine, len(list))
	err := tx.QueryRows(ctx, bulkAnswerLines, args, func(r store.Row) error {
		l, err := scanAnswerLine(r)
		have[keys[[2]string{l.Owner, l.Payout}]] = l
		return err
	})
	return have, err
}

// answersOf are the files with the ids.
func answersOf(ctx context.Context, tx *store.Tx, ids []string) (map[string]Answer, error) {
	args := make([]any, 0, 2*len(ids))
	for _, id := range ids {
		args = append(args, merchant.House, id)
	}
	have := make(map[string]Answer, len(ids))
	err := tx.QueryRows(ctx, bulkAnswers, args, func(r store.Row) error {
		a, err := scanAnswer(r)
		have[a.ID] = a
		return err
	})
	return have, err
}

// Answered tells by which line of which file a payout was decided; false when it was not by a file.
func Answered(ctx context.Context, tx *store.Tx, p Payout) (l AnswerLine, a Answer, ok bool, err error) {
	lines, err := answerLinesOf(ctx, tx, []Payout{p})
	if l, ok = lines[p.Key()]; err != nil || !ok {
		return l, a, false, err
	}
	files, err := answersOf(ctx, tx, []string{l.File})
	return l, files[l.File], true, err
}
