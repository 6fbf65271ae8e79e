package arc

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/arc"
)

// Chain: what forwarders vouch for can be believed.
var Chain = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "arc.chain",
		Title:    "The ARC chain of the message validates",
		Severity: diagnosis.Advice,
		Why:      "A mailing list or a forwarder breaks SPF, and often DKIM. With a chain that validates, a receiver that trusts the forwarder sees that the mail was in order before; with a broken one it does not, and DMARC decides.",
		Doc: `Every host that passes the message on adds a set of three fields, which seals what it found and all sets before. The chain validates if the sets are complete, from 1 on without a gap, if no seal says that the chain had failed before (cv=fail), if the newest message signature verifies, and if all seals do (RFC 8617, 5.2). Keys are asked for in the DNS as for DKIM; where one gave no answer, nothing can be told. A message without a chain is not judged: no host that forwarded it has added one.

Once broken a chain stays so: who comes later may only seal that it failed. Receivers ignore it then, as if it were not there.

To fix it, look at the first set that fails. If its signature of the body fails, something behind that host changed the message: a footer, a filter, a list; whoever changes a message must seal it afterwards. If a key is missing, the host signs with a key that was never published, or is not any more.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8617, 5.2"}, {Name: "Google: Email sender guidelines", URL: "https://support.google.com/a/answer/81126"}},
	},
	Of:  checks.Messages,
	Run: chain,
})

func chain(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	m, err := facts.Message.Of(ctx, env)
	if err != nil {
		return v, err
	}
	c, err := facts.ARCChain.Of(ctx, env)
	switch {
	case err != nil:
		return v, err
	case m == nil:
		v.Skip = "no message is examined"
		return v, nil
	case m.Cut:
		v.Doubts = []diagnosis.Doubt{{Reason: "the message is larger than can be read here, so its seals cannot be verified"}}
		return v, nil
	case c.Status == arc.None:
		v.Seen = []diagnosis.Evidence{{Question: "ARC", Answer: "none: no host that passed the message on sealed it"}}
		return v, nil
	}
	v.Seen = []diagnosis.Evidence{{Question: "ARC", Answer: strings.Join(c.Trace(), "; ")}}
	switch {
	case c.Status == arc.Pass:
	case c.Temporary:
		v.Doubts = []diagnosis.Doubt{{Subject: "ARC", Reason: c.Cause}}
	default:
		v.Findings = []diagnosis.Finding{{
			Subject: subject(c), Severity: diagnosis.Advice,
			Message:  fmt.Sprintf("the ARC chain of %d %s does not validate: %s", len(c.Sets), sets(len(c.Sets)), c.Cause),
			Evidence: v.Seen,
			Remedy:   diagnosis.Remedy{Steps: []string{"Have the host that added the set that fails look into it: " + subject(c) + "."}},
		}}
	}
	return v, nil
}

func sets(n int) string {
	if n == 1 {
		return "set"
	}
	return "sets"
}

// subject is the set that makes the chain fail, and who added it.
func subject(c arc.Chain) string {
	for _, s := range c.Sets {
		if s.Instance == c.At && s.Domain != "" {
			return fmt.Sprintf("set %d of %.100q", s.Instance, s.Domain)
		}
	}
	return "ARC"
}
