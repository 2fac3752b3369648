package invoice

import (
	"context"

	"sarraf/store"
)

// CreateSlice is what the batcher of Create calls: tests choose the slices themselves.
func (s *Service) CreateSlice(ctx context.Context, tx *store.Tx, list []Invoice) ([]store.Outcome[Created], error) {
	return s.createSlice(ctx, tx, list)
}

// EndSlice is what the batcher of End calls.
func (s *Service) EndSlice(ctx context.Context, tx *store.Tx, list []Ending) ([]store.Outcome[Invoice], error) {
	return s.endSlice(ctx, tx, list)
}
