// Package fault names what can go wrong, once, for every front door to word.
//
// The core answers with an Error: a Code from a closed list, which belongs to a coarse Kind, the field it is about and the
// figures a message may need. There is no HTTP and no wording here; each front door has one table from Code to its own status
// and sentence. A replay of an earlier request is a result, not a fault. A fault of kind Internal carries nothing to the
// outside: its cause is for the log alone.
package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Error is one thing that went wrong.
type Error struct {
	Code   Code              `json:"code"`
	Field  string            `json:"field,omitempty"`  // the request's own name of the field, "" when it is not about one
	Params map[string]string `json:"params,omitempty"` // figures for the message; never a secret, never another's data
	cause  error
}

// New is a fault with the given code and nothing else.
func New(code Code) *Error { return &Error{Code: code} }

// On is a copy that is about the named field.
func (e *Error) On(field string) *Error {
	c := *e
	c.Field = field
	return &c
}

// With is a copy with one more figure for the message.
func (e *Error) With(name, value string) *Error {
	c := *e
	c.Params = make(map[string]string, len(e.Params)+1)
	for k, v := range e.Params {
		c.Params[k] = v
	}
	c.Params[name] = value
	return &c
}

// Wrap is a copy with a cause for the log. The cause never leaves the process.
func (e *Error) Wrap(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// Kind is the kind of the fault's code.
func (e *Error) Kind() Kind { return e.Code.Kind() }

// Error is for logs.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Field != "" {
		fmt.Fprintf(&b, " on %s", e.Field)
	}
	names := make([]string, 0, len(e.Params))
	for k := range e.Params {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		fmt.Fprintf(&b, " %s=%q", k, e.Params[k])
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	return b.String()
}

// Unwrap is the cause, nil when there is none.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is a fault with the same code, and the same field where target names one.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Field == "" || t.Field == e.Field)
}

// Join makes one error of several faults, in their order; nil when there is none.
func Join(faults ...*Error) error {
	errs := make([]error, 0, len(faults))
	for _, f := range faults {
		if f != nil {
			errs = append(errs, f)
		}
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// All lists the faults that err is made of, in order. An error that holds none is one fault of code Bug with err as its
// cause, so that any error can be worded. It is empty for nil.
func All(err error) []*Error {
	if err == nil {
		return nil
	}
	if f, ok := err.(*Error); ok {
		return []*Error{f}
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var list []*Error
		for _, e := range many.Unwrap() {
			list = append(list, All(e)...)
		}
		return list
	}
	var f *Error
	if errors.As(err, &f) {
		return []*Error{f}
	}
	return []*Error{New(Bug).Wrap(err)}
}

// First is the first of All(err), which is what a front door that tells one fault at a time words; nil for nil.
func First(err error) *Error {
	if list := All(err); len(list) > 0 {
		return list[0]
	}
	return nil
}

// Has reports whether err holds a fault with the code.
func Has(err error, code Code) bool {
	return slices.ContainsFunc(All(err), func(f *Error) bool { return f.Code == code })
}

// IsDecision reports whether err is what was decided about a request, and no failure: all that it is made of are faults, and none of code Bug.
func IsDecision(err error) bool { return err != nil && !Has(err, Bug) }
