package payout

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/rail"
	"sarraf/store"
)

// answered is what a rail said to an attempt.
type answered struct {
	task
	node   string
	answer rail.Answer // with an outcome of the list, whatever the rail said
	note   string      // for the attempt: the rail's reason, or why there was no answer
	late   bool        // something was recorded of the attempt before
	at     time.Time
}

// mostReason is the longest note of an attempt, and the longest reason of a rail that is kept, in characters; mostReference that of its own ids.
const (
	mostReason    = 200
	mostReference = 100
)

// errUnsent says that a call was not made.
var errUnsent = errors.New("the call was not made: its time would not have sufficed")

// carryOut makes the call of a task and records what came of it. watch tells how long ago the claim was.
func (l *lane) carryOut(ctx context.Context, t task, watch func() time.Duration, patient bool, failed func(error)) {
	if ctx.Err() != nil || watch() > leaseMore-lateMore || t.until.Sub(l.s.clock.Now()) < l.rail.Limit() {
		// The lease could end before the call does, and by then somebody may have found out that the order was never handed over.
		l.finish(ctx, l.answer(t, rail.Answer{Outcome: rail.Retryable}, errUnsent, 0), patient, failed)
		return
	}
	type result struct {
		answer rail.Answer
		err    error
		took   time.Duration
	}
	came := make(chan result, 1)
	go func() {
		watch := clock.Start()
		answer, err := l.call(t)
		came <- result{answer, err, max(watch(), 1)}
	}()
	timer := time.NewTimer(l.rail.Limit() + lateMore)
	defer timer.Stop()
	select {
	case r := <-came:
		l.finish(ctx, l.answer(t, r.answer, r.err, r.took), patient, failed)
	case <-timer.C:
		limit := l.rail.Limit() + lateMore
		l.finish(ctx, l.answer(t, rail.Answer{}, fmt.Errorf("no answer within %s", limit), limit), patient, failed)
		go func() { // nobody waits for it any more, but it is not thrown away
			r := <-came
			a := l.answer(t, r.answer, r.err, r.took+limit)
			a.late, a.move = true, id.New(l.s.clock)
			l.finish(ctx, a, patient, failed)
		}()
	}
}

// call asks the rail. It has a limit of its own and is not cut off by a stop. A rail that stumbles has not answered.
func (l *lane) call(t task) (a rail.Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			a, err = rail.Answer{}, fmt.Errorf("the rail's code stumbled: %v\n%s", p, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), l.rail.Limit())
	defer cancel()
	if t.kind == Inquiry {
		return l.rail.Inquire(ctx, t.order)
	}
	return l.rail.Send(ctx, t.order)
}

// legal are the outcomes that each kind of attempt can have. Another is as good as none.
var legal = map[string][]rail.Outcome{
	Sending: {rail.Accepted, rail.Declined, rail.Over, rail.Taken, rail.Retryable},
	Inquiry: {rail.Accepted, rail.Declined, rail.Over, rail.Taken, rail.Absent},
}

// answer is what a rail said, made sound: an error, an outcome that is none, an acceptance without a reference are Unknown.
func (l *lane) answer(t task, a rail.Answer, err error, took time.Duration) answered {
	note := a.Reason
	switch {
	case err != nil && !errors.Is(err, errUnsent):
		a, note = rail.Answer{}, err.Error()
	case err != nil:
		note = err.Error()
		if t.kind == Inquiry {
			a = rail.Answer{}
		}
	case !slices.Contains(legal[t.kind], a.Outcome):
		if a.Outcome != rail.Unknown {
			note = fmt.Sprintf("%q is no answer. %s", a.Outcome, note)
		}
		a = rail.Answer{}
	case a.Outcome == rail.Accepted && a.Reference == "":
		a, note = rail.Answer{}, "accepted without a reference"
	}
	if a.Outcome == "" {
		a.Outcome = rail.Unknown
	}
	a.Reason, a.Reference = short(a.Reason, mostReason), short(a.Reference, mostReference)
	l.s.sending.obs.Sent(l.rail.Name(), t.kind, a.Outcome, took)
	if !errors.Is(err, errUnsent) {
		l.heard(t.kind, a.Outcome)
	}
	return answered{task: t, node: l.node, answer: a, note: short(note, mostReason), at: l.s.clock.Now()}
}

// short is a text of at most so many characters that every database takes.
func short(text string, most int) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most])
	}
	return text
}

