package senders_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/senders"
)

const (
	good line = "192.0.2.25 100 both d=example.com/s1/pass spf=example.com/pass"
	own       = senders.Own
)

// What a source is follows from who it authenticates as, over days.
func TestStanding(t *testing.T) {
	for _, c := range []struct {
		name     string
		lines    []line
		days     int
		source   string
		standing senders.Standing
	}{
		{"SPF alone", []line{"192.0.2.25 10 spf spf=example.com/pass"}, 1, "192.0.2.25", own},
		{"a key of its own", []line{good, "198.51.100.5 10 dkim d=example.com/news/pass spf=bounce.example.net/pass"}, 1, "example.net", own},
		{"forwards", []line{good, "198.51.100.5 10 dkim d=example.com/s1/pass spf=forward.example.net/pass"}, 1, "example.net", senders.Forwarder},
		{"forwards without SPF", []line{good, "198.51.100.5 10 dkim d=example.com/s1/pass spf=example.com/fail"}, 1, "198.51.100.5", senders.Forwarder},
		{"a list that alters", []line{good, "198.51.100.5 10 none d=example.com/s1/fail d=lists.example.net/l/pass spf=lists.example.net/pass"}, 5, "example.net", senders.Forwarder},
		{"a gateway that alters", []line{good, "198.51.100.5 10 none d=example.com/s1/fail spf=example.com/softfail"}, 1, "198.51.100.5", senders.Forwarder},
		{"the receiver says so", []line{good, "198.51.100.5 10 none reason=mailing_list spf=example.com/fail"}, 1, "198.51.100.5", senders.Forwarder},
		{"a service that is not set up", []line{good, "198.51.100.5 1 none d=sendgrid.net/smtpapi/pass spf=u1.wl.sendgrid.net/pass"}, 1, "SendGrid", senders.Maybe},
		{"a service that is", []line{good, "198.51.100.5 1 dkim d=example.com/s9/pass d=sendgrid.net/smtpapi/pass spf=u1.wl.sendgrid.net/pass"}, 1, "SendGrid", own},
		{"a service that shares the key", []line{good, "198.51.100.5 1 dkim d=example.com/s1/pass d=amazonses.com/x/pass spf=eu.amazonses.com/pass"}, 1, "Amazon SES", own},
		{"forwards a service", []line{good, "198.51.100.5 9 dkim d=example.com/s9/pass d=sendgrid.net/x/pass spf=u1.sendgrid.net/pass", "203.0.113.5 99 dkim d=example.com/s9/pass spf=forward.example.org/pass"}, 1, "example.org", senders.Forwarder},
		{"forwards a key that SPF does not know", []line{good, "198.51.100.5 90 dkim d=example.com/s9/pass spf=crm.example.net/pass", "203.0.113.5 9 dkim d=example.com/s9/pass spf=forward.example.org/pass"}, 1, "example.org", senders.Forwarder},
		{"signs with a key that SPF does not know", []line{good, "198.51.100.5 90 dkim d=example.com/s9/pass spf=crm.example.net/pass", "203.0.113.5 9 dkim d=example.com/s9/pass spf=forward.example.org/pass"}, 1, "example.net", own},
		{"a mailbox service that forwards", []line{good, "198.51.100.5 1 dkim d=example.com/s1/pass d=gmail.com/x/pass spf=gmail.com/pass"}, 1, "Google Workspace", senders.Forwarder},
		{"somebody at a mailbox service once", []line{good, "198.51.100.5 1 none d=other.onmicrosoft.com/x/pass spf=other.onmicrosoft.com/pass"}, 1, "Microsoft 365", senders.Stranger},
		{"a mailbox service every day", []line{good, "198.51.100.5 1 none d=us.onmicrosoft.com/x/pass spf=us.onmicrosoft.com/pass"}, 3, "Microsoft 365", senders.Maybe},
		{"somebody once", []line{good, "198.51.100.5 1 none spf=spam.example.net/pass"}, 1, "example.net", senders.Stranger},
		{"somebody every day", []line{good, "198.51.100.5 1 none spf=crm.example.net/pass"}, 3, "example.net", senders.Maybe},
		{"a host once", []line{good, "198.51.100.5 1 none spf=example.com/softfail"}, 1, "unknown hosts", senders.Stranger},
		{"a host every day", []line{good, "198.51.100.5 1 none spf=example.com/softfail"}, 4, "198.51.100.5", senders.Maybe},
		{"one of many", []line{"192.0.2.1 1 both", "192.0.2.2 1 both", "192.0.2.3 1 both", "192.0.2.4 1 both", "192.0.2.5 1 both"}, 1, "192.0.2.0/24", own},
		{"beside a host of the domain", []line{good, "192.0.2.99 1 none spf=example.com/softfail"}, 4, "192.0.2.99", senders.Maybe},
	} {
		tally := senders.New("example.com", senders.Options{Now: now})
		add(t, tally, daily(1, c.days, "", c.lines...)...)
		found := false
		for _, s := range tally.Sources() {
			if s.Name == c.source {
				found = true
				if s.Standing != c.standing {
					t.Errorf("%s: %s is %s (%s), want %s", c.name, s.Name, s.Standing, s.Why, c.standing)
				}
			}
		}
		if !found {
			t.Errorf("%s: no source %s in %+v", c.name, c.source, tally.Sources())
		}
	}
}

