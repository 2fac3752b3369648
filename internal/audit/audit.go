// Package audit holds what the packages that keep money tables share when they prove them: the finding, and how streams of rows
// that are sorted by the same key are walked side by side.
package audit

import (
	"fmt"
	"reflect"
	"time"
)

// Finding is one discrepancy.
type Finding struct {
	Table   string `json:"table"`
	Owner   string `json:"owner"`
	Row     string `json:"row"`     // the rest of the row's key, its parts joined by "/"
	Problem string `json:"problem"` // what is wrong, with the figures
}

// String is the finding in a line.
func (f Finding) String() string {
	return fmt.Sprintf("%s %s/%s: %s", f.Table, f.Owner, f.Row, f.Problem)
}

// Report takes each discrepancy as it is found.
type Report func(Finding)

// Diff names the fields in which two values of the same struct type differ, each with both values; times are compared as instants.
// It is empty when they are equal.
func Diff(have, want any) []string {
	var list []string
	h, w := reflect.ValueOf(have), reflect.ValueOf(want)
	for i := range h.NumField() {
		a, b := h.Field(i).Interface(), w.Field(i).Interface()
		if t, ok := a.(time.Time); ok {
			if t.Equal(b.(time.Time)) {
				continue
			}
		} else if reflect.DeepEqual(a, b) {
			continue
		}
		list = append(list, fmt.Sprintf("%s is %v, should be %v", h.Type().Field(i).Name, a, b))
	}
	return list
}
