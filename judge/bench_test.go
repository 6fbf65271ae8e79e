package judge_test

import (
	"crypto/sha256"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/resolve"
)

const (
	// verdictTime is what a verdict on 50 KiB may cost in CPU with the DNS in the
	// cache.
	verdictTime = 5 * time.Millisecond
	// yardstick is octets to hash, work that takes a machine of 2026 about as long
	// as a verdict may: it makes slow and crowded machines comparable.
	yardstick = 8 << 20
)

// cpu is what the process has used of the CPU until now.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkVerdict is a verdict on 50 KiB with the DNS in the cache: on a good
// message, and on ones whose failure must be explained. It fails where one takes
// more CPU than it may, both by the clock and by what hashing costs here.
func BenchmarkVerdict(b *testing.B) {
	good := string(fiftyKiB(b))
	for _, c := range []struct {
		name, text string
		want       judge.Fate
	}{
		{"good", good, judge.Delivered},
		{"footer", good + "-- \r\nlist\r\n", judge.Rejected},
		{"unexplained", strings.Replace(good, "xxxx\r\nxxxx", "xxxy\r\nxyxx", 3), judge.Rejected},
	} {
		b.Run(c.name, func(b *testing.B) {
			dns := resolve.NewZone(base())
			e := sent("192.0.2.66", "elsewhere.example", "me@author.example")
			raw := []byte(c.text)
			b.ReportAllocs()
			start, n := cpu(b), 0
			for b.Loop() {
				m, _ := message.Parse(raw)
				if j := judge.Message(b.Context(), dns, m, e, arrival); j.Fate != c.want {
					b.Fatal(j.Summary())
				}
				n++
			}
			each := (cpu(b) - start) / time.Duration(n)
			share := float64(each) / float64(hashing(b))
			b.ReportMetric(float64(each)/1e6, "cpu-ms/op")
			b.ReportMetric(share, "of-yardstick")
			if n > 20 && each > verdictTime && share > 1 {
				b.Errorf("a verdict takes %v of CPU, %.2f of what hashing %d MiB takes", each, share, yardstick>>20)
			}
		})
	}
}

// fiftyKiB is a signed letter of that size.
func fiftyKiB(tb testing.TB) []byte {
	tb.Helper()
	return signed(tb, "From: me@author.example\r\nTo: you@receiver.example\r\nSubject: Dinner\r\nDate: Sun, 22 Nov 2026 11:59:00 +0000\r\nMessage-ID: <1@author.example>\r\n\r\n"+strings.Repeat(strings.Repeat("x", 76)+"\r\n", 50<<10/78), "author.example")
}

// hashing is the CPU that the yardstick takes here and now.
func hashing(tb testing.TB) time.Duration {
	block := make([]byte, 64<<10)
	start := cpu(tb)
	h := sha256.New()
	for range yardstick / len(block) {
		h.Write(block)
	}
	h.Sum(nil)
	return max(cpu(tb)-start, time.Microsecond)
}
