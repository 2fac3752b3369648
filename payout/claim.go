package payout

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/rail"
	"sarraf/store"
)

// The kinds of attempt.
const (
	Sending = "send"    // the rail was asked to carry out the order
	Inquiry = "inquire" // it was asked what became of it
)

// workKey names a payout as what is to do about it does.
type workKey struct{ owner, payout string }

// waiting is a payout that is due, as it was looked at.
type waiting struct {
	key      Key
	attempts int64
	kind     string // of the attempt, as it seems
	move     string // the id of the move that the claim makes
}

// task is one attempt that this process has claimed.
type task struct {
	Payout
	n     int64 // of the attempt
	kind  string
	asked int64 // inquiries so far, with this one
	order rail.Order
	move  string    // the id of the move that its answer makes
	until time.Time // when its lease ends
}

// look reads what is due, and chooses by turns among the merchants.
func (l *lane) look(ctx context.Context, sends, asks int, inquire bool) ([]waiting, error) {
	now := clock.Micros(l.s.clock.Now())
	var all []waiting
	for _, part := range []struct {
		kind string
		most int
		sql  [2]string
	}{{Sending, sends, [2]string{sqlFirstSends, sqlLastSends}}, {Inquiry, asks, [2]string{sqlFirstAsks, sqlLastAsks}}} {
		if part.most == 0 || part.kind == Inquiry && !inquire {
			continue
		}
		seen, list := map[Key]bool{}, []waiting(nil)
		for _, sql := range part.sql {
			n := 0
			err := l.s.db.Query(ctx, sql, []any{l.rail.Name(), now, int64(lookMost)}, func(r store.Row) error {
				n++
				w := waiting{kind: part.kind}
				err := r.Scan(&w.key.Merchant, &w.key.ID, &w.attempts)
				if !seen[w.key] {
					seen[w.key] = true
					list = append(list, w)
				}
				return err
			})
			if err != nil {
				return nil, err
			}
			if n < lookMost {
				break // that was all
			}
		}
		chosen := l.turns(list, part.most)
		if part.kind == Inquiry {
			l.waits = len(chosen) < len(list)
		}
		all = append(all, chosen...)
	}
	// Whoever locks payouts does it by merchant and id.
	slices.SortFunc(all, func(a, b waiting) int {
		return cmp.Or(strings.Compare(a.key.Merchant, b.key.Merchant), strings.Compare(a.key.ID, b.key.ID))
	})
	for i := range all {
		all[i].move = id.New(l.s.clock)
	}
	return all, nil
}

// turns chooses at most n of those that wait: each time the merchant's first that has the fewest under way, and among those the one whose last
// turn is longest ago.
func (l *lane) turns(list []waiting, n int) (chosen []waiting) {
	l.mu.Lock()
	defer l.mu.Unlock()
	queues := map[string][]waiting{}
	var order []string // by who waits longest
	for _, w := range list {
		m := w.key.Merchant
		if queues[m] == nil {
			order = append(order, m)
		}
		queues[m] = append(queues[m], w)
	}
	for m := range l.served {
		if queues[m] == nil {
			delete(l.served, m)
		}
	}
	taken := map[string]int{}
	for len(chosen) < n && len(order) > 0 {
		best := slices.MinFunc(order, func(a, b string) int {
			return cmp.Or(cmp.Compare(l.under[a]+taken[a], l.under[b]+taken[b]), l.served[a].Compare(l.served[b]))
		})
		chosen = append(chosen, queues[best][0])
		taken[best]++
		l.served[best] = l.s.clock.Now()
		if queues[best] = queues[best][1:]; len(queues[best]) == 0 {
			order = slices.DeleteFunc(order, func(m string) bool { return m == best })
		}
	}
	return chosen
}

// claim takes leases on payouts, records the numbered attempts, and tells that they are being processed, in one transaction. What another
// node was quicker to take is left out.
func (l *lane) claim(ctx context.Context, list []waiting) ([]task, error) {
	var tasks []task
	err := l.s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		tasks, err = l.claimIn(ctx, tx, list)
		return err
	})
	if err != nil {
		return nil, err
	}
	return tasks, nil
}

