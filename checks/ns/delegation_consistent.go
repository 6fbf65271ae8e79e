package ns

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// DelegationConsistent: the parent zone refers to the servers that the zone
// names, and each of them answers for it.
var DelegationConsistent = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "ns.delegation-consistent",
		Title:    "Parent and zone name the same servers, and none is lame",
		Severity: diagnosis.Warning,
		Why:      "A resolver that comes to a server which does not answer for the zone waits, or fails: MX, SPF and DKIM are then missing now and then, for some receivers, and nobody finds out why. If no server answers, the domain is gone.",
		Doc: `Two servers of the parent zone are asked which servers the zone is delegated to, and each address of each server is asked for the SOA record of the zone. A server that is named and does not answer with authority is lame; one that does not answer at all is no better. If none answers it is critical.

If the parent zone knows of no delegation, though the resolver here knows the zone, it is critical too: the domain is on hold, or is one for the inside of a network.

A name that only the parent has is a warning: a server that has been given up, and whose name somebody else may register one day. A name that only the zone has is advice: it works, but resolvers use it or not, depending on which of the two sets they believe. An address that the parent gives (glue) and the server's own A or AAAA record does not is a warning: who comes from the parent goes there first.

To fix a lame server, see that it has the zone: a secondary must be allowed to transfer it, and have it in its configuration. If the server is not to serve the zone any more, take it out of the delegation, at the registrar, and out of the NS records of the zone. To fix glue, correct the address of the host at the registrar, where it is often called host record or child name server.

The answer of the parent's servers is not authoritative, and that is as it should be. A server over IPv6 that cannot be asked from a machine without IPv6 is nobody's fault.`,
		Refs: []diagnosis.Ref{{Name: "RFC 1034, 4.2.2"}, {Name: "RFC 1912, 2.8"}, {Name: "RFC 9499, 7"}},
	},
	Needs: []*checks.Check{dns.DomainExists, dns.CNAMECoexistence},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeViews(ctx, env, func(set facts.ViewSet, v *diagnosis.Verdict) {
			d := delegation{env: env, ViewSet: set, v: v, zone: of(env, set.Zone)}
			d.judge()
		})
	},
})

// A delegation is what is judged.
type delegation struct {
	facts.ViewSet
	env  *checks.Env
	v    *diagnosis.Verdict
	zone string
}

func (d *delegation) judge() {
	d.parentHeard()
	dead := d.lame()
	if len(d.Serving()) > 0 {
		d.names(dead)
		d.glue()
	}
}

// parentHeard doubts where nobody could be heard to delegate the zone.
func (d *delegation) parentHeard() {
	parent := record.Display(d.Parent)
	if parent == "." {
		parent = "the root"
	}
	switch {
	case d.Delegated():
		d.v.Seen = append(d.v.Seen, d.Referral.Evidence())
		return
	case d.Parent == "":
		return
	}
	doubt := func(why string) {
		d.v.Doubts = append(d.v.Doubts, diagnosis.Doubt{Subject: parent, Reason: fmt.Sprintf("what %s delegates %s to is not known: %s", parent, record.Display(d.Zone), why)})
	}
	if d.Err != nil {
		doubt(d.Err.Error())
		return
	}
	for _, s := range d.Parents {
		switch {
		case s.Err != nil || !s.Conclusive():
		case len(s.Own()) > 0: // RFC 1034, 4.3.2: it looks for the deepest zone that it has
			d.v.Seen = append(d.v.Seen, diagnosis.Evidence{Question: s.Inquiry.String(), Answer: "serves " + record.Display(d.Zone) + " itself, so it refers to nobody"})
			return
		default:
			d.undelegated(parent, s)
			return
		}
	}
	if first := d.Parents[0]; first.Err != nil {
		doubt(first.Err.Error())
	} else {
		doubt(first.Inquiry.String() + ": " + strings.ReplaceAll(first.Statement.String(), "\n", ", "))
	}
}

// undelegated is the finding that the parent knows of no such zone.
func (d *delegation) undelegated(parent string, s facts.Said) {
	zone := record.Display(d.Zone)
	d.v.Findings = append(d.v.Findings, diagnosis.Finding{
		Subject: zone, Severity: diagnosis.Critical, Evidence: append(seen(d.NameServerSet), s.Evidence()),
		Message: fmt.Sprintf("%s does not delegate %s: the resolver asked here knows the zone, and nobody else does", parent, d.zone),
		Remedy: diagnosis.Remedy{Steps: []string{
			fmt.Sprintf("See at the registrar that %s is registered and not on hold, and that name servers are set.", zone),
			"If it is a zone for the inside of a network alone, mail of the outside can neither reach it nor come from it.",
		}},
	})
}

