package fault

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"testing"
)

func TestEveryCodeThatIsDeclaredHasItsKind(t *testing.T) {
	text, err := os.ReadFile("code.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^\s+\w+\s+Code = "(\w+)"`).FindAllStringSubmatch(string(text), -1)
	if len(declared) < 40 {
		t.Fatalf("only %d codes were found", len(declared))
	}
	for _, d := range declared {
		if _, ok := kinds[Code(d[1])]; !ok {
			t.Errorf("%s has no kind", d[1])
		}
	}
	if len(declared) != len(Codes()) {
		t.Errorf("%d codes are declared and %d listed", len(declared), len(Codes()))
	}
}

func TestACopyIsMadeAndTheOriginalStays(t *testing.T) {
	plain := New(FieldTooLong)
	long := plain.On("name").With("max", "20").With("was", "30").Wrap(errors.New("cause"))
	if plain.Field != "" || plain.Params != nil || plain.Unwrap() != nil {
		t.Errorf("the original changed: %v", plain)
	}
	if got := long.Error(); got != `field_too_long on name max="20" was="30": cause` {
		t.Error(got)
	}
}

func TestFaultsAreFoundInWhateverHoldsThem(t *testing.T) {
	a, b := New(FieldRequired).On("a"), New(ReferenceTaken).On("b")
	joined := fmt.Errorf("create: %w", Join(a, nil, b))
	if list := All(Join(a, b)); len(list) != 2 || list[0] != a || list[1] != b {
		t.Errorf("%v", list)
	}
	if !errors.Is(joined, New(ReferenceTaken)) || errors.Is(joined, New(ReferenceTaken).On("c")) {
		t.Error("Is tells codes and fields apart")
	}
	if f := First(errors.New("disk")); f.Code != Bug || f.Unwrap() == nil || f.Kind() != Internal {
		t.Errorf("another error is %v", f)
	}
	if Join(nil, nil) != nil || All(nil) != nil || First(nil) != nil || !Has(Join(a, b), FieldRequired) || Has(nil, Bug) {
		t.Error("nothing is nothing")
	}
}

func TestOnlyFaultsAreADecision(t *testing.T) {
	refused := New(BalanceInsufficient)
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{refused, true},
		{fmt.Errorf("withdraw: %w", refused), true},
		{Join(refused, New(FieldRequired)), true},
		{New(Bug), false},
		{Join(refused, New(Bug)), false},
		{errors.New("disk"), false},
		{errors.Join(refused, errors.New("disk")), false},
	} {
		if got := IsDecision(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}

func TestAnUnknownCodeIsInternal(t *testing.T) {
	if Code("made up").Kind() != Internal {
		t.Error("a forgotten kind tells too much")
	}
}
