package railtest

import (
	"encoding/json"
	"net/http"
	"strings"

	"sarraf/money"
	"sarraf/rail"
)

// Service is a bank behind HTTP: the other side of rail/adapter, as docs/rails.md describes it. It knows the protocol from the page alone and
// shares no code with the adapter. A call that the bank does not answer ends with its connection.
type Service struct {
	Bank  *Bank
	Token string
}

var said = map[rail.Outcome]string{
	rail.Accepted: "completed", rail.Declined: "rejected", rail.Over: "rejected", rail.Taken: "processing", rail.Retryable: "retry", rail.Absent: "absent",
}

// ServeHTTP answers POST /orders and GET /orders/ID.
func (s Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+s.Token {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	var answer rail.Answer
	var err error
	var o rail.Order
	switch id, found := strings.CutPrefix(r.URL.Path, "/orders/"); {
	case r.Method == http.MethodPost && r.URL.Path == "/orders":
		if o, err = readOrder(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer, err = s.Bank.Send(r.Context(), o)
	case r.Method == http.MethodGet && found:
		o.ID = id
		answer, err = s.Bank.Inquire(r.Context(), o)
	default:
		http.NotFound(w, r)
		return
	}
	if err != nil {
		panic(http.ErrAbortHandler) // the connection ends, and nothing is said
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{
		"id": o.ID, "status": said[answer.Outcome], "reference": answer.Reference, "reason": answer.Reason,
	})
}

func readOrder(r *http.Request) (o rail.Order, err error) {
	var body struct {
		ID, Kind, Owner, Amount, Currency, Method, Destination, Name, Note, Reference string
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 64<<10)).Decode(&body); err != nil {
		return o, err
	}
	amount, err := money.Parse(body.Amount, money.Currency(body.Currency), money.Plain)
	return rail.Order{
		ID: body.ID, Kind: rail.OrderKind(body.Kind), Owner: body.Owner, Amount: amount, Method: body.Method, Destination: body.Destination,
		Name: body.Name, Note: body.Note, Reference: body.Reference,
	}, err
}
