//go:build unix

package resolve

import (
	"net"
	"syscall"
	"testing"

	"github.com/miekg/dns"
)

// BenchmarkClient asks many questions at once: multiplexed on few sockets as
// Client does, and with a socket for each, for comparison. The server is a loop
// that costs next to nothing and the same in both. cpu-ns/op is the time of all
// threads, kernel included.
func BenchmarkClient(b *testing.B) {
	server := echo(b)
	q := Ask("example.org", "TXT")

	b.Run("multiplexed", func(b *testing.B) {
		c := NewClient(Options{Servers: []Server{server}})
		defer c.Close()
		crowd(b, func() error {
			_, err := c.Resolve(b.Context(), q)
			return err
		})
	})
	b.Run("socket-each", func(b *testing.B) {
		crowd(b, func() error {
			m := new(dns.Msg).SetQuestion(q.Name, dns.TypeTXT)
			m.SetEdns0(ednsSize, true)
			_, _, err := new(dns.Client).Exchange(m, server.address())
			return err
		})
	})
}

// crowd runs ask by 32 and more at once and reports the CPU time.
func crowd(b *testing.B, ask func() error) {
	b.ReportAllocs()
	b.SetParallelism(16)
	before := cpuTime()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := ask(); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/op")
}

// cpuTime is the CPU time of the process in nanoseconds.
func cpuTime() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// echo is a UDP server that answers every question alike.
func echo(b *testing.B) Server {
	m := new(dns.Msg).SetQuestion("example.org.", dns.TypeTXT)
	wire, err := answer(m, 0, spfLine).Pack()
	if err != nil {
		b.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if n >= 2 {
				copy(wire, buf[:2])
				conn.WriteToUDPAddrPort(wire, from)
			}
		}
	}()
	return (&peer{addr: conn.LocalAddr().String()}).server("udp")
}

func BenchmarkZone(b *testing.B) {
	z := NewZone(world(b, "example.org TXT v=spf1 -all", "www.example.org CNAME example.org.", "*.example.org TXT any"))
	for _, name := range []string{"www.example.org", "x.y.example.org"} {
		b.Run(name, func(b *testing.B) {
			q := Ask(name, "TXT")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := z.Resolve(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
