package passage

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// A sea is all that a voyage goes over.
type sea struct {
	v        Voyage
	calendar calendar
	cast     *cast
	dns      *internet
	dir      string

	clock struct {
		sync.Mutex
		at time.Duration // from the switch
	}
	zero time.Time // the switch

	servers []*mta.Server
	hosts   map[netip.Addr]*station // mail hosts, by address
	desks   map[netip.Addr]string   // where the correspondent sees mail come from an address
	desk    *station
	reader  *memory // of the correspondent's server

	mu      sync.Mutex
	arrived *mta.Arrival // since the last conversation began
	reached *side        // at which
	judged  *judge.Judgement
}

// A station is a mail server, and where it listens on loopback.
type station struct {
	side *side // nil: the correspondent's
	at   string
	mx   *mta.Server
}

func newSea(ctx context.Context, v Voyage) (*sea, error) {
	s := &sea{v: v, hosts: make(map[netip.Addr]*station), desks: make(map[netip.Addr]string)}
	var err error
	if s.calendar, err = newCalendar(v); err != nil {
		return nil, err
	}
	// Signatures bear the time of the machine: none may be of the future.
	start := time.Now().UTC().Truncate(time.Minute)
	s.zero = start.Add(time.Hour - s.calendar.begin)
	if s.cast, err = newCast(v, start); err != nil {
		return nil, err
	}
	s.dns = newInternet(v, &s.calendar, s.cast, s.at)
	if s.dir, err = os.MkdirTemp("", "maildoctor-passage-"); err != nil {
		return nil, err
	}
	s.set(s.calendar.begin)
	if err := s.man(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// at is the time, from the switch.
func (s *sea) at() time.Duration {
	s.clock.Lock()
	defer s.clock.Unlock()
	return s.clock.at
}

// start is when the voyage begins: certificates do not grow old on it.
func (s *sea) start() time.Time { return s.zero.Add(s.calendar.begin) }

func (s *sea) set(at time.Duration) {
	s.clock.Lock()
	defer s.clock.Unlock()
	s.clock.at = at
}

func (s *sea) now() time.Time { return s.zero.Add(s.at()) }

// man begins the servers.
func (s *sea) man(ctx context.Context) error {
	for _, side := range []*side{s.cast.old, s.cast.new} {
		st, err := s.station(side, side.name, record.Display(s.v.Move.Domain), side.cert)
		if err != nil {
			return err
		}
		if st.at, err = s.listen(st, correspondentAddr); err != nil {
			return err
		}
		for _, addr := range side.Addrs {
			if other := s.hosts[addr]; other != nil && other.side != side && !s.stays() {
				return fmt.Errorf("%v is an address of both sides", addr)
			}
			s.hosts[addr] = st
		}
	}
	var err error
	if s.desk, err = s.station(nil, record.Display(desk), record.Display(correspondent), s.cast.desk); err != nil {
		return err
	}
	for _, addr := range []netip.Addr{s.v.OldFrom, s.v.NewFrom, s.v.Shared, forwarderAddr, strangerAddr} {
		if addr.IsValid() && s.desks[addr] == "" {
			if s.desks[addr], err = s.listen(s.desk, addr); err != nil {
				return err
			}
		}
	}
	return nil
}

// stays reports whether the mail host is the same before and after: what moves is
// how mail leaves.
func (s *sea) stays() bool {
	if len(s.cast.old.Addrs) != len(s.cast.new.Addrs) {
		return false
	}
	for i, addr := range s.cast.old.Addrs {
		if s.cast.new.Addrs[i] != addr {
			return false
		}
	}
	return true
}

// station begins a server.
func (s *sea) station(of *side, hostname, domain string, cert tls.Certificate) (*station, error) {
	st := &station{side: of}
	number := fmt.Sprint(len(s.servers))
	resolver := &memory{from: s.dns}
	if of == nil {
		s.reader = resolver
	}
	o := mta.Options{
		Receive: smtpd.Config{
			Hostname: hostname, Domains: []string{domain}, GreetAfter: -1,
			TLS:     func() *tls.Config { return &tls.Config{Certificates: []tls.Certificate{cert}, Time: s.start} },
			Mailbox: func(_ context.Context, a smtpd.Address) error { return s.mailbox(of, a) },
		},
		Send: deliver.Sender{DNS: resolver}, DNS: resolver, Now: s.now,
		Mail:     &maildir.Store{Dir: filepath.Join(s.dir, "mail"+number), Host: "passage"},
		SpoolDir: filepath.Join(s.dir, "spool"+number), Spool: spool.Options{MinFree: 1},
		Arrived: func(a mta.Arrival) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.arrived, s.reached = &a, of
		},
		Judged: func(_ *smtpd.Mail, j judge.Judgement) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.judged = &j
		},
	}
	o.Receive.Limits.ClientPerMinute, o.Receive.Limits.ClientSessions = -1, -1
	server, _, err := mta.Open(o)
	if err != nil {
		return nil, err
	}
	st.mx = server
	s.servers = append(s.servers, server)
	return st, nil
}

// mailbox says whether a side takes mail for an address now.
func (s *sea) mailbox(of *side, a smtpd.Address) error {
	at := s.at()
	switch {
	case of == s.cast.old && !s.stays() && at >= s.calendar.closed:
		return smtpd.ErrNoMailbox // the account is no more
	case of == s.cast.new && !s.stays() && at < s.calendar.known && a.Local == alias:
		return smtpd.ErrNoMailbox // nobody thought of it
	}
	return nil
}

func (s *sea) listen(st *station, client netip.Addr) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go st.mx.Serve(smtpd.SeenAs(l, netip.AddrPortFrom(client, 40025)), smtpd.MX)
	return l.Addr().String(), nil
}

// reach connects to the mail host at an address, as the world has it now.
func (s *sea) reach(ctx context.Context, network, address string) (net.Conn, error) {
	refused := &net.OpError{Op: "dial", Net: network, Err: errors.New("connection refused")}
	to, err := netip.ParseAddrPort(address)
	if err != nil || to.Port() != 25 {
		return nil, refused
	}
	st := s.hosts[to.Addr()]
	if st == nil || st.side == s.cast.new && !s.stays() && s.at() < s.calendar.ready {
		return nil, refused
	}
	return new(net.Dialer).DialContext(ctx, "tcp", st.at)
}

// Fetch implements [deliver.Fetcher]: the policy of the domain as it is now.
func (s *sea) Fetch(ctx context.Context, r probe.Request) probe.Fetch {
	f := probe.Fetch{URL: r.URL, TLS: &probe.TLS{Version: tls.VersionTLS13}}
	if f.Addrs, _ = r.Lookup(ctx, "mta-sts."+record.Display(s.v.Move.Domain)); len(f.Addrs) == 0 {
		f.TLS, f.Err = nil, &probe.Error{Kind: probe.NoAddress}
		return f
	}
	f.Addr, f.Status = f.Addrs[0], 404
	if p := s.calendar.policy(s.at()); p.Mode != "" {
		f.Status, f.Body = 200, []byte(p.String())
	}
	return f
}

// close ends the servers.
func (s *sea) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for _, server := range s.servers {
		_ = server.Close(ctx) // its mail is thrown away
	}
	os.RemoveAll(s.dir)
}
