package wallet

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What is written with each transfer is put into words here, byte for byte as encoding/json has it, without reflection.

// fact is the data of the events that tell of the transfer: a Fact as JSON.
func (t *Transfer) fact() (json.RawMessage, error) {
	if y := t.At.Year(); y < 1 || y > 9999 {
		return json.Marshal(Fact{Transfer: *t}) // which says that no such time can be written
	}
	b := make([]byte, 0, 768)
	must := func(name, value string) {
		b = append(append(b, name...), ':')
		b = append(appendString(b, value), ',')
	}
	may := func(name, value string) {
		if value != "" {
			must(name, value)
		}
	}
	number := func(name string, n int64) {
		b = append(append(b, name...), ':')
		b = append(strconv.AppendInt(b, n, 10), ',')
	}
	b = append(b, `{"transfer":{`...)
	must(`"owner"`, t.Owner)
	must(`"id"`, t.ID)
	may(`"number"`, t.Number)
	must(`"door"`, t.Door)
	must(`"kind"`, string(t.Kind))
	may(`"merchant"`, t.Merchant)
	must(`"receiver"`, t.Receiver)
	may(`"receiver_merchant"`, t.ReceiverMerchant)
	may(`"invoice"`, t.Invoice)
	number(`"amount"`, t.Amount)
	number(`"fee"`, t.Fee)
	must(`"currency"`, string(t.Currency))
	may(`"note"`, t.Note)
	may(`"rail"`, t.Rail)
	may(`"rail_reference"`, t.RailReference)
	must(`"sender_name"`, t.SenderName)
	may(`"sender_number"`, t.SenderNumber)
	must(`"receiver_name"`, t.ReceiverName)
	may(`"receiver_number"`, t.ReceiverNumber)
	must(`"receiver_kind"`, string(t.ReceiverKind))
	number(`"balance_after"`, t.BalanceAfter)
	may(`"by"`, string(t.By))
	may(`"actor"`, t.Actor)
	b = t.At.AppendFormat(append(b, `"at":"`...), time.RFC3339Nano)
	return append(b, `"}}`...), nil
}

// appendString appends a text in quotation marks. What needs more care than that is left to encoding/json.
func appendString(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, err := json.Marshal(text)
			if err != nil {
				return append(b, `""`...) // of a text: it cannot fail
			}
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}

// text is what has been used as its column has it.
func (u used) text() string {
	keys := make([]string, 0, 4)
	for k := range u {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	b := append(make([]byte, 0, 80), '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		s := u[k]
		b = strconv.AppendInt(append(appendString(b, k), `:{"d":`...), s.Day, 10)
		b = strconv.AppendInt(append(b, `,"a":`...), s.DaySum, 10)
		b = strconv.AppendInt(append(b, `,"m":`...), s.Month, 10)
		b = strconv.AppendInt(append(b, `,"b":`...), s.MonthSum, 10)
		b = append(b, '}')
	}
	return string(append(b, '}'))
}

// parseUsed reads what text wrote.
func parseUsed(text string) (used, error) {
	u := used{}
	if text == "{}" {
		return u, nil
	}
	rest, ok := strings.CutPrefix(text, "{")
	for ok {
		var key string
		s := &spent{}
		if rest, ok = strings.CutPrefix(rest, `"`); ok {
			key, rest, ok = strings.Cut(rest, `"`)
		}
		ok = ok && !strings.Contains(key, `\`)
		for _, part := range [...]struct {
			name string
			into *int64
		}{{`:{"d":`, &s.Day}, {`,"a":`, &s.DaySum}, {`,"m":`, &s.Month}, {`,"b":`, &s.MonthSum}} {
			if ok {
				rest, ok = cutNumber(rest, part.name, part.into)
			}
		}
		if !ok {
			break
		}
		u[key] = s
		if rest == "}}" {
			return u, nil
		}
		rest, ok = strings.CutPrefix(rest, "},")
	}
	u = used{} // written otherwise than text does it
	return u, json.Unmarshal([]byte(text), &u)
}

// cutNumber reads the number that follows name.
func cutNumber(text, name string, into *int64) (rest string, ok bool) {
	if text, ok = strings.CutPrefix(text, name); !ok {
		return text, false
	}
	end := strings.IndexAny(text, ",}")
	if end < 1 {
		return text, false
	}
	n, err := strconv.ParseInt(text[:end], 10, 64)
	*into = n
	return text[end:], err == nil
}
