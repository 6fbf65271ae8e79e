package smtp

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// A remark is what a check says of one address of a mail host, in words that
// follow its name: "offers no STARTTLS".
type remark struct {
	session  facts.HostSession
	text     string
	kind     kind
	severity diagnosis.Severity
	evidence diagnosis.Evidence
	steps    []string
}

type kind int

const (
	seen kind = iota
	fault
	doubt
)

// An assessor takes down the remarks on one session.
type assessor struct {
	facts.HostSession
	list *[]remark
}

func (a assessor) seen(format string, args ...any) {
	*a.list = append(*a.list, remark{session: a.HostSession, kind: seen, text: fmt.Sprintf(format, args...)})
}

func (a assessor) doubt(format string, args ...any) {
	*a.list = append(*a.list, remark{session: a.HostSession, kind: doubt, text: fmt.Sprintf(format, args...)})
}

// fault says what is wrong, shows the stages of the conversation that prove it,
// and how to mend it.
func (a assessor) fault(severity diagnosis.Severity, text string, steps []string, proof ...probe.Stage) {
	*a.list = append(*a.list, remark{
		session: a.HostSession, kind: fault, text: text, severity: severity,
		evidence: a.Evidence(proof...), steps: steps,
	})
}

// eachGreeted has judge assess every session whose host greeted, and makes a
// verdict of it. What is to be said alike of several addresses of a host is said
// once. That a host does not greet is the matter of Port25Inbound.
func eachGreeted(ctx context.Context, env *checks.Env, judge func(assessor)) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	sessions, err := facts.Sessions.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if v.Skip = sessions.Off; v.Skip != "" {
		return v, nil
	}
	var list []remark
	for _, s := range sessions.List {
		if s.Greeted() {
			judge(assessor{s, &list})
		}
	}
	sayAll(env, &v, list, sessions)
	if len(v.Seen)+len(v.Findings)+len(v.Doubts) == 0 { // some need says why
		v.Doubts = []diagnosis.Doubt{{Reason: "with no mail host did the conversation get that far"}}
	}
	return v, nil
}

// sayAll adds remarks to the verdict, those that are alike for a host as one.
func sayAll(env *checks.Env, v *diagnosis.Verdict, list []remark, sessions facts.SessionSet) {
	for len(list) > 0 {
		var group, rest []remark
		for _, r := range list {
			if r.kind == list[0].kind && r.text == list[0].text && r.session.Host.Name == list[0].session.Host.Name {
				group = append(group, r)
			} else {
				rest = append(rest, r)
			}
		}
		list = rest
		say(env, v, group, sessions)
	}
}

// say adds to the verdict what is said alike of some addresses of one host.
func say(env *checks.Env, v *diagnosis.Verdict, group []remark, sessions facts.SessionSet) {
	r, host := group[0], record.Display(group[0].session.Host.Name)
	var addrs []string
	for _, alike := range group {
		addrs = append(addrs, alike.session.Target.Addr.String())
	}
	subject := strings.Join(addrs, ", ")
	if len(group) == greeted(sessions, r.session.Host.Name) {
		subject = host // all of it
	}
	switch where := host + " [" + listed(addrs) + "]"; r.kind {
	case seen:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: where, Answer: r.text})
	case doubt:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: subject, Reason: where + " " + r.text})
		v.Seen = append(v.Seen, r.session.Evidence())
	case fault:
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: subject, Severity: r.severity,
			Message:  "mail host " + host + " at " + listed(addrs) + " " + r.text,
			Evidence: []diagnosis.Evidence{r.evidence},
			Remedy:   diagnosis.Remedy{Steps: append(foreign(env, r.session.Host.Name), r.steps...)},
		})
	}
}

// greeted is how many addresses of a host greeted.
func greeted(sessions facts.SessionSet, host string) int {
	n := 0
	for _, s := range sessions.List {
		if s.Greeted() && s.Host.Name == host {
			n++
		}
	}
	return n
}

// listed is "a, b and c", cut short where there are many.
func listed(words []string) string {
	const most = 4
	switch n := len(words); {
	case n > most:
		return fmt.Sprintf("%s and %d more", strings.Join(words[:most], ", "), n-most)
	case n > 1:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// foreign is the step to take first where a host is not under the domain.
func foreign(env *checks.Env, host string) []string {
	if isOwn(env, host) {
		return nil
	}
	return []string{fmt.Sprintf("If %s is run by somebody else, pass this on to them; what follows is for them.", record.Display(host))}
}

// isOwn reports whether a host is named under the same registrable domain.
func isOwn(env *checks.Env, host string) bool {
	own, err := publicsuffix.EffectiveTLDPlusOne(record.Display(env.Domain))
	if err != nil {
		own = record.Display(env.Domain)
	}
	return record.Within(host, record.Canonical(own))
}

// quoted is a reply as a message shows it.
func quoted(step probe.Step) string {
	const most = 160
	if said := step.Reply.String(); len(said) > most {
		return fmt.Sprintf("%q", said[:most]+"…")
	}
	return fmt.Sprintf("%q", step.Reply.String())
}

// ended is the stage at which the conversation did.
func (a assessor) ended() probe.Stage {
	last := probe.StageConnect
	for _, step := range a.Steps {
		if step.Stage != probe.StageQuit {
			last = step.Stage
		}
	}
	return last
}

// interrupted reports whether a stage ended as it might not another time, or for
// somebody else, and how: "answers EHLO with a temporary refusal".
func interrupted(step probe.Step) (how string, is bool) {
	if step.Err == nil {
		return "", false
	}
	switch step.Err.Kind {
	case probe.Temporary:
		return "temporarily refuses: " + quoted(step), true
	case probe.Timeout:
		return "took too long (" + step.Err.Detail + "; senders wait five minutes)", true // RFC 5321, 4.5.3.2
	case probe.Canceled:
		return "was cut short with the examination", true
	case probe.Closed:
		return "hung up", true
	case probe.Other:
		return "failed: " + step.Err.Error(), true
	}
	return "", false
}
