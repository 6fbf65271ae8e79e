package resolve

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// Limits of resolv.conf(5).
const (
	maxSystemServers  = 3
	maxSystemTimeout  = 30 // seconds
	maxSystemAttempts = 5
	maxSystemFile     = 64 << 10 // octets read
)

// SystemServers reads the options of a resolv.conf file: nameserver lines and
// the options timeout, attempts, rotate and use-vc. Without a nameserver line it
// is the local host's server, as resolv.conf(5) has it. Names are always asked
// as absolute, so search and ndots do not matter.
func SystemServers(path string) (Options, error) {
	f, err := os.Open(path)
	if err != nil {
		return Options{}, fmt.Errorf("no DNS servers of this system: %w; name one with --resolver, as in --resolver 192.0.2.53", err)
	}
	defer f.Close()
	o, err := readSystem(io.LimitReader(f, maxSystemFile))
	if err != nil {
		return Options{}, fmt.Errorf("DNS servers of this system: %s: %w; name one with --resolver, as in --resolver 192.0.2.53", path, err)
	}
	return o, nil
}

func readSystem(r io.Reader) (Options, error) {
	var o Options
	network := "udp"
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		// A comment begins with ; or # in the first column.
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "nameserver":
			addr, err := netip.ParseAddr(fields[1])
			if err == nil && len(o.Servers) < maxSystemServers {
				o.Servers = append(o.Servers, Server{Network: "udp", Host: addr.String(), Port: 53})
			}
		case "options":
			for _, word := range fields[1:] {
				name, value, _ := strings.Cut(word, ":")
				switch name {
				case "timeout":
					o.Timeout = time.Duration(bounded(value, maxSystemTimeout)) * time.Second
				case "attempts":
					o.Attempts = bounded(value, maxSystemAttempts)
				case "rotate":
					o.Rotate = true
				case "use-vc":
					network = "tcp"
				}
			}
		}
	}
	if err := lines.Err(); err != nil {
		return Options{}, err
	}
	if len(o.Servers) == 0 {
		o.Servers = []Server{{Network: "udp", Host: "127.0.0.1", Port: 53}}
	}
	for i := range o.Servers {
		o.Servers[i].Network = network
	}
	return o.withDefaults(), nil
}

// bounded is the number that text says, at most limit; 0, which means the
// default, where it says none.
func bounded(text string, limit int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0
	}
	return min(n, limit)
}
