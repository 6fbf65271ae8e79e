package spf

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A State is what became of one term in a count.
type State int

const (
	Found      State = iota // it leads to what it needs: a record, addresses, hosts
	Empty                   // a void lookup: the name has no such record, or no host has an address
	NoName                  // an include or redirect to a name that does not exist
	NoRecord                // an include or redirect to a name without an SPF record
	Several                 // an include or redirect to more than one SPF record
	Broken                  // an include or redirect to a record with a syntax error
	Loop                    // an include or redirect back to a record on the way to it
	Varies                  // the name depends on the sender (macros)
	Unaskable               // the name is none that the DNS can hold
	Unanswered              // the DNS gave no answer
	Cut                     // not asked, for the bounds of a count
)

// A Node is one querying term in a count, or the domain's own record at the root.
type Node struct {
	Term     Term   // zero at the root
	In       string // domain whose record holds Term; empty at the root
	Domain   string // name asked, absolute; empty where it varies or is none
	State    State
	Text     string // the SPF record, of the root, includes and redirects
	Record   Record
	Problems []Problem
	Hosts    []Host           // of an mx term: at most MaxMXHosts
	MXCount  int              // of an mx term: how many MX records there are
	Answers  []resolve.Answer // what came back, as evidence; of a broken or missing record too
	Err      error            // why Unanswered

	Cost  int // lookups of this term alone: 1, and 0 at the root
	Total int // with everything below
	Used  int // lookups used when this term has been evaluated, what is below left out: its number
	// Void4 and Void6 tell whether the term is a void lookup for senders of that
	// family: no address record of it, at the name or at one of the MX hosts. An
	// include or redirect to nothing is none: it is a permerror of its own.
	Void4, Void6 bool
	Depth        int // 0 at the root
	Children     []*Node
}

// A Host is one host of an mx term.
type Host struct {
	Name             string
	HasIPv4, HasIPv6 bool
	Err              error // the address question without an answer
}

// Label is the term as its record has it; the domain at the root.
func (n *Node) Label() string {
	if n.In == "" {
		return record.Display(n.Domain)
	}
	return n.Term.String()
}

// String is "include:_spf.example.net costs 4".
func (n *Node) String() string { return fmt.Sprintf("%s costs %d", n.Label(), n.Total) }

// Void reports whether the term is a void lookup for every sender.
func (n *Node) Void() bool { return n.Void4 && n.Void6 }

// All ranges over n and everything below in evaluation order.
func (n *Node) All() iter.Seq[*Node] {
	return func(yield func(*Node) bool) { n.each(yield) }
}

func (n *Node) each(yield func(*Node) bool) bool {
	if !yield(n) {
		return false
	}
	for _, c := range n.Children {
		if !c.each(yield) {
			return false
		}
	}
	return true
}

// A Tree is the static count of a domain's SPF: what an evaluation costs that no
// term of the tree ends early (RFC 7208, 4.6.4).
type Tree struct {
	Root    *Node
	Lookups int
	// LowerBound is set where Lookups is the least it can be: an include or
	// redirect varies, was not answered, loops, or was cut.
	LowerBound bool
	// Voids is the number of terms that are void lookups for every sender, and
	// those for senders of one family, which include them.
	Voids, Voids4, Voids6 int
	VoidsLowerBound       bool
	Cycles                []Cycle // every loop once
	Unanswered            []*Node
}

// A Cycle is records that lead back to the first of them.
type Cycle struct {
	Domains []string // absolute; the last is the first again
	Terms   []Term   // that lead from each domain to the next
}

// Redirects reports whether the cycle consists of redirects alone.
func (c Cycle) Redirects() bool {
	return !slices.ContainsFunc(c.Terms, func(t Term) bool { return t.Kind != Redirect })
}

// String is "a.example -> b.example -> a.example".
func (c Cycle) String() string {
	var names []string
	for _, d := range c.Domains {
		names = append(names, record.Display(d))
	}
	return strings.Join(names, " -> ")
}

// key is the same for a cycle from whichever of its records it was entered.
func (c Cycle) key() string {
	ring := c.Domains[:len(c.Domains)-1]
	least := slices.Index(ring, slices.Min(ring))
	return strings.Join(append(slices.Clone(ring[least:]), ring[:least]...), " ")
}

// Count measures the tree below the record of domain, which may differ from the
// one published: a proposal is counted the same way. Everything is asked in
// parallel and once, and counted in evaluation order; an include that stands
// twice counts twice. It asks at most MaxAsked questions.
func Count(ctx context.Context, r resolve.Resolver, domain string, rec Record) *Tree {
	domain = record.Canonical(domain)
	f := &fetcher{resolver: r, origin: domain, pages: map[string]*page{}, ends: map[resolve.Question]*got{}}
	f.pages[domain] = &page{fetched: true} // whatever leads back to it is a loop
	f.follow(ctx, domain, rec)
	f.wg.Wait()
	c := &counter{fetcher: f, tree: &Tree{}}
	c.tree.Root = &Node{Domain: domain, Text: rec.String(), Record: rec}
	c.children(c.tree.Root, []*Node{c.tree.Root})
	c.tree.Lookups = c.tree.Root.Total
	return c.tree
}

// A counter lays the fetched records out as a tree.
type counter struct {
	*fetcher
	tree  *Tree
	used  int
	nodes int
}

// children counts the terms of n's record; path is the nodes of records down to n.
func (c *counter) children(n *Node, path []*Node) {
	for _, t := range n.Record.Counted() {
		if c.nodes++; c.nodes > MaxNodes {
			c.tree.LowerBound, c.tree.VoidsLowerBound = true, true
			return
		}
		c.used++
		child := &Node{Term: t, In: n.Domain, Cost: 1, Total: 1, Used: c.used, Depth: n.Depth + 1}
		c.resolve(child, path)
		c.tally(child)
		n.Children = append(n.Children, child)
		n.Total += child.Total
	}
}

