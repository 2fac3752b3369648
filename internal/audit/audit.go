// Package audit holds what the packages that keep money tables share when they prove them: the finding, and how streams of rows
// that are sorted by the same key are walked side by side.
package audit

import "fmt"

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
