package providertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
)

// rr is a record of a name within zone, "@" for the zone itself.
func rr(zone, name, typ string, ttl uint32, data string) record.Record {
	return record.Record{Name: under(zone, name), Type: typ, TTL: ttl, Data: strings.ReplaceAll(data, "ZONE", zone)}
}

// under is a name within zone, "@" for the zone itself.
func under(zone, name string) string {
	if name == "@" {
		return zone
	}
	return record.Canonical(name + "." + zone)
}

// tricky is a text of 300 octets that begins and ends with quotes, and has in
// between whatever has been escaped wrongly somewhere.
func tricky() string {
	text := `"quoted" and \backslashed\; "two"  spaces; \010 \"; ` + strings.Repeat(`k=v; "\`, 40)
	return text[:299] + `"`
}

// base is the zone that every case begins with: what stands there beside the
// records that plans are about.
func base(zone string) []record.Record {
	return []record.Record{
		rr(zone, "@", "SOA", 3600, "ns1.example.net. hostmaster.example.net. 2026112201 7200 3600 1209600 3600"),
		rr(zone, "@", "NS", 3600, "ns1.example.net."),
		rr(zone, "@", "NS", 3600, "ns2.example.net."),
		rr(zone, "@", "A", 3600, "192.0.2.10"),
		rr(zone, "@", "AAAA", 3600, "2001:db8::10"),
		rr(zone, "@", "MX", 3600, "10 mail.ZONE"),
		rr(zone, "@", "MX", 3600, "20 backup.example.net."),
		rr(zone, "@", "TXT", 3600, "v=spf1 a mx -all"),
		rr(zone, "@", "TXT", 3600, "google-site-verification=Q2hyaXN0bWFzIGlzIGNvbWluZw"),
		rr(zone, "@", "TXT", 3600, `verify="a \ b"; c=d`),
		rr(zone, "@", "CAA", 3600, `0 issue "letsencrypt.org"`),
		rr(zone, "_dmarc", "TXT", 300, "v=DMARC1; p=none; rua=mailto:dmarc@example.net"),
		rr(zone, "s1._domainkey", "TXT", 3600, "v=DKIM1; k=rsa; p="+strings.Repeat("MIIBIjANBgkqhkiG", 22)),
		rr(zone, "_sip._tcp", "SRV", 3600, "10 20 5060 sip.example.net."),
		rr(zone, "_25._tcp.mail", "TLSA", 3600, "3 1 1 "+strings.Repeat("0badcafe", 8)),
		rr(zone, "mail", "A", 3600, "192.0.2.25"),
		rr(zone, "mail", "AAAA", 3600, "2001:db8::25"),
		rr(zone, "shell", "SSHFP", 3600, "4 2 "+strings.Repeat("0badcafe", 8)),
		rr(zone, "www", "CNAME", 3600, "ZONE"),
		rr(zone, "shop", "HTTPS", 3600, "0 shops.example.net."),
		rr(zone, "child", "NS", 3600, "ns1.child.ZONE"), // a delegation, with its glue
		rr(zone, "ns1.child", "A", 3600, "192.0.2.53"),
		rr(zone, "*.wild", "A", 600, "192.0.2.77"),
		rr(zone, "*.wild", "TXT", 600, "answers for what is not there"),
		rr(zone, "host.deep.empty", "A", 3600, "192.0.2.78"), // deep.empty and empty exist without records
	}
}

// lines are records as they are compared: sorted, everything visible, the serial
// of the SOA record aside (RFC 1035, 3.3.13), and hexadecimal digits in one case.
func lines(records []record.Record) []string {
	list := make([]string, 0, len(records))
	for _, r := range records {
		data := r.Data
		switch r.Type {
		case "SOA":
			if f := strings.Fields(data); len(f) == 7 {
				f[2] = "SERIAL"
				data = strings.Join(f, " ")
			}
		case "TLSA", "SMIMEA", "SSHFP":
			data = strings.ToLower(data)
		}
		list = append(list, fmt.Sprintf("%s %d %s %q", r.Name, r.TTL, r.Type, data))
	}
	slices.Sort(list)
	return list
}

// sameRecords fails where two lists of records differ, and shows by what. What
// is there twice counts twice.
func sameRecords(t *testing.T, what string, got, want []record.Record) {
	t.Helper()
	extra, missing := lines(got), lines(want)
	if slices.Equal(extra, missing) {
		return
	}
	both := slices.Clone(missing)
	for _, line := range both {
		if i := slices.Index(extra, line); i >= 0 {
			extra = slices.Delete(extra, i, i+1)
			j := slices.Index(missing, line)
			missing = slices.Delete(missing, j, j+1)
		}
	}
	t.Errorf("%s:\nnot there:\n\t%s\nthere, and should not be:\n\t%s", what, strings.Join(missing, "\n\t"), strings.Join(extra, "\n\t"))
}

// of is those of records that have a name and type.
func of(records []record.Record, name, typ string) []record.Record {
	var list []record.Record
	for _, r := range records {
		if r.Name == name && r.Type == typ {
			list = append(list, r)
		}
	}
	return list
}

// settled is want with the TTLs that the provider chose, where want leaves it the choice.
func settled(want, is []record.Record) []record.Record {
	want = slices.Clone(want)
	for i, w := range want {
		if w.TTL != 0 {
			continue
		}
		for _, r := range of(is, w.Name, w.Type) {
			if r.Data == w.Data {
				want[i].TTL = r.TTL
			}
		}
	}
	return want
}
