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

	"github.com/maildoctor/maildoctor/keyfile"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

var key = func() string {
	signer, err := keyfile.Generate(keyfile.Ed25519, 0)
	if err != nil {
		panic(err)
	}
	public, err := dkim.New(signer.Public())
	if err != nil {
		panic(err)
	}
	return public.String()
}()

func txt(name, text string, ttl uint32) record.Record {
	r := record.TXT(name, text)
	r.TTL = ttl
	return r
}

func mx(host string, ttl uint32) record.Record {
	r := record.MX("shop.example.", 10, host)
	r.TTL = ttl
	return r
}

// handMade is a move from a provider to a host of one's own.
func handMade(t *testing.T) Voyage {
	old, new := netip.MustParseAddr("203.0.113.10"), netip.MustParseAddr("192.0.2.25")
	host := record.Address("mail.shop.example.", new)
	spfOld, spfBoth, spfNew := "v=spf1 include:_spf.bigmail.example ~all", "v=spf1 include:_spf.bigmail.example ip4:192.0.2.25 ~all", "v=spf1 ip4:192.0.2.25 -all"
	oldKey := txt("google._domainkey.shop.example.", key, 86400)
	newKey := txt("dkim._domainkey.shop.example.", key, 3600)
	dmarc := func(p string) record.Record { return txt("_dmarc.shop.example.", "v=DMARC1; p="+p, 3600) }
	sts := func(id string) record.Record { return txt("_mta-sts.shop.example.", "v=STSv1; id="+id, 3600) }
	stsHost := record.Address("mta-sts.shop.example.", netip.MustParseAddr("192.0.2.80"))
	mxOld, mxNew := "mx.bigmail.example.", "mail.shop.example."
	states := []struct {
		id      string
		at      time.Duration
		wait    time.Duration
		records []record.Record
	}{
		{"", 0, 0, []record.Record{mx(mxOld, 86400), txt("shop.example.", spfOld, 86400), oldKey, dmarc("reject"), sts("1"), stsHost}},
		{migration.LowerTTLs, -7 * day, day, []record.Record{mx(mxOld, 300), txt("shop.example.", spfOld, 300), oldKey, dmarc("reject"), sts("1"), stsHost}},
		{migration.Prepare, -5 * day, day, []record.Record{mx(mxOld, 300), txt("shop.example.", spfBoth, 300), oldKey, newKey, host, dmarc("reject"), sts("1"), stsHost}},
		{migration.Policies, -4 * day, day, []record.Record{mx(mxOld, 300), txt("shop.example.", spfBoth, 300), oldKey, newKey, host, dmarc("none"), sts("2"), stsHost}},
		{migration.Rehearse, -day, 0, nil},
		{migration.SwitchMX, 0, 0, []record.Record{mx(mxNew, 300), txt("shop.example.", spfBoth, 300), oldKey, newKey, host, dmarc("none"), sts("2"), stsHost}},
		{migration.Watch, 0, 2 * time.Hour, nil},
		{migration.Retire, 14 * day, 0, []record.Record{mx(mxNew, 300), txt("shop.example.", spfNew, 300), oldKey, newKey, host, dmarc("none"), sts("3"), stsHost}},
		{migration.Strengthen, 21 * day, 0, []record.Record{mx(mxNew, 300), txt("shop.example.", spfNew, 300), oldKey, newKey, host, dmarc("reject"), sts("3"), stsHost}},
		{migration.RaiseTTLs, 30 * day, 0, []record.Record{mx(mxNew, 3600), txt("shop.example.", spfNew, 3600), newKey, host, dmarc("reject"), sts("3"), stsHost}},
	}
	m := migration.Move{Domain: "shop.example.", Zone: "shop.example.", Before: states[0].records,
		Old: migration.Side{Name: "Big Mail", Hosts: []string{mxOld}, Addrs: []netip.Addr{old}},
		New: migration.Side{Name: "a server", Hosts: []string{mxNew}, Addrs: []netip.Addr{new}}}
	records := m.Before
	for _, s := range states[1:] {
		step := migration.Step{ID: s.id, Offset: s.at, Wait: s.wait}
		if s.records != nil {
			step.Plan = between(t, records, s.records)
			records = s.records
		}
		m.Steps = append(m.Steps, step)
	}
	return Voyage{
		Move: m, Policy: mtasts.Policy{Mode: mtasts.Enforce, MX: []string{"mx.bigmail.example"}, MaxAge: 7 * 86400},
		OldFrom: netip.MustParseAddr("203.0.113.20"), NewFrom: new, Shared: netip.MustParseAddr("203.0.113.99"),
		Others: resolve.NewZone([]record.Record{record.Address(mxOld, old), txt("_spf.bigmail.example.", "v=spf1 ip4:203.0.113.0/24 ~all", 3600)}),
	}
}

