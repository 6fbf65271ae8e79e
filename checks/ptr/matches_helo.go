package ptr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// MatchesHELO: the host has one name.
var MatchesHELO = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "ptr.matches-helo",
		Title:    "PTR, EHLO name and host name agree",
		Severity: diagnosis.Warning,
		Why:      "A host that calls itself one thing while the DNS calls it another loses points with every spam filter.",
		Doc: `A mail server names itself in EHLO. Filters compare that name with the reverse DNS of the address. The name is taken from --helo, or from what the server itself says when it is an MX host: servers as a rule greet and send under one name.

To fix it, set the server's host name (Postfix: myhostname; Mailu and mailcow: the host name of the installation) and the PTR to the same name, and give the address one PTR record only: of several, a receiver sees any.

Relays of large providers that serve many domains are exempt: their names are none of your business.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 4.1.1.1"}, {Name: "RFC 1912, 2.1"}},
	},
	Of:    checks.Domains | checks.Addresses,
	Needs: []*checks.Check{Exists, GenericName, ForwardConfirmed},
	Run:   matchesHELO,
})

func matchesHELO(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	// That no conversation could be held is no error here: then the name is not known.
	sessions, err := facts.Sessions.Of(ctx, env)
	if err != nil {
		sessions = facts.SessionSet{}
	}
	nameless := 0
	v, err := eachSender(ctx, env, func(s facts.Sender, r facts.Reverse, v *diagnosis.Verdict) {
		if len(r.Names) == 0 {
			return // the matter of ptr.exists
		}
		g := greeting(env, s, sessions)
		if g.name == "" && g.err == nil && len(r.Names) == 1 {
			nameless++
		}
		judgeName(ctx, env, s, r, g, v)
	})
	if nameless > 0 && nameless == len(v.Seen) {
		v.Skip = "no EHLO name of a sending host is known; give it with --helo NAME"
	}
	return v, err
}

// A greeted is the name that a host gives itself, or why it is not known.
type greeted struct {
	name string // canonical; empty if not known
	said string // as evidence: "EHLO mx1.example.org"
	err  error
}

// greeting finds the name by which the sender greets. It is not known, without
// an error, of a host that nobody spoke to; that an MX host does not speak is the
// matter of smtp.port25-inbound.
func greeting(env *checks.Env, s facts.Sender, sessions facts.SessionSet) (g greeted) {
	if s.Declared && env.Want.HELO != "" {
		return greeted{name: env.Want.HELO, said: "given with --helo"}
	}
	for _, session := range sessions.List {
		if session.Target.Addr != s.Addr || !session.Greeted() {
			continue
		}
		if step, ok := session.Step(probe.StageEHLO); ok && session.Done(probe.StageEHLO) {
			if name := firstName(step.Reply.Texts()); name != "" {
				return greeted{name: name, said: session.Target.Endpoint()}
			}
		}
		g.err = errNoName
		if step, ok := session.Step(probe.StageEHLO); ok && step.Err != nil {
			g.err = step.Err
		} else if !ok && session.Err != nil {
			g.err = session.Err
		}
	}
	return g
}

// errNoName is why the name of a host is not known that answers EHLO without one.
var errNoName = errors.New("its answer to EHLO begins with no host name")

// firstName is the domain that begins an EHLO reply (RFC 5321, 4.1.1.1: "250-"
// Domain [SP greeting]), if it is a name of more than one label.
func firstName(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	word, _, _ := strings.Cut(strings.TrimSpace(texts[0]), " ")
	name, err := record.ParseDomain(word)
	if err != nil {
		return ""
	}
	return name
}

func judgeName(ctx context.Context, env *checks.Env, s facts.Sender, r facts.Reverse, g greeted, v *diagnosis.Verdict) {
	subject := s.Addr.String()
	finding := diagnosis.Finding{Subject: subject, Severity: diagnosis.Warning, Evidence: evidence(r)}
	matches := slices.ContainsFunc(r.Names, func(n facts.PTRName) bool { return n.Name == g.name })
	switch {
	case shared(env, r, g):
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: subject, Answer: names(r) + ", a relay of somebody else"})
	case len(r.Names) > 1:
		finding.Message = fmt.Sprintf("%s has %d PTR names (%s); receivers look at any one of them", s.Addr, len(r.Names), names(r))
		finding.Remedy.Steps = []string{"Keep one PTR record for " + subject + ": the name by which the server greets."}
		v.Findings = append(v.Findings, finding)
	case g.name != "" && !matches:
		finding.Message = fmt.Sprintf("%s greets as %s, but its PTR is %s", s.Addr, record.Display(g.name), names(r))
		finding.Evidence = append(finding.Evidence, diagnosis.Evidence{Question: "EHLO " + subject, Answer: record.Display(g.name)})
		finding.Remedy.Steps = rename(ctx, env, s, r, g)
		v.Findings = append(v.Findings, finding)
	case g.name != "":
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: subject, Answer: names(r) + " in PTR and EHLO"})
	case g.err != nil:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: subject, Reason: "the name that " + subject + " gives itself is not known: " + g.err.Error()})
	default:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: subject, Answer: names(r) + "; the EHLO name is not known (--helo gives it)"})
	}
}

// rename leads to one name. The PTR name leads back to the address (that is
// ptr.forward-confirmed), so that the server can take it at once; the other way
// is open only to a name of the public DNS.
func rename(ctx context.Context, env *checks.Env, s facts.Sender, r facts.Reverse, g greeted) []string {
	steps := []string{fmt.Sprintf("Have the server send under the name %s (Postfix: myhostname; Exchange: the FQDN of the send and receive connectors; in a container, its host name).", names(r))}
	if suffix, icann := publicsuffix.PublicSuffix(record.Display(g.name)); icann || strings.Contains(suffix, ".") {
		set := setPTR(ctx, env, s.Addr, g.name)
		set[0] = "Or, if " + record.Display(g.name) + " leads to " + s.Addr.String() + ", let the name stand and change the other. " + set[0]
		steps = append(steps, set...)
	}
	return steps
}

// shared reports whether the address belongs to a relay that serves many: all
// its names, that of the greeting included, are of another registrable domain,
// and at least one PTR name leads back.
func shared(env *checks.Env, r facts.Reverse, g greeted) bool {
	own := registrable(env.Domain)
	if env.Subject() == checks.Addresses || g.name == "" || registrable(g.name) == own {
		return false
	}
	led := false
	for _, n := range r.Names {
		if registrable(n.Name) != registrable(g.name) {
			return false
		}
		led = led || n.Confirms(r.Addr)
	}
	return led
}

func registrable(name string) string {
	name = record.Display(name)
	if domain, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		return domain
	}
	return name
}
