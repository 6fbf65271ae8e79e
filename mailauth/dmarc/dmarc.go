// Package dmarc reads and writes DMARC policy records, finds the one that applies
// to a domain and evaluates messages by it (RFC 9989), beside what a receiver that
// still follows RFC 7489 makes of the same zone.
//
// It does not verify SPF or DKIM, whose results it takes, and writes no reports.
package dmarc

import (
	"slices"
	"strconv"
	"strings"
)

// A Policy is what the owner asks receivers to do with mail that fails.
type Policy string

// The policies (RFC 9989, 4.7). The empty Policy is an absent tag.
const (
	None       Policy = "none"
	Quarantine Policy = "quarantine"
	Reject     Policy = "reject"
)

// Strength orders policies: 0 for none and an absent one, 1 quarantine, 2 reject.
func (p Policy) Strength() int {
	switch p {
	case Quarantine:
		return 1
	case Reject:
		return 2
	}
	return 0
}

// Weaker is p one step down; none stays none.
func (p Policy) Weaker() Policy {
	if p == Reject {
		return Quarantine
	}
	return None
}

// A Record is what a policy record says. The zero Record is "v=DMARC1" alone.
type Record struct {
	Policy      Policy // p
	Subdomains  Policy // sp, for subdomains that exist
	NonExistent Policy // np, for subdomains that do not

	// Invalid is set where p, sp or np is there with a value that is no policy:
	// the record then counts as p=none or not at all (RFC 9989, 4.10.1).
	Invalid bool

	Testing bool     // t=y
	PSD     string   // psd: "y", "n", "u", or empty
	DKIM    string   // adkim: "r", "s", or empty
	SPF     string   // aspf: "r", "s", or empty
	Failure []string // fo
	RUA     []URI    // where aggregate reports go
	RUF     []URI    // where failure reports go

	// Removed holds the tags of RFC 7489 that RFC 9989 dropped: pct, rf and ri.
	Removed []Tag
	// Extra holds the tags that no RFC defines; receivers ignore them.
	Extra []Tag
}

// A Tag is a name and its value, without the white space around them.
type Tag struct{ Name, Value string }

// Valid reports whether r has a valid p, and no sp or np that is not (RFC 9989,
// 4.10.1; RFC 7489, 6.6.3, 6, of p and sp).
func (r Record) Valid() bool { return r.Policy != "" && !r.Invalid }

// Applies reports whether receivers apply DMARC on account of r at all. Without
// a valid policy it takes at least one valid report address, and then counts as
// p=none (RFC 9989, 4.10.1).
func (r Record) Applies() bool { return r.Valid() || r.Reports() }

// Reports reports whether at least one address for aggregate reports is valid.
func (r Record) Reports() bool {
	return slices.ContainsFunc(r.RUA, func(u URI) bool { return u.Fault == "" })
}

// Relation is where the author domain stands to the domain of the record.
type Relation int

const (
	Self        Relation = iota // the record is the author domain's own
	Subdomain                   // the author domain is below, and exists
	NonExistent                 // the author domain is below, and does not exist
)

// Stated is the policy that r states for a domain and the tag that states it:
// sp and np count only for what is below, np falls back to sp, and both to p.
// The tag is empty where r counts as p=none for want of a valid policy.
func (r Record) Stated(relation Relation) (policy Policy, tag string) {
	switch {
	case !r.Valid():
		return None, ""
	case relation == NonExistent && r.NonExistent != "":
		return r.NonExistent, "np"
	case relation != Self && r.Subdomains != "":
		return r.Subdomains, "sp"
	}
	return r.Policy, "p"
}

// InForce is the stated policy after t=y, which asks for one step less.
func (r Record) InForce(relation Relation) Policy {
	policy, _ := r.Stated(relation)
	if r.Testing {
		return policy.Weaker()
	}
	return policy
}

// Percent is the pct tag as a receiver of RFC 7489 reads it: 0 to 100, 100
// where it is absent or not a number. RFC 9989 ignores it.
func (r Record) Percent() int {
	for _, t := range r.Removed {
		if t.Name == "pct" {
			if n, err := strconv.Atoi(t.Value); err == nil && 0 <= n && n <= 100 {
				return n
			}
		}
	}
	return 100
}

// Legacy is the policy that a receiver of RFC 7489 applies to all mail that
// fails, and to pct percent of it: it knows neither np nor t, and mail that pct
// leaves out gets the next weaker policy (RFC 7489, 6.6.4).
func (r Record) Legacy(relation Relation) (policy, rest Policy, percent int) {
	if relation == NonExistent {
		relation = Subdomain
	}
	policy, _ = r.Stated(relation)
	return policy, policy.Weaker(), r.Percent()
}

// WithPolicy is r with p set.
func (r Record) WithPolicy(p Policy) Record {
	r.Policy = p
	return r
}

// WithSubdomains is r with sp set; an empty policy takes the tag away.
func (r Record) WithSubdomains(p Policy) Record {
	r.Subdomains = p
	return r
}

// WithTesting is r with t=y, or without t.
func (r Record) WithTesting(testing bool) Record {
	r.Testing = testing
	return r
}

// Weaker is r with every policy one step down.
func (r Record) Weaker() Record {
	for _, p := range []*Policy{&r.Policy, &r.Subdomains, &r.NonExistent} {
		if *p != "" {
			*p = p.Weaker()
		}
	}
	return r
}

// WithReports is r with aggregate reports sent to the mail addresses, in place
// of the valid ones before.
func (r Record) WithReports(addresses ...string) Record {
	r.RUA = nil
	for _, a := range addresses {
		r.RUA = append(r.RUA, Mailto(a))
	}
	return r
}

// Clean is r without what receivers ignore or stumble over: tags that were
// removed or that nobody knows, sizes and addresses that are not valid.
func (r Record) Clean() Record {
	r.Removed, r.Extra, r.Invalid = nil, nil, false
	r.RUA, r.RUF = usable(r.RUA), usable(r.RUF)
	if len(r.RUF) == 0 {
		r.Failure = nil // fo means nothing without ruf
	}
	return r
}

func usable(uris []URI) []URI {
	return slices.DeleteFunc(withoutSizes(uris), func(u URI) bool { return u.Fault != "" })
}

func withoutSizes(uris []URI) []URI {
	uris = slices.Clone(uris)
	for i, u := range uris {
		uris[i].Text, uris[i].Size = strings.TrimSuffix(u.Text, "!"+u.Size), ""
	}
	return uris
}

// String is the record as it is best published: v first, p second as RFC 7489
// wants it, no needless white space.
func (r Record) String() string {
	var b strings.Builder
	b.WriteString("v=DMARC1")
	tag := func(name, value string) {
		if value != "" {
			b.WriteString("; " + name + "=" + value)
		}
	}
	tag("p", string(r.Policy))
	tag("sp", string(r.Subdomains))
	tag("np", string(r.NonExistent))
	if r.Testing {
		tag("t", "y")
	}
	tag("psd", r.PSD)
	tag("adkim", r.DKIM)
	tag("aspf", r.SPF)
	tag("rua", join(r.RUA))
	tag("ruf", join(r.RUF))
	tag("fo", strings.Join(r.Failure, ":"))
	for _, t := range slices.Concat(r.Removed, r.Extra) {
		tag(t.Name, t.Value)
	}
	return b.String()
}

func join(uris []URI) string {
	var texts []string
	for _, u := range uris {
		texts = append(texts, u.Text)
	}
	return strings.Join(texts, ",")
}
