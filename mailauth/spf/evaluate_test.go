package spf

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	blitiri "blitiri.com.ar/go/spf"

	"github.com/maildoctor/maildoctor/resolve"
)

const office = `org.example TXT v=spf1 ip4:192.0.2.0/24 include:i.example mx a:gone.example -all exp=why.org.example
org.example MX h.example
h.example A 198.51.100.1
i.example TXT v=spf1 a:%{l}.i.example include:j.example ~all
bob.i.example A 203.0.113.1
j.example TXT v=spf1 ip6:2001:db8::/32 ?all
why.org.example TXT %{i} may not send for %{d}; ask %{r}
r.example TXT v=spf1 redirect=org.example
`

func TestEvaluate(t *testing.T) {
	for _, c := range []struct {
		ip, sender string
		code       Code
		says       string
		lookups    int
		voids      int
	}{
		{"192.0.2.77", "bob@org.example", Pass, "pass (ip4:192.0.2.0/24)", 0, 0},
		{"::ffff:192.0.2.77", "bob@org.example", Pass, "pass (ip4:192.0.2.0/24)", 0, 0},
		{"203.0.113.1", "bob@org.example", Pass, "pass (include:i.example)", 2, 0},
		{"2001:db8::1", "bob@org.example", Pass, "pass (include:i.example)", 3, 1},
		{"198.51.100.1", "bob@org.example", Pass, "pass (mx)", 4, 0},
		{"198.51.100.2", "bob@org.example", Fail, "fail (-all)", 5, 1},
		{"198.51.100.2", "bob@r.example", Fail, "fail (redirect=org.example, -all)", 6, 1},
		{"2001:db9::1", "ann@org.example", PermErr, "permerror (a:gone.example is void lookup number 3, and 2 are allowed: gone.example has no AAAA record)", 5, 3},
		{"192.0.2.1", "", None, "none (h.example has no SPF record)", 0, 0},
		{"192.0.2.1", "x@nowhere.example", None, "none (nowhere.example does not exist)", 0, 0},
		{"192.0.2.1", "x@single", None, `none ("single" is no domain to ask: it has a single label)`, 0, 0},
	} {
		got := Evaluate(t.Context(), world(t, office), Params{IP: netip.MustParseAddr(c.ip), Sender: c.sender, HELO: "h.example", Receiver: "mx.example.net"})
		if got.Code != c.code || got.String() != c.says || got.Lookups != c.lookups || got.Voids != c.voids {
			t.Errorf("%s %s: %q, %d lookups, %d voids; want %q, %d, %d", c.ip, c.sender, got, got.Lookups, got.Voids, c.says, c.lookups, c.voids)
		}
		if want := c.ip + " may not send for org.example; ask mx.example.net"; c.code == Fail && got.Explanation != want {
			t.Errorf("%s: explanation %q, want %q", c.ip, got.Explanation, want)
		}
	}
}

func TestTrace(t *testing.T) {
	got := Evaluate(t.Context(), world(t, office), Params{IP: netip.MustParseAddr("2001:db8::1"), Sender: "bob@org.example", HELO: "h.example"})
	step, domain, ok := got.Decisive()
	if !ok || domain != "j.example." || step.Term.String() != "ip6:2001:db8::/32" {
		t.Errorf("decided by %s of %s, %v", step.Term, domain, ok)
	}
	var lines []string
	var walk func(v *Visit, indent string)
	walk = func(v *Visit, indent string) {
		for _, s := range v.Steps {
			line := indent + s.Term.String()
			if s.Target != "" {
				line += " " + s.Target
			}
			if s.Matched {
				line += " matched"
			}
			lines = append(lines, line)
			if s.Below != nil {
				walk(s.Below, indent+"  ")
			}
		}
	}
	walk(got.Trace, "")
	want := `ip4:192.0.2.0/24
include:i.example i.example. matched
  a:%{l}.i.example bob.i.example.
  include:j.example j.example. matched
    ip6:2001:db8::/32 matched`
	if strings.Join(lines, "\n") != want {
		t.Errorf("trace:\n%s\nwant:\n%s", strings.Join(lines, "\n"), want)
	}
}

func TestTempError(t *testing.T) {
	zone := world(t, "org.example TXT v=spf1 include:dead.example -all\ndead.example SERVFAIL")
	got := Evaluate(t.Context(), zone, Params{IP: netip.MustParseAddr("192.0.2.1"), Sender: "x@org.example"})
	if got.Code != TempError || resolve.KindOf(got.Err) != resolve.ServFail || got.Cause != "no answer from the DNS: TXT dead.example: SERVFAIL" {
		t.Errorf("%s: %s, %v", got.Code, got.Cause, got.Err)
	}
}

// oracle lets the other implementation ask the same zone.
type oracle struct{ zone resolve.Resolver }

func (o oracle) ask(ctx context.Context, name, typ string) (resolve.Answer, error) {
	a, err := o.zone.Resolve(ctx, resolve.Ask(name, typ))
	if err != nil {
		return a, &net.DNSError{Err: err.Error(), Name: name, IsTemporary: true}
	}
	if a.Void() {
		return a, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return a, nil
}

func (o oracle) LookupTXT(ctx context.Context, name string) ([]string, error) {
	a, err := o.ask(ctx, name, "TXT")
	return a.Texts(), err
}

func (o oracle) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	a, err := o.ask(ctx, name, "MX")
	var mxs []*net.MX
	for _, r := range a.Records {
		pref, host, _ := r.MX()
		mxs = append(mxs, &net.MX{Host: host, Pref: pref})
	}
	return mxs, err
}

func (o oracle) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	v4, err := o.ask(ctx, host, "A")
	v6, err6 := o.ask(ctx, host, "AAAA")
	var addrs []net.IPAddr
	for _, addr := range append(v4.Addrs(), v6.Addrs()...) {
		addrs = append(addrs, net.IPAddr{IP: addr.AsSlice()})
	}
	if len(addrs) > 0 {
		return addrs, nil
	}
	if err == nil {
		err = err6
	}
	return nil, err
}

func (o oracle) LookupAddr(context.Context, string) ([]string, error) {
	return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
}

// Another implementation, written apart, agrees on ordinary records.
func TestAgreesWithAnother(t *testing.T) {
	zone := world(t, office+`plain.example TXT v=spf1 mx a:h.example ~all
plain.example MX h.example
open.example TXT v=spf1 ?all
two.example TXT v=spf1 -all
two.example TXT v=spf1 ~all
loop.example TXT v=spf1 include:loop.example -all
bad.example TXT v=spf1 ip4:300.1.1.1 -all
lost.example TXT v=spf1 include:nowhere.example -all
dead.example SERVFAIL
cold.example TXT v=spf1 include:dead.example -all
`)
	for _, domain := range []string{"org.example", "r.example", "plain.example", "open.example", "two.example", "loop.example", "bad.example", "lost.example", "cold.example", "h.example", "nowhere.example"} {
		for _, ip := range []string{"192.0.2.77", "203.0.113.1", "198.51.100.1", "198.51.100.2", "2001:db8::1"} {
			ours := Evaluate(t.Context(), zone, Params{IP: netip.MustParseAddr(ip), Sender: "bob@" + domain, HELO: "h.example"})
			theirs, err := blitiri.CheckHostWithSender(net.ParseIP(ip), "h.example", "bob@"+domain, blitiri.WithResolver(oracle{zone}), blitiri.WithContext(t.Context()))
			if string(ours.Code) != string(theirs) {
				t.Errorf("%s from %s: we say %s (%s), the other says %s (%v)", domain, ip, ours.Code, ours.Cause, theirs, err)
			}
		}
	}
}
