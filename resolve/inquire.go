package resolve

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// Transfer is the type of an Inquiry that asks for a whole zone (RFC 5936), of
// which no more is read than the first message.
const Transfer = "AXFR"

// An Inquiry is a question to one DNS server, of which its own view is wanted:
// who is asked, and in what manner. Inquiries are comparable.
type Inquiry struct {
	Name, Type string     // as those of a Question; Type may be Transfer
	Server     netip.Addr // asked on port 53
	TCP        bool       // over TCP alone; else over UDP, with TCP on truncation
	Recurse    bool       // RD: as a client asks its resolver
}

// Question is the inquiry as a question, without its manner.
func (q Inquiry) Question() Question {
	return Question{Name: q.Name, Type: q.Type, At: q.Server.String()}
}

// String is the inquiry as evidence shows it: "SOA example.org @192.0.2.53 over TCP".
func (q Inquiry) String() string {
	s := q.Question().String()
	if q.TCP && q.Type != Transfer {
		s += " over TCP"
	}
	if q.Recurse {
		s += ", recursion desired"
	}
	return s
}

// A Statement is what one server said, whatever it said: REFUSED and SERVFAIL
// are statements too, unlike to a Resolver.
type Statement struct {
	Inquiry       Inquiry
	Code          string // mnemonic of the RCODE: "NOERROR"
	Authoritative bool   // AA
	Recursive     bool   // RA
	// The sections, sorted (record.Compare), without what belongs to EDNS and
	// DNSSEC. Of a Transfer, Answer is the first record only.
	Answer, Authority, Additional []record.Record
}

// Exists is false for NXDOMAIN.
func (s Statement) Exists() bool { return s.Code != "NXDOMAIN" }

// Conclusive reports whether the server answered from its own zones: yes, no
// such records, or no such name.
func (s Statement) Conclusive() bool {
	return s.Authoritative && (s.Code == "NOERROR" || s.Code == "NXDOMAIN")
}

// Own returns the records of the name and type asked, or the CNAME in their
// place; not what a CNAME leads to.
func (s Statement) Own() []record.Record {
	var own []record.Record
	for _, r := range s.Answer {
		if r.Name == s.Inquiry.Name && (r.Type == s.Inquiry.Type || r.Type == "CNAME") {
			own = append(own, r)
		}
	}
	return own
}

// Referral returns the zone that the server says others answer for, and their
// names (RFC 1034, 4.3.2, step 3b); "" where it refers to nobody below itself.
func (s Statement) Referral() (zone string, servers []record.Record) {
	if s.Code != "NOERROR" || s.Authoritative || len(s.Answer) > 0 {
		return "", nil
	}
	for _, r := range s.Authority {
		if r.Type == "NS" && r.Name != "." && record.Within(s.Inquiry.Name, r.Name) && (zone == "" || zone == r.Name) {
			zone = r.Name
			servers = append(servers, r)
		}
	}
	return zone, servers
}

// String is the statement as evidence shows it: the data of every record asked
// for, one a line, or what was said in their place.
func (s Statement) String() string {
	var lines []string
	for _, r := range s.Own() {
		if r.Type != s.Inquiry.Type {
			r.Data = r.Type + " " + record.Display(r.Data)
		}
		lines = append(lines, r.Data)
	}
	zone, servers := s.Referral()
	switch {
	case s.Code != "NOERROR":
		lines = append(lines, s.Code)
	case zone != "":
		lines = append(lines, "referral to the servers of "+record.Display(zone))
		for _, r := range servers {
			lines = append(lines, record.Display(r.Data))
		}
		for _, r := range s.Additional {
			lines = append(lines, record.Display(r.Name)+" "+r.Type+" "+r.Data)
		}
	case s.Inquiry.Type == Transfer && len(s.Answer) > 0:
		lines = append(lines, "the zone, which begins with its "+s.Answer[0].Type+" record")
	case s.Inquiry.Type == Transfer:
		lines = append(lines, "nothing")
	case len(lines) == 0:
		lines = append(lines, "no "+s.Inquiry.Type+" record")
	}
	if s.Code == "NOERROR" && zone == "" && !s.Authoritative && !s.Recursive {
		lines = append(lines, "(not authoritative)")
	}
	return strings.Join(lines, "\n")
}

