package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// The data of the pictures on a page: the ways of the domain's mail, and the tree
// of its SPF lookups. They are lists of words; the style sheet draws them.
type (
	htmlMap struct {
		Anchor, Subject    string
		Receiving, Sending *htmlRoute
		SPF                *htmlTree
	}
	htmlRoute struct {
		Seen    []htmlSight
		Hosts   []htmlHost
		Omitted string
	}
	htmlHost struct {
		State, Name, Preference string
		Seen                    []htmlSight
		Addresses               []htmlAddress
	}
	htmlAddress struct {
		Address string
		Seen    []htmlSight
	}
	htmlSight struct {
		State, Mark, What, Seen string
		Findings                []htmlLink
		state                   state
	}
	htmlLink struct{ Text, Anchor string }
)

// maxHosts bounds the hosts, and the addresses of each, that are drawn: a report
// may come from anywhere.
const maxHosts = 40

// A mapper draws the map of one report.
type mapper struct {
	failures []diagnosis.Result
	anchors  []string // of each failure
	about    []string // the subjects that stand on a route by themselves
}

func htmlMapOf(anchor string, r diagnosis.Report, failures []diagnosis.Result, anchors []string) *htmlMap {
	if r.Map.Empty() {
		return nil
	}
	m := mapper{failures: failures, anchors: anchors}
	return &htmlMap{
		Anchor: anchor, Subject: subject(r),
		Receiving: m.route(r.Map.Receiving), Sending: m.route(r.Map.Sending), SPF: htmlTreeOf(subject(r), r.Map.SPF),
	}
}

func (m mapper) route(r *diagnosis.Route) *htmlRoute {
	if r == nil {
		return nil
	}
	for _, h := range r.Hosts {
		m.about = append(m.about, h.Name)
		for _, a := range h.Addresses {
			m.about = append(m.about, a.Address)
		}
	}
	out := &htmlRoute{Seen: m.sights(r.Seen, nil)}
	for _, h := range r.Hosts[:min(len(r.Hosts), maxHosts)] {
		out.Hosts = append(out.Hosts, m.host(h))
	}
	if n := r.Omitted + len(r.Hosts) - len(out.Hosts); n > 0 {
		out.Omitted = fmt.Sprintf("and %d more, left out here", n)
	}
	return out
}

func (m mapper) host(h diagnosis.Host) htmlHost {
	out := htmlHost{Name: flat(h.Name)}
	if h.MX {
		out.Preference = fmt.Sprintf("preference %d", h.Preference)
	}
	whole := []string{h.Name}
	var worst state
	for _, a := range h.Addresses[:min(len(h.Addresses), maxHosts)] {
		whole = append(whole, a.Address)
		seen := m.sights(a.Seen, []string{a.Address, h.Name})
		out.Addresses = append(out.Addresses, htmlAddress{flat(a.Address), seen})
		worst = max(worst, worstOf(seen))
	}
	out.Seen = m.sights(h.Seen, whole)
	out.State = class(max(worst, worstOf(out.Seen)))
	return out
}

func worstOf(seen []htmlSight) state {
	worst := skipped
	for _, s := range seen {
		worst = max(worst, s.state)
	}
	return worst
}

// sights draws what was seen of the subjects; of the domain as a whole where there
// are none. What is wrong with it, the findings say.
func (m mapper) sights(seen []diagnosis.Sight, subjects []string) []htmlSight {
	var list []htmlSight
	for _, s := range seen[:min(len(seen), maxHosts)] {
		one := htmlSight{What: flat(s.What), Seen: flat(s.Seen)}
		switch s.Outcome {
		case diagnosis.Passed:
			one.state = passed
		case diagnosis.Unknown:
			one.state = unknown
		}
		for i, r := range m.failures {
			if worst, ok := m.concerning(r, s.Checks, subjects); ok {
				one.Findings = append(one.Findings, htmlLink{worst.String() + ": " + flat(r.Rule.ID), m.anchors[i]})
				one.state = max(one.state, stateOfSeverity(worst))
			}
		}
		one.State, one.Mark = class(one.state), bare(one.state)
		list = append(list, one)
	}
	return list
}

// concerning is the gravest of a result's findings that concerns a sight.
func (m mapper) concerning(r diagnosis.Result, checks, subjects []string) (worst diagnosis.Severity, ok bool) {
	topic, _, _ := strings.Cut(r.Rule.ID, ".")
	if !slices.Contains(checks, r.Rule.ID) && !slices.Contains(checks, topic) {
		return 0, false
	}
	for _, f := range r.Findings {
		own := m.names(f.Subject, subjects)
		if subjects == nil {
			own = !m.names(f.Subject, m.about)
		}
		if own {
			worst, ok = max(worst, f.Severity), true
		}
	}
	return worst, ok
}

// names reports whether the subject of a finding is one of those, or a list with
// one of them: "192.0.2.1, 192.0.2.2 and mx.example.org".
func (m mapper) names(subject string, of []string) bool {
	for part := range strings.SplitSeq(strings.ReplaceAll(subject, " and ", ", "), ", ") {
		if part != "" && slices.Contains(of, part) {
			return true
		}
	}
	return false
}
