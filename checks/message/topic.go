// Package message judges one message by itself: whether it is formed as the
// standards want it, and whether receivers will like what they see. Checks of
// this topic run where Env.Message is known, and nowhere else.
package message

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	mail "github.com/maildoctor/maildoctor/message"
)

// Checks is the checks of this topic.
var Checks checks.Topic

// errCut is why nothing is told of a message of which parts are missing.
var errCut = errors.New("the message is larger than can be read here, so what it says is not known in full")

// A run judges a message without asking anything.
type run = func(context.Context, *checks.Env) (diagnosis.Verdict, error)

// of is a check that judges the message alone.
func of(judge func(*diagnosis.Verdict, *facts.Mail)) run {
	return with(func(_ context.Context, _ *checks.Env, v *diagnosis.Verdict, m *facts.Mail) { judge(v, m) })
}

// with is a check that judges the message with what else is known.
func with(judge func(context.Context, *checks.Env, *diagnosis.Verdict, *facts.Mail)) run {
	return func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		var v diagnosis.Verdict
		m, err := facts.Message.Of(ctx, env)
		switch {
		case err != nil:
			return v, err
		case m == nil:
			v.Skip = "no message is examined"
		case m.Cut:
			return v, errCut
		default:
			judge(ctx, env, &v, m)
		}
		return v, nil
	}
}

func saw(v *diagnosis.Verdict, question, format string, args ...any) {
	v.Seen = append(v.Seen, diagnosis.Evidence{Question: question, Answer: fmt.Sprintf(format, args...)})
}

// find adds a finding; steps say what to do.
func find(v *diagnosis.Verdict, s diagnosis.Severity, subject, message string, evidence []diagnosis.Evidence, steps ...string) {
	v.Findings = append(v.Findings, diagnosis.Finding{Subject: subject, Severity: s, Message: message, Evidence: evidence, Remedy: diagnosis.Remedy{Steps: steps}})
}

// shown is fields of the message as evidence.
func shown(fields ...mail.Field) []diagnosis.Evidence {
	var list []diagnosis.Evidence
	for _, f := range fields[:min(len(fields), 5)] {
		list = append(list, diagnosis.Evidence{Question: fmt.Sprintf("line %d", f.Line), Answer: fmt.Sprintf("%s: %.300s", f.Name, f.Unfolded())})
	}
	return list
}

// place is a part for a reader.
func place(p mail.Part) string {
	if p.Path == "" {
		return "the body"
	}
	return "part " + p.Path
}

// kilobytes is octets for a reader; a kilobyte is 1024 of them.
func kilobytes(n int) string { return fmt.Sprintf("%d KB", (n+1023)/1024) }

// lineAt is the number of the line in which an octet of the message stands, from 1.
func lineAt(m *facts.Mail, offset int) int {
	return 1 + strings.Count(string(m.Raw[:min(offset, len(m.Raw))]), "\n")
}

// names is a list for a reader: "a", "a and b", "a, b and c".
func names(list []string) string {
	if n := len(list); n > 1 {
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
	return strings.Join(list, "")
}
