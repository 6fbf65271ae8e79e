package mtasts

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/checks/smtp"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// EnforceCert: what the policy promises, the MX hosts keep.
var EnforceCert = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mtasts.enforce-cert",
		Title:    "Under an enforced policy, every MX host shows a valid certificate",
		Severity: diagnosis.Critical,
		Why:      "In mode enforce, Gmail, Microsoft and others do not deliver to a host without STARTTLS or with a certificate that is not valid: their mail waits and then comes back.",
		Doc: `Where the policy is in mode enforce, each address of each MX host that the policy names is held to what senders then require: STARTTLS is offered, the handshake succeeds, and the certificate leads to a trusted root, is within its dates, and names the MX host as the MX record does. What is a matter of taste without a policy (smtp.starttls, smtp.certificate) is lost mail with it. Valid TLSA records do not help: senders that follow MTA-STS and not DANE do not look at them.

A temporary refusal and a handshake that was cut short leave the question open.

To fix it, renew or replace the certificate at once. Changing the mode to testing helps only slowly: senders keep the enforced policy until they see a new id, at the latest for max_age.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8461, 4.2"}, {Name: "RFC 8461, 5"}, {Name: "RFC 8461, 2"}},
	},
	Needs: []*checks.Check{PolicySyntax, smtp.Port25Inbound},
	Run:   enforceCert,
})

func enforceCert(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	sessions, err := facts.Sessions.Of(ctx, env)
	if err != nil {
		return diagnosis.Verdict{}, err
	}
	return judgePolicy(ctx, env, func(s subject, v *diagnosis.Verdict) {
		if s.Policy.Mode != mtasts.Enforce {
			v.Skip = fmt.Sprintf("the policy is in mode %s", s.Policy.Mode)
			return
		}
		if v.Skip = sessions.Off; v.Skip != "" {
			return
		}
		for _, group := range alike(sessions.List, s.Policy) {
			s.hold(group, v)
		}
		if len(v.Seen)+len(v.Findings)+len(v.Doubts) == 0 {
			v.Skip = "no mail host that the policy names got that far"
		}
	})
}

// A group is the addresses of one host that showed the same.
type group struct {
	facts.HostSession // of the first
	addrs             []string
	wrong, doubt      string
}

// proof is the stages of the conversation that show what is wrong.
func (g group) proof() diagnosis.Evidence {
	if _, asked := g.Step(probe.StageSTARTTLS); !asked {
		return g.Evidence(probe.StageEHLO)
	}
	return g.Evidence(probe.StageSTARTTLS, probe.StageTLS)
}

// alike groups the sessions that got somewhere with hosts that the policy names.
func alike(sessions []facts.HostSession, policy mtasts.Policy) []group {
	var groups []group
	for _, session := range sessions {
		if !session.Greeted() || !policy.Matches(record.Display(session.Host.Name)) {
			continue
		}
		wrong, doubt := shown(session)
		addr := session.Target.Addr.String()
		i := slices.IndexFunc(groups, func(g group) bool {
			return g.Host.Name == session.Host.Name && g.wrong == wrong && g.doubt == doubt
		})
		if i < 0 {
			groups = append(groups, group{session, []string{addr}, wrong, doubt})
			continue
		}
		groups[i].addrs = append(groups[i].addrs, addr)
	}
	return groups
}

// hold judges what some addresses of a host showed.
func (s subject) hold(g group, v *diagnosis.Verdict) {
	host, addrs := record.Display(g.Host.Name), strings.Join(g.addrs, ", ")
	switch {
	case g.wrong != "":
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: addrs, Severity: diagnosis.Critical,
			Message: fmt.Sprintf("MX host %s at %s %s, and the policy of %s is enforced: senders that know MTA-STS do not deliver to it", host, addrs, g.wrong, s.host),
			Evidence: []diagnosis.Evidence{
				g.proof(),
				{Question: "GET " + s.Fetch.URL, Answer: s.text()},
			},
			Remedy: diagnosis.Remedy{Steps: []string{
				fmt.Sprintf("Give the mail server STARTTLS with a certificate for %s from a public authority such as Let's Encrypt, with its intermediates (fullchain.pem), and reload it.", host),
				"If that takes longer than a day, change the mode of the policy to testing meanwhile, and then the id: " + line(announcement(s.env)),
			}},
		})
	case g.doubt != "":
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: addrs, Reason: host + " [" + addrs + "] " + g.doubt})
	default:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: host + " [" + addrs + "]", Answer: g.TLS.String()})
	}
}

// shown is what senders hold against a host, or why that is not known.
func shown(session facts.HostSession) (wrong, doubt string) {
	if session.TLS != nil {
		return strings.Join(certificateFaults(session.TLS), ", and "), ""
	}
	for _, stage := range []probe.Stage{probe.StageEHLO, probe.StageSTARTTLS, probe.StageTLS} {
		step, ok := session.Step(stage)
		switch {
		case !ok && stage == probe.StageSTARTTLS && session.Done(probe.StageEHLO):
			return "offers no STARTTLS", ""
		case !ok || step.Err == nil:
			continue
		case step.Err.Kind == probe.Permanent && stage == probe.StageSTARTTLS:
			return "refuses STARTTLS", ""
		case stage == probe.StageTLS && (step.Err.Kind == probe.Handshake || step.Err.Kind == probe.Closed):
			return "fails the TLS handshake", ""
		default:
			return "", "was not asked for its certificate: " + step.Err.Error()
		}
	}
	return "", "was not asked for its certificate before the examination ended"
}

// certificateFaults is what is wrong with a certificate, in words that follow
// the name of its host.
func certificateFaults(t *probe.TLS) []string {
	var list []string
	for _, c := range t.ChainFaults {
		words := "shows a certificate that is not valid: " + c.Kind.String()
		if c.Detail != "" {
			words += " (" + c.Detail + ")"
		}
		list = append(list, words)
	}
	if t.NameFault != "" {
		list = append(list, "shows a certificate that "+t.NameFault)
	}
	return list
}
