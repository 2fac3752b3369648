// Package merchant keeps the tenants: who they are, what they may use, and the credentials they have at each front door.
package merchant

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sarraf/event"
	"sarraf/fault"
	"sarraf/internal/clock"
	"sarraf/internal/id"
	"sarraf/internal/keyring"
	"sarraf/money"
	"sarraf/store"
)

// Mode says whether a merchant's money is real.
type Mode string

// The modes. A merchant never changes from one to the other: its books would mix.
const (
	Sandbox Mode = "sandbox"
	Live    Mode = "live"
)

// Merchant is a tenant. Its id is the owner of its rows.
type Merchant struct {
	Owner      string
	Name       string // shown to payers
	Mode       Mode
	Currencies []money.Currency // the ones it may be paid in; never empty
	Settings   Settings
	CreatedAt  time.Time
}

// Settings are what a merchant, or the operator for it, may choose. They are kept as JSON; a field that is absent has the
// meaning that its comment gives to the zero value.
type Settings struct {
	// InvoiceMinutes is how long an invoice can be paid, in minutes; 0 means 60.
	InvoiceMinutes int `json:"invoice_minutes,omitempty"`
	// Rails are the names of the rails that its payers may use; none means the sandbox rail for a sandbox merchant.
	Rails []string `json:"rails,omitempty"`
	// BanglaQR, when set, puts a Bangla QR payload on the pages of its BDT invoices.
	BanglaQR *BanglaQR `json:"bangla_qr,omitempty"`
	// Disabled shuts the merchant out: its credentials are refused, and its pages offer no way to pay. What it was owed stays in the
	// books, and webhooks about it go out.
	Disabled bool `json:"disabled,omitempty"`
	// KeyRequired makes a key compulsory at front doors that can do without.
	KeyRequired bool `json:"key_required,omitempty"`
	// PublicIDs are the ids that name the merchant at front doors whose addresses carry one, by door. SetPublicID sets them.
	PublicIDs map[string]string `json:"public_ids,omitempty"`
	// PakistanQR, when set, gives the merchant's bills in PKR a code that banking apps scan.
	PakistanQR *PakistanQR `json:"pakistan_qr,omitempty"`
	// Callbacks are where front doors that have one address for all of a merchant's callbacks send them, by door. SetCallback sets them.
	Callbacks map[string]string `json:"callbacks,omitempty"`
	// PayoutApproval is up to which amount, in minor units of the currency and without its fee, a payout goes out on one person's word: above it a
	// second one approves. A currency that is absent needs no approval; with 0 every payout needs it.
	PayoutApproval map[money.Currency]int64 `json:"payout_approval,omitempty"`
}

// BanglaQR is what an acquirer has assigned to the merchant: nothing in it is invented.
type BanglaQR struct {
	AcquirerDomain  string `json:"acquirer_domain"`
	InstitutionType string `json:"institution_type"`
	InstitutionID   string `json:"institution_id"` // 4 characters
	PAN             string `json:"pan"`            // at most 19
	Category        string `json:"category"`       // merchant category code, 4 digits
	Name            string `json:"name"`           // as registered with the acquirer, at most 25 characters
	City            string `json:"city"`           // at most 15
}

// InvoiceLife is how long the merchant's invoices can be paid.
func (m Merchant) InvoiceLife() time.Duration {
	if m.Settings.InvoiceMinutes > 0 {
		return time.Duration(m.Settings.InvoiceMinutes) * time.Minute
	}
	return time.Hour
}

// Sandbox reports whether the merchant's money is only played with.
func (m Merchant) Sandbox() bool { return m.Mode == Sandbox }

// MayUse reports whether the merchant's payers may use the rail: none of a merchant that is disabled. The sandbox rail is for sandbox
// merchants, and for nobody else. Wallets pay both: sandbox wallets a sandbox merchant, live ones a live merchant that has the rail.
func (m Merchant) MayUse(rail string) bool {
	if m.Settings.Disabled || (rail == sandboxRail) != m.Sandbox() && rail != walletRail {
		return false
	}
	return m.Sandbox() && len(m.Settings.Rails) == 0 || slices.Contains(m.Settings.Rails, rail)
}

const (
	sandboxRail = "sandbox" // moves no money
	walletRail  = "wallet"  // moves money that is here already
)

// Has reports whether the merchant may be paid in the currency.
func (m Merchant) Has(c money.Currency) bool { return slices.Contains(m.Currencies, c) }

// Credential is what a merchant shows at a front door. The secret itself is told once and kept only as a hash.
type Credential struct {
	Owner     string
	ID        string
	Door      string
	Handle    string // what it is looked up by: a public key as printed, or the hash of a key that is one secret text
	Role      Role
	Label     string // for people
	CreatedAt time.Time
	RevokedAt time.Time // zero while it is good
}

