package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"sarraf/invoice"
	"sarraf/payout"
	"sarraf/webhook"
)

// uploadFacts are what is told of a bulk upload.
type uploadFacts struct {
	Door        string    `json:"door"`
	Number      string    `json:"number"`
	ContentType string    `json:"content_type"`
	FileName    string    `json:"file_name,omitempty"`
	Lines       int64     `json:"lines"`
	Done        int64     `json:"done"`    // lines that are decided
	Errored     int64     `json:"errored"` // of them, those that could not become bills
	Status      string    `json:"status"`
	Message     string    `json:"message,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// fillUpload adds what belongs to an upload: its bills are told by their own ids.
func (s *search) fillUpload(ctx context.Context, r root, to *subject) error {
	u, ok, err := invoice.UploadOf(ctx, s.tx, r.owner, r.id)
	if err != nil {
		return err
	}
	if !ok {
		to.Missing = append(to.Missing, "the upload itself")
		return nil
	}
	to.Upload = &uploadFacts{
		Door: u.Door, Number: u.Number, ContentType: u.ContentType, FileName: u.FileName, Lines: u.Lines, Done: u.Done, Errored: u.Errored,
		Status: string(u.Status), Message: u.Message, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
	}
	if to.Events, err = s.events(ctx, r.owner, r.id, u.CreatedAt, u.UpdatedAt); err != nil {
		return err
	}
	list, err := webhook.About(ctx, s.tx, r.owner, r.id, u.CreatedAt.Add(-explainSlack), u.UpdatedAt.Add(explainAfter))
	if err != nil {
		return err
	}
	return s.deliveries(ctx, list, to)
}

func (u uploadFacts) facts(fact func(name, value string)) {
	fact("upload", u.Number+" of "+u.ContentType+" through "+u.Door)
	if u.FileName != "" {
		fact("file", plain(u.FileName))
	}
	fact("status", u.Status)
	fact("lines", fmt.Sprintf("%d, of which %d are decided and %d could not become bills", u.Lines, u.Done, u.Errored))
	if u.Message != "" {
		fact("held up", plain(u.Message))
	}
}

// byKey finds the answer that is kept for an Idempotency-Key, and the invoice that it is about.
func (s *search) byKey(ctx context.Context, text string) error {
	doors := slices.Clone(loginDoors)
	for _, f := range keyForms {
		doors = append(doors, f.door)
	}
	answers, err := s.tx.Answers(ctx, s.owners, doors, text)
	if err != nil {
		return err
	}
	for _, a := range answers {
		var result struct {
			Invoice struct{ ID string } `json:"invoice"`
			ID      string              `json:"id"`           // of the invoice itself, or of an upload,
			Content string              `json:"content_type"` // which alone has this
			Target  string              `json:"target"`       // a payout alone has this
		}
		_ = json.Unmarshal(a.Result, &result) // a refusal has none
		as := "an Idempotency-Key at " + a.Door
		var found *subject
		inv := result.Invoice.ID
		if inv == "" {
			inv = result.ID
		}
		switch {
		case result.Target != "":
			list, err := payout.OfIDs(ctx, s.tx, []string{result.ID})
			if err != nil {
				return err
			}
			for _, p := range list {
				found = s.notePayout(p, as)
			}
		case result.Content != "":
			found = s.note(anUpload, a.Owner, result.ID, as)
		case inv != "":
			found = s.note(anInvoice, a.Owner, inv, as)
		default:
			found = s.note(anAnswer, a.Owner, a.Door+" "+a.Key, as)
		}
		if found != nil {
			found.Answers = append(found.Answers, a)
		}
	}
	return nil
}
