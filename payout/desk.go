package payout

import (
	"context"
	"encoding/json"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/merchant"
	"sarraf/money"
	"sarraf/store"
)

// Limits of an export.
const (
	deskSlice    = 500    // payouts in one transaction: on SQLite, payments wait meanwhile
	SheetDefault = 1000   // payouts on a sheet, unless told otherwise
	SheetMost    = 10_000 // and at most
	sheetNumbers = "payout.sheet"
)

// ExportOptions say what goes on a sheet.
type ExportOptions struct {
	Currency money.Currency // of all of it
	Sandbox  bool           // those of sandbox merchants and wallets, instead of the live ones: the two never meet on a sheet
	Method   string         // only this kind of method, as "bkash"; "" for any
	Most     int            // payouts at most, 1 to SheetMost; 0 for SheetDefault
}

// Export puts the payouts that wait for an operator on a new sheet, the oldest first, and answers it; the zero Sheet when none waits.
// Those go on it that are pending, on the rail manual, of the currency, not waiting for approval, and of no merchant that is disabled.
//
// They become processing, in slices, a transaction each, which also moves the sheet's own figures on. A payout's row names its sheet, so
// that it is on one at most, whoever exports at the same moment. When Export does not come to its end the sheet stays SheetOpen, with what
// was put on it: CloseSheet makes it final, and the next export takes the rest.
//
// Errors: CurrencyUnknown on currency, PayoutMethodMissing on method for none of the catalog, those of store.DB.Write.
func (s *Service) Export(ctx context.Context, by merchant.Actor, o ExportOptions) (Sheet, error) {
	if o.Most == 0 {
		o.Most = SheetDefault
	}
	_, known := KindOf(o.Method)
	switch {
	case by.Name == "" || by.Source == "":
		return Sheet{}, errNoActor
	case o.Most < 1 || o.Most > SheetMost:
		return Sheet{}, fault.New(fault.FieldMalformed).On("most")
	case !o.Currency.Known():
		return Sheet{}, fault.New(fault.CurrencyUnknown).On("currency")
	case o.Method != "" && !known:
		return Sheet{}, fault.New(fault.PayoutMethodMissing).On("method")
	}
	x := &export{Service: s, by: by, options: o, id: id.New(s.clock)}
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return x.sheet, err
		}
		var err error
		if more, err = x.slice(ctx); err != nil {
			return x.sheet, err
		}
	}
	if x.sheet.ID == "" {
		return Sheet{}, nil
	}
	return s.closeSheet(ctx, by, x.id)
}

// export is one sheet on its way.
type export struct {
	*Service
	by      merchant.Actor
	options ExportOptions
	id      string
	sheet   Sheet // as it stands; zero until something is on it
	last    Key   // the last payout that was looked at
}

// slice puts some payouts on the sheet, and reports whether there may be more.
func (x *export) slice(ctx context.Context) (more bool, err error) {
	var last Key
	err = x.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		x.sheet, more, last = Sheet{}, false, x.last
		sheet, made, err := lockSheet(ctx, tx, x.id)
		if err != nil {
			return err
		}
		if x.sheet = sheet; made && sheet.Status != SheetOpen {
			return nil // somebody took us for dead, and closed it
		}
		room := min(int64(x.options.Most)-sheet.Lines, deskSlice)
		if room <= 0 {
			return nil
		}
		list, err := waitingManual(ctx, tx, x.options, x.last.ID, deskSlice)
		if err != nil || len(list) == 0 {
			return err
		}
		more = len(list) == deskSlice
		fits, err := x.fitting(ctx, tx, list)
		if err != nil {
			return err
		}
		if int64(len(fits)) > room {
			fits, more = fits[:room], true
			last = fits[room-1].Key()
		} else {
			last = list[len(list)-1].Key()
		}
		return x.fill(ctx, tx, made, fits)
	})
	if err == nil {
		x.last = last
	}
	return more, err
}

