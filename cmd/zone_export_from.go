package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

// readingTime bounds the reading of a whole zone.
const readingTime = 2 * time.Minute

// zoneExportFrom writes what a provider holds.
func (a *app) zoneExportFrom(ctx context.Context, o *output, f exportFlags, args []string) error {
	if len(args) == 0 {
		return usage(errors.New("no domain given; name the one whose zone is written, as in maildoctor zone export example.com --from " + f.from.spec))
	}
	domain, err := record.ParseDomain(args[0])
	if err != nil {
		return usage(fmt.Errorf("%q %w", args[0], err))
	}
	limited, cancel := context.WithTimeout(ctx, readingTime)
	defer cancel()
	live, err := a.wholly(limited, f.from, domain)
	if ctx.Err() != nil {
		return &codeError{code: exitInterrupted, err: errors.New("interrupted; nothing is written")}
	}
	if err != nil {
		return err
	}
	entries, err := f.kept(live)
	if err != nil {
		return err
	}
	options := zonefile.WriteOptions{Origin: live.zone, Relative: f.relative, Full: f.full, Header: f.liveHeader(live), TTL: live.chosen}
	if f.cloudflare {
		options.Form = zonefile.Cloudflare
		if live.chosen != 0 {
			options.TTL = 1 // "automatic" to Cloudflare's import
		}
	}
	return o.print(func(w io.Writer) error {
		err := zonefile.Write(w, entries, options)
		if err != nil && f.full {
			return usage(err)
		}
		return err
	})
}

// A liveZone is a whole zone as its provider holds it.
type liveZone struct {
	zone, from string
	reading    providers.Reading
	marked     bool // the provider knows what is proxied
	ours       func(record.Record) bool
	chosen     uint32 // the TTL of records for which the provider chooses one
}

// wholly reads the zone in which a domain is.
func (a *app) wholly(ctx context.Context, from providerFlags, domain string) (liveZone, error) {
	to, err := a.open(ctx, from, domain)
	if err != nil {
		return liveZone{}, err
	}
	if !to.Traits().Whole {
		return liveZone{}, &codeError{exitFailed, fmt.Errorf("%s does not give the whole zone %s; a name server does to keys that it allows zone transfers (AXFR)", to, record.Display(to.Zone()))}
	}
	source, err := a.held(to)
	if err != nil {
		return liveZone{}, opening(err)
	}
	if _, err := source.records(ctx, []plan.Wish{{Edit: record.Set(record.Slot{Name: to.Zone(), Type: "SOA"})}}); err != nil {
		return liveZone{}, opening(err)
	}
	live := liveZone{zone: to.Zone(), from: to.String(), reading: source.reading, ours: source.given().Ours}
	if from.spec == desired.ByCloudflare {
		const automatic = 300 // what Cloudflare answers with
		live.marked, live.chosen = true, automatic
	}
	return live, nil
}

// signers are the types that a signer makes, and makes anew for whoever publishes
// the zone; what a zone file has of them is out of date soon (RFC 4034).
var signers = map[string]bool{
	"RRSIG": true, "NSEC": true, "NSEC3": true, "NSEC3PARAM": true, "DNSKEY": true, "CDS": true, "CDNSKEY": true, "ZONEMD": true,
	"TYPE65534": true, // where BIND keeps how far it has signed
}

// kept is what is written of a zone, with comments that tell what is known of
// each record beside its data.
func (f exportFlags) kept(live liveZone) ([]zonefile.Entry, error) {
	var entries []zonefile.Entry
	var servers []string
	soa := false
	for _, r := range live.reading.Records {
		apex := r.Name == live.zone && (r.Type == "SOA" || r.Type == "NS")
		if signers[r.Type] || !record.Within(r.Name, live.zone) || apex && !f.full {
			continue
		}
		soa = soa || r.Type == "SOA"
		if apex && r.Type == "NS" {
			servers = append(servers, r.Data)
		}
		mark := live.reading.Marks[r]
		e := zonefile.Entry{Record: r, Direct: live.marked && !mark.Proxied}
		if live.ours != nil && live.ours(r) || mark.Ours {
			e.Comment = append(e.Comment, "made by maildoctor")
		}
		if mark.Proxied {
			e.Comment = append(e.Comment, "proxied")
		}
		if mark.Locked != "" {
			e.Comment = append(e.Comment, "of "+mark.Locked+", and not to be changed")
		}
		entries = append(entries, e)
	}
	if !f.full || soa || f.cloudflare {
		return entries, nil
	}
	if len(f.servers) == 0 {
		f.servers = servers
	}
	apex, err := f.apex(live.zone, f.now().UTC())
	if err != nil {
		return nil, err
	}
	return append(apex, entries...), nil
}

// liveHeader says what the file is.
func (f exportFlags) liveHeader(live liveZone) []string {
	what := fmt.Sprintf("What %s held of the zone at %s.", live.from, f.now().UTC().Format(time.RFC3339))
	if !f.full {
		what += " Its SOA and NS records are left out; they stay as they are."
	}
	if slices.ContainsFunc(live.reading.Records, func(r record.Record) bool { return signers[r.Type] }) {
		what += " So is what the signer of the zone makes (DNSSEC)."
	}
	return append([]string{record.Display(live.zone)}, folded(what)...)
}
