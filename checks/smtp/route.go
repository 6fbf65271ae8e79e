package smtp

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// A route is what a sender knows of the way to a domain before it connects.
type route struct {
	env     *checks.Env
	to      string // the recipient
	mx      string
	dane    facts.DANESet
	policy  facts.STSPolicy
	sts     string // what is known of MTA-STS, in words
	reports string // where reports about TLS go, in words
}

func newRoute(ctx context.Context, env *checks.Env) (route, error) {
	r := route{env: env, to: "postmaster@" + record.Display(env.Domain)}
	set, err := facts.MX.Of(ctx, env)
	if err != nil {
		return r, err
	}
	for _, h := range set.Hosts {
		r.mx += fmt.Sprintf(" %d %s", h.Preference, record.Display(h.Name))
	}
	if r.dane, err = facts.DANE.Of(ctx, env); err != nil {
		return r, err
	}
	r.policy, err = facts.MTASTSPolicy.Of(ctx, env)
	switch {
	case err != nil:
		r.sts = "not known"
	case r.policy.Off != "":
		r.sts = "none"
	case !r.policy.Valid():
		r.sts = "no valid policy"
	default:
		r.sts = string(r.policy.Policy.Mode)
	}
	r.reports = "none"
	reports, err := facts.TLSReports.Of(ctx, env)
	if err != nil {
		return r, err
	}
	if own := reports[0]; own.Err != nil {
		r.reports = "not known"
	} else if len(own.Texts) == 1 && len(own.Record.RUA) > 0 {
		r.reports = "wanted"
	}
	return r, nil
}

// bound returns the TLSA records of a host that senders go by, if they do.
func (r route) bound(s facts.HostSession) (facts.DANEHost, bool) {
	h, ok := r.dane.Host(s.Host.Name)
	return h, ok && r.dane.MX.Secure() && h.Secure() && len(h.Usable()) > 0
}

// enforced reports whether MTA-STS senders insist on the policy (RFC 8461, 5).
func (r route) enforced() bool { return r.policy.Valid() && r.policy.Policy.Mode == mtasts.Enforce }

// An end is how far a delivery gets with one address.
type end struct {
	delivered bool
	doubt     bool // another one might get farther
	final     bool // no other host is tried
	policy    bool // the host does not keep to the policy in force, and that is all that is wrong with it
	stage     string
	why       string // in words that follow "it"
	see       string // the check whose matter it is
	severity  diagnosis.Severity
	proof     []probe.Stage
}

func (e end) String() string {
	if e.delivered {
		return "accepted: " + e.why
	}
	return "stops at " + e.stage + ": it " + e.why
}

// follow follows the route over one address.
func (r route) follow(s facts.HostSession) end {
	if e, stopped := r.policed(s); stopped {
		return e
	}
	for _, stage := range []probe.Stage{probe.StageConnect, probe.StageBanner, probe.StageEHLO} {
		if step, ok := s.Step(stage); ok && step.Err != nil {
			return r.ended(s, step)
		}
	}
	for _, stage := range []probe.Stage{probe.StageTLS, probe.StageEHLO2} {
		if step, ok := s.Step(stage); ok && step.Err != nil { // the conversation ended there
			return end{doubt: true, stage: step.Stage.String(), why: "fails in TLS, and whether it takes mail in clear text was not tried", see: "smtp.starttls"}
		}
	}
	reception, step := s.Reception(r.to)
	e := end{stage: step.Stage.String(), why: "answers " + quoted(step), severity: diagnosis.Critical, final: true, proof: []probe.Stage{probe.StageMail, probe.StageRcpt}, see: "smtp.postmaster-accepts"}
	switch reception {
	case facts.Accepted:
		return end{delivered: true, why: step.Reply.String()}
	case facts.NotServed:
	case facts.NoMailbox: // others may have one
		e.severity = diagnosis.Warning
	case facts.Rejected:
		e.doubt = true
	case facts.Deferred:
		e.doubt, e.final = true, false
	case facts.Unasked:
		e = end{doubt: true, stage: assessor{HostSession: s}.ended().String(), why: "was not asked to take mail before the conversation ended", see: "smtp.ehlo-extensions"}
	}
	return e
}

