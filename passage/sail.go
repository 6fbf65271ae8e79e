package passage

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// The recipients at the domain: nobody told the new side of the second one before
// the recipients were rehearsed.
const (
	main  = "info"
	alias = "sales"
)

// A letter is a message on its way.
type letter struct {
	kind string
	by   *sender
	rcpt string // mailbox of the recipient
	sent time.Duration
	due  time.Duration // when it is tried next
	try  int
	// read tells what becomes of it once it is delivered; nil: nothing more.
	read func(at time.Duration, out outcome) (lost string)
}

// An outcome is what became of an attempt.
type outcome struct {
	status deliver.Status
	why    string
	side   *side // in whose mailbox it is
	junk   bool
	passed bool // DMARC
}

// waits is how long a sender waits before it tries again; the last one repeats.
var waits = []time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour}

// A sender is a mail server somewhere.
type sender struct {
	deliver.Sender
	from   string // reverse-path, and author
	dns    *memory
	memory *deliver.Store
	reader *memory // of who judges; nil: who it is does not depend on the DNS
	keys   []mta.Key
	held   []*conversation // that were held; the one that came to the same last stands first
}

// A conversation was held when all was as it says.
type conversation struct {
	rcpt        string
	state       int
	asked, read map[resolve.Question]string
	sts         memo
	level       deliver.Level
	out         outcome
}

// A memo is what a sender knows of an MTA-STS policy.
type memo struct {
	id            string
	fetched       time.Time
	fresh, failed bool
}

// maxHeld bounds the conversations that are compared.
const maxHeld = 64

// sail goes from minute to minute.
func (s *sea) sail(ctx context.Context) (migration.Passage, error) {
	p := migration.Passage{Without: s.v.Without}
	inward := s.inward()
	out := s.outward()
	forgers := s.forgers()
	c := &s.calendar
	domain := record.Display(s.v.Move.Domain)
	queue := make(map[time.Duration][]letter)
	put := func(l letter) { queue[l.due] = append(queue[l.due], l) }
	n := 0
	for at := c.begin; at <= c.end; at += s.v.Every {
		if ctx.Err() != nil {
			return p, ctx.Err()
		}
		s.set(at)
		if c.imminent(at, s.v.Every) { // the worst moment to ask: what was is kept for all of its TTL
			for _, by := range inward {
				by.dns.forget()
			}
			s.reader.forget()
		}
		if at <= c.last {
			n++
			for i, by := range inward {
				rcpt := main
				if (n+i)%2 == 0 {
					rcpt = alias
				}
				put(letter{kind: inwardKinds[i], by: by, rcpt: rcpt + "@" + domain, sent: at, due: at, read: s.inMailbox})
			}
			put(s.outgoing(n, at, out))
		}
		if at > c.over && (at-c.over)%time.Hour < s.v.Every {
			for _, f := range forgers {
				if out := s.attempt(ctx, f.by, "desk@"+record.Display(correspondent)); out.status == deliver.Delivered && !out.junk {
					p.Forged = migration.Add(p.Forged, f.kind, "it was let in, as if it were the domain's", at)
				}
			}
		}
		for _, l := range queue[at] {
			s.carry(ctx, &p, l, put)
		}
		delete(queue, at)
	}
	migration.Sorted(p.Lost)
	migration.Sorted(p.Forged)
	return p, nil
}

// carry makes one attempt with a letter.
func (s *sea) carry(ctx context.Context, p *migration.Passage, l letter, put func(letter)) {
	at := s.at()
	if l.try == 0 {
		p.Sent++
	}
	out := s.attempt(ctx, l.by, l.rcpt)
	l.try++
	switch {
	case out.status == deliver.Temporary && at-l.sent < giveUp:
		wait := waits[min(l.try, len(waits))-1]
		l.due = at + max(wait.Round(s.v.Every), s.v.Every)
		put(l)
		return
	case out.status == deliver.Temporary:
		p.Lost = migration.Add(p.Lost, l.kind, "given up after five days: "+out.why, l.sent)
		return
	case out.status == deliver.Permanent:
		p.Lost = migration.Add(p.Lost, l.kind, out.why, l.sent)
		return
	}
	if lost := l.read(at, out); lost != "" {
		p.Lost = migration.Add(p.Lost, l.kind, lost, l.sent)
		return
	}
	p.Arrived++
	if l.try > 1 {
		p.Late++
		p.Longest = max(p.Longest, at-l.sent)
	}
}

