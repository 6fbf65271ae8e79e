package cmd

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mta/daemon"
	"github.com/maildoctor/maildoctor/report"
)

// mtaCheck says what the server would do.
func (a *app) mtaCheck(f mtaRunFlags, s *daemon.Setup) error {
	name := f.file
	if name == "-" {
		name = "standard input"
	}
	shown := report.ServerPlan{
		File: name, Hostname: s.Hostname, State: s.State, Metrics: s.Metrics, Domains: s.Domains, Mailboxes: s.Boxes(), Routes: s.Ways(), Notes: s.Notes,
	}
	for _, socket := range s.Sockets() {
		shown.Listeners = append(shown.Listeners, socket.Port.String()+" "+socket.Address)
	}
	for _, alias := range s.Aliases {
		shown.Aliases = append(shown.Aliases, alias.Name+" → "+alias.To)
	}
	for _, w := range s.Writers() {
		shown.Users = append(shown.Users, report.ServerUser(w))
	}
	for _, g := range s.Signing {
		shown.Signing = append(shown.Signing, report.ServerSigning(g))
	}
	if err := mtaCertificates(s, &shown); err != nil {
		return usage(fmt.Errorf("%s: the certificate cannot be used: %w", name, err))
	}
	return f.output.print(func(w io.Writer) error {
		if f.output.format.value == "json" {
			return report.ServerPlannedJSON(w, shown)
		}
		return report.ServerPlanned(w, shown, f.output.text())
	})
}

// mtaCertificates says which certificates the server would show.
func mtaCertificates(s *daemon.Setup, shown *report.ServerPlan) error {
	switch {
	case s.ACME != nil:
		shown.Certs = []string{fmt.Sprintf("%s, by ACME from %s", s.Hostname, cmp.Or(s.ACME.Directory, "Let's Encrypt"))}
		return nil
	case s.SelfSigned():
		shown.Certs = []string{"its own, which nobody can verify"}
		shown.Notes = append([]string{daemon.OwnCertificate}, shown.Notes...)
		return nil
	}
	list, err := s.Certificates()
	if err != nil {
		return err
	}
	for _, c := range list {
		shown.Certs = append(shown.Certs, fmt.Sprintf("%s, until %s (%s)", strings.Join(c.Names, ", "), c.NotAfter.UTC().Format(time.DateOnly), c.From))
		for _, problem := range c.Problems {
			shown.Notes = append(shown.Notes, c.From+": "+problem)
		}
		if c.Err != nil {
			shown.Notes = append(shown.Notes, c.From+": "+c.Err.Error())
		}
	}
	return nil
}
