package message

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// Attachments: nothing is attached that receivers refuse.
var Attachments = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.attachments",
		Title:    "No attachment is of a type that receivers refuse",
		Severity: diagnosis.Warning,
		Why:      "Gmail refuses the whole message for an attached program, Outlook takes the attachment out. Whoever waits for the file gets nothing.",
		Doc: `The names of the parts are held against the list of types that Gmail does not take: programs, scripts, installers, disk images. Gmail looks into archives, too, which is not done here. A name with two extensions, of which the second is one of these, is what viruses have.

To fix it, put the file where it can be downloaded, and send the link.`,
		Refs: []diagnosis.Ref{{Name: "Gmail: file types that are blocked", URL: "https://support.google.com/mail/answer/6590"}},
	},
	Of:  checks.Messages,
	Run: of(attachments),
})

// refused is the extensions that Gmail does not take.
var refused = strings.Fields(`.ade .adp .apk .appx .appxbundle .bat .cab .chm .cmd .com .cpl .diagcab .diagcfg .diagpkg .dll .dmg .ex .ex_
	.exe .hta .img .ins .iso .isp .jar .jnlp .js .jse .lib .lnk .mde .mjs .msc .msi .msix .msixbundle .msp .mst .nsh .pif .ps1 .scr .sct .shb
	.sys .vb .vbe .vbs .vhd .vxd .wsc .wsf .wsh .xll`)

func attachments(v *diagnosis.Verdict, m *facts.Mail) {
	files := 0
	for _, p := range m.Parts {
		if p.Filename == "" {
			continue
		}
		files++
		ext := strings.ToLower(path.Ext(strings.TrimRight(p.Filename, ". ")))
		if slices.Contains(refused, ext) && len(v.Findings) < 10 {
			find(v, diagnosis.Warning, place(p), fmt.Sprintf("%.100q is attached: Gmail refuses mail with a file of type %s", p.Filename, ext),
				[]diagnosis.Evidence{{Question: place(p), Answer: fmt.Sprintf("%.60s, %s", p.Type, kilobytes(len(p.Body)))}},
				"Put the file where it can be downloaded, and send the link.")
		}
	}
	if len(v.Findings) == 0 {
		saw(v, "attachments", "%d, none of a type that is refused", files)
	}
}
