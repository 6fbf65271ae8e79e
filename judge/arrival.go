package judge

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/authres"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/record"
)

// An Arrival is what the header of a saved message shows of how it came: the
// fields that the receiver's own hosts wrote are believed, and nothing below them.
type Arrival struct {
	Envelope Envelope
	// Received counts the Received fields from the top, from 1, up to that of the
	// boundary: the host that took the mail from outside. 0 where there is none.
	Received int
	// At is when the boundary took it; zero where the header does not tell.
	At time.Time
	// Assumed is where each part comes from and what was taken for granted, a
	// sentence each. Text of the message in it is quoted.
	Assumed []string
}

// EnvelopeOf reads the envelope of a saved message from its topmost Received,
// Return-Path, Received-SPF and Authentication-Results fields. Which Received field
// is that of the boundary is a choice: with received above 0 that one, counted from
// the top; else the first from the top that came over SMTP from a public address and
// not from one host of the receiver to the next, unless it was submitted there by
// login. The error says that there is no such field as was asked for.
func EnvelopeOf(m *message.Message, received int) (Arrival, error) {
	hops, _ := m.Hops()
	var a Arrival
	n := received
	if n < 0 || n > len(hops) {
		return a, fmt.Errorf("the message has %d Received fields", len(hops))
	}
	if n == 0 {
		n = a.boundary(m, hops)
	}
	if n == 0 {
		a.returnPath(m, len(m.Fields))
		return a, nil
	}
	hop := hops[len(hops)-n]
	a.Received, a.Envelope.Client, a.Envelope.HELO, a.At = n, hop.Addr.Unmap(), hop.From, hop.At
	a.assume("The boundary is Received field %d from the top, by %.80q: the mail came from %s, which said to be %.80q.", n, hop.By, client(hop.Addr), hop.From)
	a.Envelope.Cover = cover(hop)
	for up := n - 1; a.At.IsZero() && up > 0; up-- {
		a.At = hops[len(hops)-up].At
	}
	// What stands below that field somebody outside may have written.
	a.receivedSPF(m, hop.Index)
	if !a.Envelope.Known {
		a.returnPath(m, hop.Index)
	}
	if !a.Envelope.Known {
		a.results(m, hop.Index)
	}
	if !a.Envelope.Known {
		a.assume("The header does not show MAIL FROM, so it is not known.")
	}
	return a, nil
}

func (a *Arrival) assume(format string, args ...any) {
	a.Assumed = append(a.Assumed, fmt.Sprintf(format, args...))
}

func client(addr netip.Addr) string {
	if !addr.IsValid() {
		return "an address that is not told"
	}
	return addr.String()
}

// boundary chooses a hop and counts it from the top; 0 for none.
func (a *Arrival) boundary(m *message.Message, hops []message.Hop) int {
	for n := 1; n <= len(hops); n++ {
		hop := hops[len(hops)-n]
		if !public(hop.Addr) || fetched(hop.With) {
			continue
		}
		if hop.TLS.Authenticated { // what stands below may be made up
			break
		}
		var before message.Hop
		if n < len(hops) {
			before = hops[len(hops)-n-1]
		}
		if !withinOne(m.Fields[hop.Index], hop, before) {
			return n
		}
	}
	if len(hops) == 0 {
		a.assume("There is no Received field, so who brought the mail is not known.")
		return 0
	}
	a.assume("No Received field shows that the mail came from a public address without login: it seems to have been submitted to the host that keeps it, so there is no client to judge.")
	return 0
}

// public reports whether an address is one of hosts on the internet.
func public(addr netip.Addr) bool {
	addr = addr.Unmap()
	shared := netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
	return addr.IsGlobalUnicast() && !addr.IsPrivate() && !shared.Contains(addr)
}

// cover is what a Received field says of TLS: a host that writes down how it was
// spoken to, and not that it was TLS, says that it was not.
func cover(hop message.Hop) Cover {
	if hop.TLS.Used {
		return UnderTLS
	}
	switch strings.ToUpper(hop.With) {
	case "SMTP", "ESMTP", "ESMTPA", "UTF8SMTP", "UTF8SMTPA": // RFC 3848, RFC 6531
		return InTheClear
	}
	return CoverUnknown
}

