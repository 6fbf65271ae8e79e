package deliver_test

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mta/client/clienttest"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/resolve"
)

const twoHosts = `example.org MX 10 mx1.example.org.
example.org MX 20 mx2.example.org.
mx1.example.org A 192.0.2.1
mx1.example.org AAAA 2001:db8::1
mx2.example.org A 192.0.2.2`

func TestRouting(t *testing.T) {
	for name, test := range map[string]struct {
		records string
		domain  string
		faults  map[string]resolve.Kind
		serve   string // addresses at which a host takes mail
		dialed  string // in that order
		want    string
	}{
		"preferred first": {twoHosts, "example.org", nil, "192.0.2.1 192.0.2.2", "[2001:db8::1] 192.0.2.1", "delivered 2.0.0"},
		"second host":     {twoHosts, "example.org", nil, "192.0.2.2", "[2001:db8::1] 192.0.2.1 192.0.2.2", "delivered 2.0.0"},
		"nobody":          {twoHosts, "example.org", nil, "", "[2001:db8::1] 192.0.2.1 192.0.2.2", "temporary 4.4.1"},
		"equal by name without chance": {`example.org MX 10 b.example.org.
			example.org MX 10 a.example.org.
			a.example.org A 192.0.2.1
			b.example.org A 192.0.2.2`, "example.org", nil, "", "192.0.2.1 192.0.2.2", "temporary 4.4.1"},
		"no MX":             {"example.org A 192.0.2.1", "example.org", nil, "192.0.2.1", "192.0.2.1", "delivered 2.0.0"},
		"no MX, no address": {"example.org TXT x", "example.org", nil, "", "", "permanent 5.4.4"},
		"null MX":           {"example.org MX 0 .\nexample.org A 192.0.2.1", "example.org", nil, "192.0.2.1", "", "permanent 5.1.10"},
		"no such domain":    {"example.com A 192.0.2.1", "example.org", nil, "", "", "permanent 5.1.2"},
		"MX without address is no reason for the domain's own": {"example.org MX 10 mx.example.org.\nexample.org A 192.0.2.1", "example.org", nil, "192.0.2.1", "", "permanent 5.4.4"},
		"SERVFAIL":             {twoHosts, "example.org", map[string]resolve.Kind{"MX example.org": resolve.ServFail}, "192.0.2.1", "", "temporary 4.4.3"},
		"address SERVFAIL":     {twoHosts, "example.org", map[string]resolve.Kind{"A mx1.example.org": resolve.ServFail, "AAAA mx1.example.org": resolve.Timeout}, "", "192.0.2.2", "temporary 4.4.3"},
		"all addresses fail":   {"example.org MX 10 mx.example.org.", "example.org", map[string]resolve.Kind{"A mx.example.org": resolve.ServFail}, "", "", "temporary 4.4.3"},
		"one family fails":     {twoHosts, "example.org", map[string]resolve.Kind{"AAAA mx1.example.org": resolve.ServFail}, "192.0.2.1", "192.0.2.1", "delivered 2.0.0"},
		"domain is an alias":   {"example.org CNAME example.com.\nexample.com MX 10 mx.example.com.\nmx.example.com A 192.0.2.7", "example.org", nil, "192.0.2.7", "192.0.2.7", "delivered 2.0.0"},
		"host is an alias":     {"example.org MX 10 mx.example.org.\nmx.example.org CNAME host.example.com.\nhost.example.com A 192.0.2.7", "example.org", nil, "192.0.2.7", "192.0.2.7", "delivered 2.0.0"},
		"international domain": {"xn--bcher-kva.example MX 10 mx.example.org.\nmx.example.org A 192.0.2.1", "bücher.example", nil, "192.0.2.1", "192.0.2.1", "delivered 2.0.0"},
		"literal":              {"", "[192.0.2.9]", nil, "192.0.2.9", "192.0.2.9", "delivered 2.0.0"},
		"IPv6 literal":         {"", "[IPv6:2001:db8::9]", nil, "2001:db8::9", "[2001:db8::9]", "delivered 2.0.0"},
		"bad literal":          {"", "[192.0.2]", nil, "", "", "permanent 5.1.3"},
		"IPv6 without its tag": {"", "[2001:db8::9]", nil, "", "", "permanent 5.1.3"},
		"we are the best MX":   {"example.org MX 10 out.example.net.\nout.example.net A 192.0.2.99\nexample.org MX 20 mx.example.org.\nmx.example.org A 192.0.2.1", "example.org", nil, "192.0.2.1", "", "permanent 5.4.6"},
		"we are the backup":    {"example.org MX 20 out.example.net.\nout.example.net A 192.0.2.99\nexample.org MX 10 mx.example.org.\nmx.example.org A 192.0.2.1\nexample.org MX 20 mx3.example.org.\nmx3.example.org A 192.0.2.3", "example.org", nil, "192.0.2.3", "192.0.2.1", "temporary 4.4.1"},
		"our address":          {"example.org MX 10 mx.example.org.\nmx.example.org A 192.0.2.99", "example.org", nil, "192.0.2.99", "", "permanent 5.4.6"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, test.records)
			if test.faults != nil {
				w.faults = test.faults
			}
			for _, addr := range strings.Fields(test.serve) {
				w.host(addr, &clienttest.Host{})
			}
			s := w.sender()
			s.Here = []netip.Addr{netip.MustParseAddr("192.0.2.99")}
			report := s.Deliver(t.Context(), job(test.domain, "b@"+test.domain))
			if got := said(report.Results[0]); got != test.want {
				t.Errorf("%s (%s), want %s", got, report.Results[0].Text, test.want)
			}
			if got := strings.Join(w.dialed, " "); got != test.dialed {
				t.Errorf("dialed %s, want %s", got, test.dialed)
			}
		})
	}
}

