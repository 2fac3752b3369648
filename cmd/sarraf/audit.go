package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"sarraf/event"
	"sarraf/internal/audit"
	"sarraf/invoice"
	"sarraf/ledger"
	"sarraf/merchant"
	"sarraf/payment"
	"sarraf/payout"
	"sarraf/seal"
	"sarraf/settlement"
	"sarraf/store"
	"sarraf/wallet"
)

type auditCmd struct {
	databaseFlag
	sealKeysFlag
	JSON bool `name:"json" help:"Print one JSON object: whether the books are clean, the findings, and how long it took."`
}

// sealKeysFlag names the keys that an audit trusts.
type sealKeysFlag struct {
	SealKey []string `name:"seal-public-key" help:"The Ed25519 public keys, in base64, one of which must have signed each seal; by default those that the database names."`
}

func (f sealKeysFlag) keys() (pinned []ed25519.PublicKey, err error) {
	for _, text := range f.SealKey {
		key, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(key) != ed25519.PublicKeySize {
			return nil, usage("--seal-public-key: want 32 bytes in base64")
		}
		pinned = append(pinned, key)
	}
	return pinned, nil
}

// auditAnswer is what `sarraf audit --json` prints.
type auditAnswer struct {
	Clean    bool            `json:"clean"`
	Findings []audit.Finding `json:"findings"`
	Took     string          `json:"took"`
}

func (c auditCmd) Run(ctx context.Context, io streams) error {
	pinned, err := c.keys()
	if err != nil {
		return err
	}
	db, err := c.openMade(ctx, store.Options{Logger: slog.New(slog.NewTextHandler(io.err, nil)), ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.CheckSchema(ctx); err != nil {
		return err
	}
	began := db.Clock().Now()
	answer := auditAnswer{Findings: []audit.Finding{}}
	err = prove(ctx, db, pinned, func(f audit.Finding) {
		answer.Findings = append(answer.Findings, f)
		if !c.JSON {
			fmt.Fprintln(io.out, f)
		}
	})
	if err != nil {
		return fmt.Errorf("the audit did not come to its end: %w", err)
	}
	answer.Clean = len(answer.Findings) == 0
	answer.Took = db.Clock().Now().Sub(began).Round(time.Millisecond).String()
	if err := c.say(io, answer); err != nil {
		return err
	}
	if !answer.Clean {
		return errFound
	}
	return nil
}

func (c auditCmd) say(io streams, a auditAnswer) error {
	if c.JSON {
		text, err := json.Marshal(a)
		if err == nil {
			_, err = fmt.Fprintf(io.out, "%s\n", text)
		}
		return err
	}
	if a.Clean {
		_, err := fmt.Fprintf(io.out, "The books are proved: no discrepancy (%s).\n", a.Took)
		return err
	}
	_, err := fmt.Fprintf(io.err, "sarraf: %d discrepancies. Keep this database as it is and compare it with the last backup and the logged seals.\n",
		len(a.Findings))
	return err
}

// prove runs every package's proof over one snapshot.
func prove(ctx context.Context, db *store.DB, pinned []ed25519.PublicKey, report audit.Report) error {
	return db.Snapshot(ctx, func(ctx context.Context, tx *store.Tx) error {
		return proveIn(ctx, tx, db.Clock().Now(), pinned, report)
	})
}

// proveIn runs every package's proof over what the transaction sees.
func proveIn(ctx context.Context, tx *store.Tx, now time.Time, pinned []ed25519.PublicKey, report audit.Report) error {
	for _, part := range []func() error{
		func() error { return ledger.Audit(ctx, tx, now, report) },
		func() error { return event.Audit(ctx, tx, report) },
		func() error { return seal.Verify(ctx, tx, pinned, report, sealSources()...) },
		func() error { return invoice.Audit(ctx, tx, report) },
		func() error { return payment.Audit(ctx, tx, report) },
		func() error { return settlement.Audit(ctx, tx, report) },
		func() error { return wallet.Audit(ctx, tx, report) },
		func() error { return payout.Audit(ctx, tx, report) },
		func() error { return merchant.Audit(ctx, tx, report) },
	} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}
