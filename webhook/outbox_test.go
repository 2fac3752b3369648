package webhook

import (
	"context"
	"errors"
	"slices"
	"testing"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/store"
)

func TestAnEventMakesADeliveryOnlyWhereSomebodyWantsToBeTold(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, _ *clock.Fake) {
		foreign := h.fact("m1", "http://127.0.0.1:9/hook", "foreign", "thing.happened")
		foreign.Door = "another"
		h.append(t, []event.New{
			h.fact("m1", "", "silent", "thing.happened"),
			h.fact("m1", "http://127.0.0.1:9/hook", "unwanted", "unwanted"),
			foreign,
			h.fact("m1", "http://127.0.0.1:9/hook", "told", "thing.happened"),
		})
		list, err := h.log.List(t.Context(), "m1", Page{Limit: 10})
		if err != nil || len(list) != 1 {
			t.Fatalf("%d deliveries, error %v; want one", len(list), err)
		}
		d := list[0]
		if d.Object != "told" || d.EventSeq != 4 || d.State != Pending || d.Attempts != 0 || !d.DueAt.Equal(epoch) || d.Lane != "m1 127.0.0.1:9" {
			t.Errorf("the delivery is %+v", d)
		}
	})
}

func TestARolledBackEventLeavesNoDelivery(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, _ *clock.Fake) {
		no := errors.New("no")
		err := h.db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			if _, err := h.events.Append(ctx, tx, []event.New{h.fact("m1", "http://127.0.0.1:9/", "o", "thing.happened")}); err != nil {
				return err
			}
			if err := tx.Flush(ctx); err != nil {
				return err
			}
			return no
		})
		if !errors.Is(err, no) {
			t.Fatal(err)
		}
		list, err := h.log.List(t.Context(), "m1", Page{Limit: 10})
		if err != nil || len(list) != 0 {
			t.Errorf("%d deliveries, error %v; want none", len(list), err)
		}
		select {
		case <-h.outbox.wake:
			t.Error("the worker was woken for nothing")
		default:
		}
	})
}

func TestALiteralAddressThatMayNotBeCalledIsBlockedFromTheStart(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, _ *clock.Fake) {
		h.restrict(t, onlyFirst, nil)
		addr, check := untouched(t, "127.0.0.2", 0)
		urls := map[string]Class{
			"http://" + addr.String() + "/hook": Blocked, "http://10.0.0.1/": Blocked, "http://0x7f000002/": Blocked, "http://[::1]/": Blocked,
			"http://169.254.169.254/latest": Blocked, "mailto:a@b.example": Malformed,
		}
		for url := range urls {
			h.tell(t, "m1", url, url)
		}
		// A delivery that may go out goes out, and so shows that the worker was at work.
		good := newSink(t)
		h.tell(t, "m2", good.URL, "good")
		h.start(t)
		h.rests(t, "m2", "good", 1)
		for url, class := range urls {
			d, attempts := h.get(t, "m1", h.only(t, "m1", url).ID)
			if d.State != Refused || d.ClosedAt.IsZero() || d.Failures != 0 {
				t.Errorf("%s: the delivery is %+v", url, d)
			}
			if len(attempts) != 1 || attempts[0].Outcome != string(class) || attempts[0].N != 1 || attempts[0].EndedAt.IsZero() {
				t.Errorf("%s: the log says %+v", url, attempts)
			}
		}
		check()
	})
}

func TestListsArePagedByID(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, _ *clock.Fake) {
		h.tell(t, "m1", "http://127.0.0.1:9/", "a", "b", "c", "d")
		h.tell(t, "m2", "http://127.0.0.1:9/", "x")
		page := func(p Page) (objects string, first, last string) {
			list, err := h.log.List(t.Context(), "m1", p)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range list {
				objects += d.Object
			}
			return objects, list[0].ID, list[len(list)-1].ID
		}
		got, _, last := page(Page{Limit: 2})
		if got != "dc" {
			t.Errorf("the first page is %q", got)
		}
		got, first, _ := page(Page{Limit: 2, Before: last})
		if got != "ba" {
			t.Errorf("the second page is %q", got)
		}
		if got, _, _ = page(Page{Limit: 2, After: first}); got != "dc" {
			t.Errorf("the page before the second is %q", got)
		}
	})
}

