package inbox_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mta/inbox"
)

func TestWay(t *testing.T) {
	host, other, private := netip.MustParseAddr("198.51.100.25"), netip.MustParseAddr("203.0.113.77"), netip.MustParseAddr("10.0.0.5")
	for _, c := range []struct {
		domain string
		here   []netip.Addr
		want   string
	}{
		{"example.net", []netip.Addr{private, host}, ""},
		{"Implicit.Example", []netip.Addr{host}, ""},
		{"example.net", []netip.Addr{private}, ""}, // NAT
		{"example.net", nil, ""},
		{"example.net", []netip.Addr{other}, "mail for example.net goes to mx.example.net (198.51.100.25), and this host has other addresses."},
		{"null.example", []netip.Addr{host}, "null.example has a null MX"},
		{"gone.example", []netip.Addr{host}, "gone.example has neither"},
		{"lost.example", []netip.Addr{host}, "the mail host of lost.example, gone.example, has no address"},
	} {
		w, err := inbox.Find(t.Context(), world(), c.domain)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Mind(c.here); !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s, here %v: %q, want %q", c.domain, c.here, got, c.want)
		}
	}
	for _, domain := range []string{"silent.example", "leads.example"} {
		if _, err := inbox.Find(t.Context(), world(), domain); err == nil {
			t.Errorf("%s: told", domain)
		}
	}
}