// fitting are those of the payouts that are to be paid with the money of the options' mode, and of nobody who is shut out.
func (x *export) fitting(ctx context.Context, tx *store.Tx, list []Payout) ([]Payout, error) {
	owners := make([]string, 0, 2*len(list))
	for _, p := range list {
		owners = append(owners, p.Merchant, p.Owner)
	}
	modes, err := modesOf(ctx, tx, owners)
	var fits []Payout
	for _, p := range list {
		if m := modes[p.Merchant]; m.known && !m.disabled && !modes[p.Owner].disabled && m.sandbox == x.options.Sandbox {
			fits = append(fits, p)
		}
	}
	return fits, err
}

// fill moves the payouts to processing and writes the sheet as it then stands.
func (x *export) fill(ctx context.Context, tx *store.Tx, made bool, list []Payout) error {
	if len(list) == 0 {
		return nil
	}
	moves := make([]Move, len(list))
	now := x.clock.Now()
	for n, p := range list {
		moves[n] = Move{
			ID: id.New(x.clock), Merchant: p.Merchant, Payout: p.ID, Action: Process, Right: OfOperator, By: x.by, Sheet: x.id, At: now,
		}
	}
	outcomes, err := x.MoveIn(ctx, tx, moves)
	if err != nil {
		return err
	}
	lines, amount := int64(0), money.Of(0, x.options.Currency)
	for _, o := range outcomes {
		if o.Err != nil || o.Value.Sheet != x.id {
			continue // it was cancelled, rejected, or put on another sheet at this moment
		}
		lines++
		if amount, err = amount.Add(o.Value.Money()); err != nil {
			return err
		}
	}
	if lines == 0 {
		return nil
	}
	sheet := x.sheet
	if !made {
		sheet = Sheet{
			Owner: merchant.House, ID: x.id, Mode: merchant.Live, Currency: x.options.Currency, Method: x.options.Method, Status: SheetOpen,
			Actor: x.by.Name, Source: x.by.Source, CreatedAt: now, UpdatedAt: now,
		}
		if x.options.Sandbox {
			sheet.Mode = merchant.Sandbox
		}
		if sheet.Number, err = tx.Number(ctx, sheetNumbers); err != nil {
			return err
		}
	}
	sum, err := sheet.Money().Add(amount)
	if err != nil {
		return err
	}
	sheet.Lines, sheet.Amount = sheet.Lines+lines, sum.Minor
	sheet.touch(now)
	if made {
		updateSheetLater(tx, sheet)
	} else {
		insertSheetLater(tx, sheet)
	}
	x.sheet = sheet
	return x.tellSheet(ctx, tx, EventFilled, sheet, x.by)
}

// touch dates a change of the sheet, never before the one that was there: two nodes' clocks differ.
func (s *Sheet) touch(now time.Time) {
	if now.After(s.UpdatedAt) {
		s.UpdatedAt = now
	}
}

func (s *Service) tellSheet(ctx context.Context, tx *store.Tx, t event.Type, sheet Sheet, by merchant.Actor) error {
	data, err := json.Marshal(SheetFact{Sheet: sheet, Actor: by.Name, Source: by.Source})
	if err != nil {
		return err
	}
	_, err = s.log.Append(ctx, tx, []event.New{{
		Owner: sheet.Owner, Type: t, Kind: SheetKind, Subject: sheet.ID, Data: data, At: sheet.UpdatedAt,
	}})
	return err
}

// CloseSheet makes a sheet final that an export has left open, and answers it; one that is closed stays as it is. An export that is still
// filling it stops there. Fault: FieldMalformed on sheet when there is none with the number.
func (s *Service) CloseSheet(ctx context.Context, by merchant.Actor, number int64) (Sheet, error) {
	sheet, err := s.Sheet(ctx, number)
	if err != nil || sheet.Status == SheetClosed {
		return sheet, err
	}
	return s.closeSheet(ctx, by, sheet.ID)
}

