package dmarc

import "slices"

// Merge is one record in place of several that receivers discard together: the
// weakest of the policies, so that no mail is lost that is delivered now, every
// report address once, and of all else what stands first.
func Merge(records ...Record) Record {
	var r Record
	for i, other := range records {
		if i == 0 {
			r = other
			continue
		}
		r.Policy = weaker(r.Policy, other.Policy)
		r.Subdomains = weaker(r.Subdomains, other.Subdomains)
		r.NonExistent = weaker(r.NonExistent, other.NonExistent)
		r.Testing = r.Testing || other.Testing
		r.PSD = first(r.PSD, other.PSD)
		r.DKIM = relaxed(r.DKIM, other.DKIM)
		r.SPF = relaxed(r.SPF, other.SPF)
		r.RUA = union(r.RUA, other.RUA)
		r.RUF = union(r.RUF, other.RUF)
		if r.Failure == nil {
			r.Failure = other.Failure
		}
	}
	r = r.Clean()
	if r.Policy == "" {
		r.Policy = None
	}
	if r.Subdomains == r.Policy {
		r.Subdomains = ""
	}
	return r
}

func weaker(a, b Policy) Policy {
	if a == "" || b != "" && b.Strength() < a.Strength() {
		return b
	}
	return a
}

func first(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// relaxed is strict alignment only where both want it.
func relaxed(a, b string) string {
	if a == b {
		return a
	}
	return ""
}

func union(a, b []URI) []URI {
	a = withoutSizes(a)
	for _, u := range withoutSizes(b) {
		if !slices.ContainsFunc(a, func(o URI) bool { return o.Text == u.Text }) {
			a = append(a, u)
		}
	}
	return a
}
