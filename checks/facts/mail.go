package facts

import (
	"context"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/message"
)

// A Mail is the message that is examined, taken apart.
type Mail struct {
	*message.Message // with CRLF where it came as a file of a Unix system

	Problems   []message.Problem // of the header
	Octets     message.Octets
	Author     message.Author
	Hops       []message.Hop
	HopFaults  []message.Problem
	Parts      []message.Part
	PartFaults []message.Problem
	Signatures []MailSignature
	HTML       HTML // of the part that is shown
	Plain      int  // index of the text/plain part that is shown; -1 if there is none

	// Bulk is the field by which the message says that it goes to many, as
	// written; empty where none does. Discussion tells that it comes from a list
	// to which its readers write.
	Bulk       string
	Discussion bool
}

// A MailSignature is a DKIM-Signature field.
type MailSignature struct {
	message.Field
	dkim.Signature
	Problems []dkim.Problem // offsets from the colon on
}

// Void reports whether no verifier can use the signature, and why.
func (s MailSignature) Void() (why string, void bool) {
	for _, p := range s.Problems {
		if p.Effect == dkim.Void {
			return p.Message, true
		}
	}
	return "", false
}

// Message is the fact of the message that is examined; nil where none is. It has
// no error: a message says what it says.
var Message = checks.NewFact("the message", func(_ context.Context, env *checks.Env) (*Mail, error) {
	if env.Message == nil {
		return nil, nil
	}
	whole := env.Message
	octets := whole.Octets()
	if octets.UnixEnds() {
		whole = whole.CRLF()
		octets = whole.Octets()
	}
	parsed, problems := message.Parse(whole.Raw)
	m := &Mail{Message: parsed, Problems: problems, Octets: octets, Plain: -1}
	m.Cut = m.Cut || env.Message.Cut
	m.Author = m.Message.Author()
	m.Hops, m.HopFaults = m.Message.Hops()
	m.Parts, m.PartFaults = m.Message.Parts()
	for _, f := range m.All(dkim.FieldName) {
		s, problems := dkim.ParseSignature(f.Value())
		m.Signatures = append(m.Signatures, MailSignature{f, s, problems})
	}
	m.bulk()
	m.shown()
	return m, nil
})

// bulk reads by what the message says that it goes to many: the fields of lists
// (RFC 2369, RFC 2919, RFC 8058) and Precedence (RFC 2076, 3.9). What a program
// writes to one person (RFC 3834, 5) may have List-Id and Precedence, too, as
// tickets do.
func (m *Mail) bulk() {
	post, ok := m.First("List-Post")
	m.Discussion = ok && !strings.EqualFold(post.Unfolded(), "NO") // RFC 2369, 3.4
	for _, name := range []string{"List-Unsubscribe", "List-Unsubscribe-Post"} {
		if f, ok := m.First(name); ok {
			m.Bulk = f.Name
			return
		}
	}
	if f, ok := m.First("Auto-Submitted"); ok && !strings.EqualFold(f.Unfolded(), "no") {
		return
	}
	if f, ok := m.First("List-Id"); ok {
		m.Bulk = f.Name
		return
	}
	if f, ok := m.First("Precedence"); ok {
		switch strings.ToLower(f.Unfolded()) {
		case "bulk", "list":
			m.Bulk = f.Name + ": " + strings.ToLower(f.Unfolded())
		}
	}
}

// maxHTML bounds how much of a part is read, in octets.
const maxHTML = 4 << 20

// shown finds the parts that readers show: the first HTML and the first plain
// text that are not attached, and not in a message that is enclosed.
func (m *Mail) shown() {
	m.HTML.Part = -1
	for i, p := range m.Parts {
		if !p.Text() || m.enclosed(p) {
			continue
		}
		switch {
		case p.Type == "text/html" && m.HTML.Part < 0:
			body, err := p.Decoded(maxHTML)
			if m.HTML = (HTML{}); err == nil { // what does not decode is not shown
				m.HTML = readHTML(body)
			}
			m.HTML.Part, m.HTML.Size = i, len(body)
		case p.Type == "text/plain" && m.Plain < 0:
			m.Plain = i
		}
	}
}

// enclosed reports whether a part belongs to a message in the message.
func (m *Mail) enclosed(p message.Part) bool {
	for p.Parent >= 0 {
		if p = m.Parts[p.Parent]; p.Enclosed() {
			return true
		}
	}
	return false
}

// Carried reports whether the message has been on its way: a host took it over.
func (m *Mail) Carried() bool { return len(m.All("Received")) > 0 }

// AuthorDomain is the domain of the author; empty where there is not one.
func (m *Mail) AuthorDomain() string {
	domain, _ := m.Author.Domain()
	return domain
}
