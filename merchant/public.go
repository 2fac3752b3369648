package merchant

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"unicode"

	"sarraf/fault"
	"sarraf/store"
)

// maxPublicID is the longest public id, in bytes.
const maxPublicID = 64

// SetPublicID gives the merchant the id by which everybody names it at a front door, where the door's addresses carry one: it proves
// nothing. An id that the merchant had there before no longer means it. Faults: MerchantMissing; FieldRequired, FieldTooLong,
// FieldMalformed on id for one that is not 1 to 64 visible ASCII characters; ReferenceTaken on id when it is, or was, another merchant's.
func (s *Service) SetPublicID(ctx context.Context, by Actor, owner, door, id string) error {
	switch {
	case id == "":
		return fault.New(fault.FieldRequired).On("id")
	case len(id) > maxPublicID:
		return fault.New(fault.FieldTooLong).On("id").With("max", "64")
	case strings.ContainsFunc(id, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsGraphic(r) || r == ' ' }):
		return fault.New(fault.FieldMalformed).On("id")
	}
	_, err := s.setPublicID(ctx, by, owner, door, id, false)
	return err
}

// PublicNumber answers the merchant's public id at a front door whose ids are numbers. A merchant that has none is given one: a running
// number that is nobody else's. Fault: MerchantMissing.
func (s *Service) PublicNumber(ctx context.Context, by Actor, owner, door string) (string, error) {
	numbers := s.db.Numbers(publicKind(door))
	for {
		n, err := numbers.Next(ctx)
		if err != nil {
			return "", err
		}
		id, err := s.setPublicID(ctx, by, owner, door, strconv.FormatInt(n, 10), true)
		if !fault.Has(err, fault.ReferenceTaken) { // else somebody has brought that number along
			return id, err
		}
	}
}

// setPublicID is SetPublicID for an id of the right form, and answers the id that the merchant then has; with keep, the one it had stays.
func (s *Service) setPublicID(ctx context.Context, by Actor, owner, door, id string, keep bool) (has string, err error) {
	defer s.cache.forget(owner)
	err = s.update(ctx, by, owner, "merchant.public_id", func(ctx context.Context, tx *store.Tx, m *Merchant) error {
		if has = m.Settings.PublicIDs[door]; keep && has != "" {
			return nil
		}
		has = id
		var had string
		err := tx.Query(ctx, sqlPublicOwner, []any{id, publicKind(door)}, func(r store.Row) error { return r.Scan(&had) })
		switch {
		case err != nil:
			return err
		case had != "" && had != owner:
			return fault.New(fault.ReferenceTaken).On("id")
		case had == "":
			tx.PutAliases([]store.Alias{{Value: id, Kind: publicKind(door), Owner: owner, ID: owner}})
		}
		ids := maps.Clone(m.Settings.PublicIDs)
		if ids == nil {
			ids = map[string]string{}
		}
		ids[door] = id
		m.Settings.PublicIDs = ids
		return nil
	})
	return has, err
}

func publicKind(door string) string { return "public/" + door }

// ByPublicID answers the merchant that has the id at a front door, at most a second old, or a fault MerchantMissing; so too for one that
// is disabled.
func (s *Service) ByPublicID(ctx context.Context, door, id string) (Merchant, error) {
	if len(id) > maxPublicID {
		return Merchant{}, fault.New(fault.MerchantMissing)
	}
	owner, err := s.cache.publicOwner(door+" "+id, func() (string, error) {
		owner, _, err := s.db.ResolveAlias(ctx, publicKind(door), id)
		return owner, err
	})
	if err != nil {
		return Merchant{}, err
	}
	if owner == "" {
		return Merchant{}, fault.New(fault.MerchantMissing)
	}
	m, err := s.Get(ctx, owner)
	if err == nil && (m.Settings.Disabled || m.Settings.PublicIDs[door] != id) {
		err = fault.New(fault.MerchantMissing)
	}
	return m, err
}