func (c *counter) resolve(n *Node, path []*Node) {
	name, ok := c.target(n.Term, n.In)
	if !ok {
		n.State = Unaskable
		if pieces, _ := parseMacros(n.Term.Domain, false); varies(pieces) {
			n.State = Varies
		}
		return
	}
	n.Domain = name
	switch n.Term.Kind {
	case Include, Redirect:
		c.record(n, path)
	case A:
		c.address(n)
	case Exists, PTR:
		c.exists(n)
	case MX:
		c.mx(n)
	}
}

func (c *counter) record(n *Node, path []*Node) {
	for i, up := range path {
		if up.Domain == n.Domain {
			n.State = Loop
			c.cycle(cycleOf(append(slices.Clone(path[i:]), n)))
			return
		}
	}
	p := c.pages[n.Domain]
	switch {
	case p == nil || !p.fetched:
		n.State = Cut
		return
	case p.err != nil:
		n.State, n.Err = Unanswered, p.err
		return
	}
	n.Answers = []resolve.Answer{p.answer}
	switch {
	case !p.answer.Exists:
		n.State = NoName
	case len(p.texts) == 0:
		n.State = NoRecord
	case len(p.texts) > 1:
		n.State = Several
	default:
		n.Text, n.Record, n.Problems = p.texts[0], p.record, p.problems
		if len(Fatal(p.problems)) > 0 {
			n.State = Broken
			return
		}
		c.children(n, append(slices.Clone(path), n))
	}
}

// cycleOf is the cycle of nodes that leads from the first back to its domain.
func cycleOf(nodes []*Node) Cycle {
	var c Cycle
	for i, n := range nodes {
		c.Domains = append(c.Domains, n.Domain)
		if i > 0 {
			c.Terms = append(c.Terms, n.Term)
		}
	}
	return c
}

// cycle keeps a loop if it is not known yet, from whichever of its records.
func (c *counter) cycle(loop Cycle) {
	if !slices.ContainsFunc(c.tree.Cycles, func(known Cycle) bool { return known.key() == loop.key() }) {
		c.tree.Cycles = append(c.tree.Cycles, loop)
	}
}

// end returns what came back to q; ok is false and the node marked where nothing did.
func (c *counter) end(n *Node, q resolve.Question) (resolve.Answer, bool) {
	g := c.ends[q]
	switch {
	case g == nil:
		n.State = Cut
		return resolve.Answer{}, false
	case g.err != nil:
		n.State = Unanswered
		if n.Err == nil {
			n.Err = g.err
		}
		return resolve.Answer{}, false
	}
	n.Answers = append(n.Answers, g.answer)
	return g.answer, true
}

func (c *counter) address(n *Node) {
	v4, ok4 := c.end(n, resolve.Ask(n.Domain, "A"))
	v6, ok6 := c.end(n, resolve.Ask(n.Domain, "AAAA"))
	n.Void4, n.Void6 = ok4 && v4.Void(), ok6 && v6.Void()
	if n.Void() {
		n.State = Empty
	}
}

// exists also stands for ptr, whose own lookup is about the sender: there only a
// domain that does not exist tells something, that no name can be below it.
func (c *counter) exists(n *Node) {
	answer, ok := c.end(n, resolve.Ask(n.Domain, "A"))
	if !ok || !answer.Void() || n.Term.Kind == PTR && answer.Exists {
		return
	}
	n.State = Empty
	if n.Term.Kind == Exists {
		n.Void4, n.Void6 = true, true
	}
}

func (c *counter) mx(n *Node) {
	answer, ok := c.end(n, resolve.Ask(n.Domain, "MX"))
	if !ok {
		return
	}
	n.MXCount = len(answer.Records)
	if answer.Void() {
		n.State, n.Void4, n.Void6 = Empty, true, true
		return
	}
	usable := false
	for _, name := range firstHosts(answer) {
		host := Host{Name: name}
		host.HasIPv4, host.Err = c.has(name, "A")
		has6, err := c.has(name, "AAAA")
		if host.HasIPv6 = has6; host.Err == nil {
			host.Err = err
		}
		if host.Err != nil && n.Err == nil {
			n.State, n.Err = Unanswered, host.Err
		}
		n.Hosts = append(n.Hosts, host)
		n.Void4 = n.Void4 || !host.HasIPv4 && host.Err == nil
		n.Void6 = n.Void6 || !host.HasIPv6 && host.Err == nil
		usable = usable || host.HasIPv4 || host.HasIPv6 || host.Err != nil
	}
	if !usable {
		n.State = Empty
	}
}

func (c *counter) has(name, typ string) (bool, error) {
	g := c.ends[resolve.Ask(name, typ)]
	if g == nil {
		return false, &resolve.Error{Question: resolve.Ask(name, typ), Kind: resolve.Budget}
	}
	return g.err == nil && !g.answer.Void(), g.err
}

// tally adds one node to the sums of the tree.
func (c *counter) tally(n *Node) {
	follows := n.Term.Kind == Include || n.Term.Kind == Redirect
	switch n.State {
	case Unanswered:
		c.tree.Unanswered = append(c.tree.Unanswered, n)
		c.unsure(follows)
	case Varies, Cut:
		c.unsure(follows)
	case Loop:
		c.tree.LowerBound = true
	}
	if n.Void() {
		c.tree.Voids++
	}
	if n.Void4 {
		c.tree.Voids4++
	}
	if n.Void6 {
		c.tree.Voids6++
	}
}

func (c *counter) unsure(follows bool) {
	c.tree.VoidsLowerBound = true
	if follows {
		c.tree.LowerBound = true
	}
}
