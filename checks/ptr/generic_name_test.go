package ptr

import (
	"net/netip"
	"testing"
)

func TestGeneric(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.25"), netip.MustParseAddr("2001:db8:25::25")
	tests := []struct {
		name    string
		addr    netip.Addr
		generic bool
	}{
		{"mail.example.org.", v4, false},
		{"mx25.example.org.", v4, false},
		{"192-0-2-25.example.net.", v4, true},
		{"static.25.2.0.192.clients.example.net.", v4, true},
		{"host192000002025.example.net.", v4, true},
		{"192.000.002.025.example.net.", v4, true},
		{"c0000219.example.net.", v4, true},
		{"p5.dip0.dsl.example.net.", v4, true},
		{"mail.dsl-shop.example.", v4, false}, // the word stands in the registrable domain
		{"cable.example.", v4, false},
		{"2001-db8-25--25.example.net.", v6, true},
		{"20010db8002500000000000000000025.example.net.", v6, true},
		{"mail6.example.org.", v6, false},
		{".", v4, false},
	}
	for _, tt := range tests {
		if got := Generic(tt.name, tt.addr); (got != "") != tt.generic {
			t.Errorf("Generic(%q, %v) = %q, want generic %v", tt.name, tt.addr, got, tt.generic)
		}
	}
}

func FuzzGeneric(f *testing.F) {
	f.Add("25-2-0-192.dyn.example.net.", "192.0.2.25")
	f.Add("", "2001:db8::1")
	f.Fuzz(func(t *testing.T, name, addr string) {
		if a, err := netip.ParseAddr(addr); err == nil {
			Generic(name, a)
		}
	})
}
