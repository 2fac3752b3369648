package dialecttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sarraf/fault"
)

// shop is a small dialect to try the suite on.
func shop() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, `{"id":"ORD77","amount":12.50,"name":%q,"sent":%d,"link":"https://shop.example/o/abcdefghijklmnop","debug":{"n":1}}`,
			r.Header.Get("X-Name"), len(body))
	})
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"id":%q,"status":"open","tags":[{"a":null},true]}`, r.PathValue("id"))
	})
	return mux
}

func target(*testing.T) Target {
	return Target{
		Handler: shop(), Vars: map[string]string{"name": "Shop", "NAME": "Shop", "host": "https://shop.example"},
		Actions: map[string]Action{"echo": func(_ context.Context, args []string, body string) (Answer, error) {
			return Answer{Status: 200, Body: []byte(strings.Join(args, "+") + "=" + body)}, nil
		}},
	}
}

func TestStoryRunsAgainstAHandler(t *testing.T) { Run(t, "testdata", target) }

func TestStoryRunsAgainstAProgram(t *testing.T) {
	server := httptest.NewServer(shop())
	defer server.Close()
	Run(t, "testdata", func(t *testing.T) Target {
		program := target(t)
		program.Handler, program.URL = nil, server.URL+"/"
		return program
	})
}

func TestPageRunsItsExamples(t *testing.T) { Page(t, "testdata/page.md", target) }

func TestWhatDiffersIsTold(t *testing.T) {
	const body = `{"id":"A1","n":100,"at":null,"list":[{"x":"y"}]}`
	for name, c := range map[string]struct{ want, tells string }{
		"same":                   {body, ""},
		"white space":            {"{ \"id\": \"A1\",\n\"n\":100, \"at\":null, \"list\":[ {\"x\":\"y\"} ] }", ""},
		"placeholders":           {`{"id":"<id>","n":<number>,"at":null,"list":[{"x":"<any>"}]}`, ""},
		"a part of a text":       {`{"id":"A<digits>","n":<number>,"at":null,"list":[{"x":"y"}]}`, ""},
		"a key is missing":       {`{"id":"A1","n":100,"at":null,"list":[{"x":"y"}],"more":1}`, `the body: the key "more" is missing`},
		"a key inside a list":    {`{"id":"A1","n":100,"at":null,"list":[{"x":"y","z":1}]}`, `list[0]: the key "z" is missing`},
		"a key too many":         {`{"id":"A1","n":100,"at":null}`, `the key "list" is not documented`},
		"another order":          {`{"n":100,"id":"A1","at":null,"list":[{"x":"y"}]}`, `want the keys in the order ["n" "id" "at" "list"]`},
		"number for a text":      {`{"id":1,"n":100,"at":null,"list":[{"x":"y"}]}`, "id: want a number, got a string A1"},
		"text for a number":      {`{"id":"A1","n":"100","at":null,"list":[{"x":"y"}]}`, "n: want a string, got a number 100"},
		"text for null":          {`{"id":"A1","n":100,"at":"<time>","list":[{"x":"y"}]}`, "at: want a string, got null"},
		"another number text":    {`{"id":"A1","n":100.00,"at":null,"list":[{"x":"y"}]}`, `n: want "100.00", got "100"`},
		"another text":           {`{"id":"A2","n":100,"at":null,"list":[{"x":"y"}]}`, `id: want "A2", got "A1"`},
		"fewer items":            {`{"id":"A1","n":100,"at":null,"list":[]}`, "list: want 0 items, got 1"},
		"a bare one for a text":  {`{"id":<number>,"n":100,"at":null,"list":[{"x":"y"}]}`, "id: want a number, got a string"},
		"not of its sort":        {`{"id":"<time>","n":100,"at":null,"list":[{"x":"y"}]}`, `want "<time>", got "A1"`},
		"a sort nobody knows":    {`{"id":"<nonsense>","n":100,"at":null,"list":[{"x":"y"}]}`, "no sort of text"},
		"two values for one":     {`{"id":"<id>","n":100,"at":null,"list":[{"x":"<id>"}]}`, `x: want "A1", got "y"`},
		"an expectation in ruin": {`{"id":`, "the expected body is not JSON"},
	} {
		w := Want{Status: 200, Body: c.want}
		got := w.differences(Answer{Status: 200, Body: []byte(body)}, newValues(map[string]string{"id": "[A-Z0-9]+|y", "digits": "[0-9]+"}, nil))
		if told := strings.Join(got, "\n"); (c.tells == "") != (told == "") || !strings.Contains(told, c.tells) {
			t.Errorf("%s: told %q, want %q", name, told, c.tells)
		}
	}
}

func TestStatusHeadersAndPlainBodiesAreCompared(t *testing.T) {
	got := Answer{Status: 200, Header: http.Header{"A": {"1"}, "B": {"2", "3"}}, Body: []byte("hello you")}
	w := Want{Status: 201, Header: [][2]string{{"A", "2"}, {"B", "2"}, {"C", "<any>"}}, Body: "hello <number>"}
	want := []string{
		"want status 201, got 200", `header A: want "2", got "1"`, `want one header B, got ["2" "3"]`, `want one header C, got []`,
		`body: want "hello <number>", got "hello you"`,
	}
	if d := cmp.Diff(want, w.differences(got, newValues(nil, nil))); d != "" {
		t.Error(d)
	}
	w = Want{Status: 0, Header: [][2]string{{"A", "<number>"}}, Body: "hello <any>"}
	if problems := w.differences(got, newValues(nil, nil)); problems != nil {
		t.Error(problems)
	}
	if problems := (Want{Body: "{}"}).differences(got, newValues(nil, nil)); len(problems) != 1 {
		t.Error(problems)
	}
}

func TestAddedKeysAreAllowedWhereListed(t *testing.T) {
	body := []byte(`{"a":1,"extra":2,"list":[{"b":1,"more":null}]}`)
	w := Want{Body: `{"a":1,"list":[{"b":1}]}`, Added: []string{"extra", "list.more"}}
	if problems := w.differences(Answer{Body: body}, newValues(nil, nil)); problems != nil {
		t.Error(problems)
	}
	w.Added = []string{"list.extra", "more"}
	if problems := w.differences(Answer{Body: body}, newValues(nil, nil)); len(problems) != 2 {
		t.Errorf("want both keys told: %q", problems)
	}
}

func TestFilesThatAreNoStoryAreRefused(t *testing.T) {
	for text, tells := range map[string]string{
		"":                                     "no case",
		"# only words":                         "no case",
		"nonsense":                             "line 1: before the first ===",
		"% a = (":                              "line 1: error parsing regexp",
		"=== x\n> GET":                         "line 2: want a method and a path",
		"=== x\n> GET x":                       "line 2: want a method and a path",
		"=== x\n> GET /\n> nonsense":           "line 3: want a header",
		"=== x\n> GET /\n< 99":                 "line 3: want a status",
		"=== x\n> GET /\n< 200\n< Nothing":     "line 4: want a header",
		"=== x\n> GET /\n+ key":                "line 3: added keys",
		"=== x\n> GET /\n< 200\n> GET /again":  "line 4: a case has one request",
		"=== asks nothing\n\n=== x\n> GET /\n": "asks for nothing",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), tells) {
			t.Errorf("%q: %v; want %q", text, err, tells)
		}
	}
}

func TestPlaceholderWithoutAValueIsNotSent(t *testing.T) {
	p := newPlayer(t, target(t))
	for _, c := range []Case{
		{Method: "GET", Words: []string{"/orders/<id>"}},
		{Method: "GET", Words: []string{"/orders/1"}, Header: [][2]string{{"X", "<id>"}}},
		{Method: "POST", Words: []string{"/orders"}, Body: "<id>"},
		{Action: "nothing"},
	} {
		if _, err := p.answer(t.Context(), c, newValues(nil, nil)); err == nil {
			t.Errorf("%+v was sent", c)
		}
	}
}

func TestFaultsOfADialectAreFound(t *testing.T) {
	plain := http.Header{"Content-Type": {"application/json"}}
	good := func(err error) Answer {
		f := fault.First(err)
		status := 422
		switch f.Code.Kind() {
		case fault.Internal:
			return Answer{500, plain, []byte(`{"message":"our mistake"}`)}
		case fault.Missing:
			status = 404
		}
		return Answer{status, plain, []byte(`{"message":"no"}`)}
	}
	all := func(fault.Code) bool { return true }
	for name, c := range map[string]struct {
		code  fault.Code
		d     Faults
		tells string
	}{
		"good":             {fault.FieldRequired, Faults{Words: all, Render: good}, ""},
		"good internal":    {fault.Bug, Faults{Words: all, Render: good}, ""},
		"no sentence":      {fault.FieldRequired, Faults{Words: func(fault.Code) bool { return false }, Render: good}, "no sentence"},
		"status of a kind": {fault.CredentialsInvalid, Faults{Words: all, Render: good}, "status 422 does not suit the kind unauthenticated"},
		"status allowed by the guide": {fault.CredentialsInvalid, Faults{
			Words: all, Render: good, Statuses: map[fault.Kind][]int{fault.Unauthenticated: {422}},
		}, ""},
		"internal is 500": {fault.Bug, Faults{Words: all, Render: func(error) Answer { return Answer{404, plain, []byte("{}")} }}, "want status 500"},
		"a cause leaks": {fault.FieldRequired, Faults{Words: all, Render: func(err error) Answer {
			return Answer{422, nil, []byte(err.Error())}
		}}, "for the log alone"},
		"a header leaks": {fault.Bug, Faults{Words: all, Render: func(err error) Answer {
			return Answer{500, http.Header{"X-Error": {err.Error()}}, []byte("our mistake")}
		}}, "the header X-Error holds"},
		"a figure of an internal fault leaks": {fault.Bug, Faults{Words: all, Render: func(err error) Answer {
			return Answer{500, plain, []byte(`{"message":"` + fault.First(err).Params["reason"] + `"}`)}
		}}, "for the log alone"},
		"says nothing": {fault.FieldRequired, Faults{Words: all, Render: func(error) Answer { return Answer{422, nil, []byte(" ")} }}, "says nothing"},
		"broken JSON": {fault.FieldRequired, Faults{Words: all, Render: func(err error) Answer {
			return Answer{422, plain, []byte(`{"field":"` + fault.First(err).Field + `"}`)}
		}}, "not JSON"},
		"a gap": {fault.FieldRequired, Faults{Words: all, Render: func(error) Answer {
			return Answer{422, nil, []byte("no more than %!d(MISSING)")}
		}}, "has a gap"},
	} {
		told := strings.Join(c.d.problems(c.code), "\n")
		if (c.tells == "") != (told == "") || !strings.Contains(told, c.tells) {
			t.Errorf("%s: told %q, want %q", name, told, c.tells)
		}
	}
	if told := (Faults{Render: func(err error) Answer { return Answer{500, nil, []byte(err.Error())} }}).internal(errors.New(canary)); told == nil {
		t.Error("a plain error leaks unseen")
	}
}

func TestPageTellsAnAnswerThatIsPrintedWrongly(t *testing.T) {
	for name, c := range map[string]struct{ printed, tells string }{
		"same":             {`{"id":"ORD1","status":"open","n":1}`, ""},
		"another word":     {`{"id":"ORD1","status":"paid","n":1}`, "printed paid, is open"},
		"another figure":   {`{"id":"ORD1","status":"open","n":2}`, "printed 2, is 1"},
		"another type":     {`{"id":"ORD1","status":"open","n":"1"}`, "printed a string, is a number"},
		"another key":      {`{"id":"ORD1","state":"open","n":1}`, "printed keys"},
		"no JSON":          {`{"id":`, "the printed answer is not JSON"},
		"another known id": {`{"id":"ORD2","status":"open","n":1}`, "printed ORD2, which was ORD8 before, is ORD9"},
	} {
		truth := map[string]string{"ORD2": "ORD8"}
		told := strings.Join(sameShape(c.printed, `{"id":"ORD9","status":"open","n":1}`, truth), "\n")
		if (c.tells == "") != (told == "") || !strings.Contains(told, c.tells) {
			t.Errorf("%s: told %q, want %q", name, told, c.tells)
		}
		if c.tells == "" && truth["ORD1"] != "ORD9" {
			t.Errorf("the true id is not known: %v", truth)
		}
	}
}

func TestPageTakesAnIDThatIsANumberForAnotherAndNoWordInCapitals(t *testing.T) {
	const is = `{"id":7,"list":[{"orderId":8,"status":"PAID_LATE","paid":1}]}`
	truth := map[string]string{}
	if told := sameShape(`{"id":264653,"list":[{"orderId":264654,"status":"PAID_LATE","paid":1}]}`, is, truth); told != nil || truth["264653"] != "7" || truth["264654"] != "8" {
		t.Errorf("told %q; %v", told, truth)
	}
	for printed, tells := range map[string]string{
		`{"id":264653,"list":[{"orderId":264653,"status":"PAID_LATE","paid":1}]}`: "printed 264653, which was 7 before, is 8",
		`{"id":7,"list":[{"orderId":8,"status":"OPEN","paid":1}]}`:                "printed OPEN, is PAID_LATE",
		`{"id":7,"list":[{"orderId":8,"status":"PAID_LATE","paid":2}]}`:           "printed 2, is 1",
	} {
		if told := strings.Join(sameShape(printed, is, map[string]string{}), "\n"); !strings.Contains(told, tells) {
			t.Errorf("%s: told %q, want %q", printed, told, tells)
		}
	}
}

func TestCurlCommandsAreRead(t *testing.T) {
	vars := map[string]string{"KEY": "k", "SECRET": "s"}
	got, err := parseCurl("curl -s -X POST \"$URL/a\" \\\n  -H \"x-key: $KEY\" -H 'x-other: $KEY' \\\n -d '{\"a\": \"b\"}'\n", vars)
	want := command{
		method: "POST", path: "/a", body: `{"a": "b"}`,
		header: http.Header{"X-Key": {"k"}, "X-Other": {"$KEY"}, "Content-Type": {"application/x-www-form-urlencoded"}},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(command{})); err != nil || d != "" {
		t.Error(err, d)
	}
	got, err = parseCurl(`curl $URL/b?x=1 --data a=1 --data-urlencode "b=x y/z" -H Content-Type:text/plain`, vars)
	if err != nil || got.method != "POST" || got.path != "/b?x=1" || got.body != "a=1&b=x%20y%2Fz" || got.header.Get("Content-Type") != "text/plain" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{
		"curl", "curl https://elsewhere.example/", "curl $URL/a $URL/b", "curl $URL/a -H", "curl $URL/a -H nonsense", "curl --fancy $URL/a",
		"curl $NOTHING/a", "curl '$URL/a", `curl "$URL/\"a"`, "curl $URL/a | jq", "curl $URL/a > file",
	} {
		if c, err := parseCurl(text, vars); err == nil {
			t.Errorf("%s is read as %+v", text, c)
		}
	}
}

func TestEveryGoldenFileOfTheHouseCanBeRead(t *testing.T) {
	files, err := filepath.Glob("../*/testdata/*.golden")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(string(text)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}