func TestADeliveryIsOnlyItsOwnersToSee(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, _ *clock.Fake) {
		h.tell(t, "m1", "http://127.0.0.1:9/", "o")
		id := h.only(t, "m1", "o").ID
		for owner, id := range map[string]string{"m2": id, "m1": "no-such"} {
			if _, _, err := h.log.Get(t.Context(), owner, id); !fault.Has(err, fault.EventMissing) {
				t.Errorf("Get(%s, %s): %v", owner, id, err)
			}
			if err := h.log.Again(t.Context(), owner, id, epoch); !fault.Has(err, fault.EventMissing) {
				t.Errorf("Again(%s, %s): %v", owner, id, err)
			}
		}
	})
}

// addressedDoor is a fakeDoor with one address an owner.
type addressedDoor struct {
	fakeDoor
	address func(e event.Written) (string, error)
}

func (d *addressedDoor) Address(_ context.Context, e event.Written) (string, error) {
	return d.address(e)
}

// addressed puts such a door in the place of the house's.
func (h *house) addressed(address func(e event.Written) (string, error)) {
	h.outbox.Add(&addressedDoor{fakeDoor: fakeDoor{name: h.door.name, timeout: long}, address: address})
}

func TestADoorSaysWhereItsMerchantsAreTold(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, _ *clock.Fake) {
		var asked []string
		to := map[string]string{"m1": "http://127.0.0.1:9/one", "m2": "http://10.0.0.1/two"}
		h.addressed(func(e event.Written) (string, error) {
			asked = append(asked, e.Owner+" "+e.Subject)
			return to[e.Owner], nil
		})
		h.append(t, []event.New{
			h.fact("m1", "", "a", "thing.happened"),
			h.fact("m1", "", "b", "unwanted"),
			h.fact("m1", "http://127.0.0.1:9/own", "c", "thing.happened"),
			h.fact("m2", "", "d", "thing.happened"),
			h.fact("m3", "", "e", "thing.happened"),
		})
		to["m1"] = "http://127.0.0.1:9/moved"
		h.tell(t, "m1", "", "f")
		if want := []string{"m1 a", "m2 d", "m3 e", "m1 f"}; !slices.Equal(asked, want) {
			t.Errorf("it was asked about %q, want %q", asked, want)
		}
		for object, url := range map[string]string{
			"a": "http://127.0.0.1:9/one", "c": "http://127.0.0.1:9/own", "f": "http://127.0.0.1:9/moved",
		} {
			if d := h.only(t, "m1", object); d.URL != url || d.State != Pending {
				t.Errorf("%s: %+v", object, d)
			}
		}
		if d := h.only(t, "m2", "d"); d.URL != "http://10.0.0.1/two" || d.State != Refused {
			t.Errorf("%+v", d)
		}
		for owner, object := range map[string]string{"m1": "b", "m3": "e"} {
			if list, err := h.log.Of(t.Context(), owner, object); err != nil || len(list) != 0 {
				t.Errorf("%s is told to %v, error %v; want nowhere", object, list, err)
			}
		}
	})
}

func TestAFactIsNotWrittenWhileNobodyKnowsWhereItIsTold(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house, _ *clock.Fake) {
		gone := fault.New(fault.Outage)
		h.addressed(func(event.Written) (string, error) { return "", gone })
		err := h.db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := h.events.Append(ctx, tx, []event.New{h.fact("m1", "", "a", "thing.happened")})
			return err
		})
		if !fault.Has(err, fault.Outage) {
			t.Errorf("the error is %v", err)
		}
		if list, err := h.events.List(t.Context(), "m1", event.Page{Limit: 10}); err != nil || len(list) != 0 {
			t.Errorf("%d events, error %v; want none", len(list), err)
		}
	})
}
