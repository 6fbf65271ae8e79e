package plan

import (
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
)

func TestLimitsOfTTL(t *testing.T) {
	limits := Limits{MinTTL: 60, MaxTTL: 86400}
	for _, tt := range []struct{ there, wished, becomes uint32 }{
		{0, 30, 60}, {0, 60, 60}, {0, 604800, 86400}, {0, 3600, 3600},
		{60, 30, 60}, {86400, 604800, 86400}, {300, 30, 60}, {300, 0, 300},
	} {
		var current []record.Record
		if tt.there != 0 {
			current = []record.Record{txt(tt.there, "v=spf1 mx -all")}
		}
		given := Given{Zone: zone, TTLs: true, Limits: limits}
		wishes := []Wish{wish("a", record.SPF(zone), txt(tt.wished, "v=spf1 mx -all"))}
		p, _ := Make(current, wishes, given)
		after := p.Apply(current)
		if len(after) != 1 || after[0].TTL != tt.becomes {
			t.Errorf("%+v: %v", tt, after)
		}
		if p.Empty() != (tt.there == tt.becomes) {
			t.Errorf("%+v: changes %v", tt, p.Changes)
		}
		if again, _ := Make(after, wishes, given); !again.Empty() {
			t.Errorf("%+v: a second plan is not empty: %v", tt, again.Changes)
		}
	}
}

// A proxied record has the TTL of its proxy, whatever is wished.
func TestTTLOfProxied(t *testing.T) {
	there := rr("mail.example.org.", "A", 0, "192.0.2.1")
	given := Given{Zone: zone, TTLs: true, Proxied: func(r record.Record) bool { return r == there }}
	slot := record.Slot{Name: "mail.example.org.", Type: "A"}
	if p, _ := Make([]record.Record{there}, []Wish{wish("a", slot, rr("mail.example.org.", "A", 3600, "192.0.2.1"))}, given); !p.Empty() {
		t.Errorf("the TTL of a proxied record is a change: %v", p.Changes)
	}
}

