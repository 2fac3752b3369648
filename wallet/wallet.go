// Package wallet keeps people and shops that have money here: who they are, what they may spend, and what they send each other.
//
// Money moves in one place, Slice: it judges spendings one after another against locked rows - approval, limits, balance, PIN, in the order
// in which they are documented at Spend - and writes what it decides with the entries, the events and the counted PIN failures in one
// transaction. DESIGN.md beside this file tells how.
package wallet

import (
	"context"
	"time"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/keyring"
	"sarraf/ledger"
	"sarraf/money"
	"sarraf/store"
)

// Kind says what sort of holder a wallet has.
type Kind string

// The kinds of holders.
const (
	Consumer Kind = "consumer" // a person; to send to one is Send
	Merchant Kind = "merchant" // a shop; to send to one is Payment
)

// Status says whether a wallet may be used.
type Status string

// The statuses. Only an approved wallet spends and receives; any of them may follow any other.
const (
	Pending   Status = "pending"   // it has signed up, and nobody has approved it yet
	Approved  Status = "approved"  //
	Suspended Status = "suspended" // it is shut out for now; its money stays
)

// Wallet is somebody's money here, in one or more currencies.
type Wallet struct {
	Owner      string // UUIDv7: the wallet's id, and the owner of its rows
	Merchant   string // the merchant that made it, or that it is linked to; "" for none
	Kind       Kind
	Name       string // shown to whoever pays it or is paid by it
	Number     string // its telephone number in E.164, unique over all wallets; "" for none
	Reference  string // its merchant's own id of it, unique for the merchant; "" for none
	Email      string
	Address    string
	Status     Status
	Sandbox    bool             // its money is only played with; sandbox and live wallets never meet
	Currencies []money.Currency // never empty
	Zone       string           // IANA name; its limits are counted in the days and months there
	HasPIN     bool
	QRSerial   int64 // QR texts with a lesser serial are revoked
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Has reports whether the wallet can hold the currency.
func (w Wallet) Has(c money.Currency) bool {
	for _, have := range w.Currencies {
		if have == c {
			return true
		}
	}
	return false
}

// Account is where the wallet's money in the currency lies.
func (w Wallet) Account(c money.Currency) ledger.Account { return account(w.Owner, c) }

func account(owner string, c money.Currency) ledger.Account {
	return ledger.Account{Owner: owner, Currency: c, Kind: ledger.Wallet}
}

// The kinds under which texts are kept as aliases.
const (
	NumberAlias  = "wallet.number"  // a telephone number -> the wallet
	ReceiptAlias = "wallet.receipt" // a transfer's number -> its sender, and its id
)

// Service keeps wallets and moves their money.
type Service struct {
	db      *store.DB
	log     *event.Log
	clock   clock.Clock
	keys    *keyring.Keyring // nil where no PIN is to be set or checked
	pins    pins
	spend   *store.Batcher[order, []Outcome]
	checks  *store.Batcher[check, struct{}]
	create  *store.Batcher[making, Wallet]
	status  *store.Batcher[statusChange, Wallet]
	touches *store.Batcher[touch, struct{}]
	byOwner *store.Finder[string, *Wallet]
	owners  *store.Finder[string, string] // of telephone numbers; "" for one that nobody has
	numbers *receiptNumbers
}

// NewService works on db and writes its facts to log; PINs are kept under keys. Close ends it.
func NewService(db *store.DB, log *event.Log, keys *keyring.Keyring) *Service {
	s := &Service{db: db, log: log, clock: db.Clock(), keys: keys, pins: newPINs(keys), numbers: newReceiptNumbers(db, keys)}
	s.spend = store.NewWeighed(db, "wallet.spend", s.spendSlice, order.weight)
	s.checks = store.NewBatcher(db, "wallet.pin", s.checkSlice)
	s.create = store.NewBatcher(db, "wallet.create", s.createSlice)
	s.status = store.NewBatcher(db, "wallet.status", s.statusSlice)
	s.touches = store.NewBatcher(db, "wallet.touch", touchSlice)
	s.byOwner, s.owners = store.NewFinder(s.readWallets), store.NewFinder(s.readOwners)
	return s
}

// Close finishes what was taken and refuses the rest.
func (s *Service) Close() {
	s.spend.Close()
	s.checks.Close()
	s.create.Close()
	s.status.Close()
	s.touches.Close()
}

// Get answers the wallet, or a fault WalletMissing.
func (s *Service) Get(ctx context.Context, owner string) (Wallet, error) {
	w, err := s.byOwner.Find(ctx, owner)
	switch {
	case err != nil:
		return Wallet{}, err
	case w == nil:
		return Wallet{}, fault.New(fault.WalletMissing)
	}
	return *w, nil
}

// ByNumber answers the wallet that has the telephone number, in E.164, or a fault WalletMissing.
func (s *Service) ByNumber(ctx context.Context, number string) (Wallet, error) {
	owner, err := s.owners.Find(ctx, number)
	switch {
	case err != nil:
		return Wallet{}, err
	case owner == "" || number == "":
		return Wallet{}, fault.New(fault.WalletMissing)
	}
	return s.Get(ctx, owner)
}

// ByReference answers the wallet that the merchant calls by its own reference, or a fault WalletMissing.
func (s *Service) ByReference(ctx context.Context, merchant, reference string) (Wallet, error) {
	return one(s.query(ctx, sqlByReference, reference, merchant))
}

// Query says which wallets are wanted, by id: at most Limit of them, after or before the ids given.
type Query struct {
	Merchant      string // only those of the merchant; "" for all, which is for operators
	Status        Status // only those; "" for any
	After, Before string
	Limit         int
}

// List answers wallets by id, and so by age; with Before and without After, the last ones before it.
func (s *Service) List(ctx context.Context, q Query) ([]Wallet, error) {
	backwards := q.Before != "" && q.After == ""
	text := sqlList(q.Merchant != "", q.Status != "", q.After != "", q.Before != "", backwards)
	var args []any
	for _, a := range []string{q.Merchant, string(q.Status), q.After, q.Before} {
		if a != "" {
			args = append(args, a)
		}
	}
	list, err := s.query(ctx, text, append(args, int64(q.Limit))...)
	if backwards {
		for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
			list[i], list[j] = list[j], list[i]
		}
	}
	return list, err
}

