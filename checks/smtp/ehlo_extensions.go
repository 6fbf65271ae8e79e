package smtp

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
)

// EHLOExtensions: every mail host knows EHLO, and so what came after 1993.
var EHLOExtensions = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "smtp.ehlo-extensions",
		Title:    "EHLO is accepted, and says what the host can do",
		Severity: diagnosis.Warning,
		Why:      "Encryption, large messages and eight-bit text are offered in the reply to EHLO. A host that knows HELO alone has none of them; one that knows neither takes no mail.",
		Doc: `Senders begin with EHLO and learn from the reply which extensions the host knows: STARTTLS, SIZE, 8BITMIME, PIPELINING, SMTPUTF8, REQUIRETLS and others. Every server must accept EHLO, and HELO as well. HELO is tried here where EHLO is refused. Which extensions there are is shown; none but STARTTLS is asked for.

"Command not recognized" or "not implemented" is a fault. Any other refusal may be meant for the name or the address of the machine on which maildoctor runs, and leaves the question open, as does a host that hangs up or takes long.

Where EHLO is refused, a firewall that inspects SMTP is the usual cause (on Cisco devices "inspect esmtp"); turn that off.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 2.2.1"}, {Name: "RFC 5321, 4.1.1.1"}},
	},
	Needs: []*checks.Check{Port25Inbound},
	Run:   ehloExtensions,
})

func ehloExtensions(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	inspection := []string{`If a firewall in front of it inspects SMTP, turn that off; on Cisco ASA: "no inspect esmtp" in the policy map.`, "Let the mail server itself answer on port 25."}
	return eachGreeted(ctx, env, func(a assessor) {
		step, ok := a.Step(probe.StageEHLO)
		how, cut := interrupted(step)
		switch {
		case !ok:
			a.doubt("was not asked before the examination ended")
		case step.Err == nil && strings.HasPrefix(step.Command, "HELO"):
			a.fault(diagnosis.Warning, "knows no EHLO, only HELO: no encryption, no large messages", inspection, probe.StageEHLO)
		case step.Err == nil && len(step.Extensions()) == 0:
			a.seen("EHLO, no extension")
		case step.Err == nil:
			a.seen("%s", strings.Join(a.extensions(), ", "))
		case cut:
			a.doubt("did not take EHLO: it %s", how)
		case step.Err.Kind == probe.Permanent && !unknownCommand(step):
			a.doubt("refuses the EHLO of this machine: %s", quoted(step))
		default:
			a.fault(diagnosis.Critical, fmt.Sprintf("refuses EHLO and HELO: %s", quoted(step)), inspection, probe.StageEHLO)
		}
	})
}

// extensions is what the host offers once all is set up, inside TLS if it has that.
func (a assessor) extensions() []string {
	step, ok := a.Step(probe.StageEHLO2)
	if !ok || len(step.Extensions()) == 0 {
		step, _ = a.Step(probe.StageEHLO)
	}
	return step.Extensions()
}

// unknownCommand reports whether a reply says that the host does not know the
// command (RFC 5321, 4.2.4).
func unknownCommand(step probe.Step) bool {
	switch step.Reply.Code {
	case 500, 502, 504:
		return true
	}
	return false
}
