package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
)

const zone = "example.org."

// txt is a TXT record of the zone's apex with a TTL.
func txt(ttl uint32, text string) record.Record {
	return record.Record{Name: zone, Type: "TXT", TTL: ttl, Data: text}
}

func rr(name, typ string, ttl uint32, data string) record.Record {
	return record.Record{Name: name, Type: typ, TTL: ttl, Data: data}
}

func wish(from string, slot record.Slot, want ...record.Record) Wish {
	return Wish{Edit: record.Set(slot, want...), From: from, Reason: "because of " + from}
}

// shown is a plan and its conflicts in lines.
func shown(p Plan, conflicts []Conflict) string {
	var b strings.Builder
	for _, c := range p.Changes {
		fmt.Fprintf(&b, "%s %s\n", c.Kind(), Title(c.Slot))
		for _, r := range c.Before {
			fmt.Fprintf(&b, "- %s\n", r)
		}
		for _, r := range c.After {
			fmt.Fprintf(&b, "+ %s\n", r)
		}
	}
	for _, c := range p.Concerns {
		fmt.Fprintf(&b, "! %s %s: %s\n", c.ID, c.Needs, c.Text)
	}
	for _, c := range conflicts {
		fmt.Fprintf(&b, "x %s: %s\n", Title(c.Slot), c.Why)
	}
	return b.String()
}

