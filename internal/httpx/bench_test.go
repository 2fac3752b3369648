package httpx

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

var createBody = []byte(`{
    "amount": 100,
    "customer_name": "John Doe",
    "transaction_reference": "TRX123456",
    "callback_url": "https://yoursite.com/callback"
  }`)

func BenchmarkFieldsOfJSON(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		f, err := ParseFields("application/json", createBody)
		if err != nil || !f.Has("callback_url") {
			b.Fatal(err)
		}
	}
}

// The same body by reflection, which refuses neither double names nor bad text: what the scanner must beat.
func BenchmarkFieldsOfJSONByTheStandardReader(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var v struct {
			Amount   json.Number `json:"amount"`
			Customer string      `json:"customer_name"`
			Ref      string      `json:"transaction_reference"`
			URL      string      `json:"callback_url"`
		}
		if err := json.Unmarshal(createBody, &v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFieldsOfForm(b *testing.B) {
	body := []byte("amount=100&customer_name=John+Doe&transaction_reference=TRX123456&callback_url=https%3A%2F%2Fyoursite.com%2Fcallback")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseFields(formType, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFieldsOfLargeJSON(b *testing.B) {
	body := []byte(`{"ids":["` + strings.Repeat(`ATINV17038392001234","`, 40000) + `"],"x":[` +
		strings.Repeat(`{"identifier":"abc","amount":"12.50"},`, 4000) + `1]}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseFields("", body); err != nil {
			b.Fatal(err)
		}
	}
}

// The dearest body of 1 MiB: objects with as many names as they may have.
func BenchmarkFieldsOfManyNames(b *testing.B) {
	var object, list strings.Builder
	for i := range maxNames {
		object.WriteString(`,"` + strings.Repeat("x", i%7) + strconv.Itoa(i) + `":0`)
	}
	for list.Len() < DefaultMaxBody {
		list.WriteString(`,{` + object.String()[1:] + `}`)
	}
	body := []byte(`{"a":[` + list.String()[1:] + `]}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseFields("", body); err != nil {
			b.Fatal(err)
		}
	}
}

type discard struct{ h http.Header }

func (d *discard) Header() http.Header       { return d.h }
func (*discard) Write(p []byte) (int, error) { return len(p), nil }
func (*discard) WriteHeader(int)             {}

func BenchmarkRouting(b *testing.B) {
	answer := []byte(`{"status":"paid"}`)
	doors := append(house(), Door{Name: "bench", Routes: []Route{get("/bench/{id}/status", http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) { WriteRaw(w, 200, "application/json", answer) }))}})
	m := newMux(b, Options{Registry: prometheus.NewRegistry()}, doors...)
	for name, path := range map[string]string{"normal": "/bench/ATINV1/status", "slashes": "//bench/ATINV1/status/", "miss": "/no/such/path"} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("GET", path, nil)
			r.URL.Path = path
			r.URL.Host = ""
			d := &discard{h: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(d.h)
				m.ServeHTTP(d, r)
			}
		})
	}
}

func BenchmarkWriteJSON(b *testing.B) {
	v := struct {
		ID     string  `json:"invoice_id"`
		Status string  `json:"status"`
		Paid   int     `json:"amount_paid"`
		At     *string `json:"paid_at"`
	}{"ATINV17038392001234", "pending", 0, nil}
	d := &discard{h: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(d.h)
		WriteJSON(d, 200, v)
	}
}
