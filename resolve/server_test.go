package resolve

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseServer(t *testing.T) {
	tests := []struct{ in, want string }{
		{"1.1.1.1", "udp://1.1.1.1:53"},
		{" 1.1.1.1:5353 ", "udp://1.1.1.1:5353"},
		{"::1", "udp://[::1]:53"},
		{"[::1]", "udp://[::1]:53"},
		{"[::1]:5300", "udp://[::1]:5300"},
		{"2001:DB8::53", "udp://[2001:db8::53]:53"},
		{"fe80::1%eth0", "udp://[fe80::1%eth0]:53"},
		{"udp://192.0.2.53", "udp://192.0.2.53:53"},
		{"tcp://192.0.2.53:5353", "tcp://192.0.2.53:5353"},
		{"TCP://[::1]/", "tcp://[::1]:53"},
		{"tls://dns.Example", "tls://dns.example:853"},
		{"tls://192.0.2.53:8853", "tls://192.0.2.53:8853"},
		{"tls://bücher.example", "tls://xn--bcher-kva.example:853"},
		{"https://dns.example/dns-query", "https://dns.example:443/dns-query"},
		{"https://dns.example", "https://dns.example:443/dns-query"},
		{"https://dns.example/", "https://dns.example:443/dns-query"},
		{"https://192.0.2.53:8443/q?key=1", "https://192.0.2.53:8443/q?key=1"},
		{"https://[2001:db8::53]/dns-query{?dns}", "https://[2001:db8::53]:443/dns-query"},
	}
	for _, tt := range tests {
		s, err := ParseServer(tt.in)
		if err != nil || s.String() != tt.want {
			t.Errorf("%q: %v, %v; want %s", tt.in, s, err, tt.want)
			continue
		}
		if again, err := ParseServer(s.String()); err != nil || again != s {
			t.Errorf("%q: not a fixpoint: %v, %v", tt.in, again, err)
		}
	}
}

func TestParseServerErrors(t *testing.T) {
	tests := []struct{ in, next string }{
		{"", "as in 192.0.2.53"},
		{"dns.example", "tls://dns.example or https://dns.example/dns-query"},
		{"udp://dns.example", "tls://dns.example"},
		{"quic://dns.example", "use udp://, tcp://, tls:// or https://"},
		{"1.1.1.1:0", "use 1 to 65535"},
		{"1.1.1.1:65536", "use 1 to 65535"},
		{"1.1.1.1:", "port after the colon is missing"},
		{"[::1]:", "port after the colon is missing"},
		{"[::1", "write [2001:db8::53]:53"},
		{"[1.1.1.1]:53", "write [2001:db8::53]:53"},
		{"1.1.1.256", "as in 192.0.2.53"},
		{"1:2:3", "as in 192.0.2.53"},
		{"fe80::1%a b", "fe80::53%eth0"},
		{"tls://", "give an address"},
		{"tls://a b", "as in tls://dns.example.com"},
		{"tls://user@dns.example", "as in tls://dns.example.com"},
		{"https://dns.example/a b%zz", "use https://HOST/dns-query"},
		{"https://dns.example/a#b", "use https://HOST/dns-query"},
	}
	for _, tt := range tests {
		s, err := ParseServer(tt.in)
		if err == nil || !strings.Contains(err.Error(), tt.next) {
			t.Errorf("%q: %v, %v; want the next step %q", tt.in, s, err, tt.next)
		}
	}
}

func FuzzParseServer(f *testing.F) {
	for _, s := range []string{"1.1.1.1:53", "[::1]:53", "tls://a.b", "https://a/b?c", "fe80::1%a:1", "https://h/%zz", "tcp://[::ffff:1.2.3.4]", "tls://.", "::%]", "tls://\xe500"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseServer(text)
		if err != nil {
			return
		}
		if again, err := ParseServer(s.String()); err != nil || again != s {
			t.Errorf("%q: %#v, again %#v, %v", text, s, again, err)
		}
	})
}

func TestSystemServers(t *testing.T) {
	tests := []struct {
		name, text, servers string
		timeout             time.Duration
		attempts            int
		rotate              bool
	}{
		{"usual", "# made by hand\nsearch example.org\nnameserver 192.0.2.53\nnameserver 2001:db8::53\n", "udp://192.0.2.53:53 udp://[2001:db8::53]:53", 5 * time.Second, 2, false},
		{"options", "nameserver 192.0.2.53 # here\noptions timeout:1 attempts:3 rotate ndots:2\n", "udp://192.0.2.53:53", time.Second, 3, true},
		{"limits", "options timeout:99 attempts:99\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4", "udp://192.0.2.1:53 udp://192.0.2.2:53 udp://192.0.2.3:53", 30 * time.Second, 5, false},
		{"zone", "nameserver fe80::1%eth0", "udp://[fe80::1%eth0]:53", 5 * time.Second, 2, false},
		{"use-vc", "options use-vc\nnameserver 192.0.2.53", "tcp://192.0.2.53:53", 5 * time.Second, 2, false},
		{"nonsense", "nameserver\nnameserver x\noptions timeout: attempts:-1 timeout:x\n;nameserver 192.0.2.1", "udp://127.0.0.1:53", 5 * time.Second, 2, false},
		{"empty", "", "udp://127.0.0.1:53", 5 * time.Second, 2, false},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "resolv.conf")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := SystemServers(path)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var servers []string
		for _, s := range o.Servers {
			servers = append(servers, s.String())
		}
		if got := strings.Join(servers, " "); got != tt.servers || o.Timeout != tt.timeout || o.Attempts != tt.attempts || o.Rotate != tt.rotate {
			t.Errorf("%s: %s %+v", tt.name, got, o)
		}
	}
	if _, err := SystemServers(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "--resolver") {
		t.Errorf("no file: %v", err)
	}
}

func TestRotate(t *testing.T) {
	servers := []Server{{"udp", "192.0.2.1", 53, ""}, {"udp", "192.0.2.2", 53, ""}, {"udp", "192.0.2.3", 53, ""}}
	hosts := func(c *Client) (list []string) {
		order, err := c.order(Question{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range order {
			list = append(list, e.server.Host[len("192.0.2."):])
		}
		return list
	}
	c := NewClient(Options{Servers: servers, Rotate: true})
	defer c.Close()
	if a, b := hosts(c), hosts(c); !slices.Equal(a, []string{"1", "2", "3"}) || !slices.Equal(b, []string{"2", "3", "1"}) {
		t.Error(a, b)
	}
	d := NewClient(Options{Servers: servers})
	defer d.Close()
	if a, b := hosts(d), hosts(d); !slices.Equal(a, b) {
		t.Error(a, b)
	}
	d.servers[0].silent()
	if a := hosts(d); !slices.Equal(a, []string{"2", "3", "1"}) {
		t.Error("silent first:", a)
	}
	d.servers[0].spoke()
	if a := hosts(d); a[0] != "1" {
		t.Error("back again:", a)
	}
}
