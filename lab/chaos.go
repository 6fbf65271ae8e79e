package lab

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/dane"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
	"github.com/maildoctor/maildoctor/scenario/httpscript"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// A Chaos is a small internet, signed by DNSSEC, whose receivers misbehave, and a
// sender to be tried by it. Each [Fault] is tried by itself; several may be at once.
type Chaos struct {
	from, helo string
	keys       []mta.Key

	lab      *Lab
	dns      *resolve.Client
	secure   *resolve.Validator
	dir      string
	receiver *mta.Server
	at       string // where that listens
	stop     context.CancelFunc

	mu     sync.Mutex
	copies map[string][]bool // what is in the mailboxes, by recipient: whether its signatures pass
}

// Addresses of the world: that of the hosts that misbehave, and of those that do not.
var (
	unrulyAddr = netip.MustParseAddr("203.0.113.25")
	spareAddr  = netip.MustParseAddr("203.0.113.26")
	calmAddr   = netip.MustParseAddr("203.0.113.27")
	policyAddr = netip.MustParseAddr("203.0.113.80")
)

// NewChaos begins one for the sender of a mailbox, whose host calls itself helo and
// whose mail keys sign. In this world the keys are published as they are.
func NewChaos(from, helo string, keys []mta.Key) (_ *Chaos, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	c := &Chaos{from: from, helo: helo, keys: keys, stop: cancel, copies: make(map[string][]bool)}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	ca, err := smtpscript.NewCA(time.Now())
	if err != nil {
		return nil, err
	}
	records, err := c.records(ca)
	if err != nil {
		return nil, err
	}
	pages := httpscript.Site{}
	for domain, policy := range map[string]string{enforcing: "enforce\nmx: mx." + enforcing, misnamed: "enforce\nmx: other.test", trying: "testing\nmx: mx." + trying} {
		page, err := httpscript.Parse("version: STSv1\nmode: " + policy + "\nmax_age: 86400\n")
		if err != nil {
			return nil, err
		}
		pages["mta-sts."+domain+"/.well-known/mta-sts.txt"] = page
	}
	if c.lab, err = StartWith(&scenario.Scenario{Domain: unruly + ".", Now: time.Now(), Records: records, Pages: pages}, ca); err != nil {
		return nil, err
	}
	if c.dns, err = c.lab.Client(resolve.Options{}); err != nil {
		return nil, err
	}
	signed, err := newSignedRoot(records, c.lab.Clock())
	if err != nil {
		return nil, err
	}
	c.secure = resolve.NewValidator(ctx, signed, resolve.SecureOptions{Anchors: []record.Record{signed.anchor()}, Now: c.lab.Clock()})
	if c.dir, err = os.MkdirTemp("", "maildoctor-lab-"); err != nil {
		return nil, err
	}
	return c, c.receive()
}

// records is the world.
func (c *Chaos) records(ca *smtpscript.CA) ([]record.Record, error) {
	var list []record.Record
	host := func(domain string, addr netip.Addr) string {
		name := "mx." + domain + "."
		list = append(list, record.MX(domain+".", 10, name), record.Address(name, addr))
		return name
	}
	for _, domain := range []string{unruly, enforcing, misnamed, trying, bound, unusable} {
		host(domain, unrulyAddr)
	}
	host(calm, calmAddr)
	host(spare, spareAddr)
	list = append(list, record.MX(spare+".", 20, "mx2."+spare+"."), record.Address("mx2."+spare+".", unrulyAddr))
	list = append(list, record.MX(nobody+".", 0, "."), record.MX(circle+".", 10, record.Canonical(c.helo)), record.MX(homeless+".", 10, "mx."+homeless+"."))
	for _, domain := range []string{enforcing, misnamed, trying} {
		list = append(list, record.TXT("_mta-sts."+domain+".", "v=STSv1; id=1;"), record.Address("mta-sts."+domain+".", policyAddr))
	}
	for domain, usage := range map[string]dane.Usage{bound: dane.EE, unusable: dane.PKIXEE} {
		cert, err := ca.Issue(smtpscript.Certificate{Names: []string{"mx." + domain}})
		if err != nil {
			return nil, err
		}
		r, err := dane.Of(cert.Certificate[0], usage, dane.Key, dane.SHA256)
		if err != nil {
			return nil, err
		}
		list = append(list, record.Record{Name: dane.Name("mx." + domain + "."), Type: "TLSA", TTL: negativeTTL, Data: r.String()})
	}
	for _, k := range c.keys {
		public, err := dkim.New(k.Public())
		if err != nil {
			return nil, err
		}
		name, ok := record.Below(k.Selector+"._domainkey", record.Canonical(k.Domain))
		if ok {
			list = append(list, record.TXT(name, public.String()))
		}
	}
	return list, nil
}

// receive begins the mail host behind all fronts.
func (c *Chaos) receive() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c.receiver, _, err = mta.Open(mta.Options{
		Receive: smtpd.Config{
			Hostname: "mx." + unruly, Domains: []string{unruly, enforcing, misnamed, trying, bound, unusable, spare, calm}, GreetAfter: -1,
			Limits: smtpd.Limits{Sessions: -1, ClientSessions: -1, ClientPerMinute: -1},
		},
		Send: deliver.Sender{DNS: c.dns}, DNS: c.dns, DMARC: mta.Note,
		Mail:     &maildir.Store{Dir: filepath.Join(c.dir, "mail"), Host: "lab"},
		SpoolDir: filepath.Join(c.dir, "in"), Spool: spool.Options{MinFree: 1}, Now: c.lab.Clock(),
		Arrived: func(a mta.Arrival) {
			c.mu.Lock()
			defer c.mu.Unlock()
			broken := slices.ContainsFunc(a.Judgement.DKIM, func(v dkim.Verdict) bool { return v.Code != dkim.Pass })
			c.copies[a.Rcpt] = append(c.copies[a.Rcpt], !broken && len(a.Judgement.DKIM) == len(c.keys))
		},
	})
	if err != nil {
		listener.Close()
		return err
	}
	c.at = listener.Addr().String()
	go c.receiver.Serve(listener, smtpd.MX)
	return nil
}

// Close ends the chaos.
func (c *Chaos) Close() {
	c.stop()
	if c.receiver != nil {
		end(c.receiver)
	}
	if c.dns != nil {
		c.dns.Close()
	}
	if c.lab != nil {
		c.lab.Close()
	}
	if c.dir != "" {
		os.RemoveAll(c.dir)
	}
}

// arrived is the copies of what was sent to a mailbox: of each, whether its signatures pass.
func (c *Chaos) arrived(rcpt string) []bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.copies[rcpt]
}

// front begins one for a fault, before the host of a domain.
func (c *Chaos) front(f Fault, host string) (*front, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	right, err := c.lab.CA.Issue(smtpscript.Certificate{Names: []string{host}})
	if err != nil {
		return nil, err
	}
	at := &front{Listener: listener, behind: c.at, fault: f, helo: c.helo, cert: &right}
	if f.act == show {
		other, err := c.lab.CA.Issue(f.cert)
		if err != nil {
			return nil, err
		}
		at.other = &other
	}
	go at.serve()
	return at, nil
}
