package migration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

const workspace = `$ORIGIN example.org.
$TTL 86400
@ SOA ns1.example.net. hostmaster.example.org. 1 7200 3600 1209600 3600
@ NS ns1.example.net.
@ MX 1 smtp.google.com.
@ TXT "v=spf1 include:_spf.google.com ~all"
@ TXT "google-site-verification=abc"
@ A 192.0.2.80
google._domainkey TXT "v=DKIM1; k=rsa; p=` + key + `"
_dmarc TXT "v=DMARC1; p=reject; adkim=s; rua=mailto:postmaster@example.org"
_mta-sts TXT "v=STSv1; id=1"
mta-sts CNAME pages.example.net.
`

const key = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoWdBzzxBiWHGUyERFNXwPtFi6Lmh2O7vgWtQ5EpD/GjMmBBO/sHabTgFzFUJshhXUqqlcZO2gI+jEW1ke6614hSD4KeEpgzJjC5NWV8fLDNVCkg452aN+I1SA0ujbgudNWTnmGET+3eRNJwUIufzVURj3bP3dPYhLorcdvi10W6JoRz+QsPrqX1HNwQmRDLrs04hMDGGwaPbJzDd8inql3laSZJSA7Sdr0t6bJMej42xOARySyKdehmFdwrbHPFgfbUdCoSEkVP4z2sdB2gblRYqMOfWF+y0zItFokbWygksBanuMH9nDT1ADdi7Y979GqaAl+zQJDxe+VNI7QejrwIDAQAB"

