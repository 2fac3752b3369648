package webhook

import (
	"net"
	"strconv"
)

// Lane is what deliveries share when one can delay another: one owner's calls to one host and port. It is comparable, so
// it can be the key of a map.
type Lane struct {
	Owner string
	Host  string // as the dialer would take it: lower-case ASCII, or an address in its one spelling, without brackets
	Port  uint16
}

// LaneOf is the lane of an owner's URL. Spellings that lead to one endpoint give one lane: the case of the host, a final
// dot, an international name and its punycode, a default port and none, an IPv4 address in any notation. Path, query and
// scheme play no part. The error is of class Malformed, for a URL that cannot be called by anybody.
func LaneOf(owner, rawURL string) (Lane, error) {
	t, err := parseTarget(rawURL)
	if err != nil {
		return Lane{}, err
	}
	return Lane{Owner: owner, Host: t.host, Port: t.port}, nil
}

// Endpoint is the lane without its owner, as "host:port", an IPv6 address in brackets. It is the text to keep beside the
// owner in a row.
func (l Lane) Endpoint() string { return net.JoinHostPort(l.Host, strconv.Itoa(int(l.Port))) }

// String is the whole lane in one text, the owner, a space and the endpoint, which holds no space.
func (l Lane) String() string { return l.Owner + " " + l.Endpoint() }
