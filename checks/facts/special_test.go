package facts

import (
	"net/netip"
	"testing"

	"github.com/maildoctor/maildoctor/checks"
)

func TestOffLimits(t *testing.T) {
	for _, tt := range []struct {
		addr             string
		public, ofOneOwn bool // may be talked to; may be with --allow-private
	}{
		{"9.9.9.9", true, true},
		{"2620:fe::fe", true, true},
		{"10.0.0.25", false, true},
		{"172.31.255.255", false, true},
		{"192.168.1.1", false, true},
		{"100.64.0.1", false, true},
		{"127.0.0.1", false, true},
		{"::1", false, true},
		{"fd00::25", false, true},
		{"169.254.169.254", false, false},
		{"fe80::1", false, false},
		{"0.0.0.0", false, false},
		{"224.0.0.1", false, false},
		{"255.255.255.255", false, false},
		{"192.0.2.25", false, false},
		{"::ffff:10.0.0.25", false, false},
	} {
		addr := netip.MustParseAddr(tt.addr)
		if got := OffLimits(&checks.Env{}, addr); (got == "") != tt.public {
			t.Errorf("%s is %q", addr, got)
		}
		if got := OffLimits(&checks.Env{Want: checks.Want{Private: true}}, addr); (got == "") != tt.ofOneOwn {
			t.Errorf("%s is %q, where private addresses are wanted", addr, got)
		}
	}
}
