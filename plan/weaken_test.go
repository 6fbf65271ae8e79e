package plan

import (
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
)

func TestWeakened(t *testing.T) {
	const dmarcName, tlsaName = "_dmarc.example.org.", "_25._tcp.mail.example.org."
	tests := map[string]struct {
		name, typ   string
		was, is     string // records between "|"
		want, needs string // ID, and what the text has
	}{
		"p weaker":              {dmarcName, "TXT", "v=DMARC1; p=reject", "v=DMARC1; p=quarantine", "dmarc-weakened: quarantine for the domain, not reject, quarantine for subdomains", ""},
		"p none":                {dmarcName, "TXT", "v=DMARC1; p=quarantine; sp=reject; np=reject", "v=DMARC1; p=none; sp=reject; np=reject", "dmarc-weakened: none for the domain, not quarantine", ""},
		"sp":                    {dmarcName, "TXT", "v=DMARC1; p=reject", "v=DMARC1; p=reject; sp=none; np=reject", "dmarc-weakened: none for subdomains, not reject", ""},
		"np":                    {dmarcName, "TXT", "v=DMARC1; p=reject", "v=DMARC1; p=reject; np=quarantine", "dmarc-weakened: quarantine for subdomains that do not exist, not reject", ""},
		"testing":               {dmarcName, "TXT", "v=DMARC1; p=reject", "v=DMARC1; p=reject; t=y", "dmarc-weakened: since t=y asks for one step less", ""},
		"testing of none":       {dmarcName, "TXT", "v=DMARC1; p=none", "v=DMARC1; p=none; t=y", "", ""},
		"testing a stage up":    {dmarcName, "TXT", "v=DMARC1; p=quarantine", "v=DMARC1; p=reject; t=y", "", ""},
		"pct":                   {dmarcName, "TXT", "v=DMARC1; p=reject", "v=DMARC1; p=reject; pct=10", "dmarc-weakened: for 10 % of the mail, not 100 %", ""},
		"stronger":              {dmarcName, "TXT", "v=DMARC1; p=none; pct=10", "v=DMARC1; p=reject", "", ""},
		"two, which are none":   {dmarcName, "TXT", "v=DMARC1; p=reject|v=DMARC1; p=none", "v=DMARC1; p=none", "", ""},
		"void":                  {dmarcName, "TXT", "v=DMARC1; p=rejekt", "v=DMARC1; p=none", "", ""},
		"new":                   {dmarcName, "TXT", "", "v=DMARC1; p=none", "", ""},
		"no DMARC":              {dmarcName, "TXT", "v=DMARC1; p=none", "", "protection-removed: forged in the name of the domain", YesDelete},
		"SPF softer":            {zone, "TXT", "v=spf1 mx -all", "v=spf1 mx ~all", "spf-weakened: -all becomes ~all", ""},
		"SPF neutral":           {zone, "TXT", "v=spf1 mx ~all", "v=spf1 mx ?all", "spf-weakened: ~all becomes ?all", ""},
		"SPF without an end":    {zone, "TXT", "v=spf1 mx ~all", "v=spf1 mx", "spf-weakened: ~all becomes no all", ""},
		"SPF open":              {zone, "TXT", "v=spf1 mx -all", "v=spf1 mx all", "spf-weakened: +all lets everybody send", ""},
		"SPF newly open":        {zone, "TXT", "", "v=spf1 +all", "spf-weakened: +all lets everybody send", ""},
		"SPF still open":        {zone, "TXT", "v=spf1 +all", "v=spf1 mx +all", "spf-weakened: +all lets everybody send", ""},
		"SPF elsewhere":         {zone, "TXT", "v=spf1 mx -all", "v=spf1 redirect=_spf.example.net", "", ""},
		"SPF from elsewhere":    {zone, "TXT", "v=spf1 redirect=_spf.example.net", "v=spf1 mx ?all", "", ""},
		"SPF harder":            {zone, "TXT", "v=spf1 mx", "v=spf1 mx -all", "", ""},
		"no SPF":                {zone, "TXT", "v=spf1 -all", "", "protection-removed: who may send as the domain", YesDelete},
		"another text":          {zone, "TXT", "verify=1", "", "", ""},
		"MTA-STS of another id": {"_mta-sts.example.org.", "TXT", "v=STSv1; id=1;", "v=STSv1; id=2;", "", ""},
		"no MTA-STS":            {"_mta-sts.example.org.", "TXT", "v=STSv1; id=1;", "", "protection-removed: RFC 8461", YesDelete},
		"no TLS reports":        {"_smtp._tls.example.org.", "TXT", "v=TLSRPTv1; rua=mailto:a@example.org", "", "protection-removed: RFC 8460", YesDelete},
		"the next TLSA":         {tlsaName, "TLSA", "3 1 1 aa|3 1 1 bb", "3 1 1 bb", "", ""},
		"no TLSA":               {tlsaName, "TLSA", "3 1 1 aa|3 1 1 bb", "", "protection-removed: RFC 7672", YesDelete},
		"no CAA":                {zone, "CAA", `0 issue "a.example"`, "", "protection-removed: every certification authority", YesDelete},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			list := func(text string) (list []record.Record) {
				for data := range strings.SplitSeq(text, "|") {
					if data != "" {
						list = append(list, rr(tt.name, tt.typ, 300, data))
					}
				}
				return list
			}
			slot := record.Slot{Name: tt.name, Type: tt.typ}
			for _, ours := range []bool{false, true} {
				p, conflicts := Make(list(tt.was), []Wish{wish("a", slot, list(tt.is)...)}, Given{Zone: zone, TTLs: true, Ours: func(record.Record) bool { return ours }})
				if len(p.Changes) != 1 || len(conflicts) > 0 {
					t.Fatal(shown(p, conflicts))
				}
				var got []Concern
				for _, c := range p.Concerns {
					if c.ID == "protection-removed" || strings.HasSuffix(c.ID, "-weakened") {
						got = append(got, c)
					}
				}
				if tt.want == "" {
					if len(got) > 0 {
						t.Errorf("got %+v", got)
					}
					continue
				}
				id, text, _ := strings.Cut(tt.want, ": ")
				needs := tt.needs
				if ours {
					needs = "" // what is ours may go
				}
				if len(got) != 1 || got[0].ID != id || !strings.Contains(got[0].Text, text) || got[0].Needs != needs {
					t.Errorf("ours %v: got %+v, want %s, needs %q", ours, got, tt.want, needs)
				}
			}
		})
	}
}

// A text that an alias takes the place of may stand behind it.
func TestAliasIsNoLoss(t *testing.T) {
	const name = "_dmarc.example.org."
	p, _ := Make([]record.Record{rr(name, "TXT", 300, "v=DMARC1; p=reject")}, []Wish{
		wish("a", record.DMARC(zone)), wish("a", record.Slot{Name: name, Type: "CNAME"}, rr(name, "CNAME", 300, "_dmarc.example.net.")),
	}, Given{Zone: zone, TTLs: true})
	for _, c := range p.Concerns {
		if c.ID == "protection-removed" {
			t.Errorf("%+v", c)
		}
	}
	if len(p.Changes) != 2 {
		t.Error(shown(p, nil))
	}
}
