package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/record"
)

// Story is what happened to the message between signer and receiver, in a sentence
// or two for a person, where that is why no signature passes; empty otherwise. Text
// of the message in it is quoted.
func (j Judgement) Story(m *message.Message) string {
	v, ok := j.broken()
	if !ok {
		return ""
	}
	signer := fmt.Sprintf("the signature of %.100s no longer fits", record.Display(v.Signature.Domain))
	if slices.ContainsFunc(v.Changes, func(c dkim.Change) bool { return bySigner[c.Kind] }) {
		return fmt.Sprintf("The signature of %.100s never fitted: the signer made a mistake, which is told below.", record.Display(v.Signature.Domain))
	}
	var told []string
	body := false
	for _, c := range v.Changes {
		body = body || c.Field == "" && bodyKinds[c.Kind]
		if words := happened(m, c); words != "" && !slices.Contains(told, words) {
			told = append(told, words)
		}
	}
	if v.Body == dkim.Broken && !body {
		told = append(told, "its text was changed, in more than one place or in a way that cannot be undone here, as filters do that rewrite links or mark mail as external")
	}
	if v.Fault == dkim.HeaderChanged && len(told) == 0 {
		told = append(told, "a header field that is signed is not what it was, and which one cannot be told")
	}
	if len(told) == 0 {
		return ""
	}
	const most = 3
	if n := len(told) - most; n > 0 {
		told = append(told[:most], fmt.Sprintf("%d more changes", n))
	}
	return fmt.Sprintf("It was changed after it was signed: %s. So %s%s.", joined(told), signer, who(v))
}

// broken is the signature whose end is the story: the first that was broken on the
// way, of the author's organization if there is one. None where one passes.
func (j Judgement) broken() (found dkim.Verdict, ok bool) {
	for i, v := range j.DKIM {
		switch {
		case v.Code == dkim.Pass:
			return found, false
		case v.Fault != dkim.BodyChanged && v.Fault != dkim.HeaderChanged && v.Fault != dkim.BodyShort:
			continue
		case !ok || j.isAligned(i):
			found, ok = v, true
		}
	}
	return found, ok
}

// isAligned reports whether signature i is aligned with the author.
func (j Judgement) isAligned(i int) bool {
	return i < len(j.DKIM) && record.Within(record.Canonical(j.DKIM[i].Signature.Domain), record.Canonical(j.DMARC.RFC9989.Author))
}

// bySigner are the changes that are mistakes of the signer.
var bySigner = map[dkim.ChangeKind]bool{dkim.WrongCanon: true, dkim.EmptyBody: true, dkim.LastLineEnd: true, dkim.OtherInstance: true}

// bodyKinds are the changes that explain a body.
var bodyKinds = map[dkim.ChangeKind]bool{
	dkim.WrongCanon: true, dkim.LineEnds: true, dkim.Appended: true, dkim.Inserted: true, dkim.WhiteSpace: true, dkim.Escaped: true,
	dkim.Wrapped: true, dkim.Recoded: true, dkim.Enclosed: true, dkim.EmptyBody: true, dkim.LastLineEnd: true,
}

// happened is a change in words.
func happened(m *message.Message, c dkim.Change) string {
	switch c.Kind {
	case dkim.Appended:
		return "text was added at the end" + added(m, c)
	case dkim.Inserted:
		return "text was added" + added(m, c)
	case dkim.WhiteSpace:
		return "blanks were added at the ends of lines"
	case dkim.Escaped:
		return "lines of the text were escaped"
	case dkim.Wrapped:
		return "long lines were broken"
	case dkim.Recoded:
		return "the text was encoded anew"
	case dkim.Enclosed:
		return "the text was put into a multipart"
	case dkim.LineEnds:
		return "its line ends are not CRLF any more"
	case dkim.SubjectTag:
		return fmt.Sprintf("the subject got a tag (%.60q)", tag(c))
	case dkim.Rewritten:
		return fmt.Sprintf("%.40s was rewritten", printableName(c.Field))
	case dkim.Added:
		return fmt.Sprintf("%.40s was added", printableName(c.Field))
	case dkim.Removed:
		return fmt.Sprintf("%.40s was taken out", printableName(c.Field))
	case dkim.Refolded:
		return "the header was folded anew"
	case dkim.Requoted:
		return fmt.Sprintf("quotes in %.40s were added or dropped", printableName(c.Field))
	}
	return ""
}

// tag is what was put in front of the subject.
func tag(c dkim.Change) string {
	return strings.TrimSpace(strings.TrimSuffix(c.Is, c.Was))
}

// maxExcerpt bounds what is shown of text that was added, in octets.
const maxExcerpt = 50

// added is the beginning of text that was added.
func added(m *message.Message, c dkim.Change) string {
	if c.Offset < 0 || c.Length <= 0 || c.Offset+c.Length > len(m.Raw) {
		return ""
	}
	words := strings.Fields(string(m.Raw[c.Offset : c.Offset+min(c.Length, 400)]))
	for len(words) > 1 && strings.Trim(words[0], "-_=*#~<>") == "" { // a rule, not text
		words = words[1:]
	}
	text, cut := strings.Join(words, " "), ""
	if len(text) > maxExcerpt {
		text, cut = strings.ToValidUTF8(text[:maxExcerpt], ""), "…"
	}
	return fmt.Sprintf(" (%q)", text+cut)
}

// printableName is the name of a field, which holds printable ASCII only; what does
// not is no field.
func printableName(field string) string {
	if field == "" {
		return "a field"
	}
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '?'
		}
		return r
	}, field)
}

// who does such, where that is well known.
func who(v dkim.Verdict) string {
	kinds := func(k ...dkim.ChangeKind) bool {
		return slices.ContainsFunc(v.Changes, func(c dkim.Change) bool { return slices.Contains(k, c.Kind) })
	}
	switch {
	case kinds(dkim.SubjectTag, dkim.Appended, dkim.Enclosed, dkim.Inserted):
		return ": mailing lists and gateways with footers do that"
	case kinds(dkim.Recoded, dkim.Wrapped, dkim.Escaped):
		return ": mail servers do that which take no 8-bit or long lines"
	}
	return ""
}

// joined is "a", "a and b", "a, b and c".
func joined(list []string) string {
	last := len(list) - 1
	if last < 1 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:last], ", ") + " and " + list[last]
}
