package cmd

import (
	"net/netip"
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		in   string
		want string // addresses, or the error
	}{
		{"each once, in order, in canonical form", []string{"9.8.7.25", "2A00:1:0::25", "-", "2a00:1::25"}, "9.8.7.26 # b\n9.8.7.25\n", "9.8.7.25 2a00:1::25 9.8.7.26"},
		{"none", nil, "", "no address given; name one, as in maildoctor ip 192.0.2.25"},
		{"an empty list", []string{"-"}, "# nobody\n", "no address on standard input"},
		{"a bad line", []string{"-"}, "9.8.7.25\n10.0.0.1\n", `line 2: "10.0.0.1" is not a public address: private (RFC 1918)`},
		{"too many", []string{"-"}, many(maxAddresses + 1), "more than 256 addresses; give fewer at once"},
		{"as many as may be", []string{"-"}, many(maxAddresses), "9.8.0.0 9.8.0.1"},
		{"a mail address literal", []string{"[IPv6:2a00:1::25]"}, "", "has brackets; give 2a00:1::25"},
		{"a URL", []string{"https://9.8.7.25/"}, "", "is no IP address; give one as in"},
		{"blanks", []string{" 9.8.7.25 "}, "", "9.8.7.25"},
	} {
		t.Run(c.name, func(t *testing.T) {
			addrs, err := addresses(c.args, strings.NewReader(c.in))
			var list []string
			for _, a := range addrs {
				list = append(list, a.String())
			}
			got := strings.Join(list, " ")
			if err != nil {
				got = err.Error()
				if exitCode(err) != exitUsage {
					t.Errorf("exit code %d", exitCode(err))
				}
			}
			if !strings.Contains(got, c.want) || err == nil && !strings.HasPrefix(got, c.want) {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func many(n int) string {
	var b strings.Builder
	for addr := netip.MustParseAddr("9.8.0.0"); n > 0; n, addr = n-1, addr.Next() {
		b.WriteString(addr.String() + "\n")
	}
	return b.String()
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"9.8.7.25", "2a00:1::25", "[::1]:25", "9.8.7.0/24", "fe80::1%eth0", "::ffff:9.8.7.25", "example.org", "%s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, input string) {
		addr, err := parseAddress(input)
		switch {
		case err != nil && strings.Contains(err.Error(), "%!") && !strings.Contains(input, "%"):
			t.Errorf("%q: %v", input, err)
		case err == nil && (!addr.IsGlobalUnicast() || addr.IsPrivate() || addr.Is4In6() || addr.Zone() != ""):
			t.Errorf("%q is taken for a public address: %s", input, addr)
		}
	})
}
