package webhook

import (
	"context"
	"fmt"
	"testing"

	"sarraf/internal/storetest"
	"sarraf/store"
)

func TestZZEmpty(t *testing.T) {
	db := storetest.Open(t, storetest.URL(t, store.Postgres), nil)
	ctx := context.Background()
	p := func(r store.Row) error { var s string; r.Scan(&s); fmt.Println("   ", s); return nil }
	fmt.Println("look on readers")
	db.Query(ctx, "EXPLAIN "+sqlLanes, nil, p)
	db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		fmt.Println("claim")
		tx.Query(ctx, "EXPLAIN "+sqlClaim, []any{int64(1), "n", int64(1), "l", int64(16)}, p)
		fmt.Println("behind")
		tx.Query(ctx, "EXPLAIN "+sqlBehind, []any{"l", int64(1), int64(2)}, p)
		fmt.Println("outcome")
		tx.LaterRows(store.NewBulk("EXPLAIN "+outcomeText, outcomeTypes...), []any{"o", "i", int64(1), "n", "pending", int64(0), int64(1), nil, nil}, p)
		if err := tx.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{16, 512} {
			var args, args2 []any
			for range n {
				args = append(args, "o", "i", int64(1), "n", "pending", int64(0), int64(1), nil, nil)
				args2 = append(args2, "o", "i", int64(1), int64(1), int64(1), "n", "a")
			}
			fmt.Println("outcome", n)
			tx.LaterRows(store.NewBulk("EXPLAIN "+outcomeText, outcomeTypes...), args, p)
			if err := tx.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			fmt.Println("end", n)
			tx.LaterRows(store.NewBulk("EXPLAIN "+endText, endTypes...), args2, p)
			if err := tx.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
		return nil
	})
}
