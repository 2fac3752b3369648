package hostile

import (
	"bufio"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample is a request with every part that can be attacked.
func sample() Request {
	return Request{
		Method: "POST", Pattern: "/a/{id}/b", Path: []Pair{{"id", "x1"}}, Query: []Pair{{"after", "7"}},
		Header: []Pair{{"X-Key", "k"}}, Secrets: []string{"X-Key"}, Forms: true, Keyed: true, StrictQuery: true,
		Fields: []Field{
			{Name: "token", JSON: `"t"`, Sort: Text, Secret: true},
			{Name: "amount", JSON: `"10.50"`, Sort: Amount, Required: true},
			{Name: "name", JSON: `"N"`, Sort: Text, Required: true},
			{Name: "back", JSON: `"https://a.example/"`, Sort: URL},
			{Name: "ids", JSON: `["a","b"]`, Sort: List},
		},
		Wrong: []map[string]string{{"": "revoked", "X-Key": "r", "token": "r", "{id}": "y"}},
	}
}

func TestGoodRequestIsWrittenPlainly(t *testing.T) {
	r := sample()
	want := "POST /a/x1/b?after=7 HTTP/1.1\r\nHost: pay.example\r\nX-Key: k\r\nContent-Type: application/json\r\nContent-Length: 85\r\n\r\n" +
		`{"token":"t","amount":"10.50","name":"N","back":"https://a.example/","ids":["a","b"]}`
	if diff := cmp.Diff(want, string(r.Bytes())); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	r.Form = true
	if got := r.Body(); got != "token=t&amount=10.50&name=N&back=https%3A%2F%2Fa.example%2F&ids[]=a&ids[]=b" {
		t.Errorf("as a form: %s", got)
	}
	if got := chunked("abcdefg"); got != "1\r\na\r\n4\r\nbcde\r\n2\r\nfg\r\n0\r\n\r\n" {
		t.Errorf("in chunks: %q", got)
	}
}

func TestCorpusIsTheSameEachTimeAndLeavesTheGoodRequestAlone(t *testing.T) {
	foreign := []Pair{{"id", "FOREIGN"}}
	good := sample()
	before := string(good.Bytes())
	first, second := Mutations(good, foreign), Mutations(sample(), foreign)
	if len(first) < 1500 || len(first) != len(second) {
		t.Fatalf("%d mutations, then %d", len(first), len(second))
	}
	names := map[string]bool{}
	foreigners, musts := 0, 0
	for i, m := range first {
		if names[m.Name] {
			t.Errorf("%q stands twice", m.Name)
		}
		names[m.Name] = true
		a, b := good.Clone(), sample()
		m.Apply(&a)
		second[i].Apply(&b)
		raw := string(a.Bytes())
		if m.Name != second[i].Name || raw != string(b.Bytes()) {
			t.Errorf("%q is not the same each time", m.Name)
		}
		if raw == before && !strings.Contains(m.Name, "JSON as") && !strings.Contains(m.Name, "identity") {
			t.Errorf("%q changes nothing", m.Name)
		}
		if string(good.Bytes()) != before {
			t.Fatalf("%q has changed the request it was made of", m.Name)
		}
		if m.Refuse {
			musts++
		}
		if m.Foreign {
			foreigners++
		}
	}
	if musts < 700 || foreigners == 0 {
		t.Errorf("only %d must be refused; %d are of others", musts, foreigners)
	}
}

func TestMutationsCanBeAppliedOneOnAnother(t *testing.T) {
	list := Mutations(sample(), nil)
	for i := range list {
		r := sample()
		for _, step := range []int{0, 7, 131} {
			list[(i+step*i+step)%len(list)].Apply(&r)
		}
		if len(r.Bytes()) < 10 {
			t.Fatalf("%q has become %q", list[i].Name, r.Bytes())
		}
	}
}

func TestAFieldRefusesByWhatItIsFor(t *testing.T) {
	byName := map[string]value{}
	for _, v := range values() {
		if _, twice := byName[v.name]; twice {
			t.Errorf("the value %q stands twice", v.name)
		}
		byName[v.name] = v
	}
	for _, c := range []struct {
		field Field
		value string
		want  bool
	}{
		{Field{Sort: Text}, "lone high surrogate", true},
		{Field{Sort: Text}, "SQL", false},
		{Field{Sort: Amount}, "SQL", true},
		{Field{Sort: Text, Required: true}, "zero-width only", true},
		{Field{Sort: Text}, "zero-width only", false},
		{Field{Sort: Text, Required: true}, "null", true},
		{Field{Sort: Text}, "null", false},
		{Field{Sort: Amount}, "number 0.001", true},
		{Field{Sort: Amount}, "number 1.00", false},
		{Field{Sort: URL}, "number 1.00", true},
		{Field{Sort: URL}, "address javascript:alert(1)", true},
		{Field{Sort: Link}, "address javascript:alert(1)", true},
		{Field{Sort: Link}, "address /relative", false},
		{Field{Sort: URL}, "address http://127.0.0.1/", false},
		{Field{Sort: Text, Loose: true}, "line feed", false},
		{Field{Sort: Text, Loose: true}, "not UTF-8", true},
		{Field{Sort: List}, "SQL", true},
	} {
		v, ok := byName[c.value]
		if !ok {
			t.Fatalf("there is no value %q", c.value)
		}
		if got := c.field.refuses(v); got != c.want {
			t.Errorf("%+v and %q: %v", c.field, c.value, got)
		}
	}
}

// serve answers each connection with these bytes once the request's head has come, and closes it.
func serve(t *testing.T, answer string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(conn)
			for line, err := in.ReadString('\n'); err == nil && line != "\r\n"; line, err = in.ReadString('\n') {
			}
			_, _ = conn.Write([]byte(answer))
			_ = conn.Close()
		}
	}()
	return ln.Addr().String()
}

func TestSendReadsOneAnswer(t *testing.T) {
	get := Request{Method: "GET", Pattern: "/"}
	for name, c := range map[string]struct {
		answer string
		status int
		below  bool
		fails  bool
	}{
		"ours":           {"HTTP/1.1 200 OK\r\nRequest-Id: a\r\nContent-Length: 2\r\n\r\nhi", 200, false, false},
		"below":          {"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nno", 400, true, false},
		"after a go-on":  {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nRequest-Id: a\r\nContent-Length: 0\r\n\r\n", 200, false, false},
		"half an answer": {"HTTP/1.1 200 OK\r\nRequest-Id: a\r\nContent-Length: 9\r\n\r\nhi", 0, false, true},
		"none":           {"", 0, false, true},
		"no HTTP":        {"hello\r\n\r\n", 0, false, true},
	} {
		a, err := Send(t.Context(), serve(t, c.answer), get)
		if (err != nil) != c.fails || !c.fails && (a.Status != c.status || a.Below != c.below) {
			t.Errorf("%s: %v %+v", name, err, a)
		}
	}
}

func TestSendSaysWhatNetHTTPWouldNot(t *testing.T) {
	var got *http.Request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.Header().Set("Request-Id", "a")
	}))
	defer s.Close()
	r := Request{Method: "get", Pattern: "/a%2e%2e/{id}", Path: []Pair{{"id", "%00"}}, Header: []Pair{{"x-TWICE", "1"}, {"X-Twice", "2"}}}
	a, err := Send(t.Context(), s.Listener.Addr().String(), r)
	if err != nil || a.Status != 200 || got == nil || got.Method != "get" || got.RequestURI != "/a%2e%2e/%00" || len(got.Header["X-Twice"]) != 2 {
		t.Errorf("%v %+v %+v", err, a, got)
	}
}