// An Inquirer asks servers themselves. The error is an *Error: there was no
// message that answers the inquiry.
type Inquirer interface {
	Inquire(context.Context, Inquiry) (Statement, error)
}

// maxInquiry is how long one server is waited for in all: to hear that it is
// silent shall not take as long as a resolver may need to find an answer.
const maxInquiry = 5 * time.Second

// Inquire asks q.Server itself and returns what it says. A server that is silent
// over UDP is asked once more.
func (c *Client) Inquire(ctx context.Context, q Inquiry) (Statement, error) {
	q, fault := q.prepared(ctx)
	if fault != nil {
		return Statement{}, fault
	}
	limit := min(c.opts.Timeout*time.Duration(c.opts.Attempts), maxInquiry)
	if q.Type == Transfer {
		return c.transfer(ctx, q, limit)
	}
	e, err := c.reach(q.endpoint())
	if err != nil {
		return Statement{}, &Error{Question: q.Question(), Kind: Unreachable, Err: err}
	}
	r, _, fault := c.race(ctx, time.Now().Add(limit), &race{
		q: q.Question(), manner: &manner{recurse: q.Recurse}, servers: []*endpoint{e}, most: 2, enough: 2,
	})
	if fault != nil {
		if err := ctx.Err(); err != nil {
			return Statement{}, canceled(q.Question(), err)
		}
		fault.Question = q.Question()
		return Statement{}, fault
	}
	s, err := statement(q, r.wire)
	if err != nil {
		return Statement{}, &Error{Question: q.Question(), Kind: Malformed, Server: e.server.String(), Err: err}
	}
	return s, nil
}

// endpoint is the server as the client knows it.
func (q Inquiry) endpoint() Server {
	s := Server{Network: "udp", Host: q.Server.String(), Port: standardPorts["udp"]}
	if q.TCP {
		s.Network = "tcp"
	}
	return s
}

// prepared is as that of a Question.
func (q Inquiry) prepared(ctx context.Context) (Inquiry, *Error) {
	q.Server = q.Server.Unmap()
	if !q.Server.IsValid() {
		return q, &Error{Question: Question{Name: q.Name, Type: q.Type}, Kind: Invalid, Detail: "the server to ask is not an IP address"}
	}
	asked := q.Question()
	if q.Type == Transfer {
		asked.Type = "SOA" // what it begins with
	}
	asked, fault := prepared(ctx, asked)
	q.Name = asked.Name
	if q.Type != Transfer {
		q.Type = asked.Type
	}
	return q, fault
}

// statement reads a message.
func statement(q Inquiry, wire []byte) (Statement, error) {
	var m dns.Msg
	err := m.Unpack(wire)
	s := Statement{Inquiry: q, Code: rcodeName(m.Rcode), Authoritative: m.Authoritative, Recursive: m.RecursionAvailable}
	if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return s, nil // a failure needs no records
	}
	s.Answer, s.Authority, s.Additional = ordinary(m.Answer), ordinary(m.Ns), ordinary(m.Extra)
	return s, err
}

// extraordinary are the types that say something of the message, or of others.
var extraordinary = []uint16{dns.TypeOPT, dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeTSIG, dns.TypeSIG}

func ordinary(rrs []dns.RR) []record.Record {
	var list []record.Record
	for _, rr := range rrs {
		if h := rr.Header(); h.Class == dns.ClassINET && !slices.Contains(extraordinary, h.Rrtype) {
			list = append(list, toRecord(rr))
		}
	}
	return record.Sorted(list)
}

// Fits reports whether the statement fits into a UDP answer to us.
func (s Statement) Fits() bool {
	m := new(dns.Msg)
	m.SetQuestion(s.Inquiry.Name, dns.StringToType[s.Inquiry.Type])
	m.Compress = true
	for _, r := range slices.Concat(s.Answer, s.Authority) {
		if rr, err := dns.NewRR(r.String()); err == nil && rr != nil {
			m.Answer = append(m.Answer, rr)
		}
	}
	return m.Len()+len(optRecord) <= ednsSize
}
