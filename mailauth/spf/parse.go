package spf

import (
	"fmt"
	"strings"
)

// IsSPF reports whether txt, the joined strings of one TXT record, is an SPF
// record: exactly "v=spf1", or that followed by a space. Whether it is a right
// one is another question. The case does not matter (RFC 7208, 4.5 and 12).
func IsSPF(txt string) bool {
	if len(txt) < len(Version) || !strings.EqualFold(txt[:len(Version)], Version) {
		return false
	}
	return len(txt) == len(Version) || txt[len(Version)] == ' '
}

// Records returns those of texts that are SPF records, in order.
func Records(texts []string) []string {
	var records []string
	for _, txt := range texts {
		if IsSPF(txt) {
			records = append(records, txt)
		}
	}
	return records
}

// NearMiss tells a text that was meant as an SPF record but is none: what is
// wrong with its beginning, and the text as it was meant. Such a text is as
// good as no record (RFC 7208, 4.5). ok is false for SPF records, and for texts
// that are about something else.
func NearMiss(txt string) (meant, why string, ok bool) {
	if IsSPF(txt) {
		return "", "", false
	}
	trimmed := strings.Trim(txt, " \t\r\n\"'\\\u00a0\ufeff")
	low := lower(trimmed)
	switch {
	case IsSPF(trimmed):
		meant = trimmed
		why = "white space or quotation marks stand in front of v=spf1"
	case strings.HasPrefix(low, "spf1 "):
		meant, why = Version+trimmed[len("spf1"):], "it begins with spf1 instead of v=spf1"
	case strings.HasPrefix(low, "v=spf "), low == "v=spf":
		meant, why = Version+trimmed[len("v=spf"):], "it begins with v=spf instead of v=spf1"
	case strings.HasPrefix(low, "v = spf1"), strings.HasPrefix(low, "v= spf1"), strings.HasPrefix(low, "v =spf1"):
		_, rest, _ := strings.Cut(low, "spf1")
		meant, why = Version+trimmed[len(trimmed)-len(rest):], "there are spaces inside v=spf1"
	case strings.HasPrefix(low, "v:spf1 "):
		meant, why = Version+trimmed[len("v:spf1"):], "it begins with v:spf1 instead of v=spf1"
	case strings.HasPrefix(low, Version) && !isDigit(low[len(Version)]):
		rest := strings.TrimLeft(trimmed[len(Version):], ";,.: \t\u00a0")
		meant, why = strings.TrimSpace(Version+" "+rest), "no space follows v=spf1"
	default:
		return "", "", false
	}
	meant = strings.TrimRight(meant, " ")
	if !IsSPF(meant) { // v= spf10 is of another kind
		return "", "", false
	}
	return meant, why, true
}

// Parse reads an SPF record, the joined strings of one TXT record. It goes on
// after faults: what no receiver can read is an Invalid term, and every problem
// is reported in order of its place. A text that IsSPF denies gives an empty
// record and one NotSPF problem.
func Parse(txt string) (Record, []Problem) {
	if !IsSPF(txt) {
		text := "the text does not begin with v=spf1 and a space, so it is no SPF record"
		return Record{}, []Problem{{Kind: NotSPF, Effect: Ignored, Term: -1, Text: text}}
	}
	var p parser
	for i := len(Version); i < len(txt); {
		if txt[i] == ' ' { // only spaces separate terms (RFC 7208, 4.6.1)
			i++
			continue
		}
		end := len(txt)
		if n := strings.IndexByte(txt[i:], ' '); n >= 0 {
			end = i + n
		}
		p.term(txt[i:end], i)
		i = end
	}
	p.order()
	return Record{Terms: p.terms}, p.sorted()
}

type parser struct {
	terms    []Term
	problems []Problem
	glued    int // words that were taken apart
}

// maxUnglued bounds the words of one record that are taken apart for terms that
// run together; a record with more such words is no slip of the pen.
const maxUnglued = 32

