package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"sarraf/bench/load"
)

// How many wallets transfers are spread over, how many holders are signed in, and how many transfers a bulk has.
const (
	spreadWallets = 10_000
	signedIn      = 1_000
	bulkTransfers = 100
)

// people are wallets with money, made by the native API.
type people struct {
	*session
	shops  []string // ids of wallets of the demo's merchant, which its key spends from without a PIN
	tokens []string // of signed-in holders
	shop   string   // the number of the merchant whom they pay
	notes  atomic.Int64
}

// native is the head of a request to the native API, up to its length.
func (s *session) native(path string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: " + s.server.address + "\r\nContent-Type: application/json\r\nAuthorization: Bearer " +
		s.server.line.Native.APIKey + "\r\nContent-Length: "
}

// request is head, the body's length, and the body.
func request(buf []byte, head string, body []byte) []byte {
	buf = append(buf, head...)
	buf = strconv.AppendInt(buf, int64(len(body)), 10)
	return append(append(buf, "\r\n\r\n"...), body...)
}

// each asks once for each of n things, unmeasured.
func (s *session) each(ctx context.Context, n int, head func(i int) string, body func(i int) string, check func(i int, body []byte) error) error {
	var next atomic.Int64
	at := make([]int, slices.Max(s.clients))
	_, err := load.Run(ctx, load.Plan{
		Address: s.server.address, Clients: len(at), Window: 10 * time.Minute, Most: n,
		Next: func(client int, buf []byte) ([]byte, bool) {
			i := int(next.Add(1)) - 1
			if at[client] = i; i >= n {
				return buf, false
			}
			return request(buf, head(i), []byte(body(i))), true
		},
		Check: func(client int, body []byte) error { return check(at[client], body) },
	})
	return err
}

