package certs

import (
	"crypto/ecdsa"
	"crypto/tls"
	"slices"
	"time"
)

// pick is the certificate for a client: of those for the name that it asks for, or
// else for the first of the server's, or else for the name of the first one, the one
// that it can verify and that comes first in order. nil: there is none at all.
//
// A client that asks for a name of which there is no certificate is served too: most
// senders do not mind (RFC 7435), and those who do see for themselves.
func pick(all []*tls.Certificate, hosts []string, hello *tls.ClientHelloInfo, now time.Time) *tls.Certificate {
	if len(all) == 0 {
		return nil
	}
	list := covering(all, hello.ServerName)
	if len(list) == 0 && len(hosts) > 0 {
		list = covering(all, hosts[0])
	}
	if len(list) == 0 {
		list = like(all)
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *tls.Certificate) int { return rank(a, now) - rank(b, now) })
	for _, c := range list {
		if hello.SupportsCertificate(c) == nil {
			return c
		}
	}
	return list[0]
}

// like is those of a list that have the first name of the first one.
func like(all []*tls.Certificate) []*tls.Certificate {
	names := namesOf(all[0].Leaf)
	if len(names) == 0 {
		return all[:1]
	}
	var found []*tls.Certificate
	for _, c := range all {
		if slices.Contains(namesOf(c.Leaf), names[0]) {
			found = append(found, c)
		}
	}
	return found
}

// rank puts certificates that hold now in front, and of those the ones with ECDSA:
// smaller, quicker, and whoever cannot take them is given the other.
func rank(c *tls.Certificate, now time.Time) int {
	n := 0
	if lapsed(c.Leaf, now) != "" {
		n += 2
	}
	if _, ec := c.Leaf.PublicKey.(*ecdsa.PublicKey); !ec {
		n++
	}
	return n
}

// covering is those of a list that are for a name.
func covering(list []*tls.Certificate, name string) []*tls.Certificate {
	if name == "" {
		return nil
	}
	var found []*tls.Certificate
	for _, c := range list {
		if c.Leaf.VerifyHostname(name) == nil {
			found = append(found, c)
		}
	}
	return found
}
