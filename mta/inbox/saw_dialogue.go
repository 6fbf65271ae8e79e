package inbox

import (
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// noted is what was noted of a kind, in the dialogue or in this message.
func noted(m Mail, kind smtpd.NoteKind) (smtpd.Note, bool) {
	for _, n := range m.Session.Noted {
		if n.Kind == kind && (n.Message == 0 || n.Message == m.Message) {
			return n, true
		}
	}
	return smtpd.Note{}, false
}

// early judges whether the client waited for the greeting.
func early(m Mail) Sight {
	n, talked := noted(m, smtpd.EarlyTalk)
	if !talked {
		return passed("greeting", "the client waited for it")
	}
	return faulty(diagnosis.Warning, "greeting", fmt.Sprintf("the client spoke first: %.80q", n.Detail),
		"the client speaks before the server has greeted, which only spam programs do (RFC 5321, 4.3.1): many receivers hang up on that",
		"Let the program wait for the line that begins with 220 before it sends anything.")
}

// A habit is a fault of the dialogue.
type habit struct {
	kind     smtpd.NoteKind
	severity diagnosis.Severity
	short    string
	text     string // of the finding
	step     string
}

var habits = []habit{
	{smtpd.Pipelined, diagnosis.Warning, "did not wait for an answer", "the client goes on without waiting for an answer where it has to wait (RFC 2920, 3.1)",
		"Let the program wait for the answer to EHLO, DATA and what it does not pipeline; receivers take such clients for spam programs."},
	{smtpd.PipelinedTLS, diagnosis.Warning, "text behind STARTTLS", "the client sends on behind STARTTLS before TLS has begun (RFC 3207, 4.2); it was dropped, and may have been injected on the way",
		"Let the program wait for the answer to STARTTLS, and look whether something stands in the way."},
	{smtpd.CommandBareLF, diagnosis.Critical, "a bare CR or LF in a command", "the client ends commands with LF alone, or has CR in them (RFC 5321, 2.3.8): servers refuse that since SMTP smuggling became known",
		`Write \r\n behind each command.`},
	{smtpd.WrongOrder, diagnosis.Advice, "a command out of order", "the client sends commands out of order (RFC 5321, 4.1.4)", "See in what order the program sends its commands."},
	{smtpd.BadCommand, diagnosis.Advice, "a bad command", "the client sends commands that do not exist, or with bad syntax", "See what the program sends."},
	{smtpd.LooseSyntax, diagnosis.Advice, "a space behind the colon", "the client puts a space behind MAIL FROM: or RCPT TO: (RFC 5321, 3.3); strict servers refuse it", "Take the space away."},
	{smtpd.SourceRoute, diagnosis.Warning, "a source route", "the client gives a source route in an address, which is obsolete (RFC 5321, appendix C); servers refuse it", "Give the address alone."},
	{smtpd.NotOffered, diagnosis.Warning, "a parameter that was not offered", "the client uses parameters of extensions that it was not offered", "Use what stands in the answer to EHLO, and nothing else."},
	{smtpd.Undeclared8Bit, diagnosis.Warning, "8-bit text without BODY=8BITMIME", "the mail has 8-bit text, and the client did not say BODY=8BITMIME (RFC 6152, 3): it may be mangled on the way",
		"Say BODY=8BITMIME, or encode the text as quoted-printable or base64."},
	{smtpd.UndeclaredUTF8, diagnosis.Warning, "8-bit text in the header without SMTPUTF8", "the header has 8-bit text, and the client did not say SMTPUTF8 (RFC 6531, 3.6): receivers refuse or mangle it",
		"Encode what is not ASCII in header fields (RFC 2047), or say SMTPUTF8."},
}

// dialogue judges the manners of the client.
func dialogue(m Mail) []Sight {
	var list []Sight
	if !m.Session.Extended {
		list = append(list, faulty(diagnosis.Warning, "dialogue", "HELO, and not EHLO", "the client says HELO and not EHLO: so it has neither TLS nor any other extension (RFC 5321, 3.2)",
			"Let the mail server or program say EHLO; a gateway or firewall that rewrites SMTP in between is to be switched off (Cisco: inspect esmtp)."))
	}
	for _, h := range habits {
		n, there := noted(m, h.kind)
		if !there {
			continue
		}
		said := h.short
		if n.Count > 1 {
			said += fmt.Sprintf(", %d times", n.Count)
		}
		if n.Detail != "" {
			said += fmt.Sprintf(", first with %.80q", n.Detail)
		}
		list = append(list, faulty(h.severity, "dialogue", said, h.text, h.step))
	}
	if len(list) == 0 {
		list = append(list, passed("dialogue", "in order: the client waited where it has to wait, and used what it was offered"))
	}
	return list
}

// given tells how the message was given.
func given(m Mail) Sight {
	var parts []string
	if d := m.Given.Size; d > 0 {
		parts = append(parts, fmt.Sprintf("SIZE=%d", d))
	} else {
		parts = append(parts, "no SIZE")
	}
	if m.Body != "" {
		parts = append(parts, "BODY="+m.Body)
	}
	if m.SMTPUTF8 {
		parts = append(parts, "SMTPUTF8")
	}
	if m.RequireTLS {
		parts = append(parts, "REQUIRETLS")
	}
	way := "by DATA"
	if m.Given.Chunked {
		way = "in chunks (BDAT)"
	}
	text := fmt.Sprintf("%s; %d octets %s", strings.Join(parts, " "), m.Given.Octets, way)
	if m.Rcpts > 1 {
		text += fmt.Sprintf(", for %d recipients", m.Rcpts)
	}
	return told("size", "%s", text)
}

// octets judges the line ends. Where in the message they are, and what to do, is
// told by the checks of the message.
func octets(m Mail) Sight {
	var faults []string
	for _, k := range []struct {
		kind smtpd.NoteKind
		text string
	}{{smtpd.BareLF, "%d bare LF"}, {smtpd.BareCR, "%d bare CR"}, {smtpd.NUL, "%d NUL"}, {smtpd.LongLine, "a line over 998 octets"}} {
		if n, there := noted(m, k.kind); there {
			text := k.text
			if strings.Contains(text, "%d") {
				text = fmt.Sprintf(text, n.Count)
			}
			faults = append(faults, text)
		}
	}
	_, lf := noted(m, smtpd.BareLF)
	_, cr := noted(m, smtpd.BareCR)
	said := strings.Join(faults, ", ")
	switch {
	case lf || cr:
		return faulty(diagnosis.Critical, "lines", said, "lines end in a bare CR or LF (RFC 5321, 2.3.8): many receivers refuse the mail since SMTP smuggling became known, as this one does at its other addresses (550 5.6.11)",
			`Write \r\n behind each line; message.lines shows where.`)
	case said != "":
		return Sight{Name: "lines", Said: said, Outcome: diagnosis.Failed, Severity: diagnosis.Warning} // message.lines
	}
	return passed("lines", "all end in CRLF, and none is too long")
}
