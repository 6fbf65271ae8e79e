package facts

import (
	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

// maxDrawn bounds the terms of an SPF tree on a map: a record can lead to
// thousands, and what comes after the limit no receiver asks for.
const maxDrawn = 200

func spfTree(env *checks.Env) *diagnosis.SPFTree {
	r, ok := SPF.Known(env)
	if !ok || r.Tree == nil {
		return nil
	}
	t := r.Tree
	tree := &diagnosis.SPFTree{
		Record:  opening(r.Texts[0]),
		Lookups: t.Lookups, LookupLimit: spf.MaxLookups, LowerBound: t.LowerBound,
		Voids: t.Voids, Voids4: t.Voids4, Voids6: t.Voids6, VoidLimit: spf.MaxVoids,
	}
	all := 0
	for n := range t.Root.All() {
		if n.Depth > 0 {
			all++
		}
	}
	left := maxDrawn
	tree.Terms = drawn(t.Root.Children, &left)
	tree.Omitted = max(0, all-maxDrawn)
	return tree
}

// drawn is the first of the terms in the order of their evaluation, as many as left.
func drawn(nodes []*spf.Node, left *int) []diagnosis.SPFTerm {
	var list []diagnosis.SPFTerm
	for _, n := range nodes {
		if *left == 0 {
			return list
		}
		*left--
		term := diagnosis.SPFTerm{
			Term: brief(n.Label()), Record: opening(n.Text), State: spfStates[n.State],
			Number: n.Used, Lookups: n.Total, Void4: n.Void4, Void6: n.Void6,
		}
		if n.Domain != "" {
			term.Target = brief(record.Display(n.Domain))
		}
		if n.Err != nil {
			term.Reason = brief(n.Err.Error())
		}
		term.Terms = drawn(n.Children, left)
		list = append(list, term)
	}
	return list
}

var spfStates = map[spf.State]diagnosis.SPFState{
	spf.Found: diagnosis.SPFFound, spf.Empty: diagnosis.SPFEmpty, spf.NoName: diagnosis.SPFNoName, spf.NoRecord: diagnosis.SPFNoRecord,
	spf.Several: diagnosis.SPFSeveral, spf.Broken: diagnosis.SPFBroken, spf.Loop: diagnosis.SPFLoop, spf.Varies: diagnosis.SPFVaries,
	spf.Unaskable: diagnosis.SPFUnaskable, spf.Unanswered: diagnosis.SPFUnanswered, spf.Cut: diagnosis.SPFCut,
}

// opening is a record as long as a picture has room for.
func opening(text string) string {
	const most = 512
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
