package spf

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A cure is the one SPF record that the domain should publish. Every finding
// that a record can cure proposes this one, so that no remedy undoes another.
type cure struct {
	record spf.Record
	tree   *spf.Tree
	left   []spf.Problem // terms that nobody can read: there is no cure then
	guess  bool          // there was no record to begin with
	denies bool          // the domain sends no mail
}

// sound reports whether the cure keeps the limit of lookups.
func (c cure) sound() bool { return c.tree.Lookups <= spf.MaxLookups }

// prescription is the fact of the domain's cure. It begins with what is
// published and changes what is wrong, nothing else: faulty terms as they were
// meant, several records merged, terms that lead nowhere, to what is anybody's, or say
// nothing new left out, declared senders let in, an all at the end that does not let everybody in.
var prescription = checks.NewFact("the SPF record to publish", func(ctx context.Context, env *checks.Env) (cure, error) {
	var c cure
	r, err := facts.SPF.Of(ctx, env)
	if err != nil {
		return c, err
	}
	if err := c.begin(ctx, env, r); err != nil {
		return c, err
	}
	if c.denies {
		c.record, c.left = spf.Deny(), nil
		c.count(ctx, env)
		return c, ctx.Err()
	}
	c.count(ctx, env)
	c.prune(env)
	c.dropDangling(ctx, env)
	c.dropRepeats(env)
	c.dropExplanation(ctx, env)
	c.close()
	c.admit(ctx, env)
	c.count(ctx, env)
	return c, ctx.Err()
})

func (c *cure) count(ctx context.Context, env *checks.Env) {
	c.tree = spf.Count(ctx, env.DNS, env.Domain, c.record)
}

// begin reads what is published as it was meant.
func (c *cure) begin(ctx context.Context, env *checks.Env, r facts.SPFRecord) error {
	purpose, err := facts.Intent.Of(ctx, env)
	if err != nil {
		return err
	}
	c.denies = !purpose.Sends
	texts := r.Texts
	if len(texts) == 0 {
		for _, miss := range r.Misses {
			texts = append(texts, miss.Meant)
		}
	}
	var records []spf.Record
	for _, text := range texts {
		repaired, left := spf.Repair(text)
		records = append(records, repaired)
		c.left = append(c.left, left...)
	}
	if len(records) > 0 {
		c.record = spf.Merge(records...)
		return nil
	}
	c.guess = true
	first, err := firstRecord(ctx, env)
	c.record = first
	return err
}

// firstRecord is what a domain without SPF should begin with: the hosts that take its mail and their provider.
func firstRecord(ctx context.Context, env *checks.Env) (spf.Record, error) {
	set, err := facts.MX.Of(ctx, env)
	if err != nil {
		return spf.Record{}, err
	}
	var first spf.Record
	self := false
	for _, h := range set.Hosts {
		if p, ok := facts.HostedBy(h.Name); ok && p.Include != "" {
			first = first.WithInclude(p.Include)
		} else {
			self = true
		}
	}
	if self && !set.Implicit {
		first.Terms = append([]spf.Term{{Kind: spf.MX, Qualifier: spf.Plus, Bits4: 32, Bits6: 128}}, first.Terms...)
	}
	return first.WithAll(spf.Tilde), nil
}

// prune leaves out the terms of the domain's own record that lead nowhere. They
// authorise nobody; an include or redirect to nothing is a permerror for all.
func (c *cure) prune(env *checks.Env) {
	for _, n := range c.tree.Root.Children {
		switch n.State {
		case spf.NoName, spf.NoRecord, spf.Loop:
			c.record = c.record.Without(n.Term)
		case spf.Empty:
			if n.Term.Kind == spf.A || n.Term.Kind == spf.MX {
				c.record = c.record.Without(n.Term)
			}
		}
	}
}

