package message

import (
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	mail "github.com/maildoctor/maildoctor/message"
)

// Lines: the message can travel over SMTP as it is.
var Lines = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.lines",
		Title:    "Lines end in CRLF and have at most 998 octets",
		Severity: diagnosis.Warning,
		Why:      "Servers refuse or break lines that are too long, and refuse or mend line ends that are wrong. What is mended was not what was signed: the DKIM signature fails.",
		Doc: `A line has at most 998 octets without its CRLF (RFC 5322, 2.1.1; RFC 5321, 4.5.3.1.6). Exim refuses longer ones as it comes, Postfix breaks them in two. HTML in one long line is the usual cause. CR and LF stand together only (RFC 5321, 2.3.8): since SMTP smuggling became known, many servers refuse mail with a bare LF. NUL must not be there at all (RFC 5322, 4).

A file in which all lines end in LF counts as one that a Unix system keeps, where the message travelled with CRLF; then line ends are not judged.

To fix it, have the body encoded: quoted-printable or base64 make short lines of everything. Fold long header fields, as References in a long thread. Write \r\n behind each line if a program of yours speaks SMTP.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5322, 2.1.1"}, {Name: "RFC 5321, 2.3.8"}, {Name: "RFC 5321, 4.5.3.1.6"}},
	},
	Of:  checks.Messages,
	Run: of(lines),
})

func lines(v *diagnosis.Verdict, m *facts.Mail) {
	o := m.Octets
	faults := []struct {
		count mail.Count
		one   string
		many  string
		step  string
	}{
		{o.LongLines, "line has more than 998 octets", "lines have more than 998 octets", "Encode the body as quoted-printable or base64; fold header fields."},
		{o.BareLF, "line ends in LF without CR", "lines end in LF without CR", "Write CRLF behind every line."},
		{o.BareCR, "CR stands without LF", "CRs stand without LF", "Write CRLF behind every line, and encode text that has a CR in it."},
		{o.NUL, "octet is NUL", "octets are NUL", "Encode what is no text as base64."},
	}
	for _, f := range faults {
		if f.count.N == 0 {
			continue
		}
		at := lineAt(m, f.count.First)
		text := fmt.Sprintf("1 %s: line %d", f.one, at)
		if f.count.N > 1 {
			text = fmt.Sprintf("%d %s, the first is line %d", f.count.N, f.many, at)
		}
		find(v, diagnosis.Warning, fmt.Sprintf("line %d", at), text,
			[]diagnosis.Evidence{{Question: fmt.Sprintf("line %d", at), Answer: excerpt(m, f.count.First)}}, f.step)
	}
	if len(v.Findings) == 0 {
		saw(v, "lines", "the longest has %d octets", o.Longest)
	}
}

// excerpt is the octets around an offset.
func excerpt(m *facts.Mail, at int) string {
	return fmt.Sprintf("%q", m.Raw[max(0, at-30):min(len(m.Raw), at+30)])
}
