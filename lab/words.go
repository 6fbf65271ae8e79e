package lab

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/probe"
)

// counted is "1 copy", "2 copies".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if stem, ok := strings.CutSuffix(what, "y"); ok {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// did is what the sender did, as it could be seen.
func (s *sufferer) did(e *Endured, visits int) string {
	n := len(e.Attempts)
	if n == 0 {
		return "made no attempt"
	}
	first := e.Attempts[0]
	var did []string
	if first.Results[0].Maybe {
		did = append(did, "in doubt whether it is there")
	}
	switch {
	case e.Copies == 0 && n > 1:
		did = append(did, fmt.Sprintf("%d attempts, then gave up", n))
	case e.Copies == 0 && visits == 0:
		did = append(did, "connected to nobody")
	case e.Copies == 0:
		did = append(did, "gave up at once")
	case n > 1 && s.fault.least == deliver.Verified:
		did = append(did, fmt.Sprintf("waited for TLS: %d attempts", n))
	case n > 1:
		did = append(did, fmt.Sprintf("tried again: %d attempts", n))
	default:
		did = append(did, atFirst(first))
	}
	if s.others {
		did = append(did, "other mail went on")
	}
	if s.fault.both && len(s.chaos.arrived(second+s.rcpt)) > 0 {
		did = append(did, "the other one has it")
	}
	return strings.Join(did, "; ")
}

// atFirst is how one attempt came to its end.
func atFirst(r deliver.Report) string {
	sessions := r.Sessions
	if len(sessions) == 0 {
		return "delivered it"
	}
	last := sessions[len(sessions)-1]
	switch {
	case sessions[0].Target.Host != last.Target.Host:
		return "took the next host"
	case len(sessions) > 1:
		return "connected again, without TLS"
	case slices.ContainsFunc(last.Steps, func(s probe.Step) bool { return strings.HasPrefix(s.Command, "HELO ") }):
		return "said HELO"
	case last.TLS == nil:
		return "went on without TLS"
	}
	return "went on"
}

// became is what became of the mail.
func (s *sufferer) became(e *Endured, inClear bool) string {
	var parts []string
	if e.Copies > 0 {
		delivered := "delivered"
		if e.Copies > 1 {
			delivered = fmt.Sprintf("delivered %d times", e.Copies)
		}
		last := e.Attempts[len(e.Attempts)-1]
		switch session := last.Sessions[len(last.Sessions)-1]; {
		case inClear:
			parts = append(parts, delivered+" in clear text")
		case session.Policy.Least == deliver.Verified:
			parts = append(parts, delivered, "verified")
		default:
			parts = append(parts, delivered, "encrypted")
		}
	}
	signed := len(e.Notices) > 0
	for _, n := range e.Notices {
		parts = append(parts, n.String())
		signed = signed && n.Signed > 0
	}
	if signed {
		parts = append(parts, "signed")
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}
