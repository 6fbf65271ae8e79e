package migration_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

func rr(name, typ, data string) record.Record {
	return record.Record{Name: record.Canonical(name), Type: typ, TTL: 3600, Data: data}
}

var google = migration.Side{Name: "Google Workspace", Services: []string{"google"}}

// own is a new side on a host of one's own.
var own = migration.Side{Name: "mailcow", Profile: "mailcow", Hosts: []string{"mail.example.org."}, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.25")}}

// left is what Residue says, a line each: kind, name, text; "!" where a person has to act.
func left(r migration.Rest) (lines []string, p plan.Plan) {
	r.Domain, r.Zone = "example.org.", "example.org."
	list, wishes := migration.Residue(r)
	for _, one := range list {
		line := one.Kind + " " + record.Display(one.Subject) + " " + one.Seen
		if one.Act != "" {
			line = "! " + line
		}
		if one.Costs == "" {
			line += " (it costs nothing?)"
		}
		lines = append(lines, line)
	}
	p, conflicts := plan.Make(r.Today, wishes, plan.Given{Zone: r.Zone, TTLs: true})
	for _, c := range conflicts {
		lines = append(lines, "conflict: "+c.Why)
	}
	return lines, p
}

func TestResidue(t *testing.T) {
	policy := mtasts.Policy{Mode: mtasts.Enforce, MX: []string{"mail.example.org", "smtp.google.com"}, MaxAge: 604800}
	for name, test := range map[string]struct {
		rest  migration.Rest
		want  []string
		after []string // the records that stay, but for those that Residue has no word on
	}{
		"Google Workspace": {
			rest: migration.Rest{
				Old: google, New: own, Served: &policy,
				Today: []record.Record{
					rr("example.org", "MX", "10 mail.example.org."), rr("example.org", "MX", "30 smtp.google.com."),
					rr("example.org", "TXT", "v=spf1 mx include:_spf.google.com ~all"), rr("example.org", "TXT", "google-site-verification=abc"), rr("example.org", "TXT", "other=1"),
					rr("google._domainkey.example.org", "TXT", "v=DKIM1; p=AAAA"), rr("dkim._domainkey.example.org", "TXT", "v=DKIM1; p=BBBB"),
					rr("news.example.org", "TXT", "v=spf1 include:sendgrid.net include:_spf.google.com -all"),
					rr("_dmarc.example.org", "TXT", "v=DMARC1; p=none; rua=mailto:dmarc@example.org"),
				},
			},
			want: []string{
				"mx example.org 30 smtp.google.com.", "spf example.org include:_spf.google.com", "spf news.example.org include:_spf.google.com",
				`dkim google._domainkey.example.org "v=DKIM1; p=AAAA"`, "! mta-sts example.org mx: smtp.google.com", `! verification example.org "google-site-verification=abc"`,
			},
			after: []string{
				"MX 10 mail.example.org.", "TXT v=spf1 mx ~all", "TXT google-site-verification=abc", "TXT other=1", "TXT v=DKIM1; p=BBBB", "TXT v=spf1 include:sendgrid.net -all",
				"TXT v=DMARC1; p=none; rua=mailto:dmarc@example.org",
			},
		},
		"Microsoft 365": {
			rest: migration.Rest{
				Old: migration.Side{Name: "Microsoft 365", Services: []string{"microsoft365"}}, New: own, Verifications: true,
				Today: []record.Record{
					rr("example.org", "MX", "10 mail.example.org."), rr("example.org", "MX", "0 example-org.mail.protection.outlook.com."),
					rr("example.org", "TXT", "v=spf1 mx include:spf.protection.outlook.com -all"), rr("example.org", "TXT", "MS=ms12345678"),
					rr("selector1._domainkey.example.org", "CNAME", "selector1-example-org._domainkey.contoso.onmicrosoft.com."),
					rr("autodiscover.example.org", "CNAME", "autodiscover.outlook.com."), rr("lyncdiscover.example.org", "CNAME", "webdir.online.lync.com."),
					rr("_dmarc.example.org", "TXT", "v=DMARC1; p=reject; rua=mailto:d@contoso.onmicrosoft.com,mailto:dmarc@example.org"),
					rr("_smtp._tls.example.org", "TXT", "v=TLSRPTv1; rua=mailto:t@contoso.onmicrosoft.com"),
				},
			},
			want: []string{
				"mx example.org 0 example-org.mail.protection.outlook.com.", "spf example.org include:spf.protection.outlook.com",
				"dkim selector1._domainkey.example.org selector1-example-org._domainkey.contoso.onmicrosoft.com.", "client autodiscover.example.org autodiscover.outlook.com.",
				"dmarc _dmarc.example.org mailto:d@contoso.onmicrosoft.com", "! tls-rpt _smtp._tls.example.org v=TLSRPTv1; rua=mailto:t@contoso.onmicrosoft.com",
				"! verification lyncdiscover.example.org webdir.online.lync.com.", `verification example.org "MS=ms12345678"`,
			},
			after: []string{"MX 10 mail.example.org.", "TXT v=spf1 mx -all", "CNAME webdir.online.lync.com.", "TXT v=DMARC1; p=reject; rua=mailto:dmarc@example.org", "TXT v=TLSRPTv1; rua=mailto:t@contoso.onmicrosoft.com"},
		},
		"a server of one's own": {
			rest: migration.Rest{
				Old: migration.Side{Name: "old.example.org", Hosts: []string{"old.example.org."}, Addrs: []netip.Addr{netip.MustParseAddr("198.51.100.25")}}, New: own,
				Today: []record.Record{
					rr("example.org", "MX", "10 mail.example.org."), rr("old.example.org", "A", "198.51.100.25"), rr("imap.example.org", "CNAME", "old.example.org."),
					rr("example.org", "A", "198.51.100.25"),
					rr("_imaps._tcp.example.org", "SRV", "0 1 993 old.example.org."), rr("_submissions._tcp.example.org", "SRV", "0 1 465 mail.example.org."),
					rr("_25._tcp.old.example.org", "TLSA", "3 1 1 aa"), rr("mta-sts.example.org", "CNAME", "old.example.org."),
					rr("example.org", "TXT", "v=spf1 mx ip4:198.51.100.25 a:old.example.org ip4:198.51.100.0/24 -all"),
				},
			},
			want: []string{
				"spf example.org ip4:198.51.100.25", "spf example.org a:old.example.org", "! spf example.org ip4:198.51.100.0/24", "! mta-sts mta-sts.example.org old.example.org.",
				"client imap.example.org old.example.org.", "client _imaps._tcp.example.org 0 1 993 old.example.org.",
				"ptr old.example.org 198.51.100.25", "! ptr example.org 198.51.100.25", "dane _25._tcp.old.example.org 3 1 1 aa",
			},
			after: []string{"MX 10 mail.example.org.", "A 198.51.100.25", "SRV 0 1 465 mail.example.org.", "CNAME old.example.org.", "TXT v=spf1 mx ip4:198.51.100.0/24 -all"},
		},
		"not switched yet": {
			rest:  migration.Rest{Old: google, Today: []record.Record{rr("example.org", "MX", "1 smtp.google.com.")}},
			want:  []string{"! mx example.org 1 smtp.google.com."},
			after: []string{"MX 1 smtp.google.com."},
		},
		"the new side has it, too": {
			rest: migration.Rest{
				Old: google, New: migration.Side{Services: []string{"google"}},
				Today: []record.Record{rr("example.org", "MX", "10 mail.example.org."), rr("example.org", "TXT", "v=spf1 include:_spf.google.com -all"), rr("google._domainkey.example.org", "TXT", "v=DKIM1; p=AAAA")},
			},
			after: []string{"MX 10 mail.example.org.", "TXT v=spf1 include:_spf.google.com -all", "TXT v=DKIM1; p=AAAA"},
		},
		"nobody else may send": {
			rest:  migration.Rest{Old: google, Today: []record.Record{rr("example.org", "TXT", "v=spf1 include:_spf.google.com ~all")}},
			want:  []string{"! spf example.org include:_spf.google.com"},
			after: []string{"TXT v=spf1 include:_spf.google.com ~all"},
		},
		"wanted": {
			rest: migration.Rest{
				Old: google, Wanted: []record.Edit{record.Set(record.SPF("example.org"), record.TXT("example.org", "v=spf1 include:_spf.google.com -all"))},
				Today: []record.Record{rr("example.org", "TXT", "v=spf1 include:_spf.google.com -all")},
			},
			after: []string{"TXT v=spf1 include:_spf.google.com -all"},
		},
		"something else is wanted": {
			rest: migration.Rest{
				Old: google, New: own, Wanted: []record.Edit{
					record.Set(record.SPF("example.org"), record.TXT("example.org", "v=spf1 mx include:sendgrid.net -all")),
					record.Set(record.Slot{Name: "mail.example.org.", Type: "CNAME"}, rr("mail.example.org", "CNAME", "mx.example.org.")),
				},
				Today: []record.Record{rr("example.org", "TXT", "v=spf1 include:_spf.google.com ~all"), rr("mail.example.org", "CNAME", "ghs.googlehosted.com.")},
			},
			want:  []string{"spf example.org include:_spf.google.com", "subdomain mail.example.org ghs.googlehosted.com."},
			after: []string{"TXT v=spf1 mx include:sendgrid.net -all", "CNAME mx.example.org."},
		},
		"two SPF records, and a redirect": {
			rest: migration.Rest{
				Old:   google,
				Today: []record.Record{rr("example.org", "TXT", "v=spf1 include:_spf.google.com -all"), rr("example.org", "TXT", "v=spf1 mx -all"), rr("r.example.org", "TXT", "v=spf1 redirect=_spf.google.com")},
			},
			want:  []string{"! spf example.org include:_spf.google.com", "! spf r.example.org redirect=_spf.google.com"},
			after: []string{"TXT v=spf1 include:_spf.google.com -all", "TXT v=spf1 mx -all", "TXT v=spf1 redirect=_spf.google.com"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			lines, p := left(test.rest)
			if !slices.Equal(lines, test.want) {
				t.Errorf("left:\n%s\nwant:\n%s", strings.Join(lines, "\n"), strings.Join(test.want, "\n"))
			}
			var after []string
			for _, r := range p.Apply(test.rest.Today) {
				after = append(after, r.Type+" "+r.Data)
			}
			slices.Sort(after)
			slices.Sort(test.after)
			if !slices.Equal(after, test.after) {
				t.Errorf("after the plan:\n%s\nwant:\n%s", strings.Join(after, "\n"), strings.Join(test.after, "\n"))
			}
			again := test.rest
			again.Today = p.Apply(test.rest.Today)
			if _, p := left(again); !p.Empty() {
				t.Errorf("the plan leaves something that it removes: %+v", p.Changes)
			}
		})
	}
}