// unglue is the function of that name, within the bound.
func (p *parser) unglue(text string) (parts []string, at int) {
	if p.glued++; p.glued > maxUnglued {
		return nil, 0
	}
	return unglue(text)
}

// term reads one word of the record.
func (p *parser) term(text string, offset int) {
	t, f := parseTerm(text)
	t.Text, t.Offset = text, offset
	effect := PermError
	switch {
	case f == nil:
		f, effect = p.suspect(t)
	default:
		t = Term{Kind: Invalid, Text: text, Offset: offset}
		if g := notText(text); g != nil {
			f = g
		} else if parts, at := p.unglue(text); parts != nil {
			f = &fault{kind: MissingSpace, offset: at, length: 1, meant: strings.Join(parts, " "),
				text: fmt.Sprintf("%q runs several terms together; terms are separated by spaces", text)}
		}
	}
	p.terms = append(p.terms, t)
	if f != nil {
		p.problems = append(p.problems, Problem{Kind: f.kind, Effect: effect, Term: len(p.terms) - 1, Offset: offset + f.offset,
			Length: min(max(f.length, 1), len(text)-f.offset), Text: f.text, Meant: f.meant})
	}
}

// parseTerm reads one term by the grammar of RFC 7208, 12.
func parseTerm(text string) (Term, *fault) {
	if name, value, ok := modifier(text); ok {
		return parseModifier(name, value)
	}
	t := Term{Qualifier: Plus}
	rest, skipped := text, 0
	if strings.IndexByte("+-~?", text[0]) >= 0 {
		t.Qualifier, rest, skipped = Qualifier(text[0]), text[1:], 1
	}
	n := strings.IndexAny(rest, ":/")
	if n < 0 {
		n = len(rest)
	}
	t.Kind = mechanisms(lower(rest[:n]))
	if t.Kind == Invalid {
		f := unknown(rest, rest[:n], t.Qualifier, skipped > 0)
		f.offset, f.length = min(skipped, len(text)-1), max(n, 1)
		return t, f
	}
	f := t.argument(rest[n:])
	if f != nil {
		f.offset += skipped + n
		if f.meant != "" && skipped > 0 && t.Qualifier != Plus {
			f.meant = text[:1] + f.meant
		}
	}
	return t, f
}

// modifier splits name=value; ok is false for mechanisms. The name ends before
// any : or / (RFC 7208, 4.6.1).
func modifier(text string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(text, "=")
	if !ok || name == "" || !isAlpha(name[0]) {
		return "", "", false
	}
	for _, c := range []byte(name) {
		if !isAlpha(c) && !isDigit(c) && c != '-' && c != '_' && c != '.' {
			return "", "", false
		}
	}
	return lower(name), value, true
}

func parseModifier(name, value string) (Term, *fault) {
	t := Term{Domain: value}
	var f *fault
	switch name {
	case "redirect", "exp":
		t.Kind = Redirect
		if name == "exp" {
			t.Kind = Exp
		}
		if value == "" {
			return t, &fault{kind: BadDomain, offset: len(name), length: 1, text: name + "= names no domain"}
		}
		f = checkDomain(value)
	default:
		t.Kind, t.Name = Unknown, name
		_, f = parseMacros(value, false) // unknown-modifier = name "=" macro-string
	}
	if f != nil {
		f.offset += len(name) + 1
		f.text = fmt.Sprintf("in %s=%s: %s", name, clip(value), f.text)
	}
	return t, f
}

// aliases are names that people write for mechanisms.
var aliases = map[string]string{
	"ipv4": "ip4", "ip": "ip4", "ip-4": "ip4", "ipv6": "ip6", "ip-6": "ip6", "includes": "include", "inlcude": "include", "incldue": "include", "inclde": "include",
	"aaaa": "a", "exist": "exists", "host": "a", "txt": "", "cname": "", "al": "all", "alll": "all",
}