// A host that greets with our own name is us, by whatever way we got there.
func TestLoopByName(t *testing.T) {
	w := newWorld(t, "example.org MX 10 mx.example.org.\nmx.example.org A 192.0.2.1")
	h := w.host("192.0.2.1", &clienttest.Host{Name: "OUT.example.net"})
	if r := w.sender().Deliver(t.Context(), job("example.org", "b@example.org")).Results[0]; said(r) != "permanent 5.4.6" {
		t.Error(said(r), r.Text)
	}
	if len(h.Messages()) != 0 {
		t.Error("it was given the message")
	}
	s := w.sender()
	s.Names, s.Routes.ToSelf = []string{"mx.example.org"}, true
	if r := s.Deliver(t.Context(), job("example.org", "b@example.org")).Results[0]; said(r) != "delivered 2.0.0" {
		t.Errorf("by hand: %s %s", said(r), r.Text)
	}
}

func TestSpecial(t *testing.T) {
	for addr, ok := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1": true, "127.0.0.1": false, "10.1.2.3": false, "169.254.169.254": false, "100.64.1.1": false, "::1": false, "fd00::1": false,
		"fe80::1": false, "0.0.0.0": false, "255.255.255.255": false, "224.0.0.1": false, "::ffff:127.0.0.1": false, "192.0.2.1": false, "2001:db8::1": false,
	} {
		if (deliver.Special(netip.MustParseAddr(addr)) == "") != ok {
			t.Errorf("%s: %q", addr, deliver.Special(netip.MustParseAddr(addr)))
		}
	}
	w := newWorld(t, "example.org MX 10 mx.example.org.\nmx.example.org A 10.0.0.1\nmx.example.org AAAA ::1")
	s := w.sender()
	s.Refuse = nil
	if r := s.Deliver(t.Context(), job("example.org", "b@example.org")).Results[0]; said(r) != "permanent 5.4.4" || !strings.Contains(r.Text, "private") {
		t.Error(said(r), r.Text)
	}
	if len(w.dialed) != 0 {
		t.Error("dialed", w.dialed)
	}
}

func TestBounds(t *testing.T) {
	var records strings.Builder
	for i := range 40 {
		fmt.Fprintf(&records, "example.org MX %d mx%d.example.org.\nmx%d.example.org A 192.0.2.%d\n", i, i, i, i+1)
	}
	w := newWorld(t, records.String())
	w.sender().Deliver(t.Context(), job("example.org", "b@example.org"))
	if len(w.dialed) != 8 {
		t.Errorf("%d addresses were tried", len(w.dialed))
	}
	greylisting := newWorld(t, records.String())
	for i := range 40 {
		greylisting.host(fmt.Sprintf("192.0.2.%d", i+1), &clienttest.Host{Answers: map[string]string{"RCPT": "450 4.2.0 greylisted"}})
	}
	report := greylisting.sender().Deliver(t.Context(), job("example.org", "b@example.org"))
	if r := report.Results[0]; len(greylisting.dialed) != 4 || said(r) != "temporary 4.2.0" || r.Meaning.ID != "greylisted" || r.Host != "mx3.example.org." {
		t.Errorf("%d hosts, %s, %+v", len(greylisting.dialed), said(r), r)
	}
}

func TestShuffle(t *testing.T) {
	w := newWorld(t, "example.org MX 10 a.example.org.\nexample.org MX 10 b.example.org.\nexample.org MX 5 c.example.org.\na.example.org A 192.0.2.1\nb.example.org A 192.0.2.2\nc.example.org A 192.0.2.3")
	s := w.sender()
	s.Shuffle = func(n int, swap func(i, j int)) { swap(0, 1) }
	s.Deliver(t.Context(), job("example.org", "b@example.org"))
	if want := []string{"192.0.2.3", "192.0.2.2", "192.0.2.1"}; !slices.Equal(w.dialed, want) {
		t.Errorf("dialed %v", w.dialed)
	}
}

