package merchant

import (
	"context"
	"time"

	"sarraf/internal/clock"
	"sarraf/store"
)

// What an operator reads, over all merchants, in a snapshot.

// All are the merchants by name.
func All(ctx context.Context, tx *store.Tx) ([]Merchant, error) {
	var list []Merchant
	err := tx.Query(ctx, sqlList, nil, func(r store.Row) error {
		m, err := scan(r)
		list = append(list, m)
		return err
	})
	return list, err
}

// CredentialKind is the kind under which the handles of a door's credentials are kept as aliases.
func CredentialKind(door string) string { return aliasKind(door) }

// PublicKind is the kind under which the merchants' ids at a front door are kept as aliases.
func PublicKind(door string) string { return publicKind(door) }

// CredentialsOf lists the merchant's credentials, oldest first.
func CredentialsOf(ctx context.Context, tx *store.Tx, owner string) ([]Credential, error) {
	var list []Credential
	err := tx.Query(ctx, sqlCredentials, []any{owner}, func(r store.Row) error {
		c, _, err := scanCredential(r)
		list = append(list, c)
		return err
	})
	return list, err
}

// CredentialsOfID are the credentials with the id that any of the owners has.
func CredentialsOfID(ctx context.Context, tx *store.Tx, owners []string, id string) ([]Credential, error) {
	args := make([]any, 0, 2*len(owners))
	for _, o := range owners {
		args = append(args, o, id)
	}
	var list []Credential
	err := tx.QueryRows(ctx, bulkCredential, args, func(r store.Row) error {
		c, _, err := scanCredential(r)
		list = append(list, c)
		return err
	})
	return list, err
}

// LoginsOf lists the merchant's users, oldest first.
func LoginsOf(ctx context.Context, tx *store.Tx, owner string) ([]Login, error) {
	var list []Login
	err := tx.Query(ctx, sqlLogins, []any{owner}, func(r store.Row) error {
		k, err := scanLogin(r)
		list = append(list, k.Login)
		return err
	})
	return list, err
}

// LoginsOfID are the users with the id that any of the owners has.
func LoginsOfID(ctx context.Context, tx *store.Tx, owners []string, id string) ([]Login, error) {
	args := make([]any, 0, 2*len(owners))
	for _, o := range owners {
		args = append(args, o, id)
	}
	var list []Login
	err := tx.QueryRows(ctx, bulkLogin, args, func(r store.Row) error {
		k, err := scanLogin(r)
		list = append(list, k.Login)
		return err
	})
	return list, err
}

// GoodAt reports whether the credential could be used at that time.
func (c Credential) GoodAt(t time.Time) bool {
	return !c.CreatedAt.After(t) && (c.RevokedAt.IsZero() || c.RevokedAt.After(t))
}

// Note is a line of the audit log: a change that a person or a command made.
type Note struct {
	ID, Actor, Action, Subject, Before, After, Source string
	At                                                time.Time
}

// Notes are the audit log's lines of the merchant, oldest first: those about one subject, or all for "". The log has no index by subject;
// it holds what people did, which is little.
func Notes(ctx context.Context, tx *store.Tx, owner, subject string) ([]Note, error) {
	var list []Note
	err := tx.Query(ctx, sqlNotes, []any{owner, subject}, func(r store.Row) error {
		var n Note
		var at int64
		err := r.Scan(&n.ID, &n.Actor, &n.Action, &n.Subject, &n.Before, &n.After, &n.Source, &at)
		n.At = clock.FromMicros(at)
		list = append(list, n)
		return err
	})
	return list, err
}
