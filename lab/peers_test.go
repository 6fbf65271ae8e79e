//go:build linux

package lab_test

import (
	"bufio"
	"context"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/lab"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// TestPeers examines worlds played in process and with their zones on a real BIND
// 9 behind a real unbound and a real Postfix as MX: the verdicts are the same, word
// for word. The worlds are the scenarios that real servers can play, variants
// aside. Those that must be among them are examined by all checks, and a third way,
// served by the lab over sockets; the others by the checks of their topic, as the
// suite does over the sockets of the lab.
func TestPeers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts two name servers for every scenario")
	}
	servers, mta := newNameServers(t), newPostfix(t)
	var worlds []*threeWays
	for _, name := range playable(t) {
		worlds = append(worlds, newThreeWays(t, name, mta))
	}
	mta.start(t)
	t.Run("worlds", func(t *testing.T) {
		for _, w := range worlds {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				w.compare(t, servers)
			})
		}
	})
}

// needed are scenarios that must be among those that real servers can play.
var needed = []string{
	"healthy", "parked", "spf.single-record", "spf.include-loop", "spf.lookup-limit", "dmarc.exists", "ptr.exists", "ptr.exists.unknown",
	"spf.all-permissive.unknown", // SERVFAIL for the zone of an include
}

// playable is the names of the scenarios that real servers can play.
func playable(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(scenarios, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios in %s (%v)", scenarios, err)
	}
	var names, others []string
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		if isVariant(name) {
			continue
		}
		if why := unplayable(t, file); why != "" {
			others = append(others, name+": "+why)
			continue
		}
		names = append(names, name)
	}
	t.Logf("%d scenarios are played; %d cannot be:\n%s", len(names), len(others), strings.Join(others, "\n"))
	for _, name := range needed {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not played", name)
		}
	}
	return names
}

// isVariant reports whether the scenario is one more of a check beside those in
// which it fails and cannot tell. Those are left to the lab, for they are many.
func isVariant(name string) bool {
	parts := strings.Split(name, ".")
	return len(parts) > 2 && parts[2] != "unknown"
}

const scenarios = "../testdata/scenarios"

// unplayable says what of a scenario real servers cannot play; empty if they can
// play all of it.
func unplayable(t *testing.T, file string) string {
	t.Helper()
	s, err := scenario.Load(os.DirFS(scenarios), filepath.Base(file))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(s.Records, func(r record.Record) bool { return r.Type == "NS" && r.Name == "." }) {
		return "a world without a root"
	}
	if slices.ContainsFunc(s.Records, func(r record.Record) bool { return r.Type == "TLSA" || r.Type == "DS" || r.Type == "DNSKEY" }) {
		return "certificates or signatures of its own"
	}
	silent := func(n *scenario.NameServer) bool { return n.Silent }
	if s.Slow() || slices.ContainsFunc(slices.Collect(maps.Values(s.Servers)), silent) {
		return "it takes its time"
	}
	if aliased(s.Records) {
		return "an alias that BIND does not take"
	}
	for _, f := range s.Faults {
		if why := unfit(f); why != "" {
			return why
		}
	}
	return unplayableHost(t, file)
}

// aliased reports whether a name server or the apex of a zone is an alias.
func aliased(records []record.Record) bool {
	must := make(map[string]bool)
	for _, r := range records {
		if r.Type == "NS" {
			must[r.Name], must[record.Canonical(r.Data)] = true, true
		}
	}
	return slices.ContainsFunc(records, func(r record.Record) bool { return r.Type == "CNAME" && must[r.Name] })
}

// unplayableHost says what hosts of the scenario in file, and of those it is
// like, do that a Postfix does not, or that would take its time. A mail host that
// refuses connections is none, and the lab plays those for mail programs.
func unplayableHost(t *testing.T, file string) string {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, section := range archive.Files {
		script := strings.TrimSpace(string(section.Data))
		if strings.HasPrefix(section.Name, "smtp/") && strings.HasSuffix(section.Name, ":25") && script != "!refuse" && (strings.ContainsAny(script, "\n\\${}") || !strings.HasPrefix(script, "220 ")) {
			return "a mail host with a script of its own"
		}
		if strings.HasPrefix(section.Name, "https/") && strings.Contains("\n"+strings.TrimPrefix(script, "!type "), "\n!") {
			return "a web host with faults of its own"
		}
	}
	for line := range strings.Lines(string(archive.Comment)) {
		if like, ok := strings.CutPrefix(line, "like: "); ok {
			return unplayableHost(t, filepath.Join(scenarios, strings.TrimSpace(like)+".txtar"))
		}
	}
	return ""
}

