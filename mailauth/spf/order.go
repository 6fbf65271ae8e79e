package spf

import (
	"fmt"
	"slices"
	"strings"
)

// suspect looks at a valid term for what its author cannot have meant.
func (p *parser) suspect(t Term) (*fault, Effect) {
	switch t.Kind {
	case Unknown:
		return suspectModifier(t)
	case IP6:
		if t.Prefix.Addr().Is4In6() && t.Prefix.Bits() >= 96 {
			// RFC 7208, 5: an IPv4-mapped sender counts as IPv4.
			meant := Term{Kind: IP4, Qualifier: t.Qualifier, Prefix: unmap(t)}
			return &fault{kind: BadFamily, length: len(t.Text), text: fmt.Sprintf("%q is an IPv4 address in IPv6 clothes and matches nobody", clip(t.Text)), meant: meant.String()}, Ignored
		}
		return nil, 0
	case All, IP4:
		return nil, 0
	}
	if !hasStart(t.Text) && !strings.HasSuffix(lower(t.Domain), "-all") && !strings.ContainsAny(t.Domain, ",;") {
		return nil, 0
	}
	if parts, at := p.unglue(t.Text); parts != nil {
		return &fault{kind: MissingSpace, offset: at, length: 1, meant: strings.Join(parts, " "),
			text: fmt.Sprintf("%q runs several terms together and reads as one with the domain %q", clip(t.Text), clip(t.Domain))}, Misread
	}
	return nil, 0
}

func suspectModifier(t Term) (*fault, Effect) {
	f := &fault{kind: UnknownModifier, length: len(t.Name), text: fmt.Sprintf("the modifier %q is not defined; receivers ignore it", clip(t.Name))}
	if right := strings.TrimPrefix(aliases[t.Name], "all"); mechanisms(t.Name) != Invalid || right != "" {
		name := t.Name
		if right != "" {
			name = right
		}
		f.text = fmt.Sprintf("%q is written with = instead of :, so receivers take it for an unknown modifier and ignore it", clip(t.Text))
		meant := name + ":" + t.Domain
		if _, bad := parseTerm2(meant); bad == nil {
			f.meant = meant
		}
	}
	if strings.EqualFold(t.Text, Version) {
		f.text = "v=spf1 stands a second time inside the record; receivers ignore it there"
	}
	return f, Ignored
}

// order reports what is wrong with the order and number of terms.
func (p *parser) order() {
	all := slices.IndexFunc(p.terms, func(t Term) bool { return t.Kind == All })
	seen := map[Kind]bool{}
	for i, t := range p.terms {
		add := func(kind ProblemKind, effect Effect, format string, args ...any) {
			p.problems = append(p.problems, Problem{Kind: kind, Effect: effect, Term: i, Offset: t.Offset, Length: len(t.Text), Text: fmt.Sprintf(format, args...)})
		}
		switch {
		case t.Kind == Redirect || t.Kind == Exp:
			if seen[t.Kind] { // RFC 7208, 6
				add(RepeatedModifier, PermError, "%s= stands in the record more than once", t.Kind)
			} else if t.Kind == Redirect && all >= 0 { // 6.1
				add(RedirectBesideAll, Ignored, "%q is ignored, because the record has %q", clip(t.Text), p.terms[all].Text)
			}
			seen[t.Kind] = true
		case all < 0 || i <= all || !t.Kind.Mechanism():
		case t.Kind == All: // 5.1
			add(RepeatedAll, Ignored, "%q is never reached: %q stands before it", t.Text, p.terms[all].Text)
		default:
			add(AfterAll, Ignored, "%q is never reached: %q stands before it", clip(t.Text), p.terms[all].Text)
		}
	}
}

func (p *parser) sorted() []Problem {
	slices.SortStableFunc(p.problems, func(a, b Problem) int { return a.Offset - b.Offset })
	return p.problems
}
