package dnsbl

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// All returns every list that the package knows, weightiest first.
func All() []Zone {
	return slices.Concat(spamhausZones(), addressZones(), domainZones(), otherZones())
}

// Default returns the lists that anybody may ask without a key or registration,
// which are those that an examination asks.
func Default() []Zone {
	return slices.DeleteFunc(All(), func(z Zone) bool { return z.Need != NeedNothing || z.Optional })
}

// Find returns the list of that name. The error for a list that must not be
// asked any more says why.
func Find(name string) (Zone, error) {
	name = record.Canonical(strings.TrimSpace(name))
	for _, r := range retired {
		if record.Within(name, r.suffix) {
			return Zone{}, fmt.Errorf("%q is not asked: %s", record.Display(name), r.why)
		}
	}
	zones := All()
	i := slices.IndexFunc(zones, func(z Zone) bool { return z.Name == name })
	if i < 0 {
		return Zone{}, fmt.Errorf("no list %q is known", record.Display(name))
	}
	return zones[i], nil
}

// Operators tells whose list a question is put to, for whoever limits how much
// one operator is asked at once; empty for a question to no list.
func Operators() func(resolve.Question) string {
	zones := All()
	return func(q resolve.Question) string {
		for _, z := range zones {
			if record.Within(q.Name, z.Name) {
				return z.Operator
			}
		}
		return ""
	}
}

// code is a Code of class Abuse; codes is a prefix ("127.0.0.0/24") or an address.
func code(codes, label, meaning string) Code {
	return Code{Answers: prefix(codes), Label: label, Meaning: meaning}
}

// as sets class and, unless 0, tier.
func (c Code) as(class Class, tier Tier) Code {
	c.Class, c.Tier = class, tier
	return c
}

func refusal(codes, reason string) Refusal { return Refusal{prefix(codes), reason} }

// prefix panics on what is not an address or prefix: the tables are constant,
// and a test reads them all.
func prefix(s string) netip.Prefix {
	if !strings.Contains(s, "/") {
		s += "/32"
	}
	return netip.MustParsePrefix(s)
}

// anyCode is the meaning of a list that documents no codes: any 127.0.0.n,
// 127.0.0.1 aside.
func anyCode(meaning string) []Code { return []Code{code("127.0.0.0/24", "", meaning)} }

// only is the meaning of a list with the one code 127.0.0.2.
func only(meaning string) []Code { return []Code{code("127.0.0.2", "", meaning)} }
