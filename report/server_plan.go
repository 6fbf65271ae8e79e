package report

import (
	"io"
	"strings"
)

// A ServerPlan is what a mail server would do, by a file that nothing is wrong with.
type ServerPlan struct {
	File, Hostname, State, Metrics string
	Listeners                      []string // "mx :25"
	Domains                        []string // that mail is taken for
	Mailboxes                      []string
	Aliases                        []string // "sales → ann"
	Certs                          []string // where they come from, for what, until when
	Users                          []ServerUser
	Signing                        []ServerSigning
	Routes                         []string // in words
	Notes                          []string // what the owner should know, and need not mend
}

// A ServerUser may submit mail.
type ServerUser struct {
	Name    string
	Senders []string // addresses, "@example.org" for all of a domain
}

// A ServerSigning is the keys that sign the mail of a domain.
type ServerSigning struct {
	Domain    string
	Selectors []string
}

// ServerPlanned writes it for a person.
func ServerPlanned(w io.Writer, s ServerPlan, o TextOptions) error {
	p := newPage(o)
	p.para(p.mark(passed)+" ", flat(s.File)+" is right. The mail server would run like this.", strong)
	p.gap()
	row := func(name string, texts ...string) {
		for _, text := range texts {
			p.para(pad(name, 13), flat(text), plain)
			name = ""
		}
	}
	row("Name", s.Hostname)
	row("Listens", s.Listeners...)
	if s.Metrics != "" {
		row("Metrics", s.Metrics)
	}
	if len(s.Domains) == 0 {
		row("Takes", "mail for no domain: it only sends")
	} else {
		row("Takes", "mail for "+strings.Join(s.Domains, ", "))
	}
	row("Mailboxes", strings.Join(append(s.Mailboxes[:len(s.Mailboxes):len(s.Mailboxes)], s.Aliases...), ", "))
	row("Certificate", s.Certs...)
	var users, signing []string
	for _, u := range s.Users {
		users = append(users, u.Name+" as "+strings.Join(u.Senders, ", "))
	}
	for _, d := range s.Signing {
		signing = append(signing, d.Domain+" with "+strings.Join(d.Selectors, ", "))
	}
	row("Users", users...)
	row("Signs", signing...)
	row("Sends", s.Routes...)
	row("State", s.State)
	p.gap()
	for _, note := range s.Notes {
		p.para(p.mark(warning)+" ", flat(note), plain)
	}
	_, err := io.WriteString(w, strings.TrimRight(p.String(), "\n")+"\n")
	return err
}

type (
	wireServerUser struct {
		Name    string   `json:"name"`
		Senders []string `json:"senders"`
	}
	wireServerSigning struct {
		Domain    string   `json:"domain"`
		Selectors []string `json:"selectors"`
	}
)

// ServerPlannedJSON writes it for a program.
func ServerPlannedJSON(w io.Writer, s ServerPlan) error {
	return writeJSON(w, struct {
		Schema    string              `json:"schema"`
		File      string              `json:"file"`
		Hostname  string              `json:"hostname"`
		State     string              `json:"state"`
		Metrics   string              `json:"metrics"`
		Listeners []string            `json:"listeners"`
		Domains   []string            `json:"domains"`
		Mailboxes []string            `json:"mailboxes"`
		Aliases   []string            `json:"aliases"`
		Certs     []string            `json:"certificates"`
		Users     []wireServerUser    `json:"users"`
		Signing   []wireServerSigning `json:"signing"`
		Routes    []string            `json:"routes"`
		Notes     []string            `json:"notes"`
	}{
		"maildoctor.server-plan/v1", text(s.File), text(s.Hostname), text(s.State), text(s.Metrics),
		each(s.Listeners, text), each(s.Domains, text), each(s.Mailboxes, text), each(s.Aliases, text), each(s.Certs, text),
		each(s.Users, func(u ServerUser) wireServerUser { return wireServerUser{text(u.Name), each(u.Senders, text)} }),
		each(s.Signing, func(d ServerSigning) wireServerSigning {
			return wireServerSigning{text(d.Domain), each(d.Selectors, text)}
		}),
		each(s.Routes, text), each(s.Notes, text),
	})
}