// inMailbox tells whether somebody reads what was delivered to the domain.
func (s *sea) inMailbox(at time.Duration, out outcome) string {
	c := &s.calendar
	switch {
	case s.stays():
		return ""
	case out.side == s.cast.old && at > c.synced:
		return "it came to the old server when nobody looked there any more"
	case out.junk:
		return "it was put into the junk folder"
	}
	return ""
}

// believed tells whether a correspondent believes that mail is from the domain.
func believed(_ time.Duration, out outcome) string {
	switch {
	case out.junk:
		return "it was put into the junk folder: " + out.why
	case !out.passed:
		return "it fails DMARC: " + out.why
	}
	return ""
}

// outgoing is mail from the domain. Until users have moved it leaves by the old side,
// but for trials; then by the new one, but for programs that nobody has told. Some of
// it is forwarded, and some is seen days later.
func (s *sea) outgoing(n int, at time.Duration, out outward) letter {
	c := &s.calendar
	l := letter{rcpt: "desk@" + record.Display(correspondent), sent: at, due: at, read: believed}
	odd, side, name := n%10 == 0, out.old, "old"
	if at >= c.ready && (at >= c.moved) != odd || at >= c.closed && at >= c.moved {
		side, name = out.new, "new"
	}
	l.kind, l.by = "mail from the domain, sent by the "+name+" side", side.direct
	if n%7 == 0 && side.forwarded != nil {
		l.kind, l.by = l.kind+", and forwarded", side.forwarded
	}
	if n%13 == 0 {
		l.kind += ", seen days later"
		l.due += delayed.Round(s.v.Every)
	}
	return l
}

// attempt makes one attempt, or tells what came of it when all was as it is now.
func (s *sea) attempt(ctx context.Context, by *sender, rcpt string) outcome {
	domain := rcpt[bytes.LastIndexByte([]byte(rcpt), '@')+1:]
	state := s.calendar.state(s.at())
	sts := s.remembered(by, domain)
	level, _ := by.memory.Level(domain)
	for i, c := range by.held {
		if c.rcpt == rcpt && c.state == state && c.sts == sts && c.level == level && by.dns.same(ctx, c.asked) && (by.reader == nil || by.reader.same(ctx, c.read)) {
			if c.out.status == deliver.Delivered && level > deliver.Clear {
				by.memory.Reached(domain, level, s.now())
			}
			copy(by.held[1:i+1], by.held[:i])
			by.held[0] = c
			return c.out
		}
	}
	c := conversation{rcpt: rcpt, state: state, sts: sts, level: level}
	by.dns.listen()
	if by.reader != nil {
		by.reader.listen()
	}
	c.out = s.hold(ctx, by, rcpt)
	c.asked = by.dns.heard()
	if by.reader != nil {
		c.read = by.reader.heard()
	}
	now, _ := by.memory.Level(domain)
	if s.remembered(by, domain) == sts && now == level { // else the next one begins with more
		by.held = append([]*conversation{&c}, by.held[:min(len(by.held), maxHeld-1)]...)
	}
	return c.out
}

// remembered is what a sender knows of the policy of a domain, and may change what it
// does.
func (s *sea) remembered(by *sender, domain string) memo {
	if by.HTTP == nil {
		return memo{}
	}
	e := by.memory.STS(record.Canonical(domain))
	now := s.now()
	const patience = 10 * time.Minute // no less than a sender has after a fetch that failed
	return memo{e.ID, e.Fetched, now.Before(e.Expires), now.Before(e.Failed.Add(patience))}
}

