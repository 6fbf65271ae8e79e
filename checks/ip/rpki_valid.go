package ip

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

// RPKIValid: the routes to the hosts of the mail are none that others drop.
var RPKIValid = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "ip.rpki-valid",
		Title:    "No route to mail hosts and name servers is invalid by RPKI",
		Severity: diagnosis.Warning,
		Why:      "Large networks drop routes that are invalid by RPKI: from there the hosts cannot be reached, and what they send gets no answer.",
		Doc: `The holder of a prefix can publish which network may announce it, and how finely: a route origin authorisation (ROA). Networks that validate drop announcements that contradict it. A wrong ROA, or none for the network that really announces the prefix, cuts an address off from a part of the internet.

Who announces the addresses that send and receive the domain's mail, and those of its name servers, is asked of Team Cymru by DNS, and what a validator makes of it of RIPEstat by HTTPS: one request for each announcement, six at most, of those of mail first. Where two networks announce one prefix and the ROAs let only one of them, the other is advice: it may be a mistake, or a hijack. A route without any ROA is neither valid nor invalid; it is accepted everywhere, though a ROA would have those who validate refuse a hijacker who announces the prefix.

Only the holder of the prefix can publish a ROA, in the portal of the regional registry: that is the hoster, unless the addresses are your own.`,
		Refs: []diagnosis.Ref{
			{Name: "RFC 6811, 2"}, {Name: "RFC 7115, 5"},
			{Name: "RIPEstat, RPKI validation status", URL: "https://stat.ripe.net/docs/02.data-api/rpki-validation.html"},
		},
	},
	Of:    checks.Domains | checks.Addresses,
	Needs: []*checks.Check{dns.DomainExists, dns.RootKnown},
	Run:   rpkiValid,
})

func rpkiValid(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	routes, err := facts.RouteValidity.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if v.Skip = routes.Off; v.Skip != "" {
		return v, nil
	}
	networks, err := facts.Networks.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if err := unseen(ctx, env, &v); err != nil {
		return v, err
	}
	for _, n := range networks {
		if n.Err != nil {
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: n.Addrs[0].String(), Reason: joined(n.Addrs) + ": " + n.Err.Error()})
		}
	}
	for _, r := range routes.List {
		rightful := slices.IndexFunc(routes.List, func(o facts.Validity) bool { return o.Prefix == r.Prefix && o.Err == nil && o.State == facts.ROAValid })
		if r.State == facts.ROAInvalidOrigin && r.Err == nil && rightful >= 0 {
			v.Findings = append(v.Findings, intruder(r, routes.List[rightful]))
			continue
		}
		judgeRoute(r, &v)
	}
	if routes.Omitted > 0 {
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: "not asked about", Answer: fmt.Sprintf("%d more routes, beyond the first %d", routes.Omitted, len(routes.List))})
	}
	if len(networks) == 0 {
		v.Skip = "no public address is known to send or receive mail"
	}
	return v, nil
}

// unseen adds a doubt for each mail host of which no address could be found out.
func unseen(ctx context.Context, env *checks.Env, v *diagnosis.Verdict) error {
	mx, err := facts.MX.Of(ctx, env)
	for _, h := range mx.Hosts {
		if len(h.Addrs) == 0 && !h.Known() {
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(h.Name), Reason: h.Errs[0].Error()})
		}
	}
	return err
}

func judgeRoute(r facts.Validity, v *diagnosis.Verdict) {
	route := fmt.Sprintf("%s by %s", r.Prefix, r.Origin)
	switch {
	case r.Err != nil:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: r.Prefix.String(), Reason: r.Err.Error()})
	case r.State == facts.ROAValid:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: route, Answer: "the route to " + joined(r.Addrs) + " is valid"})
	case r.State == facts.ROANotFound:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: route, Answer: "no ROA covers the route to " + joined(r.Addrs) + ", so none forbids it", Absent: true})
	default:
		v.Findings = append(v.Findings, invalid(r, route))
	}
}

func invalid(r facts.Validity, route string) diagnosis.Finding {
	why := "its ROAs let only others announce it"
	if r.State == facts.ROAInvalidLength {
		why = "its ROA allows shorter prefixes only"
	}
	var roas []string
	for _, roa := range r.ROAs {
		roas = append(roas, roa.String())
	}
	if len(roas) > 0 {
		why += " (" + strings.Join(roas, "; ") + ")"
	}
	return diagnosis.Finding{
		Subject: r.Prefix.String(), Severity: diagnosis.Warning, Evidence: []diagnosis.Evidence{r.Fetch.Evidence()},
		Message: fmt.Sprintf("the route to %s, %s, is invalid by RPKI: %s", joined(r.Addrs), route, why),
		Remedy: diagnosis.Remedy{Steps: []string{
			fmt.Sprintf("Send this to whoever rents you the address. The holder of the prefix has to publish, at the regional registry, a ROA for %s by %s with a maximum length of %d, or to announce it as the ROAs say.", r.Prefix, r.Origin, r.Prefix.Bits()),
			"If nobody mends it, move the mail to an address of another network.",
		}},
	}
}

// intruder is the finding of a second network that announces the prefix, against
// the ROAs by which the first one does: no ROA is to be made for that.
func intruder(r, rightful facts.Validity) diagnosis.Finding {
	return diagnosis.Finding{
		Subject: r.Prefix.String(), Severity: diagnosis.Advice, Evidence: []diagnosis.Evidence{r.Fetch.Evidence(), rightful.Fetch.Evidence()},
		Message: fmt.Sprintf("%s announces %s, the route to %s, besides %s, which alone may: networks that do not validate may send there what is meant for you", r.Origin, r.Prefix, joined(r.Addrs), rightful.Origin),
		Remedy: diagnosis.Remedy{Steps: []string{
			fmt.Sprintf("Ask whoever rents you the address whether %s is to announce %s. If not, it is a mistake or a hijack, which they have to stop.", r.Origin, r.Prefix),
		}},
	}
}

// joined is addresses for a sentence: "192.0.2.25 and 192.0.2.26", at most four.
func joined(addrs []netip.Addr) string {
	const most = 4
	var list []string
	for _, a := range addrs[:min(len(addrs), most)] {
		list = append(list, a.String())
	}
	if n := len(addrs) - most; n > 0 {
		list = append(list, fmt.Sprintf("%d more", n))
	}
	if n := len(list) - 1; n > 0 {
		return strings.Join(list[:n], ", ") + " and " + list[n]
	}
	return strings.Join(list, "")
}
