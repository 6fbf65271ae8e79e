package migration

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

// A Sight is what was seen when it was last looked. What could not be seen is said
// by the fields that end in Doubt, or by results that are unknown.
type Sight struct {
	Now time.Time
	// Given is as the move was made of it, with the records of now as Today.
	Given Given
	// PolicyDoubt is why it is not known whether senders remember a policy.
	PolicyDoubt string
	// TTLDoubt is why the TTLs of the zone are not known; empty if they are.
	TTLDoubt string
	// Lookups is how many lookups SPF needs while both sides may send; SPFDoubt why
	// that is not known.
	Lookups  int
	SPFDoubt string
	// Keys is, of each new key that is published, which servers do not have it.
	Keys []Reach
	// Missing is what maildoctor.yaml does not say, and the new side needs.
	Missing []string
	Today   diagnosis.Report   // on the domain as it is
	Final   *diagnosis.Report  // as it would be in the end, with the new hosts; nil if it was not rehearsed
	Hosts   []diagnosis.Report // on the addresses of the new hosts
	// HostDoubt is why the new hosts were not looked at; empty if they were.
	HostDoubt string
}

// A Reach is how far a name has come.
type Reach struct {
	Name          string
	Lacks, Silent []string // servers, for a reader
}

// Open are the blockers that no step of the plan lifts in time: those that need an act,
// and those that last beyond the switch.
func (m Move) Open() []Blocker {
	var list []Blocker
	for _, b := range m.Blockers {
		if !b.Unknown && !m.Waits(b) {
			list = append(list, b)
		}
	}
	return list
}

// Waits reports whether the plan waits for a blocker to be over.
func (m Move) Waits(b Blocker) bool {
	s := m.Step(b.Step)
	return !b.Until.IsZero() && s != nil && !b.Until.After(m.Due(*s))
}

// Block says what stands in the way of the steps that are not done, in their order.
func Block(m Move, s Sight) []Blocker {
	k := &blocking{m: m, s: s, b: newBuilder(s.Given)}
	k.b.sort()
	for _, find := range []func(){k.early, k.ttls, k.policy, k.spf, k.below, k.keys, k.alignment, k.tlsa, k.hosts, k.delegation} {
		find()
	}
	list := slices.DeleteFunc(k.list, func(b Blocker) bool {
		step := m.Step(b.Step)
		return step == nil || !step.Done.IsZero()
	})
	slices.SortStableFunc(list, func(x, y Blocker) int { return slices.Index(order, x.Step) - slices.Index(order, y.Step) })
	return list
}

type blocking struct {
	m    Move
	s    Sight
	b    *builder
	list []Blocker
}

func (k *blocking) add(b Blocker) { k.list = append(k.list, b) }