func between(t *testing.T, from, to []record.Record) plan.Plan {
	t.Helper()
	slots := map[record.Slot][2][]record.Record{}
	for i, list := range [][]record.Record{from, to} {
		for _, r := range list {
			slot := record.Slot{Name: r.Name, Type: r.Type}
			pair := slots[slot]
			pair[i] = append(pair[i], r)
			slots[slot] = pair
		}
	}
	p := plan.Plan{Zone: "shop.example."}
	for slot, pair := range slots {
		if slices.Equal(record.Sorted(pair[0]), record.Sorted(pair[1])) {
			continue
		}
		p.Changes = append(p.Changes, plan.Change{Slot: slot, Before: pair[0], After: pair[1]})
	}
	return p
}

// TestWhole holds a plan to its promise: with all of its steps nothing is lost, and
// nothing forged is let in; and each step is there for a reason.
func TestWhole(t *testing.T) {
	v := handMade(t)
	lost := map[string]string{ // a part of what is lost without the step
		migration.LowerTTLs:  "it came to the old server when nobody looked there any more",
		migration.Prepare:    "it fails DMARC",
		migration.Policies:   "does not name mail.shop.example",
		migration.Rehearse:   "No such mailbox here",
		migration.SwitchMX:   "No such mailbox here",
		migration.Watch:      "it came to the old server when nobody looked there any more",
		migration.Retire:     "fails DMARC",
		migration.Strengthen: "stranger",
		migration.RaiseTTLs:  "signed with the old key",
	}
	steps := []string{""}
	for _, s := range v.Move.Steps {
		steps = append(steps, s.ID)
	}
	for _, without := range steps {
		t.Run("without "+without, func(t *testing.T) {
			t.Parallel()
			v := v
			v.Without = without
			least := 200_000
			if raced { // which makes everything slower
				v.Every, least = 3*time.Minute, 70_000
			}
			p, err := Sail(t.Context(), v)
			if err != nil {
				t.Fatal(err)
			}
			if p.Sent < least || p.Arrived+migration.Sum(p.Lost) != p.Sent {
				t.Errorf("sent %d, arrived %d, lost %d", p.Sent, p.Arrived, migration.Sum(p.Lost))
			}
			var all []string
			for _, l := range slices.Concat(p.Lost, p.Forged) {
				all = append(all, fmt.Sprintf("%d × %s: %s (%v to %v)", l.Messages, l.Kind, l.Why, l.First, l.Last))
			}
			text := strings.Join(all, "\n")
			switch {
			case without == "" && (text != "" || p.Late > 0):
				t.Errorf("%d late\n%s", p.Late, text)
			case without != "" && !strings.Contains(text, lost[without]):
				t.Errorf("not because of %q, but:\n%s", lost[without], text)
			}
		})
	}
}

func TestCannotSail(t *testing.T) {
	v := handMade(t)
	v.Move.Steps = v.Move.Steps[:2]
	if _, err := Sail(t.Context(), v); !errors.Is(err, ErrNoSwitch) {
		t.Errorf("no switch: %v", err)
	}
	v = handMade(t)
	v.Move.New.Hosts = nil
	if _, err := Sail(t.Context(), v); err == nil {
		t.Error("no host, and no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Sail(ctx, handMade(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
