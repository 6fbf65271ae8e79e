package message

import (
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	mail "github.com/maildoctor/maildoctor/message"
)

// MIME: every reader finds the same parts.
var MIME = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.mime",
		Title:    "The MIME structure is whole, and every part decodes",
		Severity: diagnosis.Warning,
		Why:      "Where the structure is broken, each mail reader shows something else, and a virus scanner may see another message than the reader does. Strict filters refuse it for that.",
		Doc: `Content-Type must parse; a multipart must have a boundary of at most 70 characters, and end with its closing line (RFC 2046, 5.1.1). The transfer encoding must be one that is defined: 7bit, 8bit, binary, quoted-printable or base64; of a multipart or an enclosed message only the first three (RFC 2045, 6.4). What is encoded must decode. A message in more than 100 layers or of more than 10,000 parts is not read to its end.

To fix it, have a mail library put the message together instead of doing it by hand. A closing boundary that is missing often means that something cut the message off: a length limit, or a template that ends too early.`,
		Refs: []diagnosis.Ref{{Name: "RFC 2045, 6.4"}, {Name: "RFC 2046, 5.1.1"}},
	},
	Of:  checks.Messages,
	Run: of(structure),
})

func structure(v *diagnosis.Verdict, m *facts.Mail) {
	for _, p := range m.PartFaults[:min(len(m.PartFaults), 5)] {
		find(v, diagnosis.Warning, fmt.Sprintf("line %d", lineAt(m, p.Offset)), p.Message, nil, "Have a mail library put the message together.")
	}
	for _, p := range m.Parts {
		if len(v.Findings) >= 10 {
			return
		}
		text := encoding(p)
		if text == "" {
			continue
		}
		find(v, diagnosis.Warning, place(p), text, shown(transferEncoding(p)...), "Have a mail library encode the part.")
	}
	if len(v.Findings) == 0 {
		saw(v, "MIME", "%s", outline(m.Parts))
	}
}

// maxDecoded bounds how much of a part is decoded to see whether it does, in octets.
const maxDecoded = 64 << 20

// encoding says what is wrong with the transfer encoding of a part.
func encoding(p mail.Part) string {
	if p.Multipart() || p.Enclosed() {
		switch p.Encoding {
		case "7bit", "8bit", "binary":
			return ""
		}
		if p.Type == "message/global" { // RFC 6532, 3.6 lifts it
			return ""
		}
		return fmt.Sprintf("%s (%s) has the transfer encoding %.40q, which must be 7bit, 8bit or binary there", place(p), p.Type, p.Encoding)
	}
	if _, err := p.Decoded(maxDecoded); err != nil {
		return fmt.Sprintf("%s (%.60s): %v", place(p), p.Type, err)
	}
	return ""
}

func transferEncoding(p mail.Part) []mail.Field { return first(p, "Content-Transfer-Encoding") }

func contentType(p mail.Part) []mail.Field { return first(p, "Content-Type") }

// first is the topmost field of a part that is called name, if there is one.
func first(p mail.Part, name string) []mail.Field {
	i := slices.IndexFunc(p.Fields, func(f mail.Field) bool { return f.Is(name) })
	if i < 0 {
		return nil
	}
	return p.Fields[i : i+1]
}

// outline is the parts in a line.
func outline(parts []mail.Part) string {
	text := ""
	for i, p := range parts {
		switch {
		case i == 8:
			return text + fmt.Sprintf(", and %d more", len(parts)-i)
		case i > 0:
			text += ", " + p.Path + " "
		}
		text += fmt.Sprintf("%.60s", p.Type)
	}
	return text
}
