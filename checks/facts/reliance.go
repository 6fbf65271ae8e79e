package facts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/rdap"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Reliance is a domain of somebody else that records of the domain rely on,
// although names below it do not exist.
type Reliance struct {
	Domain  string   // registrable, canonical
	Names   []string // those that do not exist, canonical
	Absence resolve.Answer
	TopGone bool // not even its top-level domain exists, so nobody can register it

	Registration Registration
	Err          error // why it could not be found out who has it
}

// Open says why anybody can register the domain, now or soon, by the word of the
// DNS, which does not have it, and of its registry: "nobody has registered it".
// It is empty where nobody can, and where that cannot be told.
func (r Reliance) Open() string {
	if r.Err != nil || r.Absence.Exists || r.TopGone {
		return ""
	}
	if r.Registration.Free() {
		return "nobody has registered it"
	}
	for _, status := range []string{"redemption period", "pending delete"} { // RFC 3915, 3.1
		if r.Registration.Answer.Has(status) {
			return fmt.Sprintf("its registration is being deleted (%q)", status)
		}
	}
	return ""
}

// Doubt is why it cannot be told whether anybody can register the domain; empty
// where it can.
func (r Reliance) Doubt() string {
	switch {
	case r.Err != nil:
		return r.Err.Error()
	case !r.Absence.Exists && !r.TopGone && r.Registration.Off != "":
		return fmt.Sprintf("%s does not exist in the DNS, and whether anybody can register it is not known: %s", record.Unicode(r.Domain), r.Registration.Off)
	}
	return ""
}

// Evidence is what shows that the domain is to be had.
func (r Reliance) Evidence() []diagnosis.Evidence {
	return []diagnosis.Evidence{{Question: r.Absence.Question.String(), Answer: r.Absence.String()}, r.Registration.Evidence()}
}

// Bounds of one list of reliances: how many domains of others the DNS is asked
// about, and how many of those registries are.
const (
	maxReliances = 20
	maxInquiries = 4
)

// relyOn finds out who has the domains of names that do not exist. The registry
// is asked only about those that the DNS does not have.
func relyOn(ctx context.Context, env *checks.Env, names []string) []Reliance {
	own, _ := rdap.Registrable(env.Domain)
	var list []Reliance
	for _, name := range names {
		domain, ok := rdap.Registrable(name)
		if !ok || domain == own {
			continue
		}
		i := slices.IndexFunc(list, func(r Reliance) bool { return r.Domain == domain })
		if i < 0 {
			i = len(list)
			list = append(list, Reliance{Domain: domain})
		}
		if !slices.Contains(list[i].Names, name) {
			list[i].Names = append(list[i].Names, name)
		}
	}
	each := func(do func(*Reliance)) {
		var wg sync.WaitGroup
		for i := range list {
			wg.Go(func() { do(&list[i]) })
		}
		wg.Wait()
	}
	for i := maxReliances; i < len(list); i++ {
		list[i].Err = fmt.Errorf("not looked up: the DNS is asked about %d domains at most", maxReliances)
	}
	each(func(r *Reliance) {
		if r.Err == nil {
			r.Absence, r.Err = env.DNS.Resolve(ctx, resolve.Ask(r.Domain, "NS"))
		}
	})
	left := maxInquiries
	for i := range list {
		r := &list[i]
		if r.Err != nil || r.Absence.Exists {
			continue
		}
		if left--; left < 0 {
			r.Err = fmt.Errorf("not looked up: registries are asked about %d domains at most", maxInquiries)
		}
	}
	each(func(r *Reliance) {
		if r.Err != nil || r.Absence.Exists {
			return
		}
		r.Registration, r.Err = RegistrationOf(ctx, env, r.Domain)
		if r.Registration.NoService {
			top, err := env.DNS.Resolve(ctx, resolve.Ask(topLevel(r.Domain), "NS"))
			r.TopGone = err == nil && !top.Exists
		}
	})
	return list
}

// SPFReliances is the fact of the domains that the SPF record and what it leads
// to rely on, and that may be nobody's. Its error is that of SPF.
var SPFReliances = checks.NewFact("the domains that SPF relies on", func(ctx context.Context, env *checks.Env) ([]Reliance, error) {
	r, err := SPF.Of(ctx, env)
	if err != nil || r.Tree == nil {
		return nil, err
	}
	var names []string
	for n := range r.Tree.Root.All() {
		names = append(names, Missing(n)...)
	}
	return relyOn(ctx, env, names), ctx.Err()
})

// Missing is the names that a term of an SPF record relies on to let a sender
// pass and that do not exist, or of which that is not known because they depend
// on the sender.
func Missing(n *spf.Node) []string {
	if n.In == "" || n.Term.Kind != spf.Redirect && n.Term.Qualifier.Code() != spf.Pass {
		return nil
	}
	if n.State == spf.Varies {
		if tail := fixedTail(n.Term.Domain); tail != "" {
			return []string{tail}
		}
		return nil
	}
	var names []string
	for _, a := range n.Answers {
		if !a.Exists && !slices.Contains(names, a.Target()) {
			names = append(names, a.Target())
		}
	}
	for _, h := range n.Hosts {
		if !h.HasIPv4 && !h.HasIPv6 && h.Err == nil && h.Name != "." {
			names = append(names, h.Name)
		}
	}
	return names
}

// fixedTail is the labels of a domain-spec behind its last macro (RFC 7208, 7.1),
// canonical; empty where they are none.
func fixedTail(spec string) string {
	for _, end := range []string{"}", "%%", "%_", "%-"} {
		if i := strings.LastIndex(spec, end); i >= 0 {
			spec = spec[i+len(end):]
		}
	}
	_, tail, _ := strings.Cut(spec, ".")
	if tail == "" {
		return ""
	}
	return record.Canonical(tail)
}

// DKIMReliances is the fact of the domains that aliases at selectors lead to, and
// that may be nobody's. Its error is that of DKIM.
var DKIMReliances = checks.NewFact("the domains that selectors rely on", func(ctx context.Context, env *checks.Env) ([]Reliance, error) {
	keys, err := DKIM.Of(ctx, env)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range keys.Aliases() {
		names = append(names, s.Answer.Target())
	}
	return relyOn(ctx, env, names), ctx.Err()
})

// Aliases is the selectors whose alias leads to a name that does not exist. The
// wildcard, if there is one that does, is the one of the name "*".
func (k DKIMKeys) Aliases() []DKIMSelector {
	all := slices.Clone(k.Selectors)
	if k.RandomErr == nil {
		_, rest, _ := strings.Cut(k.Random.Question.Name, ".")
		all = append(all, DKIMSelector{Name: "*", Domain: "*." + rest, Answer: k.Random})
	}
	return slices.DeleteFunc(all, func(s DKIMSelector) bool {
		return s.Err != nil || s.Wildcard || len(s.Answer.Chain) == 0 || s.Answer.Exists
	})
}
