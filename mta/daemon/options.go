package daemon

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/inbox"
	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/metrics"
	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
	"github.com/maildoctor/maildoctor/resolve"
)

// Options are what a daemon has of the machine. DNS is required.
type Options struct {
	Log     *slog.Logger // nil: no log
	Version string

	DNS      resolve.Resolver // that keeps answers
	Security deliver.Security // nil: DANE is not looked at
	HTTP     deliver.Fetcher  // nil: MTA-STS is not looked at
	Here     []netip.Addr     // addresses of this machine

	// Read reads the file again; nil: there is no reload.
	Read func() (*Setup, error)
	// Env is the environment, in which systemd says what it hands over; nil: that of
	// the process.
	Env func(string) string
	// Tune changes what mta.Open is given, for a laboratory; nil: nothing.
	Tune func(*mta.Options)
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Env == nil {
		o.Env = os.Getenv
	}
	return o
}

// options is what mta.Open is given.
func (d *Daemon) options(s *Setup) mta.Options {
	l, log := s.Limits, logger{d.o.Log}
	o := mta.Options{
		Receive: smtpd.Config{
			Hostname: s.Hostname, Domains: s.own(), Addresses: s.Addrs, Mailbox: d.boxes.mailbox, Users: d.users, TLS: d.certs.tls,
			Limits: smtpd.Limits{MessageBytes: l.Message, Recipients: l.Recipients, Sessions: l.Sessions, ClientSessions: l.PerClient, ClientPerMinute: l.PerMinute},
			Log:    d.o.Log, TempDir: s.under("tmp"),
			Ended: both(log.ended, d.metrics.Ended), Answered: d.metrics.Answered,
		},
		Send: deliver.Sender{
			DNS: d.metrics.Resolver(d.o.DNS, metrics.ToDeliver), Security: d.o.Security, HTTP: d.o.HTTP, Memory: d.memory,
			Pool:   new(deliver.Pool),
			Routes: routes(s.MTA, s.relays), Warmup: warmup(s.WarmUp, d.memory),
			Here: slices.Concat(s.Addrs, d.o.Here), Names: []string{s.Hostname},
			IPv4: !slices.ContainsFunc(s.Addrs, netip.Addr.Is6),
		},
		Queue: queue.Options{MaxAge: l.GiveUp, DelayAfter: l.DelayNotice, Observe: both(log.observed, d.metrics.Observe)},

		SpoolDir: s.under("spool"),
		Spool:    spool.Options{MaxMessages: l.Queue, MaxBytes: l.QueueSize, MinFree: uint64(l.Free), Journal: true, Trouble: d.trouble},
		Mail:     d.boxes.mail, Box: d.boxes.box, Test: d.tests,

		DNS: d.metrics.Resolver(d.o.DNS, metrics.ToJudge), DMARC: s.dmarc(), Keys: s.keys,

		Judged:    func(m *smtpd.Mail, j judge.Judgement) { log.judged(m, j); d.metrics.Judged(m, j) },
		Arrived:   both(log.arrived, d.metrics.Arrived),
		Attempted: func(e spool.Envelope, r deliver.Report) { log.attempted(e, r); d.metrics.Attempted(e, r) },
	}
	o.Receive.Offer.DSN, o.Receive.Offer.RequireTLS = true, true
	o.Send.Client.Name, o.Send.Client.Dial = s.Hostname, s.dial(d.o.Here)
	if d.o.Tune != nil {
		d.o.Tune(&o)
	}
	return o
}

// both calls two functions.
func both[T any](one, two func(T)) func(T) {
	return func(v T) {
		one(v)
		two(v)
	}
}

func (s *Setup) dmarc() mta.DMARC {
	if s.MTA.DMARC == "note" {
		return mta.Note
	}
	return mta.Apply
}

// settings are those that change while the server runs.
func (d *Daemon) settings(s *Setup) mta.Settings {
	return mta.Settings{
		Domains: s.own(), Addresses: s.Addrs, Keys: s.keys, DMARC: s.dmarc(),
		Routes: routes(s.MTA, s.relays), Warmup: warmup(s.WarmUp, d.memory),
	}
}

// dial connects from the address that the file gives this host, where the machine
// has it: SPF and reverse DNS are about that one, and a machine may have others.
func (s *Setup) dial(here []netip.Addr) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		var dialer net.Dialer
		if to, err := netip.ParseAddrPort(address); err == nil && to.Addr().IsGlobalUnicast() && !to.Addr().IsPrivate() {
			i := slices.IndexFunc(s.Addrs, func(a netip.Addr) bool { return a.Is4() == to.Addr().Unmap().Is4() && slices.Contains(here, a) })
			if i >= 0 {
				dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(s.Addrs[i], 0))
			}
		}
		return dialer.DialContext(ctx, network, address)
	}
}

// A testbox is the test mailbox of a running server, which can be switched.
type testbox struct {
	*inbox.Boxes
	on func() bool
}

// Takes implements [mta.TestMailbox].
func (t testbox) Takes(a smtpd.Address) bool { return t.on() && t.Boxes.Takes(a) }

// sweepEvery is how often test addresses whose time is over are taken away, and
// remembered how often what was learnt of domains is saved.
const (
	sweepEvery = 10 * time.Minute
	remembered = 5 * time.Minute
)

func mailStore(s *Setup) *maildir.Store {
	return &maildir.Store{Dir: s.under("mail"), Host: s.Hostname, Quota: s.Limits.Mailbox}
}