// at is when a step was or will be done.
func (k *blocking) at(s *Step) time.Time {
	if s.Done.IsZero() {
		return maxTime(k.m.Due(*s), k.s.Now)
	}
	return s.Done
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// early is a switch before what it waits for can be over.
func (k *blocking) early() {
	if len(k.m.Steps) == 0 {
		return
	}
	first := k.m.Next()
	if first == nil || slices.Index(order, first.ID) >= slices.Index(order, SwitchMX) {
		return
	}
	if due := k.m.Due(*first); due.Before(k.s.Now.Add(-day)) {
		earliest := k.s.Now.Add(-first.Offset)
		k.add(Blocker{ID: BlockSwitch, Step: SwitchMX, Subject: k.m.Domain,
			Text: fmt.Sprintf("the switch is planned for %s, and %s would have had to be done by %s", date(k.m.Switch), first.ID, date(due)),
			Act:  fmt.Sprintf("Switch on %s or later.", date(earliest))})
	}
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// ttls is what resolvers remember.
func (k *blocking) ttls() {
	if k.s.TTLDoubt != "" && k.m.Step(LowerTTLs) != nil {
		k.add(Blocker{ID: BlockTTL, Step: SwitchMX, Subject: k.m.Domain, Unknown: true, Text: "the TTLs of the zone could not be told (" + k.s.TTLDoubt + "), and a day is assumed", Act: "Look at them where the zone is kept."})
	}
	for _, id := range []string{LowerTTLs, Prepare} {
		s := k.m.Step(id)
		if s == nil || s.Wait == 0 {
			continue
		}
		until := k.at(s).Add(s.Wait)
		if !until.After(k.s.Now) || s.Wait <= lowTTL*time.Second {
			continue
		}
		text := "some would go to the old server until then, whatever is published"
		if id == Prepare {
			text = "receivers would judge the first mail of the new server by what they remember"
		}
		k.add(Blocker{ID: BlockTTL, Step: SwitchMX, Subject: k.m.Domain, Text: s.WaitFor + ": " + text, Until: until})
	}
}

// policy is MTA-STS.
func (k *blocking) policy() {
	announced := len(held(k.b.policySlot(), k.b.Today)) > 0
	p := k.m.Policy
	if p == nil && announced && k.s.PolicyDoubt != "" {
		k.add(Blocker{ID: BlockPolicy, Step: SwitchMX, Subject: k.m.Domain, Unknown: true,
			Text: "a policy is announced and could not be read (" + k.s.PolicyDoubt + "): senders may remember one that does not name the new hosts",
			Act:  fmt.Sprintf("See that %s can be read, and look again.", mtasts.URL(record.Display(k.m.Domain)))})
		return
	}
	if p == nil || p.Mode != mtasts.Enforce {
		return
	}
	var missing []string
	for _, h := range k.m.New.Hosts {
		if !p.Matches(h) {
			missing = append(missing, record.Display(h))
		}
	}
	s := k.m.Step(Policies)
	if len(missing) == 0 || s == nil {
		return
	}
	until := k.at(s).Add(time.Duration(min(p.MaxAge, mtasts.MaxAge)) * time.Second)
	if !until.After(k.s.Now) {
		return
	}
	k.add(Blocker{ID: BlockPolicy, Step: SwitchMX, Subject: k.m.Domain, Until: until,
		Text: fmt.Sprintf("the MTA-STS policy is enforced and names %s, not %s: senders may hold to it for %s after they last read it, and would not deliver (RFC 8461, 3.2 and 5). The step policies names both", strings.Join(p.MX, ", "), strings.Join(missing, ", "), Span(time.Duration(p.MaxAge)*time.Second))})
}

// spf is the ten lookups, and who would be shut out.
func (k *blocking) spf() {
	switch {
	case k.s.SPFDoubt != "":
		k.add(Blocker{ID: BlockLookups, Step: Prepare, Subject: k.m.Domain, Unknown: true, Text: "how many lookups SPF needs while both sides may send is not known: " + k.s.SPFDoubt, Act: "Look again."})
	case k.s.Lookups > spf.MaxLookups:
		k.add(Blocker{ID: BlockLookups, Step: Prepare, Subject: k.m.Domain,
			Text: fmt.Sprintf("while both sides may send, SPF needs %d lookups, and receivers allow %d: mail of both would fail (RFC 7208, 4.6.4)", k.s.Lookups, spf.MaxLookups),
			Act:  "Take an include out that nothing needs, or write the addresses in its place; services that send with an envelope sender of their own need none."})
	}
	slot := record.SPF(k.b.Domain)
	var end []spf.Record
	for _, r := range k.b.finally(slot) {
		parsed, _ := spf.Parse(r.Data)
		end = append(end, parsed)
	}
	for _, r := range held(slot, k.b.Today) {
		parsed, _ := spf.Parse(r.Data)
		for _, t := range parsed.Terms {
			if t.Kind == spf.All || t.Kind == spf.Exp || t.Kind == spf.Unknown || t.Kind == spf.Invalid || t.Qualifier != spf.Plus && t.Kind.Mechanism() || k.b.isOldTerm(t) || k.b.stays(t, end) {
				continue
			}
			who := k.b.whoseTerm(t)
			if who == "" {
				who = "somebody"
			}
			k.add(Blocker{ID: BlockSenders, Step: Retire, Subject: k.m.Domain,
				Text: fmt.Sprintf("%s lets %s send as the domain today, and maildoctor.yaml does not have it: its mail would fail SPF from then on", t, who),
				Act:  "Write it in maildoctor.yaml, under services or spf: also, or make sure that nothing sends by it any more."})
		}
	}
}

// below is names below the domain that use the old side.
func (k *blocking) below() {
	seen := make(map[string]bool)
	for _, r := range k.b.Today {
		if r.Name == k.b.Domain || seen[r.Name] || k.b.isOldHost(r.Name) || k.b.isWanted(r) || !k.b.sendsOld([]record.Record{r}) {
			continue
		}
		seen[r.Name] = true
		step, what := Retire, "sends"
		if r.Type == "MX" {
			what = "takes mail"
		}
		k.add(Blocker{ID: BlockSenders, Step: step, Subject: r.Name,
			Text: fmt.Sprintf("%s %s by %s, and maildoctor.yaml does not say by whom it shall", record.Display(r.Name), what, k.m.Old.Name),
			Act:  "Write the name as a domain of its own in maildoctor.yaml, or make sure that it is not in use any more."})
	}
}

// stays reports whether a term lets the same senders send in the end.
func (b *builder) stays(t spf.Term, end []spf.Record) bool {
	for _, r := range end {
		for _, o := range r.Terms {
			if o.Same(t) || o.Prefix.IsValid() && t.Prefix.IsValid() && o.Prefix.Bits() <= t.Prefix.Bits() && o.Prefix.Contains(t.Prefix.Addr()) {
				return true
			}
		}
	}
	switch t.Kind {
	case spf.IP4, spf.IP6:
		return t.Prefix.IsSingleIP() && slices.Contains(b.New.Addrs, t.Prefix.Addr())
	case spf.Include:
		// A service that is wanted and has no include of its own sends with an envelope
		// sender of its own.
		who := b.whoseTerm(t)
		return who != "" && slices.ContainsFunc(b.New.Services, func(s string) bool { return titleOf(s) == who })
	}
	return false
}

// keys is whether all servers have the new keys, and each its own selector.
func (k *blocking) keys() {
	for _, r := range k.s.Keys {
		switch {
		case len(r.Lacks) > 0:
			k.add(Blocker{ID: BlockKeys, Step: SwitchMX, Subject: r.Name,
				Text: fmt.Sprintf("the new key is not at every authoritative server: %s have another answer, and who asks them cannot check a signature", strings.Join(r.Lacks, ", ")),
				Act:  "See to the transfer of the zone, and look again."})
		case len(r.Silent) > 0:
			k.add(Blocker{ID: BlockKeys, Step: SwitchMX, Subject: r.Name, Unknown: true,
				Text: fmt.Sprintf("whether %s have the new key could not be found out", strings.Join(r.Silent, ", ")), Act: "Look again."})
		}
	}
	for _, name := range k.b.sameKey {
		k.add(Blocker{ID: BlockSameKey, Step: Prepare, Subject: name,
			Text: "both sides sign under this selector, with other keys: one of the two fails until the switch, the other after it",
			Act:  "Give the new server the old private key, or let it sign under another selector and write that in maildoctor.yaml."})
	}
}

// alignment is a policy that wants signatures, without a key.
func (k *blocking) alignment() {
	for _, text := range k.s.Missing {
		k.add(Blocker{ID: BlockAlignment, Step: Prepare, Subject: k.m.Domain, Text: text, Act: "Write it in maildoctor.yaml, and look again."})
	}
	if len(k.s.Missing) > 0 {
		return
	}
	signs := slices.ContainsFunc(k.b.wanted, func(e record.Edit) bool { return strings.Contains(e.Slot.Name, "._domainkey.") && len(e.Want) > 0 })
	if signs {
		return
	}
	for _, r := range slices.Concat(held(record.DMARC(k.b.Domain), k.b.Today), k.b.finally(record.DMARC(k.b.Domain))) {
		p, _ := dmarc.Parse(r.Data)
		strict := p.SPF == "s" || p.DKIM == "s"
		if p.Policy == dmarc.None && !strict {
			continue
		}
		why := "p=" + string(p.Policy)
		if strict {
			why += " with strict alignment"
		}
		k.add(Blocker{ID: BlockAlignment, Step: SwitchMX, Subject: r.Name,
			Text: fmt.Sprintf("DMARC says %s, and no key is known with which the new side signs: mail that is forwarded, or sent with another envelope sender, would fail", why),
			Act:  "Let the new server make a DKIM key, and write it in maildoctor.yaml under dkim."})
		return
	}
}

// tlsa is the certificate of the new host.
func (k *blocking) tlsa() {
	s := k.m.Step(Policies)
	if s == nil {
		return
	}
	for _, c := range s.Plan.Changes {
		if c.Slot.Type != "TLSA" {
			continue
		}
		wait := time.Duration(max(ttlOf(c.Before), k.m.Negative)) * time.Second
		if until := k.at(s).Add(wait); until.After(k.s.Now) {
			k.add(Blocker{ID: BlockTLSA, Step: SwitchMX, Subject: c.Slot.Name, Until: until,
				Text: "the TLSA records do not know the new host's key yet, or resolvers remember that they did not: senders that do DANE would not deliver (RFC 7672, 8.1)"})
		}
	}
}

// moving are checks that fail while the delegation or the keys of a zone change.
var moving = []string{"dnssec.ds-matches", "dnssec.signed-valid", "ns.delegation-consistent", "ns.same-answers", "dns.propagated", "dns.domain-expiry"}

// delegation is a zone that moves itself.
func (k *blocking) delegation() {
	for _, result := range k.s.Today.Results {
		if !slices.Contains(moving, result.Rule.ID) {
			continue
		}
		for _, f := range result.Findings {
			if f.Severity < diagnosis.Warning {
				continue
			}
			k.add(Blocker{ID: BlockDNSSEC, Step: Prepare, Subject: f.Subject,
				Text: fmt.Sprintf("%s (%s): with the delegation, the keys or the registration in motion nobody can tell which answer a sender gets", strings.TrimSuffix(f.Message, "."), result.Rule.ID),
				Act:  "Finish that first, and leave a week between the two."})
		}
	}
}
