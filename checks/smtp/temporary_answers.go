package smtp

import (
	"context"
	"regexp"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
)

// TemporaryAnswers: what mail hosts say is final.
var TemporaryAnswers = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "smtp.temporary-answers",
		Title:    "Every answer was final, none temporary",
		Severity: diagnosis.Advice,
		Why:      "A temporary refusal (4yz) delays mail and may be meant for this machine alone. It proves neither that the host is in order nor that it is not.",
		Doc: `Every answer of the conversation is looked at. A code that begins with 4 means "not now": the host is busy or shuts down (421), greylists a sender that it does not know (450, 451), has no TLS at the moment (454), or lacks space (452). What it would say to a sender that comes back is not known, so this check never fails: it names what was put off.

Greylisting is no fault. A sender comes back after some minutes and is accepted; large senders come back from other addresses and may be put off again, so let known ones pass (postscreen_dnswl, postwhite). An examination does not come back: it would only be told the same within its minute. Run it again after a quarter of an hour from the same machine.

A host that gives everybody a 421 is overloaded, or the filter in front of it has lost the server behind: look into its log.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 4.2.1"}, {Name: "RFC 6647, 2"}, {Name: "RFC 5321, 3.8"}},
	},
	Needs: []*checks.Check{Port25Inbound},
	Run:   temporaryAnswers,
})

func temporaryAnswers(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	return eachGreeted(ctx, env, func(a assessor) {
		var put []probe.Step
		for _, step := range a.Steps {
			nobody := step.Command == "RCPT TO:<"+facts.Unlikely(env)+">" // what a host says of nobody holds nobody up
			if step.Err != nil && step.Err.Kind == probe.Temporary && step.Stage != probe.StageQuit && !nobody {
				put = append(put, step)
			}
		}
		if len(put) == 0 {
			a.seen("no temporary refusal")
			return
		}
		step := put[0]
		switch {
		case greylisted(step):
			a.doubt("greylists: %s", quoted(step))
		case step.Reply.Code == 421:
			a.doubt("is busy or shutting down, at %s: %s", step.Stage, quoted(step))
		case step.Stage == probe.StageSTARTTLS:
			a.doubt("has no TLS at the moment: %s", quoted(step))
		case step.Reply.Code == 452:
			a.doubt("lacks space, at %s: %s", step.Stage, quoted(step))
		default:
			a.doubt("refuses for now, at %s: %s", step.Stage, quoted(step))
		}
	})
}

// grey is how hosts speak of greylisting.
var grey = regexp.MustCompile(`(?i)gr[ea]y-?\s?list|postgrey|(try|come|retry)( again)? (later|in \d+)|again in \d+|deferred`)

// greylisted reports whether an answer is that of greylisting (RFC 6647, 2).
func greylisted(step probe.Step) bool {
	return step.Err != nil && step.Err.Kind == probe.Temporary && step.Stage == probe.StageRcpt &&
		step.Reply.Code != 421 && step.Reply.Code != 452 && grey.MatchString(step.Reply.String())
}
