package lab

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// An Endured is what a sender did about a fault, and what became of its mail.
type Endured struct {
	Fault    Fault
	Attempts []deliver.Report
	Copies   int      // in the recipient's mailbox
	Notices  []Notice // in the sender's
	Did      string   // what the sender did, in words
	Became   string   // what became of the mail, in words
	Why      string   // what is not as it has to be; empty: the sender copes
	Took     time.Duration
}

// Times of a sender in a chaos, in place of minutes and days.
const (
	pause    = 30 * time.Millisecond  // between attempts
	patience = 500 * time.Millisecond // with a host that does not answer
	delayed  = 100 * time.Millisecond // before the sender is told, where a fault is brief
	lifetime = 400 * time.Millisecond // of a message, likewise
)

// second begins the address of a second recipient.
const second = "second-"

// slowest is by how much more time may be needed on a machine that is slow or busy.
const slowest = 9

// A sufferer is a sender under way.
type sufferer struct {
	chaos *Chaos
	fault Fault
	slow  time.Duration // times this are the times of the sender
	rcpt  string
	front *front
	calm  *front
	boxes *maildir.Store

	poke chan struct{} // something has happened

	mu       sync.Mutex
	attempts []deliver.Report
	notices  []Notice
	others   bool // the other letter was delivered before the first attempt had ended
	refused  int  // connections, or answers of the DNS
}

// sufferers is how many faults are tried at once: most of them wait most of the time.
const sufferers = 12

