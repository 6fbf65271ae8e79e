package facts

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
)

// TestAround: twelve addresses of the same network, each once, never the address
// itself nor an end of a /24; the same ones every time.
func TestAround(t *testing.T) {
	for _, text := range []string{"192.0.2.25", "192.0.2.10", "192.0.2.241", "192.0.2.0", "192.0.2.255", "2001:db8:25::25", "2001:db8:25::", "2001:db8:25:0:ffff:ffff:ffff:ffff"} {
		addr := netip.MustParseAddr(text)
		h := around(addr)
		if len(h.Sample) != maxNeighbours || !slices.IsSortedFunc(h.Sample, netip.Addr.Compare) || len(slices.Compact(slices.Clone(h.Sample))) != maxNeighbours {
			t.Errorf("%s: sample %v", text, h.Sample)
		}
		for _, a := range h.Sample {
			if last := a.AsSlice()[len(a.AsSlice())-1]; a == addr || !h.Network.Contains(a) || !h.Network.Contains(addr) || a.Is4() && (last == 0 || last == 255) {
				t.Errorf("%s: %s in the sample of %s", text, a, h.Network)
			}
		}
		if again := around(addr); !slices.Equal(again.Sample, h.Sample) {
			t.Errorf("%s: another sample the second time", text)
		}
	}
}

// TestNeighbourLists: every list is one that anybody may ask, and both families
// have some.
func TestNeighbourLists(t *testing.T) {
	holds := make(map[dnsbl.Family]int)
	for _, name := range neighbourLists {
		z, err := dnsbl.Find(name)
		if err != nil || z.Need != dnsbl.NeedNothing || z.NoPublic || z.Optional {
			t.Errorf("%s: %+v, %v", name, z, err)
		}
		for _, f := range z.Families.Each() {
			holds[f]++
		}
	}
	if holds[dnsbl.IPv4] < listsPerNeighbour || holds[dnsbl.IPv6] == 0 {
		t.Errorf("lists by family: %v", holds)
	}
}