// fetched reports whether a program fetched the mail from a mailbox, or it came
// over the web: neither is a hop of SMTP.
func fetched(with string) bool {
	with = strings.ToUpper(with)
	return strings.HasPrefix(with, "POP") || strings.HasPrefix(with, "IMAP") || strings.HasPrefix(with, "HTTP")
}

// byAddress is the address that a host shows of itself.
var byAddress = regexp.MustCompile(`\bby\s+\S+\s+\(\[?(?:IPv6:)?([0-9A-Fa-f:.]+)\]?\)`)

// withinOne reports whether a host of the receiver handed the mail to the next.
// Large providers do so over public addresses: client and host are in one network
// and, by their names, of one organization, or the client is the host that took the
// mail before. The names alone prove nothing: a stranger may borrow them.
func withinOne(f message.Field, hop, before message.Hop) bool {
	shown := byAddress.FindStringSubmatch(f.Unfolded())
	if shown == nil {
		return false
	}
	host, err := netip.ParseAddr(shown[1])
	if err != nil || !neighbours(hop.Addr.Unmap(), host.Unmap()) {
		return false
	}
	client, name := record.Canonical(hop.From), record.Canonical(hop.By)
	if len(record.Labels(client)) < 2 {
		return false
	}
	earlier := record.Labels(record.Canonical(before.By))
	return dmarc.ListedOrganizational(client) == dmarc.ListedOrganizational(name) || len(earlier) > 0 && record.Labels(client)[0] == earlier[0]
}

// neighbours reports whether two addresses are in one network of usual size.
func neighbours(a, b netip.Addr) bool {
	bits := 32
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	return err == nil && p.Contains(b)
}

// receivedSPF reads the field that the receiver wrote when it took the mail from
// the same client.
func (a *Arrival) receivedSPF(m *message.Message, above int) {
	for _, f := range m.Fields[:above] {
		if !f.Is(authres.ReceivedSPFName) {
			continue
		}
		r, _ := authres.ParseReceivedSPF(f.Value())
		addr, err := netip.ParseAddr(r.Get("client-ip"))
		if err != nil || addr.Unmap() != a.Envelope.Client {
			continue
		}
		if helo := r.Get("helo"); helo != "" && a.Envelope.HELO == "" {
			a.Envelope.HELO = helo
		}
		if from := r.Get("envelope-from"); from != "" {
			a.sender(from, "Received-SPF field of the same client")
		}
		return
	}
}

// returnPath reads the field of the final delivery (RFC 5321, 4.4), if it stands
// above the boundary's Received field.
func (a *Arrival) returnPath(m *message.Message, above int) {
	for _, f := range m.Fields[:above] {
		if f.Is("Return-Path") {
			value := strings.TrimSpace(f.Unfolded())
			if strings.HasPrefix(value, "<") && strings.HasSuffix(value, ">") || strings.Contains(value, "@") {
				a.sender(value, "Return-Path field")
			}
			return
		}
	}
}

// results reads the sender from what the receiver found out about SPF.
func (a *Arrival) results(m *message.Message, above int) {
	for _, f := range m.Fields[:above] {
		if !f.Is(authres.FieldName) {
			continue
		}
		r, _ := authres.Parse(f.Value())
		for _, result := range r.All("spf") {
			from, source := result.Get("smtp.mailfrom"), fmt.Sprintf("Authentication-Results field of %.80q", r.ID)
			switch {
			case strings.Contains(from, "@"):
				a.sender(from, source)
				return
			case strings.Contains(from, "."): // RFC 8601, 2.7.2 allows the domain alone
				a.sender("postmaster@"+from, source+", which tells the domain only")
				return
			}
		}
	}
}

func (a *Arrival) sender(text, source string) {
	text = strings.TrimSpace(text)
	text = strings.TrimSuffix(strings.TrimPrefix(text, "<"), ">")
	a.Envelope.MailFrom, a.Envelope.Known = text, true
	a.assume("MAIL FROM is <%s>, from the %s.", quoted(text), source)
}

// quoted is text without what a terminal would act on.
func quoted(text string) string {
	q := fmt.Sprintf("%.200q", text)
	return q[1 : len(q)-1]
}
