package webhook

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sarraf/internal/clock"
)

func secretOf(t testing.TB, text string) Secret {
	t.Helper()
	s, err := ParseSecret(text)
	if err != nil {
		t.Fatalf("ParseSecret: %v", err)
	}
	return s
}

func TestSignaturesOfTheVectors(t *testing.T) {
	f, err := os.Open("testdata/signatures.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		field := strings.Split(lines.Text(), "\t")
		if len(field) != 5 {
			t.Fatalf("%d fields in %q", len(field), lines.Text())
		}
		seconds, err := strconv.ParseInt(field[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Sign(field[1], time.Unix(seconds, 999_999_000), []byte(field[3]), secretOf(t, field[0]))
		if err != nil || got != field[4] {
			t.Errorf("Sign = %q, %v; want %q", got, err, field[4])
		}
		seen++
	}
	if seen == 0 {
		t.Fatal("no vectors")
	}
}

// signed is a call with good headers, the clock it was signed by, and its secret.
func signed(t *testing.T) (http.Header, []byte, *clock.Fake, Secret) {
	t.Helper()
	secret, body, at := NewSecret(), []byte(`{"test": 1}`), clock.NewFake(time.Unix(1_700_000_000, 0))
	h := http.Header{}
	if err := SignHeader(h, "msg_1", at.Now(), body, secret); err != nil {
		t.Fatal(err)
	}
	return h, body, at, secret
}

func TestVerifyTakesWhatSignHeaderMade(t *testing.T) {
	h, body, at, secret := signed(t)
	if err := Verify(h, body, Tolerance, at, secret); err != nil {
		t.Fatal(err)
	}
	want := []string{"msg_1", "1700000000"}
	if diff := cmp.Diff(want, []string{h.Get("webhook-id"), h.Get("webhook-timestamp")}); diff != "" {
		t.Error(diff)
	}
}

func TestVerifyRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(h http.Header, body []byte)
		want  error
	}{
		"another body":            {func(_ http.Header, b []byte) { b[0] ^= 1 }, ErrSignature},
		"another id":              {func(h http.Header, _ []byte) { h.Set(HeaderID, "msg_2") }, ErrSignature},
		"another time":            {func(h http.Header, _ []byte) { h.Set(HeaderTimestamp, "1700000001") }, ErrSignature},
		"no id":                   {func(h http.Header, _ []byte) { h.Del(HeaderID) }, ErrUnsigned},
		"no time":                 {func(h http.Header, _ []byte) { h.Del(HeaderTimestamp) }, ErrUnsigned},
		"no signature":            {func(h http.Header, _ []byte) { h.Del(HeaderSignature) }, ErrUnsigned},
		"two ids":                 {func(h http.Header, _ []byte) { h.Add(HeaderID, "msg_1") }, ErrUnsigned},
		"two signature headers":   {func(h http.Header, _ []byte) { h.Add(HeaderSignature, "v1,AAAA") }, ErrUnsigned},
		"id with a full stop":     {func(h http.Header, _ []byte) { h.Set(HeaderID, "msg.1") }, ErrUnsigned},
		"id too long":             {func(h http.Header, _ []byte) { h.Set(HeaderID, strings.Repeat("a", 256)) }, ErrUnsigned},
		"time with a sign":        {func(h http.Header, _ []byte) { h.Set(HeaderTimestamp, "+1700000000") }, ErrUnsigned},
		"time with a leading 0":   {func(h http.Header, _ []byte) { h.Set(HeaderTimestamp, "01700000000") }, ErrUnsigned},
		"time with a fraction":    {func(h http.Header, _ []byte) { h.Set(HeaderTimestamp, "1700000000.5") }, ErrUnsigned},
		"time beyond all clocks":  {func(h http.Header, _ []byte) { h.Set(HeaderTimestamp, "9223372036854775807") }, ErrUnsigned},
		"signature without v1":    {func(h http.Header, _ []byte) { h.Set(HeaderSignature, h.Get(HeaderSignature)[3:]) }, ErrSignature},
		"signature of a v2":       {func(h http.Header, _ []byte) { h.Set(HeaderSignature, "v2,"+h.Get(HeaderSignature)[3:]) }, ErrSignature},
		"signature cut short":     {func(h http.Header, _ []byte) { h.Set(HeaderSignature, h.Get(HeaderSignature)[:24]) }, ErrSignature},
		"signature of nothing":    {func(h http.Header, _ []byte) { h.Set(HeaderSignature, "v1,") }, ErrSignature},
		"signature not of base64": {func(h http.Header, _ []byte) { h.Set(HeaderSignature, "v1,****") }, ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			h, body, at, secret := signed(t)
			tc.spoil(h, body)
			if err := Verify(h, body, Tolerance, at, secret); !errors.Is(err, tc.want) {
				t.Errorf("Verify = %v, want %v", err, tc.want)
			}
		})
	}
}