// fault says why a server that was asked does not answer for the zone; empty
// where it does, or where that is not known.
func fault(set facts.ViewSet, v facts.View) string {
	switch s := v.SOA; {
	case v.Serves():
		return ""
	case !v.Heard() && !set.Reached(facts.FamilyOf(v.Addr)):
		return ""
	case !v.Heard():
		return facts.Why(s.Err)
	case s.Err != nil: // it answers, and lost this one
		return ""
	case s.Code != "NOERROR" && s.Code != "NXDOMAIN":
		return "it answers " + s.Code
	case s.Authoritative:
		return "it has no such zone"
	case s.Recursive && len(s.Answer) > 0:
		return "it answers from a cache, without authority"
	case len(s.Authority) > 0:
		return "it refers to others"
	}
	return "it answers without authority"
}

// lame judges each server, and returns the names of those that are in fault.
func (d *delegation) lame() []string {
	var names, faults []string
	var findings []diagnosis.Finding
	var all []diagnosis.Evidence
	open := d.unasked()
	for _, server := range d.List {
		var bad []string
		var evidence []diagnosis.Evidence
		for _, view := range d.Views {
			if view.Name != server.Name || len(server.Addrs) > 0 && !slices.Contains(server.Addrs, view.Addr) {
				continue // glue is judged as such
			}
			why := fault(d.ViewSet, view)
			switch {
			case why != "":
				bad = append(bad, view.Addr.String()+": "+why)
				evidence = append(evidence, view.SOA.Evidence())
			case view.Serves():
				d.v.Seen = append(d.v.Seen, diagnosis.Evidence{Question: view.ServerAddr.String(), Answer: "answers for the zone, serial " + view.Serial()})
			default:
				open = true
				d.doubt(view)
			}
		}
		if len(bad) > 0 {
			names, all = append(names, server.Name), append(all, evidence...)
			faults = append(faults, record.Display(server.Name)+" ("+strings.Join(bad, "; ")+")")
			findings = append(findings, d.lameServer(server.Name, bad, evidence))
		}
	}
	if len(d.Serving()) == 0 && !open && len(names) > 0 {
		findings = []diagnosis.Finding{{
			Subject: display(names), Severity: diagnosis.Critical, Evidence: all,
			Message: fmt.Sprintf("no name server of %s answers for it: %s", d.zone, strings.Join(faults, ", ")),
			Remedy: diagnosis.Remedy{Steps: []string{
				fmt.Sprintf("See at the DNS provider that the zone %s exists there, and that the account is in order.", record.Display(d.Zone)),
				"If the zone is at another provider, set the name servers of that one at the registrar.",
			}},
		}}
	}
	d.v.Findings = append(d.v.Findings, findings...)
	return names
}

func (d *delegation) lameServer(name string, bad []string, evidence []diagnosis.Evidence) diagnosis.Finding {
	host, zone := record.Display(name), record.Display(d.Zone)
	return diagnosis.Finding{
		Subject: host, Severity: diagnosis.Warning, Evidence: evidence,
		Message: fmt.Sprintf("name server %s (%s) does not answer for %s", host, strings.Join(bad, "; "), d.zone),
		Remedy: diagnosis.Remedy{Steps: []string{
			fmt.Sprintf("If %s is to serve %s, see that it runs and has the zone: as a secondary it must be configured for it, and be allowed to transfer it from the primary.", host, zone),
			fmt.Sprintf("If not, take %s out of the delegation at the registrar and out of the NS records of %s.", host, zone),
		}},
	}
}

// answers reports whether a server answers for the zone at some address: that
// this machine lacks the family of the others leaves nothing open then.
func (d *delegation) answers(name string) bool {
	return slices.ContainsFunc(d.Serving(), func(view facts.View) bool { return view.Name == name })
}

// doubt is that a server could not be heard; once, where nobody could.
func (d *delegation) doubt(view facts.View) {
	family := facts.FamilyOf(view.Addr)
	doubt := diagnosis.Doubt{Subject: record.Display(view.Name), Reason: fmt.Sprintf("%s: %s", view.ServerAddr, facts.Why(view.SOA.Err))}
	if !d.Reached(family) {
		zone := record.Display(d.Zone)
		doubt = diagnosis.Doubt{Subject: zone, Reason: fmt.Sprintf("no name server of %s is reached over %s from here", zone, family)}
	}
	if !slices.Contains(d.v.Doubts, doubt) {
		d.v.Doubts = append(d.v.Doubts, doubt)
	}
}

