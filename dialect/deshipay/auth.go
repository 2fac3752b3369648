package deshipay

import (
	"net/http"
	"strings"

	"sarraf/fault"
	"sarraf/internal/httpx"
	"sarraf/wallet"
)

// maxToken is the longest token that is looked up, in bytes. Those that are issued have less than half.
const maxToken = 128

// token is what the request shows, "" where it shows none that could be one. A header that comes twice is none: what stands before us may
// have gone by the other one.
func token(r *http.Request) string {
	values := r.Header["Authorization"]
	if len(values) != 1 {
		return ""
	}
	scheme, text, _ := strings.Cut(values[0], " ") // the scheme's name is read in any case, as RFC 9110 section 11.1 has it
	if text = strings.TrimSpace(text); !strings.EqualFold(scheme, "Bearer") || !httpx.Visible(text) || len(text) > maxToken {
		return ""
	}
	return text
}

// authenticate answers who has signed in. Every failure is the same fault CredentialsInvalid.
func (d *Dialect) authenticate(r *http.Request) (wallet.Wallet, error) {
	text := token(r)
	if text == "" {
		return wallet.Wallet{}, fault.New(fault.CredentialsInvalid)
	}
	return d.Access.Authenticate(r.Context(), text)
}

// codeSeconds is how long a one-time code may be used.
const codeSeconds = 300

// signUp makes a wallet of whoever proves to have the number: a request without a code has one sent there, and the same request with the
// code makes the wallet. Whether the number has a wallet already is told to who has the code alone.
func (d *Dialect) signUp(w http.ResponseWriter, r *http.Request) error {
	address := d.Address(r)
	if err := d.ByAddress.Take(address); err != nil {
		return err
	}
	_, fields, err := read(r)
	if err != nil {
		return err
	}
	n, code, err := d.readSignUp(fields)
	if err != nil {
		return err
	}
	if code == "" {
		if err := d.Access.AskCode(r.Context(), n.Number, wallet.SignUpCode, address); err != nil {
			return err
		}
		return answer(w, codeAsked{OTPRequired: true, MobileNumber: n.Number, ExpiresIn: codeSeconds}, "OTP has been sent to "+n.Number+".")
	}
	made, err := d.Access.SignUp(r.Context(), holderActor, n, code)
	if fault.Has(err, fault.PINMalformed) {
		return fault.New(fault.FieldMalformed).On(fieldPIN)
	}
	if err != nil {
		return err
	}
	return answer(w, signedUp{d.userOf(made)}, "Sign up is successful.")
}

// signIn gives a holder a token. Whoever has no wallet, or another PIN, is told the same.
func (d *Dialect) signIn(w http.ResponseWriter, r *http.Request) error {
	address := d.Address(r)
	if err := d.ByAddress.Take(address); err != nil {
		return err
	}
	_, fields, err := read(r)
	if err != nil {
		return err
	}
	number, pin, err := readSignIn(fields)
	if err != nil {
		return err
	}
	text, who, err := d.Access.SignIn(r.Context(), number, pin, Name, address)
	if fault.Has(err, fault.CredentialsInvalid) {
		return fault.New(fault.PINWrong).On(fieldMobile).Wrap(err)
	}
	if err != nil {
		return err
	}
	return answer(w, signedIn{Token: text, User: d.userOf(who)}, "Sign in is successful.")
}

// signOut ends the token that the request shows.
func (d *Dialect) signOut(w http.ResponseWriter, r *http.Request) error {
	if _, err := d.authenticate(r); err != nil {
		return err
	}
	if err := d.Access.SignOut(r.Context(), token(r)); err != nil {
		return err
	}
	return answer(w, nil, "Sign out is successful.")
}
