package bimi

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
)

// A fault is one thing for which receivers show no logo, or some do not.
type fault struct {
	message string
	steps   []string
}

// A served file is a logo or a certificate and what the checks say it about.
type served struct {
	facts.BIMIFile
	record facts.BIMIRecord
	what   string // "logo", "mark certificate"
	url    string // as the record has it
}

// host is the host that the record names, for readers.
func (s served) host() string {
	u, err := url.Parse(s.url)
	if err != nil {
		return s.url
	}
	return u.Hostname()
}

// finding is a finding about the file.
func (s served) finding(f fault) diagnosis.Finding {
	var evidence []diagnosis.Evidence
	for _, hop := range s.Hops {
		evidence = append(evidence, hop.Evidence())
	}
	return diagnosis.Finding{Subject: s.host(), Severity: diagnosis.Advice, Message: f.message, Evidence: evidence, Remedy: diagnosis.Remedy{Steps: f.steps}}
}

// delivery judges how the file is served, and reports whether it can be read.
// The error is why that cannot be told.
func (s served) delivery(v *diagnosis.Verdict) (bool, error) {
	for _, hop := range s.Hops {
		for _, f := range faultsOf(s.what, hop) {
			v.Findings = append(v.Findings, s.finding(f))
		}
		if err := undecided(hop); err != nil {
			v.Seen = append(v.Seen, hop.Evidence())
			return false, err
		}
	}
	for _, f := range s.answer() {
		v.Findings = append(v.Findings, s.finding(f))
	}
	readable := s.Served()
	if readable && len(s.Hops) > 1 {
		v.Findings = append(v.Findings, s.redirect())
	}
	return readable, nil
}

// faultsOf is what keeps everybody from getting an answer to rely on.
func faultsOf(what string, f probe.Fetch) []fault {
	var list []fault
	for _, r := range f.Refused {
		list = append(list, fault{fmt.Sprintf("the %s at %s is on the address %s, which is %s: receivers cannot fetch it", what, f.URL, r.Addr, r.Why),
			[]string{"Put the file on a public web server, or publish the public address of that one."}})
	}
	switch {
	case f.Err != nil && f.Err.Kind != probe.Forbidden && undecided(f) == nil:
		return append(list, fault{fmt.Sprintf("the %s at %s cannot be fetched: %s", what, f.URL, failure(f)),
			[]string{"See that the web server runs, has a public address, lets TCP port 443 in and answers by HTTPS."}})
	case f.Err != nil || f.TLS == nil:
		return list
	}
	var wrong []string
	for _, c := range f.TLS.ChainFaults {
		words := c.Kind.String()
		if c.Detail != "" {
			words += " (" + c.Detail + ")"
		}
		wrong = append(wrong, words)
	}
	if f.TLS.NameFault != "" {
		wrong = append(wrong, "it "+f.TLS.NameFault)
	}
	if len(wrong) > 0 {
		list = append(list, fault{fmt.Sprintf("the certificate of the web server at %s is not valid: %s", f.URL, strings.Join(wrong, "; ")),
			[]string{"Give the web server a certificate for that name from a public authority such as Let's Encrypt, with its intermediates."}})
	}
	return list
}

func failure(f probe.Fetch) string {
	switch f.Err.Kind {
	case probe.NoAddress:
		return "the host has no address"
	case probe.Handshake, probe.NotHTTP:
		return fmt.Sprintf("%s (%q)", f.Err.Kind, clip(f.Err.Detail))
	}
	return f.Err.Kind.String()
}

// answer is what is wrong with the response that counts.
func (s served) answer() []fault {
	last := s.Last()
	location, redirects := last.Redirect()
	in := []string{fmt.Sprintf("Serve the %s at exactly %s, with status 200.", s.what, s.url)}
	switch {
	case last.Err != nil || undecided(last) != nil:
		return nil
	case redirects:
		return []fault{{fmt.Sprintf("the %s at %s redirects to %q, where receivers do not follow", s.what, last.URL, clip(location)), in}}
	case last.Status != 200:
		return []fault{{fmt.Sprintf("the %s is not at %s: %q", s.what, last.URL, clip(last.Reason)), in}}
	case last.Truncated:
		return []fault{{fmt.Sprintf("the %s at %s is larger than 256 KiB", s.what, last.URL), []string{"Serve the " + s.what + " itself, and nothing with it."}}}
	}
	return nil
}

// redirect is the finding about a file that is where redirects lead.
func (s served) redirect() diagnosis.Finding {
	to := s.Last().URL
	f := s.finding(fault{message: fmt.Sprintf("the %s at %s redirects to %s; BIMI says nothing of redirects, and not every receiver follows them", s.what, s.url, clip(to))})
	want := s.record.Record
	if s.what == "logo" {
		want = want.WithLocation(to)
	} else {
		want = want.WithEvidence(to)
	}
	if sound(want) {
		f.Remedy = publish(s.record, want)
	} else {
		f.Remedy.Steps = []string{"Serve the file at " + s.url + " itself."}
	}
	return f
}

// undecided is why a fetch tells nothing: it ended as it might not another time,
// or for somebody else, or was not tried, as a port other than 443 is not. nil
// for a fetch that tells.
func undecided(f probe.Fetch) error {
	const forbidden, tooManyRequests, unavailable = 403, 429, 503 // RFC 9110, 15.5.4 and 15.6.4; RFC 6585, 4
	switch {
	case f.Err == nil && (f.Status == tooManyRequests || f.Status == unavailable):
		return fmt.Errorf("%s: the server asks to come back later (%d)", f.URL, f.Status)
	case f.Err == nil && f.Status == forbidden: // a guard against robots says so to whom it does not know
		return fmt.Errorf("%s: the server does not let this machine have it (%d)", f.URL, f.Status)
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