func TestMake(t *testing.T) {
	spf := record.SPF(zone)
	tests := []struct {
		name    string
		current []record.Record
		wishes  []Wish
		want    string
	}{
		{
			"what stands there already is no change",
			[]record.Record{txt(300, "v=spf1 mx -all")},
			[]Wish{wish("a", spf, txt(0, "v=spf1 mx -all"))},
			"",
		}, {
			"a replacement is one change, and keeps the TTL that nobody wished otherwise",
			[]record.Record{txt(300, "v=spf1 a -all")},
			[]Wish{wish("a", spf, txt(0, "v=spf1 mx -all"))},
			"replace TXT example.org (v=spf1)\n- example.org. 300 IN TXT \"v=spf1 a -all\"\n+ example.org. 300 IN TXT \"v=spf1 mx -all\"\n",
		}, {
			"neighbours give the TTL of the set",
			[]record.Record{txt(300, "v=spf1 a -all"), txt(300, "verification=1")},
			[]Wish{wish("a", spf, txt(60, "v=spf1 mx -all"))},
			"replace TXT example.org (v=spf1)\n- example.org. 300 IN TXT \"v=spf1 a -all\"\n+ example.org. 300 IN TXT \"v=spf1 mx -all\"\n",
		}, {
			"a TTL that is wished is a change",
			[]record.Record{txt(300, "v=spf1 mx -all")},
			[]Wish{wish("a", spf, txt(60, "v=spf1 mx -all"))},
			"replace TXT example.org (v=spf1)\n- example.org. 300 IN TXT \"v=spf1 mx -all\"\n+ example.org. 60 IN TXT \"v=spf1 mx -all\"\n",
		}, {
			"two new texts get one TTL",
			nil,
			[]Wish{wish("a", spf, txt(60, "v=spf1 mx -all")), wish("b", record.Slot{Name: zone, Type: "TXT", Tag: "verify=1"}, txt(3600, "verify=1"))},
			"create TXT example.org (v=spf1)\n+ example.org. 60 IN TXT \"v=spf1 mx -all\"\ncreate TXT example.org (verify=1)\n+ example.org. 60 IN TXT \"verify=1\"\n",
		}, {
			"two SPF records become one",
			[]record.Record{txt(300, "v=spf1 a -all"), txt(300, "V=SPF1 mx -all"), txt(300, "v=spf10")},
			[]Wish{wish("a", spf, txt(0, "v=spf1 a mx -all"))},
			"replace TXT example.org (v=spf1)\n- example.org. 300 IN TXT \"V=SPF1 mx -all\"\n- example.org. 300 IN TXT \"v=spf1 a -all\"\n+ example.org. 300 IN TXT \"v=spf1 a mx -all\"\n! deletion --yes-delete: a record of TXT example.org (v=spf1) goes, and maildoctor is not known to have made it\n",
		}, {
			"the MX of somebody else is named",
			[]record.Record{rr(zone, "MX", 300, "10 mx.other.example."), rr(zone, "MX", 300, "20 mail.example.org.")},
			[]Wish{wish("a", record.MXSet(zone), record.MX(zone, 10, "mail.example.org"))},
			"replace MX example.org\n- example.org. 300 IN MX 10 mx.other.example.\n- example.org. 300 IN MX 20 mail.example.org.\n+ example.org. 300 IN MX 10 mail.example.org.\n! deletion --yes-delete: a record of MX example.org goes, and maildoctor is not known to have made it\n! mx-replaced : mail for example.org stops going to mx.other.example\n",
		}, {
			"an empty wish removes",
			[]record.Record{rr("old.example.org.", "A", 300, "192.0.2.1")},
			[]Wish{wish("a", record.Slot{Name: "OLD.example.org", Type: "a"})},
			"delete A old.example.org\n- old.example.org. 300 IN A 192.0.2.1\n! deletion --yes-delete: a record of A old.example.org goes, and maildoctor is not known to have made it\n",
		}, {
			"NS, SOA and other zones are left alone",
			[]record.Record{rr(zone, "NS", 300, "ns.example.net.")},
			[]Wish{wish("a", record.Slot{Name: zone, Type: "NS"}), wish("b", record.Slot{Name: "25.2.0.192.in-addr.arpa.", Type: "PTR"}, rr("25.2.0.192.in-addr.arpa.", "PTR", 0, "mail.example.org."))},
			"x PTR 25.2.0.192.in-addr.arpa: 25.2.0.192.in-addr.arpa is not in the zone example.org; who has its zone can publish it there\nx NS example.org: NS records are the delegation's; no plan touches them\n",
		}, {
			"two wishes for one slot name both sides",
			nil,
			[]Wish{wish("spf.exists", spf, txt(0, "v=spf1 mx -all")), wish("maildoctor.yaml", record.Slot{Name: zone, Type: "TXT", Tag: "V=SPF1"}, txt(0, "v=spf1 a -all"))},
			"x TXT example.org (v=spf1): spf.exists and maildoctor.yaml do not want the same of it\n",
		}, {
			"a slot within another is a conflict",
			nil,
			[]Wish{wish("a", spf, txt(0, "v=spf1 mx -all")), wish("b", record.Slot{Name: zone, Type: "TXT"}, txt(0, "hello"))},
			"x TXT example.org: TXT example.org (b) and TXT example.org (v=spf1) (a) would take each other's records\nx TXT example.org (v=spf1): TXT example.org (b) and TXT example.org (v=spf1) (a) would take each other's records\n",
		}, {
			"a CNAME at the apex, beside others, and another",
			[]record.Record{rr("a.example.org.", "TXT", 300, "x"), rr("b.example.org.", "CNAME", 300, "c.example.org.")},
			[]Wish{
				wish("a", record.Slot{Name: zone, Type: "CNAME"}, rr(zone, "CNAME", 0, "x.example.")),
				wish("b", record.Slot{Name: "a.example.org.", Type: "CNAME"}, rr("a.example.org.", "CNAME", 0, "x.example.")),
				wish("c", record.SPF("b.example.org."), record.TXT("b.example.org.", "v=spf1 -all")),
				wish("d", record.Slot{Name: "d.example.org.", Type: "CNAME"}, rr("d.example.org.", "CNAME", 0, "x.example."), rr("d.example.org.", "CNAME", 0, "y.example.")),
			},
			"x CNAME example.org: a CNAME cannot stand at the apex of a zone, beside SOA and NS (RFC 1034, 3.6.2); a provider's ALIAS or addresses can\nx CNAME a.example.org: a CNAME cannot stand beside TXT at a.example.org (RFC 1034, 3.6.2); which of them shall stay is not said\nx TXT b.example.org (v=spf1): a CNAME cannot stand beside TXT at b.example.org (RFC 1034, 3.6.2); which of them shall stay is not said\nx CNAME d.example.org: a name has one CNAME at most (RFC 2181, 10.1)\n",
		}, {
			"an alias may make place in the same plan",
			[]record.Record{rr("b.example.org.", "CNAME", 300, "c.example.org.")},
			[]Wish{wish("a", record.Slot{Name: "b.example.org.", Type: "CNAME"}), wish("a", record.SPF("b.example.org."), rr("b.example.org.", "TXT", 60, "v=spf1 -all"))},
			"delete CNAME b.example.org\n- b.example.org. 300 IN CNAME c.example.org.\ncreate TXT b.example.org (v=spf1)\n+ b.example.org. 60 IN TXT \"v=spf1 -all\"\n! deletion --yes-delete: a record of CNAME b.example.org goes, and maildoctor is not known to have made it\n",
		}, {
			"a wildcard that is shadowed is named, one below a name that exists is not",
			[]record.Record{rr("*.example.org.", "A", 300, "192.0.2.1"), rr("x.sub.example.org.", "A", 300, "192.0.2.1")},
			[]Wish{wish("a", record.SPF("new.example.org."), rr("new.example.org.", "TXT", 60, "v=spf1 -all")), wish("a", record.SPF("new.sub.example.org."), rr("new.sub.example.org.", "TXT", 60, "v=spf1 -all"))},
			"create TXT new.example.org (v=spf1)\n+ new.example.org. 60 IN TXT \"v=spf1 -all\"\ncreate TXT new.sub.example.org (v=spf1)\n+ new.sub.example.org. 60 IN TXT \"v=spf1 -all\"\n! wildcard-shadowed : *.example.org does not answer for new.example.org any more once something stands there (RFC 4592, 2.2.1); its records are A\n",
		}, {
			"a record outside of its slot",
			nil,
			[]Wish{wish("a", spf, txt(0, "v=spf2 mx"))},
			"x TXT example.org (v=spf1): the record example.org. IN TXT \"v=spf2 mx\" does not stand in this slot\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := shown(Make(tt.current, tt.wishes, Given{Zone: zone, TTLs: true})); got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}

func TestMakeOfACache(t *testing.T) {
	p, _ := Make([]record.Record{txt(17, "v=spf1 mx -all")}, []Wish{wish("a", record.SPF(zone), txt(3600, "v=spf1 mx -all"))}, Given{Zone: zone})
	if !p.Empty() {
		t.Errorf("what is left of a TTL in a cache made a change:\n%s", shown(p, nil))
	}
}

func TestOurs(t *testing.T) {
	current := []record.Record{rr("old.example.org.", "A", 300, "192.0.2.1")}
	p, _ := Make(current, []Wish{wish("a", record.Slot{Name: "old.example.org.", Type: "A"})}, Given{Zone: zone, Ours: func(record.Record) bool { return true }})
	if len(p.Concerns) != 0 || len(p.Changes) != 1 {
		t.Errorf("what is ours may go: %s", shown(p, nil))
	}
}

func TestBlastRadius(t *testing.T) {
	for n, want := range map[int]int{MaxChanges: 0, MaxChanges + 1: 1} {
		var wishes []Wish
		for i := range n {
			name := fmt.Sprintf("h%d.%s", i, zone)
			wishes = append(wishes, wish("a", record.Slot{Name: name, Type: "A"}, rr(name, "A", 60, "192.0.2.1")))
		}
		if p, _ := Make(nil, wishes, Given{Zone: zone}); len(p.Concerns) != want || want == 1 && p.Concerns[0].Needs != YesDelete {
			t.Errorf("%d changes: concerns %v", n, p.Concerns)
		}
	}
}

func TestReasonsAreJoined(t *testing.T) {
	spf := txt(0, "v=spf1 mx -all")
	p, _ := Make(nil, []Wish{wish("a", record.SPF(zone), spf), wish("b", record.SPF(zone), spf), wish("a", record.SPF(zone), spf)}, Given{})
	if len(p.Changes) != 1 || !slices.Equal(p.Changes[0].From, []string{"a", "b"}) || len(p.Changes[0].Reasons) != 2 {
		t.Errorf("%+v", p.Changes)
	}
}

func TestStale(t *testing.T) {
	current := []record.Record{txt(300, "v=spf1 a -all"), txt(300, "other")}
	p, _ := Make(current, []Wish{wish("a", record.SPF(zone), txt(0, "v=spf1 mx -all"))}, Given{Zone: zone, TTLs: true})
	tests := map[string]struct {
		now  []record.Record
		want int
	}{
		"as it was":             {current, 0},
		"another TTL and order": {[]record.Record{txt(5, "other"), txt(5, "v=spf1 a -all")}, 0},
		"another set changed":   {append(slices.Clone(current), rr(zone, "MX", 1, "10 a.")), 0},
		"the slot changed":      {[]record.Record{txt(300, "v=spf1 -all"), txt(300, "other")}, 1},
		"a neighbour came":      {append(slices.Clone(current), txt(300, "new")), 1},
		"an alias came":         {append(slices.Clone(current), rr(zone, "CNAME", 300, "x.")), 1},
		"all is gone":           {nil, 1},
	}
	for name, tt := range tests {
		if got := p.Stale(tt.now); len(got) != tt.want {
			t.Errorf("%s: stale %v, want %d", name, got, tt.want)
		}
	}
}

func TestNameOrder(t *testing.T) {
	names := []string{".", "org.", zone, "a.example.org.", "a-b.example.org.", "b.a.example.org.", "*.example.org.", `a\.b.example.org.`, `\000.example.org.`, "example.net."}
	order := make(nameOrder)
	for _, a := range names {
		for _, b := range names {
			if got, want := order.compare(a, b), record.CompareNames(a, b); got != want {
				t.Errorf("%s and %s: %d, want %d", a, b, got, want)
			}
		}
	}
}

// random makes records and wishes in a small world, where they often meet.
type random struct{ *rand.Rand }

func (r random) of(list ...string) string { return list[r.IntN(len(list))] }

func (r random) record() record.Record {
	name := r.of(zone, "a.example.org.", "b.a.example.org.", "*.example.org.", "x.example.net.")
	ttl := uint32([]int{0, 60, 300, 3600}[r.IntN(4)])
	switch r.IntN(5) {
	case 0:
		return rr(name, "MX", ttl, fmt.Sprintf("%d %s", r.IntN(3)*10, r.of("mx.example.org.", "mx.example.net.")))
	case 1:
		return rr(name, "A", ttl, r.of("192.0.2.1", "192.0.2.2", "192.0.2.3"))
	case 2:
		return rr(name, "CNAME", ttl, r.of("mx.example.org.", "mx.example.net."))
	}
	return rr(name, "TXT", ttl, r.of("v=spf1 -all", "v=spf1 mx -all", "V=spf1 a", "v=DMARC1; p=none", "check=1", "check=2", "\xff\"\\;"+strings.Repeat("x", 300), ""))
}

func (r random) records(n int) []record.Record {
	var list []record.Record
	for range r.IntN(n) {
		list = append(list, r.record())
	}
	return list
}

func (r random) wish() Wish {
	one := r.record()
	slot := record.Slot{Name: one.Name, Type: one.Type}
	if one.Type == "TXT" {
		slot.Tag = r.of("", "v=spf1", "v=SPF1", "v=DMARC1", "check=1")
	}
	w := Wish{Edit: record.Set(slot), Reason: r.of("", "why"), From: r.of("", "a", "b")}
	for range r.IntN(3) {
		if one := r.record(); r.IntN(10) == 0 || slot.Holds(rr(slot.Name, slot.Type, 0, one.Data)) && one.Type == slot.Type {
			one.Name = slot.Name
			w.Edit.Want = append(w.Edit.Want, one)
		}
	}
	return w
}

// FuzzMake: whatever is there and whatever is wished, applying the plan brings
// what is wished, leaves every other record as it is, is done once, and can be
// taken back.
func FuzzMake(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed, seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, exact bool) {
		r := random{rand.New(rand.NewPCG(seed, 1))}
		current := r.records(12)
		var wishes []Wish
		for range r.IntN(6) {
			wishes = append(wishes, r.wish())
		}
		given := Given{Zone: zone, TTLs: exact}
		if r.IntN(2) == 0 {
			given.Limits = Limits{MinTTL: uint32(r.IntN(120)), MaxTTL: uint32(r.IntN(2) * 600), MaxText: r.IntN(2) * 200, MaxTextAtName: r.IntN(3) * 20}
			given.Locked = func(one record.Record) string {
				return map[bool]string{true: "Email Routing"}[strings.HasSuffix(one.Data, "1")]
			}
			given.Proxied = func(one record.Record) bool { return one.Type == "A" && one.Data == "192.0.2.2" }
		}
		before := slices.Clone(current)
		p, conflicts := Make(current, wishes, given)
		if !slices.Equal(before, current) {
			t.Fatal("Make changed what it was given")
		}
		after := p.Apply(current)
		left := make(map[record.Slot]bool)
		for _, c := range conflicts {
			left[folded(c.Slot)] = true
		}
		for _, w := range wishes {
			slot := record.Slot{Name: w.Edit.Slot.Name, Type: w.Edit.Slot.Type, Tag: w.Edit.Slot.Tag}
			if left[folded(slot)] {
				continue
			}
			if got := held(slot, after); !same(got, w.Edit.Want) {
				t.Errorf("%s holds %q, wished %q", Title(slot), got, w.Edit.Want)
			}
		}
		others := func(list []record.Record) []record.Record {
			return slices.DeleteFunc(slices.Clone(list), func(r record.Record) bool {
				return slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Slot.Holds(r) })
			})
		}
		if !slices.Equal(others(current), others(after)) {
			t.Errorf("neighbours changed:\n%q\n%q", others(current), others(after))
		}
		if again, _ := Make(after, wishes, given); !again.Empty() {
			t.Errorf("a second plan is not empty:\n%s\nafter:\n%s", shown(again, nil), shown(p, conflicts))
		}
		if len(p.Stale(current)) > 0 {
			t.Error("a new plan is stale")
		}
		back := p.Invert()
		if !p.Empty() && len(p.Stale(after)) == 0 && p.Changes[0].Kind() != Replace {
			t.Error("the plan is not stale after it was applied")
		}
		if len(back.Stale(after)) > 0 {
			t.Error("the inverse is stale at once")
		}
		restored := back.Apply(after)
		if !exact {
			current, restored = withTTL(current, 0), withTTL(restored, 0)
		}
		if !slices.Equal(record.Sorted(sortedTTL(current)), record.Sorted(sortedTTL(restored))) {
			t.Errorf("not restored:\n%q\n%q\n%s", record.Sorted(current), record.Sorted(restored), shown(p, nil))
		}
		roundTrip(t, p)
		roundTrip(t, back)
		heeds(t, p, given)
	})
}

