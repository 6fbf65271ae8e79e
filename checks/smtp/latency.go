package smtp

import (
	"context"
	"fmt"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
)

// Latency: mail hosts do not keep senders waiting.
var Latency = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "smtp.latency",
		Title:    "Commands are answered within a few seconds",
		Severity: diagnosis.Advice,
		Why:      "Senders wait five minutes for an answer, but those who look whether an address exists, web forms and monitoring give up sooner. A host that takes long as a rule waits for a resolver or a blocklist that does not answer.",
		Doc: `Each stage of the conversation is timed. A stage after the greeting that takes more than ten seconds is advice. RFC 5321 has senders wait five minutes for the greeting and for each command, so no mail is lost by it.

The greeting may take longer: hosts make clients wait for it on purpose (greet-pause, postscreen, a tarpit), and spammers do not. That is no fault, whatever other tools say of five seconds. What takes longer than an examination can wait leaves the question open.

To find the cause, look at what the mail server asks others about a client: reverse DNS, blocklists, SPF, ident. With a dead name server in /etc/resolv.conf, or a blocklist that has shut down, each such question costs its full timeout.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 4.5.3.2"}},
	},
	Needs: []*checks.Check{Port25Inbound},
	Run:   latency,
})

// patience is how long a command may take without a remark.
const patience = 10 * time.Second

func latency(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	return eachGreeted(ctx, env, func(a assessor) {
		var slowest, unfinished probe.Step
		for _, step := range a.Steps {
			switch {
			case step.Stage == probe.StageQuit || step.Stage == probe.StageBanner || step.Stage == probe.StageConnect:
			case step.Err != nil && step.Err.Kind == probe.Timeout:
				unfinished = step
			case step.Took > slowest.Took:
				slowest = step
			}
		}
		switch {
		case slowest.Took > patience:
			a.fault(diagnosis.Advice, fmt.Sprintf("takes %d s at %s", int(slowest.Took.Seconds()), slowest.Stage),
				[]string{"See that the name servers in its /etc/resolv.conf all answer, and that the blocklists it asks still exist."}, slowest.Stage)
		case unfinished.Err != nil:
			a.doubt("was not waited for at %s: %s; senders wait five minutes", unfinished.Stage, unfinished.Err.Detail)
		default:
			a.seen("answers within %v", max(slowest.Took.Round(time.Second), time.Second))
		}
	})
}
