package migration_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/migration"
)

const oneDay = 24 * time.Hour

func fromGoogle(t *testing.T) migration.Given {
	g := given(t, workspace, mailcow)
	g.Old = migration.Side{Name: "Google Workspace", Services: []string{"google"}}
	g.New = migration.Side{Name: "mailcow", Profile: "mailcow"}
	g.Served = &mtasts.Policy{Mode: mtasts.Enforce, MX: []string{"smtp.google.com"}, MaxAge: 604800}
	return g
}

// made is the move, and a look at it at once.
func made(g migration.Given) (migration.Move, migration.Sight) {
	m, _ := migration.Make(g)
	m.Policy, m.Negative = g.Served, g.Negative
	return m, migration.Sight{Now: g.Now, Given: g}
}

func of(list []migration.Blocker, id string) *migration.Blocker {
	i := slices.IndexFunc(list, func(b migration.Blocker) bool { return b.ID == id })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// A policy is remembered for its max_age from when the one that names both was
// served: as planned, and then as it was.
func TestPolicyRemembered(t *testing.T) {
	m, sight := made(fromGoogle(t))
	b := of(migration.Block(m, sight), migration.BlockPolicy)
	if b == nil || !b.Until.Equal(m.Switch) || b.Step != migration.SwitchMX || len(m.Open()) > 0 {
		t.Fatalf("as planned: %+v; the switch is %v", b, m.Switch)
	}
	late := now.Add(20 * oneDay) // it was served much later than planned
	for i := range m.Steps[:3] {
		m.Steps[i].Done = late
	}
	sight.Now = late.Add(time.Hour)
	m.Blockers = migration.Block(m, sight)
	if b := of(m.Blockers, migration.BlockPolicy); b == nil || !b.Until.Equal(late.Add(7*oneDay)) || of(m.Open(), migration.BlockPolicy) == nil {
		t.Errorf("served late: %+v", b)
	}
	sight.Now = late.Add(8 * oneDay)
	if b := of(migration.Block(m, sight), migration.BlockPolicy); b != nil {
		t.Errorf("after its max_age it is remembered: %+v", b)
	}
	g := fromGoogle(t)
	g.Served.Mode = mtasts.Testing
	m, sight = made(g)
	if b := of(migration.Block(m, sight), migration.BlockPolicy); b != nil {
		t.Errorf("a policy that is tested stands in the way: %+v", b)
	}
	g.Served = nil
	m, sight = made(g)
	sight.PolicyDoubt = "SERVFAIL"
	if b := of(migration.Block(m, sight), migration.BlockPolicy); b == nil || !b.Unknown {
		t.Errorf("a policy that could not be read: %+v", b)
	}
}

func TestTooEarly(t *testing.T) {
	g := fromGoogle(t)
	g.Switch = now.Add(3 * oneDay)
	m, sight := made(g)
	m.Blockers = migration.Block(m, sight)
	b := of(m.Blockers, migration.BlockSwitch)
	if b == nil || !strings.Contains(b.Act, "2026-12-01") {
		t.Errorf("a switch in three days: %+v", b)
	}
	if of(m.Open(), migration.BlockPolicy) == nil || of(m.Open(), migration.BlockTTL) != nil {
		t.Errorf("of what is remembered, a day is over by then and a week is not: %+v", m.Open())
	}
	g.Switch = now.Add(30 * oneDay)
	m, sight = made(g)
	if b := of(migration.Block(m, sight), migration.BlockSwitch); b != nil {
		t.Errorf("a switch in a month is early: %+v", b)
	}
}

func TestBlockers(t *testing.T) {
	failed := func(id, subject string) diagnosis.Report {
		return diagnosis.Report{Domain: "example.org", Results: []diagnosis.Result{{
			Rule: diagnosis.Rule{ID: id}, Outcome: diagnosis.Failed,
			Findings: []diagnosis.Finding{{Subject: subject, Message: "it is so", Severity: diagnosis.Critical}},
		}}}
	}
	tests := map[string]struct {
		change  func(*migration.Given)
		see     func(*migration.Sight)
		id      string
		step    string
		unknown bool
		none    bool
	}{
		"eleven lookups":            {see: func(s *migration.Sight) { s.Lookups = 11 }, id: migration.BlockLookups, step: migration.Prepare},
		"ten lookups":               {see: func(s *migration.Sight) { s.Lookups = 10 }, id: migration.BlockLookups, none: true},
		"lookups unknown":           {see: func(s *migration.Sight) { s.SPFDoubt = "timeout" }, id: migration.BlockLookups, step: migration.Prepare, unknown: true},
		"a key at some servers":     {see: func(s *migration.Sight) { s.Keys = []migration.Reach{{Name: "x", Lacks: []string{"ns2"}}} }, id: migration.BlockKeys, step: migration.SwitchMX},
		"a silent server":           {see: func(s *migration.Sight) { s.Keys = []migration.Reach{{Name: "x", Silent: []string{"ns2"}}} }, id: migration.BlockKeys, step: migration.SwitchMX, unknown: true},
		"a key at all":              {see: func(s *migration.Sight) { s.Keys = []migration.Reach{{Name: "x"}} }, id: migration.BlockKeys, none: true},
		"something missing":         {see: func(s *migration.Sight) { s.Missing = []string{"no key"} }, id: migration.BlockAlignment, step: migration.Prepare},
		"nobody signs":              {change: withoutKey, id: migration.BlockAlignment, step: migration.SwitchMX},
		"port 25 shut":              {see: final(failed("smtp.port25-inbound", "mail.example.org")), id: migration.BlockHost, step: migration.SwitchMX},
		"port 25 of the old shut":   {see: final(failed("smtp.port25-inbound", "smtp.google.com")), id: migration.BlockHost, none: true},
		"an open relay":             {see: final(failed("smtp.open-relay", "mail.example.org")), id: migration.BlockRelay, step: migration.Rehearse},
		"no such domain there":      {see: final(failed("smtp.postmaster-accepts", "mail.example.org")), id: migration.BlockDomain, step: migration.Rehearse},
		"the DS does not fit":       {see: func(s *migration.Sight) { s.Today = failed("dnssec.ds-matches", "example.org") }, id: migration.BlockDNSSEC, step: migration.Prepare},
		"a finding about something": {see: func(s *migration.Sight) { s.Today = failed("spf.all-present", "example.org") }, id: migration.BlockDNSSEC, none: true},
		"the host was not asked":    {see: func(s *migration.Sight) { s.HostDoubt = "--no-smtp" }, id: migration.BlockHost, step: migration.SwitchMX, unknown: true},
		"TTLs are not known":        {see: func(s *migration.Sight) { s.TTLDoubt = "refused" }, id: migration.BlockTTL, step: migration.SwitchMX, unknown: true},
		"a sender not written down": {change: sending("include:news.example"), id: migration.BlockSenders, step: migration.Retire},
		"the old side sends":        {change: sending("include:_spf.google.com"), id: migration.BlockSenders, none: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g := fromGoogle(t)
			if tt.change != nil {
				tt.change(&g)
			}
			m, sight := made(g)
			if tt.see != nil {
				tt.see(&sight)
			}
			b := of(migration.Block(m, sight), tt.id)
			if tt.see != nil && tt.id == migration.BlockTTL { // there are others of this ID, which wait
				list := migration.Block(m, sight)
				b = &list[slices.IndexFunc(list, func(b migration.Blocker) bool { return b.ID == tt.id && b.Unknown })]
			}
			switch {
			case tt.none && b != nil:
				t.Errorf("it stands in the way: %+v", b)
			case !tt.none && (b == nil || b.Step != tt.step || b.Unknown != tt.unknown || b.Act == "" || b.Text == ""):
				t.Errorf("got %+v", b)
			}
		})
	}
}

