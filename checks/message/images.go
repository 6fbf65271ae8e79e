package message

import (
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// Images: the message says something without its images.
var Images = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.images",
		Title:    "The message can be read without its images",
		Severity: diagnosis.Advice,
		Why:      "Many readers do not load images until they are asked to, and some people cannot see them. A mail that is an image says nothing then, and to filters it looks like spam that hides its text.",
		Doc: `Letters and digits in the HTML are counted, without styles and scripts: if there are images and hardly any text, that is told. Images should have an alt attribute, which is shown in their place; an image that is mere decoration has alt="". Pixels of a width or height of 1 do not count.

How much text there must be beside an image, nobody has published; fewer than 20 letters are no mail in anybody's eyes.

To fix it, write what the image says as text of the HTML, and give each image an alt text.`,
		Refs: []diagnosis.Ref{{Name: "HTML, 4.8.4.4 (alt)", URL: "https://html.spec.whatwg.org/multipage/images.html#alt"}},
	},
	Of:  checks.Messages,
	Run: of(images),
})

// wordless is fewer letters than a mail has.
const wordless = 20

func images(v *diagnosis.Verdict, m *facts.Mail) {
	h := m.HTML
	if h.Part < 0 || h.Images == 0 {
		saw(v, "images", "none in the HTML")
		return
	}
	where := place(m.Parts[h.Part])
	if h.Text < wordless {
		find(v, diagnosis.Advice, where, fmt.Sprintf("the HTML is images (%d) and hardly any text (%d letters)", h.Images, h.Text), nil, "Write what the images say as text.")
		return
	}
	if h.NoAlt > 0 {
		find(v, diagnosis.Advice, where, fmt.Sprintf("%d of %d images have no alt text, so nothing stands in their place while they are not loaded", h.NoAlt, h.Images), nil,
			`Give each image an alt attribute: what it says, or alt="" if it is decoration.`)
		return
	}
	saw(v, where, "%d images, all with alt, and %d letters of text", h.Images, h.Text)
}