// dropDangling leaves out the terms that name a domain which anybody can register, now
// or soon.
func (c *cure) dropDangling(ctx context.Context, env *checks.Env) {
	reliances, err := facts.SPFReliances.Of(ctx, env)
	if err != nil {
		return
	}
	for _, r := range reliances {
		if r.Open() == "" {
			continue
		}
		for _, n := range c.tree.Root.Children {
			rests := slices.ContainsFunc(facts.Missing(n), func(name string) bool { return slices.Contains(r.Names, name) })
			if rests && names(n.Domain, n.Term, r) {
				c.record = c.record.Without(n.Term)
			}
		}
	}
}

// close gives the record an all, and takes away one that says nothing.
func (c *cure) close() {
	all, ok := c.record.All()
	_, redirects := c.record.Redirect()
	if ok && (all.Qualifier == spf.Minus || all.Qualifier == spf.Tilde) || redirects {
		return
	}
	c.record = c.record.WithAll(spf.Tilde)
}

// admit lets in the senders that the owner declares, as far as the record does
// not do so already.
func (c *cure) admit(ctx context.Context, env *checks.Env) {
	for _, addr := range env.Want.Senders {
		proposed := resolve.NewOverlay(env.DNS, publish(env, c.record))
		if got := spf.Evaluate(ctx, proposed, facts.MailFrom(env, addr)); got.Code != spf.Pass {
			c.record = c.record.WithIP(addr)
		}
	}
}

// dropRepeats leaves out what the record says twice: by its text, and includes
// that another include of the record holds too.
func (c *cure) dropRepeats(env *checks.Env) {
	c.record = c.record.WithoutRedundant(env.Domain)
	for _, n := range c.tree.Root.Children {
		if n.Term.Kind != spf.Include || n.Term.Qualifier != spf.Plus {
			continue
		}
		for _, other := range c.tree.Root.Children {
			if other != n && other.Term.Kind == spf.Include && other.Term.Qualifier == spf.Plus && c.record.Without(n.Term).String() != c.record.String() && reaches(other, n.Domain) {
				c.record = c.record.Without(n.Term)
				break
			}
		}
	}
}

// dropExplanation leaves out an exp that leads to no explanation.
func (c *cure) dropExplanation(ctx context.Context, env *checks.Env) {
	exp, ok := c.record.Exp()
	if !ok || strings.Contains(exp.Domain, "%") {
		return
	}
	answer, err := env.DNS.Resolve(ctx, resolve.Ask(exp.Domain, "TXT"))
	if err == nil && unexplained(answer) != "" {
		c.record = c.record.Without(exp)
	}
}

// reaches reports whether an include passes whatever the record of domain passes.
func reaches(n *spf.Node, domain string) bool {
	return slices.ContainsFunc(n.Children, func(c *spf.Node) bool {
		return c.Term.Kind == spf.Include && c.Term.Qualifier == spf.Plus && (c.Domain == domain || reaches(c, domain))
	})
}

// remedy proposes the domain's cure: no edit where none is known or needed, and
// steps about what no machine can decide.
func remedy(ctx context.Context, env *checks.Env, steps ...string) diagnosis.Remedy {
	c, err := prescription.Of(ctx, env)
	if err != nil {
		return diagnosis.Remedy{Steps: steps}
	}
	for _, p := range c.left {
		steps = append(steps, fmt.Sprintf("Find out what was meant, and correct the term or leave it out: %s.", p.Text))
	}
	if len(c.left) > 0 {
		return diagnosis.Remedy{Steps: steps}
	}
	if c.idle(ctx, env) {
		return diagnosis.Remedy{Steps: append(nameSenders(env), steps...)}
	}
	if !c.sound() {
		steps = append(steps, fmt.Sprintf("This record still needs %d lookups, the limit is %d; see spf.lookup-limit.", c.tree.Lookups, spf.MaxLookups))
	}
	return diagnosis.Remedy{Edits: publish(env, c.record), Steps: steps}
}

// publish is the edit that makes rec the domain's SPF record.
func publish(env *checks.Env, rec spf.Record) []record.Edit {
	return []record.Edit{record.Set(record.SPF(env.Domain), record.TXT(env.Domain, rec.String()))}
}
