package smtp

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
)

// OpenRelay: mail hosts do not carry the mail of strangers to strangers.
var OpenRelay = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "smtp.open-relay",
		Title:    "Mail from strangers to strangers is refused",
		Severity: diagnosis.Critical,
		Why:      "An open relay is found within hours, sends spam in its owner's name, and is on every blocklist the day after.",
		Doc: `Asking a host to relay looks like abuse to whoever runs it, so it is done only with --open-relay-test, for hosts of your own. The host is asked by MAIL and RCPT alone, never DATA, whether it would take mail for a mailbox at example.com, a domain that is nobody's: from the null reverse-path and from postmaster@ the domain, plainly, by a source route, and with the foreign address hidden in a local part (user%host, host!user, "user@host").

A host that takes the hidden forms for local parts of the domain has no such mailbox, but may take mail for any local part (a catch-all). Therefore a name that surely does not exist is asked for as well; where that is accepted, the hidden forms prove nothing. A host may accept a recipient and refuse the mail later; none that does so deserves to be asked by spammers all day.

To fix it, accept mail for foreign domains only from authenticated users and your own networks. Postfix: smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination, with mynetworks naming your own hosts only: behind a proxy or Docker's userland proxy all the world comes from one inside address. Do not trust the sender's address, which anybody can write.`,
		Refs: []diagnosis.Ref{{Name: "RFC 2505, 2.1"}, {Name: "RFC 5321, 3.6.2"}, {Name: "RFC 1123, 5.2.16"}},
	},
	Needs: []*checks.Check{EHLOExtensions},
	Run:   openRelay,
})

func openRelay(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	if !env.Want.RelayTest {
		return diagnosis.Verdict{Skip: "asking a host to relay needs its owner's consent: --open-relay-test"}, nil
	}
	return eachGreeted(ctx, env, func(a assessor) {
		if !a.Done(probe.StageEHLO) {
			return // the matter of EHLOExtensions
		}
		var relays []string
		refused := 0
		complete := true
		last := "the conversation ended"
		for _, i := range []int{facts.RelayEnvelope, facts.RelayOwnEnvelope} {
			steps := a.Envelope(i)
			if len(steps) == 0 || steps[0].Err == nil && len(steps) <= len(a.Target.Envelopes[i].Rcpts) {
				complete = false
			}
			if len(steps) > 0 && steps[0].Err != nil {
				if steps[0].Err.Kind != probe.Permanent {
					complete, last = false, quoted(steps[0])
				}
				refused += len(a.Target.Envelopes[i].Rcpts)
				continue
			}
			forms := attempts(env, a, steps)
			for _, step := range forms {
				switch {
				case step.Err == nil:
					relays = append(relays, steps[0].Command+" "+step.Command)
				case step.Err.Kind == probe.Permanent:
					refused++
				default:
					complete, last = false, quoted(step)
				}
			}
		}
		if len(relays) > 0 {
			a.fault(diagnosis.Critical, "is an open relay: it accepts "+clipped(relays), []string{
				"Take the host off the internet until it is mended, or block outbound port 25: it is being looked for all the time.",
				"Let it accept foreign recipients from authenticated users and your own networks only; in Postfix: smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination, and look at mynetworks.",
			}, probe.StageMail, probe.StageRcpt)
			return
		}
		if !complete {
			a.doubt("did not answer every attempt to relay with yes or no: %s", last)
			return
		}
		a.seen("refused all of %d attempts to relay", refused)
	})
}

// attempts is the answers to recipients of an envelope that would be relaying.
// Where the host takes any local part of the domain, the hidden forms prove nothing.
func attempts(env *checks.Env, a assessor, steps []probe.Step) []probe.Step {
	r, _ := a.Reception(facts.Unlikely(env))
	return slices.DeleteFunc(slices.Clone(steps[min(1, len(steps)):]), func(s probe.Step) bool {
		return r == facts.Accepted && !strings.HasSuffix(s.Command, "@example.com>")
	})
}

// clipped is a list in a message: the first of them, and how many more.
func clipped(list []string) string {
	if len(list) == 1 {
		return list[0]
	}
	return fmt.Sprintf("%s, and %d more", list[0], len(list)-1)
}