// Addresses are named by the SPF records of the domain and of services.
func TestPublished(t *testing.T) {
	zone := resolve.NewZone([]record.Record{
		record.TXT("example.com.", "v=spf1 ip4:192.0.2.0/24 mx include:sendgrid.net include:_spf.crm.example ?include:_spf.neutral.example -all"),
		record.MX("example.com.", 10, "mx.example.com."),
		record.Address("mx.example.com.", netip.MustParseAddr("203.0.113.25")),
		record.TXT("sendgrid.net.", "v=spf1 ip4:198.51.100.0/25 include:ab.sendgrid.net ~all"),
		record.TXT("ab.sendgrid.net.", "v=spf1 ip6:2001:db8:5::/48 ip4:0.0.0.0/0 ~all"),
		record.TXT("_spf.crm.example.", "v=spf1 ip4:198.51.100.128/26 ~all"),
		record.TXT("_spf.neutral.example.", "v=spf1 ip4:198.51.100.192/26 ~all"),
		record.TXT("_spf.google.com.", "v=spf1 ip4:203.0.113.128/25 ~all"),
	})
	ranges, _ := senders.Published(context.Background(), zone, "example.com") // other services are in no zone
	tally := senders.New("example.com", senders.Options{Now: now})
	tally.Know(ranges)
	add(t, tally, daily(1, 3, "",
		"192.0.2.25 1 none", "203.0.113.25 1 none", "198.51.100.5 1 none", "2001:db8:5::1 1 none", "198.51.100.130 1 none", "198.51.100.200 1 none", "203.0.113.130 1 none")...)
	want := map[string]string{
		"192.0.2.25":       "own SPF of example.com",
		"203.0.113.25":     "own SPF of example.com, mx",
		"SendGrid":         "own SPF of example.com, include:sendgrid.net",
		"_spf.crm.example": "own SPF of example.com, include:_spf.crm.example",
		"198.51.100.200":   "maybe ",
		"Google Workspace": "maybe SPF of _spf.google.com",
	}
	for _, s := range tally.Sources() {
		if got := s.Standing.String() + " " + s.By; want[s.Name] != got {
			t.Errorf("%s: %q, want %q", s.Name, got, want[s.Name])
		}
		delete(want, s.Name)
	}
	if len(want) > 0 {
		t.Errorf("not there: %v", want)
	}
	for _, r := range ranges {
		if r.Prefix.Bits() < 8 {
			t.Errorf("range %v names everybody", r)
		}
	}
}

// That the DNS does not answer leaves names out, and is said.
func TestPublishedUnanswered(t *testing.T) {
	zone := resolve.NewZone([]record.Record{record.TXT("example.com.", "v=spf1 ip4:192.0.2.0/24 include:lost.example -all")})
	silent := resolve.Func(func(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
		if strings.HasPrefix(q.Name, "lost") {
			return resolve.Answer{}, context.DeadlineExceeded
		}
		return zone.Resolve(ctx, q)
	})
	ranges, err := senders.Published(context.Background(), silent, "example.com")
	if err == nil || len(ranges) != 1 {
		t.Errorf("%v, %v", ranges, err)
	}
}

func TestDisown(t *testing.T) {
	tally := senders.New("example.com", senders.Options{Now: now})
	add(t, tally, daily(1, 3, "", good, "198.51.100.5 1 none spf=crm.example.net/pass")...)
	tally.Disown("Example.NET")
	for _, s := range tally.Sources() {
		if s.Name == "example.net" && s.Standing != senders.Stranger {
			t.Errorf("%s is %s", s.Name, s.Standing)
		}
	}
	state := tally.Remember(tally.Sources(), now)
	again := senders.New("example.com", senders.Options{Now: now})
	add(t, again, daily(1, 3, "", good, "198.51.100.5 1 none spf=crm.example.net/pass")...)
	again.Since(state)
	for _, s := range again.Sources() {
		if s.Name == "example.net" && s.Standing != senders.Stranger {
			t.Errorf("the next time %s is %s", s.Name, s.Standing)
		}
	}
}
