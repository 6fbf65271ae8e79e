package smtp

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// Smuggling: where a message ends is beyond dispute.
var Smuggling = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "smtp.smuggling",
		Title:    "Bare line ends do not end a message",
		Severity: diagnosis.Warning,
		Why:      "Where sender and receiver differ about where a message ends, whoever may send through the one can forge mail to the other from anybody who sends there, past SPF, DKIM and DMARC.",
		Doc: `A message ends with <CR><LF>.<CR><LF> and with nothing else. Servers that also take <LF>.<CR><LF>, <LF>.<LF> or the like were made to read the text of one message as a second one, with an envelope of its own (SMTP smuggling, December 2023): CVE-2023-51764 (Postfix), CVE-2023-51765 (Sendmail), CVE-2023-51766 (Exim), and filters that took a bare <CR>.

This can only be seen within a message, so it is done with --intrusive alone, and only to hosts that belong to no known mail service. ONE MESSAGE MAY BE DELIVERED: to one address of each host maildoctor begins a message to postmaster (MAIL, RCPT, DATA), sends some lines that explain themselves and then six false ends, one after the other, each with three seconds for an answer. A host that is in order waits for more, or refuses the message for its bare line ends; then the connection is closed and nothing is delivered, as a message that was never ended has to be forgotten (RFC 5321, 4.1.1.4 and 3.8). A host that answers 250 has taken a false end for the end: it is at fault, and postmaster gets the message, which says so. From there on nothing more is tried. No second envelope is ever sent, no other recipient named.

A refusal that does not speak of line ends may be one of the message, by a spam filter say, and leaves the question open. A host that takes longer than the waiting to accept a message is not noticed. Only what the host accepts is tested, not what it passes on.

To fix it: Postfix 3.9 and newer are in order as they come; 3.8.5, 3.7.10, 3.6.14, 3.5.24 and what followed on them with smtpd_forbid_bare_newline = normalize (or reject); older ones are best updated. Exim 4.97.1 and newer. Sendmail 8.18.1 and newer. On Cisco Secure Email choose "Allow" and not "Clean" for bare CR and LF.`,
		Refs: []diagnosis.Ref{
			{Name: "RFC 5321, 4.1.1.4"}, {Name: "RFC 5321, 2.3.8"},
			{Name: "CVE-2023-51764", URL: "https://www.cve.org/CVERecord?id=CVE-2023-51764"},
			{Name: "Postfix on SMTP smuggling", URL: "https://www.postfix.org/smtp-smuggling.html"},
		},
	},
	Needs: []*checks.Check{PostmasterAccepts},
	Run:   smuggling,
})

func smuggling(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	set, err := facts.Smuggling.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if v.Skip = set.Off; v.Skip != "" {
		return v, nil
	}
	alone := 0
	for _, t := range set.List {
		if t.Provider != "" {
			alone++
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: record.Display(t.Host), Answer: "run by " + t.Provider + ", and left alone"})
			continue
		}
		judgeEnds(env, t, &v)
	}
	switch {
	case len(set.List) > 0 && alone == len(set.List):
		v.Skip = "the mail hosts are not the owner's, but those of " + set.List[0].Provider
	case len(set.List) == 0:
		v.Doubts = []diagnosis.Doubt{{Reason: "with no mail host did the conversation get that far"}}
	}
	return v, nil
}

// judgeEnds judges what one host took for the end of a message.
func judgeEnds(env *checks.Env, t facts.SmugglingTest, v *diagnosis.Verdict) {
	host := record.Display(t.Host)
	where := host + " [" + t.Session.Target.Addr.String() + "]"
	doubt := func(format string, args ...any) {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: host, Reason: where + " " + fmt.Sprintf(format, args...)})
		v.Seen = append(v.Seen, t.Session.Evidence())
	}
	var tried []string
	var refused probe.Step
	hungUp := false
	for _, step := range t.Session.Steps {
		if step.Stage != probe.StageEnding {
			continue
		}
		if step.Command != "" {
			tried = append(tried, step.Command)
		}
		switch code := step.Reply.Code; {
		case code/100 == 2:
			v.Findings = append(v.Findings, smuggled(env, t, tried, step))
			return
		case code != 0 && !aboutLineEnds(step.Reply):
			doubt("refuses a message when it is sent %s, and whether for that or for the message is not said: %s", last(tried), quoted(step))
			return
		case code != 0:
			refused = step
		case probe.KindOf(step.Err) == probe.Closed:
			hungUp = true
		}
	}
	data, _ := t.Session.Step(probe.StageData)
	switch {
	case !t.Asked.Target.Addr.IsValid():
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: host, Reason: host + " took no mail for postmaster, so no message was begun"})
	case data.Err != nil:
		doubt("takes no DATA: %s", quoted(data))
	case hungUp:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: where, Answer: "hangs up when it is sent " + last(tried)})
	case refused.Reply.Code == 0 && (t.Session.Target.Unended == nil || len(tried) < len(t.Session.Target.Unended.Endings)):
		doubt("was not sent all that might be taken for an end: the conversation ended before")
	case refused.Reply.Code != 0:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: where, Answer: "refuses bare line ends: " + refused.Reply.String()})
	default:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: where, Answer: "no end of a message: " + strings.Join(tried, ", ")})
	}
}

// smuggled is the finding of a host that took a false end for the end.
func smuggled(env *checks.Env, t facts.SmugglingTest, tried []string, step probe.Step) diagnosis.Finding {
	host := record.Display(t.Host)
	return diagnosis.Finding{
		Subject: host, Severity: diagnosis.Warning,
		Message: fmt.Sprintf("mail host %s at %s takes %s for the end of a message: %s; postmaster@%s has got one that says so",
			host, t.Session.Target.Addr, last(tried), quoted(step), record.Display(env.Domain)),
		Evidence: []diagnosis.Evidence{t.Session.Evidence(probe.StageData, probe.StageEnding)},
		Remedy: diagnosis.Remedy{Steps: append(foreign(env, t.Host),
			"Update the mail server, and let it know one end of a message only; in Postfix: smtpd_forbid_bare_newline = normalize (3.9, 3.8.5, 3.7.10, 3.6.14, 3.5.24 or newer), then postfix reload.",
			"If a filter or a proxy stands in front of it, see to that first: it is the one that was talked to.")},
	}
}

func last(tried []string) string {
	if len(tried) == 0 {
		return "the head"
	}
	return tried[len(tried)-1]
}

// lineEnds is how hosts speak of bare line ends.
var lineEnds = regexp.MustCompile(`(?i)bare|line ?(feed|end|break)|newline|carriage|smtplf|\b(CR|LF|CRLF)\b|<(CR|LF)>|end[- ]of[- ]data|smuggl`)

// aboutLineEnds reports whether a refusal is one of bare line ends: by its words,
// or because the host takes them for a syntax error (RFC 3463, 3.6: 5.5.2).
func aboutLineEnds(r probe.Reply) bool {
	return lineEnds.MatchString(r.String()) || slices.Contains([]int{500, 501}, r.Code) || r.Enhanced == "5.5.2"
}
