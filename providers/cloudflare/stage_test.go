package cloudflare_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/cloudflare"
	"github.com/maildoctor/maildoctor/providers/cloudflare/fake"
	"github.com/maildoctor/maildoctor/record"
)

const zone = "example.org."

// A stage is a fake with one zone, without a network: made for synctest.
type stage struct {
	*testing.T
	api   *fake.API
	zone  *fake.Zone
	token string
}

func newStage(t *testing.T, records ...fake.Record) *stage {
	t.Helper()
	api := fake.New()
	z, err := api.AddZone(zone)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.TTL == 0 {
			r.TTL = 1
		}
		if _, err := z.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	return &stage{t, api, z, api.Token(zone, fake.Everything)}
}

// open opens the provider in the same process.
func (s *stage) open(ctx context.Context) (*cloudflare.Provider, error) {
	return s.openAs(ctx, "www.example.org", s.token)
}

func (s *stage) openAs(ctx context.Context, domain, token string) (*cloudflare.Provider, error) {
	return cloudflare.Open(ctx, domain, cloudflare.Options{Token: token, Client: &http.Client{Transport: s.api}})
}

// must opens the provider, and reads.
func (s *stage) must() (*cloudflare.Provider, providers.Reading) {
	s.Helper()
	p, err := s.open(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	reading, err := p.Read(s.Context(), nil)
	if err != nil {
		s.Fatal(err)
	}
	return p, reading
}

// plan makes a plan of edits.
func (s *stage) plan(p *cloudflare.Provider, reading providers.Reading, edits ...record.Edit) plan.Plan {
	s.Helper()
	var wishes []plan.Wish
	for _, e := range edits {
		wishes = append(wishes, plan.Wish{Edit: e})
	}
	made, conflicts := plan.Make(reading.Records, wishes, reading.Given(p))
	if len(conflicts) > 0 {
		s.Fatalf("conflicts: %v", conflicts)
	}
	return made
}

// run opens, reads, plans and applies.
func (s *stage) run(ctx context.Context, edits ...record.Edit) (providers.Outcome, error) {
	p, err := s.open(ctx)
	if err != nil {
		return providers.Outcome{}, err
	}
	reading, err := p.Read(ctx, nil)
	if err != nil {
		return providers.Outcome{}, err
	}
	return apply(ctx, p, s.plan(p, reading, edits...))
}

func apply(ctx context.Context, p providers.Provider, made plan.Plan) (providers.Outcome, error) {
	return providers.Apply(ctx, p, made, providers.Options{Now: time.Now, Keep: func(plan.Snapshot) error { return nil }})
}

// named is the only record of the zone that fits.
func (s *stage) named(name, typ, content string) fake.Record {
	s.Helper()
	var found []fake.Record
	for _, r := range s.zone.List() {
		if r.Name == name && r.Type == typ && strings.Contains(r.Content, content) {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		s.Fatalf("%d records %s %s with %q", len(found), name, typ, content)
	}
	return found[0]
}

// writes counts the calls that change something.
func (s *stage) writes() (n int) {
	for _, c := range s.api.Calls() {
		if c.Write() {
			n++
		}
	}
	return n
}

// safe fails where a text tells the token, or holds control octets.
func (s *stage) safe(text string) {
	s.Helper()
	if strings.Contains(text, s.token) {
		s.Errorf("the token is told: %q", text)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }) {
		s.Errorf("control octets: %q", text)
	}
}

func prio(n uint16) *uint16 { return &n }

// florist is a zone as people have them: comments and tags, a proxied site, bare
// and quoted texts, automatic TTLs, records of Email Routing.
func florist() []fake.Record {
	return []fake.Record{
		{Name: "@", Type: "A", Content: "192.0.2.10", Proxied: true, Comment: "the shop", Tags: []string{"team:web"}},
		{Name: "www", Type: "CNAME", Content: "example.org", Proxied: true},
		{Name: "mail", Type: "A", Content: "192.0.2.25", TTL: 3600},
		{Name: "@", Type: "TXT", Content: "v=spf1 a -all", TTL: 300, Comment: "by Anna, ask before you change", Tags: []string{"mail"}},
		{Name: "@", Type: "TXT", Content: "google-site-verification=abc", TTL: 300},
		{Name: "@", Type: "TXT", Content: `"quoted; as it \"should\" be"`, TTL: 300},
		{Name: "@", Type: "MX", Content: "mail.example.org", Priority: prio(10), Comment: "the old machine"},
		{Name: "@", Type: "MX", Content: "backup.example.net", Priority: prio(20)},
		{Name: "old._domainkey", Type: "TXT", Content: `"v=DKIM1; p="`, TTL: 3600, Comment: "maildoctor made this record"},
		{Name: "cf2024-1._domainkey", Type: "TXT", Content: `"v=DKIM1; h=sha256; k=rsa; p=AAAA"`, Meta: map[string]any{"email_routing": true, "read_only": true}},
	}
}

// edits are a creation, two replacements and a deletion.
func edits() []record.Edit {
	return []record.Edit{
		record.Set(record.DMARC("example.org"), record.TXT("_dmarc.example.org", "v=DMARC1; p=none")),
		record.Set(record.SPF("example.org"), record.TXT("example.org", "v=spf1 a mx -all")),
		record.Set(record.MXSet("example.org"), record.MX("example.org", 5, "mail.example.org"), record.MX("example.org", 50, "third.example.net")),
		record.Set(record.DKIMKey("old", "example.org")),
	}
}

// foreign is what of a zone the edits are not about.
func foreign(records []fake.Record) []fake.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r fake.Record) bool {
		switch {
		case r.Name == "_dmarc.example.org", r.Name == "old._domainkey.example.org", r.Type == "MX":
			return true
		}
		return strings.Contains(r.Content, "v=spf1")
	})
}
