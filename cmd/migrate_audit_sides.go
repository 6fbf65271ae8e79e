package cmd

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// known is the services that facts recognizes.
func known() []migration.Known {
	var list []migration.Known
	for _, p := range facts.Providers() {
		list = append(list, migration.Known{Name: p.Name, MX: p.MX, SPF: p.SPF, Selectors: p.Selectors})
	}
	return list
}

// sides recognizes the old side, and reads the new one.
func (x *auditing) sides(ctx context.Context, g *migration.Given) error {
	g.New = x.newSide()
	if x.begun != nil {
		g.Old, g.Before = x.begun.Old, x.begun.Before
		for _, s := range x.begun.Steps {
			if !s.Done.IsZero() {
				g.Done = append(g.Done, s.ID)
			}
		}
		return nil
	}
	found, err := desired.Recognize(ctx, x.world.asks(), x.domain, x.selectors)
	if err != nil {
		return fmt.Errorf("what %s has is not known, so nothing is planned: %w", record.Display(x.domain), err)
	}
	g.Old = x.oldSide(ctx, found, *g)
	if slices.Equal(g.Old.Hosts, g.New.Hosts) {
		for _, name := range g.New.Services {
			service, ok := desired.FindService(name)
			used := slices.ContainsFunc(found.Settings.Services, func(u desired.Use) bool { return u.Service == name })
			if ok && !service.Receives && !used {
				g.New.Name += ", sending through " + service.Title
			}
		}
	}
	if slices.Equal(g.Old.Hosts, g.New.Hosts) && len(g.New.Addrs) > 0 && len(g.Old.Addrs) > 0 && !slices.Equal(g.Old.Addrs, g.New.Addrs) {
		g.New.Name += " at " + g.New.Addrs[0].String()
	}
	return nil
}

func (x *auditing) newSide() migration.Side {
	var side migration.Side
	for _, d := range x.state.Domains {
		if d.Name != x.domain {
			continue
		}
		s := d.Over(x.state.Defaults)
		profile, _ := desired.FindProfile(s.Profile)
		var names []string
		for _, use := range s.Services {
			side.Services = append(side.Services, use.Service)
			if service, ok := desired.FindService(use.Service); ok && service.Receives && (s.MX == "" && !profile.Receives || s.MX == use.Service) {
				names = append(names, service.Title)
			}
		}
		if profile.Receives && (s.MX == "" || s.MX == s.Profile) {
			side.Profile = s.Profile
			for _, h := range x.state.Hosts {
				if len(s.Hosts) == 0 || contains(s.Hosts, h.Name) {
					side.Hosts, side.Addrs = append(side.Hosts, h.Name), append(side.Addrs, h.Addrs...)
				}
			}
			title := profile.Title
			if len(side.Hosts) > 0 {
				title += " on " + record.Display(side.Hosts[0])
			}
			if s.Profile == "standard" && len(side.Hosts) > 0 {
				title = record.Display(side.Hosts[0])
			}
			names = append(names, title)
		}
		side.Name = strings.Join(names, " and ")
	}
	return side
}

// oldSide is who has the mail today.
func (x *auditing) oldSide(ctx context.Context, found desired.Found, g migration.Given) migration.Side {
	side := migration.Side{Profile: found.Settings.Profile}
	for _, r := range record.Sorted(g.Today) {
		if _, host, ok := r.MX(); ok && r.Name == x.domain && host != "." && !slices.Contains(g.New.Hosts, host) {
			side.Hosts = append(side.Hosts, host)
		}
	}
	var names []string
	for _, use := range found.Settings.Services {
		service, ok := desired.FindService(use.Service)
		if ok && service.Receives && !slices.Contains(g.New.Services, use.Service) {
			side.Services = append(side.Services, use.Service)
			names = append(names, service.Title)
		}
	}
	if len(side.Hosts) == 0 && len(names) == 0 { // the hosts stay
		side.Hosts = g.New.Hosts
	}
	for _, h := range side.Hosts {
		if provider, ok := facts.HostedBy(h); ok {
			if !slices.Contains(names, provider.Name) {
				names = append(names, provider.Name)
			}
			continue
		}
		side.Addrs = append(side.Addrs, x.addressesOfHost(ctx, h)...)
	}
	if len(names) == 0 && len(side.Hosts) > 0 {
		names = []string{record.Display(side.Hosts[0])}
		if slices.Equal(side.Hosts, g.New.Hosts) {
			names[0] += " as it is"
			if len(side.Addrs) > 0 && !slices.Equal(side.Addrs, g.New.Addrs) {
				names[0] = record.Display(side.Hosts[0]) + " at " + side.Addrs[0].String()
			}
		}
	}
	side.Name = strings.Join(names, " and ")
	if side.Name == "" {
		side.Name = "nobody"
	}
	return side
}

// addressesOfHost are those that the DNS of today has.
func (x *auditing) addressesOfHost(ctx context.Context, host string) []netip.Addr {
	var list []netip.Addr
	for _, typ := range []string{"A", "AAAA"} {
		if ans, err := x.world.asks().Resolve(ctx, resolve.Ask(host, typ)); err == nil {
			list = append(list, ans.Addrs()...)
		}
	}
	return list
}
