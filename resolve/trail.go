package resolve

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// A trail is the way from the name asked over CNAMEs to the records.
type trail struct {
	ans  Answer
	name string // where it has come to
}

func newTrail(q Question) *trail {
	return &trail{name: q.Name, ans: Answer{Question: q, Exists: true, Authenticated: true}}
}

// walk goes as far as a reply to the question for t.name leads; more means that
// t.name is to be asked next.
func (t *trail) walk(r reply) (more bool, fault *Error) {
	q := t.ans.Question
	name, steps := spelling(t.name), 0
	for q.Type != "CNAME" {
		i := slices.IndexFunc(r.records, func(rec record.Record) bool { return rec.Type == "CNAME" && rec.Name == name })
		if i < 0 {
			break
		}
		c := r.records[i]
		if len(t.ans.Chain) == maxChain || met(t.ans, c.Data) || c.Data == spelling(q.Name) {
			return false, &Error{Question: q, Kind: Chain}
		}
		t.ans.Chain = append(t.ans.Chain, c)
		name = c.Data
		steps++
	}
	t.ans.Authenticated = t.ans.Authenticated && r.ad
	t.ans.Authoritative = r.aa && q.At != ""
	for _, rec := range r.records {
		if rec.Type == q.Type && rec.Name == name {
			t.ans.Records = append(t.ans.Records, rec)
		}
	}
	beyond := steps > 0 && r.rcode == dns.RcodeSuccess && !r.hasSOA // RFC 2308, 2.2: a negative end has its SOA
	switch {
	case len(t.ans.Records) > 0:
	case beyond && q.At == "":
		t.name = name
		if nameFault(name) != "" {
			return false, &Error{Question: q, Kind: Malformed}
		}
		return true, nil
	default:
		t.ans.Exists = r.rcode != dns.RcodeNameError
	}
	t.ans.TTL = leastTTL(t.ans.Chain, t.ans.Records)
	if t.ans.Void() && (len(t.ans.Chain) == 0 || r.negative < t.ans.TTL) {
		t.ans.TTL = r.negative
	}
	return false, nil
}

// spelling is the name as messages spell it: an escape may stand for an octet
// that needs none.
func spelling(name string) string {
	if !strings.Contains(name, `\`) {
		return name
	}
	wire := make([]byte, maxName+1)
	end, err := dns.PackDomainName(name, wire, 0, nil, false)
	if err != nil {
		return name
	}
	plain, _, err := dns.UnpackDomainName(wire[:end], 0)
	if err != nil {
		return name
	}
	return canonicalName(plain)
}
