package invoice

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/id"
	"sarraf/store"
)

// Upload is a list of bills that were handed in together. It is answered as soon as it is kept; its bills are made in the background, in
// the order of its lines, by whichever node comes to it.
type Upload struct {
	Owner       string       `json:"owner"`
	ID          string       `json:"id"` // UUIDv7, made where the command entered
	Door        string       `json:"door"`
	Number      string       `json:"number"`              // the id that the door prints, unique for ever
	ContentType string       `json:"content_type"`        // JSON or CSV
	FileName    string       `json:"file_name,omitempty"` // of a CSV
	Lines       int64        `json:"lines"`               // bills in it
	Done        int64        `json:"done"`                // lines, from the first, that are decided: made or errored
	Errored     int64        `json:"errored"`             // of these, those that could not be made
	Status      UploadStatus `json:"status"`
	Message     string       `json:"message,omitempty"` // the code of what the last attempt at the next lines failed with, "" when it did not
	CreatedAt   time.Time    `json:"created_at"`
	UpdatedAt   time.Time    `json:"updated_at"`
}

// UploadStatus is where an upload stands. docs/states.md draws the moves.
type UploadStatus string

// The states.
const (
	UploadWaiting UploadStatus = "waiting" // none of its lines is decided
	UploadWorking UploadStatus = "working" // some are
	UploadDone    UploadStatus = "done"    // all are
)

// What an upload can hold.
const (
	UploadMost = 5000 // bills
	partMost   = 500  // of them in one row, and made in one transaction
)

// The events about an upload. Their data is an UploadFact.
const (
	EventUploadCreated  event.Type = "upload.created"  // it is kept, with a digest of each part
	EventUploadApproved event.Type = "upload.approved" // all its lines are decided
)

// UploadEventKind is the kind of the events above.
const UploadEventKind = "upload"

// UploadFact is the data of an event: the upload as it then stood.
type UploadFact struct {
	Upload   Upload           `json:"upload"`
	Parts    []string         `json:"parts,omitempty"`    // EventUploadCreated: SHA-256 of each part's lines, as they are kept
	Problems map[int64]string `json:"problems,omitempty"` // EventUploadApproved: why, by line
}

// UploadAliasKind is the kind under which a door's printed upload ids are kept as aliases.
func UploadAliasKind(door string) string { return door + ".upload" }

// uploadCommand is an upload to be kept.
type uploadCommand struct {
	Upload
	parts []uploadPart
}

// uploadPart is some consecutive lines of an upload, as a row.
type uploadPart struct {
	owner, upload           string
	part                    int64 // from 1
	firstLine, lastLine     int64
	firstNumber, lastNumber int64
	problems                string // why lines could not be made, by line, as JSON; "" when none
	items                   string // partItems as JSON
}

// partItems are the lines of a part. What is the upload's own is not repeated in each.
type partItems struct {
	Codes []Code     `json:"codes,omitempty"`
	Items []partItem `json:"items"`
}

type partItem struct {
	Invoice Invoice `json:"invoice"`
	Code    int     `json:"code,omitempty"` // which of the codes, from 1; 0 for none
}

// uploadsAtOnce is how many uploads are taken down at a time: each is a transaction of a megabyte, and others wait for it.
const uploadsAtOnce = 4

// Upload keeps bills that were handed in together, to be made in the background, and answers once that is durable. The caller sets u's Owner,
// Door, Number, ContentType and FileName, and has checked the bills as for CreateBill, 1 to 5,000 of them; each has a Number of its own. Their
// owner and door are the upload's, their lines are counted from 1 as they stand, and those without an ID get one. Of two bills for one payer
// the later supersedes the earlier.
//
// Faults: SettingMissing (psid_prefix); those of store.Batcher.Do. A Number of an upload that exists already is an error of which
// store.IsUnique is true.
func (s *Service) Upload(ctx context.Context, u Upload, bills []NewBill, key *store.Key) (Upload, error) {
	if len(bills) < 1 || len(bills) > UploadMost {
		return Upload{}, fmt.Errorf("invoice: an upload of %d bills: want 1 to %d", len(bills), UploadMost)
	}
	if _, err := s.drawPSIDs(ctx, 0); err != nil {
		return Upload{}, err // better now than line by line
	}
	if u.ID == "" {
		u.ID = id.New(s.clock)
	}
	u.Lines, u.Done, u.Errored, u.Status, u.Message = int64(len(bills)), 0, 0, UploadWaiting, ""
	u.CreatedAt = s.clock.Now()
	u.UpdatedAt = u.CreatedAt
	select {
	case s.taking <- struct{}{}:
		defer func() { <-s.taking }()
	case <-ctx.Done():
		return Upload{}, fault.New(fault.Outage).Wrap(ctx.Err())
	}
	parts, err := s.split(u, bills)
	if err != nil {
		return Upload{}, err
	}
	return s.uploads.Do(ctx, u.Owner, key, uploadCommand{u, parts})
}

