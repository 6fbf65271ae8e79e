package authres

import (
	"net/netip"
	"strconv"
	"strings"
)

// SPF is the result of SPF (RFC 8601, 2.7.2). The sender is that of MAIL FROM,
// without angle brackets; where it is empty, SPF looked at the HELO name.
func SPF(value, sender, helo string) Result {
	r := Result{Method: "spf", Value: value}
	if sender != "" {
		return r.With("smtp", "mailfrom", sender)
	}
	return r.With("smtp", "helo", helo)
}

// DKIM is the result of one signature (RFC 8601, 2.7.1; RFC 6008): its domain,
// identity, selector and algorithm, and its b= value in base64, of which enough is
// shown to tell it from others.
func DKIM(value, domain, identity, selector, algorithm, data string) Result {
	const enough = 8 // RFC 6008, 4
	r := Result{Method: "dkim", Value: value}
	r = r.With("header", "d", domain).With("header", "i", identity).With("header", "s", selector).With("header", "a", algorithm)
	return r.With("header", "b", data[:min(len(data), enough)])
}

// DMARC is the result of DMARC (RFC 9989, 9.1): the author domain, the p tag of the
// record, and the domain of the record where that is another.
func DMARC(value, author, policy, found string) Result {
	r := Result{Method: "dmarc", Value: value}.With("header", "from", author).With("polrec", "p", policy)
	if strings.EqualFold(found, author) {
		return r
	}
	return r.With("polrec", "domain", found)
}

// ARC is the result of a chain (RFC 8617, 10.2). The client is the one whose
// connection brought the message; oldestPass is the lowest instance whose message
// signature still verifies, 0 for all of them, negative where that is not known.
func ARC(value string, client netip.Addr, oldestPass int) Result {
	r := Result{Method: "arc", Value: value}
	if client.IsValid() {
		r = r.With("smtp", "remote-ip", client.Unmap().String())
	}
	if oldestPass >= 0 {
		r = r.With("header", "oldest-pass", strconv.Itoa(oldestPass))
	}
	return r
}

// IPRev is the result of the reverse lookup (RFC 8601, 2.7.3, 3).
func IPRev(value string, client netip.Addr, name string) Result {
	r := Result{Method: "iprev", Value: value, Comment: name}
	if client.IsValid() {
		r = r.With("policy", "iprev", client.Unmap().String())
	}
	return r
}

// Auth is the result of SMTP AUTH (RFC 8601, 2.7.4).
func Auth(value, user string) Result {
	return Result{Method: "auth", Value: value}.With("smtp", "auth", user)
}
