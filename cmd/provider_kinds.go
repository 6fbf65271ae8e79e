package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/cloudflare"
	"github.com/maildoctor/maildoctor/providers/powerdns"
	"github.com/maildoctor/maildoctor/providers/rfc2136"
	"github.com/maildoctor/maildoctor/providers/zone"
	"github.com/maildoctor/maildoctor/report"
)

// providerKinds are the ways to a zone, as --provider and the documents list them.
var providerKinds = []providerKind{
	{desired.ByCloudflare, "", openCloudflare},
	{desired.ByZoneFile, "FILE", openZoneFile},
	{desired.ByRFC2136, "HOST[:PORT]", openRFC2136},
	{desired.ByPowerDNS, "URL", openPowerDNS},
}

func openCloudflare(ctx context.Context, a *app, _ providerFlags, _, domain string) (providers.Provider, error) {
	token := a.env("CLOUDFLARE_API_TOKEN")
	if token == "" {
		return nil, usage(errors.New("the token for Cloudflare is not there: set CLOUDFLARE_API_TOKEN to an API token that may edit the DNS of the zone (Zone, DNS, Edit)"))
	}
	p, err := cloudflare.Open(ctx, domain, cloudflare.Options{Token: token, BaseURL: a.env("CLOUDFLARE_BASE_URL")})
	if err != nil {
		return nil, err
	}
	for _, note := range p.Notes() {
		fmt.Fprintf(a.err, "maildoctor: %s\n", report.Escape(note))
	}
	return p, nil
}

func openZoneFile(ctx context.Context, _ *app, _ providerFlags, path, domain string) (providers.Provider, error) {
	return zone.Open(ctx, domain, zone.Options{Path: path})
}

func openRFC2136(ctx context.Context, a *app, f providerFlags, server, domain string) (providers.Provider, error) {
	o := rfc2136.Options{Server: server}
	var err error
	switch text := a.env("MAILDOCTOR_TSIG_KEY"); {
	case f.tsigKey != "":
		if o.Key, err = rfc2136.ReadKey(f.tsigKey); err != nil {
			return nil, usage(fmt.Errorf("--tsig-key %s: %w", f.tsigKey, err))
		}
		if warning := o.Key.Warning(); warning != "" {
			fmt.Fprintf(a.err, "maildoctor: --tsig-key %s: %s\n", report.Escape(f.tsigKey), report.Escape(warning))
		}
	case text != "":
		if o.Key, err = rfc2136.ParseKey(text); err != nil {
			return nil, usage(fmt.Errorf("MAILDOCTOR_TSIG_KEY: %w", err))
		}
	}
	return rfc2136.Open(ctx, domain, o)
}

func openPowerDNS(ctx context.Context, a *app, _ providerFlags, url, domain string) (providers.Provider, error) {
	key := a.env("POWERDNS_API_KEY")
	if key == "" {
		return nil, usage(errors.New("the API key of PowerDNS is not there: set POWERDNS_API_KEY to the api-key of pdns.conf"))
	}
	return powerdns.Open(ctx, domain, powerdns.Options{URL: url, APIKey: key})
}
