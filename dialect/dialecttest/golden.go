package dialecttest

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Story is a golden file.
type Story struct {
	// Kinds are regular expressions by the name of the placeholder that stands for such text.
	Kinds map[string]string
	Cases []Case
}

// Case is one request, or action, and the answer it must get.
type Case struct {
	Title  string
	Line   int    // where it begins in the file, from 1
	Method string // "" for an action
	Action string // "" for a request
	Words  []string
	Header [][2]string
	Body   string
	Want   *Want // nil: the answer does not matter
}

// Want is an expected answer.
type Want struct {
	Status int // 0: any
	Header [][2]string
	// Added are the keys that the answer may have beyond those that are shown, with dots between a key and the one inside it.
	Added []string
	Body  string // "": any
}

// Parse reads a golden file:
//
//	# A comment, up to the first case.
//	% invoice_id = ATINV[0-9]{14,}
//
//	=== Create an invoice
//	> POST /api/payment/create
//	> x-api-key: <api_key>
//	{"amount": 100}
//	< 200
//	< Content-Type: application/json
//	+ request_id
//	{"status": "success", "invoice_id": "<invoice_id>"}
//
//	=== It is paid
//	> !pay <invoice_id>
//	< 303
//
// A line with % names a sort of text. A case begins with ===. Lines with > are the request (method and path, then headers) or an
// action with its arguments; lines with < are the expected answer (status, 0 for any, then headers, of which only those shown are
// compared); lines with + are keys that the answer may have though they are not shown. What follows either is its body.
//
// A word in angle brackets is a placeholder. One that has a value already - it is a variable of the target, or stood in an answer
// before - must be that value; else it takes any text of its sort and has that value from then on. Its sort is its name up to a
// point: <time> and <time.paid> are both times and may differ. In a JSON body a placeholder without quotes stands for a number.
// JSON is compared by type, exact text of numbers, and order of keys; white space does not matter.
func Parse(text string) (Story, error) {
	p := parser{story: Story{Kinds: map[string]string{}}}
	for i, line := range strings.Split(text, "\n") {
		if err := p.line(i+1, strings.TrimRight(line, " \t\r")); err != nil {
			return Story{}, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	p.end()
	if len(p.story.Cases) == 0 {
		return Story{}, fmt.Errorf("no case in it")
	}
	for _, c := range p.story.Cases {
		if c.Method == "" && c.Action == "" {
			return Story{}, fmt.Errorf("line %d: %q asks for nothing", c.Line, c.Title)
		}
	}
	return p.story, nil
}

type parser struct {
	story Story
	now   *Case
	body  []string
}

var kindLine = regexp.MustCompile(`^% ([a-z_]+) = (.+)$`)

func (p *parser) line(number int, line string) error {
	title, begins := strings.CutPrefix(line, "=== ")
	switch {
	case begins:
		p.end()
		p.now = &Case{Title: title, Line: number}
		return nil
	case p.now == nil:
		return p.preamble(line)
	case strings.HasPrefix(line, "> "):
		if p.now.Want != nil {
			return fmt.Errorf("a case has one request; begin another with ===")
		}
		return p.now.request(line[2:])
	case strings.HasPrefix(line, "< "):
		if p.now.Want == nil {
			p.flush()
		}
		return p.now.want(line[2:])
	case strings.HasPrefix(line, "+ "):
		if p.now.Want == nil {
			return fmt.Errorf("added keys belong to an answer")
		}
		p.now.Want.Added = append(p.now.Want.Added, line[2:])
		return nil
	}
	p.body = append(p.body, line)
	return nil
}

// preamble reads a line before the first case.
func (p *parser) preamble(line string) error {
	if line == "" || strings.HasPrefix(line, "#") {
		return nil
	}
	m := kindLine.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("before the first === there are only comments and lines such as: %% name = expression")
	}
	if _, err := regexp.Compile(m[2]); err != nil {
		return err
	}
	p.story.Kinds[m[1]] = m[2]
	return nil
}

// flush gives the lines gathered so far to whom they belong.
func (p *parser) flush() {
	body := strings.Trim(strings.Join(p.body, "\n"), "\n")
	p.body = nil
	if p.now.Want == nil {
		p.now.Body = body
	} else {
		p.now.Want.Body = body
	}
}

// end closes the case that is open.
func (p *parser) end() {
	if p.now == nil {
		return
	}
	p.flush()
	p.story.Cases = append(p.story.Cases, *p.now)
	p.now = nil
}

// request reads one line of a request.
func (c *Case) request(line string) error {
	if c.Method == "" && c.Action == "" {
		words := strings.Fields(line)
		name, isAction := strings.CutPrefix(words[0], "!")
		c.Words = words[1:]
		switch {
		case isAction:
			c.Action = name
		case len(words) != 2 || !strings.HasPrefix(words[1], "/"):
			return fmt.Errorf("want a method and a path: %q", line)
		default:
			c.Method = words[0]
		}
		return nil
	}
	h, err := header(line)
	c.Header = append(c.Header, h)
	return err
}

// want reads one line of an expected answer.
func (c *Case) want(line string) error {
	if c.Want == nil {
		status, err := strconv.Atoi(line)
		if err != nil || status != 0 && http.StatusText(status) == "" {
			return fmt.Errorf("want a status: %q", line)
		}
		c.Want = &Want{Status: status}
		return nil
	}
	h, err := header(line)
	c.Want.Header = append(c.Want.Header, h)
	return err
}

func header(line string) ([2]string, error) {
	name, value, ok := strings.Cut(line, ":")
	if !ok || name == "" || strings.Contains(name, " ") {
		return [2]string{}, fmt.Errorf("want a header: %q", line)
	}
	return [2]string{name, strings.TrimSpace(value)}, nil
}
