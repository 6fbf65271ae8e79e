package report

import (
	"errors"
	"fmt"

	"github.com/maildoctor/maildoctor/diagnosis"
)

type (
	wireMap struct {
		SPF       *wireSPFTree  `json:"spf,omitempty"`
		Receiving *wireMapRoute `json:"receiving,omitempty"`
		Sending   *wireMapRoute `json:"sending,omitempty"`
	}
	wireSPFTree struct {
		Record      string        `json:"record"`
		Lookups     int           `json:"lookups"`
		LookupLimit int           `json:"lookup_limit"`
		LowerBound  bool          `json:"lower_bound"`
		Voids       int           `json:"voids"`
		Voids4      int           `json:"voids_ipv4"`
		Voids6      int           `json:"voids_ipv6"`
		VoidLimit   int           `json:"void_limit"`
		Terms       []wireSPFTerm `json:"terms"`
		Omitted     int           `json:"omitted"`
	}
	wireSPFTerm struct {
		Term    string        `json:"term"`
		Target  string        `json:"target,omitempty"`
		Record  string        `json:"record,omitempty"`
		State   string        `json:"state"`
		Reason  string        `json:"reason,omitempty"`
		Number  int           `json:"number"`
		Lookups int           `json:"lookups"`
		Void4   bool          `json:"void_ipv4,omitempty"`
		Void6   bool          `json:"void_ipv6,omitempty"`
		Terms   []wireSPFTerm `json:"terms,omitempty"`
	}
	wireMapRoute struct {
		Seen    []wireMapSight `json:"seen"`
		Hosts   []wireMapHost  `json:"hosts"`
		Omitted int            `json:"omitted"`
	}
	wireMapHost struct {
		Name       string           `json:"name"`
		Preference *uint16          `json:"preference,omitempty"`
		Seen       []wireMapSight   `json:"seen"`
		Addresses  []wireMapAddress `json:"addresses"`
	}
	wireMapAddress struct {
		Address string         `json:"ip"`
		Seen    []wireMapSight `json:"seen"`
	}
	wireMapSight struct {
		What    string   `json:"what"`
		Seen    string   `json:"seen"`
		Outcome string   `json:"outcome"`
		Checks  []string `json:"checks,omitempty"`
	}
)

// toMap is nil where there is nothing on the map.
func toMap(m diagnosis.Map) *wireMap {
	if m.Empty() {
		return nil
	}
	w := &wireMap{Receiving: toMapRoute(m.Receiving), Sending: toMapRoute(m.Sending)}
	if t := m.SPF; t != nil {
		w.SPF = &wireSPFTree{
			Record: text(t.Record), Lookups: max(0, t.Lookups), LookupLimit: max(0, t.LookupLimit), LowerBound: t.LowerBound,
			Voids: max(0, t.Voids), Voids4: max(0, t.Voids4), Voids6: max(0, t.Voids6), VoidLimit: max(0, t.VoidLimit),
			Terms: each(t.Terms, toSPFTerm), Omitted: max(0, t.Omitted),
		}
	}
	return w
}

func toSPFTerm(t diagnosis.SPFTerm) wireSPFTerm {
	return wireSPFTerm{
		Term: text(t.Term), Target: text(t.Target), Record: text(t.Record), State: t.State.String(), Reason: text(t.Reason),
		Number: max(0, t.Number), Lookups: max(0, t.Lookups), Void4: t.Void4, Void6: t.Void6, Terms: each(t.Terms, toSPFTerm),
	}
}

func toMapRoute(r *diagnosis.Route) *wireMapRoute {
	if r == nil {
		return nil
	}
	return &wireMapRoute{each(r.Seen, toMapSight), each(r.Hosts, toMapHost), max(0, r.Omitted)}
}

func toMapHost(h diagnosis.Host) wireMapHost {
	w := wireMapHost{Name: text(h.Name), Seen: each(h.Seen, toMapSight), Addresses: each(h.Addresses, toMapAddress)}
	if h.MX {
		w.Preference = &h.Preference
	}
	return w
}

func toMapAddress(a diagnosis.Address) wireMapAddress {
	return wireMapAddress{text(a.Address), each(a.Seen, toMapSight)}
}

func toMapSight(s diagnosis.Sight) wireMapSight {
	return wireMapSight{text(s.What), text(s.Seen), s.Outcome.String(), each(s.Checks, text)}
}

func fromMap(w *wireMap) (diagnosis.Map, error) {
	var m diagnosis.Map
	if w == nil {
		return m, nil
	}
	var errs [3]error
	m.SPF, errs[0] = fromSPFTree(w.SPF)
	m.Receiving, errs[1] = fromMapRoute(w.Receiving)
	m.Sending, errs[2] = fromMapRoute(w.Sending)
	if err := errors.Join(errs[:]...); err != nil {
		return m, fmt.Errorf("map: %w", err)
	}
	return m, nil
}

func fromSPFTree(w *wireSPFTree) (*diagnosis.SPFTree, error) {
	if w == nil {
		return nil, nil
	}
	terms, err := all(w.Terms, "terms", fromSPFTerm)
	return &diagnosis.SPFTree{
		Record: w.Record, Lookups: w.Lookups, LookupLimit: w.LookupLimit, LowerBound: w.LowerBound,
		Voids: w.Voids, Voids4: w.Voids4, Voids6: w.Voids6, VoidLimit: w.VoidLimit, Terms: terms, Omitted: w.Omitted,
	}, err
}

func fromSPFTerm(w wireSPFTerm) (diagnosis.SPFTerm, error) {
	t := diagnosis.SPFTerm{
		Term: w.Term, Target: w.Target, Record: w.Record, Reason: w.Reason, Number: w.Number, Lookups: w.Lookups, Void4: w.Void4, Void6: w.Void6,
	}
	var errs [2]error
	errs[0] = t.State.UnmarshalText([]byte(w.State))
	t.Terms, errs[1] = all(w.Terms, "terms", fromSPFTerm)
	return t, errors.Join(errs[:]...)
}

func fromMapRoute(w *wireMapRoute) (*diagnosis.Route, error) {
	if w == nil {
		return nil, nil
	}
	var errs [2]error
	r := &diagnosis.Route{Omitted: w.Omitted}
	r.Seen, errs[0] = all(w.Seen, "seen", fromMapSight)
	r.Hosts, errs[1] = all(w.Hosts, "hosts", fromMapHost)
	return r, errors.Join(errs[:]...)
}

func fromMapHost(w wireMapHost) (diagnosis.Host, error) {
	h := diagnosis.Host{Name: w.Name}
	if w.Preference != nil {
		h.MX, h.Preference = true, *w.Preference
	}
	var errs [2]error
	h.Seen, errs[0] = all(w.Seen, "seen", fromMapSight)
	h.Addresses, errs[1] = all(w.Addresses, "addresses", fromMapAddress)
	return h, errors.Join(errs[:]...)
}

func fromMapAddress(w wireMapAddress) (diagnosis.Address, error) {
	seen, err := all(w.Seen, "seen", fromMapSight)
	return diagnosis.Address{Address: w.Address, Seen: seen}, err
}

func fromMapSight(w wireMapSight) (diagnosis.Sight, error) {
	s := diagnosis.Sight{What: w.What, Seen: w.Seen, Checks: w.Checks}
	return s, s.Outcome.UnmarshalText([]byte(w.Outcome))
}
