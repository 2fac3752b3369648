package invoice

import (
	"context"

	"sarraf/store"
)

// CreateSlice is what the batcher of Create calls: tests choose the slices themselves.
func (s *Service) CreateSlice(ctx context.Context, tx *store.Tx, list []Invoice) ([]store.Outcome[Created], error) {
	return s.createSlice(ctx, tx, list)
}

// DrawPSIDs answers new PSIDs; never inside of a transaction, since it may have to write.
func (s *Service) DrawPSIDs(ctx context.Context, n int) ([]string, error) { return s.drawPSIDs(ctx, n) }

// BillSlice is what the batcher of CreateBill calls.
func (s *Service) BillSlice(ctx context.Context, tx *store.Tx, list []NewBill, psids []string) ([]store.Outcome[Created], error) {
	commands := make([]billCommand, len(list))
	for i, b := range list {
		b.Invoice.CreatedAt = s.clock.Now()
		commands[i] = billCommand{b, psids[i]}
	}
	return s.createBills(ctx, tx, commands)
}

// EndSlice is what the batcher of End calls.
func (s *Service) EndSlice(ctx context.Context, tx *store.Tx, list []Ending) ([]store.Outcome[Invoice], error) {
	return s.endSlice(ctx, tx, list)
}
