package markup

import (
	"fmt"
	"slices"
	"strings"
	"text/template/parse"
)

// A where is what a place in a page is part of.
type where uint8

const (
	inText   where = iota
	inTag          // between < and >, outside of quotes
	inDouble       // an attribute between double quotes
	inSingle       // one between single quotes
	inStyle
	inScript
	lost // nobody knows; no way leads back
)

// A place is one in a page, as the markup before it makes it.
type place struct {
	in        where
	tag, attr string // in lower case
	named     bool   // the name of the tag is over
	torn      bool   // one way there has said more of the tag than the other
	begun     string // how the value of the attribute begins; unknown from a NUL on
}

// maxBegun is as much of an attribute as has to be known.
const maxBegun = 16

// after is the place after some markup.
func (p place) after(text string) place {
	for i := 0; i < len(text); i++ {
		p = p.step(text[i], text[i:])
	}
	return p
}

// step is the place after the first octet of rest.
func (p place) step(c byte, rest string) place {
	switch p.in {
	case inText:
		if c == '<' {
			return place{in: inTag}
		}
	case inTag:
		return p.inside(c)
	case inDouble:
		if c == '"' {
			p.in, p.attr, p.begun = inTag, "", ""
		} else if len(p.begun) < maxBegun {
			p.begun += string(rune(c))
		}
	case inSingle:
		if c == '\'' {
			p.in, p.attr = inTag, ""
		}
	case inStyle, inScript:
		if end := map[where]string{inStyle: "</style", inScript: "</script"}[p.in]; len(rest) >= len(end) && strings.EqualFold(rest[:len(end)], end) {
			return place{in: inTag}
		}
	}
	return p
}

// inside is the place after an octet of a tag.
func (p place) inside(c byte) place {
	blank := strings.IndexByte(" \t\r\n\f", c) >= 0
	switch {
	case p.torn && !blank && c != '>' && c != '/':
		return place{in: lost, tag: p.tag}
	case c == '>':
		return place{in: map[string]where{"style": inStyle, "script": inScript}[p.tag]}
	case c == '"':
		p.in = inDouble
	case c == '\'':
		p.in = inSingle
	case blank:
		p.named, p.attr, p.torn = true, "", false
	case !p.named:
		p.tag += strings.ToLower(string(rune(c)))
	case c != '=':
		p.attr += strings.ToLower(string(rune(c)))
	}
	return p
}

// unknown stands for what is known only when the page is made.
const unknown = "\x00"

// leads is whether the attribute here is an address that a click goes to, or that is
// fetched.
func (p place) leads() bool {
	return slices.Contains([]string{"href", "src", "action", "formaction", "xlink:href", "data", "poster", "cite", "ping", "srcset"}, p.attr)
}

// takes says why no value may stand at a place.
func (p place) takes() error {
	switch {
	case p.in == inTag, p.in == inSingle, p.in == lost:
		return fmt.Errorf("a value stands in <%s> outside of double quotes", p.tag)
	case p.in == inDouble && p.attr == "":
		return fmt.Errorf("a value stands in <%s>, in an attribute that is not written name=\"value\"", p.tag)
	case p.in == inDouble && (strings.HasPrefix(p.attr, "on") || p.attr == "style" || p.attr == "srcdoc"):
		return fmt.Errorf("a value stands in %s, which is a program of its own", p.attr)
	}
	return nil
}

// locate finds out where each value of a template stands. Each begins and ends in text.
func (t *Template) locate(tree *parse.Tree) error {
	end, err := t.walk(tree.Root, place{})
	if err == nil && end.in != inText {
		err = fmt.Errorf("it ends within <%s>", end.tag)
	}
	if err != nil {
		return fmt.Errorf("template %s: %w", tree.Name, err)
	}
	return nil
}

func (t *Template) walk(node parse.Node, p place) (place, error) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return p, nil
		}
		for _, one := range n.Nodes {
			var err error
			if p, err = t.walk(one, p); err != nil {
				return p, err
			}
		}
		return p, nil
	case *parse.TextNode:
		return p.after(string(n.Text)), nil
	case *parse.ActionNode:
		t.places[n] = p
		if len(n.Pipe.Decl) > 0 {
			return p, nil
		}
		err := p.takes()
		if p.in == inDouble {
			p.begun += unknown
		}
		return p, err
	case *parse.IfNode:
		return t.branch(&n.BranchNode, p)
	case *parse.WithNode:
		return t.branch(&n.BranchNode, p)
	case *parse.RangeNode:
		return t.branch(&n.BranchNode, p)
	case *parse.TemplateNode:
		if p.in != inText || t.trees[n.Name] == nil {
			return p, fmt.Errorf("%s is no template, or called within <%s>", n.Name, p.tag)
		}
		return p, nil
	}
	return p, fmt.Errorf("%s is not known here", node)
}

// branch: whatever way a page takes, it comes to the same place.
func (t *Template) branch(n *parse.BranchNode, p place) (place, error) {
	one, err := t.walk(n.List, p)
	if err != nil {
		return p, err
	}
	other, err := t.walk(n.ElseList, p)
	if err != nil {
		return p, err
	}
	ends := []place{one, other}
	if n.NodeType == parse.NodeRange {
		ends = append(ends, p)
	}
	for _, end := range ends {
		if end.in != one.in || end.tag != one.tag {
			return p, fmt.Errorf("the ways of %s end at different places", n.Pipe)
		}
		switch {
		case end == ends[0]:
		case end.in == inTag:
			one.torn = true
		case end.attr != one.attr:
			return p, fmt.Errorf("the ways of %s end in different attributes", n.Pipe)
		default:
			one.begun = unknown
		}
	}
	if n.NodeType == parse.NodeRange && one != p { // a second time around begins elsewhere
		if _, err := t.walk(n.List, one); err != nil {
			return p, err
		}
	}
	return one, nil
}
