package cmd

import (
	"bytes"
	"fmt"

	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/record"
)

// mostMail is the octets of a saved mail that are read: its header, as far as there are
// signatures.
const mostMail = 1 << 20

// written is what saved mails tell of who sends as a domain: the selectors under which
// it is signed, and who signs mail that it does not sign itself. What a mail says of
// itself is a lead, and no proof.
func written(domain string, paths []string) (selectors []string, others []migration.Sender, err error) {
	for _, path := range paths {
		text, err := readBounded(path, mostMail)
		if err != nil {
			return nil, nil, usage(fmt.Errorf("--mail %s: %w", path, err))
		}
		m, _ := message.Parse(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))
		author, why := m.Author().Domain()
		if author == "" {
			return nil, nil, usage(fmt.Errorf("--mail %s is no mail whose author can be told: %s", path, why))
		}
		if !record.Within(author, domain) {
			return nil, nil, usage(fmt.Errorf("--mail %s is from %s, and not from %s; give mail that was sent for the domain, as it arrived elsewhere", path, record.Unicode(author), record.Unicode(domain)))
		}
		own, foreign := signedBy(domain, m)
		selectors = append(selectors, own...)
		if len(own) == 0 {
			others = append(others, migration.Sender{Name: author, Who: foreign, From: "a message", Messages: 1})
		}
	}
	return selectors, others, nil
}

// signedBy is the selectors of a mail's signatures by a domain, and the first domain
// else that signed it; empty if none did.
func signedBy(domain string, m *message.Message) (own []string, foreign string) {
	for i, f := range m.All(dkim.FieldName) {
		if i == dkim.MaxSignatures {
			break
		}
		s, _ := dkim.ParseSignature(f.Value())
		signed, err := record.ParseDomain(s.Domain)
		switch {
		case err != nil || s.Selector == "":
		case record.Within(signed, domain):
			own = append(own, s.Selector)
		case foreign == "":
			foreign = record.Display(signed)
		}
	}
	return own, foreign
}
