package smtp_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/ip"
	"github.com/maildoctor/maildoctor/checks/smtp"
	"github.com/maildoctor/maildoctor/scenario"
)

// healthy is a world with one IPv4 host and a well-known one that answers.
const healthy = `domain: example.org
%s

-- zone --
@ MX 10 mx
@ TXT "v=spf1 mx -all"
mx A 192.0.2.25
-- zone gmail.com --
@ MX 5 mx
mx A 203.0.113.251
-- zone outlook.com --
@ MX 5 mx
mx A 203.0.113.252
-- smtp/203.0.113.251:25 --
220 mx.gmail.com
`

// run examines a world and returns its lines. Dials to addresses in errs end so.
func run(t *testing.T, text string, errs map[string]error) string {
	t.Helper()
	s, err := scenario.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	world, err := s.Play()
	if err != nil {
		t.Fatal(err)
	}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if err := errs[address]; err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", err)}
		}
		return world.Dial(ctx, network, address)
	}
	env := world.EnvOver(t.Context(), world.DNS(), dial)
	results := checks.Run(t.Context(), env, []*checks.Check{ip.Port25Outbound, smtp.Port25Inbound}, nil)
	return strings.Join(scenario.Lines(results), "\n")
}

// TestDialFaults: how a dial may end that no script can end it with.
func TestDialFaults(t *testing.T) {
	const mx, gmail, outlook = "192.0.2.25:25", "203.0.113.251:25", "203.0.113.252:25"
	tests := []struct {
		name, settings string
		errs           map[string]error
		want           string
	}{
		{"the host is down", "", map[string]error{mx: syscall.EHOSTUNREACH},
			"fail smtp.port25-inbound: mail host mx.example.org at 192.0.2.25 cannot be reached (host unreachable)"},
		{"no route to it alone", "", map[string]error{mx: syscall.ENETUNREACH},
			"fail smtp.port25-inbound: mail host mx.example.org at 192.0.2.25 cannot be reached (network unreachable from here)"},
		{"a local rule against it", "", map[string]error{mx: syscall.EPERM},
			"unknown smtp.port25-inbound: mx.example.org [192.0.2.25] could not be asked: connect: not permitted on this machine"},
		{"a local rule against all", "", map[string]error{mx: syscall.EPERM, gmail: syscall.EPERM, outlook: syscall.EPERM},
			"unknown ip.port25-outbound: outbound port 25 over IPv4 is closed here: none of 2 well-known mail hosts could be reached\n" +
				"unknown smtp.port25-inbound: because ip.port25-outbound could not be told"},
		{"no IPv4 at all", "", map[string]error{mx: syscall.ENETUNREACH, gmail: syscall.EADDRNOTAVAIL, outlook: syscall.ENETUNREACH},
			"unknown ip.port25-outbound: this machine has no IPv4\n" +
				"unknown smtp.port25-inbound: because ip.port25-outbound could not be told"},
		{"no route out of the mail host", "here: 192.0.2.25", map[string]error{mx: syscall.ENETUNREACH, gmail: syscall.ENETUNREACH, outlook: syscall.ENETUNREACH},
			"fail ip.port25-outbound: this machine, 192.0.2.25, handles mail for the domain but has no route out over IPv4\n" +
				"skip smtp.port25-inbound: because of ip.port25-outbound"},
		{"nothing listens on this machine", "here: 192.0.2.25", map[string]error{mx: syscall.ECONNREFUSED},
			"fail smtp.port25-inbound: mail host mx.example.org at 192.0.2.25 refuses connections on port 25, from this very machine: nothing listens there"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := run(t, fmt.Sprintf(healthy, test.settings), test.errs); got != test.want {
					t.Errorf("got\n%s\nwant\n%s", got, test.want)
				}
			})
		})
	}
}

func TestWhoIsAsked(t *testing.T) {
	var many strings.Builder
	for i := range 22 {
		fmt.Fprintf(&many, "mx A 192.0.2.%d\n", 100+i)
	}
	greets := func(addrs ...string) string {
		var b strings.Builder
		for _, addr := range addrs {
			fmt.Fprintf(&b, "-- smtp/%s:25 --\n220 mx\n", addr)
		}
		return b.String()
	}
	var all []string
	for i := range 22 {
		all = append(all, fmt.Sprintf("192.0.2.%d", 100+i))
	}
	tests := []struct{ name, zone, want string }{
		{"one address under two names is one finding", "@ MX 10 a\n@ MX 20 b\na A 192.0.2.1\nb A 192.0.2.1\n" + greets("192.0.2.2"),
			"unknown ip.port25-outbound: no mail host was reached over IPv4, and too few well-known ones could be asked to tell why\n" +
				"fail smtp.port25-inbound: mail host a.example.org at 192.0.2.1 refuses connections on port 25"},
		{"one MX that answers proves the way out", "@ MX 10 a\n@ MX 20 b\na A 192.0.2.1\nb A 192.0.2.2\n" + greets("192.0.2.2") + "-- smtp/192.0.2.1:25 --\n!timeout\n",
			"fail smtp.port25-inbound: mail host a.example.org at 192.0.2.1 does not answer on port 25: nothing within 10s"},
		{"private addresses are left alone", "@ MX 10 a\na A 10.0.0.1\n",
			"skip ip.port25-outbound: the domain has no mail host with a public address\n" +
				"skip smtp.port25-inbound: the domain has no mail host with a public address"},
		{"a host that may have an address", "@ MX 10 a\n-- faults --\n* a.example.org. SERVFAIL\n",
			"unknown ip.port25-outbound: A a.example.org: SERVFAIL\n" +
				"unknown smtp.port25-inbound: because ip.port25-outbound could not be told"},
		{"a host that may have one more", "@ MX 10 a\na A 192.0.2.1\n" + greets("192.0.2.1") + "-- faults --\nAAAA a.example.org. SERVFAIL\n",
			"unknown smtp.port25-inbound: AAAA a.example.org: SERVFAIL"},
		{"no MX and no sender", "@ A 192.0.2.80\n@ TXT \"v=spf1 -all\"\n",
			"skip ip.port25-outbound: the domain sends no mail, so it needs no MX\n" +
				"skip smtp.port25-inbound: the domain sends no mail, so it needs no MX"},
		{"no MX, and an address that takes mail", "@ A 192.0.2.80\n" + greets("192.0.2.80"),
			"skip ip.port25-outbound: because of mx.exists\n" +
				"skip smtp.port25-inbound: because of mx.exists"},
		{"no MX, and an address that takes none", "@ A 192.0.2.80\n" + "-- smtp/192.0.2.80:25 --\n554 no\n",
			"skip ip.port25-outbound: because of mx.exists\n" +
				"fail smtp.port25-inbound: example.org has no MX record, so senders try its own address, and there: mail host example.org at 192.0.2.80 greets with a refusal: \"554 no\""},
		{"a domain that does not exist", "ns A 192.0.2.53\n-- without --\nMX @\n",
			"skip ip.port25-outbound: because of mx.exists\n" +
				"skip smtp.port25-inbound: because of mx.exists"},
		{"too many addresses", "@ MX 10 mx\n" + many.String() + greets(all...),
			"unknown smtp.port25-inbound: only 20 of 22 addresses were asked"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := run(t, "domain: example.org\n\n-- zone --\n"+test.zone, nil)
				if got != test.want {
					t.Errorf("got\n%s\nwant\n%s", got, test.want)
				}
			})
		})
	}
}
