package api

import (
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"sarraf/fault"
)

// useOwnErrors replaces huma's error model for the whole process, since huma knows no other way. Its own repeats the rejected value
// to the caller, and in time these values will be PINs.
var useOwnErrors = sync.OnceFunc(func() {
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		p := problem(humaFault(status, errs), "")
		return &p
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		if x, ok := ctx.(*exchange); ok {
			x.fail(humaFault(status, errs))
		}
		return huma.NewError(status, msg, errs...)
	}
})

// humaFault is what huma complains of, as faults. Nothing of the request goes into them but the names of parameters that huma was
// told of.
func humaFault(status int, errs []error) error {
	var faults []*fault.Error
	for _, err := range errs {
		if f := fault.First(err); f != nil && f.Code != fault.Bug {
			faults = append(faults, f)
			continue
		}
		if d, ok := err.(*huma.ErrorDetail); ok {
			faults = append(faults, validationFault(d))
		}
	}
	if len(faults) > 0 {
		return fault.Join(faults...)
	}
	code := fault.Bug
	switch status {
	case http.StatusBadRequest, http.StatusRequestTimeout:
		code = fault.BodyMalformed
	case http.StatusRequestEntityTooLarge:
		code = fault.BodyTooLarge
	case http.StatusUnsupportedMediaType, http.StatusNotAcceptable:
		code = fault.BodyUnsupported
	case http.StatusUnprocessableEntity:
		code = fault.FieldMalformed
	}
	return fault.New(code)
}

// complaints maps the beginnings of huma's sentences to codes; what is not here is FieldMalformed.
var complaints = []struct {
	begins string
	code   fault.Code
	param  string // the name of the figure that ends the sentence; it is the schema's, not the caller's
}{
	{"required ", fault.FieldRequired, ""},
	{stem(validation.MsgExpectedRequiredProperty), fault.FieldRequired, ""},
	{"invalid integer", fault.FieldNotInteger, ""},
	{stem(validation.MsgExpectedInteger), fault.FieldNotInteger, ""},
	{stem(validation.MsgExpectedMinimumNumber), fault.FieldNotInteger, ""},
	{stem(validation.MsgExpectedMaximumNumber), fault.FieldNotInteger, ""},
	{"invalid float", fault.FieldNotNumber, ""},
	{stem(validation.MsgExpectedNumber), fault.FieldNotNumber, ""},
	{stem(validation.MsgExpectedOneOf), fault.FieldNotOneOf, "allowed"},
	{stem(validation.MsgExpectedMaxLength), fault.FieldTooLong, "max"},
	{stem(validation.MsgExpectedMaxItems), fault.FieldTooMany, "max"},
	{stem(validation.MsgExpectedArray), fault.FieldNotList, ""},
	{stem(validation.MsgExpectedRFC3986URI), fault.FieldNotURL, ""},
	{validation.MsgExpectedString, fault.FieldNotString, ""},
}

// stem is a sentence up to its first figure.
func stem(msg string) string {
	before, _, _ := strings.Cut(msg, "%")
	return before
}

// validationFault is one complaint of huma's as a fault.
func validationFault(d *huma.ErrorDetail) *fault.Error {
	_, field, _ := strings.Cut(d.Location, ".") // after path, query, header or body
	for _, c := range complaints {
		// The bare sentence about strings begins many that are about their form.
		rest, ok := strings.CutPrefix(d.Message, c.begins)
		if !ok || c.begins == validation.MsgExpectedString && rest != "" {
			continue
		}
		f := fault.New(c.code).On(field)
		if c.param != "" {
			f = f.With(c.param, strings.ReplaceAll(strings.Trim(rest, `"`), ", ", ","))
		}
		return f
	}
	return fault.New(fault.FieldMalformed).On(field)
}
