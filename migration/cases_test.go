package migration_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/record"
)

const soa = "$TTL 3600\n@ SOA ns1.example.net. hostmaster.example.org. 1 7200 3600 1209600 300\n"

const ownMail = soa + `@ MX 10 mail
@ TXT "v=spf1 mx a:mail.example.org ~all"
mail A 192.0.2.25
dkim._domainkey TXT "v=DKIM1; k=rsa; p=` + key + `"
_dmarc TXT "v=DMARC1; p=reject; rua=mailto:postmaster@example.org"
`

func yaml(hosts, domain string) string {
	return "version: 1\nhosts:\n" + hosts + "domains:\n  example.org:\n" + domain
}

// A move is what one case is about.
type move struct {
	zone, yaml string
	old, new   migration.Side
	served     *mtasts.Policy
	after      []string // step: name TYPE data; what is not there behind a !
}

var moves = map[string]move{
	"the address changes, and the key goes along": {
		zone: ownMail + "_25._tcp.mail TLSA 3 1 1 " + strings.Repeat("aa", 32) + "\n",
		yaml: yaml("  mail.example.org: {ips: 198.51.100.25, tlsa: 3 1 1 "+strings.Repeat("bb", 32)+"}\n", "    profile: mailu\n    dkim: {dkim: \"v=DKIM1; k=rsa; p="+key+"\"}\n    dnssec: true\n    clients: none\n    autoconfig: false\n"),
		old:  migration.Side{Name: "the old machine", Hosts: []string{"mail.example.org."}},
		after: []string{
			"prepare: example.org. TXT v=spf1 ip4:192.0.2.25 ip4:198.51.100.25 ~all",
			"policies: _25._tcp.mail.example.org. TLSA 3 1 1 " + strings.Repeat("aa", 32),
			"policies: _25._tcp.mail.example.org. TLSA 3 1 1 " + strings.Repeat("bb", 32),
			"policies: mail.example.org. A 192.0.2.25",
			"policies: _dmarc.example.org. TXT v=DMARC1; p=reject; rua=mailto:postmaster@example.org",
			"switch: mail.example.org. A 198.51.100.25",
			"retire: !_25._tcp.mail.example.org. TLSA 3 1 1 " + strings.Repeat("aa", 32),
			"retire: example.org. TXT v=spf1 mx ~all",
		},
	},
	"two SPF records become one, and CAA knows both": {
		zone: soa + "@ MX 10 mail.old.example.\n@ TXT \"v=spf1 ip4:192.0.2.9 -all\"\n@ TXT \"v=spf1 include:old.example -all\"\n@ CAA 0 issue \"old.example\"\n",
		yaml: yaml("  mail.example.org: 198.51.100.25\n", "    profile: standard\n    caa: letsencrypt.org\n"),
		old:  migration.Side{Name: "old"},
		after: []string{
			"prepare: example.org. TXT v=spf1 ip4:192.0.2.9 ip4:198.51.100.25 include:old.example ~all",
			`prepare: example.org. CAA 0 issue "old.example"`,
			`prepare: example.org. CAA 0 issue "letsencrypt.org"`,
			`retire: !example.org. CAA 0 issue "old.example"`,
			"retire: example.org. TXT v=spf1 ip4:198.51.100.25 ~all",
		},
	},
	"DMARC is kept by somebody else until the end": {
		zone:  soa + "@ MX 10 mail.old.example.\n@ TXT \"v=spf1 mx -all\"\n_dmarc CNAME example-org.dmarc.example.\n",
		yaml:  yaml("  mail.example.org: 198.51.100.25\n", "    profile: standard\n    dkim: {s1: \"v=DKIM1; k=rsa; p="+key+"\"}\n"),
		old:   migration.Side{Name: "old"},
		after: []string{"policies: _dmarc.example.org. CNAME example-org.dmarc.example.", "strengthen: !_dmarc.example.org. CNAME example-org.dmarc.example.", "strengthen: _dmarc.example.org. TXT v=DMARC1; p=quarantine; rua=mailto:postmaster@example.org"},
	},
	"a policy that the old server serves is wound down": {
		zone:   ownMail + "_mta-sts TXT \"v=STSv1; id=1\"\nmta-sts CNAME mail\n",
		yaml:   yaml("  mx2.example.org: 198.51.100.25\n", "    profile: standard\n"),
		old:    migration.Side{Name: "old"},
		served: &mtasts.Policy{Mode: mtasts.Enforce, MX: []string{"mail.example.org"}, MaxAge: 86400 * 30},
		after:  []string{"retire: mta-sts.example.org. CNAME mail.example.org.", "raise-ttls: !mta-sts.example.org. CNAME mail.example.org."},
	},
	"from one provider to another": {
		zone: soa + "@ MX 1 smtp.google.com.\n@ TXT \"v=spf1 include:_spf.google.com ~all\"\ngoogle._domainkey TXT \"v=DKIM1; k=rsa; p=" + key + "\"\n_dmarc TXT \"v=DMARC1; p=quarantine; rua=mailto:postmaster@example.org\"\n",
		yaml: "version: 1\ndomains:\n  example.org:\n    services: {fastmail: {}}\n",
		old:  migration.Side{Name: "Google Workspace", Services: []string{"google"}},
		new:  migration.Side{Name: "Fastmail", Services: []string{"fastmail"}},
		after: []string{
			"prepare: example.org. TXT v=spf1 include:_spf.google.com include:spf.messagingengine.com ~all",
			"prepare: fm1._domainkey.example.org. CNAME fm1.example.org.dkim.fmhosted.com.",
			"policies: _dmarc.example.org. TXT v=DMARC1; p=none; rua=mailto:postmaster@example.org",
			"switch: example.org. MX 10 in1-smtp.messagingengine.com.",
			"retire: example.org. TXT v=spf1 include:spf.messagingengine.com ~all",
			"raise-ttls: !google._domainkey.example.org. TXT v=DKIM1; k=rsa; p=" + key,
		},
	},
	"names for mail programs lead elsewhere, or there already": {
		zone:  ownMail + "autoconfig A 192.0.2.25\nautodiscover A 198.51.100.25\n",
		yaml:  yaml("  mx2.example.org: 198.51.100.25\n", "    profile: mailu\n"),
		old:   migration.Side{Name: "old"},
		after: []string{"switch: autoconfig.example.org. CNAME mx2.example.org.", "switch: !autoconfig.example.org. A 192.0.2.25", "switch: autodiscover.example.org. A 198.51.100.25"},
	},
}