func TestVerifyHoldsTheToleranceBothWays(t *testing.T) {
	for off, want := range map[time.Duration]error{
		Tolerance:                     nil,
		-Tolerance:                    nil,
		Tolerance + time.Microsecond:  ErrStale,
		-Tolerance - time.Microsecond: ErrStale,
		24 * 365 * time.Hour:          ErrStale,
	} {
		h, body, at, secret := signed(t)
		at.Advance(off)
		if err := Verify(h, body, Tolerance, at, secret); !errors.Is(err, want) {
			t.Errorf("%v off: %v, want %v", off, err, want)
		}
	}
}

func TestVerifyTellsAStrangerNothingOfTheClock(t *testing.T) {
	h, body, at, _ := signed(t)
	at.Advance(time.Hour)
	if err := Verify(h, body, Tolerance, at, NewSecret()); !errors.Is(err, ErrSignature) {
		t.Errorf("Verify = %v, want %v", err, ErrSignature)
	}
}

func TestRotationSignsWithEachSecretAndFitsEither(t *testing.T) {
	old, fresh, other := NewSecret(), NewSecret(), NewSecret()
	at, body := clock.NewFake(time.Unix(1_700_000_000, 0)), []byte("x")
	both, err := Sign("msg_1", at.Now(), body, old, fresh)
	if err != nil {
		t.Fatal(err)
	}
	one, err := Sign("msg_1", at.Now(), body, old)
	if err != nil {
		t.Fatal(err)
	}
	if parts := strings.Split(both, " "); len(parts) != 2 || parts[0] != one {
		t.Errorf("two secrets give %q, the first alone %q", both, one)
	}
	h := http.Header{}
	h.Set(HeaderID, "msg_1")
	h.Set(HeaderTimestamp, "1700000000")
	h.Set(HeaderSignature, "v1a,AAAA "+both)
	for name, secrets := range map[string][]Secret{"old": {old}, "fresh": {fresh}, "among others": {other, {}, fresh}} {
		if err := Verify(h, body, Tolerance, at, secrets...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, secrets := range map[string][]Secret{"other": {other}, "zero": {{}}, "none": nil} {
		if err := Verify(h, body, Tolerance, at, secrets...); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v, want %v", name, err, ErrSignature)
		}
	}
}

func TestSignRefusesWhatCouldBeReadInTwoWays(t *testing.T) {
	now, good := time.Unix(1_700_000_000, 0), NewSecret()
	for _, id := range []string{"", "a.b", "a b", "a\n", "é", strings.Repeat("a", 256)} {
		if got, err := Sign(id, now, nil, good); err == nil {
			t.Errorf("Sign(%q) = %q, want an error", id, got)
		}
	}
	if got, err := Sign("a", time.Unix(-1, 0), nil, good); err == nil {
		t.Errorf("before 1970: %q, want an error", got)
	}
	if _, err := Sign("a", now, nil); !errors.Is(err, ErrSecret) {
		t.Errorf("no secret: %v, want %v", err, ErrSecret)
	}
	if _, err := Sign("a", now, nil, Secret{}); !errors.Is(err, ErrSecret) {
		t.Errorf("zero secret: %v, want %v", err, ErrSecret)
	}
	h := http.Header{}
	if err := SignHeader(h, "a.b", now, nil, good); err == nil || len(h) != 0 {
		t.Errorf("SignHeader = %v and set %v, want an error and nothing", err, h)
	}
}

func TestParseSecretTakesOnlyWholeSecrets(t *testing.T) {
	made := NewSecret().Reveal()
	if got := secretOf(t, made).Reveal(); got != made {
		t.Errorf("%q came back as %q", made, got)
	}
	key24 := strings.Repeat("A", 32)
	if got := secretOf(t, "whsec_"+key24).Reveal(); got != "whsec_"+key24 {
		t.Errorf("24 bytes came back as %q", got)
	}
	for _, text := range []string{
		"", "whsec_", made[6:], "WHSEC_" + made[6:], made + "A", " " + made, made + "\n", "whsec_\n" + key24, "whsec_" + key24[4:],
		"whsec_" + strings.Repeat("A", 88), "whsec_" + strings.Repeat("A", 1<<20), "whsec_" + strings.Repeat("-", 32),
	} {
		if _, err := ParseSecret(text); !errors.Is(err, ErrSecret) {
			t.Errorf("ParseSecret(%.40q) = %v, want %v", text, err, ErrSecret)
		}
	}
	if (Secret{}).Reveal() != "" {
		t.Error("the zero secret reveals something")
	}
}

func TestSecretsPrintAsAPlaceholder(t *testing.T) {
	secret := NewSecret()
	inside := struct {
		Public  Secret
		private Secret
	}{secret, secret}
	shown := fmt.Sprintf("%v %+v %#v %s %q %x %X %d %v %+v %#v %d", secret, secret, secret, secret, secret, secret, secret, secret,
		inside, inside, inside, inside)
	encoded, err := json.Marshal(inside)
	if err != nil {
		t.Fatal(err)
	}
	shown += string(encoded)
	raw := secret.key.bytes
	for _, form := range []string{
		secret.Reveal()[6:], fmt.Sprintf("%x", raw), fmt.Sprintf("%X", raw), strings.Trim(fmt.Sprint(raw), "[]"),
		strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", raw), "[]byte{"), "}"),
	} {
		if strings.Contains(shown, form) {
			t.Errorf("%q shows the secret", shown)
		}
	}
	if !strings.Contains(string(encoded), "whsec_hidden") {
		t.Errorf("JSON is %s", encoded)
	}
}

func TestWhatIsSignedVerifiesAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[!-\-/-~]{1,255}`).Draw(t, "id")
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		other := rapid.SliceOf(rapid.Byte()).Draw(t, "other")
		at := clock.NewFake(time.Unix(rapid.Int64Range(0, timestampMost).Draw(t, "at"), 0))
		secret, h := NewSecret(), http.Header{}
		if err := SignHeader(h, id, at.Now(), body, secret); err != nil {
			t.Fatal(err)
		}
		if err := Verify(h, body, 0, at, secret); err != nil {
			t.Fatal(err)
		}
		want := error(nil)
		if string(other) != string(body) {
			want = ErrSignature
		}
		if err := Verify(h, other, 0, at, secret); !errors.Is(err, want) {
			t.Fatalf("another body: %v, want %v", err, want)
		}
	})
}

func FuzzVerify(f *testing.F) {
	f.Add("msg_1", "1700000000", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", []byte("{}"))
	f.Add("", "-1", "v1, v1,= v2", []byte{0xff})
	secret, now := NewSecret(), clock.NewFake(time.Unix(1_700_000_000, 0))
	f.Fuzz(func(t *testing.T, id, at, signature string, body []byte) {
		h := http.Header{}
		h.Set(HeaderID, id)
		h.Set(HeaderTimestamp, at)
		h.Set(HeaderSignature, signature)
		if err := Verify(h, body, Tolerance, now, secret); err == nil {
			t.Errorf("%q verified with a key that nobody knows", signature)
		}
	})
}