func (s *Service) closeSheet(ctx context.Context, by merchant.Actor, sheetID string) (sheet Sheet, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		was, found, err := lockSheet(ctx, tx, sheetID)
		if sheet = was; err != nil || !found || sheet.Status == SheetClosed {
			return err
		}
		sheet.Status = SheetClosed
		sheet.touch(s.clock.Now())
		updateSheetLater(tx, sheet)
		return s.tellSheet(ctx, tx, EventClosed, sheet, by)
	})
	return sheet, err
}

// Sheet answers the sheet with the number, or a fault FieldMalformed on sheet.
func (s *Service) Sheet(ctx context.Context, number int64) (sheet Sheet, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		is, found, err := SheetOf(ctx, tx, "", number)
		if sheet = is; err == nil && !found {
			err = fault.New(fault.FieldMalformed).On("sheet")
		}
		return err
	})
	return sheet, err
}

// Sheets are at most limit sheets, the last one first.
func (s *Service) Sheets(ctx context.Context, limit int) ([]Sheet, error) {
	var list []Sheet
	err := s.db.Query(ctx, sqlSheets, []any{merchant.House, int64(limit)}, func(r store.Row) error {
		sheet, err := scanSheet(r)
		list = append(list, sheet)
		return err
	})
	return list, err
}

// SheetRows are the payouts on a sheet, by the id of the sheet, in the order of its rows: that in which they were asked for.
func (s *Service) SheetRows(ctx context.Context, sheetID string) (list []Payout, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		list, err = RowsOf(ctx, tx, sheetID)
		return err
	})
	return list, err
}

// Backlog is what waits for an operator: payouts on the rail manual that are pending, of one mode, currency and kind of method.
type Backlog struct {
	Mode     merchant.Mode
	Currency money.Currency
	Method   string
	Ready    int64     // that the next sheet takes
	Amount   int64     // of those, in minor units
	Since    time.Time // when the oldest of those was asked for; zero without any
	Wanted   int64     // that wait for approval
	Held     int64     // of merchants that are disabled
}

// ManualBacklog is what waits for an operator, by mode, currency and method.
func (s *Service) ManualBacklog(ctx context.Context) (list []Backlog, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		list, err = backlogIn(ctx, tx)
		return err
	})
	return list, err
}

// DeskState is what an operator should know of at any hour.
type DeskState struct {
	Unknown      int64 // payouts whose rail fell silent
	UnknownSince time.Time
	Wanted       int64 // that wait for approval
	WantedSince  time.Time
	Manual       int64 // on the rail manual, pending and ready for a sheet, of whatever mode
	ManualSince  time.Time
	Handed       int64 // on a sheet, and not decided
	HandedSince  time.Time
	OpenSheets   int64 // sheets that an export has not closed
	OpenSince    time.Time
}

// Desk reads it. Times are those of the oldest, zero where there is none: of pending ones when they were asked for, of the others when they
// changed last.
func Desk(ctx context.Context, tx *store.Tx) (d DeskState, err error) {
	add := func(count *int64, since *time.Time, n, micros int64) {
		if at := clock.FromMicros(micros); n > 0 && (*count == 0 || at.Before(*since)) {
			*since = at
		}
		*count += n
	}
	err = tx.Query(ctx, sqlDesk, nil, func(r store.Row) error {
		var status, rail, approval string
		var n, micros int64
		err := r.Scan(&status, &rail, &approval, &n, &micros)
		switch {
		case Status(status) == Unknown:
			add(&d.Unknown, &d.UnknownSince, n, micros)
		case Status(status) == Pending && Approval(approval) == Wanted:
			add(&d.Wanted, &d.WantedSince, n, micros)
		case Status(status) == Pending && rail == Manual:
			add(&d.Manual, &d.ManualSince, n, micros)
		case Status(status) == Processing && rail == Manual:
			add(&d.Handed, &d.HandedSince, n, micros)
		}
		return err
	})
	if err != nil {
		return d, err
	}
	err = tx.Query(ctx, sqlOpenSheets, nil, func(r store.Row) error {
		var n, micros int64
		err := r.Scan(&n, &micros)
		add(&d.OpenSheets, &d.OpenSince, n, micros)
		return err
	})
	return d, err
}
