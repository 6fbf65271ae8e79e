package lab_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/lab"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// peerScenarios are the worlds that are played three ways: what a domain's own
// records can have wrong, and what its name servers can.
var peerScenarios = []string{
	"healthy",
	"parked",

	"ptr.exists",
	"ptr.forward-confirmed",
	"dnsbl.ip-listed",
}

// TestPeers examines worlds three ways: played in process, served by the lab
// over sockets, and with their zones on a real BIND 9 behind a real unbound and
// a real Postfix as MX. The verdicts are the same, word for word.
func TestPeers(t *testing.T) {
	for _, name := range []string{"named", "unbound"} {
		program(t, name)
	}
	mta := newPostfix(t)
	worlds := make([]*threeWays, len(peerScenarios))
	for i, name := range peerScenarios {
		worlds[i] = newThreeWays(t, name, mta)
	}
	mta.start(t)
	t.Run("worlds", func(t *testing.T) {
		for _, w := range worlds {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				w.compare(t)
			})
		}
	})
}

// threeWays is one world: the lab that serves it, and the peers that do.
type threeWays struct {
	*lab.Lab
	name    string
	postfix map[string]string // MX address and port in the world -> Postfix
	dialled atomic.Int32      // conversations with Postfix
}

func newThreeWays(t *testing.T, name string, mta *postfix) *threeWays {
	t.Helper()
	s, err := scenario.Load(os.DirFS("../testdata/scenarios"), name+".txtar")
	if err != nil {
		t.Fatal(err)
	}
	l, err := lab.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w := &threeWays{Lab: l, name: name, postfix: make(map[string]string)}
	for _, host := range mailHosts(s) {
		for _, addr := range addressesOf(s, host) {
			at := netip.AddrPortFrom(addr, 25)
			if s.Hosts[at] != nil {
				w.postfix[at.String()] = mta.add(t, s.Domain, host, l.CA)
			}
		}
	}
	return w
}

// compare examines the world three ways. Every one but the healthy has findings
// or doubts to agree on.
func (w *threeWays) compare(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	played := examine(ctx, w.World.Env(ctx))
	if len(played) == 0 && w.name != "healthy" {
		t.Error("nothing is wrong with this world; it proves little")
	}
	served := examine(ctx, w.EnvOver(ctx, w.client(t, w.Resolver(), w.Dial), w.Dial))
	same(t, "served by the lab", served, played)

	real := startDNS(t, w.Scenario)
	dial := w.dialPeers(real)
	before := w.dialled.Load()
	proved := examine(ctx, w.EnvOver(ctx, w.client(t, real.recursive, dial), dial))
	same(t, "by BIND, unbound and Postfix", proved, played)
	if len(w.postfix) > 0 && w.dialled.Load() == before {
		t.Error("Postfix was never spoken to")
	}
}

func examine(ctx context.Context, env *checks.Env) []string {
	return scenario.Lines(checks.Run(ctx, env, suite.All(), nil))
}

func same(t *testing.T, how string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s, the verdict is\n%s\nbut in process\n%s", how, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// client is a DNS client that asks one recursive resolver.
func (w *threeWays) client(t *testing.T, resolver string, dial dialFunc) *resolve.Client {
	t.Helper()
	server, err := resolve.ParseServer(resolver)
	if err != nil {
		t.Fatal(err)
	}
	client := resolve.NewClient(resolve.Options{Servers: []resolve.Server{server}, Dial: dial})
	t.Cleanup(func() { client.Close() })
	return client
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// dialPeers reaches the peers by the addresses of the world: its name servers
// are BIND, its MX hosts Postfix. Other mail hosts, of which the world only has
// scripts, are those of the lab.
func (w *threeWays) dialPeers(real realDNS) dialFunc {
	var d net.Dialer
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == real.recursive {
			return d.DialContext(ctx, network, address)
		}
		if _, port, _ := net.SplitHostPort(address); port == "53" {
			return d.DialContext(ctx, network, real.authority)
		}
		if at, ok := w.postfix[address]; ok {
			w.dialled.Add(1)
			return d.DialContext(ctx, network, at)
		}
		return w.Dial(ctx, network, address)
	}
}

// mailHosts is the names of the domain's MX records.
func mailHosts(s *scenario.Scenario) []string {
	var names []string
	for _, r := range s.Records {
		if _, host, ok := r.MX(); ok && r.Name == s.Domain && !slices.Contains(names, host) {
			names = append(names, host)
		}
	}
	return names
}

func addressesOf(s *scenario.Scenario, name string) []netip.Addr {
	var addrs []netip.Addr
	for _, r := range s.Records {
		if addr, ok := r.Addr(); ok && r.Name == name {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}
