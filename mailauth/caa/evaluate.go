package caa

import "slices"

// A Reason is why a CA may issue or not.
type Reason int

const (
	// Unrestricted: no property restricts who may issue for such a name.
	Unrestricted Reason = iota
	// Named: a property names the CA.
	Named
	// NotNamed: properties name other CAs.
	NotNamed
	// Nobody: properties restrict, and none names a CA.
	Nobody
	// Unknown: a critical property has a tag that is not known.
	Unknown
)

// A Decision is whether a CA may issue.
type Decision struct {
	Reason Reason
	By     []Record // the properties that decide; none where nothing restricts
}

// Permitted reports whether the CA may issue, as far as the records tell: the
// conditions of parameters, such as accounturi, only the CA can judge.
func (d Decision) Permitted() bool { return d.Reason == Unrestricted || d.Reason == Named }

// Restricts reports whether the records restrict who may issue for names that
// are wildcards, or for those that are not.
func Restricts(records []Record, wildcard bool) bool {
	return Evaluate(records, nil, wildcard).Reason != Unrestricted
}

// Evaluate says whether the relevant records let the CA issue that goes by any
// of the identifiers ids, given in lower case (RFC 8659, 4).
func Evaluate(records []Record, ids []string, wildcard bool) Decision {
	var alien []Record
	for _, r := range records {
		if r.Critical() && !r.Known() { // RFC 8659, 4.1
			alien = append(alien, r)
		}
	}
	if len(alien) > 0 {
		return Decision{Unknown, alien}
	}
	restricting := withTag(records, Issue)
	if wild := withTag(records, IssueWild); wildcard && len(wild) > 0 { // RFC 8659, 4.3
		restricting = wild
	}
	if len(restricting) == 0 {
		return Decision{}
	}
	d := Decision{Reason: Nobody, By: restricting}
	var naming []Record
	for _, r := range restricting {
		issuer, _ := r.Issuer() // nobody, where it is malformed
		if issuer.Domain == "" {
			continue
		}
		d.Reason = NotNamed
		if slices.Contains(ids, issuer.Domain) && issuer.unsatisfiable() == "" {
			naming = append(naming, r)
		}
	}
	if len(naming) > 0 {
		return Decision{Named, naming}
	}
	return d
}

func withTag(records []Record, tag string) []Record {
	return slices.DeleteFunc(slices.Clone(records), func(r Record) bool { return r.Tag != tag })
}