// What is wrong with the message or an address is known before anybody is called.
func TestPrepare(t *testing.T) {
	for name, test := range map[string]struct {
		job  deliver.Job
		want []string
	}{
		"bare LF":       {jobOf("a: b\n\r\nx", "example.org", "b@example.org"), []string{"permanent 5.6.11"}},
		"smuggling":     {jobOf("a: b\r\n\r\nx\n.\r\nMAIL FROM:<>\r\n", "example.org", "b@example.org", "c@example.org"), []string{"permanent 5.6.11", "permanent 5.6.11"}},
		"bare CR":       {jobOf("a: b\r\n\r\nx\r.\r\n", "example.org", "b@example.org"), []string{"permanent 5.6.11"}},
		"loop":          {jobOf(strings.Repeat("Received: x\r\n", 51)+"\r\n", "example.org", "b@example.org"), []string{"permanent 5.4.6"}},
		"no loop":       {jobOf(strings.Repeat("Received: x\r\n", 50)+"\r\nReceived: y\r\n", "example.org", "b@example.org"), []string{"delivered 2.0.0"}},
		"injection":     {job("example.org", "b@example.org>\r\nRCPT TO:<c@example.com", "c@example.org"), []string{"permanent 5.1.3", "delivered 2.0.0"}},
		"no domain":     {job("example.org", "postmaster"), []string{"permanent 5.1.3"}},
		"quoted":        {job("example.org", `"a b"@example.org`), []string{"delivered 2.0.0"}},
		"unicode name":  {job("example.org", "b@bücher.example"), []string{"delivered 2.0.0"}},
		"unicode local": {job("example.org", "bücher@example.org"), []string{"permanent 5.6.7"}},
		"eight bits":    {jobOf("a: b\r\n\r\n\xc3\xa4\r\n", "example.org", "b@example.org"), []string{"permanent 5.6.3"}},
		"nobody":        {job("example.org"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "example.org A 192.0.2.1")
			w.host("192.0.2.1", &clienttest.Host{})
			report := w.sender().Deliver(t.Context(), test.job)
			var got []string
			for _, r := range report.Results {
				got = append(got, said(r))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q: %+v", got, test.want, report.Results)
			}
		})
	}
	w := newWorld(t, "")
	broken := job("example.org", "b@example.org")
	broken.Open = func() (io.ReadCloser, error) { return nil, errBroken }
	if r := w.sender().Deliver(t.Context(), broken).Results[0]; said(r) != "temporary 4.3.0" {
		t.Error(said(r))
	}
}

func declared(message string) deliver.Job {
	j := jobOf(message, "example.org", "b@example.org")
	j.SMTPUTF8 = true
	return j
}

// What a message needs, and hosts offer or do not.
func TestOffers(t *testing.T) {
	eight := jobOf("a: b\r\n\r\n\xc3\xa4\r\n", "example.org", "b@example.org")
	utf8 := job("example.org", "bücher@example.org")
	for name, test := range map[string]struct {
		job    deliver.Job
		first  []string // what the first host offers
		second []string
		want   string
		mail   string // as the one that took it has it
	}{
		"8bit":                {eight, []string{"8BITMIME"}, nil, "delivered 2.0.0", "MAIL FROM:<a@example.net> BODY=8BITMIME"},
		"8bit at the second":  {eight, nil, []string{"8BITMIME"}, "delivered 2.0.0", "MAIL FROM:<a@example.net> BODY=8BITMIME"},
		"8bit nowhere":        {eight, nil, nil, "permanent 5.6.3", ""},
		"utf8":                {utf8, []string{"SMTPUTF8", "8BITMIME"}, nil, "delivered 2.0.0", "MAIL FROM:<a@example.net> SMTPUTF8"},
		"utf8 in the header":  {declared("S: \xc3\xa4\r\n\r\n"), []string{"8BITMIME"}, []string{"8BITMIME"}, "permanent 5.6.7", ""},
		"utf8 declared only":  {declared("S: a\r\n\r\n"), nil, nil, "delivered 2.0.0", "MAIL FROM:<a@example.net>"},
		"too large":           {job("example.org", "b@example.org"), []string{"SIZE 10"}, []string{"SIZE 10"}, "permanent 5.3.4", ""},
		"large enough at two": {job("example.org", "b@example.org"), []string{"SIZE 10"}, []string{"SIZE 0"}, "delivered 2.0.0", "MAIL FROM:<a@example.net> SIZE=45"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, twoHosts)
			hosts := []*clienttest.Host{w.host("192.0.2.1", &clienttest.Host{Offers: test.first}), w.host("192.0.2.2", &clienttest.Host{Offers: test.second})}
			r := w.sender().Deliver(t.Context(), test.job).Results[0]
			mail := ""
			for _, h := range hosts {
				for _, m := range h.Messages() {
					mail += m.From
				}
			}
			if said(r) != test.want || mail != test.mail {
				t.Errorf("%s (%s), %q", said(r), r.Text, mail)
			}
		})
	}
}
