package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"sarraf/bench/load"
	"sarraf/internal/clock"
)

// bulkBills is how many bills one upload may hold, and has here.
const bulkBills = 5000

// bills asks for bills as an AsaanBill merchant does.
type bills struct {
	*session
	header http.Header
	serial atomic.Int64
}

// signIn answers a caller with a token.
func (s *session) signIn(ctx context.Context) (*bills, error) {
	b := &bills{session: s, header: http.Header{"Username": {s.server.line.AsaanBill.Username}, "Content-Type": {"application/json"}}}
	var in struct {
		Data struct {
			Token   string
			Channel struct{ ID int64 }
		}
	}
	body, err := json.Marshal(map[string]string{"password": s.server.line.AsaanBill.Password})
	if err != nil {
		return nil, err
	}
	if _, err := b.ask(ctx, http.MethodPost, "/login", body, &in); err != nil {
		return nil, err
	}
	b.header.Set("X-Auth-Ph-Key", in.Data.Token)
	b.header.Set("Channel-Id", strconv.FormatInt(in.Data.Channel.ID, 10))
	return b, nil
}

// ask makes one request, reads its answer into out, and tells how long that took.
func (b *bills) ask(ctx context.Context, method, path string, body []byte, out any) (time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+b.server.address+"/payment-hub/integration"+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header = b.header
	watch := clock.Start()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(resp.Body)
	took := watch()
	_ = resp.Body.Close()
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %d %.300s", method, path, resp.StatusCode, text)
	}
	if err == nil {
		err = json.Unmarshal(text, out)
	}
	return took, err
}

// upload makes one upload of n bills, each of a payer of its own, and answers its number and how long the answer took.
func (b *bills) upload(ctx context.Context, n int) (number int64, took time.Duration, err error) {
	type bill struct {
		Title      string `json:"title"`
		Identifier string `json:"identifier"`
		Amount     string `json:"amount"`
		DueDate    string `json:"dueDate"`
		Late       string `json:"amountAfterDueDate"`
	}
	list := make([]bill, n)
	for i := range list {
		list[i] = bill{"Muhammad Mahd Sheikh", fmt.Sprintf("FS-BSCS-%09d", b.serial.Add(1)), "1400", "2036-08-31", "1455"}
	}
	body, err := json.Marshal(map[string]any{"payments": list})
	if err != nil {
		return 0, 0, err
	}
	var out struct {
		Data struct{ BulkPaymentRequestID int64 }
	}
	took, err = b.ask(ctx, http.MethodPost, "/add-bulk?contentType=JSON", body, &out)
	return out.Data.BulkPaymentRequestID, took, err
}