const mailcow = `version: 1
hosts:
  mail.example.org: [192.0.2.25, "2001:db8::25"]
domains:
  example.org:
    profile: mailcow
    dkim: {dkim: "v=DKIM1; k=rsa; p=` + key + `"}
`

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func given(t testing.TB, zone, yaml string) migration.Given {
	t.Helper()
	entries, err := zonefile.ReadEntries(strings.NewReader(zone), "example.org.")
	if err != nil {
		t.Fatal(err)
	}
	state, problems := desired.Parse([]byte(yaml), nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	wanted, problems := state.Edits(desired.Given{Now: now})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	g := migration.Given{Domain: "example.org.", Zone: "example.org.", Wanted: wanted.Edits(), Now: now, Negative: 3600}
	for _, e := range entries {
		g.Today = append(g.Today, e.Record)
	}
	if p, ok := state.Policy("example.org.", desired.Given{Now: now}); ok {
		g.Next = &p
	}
	return g
}

// givenOr is given of a zone that need not be one.
func givenOr(zone, yaml string) (g migration.Given, ok bool) {
	entries, err := zonefile.ReadEntries(strings.NewReader(zone), "example.org.")
	state, problems := desired.Parse([]byte(yaml), nil)
	if err != nil || len(problems) > 0 {
		return g, false
	}
	wanted, _ := state.Edits(desired.Given{Now: now})
	g = migration.Given{Domain: "example.org.", Zone: "example.org.", Wanted: wanted.Edits(), Now: now, Negative: 3600}
	for _, e := range entries {
		g.Today = append(g.Today, e.Record)
	}
	return g, true
}

func lines(records []record.Record) string {
	var list []string
	for _, r := range record.Sorted(records) {
		if len(r.Data) > 100 {
			r.Data = r.Data[:100] + "..."
		}
		list = append(list, fmt.Sprintf("%s %d %s %s", record.Relative(r.Name, "example.org."), r.TTL, r.Type, r.Data))
	}
	return strings.Join(list, "\n")
}

func TestWorkspaceToMailcow(t *testing.T) {
	g := given(t, workspace, mailcow)
	g.Old = migration.Side{Name: "Google Workspace", Services: []string{"google"}}
	g.New = migration.Side{Name: "mailcow", Profile: "mailcow"}
	g.Served = &mtasts.Policy{Mode: mtasts.Enforce, MX: []string{"smtp.google.com"}, MaxAge: 604800}
	m, conflicts := migration.Make(g)
	if len(conflicts) > 0 {
		t.Error(conflicts)
	}
	if got, want := steps(m), "lower-ttls -9d, prepare -8d, policies -7d, rehearse -1d, switch 0d, watch 0d, retire 7d, strengthen 14d, raise-ttls 30d"; got != want {
		t.Errorf("steps %s\nwant  %s", got, want)
	}
	if want := now.Add(9 * 24 * time.Hour); !m.Switch.Equal(want) {
		t.Errorf("the switch is %v, as early as is safe is %v", m.Switch, want)
	}
	for _, tt := range []struct{ step, name, typ, want string }{
		{migration.LowerTTLs, "example.org.", "MX", "300 1 smtp.google.com."},
		{migration.Prepare, "example.org.", "TXT", "86400 google-site-verification=abc, 86400 v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 include:_spf.google.com ~all"},
		{migration.Prepare, "mail.example.org.", "A", "3600 192.0.2.25"},
		{migration.Prepare, "example.org.", "MX", "300 1 smtp.google.com."},
		{migration.Policies, "_dmarc.example.org.", "TXT", "3600 v=DMARC1; p=none; rua=mailto:postmaster@example.org"},
		{migration.SwitchMX, "example.org.", "MX", "300 10 mail.example.org."},
		{migration.SwitchMX, "google._domainkey.example.org.", "TXT", "86400 " + "v=DKIM1; k=rsa; p=" + key},
		{migration.Retire, "example.org.", "TXT", "86400 google-site-verification=abc, 86400 v=spf1 mx ~all"},
		{migration.RaiseTTLs, "example.org.", "MX", "3600 10 mail.example.org."},
		{migration.RaiseTTLs, "google._domainkey.example.org.", "TXT", ""},
	} {
		var got []string
		for _, r := range record.Sorted(m.After(tt.step)) {
			if r.Name == tt.name && r.Type == tt.typ {
				got = append(got, fmt.Sprintf("%d %s", r.TTL, r.Data))
			}
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("after %s, %s %s: %s\nwant %s", tt.step, tt.name, tt.typ, got, tt.want)
		}
	}
	policies := m.Step(migration.Policies)
	if policies.Wait != 7*24*time.Hour || !strings.Contains(policies.WaitFor, "max_age of 7 days") {
		t.Errorf("the policies wait %v for %s", policies.Wait, policies.WaitFor)
	}
	if !strings.Contains(strings.Join(policies.Tasks, ""), "mx: smtp.google.com\nmx: mail.example.org\n") {
		t.Errorf("the policy does not name both sides: %s", policies.Tasks)
	}
}

// What is wanted holds in the end, and a move that stands anywhere in between goes
// on as it would have.
func TestResumes(t *testing.T) {
	g := given(t, workspace, mailcow)
	g.Old = migration.Side{Name: "Google Workspace", Services: []string{"google"}, Hosts: []string{"smtp.google.com."}}
	g.New = migration.Side{Name: "mailcow", Profile: "mailcow"}
	m, _ := migration.Make(g)
	for _, e := range g.Wanted {
		for _, r := range e.Want {
			if !slices.ContainsFunc(m.After(""), func(o record.Record) bool { return o.Name == r.Name && o.Type == r.Type && o.Data == r.Data }) {
				t.Errorf("in the end there is no %s", r)
			}
		}
	}
	for i, s := range m.Steps {
		now := g
		now.Before, now.Today = g.Today, m.After(s.ID)
		for _, was := range m.Steps[:i+1] {
			now.Done = append(now.Done, was.ID)
		}
		rest, _ := migration.Make(now)
		for _, was := range m.Steps[:i+1] {
			if again := rest.Step(was.ID); again != nil && !again.Plan.Empty() {
				t.Errorf("after %s, %s has changes again: %v", s.ID, was.ID, again.Plan.Changes)
			}
		}
		for _, next := range m.Steps[i+1:] {
			later := rest.Step(next.ID)
			if next.Plan.Empty() {
				continue
			}
			if later == nil || lines(later.Plan.Apply(nil)) != lines(next.Plan.Apply(nil)) {
				t.Errorf("after %s, %s is not as it was foreseen", s.ID, next.ID)
			}
		}
	}
}

func steps(m migration.Move) string {
	var list []string
	for _, s := range m.Steps {
		list = append(list, fmt.Sprintf("%s %dd", s.ID, s.Offset/(24*time.Hour)))
	}
	return strings.Join(list, ", ")
}
