package desired

import (
	"fmt"
	"strings"
	"testing"
)

// many is a file of as many domains as are read, whose reports all go to the first.
func many() string {
	var b strings.Builder
	b.WriteString("version: 1\nhosts: {mail.d0.example: [192.0.2.25, '2001:db8:25::25']}\ndefaults: {profile: mailcow, reports: dmarc@d0.example, mta-sts: enforce, services: {ses: {tokens: [a, b, c]}, mailchimp: }}\ndomains:\n")
	for i := range maxDomains {
		fmt.Fprintf(&b, "  d%d.example: {dkim: {s1: %s}, no-mail: [www]}\n", i, edKey)
	}
	return b.String()
}

func BenchmarkParse(b *testing.B) {
	text := []byte(many())
	for b.Loop() {
		if _, problems := Parse(text, nil); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

func BenchmarkEdits(b *testing.B) {
	s, _ := Parse([]byte(many()), nil)
	for b.Loop() {
		if _, problems := s.Edits(Given{}); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}