func TestMoves(t *testing.T) {
	for name, tt := range moves {
		t.Run(name, func(t *testing.T) {
			g := given(t, tt.zone, tt.yaml)
			g.Old, g.New, g.Served = tt.old, tt.new, tt.served
			m, conflicts := migration.Make(g)
			if len(conflicts) > 0 {
				t.Errorf("conflicts: %v", conflicts)
			}
			sane(t, g, m)
			for _, line := range tt.after {
				step, want, _ := strings.Cut(line, ": ")
				absent := strings.HasPrefix(want, "!")
				fields := strings.SplitN(strings.TrimPrefix(want, "!"), " ", 3)
				there := slices.ContainsFunc(m.After(step), func(r record.Record) bool {
					return r.Name == fields[0] && r.Type == fields[1] && strings.EqualFold(r.Data, fields[2])
				})
				if there == absent {
					t.Errorf("after %s there should be %s\n%s", step, want, lines(m.After(step)))
				}
			}
		})
	}
}

// sane holds for every move: each state has one SPF record and one DMARC record at
// most, an MX set, and no alias beside anything; in the end there is what is wanted.
func sane(t *testing.T, g migration.Given, m migration.Move) {
	t.Helper()
	for _, s := range m.Steps {
		var senders, policies, exchangers int
		types := make(map[string][]string)
		for _, r := range m.After(s.ID) {
			types[r.Name] = append(types[r.Name], r.Type)
			switch {
			case r.Name == g.Domain && r.Type == "TXT" && spf.IsSPF(r.Data):
				senders++
			case r.Name == "_dmarc."+g.Domain && r.Type == "TXT":
				policies++
			case r.Name == g.Domain && r.Type == "MX":
				exchangers++
			}
		}
		late := slices.Index(migration.StepIDs(), s.ID) >= slices.Index(migration.StepIDs(), migration.Prepare)
		if senders != 1 && late || policies > 1 || exchangers == 0 {
			t.Errorf("after %s there are %d SPF records, %d DMARC records and %d MX records", s.ID, senders, policies, exchangers)
		}
		for name, list := range types {
			if slices.Contains(list, "CNAME") && len(list) > 1 {
				t.Errorf("after %s there is an alias beside something else at %s: %v", s.ID, name, list)
			}
		}
	}
	end := m.After("")
	for _, e := range g.Wanted {
		for _, r := range e.Want {
			kept := e.Slot.Type == "CNAME" && slices.ContainsFunc(end, func(o record.Record) bool { return o.Name == r.Name && o.Type == "A" })
			if !kept && !slices.ContainsFunc(end, func(o record.Record) bool {
				return o.Name == r.Name && o.Type == r.Type && strings.EqualFold(o.Data, r.Data)
			}) {
				t.Errorf("in the end there is no %s", r)
			}
		}
	}
	for i := 1; i < len(m.Steps); i++ {
		if m.Steps[i].Offset < m.Steps[i-1].Offset {
			t.Errorf("%s is before %s", m.Steps[i].ID, m.Steps[i-1].ID)
		}
	}
}

// A wound-down policy asks senders for nothing before its host goes.
func TestWoundDown(t *testing.T) {
	tt := moves["a policy that the old server serves is wound down"]
	g := given(t, tt.zone, tt.yaml)
	g.Old, g.Served = tt.old, tt.served
	m, _ := migration.Make(g)
	s := m.Step(migration.Policies)
	if s == nil || s.Policy == nil || s.Policy.Mode != mtasts.None || s.Wait != 30*24*60*60*1e9 {
		t.Fatalf("the policies: %+v", s)
	}
}

// Any zone and any wish make a move, and no panic.
func FuzzMake(f *testing.F) {
	for _, tt := range moves {
		f.Add(tt.zone)
	}
	f.Add(workspace)
	f.Fuzz(func(t *testing.T, zone string) {
		if len(zone) > 4096 {
			return
		}
		g, ok := givenOr(zone, mailcow)
		if !ok {
			return
		}
		g.Old = migration.Side{Name: "old", Services: []string{"google"}}
		m, _ := migration.Make(g)
		migration.Inventory(g)
		migration.Block(m, migration.Sight{Now: now, Given: g})
	})
}