// wallets makes wallets of a kind with money, and answers their ids and numbers.
func (s *session) wallets(ctx context.Context, n int, kind string) (ids, numbers []string, err error) {
	ids, numbers = make([]string, n), make([]string, n)
	for i := range numbers {
		numbers[i] = fmt.Sprintf("+88017%08d", s.refs.Add(1))
	}
	made := s.native("/v1/wallets")
	err = s.each(ctx, n, func(int) string { return made }, func(i int) string {
		return `{"kind":"` + kind + `","name":"Rahim Store","mobile_number":"` + numbers[i] + `","pin":"1234","currencies":["BDT"]}`
	}, func(i int, body []byte) error {
		id, ok := field(body, `"id":"`)
		if ids[i] = id; !ok {
			return fmt.Errorf("no id in %.200s", body)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	err = s.each(ctx, n, func(i int) string { return s.native("/v1/wallets/" + ids[i] + "/top-ups") }, func(int) string {
		return `{"amount":"1000000","currency":"BDT"}`
	}, func(int, []byte) error { return nil })
	return ids, numbers, err
}

// settlePeople makes the wallets that are wanted.
func (s *session) settlePeople(ctx context.Context) (*people, error) {
	p := &people{session: s}
	if s.wants("wallets") {
		ids, _, err := s.wallets(ctx, spreadWallets, "merchant")
		if err != nil {
			return nil, err
		}
		p.shops = ids
	}
	if !s.wants("walletpay") {
		return p, nil
	}
	_, numbers, err := s.wallets(ctx, signedIn, "consumer")
	if err != nil {
		return nil, err
	}
	p.tokens, p.shop = make([]string, signedIn), s.server.line.Deshipay.Merchant.Number
	head := "POST /api/v1/auth/signin HTTP/1.1\r\nHost: " + s.server.address + "\r\nContent-Type: application/json\r\nContent-Length: "
	return p, s.each(ctx, signedIn, func(int) string { return head }, func(i int) string {
		return `{"mobile_number":"` + numbers[i] + `","pin":"1234"}`
	}, func(i int, body []byte) error {
		token, ok := field(body, `"token":"`)
		if p.tokens[i] = token; !ok {
			return fmt.Errorf("no token in %.200s", body)
		}
		return nil
	})
}

// calm waits until the program has nothing to do: after thousands of wallets were made, their books are sealed for a while.
func (s *session) calm(ctx context.Context) error {
	const watched, idle, most = 500 * time.Millisecond, 25 * time.Millisecond, 120
	quiet := 0
	for range most {
		before := cpuOf(s.server.cmd.Process.Pid)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(watched):
		}
		if quiet++; cpuOf(s.server.cmd.Process.Pid)-before > idle {
			quiet = 0
		}
		if quiet == calmFor {
			return nil
		}
	}
	return errors.New("the program does not come to rest")
}

// calmFor is how many looks in a row must find the program idle: seals are made every five seconds.
const calmFor = 12

// transferBody is one transfer between two wallets, as the native API takes it.
func transferBody(b []byte, from, to string) []byte {
	b = append(append(b, `{"sender":"`...), from...)
	b = append(append(b, `","receiver":"`...), to...)
	return append(b, `","amount":"1","currency":"BDT"}`...)
}

// transfers measures bare transfers between the wallets given, bulk of them in each request.
func (p *people) transfers(ctx context.Context, work string, clients int, list []string, bulk int) error {
	path, want := "/v1/transfers", `"balance_after":"`
	if bulk > 1 {
		path, want = "/v1/transfers/bulk", `"status":"`
	}
	head := p.native(path)
	pair := func(b []byte) []byte {
		i := rand.IntN(len(list))
		return transferBody(b, list[i], list[(i+1+rand.IntN(len(list)-1))%len(list)])
	}
	cpu := p.cpu()
	r, err := load.Run(ctx, load.Plan{
		Address: p.server.address, Clients: clients, Warm: warm, Window: p.window(),
		Next: func(_ int, buf []byte) ([]byte, bool) {
			if bulk == 1 {
				return request(buf, head, pair(make([]byte, 0, 160))), true
			}
			body := append(make([]byte, 0, 160*bulk), `{"transfers":[`...)
			for i := range bulk {
				if i > 0 {
					body = append(body, ',')
				}
				body = pair(body)
			}
			return request(buf, head, append(body, `]}`...)), true
		},
		Check: func(_ int, body []byte) error {
			if _, ok := field(body, want); !ok || bulk > 1 && bytes.Contains(body, []byte(`"refused"`)) {
				return fmt.Errorf("nothing was sent: %.300s", body)
			}
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("%s: %w", work, err)
	}
	p.noteMany(work, clients, r, cpu(), bulk)
	return nil
}

// pay measures payments with a PIN to one merchant, as an app of DeshiPay's makes them. Each has a note of its own: else it would be the same again.
func (p *people) pay(ctx context.Context, clients int) error {
	head := "POST /api/v1/private/transaction/manual-payment/execute HTTP/1.1\r\nHost: " + p.server.address +
		"\r\nContent-Type: application/json\r\nAuthorization: Bearer "
	cpu := p.cpu()
	r, err := load.Run(ctx, load.Plan{
		Address: p.server.address, Clients: clients, Warm: warm, Window: p.window(),
		Next: func(_ int, buf []byte) ([]byte, bool) {
			n := p.notes.Add(1)
			buf = append(append(buf, head...), p.tokens[int(n)%len(p.tokens)]...)
			body := append(append(make([]byte, 0, 160), `{"receiver_mobile_number":"`...), p.shop...)
			body = strconv.AppendInt(append(body, `","amount":"1","pin":"1234","note":"`...), n, 10)
			return request(buf, "\r\nContent-Length: ", append(body, `"}`...)), true
		},
		Check: func(_ int, body []byte) error {
			if _, ok := field(body, `"invoice_id":"`); !ok {
				return fmt.Errorf("not paid: %.300s", body)
			}
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("walletpay: %w", err)
	}
	p.note("walletpay", clients, r, cpu())
	return nil
}

// people measures wallets with so many clients.
func (s *session) people(ctx context.Context, clients int) error {
	if s.settled == nil {
		p, err := s.settlePeople(ctx)
		if err != nil {
			return err
		}
		if s.settled = p; len(p.shops)+len(p.tokens) > 0 {
			progress("  %d wallets are there, %d holders are signed in", len(p.shops), len(p.tokens))
		}
		if err := s.calm(ctx); err != nil {
			return err
		}
	}
	p := s.settled
	if s.wants("wallets") {
		// Each measurement has a pair of its own: a wallet has a limit for the day.
		hot := p.shops[:2]
		p.shops = p.shops[2:]
		if err := p.transfers(ctx, "transfer-hot", clients, hot, 1); err != nil {
			return err
		}
		if err := p.transfers(ctx, "transfer-spread", clients, p.shops, 1); err != nil {
			return err
		}
		if err := p.transfers(ctx, "transfer-bulk", min(clients, 32), p.shops, bulkTransfers); err != nil {
			return err
		}
	}
	if !s.wants("walletpay") {
		return nil
	}
	if err := s.calm(ctx); err != nil {
		return err
	}
	return p.pay(ctx, clients)
}