// ended is the end of a delivery by what went wrong in a step.
func (r route) ended(s facts.HostSession, step probe.Step) end {
	how, cut := interrupted(step)
	if !cut {
		how = "answers " + quoted(step)
	}
	if step.Stage == probe.StageConnect {
		how = "could not be reached (" + step.Err.Kind.String() + ")"
	}
	return end{doubt: cut, stage: step.Stage.String(), why: how, severity: diagnosis.Critical, proof: []probe.Stage{step.Stage}, see: "smtp.ehlo-extensions"}
}

// policed is the end of a delivery to a host that does not keep to the policy in
// force. DANE goes before MTA-STS (RFC 8461, 2).
func (r route) policed(s facts.HostSession) (end, bool) {
	h, bound := r.bound(s)
	proof := []probe.Stage{probe.StageEHLO, probe.StageSTARTTLS, probe.StageTLS}
	host := record.Display(s.Host.Name)
	switch {
	case bound:
	case r.dane.MX.Secure() && h.Addrs.Secure() && h.TLSA.Err != nil: // RFC 7672, 2.1.2
		return end{doubt: true, stage: "TLSA", why: "has TLSA records or none, which is not known, and senders that know DANE wait until it is: " + h.TLSA.Err.Error(), see: "dane.published"}, true
	case !r.enforced():
		return end{}, false
	case !r.policy.Policy.Matches(host):
		return end{policy: true, stage: "MTA-STS", why: "is not named in the policy, which is enforced", see: "mtasts.mx-covered", severity: diagnosis.Critical, proof: []probe.Stage{probe.StageConnect}}, true
	}
	policy, see := "MTA-STS", "mtasts.enforce-cert"
	if bound {
		policy, see = "DANE", "dane.chain-match"
	}
	if s.TLS == nil {
		_, asked := s.Step(probe.StageSTARTTLS)
		if asked || !s.Done(probe.StageEHLO) {
			return end{}, false // how the conversation ended is told by its steps
		}
		return end{stage: "starttls", why: "offers no STARTTLS, and " + policy + " wants it", see: see, severity: diagnosis.Critical, proof: proof}, true
	}
	why := ""
	if m := h.Match(r.env, s.TLS.Chain); bound && m.Record < 0 {
		why = "shows a certificate that no TLSA record names: " + m.Why
	} else if !bound && (!s.TLS.Trusted() || s.TLS.NameFault != "") {
		why = "shows a certificate that MTA-STS does not accept: " + s.TLS.String()
	}
	return end{policy: bound, stage: policy, why: why, see: see, severity: diagnosis.Critical, proof: proof}, why != ""
}

// table is the stages and the time that each took, in two lines.
func (r route) table(s facts.HostSession) string {
	tlsa := "none"
	if h, bound := r.bound(s); bound {
		tlsa = fmt.Sprintf("%d, secure", len(h.Usable()))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "MX%s, MTA-STS %s, TLS-RPT %s, TLSA %s\n", r.mx, r.sts, r.reports, tlsa)
	times := make([]string, 0, len(s.Steps))
	for _, step := range s.Steps {
		if step.Stage == probe.StageRcpt && step.Command != "RCPT TO:<"+r.to+">" || step.Stage == probe.StageReset || step.Stage == probe.StageVerify || step.Stage == probe.StageQuit {
			continue
		}
		if step.Stage == probe.StageMail && len(times) > 0 && strings.HasPrefix(times[len(times)-1], "rcpt") {
			break // other envelopes
		}
		times = append(times, fmt.Sprintf("%s %d ms", step.Stage, step.Took/time.Millisecond))
	}
	b.WriteString(strings.Join(times, ", "))
	return b.String()
}