// Role says what a credential or a login may do.
type Role string

// The roles. Credentials are admin, viewer or approver, logins can be maker too: a key that may add has to read what became of it. A credential of
// the house's own is an operator's, and no other is.
const (
	Admin    Role = "admin"    // everything
	Maker    Role = "maker"    // add, and not read
	Viewer   Role = "viewer"   // only read
	Approver Role = "approver" // read, and decide about payouts that others have asked for
	Operator Role = "operator" // what the house's own people may do, where a front door lets them
)

// Reads reports whether the role may read. No role that is unknown may.
func (r Role) Reads() bool { return r == Admin || r == Viewer || r == Approver }

// Adds reports whether the role may add and change. No role that is unknown may.
func (r Role) Adds() bool { return r == Admin || r == Maker }

// Approves reports whether the role may decide about payouts that somebody else has asked for. No role that is unknown may.
func (r Role) Approves() bool { return r == Admin || r == Approver || r == Operator }

// Service keeps merchants.
type Service struct {
	db    *store.DB
	log   *event.Log
	clock clock.Clock
	keys  *keyring.Keyring // nil where no secret is to be read or made
	cache cache

	hasher *hasher // of passwords
	gates  *gates  // a name's guesses, one at a time
}

// NewService works on db; secrets that must be repeated are encrypted under keys.
func NewService(db *store.DB, log *event.Log, keys *keyring.Keyring) *Service {
	return &Service{db: db, log: log, clock: db.Clock(), keys: keys, cache: newCache(), hasher: newHasher(), gates: newGates()}
}

// Actor is a person or a program that changes something, for the audit log.
type Actor struct {
	Name   string // who
	Source string // from where: an address, a command
}

// Create makes a merchant with a signing secret of its own and answers it. Faults: FieldRequired, FieldNotOneOf, CurrencyUnknown, those
// of PakistanQR.Check and CheckCallback.
func (s *Service) Create(ctx context.Context, by Actor, m Merchant) (Merchant, error) {
	if err := check(m); err != nil {
		return m, err
	}
	m.Owner, m.CreatedAt = id.New(s.clock), s.clock.Now()
	secret, err := s.keys.Encrypt(secretPurpose, []byte(newSigningSecret()), []byte(m.Owner))
	if err != nil {
		return m, err
	}
	settings, err := json.Marshal(m.Settings)
	if err != nil {
		return m, err
	}
	line, err := s.note(by, m.Owner, "merchant.create", m.Owner)
	if err != nil {
		return m, err
	}
	return m, s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		tx.Later(sqlInsert, []any{
			m.Owner, m.Name, string(m.Mode), codes(m.Currencies), string(settings), secret, clock.Micros(m.CreatedAt),
		}, nil)
		line.later(tx, "", describe(m))
		return nil
	})
}

// newSigningSecret is 24 random bytes in the text form of Standard Webhooks.
func newSigningSecret() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(b)
}

// secretPurpose binds an encrypted signing secret to its use.
const secretPurpose = "merchant signing secret"

func check(m Merchant) error {
	var faults []*fault.Error
	if strings.TrimSpace(m.Name) == "" {
		faults = append(faults, fault.New(fault.FieldRequired).On("name"))
	}
	if strings.ContainsFunc(m.Name, unicode.IsControl) || !utf8.ValidString(m.Name) {
		faults = append(faults, fault.New(fault.FieldControl).On("name"))
	}
	if m.Mode != Sandbox && m.Mode != Live {
		faults = append(faults, fault.New(fault.FieldNotOneOf).On("mode").With("allowed", "sandbox,live"))
	}
	if len(m.Currencies) == 0 {
		faults = append(faults, fault.New(fault.FieldRequired).On("currencies"))
	}
	for _, c := range m.Currencies {
		if _, err := money.ParseCurrency(string(c)); err != nil {
			faults = append(faults, fault.New(fault.CurrencyUnknown).On("currencies"))
		}
	}
	return fault.Join(append(faults, checkSettings(m.Settings)...)...)
}

