package passage

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/keyfile"
	"github.com/maildoctor/maildoctor/mailauth/dane"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// The others in the play.
const (
	correspondent = "correspondent.example." // who writes to the domain, and is written to
	desk          = "mx." + correspondent
)

var (
	correspondentAddr = netip.MustParseAddr("198.18.7.1")
	relayAddr         = netip.MustParseAddr("198.18.7.3") // sends for a domain whose SPF does not name it
	forwarderAddr     = netip.MustParseAddr("198.18.7.2") // passes mail on as it is
	strangerAddr      = netip.MustParseAddr("198.18.7.66")
)

// A side is one of the two set-ups, with keys and a certificate of its own.
type side struct {
	migration.Side
	name     string // of its first host, or its own
	from     netip.Addr
	selector string // with which it signs; empty: it does not
	public   string // its DKIM record
	keys     []mta.Key
	cert     tls.Certificate
	tlsa     string // what a TLSA record says of its key
}

// A cast is who plays.
type cast struct {
	domain   string
	ca       *smtpscript.CA
	old, new *side
	before   map[record.Record]bool // what was there when the move began, without TTLs
	leaves   bool                   // the key of the old side goes in the end
	desk     tls.Certificate
	tlsa     string // what a TLSA record says of the authority that issued all certificates
}

func newCast(v Voyage, now time.Time) (*cast, error) {
	ca, err := smtpscript.NewCA(now)
	if err != nil {
		return nil, err
	}
	c := &cast{domain: v.Move.Domain, ca: ca, before: make(map[record.Record]bool)}
	for _, r := range v.Move.Before {
		c.before[timeless(r)] = true
	}
	sum := sha256.Sum256(ca.Root().RawSubjectPublicKeyInfo)
	c.tlsa = "2 1 1 " + hex.EncodeToString(sum[:])
	final := selectors(v.Move.After(""), v.Move.Domain)
	olds := selectors(v.Move.Before, v.Move.Domain)
	left := slices.DeleteFunc(slices.Clone(olds), func(s string) bool { return slices.Contains(final, s) })
	news := slices.DeleteFunc(slices.Clone(final), func(s string) bool { return slices.Contains(olds, s) })
	c.leaves = len(left) > 0
	if c.leaves { // others have keys that stay
		olds = left
	}
	if len(news) == 0 { // the key moves, too
		news = final
	}
	if c.old, err = c.newSide(v.Move.Old, v.OldFrom, olds, "old"); err != nil {
		return nil, err
	}
	if c.new, err = c.newSide(v.Move.New, v.NewFrom, news, "new"); err != nil {
		return nil, err
	}
	if c.new.selector == c.old.selector { // the same key on both
		c.new.public, c.new.keys = c.old.public, c.old.keys
	}
	c.desk, err = ca.Issue(smtpscript.Certificate{Names: []string{record.Display(desk)}})
	return c, err
}

func timeless(r record.Record) record.Record {
	r.TTL = 0
	return r
}

// selectors are those of the keys of a domain, in the order of the records.
func selectors(records []record.Record, domain string) (list []string) {
	for _, r := range records {
		selector, of, ok := strings.Cut(r.Name, "._domainkey.")
		if ok && of == domain && isKey(r) && !slices.Contains(list, selector) {
			list = append(list, selector)
		}
	}
	return list
}

func isKey(r record.Record) bool {
	if r.Type == "CNAME" {
		return true
	}
	if r.Type != "TXT" {
		return false
	}
	key, _ := dkim.ParseKey(r.Data)
	return key.Public != nil
}

func (c *cast) newSide(of migration.Side, from netip.Addr, selectors []string, name string) (*side, error) {
	s := &side{Side: of, from: from}
	var names []string
	for _, host := range of.Hosts {
		names = append(names, record.Display(host))
	}
	// The sides have a key each, where the host keeps its name, too; and one that takes
	// no mail sends some.
	names = append(names, name+".passage.invalid")
	s.name = names[0]
	var err error
	s.cert, err = c.ca.Issue(smtpscript.Certificate{Names: names})
	if err != nil {
		return nil, err
	}
	s.cert.Certificate = append(slices.Clone(s.cert.Certificate), c.ca.Root().Raw) // for TLSA records of the authority (RFC 7672, 3.1.2)
	leaf, err := x509.ParseCertificate(s.cert.Certificate[0])
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	s.tlsa = "3 1 1 " + hex.EncodeToString(sum[:])
	if len(selectors) == 0 {
		return s, nil
	}
	signer, err := keyfile.Generate(keyfile.Ed25519, 0)
	if err != nil {
		return nil, err
	}
	public, err := dkim.New(signer.Public())
	if err != nil {
		return nil, err
	}
	s.selector, s.public = selectors[0], public.String()
	s.keys = []mta.Key{{Domain: record.Display(c.domain), Selector: s.selector, Signer: signer}}
	return s, nil
}

// play is records with the keys of the play in the places of the real ones. Whose a
// TLSA record is shows by whether it was there when the move began.
func (c *cast) play(records []record.Record) (list []record.Record) {
	for _, r := range records {
		who := c.new
		if c.before[timeless(r)] {
			who = c.old
		}
		selector, of, isDKIM := strings.Cut(r.Name, "._domainkey.")
		switch {
		case isDKIM && of == c.domain && isKey(r):
			for _, s := range []*side{c.old, c.new} {
				if s.selector == selector {
					played := record.TXT(r.Name, s.public)
					played.TTL = r.TTL
					r = played
				}
			}
		case r.Type == "TLSA" && c.isMail(r.Name):
			data := who.tlsa
			if tlsa, _ := dane.Parse(r.Data); tlsa.Usage == dane.TA {
				data = c.tlsa
			}
			r.Data = data
		}
		list = append(list, r)
	}
	return list
}

// isMail reports whether a name is that of TLSA records of a mail host.
func (c *cast) isMail(name string) bool {
	return slices.ContainsFunc(slices.Concat(c.old.Hosts, c.new.Hosts), func(host string) bool { return dane.Name(host) == name })
}

// correspondents are the records of who else is in the play.
func (c *cast) correspondents() []record.Record {
	return []record.Record{
		record.MX(correspondent, 10, desk), record.Address(desk, correspondentAddr),
		record.TXT(correspondent, "v=spf1 ip4:"+correspondentAddr.String()+" -all"),
		record.TXT("_dmarc."+correspondent, "v=DMARC1; p=reject"),
	}
}

// reverse are the PTR records of who sends, with names that lead back.
func (c *cast) reverse() (list []record.Record) {
	for _, s := range []*side{c.old, c.new} {
		list = append(list, record.Record{Name: record.Reverse(s.from), Type: "PTR", TTL: 3600, Data: record.Canonical(s.name)})
	}
	return append(list, record.Record{Name: record.Reverse(correspondentAddr), Type: "PTR", TTL: 3600, Data: desk})
}