// threeWays is one world: the lab that serves it, and the peers that do.
type threeWays struct {
	*lab.Lab // while it is compared
	world    *scenario.World
	name     string
	postfix  map[string]string // MX address and port in the world -> Postfix
	dialled  atomic.Int32      // conversations with Postfix
}

func newThreeWays(t *testing.T, name string, mta *postfix) *threeWays {
	t.Helper()
	s, err := scenario.Load(os.DirFS(scenarios), name+".txtar")
	if err != nil {
		t.Fatal(err)
	}
	s.Faults = widened(s.Faults)
	s.Want.Intrusive = false // it takes its time; TestPeersSmuggling does
	world, err := s.Play()
	if err != nil {
		t.Fatal(err)
	}
	w := &threeWays{world: world, name: name, postfix: make(map[string]string)}
	for _, r := range s.Records { // other domains that the hosts take mail for
		if _, host, ok := r.MX(); ok && r.Name != s.Domain && slices.Contains(mailHosts(s), host) {
			mta.domains = append(mta.domains, record.Display(r.Name))
		}
	}
	services := make(map[string]string) // by greeting
	var certified []string
	for _, host := range mailHosts(s) {
		certified = append(certified, record.Display(host))
	}
	for _, host := range mailHosts(s) {
		for _, addr := range addressesOf(s, host) {
			at := netip.AddrPortFrom(addr, 25).String()
			greeting := w.greeting(t, at)
			if greeting == "" {
				continue
			}
			if services[greeting] == "" {
				services[greeting] = mta.add(t, s.Domain, greeting, world.CA, certified)
			}
			w.postfix[at] = services[greeting]
		}
	}
	return w
}

// greeting is the words with which the host at that address greets: its name, and
// what follows. It is empty if the host refuses connections.
func (w *threeWays) greeting(t *testing.T, address string) string {
	t.Helper()
	conn, err := w.world.Dial(t.Context(), "tcp", address)
	if err != nil {
		return ""
	}
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	words, ok := strings.CutPrefix(strings.TrimSpace(line), "220 ")
	if err != nil || !ok {
		t.Fatalf("%s: the greeting at %s is %q (%v)", w.name, address, line, err)
	}
	return words
}

// compare examines the world three ways.
func (w *threeWays) compare(t *testing.T, servers nameServers) {
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	l, err := lab.StartWith(w.world.Scenario, w.world.CA) // of which Postfix has its certificates
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w.Lab = l
	real := servers.start(t, w.Scenario)
	whole := slices.Contains(needed, w.name)
	list := w.concern(whole)
	played := examine(ctx, w.World.Env(ctx), list)
	if whole {
		served := examine(ctx, w.EnvOver(ctx, w.client(t, w.Resolver(), w.Dial), w.Dial), list)
		same(t, "served by the lab", served, played)
	}

	real.await(t)
	dial := w.dialPeers(real)
	proved := examine(ctx, w.EnvOver(ctx, w.client(t, real.recursive, dial), dial), list)
	same(t, "by BIND, unbound and Postfix", proved, played)
	if whole && len(w.postfix) > 0 && !w.NoSMTP && len(w.Faults) == 0 && w.dialled.Load() == 0 {
		t.Error("Postfix was never spoken to")
	}
}

// concern is all checks, or those of the topic that the world is named after, if
// there is one of that name.
func (w *threeWays) concern(whole bool) []*checks.Check {
	list, err := checks.Select(suite.All(), []string{checks.TopicOf(w.name)}, nil)
	if whole || err != nil {
		return suite.All()
	}
	return list
}

func examine(ctx context.Context, env *checks.Env, list []*checks.Check) []string {
	return scenario.Lines(checks.Run(ctx, env, list, nil))
}

func same(t *testing.T, how string, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	without := func(list, others []string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(others, s) }), "\n")
	}
	t.Errorf("%s, the verdict has\n%s\nbut not, as in process,\n%s", how, without(got, want), without(want, got))
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