// hold holds a conversation.
func (s *sea) hold(ctx context.Context, by *sender, rcpt string) outcome {
	s.mu.Lock()
	s.arrived, s.reached, s.judged = nil, nil, nil
	s.mu.Unlock()
	text := []byte("From: <" + by.from + ">\r\nTo: <" + rcpt + ">\r\nSubject: a passage\r\nDate: " + s.now().Format(time.RFC1123Z) +
		"\r\nMessage-ID: <passage@" + by.from + ">\r\n\r\nAre you there?\r\n")
	if len(by.keys) > 0 {
		fields, err := mta.Sign(by.keys, text)
		if err != nil {
			return outcome{why: err.Error()}
		}
		text = append(fields, text...)
	}
	domain := rcpt[bytes.LastIndexByte([]byte(rcpt), '@')+1:]
	r := by.Deliver(ctx, deliver.Job{
		Destination: domain, From: by.from, Rcpts: []client.Rcpt{{Addr: rcpt}},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil },
	})
	out := outcome{why: "no result"}
	if len(r.Results) > 0 {
		out.status, out.why = r.Results[0].Status, reason(r.Results[0])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.judged != nil {
		if out.passed = s.judged.DMARC.RFC9989.Code == dmarc.Pass; !out.passed {
			out.why = s.judged.Summary()
		}
	}
	if s.arrived != nil {
		out.junk = s.arrived.Folder == mta.Junk
		out.side = s.reached
	}
	return out
}

func reason(r deliver.Result) string {
	text := r.Text
	if r.Enhanced != "" && !strings.HasPrefix(text, r.Enhanced) {
		text = r.Enhanced + " " + text
	}
	if r.Code > 0 {
		text = fmt.Sprintf("%d %s", r.Code, text)
	}
	return text
}

// inwardKinds are the senders of inward, for a reader.
var inwardKinds = []string{
	"mail to the domain, from a sender that follows neither MTA-STS nor DANE",
	"mail to the domain, from a sender that follows MTA-STS",
	"mail to the domain, from a sender that follows DANE",
}

// inward are senders of mail to the domain. The first and the last ask the name server
// that is late.
func (s *sea) inward() []*sender {
	var list []*sender
	for i := range inwardKinds {
		by := &sender{from: "ann@" + record.Display(correspondent), dns: &memory{from: s.dns, second: i != 1}, memory: new(deliver.Store)}
		by.Sender = deliver.Sender{
			DNS: by.dns, Memory: by.memory, Now: s.now, Refuse: func(netip.Addr) string { return "" },
			Client:  client.Client{Name: record.Display(desk), Dial: s.reach, Roots: s.cast.ca.Pool(), Now: s.start},
			Shuffle: func(int, func(int, int)) {},
		}
		switch i {
		case 1:
			by.HTTP = s
		case 2:
			by.Security = by.dns
		}
		list = append(list, by)
	}
	return list
}

// outward is the sides as senders of the domain's mail.
type outward struct{ old, new writers }

// writers send the mail of one side.
type writers struct {
	direct    *sender
	forwarded *sender // by somebody who changes nothing, so that the signature counts alone; nil where there is none
}

func (s *sea) outward() (o outward) {
	for _, w := range []struct {
		into *writers
		of   *side
	}{{&o.old, s.cast.old}, {&o.new, s.cast.new}} {
		w.into.direct = s.writer(w.of.from, w.of.keys)
		if len(w.of.keys) > 0 {
			w.into.forwarded = s.writer(forwarderAddr, w.of.keys)
		}
	}
	return o
}

// writer writes in the name of the domain, from an address.
func (s *sea) writer(from netip.Addr, keys []mta.Key) *sender {
	by := &sender{from: main + "@" + record.Display(s.v.Move.Domain), dns: &memory{from: s.dns}, memory: new(deliver.Store), reader: s.reader, keys: keys}
	by.Sender = deliver.Sender{
		DNS: by.dns, Memory: by.memory, Now: s.now, Refuse: func(netip.Addr) string { return "" },
		Client: client.Client{Name: "mail." + record.Display(s.v.Move.Domain), Roots: s.cast.ca.Pool(), Now: s.start, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", s.desks[from])
		}},
	}
	return by
}

// A forger writes in the name of the domain, and should not be believed.
type forger struct {
	kind string
	by   *sender
}

func (s *sea) forgers() []forger {
	list := []forger{{"mail of a stranger in the name of the domain", s.writer(strangerAddr, nil)}}
	if s.v.Shared.IsValid() {
		list = append(list, forger{"mail of another customer of the old side in the name of the domain", s.writer(s.v.Shared, nil)})
	} else if s.cast.old.from != s.cast.new.from && !s.stays() {
		list = append(list, forger{"mail in the name of the domain, from the old address, which somebody else has now", s.writer(s.cast.old.from, nil)})
	}
	if len(s.cast.old.keys) > 0 && s.cast.leaves {
		list = append(list, forger{"mail in the name of the domain, signed with the old key", s.writer(strangerAddr, s.cast.old.keys)})
	}
	return list
}
