package dns

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// TestServersThatServeBoth: a server that has a CNAME and other records at one
// name gives each to who asks for it, which no zone in a scenario does.
func TestServersThatServeBoth(t *testing.T) {
	zone := resolve.NewZone([]record.Record{
		{Name: "example.org.", Type: "NS", Data: "ns.example.org."},
		{Name: "ns.example.org.", Type: "A", Data: "192.0.2.53"},
		{Name: "mx.example.org.", Type: "A", Data: "192.0.2.25"},
		record.MX("example.org", 10, "mx.example.org"),
		record.TXT("example.org", "v=spf1 mx -all"),
		record.TXT("_dmarc.example.org", "v=DMARC1; p=reject"),
	})
	aliases := map[string]string{"example.org.": "shop.hoster.example.", "_dmarc.example.org.": "dmarc.service.example."}
	cname := func(name string) record.Record {
		return record.Record{Name: name, Type: "CNAME", Data: aliases[name]}
	}
	// A resolver that has met the CNAME before follows it; the server does not.
	cached := func(q resolve.Question) bool { return q.At == "" && q.Name == "_dmarc.example.org." }
	env := &checks.Env{
		Domain: "example.org.", Now: time.Now, Lab: true,
		DNS: resolve.Func(func(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
			switch {
			case aliases[q.Name] != "" && q.Type == "CNAME":
				return resolve.Answer{Question: q, Exists: true, Records: []record.Record{cname(q.Name)}, Authoritative: q.At != ""}, nil
			case aliases[q.Name] != "" && (q.Type == "A" || q.Type == "AAAA" || cached(q)):
				return resolve.Answer{Question: q, Chain: []record.Record{cname(q.Name)}, Authoritative: q.At != ""}, nil
			}
			return zone.Resolve(ctx, q)
		}),
	}
	r := checks.Run(t.Context(), env, []*checks.Check{CNAMECoexistence}, nil)[0]
	if r.Outcome != diagnosis.Failed || len(r.Findings) != 2 {
		t.Fatalf("%v %s %+v", r.Outcome, r.Reason, r.Findings)
	}
	apex, policy := r.Findings[0], r.Findings[1]
	if want := "example.org is an alias (CNAME) of shop.hoster.example and has MX, TXT, NS records of its own"; !strings.HasPrefix(apex.Message, want) {
		t.Errorf("message %q", apex.Message)
	}
	if want := "_dmarc.example.org is an alias (CNAME) of dmarc.service.example and has TXT records of its own"; !strings.HasPrefix(policy.Message, want) {
		t.Errorf("message %q", policy.Message)
	}
	if edits := policy.Remedy.Edits; len(edits) != 1 || edits[0].Slot != (record.Slot{Name: "_dmarc.example.org.", Type: "CNAME"}) || len(edits[0].Want) > 0 || len(policy.Remedy.Steps) == 0 {
		t.Errorf("remedy %+v", policy.Remedy)
	}
}
