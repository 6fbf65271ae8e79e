package report_test

import (
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/report"
)

func there(what, text string) diagnosis.Sight   { return sighted(diagnosis.Passed, what, text) }
func absent(what, text string) diagnosis.Sight  { return sighted(diagnosis.Skipped, what, text) }
func wrong(what, text string) diagnosis.Sight   { return sighted(diagnosis.Failed, what, text) }
func unclear(what, text string) diagnosis.Sight { return sighted(diagnosis.Unknown, what, text) }

func sighted(o diagnosis.Outcome, what, text string) diagnosis.Sight {
	judges := map[string][]string{"MX": {"mx"}, "address": {"mx"}, "DKIM": {"dkim"}, "DMARC": {"dmarc"}, "PTR": {"ptr", "helo.fqdn-resolves"}}
	return diagnosis.Sight{What: what, Seen: text, Outcome: o, Checks: judges[what]}
}

// healthyMap is of a domain with two mail hosts, one of which sends.
func healthyMap() diagnosis.Map {
	include := func(n int, term, record string, terms ...diagnosis.SPFTerm) diagnosis.SPFTerm {
		t := diagnosis.SPFTerm{Term: "include:" + term, Target: term, Record: record, Number: n, Lookups: 1, Terms: terms}
		for _, below := range terms {
			t.Lookups += below.Lookups
		}
		return t
	}
	return diagnosis.Map{
		SPF: &diagnosis.SPFTree{
			Record: "v=spf1 mx include:_spf.mail.example.net -all", Lookups: 7, LookupLimit: 10, VoidLimit: 2,
			Terms: []diagnosis.SPFTerm{
				{Term: "mx", Target: "example.org", Number: 1, Lookups: 1},
				include(2, "_spf.mail.example.net", "v=spf1 include:_a.mail.example.net include:_b.mail.example.net ~all",
					include(3, "_a.mail.example.net", "v=spf1 ip4:198.51.100.0/24 ~all"),
					include(4, "_b.mail.example.net", "v=spf1 include:_c.mail.example.net a:out.mail.example.net ~all",
						include(5, "_c.mail.example.net", "v=spf1 a:relay.mail.example.net ~all",
							diagnosis.SPFTerm{Term: "a:relay.mail.example.net", Target: "relay.mail.example.net", Number: 6, Lookups: 1, Void6: true}),
						diagnosis.SPFTerm{Term: "a:out.mail.example.net", Target: "out.mail.example.net", Number: 7, Lookups: 1})),
			},
		},
		Receiving: &diagnosis.Route{
			Seen: []diagnosis.Sight{there("MX", "2 hosts"), there("DNSSEC", "the MX records are signed"), there("MTA-STS", "policy with mode enforce")},
			Hosts: []diagnosis.Host{
				{Name: "mx1.example.org", MX: true, Preference: 10, Seen: []diagnosis.Sight{there("MTA-STS", "the policy names it"), there("DANE", "2 TLSA records, signed")},
					Addresses: []diagnosis.Address{
						{Address: "192.0.2.25", Seen: []diagnosis.Sight{there("port 25", "open, greets as mx1.example.org"), there("TLS", "1.3, certificate valid")}},
						{Address: "2001:db8::25", Seen: []diagnosis.Sight{there("port 25", "open, greets as mx1.example.org"), there("TLS", "1.3, certificate valid")}},
					}},
				{Name: "mx2.example.org", MX: true, Preference: 20, Seen: []diagnosis.Sight{there("MTA-STS", "the policy names it"), absent("DANE", "no TLSA record")},
					Addresses: []diagnosis.Address{{Address: "192.0.2.26", Seen: []diagnosis.Sight{there("port 25", "open, greets as mx2.example.org"), there("TLS", "1.3, certificate valid")}}}},
			},
		},
		Sending: &diagnosis.Route{
			Seen: []diagnosis.Sight{there("DKIM", "selector s1"), there("DMARC", "p=reject")},
			Hosts: []diagnosis.Host{{Name: "mx1.example.org", Addresses: []diagnosis.Address{
				{Address: "192.0.2.25", Seen: []diagnosis.Sight{there("PTR", "mx1.example.org, which leads back"), there("EHLO", "mx1.example.org"), there("SPF", "pass")}}}}},
		},
	}
}

