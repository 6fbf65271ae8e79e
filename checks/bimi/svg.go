package bimi

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/bimi"
)

// SVG: the logo is one that receivers show.
var SVG = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "bimi.svg",
		Title:    "The BIMI logo is served, and is SVG Tiny PS",
		Severity: diagnosis.Advice,
		Why:      "Receivers refuse a logo that could run a script or load something from elsewhere, and one that is not square: your mail arrives without it.",
		Doc: `The logo is fetched once from the URL in l=, over HTTPS with a valid certificate, and held to the profile SVG Tiny Portable/Secure: the root element says version="1.2" and baseProfile="tiny-ps", has no x and y, and a title that names the brand; there is no script, animation, link, style sheet, picture of pixels, document type or entity, and nothing refers to outside of the file. It is square, at most 32 KB, and if it gives a size in pixels, at least 96 of them, below which Gmail shows nothing. Compressed files (SVGZ) are unpacked first. How it looks, and whether it is yours, is not judged.

The usual faults are those of drawing programs: Illustrator writes baseProfile="tiny", x="0px" and y="0px", and no title; Inkscape leaves elements and attributes of its own; many write style="…" where the profile wants fill="…".

To fix it, export as SVG Tiny 1.2, correct the root element in a text editor, add <title>, and draw on a background of one colour, as receivers cut the square to a circle. The BIMI Group has a converter. If a mark certificate holds the logo, the file has to stay the same as there to the octet: have the certificate reissued with the corrected file.

Redirects are followed here three times, over https only. The draft says nothing of them, and not every receiver follows.`,
		Refs: []diagnosis.Ref{profile, draft, {Name: "RFC 6170, 5.2"}, {Name: "Google: create a BIMI logo", URL: "https://support.google.com/a/answer/10911027"}},
	},
	Needs: []*checks.Check{Record},
	Run:   judgeSVG,
})

func judgeSVG(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	r, err := facts.BIMI.Of(ctx, env)
	if err != nil {
		return v, err
	}
	file, err := facts.BIMILogo.Of(ctx, env)
	switch {
	case err != nil:
		return v, err
	case !r.Published():
		v.Seen = absent(r)
		return v, nil
	case r.Record.Location == "":
		v.Seen = remarks(r)
		return v, nil
	case file.Off != "":
		v.Skip = file.Off
		return v, nil
	}
	s := served{file, r, "logo", r.Record.Location}
	readable, err := s.delivery(&v)
	if err != nil || !readable {
		return v, err
	}
	s.judgeLogo(&v)
	return v, nil
}

func (s served) judgeLogo(v *diagnosis.Verdict) {
	last := s.Last()
	logo, faults := bimi.InspectLogo(last.Body)
	for i, f := range faults {
		where := ""
		if f.Line > 0 {
			where = fmt.Sprintf(", line %d", f.Line)
		}
		message := fmt.Sprintf("the logo at %s%s: %s", last.URL, where, f.Message)
		if i == maxFaults {
			message = fmt.Sprintf("the logo at %s has %d more faults", last.URL, len(faults)-i)
		}
		finding := s.finding(fault{message: message})
		if i == 0 { // one file cures them all
			finding.Remedy.Steps = []string{"Export the logo as SVG Tiny 1.2, make it SVG Tiny PS in a text editor or with the converter of the BIMI Group, and put it at " + s.url + "."}
			if s.record.Record.Evidence != "" {
				finding.Remedy.Steps = append(finding.Remedy.Steps, "Have the mark certificate reissued with the corrected file, as it holds the logo too.")
			}
		}
		v.Findings = append(v.Findings, finding)
		if i == maxFaults {
			break
		}
	}
	if mediaType := last.MediaType(); mediaType != "image/svg+xml" { // RFC 6170, 5.2
		v.Findings = append(v.Findings, s.finding(fault{fmt.Sprintf("the logo at %s is served as %q, not as image/svg+xml", last.URL, clip(mediaType)),
			[]string{"Have the web server send Content-Type: image/svg+xml for .svg files; in nginx that is in mime.types, in Apache AddType image/svg+xml .svg .svgz."}}))
	}
	if len(v.Findings) > 0 {
		return
	}
	form := "SVG"
	if logo.Compressed {
		form = "SVGZ"
	}
	v.Seen = append(v.Seen, diagnosis.Evidence{Question: last.URL, Answer: fmt.Sprintf("%q, %s Tiny PS of %d octets", clip(logo.Title), form, logo.Size)})
}
