package cmd

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

// What is known of a record beside its data stands above it, and what a zone
// file has not is left out.
func TestKeptOfALiveZone(t *testing.T) {
	const zone = "example.org."
	www, mail, routed := data("www.example.org.", "A", "192.0.2.80"), data("mail.example.org.", "A", "192.0.2.25"), data("sub.example.org.", "MX", "10 route1.mx.cloudflare.net.")
	spf, key := data(zone, "TXT", "v=spf1 mx -all"), data("s._domainkey.example.org.", "TXT", "v=DKIM1; p=")
	ns := data(zone, "NS", "ns1.example.net.")
	live := liveZone{
		zone: zone, from: "Cloudflare", marked: true, chosen: 300,
		reading: providers.Reading{
			Records: []record.Record{ns, www, mail, routed, spf, key, data(zone, "DNSKEY", "256 3 13 AA=="), data("a.example.net.", "A", "192.0.2.1")},
			Marks:   map[record.Record]providers.Mark{www: {Proxied: true}, routed: {Locked: "Email Routing"}, spf: {Ours: true}},
		},
		ours: func(r record.Record) bool { return r == key },
	}
	f := exportFlags{cloudflare: true, now: func() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }}
	entries, err := f.kept(live)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := zonefile.Write(&b, entries, zonefile.WriteOptions{Origin: zone, Form: zonefile.Cloudflare, Header: f.liveHeader(live)}); err != nil {
		t.Fatal(err)
	}
	want := `; example.org
; What Cloudflare held of the zone at 2026-11-22T09:00:00Z. Its SOA and NS
; records are left out; they stay as they are. So is what the signer of the
; zone makes (DNSSEC).

; made by maildoctor
example.org. 300 IN TXT "v=spf1 mx -all"

; made by maildoctor
s._domainkey.example.org. 300 IN TXT "v=DKIM1; p="
mail.example.org. 300 IN A 192.0.2.25 ; cf_tags=cf-proxied:false

; of Email Routing, and not to be changed
sub.example.org. 300 IN MX 10 route1.mx.cloudflare.net.

; proxied
www.example.org. 300 IN A 192.0.2.80
`
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
	// Cloudflare tells no SOA record: a whole zone gets one, with the name servers there are.
	f.full, f.cloudflare = true, false
	whole, err := f.kept(live)
	if err != nil {
		t.Fatal(err)
	}
	count := func(typ string) (n int) {
		for _, e := range whole {
			if e.Type == typ && e.Name == zone {
				n++
			}
		}
		return n
	}
	if count("SOA") != 1 || count("NS") == 0 || zonefile.Write(&b, whole, zonefile.WriteOptions{Origin: zone, Full: true}) != nil {
		t.Errorf("a whole zone is %v", whole)
	}
	live.reading.Records = slices.DeleteFunc(live.reading.Records, func(r record.Record) bool { return r == ns })
	if _, err := f.kept(live); err == nil || !strings.Contains(err.Error(), "--ns") {
		t.Errorf("without a name server: %v", err)
	}
}
