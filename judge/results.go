package judge

import (
	"encoding/base64"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/arc"
	"github.com/maildoctor/maildoctor/mailauth/authres"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// Results is the judgement as the receiver authservID writes it into a header
// (RFC 8601). Fields that claim to come from the same receiver are to be taken out
// of the message first (authres.Strip).
func (j Judgement) Results(authservID string) authres.Results {
	r := authres.Results{ID: authservID}
	if p := j.IPRev; p.Code != "" {
		r.List = append(r.List, authres.IPRev(p.Code, j.Envelope.Client, record.Display(p.Name)))
	}
	if s := j.MailFrom; s.Evaluated && s.Sender != "" {
		r.List = append(r.List, authres.SPF(string(s.Code), s.Sender, "").Because(s.reason()))
	}
	if s := j.HELO; s.Evaluated {
		r.List = append(r.List, authres.SPF(string(s.Code), "", s.HELO).Because(s.reason()))
	}
	for _, v := range j.DKIM {
		s := v.Signature
		identity := s.Identity // RFC 8601, 2.7.1: only where it is there
		r.List = append(r.List, authres.DKIM(string(v.Code), s.Domain, identity, s.Selector, s.Algorithm, base64.StdEncoding.EncodeToString(s.Data)).Because(unless(v.Code == "pass", v.Cause)))
	}
	if len(j.DKIM) == 0 {
		r.List = append(r.List, authres.Result{Method: "dkim", Value: "none"})
	}
	if j.ARC.Status != arc.None {
		r.List = append(r.List, authres.ARC(string(j.ARC.Status), j.Envelope.Client, j.ARC.OldestPass).Because(unless(j.ARC.Status == arc.Pass, j.ARC.Cause)))
	}
	r.List = append(r.List, j.dmarc())
	return r
}

// dmarc is the result of RFC 9989, whose author, policy and place it tells.
func (j Judgement) dmarc() authres.Result {
	v := j.DMARC.RFC9989
	policy, found := "", ""
	if p := v.Discovery.Policy; p != nil && v.Requested != "" {
		policy, found = string(p.Record.Policy), plainName(p.Domain)
	}
	return authres.DMARC(string(v.Code), plainName(v.Author), policy, found).Because(j.comment(v))
}

// comment is why DMARC does not pass.
func (j Judgement) comment(v dmarc.Verdict) string {
	switch v.Code {
	case dmarc.Pass:
		return ""
	case dmarc.Fail:
		return j.failure(v)
	}
	return v.Cause
}

// plainName is a name without its final dot, as header fields have it.
func plainName(name string) string { return strings.TrimSuffix(name, ".") }

func unless(not bool, text string) string {
	if not {
		return ""
	}
	return text
}

// reason is what decided, without the code.
func (s SPF) reason() string {
	text, found := strings.CutPrefix(s.Result.String(), string(s.Code)+" (")
	if !found {
		return ""
	}
	return strings.TrimSuffix(text, ")")
}

// ReceivedSPF is the result of SPF as the receiver writes it into the older header
// field (RFC 7208, 9.1); ok is false where SPF was not evaluated. It tells of MAIL
// FROM, and of HELO where that is null.
func (j Judgement) ReceivedSPF(receiver string) (r authres.ReceivedSPF, ok bool) {
	s := j.MailFrom
	if !s.Evaluated {
		return r, false
	}
	identity := "mailfrom"
	if s.Sender == "" {
		identity = "helo"
	}
	r = authres.ReceivedSPF{Value: string(s.Code), Comment: s.reason()}
	r = r.With("receiver", receiver).With("identity", identity).With("client-ip", j.Envelope.Client.String())
	r = r.With("envelope-from", s.Sender).With("helo", s.HELO)
	if step, _, decided := s.Decisive(); decided {
		return r.With("mechanism", step.Term.String()), true
	}
	return r.With("problem", unless(s.Code != "permerror" && s.Code != "temperror", s.Cause)), true
}
