//go:build linux

package lab_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/daemon"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

var (
	loadMessages = flag.Int("load.messages", 2000, "messages of each run of BenchmarkPeersLoad")
	loadRounds   = flag.Int("load.rounds", 3, "runs of BenchmarkPeersLoad, of which the median counts")
	loadOnly     = flag.String("load.only", "", "servers of BenchmarkPeersLoad whose names hold this")
	loadDir      = flag.String("load.dir", "", "where BenchmarkPeersLoad makes a directory for each server; empty: that of the system for temporary files. "+
		"/ is best: ext4 without a journal passes by inodes that were freed in the last minutes nearby, one by one, which makes new files slow where others remove theirs")
	loadProfile = flag.String("load.profile", "", "directory for CPU, block and mutex profiles of our server under load")
)

// BenchmarkPeersLoad has Postfix's load generator give 2,000 messages of 5 KiB over
// 20 sessions to a real Postfix and to us, in turns, on one disk, with a connection
// for each message and with connections that are used again. What a server has said
// 250 to is on the disk: both keep all their syncs.
//
// Postfix is Debian's with its defaults, without content filters, reverse lookups,
// or a delay of anything; it logs into a file, and so do we. Our limits of the
// sessions of one client are lifted, as all come from one address, and we do not
// listen for early talkers before we greet, as Postfix's smtpd does not either. The
// rows tell what becomes of the mail:
//
//	kept       in the queue, where nothing happens to it: accepting alone
//	discarded  through the queue, and delivered to nowhere
//	mailbox    into a Maildir, by us before the 250, after SPF, iprev, DKIM, ARC and
//	           DMARC were judged with the DNS in memory; by Postfix afterwards, unjudged
//
// The rates of accepting are until the last message has got its 250, and those of
// delivering until it is in its mailbox.
//
// smtp-sink takes mail and throws it away: about what the generator can give.
func BenchmarkPeersLoad(b *testing.B) {
	source := peertest.Program(b, "smtp-source")
	servers := loadServers(b)
	type key struct{ server, mode string }
	accepted, delivered, cpu := map[key][]float64{}, map[key][]float64{}, map[key][]float64{}
	for round := range *loadRounds {
		modes := []string{"new", "reused"}
		if round%2 == 1 {
			slices.Reverse(modes)
		}
		for _, mode := range modes {
			for _, s := range servers {
				settle(b, servers)
				at := key{s.name, mode}
				r := load(b, source, mode, s)
				accepted[at], cpu[at] = append(accepted[at], r.accepted), append(cpu[at], r.cpu)
				if r.delivered > 0 {
					delivered[at] = append(delivered[at], r.delivered)
				}
			}
		}
	}
	// beside is a rate, and how often it is Postfix's.
	beside := func(s *loaded, mode, what string, rates map[key][]float64) string {
		rate, theirs := median(rates[key{s.name, mode}]), median(rates[key{s.against, mode}])
		switch {
		case rate == 0:
			return fmt.Sprintf("%21s", "")
		case theirs == 0:
			return fmt.Sprintf("%11.0f%10s", rate, "")
		}
		b.ReportMetric(rate/theirs, strings.ReplaceAll(s.name, " ", "-")+"-"+mode+what+"-x")
		return fmt.Sprintf("%11.0f%10.1f", rate, rate/theirs)
	}
	var t strings.Builder
	fmt.Fprintf(&t, "%d messages of 5 KiB, 20 sessions, median of %d runs in turns\n", *loadMessages, *loadRounds)
	fmt.Fprintf(&t, "%-24s%42s%42s\n", "messages/s", "a connection each", "connections used again")
	columns := fmt.Sprintf("%11s%10s%11s%10s", "accepted", "Postfix×", "delivered", "Postfix×")
	fmt.Fprintf(&t, "%-24s%s%s%14s%10s\n", "", columns, columns, "CPU ms each", "peak RSS")
	for _, s := range servers {
		fmt.Fprintf(&t, "%-24s", s.name)
		for _, mode := range []string{"new", "reused"} {
			t.WriteString(beside(s, mode, "", accepted) + beside(s, mode, "-delivered", delivered))
		}
		fmt.Fprintf(&t, "%7.2f / %4.2f%10s\n", median(cpu[key{s.name, "new"}]), median(cpu[key{s.name, "reused"}]), s.peak())
	}
	fmt.Print("\n" + t.String())
	b.ReportMetric(0, "ns/op")
}