// recordFor is how long recording an answer is tried. If it cannot be recorded, the lease ends, and the rail is asked.
const recordFor = 30 * time.Second

// finish records an answer, and tells of a contradiction.
func (l *lane) finish(ctx context.Context, a answered, patient bool, failed func(error)) {
	watch := clock.Start()
	for {
		p, err := l.s.answer.Do(context.Background(), a.Merchant, nil, a)
		if err == nil {
			if contradicts(a, p.Status) {
				l.s.sending.obs.Contradicted(l.rail.Name())
				failed(fmt.Errorf("rail %s says that payout %s of %s is %s (reference %q), and it is %s already: nothing was changed",
					l.rail.Name(), a.Payout.ID, a.Merchant, a.answer.Outcome, a.answer.Reference, p.Status))
			}
			return
		}
		failed(fmt.Errorf("what rail %s said of payout %s of %s was not recorded: %w", l.rail.Name(), a.Payout.ID, a.Merchant, err))
		if !patient || watch() > recordFor {
			return
		}
		timer := time.NewTimer(time.Second)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// contradicts reports whether an answer says something else of a payout than what it has ended as.
func contradicts(a answered, is Status) bool {
	switch a.answer.Outcome {
	case rail.Accepted:
		return is == Rejected || is == Cancelled
	case rail.Declined, rail.Over:
		return is == Completed
	case rail.Retryable:
		return is == Completed && a.note != errUnsent.Error()
	}
	return false
}

// recordAnswers writes what rails said: the moves that follow, the attempts' outcomes, and when the rails are asked next. A payout that has come to
// its end stays as it is.
func (s *Service) recordAnswers(ctx context.Context, tx *store.Tx, list []answered) ([]store.Outcome[Payout], error) {
	keys := make([]Move, len(list))
	for i, a := range list {
		keys[i] = Move{Merchant: a.Merchant, Payout: a.Payout.ID}
	}
	rows, err := s.lock(ctx, tx, keys)
	if err != nil {
		return nil, err
	}
	out := make([]store.Outcome[Payout], len(list))
	var moves []Move
	var places []int
	var ends, rests []any
	for i, a := range list {
		p := rows[a.Key()]
		if p == nil {
			return nil, fmt.Errorf("payout: %s of %s is gone", a.Payout.ID, a.Merchant)
		}
		out[i].Value = *p.Payout
		m := a.follows(*p.Payout)
		if m.Action != "" {
			moves, places = append(moves, m), append(places, i)
		}
		late := int64(0)
		if a.late {
			late = 1
		}
		ends = append(ends, a.Owner, a.Payout.ID, a.n, clock.Micros(a.at), string(a.answer.Outcome), a.answer.Reference, a.note, late)
		rests = append(rests, a.Owner, a.Payout.ID, a.n, a.node, clock.Micros(m.DueAt))
	}
	if err := s.moveAll(ctx, tx, moves, func(k int, p Payout) { out[places[k]].Value = p }); err != nil {
		return nil, err
	}
	tx.LaterRows(bulkEnd, ends, nil)
	tx.LaterRows(bulkRest, rests, nil)
	return out, nil
}

// follows is the move that an answer leads to; one without an action only says when the payout is due again, once its lease is given back.
func (a answered) follows(p Payout) Move {
	m := Move{
		ID: a.move, Merchant: p.Merchant, Payout: p.ID, Right: OfRail, RailReference: a.answer.Reference, At: a.at,
		DueAt: a.at.Add(growing(int(a.asked)-1, firstAsk, lastAsk)),
	}
	var to Status
	switch a.answer.Outcome {
	case rail.Accepted:
		m.Action, to = Complete, Completed
	case rail.Declined, rail.Over:
		m.Action, m.Reason, to = Reject, a.answer.Reason, Rejected
	case rail.Taken:
		m.Action, to = Process, Processing
	case rail.Retryable:
		m.DueAt = a.at.Add(growing(int(a.n)-1, firstRetry, lastRetry))
		return m
	default:
		m.Action, m.Reason, to = Doubt, noAnswer, Unknown
	}
	recorded := slices.Contains(strings.Split(p.Moves, ","), a.move) // by a transaction whose commit was not answered
	if !recorded && (!p.Status.May(to) || a.kind == Inquiry && to == Unknown) {
		m.Action = ""
	}
	return m
}
