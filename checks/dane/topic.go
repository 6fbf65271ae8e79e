// Package dane holds the MX hosts to DANE (RFC 7672): TLSA records that stand in
// signed zones and are of the certificates that the hosts show. That a host
// has none is no fault where its zone is not signed.
package dane

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// Checks is the checks of this topic.
var Checks checks.Topic

// eachHost judges the TLSA records of each MX host.
func eachHost(ctx context.Context, env *checks.Env, judge func(*diagnosis.Verdict, facts.DANESet, facts.DANEHost)) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	set, err := facts.DANE.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if v.Skip = facts.TakesNoMail(ctx, env); v.Skip == "" {
		v.Skip = set.Off
	}
	if v.Skip != "" {
		return v, nil
	}
	for _, h := range set.Hosts {
		judge(&v, set, h)
	}
	return v, nil
}

// owned reports whether a host is the domain's own, so that its owner can publish
// records for it.
func owned(env *checks.Env, h facts.DANEHost) bool { return record.Within(h.Name, env.Domain) }

// note is a line of what was seen of a host.
func note(v *diagnosis.Verdict, h facts.DANEHost, format string, args ...any) {
	v.Seen = append(v.Seen, diagnosis.Evidence{Question: record.Display(h.Name), Answer: fmt.Sprintf(format, args...)})
}

// lacks is a note that a host has no TLSA record, and need not have one.
func lacks(v *diagnosis.Verdict, h facts.DANEHost, format string, args ...any) {
	note(v, h, format, args...)
	v.Seen[len(v.Seen)-1].Absent = true
}

// doubt is why nothing can be said of a host.
func doubt(v *diagnosis.Verdict, h facts.DANEHost, err error) {
	v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(h.Name), Reason: err.Error()})
}

// undecided notes why DANE does not apply to a host, or cannot be told; false
// where senders go by its records.
func undecided(v *diagnosis.Verdict, h facts.DANEHost) bool {
	switch {
	case h.Addrs.Err != nil:
		doubt(v, h, h.Addrs.Err)
	case h.Addrs.Proof.Security == resolve.Bogus:
		note(v, h, "its addresses are bogus, as dnssec.signed-valid says")
	case !h.Addrs.Secure():
		lacks(v, h, "its zone is not signed, so DANE does not apply")
	case h.TLSA.Err != nil:
		doubt(v, h, h.TLSA.Err)
	case !h.TLSA.Secure():
		lacks(v, h, "its TLSA records are not signed, so DANE does not apply")
	case h.Err != nil:
		doubt(v, h, h.Err)
	default:
		return false
	}
	return true
}

// evidence is the TLSA question and its answer.
func evidence(h facts.DANEHost) diagnosis.Evidence {
	return diagnosis.Evidence{Question: h.Answer.Question.String(), Answer: h.Answer.String()}
}
