package message

import (
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// ActiveContent: the HTML does nothing.
var ActiveContent = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.active-content",
		Title:    "The HTML has no scripts, forms or embedded objects",
		Severity: diagnosis.Advice,
		Why:      "Mail readers take out scripts, frames and objects, so they do nothing; filters take them for an attack. Forms ask for what phishers ask for, and many readers warn of them.",
		Doc: `The HTML is searched for script, form, iframe, object, embed and applet. A script of type application/ld+json is data for the mail reader, as of a parcel or a flight, and is no fault; AMP for mail (text/x-amp-html) is a part of its own and is not looked at.

To fix it, link to a page that has the form or the video.`,
		Refs: []diagnosis.Ref{{Name: "Email Markup", URL: "https://developers.google.com/gmail/markup/overview"}, {Name: "RFC 2854, 7"}},
	},
	Of:  checks.Messages,
	Run: of(activeContent),
})

func activeContent(v *diagnosis.Verdict, m *facts.Mail) {
	if m.HTML.Part < 0 {
		saw(v, "HTML", "none")
		return
	}
	where := place(m.Parts[m.HTML.Part])
	for _, name := range m.HTML.Active {
		find(v, diagnosis.Advice, where, fmt.Sprintf("the HTML (%s) has a <%s>", where, name), nil, "Link to a page that has it.")
	}
	if len(v.Findings) == 0 {
		saw(v, where, "no scripts, forms or embedded objects")
	}
}
