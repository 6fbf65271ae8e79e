package hosting_test

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/hosting"
)

// TestProviders holds every row to what a step can be made of: sentences, and
// where and when they were read.
func TestProviders(t *testing.T) {
	list := hosting.Providers()
	if !slices.IsSortedFunc(list, func(a, b hosting.Provider) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the providers are not in the order of their names")
	}
	owner := make(map[uint32]string)
	for _, p := range list {
		if p.Name == "" || len(p.Networks) == 0 || !p.PTR4.Known() && !p.Port25.Known() {
			t.Errorf("%q: a name, a network and one way are the least", p.Name)
		}
		if (p.Outbound == hosting.Unstated) == p.Port25.Known() {
			t.Errorf("%s: port 25 is %d, but told of: %v", p.Name, p.Outbound, p.Port25.Known())
		}
		for _, n := range p.Networks {
			if other, taken := owner[n]; taken {
				t.Errorf("AS%d is of %s and of %s", n, other, p.Name)
			}
			owner[n] = p.Name
			if got, ok := hosting.ByNetwork(n); !ok || got.Name != p.Name {
				t.Errorf("ByNetwork(%d) = %q, %v", n, got.Name, ok)
			}
		}
		for _, w := range []hosting.Way{p.PTR4, p.PTR6, p.Port25} {
			checkWay(t, p.Name, w)
		}
	}
}

func checkWay(t *testing.T, name string, w hosting.Way) {
	t.Helper()
	if !w.Known() {
		if w != (hosting.Way{}) {
			t.Errorf("%s: a source and no words: %+v", name, w)
		}
		return
	}
	if !strings.HasSuffix(w.How, ".") || strings.ContainsAny(w.How+w.API, "`\n") {
		t.Errorf("%s: not whole sentences on one line: %q", name, w.How)
	}
	if u, err := url.Parse(w.Source); err != nil || u.Scheme != "https" || u.Host == "" {
		t.Errorf("%s: the source is no https URL: %q", name, w.Source)
	}
	if _, err := time.Parse(time.DateOnly, w.AsOf); err != nil {
		t.Errorf("%s: as of when? %v", name, err)
	}
}

func TestByAddress(t *testing.T) {
	azure, ok := hosting.ByNetwork(8075)
	if !ok || !azure.PTR(netip.MustParseAddr("::ffff:192.0.2.1")).Known() {
		t.Error("the way for IPv4 is not found for an address in the form of IPv6")
	}
	if azure.PTR(netip.MustParseAddr("2001:db8::1")).Known() {
		t.Error("a way is told for IPv6 where there is none")
	}
	if _, ok := hosting.ByNetwork(0); ok {
		t.Error("no network is one of a provider")
	}
}
