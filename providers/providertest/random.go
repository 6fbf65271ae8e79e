package providertest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// randoms are the cases that nobody thought of.
func randoms() []Case {
	return []Case{
		{Name: "random plans", run: func(s *stage) { s.random(1, 20) }},
		{Name: "random plans and faults", run: func(s *stage) { s.randomFaults(2, 6) }},
	}
}

// Random carries out plans of random edits, one after the other, over a zone with
// neighbours, and looks at all of the zone after each.
func Random(t *testing.T, b Backend, seed uint64, plans int) {
	open(t, b, zoneOf(fmt.Sprintf("random-%d", seed))).random(seed, plans)
}

func (s *stage) random(seed uint64, plans int) {
	g := rand.New(rand.NewPCG(seed, 0))
	for i := range plans {
		edits := s.edits(g)
		s.ready(g)
		p := s.possible(edits)
		if p.Empty() {
			continue
		}
		before := s.service.Records(s.T)
		outcome, err := s.apply(p)
		s.whole(outcome, err, p)
		s.holds(p.Apply(before))
		if again := s.possible(edits); !again.Empty() {
			s.Errorf("after apply there is still something to plan: %s", changes(again.Changes))
		}
		if s.Failed() {
			s.Fatalf("seed %d, plan %d: %s", seed, i, changes(p.Changes))
		}
	}
}

func (s *stage) randomFaults(seed uint64, plans int) {
	g := rand.New(rand.NewPCG(seed, 0))
	for i := range plans {
		p := s.possible(s.edits(g))
		if p.Empty() {
			continue
		}
		s.before = s.service.Records(s.T)
		how := Fault(g.IntN(3))
		s.service.Break(s.T, how)
		outcome, err := s.apply(p)
		s.truthful(how, p, outcome, err)
		s.finish(p)
		if s.Failed() {
			s.Fatalf("seed %d, plan %d, fault %d: %s", seed, i, how, changes(p.Changes))
		}
	}
}

// ready is, now and then, somebody else at work.
func (s *stage) ready(g *rand.Rand) {
	if g.IntN(3) > 0 {
		return
	}
	tag := fmt.Sprintf("foreign-%d=1", g.IntN(5))
	s.service.Change(s.T, s.set("@", "TXT", tag, 3600, tag))
}

// possible is what of edits can be planned.
func (s *stage) possible(edits []record.Edit) plan.Plan {
	s.Helper()
	p, _ := s.draft(s.to, edits...)
	return p
}

// edits are one to five random edits, of different slots that do not hold each
// other's records.
func (s *stage) edits(g *rand.Rand) []record.Edit {
	var edits []record.Edit
	for range 1 + g.IntN(5) {
		e := s.edit(g)
		if !slices.ContainsFunc(edits, func(o record.Edit) bool { return o.Slot.Name == e.Slot.Name && o.Slot.Type == e.Slot.Type }) {
			edits = append(edits, e)
		}
	}
	return edits
}

func (s *stage) edit(g *rand.Rand) record.Edit {
	pick := func(list ...string) string { return list[g.IntN(len(list))] }
	name := pick("@", "_dmarc", "mail", "www", "s1._domainkey", "s2._domainkey", "*", "*.wild", "x.wild", "deep.empty", "host.deep.empty", "_25._tcp.mail")
	ttl := []uint32{0, 300, 900, 3600}[g.IntN(4)]
	var data []string
	n := g.IntN(4) // 0 empties the slot
	switch typ := pick("TXT", "TXT", "TXT", "MX", "A", "AAAA", "SRV", "CAA", "CNAME"); typ {
	case "TXT":
		tag := pick("v=spf1", "v=DMARC1", "verify", "")
		if name == "@" && tag == "" {
			tag = "v=spf1" // the neighbours at the apex stay
		}
		for range n {
			data = append(data, strings.TrimSpace(tag+" "+text(g)))
		}
		return s.set(name, typ, tag, ttl, data...)
	case "CNAME":
		if n > 0 {
			data = []string{fmt.Sprintf("t%d.example.net.", g.IntN(9))}
		}
		return s.set(name, typ, "", ttl, data...)
	default:
		for range n {
			data = append(data, datum(g, typ))
		}
		if typ == "A" || typ == "AAAA" || typ == "MX" {
			name = strings.ReplaceAll(name, "_", "") // hosts have no underscores, and some servers insist on it
		}
		return s.set(name, typ, "", ttl, data...)
	}
}

func datum(g *rand.Rand, typ string) string {
	n := g.IntN(250)
	switch typ {
	case "MX":
		return fmt.Sprintf("%d mx%d.example.net.", n, n%5)
	case "A":
		return fmt.Sprintf("192.0.2.%d", n)
	case "AAAA":
		return fmt.Sprintf("2001:db8::%x:1", n+1)
	case "SRV":
		return fmt.Sprintf("%d %d %d srv%d.example.net.", n%7, n%11, 1+n, n%5)
	default:
		return fmt.Sprintf("0 issue \"ca%d.example.net\"", n%9)
	}
}

// text is up to 600 octets of printable ASCII, with more than their share of what has to be escaped.
func text(g *rand.Rand) string {
	b := make([]byte, g.IntN(20)*g.IntN(31))
	for i := range b {
		b[i] = byte(' ' + g.IntN('~'-' '+1))
		if g.IntN(6) == 0 {
			b[i] = `"\;' `[g.IntN(5)]
		}
	}
	return string(b)
}