// Change replaces a merchant's name, currencies and settings, all but its public ids and callbacks. Faults: those of Create, MerchantMissing,
// FieldNotOneOf on mode for another mode, CurrencyUnknown when a currency it had is not among the new ones.
func (s *Service) Change(ctx context.Context, by Actor, m Merchant) error {
	if err := check(m); err != nil {
		return err
	}
	defer s.cache.forget(m.Owner)
	return s.update(ctx, by, m.Owner, "merchant.change", func(_ context.Context, _ *store.Tx, old *Merchant) error {
		if m.Mode != old.Mode {
			return fault.New(fault.FieldNotOneOf).On("mode").With("allowed", string(old.Mode))
		}
		for _, c := range old.Currencies {
			if !m.Has(c) {
				return fault.New(fault.CurrencyUnknown).On("currencies") // its books in that currency remain
			}
		}
		ids, callbacks := old.Settings.PublicIDs, old.Settings.Callbacks
		old.Name, old.Currencies, old.Settings = m.Name, m.Currencies, m.Settings
		old.Settings.PublicIDs, old.Settings.Callbacks = ids, callbacks
		return nil
	})
}

// update changes a merchant under its lock and notes the change, if there is one.
func (s *Service) update(ctx context.Context, by Actor, owner, action string, change func(context.Context, *store.Tx, *Merchant) error) error {
	line, err := s.note(by, owner, action, owner)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		var m *Merchant
		err := tx.Query(ctx, sqlLock, []any{owner}, func(r store.Row) error {
			was, err := scan(r)
			m = &was
			return err
		})
		if err != nil {
			return err
		}
		if m == nil {
			return fault.New(fault.MerchantMissing)
		}
		before := describe(*m)
		if err := change(ctx, tx, m); err != nil {
			return err
		}
		after := describe(*m)
		if before == after {
			return nil
		}
		settings, err := json.Marshal(m.Settings)
		if err != nil {
			return err
		}
		tx.Later(sqlUpdate, []any{m.Owner, m.Name, codes(m.Currencies), string(settings)}, nil)
		line.later(tx, before, after)
		return nil
	})
}

// Get answers the merchant, at most a second old, or a fault MerchantMissing.
func (s *Service) Get(ctx context.Context, owner string) (Merchant, error) {
	m, err := s.get(ctx, owner)
	// What is kept is shared: its lists are the caller's own.
	m.Currencies, m.Settings.Rails = slices.Clone(m.Currencies), slices.Clone(m.Settings.Rails)
	if m.Settings.BanglaQR != nil {
		qr := *m.Settings.BanglaQR
		m.Settings.BanglaQR = &qr
	}
	if m.Settings.PakistanQR != nil {
		qr := *m.Settings.PakistanQR
		m.Settings.PakistanQR = &qr
	}
	m.Settings.PublicIDs, m.Settings.Callbacks = maps.Clone(m.Settings.PublicIDs), maps.Clone(m.Settings.Callbacks)
	m.Settings.PayoutApproval = maps.Clone(m.Settings.PayoutApproval)
	return m, err
}

func (s *Service) get(ctx context.Context, owner string) (Merchant, error) {
	return s.cache.merchant(owner, func() (Merchant, error) {
		list, err := s.read(ctx, sqlGet, owner)
		if err == nil && len(list) == 0 {
			err = fault.New(fault.MerchantMissing)
		}
		if err != nil {
			return Merchant{}, err
		}
		return list[0], nil
	})
}

// List answers all merchants by name.
func (s *Service) List(ctx context.Context) ([]Merchant, error) { return s.read(ctx, sqlList) }

// SigningSecret is the secret that signs the merchant's webhooks, as the merchant knows it: "whsec_" and base64. Fault:
// MerchantMissing.
func (s *Service) SigningSecret(ctx context.Context, owner string) (string, error) {
	return s.cache.secret(owner, func() (string, error) {
		var sealed string
		err := s.db.Query(ctx, sqlSecret, []any{owner}, func(r store.Row) error { return r.Scan(&sealed) })
		if err != nil {
			return "", err
		}
		if sealed == "" {
			return "", fault.New(fault.MerchantMissing)
		}
		secret, err := s.keys.Decrypt(secretPurpose, sealed, []byte(owner))
		return string(secret), err
	})
}

// CheckKey answers nil when the master key is the one that the database's secrets are encrypted under, which one of them tells;
// keyring.ErrDecrypt when it is not.
func (s *Service) CheckKey(ctx context.Context) error {
	var owner, sealed string
	err := s.db.Query(ctx, sqlAnySecret, nil, func(r store.Row) error { return r.Scan(&owner, &sealed) })
	if err != nil || owner == "" {
		return err
	}
	_, err = s.keys.Decrypt(secretPurpose, sealed, []byte(owner))
	return err
}

