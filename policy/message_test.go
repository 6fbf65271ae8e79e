package policy_test

import (
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/policy"
)

// sound is results by which every receiver accepts a message.
func sound(p policy.Policy) map[string]diagnosis.Result {
	results := make(map[string]diagnosis.Result)
	for _, d := range p.Demands {
		for _, id := range d.Any {
			results[id] = diagnosis.Result{Rule: diagnosis.Rule{ID: id}}
		}
	}
	return results
}

func failing(id string, s diagnosis.Severity) diagnosis.Result {
	return diagnosis.Result{Rule: diagnosis.Rule{ID: id}, Outcome: diagnosis.Failed, Severity: s, Findings: []diagnosis.Finding{{Message: id, Severity: s}}}
}

func TestForMessage(t *testing.T) {
	skipped := diagnosis.Result{Rule: diagnosis.Rule{ID: "auth.tls"}, Outcome: diagnosis.Skipped, Reason: "not told"}
	unknown := diagnosis.Result{Rule: diagnosis.Rule{ID: "auth.reverse-dns"}, Outcome: diagnosis.Unknown, Reason: "no answer"}
	noPolicy := diagnosis.Result{Rule: diagnosis.Rule{ID: "auth.dmarc"}, Seen: []diagnosis.Evidence{{Question: "DMARC", Answer: "none", Absent: true}}}
	for _, c := range []struct {
		name string
		is   diagnosis.Result
		want string // the answers of gmail, gmail-bulk, yahoo, microsoft
	}{
		{"all is well", diagnosis.Result{}, "yes yes yes yes"},
		{"forwarded: SPF fails, DKIM carries", failing("auth.spf", diagnosis.Advice), "yes no no no"},
		{"no signature passes", failing("auth.dkim", diagnosis.Advice), "yes no no no"},
		{"DMARC fails, and p=none", failing("auth.dmarc", diagnosis.Warning), "yes no no no"},
		{"DMARC fails, and p=reject", failing("auth.dmarc", diagnosis.Critical), "no no no no"},
		{"no DMARC policy", noPolicy, "yes no no no"},
		{"not aligned", failing("auth.aligned", diagnosis.Warning), "yes no no no"},
		{"nothing authenticates it", failing("auth.authenticated", diagnosis.Critical), "no yes yes yes"}, // the others ask for each
		{"no reverse DNS", failing("auth.reverse-dns", diagnosis.Warning), "no no no yes"},
		{"reverse DNS is not known", unknown, "unknown unknown unknown yes"},
		{"in the clear", failing("auth.tls", diagnosis.Advice), "no no yes yes"},
		{"TLS is not told", skipped, "yes yes yes yes"},
		{"no author", failing("message.author", diagnosis.Critical), "no no no no"},
		{"no Message-ID", failing("message.headers", diagnosis.Warning), "yes yes yes yes"},
		{"no one click", failing("message.unsubscribe", diagnosis.Warning), "yes no no yes"},
		{"nobody can answer", failing("message.reply-address", diagnosis.Warning), "yes yes yes no"},
		{"in the name of a mailbox provider", failing("message.freemail-from", diagnosis.Critical), "no no yes yes"},
		{"too large", failing("auth.size", diagnosis.Warning), "no no no no"},
	} {
		var got []string
		for _, p := range policy.All() {
			of, ok := p.ForMessage()
			if !ok {
				continue
			}
			results := sound(of)
			if _, asked := results[c.is.Rule.ID]; asked {
				results[c.is.Rule.ID] = c.is
			}
			var list []diagnosis.Result
			for _, r := range results {
				list = append(list, r)
			}
			j := of.Judge(list)
			got = append(got, map[diagnosis.Outcome]string{diagnosis.Passed: "yes", diagnosis.Failed: "no", diagnosis.Unknown: "unknown"}[j.Answer])
			if j.Question != p.Message.Question || j.AsOf != p.AsOf || j.Source != p.Source || len(j.Unseen) == 0 {
				t.Errorf("%s: %+v", p.Name, j)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, want %s", c.name, s, c.want)
		}
	}
}
