package rail

import (
	"context"
	"net/netip"
)

// Channel is how a bank, or a switch that speaks for many, reaches rail billpay. It is the house's, not a merchant's.
type Channel struct {
	ID       string // the segment of its path, [a-z0-9-]{1,32}
	Name     string
	Sandbox  bool // it sees and pays bills of sandbox merchants, and only them
	Username string
	Networks []netip.Prefix // addresses it may call from; none: any
	Prefixes []string       // the aggregator's prefixes that a consumer number may lack
	Profile  Profile
	Disabled bool
}

// Profile is what differs between members. The zero value is the specification.
type Profile struct {
	DetailLower     bool `json:"detail_lower,omitempty"`     // the inquiry's answer says consumer_detail instead of consumer_Detail
	Contacts        bool `json:"contacts,omitempty"`         // the inquiry's answer has email_address and contact_number, blank
	UnsignedAmounts bool `json:"unsigned_amounts,omitempty"` // the inquiry's amounts are 14 digits instead of a sign and 13
	ParameterUpper  bool `json:"parameter_upper,omitempty"`  // the payment's answer says Identification_parameter
	EchoReserved    bool `json:"echo_reserved,omitempty"`    // answers repeat the reserved that was sent, instead of ""
}

// Channels knows the channels that there are.
type Channels interface {
	// AuthenticateChannel answers the channel whose username and password these are, at most a second old. Faults: ChannelMissing,
	// CredentialsInvalid; both take the same time.
	AuthenticateChannel(ctx context.Context, id, username, password string) (Channel, error)
}