// assigned waits until the bills of an upload have their PSIDs.
func (b *bills) assigned(ctx context.Context, number int64) error {
	const often = 10 * time.Millisecond
	for {
		var out struct {
			Data struct {
				Content []struct {
					ID     int64
					Status string
				}
			}
		}
		if _, err := b.ask(ctx, http.MethodGet, "/bulk-payment-request?contentType=JSON&pageSize=10", nil, &out); err != nil {
			return err
		}
		for _, u := range out.Data.Content {
			if u.ID == number && u.Status == "PROCESSED" {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(often):
		}
	}
}

// bulk measures uploads of the most that one may hold, one after another.
func (s *session) bulk(ctx context.Context) error {
	b, err := s.signIn(ctx)
	if err != nil {
		return err
	}
	for range 3 {
		watch := clock.Start()
		number, took, err := b.upload(ctx, bulkBills)
		if err != nil {
			return err
		}
		if err := b.assigned(ctx, number); err != nil {
			return err
		}
		all := watch()
		s.table.took(s.engine, bulkAnswered, took)
		s.table.took(s.engine, bulkAssigned, all)
		progress("  a bulk of %d bills answered in %v, all PSIDs assigned in %v", bulkBills, round(took), round(all))
	}
	return nil
}

// psids are n numbers that can be paid, freshly made.
func (b *bills) psids(ctx context.Context, n int) ([]string, error) {
	var list []string
	for len(list) < n {
		number, _, err := b.upload(ctx, bulkBills)
		if err != nil {
			return nil, err
		}
		if err := b.assigned(ctx, number); err != nil {
			return nil, err
		}
		var out struct {
			Data struct {
				Payments struct{ Content []struct{ PSID string } }
			}
		}
		if _, err := b.ask(ctx, http.MethodGet, fmt.Sprintf("/bulk-payment-request/%d", number), nil, &out); err != nil {
			return nil, err
		}
		for _, p := range out.Data.Payments.Content {
			list = append(list, p.PSID)
		}
	}
	return list, nil
}

// billpay has banks pay bills, each once.
func (s *session) billpay(ctx context.Context, clients int) error {
	b, err := s.signIn(ctx)
	if err != nil {
		return err
	}
	list, err := b.psids(ctx, int(max(6000, 1.3*s.rate)*(s.seconds+warm.Seconds())))
	if err != nil {
		return err
	}
	at := clock.System{}.Now().In(time.FixedZone("PKT", 5*60*60))
	line := s.server.line.Billpay
	head := "POST /billpay/" + line.Channel + "/api/1.0/Payments/BillPayment HTTP/1.1\r\nHost: " + s.server.address +
		"\r\nContent-Type: application/json\r\nusername: " + line.Username + "\r\npassword: " + line.Password + "\r\nContent-Length: "
	const before = `{"consumer_number":"`
	after := `","tran_auth_id":"000001","transaction_amount":"000000140000","tran_date":"` + at.Format("20060102") + `","tran_time":"` +
		at.Format("150405") + `","bank_mnemonic":"DEMOBANK","reserved":""}`
	var next atomic.Int64
	cpu := s.cpu()
	r, err := load.Run(ctx, load.Plan{
		Address: s.server.address, Clients: clients, Warm: warm, Window: s.window(),
		Next: func(_ int, buf []byte) ([]byte, bool) {
			i := int(next.Add(1)) - 1
			if i >= len(list) {
				return buf, false
			}
			buf = append(buf, head...)
			buf = strconv.AppendInt(buf, int64(len(before)+len(list[i])+len(after)), 10)
			buf = append(append(append(buf, "\r\n\r\n"+before...), list[i]...), after...)
			return buf, true
		},
		Check: func(_ int, body []byte) error {
			if code, _ := field(body, `"response_Code":"`); code != "00" {
				return fmt.Errorf("not paid: %.300s", body)
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	s.note("billpay", clients, r, cpu())
	return nil
}

// pages fills one merchant with bills and reads the first hundred pages of them.
func (s *session) pages(ctx context.Context) error {
	b, err := s.signIn(ctx)
	if err != nil {
		return err
	}
	type page struct {
		Data struct {
			TotalElements int64
			Content       []struct{ ID int64 }
		}
	}
	var had page
	if _, err := b.ask(ctx, http.MethodGet, "/payment", nil, &had); err != nil {
		return err
	}
	want, last := had.Data.TotalElements, int64(0)
	for want < int64(s.most) {
		n := min(bulkBills, s.most-int(want))
		number, _, err := b.upload(ctx, n)
		if err != nil {
			return err
		}
		want += int64(n)
		// One is worked on while the next is sent.
		if last != 0 {
			if err := b.assigned(ctx, last); err != nil {
				return err
			}
		}
		if last = number; want%100_000 == 0 {
			progress("  %s bills", count(float64(want)))
		}
	}
	if last != 0 {
		if err := b.assigned(ctx, last); err != nil {
			return err
		}
	}
	seen := map[int64]bool{}
	for no := range 100 {
		var got page
		took, err := b.ask(ctx, http.MethodGet, fmt.Sprintf("/payment?pageNo=%d&pageSize=100", no), nil, &got)
		if err != nil {
			return err
		}
		if got.Data.TotalElements != want || len(got.Data.Content) != 100 {
			return fmt.Errorf("page %d: %d bills, %d in all, of %d", no, len(got.Data.Content), got.Data.TotalElements, want)
		}
		for _, p := range got.Data.Content {
			if seen[p.ID] {
				return fmt.Errorf("page %d: bill %d was on an earlier page", no, p.ID)
			}
			seen[p.ID] = true
		}
		s.table.took(s.engine, pageRead, took)
	}
	return nil
}