func TestWhatCannotBe(t *testing.T) {
	routed := []record.Record{rr(zone, "MX", 0, "28 route1.mx.cloudflare.net."), rr(zone, "MX", 0, "71 route2.mx.cloudflare.net."), rr("cf2024-1._domainkey.example.org.", "TXT", 0, "v=DKIM1; p=AAAA")}
	locked := func(r record.Record) string {
		for _, l := range routed {
			if l == r {
				return "Email Routing"
			}
		}
		return ""
	}
	verify := func(text string) Wish {
		tag, _, _ := strings.Cut(text, " ")
		return wish("a", record.Slot{Name: zone, Type: "TXT", Tag: tag}, txt(0, text))
	}
	long := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		name    string
		current []record.Record
		wishes  []Wish
		want    string
	}{
		{
			"the MX of Email Routing",
			routed,
			[]Wish{wish("a", record.MXSet(zone), record.MX(zone, 10, "mail.example.org"))},
			"x MX example.org: Email Routing takes the mail of example.org (route1.mx.cloudflare.net, route2.mx.cloudflare.net), and its MX records cannot be changed or joined by others: switch Email Routing off at the provider first, or leave the mail to it\n",
		}, {
			"it joined by another",
			routed,
			[]Wish{wish("a", record.MXSet(zone), append([]record.Record{record.MX(zone, 10, "mail.example.org")}, routed[:2]...)...)},
			"x MX example.org: Email Routing takes the mail of example.org (route1.mx.cloudflare.net, route2.mx.cloudflare.net), and its MX records cannot be changed or joined by others: switch Email Routing off at the provider first, or leave the mail to it\n",
		}, {
			"its key",
			routed,
			[]Wish{wish("a", record.DKIMKey("cf2024-1", zone))},
			"x TXT cf2024-1._domainkey.example.org: what stands there is of Email Routing, and the provider lets nobody change it; switch Email Routing off there first\n",
		}, {
			"what it has already, with another TTL",
			routed,
			[]Wish{wish("a", record.MXSet(zone), rr(zone, "MX", 300, "28 route1.mx.cloudflare.net."), rr(zone, "MX", 300, "71 route2.mx.cloudflare.net."))},
			"",
		}, {
			"a text that is too long",
			nil,
			[]Wish{verify("a " + long(98)), verify("b " + long(99))},
			"create TXT example.org (a)\n+ example.org. IN TXT \"a " + long(98) + "\"\nx TXT example.org (b): the text has 101 octets, and the provider takes 100 at most\n",
		}, {
			"one that is there stays",
			[]record.Record{txt(0, "b "+long(200))},
			[]Wish{verify("b " + long(200))},
			"",
		}, {
			"too many texts at a name, of which one would do",
			[]record.Record{txt(0, "n "+long(90)), txt(0, "c "+long(95))},
			[]Wish{verify("a " + long(80)), verify("c " + long(10))},
			"create TXT example.org (a)\n+ example.org. IN TXT \"a " + long(80) + "\"\nreplace TXT example.org (c)\n- example.org. IN TXT \"c " + long(95) + "\"\n+ example.org. IN TXT \"c " + long(10) + "\"\n",
		}, {
			"too many texts at a name",
			[]record.Record{txt(0, "n "+long(90)), txt(0, "c "+long(95))},
			[]Wish{verify("a " + long(80)), verify("c " + long(90))},
			"replace TXT example.org (c)\n- example.org. IN TXT \"c " + long(95) + "\"\n+ example.org. IN TXT \"c " + long(90) + "\"\nx TXT example.org (a): all texts at example.org would have 266 octets together, and the provider takes 250 at most at one name\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			given := Given{Zone: zone, TTLs: true, Locked: locked, Limits: Limits{MaxText: 100, MaxTextAtName: 250}}
			if got := shown(Make(tt.current, tt.wishes, given)); got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}

func TestProxiedHost(t *testing.T) {
	const mail = "mail.example.org."
	mx := wish("a", record.MXSet(zone), record.MX(zone, 10, mail))
	tests := map[string]struct {
		current []record.Record
		wishes  []Wish
		want    string // in the text of the only concern; none if empty
	}{
		"of an MX that is there":   {[]record.Record{record.MX(zone, 10, mail), rr(mail, "A", 0, "192.0.2.1")}, nil, "mail.example.org is a mail host of example.org, and is proxied"},
		"of an MX that is wished":  {[]record.Record{rr(mail, "A", 0, "192.0.2.1")}, []Wish{mx}, "is a mail host of example.org"},
		"an alias":                 {[]record.Record{rr(mail, "CNAME", 0, "vps.example.net.")}, []Wish{mx}, "is a mail host of example.org"},
		"whose address is wished":  {[]record.Record{rr(mail, "A", 0, "192.0.2.1")}, []Wish{wish("a", record.Slot{Name: mail, Type: "A"}, rr(mail, "A", 0, "192.0.2.2"))}, "is a host of yours"},
		"of IMAP":                  {[]record.Record{rr("_imaps._tcp.example.org.", "SRV", 0, "0 1 993 mail.example.org."), rr(mail, "A", 0, "192.0.2.1")}, nil, "is the target of SRV _imaps._tcp.example.org"},
		"of CalDAV, which is web":  {[]record.Record{rr("_caldavs._tcp.example.org.", "SRV", 0, "0 1 443 mail.example.org."), rr(mail, "A", 0, "192.0.2.1")}, nil, ""},
		"of web pages":             {[]record.Record{rr("www.example.org.", "A", 0, "192.0.2.1"), rr("mta-sts.example.org.", "A", 0, "192.0.2.1")}, []Wish{mx}, ""},
		"no more, by this plan":    {[]record.Record{record.MX(zone, 10, mail), rr(mail, "A", 0, "192.0.2.1")}, []Wish{wish("a", record.MXSet(zone), record.MX(zone, 10, "mx.example.net"))}, ""},
		"no more, as it goes":      {[]record.Record{record.MX(zone, 10, mail), rr(mail, "A", 0, "192.0.2.1")}, []Wish{wish("a", record.Slot{Name: mail, Type: "A"})}, ""},
		"a key behind an alias":    {[]record.Record{rr("s1._domainkey.example.org.", "CNAME", 0, "s1.example.net.")}, nil, "leads to a DKIM key"},
		"an address, told once":    {[]record.Record{record.MX(zone, 10, mail), rr(mail, "A", 0, "192.0.2.1"), rr(mail, "A", 0, "192.0.2.2")}, nil, "is a mail host of example.org"},
		"of a mail host elsewhere": {[]record.Record{record.MX(zone, 10, "mx.example.net."), rr(mail, "A", 0, "192.0.2.1")}, nil, ""},
	}
	for name, tt := range tests {
		given := Given{Zone: zone, TTLs: true, Proxied: func(r record.Record) bool { return r.Type != "MX" && r.Type != "SRV" }}
		p, conflicts := Make(tt.current, tt.wishes, given)
		var got []string
		for _, c := range p.Concerns {
			if c.ID == "proxied-host" {
				got = append(got, c.Text)
			}
		}
		if len(conflicts) > 0 || (tt.want == "") != (len(got) == 0) || len(got) > 1 || tt.want != "" && !strings.Contains(got[0], tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
