package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"sarraf/dialect/asaanbill"
	"sarraf/dialect/aspay"
	"sarraf/dialect/assanpay"
	"sarraf/dialect/payrequest"
	"sarraf/event"
	"sarraf/fault"
	"sarraf/invoice"
	"sarraf/merchant"
	"sarraf/payment"
	"sarraf/payout"
	"sarraf/rail"
	"sarraf/rail/sandbox"
	"sarraf/store"
	"sarraf/wallet"
	"sarraf/webhook"
)

// payoutCmd is the desk of the house's operators: what goes out, who approves it, and what is carried out by hand.
type payoutCmd struct {
	List     payoutList     `cmd:"" help:"List payouts, refunds and withdrawals, the newest first."`
	Show     payoutShow     `cmd:"" help:"Show one."`
	Approve  payoutApprove  `cmd:"" help:"Let one go out that waits for a second person. Whoever asked for it cannot."`
	Reject   payoutReject   `cmd:"" help:"Refuse one: while it is pending, when the bank has refused it, or with --evidence when its rail fell silent. The money is the merchant's again."`
	Cancel   payoutCancel   `cmd:"" help:"Call one off that is pending."`
	Doubt    payoutDoubt    `cmd:"" help:"Say of one that a live rail has or is being told that nobody knows what becomes of it: it is never handed over again, and can be decided with evidence."`
	Export   payoutExport   `cmd:"" help:"Put the payouts that are carried out by hand on a new sheet, and print it as CSV."`
	Sheet    payoutSheet    `cmd:"" help:"Print a sheet again, byte for byte; without a number, list the sheets."`
	Complete payoutComplete `cmd:"" help:"Say that the bank has paid one, or with --evidence that a rail that fell silent has."`
	Batch    payoutBatch    `cmd:"" help:"Hand in a CSV of payouts, or approve at once what waits of a batch. Exit status 1 when lines were refused."`
	Import   payoutImport   `cmd:"" help:"Take a bank's answers from a CSV file. Exit status 1 when something is to be looked at."`
}

// payoutFlags are what every command needs that changes payouts: their webhooks are made as serve makes them.
type payoutFlags struct {
	databaseFlag
	AllowHTTP    bool     `name:"allow-http-webhooks" help:"As serve has it."`
	AllowPrivate []string `name:"allow-webhook-range" help:"As serve has it."`
	PayoutRails  []string `name:"payout-rail" env:"SARRAF_PAYOUT_RAIL" placeholder:"NAME=URL" help:"As serve has it; only the names matter here."`
}