// readOwners answers whose the telephone numbers are, "" for nobody's.
func (s *Service) readOwners(ctx context.Context, numbers []string) ([]string, error) {
	args := make([]any, 0, 2*len(numbers))
	for _, n := range numbers {
		args = append(args, n, NumberAlias)
	}
	found := make(map[string]string, len(numbers))
	err := s.db.QueryRows(ctx, bulkNumberOwners, args, func(r store.Row) error {
		var number, owner string
		err := r.Scan(&number, &owner)
		found[number] = owner
		return err
	})
	list := make([]string, len(numbers))
	for i, n := range numbers {
		list[i] = found[n]
	}
	return list, err
}

// readWallets answers the wallets with the ids, nil for one that there is not.
func (s *Service) readWallets(ctx context.Context, owners []string) ([]*Wallet, error) {
	args := make([]any, len(owners))
	for i, o := range owners {
		args[i] = o
	}
	found := make(map[string]*Wallet, len(owners))
	err := s.db.QueryRows(ctx, bulkWallets, args, func(r store.Row) error {
		w, err := scanWallet(r)
		found[w.Owner] = &w.Wallet
		return err
	})
	list := make([]*Wallet, len(owners))
	for i, o := range owners {
		list[i] = found[o]
	}
	return list, err
}

func (s *Service) query(ctx context.Context, sql string, args ...any) ([]Wallet, error) {
	var list []Wallet
	err := s.db.Query(ctx, sql, args, func(r store.Row) error {
		w, err := scanWallet(r)
		list = append(list, w.Wallet)
		return err
	})
	return list, err
}

func one(list []Wallet, err error) (Wallet, error) {
	if err != nil || len(list) > 0 {
		return append(list, Wallet{})[0], err
	}
	return Wallet{}, fault.New(fault.WalletMissing)
}
