package deliver_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/peertest"
)

// sink is a running smtp-sink, Postfix's own test server, and where it keeps what
// it takes.
func sink(t testing.TB, options ...string) (address, dumps string) {
	t.Helper()
	program := peertest.Program(t, "smtp-sink")
	address, dumps = peertest.Address(t), t.TempDir()
	if os.Getuid() == 0 {
		options = append(options, "-u", "root") // which it asks for, then
	}
	cmd := exec.Command(program, append(options, "-h", "mx.example.org", "-d", filepath.Join(dumps, "mail."), address, "10")...)
	peertest.Start(t, cmd, peertest.Listens(address))
	return address, dumps
}

// TestPeersSink: what Postfix's test server takes is the message, once; what it
// does wrong on purpose is told for what it is.
func TestPeersSink(t *testing.T) {
	const message = "From: a@example.net\r\nSubject: dots\r\n\r\n.\r\n..\r\n.hidden\r\n\r\nend"
	for name, test := range map[string]struct {
		options []string
		want    string
		dumped  bool
	}{
		"takes":                   {nil, "delivered", true},
		"no pipelining":           {[]string{"-p"}, "delivered", true},
		"no ESMTP":                {[]string{"-e"}, "delivered", true},
		"no greeting":             {[]string{"-q", "connect"}, "temporary", false},
		"hangs up at MAIL":        {[]string{"-q", "mail"}, "temporary", false},
		"hangs up at RCPT":        {[]string{"-q", "rcpt"}, "temporary", false},
		"hangs up at DATA":        {[]string{"-q", "data"}, "temporary", false},
		"hangs up at the end":     {[]string{"-q", "."}, "temporary maybe", false},
		"soft at RCPT":            {[]string{"-r", "rcpt"}, "temporary", false},
		"hard at RCPT":            {[]string{"-f", "rcpt"}, "permanent", false},
		"soft at the end":         {[]string{"-r", "."}, "temporary", false},
		"hard at the end":         {[]string{"-f", "."}, "permanent", false},
		"hard at EHLO, then HELO": {[]string{"-f", "ehlo"}, "delivered", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, dumps := sink(t, test.options...)
			w := newWorld(t, oneHost)
			s := w.sender()
			s.Client.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			report := s.Deliver(t.Context(), jobOf(message, "example.org", "b@example.org", "c@example.org"))
			for _, r := range report.Results {
				got := r.Status.String()
				if r.Maybe {
					got += " maybe"
				}
				if got != test.want {
					t.Errorf("%s (%s), want %s\n%s", got, r.Text, test.want, transcript(report))
				}
			}
			if !test.dumped {
				return
			}
			files, _ := filepath.Glob(filepath.Join(dumps, "mail.*"))
			if len(files) != 1 {
				t.Fatalf("%d messages: %v", len(files), files)
			}
			raw, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.ReplaceAll(message, "\r\n", "\n") + "\n"; !strings.Contains(string(raw), want) {
				t.Errorf("taken:\n%s", raw)
			}
			if n := strings.Count(string(raw), "X-Rcpt-Args: "); n != 2 {
				t.Errorf("%d recipients", n)
			}
		})
	}
}

// TestPeersSinkPool sends messages in conversations that go on; what the test server
// does wrong then costs a conversation, and no message.
func TestPeersSinkPool(t *testing.T) {
	for name, test := range map[string]struct {
		options []string
		most    int // conversations
	}{
		"takes":             {nil, 2},
		"no pipelining":     {[]string{"-p"}, 2},
		"no ESMTP":          {[]string{"-e"}, 2},
		"RSET: hard":        {[]string{"-f", "rset"}, 60},
		"RSET: soft":        {[]string{"-r", "rset"}, 60},
		"RSET: hangs up":    {[]string{"-q", "rset"}, 60},
		"RSET: drops at it": {[]string{"-Q", "rset"}, 60},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, dumps := sink(t, test.options...)
			w := newWorld(t, oneHost)
			s := w.pooled(t)
			calls := 0
			s.Client.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
				calls++
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			for i := range 60 {
				if r := one(t, s, jobOf(fmt.Sprintf("Subject: number %d.\r\n\r\n.\r\n", i), "example.org", "b@example.org")); r.Results[0].Status != deliver.Delivered {
					t.Fatalf("%d: %s\n%s", i, r.Results[0].Text, transcript(r))
				}
			}
			if calls > test.most {
				t.Errorf("%d conversations", calls)
			}
			files, _ := filepath.Glob(filepath.Join(dumps, "mail.*"))
			seen := map[string]bool{}
			for _, file := range files {
				raw, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				for i := range 60 {
					if subject := fmt.Sprintf("Subject: number %d.", i); strings.Contains(string(raw), subject) {
						seen[subject] = true
					}
				}
			}
			if len(files) != 60 || len(seen) != 60 {
				t.Errorf("%d messages, %d of them different", len(files), len(seen))
			}
		})
	}
}

func transcript(report deliver.Report) string {
	var b strings.Builder
	for _, s := range report.Sessions {
		fmt.Fprintf(&b, "%s\n%s\n", s.Policy, s.Evidence().Answer)
	}
	return b.String()
}

// BenchmarkSink delivers messages of 5 KiB to Postfix's test server, twenty at once,
// each with a conversation of its own, and in conversations that go on.
func BenchmarkSink(b *testing.B) {
	message := "From: a@example.net\r\nSubject: load\r\n\r\n" + strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n", 80)
	for _, pool := range []bool{false, true} {
		b.Run(fmt.Sprint("kept=", pool), func(b *testing.B) {
			address, _ := sink(b)
			w := newWorld(b, oneHost)
			s := w.sender()
			if pool {
				s = w.pooled(b)
			}
			s.DNS = w.zone
			s.Client.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			b.SetBytes(int64(len(message)))
			b.SetParallelism(10)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if r := s.Deliver(b.Context(), jobOf(message, "example.org", "b@example.org")).Results[0]; r.Status != deliver.Delivered {
						b.Error(r.Text)
					}
				}
			})
		})
	}
}
