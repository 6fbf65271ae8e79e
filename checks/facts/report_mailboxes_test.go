package facts_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/checks/facts"
)

// reportsWorld is a domain that has its reports sent to addresses of its own, to
// one that no command can hold, and to several other domains.
func reportsWorld() string {
	var b strings.Builder
	rua := []string{"mailto:dmarc@example.org", "mailto:%C3%BC@example.org", "mailto:postmaster@example.org", "mailto:dmarc@shared.example", "mailto:x@dmarcian.com"}
	hosts := "-- zone shared.example --\n@ MX 10 mx1.example.org.\n-- zone dmarcian.com --\n@ MX 10 mx\nmx A 192.0.2.99\n"
	for i := range 4 {
		rua = append(rua, fmt.Sprintf("mailto:r@other%d.example", i))
		hosts += fmt.Sprintf("-- zone other%d.example --\n@ MX 10 mx1\n@ MX 20 mx2\n@ MX 30 mx3\nmx1 A 198.51.100.%d\nmx2 A 198.51.100.%d\nmx3 A 198.51.100.%d\n", i, 10*i+1, 10*i+2, 10*i+3)
	}
	fmt.Fprintf(&b, "domain: example.org\n\n-- zone --\n@ MX 10 mx1\n@ TXT \"v=spf1 mx -all\"\nmx1 A 192.0.2.25\n_dmarc TXT \"v=DMARC1; p=none; rua=%s\"\n", strings.Join(rua, ","))
	b.WriteString(hosts)
	b.WriteString("-- smtp/192.0.2.25:25 --\n220 mx1.example.org ESMTP\n")
	b.WriteString("-- smtp/198.51.100.12:25 --\n220 mx2.other1.example ESMTP\n")
	return b.String()
}

// TestReportDomains: the domain's own hosts are asked along with the rest, others
// by few conversations, and services not at all.
func TestReportDomains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := playSessions(t, reportsWorld())
		world.Want.RelayTest = false
		env := world.Env(t.Context())
		sessions, err := facts.Sessions.Of(t.Context(), env)
		if err != nil {
			t.Fatal(err)
		}
		domains, err := facts.ReportDomains.Of(t.Context(), env)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range domains {
			got = append(got, fmt.Sprintf("%s shared=%t asked=%d omitted=%d service=%q off=%q", d.Name, d.Shared, len(d.Sessions), len(d.Omitted), d.Service, d.Off))
		}
		want := []string{
			`example.org. shared=true asked=0 omitted=1 service="" off=""`,
			`shared.example. shared=true asked=0 omitted=0 service="" off=""`,
			`dmarcian.com. shared=false asked=0 omitted=0 service="dmarcian" off="its service is not asked"`,
			`other0.example. shared=false asked=2 omitted=0 service="" off=""`,
			`other1.example. shared=false asked=2 omitted=0 service="" off=""`,
			`other2.example. shared=false asked=2 omitted=0 service="" off=""`,
			`other3.example. shared=false asked=0 omitted=0 service="" off="there are too many report domains"`,
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		receptions := domains[1].Receptions(sessions, "dmarc@shared.example")
		if len(receptions) != 1 || receptions[0].Reception != facts.Accepted {
			t.Errorf("the shared host: %+v", receptions)
		}
		receptions = domains[4].Receptions(sessions, "r@other1.example")
		if len(receptions) != 2 || receptions[0].Reception != facts.Accepted || receptions[1].Reception != facts.Unasked {
			t.Errorf("the second host of another domain: %+v", receptions)
		}
		synctest.Wait()
		sent := world.Hosts[netip.MustParseAddrPort("192.0.2.25:25")].Sent()
		if len(sent) != 2 {
			t.Errorf("%d conversations with the domain's host, want 2", len(sent))
		}
		var rcpts []string
		for _, line := range slices.Concat(sent...) {
			if rcpt, ok := strings.CutPrefix(line, "RCPT TO:"); ok {
				rcpts = append(rcpts, rcpt)
			}
		}
		const asked = "<postmaster@example.org> <abuse@example.org> <dmarc@example.org> <dmarc@shared.example> <maildoctor-no-such-mailbox@example.org>"
		if got := strings.Join(rcpts, " "); got != asked {
			t.Errorf("asked for %s, want %s", got, asked)
		}
	})
}

// TestReception: what a host says of one recipient is read by what it says of the others.
func TestReception(t *testing.T) {
	const mailbox = "abuse@example.org"
	tests := []struct {
		script string
		want   facts.Reception
	}{
		{"220 mx", facts.Accepted},
		{"220 mx\nRCPT\n550 5.1.1 no such user", facts.NoMailbox},
		{"220 mx\nRCPT\n550 5.7.1 not you", facts.Rejected},
		{"220 mx\nRCPT <abuse@example.org>\n550 5.7.1 not you", facts.NoMailbox},
		{"220 mx\nRCPT\n554 5.7.1 Relay access denied", facts.NotServed},
		{"220 mx\nRCPT\n450 4.7.1 later", facts.Deferred},
		{"220 mx\n!close-after RCPT", facts.Unasked},
		{"220 mx\nMAIL\n550 5.1.1 no such user", facts.Rejected},
		{"220 mx\nMAIL\n451 4.7.1 later", facts.Deferred},
		{"220 mx\nEHLO\n550 no\nHELO\n550 no", facts.Unasked},
		{"!refuse", facts.Unasked},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			world := playSessions(t, "domain: example.org\n\n-- zone --\n@ MX 10 mx\n@ TXT \"v=spf1 mx -all\"\nmx A 192.0.2.25\n-- smtp/192.0.2.25:25 --\n"+test.script+"\n")
			set, err := facts.Sessions.Of(t.Context(), world.Env(t.Context()))
			if err != nil || len(set.List) != 1 {
				t.Fatalf("%d sessions, %v", len(set.List), err)
			}
			if got, step := set.List[0].Reception(mailbox); got != test.want {
				t.Errorf("%q: %d, want %d (%+v)", test.script, got, test.want, step)
			}
		})
	}
}