// settle waits until no server does anything: Postfix delivers on after it took the
// last message, and would take the processor from whoever comes next. What has to
// be written is written before, too.
func settle(b *testing.B, servers []*loaded) {
	b.Helper()
	syscall.Sync()
	used := func() (sum time.Duration) {
		for _, s := range servers {
			sum += s.cpu()
		}
		return sum
	}
	still, last := 0, used()
	for range 600 { // a minute
		time.Sleep(100 * time.Millisecond)
		now := used()
		if still++; now > last {
			still, last = 0, now
		}
		if still == 5 {
			return
		}
	}
	b.Fatal("the servers do not come to rest")
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(list))[len(list)/2]
}

// A loaded is a server under load.
type loaded struct {
	name, against string // the latter is the server it is compared with
	address, to   string
	pid           int  // also its process group
	ours          bool // one process, whose memory is looked at
	mailbox       bool // it delivers into one
	// log has a line with "status=sent" for each message that came to its mailbox; empty:
	// all that are accepted are there.
	log   string
	read  int64 // octets of the log
	lines int   // among them
}

// A run is what a server makes of the messages.
type run struct {
	accepted, delivered float64 // messages/s; 0 if none are delivered
	cpu                 float64 // ms for each message, until it is accepted
}

// load gives a server the messages.
func load(b *testing.B, source, mode string, s *loaded) (r run) {
	b.Helper()
	said, before := s.sent(), s.cpu()
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	args := []string{"-s", "20", "-l", "5120", "-m", strconv.Itoa(*loadMessages), "-f", "a@sender.example", "-t", s.to, s.address}
	if mode == "reused" {
		args = append([]string{"-d"}, args...)
	}
	start := time.Now()
	if out, err := exec.CommandContext(ctx, source, args...).CombinedOutput(); err != nil {
		b.Fatalf("%s: smtp-source: %v\n%s", s.name, err, out)
	}
	each := func(d time.Duration) float64 { return float64(*loadMessages) / d.Seconds() }
	r.accepted, r.cpu = each(time.Since(start)), (s.cpu()-before).Seconds()*1000/float64(*loadMessages)
	if s.mailbox {
		r.delivered = r.accepted
	}
	for s.log != "" && s.sent()-said < *loadMessages {
		if ctx.Err() != nil {
			b.Fatalf("%s: %d messages were delivered", s.name, s.sent()-said)
		}
		time.Sleep(10 * time.Millisecond)
		r.delivered = each(time.Since(start))
	}
	return r
}

// sent is how many messages the log tells of.
func (s *loaded) sent() int {
	f, err := os.Open(s.log)
	if err != nil {
		return s.lines
	}
	defer f.Close()
	_, _ = f.Seek(s.read, io.SeekStart)
	text, _ := io.ReadAll(f)
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	s.read += int64(len(text))
	s.lines += bytes.Count(text, []byte("status=sent"))
	return s.lines
}

// cpu is the time that the processes of the server have used.
func (s *loaded) cpu() (sum time.Duration) {
	list, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range list {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		f := strings.Fields(rest)
		if len(f) < 15 || f[2] != strconv.Itoa(s.pid) { // pgrp
			continue
		}
		for _, ticks := range f[11:15] { // utime stime cutime cstime, proc(5)
			n, _ := strconv.Atoi(ticks)
			sum += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return sum
}

// peak is the most memory that our process has had.
func (s *loaded) peak() string {
	if !s.ours {
		return "" // many processes that share most of it
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.Atoi(strings.Fields(value)[0])
			return fmt.Sprintf("%.1f MiB", float64(kib)/1024)
		}
	}
	return "?"
}

// loadRoot makes a directory of its own for the next server's files.
func loadRoot(b *testing.B) {
	b.Helper()
	dir := *loadDir
	if dir == "" {
		dir = os.TempDir()
	}
	root, err := os.MkdirTemp(dir, "maildoctor-load-")
	if err == nil {
		err = os.Chmod(root, 0o755)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(root) })
	b.Setenv("TMPDIR", root)
}