// split is an upload's lines as rows.
func (s *Service) split(u Upload, bills []NewBill) ([]uploadPart, error) {
	var parts []uploadPart
	for first := 0; first < len(bills); first += partMost {
		some := bills[first:min(first+partMost, len(bills))]
		var p partItems
		which := map[Code]int{}
		for _, b := range some {
			i := b.Invoice
			if i.ID == "" {
				i.ID = id.New(s.clock)
			}
			i.Owner, i.Door, i.Upload, i.Line = "", "", "", 0
			item := partItem{Invoice: i}
			if b.Code != nil {
				if which[*b.Code] == 0 {
					p.Codes = append(p.Codes, *b.Code)
					which[*b.Code] = len(p.Codes)
				}
				item.Code = which[*b.Code]
			}
			p.Items = append(p.Items, item)
		}
		text, err := json.Marshal(p)
		if err != nil {
			return nil, err
		}
		row := uploadPart{
			owner: u.Owner, upload: u.ID, part: int64(len(parts)) + 1, firstLine: int64(first) + 1, lastLine: int64(first + len(some)), items: string(text),
		}
		row.firstNumber, row.lastNumber = span(p.Items)
		parts = append(parts, row)
	}
	return parts, nil
}

// span is the least and the greatest number that the lines print; all there are when one of them prints something else.
func span(items []partItem) (first, last int64) {
	first, last = math.MaxInt64, 0
	for _, item := range items {
		n, err := strconv.ParseInt(item.Invoice.Number, 10, 64)
		if err != nil || n < 0 {
			return 0, math.MaxInt64
		}
		first, last = min(first, n), max(last, n)
	}
	return first, last
}

// bills are the part's lines as they were handed in.
func (p *uploadPart) bills(door string) ([]NewBill, error) {
	var items partItems
	if err := json.Unmarshal([]byte(p.items), &items); err != nil {
		return nil, fmt.Errorf("part %d of upload %s cannot be read: %w", p.part, p.upload, err)
	}
	if have, want := int64(len(items.Items)), p.lastLine-p.firstLine+1; have != want {
		return nil, fmt.Errorf("part %d of upload %s has %d lines and not %d", p.part, p.upload, have, want)
	}
	bills := make([]NewBill, len(items.Items))
	for n, item := range items.Items {
		b := NewBill{Invoice: item.Invoice}
		b.Invoice.Owner, b.Invoice.Door, b.Invoice.Upload, b.Invoice.Line = p.owner, door, p.upload, p.firstLine+int64(n)
		switch {
		case item.Code < 0 || item.Code > len(items.Codes):
			return nil, fmt.Errorf("part %d of upload %s has no code %d", p.part, p.upload, item.Code)
		case item.Code > 0:
			b.Code = &items.Codes[item.Code-1]
		}
		bills[n] = b
	}
	return bills, nil
}

// problemsByLine reads why lines of the part could not be made.
func (p *uploadPart) problemsByLine() (map[int64]string, error) {
	list := map[int64]string{}
	if p.problems == "" {
		return list, nil
	}
	if err := json.Unmarshal([]byte(p.problems), &list); err != nil {
		return nil, fmt.Errorf("the problems of part %d of upload %s cannot be read: %w", p.part, p.upload, err)
	}
	return list, nil
}

func digest(items string) string {
	sum := sha256.Sum256([]byte(items))
	return hex.EncodeToString(sum[:])
}

// keepUploads is Upload for a slice.
func (s *Service) keepUploads(ctx context.Context, tx *store.Tx, list []uploadCommand) ([]store.Outcome[Upload], error) {
	out := make([]store.Outcome[Upload], len(list))
	keys := make([]Key, len(list))
	for n, c := range list {
		out[n].Value = c.Upload
		keys[n] = Key{c.Owner, c.ID}
	}
	mine, err := uploadsThere(ctx, tx, keys) // an earlier run of the same command, whose commit was not answered
	if err != nil {
		return nil, err
	}
	var aliases []store.Alias
	var facts []event.New
	for _, c := range list {
		if mine[Key{c.Owner, c.ID}] {
			continue
		}
		putUpload(tx, c.Upload, c.parts)
		aliases = append(aliases, store.Alias{Value: c.Number, Kind: UploadAliasKind(c.Door), Owner: c.Owner, ID: c.ID})
		fact := UploadFact{Upload: c.Upload}
		for _, p := range c.parts {
			fact.Parts = append(fact.Parts, digest(p.items))
		}
		told, err := c.told(EventUploadCreated, fact)
		if err != nil {
			return nil, err
		}
		facts = append(facts, told)
	}
	tx.PutAliases(aliases)
	tx.AfterCommit(s.worker.Wake)
	_, err = s.log.Append(ctx, tx, facts)
	return out, err
}

// told is an event about the upload.
func (u Upload) told(t event.Type, fact UploadFact) (event.New, error) {
	data, err := json.Marshal(fact)
	return event.New{
		Owner: u.Owner, Type: t, Kind: UploadEventKind, Subject: u.ID, Door: u.Door, Data: data, At: u.UpdatedAt,
	}, err
}
