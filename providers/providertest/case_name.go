package providertest

// names are the cases of where records stand.
func names() []Case {
	at := func(names ...string) func(*stage) {
		return func(s *stage) {
			for _, name := range names {
				s.carry(s.set(name, "TXT", "", 600, "v=one; of "+name))
			}
			for _, name := range names {
				s.carry(s.set(name, "TXT", "", 0))
			}
		}
	}
	return []Case{
		{Name: "underscore names", run: at("_x", "_a._b._c", "under_score")},
		{Name: "wildcard names", run: at("*", "*._domainkey", "*.a.b")},
		{Name: "a wildcard that stands there", run: func(s *stage) {
			s.carry(s.set("*.wild", "TXT", "", 0, "another answer"))
			s.carry(s.set("below.wild", "TXT", "", 600, "its own answer"))
			s.carry(s.set("*.wild", "TXT", "", 0))
		}},
		{Name: "IDN names", run: func(s *stage) { // as A-labels (RFC 5890, 2.3.2.1)
			s.carry(s.set("xn--mnchen-3ya", "TXT", "", 600, "a"), s.set("post.xn--mnchen-3ya", "A", "", 600, "192.0.2.90"))
			s.carry(s.set("@", "MX", "", 0, "10 post.xn--mnchen-3ya.ZONE", "20 mail.xn--e1afmkfd.example."))
		}},
		{Name: "an empty non-terminal gets a record", run: func(s *stage) { // RFC 8499, 7
			s.carry(s.set("deep.empty", "TXT", "", 600, "here"))
			s.carry(s.set("deep.empty", "TXT", "", 0))
			s.carry(s.set("host.deep.empty", "A", "", 0))
			s.carry(s.set("empty", "TXT", "", 600, "the names below are gone"))
		}},
		{Name: "names like labels of zone files", run: at("in", "txt", "300", "com")},
		{Name: "a name with an escaped dot", run: func(s *stage) { s.exactly(s.set(`first\.last`, "TXT", "", 600, "one label")) }},
		{Name: "a name of 253 octets", run: func(s *stage) {
			name := "x"
			for len(name)+64+len(s.zone) <= 253 {
				name = "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0." + name
			}
			s.carry(s.set(name, "TXT", "", 600, "deep"))
		}},
	}
}
