package providertest

import (
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// writing are the cases of what is written, each with the whole zone looked at.
func writing() []Case {
	return []Case{
		{Name: "replace in place", run: func(s *stage) {
			s.carry(s.spf("v=spf1 a mx ip4:192.0.2.0/24 -all"))
		}},
		{Name: "replace again and again", run: func(s *stage) {
			for i := range 3 {
				s.carry(s.spf(fmt.Sprintf("v=spf1 ip4:192.0.2.%d -all", i)))
			}
		}},
		{Name: "create beside neighbours", run: func(s *stage) {
			s.carry(s.set("@", "TXT", "MS=ms12345678", 0, "MS=ms12345678"))
		}},
		{Name: "create at a new name", run: func(s *stage) {
			s.carry(s.set("s2._domainkey", "TXT", "", 600, "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="))
		}},
		{Name: "create without a TTL", run: func(s *stage) {
			s.carry(s.set("_smtp._tls", "TXT", "v=TLSRPTv1", 0, "v=TLSRPTv1; rua=mailto:tls@example.net"))
		}},
		{Name: "delete beside neighbours", run: func(s *stage) { s.carry(s.set("@", "TXT", "v=spf1", 0)) }},
		{Name: "delete a set", run: func(s *stage) { s.carry(s.set("_sip._tcp", "SRV", "", 0)) }},
		{Name: "two texts become one", run: func(s *stage) {
			s.service.Change(s.T, s.set("two", "TXT", "", 3600, "v=spf1 a -all", "v=SPF1 mx -all", "v=spf10 is another tag"))
			s.carry(s.set("two", "TXT", "v=spf1", 0, "v=spf1 a mx -all"))
		}},
		{Name: "one text becomes two", run: func(s *stage) {
			s.carry(s.set("s1._domainkey", "TXT", "", 0, "v=DKIM1; p=one", "v=DKIM1; p=two"))
		}},
		{Name: "two MX", run: func(s *stage) { s.carry(s.set("sub", "MX", "", 3600, "10 mail.ZONE", "20 mail.ZONE")) }},
		{Name: "MX set replaced", run: func(s *stage) {
			s.carry(s.set("@", "MX", "", 0, "5 mail.ZONE", "10 mail.ZONE", "65535 other.example.net."))
		}},
		{Name: "one MX of two replaced", run: func(s *stage) {
			s.carry(s.set("@", "MX", "", 0, "10 mail.ZONE", "20 other.example.net."))
		}},
		{Name: "MX preference changes", run: func(s *stage) {
			s.carry(s.set("@", "MX", "", 0, "30 mail.ZONE", "20 backup.example.net."))
		}},
		{Name: "null MX", run: func(s *stage) { // RFC 7505, 3
			s.carry(s.set("@", "MX", "", 0, "0 ."))
			s.carry(s.set("@", "MX", "", 0, "10 mail.ZONE"))
		}},
		{Name: "SRV", run: func(s *stage) {
			s.carry(
				s.set("_imaps._tcp", "SRV", "", 3600, "0 1 993 mail.ZONE", "10 1 993 backup.example.net."),
				s.set("_imap._tcp", "SRV", "", 3600, "0 0 0 ."), // not offered (RFC 2782)
				s.set("_sip._tcp", "SRV", "", 0, "10 20 5061 sip.example.net."),
			)
		}},
		{Name: "CAA", run: func(s *stage) {
			s.carry(s.set("@", "CAA", "", 0, `0 issue "letsencrypt.org"`, `0 issuewild ";"`, `128 iodef "mailto:ca@example.net"`))
			s.carry(s.set("mail", "CAA", "", 600, `0 issue "ca.example.net; accounturi=https://example.net/acct/1; validationmethods=dns-01"`)) // RFC 8657, 3 and 4
		}},
		{Name: "TLSA", run: func(s *stage) {
			const one, two = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
			s.carry(s.set("_25._tcp.mail", "TLSA", "", 0, "3 1 1 "+one, "2 1 1 "+two))
			s.carry(s.set("_465._tcp.mail", "TLSA", "", 600, "3 1 1 "+strings.ToUpper(two)))
		}},
		{Name: "CNAME", run: func(s *stage) {
			s.carry(
				s.set("www", "CNAME", "", 0, "web.example.net."),
				s.set("s3._domainkey", "CNAME", "", 3600, "s3.dkim.example.net."),
			)
			s.carry(s.set("s3._domainkey", "CNAME", "", 0))
		}},
		{Name: "addresses", run: func(s *stage) {
			s.carry(
				s.set("mail", "A", "", 0, "192.0.2.26", "192.0.2.27"),
				s.set("mail", "AAAA", "", 0, "2001:db8::1:0:0:26"),
				s.set("new", "AAAA", "", 300, "2001:db8::ffff:1"),
			)
		}},
		{Name: "CNAME makes way for a text", run: func(s *stage) { // RFC 1034, 3.6.2
			s.carry(s.set("www", "CNAME", "", 0), s.set("www", "TXT", "", 300, "v=spf1 -all"), s.set("www", "A", "", 300, "192.0.2.80"))
		}},
		{Name: "records make way for a CNAME", run: func(s *stage) {
			s.carry(s.set("mail", "A", "", 0), s.set("mail", "AAAA", "", 0), s.set("mail", "CNAME", "", 300, "mail.example.net."))
		}},
		{Name: "many changes at once", run: func(s *stage) { s.carry(append(many(s), s.some()...)...) }},
		{Name: "250 changes at once", run: func(s *stage) { s.carry(hundreds(s, "v=two")...) }},
		{Name: "a zone of 300 records", run: func(s *stage) {
			s.service.Change(s.T, hundreds(s, "v=one")...)
			s.carry(append(s.some(), hundreds(s, "v=two")[:3]...)...)
		}},
	}
}

// hundreds are 250 edits, at 25 names.
func hundreds(s *stage, text string) []record.Edit {
	var edits []record.Edit
	for i := range 250 {
		tag := fmt.Sprintf("t%d", i%10)
		edits = append(edits, s.set(fmt.Sprintf("n%d", i/10), "TXT", tag, 600, tag+" "+text))
	}
	return edits
}

// many are 26 edits, of all types and at all depths.
func many(s *stage) []record.Edit {
	var edits []record.Edit
	for i := range 12 {
		edits = append(edits,
			s.set(fmt.Sprintf("k%d._domainkey", i), "TXT", "", 600, fmt.Sprintf("v=DKIM1; p=key%d", i)),
			s.set(fmt.Sprintf("h%d.hosts", i), "A", "", 600, fmt.Sprintf("192.0.2.%d", 100+i), fmt.Sprintf("192.0.2.%d", 120+i)),
		)
	}
	return append(edits, s.set("@", "CAA", "", 0, `0 issue "ca.example.net"`), s.set("www", "CNAME", "", 0, "web.example.net."))
}