// loadServers begins all servers. Those that are compared are neighbours.
func loadServers(b *testing.B) []*loaded {
	b.Helper()
	var list []*loaded
	wanted := func(name string) bool { return strings.Contains(name, *loadOnly) }
	theirs := []*loaded{
		{name: "Postfix, kept", to: "b@kept.example"},
		{name: "Postfix, discarded", to: "b@discarded.example"},
		{name: "Postfix, mailbox", to: "b@mailbox.example"},
	}
	if slices.ContainsFunc(theirs, func(s *loaded) bool { return wanted(s.name) }) {
		loadRoot(b)
		loadPostfix(b, theirs)
	}
	for i, what := range []string{"kept", "discarded", "mailbox"} {
		if wanted(theirs[i].name) {
			list = append(list, theirs[i])
		}
		if ours := "maildoctor, " + what; wanted(ours) {
			loadRoot(b)
			list = append(list, loadOurs(b, ours, what, theirs[i].name))
		}
	}
	if wanted("smtp-sink") {
		list = append(list, loadSink(b))
	}
	return list
}

func loadSink(b *testing.B) *loaded {
	b.Helper()
	address := peertest.Address(b)
	args := []string{address, "100"}
	if os.Getuid() == 0 {
		args = append([]string{"-u", "root"}, args...)
	}
	cmd := exec.Command(peertest.Program(b, "smtp-sink"), args...)
	peertest.Start(b, cmd, peertest.Listens(address))
	return &loaded{name: "smtp-sink", address: address, to: "b@sink.example", pid: cmd.Process.Pid}
}

// loadPostfix runs one Postfix for all three.
func loadPostfix(b *testing.B, list []*loaded) {
	b.Helper()
	p := newPostfix(b)
	ca, err := smtpscript.NewCA(time.Now())
	if err != nil {
		b.Fatal(err)
	}
	cert, err := ca.Issue(smtpscript.Certificate{Names: []string{"mx.example.org"}})
	if err != nil {
		b.Fatal(err)
	}
	list[0].address = p.present(b, "kept.example", "mx.example.org", cert, held)
	list[1].address = p.present(b, "discarded.example", "mx.example.org", cert)
	list[2].address = p.present(b, "other.example", "mx.example.org", cert)
	boxes := filepath.Join(p.dir, "boxes")
	if err := os.Mkdir(boxes, 0o755); err != nil {
		b.Fatal(err)
	}
	peertest.Give(b, boxes)
	owner, _ := os.Stat(boxes)
	uid := owner.Sys().(*syscall.Stat_t).Uid
	p.services.WriteString("virtual unix - n n - - virtual\n")
	p.more = fmt.Sprintf("transport_maps = inline:{ discarded.example=discard: }\nvirtual_mailbox_domains = mailbox.example\nvirtual_mailbox_base = %s\n"+
		"virtual_mailbox_maps = static:box/\nvirtual_minimum_uid = 1\nvirtual_uid_maps = static:%d\nvirtual_gid_maps = static:%d\n", boxes, uid, uid)
	p.start(b)
	for _, s := range list {
		s.pid = p.pid
	}
	list[2].mailbox, list[2].log = true, filepath.Join(p.dir, "log")
}

// loadEnv tells a process that it is our server under load, and what it does with
// the mail.
const loadEnv = "MAILDOCTOR_LOAD"

// loadOurs runs our server in a process of its own.
func loadOurs(b *testing.B, name, what, against string) *loaded {
	b.Helper()
	args := []string{"-test.run=^TestLoadServer$", "-test.v"}
	if *loadProfile != "" {
		file := filepath.Join(*loadProfile, what)
		args = append(args, "-test.cpuprofile="+file+".cpu", "-test.blockprofile="+file+".block", "-test.blockprofilerate=100000", "-test.mutexprofile="+file+".mutex", "-test.memprofile="+file+".mem")
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), loadEnv+"="+what, "MAILDOCTOR_LOAD_DIR="+b.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close() // that is how it knows
		io.Copy(io.Discard, stdout)
		if err := cmd.Wait(); err != nil {
			b.Errorf("%s: %v", name, err)
		}
	})
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if address, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			return &loaded{name: name, against: against, address: address, to: "b@receiver.example", pid: cmd.Process.Pid, ours: true, mailbox: what == "mailbox"}
		}
	}
	b.Fatal(name + " does not listen")
	return nil
}

