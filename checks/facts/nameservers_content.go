package facts

import (
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Matter is one of the things that servers are compared by.
type Matter struct {
	Name string // "MX", "SPF"
	Type string
	Of   func(View) Said
	// Counts reports whether the data of a record is part of the matter: TXT
	// records also hold what is nobody's mail.
	Counts func(data string) bool
}

// MailMatters is what of a zone decides on the domain's mail.
func MailMatters() []Matter {
	any := func(string) bool { return true }
	return []Matter{
		{"MX", "MX", func(v View) Said { return v.MX }, any},
		{"SPF", "TXT", func(v View) Said { return v.TXT }, func(text string) bool { return len(spf.Records([]string{text})) > 0 }},
		{"DMARC", "TXT", func(v View) Said { return v.DMARC }, dmarc.IsRecord},
	}
}

// NSMatter is the zone's own NS records.
func NSMatter() Matter {
	return Matter{"NS", "NS", func(v View) Said { return v.NS }, func(string) bool { return true }}
}

// Content is what a conclusive statement says of the matter, in one line that is
// the same for the same content: "10 mx1.example.org.", "CNAME ...", "nothing".
// A referral is content too: the matter is in a zone of its own.
func (m Matter) Content(s resolve.Statement) string {
	var lines []string
	for _, r := range s.Own() {
		switch {
		case r.Type == "CNAME" && m.Type != "CNAME":
			lines = append(lines, "CNAME "+record.Display(r.Data))
		case m.Counts(r.Data):
			lines = append(lines, r.Data)
		}
	}
	if zone, servers := s.Referral(); zone != "" {
		for _, r := range servers {
			lines = append(lines, "NS "+record.Display(r.Data))
		}
	}
	if len(lines) == 0 {
		return "nothing"
	}
	slices.Sort(lines)
	return strings.Join(lines, " | ")
}

// Tells reports whether the statement of one of the zone's servers settles the
// matter.
func (m Matter) Tells(s Said) bool {
	if s.Err != nil {
		return false
	}
	zone, _ := s.Referral()
	return s.Conclusive() || zone != ""
}

// Left is how long a resolver may still give this answer: the least TTL of what
// counts, or that of the SOA record that comes with "no" (RFC 2308, 5).
func (m Matter) Left(s resolve.Statement) time.Duration {
	least, found := uint32(0), false
	see := func(ttl uint32) {
		if !found || ttl < least {
			least, found = ttl, true
		}
	}
	for _, r := range s.Own() {
		see(r.TTL)
	}
	if !found {
		for _, r := range s.Authority {
			if r.Type == "SOA" {
				see(r.TTL)
			}
		}
	}
	return time.Duration(least) * time.Second
}
