// Package autoconfig holds a domain to what it tells mail programs: where they
// find the mailbox, and how they log in safely. What the hosts there say is the
// matter of smtp.SubmissionPorts.
package autoconfig

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// Checks is the checks of this topic.
var Checks checks.Topic

// Status codes of HTTP (RFC 9110, 15; RFC 6585, 4).
const (
	statusOK              = 200
	statusUnauthorized    = 401
	statusForbidden       = 403
	statusNotFound        = 404
	statusGone            = 410
	statusTooManyRequests = 429
)

// line is a record ready to paste.
func line(r record.Record) string { return "`" + r.String() + "`" }

// clip bounds a word of a host in a message.
func clip(s string) string {
	const most = 120
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// undecided is why a fetch tells nothing: it ended as it might not another time,
// or for somebody else. nil for a fetch that tells.
func undecided(f probe.Fetch) error {
	switch {
	case f.Err == nil && (f.Status == statusTooManyRequests || f.Status >= 500):
		return fmt.Errorf("%s: the server answers %q", f.URL, clip(f.Reason))
	case f.Err == nil:
		return nil
	}
	switch f.Err.Kind {
	case probe.Refused, probe.Closed, probe.Handshake, probe.NotHTTP, probe.TooLarge, probe.NoAddress, probe.Forbidden:
		return nil
	case probe.Unresolved:
		return errors.New(f.Err.Detail) // the question and its end
	}
	return fmt.Errorf("%s: %w", f.URL, f.Err)
}

// barred is undecided, with answers among it that may be meant for this machine
// alone: mail programs ask without credentials.
func barred(f probe.Fetch) error {
	if f.Err == nil && (f.Status == statusUnauthorized || f.Status == statusForbidden) {
		return fmt.Errorf("%s: the server answers %q", f.URL, clip(f.Reason))
	}
	return undecided(f)
}

// failure is why no answer came of a fetch that tells, in words that follow the
// name of the host.
func failure(f probe.Fetch) string {
	switch f.Err.Kind {
	case probe.NoAddress:
		return "has no address"
	case probe.Forbidden:
		var list []string
		for _, r := range f.Refused {
			list = append(list, fmt.Sprintf("%s, which is %s", r.Addr, r.Why))
		}
		return "has the address " + strings.Join(list, " and ")
	case probe.Refused:
		return "refuses connections on port 443"
	case probe.Handshake:
		return fmt.Sprintf("fails the TLS handshake: %q", clip(f.Err.Detail))
	case probe.Closed:
		return "hangs up (" + f.Err.Stage.String() + ")"
	}
	return fmt.Sprintf("does not answer as a web server does: %q", clip(f.Err.Error()))
}

// certificate is what mail programs hold against a certificate, in words that
// follow it; empty if nothing.
func certificate(t *probe.TLS) string {
	if t == nil {
		return ""
	}
	var wrong []string
	for _, c := range t.ChainFaults {
		words := c.Kind.String()
		if c.Detail != "" {
			words += " (" + c.Detail + ")"
		}
		wrong = append(wrong, words)
	}
	if t.NameFault != "" {
		wrong = append(wrong, "it "+t.NameFault)
	}
	return strings.Join(wrong, "; ")
}

// leads is what is wrong with where a record leads, in words that follow the name
// of the host; empty if nothing is, or where that is not known.
func leads(env *checks.Env, h facts.HostAddrs) string {
	switch {
	case !h.Known():
		return ""
	case !h.Exists && len(h.Chain) == 0:
		return "does not exist (NXDOMAIN)"
	case !h.Exists:
		return fmt.Sprintf("is an alias of %s, which does not exist (NXDOMAIN)", record.Display(h.Chain[len(h.Chain)-1].Data))
	case len(h.Addrs) == 0:
		return "has no address"
	}
	for _, addr := range h.Addrs {
		if facts.OffLimits(env, addr) == "" {
			return ""
		}
	}
	return fmt.Sprintf("has no public address: %s is %s", h.Addrs[0], facts.OffLimits(env, h.Addrs[0]))
}

// asked is the answers about a host as evidence.
func asked(h facts.HostAddrs) []diagnosis.Evidence {
	var list []diagnosis.Evidence
	for _, a := range h.Answers {
		list = append(list, diagnosis.Evidence{Question: a.Question.String(), Answer: a.String()})
	}
	return list
}

// doubts is one for each different error.
func doubts(errs []error) []diagnosis.Doubt {
	var list []diagnosis.Doubt
	for _, err := range errs {
		d := diagnosis.Doubt{Reason: err.Error()}
		if !slices.Contains(list, d) {
			list = append(list, d)
		}
	}
	return list
}