// sickMap has a tree over its limits, and ways that lead nowhere.
func sickMap() diagnosis.Map {
	tree := &diagnosis.SPFTree{
		Record: "v=spf1 include:one.example include:two.example redirect=gone.example", Lookups: 14, LookupLimit: 10, LowerBound: true,
		Voids: 3, Voids4: 3, Voids6: 4, VoidLimit: 2, Omitted: 2,
	}
	void := func(n int) diagnosis.SPFTerm {
		return diagnosis.SPFTerm{Term: "a:gone.example", Target: "gone.example", State: diagnosis.SPFEmpty, Number: n, Lookups: 1, Void4: true, Void6: true}
	}
	states := diagnosis.SPFTerm{Term: "include:one.example", Target: "one.example", Record: "v=spf1 …", Number: 1, Lookups: 10}
	for n, s := range []diagnosis.SPFState{diagnosis.SPFNoName, diagnosis.SPFNoRecord, diagnosis.SPFSeveral, diagnosis.SPFBroken, diagnosis.SPFLoop, diagnosis.SPFVaries, diagnosis.SPFUnaskable, diagnosis.SPFUnanswered, diagnosis.SPFCut} {
		states.Terms = append(states.Terms, diagnosis.SPFTerm{Term: "include:" + s.String() + ".example", Target: s.String() + ".example", State: s, Number: n + 2, Lookups: 1})
	}
	states.Terms[5].Term, states.Terms[5].Target = "include:%{i}.varies.example", ""
	states.Terms[7].Reason = "TXT unanswered.example: SERVFAIL"
	tree.Terms = []diagnosis.SPFTerm{
		states,
		{Term: "include:two.example", Target: "two.example", Record: "v=spf1 a:gone.example a:gone.example a:gone.example -all", Number: 11, Lookups: 4, Terms: []diagnosis.SPFTerm{void(12), void(13), void(14)}},
	}
	return diagnosis.Map{
		SPF: tree,
		Receiving: &diagnosis.Route{
			Seen: []diagnosis.Sight{there("MX", "3 hosts"), absent("DNSSEC", "not signed"), wrong("MTA-STS", "announced, not served as senders want it")},
			Hosts: []diagnosis.Host{
				{Name: "mx1.sick.example", MX: true, Preference: 10, Seen: []diagnosis.Sight{unclear("DANE", "TLSA _25._tcp.mx1.sick.example: SERVFAIL")},
					Addresses: []diagnosis.Address{{Address: "192.0.2.25", Seen: []diagnosis.Sight{unclear("port 25", "connect: timed out (nothing within 10s)")}}}},
				{Name: "192.0.2.25", MX: true, Preference: 20, Seen: []diagnosis.Sight{wrong("address", "the name is an address, which no sender looks up")}},
			},
			Omitted: 1,
		},
		Sending: &diagnosis.Route{
			Seen: []diagnosis.Sight{there("DKIM", "selectors s1, old"), wrong("DMARC", "no policy")},
			Hosts: []diagnosis.Host{{Addresses: []diagnosis.Address{
				{Address: "192.0.2.25", Seen: []diagnosis.Sight{wrong("PTR", "none"), wrong("SPF", "permerror")}},
				{Address: "2001:db8::25", Seen: []diagnosis.Sight{wrong("PTR", "mx.sick.example, which does not lead back"), unclear("SPF", "temperror")}}}}},
		},
	}
}

// hostileMap has evil wherever text can stand, and is deep and wide.
func hostileMap(evil string) diagnosis.Map {
	if len(evil) > 4<<10 { // once is enough of so much
		return diagnosis.Map{SPF: &diagnosis.SPFTree{Record: evil}, Sending: &diagnosis.Route{Seen: []diagnosis.Sight{there("DKIM", evil)}}}
	}
	sights := []diagnosis.Sight{there(evil, evil), wrong("TLS", evil), unclear("DANE", evil)}
	term := diagnosis.SPFTerm{Term: evil, Target: evil, Record: evil, Reason: evil, State: diagnosis.SPFUnanswered, Number: 1 << 40, Lookups: 1 << 40, Void4: true, Void6: true}
	deep := term
	for range 40 {
		deep = diagnosis.SPFTerm{Term: "include:x", Terms: []diagnosis.SPFTerm{deep}}
	}
	tree := &diagnosis.SPFTree{Record: evil, Lookups: 1 << 40, LookupLimit: 1 << 40, Voids: 1 << 40, Terms: []diagnosis.SPFTerm{term, deep}}
	for range 500 {
		tree.Terms = append(tree.Terms, diagnosis.SPFTerm{Term: "a", Number: 1, Lookups: 1})
	}
	route := &diagnosis.Route{Seen: sights, Hosts: []diagnosis.Host{{Name: evil, MX: true, Seen: sights, Addresses: []diagnosis.Address{{Address: evil, Seen: sights}}}}, Omitted: 1 << 40}
	return diagnosis.Map{SPF: tree, Receiving: route, Sending: route}
}

