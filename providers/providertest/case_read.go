package providertest

import (
	"slices"

	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// readings are the cases of what Read returns.
func readings() []Case {
	return []Case{
		{Name: "all of the zone is read", Unless: func(t providers.Traits) string {
			if !t.Whole {
				return "the provider reads names"
			}
			return ""
		}, run: func(s *stage) {
			got := s.read(s.to, s.zone)
			sameRecords(s.T, "Read", without(got.Records, s.zone), without(s.before, s.zone))
		}},
		{Name: "names are read", run: func(s *stage) {
			s.reads(s.zone, "_dmarc", "s1._domainkey", "www", "mail", "_25._tcp.mail", "_sip._tcp", "*.wild")
		}},
		{Name: "names without records are read", run: func(s *stage) {
			s.reads("deep.empty", "empty", "nothing", "_tcp")
		}},
		{Name: "the wildcard that answers is read", run: func(s *stage) {
			got := s.read(s.to, under(s.zone, "new.wild"))
			sameRecords(s.T, "at the wildcard", of(got.Records, under(s.zone, "*.wild"), "TXT"), of(s.before, under(s.zone, "*.wild"), "TXT"))
			sameRecords(s.T, "at the name", at(got.Records, under(s.zone, "new.wild")), nil)
		}},
		{Name: "marks", Unless: func(t providers.Traits) string {
			if !t.Marks {
				return "the provider keeps no marks"
			}
			return ""
		}, run: marks},
	}
}

func at(records []record.Record, names ...string) []record.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r record.Record) bool { return !slices.Contains(names, r.Name) })
}

// reads fails unless a reading of names has exactly what is there.
func (s *stage) reads(names ...string) {
	s.Helper()
	for i, name := range names {
		if name != s.zone {
			names[i] = under(s.zone, name)
		}
	}
	got := s.read(s.to, names...)
	sameRecords(s.T, "Read", without(at(got.Records, names...), s.zone), without(at(s.before, names...), s.zone))
}

// marks holds that the provider knows its own records, and no others, however it is opened.
func marks(s *stage) {
	s.carry(s.some()...)
	to := s.provider(s.zone)
	ours := s.read(to, s.zone, under(s.zone, "_dmarc"), under(s.zone, "s2._domainkey")).Given(to).Ours
	made := func(e record.Edit) (list []record.Record) {
		for _, r := range s.service.Records(s.T) {
			if e.Slot.Holds(r) {
				list = append(list, r)
			}
		}
		return list
	}
	s2 := made(s.set("s2._domainkey", "TXT", "", 0))
	if len(s2) != 1 || !ours(s2[0]) {
		s.Errorf("%v is not known to be ours", lines(s2))
	}
	for _, r := range s.before {
		if ours(r) && r.Type != "MX" {
			s.Errorf("%v is said to be ours", r)
		}
	}
	// What is ours goes without a word; what is not gives a concern.
	for _, c := range s.plan(s.set("s2._domainkey", "TXT", "", 0)).Concerns {
		s.Errorf("a record that we made: %s", c.Text)
	}
	if p := s.plan(s.set("mail", "AAAA", "", 0)); len(p.Concerns) == 0 {
		s.Error("a record of somebody else goes without a concern")
	}
	s.carry(s.set("s2._domainkey", "TXT", "", 0))
}