// TestLoadServer is our server for BenchmarkPeersLoad, until its standard input
// ends.
func TestLoadServer(t *testing.T) {
	what, dir := os.Getenv(loadEnv), os.Getenv("MAILDOCTOR_LOAD_DIR")
	if what == "" {
		t.Skip("this is a part of BenchmarkPeersLoad")
	}
	daemon.CollectLess(os.Getenv)
	file, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c := smtpd.Config{Hostname: "mx.receiver.example", Domains: []string{"receiver.example"}, Log: slog.New(slog.NewTextHandler(file, nil))}
	c.Limits.ClientPerMinute, c.Limits.ClientSessions, c.GreetAfter = -1, -1, -1
	var serve func(net.Listener, smtpd.Port) error
	var stop func(context.Context) error
	if what == "mailbox" {
		serve, stop = loadMailbox(t, c, dir)
	} else {
		serve, stop = loadSpool(t, c, dir, what == "discarded")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go serve(fromSender{l}, smtpd.MX)
	fmt.Printf("listening on %s\n", l.Addr())
	io.Copy(io.Discard, os.Stdin)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = stop(ctx) // smtp-source leaves connections open
}

// loadMailbox is the whole server.
func loadMailbox(t *testing.T, c smtpd.Config, dir string) (func(net.Listener, smtpd.Port) error, func(context.Context) error) {
	t.Helper()
	zone := resolve.NewZone([]record.Record{
		record.TXT("sender.example.", "v=spf1 ip4:192.0.2.1 -all"), record.TXT("_dmarc.sender.example.", "v=DMARC1; p=reject"),
		record.Address("mx.sender.example.", netip.MustParseAddr("192.0.2.1")), record.MX("sender.example.", 10, "mx.sender.example."),
		{Name: "1.2.0.192.in-addr.arpa.", Type: "PTR", TTL: 300, Data: "mx.sender.example."},
	})
	boxes := &maildir.Store{Dir: filepath.Join(dir, "mail"), Host: "mx"}
	if _, err := boxes.Begin(); err != nil {
		t.Fatal(err)
	}
	s, _, err := mta.Open(mta.Options{Receive: c, Send: deliver.Sender{DNS: zone}, DNS: zone, Mail: boxes, SpoolDir: filepath.Join(dir, "spool")})
	if err != nil {
		t.Fatal(err)
	}
	return s.Serve, func(ctx context.Context) error { return errors.Join(s.Close(ctx), boxes.End()) }
}

// loadSpool is a server that spools everything, and delivers to nowhere or not at all.
func loadSpool(t *testing.T, c smtpd.Config, dir string, discard bool) (func(net.Listener, smtpd.Port) error, func(context.Context) error) {
	t.Helper()
	s, found, err := spool.Open(filepath.Join(dir, "spool"), spool.Options{MaxMessages: 1 << 20, Journal: true})
	if err != nil {
		t.Fatal(err)
	}
	q := queue.New(queue.Options{Spool: s, PerDestination: 20, Deliver: func(context.Context, queue.Transaction) []queue.Outcome {
		return []queue.Outcome{{Kind: queue.Delivered}}
	}}, found.Entries)
	c.Store = queued{q}
	server, err := smtpd.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if discard {
			q.Run(ctx)
		}
	}()
	return server.Serve, func(until context.Context) error {
		err := server.Shutdown(until)
		cancel()
		<-done
		s.Close()
		return err
	}
}

// queued takes mail into a queue.
type queued struct{ *queue.Queue }

func (q queued) Accept(_ context.Context, m *smtpd.Mail, r io.Reader) error {
	_, err := q.Queue.Accept(m.Envelope, r)
	return err
}

// fromSender makes every client the host of the sender.
type fromSender struct{ net.Listener }

func (l fromSender) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return senderConn{conn}, nil
}

type senderConn struct{ net.Conn }

func (senderConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), 40000))
}
