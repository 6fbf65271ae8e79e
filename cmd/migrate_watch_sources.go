package cmd

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/published"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/turnover"
)

// publicResolvers are asked with --public: run by different people, in different
// places, for anybody. Those that filter what they do not like are left out where
// there is one that does not.
var publicResolvers = []struct {
	operator string
	addr     netip.Addr
}{
	{"Cloudflare", netip.MustParseAddr("1.1.1.1")},
	{"Google", netip.MustParseAddr("8.8.8.8")},
	{"Quad9", netip.MustParseAddr("9.9.9.9")},
	{"OpenDNS", netip.MustParseAddr("208.67.222.222")},
	{"AdGuard, unfiltered", netip.MustParseAddr("94.140.14.140")},
	{"DNS4EU, unfiltered", netip.MustParseAddr("86.54.11.100")},
}

// sources are those who are asked: the name servers of a zone, and resolvers. silent
// is why there are no name servers among them.
func (a *app) sources(ctx context.Context, f watchFlags, world stage, zone string) (list []turnover.Source, closeAll func(), silent string, err error) {
	ask := world.servers()
	if ask == nil {
		ask = world.env(ctx, zone).Servers
	}
	limited, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	servers, err := published.Servers(limited, world.asks(), zone)
	switch {
	case err != nil:
		silent = err.Error()
	case ask == nil:
		silent = "there is no way to ask them"
	default:
		for _, s := range servers {
			list = append(list, authoritative(ask, s))
		}
	}
	var clients []*resolve.Client
	closeAll = func() {
		for _, c := range clients {
			c.Close()
		}
	}
	switch {
	case f.replay != "":
		list = append(list, resolver("the resolver of the recording", world.asks()))
	default:
		options, err := resolvers(f.resolvers)
		if err != nil {
			return nil, closeAll, "", err
		}
		for _, s := range options.Servers {
			one := options
			one.Servers = []resolve.Server{s}
			c := resolve.NewClient(one)
			clients = append(clients, c)
			list = append(list, resolver(s.String(), c))
		}
	}
	if f.public && ask != nil {
		for _, p := range publicResolvers {
			list = append(list, recursive(ask, fmt.Sprintf("%s (%s)", p.operator, p.addr), p.addr))
		}
	}
	return list, closeAll, silent, nil
}

// authoritative is a name server as a source.
func authoritative(ask resolve.Inquirer, s published.Server) turnover.Source {
	return turnover.Source{Name: s.String(), Authoritative: true, Ask: func(ctx context.Context, q resolve.Question) ([]record.Record, time.Duration, error) {
		said, err := ask.Inquire(ctx, resolve.Inquiry{Name: q.Name, Type: q.Type, Server: s.Addr})
		switch {
		case err != nil:
			return nil, 0, err
		case !said.Conclusive():
			return nil, 0, fmt.Errorf("it does not answer for the zone: %s", said.Code)
		}
		return ofType(said.Own(), q.Type), 0, nil
	}}
}

// recursive is a resolver at an address as a source.
func recursive(ask resolve.Inquirer, name string, addr netip.Addr) turnover.Source {
	return turnover.Source{Name: name, Ask: func(ctx context.Context, q resolve.Question) ([]record.Record, time.Duration, error) {
		said, err := ask.Inquire(ctx, resolve.Inquiry{Name: q.Name, Type: q.Type, Server: addr, Recurse: true})
		switch {
		case err != nil:
			return nil, 0, err
		case said.Code != "NOERROR" && said.Code != "NXDOMAIN":
			return nil, 0, fmt.Errorf("it answers %s", said.Code)
		}
		var ttl uint32
		for _, r := range slices.Concat(said.Answer, said.Authority) {
			ttl = max(ttl, r.TTL)
		}
		return ofType(said.Own(), q.Type), time.Duration(ttl) * time.Second, nil
	}}
}

// resolver is a way to ask the DNS as a source.
func resolver(name string, dns resolve.Resolver) turnover.Source {
	return turnover.Source{Name: name, Ask: func(ctx context.Context, q resolve.Question) ([]record.Record, time.Duration, error) {
		ans, err := dns.Resolve(ctx, q)
		if err != nil {
			return nil, 0, err
		}
		return ofType(ans.Records, q.Type), ans.TTL, nil
	}}
}

// ofType leaves out the CNAME that stands in the place of the type asked for.
func ofType(records []record.Record, typ string) []record.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r record.Record) bool { return r.Type != typ })
}
