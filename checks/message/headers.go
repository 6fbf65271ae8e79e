package message

import (
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	mail "github.com/maildoctor/maildoctor/message"
)

// Headers: what must be there is, and what must stand once does.
var Headers = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.headers",
		Title:    "The header is complete, and what may stand once does",
		Severity: diagnosis.Warning,
		Why:      "Programs that send spam are careless with headers, so filters count what is missing. Of a field that stands twice one reader shows the first and another the last; Gmail refuses such messages.",
		Doc: `Date and From are the two fields that every message must have (RFC 5322, 3.6). Message-ID should be there: without it threads and duplicates are not recognised. A message with a MIME body needs MIME-Version (RFC 2045, 4), and a reader wants a Subject. Where neither To nor Cc is there, filters count that, too; a list that hides its readers writes "To: undisclosed-recipients:;".

Date, From, Sender, Reply-To, To, Cc, Bcc, Message-ID, In-Reply-To, References and Subject may stand once at most (RFC 5322, 3.6), likewise the fields of MIME, and those of mailing lists (RFC 2369, 3.4). Lines in the header that are no header field end the header for some programs.

To fix it, look for what adds the second field: often the application sets it and a library, a proxy or a mail server rule adds another. From itself is judged by message.author, what stands in Date by message.date.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5322, 3.6"}, {Name: "RFC 2045, 4"}, {Name: "RFC 2369, 3.4"}},
	},
	Of:  checks.Messages,
	Run: of(headers),
})

// singles are the fields that may stand once (RFC 5322, 3.6; RFC 2045; RFC 2369,
// 3.4; RFC 8058, 3.1). From is the matter of message.author.
var singles = []string{
	"Date", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References", "Subject",
	"MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition",
	"List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Post", "List-Help", "List-Subscribe", "List-Owner", "List-Archive",
}

func headers(v *diagnosis.Verdict, m *facts.Mail) {
	for _, name := range singles {
		all := m.All(name)
		if len(all) < 2 {
			continue
		}
		s := diagnosis.Warning
		if name == "Date" {
			s = diagnosis.Critical
		}
		find(v, s, name, fmt.Sprintf("there are %d %s fields, and there may be one: readers, filters and signatures may each take another", len(all), name), shown(all...),
			"Find out what adds the second "+name+": the application, its library, or a rule of the mail server. Let one of them set it.")
	}
	missing(v, m)
	for _, p := range m.Problems {
		if p.Kind == mail.NotAField {
			find(v, diagnosis.Warning, "header", p.Message, nil,
				"Fold long fields with a space or tab at the beginning of the next line, and let no text of users into a header without taking its line ends out.")
			break
		}
	}
	if len(v.Findings) == 0 {
		saw(v, "header", "%d fields; none is missing, none stands twice that may not", len(m.Fields))
	}
}

// missing tells which fields are not there.
func missing(v *diagnosis.Verdict, m *facts.Mail) {
	has := func(name string) bool { _, ok := m.First(name); return ok }
	if !has("Date") {
		find(v, diagnosis.Critical, "Date", "there is no Date field, which every message must have", nil, "Have the program that writes the message set Date.")
	}
	if !has("Message-ID") {
		find(v, diagnosis.Warning, "Message-ID", "there is no Message-ID field: replies find no thread, and filters count it", nil, "Have the program that writes the message set Message-ID, unique and with your domain: <unique@example.org>.")
	}
	if !has("MIME-Version") {
		for _, f := range m.Fields {
			if strings.HasPrefix(strings.ToLower(f.Name), "content-t") {
				find(v, diagnosis.Warning, "MIME-Version", "there is no MIME-Version field, so that "+f.Name+" need not be heeded", shown(f), "Add MIME-Version: 1.0.")
				break
			}
		}
	}
	if f, ok := m.First("Subject"); !ok || f.Unfolded() == "" {
		find(v, diagnosis.Advice, "Subject", "there is no subject", nil, "Say in a Subject field what the message is about.")
	}
	if !has("To") && !has("Cc") {
		find(v, diagnosis.Advice, "To", "there is neither To nor Cc, as in mail to hidden recipients", nil, "Name the recipient in To, or write To: undisclosed-recipients:;")
	}
}