// unknown says what is wrong with a name that is no mechanism.
func unknown(rest, name string, q Qualifier, qualified bool) *fault {
	f := &fault{kind: UnknownMechanism}
	low := lower(name)
	sign := ""
	if q != Plus {
		sign = string(rune(q))
	}
	switch {
	case name == "":
		f.kind, f.text = BadArgument, fmt.Sprintf("%q has no mechanism name", clip(rest))
		if rest == "" {
			f.text = fmt.Sprintf("%q stands alone, without a mechanism", string(rune(q)))
		}
	case qualified && (strings.HasPrefix(low, "redirect=") || strings.HasPrefix(low, "exp=")):
		f.text, f.meant = fmt.Sprintf("%q is a modifier and takes no qualifier", clip(rest)), rest
	case low == "redirect" || low == "exp":
		f.text = fmt.Sprintf("%s is a modifier: it is written %s=, not %s:", low, low, low)
		f.meant = low + "=" + strings.TrimPrefix(rest[len(name):], ":")
	default:
		f.text = fmt.Sprintf("there is no mechanism %q", clip(name))
		if right := aliases[low]; right != "" {
			f.text += "; it is called " + right
			f.meant = sign + right + rest[len(name):]
			if right == "ip4" && strings.Count(rest, ":") > 1 {
				f.meant = sign + "ip6" + rest[len(name):]
			}
		} else if t, bad := parseTerm2("ip4:" + rest); bad == nil {
			f.text = fmt.Sprintf("the address %q has no ip4: in front", clip(rest))
			f.meant = sign + t.String()
		} else if t, bad := parseTerm2("ip6:" + rest); bad == nil {
			f.text = fmt.Sprintf("the address %q has no ip6: in front", clip(rest))
			f.meant = sign + t.String()
		}
	}
	if f.meant != "" {
		if _, bad := parseTerm2(f.meant); bad != nil {
			f.meant = ""
		}
	}
	return f
}

// parseTerm2 is a trial: it reads a term that begins with a known name, so it
// never leads back to unknown.
func parseTerm2(text string) (Term, *fault) {
	if name, value, ok := modifier(text); ok {
		return parseModifier(name, value)
	}
	t := Term{Qualifier: Plus}
	if text != "" && strings.IndexByte("+-~?", text[0]) >= 0 {
		t.Qualifier, text = Qualifier(text[0]), text[1:]
	}
	n := strings.IndexAny(text, ":/")
	if n < 0 {
		n = len(text)
	}
	if t.Kind = mechanisms(lower(text[:n])); t.Kind == Invalid {
		return t, &fault{kind: UnknownMechanism, length: 1}
	}
	return t, t.argument(text[n:])
}

// notText faults the first octet of text that SPF does not allow at all:
// records are printable ASCII (RFC 7208, 3.1 and 12).
func notText(text string) *fault {
	i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
	if i < 0 {
		return nil
	}
	n := 1
	for i+n < len(text) && (text[i+n] < ' ' || text[i+n] > '~') {
		n++
	}
	what := "octets that are not ASCII"
	if text[i] < ' ' || text[i] == 0x7f {
		what = "control characters"
	}
	return &fault{kind: NonASCII, offset: i, length: n, text: fmt.Sprintf("%+q holds %s: %+q", clip(text), what, clip(text[i:i+n])), meant: plainText(text)}
}

// plainText replaces what word processors and copied web pages put into a
// record; empty if the rest is no valid term.
func plainText(text string) string {
	s := strings.NewReplacer("\u2010", "-", "\u2011", "-", "\u2012", "-", "\u2013", "-", "\u2014", "-", "\u2212", "-", "\u02dc", "~", "\u223c", "~",
		"\u201c", "", "\u201d", "", "\u2018", "", "\u2019", "", "\u00a0", " ", "\u200b", "", "\ufeff", "", "\t", " ", "\r", " ", "\n", " ").Replace(text)
	words := strings.Fields(s)
	for _, w := range words {
		if _, f := parseTerm2(w); f != nil {
			return ""
		}
	}
	return strings.Join(words, " ")
}

// clip shortens hostile text for a message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}

// lower folds ASCII letters only.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}
