package resolve

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// Defaults of Options, those of resolv.conf(5).
const (
	defaultTimeout  = 5 * time.Second
	defaultAttempts = 2
)

// Options say how a Client asks. The zero value of a field means its default.
type Options struct {
	// Servers are the recursive resolvers, in order of preference.
	Servers []Server
	// Timeout times Attempts is how long one question may take in all, whatever
	// the number of servers; defaults 5 s and 2.
	Timeout time.Duration
	// Attempts is how often each server is asked at most.
	Attempts int
	// Rotate spreads the questions over the servers instead of preferring the first.
	Rotate bool
	// Dial opens every connection; nil is a net.Dialer. A "udp" connection must
	// be a connected one, that passes on nothing but what its peer sends.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLSConfig is that of tls:// and https:// servers; nil verifies them with
	// the roots of the system. The server name is filled in.
	TLSConfig *tls.Config
}

func (o Options) withDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Attempts <= 0 {
		o.Attempts = defaultAttempts
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	return o
}