// rails are the rails that send by themselves, by name.
func (f payoutFlags) rails() (names []string) {
	for _, text := range f.PayoutRails {
		name, _, _ := strings.Cut(text, "=")
		if name = strings.TrimSpace(name); name != "" && name != payout.Manual && name != payout.Sandbox && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// farRail is a rail that a server hands orders to. A command only has to know that there is one: it calls no rail.
type farRail string

var errFarRail = errors.New("a command calls no rail")

func (r farRail) Name() string                { return string(r) }
func (r farRail) Sends(k rail.OrderKind) bool { return k != rail.OrderRefund }
func (r farRail) Limit() time.Duration        { return 0 }

func (r farRail) Send(context.Context, rail.Order) (rail.Answer, error) {
	return rail.Answer{}, errFarRail
}

func (r farRail) Inquire(context.Context, rail.Order) (rail.Answer, error) {
	return rail.Answer{}, errFarRail
}

// payouts is what the commands work with.
type payouts struct {
	*payout.Service
	db        *store.DB
	merchants *merchant.Service
	by        merchant.Actor
}

// withPayouts opens the database and hands over the services. No secret is needed.
func withPayouts(ctx context.Context, f payoutFlags, s streams, readOnly bool, do func(payouts) error) error {
	policy, err := serveCmd{AllowHTTP: f.AllowHTTP, AllowPrivate: f.AllowPrivate}.policy()
	if err != nil {
		return err
	}
	db, err := f.openMade(ctx, store.Options{Logger: slog.New(slog.NewTextHandler(s.err, nil)), ReadOnly: readOnly})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.CheckSchema(ctx); err != nil {
		return err
	}
	outbox := webhook.NewOutbox(db.Clock(), policy)
	log := event.NewLog(db, outbox)
	merchants := merchant.NewService(db, log, nil)
	for _, d := range toldDoors(merchants) {
		outbox.Add(d)
	}
	svc := payout.NewService(payout.Deps{DB: db, Log: log, Merchants: merchants})
	defer svc.Close()
	// What goes along with refunds and withdrawals needs no key of the installation: no PIN is judged, and no receipt numbered.
	keys, _, err := fresh().keys()
	if err != nil {
		return err
	}
	wallets := wallet.NewService(db, log, keys)
	defer wallets.Close()
	payments := payment.NewService(db, log)
	defer payments.Close()
	payments.SetWallets(wallets)
	payments.SetPayouts(svc, merchants)
	svc.SetWallets(wallets)
	senders := []rail.Sender{handsOver(sandbox.Name)}
	for _, name := range f.rails() {
		senders = append(senders, farRail(name))
	}
	svc.SetSenders(senders...)
	return payoutError(do(payouts{Service: svc, db: db, merchants: merchants, by: actor()}))
}

// toldDoors are the front doors whose webhooks tell of what commands do, all that there are: what serve switched off has made nothing.
func toldDoors(m *merchant.Service) []invoice.Door {
	return []invoice.Door{aspay.Door{}, assanpay.Door{}, asaanbill.NewDoor(m), payrequest.NewDoor(m)}
}

// payoutError says what is wrong with a payout in words.
func payoutError(err error) error {
	f := fault.First(err)
	if f == nil {
		return err
	}
	switch f.Code {
	case fault.MerchantMissing:
		return errors.New("there is no such merchant: `sarraf merchant list` shows them")
	case fault.PayoutMissing:
		return errors.New("there is no such payout: `sarraf payout list` shows them")
	case fault.PayoutClosed:
		return fmt.Errorf("this cannot be done: the payout is %v", f.Params["status"])
	case fault.ApprovalOwn:
		return errors.New("whoever asked for it cannot approve it: somebody else must")
	case fault.ApprovalWanted:
		return errors.New("it waits for a second person's approval: `sarraf payout approve`")
	case fault.PermissionMissing:
		return errors.New("its rail says what became of it: by hand only manual ones are decided, and with --evidence those that are unknown")
	case fault.PayoutMethodMissing:
		return errors.New("there is no such method: `sarraf method list` and `sarraf method kinds` show them")
	}
	return err
}

// onePayout names a payout.
type onePayout struct {
	payoutFlags
	ID string `arg:"" name:"id" help:"The payout's id, its printed number, its row on a sheet, as S17-42, or the merchant's reference."`
}

// find answers the payout that is meant.
func (o onePayout) find(ctx context.Context, svc payouts) (payout.Payout, error) {
	text := strings.TrimSpace(o.ID)
	if err := checkID(text); err != nil {
		return payout.Payout{}, err
	}
	list, err := svc.Named(ctx, text)
	switch {
	case err != nil:
		return payout.Payout{}, err
	case len(list) == 0:
		return payout.Payout{}, fault.New(fault.PayoutMissing)
	case len(list) > 1:
		return payout.Payout{}, usage("%.60q means %d payouts: give the id of one, which `sarraf explain` tells", text, len(list))
	}
	return list[0], nil
}

// move makes a move of the payout and prints how it then stands.
func (o onePayout) move(ctx context.Context, s streams, asJSON bool, plan func(payout.Payout) (payout.Move, error)) error {
	return withPayouts(ctx, o.payoutFlags, s, false, func(svc payouts) error {
		p, err := o.find(ctx, svc)
		if err != nil {
			return err
		}
		m, err := plan(p)
		if err != nil {
			return err
		}
		if m.Action == payout.Approve && p.Rail != payout.Manual && p.Rail != payout.Sandbox && svc.Sender(p.Rail, p.Kind) == nil {
			return usage("it goes over the rail %.40q: give --payout-rail (SARRAF_PAYOUT_RAIL) as serve has it, or nobody would hand it over", p.Rail)
		}
		m.Merchant, m.Payout, m.By, m.Right = p.Merchant, p.ID, svc.by, payout.OfOperator
		if p, err = svc.Move(ctx, m, nil); err != nil {
			return err
		}
		if asJSON {
			return printJSON(s, payoutFacts(p))
		}
		_, err = fmt.Fprintf(s.out, "%s %s\n", p.ID, statusWords(p))
		return err
	})
}

type payoutApprove struct {
	onePayout
	JSON bool `name:"json" help:"Print one JSON object."`
}

func (c payoutApprove) Run(ctx context.Context, s streams) error {
	return c.move(ctx, s, c.JSON, func(payout.Payout) (payout.Move, error) { return payout.Move{Action: payout.Approve}, nil })
}

type payoutCancel struct {
	onePayout
	Reason string `help:"Why."`
	JSON   bool   `name:"json" help:"Print one JSON object."`
}

func (c payoutCancel) Run(ctx context.Context, s streams) error {
	reason, err := deskText("reason", c.Reason, false)
	if err != nil {
		return err
	}
	return c.move(ctx, s, c.JSON, func(payout.Payout) (payout.Move, error) {
		return payout.Move{Action: payout.Cancel, Reason: reason}, nil
	})
}

type payoutDoubt struct {
	onePayout
	Reason string `required:"" help:"Why, as: the rail was shut down. It goes into the audit log."`
	JSON   bool   `name:"json" help:"Print one JSON object."`
}

func (c payoutDoubt) Run(ctx context.Context, s streams) error {
	reason, err := deskText("reason", c.Reason, true)
	if err != nil {
		return err
	}
	return c.move(ctx, s, c.JSON, func(payout.Payout) (payout.Move, error) {
		return payout.Move{Action: payout.Doubt, Reason: reason}, nil
	})
}

type payoutReject struct {
	onePayout
	Reason   string `required:"" help:"Why, as the merchant is told."`
	Evidence string `help:"How you know that no money went, of one whose rail fell silent: it goes into the audit log."`
	JSON     bool   `name:"json" help:"Print one JSON object."`
}

func (c payoutReject) Run(ctx context.Context, s streams) error {
	reason, err := deskText("reason", c.Reason, true)
	if err != nil {
		return err
	}
	evidence, err := deskText("evidence", c.Evidence, false)
	if err != nil {
		return err
	}
	return c.move(ctx, s, c.JSON, func(p payout.Payout) (payout.Move, error) {
		return payout.Move{Action: payout.Reject, Reason: reasons(reason, evidence)}, evidenceFor(p, evidence)
	})
}

type payoutComplete struct {
	onePayout
	BankReference string `required:"" help:"The bank's own number of the transfer."`
	Evidence      string `help:"How you know that the money went, of one whose rail fell silent: it goes into the audit log."`
	JSON          bool   `name:"json" help:"Print one JSON object."`
}

func (c payoutComplete) Run(ctx context.Context, s streams) error {
	reference, err := deskText("bank-reference", c.BankReference, true)
	if err != nil {
		return err
	}
	evidence, err := deskText("evidence", c.Evidence, false)
	if err != nil {
		return err
	}
	return c.move(ctx, s, c.JSON, func(p payout.Payout) (payout.Move, error) {
		return payout.Move{Action: payout.Complete, RailReference: reference, Reason: evidence}, evidenceFor(p, evidence)
	})
}

// reasons are why it is so, and how one knows.
func reasons(reason, evidence string) string {
	if evidence == "" {
		return reason
	}
	return reason + "; " + evidence
}

// evidenceFor refuses to decide about a payout of a live rail without saying how one knows.
func evidenceFor(p payout.Payout, evidence string) error {
	if p.Status == payout.Unknown && p.Rail != payout.Manual && evidence == "" {
		return usage("nobody knows what the rail %s did with it: say with --evidence how you do, such as which statement you read", p.Rail)
	}
	return nil
}

// deskText is a text that people typed, on one line.
func deskText(flag, text string, needed bool) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "" && needed:
		return "", usage("--%s is empty", flag)
	case text != "" && (len([]rune(text)) > 200 || checkID(text) != nil):
		return "", usage("--%s: want at most 200 characters, on one line", flag)
	}
	return text, nil
}

