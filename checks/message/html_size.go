package message

import (
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// HTMLSize: Gmail shows all of it.
var HTMLSize = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.html-size",
		Title:    "The HTML is small enough to be shown whole",
		Severity: diagnosis.Advice,
		Why:      "Gmail shows about the first 102 KB of the HTML and hides the rest behind a link. What stands at the end is the unsubscribe link, and readers who do not find it press the spam button.",
		Doc: `The HTML is counted as it is when decoded; attached and linked images do not count. The limit is not documented by Google; senders measured it between 102 and 105 KB, in several clients of Gmail and over many years. How the part is encoded moves it a little.

To fix it, take out comments, white space and styles that nothing uses, link images instead of writing them into the HTML as data: URLs, and let the message say less and link to the rest.`,
		Refs: []diagnosis.Ref{{Name: "Spam Resource: What is Gmail clipping", URL: "https://www.spamresource.com/2022/01/what-is-gmail-clipping-and-what-to-do.html"}},
	},
	Of:  checks.Messages,
	Run: of(htmlSize),
})

// clipped is the octets of HTML from which on Gmail cuts off.
const clipped = 102 << 10

func htmlSize(v *diagnosis.Verdict, m *facts.Mail) {
	if m.HTML.Part < 0 {
		saw(v, "HTML", "none")
		return
	}
	where := place(m.Parts[m.HTML.Part])
	if m.HTML.Size > clipped {
		find(v, diagnosis.Advice, where, fmt.Sprintf("the HTML has %s, of which Gmail shows about the first %s", kilobytes(m.HTML.Size), kilobytes(clipped)), nil,
			"Shorten the HTML: comments, unused styles, white space, images as data: URLs.")
		return
	}
	saw(v, where, "%s of HTML", kilobytes(m.HTML.Size))
}