// TestMapBounded: a page stays of a size to look at, whatever a report holds, and
// says what it leaves out.
func TestMapBounded(t *testing.T) {
	deep := diagnosis.SPFTerm{Term: "include:x"}
	for range 200 {
		deep = diagnosis.SPFTerm{Term: "include:x", Terms: []diagnosis.SPFTerm{deep}}
	}
	wide := &diagnosis.SPFTree{Lookups: 1 << 62, LookupLimit: 1 << 61, Terms: []diagnosis.SPFTerm{deep}}
	route := &diagnosis.Route{}
	for range 2000 {
		wide.Terms = append(wide.Terms, diagnosis.SPFTerm{Term: "a"})
		route.Seen = append(route.Seen, there("MX", "x"))
		route.Hosts = append(route.Hosts, diagnosis.Host{Name: "x", Addresses: []diagnosis.Address{{Address: "y"}}})
	}
	r := diagnosis.Report{Domain: "example.org", At: at, Map: diagnosis.Map{SPF: wide, Receiving: route, Sending: route}}
	read, err := report.ReadJSON(strings.NewReader(string(toJSON(t, r))))
	if err != nil {
		t.Fatal(err)
	}
	page := written(t, format(t, "html"), read...)
	if len(page) > 100<<10 {
		t.Errorf("%d octets", len(page))
	}
	for _, want := range []string{"and 1812 more terms, left out here", "and 1960 more, left out here", "and 1 term below it, left out here"} {
		if !strings.Contains(page, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}

// TestMapFindings: a finding is named where it belongs, and nowhere else.
func TestMapFindings(t *testing.T) {
	finding := func(subject string) diagnosis.Finding {
		return diagnosis.Finding{Subject: subject, Message: "m", Severity: diagnosis.Warning}
	}
	sight := func(text string) []diagnosis.Sight {
		s := there("TLS", text)
		s.Checks = []string{"smtp.starttls", "dane"}
		return []diagnosis.Sight{s}
	}
	for subject, want := range map[string]string{
		"192.0.2.1":               "first",
		"192.0.2.1 and 192.0.2.2": "first second",
		"192.0.2.3, 192.0.2.2":    "second",
		"mx.example.org":          "host first second",
		"example.org":             "domain",
		"":                        "domain",
		"192.0.2.11":              "domain", // of nothing that is drawn
	} {
		r := diagnosis.Report{Domain: "example.org", At: at,
			Results: []diagnosis.Result{fail("smtp.starttls", diagnosis.Warning, "", finding(subject)), fail("smtp.banner", diagnosis.Critical, "", finding(subject))},
			Map: diagnosis.Map{Receiving: &diagnosis.Route{Seen: sight("domain"), Hosts: []diagnosis.Host{{Name: "mx.example.org", Seen: sight("host"),
				Addresses: []diagnosis.Address{{Address: "192.0.2.1", Seen: sight("first")}, {Address: "192.0.2.2", Seen: sight("second")}}}}}}}
		page := written(t, format(t, "html"), r)
		var got []string
		for _, text := range []string{"domain", "host", "first", "second"} {
			if strings.Contains(page, "<b>TLS</b> "+text+` <a href="#report-1-finding-2">warning: smtp.starttls</a>`) {
				got = append(got, text)
			}
		}
		// What concerns an address of a host concerns what was seen of the host, too.
		if want = strings.TrimSpace(want); strings.Join(got, " ") != want && strings.Join(got, " ") != "host "+want {
			t.Errorf("%q: %v, want %s", subject, got, want)
		}
	}
}
