package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"sarraf/api"
	"sarraf/fault"
	"sarraf/money"
	"sarraf/payout"
	"sarraf/store"
)

// payoutBatch hands in a CSV of payouts, or decides about those of a batch that wait for approval.
type payoutBatch struct {
	payoutFlags
	File      string `arg:"" optional:"" help:"A CSV in UTF-8 with the columns method, amount, recipient_name, recipient_account, reference and description, and up to 10,000 rows; - for standard input."`
	Merchant  string `required:"" help:"The merchant's id."`
	Reference string `help:"The merchant's own id of the batch."`
	Name      string `help:"What it is, for people."`
	Again     bool   `help:"Take the file although the same was taken in the last 48 hours; without it that batch is gone on with."`
	Approve   string `placeholder:"ID" help:"Approve what waits for approval of the batch with this id. Whoever asked for it cannot."`
	Reject    string `placeholder:"ID" help:"Reject it instead."`
	Reason    string `help:"With --reject: why."`
	JSON      bool   `name:"json" help:"Print one JSON object."`
}

func (c payoutBatch) Run(ctx context.Context, s streams) error {
	asked := 0
	for _, text := range []string{c.File, c.Approve, c.Reject} {
		if text != "" {
			asked++
		}
	}
	if asked != 1 {
		return usage("give one of a file, --approve and --reject")
	}
	for flag, text := range map[string]string{"reference": c.Reference, "name": c.Name, "reason": c.Reason} {
		if _, err := deskText(flag, text, flag == "reason" && c.Reject != ""); err != nil {
			return err
		}
	}
	return withPayouts(ctx, c.payoutFlags, s, false, func(svc payouts) error {
		if _, err := svc.merchants.Get(ctx, c.Merchant); err != nil {
			return err
		}
		if c.File == "" {
			return batchError(c.decide(ctx, s, svc))
		}
		if err := c.knowsRails(ctx, svc); err != nil {
			return err
		}
		b, err := c.record(ctx, s, svc)
		if err != nil {
			return batchError(err)
		}
		return c.follow(ctx, s, svc, b)
	})
}

// knowsRails refuses to work at a batch whose payouts may go over a rail that this command was not told of: it would refuse their lines for good.
func (c payoutBatch) knowsRails(ctx context.Context, svc payouts) error {
	list, err := svc.Methods(ctx, c.Merchant)
	for _, m := range list {
		if !m.Disabled && m.Rail != payout.Manual && m.Rail != payout.Sandbox && svc.Sender(m.Rail, payout.KindPayout) == nil {
			return usage("method %d goes over the rail %.40q: give --payout-rail (SARRAF_PAYOUT_RAIL) as serve has it", m.Number, m.Rail)
		}
	}
	return err
}

// batchError says what is wrong with a batch in words.
func batchError(err error) error {
	f := fault.First(err)
	if f == nil {
		return err
	}
	switch f.Code {
	case fault.BatchMissing:
		return errors.New("the merchant has no such batch: `sarraf explain` finds one by its reference, too")
	case fault.BatchUnfinished:
		return errors.New("its payouts are still being made: wait until all its lines are decided")
	case fault.ReferenceTaken:
		return errors.New("--reference: the merchant has given it to another batch")
	}
	return err
}

// decide approves or rejects what waits of a batch.
func (c payoutBatch) decide(ctx context.Context, s streams, svc payouts) error {
	id := strings.ToLower(c.Approve + c.Reject)
	d, err := svc.ApproveBatch(ctx, c.Merchant, id, svc.by, c.Approve != "", c.Reason, nil)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return printJSON(s, d)
	}
	_, err = fmt.Fprintf(s.out, "%d decided, %d still wait for approval\n", d.Decided, d.Left)
	return err
}

// record hands the file in. The same file is the same batch, so that a command that was stopped can be given again.
func (c payoutBatch) record(ctx context.Context, s streams, svc payouts) (payout.Batch, error) {
	from, name := s.in, "standard input"
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return payout.Batch{}, usage("%v", err)
		}
		defer func() { _ = f.Close() }()
		from, name = f, nameOf(c.File)
	}
	content, err := io.ReadAll(io.LimitReader(from, payout.BatchBytes+1))
	if err != nil {
		return payout.Batch{}, err
	}
	methods, err := svc.Methods(ctx, c.Merchant)
	if err != nil {
		return payout.Batch{}, err
	}
	lines, err := payout.ReadBatchCSV(bytes.NewReader(content), methods)
	if faults := fault.All(err); len(faults) > 0 {
		for _, f := range faults {
			fmt.Fprintf(s.err, "%s:%s: %s\n", name, orDash(f.Params["line"]), faultWords(f))
		}
		return payout.Batch{}, usage("%s is faulty, and nothing of it was taken: mend it", plain(name))
	}
	if err != nil {
		return payout.Batch{}, err
	}
	hash := store.BodyHash(string(content), c.Reference, c.Name)
	key := store.Key{Door: "sarraf payout batch", Key: hash, Hash: hash}
	began := svc.db.Clock().Now()
	if c.Again {
		key.Key += " " + began.String()
	}
	b, err := svc.CreateBatch(ctx, c.Merchant, svc.by, payout.NewBatch{Door: api.Name, Reference: c.Reference, Name: c.Name, Lines: lines}, &key)
	if err == nil && b.CreatedAt.Before(began) {
		fmt.Fprintln(s.err, "this file was taken before: its batch is gone on with (--again takes it once more)")
	}
	return b, err
}

// faultWords are a fault with what it is on.
func faultWords(f *fault.Error) string {
	if f.Field == "" {
		return string(f.Code)
	}
	return f.Field + ": " + string(f.Code)
}

// follow works at the batch until all its lines are decided, which does no harm where a server does too, and says what became of them.
func (c payoutBatch) follow(ctx context.Context, s streams, svc payouts, b payout.Batch) error {
	for done := false; !done; {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("batch %s is kept, and a server goes on with it, or the same command: %w", b.ID, err)
		}
		var err error
		if done, err = svc.WorkBatch(context.WithoutCancel(ctx), b.Owner, b.ID); err != nil {
			return fmt.Errorf("batch %s is kept, and a server goes on with it, or the same command: %w", b.ID, err)
		}
	}
	b, err := svc.Batch(ctx, b.Owner, b.ID)
	if err != nil {
		return err
	}
	refused, err := svc.BatchLines(ctx, b.Owner, b.ID, payout.LinePage{State: payout.LineErrored, Limit: payout.BatchMost})
	if err != nil {
		return err
	}
	for _, l := range refused {
		words := make([]string, len(l.Faults))
		for n, f := range l.Faults {
			words[n] = faultWords(f)
		}
		fmt.Fprintf(s.err, "payout %d (%s, %s): refused: %s\n", l.Line, plain(l.RecipientName), money.Of(l.Amount.Minor, l.Amount.Currency), strings.Join(words, "; "))
	}
	if c.JSON {
		err = printJSON(s, b)
	} else {
		_, err = fmt.Fprintf(s.out, "%s: %d of %d payouts made\n", b.ID, b.Made, b.Lines)
	}
	if err == nil && b.Errored > 0 {
		err = errFound
	}
	return err
}
