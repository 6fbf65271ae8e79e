package smtpd_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// discard takes all and keeps nothing.
type discard struct{}

func (discard) Accept(_ context.Context, _ *smtpd.Mail, r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// serveDiscard runs a mail host on loopback until the benchmark ends.
func serveDiscard(b *testing.B) string {
	b.Helper()
	c := config(discard{})
	c.Limits.ClientPerMinute = -1
	server, err := smtpd.New(c)
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go server.Serve(l, smtpd.MX) // until Shutdown
	b.Cleanup(func() { _ = server.Shutdown(context.Background()) })
	return l.Addr().String()
}

// BenchmarkAccept takes messages of 5 KiB over sockets of loopback, from clients
// that pipeline: with one connection for all of a client's messages, and with one
// for each.
func BenchmarkAccept(b *testing.B) {
	text := "Subject: benchmark\r\nFrom: a@sender.example\r\n\r\n" + strings.Repeat(strings.Repeat("x", 78)+"\r\n", 64)
	for _, reuse := range []bool{true, false} {
		name := "reused"
		if !reuse {
			name = "new"
		}
		b.Run(name, func(b *testing.B) {
			address := serveDiscard(b)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			b.SetParallelism(10)
			b.RunParallel(func(pb *testing.PB) {
				var conn net.Conn
				var err error
				var r *bufio.Reader
				expect := func(replies int) bool {
					for replies > 0 {
						line, err := r.ReadString('\n')
						if err != nil || line[0] > '3' {
							b.Errorf("%q %v", line, err)
							return false
						}
						if line[3] == ' ' {
							replies--
						}
					}
					return true
				}
				for pb.Next() {
					if conn == nil {
						if conn, err = net.Dial("tcp", address); err != nil {
							b.Error(err)
							return
						}
						r = bufio.NewReader(conn)
						io.WriteString(conn, "EHLO client.example\r\n")
						if !expect(2) {
							return
						}
					}
					io.WriteString(conn, "MAIL FROM:<a@sender.example>\r\nRCPT TO:<b@local.example>\r\nDATA\r\n")
					if !expect(3) {
						return
					}
					io.WriteString(conn, text+".\r\n")
					if !expect(1) {
						return
					}
					if !reuse {
						io.WriteString(conn, "QUIT\r\n")
						expect(1)
						conn.Close()
						conn = nil
					}
				}
				if conn != nil {
					conn.Close()
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
