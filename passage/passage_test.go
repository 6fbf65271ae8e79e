package passage

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/zonefile"
)

// A case is a move, with the world around it.
type voyageCase struct {
	zone, yaml string
	others     string // records of other zones
	given      func(*migration.Given)
	// lost is a part of what is lost, or let in, without each step.
	lost map[string]string
}

const rsaKey = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoWdBzzxBiWHGUyERFNXwPtFi6Lmh2O7vgWtQ5EpD/GjMmBBO/sHabTgFzFUJshhXUqqlcZO2gI+jEW1ke6614hSD4KeEpgzJjC5NWV8fLDNVCkg452aN+I1SA0ujbgudNWTnmGET+3eRNJwUIufzVURj3bP3dPYhLorcdvi10W6JoRz+QsPrqX1HNwQmRDLrs04hMDGGwaPbJzDd8inql3laSZJSA7Sdr0t6bJMej42xOARySyKdehmFdwrbHPFgfbUdCoSEkVP4z2sdB2gblRYqMOfWF+y0zItFokbWygksBanuMH9nDT1ADdi7Y979GqaAl+zQJDxe+VNI7QejrwIDAQAB"

var cases = map[string]voyageCase{
	// A provider is left for a server of one's own. The TTL is a week: longer than
	// senders try.
	"workspace-to-mailcow": {
		zone: `$ORIGIN shop.example.
$TTL 86400
@ SOA ns1.example.net. hostmaster.shop.example. 1 7200 3600 1209600 3600
@ NS ns1.example.net.
@ 604800 MX 1 smtp.google.com.
@ TXT "v=spf1 include:_spf.google.com ~all"
google._domainkey TXT "v=DKIM1; k=rsa; p=` + rsaKey + `"
_dmarc TXT "v=DMARC1; p=reject; adkim=s; rua=mailto:postmaster@shop.example"
_mta-sts TXT "v=STSv1; id=1"
mta-sts CNAME pages.example.net.
`,
		yaml: `version: 1
hosts:
  mail.shop.example: [192.0.2.25]
domains:
  shop.example:
    profile: mailcow
    dkim: {dkim: "v=DKIM1; k=rsa; p=` + rsaKey + `"}
    dmarc: {policy: reject}
`,
		others: `smtp.google.com. 300 A 203.0.113.10
_spf.google.com. 300 TXT "v=spf1 ip4:203.0.113.0/24 ~all"
pages.example.net. 300 A 192.0.2.80
`,
		given: func(g *migration.Given) {
			g.Old = migration.Side{Name: "Google Workspace", Services: []string{"google"}, Addrs: []netip.Addr{netip.MustParseAddr("203.0.113.10")}}
			g.New = migration.Side{Name: "mailcow", Profile: "mailcow"}
			g.Served = &mtasts.Policy{Mode: mtasts.Enforce, MX: []string{"smtp.google.com"}, MaxAge: 604800}
		},
		lost: map[string]string{
			migration.LowerTTLs:  "it came to the old server when nobody looked there any more",
			migration.Prepare:    "fails DMARC",
			migration.Policies:   "does not name mail.shop.example",
			migration.Rehearse:   "No such mailbox here",
			migration.SwitchMX:   "No such mailbox here",
			migration.Watch:      "it came to the old server when nobody looked there any more",
			migration.Retire:     "another customer",
			migration.Strengthen: "stranger",
			migration.RaiseTTLs:  "signed with the old key",
		},
	},
	// A server moves to another address, with another certificate: senders that follow
	// DANE know the old one.
	"mailu-moves": {
		zone: `$ORIGIN shop.example.
$TTL 86400
@ SOA ns1.example.net. hostmaster.shop.example. 1 7200 3600 1209600 3600
@ NS ns1.example.net.
@ MX 10 mail.shop.example.
mail 604800 A 192.0.2.25
_25._tcp.mail TLSA 3 1 1 1111111111111111111111111111111111111111111111111111111111111111
@ TXT "v=spf1 mx a:mail.shop.example ~all"
dkim._domainkey TXT "v=DKIM1; k=rsa; p=` + rsaKey + `"
_dmarc TXT "v=DMARC1; p=reject; rua=mailto:admin@shop.example; adkim=s; aspf=s"
`,
		yaml: `version: 1
hosts:
  mail.shop.example:
    ips: [198.51.100.25]
    tlsa: ["3 1 1 2222222222222222222222222222222222222222222222222222222222222222"]
domains:
  shop.example:
    profile: mailu
    dnssec: true
    dkim: {next: "v=DKIM1; k=rsa; p=` + rsaKey + `"}
    dmarc: {policy: reject}
`,
		given: func(g *migration.Given) {
			g.Old = migration.Side{Name: "the old server", Profile: "mailu"}
			g.New = migration.Side{Name: "the new server", Profile: "mailu"}
		},
		lost: map[string]string{
			migration.LowerTTLs:  "it came to the old server when nobody looked there any more",
			migration.Prepare:    "fails DMARC",
			migration.Policies:   "DANE",
			migration.Rehearse:   "No such mailbox here",
			migration.SwitchMX:   "No such mailbox here",
			migration.Watch:      "it came to the old server when nobody looked there any more",
			migration.Retire:     "from the old address, which somebody else has now",
			migration.Strengthen: "stranger",
			migration.RaiseTTLs:  "signed with the old key",
		},
	},
}