type payoutList struct {
	payoutFlags
	Merchant string `help:"Only the merchant's, by id; its wallets' withdrawals too."`
	Status   string `default:"any" enum:"any,pending,processing,unknown,completed,rejected,cancelled" help:"Only those that are pending, processing, unknown, completed, rejected or cancelled."`
	Approval string `default:"any" enum:"any,wanted,given" help:"Only those that wait for approval (wanted), or had it (given)."`
	Kind     string `default:"any" enum:"any,payout,refund,withdrawal" help:"Only payouts, refunds or withdrawals."`
	Rail     string `help:"Only those over the rail, as manual."`
	Batch    string `help:"Only those of the batch, by id."`
	Before   string `help:"Only those before the one with this id: the last one of a list that was cut off."`
	Limit    int    `default:"100" help:"At most so many; 1 to 10000."`
	JSON     bool   `name:"json" help:"Print one JSON object."`
}

func (c payoutList) Run(ctx context.Context, s streams) error {
	if c.Limit < 1 || c.Limit > 10_000 {
		return usage("--limit %d: want 1 to 10000", c.Limit)
	}
	q := payout.Query{Merchant: c.Merchant, Rail: c.Rail, Batch: c.Batch, Before: strings.ToLower(c.Before), Limit: c.Limit + 1}
	if c.Status != "any" {
		q.Status = payout.Status(c.Status)
	}
	if c.Approval != "any" {
		q.Approval = payout.Approval(c.Approval)
	}
	if c.Kind != "any" {
		q.Kind = payout.Kind(c.Kind)
	}
	return withPayouts(ctx, c.payoutFlags, s, true, func(svc payouts) error {
		if c.Merchant != "" {
			if _, err := svc.merchants.Get(ctx, c.Merchant); err != nil {
				return err
			}
		}
		list, err := svc.List(ctx, q)
		if err != nil {
			return err
		}
		more := len(list) > c.Limit
		list = list[:min(len(list), c.Limit)]
		if c.JSON {
			answers := make([]payoutAnswer, len(list))
			for n, p := range list {
				answers[n] = payoutFacts(p)
			}
			return printJSON(s, map[string]any{"payouts": answers, "more": more})
		}
		err = table(s.out, "ID\tKIND\tMERCHANT\tAMOUNT\tMETHOD\tDESTINATION\tRAIL\tSTATUS\tASKED\tBY\tRECIPIENT", func(w io.Writer) {
			for _, p := range list {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.ID, p.Kind, p.Merchant, p.Money(), orDash(p.MethodKind),
					orDash(p.Destination), p.Rail, statusWords(p), p.CreatedAt.Format(time.DateTime), plain(p.AskedBy), plain(p.RecipientName))
			}
		})
		if err == nil && more {
			_, err = fmt.Fprintf(s.err, "There are more: --before %s\n", list[len(list)-1].ID)
		}
		return err
	})
}

// statusWords are how a payout stands, with what it waits for.
func statusWords(p payout.Payout) string {
	text := string(p.Status)
	if p.Approval == payout.Wanted && p.Status == payout.Pending {
		text += ", wants approval"
	}
	return text
}

type payoutShow struct {
	onePayout
	JSON bool `name:"json" help:"Print one JSON object."`
}

func (c payoutShow) Run(ctx context.Context, s streams) error {
	return withPayouts(ctx, c.payoutFlags, s, true, func(svc payouts) error {
		p, err := c.find(ctx, svc)
		if err != nil {
			return err
		}
		a := payoutFacts(p)
		if c.JSON {
			return printJSON(s, a)
		}
		a.facts(func(name, value string) {
			if value != "" {
				fmt.Fprintf(s.out, "%-10s %s\n", name, value)
			}
		}, time.UTC)
		_, err = fmt.Fprintf(s.out, "\nWhat happened to it: sarraf explain %s\n", p.ID)
		return err
	})
}
