package report

import (
	"encoding/json"
	"io"
	"time"
)

// A TestAddress is an address that takes test mail for a while.
type TestAddress struct {
	Address     string
	Made, Until time.Time
	Mails       []TestMail // the oldest first
}

// A TestMail is a message that came for one.
type TestMail struct {
	ID     string
	At     time.Time
	From   string // reverse-path; empty: the null one
	Client string // address; empty: a user of the same host
	Size   int64  // octets
}

// Schemas of what is written of test addresses.
const (
	InboxSchema   = "maildoctor.inbox/v1"
	InboxesSchema = "maildoctor.inboxes/v1"
)

type (
	wireAddress struct {
		Schema  string     `json:"schema,omitempty"`
		Address string     `json:"address"`
		Made    string     `json:"made"`
		Until   string     `json:"until"`
		Mails   []wireMail `json:"messages,omitempty"`
	}
	wireMail struct {
		ID     string `json:"id"`
		At     string `json:"at"`
		From   string `json:"mail_from"`
		Client string `json:"client"`
		Size   int64  `json:"size"`
	}
)

func toAddress(a TestAddress) wireAddress {
	return wireAddress{Address: text(a.Address), Made: stamp(a.Made), Until: stamp(a.Until), Mails: each(a.Mails, func(m TestMail) wireMail {
		return wireMail{text(m.ID), stamp(m.At), text(m.From), text(m.Client), m.Size}
	})}
}

// IssuedJSON writes one address for a program, on one line: what follows on the same
// stream are its messages, by MessageJSON.
func IssuedJSON(w io.Writer, a TestAddress) error {
	doc := toAddress(a)
	doc.Schema = InboxSchema
	return json.NewEncoder(w).Encode(doc)
}

// InboxJSON writes addresses and what came for them.
func InboxJSON(w io.Writer, list []TestAddress) error {
	return writeJSON(w, struct {
		Schema    string        `json:"schema"`
		Addresses []wireAddress `json:"addresses"`
	}{InboxesSchema, each(list, toAddress)})
}

// InboxText writes addresses and what came for them, for a person.
func InboxText(w io.Writer, list []TestAddress, o TextOptions) error {
	p := newPage(o)
	if len(list) == 0 {
		p.line("No test address takes mail now.")
	}
	for _, a := range list {
		p.gap()
		p.line(p.in(strong, flat(a.Address)))
		p.para("  ", "takes mail until "+moment(a.Until), faint)
		for _, m := range a.Mails {
			from := "<" + flat(m.From) + ">"
			if m.Client != "" {
				from += " by " + flat(m.Client)
			}
			p.line("  " + flat(m.ID) + "  " + moment(m.At))
			p.para("    ", "from "+from+", "+plural(int(m.Size), "octet"), plain)
		}
		if len(a.Mails) == 0 {
			p.para("  ", "nothing came yet", plain)
		}
	}
	_, err := io.WriteString(w, p.String())
	return err
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
