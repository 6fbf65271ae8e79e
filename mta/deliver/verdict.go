package deliver

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/replies"
	"github.com/maildoctor/maildoctor/probe"
)

// A verdict is a Result that is not yet anybody's.
type verdict struct {
	status         Status
	maybe          bool
	code           int
	enhanced, text string
	said           bool
	stage          probe.Stage
	host           string // canonical
	ip             netip.Addr
	after          time.Time
}

// ours is what nobody said.
func ours(status Status, code int, enhanced, text string) *verdict {
	return &verdict{status: status, code: code, enhanced: enhanced, text: text}
}

// of is what came of a stage: a reply, or why there was none.
func of(stage probe.Stage, reply probe.Reply, err *probe.Error) *verdict {
	v := &verdict{stage: stage}
	if err == nil && reply.Code == 0 {
		err = &probe.Error{Stage: stage, Kind: probe.Other}
	}
	whole := err == nil || err.Kind == probe.Temporary || err.Kind == probe.Permanent
	switch {
	case whole && reply.Code != 0:
		v.said, v.code, v.enhanced = true, reply.Code, reply.Enhanced
		v.text = clip(strings.Join(reply.Texts(), "\n"))
		if v.enhanced == "" {
			v.enhanced = fmt.Sprintf("%d.0.0", reply.Code/100)
		}
		v.status = [...]Status{2: Delivered, 4: Temporary, 5: Permanent}[reply.Code/100]
	default:
		v.code, v.enhanced, v.text = trouble(stage, err)
	}
	return v
}

// maxText bounds the text of a result, which is kept for each recipient; the whole
// of what was said stands in the session.
const maxText = 2000

func clip(text string) string {
	if len(text) > maxText {
		return text[:maxText] + "…"
	}
	return text
}

// trouble is the code of a fault of the connection (RFC 3463, 3.5, 3.6 and 3.8).
func trouble(stage probe.Stage, err *probe.Error) (code int, enhanced, text string) {
	text = err.Error()
	switch err.Kind {
	case probe.Invalid: // ours: see attempt.authenticate
		return 451, "4.3.5", text
	case probe.Garbage:
		return 451, "4.5.0", text
	case probe.Canceled:
		return 451, "4.3.2", text
	}
	switch stage {
	case probe.StageConnect:
		return 451, "4.4.1", text
	case probe.StageTLS:
		return 451, "4.7.5", text
	}
	return 451, "4.4.2", text
}

// ofAnswer is what came of a recipient.
func ofAnswer(answer client.Answer) *verdict {
	v := of(answer.Stage, answer.Reply, answer.Err)
	v.maybe = answer.Maybe
	if answer.Err == nil {
		v.status = Delivered
	}
	return v
}

// set gives a recipient its result.
func (a *attempt) set(i int, v *verdict) {
	r := &a.report.Results[i]
	*r = Result{
		Addr: r.Addr, Status: v.status, Maybe: v.maybe, Code: v.code, Enhanced: v.enhanced, Text: v.text, Said: v.said, Stage: v.stage,
		Host: v.host, IP: v.ip, Via: a.via, After: v.after,
	}
	if v.said && v.status != Delivered {
		r.Meaning, _ = replies.Explain(replies.Reply{Host: v.host, Code: v.code, Enhanced: v.enhanced, Text: v.text})
	}
}

// all gives a verdict to everybody who is still open.
func (a *attempt) all(v *verdict) {
	for _, i := range a.open {
		a.set(i, v)
	}
}