// Issue makes a credential for a front door and answers it with its secret, which cannot be had again. With a public handle, the
// handle is what is looked up and the secret proves it; without, the secret alone is shown, and looked up by its hash. The
// texts begin with the given prefixes. With the owner House it is an operator's. Faults: MerchantMissing, FieldNotOneOf on role.
func (s *Service) Issue(ctx context.Context, by Actor, c Credential, handlePrefix, secretPrefix string, public bool) (Credential, string, error) {
	secret := secretPrefix + id.Token(32)
	c.ID, c.CreatedAt, c.Handle = id.New(s.clock), s.clock.Now(), keyring.HashSecret(secret)
	if public {
		c.Handle = handlePrefix + id.Token(18)
	}
	return c, secret, s.put(ctx, by, c, secret)
}

// Import is Issue for a handle and a secret that exist already, such as those of a merchant who moves over. Faults: those of Issue;
// FieldMalformed on secret for one of less than 16 bytes; ReferenceTaken on handle when the door knows it already.
func (s *Service) Import(ctx context.Context, by Actor, c Credential, secret string) (Credential, error) {
	c.ID, c.CreatedAt = id.New(s.clock), s.clock.Now()
	if c.Handle == "" {
		c.Handle = keyring.HashSecret(secret)
	}
	if len(secret) < 16 {
		return c, fault.New(fault.FieldMalformed).On("secret")
	}
	err := s.put(ctx, by, c, secret)
	if store.IsUnique(err) {
		err = fault.New(fault.ReferenceTaken).On("handle")
	}
	return c, err
}

func (s *Service) put(ctx context.Context, by Actor, c Credential, secret string) error {
	switch {
	case c.Owner == House && c.Role != Operator:
		return fault.New(fault.FieldNotOneOf).On("role").With("allowed", "operator")
	case c.Owner != House && c.Role != Admin && c.Role != Viewer && c.Role != Approver:
		return fault.New(fault.FieldNotOneOf).On("role").With("allowed", "admin,viewer,approver")
	}
	if c.Owner != House {
		if _, err := s.get(ctx, c.Owner); err != nil {
			return err
		}
	}
	line, err := s.note(by, c.Owner, "credential.issue", c.ID)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		fresh := false
		err := tx.Query(ctx, sqlInsertCredential, []any{
			c.Owner, c.ID, c.Door, c.Handle, keyring.HashSecret(secret), string(c.Role), c.Label, clock.Micros(c.CreatedAt),
		}, func(r store.Row) error {
			fresh = true
			return r.Scan(new(string))
		})
		if err != nil || !fresh { // it is there: our own earlier work
			return err
		}
		tx.PutAliases([]store.Alias{{Value: c.Handle, Kind: aliasKind(c.Door), Owner: c.Owner, ID: c.ID}})
		line.later(tx, "", c.Door+" "+string(c.Role))
		return nil
	})
}

func aliasKind(door string) string { return "credential/" + door }

// Credentials lists the merchant's credentials, oldest first.
func (s *Service) Credentials(ctx context.Context, owner string) ([]Credential, error) {
	var list []Credential
	err := s.db.Query(ctx, sqlCredentials, []any{owner}, func(r store.Row) error {
		c, _, err := scanCredential(r)
		list = append(list, c)
		return err
	})
	return list, err
}

// Revoke ends a credential, within a second on every node. One that is revoked stays so. Fault: CredentialsInvalid when the
// merchant has none with the id.
func (s *Service) Revoke(ctx context.Context, by Actor, owner, credential string) error {
	line, err := s.note(by, owner, "credential.revoke", credential)
	if err != nil {
		return err
	}
	defer s.cache.forget(owner)
	return s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		revoked, found := false, false
		tx.Later(sqlRevoke, []any{owner, credential, clock.Micros(line.at)}, func(r store.Row) error {
			revoked = true
			return r.Scan(new(string))
		})
		err := tx.Query(ctx, sqlCredential, []any{owner, credential}, func(r store.Row) error {
			found = true
			_, _, err := scanCredential(r)
			return err
		})
		switch {
		case err != nil:
			return err
		case !found:
			return fault.New(fault.CredentialsInvalid)
		case revoked:
			line.later(tx, "", "")
		}
		return nil
	})
}

// Authenticate answers whose credential this is. handle is what the door shows publicly, or "" where the secret is all there is. Every
// failure is the same fault CredentialsInvalid, in about the same time; a database that is gone is a fault.Outage. An operator's is no
// merchant's, and fails too.
func (s *Service) Authenticate(ctx context.Context, door, handle, secret string) (Merchant, Credential, error) {
	m, c, err := s.AuthenticateAny(ctx, door, handle, secret)
	if err == nil && c.Role == Operator {
		return Merchant{}, Credential{}, fault.New(fault.CredentialsInvalid)
	}
	return m, c, err
}

