package ledger

import (
	"context"
	"math"
	"slices"
	"time"

	"sarraf/internal/clock"
	"sarraf/money"
	"sarraf/store"
)

// Side is one of the two sides of a transfer.
type Side string

// The sides.
const (
	Debit  Side = "debit"  // of the account that the money leaves
	Credit Side = "credit" // of the account that it comes to
)

// Entry is one side of a transfer, in the books of its account.
type Entry struct {
	Owner, Account               string // Account is the id, as "BDT/balance"
	Seq                          int64  // gapless for the account, from 1
	Transfer                     string
	Side                         Side
	Amount                       int64  // minor units, more than 0
	CounterOwner, CounterAccount string // the other side's
	Kind, Subject                string
	BalanceAfter                 int64
	At                           time.Time
}

// Figures are what stands on an account, in minor units of its currency.
type Figures struct {
	Account
	Debits, Credits, Held int64
	Entries               int64 // how many there are
}

// Balance is credits less debits.
func (f Figures) Balance() int64 { return f.Credits - f.Debits }

// Available is the balance less what is held.
func (f Figures) Available() int64 { return f.Credits - f.Debits - f.Held }

// Read answers what stands on an account: zeros when it never had an entry or a hold.
func Read(ctx context.Context, db *store.DB, a Account) (Figures, error) {
	f := Figures{Account: a}
	err := db.Query(ctx, sqlAccount, []any{a.Owner, a.ID()}, func(r store.Row) (err error) {
		f, err = scanFigures(r)
		return err
	})
	return f, err
}

// ReadAll answers what stands on each account of the owner that ever had an entry or a hold, by id.
func ReadAll(ctx context.Context, db *store.DB, owner string) ([]Figures, error) {
	var list []Figures
	err := db.Query(ctx, sqlOfOwner, []any{owner}, func(r store.Row) error {
		f, err := scanFigures(r)
		list = append(list, f)
		return err
	})
	return list, err
}

// ReadIn answers, in a transaction, what stands on those of the accounts that ever had an entry or a hold.
func ReadIn(ctx context.Context, tx *store.Tx, accounts []Account) (map[Account]Figures, error) {
	args := make([]any, 0, 2*len(accounts))
	for _, a := range accounts {
		args = append(args, a.Owner, a.ID())
	}
	have := make(map[Account]Figures, len(accounts))
	err := tx.QueryRows(ctx, bulkAccounts, args, func(r store.Row) error {
		f, err := scanFigures(r)
		have[f.Account] = f
		return err
	})
	return have, err
}

func scanFigures(r store.Row) (Figures, error) {
	a, err := scanAccount(r)
	return Figures{
		Account: Account{Owner: a.Owner, Currency: money.Currency(a.Currency), Kind: a.Kind},
		Debits:  a.Debits, Credits: a.Credits, Held: a.Held, Entries: a.Seq,
	}, err
}

// Entries answers at most limit entries of an account, those that follow the one numbered after, in their order; 0 for the first.
func Entries(ctx context.Context, db *store.DB, a Account, after int64, limit int) ([]Entry, error) {
	var list []Entry
	err := db.Query(ctx, sqlEntries, []any{a.Owner, a.ID(), after, int64(limit)}, func(r store.Row) error {
		e, err := scanPublic(r)
		list = append(list, e)
		return err
	})
	return list, err
}

// Span says which entries of an account are wanted: at most Limit, numbered above After and below Before (0 is no bound), but none of the kind
// Skip.
type Span struct {
	After, Before int64
	Limit         int
	Skip          string
}

// Newest answers entries of an account, the newest first; with After and without Before, the first ones above it, also the newest first.
func Newest(ctx context.Context, db *store.DB, a Account, s Span) ([]Entry, error) {
	before := s.Before
	if before <= 0 {
		before = math.MaxInt64
	}
	sql := sqlNewest
	forward := s.After > 0 && s.Before <= 0
	if forward {
		sql = sqlNext
	}
	var list []Entry
	err := db.Query(ctx, sql, []any{a.Owner, a.ID(), s.After, before, s.Skip, int64(s.Limit)}, func(r store.Row) error {
		e, err := scanPublic(r)
		list = append(list, e)
		return err
	})
	if forward {
		slices.Reverse(list)
	}
	return list, err
}

// StreamTransfers walks the debit entries of all transfers of these kinds, ordered by owner, subject and transfer: the order in which an
// audit walks what they are for.
func StreamTransfers(ctx context.Context, tx *store.Tx, kinds []string) *store.Stream[Entry] {
	args := make([]any, len(kinds))
	for i, k := range kinds {
		args[i] = k
	}
	return store.NewStream(ctx, tx, sqlDebitsOfKinds(len(kinds)), args, scanPublic)
}

// Held is a hold as it stands.
type Held struct {
	Owner, ID           string
	Account             string // the id of the account whose money it holds
	CounterOwner        string
	CounterAccount      string // the id of the account that it is for
	Amount              int64
	State               State
	Kind, Subject       string
	Transfer            string    // the one that posting it made, "" for none
	ExpiresAt           time.Time // zero for never
	CreatedAt, ClosedAt time.Time // ClosedAt is zero while it is pending
}

// StreamHolds walks all holds by owner and id.
func StreamHolds(ctx context.Context, tx *store.Tx) *store.Stream[Held] {
	return store.NewStream(ctx, tx, sqlAllHolds, nil, scanHeld)
}

func scanHeld(r store.Row) (Held, error) {
	h, err := scanHold(r)
	held := Held{
		Owner: h.Owner, ID: h.ID, Account: h.Account, CounterOwner: h.CounterOwner, CounterAccount: h.CounterAccount, Amount: h.Amount,
		State: State(h.State), Kind: h.Kind, Subject: h.Subject, Transfer: h.Transfer.value, CreatedAt: clock.FromMicros(h.CreatedAt),
	}
	if h.ExpiresAt.set {
		held.ExpiresAt = clock.FromMicros(h.ExpiresAt.value)
	}
	if h.ClosedAt.set {
		held.ClosedAt = clock.FromMicros(h.ClosedAt.value)
	}
	return held, err
}

// Count answers how many accounts and how many transfers there are, of all owners.
func Count(ctx context.Context, tx *store.Tx) (accounts, transfers int64, err error) {
	err = tx.Query(ctx, sqlCountRows, nil, func(r store.Row) error { return r.Scan(&accounts, &transfers) })
	return accounts, transfers, err
}
