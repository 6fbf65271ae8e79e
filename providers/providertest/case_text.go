package providertest

import (
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// texts are the cases of what stands in TXT records.
func texts() []Case {
	text := func(data ...string) func(*stage) {
		return func(s *stage) {
			s.carry(s.set("text", "TXT", "", 600, data...))
			s.carry(s.set("text", "TXT", "", 600, "short")) // as it was written it is found again, and replaced
			s.carry(s.set("text", "TXT", "", 0))
		}
	}
	return []Case{
		{Name: "TXT of 300 octets with quotes, backslashes and semicolons", run: text(tricky())},
		{Name: "TXT of 255, 256, 510 and 511 octets", run: text(strings.Repeat("a", 255), strings.Repeat("b", 256), strings.Repeat("c", 510), strings.Repeat("d", 511))},
		{Name: "TXT of an RSA key of 4096 bits", run: text("v=DKIM1; k=rsa; p=" + strings.Repeat("MIICIjANBgkqhkiG9w0BAQEF", 30) + "AwEAAQ==")},
		{Name: "TXT within quotes of its own", run: text(`"v=spf1" "-all"`, `'single'`, `\"`, `ends with \`)},
		{Name: "TXT with spaces at both ends", run: text("  two before, two after  ", "a  b")},
		{Name: "TXT that differ by case", run: text("Token=aBc", "token=abc")},
		{Name: "TXT with names of zone files", run: text("@", "$ORIGIN example.", "; no comment", "(", "IN TXT")},
		{Name: "TXT in UTF-8", run: func(s *stage) { s.exactly(s.set("text", "TXT", "", 600, "Grüße, 郵便")) }},
		{Name: "TXT of odd octets", run: func(s *stage) {
			s.exactly(s.set("text", "TXT", "", 600, "nul \x00, tab \t, line \r\n, del \x7f, 0xff \xff"))
		}},
		{Name: "TXT longer than the limits", run: longer},
	}
}

// exactly carries out an edit that a provider may refuse: but then it says so,
// and writes nothing. What is not allowed is to write something else.
func (s *stage) exactly(e record.Edit) {
	s.Helper()
	p, conflicts := s.draft(s.to, e)
	if len(conflicts) > 0 {
		s.Skipf("refused when planned: %s", conflicts[0].Why)
	}
	if _, err := s.apply(p); err != nil {
		s.unwritten("refused", err, s.before)
		s.Skipf("refused, and nothing written: %v", err)
	}
	s.holds(p.Apply(s.before))
	s.nothing(e)
}

// longer wishes texts that are one octet longer than the provider takes.
func longer(s *stage) {
	limits := s.to.Traits().Limits
	if limits.MaxText == 0 && limits.MaxTextAtName == 0 {
		s.exactly(s.set("text", "TXT", "", 600, strings.Repeat("x", 4000)))
		return
	}
	refused := func(what string, e record.Edit) {
		s.Helper()
		p, conflicts := s.draft(s.to, e)
		if len(conflicts) > 0 {
			return
		}
		_, err := s.apply(p)
		s.unwritten(what, err, s.before)
	}
	if n := limits.MaxText; n > 0 {
		refused("one text too long", s.set("text", "TXT", "", 600, strings.Repeat("x", n+1)))
	}
	if n := limits.MaxTextAtName; n > 0 {
		var parts []string
		for sum := 0; sum <= n; sum += 500 {
			parts = append(parts, strings.Repeat(string(rune('a'+len(parts))), 500))
		}
		refused("all texts of a name too long", s.set("text", "TXT", "", 600, parts...))
	}
	if n := limits.MaxText; n > 0 {
		s.carry(s.set("text", "TXT", "", 600, strings.Repeat("x", n)))
	}
}
