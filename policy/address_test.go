package policy

import (
	"testing"

	"github.com/maildoctor/maildoctor/diagnosis"
)

func TestAddress(t *testing.T) {
	unknown := diagnosis.Result{Outcome: diagnosis.Unknown, Reason: "timed out"}
	skipped := diagnosis.Result{Outcome: diagnosis.Skipped, Reason: "it is no IPv6 address"}
	tests := []struct {
		name   string
		change map[string]diagnosis.Result
		answer diagnosis.Outcome
	}{
		{"all in order", nil, diagnosis.Passed},
		{"what does not arise is no matter", map[string]diagnosis.Result{"dnsbl.ipv6-listed": skipped, "ip.port25-outbound": skipped}, diagnosis.Passed},
		{"a list that is silent is", map[string]diagnosis.Result{"dnsbl.ip-listed": unknown}, diagnosis.Unknown},
		{"a PTR that is not known is", map[string]diagnosis.Result{"ptr.exists": unknown}, diagnosis.Unknown},
		{"an unknown route is none", map[string]diagnosis.Result{"ip.asn": unknown, "ip.rpki-valid": unknown}, diagnosis.Passed},
		{"a bad one is", map[string]diagnosis.Result{"ip.rpki-valid": failed("ip.rpki-valid", diagnosis.Warning, "invalid")}, diagnosis.Failed},
		{"a list that few use is no matter", map[string]diagnosis.Result{"dnsbl.ip-listed": failed("dnsbl.ip-listed", diagnosis.Warning, "listed")}, diagnosis.Passed},
		{"shut in", map[string]diagnosis.Result{"ip.port25-outbound": failed("ip.port25-outbound", diagnosis.Critical, "closed")}, diagnosis.Failed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			results := healthy(Address())
			for id, r := range tt.change {
				r.Rule.ID = id
				results[id] = r
			}
			if j := Address().Judge(list(results)); j.Answer != tt.answer {
				t.Errorf("answer %v (against %v, open %v), want %v", j.Answer, j.Against, j.Open, tt.answer)
			}
		})
	}
}
