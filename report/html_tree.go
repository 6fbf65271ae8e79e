package report

import (
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
)

type (
	htmlTree struct {
		Domain, Record string
		Sums           []htmlLine
		// A square for each lookup within the limit, beyond it, and that is left.
		Used, Over, Free string
		Terms            []htmlTerm
		Omitted          string
	}
	htmlTerm struct {
		State, Term, Record, Lookups string
		Notes                        []htmlLine
		Terms                        []htmlTerm
		Omitted                      string
		Open                         bool
	}
)

const (
	maxTerms  = 200 // that are drawn
	maxDepth  = 12  // of the terms that are drawn
	openDepth = 2   // up to which what is below a term is shown at once
	maxCells  = 20  // squares of a kind
)

// A grower draws the tree of SPF lookups, in the order in which they are done.
type grower struct {
	tree  *diagnosis.SPFTree
	terms int
	voids int
}

func htmlTreeOf(domain string, t *diagnosis.SPFTree) *htmlTree {
	if t == nil {
		return nil
	}
	g := &grower{tree: t}
	out := &htmlTree{Domain: domain, Record: flat(t.Record), Sums: sums(t)}
	used, over := min(t.Lookups, t.LookupLimit, maxCells), min(max(t.Lookups-t.LookupLimit, 0), maxCells)
	free := min(t.LookupLimit, maxCells) - used
	out.Used, out.Over, out.Free = strings.Repeat("■", max(used, 0)), strings.Repeat("■", over), strings.Repeat("□", max(free, 0))
	var left int
	out.Terms, left, _ = g.grow(t.Terms, 1)
	if left += t.Omitted; left > 0 {
		out.Omitted = fmt.Sprintf("and %s, left out here", plural(left, "more term"))
	}
	return out
}

// sums is the figures of a tree against their limits (RFC 7208, 4.6.4).
func sums(t *diagnosis.SPFTree) []htmlLine {
	line := func(over bool, beyond state, text string) htmlLine {
		s := passed
		if over {
			s = beyond
		}
		return htmlLine{State: class(s), Mark: bare(s), Text: text}
	}
	least := ""
	if t.LowerBound {
		least = "at least "
	}
	list := []htmlLine{
		line(t.Lookups > t.LookupLimit, critical, fmt.Sprintf("%s%d of %d lookups", least, t.Lookups, t.LookupLimit)),
		line(t.Voids > t.VoidLimit, warning, fmt.Sprintf("%d of %d void lookups", t.Voids, t.VoidLimit)),
	}
	if t.LowerBound && t.Lookups <= t.LookupLimit {
		list[0].State, list[0].Mark = class(unknown), bare(unknown) // there may be more
	}
	for _, one := range []struct {
		n      int
		family string
	}{{t.Voids4, "IPv4"}, {t.Voids6, "IPv6"}} {
		if one.n > t.Voids {
			list = append(list, line(one.n > t.VoidLimit, warning, fmt.Sprintf("%d of %d void lookups for senders with %s", one.n, t.VoidLimit, one.family)))
		}
	}
	return list
}

// grow draws terms and what is below them, and counts those left out. worst is the
// worst that is noted among them.
func (g *grower) grow(terms []diagnosis.SPFTerm, depth int) (list []htmlTerm, left int, worst state) {
	for i, t := range terms {
		if g.terms == maxTerms {
			return list, left + len(terms) - i, worst
		}
		g.terms++
		one := htmlTerm{Term: flat(t.Term), Record: flat(t.Record)}
		if t.Lookups > 1 {
			one.Lookups = plural(t.Lookups, "lookup")
		}
		own := g.note(&one, t)
		if own > skipped {
			one.State = class(own)
		}
		var below state
		if depth < maxDepth {
			var more int
			one.Terms, more, below = g.grow(t.Terms, depth+1)
			left += more
		} else if len(t.Terms) > 0 {
			one.Omitted = fmt.Sprintf("and %s below it, left out here", plural(len(t.Terms), "term"))
		}
		one.Open = depth < openDepth || below >= warning
		worst = max(worst, own, below)
		list = append(list, one)
	}
	return list, left, worst
}

// note says what became of a term, and returns how grave that is.
func (g *grower) note(one *htmlTerm, t diagnosis.SPFTerm) (worst state) {
	add := func(s state, text string) {
		one.Notes = append(one.Notes, htmlLine{State: class(s), Mark: bare(s), Text: text})
		worst = max(worst, s)
	}
	if says := stateWords[t.State]; says.words != "" {
		text := says.words
		if t.Reason != "" {
			text += ": " + flat(t.Reason)
		}
		add(says.state, text)
	}
	switch limit := g.tree.VoidLimit; {
	case t.Void4 && t.Void6 && g.voids >= limit:
		g.voids++
		add(warning, fmt.Sprintf("void lookup %d of %d", g.voids, limit))
	case t.Void4 && t.Void6:
		g.voids++
		add(skipped, "a void lookup")
	case t.Void4:
		add(skipped, "a void lookup for senders with IPv4")
	case t.Void6:
		add(skipped, "a void lookup for senders with IPv6")
	case t.State == diagnosis.SPFEmpty:
		add(skipped, "finds nothing")
	}
	if t.Number > g.tree.LookupLimit {
		text := fmt.Sprintf("lookup %d of %d", t.Number, g.tree.LookupLimit)
		if t.Number == g.tree.LookupLimit+1 {
			text += ": receivers stop here, with a permerror"
		}
		add(critical, text)
	}
	return worst
}

// stateWords says what became of a term, and how grave it is: a permerror ends
// the evaluation for every sender that no term matched before (RFC 7208, 4.6.4 and 5.2).
var stateWords = map[diagnosis.SPFState]struct {
	state state
	words string
}{
	diagnosis.SPFNoName:     {critical, "the name does not exist: permerror"},
	diagnosis.SPFNoRecord:   {critical, "no SPF record there: permerror"},
	diagnosis.SPFSeveral:    {critical, "several SPF records there: permerror"},
	diagnosis.SPFBroken:     {critical, "the record there has a syntax error: permerror"},
	diagnosis.SPFLoop:       {critical, "leads back to a record above: permerror"},
	diagnosis.SPFVaries:     {unknown, "depends on the sender"},
	diagnosis.SPFUnaskable:  {warning, "not a name that the DNS can hold"},
	diagnosis.SPFUnanswered: {unknown, "no answer from the DNS"},
	diagnosis.SPFCut:        {unknown, "not asked, as there was so much to ask"},
}