// All tries faults, those that take longest first, and tells of them in their order. It
// fails with the error of ctx if that ends before all is done.
func (c *Chaos) All(ctx context.Context, faults []Fault) ([]Endured, error) {
	order := make([]int, len(faults))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(faults[b].takes(), faults[a].takes()) })
	list := make([]Endured, len(faults))
	group, together := errgroup.WithContext(ctx)
	group.SetLimit(sufferers)
	for _, i := range order {
		group.Go(func() (err error) {
			list[i], err = c.Try(together, faults[i])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return list, ctx.Err() // what was cut short says nothing of the sender
}

// takes is how long a fault is waited for, about.
func (f Fault) takes() time.Duration {
	switch {
	case f.stalls():
		return patience
	case f.brief:
		return lifetime
	}
	return time.Duration(f.times) * pause
}

// stalls reports whether the sender has to lose its patience.
func (f Fault) stalls() bool { return f.act == silence || f.act == drip || f.act == muffle }

// Try sends a message to a receiver with a fault, waits for its fate and says
// whether that is what it has to be. The error says that it could not be tried.
// Where time matters, what went wrong is tried again with more of it, as times of
// milliseconds are too short for a machine that has much else to do.
func (c *Chaos) Try(ctx context.Context, f Fault) (Endured, error) {
	start := time.Now()
	for slow := 1; ; slow *= 3 {
		e, err := c.try(ctx, f, time.Duration(slow))
		if err != nil || e.Why == "" || ctx.Err() != nil || slow == slowest || !f.stalls() && !f.brief {
			e.Took = time.Since(start)
			return e, err
		}
	}
}

func (c *Chaos) try(ctx context.Context, f Fault, slow time.Duration) (Endured, error) {
	e := Endured{Fault: f}
	dir, err := os.MkdirTemp(c.dir, "sender-")
	if err != nil {
		return e, err
	}
	host := "mx." + f.domain()
	if f.to == spare {
		host = "mx2." + spare
	}
	s := &sufferer{chaos: c, fault: f, slow: slow, rcpt: filepath.Base(dir) + "@" + f.domain(), poke: make(chan struct{}, 1)}
	if s.front, err = c.front(f, host); err != nil {
		return e, err
	}
	defer s.front.Close()
	if s.calm, err = c.front(Fault{}, "mx."+calm); err != nil {
		return e, err
	}
	defer s.calm.Close()
	over, err := s.send(ctx, dir)
	if err != nil {
		return e, err
	}
	s.judge(&e, over)
	return e, nil
}

// send begins the sender, hands it the message, and waits until nothing is left to
// do; over reports whether it came to that.
func (s *sufferer) send(ctx context.Context, dir string) (over bool, err error) {
	server, err := s.open(dir)
	if err != nil {
		return false, err
	}
	defer end(server)
	letters := []string{s.rcpt}
	if s.fault.Switch == "tarpit" {
		letters = append(letters, "other-"+filepath.Base(dir)+"@"+calm)
	}
	for _, to := range letters {
		e := spool.Envelope{From: s.chaos.from, Rcpts: []spool.Rcpt{{Addr: to}}}
		if s.fault.both {
			e.Rcpts = append(e.Rcpts, spool.Rcpt{Addr: second + to})
		}
		if _, err := server.Submit(e, s.text(to)); err != nil {
			return false, err
		}
	}
	for {
		if n, _ := server.Queue().Len(); n == 0 {
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, nil
		case <-s.poke:
		}
	}
}

func (s *sufferer) text(to string) []byte {
	received := strings.Repeat("Received: from a.test by b.test; Thu, 1 Jan 2026 00:00:00 +0000\r\n", s.fault.hops)
	return fmt.Appendf(nil, "%sFrom: <%s>\r\nTo: <%s>\r\nSubject: %s %s\r\nDate: %s\r\nMessage-ID: <%s>\r\n\r\nThis message was made to be in trouble.\r\n",
		received, s.chaos.from, to, s.fault.Switch, s.fault.Case, s.chaos.lab.Clock()().Format(time.RFC1123Z), to)
}

// open begins the sender.
func (s *sufferer) open(dir string) (*mta.Server, error) {
	c := s.chaos
	s.boxes = &maildir.Store{Dir: filepath.Join(dir, "mail"), Host: "lab"}
	send := deliver.Sender{
		DNS: resolve.Func(s.resolve), Security: c.secure.Share(), Memory: new(deliver.Store), Now: c.lab.Clock(),
		HTTP:   &probe.Fetcher{Dial: c.lab.Dial, RootCAs: c.lab.CA.Pool(), Now: c.lab.Clock()},
		Refuse: func(netip.Addr) string { return "" },
		Client: client.Client{Name: c.helo, Dial: s.dial, Roots: c.lab.CA.Pool(), Now: c.lab.Clock()},
	}
	if s.fault.dns {
		send.Security = nil // which asks for itself
	}
	if s.fault.remembered {
		send.Memory.Reached(record.Canonical(s.fault.domain()), deliver.Verified, send.Now())
	}
	if s.fault.stalls() {
		limit := s.slow * patience
		send.Client.Limits = client.Limits{Banner: limit, Command: limit, Data: limit, Final: limit}
	}
	q := queue.Options{Schedule: []time.Duration{0, pause}, Grace: pause, Observe: func(queue.Event) { s.happened() }}
	if s.fault.brief {
		q.DelayAfter, q.MaxAge = s.slow*delayed, s.slow*lifetime
	}
	own := domainOf(c.from)
	server, _, err := mta.Open(mta.Options{
		Receive: smtpd.Config{Hostname: c.helo, Domains: []string{own}},
		Send:    send, Queue: q, DNS: c.dns, Mail: s.boxes, SpoolDir: filepath.Join(dir, "out"), Spool: spool.Options{MinFree: 1}, Keys: c.keys, Now: c.lab.Clock(),
		Attempted: s.attempted, Arrived: s.arrived,
	})
	return server, err
}

func (s *sufferer) happened() {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

// attempted notes an attempt.
func (s *sufferer) attempted(e spool.Envelope, r deliver.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Rcpts[0].Addr == s.rcpt {
		s.attempts = append(s.attempts, r)
		return
	}
	s.others = len(s.attempts) == 0 && r.Results[0].Status == deliver.Delivered
}

// arrived notes a message in the sender's mailbox: a notice.
func (s *sufferer) arrived(a mta.Arrival) {
	text, err := read(s.boxes, a)
	n := Notice{Err: err}
	if err == nil {
		n = s.chaos.notice(text, s.rcpt)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notices = append(s.notices, n)
}

// goesWrong counts what goes wrong before a conversation.
func (s *sufferer) goesWrong() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused++
	return s.fault.times == 0 || s.refused <= s.fault.times
}

func (s *sufferer) resolve(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
	if s.fault.dns && q.Type == "MX" && s.goesWrong() {
		return resolve.Answer{}, &resolve.Error{Question: q, Kind: resolve.ServFail}
	}
	return s.chaos.dns.Resolve(ctx, q)
}

// dial connects to a front. At addresses of hosts without one nobody listens.
func (s *sufferer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	to := map[string]*front{unrulyAddr.String() + ":25": s.front, calmAddr.String() + ":25": s.calm}[address]
	if to == nil || to == s.front && s.fault.down && s.goesWrong() {
		return nil, smtpscript.Refused()
	}
	return new(net.Dialer).DialContext(ctx, network, to.Addr().String())
}

// judge says what happened, and whether it is what had to.
func (s *sufferer) judge(e *Endured, over bool) {
	copies := s.chaos.arrived(s.rcpt)
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Attempts, e.Notices, e.Copies = s.attempts, s.notices, len(copies)
	var faults []string
	must := func(holds bool, format string, args ...any) {
		if !holds {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	must(over, "the message is still in the queue")
	for _, intact := range copies {
		must(intact, "a signature does not pass at the receiver")
	}
	s.fate(e, must)
	visits, heard := s.front.met()
	must(s.fault.want != unmet && s.fault.to != misnamed || visits == 0, "it was connected to")
	inClear := false
	for _, h := range heard {
		inClear = inClear || !h.secure
		must(h.secure || s.fault.least < deliver.Encrypted, "the envelope went in clear text")
		must(!h.wrong || s.fault.least < deliver.Verified, "mail was sent in a conversation that was not protected")
	}
	must(!s.fault.both || len(s.chaos.arrived(second+s.rcpt)) == 1, "the other recipient does not have it once")
	must(s.fault.Switch != "tarpit" || s.others, "other mail waited for it")
	e.Why = strings.Join(faults, "; ")
	e.Did, e.Became = s.did(e, visits), s.became(e, inClear)
}

// fate holds what happened against what has to.
func (s *sufferer) fate(e *Endured, must func(bool, string, ...any)) {
	failures, delays := 0, 0
	for _, n := range e.Notices {
		must(n.Err == nil, "a notice to the sender is not as it should be: %v", n.Err)
		must(s.fault.act != answer || n.Said == s.fault.says, "a notice says %q in place of the receiver's words", n.Said)
		switch n.Action {
		case "failed":
			failures++
		case "delayed":
			delays++
		}
	}
	wantFailures, wantDelays := 0, 0
	switch s.fault.want {
	case atOnce:
		must(len(e.Attempts) == 1 && e.Copies == 1, "%s, %s in the mailbox, where one of each is right", counted(len(e.Attempts), "attempt"), counted(e.Copies, "copy"))
	case later:
		must(len(e.Attempts) > 1 && e.Copies == 1, "%s, %s in the mailbox, where a later attempt has to deliver one", counted(len(e.Attempts), "attempt"), counted(e.Copies, "copy"))
	case perhaps:
		must(len(e.Attempts) > 1 && e.Copies > 0, "%s, %s in the mailbox, where a later attempt has to make sure", counted(len(e.Attempts), "attempt"), counted(e.Copies, "copy"))
		must(len(e.Attempts) > 0 && e.Attempts[0].Results[0].Maybe, "the first attempt is not known as one that may have delivered it")
	case returned, unmet:
		must(len(e.Attempts) == 1 && e.Copies == 0, "%s, %s in the mailbox, where one attempt and none are right", counted(len(e.Attempts), "attempt"), counted(e.Copies, "copy"))
		wantFailures = 1
	case expired:
		must(len(e.Attempts) > 1 && e.Copies == 0, "%s, %s in the mailbox, where several attempts and none are right", counted(len(e.Attempts), "attempt"), counted(e.Copies, "copy"))
		wantFailures, wantDelays = 1, 1
	}
	must(failures == wantFailures && delays == wantDelays, "%s of failure and %d of delay, where %d and %d are right", counted(failures, "notice"), delays, wantFailures, wantDelays)
}
