package deliver_test

import (
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mta/client/clienttest"
	"github.com/maildoctor/maildoctor/mta/deliver"
)

// A plan tells what an attempt comes to, and nobody is connected to for it.
func TestPlan(t *testing.T) {
	const records = `example.org MX 10 mx.example.org.
example.org MX 20 other.example.com.
mx.example.org A 192.0.2.1
other.example.com A 192.0.2.2
example.net MX 0 .
private.example MX 10 mx.private.example.
mx.private.example A 10.0.0.1
_mta-sts.example.org TXT v=STSv1; id=1;
relay.example A 192.0.2.9
`
	routes := deliver.Routes{Relays: map[string]deliver.Relay{"smart": {Host: "relay.example"}}, Rules: []deliver.Rule{{Domain: "by.example", Relay: "smart"}, {Domain: "gone.example", Relay: "none"}}}
	for _, test := range []struct {
		domain, route string
		hosts         []string // with the source of the policy, or "fault"
		result        string
	}{
		{"example.org", "direct", []string{"mx.example.org. mta-sts", "other.example.com. fault"}, ""},
		{"example.net", "direct", nil, "5.1.10"},
		{"nothing.example", "direct", nil, "5.1.2"},
		{"private.example", "direct", []string{"mx.private.example. opportunistic"}, "5.4.4"},
		{"by.example", "relay smart", []string{"relay.example. configured"}, ""},
		{"gone.example", "relay none", nil, "4.3.5"},
	} {
		t.Run(test.domain, func(t *testing.T) {
			w := newWorld(t, records)
			w.sts = "version: STSv1\nmode: enforce\nmx: *.example.org\nmax_age: 86400\n"
			w.host("192.0.2.1", &clienttest.Host{})
			s := w.sender()
			s.HTTP, s.Routes = w, routes
			if test.domain == "private.example" {
				s.Refuse = deliver.Special
			}
			p := s.Plan(t.Context(), job(test.domain, "b@"+test.domain))
			var hosts []string
			for _, h := range p.Hosts {
				said := h.Policy.Source.String()
				if h.Fault != "" {
					said = "fault"
				}
				hosts = append(hosts, h.Name+" "+said)
			}
			if strings.Join(hosts, ", ") != strings.Join(test.hosts, ", ") || !strings.HasPrefix(p.Route, test.route) {
				t.Errorf("%s, hosts %q, want %s and %q", p.Route, hosts, test.route, test.hosts)
			}
			if test.result == "" && len(p.Results) > 0 || test.result != "" && (len(p.Results) != 1 || p.Results[0].Enhanced != test.result) {
				t.Errorf("%+v", p.Results)
			}
			if len(w.dialed) > 0 {
				t.Errorf("%v were connected to", w.dialed)
			}
		})
	}
}

// What the sender wants of TLS goes before that nothing is published.
func TestLeast(t *testing.T) {
	w := newWorld(t, "example.org MX 10 mx.example.org.\nmx.example.org A 192.0.2.1\n")
	h := w.host("192.0.2.1", &clienttest.Host{Name: "mx.example.org", Cert: w.ca.Issue(t, "other.example")})
	j := job("example.org", "b@example.org")
	for least, want := range map[deliver.Level]string{deliver.Clear: "delivered", deliver.Encrypted: "delivered", deliver.Verified: "temporary"} {
		j.Least = least
		r := w.sender().Deliver(t.Context(), j)
		if r.Results[0].Status.String() != want || least > deliver.Clear && r.Sessions[0].Policy.Source != deliver.Wished {
			t.Errorf("%s: %+v", least, r.Results[0])
		}
	}
	if n := len(h.Messages()); n != 2 {
		t.Errorf("%d messages", n)
	}
}
