//go:build !race

package mta_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// memoryDir tells a process that it is the server of TestMemory, and where it works.
const memoryDir = "MAILDOCTOR_TEST_MEMORY_DIR"

// The race detector takes memory itself, so this file is not for it.

// TestMemory: what clients may send takes a bounded amount of memory of a process
// that judges it and puts it into a mailbox. Figures are of the whole process (RSS).
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 150 MiB")
	}
	w := startMemory(t, t.TempDir())
	body := func(octets int) string {
		return strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n", octets/64)
	}
	signed := func(text string) string {
		signatures, err := mta.Sign(w.keys, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return string(signatures) + text
	}
	big := signed(text("ann@sender.example") + body(50<<20-4096))
	for _, test := range []struct {
		name string
		most int64 // MiB
		do   func(t *testing.T)
	}{
		{"1,000 idle connections", 64, func(t *testing.T) { w.idle(t, 1000) }},
		{"300 messages of 5 KiB", 64, func(t *testing.T) { w.send(t, signed(text("ann@sender.example")+body(5<<10)), 300) }},
		{"1,000 header fields", 64, func(t *testing.T) {
			w.send(t, signed(strings.Repeat("X-Field: "+strings.Repeat("x", 200)+"\r\n", 990)+text("ann@sender.example")), 10)
		}},
		{"10,000 MIME parts", 64, func(t *testing.T) {
			head := "Content-Type: multipart/mixed; boundary=b\r\nMIME-Version: 1.0\r\n"
			w.send(t, signed(head+text("ann@sender.example")+strings.Repeat("--b\r\nContent-Type: text/plain\r\n\r\npart\r\n", 10_000)+"--b--\r\n"), 10)
		}},
		{"a message of 50 MiB", 64 + 50, func(t *testing.T) { w.send(t, big, 1) }}, // judged in memory
		{"two of them at once", 64 + 50, func(t *testing.T) { // one after the other is judged
			t.Run("at once", func(t *testing.T) {
				for i := range 2 {
					t.Run(strconv.Itoa(i), func(t *testing.T) { t.Parallel(); w.send(t, big, 1) })
				}
			})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := w.status("VmRSS")
			w.reset()
			test.do(t)
			peak, after := w.status("VmHWM"), w.status("VmRSS")
			for _, figure := range []struct {
				what   string
				octets int64
			}{{"RSS_before", before}, {"at_most", peak}, {"afterwards", after}} {
				t.Attr("memory|"+figure.what, fmt.Sprintf("%d MiB", figure.octets>>20))
			}
			if peak > test.most<<20 {
				t.Errorf("%d MiB, and %d before", peak>>20, before>>20)
			}
		})
	}
}

// A memoryWorld is a server in a process of its own.
type memoryWorld struct {
	keys    []mta.Key
	pid     int
	address string
}

func startMemory(t *testing.T, dir string) *memoryWorld {
	t.Helper()
	key, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	w := &memoryWorld{keys: []mta.Key{{Domain: "sender.example", Selector: "r1", Signer: key}}}
	public, err := dkim.New(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestMemoryServer$", "-test.v")
	cmd.Env = append(os.Environ(), memoryDir+"="+dir, "MAILDOCTOR_TEST_KEY="+public.String())
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.pid = cmd.Process.Pid
	t.Cleanup(func() {
		stdin.Close()
		io.Copy(io.Discard, stdout)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if address, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			w.address = address
			return w
		}
	}
	t.Fatal("the server does not listen")
	return nil
}

// TestMemoryServer is the server of TestMemory.
func TestMemoryServer(t *testing.T) {
	dir := os.Getenv(memoryDir)
	if dir == "" {
		t.Skip("this is a part of TestMemory")
	}
	zone := resolve.NewZone([]record.Record{
		record.TXT("sender.example.", "v=spf1 ip4:127.0.0.1 -all"), record.TXT("_dmarc.sender.example.", "v=DMARC1; p=reject"),
		record.TXT("r1._domainkey.sender.example.", os.Getenv("MAILDOCTOR_TEST_KEY")),
	})
	c := smtpd.Config{Hostname: "mx.receiver.example", Domains: []string{"receiver.example"}, GreetAfter: -1, TempDir: dir}
	c.Limits.ClientPerMinute, c.Limits.ClientSessions, c.Limits.Sessions = -1, -1, -1
	s, _, err := mta.Open(mta.Options{Receive: c, Send: deliver.Sender{DNS: zone}, DNS: zone, SpoolDir: filepath.Join(dir, "spool"), Spool: spool.Options{MinFree: 1},
		Mail: &maildir.Store{Dir: filepath.Join(dir, "mail"), Host: "mx"}, Arrived: func(a mta.Arrival) { os.Remove(filepath.Join(dir, "mail", a.Box, "new", a.Name)) }})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l, smtpd.MX)
	fmt.Printf("listening on %s\n", l.Addr())
	io.Copy(io.Discard, os.Stdin)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
}

// status is a field of the status of the server's process, in octets.
func (w *memoryWorld) status(name string) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.pid))
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kib << 10
		}
	}
	return -1
}

// reset begins the peak anew (proc(5), clear_refs).
func (w *memoryWorld) reset() {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", w.pid), []byte("5"), 0)
}

// send sends a message some times, over one connection.
func (w *memoryWorld) send(t *testing.T, message string, times int) {
	t.Helper()
	c := client.Client{Name: "mx.sender.example", Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, w.address)
	}}
	conn, failed := c.Connect(t.Context(), client.Target{Addr: netip.MustParseAddr("127.0.0.1"), Host: "mx.receiver.example"})
	defer conn.Close()
	if failed == nil {
		failed = conn.Hello()
	}
	if failed != nil {
		t.Fatal(failed)
	}
	for range times {
		m := client.Mail{From: "ann@sender.example", Rcpts: []client.Rcpt{{Addr: "bob@receiver.example"}}, Size: int64(len(message)),
			Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(message)), nil }}
		if a := conn.Send(m)[0]; a.Err != nil || a.Reply.Code != 250 {
			t.Fatal(a.Reply, a.Err)
		}
	}
}

// idle opens connections on which nothing happens after the greeting.
func (w *memoryWorld) idle(t *testing.T, n int) {
	t.Helper()
	for range n {
		conn, err := net.Dial("tcp", w.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Read(make([]byte, 512)); err != nil {
			t.Fatal(err)
		}
	}
}
