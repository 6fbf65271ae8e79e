package dkim

import (
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/message"
)

// BenchmarkVerify is a verdict on a message of 50 KiB with its key in the cache:
// a good one, and ones whose failure must be explained. A verdict has 5 ms.
func BenchmarkVerify(b *testing.B) {
	p := pair{public: signingKey().Public(), n: signingKey().N, d: signingKey().D}
	body := strings.Repeat("This line of an ordinary letter has some seventy octets, as most have.\r\n", 50<<10/72)
	good := sign(b, letter+body, relaxedTags, p)
	for name, text := range map[string]string{
		"good":        good,
		"footer":      good + "--\r\nlist\r\n",
		"subject tag": strings.Replace(good, "Subject: ", "Subject: [list] ", 1),
		"unexplained": strings.Replace(good, "letter", "lettre", 1),
		"header":      strings.Replace(good, "Hello", "Bye", 1),
		"Ed25519":     sign(b, letter+body, edTags, edPair()),
	} {
		b.Run(name, func(b *testing.B) {
			record := p.record()
			if name == "Ed25519" {
				record = edPair().record()
			}
			r := at(record)
			b.ReportAllocs()
			for b.Loop() {
				m, _ := message.Parse([]byte(text))
				Verify(b.Context(), r, m, today)
			}
		})
	}
}