// heeds: no change has what the provider does not take.
func heeds(t *testing.T, p Plan, g Given) {
	t.Helper()
	for _, c := range p.Changes {
		for _, r := range c.Before {
			if g.Locked != nil && g.Locked(r) != "" {
				t.Errorf("%s changes what is locked: %s", Title(c.Slot), r)
			}
		}
		for _, r := range c.After {
			if g.Limits.MaxText > 0 && len(r.Data) > g.Limits.MaxText && r.Type == "TXT" && !slices.Contains(contents(c.Before), content(r)) {
				t.Errorf("%s brings a text of %d octets, over %d", Title(c.Slot), len(r.Data), g.Limits.MaxText)
			}
		}
	}
}

func folded(s record.Slot) record.Slot { s.Tag = strings.ToLower(s.Tag); return s }

// sortedTTL settles the order of records that differ in their TTL only.
func sortedTTL(list []record.Record) []record.Record {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b record.Record) int { return int(a.TTL) - int(b.TTL) })
	return list
}

func roundTrip(t *testing.T, p Plan) {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	if i := bytes.IndexFunc(b.Bytes(), func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }); i >= 0 {
		t.Errorf("a plan file with more than printable ASCII: %q", b.Bytes()[i:])
	}
	written := b.String()
	var indented bytes.Buffer
	if whole, err := p.MarshalJSON(); err != nil || json.Indent(&indented, whole, "", "  ") != nil || indented.String()+"\n" != written {
		t.Errorf("the file (%v):\n%s\nis not the JSON:\n%s", err, written, indented.String())
	}
	got, err := Read(&b)
	if err != nil {
		t.Fatalf("%v:\n%s", err, written)
	}
	var again bytes.Buffer
	if err := got.Write(&again); err != nil || again.String() != written {
		t.Errorf("read back (%v):\n%s\nwritten:\n%s", err, again.String(), written)
	}
	if !slices.EqualFunc(got.Changes, p.Changes, func(a, b Change) bool { return slices.Equal(a.Before, b.Before) && slices.Equal(a.After, b.After) }) {
		t.Errorf("the records of %s are others:\n%s", written, shown(got, nil))
	}
}
