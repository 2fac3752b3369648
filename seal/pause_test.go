package seal

import (
	"testing"
	"time"
)

func TestASealerRestsTwiceAsLongAsItWorks(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0: 5 * time.Second, time.Second: 4 * time.Second, 2 * time.Second: 4 * time.Second, 10 * time.Second: 20 * time.Second,
	} {
		if got := pause(5*time.Second, took); got != want {
			t.Errorf("after %v: %v, want %v", took, got, want)
		}
	}
}
