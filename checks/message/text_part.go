package message

import (
	"bytes"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// TextPart: who reads no HTML reads the message all the same.
var TextPart = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.text-part",
		Title:    "HTML comes with the same in plain text",
		Severity: diagnosis.Advice,
		Why:      "Some readers show text alone, as watches, screen readers, ticket systems and previews do. Filters count mail that has HTML only, since much spam has.",
		Doc: `A message with HTML should be a multipart/alternative that has the same text as text/plain first: the parts stand in the order of increasing faithfulness, and a reader shows the last one that it can (RFC 2046, 5.1.4). With the plain text behind the HTML, readers show the plain text. A plain part that is empty is worse than none: who reads text sees an empty mail.

To fix it, have the program that sends write both; most libraries do so if they are given both, and many services make the text out of the HTML if it is switched on.`,
		Refs: []diagnosis.Ref{{Name: "RFC 2046, 5.1.4"}, {Name: "SpamAssassin, MIME_HTML_ONLY", URL: "https://cwiki.apache.org/confluence/display/SPAMASSASSIN/Rules"}},
	},
	Of:  checks.Messages,
	Run: of(textPart),
})

// maxEmpty is how many octets are looked at for something to be read.
const maxEmpty = 64 << 10

func textPart(v *diagnosis.Verdict, m *facts.Mail) {
	if m.HTML.Part < 0 {
		saw(v, "HTML", "none")
		return
	}
	html := m.Parts[m.HTML.Part]
	if m.Plain < 0 {
		find(v, diagnosis.Advice, place(html), "the message has HTML and no plain text", nil, "Send a multipart/alternative with the same as text/plain in front of the HTML.")
		return
	}
	plain := m.Parts[m.Plain]
	if html.Parent < 0 || m.Parts[html.Parent].Type != "multipart/alternative" && m.Parts[html.Parent].Type != "multipart/related" {
		saw(v, place(plain), "text/plain beside %s", place(html))
		return
	}
	text, _ := plain.Decoded(maxEmpty)
	switch {
	case len(bytes.TrimSpace(text)) == 0 && m.HTML.Text > 0:
		find(v, diagnosis.Advice, place(plain), fmt.Sprintf("the plain text (%s) is empty, the HTML is not", place(plain)), nil, "Fill the plain text with what the HTML says, or leave it out.")
	case m.Plain > m.HTML.Part && plain.Parent == html.Parent:
		find(v, diagnosis.Advice, place(plain), "the plain text stands behind the HTML, so readers show the plain text", nil, "Put the plain text in front.")
	default:
		saw(v, place(plain), "text/plain in front of the HTML")
	}
}
