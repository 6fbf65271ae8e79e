package dane

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dnssec"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/checks/mx"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dane"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// ChainMatch: senders that go by DANE can deliver.
//
// It does not need smtp.Port25Inbound: where nobody goes by DANE it does not
// matter whether the hosts can be reached from here.
var ChainMatch = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dane.chain-match",
		Title:    "Every MX address shows a certificate that its TLSA records name",
		Severity: diagnosis.Critical,
		Why:      "Senders that go by DANE, Exchange Online and many European providers among them, do not deliver to a host whose certificate no TLSA record names, nor to one that does not encrypt. Their mail waits for days and comes back.",
		Doc: `Where TLSA records that SMTP can use are secured by DNSSEC, the certificate that each address of the host shows after STARTTLS is held against them (RFC 7672, 3.1). A record of usage 3 is of the host's own certificate: its name, its dates and who issued it do not count. One of usage 2 is of an issuer, which the host must present; then the path to it must be valid now and the certificate must name the host or the domain. One match is enough; other records may be of keys that come later. A host that has such records and offers no STARTTLS, or fails in it, gets no mail either.

Every address is asked: it is the one behind the load balancer with last year's certificate that loses mail. A host that could not be asked is left open. Where no record can be used, nothing is authenticated, and nothing is held against the chain.

To fix it, publish the record of the certificate in use beside those there are, and take the old ones out after two TTLs; or install the certificate that the records name. What the right record is stands in the finding.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7672, 3.1"}, {Name: "RFC 7672, 3.2.2"}, {Name: "RFC 7672, 2.2"}, {Name: "RFC 7671, 5.1"}},
	},
	Needs: []*checks.Check{mx.Exists, dnssec.ResolverValidates},
	Run:   chainMatch,
})

func chainMatch(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	bound := make(map[string]facts.DANEHost) // hosts at which senders go by DANE
	var mxSecure bool
	v, err := eachHost(ctx, env, func(v *diagnosis.Verdict, set facts.DANESet, h facts.DANEHost) {
		mxSecure = set.MX.Secure()
		switch {
		case undecided(v, h):
		case len(h.Usable()) == 0:
			note(v, h, "no TLSA record that SMTP uses")
		default:
			bound[h.Name] = h
		}
	})
	if err != nil || v.Skip != "" || len(bound) == 0 {
		return v, err
	}
	sessions, err := facts.Sessions.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if sessions.Off != "" {
		v.Skip = sessions.Off
		return v, nil
	}
	for _, s := range sessions.List {
		if h, ok := bound[s.Host.Name]; ok {
			matchSession(env, &v, h, s, mxSecure)
		}
	}
	return v, nil
}

// matchSession judges what one address showed.
func matchSession(env *checks.Env, v *diagnosis.Verdict, h facts.DANEHost, s facts.HostSession, mxSecure bool) {
	addr := s.Target.Addr.String()
	where := record.Display(h.Name) + " [" + addr + "]"
	fail := func(what string, steps ...string) {
		f := diagnosis.Finding{
			Subject: addr, Severity: diagnosis.Critical, Message: where + " " + what,
			Evidence: []diagnosis.Evidence{evidence(h), s.Evidence()}, Remedy: diagnosis.Remedy{Steps: steps},
		}
		if !mxSecure { // not all senders go by DANE then (RFC 7672, 2.2.1)
			f.Severity = diagnosis.Warning
		}
		v.Findings = append(v.Findings, f)
	}
	if s.TLS == nil {
		unencrypted(v, s, where, fail)
		return
	}
	m := h.Match(env, s.TLS.Chain)
	if m.Record < 0 {
		fail(fmt.Sprintf("shows a certificate that none of its %s names: %s", count(m.Usable, "TLSA record"), m.Why), right(h, s)...)
		return
	}
	r := h.Usable()[m.Record]
	seen := fmt.Sprintf("matches TLSA %d %d %d", r.Usage, r.Selector, r.Matching)
	if r.Usage == dane.EE && (!s.TLS.Trusted() || s.TLS.NameFault != "") {
		seen += "; what else is wrong with the certificate does not count for DANE"
	}
	v.Seen = append(v.Seen, diagnosis.Evidence{Question: where, Answer: seen})
}

// unencrypted judges an address with which no TLS came about.
func unencrypted(v *diagnosis.Verdict, s facts.HostSession, where string, fail func(string, ...string)) {
	hello, greeted := s.Step(probe.StageEHLO)
	command, asked := s.Step(probe.StageSTARTTLS)
	handshake, tried := s.Step(probe.StageTLS)
	refused := func(step probe.Step) bool {
		kind := probe.KindOf(step.Err)
		return kind == probe.Permanent || kind == probe.Handshake
	}
	switch {
	case greeted && hello.Err == nil && !asked:
		fail("has TLSA records and offers no STARTTLS", "Turn STARTTLS on; or delete the TLSA records, and wait two TTLs.")
	case asked && refused(command), tried && refused(handshake):
		fail("has TLSA records, and STARTTLS fails there", "Look into the mail server's log; as a rule its certificate or key cannot be read.")
	default:
		why := "the conversation ended before"
		switch {
		case s.Err != nil && !s.Greeted():
			why = "it was not reached, as smtp.port25-inbound says"
		case s.Err != nil:
			why = s.Err.Error()
		}
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: s.Target.Addr.String(), Reason: where + " showed no certificate: " + why})
	}
}

// right is what to do about a certificate that no record names.
func right(h facts.DANEHost, s facts.HostSession) []string {
	steps := []string{"If that is not the certificate that the host should show, install the right one."}
	if len(s.TLS.Chain) == 0 {
		return steps
	}
	r, err := dane.Of(s.TLS.Chain[0], dane.EE, dane.Key, dane.SHA256)
	if err != nil {
		return steps
	}
	return append(steps, fmt.Sprintf("If it is, publish its record beside the others: %s TLSA %s", record.Display(h.TLSA.Name), r))
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