// voyage is a case with the plan that the house makes for it.
func (c voyageCase) make(t testing.TB) Voyage {
	t.Helper()
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	state, problems := desired.Parse([]byte(c.yaml), nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	wanted, problems := state.Edits(desired.Given{Now: now})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	g := migration.Given{Domain: "shop.example.", Zone: "shop.example.", Wanted: wanted.Edits(), Now: now, Negative: 3600, Today: read(t, c.zone)}
	c.given(&g)
	m, conflicts := migration.Make(g)
	if len(conflicts) > 0 {
		t.Fatal(conflicts)
	}
	v := Voyage{Move: m, Others: resolve.NewZone(read(t, c.others)), Negative: 3600}
	if g.Served != nil {
		v.Policy = *g.Served
	}
	v.Place(t.Context())
	return v
}

func read(t testing.TB, zone string) (list []record.Record) {
	t.Helper()
	entries, err := zonefile.ReadEntries(strings.NewReader(zone), "shop.example.")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Record)
	}
	return list
}

// TestWhole holds plans to their promise: with all of its steps nothing is lost, and
// nothing forged is let in; and each step is there for a reason.
func TestWhole(t *testing.T) {
	for name, c := range cases {
		v := c.make(t)
		steps := []string{""}
		for _, s := range v.Move.Steps {
			steps = append(steps, s.ID)
		}
		for _, without := range steps {
			t.Run(name+" without "+without, func(t *testing.T) {
				t.Parallel()
				v := v
				v.Without = without
				least := 200_000
				if raced || without != "" { // what is lost shows in fewer, too
					v.Every, least = 3*time.Minute, 70_000
				}
				p, err := Sail(t.Context(), v)
				if err != nil {
					t.Fatal(err)
				}
				hold(t, p, least, c.lost[without])
			})
		}
	}
}

func hold(t *testing.T, p migration.Passage, least int, lost string) {
	t.Helper()
	if p.Sent < least || p.Arrived+migration.Sum(p.Lost) != p.Sent {
		t.Errorf("sent %d, arrived %d, lost %d", p.Sent, p.Arrived, migration.Sum(p.Lost))
	}
	var all []string
	for _, l := range slices.Concat(p.Lost, p.Forged) {
		all = append(all, fmt.Sprintf("%d × %s: %s (%v to %v)", l.Messages, l.Kind, l.Why, l.First, l.Last))
	}
	text := strings.Join(all, "\n")
	switch {
	case p.Without == "" && (text != "" || p.Late > 0):
		t.Errorf("%d late\n%s", p.Late, text)
	case p.Without != "" && (text == "" || !strings.Contains(text, lost)):
		t.Errorf("not because of %q, but:\n%s", lost, text)
	}
	t.Logf("sent %d, arrived %d, late %d\n%s", p.Sent, p.Arrived, p.Late, text)
}

func TestPlace(t *testing.T) {
	for name, want := range map[string]string{
		"workspace-to-mailcow": "203.0.113.10 192.0.2.25 203.0.113.1",
		"mailu-moves":          "192.0.2.25 198.51.100.25 invalid IP",
	} {
		v := cases[name].make(t)
		if got := fmt.Sprintf("%v %v %v", v.OldFrom, v.NewFrom, v.Shared); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestCannotSail(t *testing.T) {
	v := cases["workspace-to-mailcow"].make(t)
	v.Move.Steps = v.Move.Steps[:2]
	if _, err := Sail(t.Context(), v); !errors.Is(err, ErrNoSwitch) {
		t.Errorf("no switch: %v", err)
	}
	v = cases["workspace-to-mailcow"].make(t)
	v.NewFrom = netip.Addr{}
	if _, err := Sail(t.Context(), v); !errors.Is(err, ErrNoAddress) {
		t.Errorf("no address to send from: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Sail(ctx, cases["workspace-to-mailcow"].make(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