func final(r diagnosis.Report) func(*migration.Sight) {
	return func(s *migration.Sight) { s.Final = &r }
}

func withoutKey(g *migration.Given) {
	for i := range g.Wanted {
		if strings.Contains(g.Wanted[i].Slot.Name, "._domainkey.") {
			g.Wanted = slices.Delete(g.Wanted, i, i+1)
			return
		}
	}
}

// sending has a term in the SPF record of today.
func sending(term string) func(*migration.Given) {
	return func(g *migration.Given) {
		for i, r := range g.Today {
			if strings.HasPrefix(r.Data, "v=spf1") {
				g.Today[i].Data = "v=spf1 " + term + " ~all"
			}
		}
	}
}

func TestInventory(t *testing.T) {
	zone := workspace + `s1._domainkey CNAME s1.domainkey.u1.wl1.sendgrid.net.
news MX 10 mx.news.example.
news TXT "v=spf1 include:news.example -all"
crm TXT "v=spf1 include:_spf.google.com -all"
default._bimi TXT "v=BIMI1; l=https://example.org/logo.svg"
www CNAME example.org.
@ TXT "nothing to do with mail"
`
	g := given(t, zone, mailcow)
	g.Old = migration.Side{Name: "Google Workspace", Services: []string{"google"}}
	g.Known = []migration.Known{{Name: "Google Workspace", MX: []string{"google.com"}, SPF: []string{"_spf.google.com"}}, {Name: "News Ltd", SPF: []string{"news.example"}}}
	g.Senders = []migration.Sender{
		{Name: "example.org.", Who: "SendGrid", From: "a report of DMARC", Messages: 120},
		{Name: "shop.example.org.", From: "a list"},
	}
	var got []string
	for _, i := range migration.Inventory(g) {
		got = append(got, strings.Join([]string{i.Kind, i.Subject, i.Who, string(i.Fate), i.Step}, " "))
		if i.Why == "" || i.Seen == "" {
			t.Errorf("%s %s does not say what it is and why: %+v", i.Kind, i.Subject, i)
		}
	}
	want := []string{
		"mx example.org. Google Workspace change switch",
		"spf example.org.  change prepare",
		"dkim google._domainkey.example.org. Google Workspace remove later raise-ttls",
		"dkim s1._domainkey.example.org. SendGrid ask the owner ",
		"dmarc _dmarc.example.org.  change policies",
		"mta-sts _mta-sts.example.org.  ask the owner ",
		"bimi default._bimi.example.org.  ask the owner ",
		"subdomain example.org. SendGrid ask the owner ",
		"subdomain crm.example.org. Google Workspace ask the owner ",
		"subdomain news.example.org. News Ltd keep ",
		"subdomain shop.example.org.  ask the owner ",
		"verification example.org. Google ask the owner ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	m, sight := made(g)
	if b := of(migration.Block(m, sight), migration.BlockSenders); b == nil || b.Subject != "crm.example.org." {
		t.Errorf("a subdomain that sends by the old side: %+v", b)
	}
}
