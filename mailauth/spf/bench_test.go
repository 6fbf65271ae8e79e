package spf

import (
	"strings"
	"testing"
)

// BenchmarkParse reads an ordinary record, and the worst that fits into a TXT
// record: 64 KiB of words that look like terms run together.
func BenchmarkParse(b *testing.B) {
	hostile := func(word string) string {
		word = strings.Repeat(word, maxGlued/len(word))
		return Version + " " + strings.Repeat(word+" ", 65000/(len(word)+1))
	}
	for name, txt := range map[string]string{
		"ordinary":  "v=spf1 ip4:192.0.2.0/24 include:_spf.example.net include:mail.example.com a mx ~all",
		"glued":     hostile("include:a.b"),
		"modifiers": hostile("exp=a."),
		"addresses": hostile("ip4:1.2.3.4"),
		"qualified": hostile("+mx"),
		"separated": hostile("ip4:1.2.3.4,"),
		"dead ends": hostile("a:a.b+mx:"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Parse(txt)
			}
		})
	}
}
