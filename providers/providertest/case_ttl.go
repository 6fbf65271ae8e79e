package providertest

import "github.com/maildoctor/maildoctor/providers"

// lifetimes are the cases of TTLs.
func lifetimes() []Case {
	return []Case{
		{Name: "TTL alone changes", run: func(s *stage) {
			s.carry(s.set("_dmarc", "TXT", "v=DMARC1", 900, "v=DMARC1; p=none; rua=mailto:dmarc@example.net"))
			s.carry(s.set("@", "MX", "", 900, "10 mail.ZONE", "20 backup.example.net."))
		}},
		{Name: "TTL and data change", run: func(s *stage) {
			s.carry(s.set("mail", "A", "", 900, "192.0.2.26"))
		}},
		{Name: "TTL of a set is that of the neighbours", run: func(s *stage) {
			s.carry(s.set("@", "TXT", "v=spf1", 900, "v=spf1 mx -all"))
		}},
		{Name: "TTLs of a set that differ", run: func(s *stage) { // against RFC 2181, 5.2, and yet it is met; servers make them one
			mixed := s.set("mixed", "TXT", "", 600, "v=spf1 a -all", "one", "two")
			mixed.Want[1].TTL, mixed.Want[2].TTL = 900, 1800
			s.service.Change(s.T, mixed)
			s.carry(s.set("mixed", "TXT", "v=spf1", 0, "v=spf1 mx -all"))
		}},
		{Name: "TTL 0 leaves that of the set", run: func(s *stage) {
			p := s.plan(s.set("mail", "A", "", 0, "192.0.2.26"))
			p.Changes[0].After[0].TTL = 0
			if err := s.to.Write(s.ctx, p); err != nil {
				s.Fatal(err)
			}
			want := p
			want.Changes[0].After[0].TTL = 3600
			s.holds(want.Apply(s.before))
		}},
		{Name: "TTL below the minimum", Unless: func(t providers.Traits) string {
			if t.Limits.MinTTL <= 1 {
				return "no minimum"
			}
			return ""
		}, run: func(s *stage) { s.within(s.to.Traits().Limits.MinTTL - 1) }},
		{Name: "TTL above the maximum", Unless: func(t providers.Traits) string {
			if t.Limits.MaxTTL == 0 {
				return "no maximum"
			}
			return ""
		}, run: func(s *stage) { s.within(s.to.Traits().Limits.MaxTTL + 1) }},
		{Name: "TTL of the limits", run: func(s *stage) {
			limits := s.to.Traits().Limits
			s.carry(s.set("low", "TXT", "", max(limits.MinTTL, 1), "low"))
			if limits.MaxTTL > 0 {
				s.carry(s.set("high", "TXT", "", limits.MaxTTL, "high"))
			}
		}},
	}
}

// within wishes a TTL outside of the limits: that is refused, or brought within
// them, and then there is nothing to plan for ever after.
func (s *stage) within(ttl uint32) {
	e := s.set("ttl", "TXT", "", ttl, "v=ttl")
	p, conflicts := s.draft(s.to, e)
	if len(conflicts) > 0 {
		return
	}
	if _, err := s.apply(p); err != nil {
		s.unwritten("refused", err, s.before)
		return
	}
	limits := s.to.Traits().Limits
	is := of(s.service.Records(s.T), under(s.zone, "ttl"), "TXT")
	if len(is) != 1 || is[0].Data != "v=ttl" {
		s.Fatalf("the set is %v", lines(is))
	}
	if got := is[0].TTL; got != 0 && (got < limits.MinTTL || limits.MaxTTL > 0 && got > limits.MaxTTL) {
		s.Errorf("the TTL is %d, the limits are %+v", got, limits)
	}
	s.nothing(e)
}
