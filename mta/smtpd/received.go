package smtpd

import (
	"net/netip"
	"strings"
	"time"
)

// received is our Received field (RFC 5321, 4.4), with its CRLF.
func received(seen *Session, m *Mail, by string, at time.Time) string {
	var b strings.Builder
	b.WriteString("Received: from " + heloName(seen.HELO))
	if addr := seen.Remote.Addr(); addr.IsValid() {
		b.WriteString(" (" + literal(addr) + ")")
	}
	b.WriteString("\r\n\tby " + by + " with " + protocol(seen, m))
	if seen.TLS.Used {
		b.WriteString(" (" + strings.ReplaceAll(seen.TLS.Version, " ", "") + ")")
	}
	b.WriteString(" id " + m.ID)
	if len(m.To) == 1 { // of several each would see the others (RFC 5321, 7.2)
		b.WriteString("\r\n\tfor <" + m.To[0].String() + ">")
	}
	if seen.TLS.Used {
		b.WriteString("\r\n\ttls " + seen.TLS.Cipher) // RFC 8314, 4.3
	}
	b.WriteString(";\r\n\t" + at.UTC().Format("Mon, 02 Jan 2006 15:04:05 +0000") + "\r\n")
	return b.String()
}

// protocol is the one of RFC 3848, or of RFC 6531, 4.3.
func protocol(seen *Session, m *Mail) string {
	if !seen.Extended {
		return "SMTP"
	}
	with := "ESMTP"
	if m.Envelope.SMTPUTF8 {
		with = "UTF8SMTP"
	}
	if seen.TLS.Used {
		with += "S"
	}
	if seen.User != "" {
		with += "A"
	}
	return with
}

// heloName is the name that the client gave, without what could be taken for
// more of the field.
func heloName(helo string) string {
	if isName(helo) {
		return helo
	}
	var b strings.Builder
	for i := range min(len(helo), 255) {
		c := helo[i]
		if !isAlnum(c) && c != '-' && c != '_' && c != '.' {
			c = '?'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// literal is an address literal (RFC 5321, 4.1.3).
func literal(addr netip.Addr) string {
	if addr.Is4() {
		return "[" + addr.String() + "]"
	}
	return "[IPv6:" + addr.WithZone("").String() + "]"
}
