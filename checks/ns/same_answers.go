package ns

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// SameAnswers: it does not matter which server a receiver comes to.
var SameAnswers = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "ns.same-answers",
		Title:    "All name servers give the same answers",
		Severity: diagnosis.Warning,
		Why:      "Which server a receiver comes to is chance. If one of them has an old copy of the zone, some mail goes to the old MX, and some of yours fails SPF or DMARC: now and then, and never while you look.",
		Doc: `Every address of every name server is asked for the NS records of the zone and for the MX, SPF and DMARC records of the domain, over IPv4 and IPv6. Of TXT records only those of SPF and DMARC are compared.

Serial numbers alone are not judged: right after a change a secondary is behind for a moment, and many DNS services count on each server by itself, or do not count at all. They are shown where the answers differ, for then they tell which server is behind.

To fix it, see at the server that is behind why it does not transfer the zone: the address of the primary, the TSIG key, NOTIFY, port 53 over TCP. With BIND, "rndc retransfer example.org" fetches it at once. If the serial of the primary is lower than the secondary's, as after a restored backup, raise it above. Where two providers serve the zone, change both.`,
		Refs: []diagnosis.Ref{{Name: "RFC 1034, 4.3.5"}, {Name: "RFC 1912, 2.2"}, {Name: "RFC 1982, 3.2"}},
	},
	Needs: []*checks.Check{dns.DomainExists, dns.CNAMECoexistence},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeViews(ctx, env, func(set facts.ViewSet, v *diagnosis.Verdict) {
			if v.Skip = nobody(set); v.Skip != "" {
				return
			}
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: "name servers of " + record.Display(set.Zone), Answer: servers(set.Serving())})
			for _, m := range append(facts.MailMatters(), facts.NSMatter()) {
				sameAnswer(env, set, m, v)
			}
		})
	},
})

// A version is one of several answers, and who gives it.
type version struct {
	content string
	views   []facts.View
}

func sameAnswer(env *checks.Env, set facts.ViewSet, m facts.Matter, v *diagnosis.Verdict) {
	var versions []version
	var silent []facts.View
	for _, view := range set.Serving() {
		said := m.Of(view)
		if resolve.KindOf(said.Err) == resolve.Truncated {
			v.Seen = append(v.Seen, said.Evidence()) // dns.tcp-fallback
			continue
		}
		if !m.Tells(said) {
			silent = append(silent, view)
			continue
		}
		content := m.Content(said.Statement)
		i := slices.IndexFunc(versions, func(o version) bool { return o.content == content })
		if i < 0 {
			versions, i = append(versions, version{content: content}), len(versions)
		}
		versions[i].views = append(versions[i].views, view)
	}
	unheard(m, silent, len(versions) == 0, v)
	switch len(versions) {
	case 0:
	case 1:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: fmt.Sprintf("%s, the same at %d of %d", m.Name, len(versions[0].views), len(set.Serving())), Answer: versions[0].content})
	default:
		v.Findings = append(v.Findings, differ(env, set, m, versions))
	}
}

// unheard doubts the servers that do not tell; in one word where none does.
func unheard(m facts.Matter, silent []facts.View, all bool, v *diagnosis.Verdict) {
	why := func(view facts.View) string {
		return strings.ReplaceAll(m.Of(view).Evidence().Answer, "\n", ", ")
	}
	if all && len(silent) > 0 {
		asked := record.Display(m.Of(silent[0]).Inquiry.Name)
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: asked, Reason: fmt.Sprintf("no name server tells the %s record: %s", m.Name, why(silent[0]))})
		return
	}
	for _, view := range silent {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(view.Name), Reason: fmt.Sprintf("%s does not tell its %s record: %s", view.ServerAddr, m.Name, why(view))})
	}
}

func differ(env *checks.Env, set facts.ViewSet, m facts.Matter, versions []version) diagnosis.Finding {
	name := record.Display(env.Domain)
	if m.Type == "NS" {
		name = record.Display(set.Zone)
	}
	f := diagnosis.Finding{Subject: name, Severity: diagnosis.Warning}
	var parts []string
	var views []facts.View
	for _, o := range versions {
		parts = append(parts, fmt.Sprintf("%q from %s", o.content, servers(o.views)))
		views = append(views, o.views...)
	}
	for _, view := range views {
		f.Evidence = append(f.Evidence, view.SOA.Evidence(), m.Of(view).Evidence())
	}
	f.Message = fmt.Sprintf("the %s record of %s is not the same on all name servers: %s", m.Name, name, strings.Join(parts, "; "))
	if behind := lagging(views); len(behind) > 0 {
		f.Message += "; by the serial, behind is " + behind
		f.Remedy.Steps = append(f.Remedy.Steps, fmt.Sprintf("If the zone was changed within the last hour, wait; else have %s transfer it anew (BIND: rndc retransfer %s), and see why it did not by itself.", behind, record.Display(set.Zone)))
	} else {
		f.Remedy.Steps = append(f.Remedy.Steps, "If the zone was changed a moment ago, wait; else see whether all servers get it from one primary, and whether that raised the serial with the change.")
	}
	f.Remedy.Steps = append(f.Remedy.Steps, "Where two providers serve the zone, make the change at both.")
	return f
}

// servers names the servers of views, each with its serial where it has one.
func servers(views []facts.View) string {
	var list []string
	for _, view := range views {
		text := view.ServerAddr.String()
		if serial := view.Serial(); serial != "" {
			text = fmt.Sprintf("%s (%s, serial %s)", record.Display(view.Name), view.Addr, serial)
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

// lagging names the servers whose serial is below the newest (RFC 1982, 3.2);
// none where all are the same, or one has none.
func lagging(views []facts.View) string {
	serials := make([]uint32, len(views))
	for i, view := range views {
		n, err := strconv.ParseUint(view.Serial(), 10, 32)
		if err != nil {
			return ""
		}
		serials[i] = uint32(n)
	}
	var behind []string
	newest := slices.MaxFunc(serials, compareSerials)
	for i, view := range views {
		if compareSerials(serials[i], newest) < 0 {
			behind = append(behind, view.ServerAddr.String())
		}
	}
	return strings.Join(behind, ", ")
}

func compareSerials(a, b uint32) int {
	switch d := int32(a - b); {
	case d > 0:
		return 1
	case d < 0:
		return -1
	}
	return 0
}
