package zonefile

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
)

// large is the text of a zone of n records, of the kinds that mail needs.
func large(n int) string {
	var b strings.Builder
	b.WriteString("$ORIGIN example.org.\n$TTL 3600\n@ SOA ns h 1 2 3 4 5\n@ NS ns.example.net.\n")
	for i := range n / 4 {
		fmt.Fprintf(&b, "d%d MX 10 mail%d\nd%d TXT \"v=spf1 mx -all\"\ns._domainkey.d%d TXT ( \"v=DKIM1; p=%s\"\n \"%s\" )\nmail%d A 192.0.2.25\n", i, i, i, i, strings.Repeat("A", 240), strings.Repeat("B", 160), i)
	}
	return b.String()
}

func BenchmarkRead(b *testing.B) {
	text := large(10_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadEntries(strings.NewReader(text), ""); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	entries := zoneOf(b, large(10_000), "")
	b.ReportAllocs()
	for b.Loop() {
		if err := Write(io.Discard, entries, WriteOptions{Origin: "example.org", Relative: true, Full: true}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEdit(b *testing.B) {
	text := []byte(large(10_000))
	edits := []record.Edit{record.Set(record.SPF("d7.example.org"), txt("d7.example.org", "v=spf1 -all", 0)), record.Set(record.DMARC("example.org"), txt("_dmarc.example.org", "v=DMARC1; p=none", 0))}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Edit(text, edits, EditOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
