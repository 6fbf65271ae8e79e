package autoconfig

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// An SRV is the data of an SRV record (RFC 2782).
type SRV struct {
	Priority, Weight, Port uint16
	Target                 string // canonical; "." says that there is no such service
}

// ParseSRV reports the data of r; ok is false where it is not that of an SRV record.
func ParseSRV(r record.Record) (srv SRV, ok bool) {
	fields := strings.Fields(r.Data)
	if r.Type != "SRV" || len(fields) != 4 {
		return SRV{}, false
	}
	for i, into := range []*uint16{&srv.Priority, &srv.Weight, &srv.Port} {
		n, err := strconv.ParseUint(fields[i], 10, 16)
		if err != nil {
			return SRV{}, false
		}
		*into = uint16(n)
	}
	srv.Target = record.Canonical(fields[3])
	return srv, true
}

// Absent reports whether the record says that the service is not offered
// (RFC 2782; RFC 6186, 3.4).
func (s SRV) Absent() bool { return s.Target == "." }

// Record is the SRV record of name with this data.
func (s SRV) Record(name string) record.Record {
	data := fmt.Sprintf("%d %d %d %s", s.Priority, s.Weight, s.Port, record.Canonical(s.Target))
	return record.Record{Name: record.Canonical(name), Type: "SRV", Data: data}
}

// A Service is one that mail programs look up by an SRV record.
type Service struct {
	Label string // "_imaps", at which the record stands, before "._tcp"
	Name  string // "IMAP over TLS"
	Port  uint16 // of IANA's registry
	// Secure is the label of the same service over TLS from the first octet, where
	// this one begins in clear text and there is such a service.
	Secure string
}

// At is the name at which domain announces the service.
func (s Service) At(domain string) (name string, ok bool) {
	return record.Below(s.Label+"._tcp", domain)
}

// MailServices are those of RFC 6186, RFC 8314, 5.1 and RFC 5804, 1.8.
func MailServices() []Service {
	return []Service{
		{Label: "_submissions", Name: "submission over TLS", Port: 465},
		{Label: "_submission", Name: "submission", Port: 587, Secure: "_submissions"},
		{Label: "_imaps", Name: "IMAP over TLS", Port: 993},
		{Label: "_imap", Name: "IMAP", Port: 143, Secure: "_imaps"},
		{Label: "_pop3s", Name: "POP3 over TLS", Port: 995},
		{Label: "_pop3", Name: "POP3", Port: 110, Secure: "_pop3s"},
		{Label: "_sieve", Name: "ManageSieve", Port: 4190},
	}
}

// WebServices are those of calendars, contacts and JMAP (RFC 6764, 3; RFC 8620, 2.2).
func WebServices() []Service {
	return []Service{
		{Label: "_jmap", Name: "JMAP", Port: 443},
		{Label: "_caldavs", Name: "CalDAV over TLS", Port: 443},
		{Label: "_carddavs", Name: "CardDAV over TLS", Port: 443},
	}
}

// Autodiscover is the SRV record that Outlook asks for when it has found nothing
// under a name of the domain.
func Autodiscover() Service {
	return Service{Label: "_autodiscover", Name: "Autodiscover", Port: 443}
}
