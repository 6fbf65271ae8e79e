package feedback_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/maildoctor/maildoctor/feedback"
)

// A long is a report of about size octets, written as it is read.
type long struct {
	size, written, n int
	left, buffer     []byte
	ended            bool
}

func (l *long) Read(p []byte) (int, error) {
	if len(l.left) == 0 {
		switch {
		case l.written == 0:
			l.left = []byte(`<?xml version="1.0" encoding="UTF-8"?><feedback><report_metadata><org_name>Receiver</org_name><email>dmarc@receiver.example</email><report_id>1</report_id><date_range><begin>1793491200</begin><end>1793577599</end></date_range></report_metadata><policy_published><domain>example.com</domain><p>none</p></policy_published>`)
		case l.written < l.size:
			l.n++
			l.buffer = fmt.Appendf(l.buffer[:0], "\n  <record>\n    <row>\n      <source_ip>10.%d.%d.%d</source_ip>\n      <count>%d</count>\n      <policy_evaluated>\n        <disposition>none</disposition>\n        <dkim>pass</dkim>\n        <spf>fail</spf>\n      </policy_evaluated>\n    </row>\n    <identifiers>\n      <header_from>example.com</header_from>\n    </identifiers>\n    <auth_results>\n      <dkim>\n        <domain>example.com</domain>\n        <selector>s%d</selector>\n        <result>pass</result>\n      </dkim>\n      <spf>\n        <domain>bounces.example.net</domain>\n        <result>pass</result>\n      </spf>\n    </auth_results>\n  </record>", l.n>>16&255, l.n>>8&255, l.n&255, l.n%50+1, l.n%7)
			l.left = l.buffer
		case !l.ended:
			l.left, l.ended = []byte("</feedback>"), true
		default:
			return 0, io.EOF
		}
		l.written += len(l.left)
	}
	n := copy(p, l.left)
	l.left = l.left[n:]
	return n, nil
}

// consume reads a report of size octets; records is how many it had, and heap the most
// octets that were in use at a time.
func consume(tb testing.TB, size int) (records int, heap uint64) {
	tb.Helper()
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for doc, err := range feedback.From(context.Background(), "long.xml", &long{size: size}) {
		if err != nil {
			tb.Fatal(err)
		}
		for r, err := range doc.Records() {
			if err != nil {
				tb.Fatal(err)
			}
			if r.Fault != "" || !r.DKIM {
				tb.Fatalf("record %+v", r)
			}
			if records++; records%20000 == 0 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				heap = max(heap, now.HeapAlloc-min(before.HeapAlloc, now.HeapAlloc))
			}
		}
	}
	return records, heap
}

// A report of 50 MB takes no more memory than one of 5.
func TestFlatMemory(t *testing.T) {
	size := 10 << 20
	if testing.Short() {
		size = 5 << 20
	}
	records, heap := consume(t, size)
	if records < size/1000 {
		t.Errorf("%d records of %d octets", records, size)
	}
	const most = 8 << 20
	if heap > most {
		t.Errorf("%d octets in use while a report of %d is read, want at most %d", heap, size, most)
	}
}

func BenchmarkAggregate50MB(b *testing.B) {
	const size = 50 << 20
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		records, heap := consume(b, size)
		b.ReportMetric(float64(records), "records")
		b.ReportMetric(float64(heap)/(1<<20), "MiB-in-use")
	}
}
