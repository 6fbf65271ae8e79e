package ns

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// Closed: the servers do for strangers what they are there for, and no more.
var Closed = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "ns.closed",
		Title:    "Name servers give no zone transfers and no recursion to strangers",
		Severity: diagnosis.Warning,
		Why:      "A zone that anybody may copy shows every host name that you have, test systems included. A server that resolves for anybody is used to flood others, and its address ends on blocklists: bad where it is a mail server too.",
		Doc: `Every server is asked once for a transfer of the zone (AXFR); the connection is closed after the first message, which tells it. And every server is asked once for a name outside its zones, recursion desired; an answer with the RA flag set means that it resolves for strangers.

To close transfers, allow them to the addresses or the TSIG keys of the secondaries only. BIND: allow-transfer { ... }; NSD: provide-xfr; Knot: acl; PowerDNS: allow-axfr-ips; Windows: Zone Transfers, "Only to the following servers".

To close recursion, turn it off where the server only serves zones: BIND "recursion no;", or allow-recursion for your own networks where it must do both.

Asked from a machine in the server's own network it cannot be told whether strangers are served.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5936, 5"}, {Name: "RFC 5358, 4"}},
	},
	Needs: []*checks.Check{dns.DomainExists, dns.CNAMECoexistence},
	Run:   closed,
})

func closed(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	set, err := facts.Openings.Of(ctx, env)
	switch {
	case err != nil:
		return v, err
	case set.Off != "":
		v.Skip = set.Off
		return v, nil
	}
	told := false
	for _, name := range namesOf(set.List) {
		var transfers, resolves []facts.Opening
		for _, o := range set.List {
			if o.Name != name {
				continue
			}
			told = told || o.Transfer.Err == nil || o.Recurse.Err == nil
			if o.Transfers() {
				transfers = append(transfers, o)
			}
			if o.Resolves() {
				resolves = append(resolves, o)
			}
		}
		opened(&v, set, transfers, func(o facts.Opening) facts.Said { return o.Transfer }, "gives the whole zone to anybody who asks (AXFR)", "gives the zone to",
			"Allow transfers to the addresses or TSIG keys of the secondaries only (BIND: allow-transfer; NSD: provide-xfr; Knot: acl; PowerDNS: allow-axfr-ips).")
		opened(&v, set, resolves, func(o facts.Opening) facts.Said { return o.Recurse }, "resolves names for anybody (open recursion)", "resolves names for",
			"Turn recursion off (BIND: recursion no), or allow it to your own networks only (BIND: allow-recursion).")
		if len(transfers)+len(resolves) == 0 {
			seenClosed(&v, set.List, name)
		}
	}
	if !told && len(v.Findings) == 0 {
		v.Seen = nil
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(set.Zone), Reason: "no name server of " + record.Display(set.Zone) + " is reached from here"})
	}
	return v, nil
}

func namesOf(list []facts.Opening) []string {
	var names []string
	for _, o := range list {
		if !slices.Contains(names, o.Name) {
			names = append(names, o.Name)
		}
	}
	return names
}

// opened is the finding about one server that does too much, or the doubt where
// it may do so for neighbours alone.
func opened(v *diagnosis.Verdict, set facts.OpeningSet, list []facts.Opening, of func(facts.Opening) facts.Said, what, here, cure string) {
	if len(list) == 0 {
		return
	}
	host := record.Display(list[0].Name)
	if !slices.ContainsFunc(list, func(o facts.Opening) bool { return !o.Near }) {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: host, Reason: fmt.Sprintf("%s %s this machine, which is in its own network: whether it does so for strangers cannot be told from here", host, here)})
		return
	}
	f := diagnosis.Finding{Subject: host, Severity: diagnosis.Warning, Remedy: diagnosis.Remedy{Steps: []string{fmt.Sprintf("At %s: %s", host, cure)}}}
	var addrs []string
	for _, o := range list {
		addrs = append(addrs, o.Addr.String())
		f.Evidence = append(f.Evidence, of(o).Evidence())
	}
	f.Message = fmt.Sprintf("name server %s of %s (%s) %s", host, record.Display(set.Zone), strings.Join(addrs, ", "), what)
	v.Findings = append(v.Findings, f)
}

func seenClosed(v *diagnosis.Verdict, list []facts.Opening, name string) {
	for _, o := range list {
		if o.Name == name {
			v.Seen = append(v.Seen, o.Transfer.Evidence(), o.Recurse.Evidence())
		}
	}
}
