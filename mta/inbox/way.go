package inbox

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Way is where mail for a domain goes, by the DNS (RFC 5321, 5.1).
type Way struct {
	Domain string       // canonical
	Hosts  []string     // canonical, of the MX records or the domain itself; "." alone: it takes no mail
	Addrs  []netip.Addr // of these; empty where none is known
}

// maxHosts bounds the mail hosts whose addresses are asked for.
const maxHosts = 20

// Find asks the DNS where mail for a domain goes. The error says that it could not
// be told.
func Find(ctx context.Context, r resolve.Resolver, domain string) (Way, error) {
	n := lookup(ctx, r, record.Canonical(domain), true)
	if n.Unknown != nil {
		return Way{}, n.Unknown
	}
	w := Way{Domain: n.Name, Hosts: n.MX, Addrs: n.Addrs}
	if len(n.MX) == 0 {
		if len(n.Addrs) > 0 {
			w.Hosts = []string{n.Name}
		}
		return w, nil
	}
	found := make([]Name, min(len(n.MX), maxHosts))
	var wg sync.WaitGroup
	for i := range found {
		if n.MX[i] != "." {
			wg.Go(func() { found[i] = lookup(ctx, r, n.MX[i], false) })
		}
	}
	wg.Wait()
	w.Addrs = nil
	for _, host := range found {
		if host.Unknown != nil {
			return Way{}, host.Unknown
		}
		w.Addrs = append(w.Addrs, host.Addrs...)
	}
	return w, nil
}

// Mind says what keeps mail from coming to a host with those addresses, in a
// sentence; empty where nothing seems to. Behind NAT a host does not know its address.
func (w Way) Mind(here []netip.Addr) string {
	domain := record.Display(w.Domain)
	var hosts []string
	for _, h := range w.Hosts {
		hosts = append(hosts, record.Display(h))
	}
	public := slices.DeleteFunc(slices.Clone(here), func(a netip.Addr) bool { return a.IsPrivate() || !a.IsGlobalUnicast() })
	switch {
	case slices.Contains(w.Hosts, "."):
		return fmt.Sprintf("%s has a null MX: it says that it takes no mail, so none comes.", domain)
	case len(w.Hosts) == 0:
		return fmt.Sprintf("%s has neither an MX record nor an address, so no mail finds the way; publish an MX record that names this host.", domain)
	case len(w.Addrs) == 0:
		return fmt.Sprintf("the mail host of %s, %s, has no address, so no mail finds the way.", domain, strings.Join(hosts, ", "))
	case len(public) > 0 && !slices.ContainsFunc(w.Addrs, func(a netip.Addr) bool { return slices.Contains(here, a) }):
		return fmt.Sprintf("mail for %s goes to %s (%s), and this host has other addresses.", domain, strings.Join(hosts, ", "), w.Addrs[0])
	}
	return ""
}