func (l *lane) claimIn(ctx context.Context, tx *store.Tx, list []waiting) ([]task, error) {
	locked, err := l.s.lock(ctx, tx, movesOf(list))
	if err != nil {
		return nil, err
	}
	works, err := readWork(ctx, tx, locked)
	if err != nil {
		return nil, err
	}
	now := l.s.clock.Now()
	until := now.Add(l.rail.Limit() + leaseMore)
	var tasks []task
	var moves []Move
	var leases, begun, rests []any
	for _, w := range list {
		p := locked[w.key]
		if p == nil {
			continue
		}
		work, due := works[workKey{p.Owner, p.ID}]
		if due && work.attempts == w.attempts+1 && work.leaseBy == l.node {
			// Our own claim, whose commit was not answered.
			tasks = append(tasks, l.task(p.Payout, work))
			continue
		}
		if !due || work.attempts != w.attempts || work.dueAt.After(now) {
			continue // somebody was quicker
		}
		kind, action := next(p.Payout, work)
		if kind != w.kind {
			continue // it is looked at afresh
		}
		if kind == Sending && !l.rail.Sends(p.Kind) {
			rests = append(rests, p.Owner, p.ID, work.attempts, work.leaseBy, clock.Micros(now.Add(senderless)))
			continue
		}
		if action != "" {
			m := Move{ID: w.move, Merchant: p.Merchant, Payout: p.ID, Action: action, Right: OfRail, DueAt: until, At: now}
			if action == Doubt {
				m.Reason = noAnswer
			}
			moves = append(moves, m)
		}
		asked := int64(0)
		if kind == Inquiry {
			asked = 1
		}
		work.attempts, work.inquiries, work.leaseUntil, work.last.Kind = work.attempts+1, work.inquiries+asked, until, kind
		tasks = append(tasks, l.task(p.Payout, work))
		leases = append(leases, p.Owner, p.ID, work.attempts, asked, clock.Micros(until), l.node)
		begun = append(begun, p.Owner, p.ID, work.attempts, kind, l.node, clock.Micros(now), nil, "", "", "")
	}
	if err := l.s.moveAll(ctx, tx, moves, nil); err != nil {
		return nil, err
	}
	tx.LaterRows(bulkLease, leases, nil)
	tx.LaterRows(bulkBegin, begun, nil)
	tx.LaterRows(bulkRest, rests, nil)
	return tasks, nil
}

// movesOf names the payouts as lock wants them.
func movesOf(list []waiting) []Move {
	keys := make([]Move, len(list))
	for i, w := range list {
		keys[i] = Move{Merchant: w.key.Merchant, Payout: w.key.ID}
	}
	return keys
}

// work is what is still to do about a payout: a row of payout_work, with the last attempt.
type work struct {
	attempts, inquiries int64
	dueAt, leaseUntil   time.Time
	leaseBy             string
	last                Attempt // the zero Attempt before the first
}

// readWork reads what is to do about payouts that are locked, and with them what is to do.
func readWork(ctx context.Context, tx *store.Tx, locked map[Key]*moved) (map[workKey]work, error) {
	var keys []any
	for _, p := range locked {
		keys = append(keys, p.Owner, p.ID)
	}
	works := map[workKey]work{}
	return works, tx.QueryRows(ctx, bulkWork, keys, func(r store.Row) error {
		of, w, err := scanWork(r)
		works[of] = w
		return err
	})
}

// moveAll makes moves of payouts that this transaction has locked and judged, and answers what they come to.
func (s *Service) moveAll(ctx context.Context, tx *store.Tx, list []Move, into func(i int, p Payout)) error {
	if len(list) == 0 {
		return nil
	}
	outcomes, err := s.MoveIn(ctx, tx, list)
	if err != nil {
		return err
	}
	for i, o := range outcomes {
		if o.Err != nil {
			return o.Err
		}
		if into != nil {
			into(i, o.Value)
		}
	}
	return nil
}

// noAnswer is what a merchant is told about a payout that is unknown.
const noAnswer = "The rail did not answer."

// next says what may be done about a payout that is due, and which move goes before it. An order is handed over when it never was, or when the
// last thing that its rail said is that it certainly was not carried out; in all other cases the money may have moved, and the rail
// may only be asked. An attempt that has no end is one whose process ended, or is not heard of any more.
func next(p *Payout, w work) (kind string, before Action) {
	switch p.Status {
	case Pending:
		if p.Approval != Wanted && w.attempts == 0 {
			return Sending, Process
		}
	case Processing:
		switch {
		case w.last.Kind == Sending && w.last.Outcome == string(rail.Retryable):
			return Sending, ""
		case w.last.Kind == Sending && w.last.EndedAt.IsZero():
			return Inquiry, Doubt
		}
		return Inquiry, ""
	case Unknown:
		return Inquiry, ""
	}
	return "", ""
}

func (l *lane) task(p *Payout, w work) task {
	return task{Payout: *p, n: w.attempts, kind: w.last.Kind, asked: w.inquiries, order: p.Order(), move: id.New(l.s.clock), until: w.leaseUntil}
}
