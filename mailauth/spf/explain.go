package spf

import (
	"context"
	"strconv"
	"strings"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// expand is the value of a macro-string in the record of domain (RFC 7208, 7.2).
func (e *evaluation) expand(ctx context.Context, pieces []macro, domain string) string {
	return expandAll(pieces, func(letter byte) string {
		switch letter {
		case 's':
			return e.local + "@" + e.origin
		case 'l':
			return e.local
		case 'o':
			return e.origin
		case 'd':
			return shown(domain)
		case 'i':
			return dotted(e)
		case 'p':
			return e.validatedName(ctx, domain)
		case 'v':
			if e.ip.Is4() {
				return "in-addr"
			}
			return "ip6"
		case 'h':
			return e.helo
		case 'c':
			return e.ip.String()
		case 'r':
			return e.receiver
		}
		return strconv.FormatInt(e.now.Unix(), 10) // t
	})
}

// dotted is the sender as %{i} has it: dotted quad, or nibbles with dots.
func dotted(e *evaluation) string {
	if e.ip.Is4() {
		return e.ip.String()
	}
	labels := strings.Split(record.ReverseLabels(e.ip), ".")
	for i, j := 0, len(labels)-1; i < j; i, j = i+1, j-1 {
		labels[i], labels[j] = labels[j], labels[i]
	}
	return strings.Join(labels, ".")
}

// validatedName is %{p}: a validated name of the sender, domain itself before
// names below it before any other, and "unknown" where there is none
// (RFC 7208, 7.3). It does not count as a lookup: it is no term.
func (e *evaluation) validatedName(ctx context.Context, domain string) string {
	names := e.validate(ctx, e.reverse(ctx).first)
	best, rank := "unknown", 0
	for _, name := range names {
		r := 1
		switch {
		case name == domain:
			r = 3
		case record.Within(name, domain):
			r = 2
		}
		if r > rank {
			best, rank = shown(name), r
		}
	}
	return best
}

// explain is the owner's explanation of a fail (RFC 7208, 6.2): the exp of the
// record that decided, after redirects but never of an include. Whatever goes
// wrong on the way leaves it empty, and it counts against no limit.
func (e *evaluation) explain(ctx context.Context, v *Visit) string {
	for len(v.Steps) > 0 {
		last := v.Steps[len(v.Steps)-1]
		if last.Term.Kind != Redirect || last.Below == nil {
			break
		}
		v = last.Below
	}
	exp, ok := v.Record.Exp()
	if !ok {
		return ""
	}
	name, why := askName(e.expandDomain(ctx, exp.Domain, v.Domain))
	if why != "" {
		return ""
	}
	answer, err := e.resolver.Resolve(ctx, resolve.Ask(name, "TXT"))
	if err != nil {
		return ""
	}
	texts := answer.Texts()
	if len(texts) != 1 {
		return ""
	}
	pieces, f := parseMacros(texts[0], true)
	if f != nil {
		return ""
	}
	return e.expand(ctx, pieces, v.Domain)
}

// ExplanationFault says why receivers cannot use text as an explanation: it is
// not ASCII, or not a macro-string (RFC 7208, 6.2). It is empty if they can.
func ExplanationFault(text string) string {
	for i := range len(text) {
		if text[i] > '~' {
			return "it is not ASCII"
		}
	}
	if _, f := parseMacros(text, true); f != nil {
		return f.text
	}
	return ""
}
