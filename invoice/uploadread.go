package invoice

import (
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/store"
)

// uploadByID is the owner's upload with the id, or a fault UploadMissing.
func (s *Service) uploadByID(ctx context.Context, owner, id string) (uploadRow, error) {
	return s.upload(ctx, sqlUpload, owner, id)
}

func (s *Service) upload(ctx context.Context, sql string, args ...any) (u uploadRow, err error) {
	found := false
	err = s.db.Query(ctx, sql, args, func(r store.Row) (err error) {
		found = true
		u, err = scanUpload(r)
		return err
	})
	if err == nil && !found {
		err = fault.New(fault.UploadMissing)
	}
	return u, err
}

// UploadByNumber answers the owner's upload that the door prints as number, or a fault UploadMissing.
func (s *Service) UploadByNumber(ctx context.Context, owner, door, number string) (Upload, error) {
	u, err := s.upload(ctx, sqlUploadByNumber, number, UploadAliasKind(door), owner)
	return u.Upload, err
}

// Uploads answers a part of the owner's uploads at the door, newest first, and how many there are in all; of one content type, or with "" of
// any.
func (s *Service) Uploads(ctx context.Context, owner, door, contentType string, p Offset) (list []Upload, total int64, err error) {
	err = s.db.Query(ctx, sqlUploads, []any{owner, door, contentType, p.Limit, p.Skip}, func(r store.Row) error {
		u, err := scanUpload(r)
		list = append(list, u.Upload)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	err = s.db.Query(ctx, sqlCountUploads, []any{owner, door, contentType}, func(r store.Row) error { return r.Scan(&total) })
	return list, total, err
}

// LineState is where a line of an upload stands.
type LineState string

// The states.
const (
	LineDraft     LineState = "draft"      // its upload waits
	LineInProcess LineState = "in_process" // its upload is being worked at, and has not come to it
	LineMade      LineState = "made"       // there is a bill
	LineErrored   LineState = "errored"    // there will be none
)

// UploadLine is a line of an upload.
type UploadLine struct {
	// Invoice is the bill; until it is made, and when it could not be, what was handed in, with the times of its upload.
	Invoice Invoice
	State   LineState
	Problem string // of one that is errored: codes and fields, as "field_malformed on iban"
}

// line is a line that has no bill.
func (u Upload) line(b NewBill, problem string) UploadLine {
	l := UploadLine{Invoice: b.Invoice, State: LineDraft, Problem: problem}
	l.Invoice.CreatedAt, l.Invoice.UpdatedAt = u.CreatedAt, u.CreatedAt
	switch {
	case problem != "":
		l.State, l.Invoice.UpdatedAt = LineErrored, u.UpdatedAt
	case u.Status != UploadWaiting:
		l.State = LineInProcess
	}
	return l
}

// pending are the part's lines that have no bill.
func (u Upload) pending(p uploadPart) ([]UploadLine, error) {
	bills, err := p.bills(u.Door)
	if err != nil {
		return nil, err
	}
	problems, err := p.problemsByLine()
	if err != nil {
		return nil, err
	}
	var list []UploadLine
	for _, b := range bills {
		if why, bad := problems[b.Invoice.Line]; bad || b.Invoice.Line > u.Done {
			list = append(list, u.line(b, why))
		}
	}
	return list, nil
}

// UploadLines answers the lines of the owner's upload with the id, in their order and as they are at one moment. Fault: UploadMissing.
func (s *Service) UploadLines(ctx context.Context, owner, id string) (lines []UploadLine, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		var u uploadRow
		var parts []uploadPart
		found := false
		tx.Later(sqlUpload, []any{owner, id}, func(r store.Row) (err error) {
			found = true
			u, err = scanUpload(r)
			return err
		})
		tx.Later(sqlParts, []any{owner, id}, func(r store.Row) error {
			p, err := scanPart(r)
			parts = append(parts, p)
			return err
		})
		made := map[int64]Invoice{}
		err := tx.Query(ctx, sqlMadeOfOne, []any{id, owner}, func(r store.Row) error {
			inv, err := scan(r)
			made[inv.Line] = inv
			return err
		})
		if err != nil {
			return err
		}
		if !found {
			return fault.New(fault.UploadMissing)
		}
		left := map[int64]UploadLine{}
		for _, p := range parts {
			list, err := u.pending(p)
			if err != nil {
				return err
			}
			for _, l := range list {
				left[l.Invoice.Line] = l
			}
		}
		lines = make([]UploadLine, 0, u.Lines)
		for n := int64(1); n <= u.Lines; n++ {
			if inv, ok := made[n]; ok {
				lines = append(lines, UploadLine{Invoice: inv, State: LineMade})
			} else if l, ok := left[n]; ok {
				lines = append(lines, l)
			}
		}
		return nil
	})
	return lines, err
}

// DraftByNumber answers the line of an upload that the door prints, or will print, as number: one that has no bill yet, or will never have
// one. A caller that did not find the bill asks for it: a bill that was made in the meantime is answered as LineMade. Else a fault
// InvoiceMissing.
func (s *Service) DraftByNumber(ctx context.Context, owner, door, number string) (line UploadLine, err error) {
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 {
		n = math.MaxInt64 // in the spans of those parts alone whose numbers are not all numbers
	}
	found := false
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		var parts []uploadPart
		err := tx.Query(ctx, sqlPartsOfSpan, []any{owner, n}, func(r store.Row) error {
			p, err := scanPart(r)
			parts = append(parts, p)
			return err
		})
		for _, p := range parts {
			var u uploadRow
			if err == nil {
				err = tx.Query(ctx, sqlUpload, []any{owner, p.upload}, func(r store.Row) (err error) {
					u, err = scanUpload(r)
					return err
				})
			}
			if err != nil || u.Door != door {
				continue
			}
			var list []UploadLine
			list, err = u.pending(p)
			if at := slices.IndexFunc(list, func(l UploadLine) bool { return l.Invoice.Number == number }); at >= 0 {
				line, found = list[at], true
			}
		}
		return err
	})
	if err != nil || found {
		return line, err
	}
	inv, err := s.ByNumber(ctx, owner, door, number)
	return UploadLine{Invoice: inv, State: LineMade}, err
}

// UploadsUndone is how many uploads there are, of all owners, that are not done, and since when the first of them.
func (s *Service) UploadsUndone(ctx context.Context) (n int64, since time.Time, err error) {
	err = s.db.Query(ctx, sqlUndone, nil, func(r store.Row) error {
		var at int64
		err := r.Scan(&n, &at)
		since = clock.FromMicros(at)
		return err
	})
	return n, since, err
}

// UploadOf is the owner's upload with the id, as an operator reads it in a snapshot; false when there is none.
func UploadOf(ctx context.Context, tx *store.Tx, owner, id string) (u Upload, ok bool, err error) {
	err = tx.Query(ctx, sqlUpload, []any{owner, id}, func(r store.Row) error {
		row, err := scanUpload(r)
		u, ok = row.Upload, true
		return err
	})
	return u, ok, err
}