// AuthenticateAny is Authenticate for a front door that knows operators too: the credential of one comes with no merchant, and its owner is
// House.
func (s *Service) AuthenticateAny(ctx context.Context, door, handle, secret string) (Merchant, Credential, error) {
	hash := keyring.HashSecret(secret)
	if handle == "" {
		handle = hash
	}
	known, err := s.cache.credential(door+" "+handle, func() (known, error) { return s.lookUp(ctx, door, handle) })
	if err != nil {
		return Merchant{}, Credential{}, err
	}
	c := known.credential
	same := subtle.ConstantTimeCompare([]byte(hash), []byte(known.hash)) == 1
	if !same || c.Owner == "" || !c.RevokedAt.IsZero() || (c.Owner == House) != (c.Role == Operator) {
		return Merchant{}, Credential{}, fault.New(fault.CredentialsInvalid)
	}
	if c.Role == Operator {
		return Merchant{}, c, nil
	}
	m, err := s.Get(ctx, c.Owner)
	if err == nil && m.Settings.Disabled {
		return Merchant{}, Credential{}, fault.New(fault.CredentialsInvalid)
	}
	return m, c, err
}

// known is a credential with the hash of its secret.
type known struct {
	credential Credential
	hash       string
}

// lookUp reads a credential; for an unknown handle it answers one that no secret fits.
func (s *Service) lookUp(ctx context.Context, door, handle string) (known, error) {
	k := known{hash: strings.Repeat("0", 64)}
	owner, cred, err := s.db.ResolveAlias(ctx, aliasKind(door), handle)
	if err != nil || owner == "" {
		return k, err
	}
	err = s.db.Query(ctx, sqlCredential, []any{owner, cred}, func(r store.Row) (err error) {
		k.credential, k.hash, err = scanCredential(r)
		return err
	})
	return k, err
}

// SetFee sets what the house takes of the merchant's receipts over a rail. Faults: MerchantMissing, CurrencyUnknown, FieldMalformed.
func (s *Service) SetFee(ctx context.Context, by Actor, k FeeKey, f money.Schedule) error {
	m, err := s.Get(ctx, k.Owner)
	switch {
	case err != nil:
		return err
	case !m.Has(k.Currency):
		return fault.New(fault.CurrencyUnknown).On("currency")
	case k.Rail == "":
		return fault.New(fault.FieldRequired).On("rail")
	case f.Check() != nil:
		return fault.New(fault.FieldMalformed).On("fee").Wrap(f.Check())
	}
	after, err := json.Marshal(f)
	if err != nil {
		return err
	}
	line, err := s.note(by, k.Owner, "fee.set", k.Rail+"/"+string(k.Currency))
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		have := map[FeeKey]money.Schedule{}
		FeesLater(tx, []FeeKey{k}, have)
		if err := tx.Flush(ctx); err != nil {
			return err
		}
		before := ""
		if old, ok := have[k]; ok {
			text, err := json.Marshal(old)
			if err != nil {
				return err
			}
			before = string(text)
		}
		tx.Later(sqlSetFee, []any{k.Owner, k.Rail, string(k.Currency), f.Flat, f.PPM, f.Min, f.Max}, nil)
		line.later(tx, before, string(after))
		return nil
	})
}

// note is a line of the audit log, with the id that lets a transaction that runs again recognise it.
type note struct {
	id, owner, action, subject string
	by                         Actor
	at                         time.Time
}

func (s *Service) note(by Actor, owner, action, subject string) (note, error) {
	if by.Name == "" || by.Source == "" {
		return note{}, errors.New("merchant: a change needs an actor and a source")
	}
	return note{id: id.New(s.clock), owner: owner, action: action, subject: subject, by: by, at: s.clock.Now()}, nil
}

// later queues the line.
func (n note) later(tx *store.Tx, before, after string) {
	tx.Later(sqlNote, n.args(before, after), nil)
}

// written reports whether the line is there already.
func (n note) written(ctx context.Context, tx *store.Tx) (found bool, err error) {
	err = tx.Query(ctx, sqlNoteWritten, []any{n.owner, n.id}, func(r store.Row) error {
		found = true
		return r.Scan(new(string))
	})
	return found, err
}

func (n note) args(before, after string) []any {
	return []any{n.owner, n.id, n.by.Name, n.action, n.subject, before, after, n.by.Source, clock.Micros(n.at)}
}

func describe(m Merchant) string {
	text, err := json.Marshal(m)
	if err != nil {
		return m.Name
	}
	return string(text)
}

func codes(list []money.Currency) string {
	texts := make([]string, len(list))
	for i, c := range list {
		texts[i] = string(c)
	}
	return strings.Join(texts, ",")
}
