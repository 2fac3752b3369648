package main

import (
	"errors"
	"slices"
	"strings"
	"time"

	"sarraf/internal/sms"
	"sarraf/wallet"
)

// accessFlags say how people come in to their wallets, and who sends them one-time codes.
type accessFlags struct {
	SMSURL     string   `name:"sms-url" env:"SARRAF_SMS_URL" help:"Address of the gateway that sends text messages, https, with {places}: {number} or {digits} (without its plus sign), {text}, {secret}. Without it nobody can sign up."`
	SMSBody    string   `name:"sms-body" env:"SARRAF_SMS_BODY" help:"What is posted to it, with {places}; by default JSON with to and text."`
	SMSType    string   `name:"sms-type" env:"SARRAF_SMS_TYPE" default:"json" enum:"json,form" help:"What the body is: json or form."`
	SMSHeaders []string `name:"sms-header" env:"SARRAF_SMS_HEADER" sep:"none" placeholder:"NAME: VALUE" help:"A header of the request, as 'Authorization: Bearer {secret}'; once for each. {secret} comes by SARRAF_SMS_SECRET, or the file that SARRAF_SMS_SECRET_FILE names."`
	SMSSuccess string   `name:"sms-success" env:"SARRAF_SMS_SUCCESS" help:"What the body of a good answer has in it, for gateways that answer 200 whatever happens."`
	SMSNumbers []string `name:"sms-numbers" env:"SARRAF_SMS_NUMBERS" placeholder:"PREFIX" help:"What the numbers begin with that messages are sent to, as +880; by default they are sent to all, and somebody may choose ones that cost."`
	SMSText    string   `name:"sms-text" env:"SARRAF_SMS_TEXT" help:"What a message with a code reads; it has {code} in it."`

	CodesPerAddress int           `name:"codes-per-address" env:"SARRAF_CODES_PER_ADDRESS" default:"30" help:"How many codes may be asked for from an address within 10 minutes; 0 for no bound."`
	TriesPerAddress int           `name:"sign-ins-per-address" env:"SARRAF_SIGN_INS_PER_ADDRESS" default:"10" help:"How often a second an address may try to sign up or in to a wallet (DeshiPay); 0 for no bound."`
	WalletIdle      time.Duration `name:"wallet-idle" env:"SARRAF_WALLET_IDLE" default:"30m" help:"How long who is signed in to a wallet may do nothing before having to sign in again: 2m to 720h."`
	WalletApproval  string        `name:"wallet-approval" env:"SARRAF_WALLET_APPROVAL" default:"manual" enum:"manual,auto" help:"manual: a wallet that signs up waits until an operator approves it; auto: it is approved at once."`
}

// defaultTries is how often a second an address may try to sign up or in, as the flag has it.
const defaultTries = 10

// smsSecret is where the gateway's secret comes from.
const smsSecret = "SARRAF_SMS_SECRET"

// gateway is the gateway that the flags describe, nil when they describe none.
func (f accessFlags) gateway() (*sms.Gateway, error) {
	if f.SMSURL == "" {
		if f.SMSBody != "" || len(f.SMSHeaders) > 0 || f.SMSSuccess != "" {
			return nil, usage("--sms-url is not given, and something about how it is called is")
		}
		return nil, nil
	}
	secret, err := secretFrom(smsSecret)
	if err != nil {
		return nil, err
	}
	headers := slices.DeleteFunc(slices.Clone(f.SMSHeaders), func(h string) bool { return strings.TrimSpace(h) == "" })
	o := sms.Options{URL: f.SMSURL, Body: f.SMSBody, Type: sms.JSON, Headers: headers, Success: f.SMSSuccess, Secret: secret}
	if f.SMSType == "form" {
		o.Type = sms.Form
	}
	g, err := sms.New(o)
	if err != nil {
		return nil, usage("the gateway of text messages (--sms-url and what goes with it): %v", err)
	}
	return g, nil
}

// access is what the flags come to. Its sender has to be closed.
func (f accessFlags) access() (a access, err error) {
	a = access{idle: f.WalletIdle, text: f.SMSText, numbers: f.SMSNumbers, codesPerAddress: f.CodesPerAddress, tries: f.TriesPerAddress, signUp: wallet.Pending}
	if f.WalletApproval == "auto" {
		a.signUp = wallet.Approved
	}
	if f.CodesPerAddress < 0 {
		return a, usage("--codes-per-address %d: want 0 or more", f.CodesPerAddress)
	}
	if err := a.apply(new(wallet.Access)); err != nil {
		return a, usage("--wallet-idle, --sms-text, --sms-numbers: %s", strings.TrimPrefix(err.Error(), "wallet: "))
	}
	g, err := f.gateway()
	if g != nil {
		a.sender = g
	}
	return a, err
}

// access is how people come in to their wallets, as serve and demo choose it.
type access struct {
	sender          wallet.Sender // nil where no messages can be sent: nobody can sign up
	idle            time.Duration // 0 for the default
	text            string        // "" for the default
	numbers         []string      // what numbers begin with that codes are sent to; none for all
	codesPerAddress int
	tries           int           // to sign up or in, of an address in a second; 0 for no bound
	signUp          wallet.Status // what a wallet that signs up is; "" is pending
	sandbox         bool          // and whether its money is only played with
}

// apply has the wallets' door work so.
func (a access) apply(to *wallet.Access) error {
	var err error
	if a.idle != 0 {
		err = to.SetIdle(a.idle)
	}
	if a.text != "" {
		err = errors.Join(err, to.SetCodeText(a.text))
	}
	to.LimitCodes(a.codesPerAddress)
	return errors.Join(err, to.SendOnlyTo(a.numbers...))
}

// close closes what sends messages.
func (a access) close() {
	if c, ok := a.sender.(interface{ Close() }); ok {
		c.Close()
	}
}