// unasked doubts the servers that were not asked, and reports whether there are any.
func (d *delegation) unasked() bool {
	any := len(d.Foreign) > 0
	for _, s := range d.Foreign {
		if d.answers(s.Name) {
			d.v.Seen = append(d.v.Seen, diagnosis.Evidence{Question: s.String(), Answer: "not asked: this machine has no IPv6"})
			continue
		}
		d.v.Doubts = append(d.v.Doubts, diagnosis.Doubt{Subject: record.Display(s.Name), Reason: fmt.Sprintf("%s was not asked: this machine has no IPv6", s)})
	}
	for _, n := range d.List {
		if len(n.Errs) > 0 && len(n.Addrs)+len(n.Glue) == 0 {
			any = true
			d.v.Doubts = append(d.v.Doubts, diagnosis.Doubt{Subject: record.Display(n.Name), Reason: n.Errs[0].Error()})
		}
	}
	return any
}

// names compares the two sets, those aside that do not answer anyway.
func (d *delegation) names(dead []string) {
	var own []string
	for _, view := range d.Serving() {
		for _, r := range view.NS.Own() {
			if name := record.Canonical(r.Data); r.Type == "NS" && !slices.Contains(own, name) {
				own = append(own, name)
			}
		}
	}
	slices.Sort(own)
	if !d.Delegated() || len(own) == 0 {
		return
	}
	zone := record.Display(d.Zone)
	evidence := []diagnosis.Evidence{d.Referral.Evidence(), d.Serving()[0].NS.Evidence()}
	apart := len(without(own, d.Servers)) == len(own)
	if extra := without(without(d.Servers, own), dead); len(extra) > 0 {
		d.v.Findings = append(d.v.Findings, diagnosis.Finding{
			Subject: display(extra), Severity: diagnosis.Warning, Evidence: evidence,
			Message: fmt.Sprintf("%s is delegated to %s, which its own NS records do not name: they say %s", d.zone, display(extra), display(own)),
			Remedy: diagnosis.Remedy{Steps: []string{
				fmt.Sprintf("If %s still serves the zone, name it in the NS records of %s.", display(extra), zone),
				fmt.Sprintf("If not, take %s out of the name servers of %s at the registrar.", display(extra), zone),
			}},
		})
	}
	if extra := without(without(own, d.Servers), dead); len(extra) > 0 && !apart {
		d.v.Findings = append(d.v.Findings, diagnosis.Finding{
			Subject: display(extra), Severity: diagnosis.Advice, Evidence: evidence,
			Message: fmt.Sprintf("the NS records of %s name %s, to which the parent zone does not delegate: it says %s", d.zone, display(extra), display(d.Servers)),
			Remedy: diagnosis.Remedy{Steps: []string{
				fmt.Sprintf("Add %s to the name servers of %s at the registrar, or take it out of the NS records of the zone.", display(extra), zone),
			}},
		})
	}
}

// glue compares the addresses that the parent adds with those that the zone has.
func (d *delegation) glue() {
	for _, n := range d.List {
		wrong := slices.DeleteFunc(slices.Clone(n.Glue), func(addr netip.Addr) bool { return slices.Contains(n.Addrs, addr) })
		if len(wrong) == 0 || len(n.Errs) > 0 || len(n.Addrs) == 0 {
			continue
		}
		host := record.Display(n.Name)
		evidence := []diagnosis.Evidence{d.Referral.Evidence()}
		for _, a := range n.Answers {
			evidence = append(evidence, diagnosis.Evidence{Question: a.Question.String(), Answer: a.String()})
		}
		d.v.Findings = append(d.v.Findings, diagnosis.Finding{
			Subject: host, Severity: diagnosis.Warning, Evidence: evidence,
			Message: fmt.Sprintf("the parent zone gives %s the address %s (glue); its own records say %s", host, joinAddrs(wrong), joinAddrs(n.Addrs)),
			Remedy: diagnosis.Remedy{Steps: []string{
				fmt.Sprintf("At the registrar, correct the host record (child name server) %s to %s.", host, joinAddrs(n.Addrs)),
				fmt.Sprintf("If the server did move to %s, correct its A or AAAA record instead.", joinAddrs(wrong)),
			}},
		})
	}
}

func joinAddrs(addrs []netip.Addr) string {
	var list []string
	for _, a := range addrs {
		list = append(list, a.String())
	}
	return strings.Join(list, " and ")
}
