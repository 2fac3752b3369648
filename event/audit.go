package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"sarraf/internal/audit"
	"sarraf/store"
)

// Audit proves in a snapshot that each owner's events are numbered from 1 without a gap up to the owner's counter, and that their data
// can be read. That none was edited is proved by their seals.
func Audit(ctx context.Context, tx *store.Tx, report audit.Report) error {
	type counter struct {
		owner string
		last  int64
	}
	counters := store.NewStream(ctx, tx, sqlHeads, nil, func(r store.Row) (c counter, err error) {
		return c, r.Scan(&c.owner, &c.last)
	})
	events := store.NewStream(ctx, tx, sqlAll, nil, scan)
	for {
		c, ok1 := counters.Peek(ctx)
		e, ok2 := events.Peek(ctx)
		if !ok1 && !ok2 {
			break
		}
		owner := c.owner
		if !ok1 || ok2 && e.Owner < owner {
			owner = e.Owner
		}
		counted := ok1 && c.owner == owner
		if counted {
			counters.Next(ctx)
		}
		last := int64(0)
		for ok2 && e.Owner == owner {
			say := func(format string, args ...any) {
				report(audit.Finding{Table: "event", Owner: owner, Row: fmt.Sprint(e.Seq), Problem: fmt.Sprintf(format, args...)})
			}
			if e.Seq != last+1 {
				say("it follows event %d", last)
			}
			if !json.Valid(e.Data) {
				say("its data cannot be read")
			}
			last = e.Seq
			events.Next(ctx)
			e, ok2 = events.Peek(ctx)
		}
		if !counted || c.last != last {
			report(audit.Finding{
				Table: "event_counter", Owner: owner, Row: owner, Problem: fmt.Sprintf("it stands at %d, and the last event is %d", c.last, last),
			})
		}
	}
	return errors.Join(counters.Err(), events.Err())
}
