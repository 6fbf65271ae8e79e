package rfc2136_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/providertest"
	"github.com/maildoctor/maildoctor/providers/rfc2136"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// The keys of the tests: owner may do what is needed, reader may not write, and
// admin is behind the scenes and may transfer every zone.
const (
	owner, reader, admin = "owner.", "reader.", "admin."
)

// secretOf is the secret of a key.
func secretOf(name string) string {
	return base64.StdEncoding.EncodeToString([]byte("a secret of 32 octets, of " + name + "......")[:32])
}

func keyOf(t testing.TB, name string) *rfc2136.Key {
	t.Helper()
	k, err := rfc2136.ParseKey("hmac-sha256:" + name + ":" + secretOf(name))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A service is a zone at a server, which the provider reaches through a relay that
// can break.
type service struct {
	t       *testing.T
	zone    string
	address string
	relay   *relay
}

func newService(t *testing.T, zone, address string, ready func(net.Conn)) *service {
	return &service{t: t, zone: zone, address: address, relay: newRelay(t, address, ready)}
}

func (s *service) open(ctx context.Context, domain, key string) (providers.Provider, error) {
	p, err := rfc2136.Open(ctx, domain, rfc2136.Options{Server: s.relay.address, Key: keyOf(s.t, key)})
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (s *service) Open(ctx context.Context, domain string) (providers.Provider, error) {
	return s.open(ctx, domain, owner)
}

func (s *service) Denied(ctx context.Context, domain string) (providers.Provider, error) {
	return s.open(ctx, domain, reader)
}

func (s *service) Secrets() []string {
	return []string{secretOf(owner), secretOf(reader), "a secret of 32 octets"}
}

func (s *service) Break(_ *testing.T, how providertest.Fault) { s.relay.breakNext(how) }

// rrs transfers the zone, by the library.
func (s *service) rrs(t *testing.T) []dns.RR {
	t.Helper()
	m := new(dns.Msg).SetAxfr(s.zone)
	m.SetTsig(admin, dns.HmacSHA256, 300, time.Now().Unix())
	transfer := &dns.Transfer{TsigSecret: map[string]string{admin: secretOf(admin)}, ReadTimeout: 5 * time.Second}
	list, err := transfer.In(m, s.address)
	if err != nil {
		t.Fatal(err)
	}
	var all []dns.RR
	for e := range list {
		if e.Error != nil {
			t.Fatal(e.Error)
		}
		all = append(all, e.RR...)
	}
	return all[:len(all)-1]
}

func (s *service) Records(t *testing.T) []record.Record {
	t.Helper()
	var list []record.Record
	for _, rr := range s.rrs(t) {
		list = append(list, resolve.FromRR(rr))
	}
	return list
}

// Change sends one update, without prerequisites.
func (s *service) Change(t *testing.T, edits ...record.Edit) {
	t.Helper()
	m := new(dns.Msg).SetUpdate(s.zone)
	for _, e := range edits {
		for _, rr := range s.rrs(t) {
			if e.Slot.Holds(resolve.FromRR(dns.Copy(rr))) {
				m.Remove([]dns.RR{rr})
			}
		}
		for _, r := range e.Want {
			rr, err := dns.NewRR(r.String())
			if err != nil {
				t.Fatal(err)
			}
			rr.Header().Ttl = r.TTL
			m.Insert([]dns.RR{rr})
		}
	}
	if err := s.update(m); err != nil {
		t.Fatal(err)
	}
}

// update sends an update as the admin.
func (s *service) update(m *dns.Msg) error {
	m.SetTsig(admin, dns.HmacSHA256, 300, time.Now().Unix())
	client := dns.Client{Net: "tcp", TsigSecret: map[string]string{admin: secretOf(admin)}}
	answer, _, err := client.Exchange(m, s.address)
	if err == nil && answer.Rcode != dns.RcodeSuccess {
		err = errors.New(dns.RcodeToString[answer.Rcode])
	}
	return err
}

// A relay passes messages on to a server, and breaks updates where it is told to.
type relay struct {
	address string // its own
	server  string
	ready   func(net.Conn) // is called before an answer is read; may be nil

	mu     sync.Mutex
	broken *providertest.Fault
	before func() // what happens before the next update is passed on
	after  func() // and before its answer is
	seen   []*dns.Msg
}

func newRelay(t *testing.T, server string, ready func(net.Conn)) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{address: l.Addr().String(), server: server, ready: ready}
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); l.Close(); all.Wait() })
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { r.serve(ctx, conn) })
		}
	})
	return r
}

func (r *relay) breakNext(how providertest.Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = &how
}

// beforeNext has f called before the next update reaches the server.
func (r *relay) beforeNext(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before = f
}

// afterNext has f called before the answer to the next update reaches the provider.
func (r *relay) afterNext(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.after = f
}

// updates are those that came.
func (r *relay) updates() []*dns.Msg {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen
}

func (r *relay) serve(ctx context.Context, in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", r.server)
	if err != nil {
		return
	}
	defer out.Close()
	stop := context.AfterFunc(ctx, func() { in.Close(); out.Close() })
	defer stop()
	lost := make(chan bool, 100)
	var back sync.WaitGroup
	defer back.Wait()
	back.Go(func() {
		defer in.Close()
		answers := bufio.NewReader(out)
		for {
			if r.ready != nil {
				r.ready(out)
			}
			frame, err := readFrame(answers)
			if err != nil {
				return
			}
			select {
			case <-lost:
				return // the answer to the update, or what came before it
			default:
			}
			if frame[4]>>3&0xf == dns.OpcodeUpdate {
				r.mu.Lock()
				after := r.after
				r.after = nil
				r.mu.Unlock()
				if after != nil {
					after()
				}
			}
			if _, err := in.Write(frame); err != nil {
				return
			}
		}
	})
	defer out.Close()
	questions := bufio.NewReader(in)
	for {
		frame, err := readFrame(questions)
		if err != nil {
			return
		}
		if how, ok := r.fault(frame); ok {
			switch how {
			case providertest.Refused:
				in.Write(refusal(frame))
				return
			case providertest.Cut:
				return
			}
			lost <- true
			out.Write(frame)
			back.Wait()
			return
		}
		if _, err := out.Write(frame); err != nil {
			return
		}
	}
}

func (r *relay) fault(frame []byte) (providertest.Fault, bool) {
	if frame[4]>>3&0xf != dns.OpcodeUpdate {
		return 0, false
	}
	r.mu.Lock()
	broken, before := r.broken, r.before
	r.broken, r.before = nil, nil
	m := new(dns.Msg)
	if m.Unpack(frame[2:]) == nil {
		r.seen = append(r.seen, m)
	}
	r.mu.Unlock()
	if before != nil {
		before()
	}
	if broken == nil {
		return 0, false
	}
	return *broken, true
}

// refusal is an answer to an update, by somebody without the key.
func refusal(frame []byte) []byte {
	m := new(dns.Msg)
	if m.Unpack(frame[2:]) != nil {
		return nil
	}
	wire, _ := new(dns.Msg).SetRcode(m, dns.RcodeRefused).Pack()
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
}

func readFrame(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(length[:]))
	if n < 12 {
		return nil, fmt.Errorf("%d octets", n)
	}
	frame := append(length[:], make([]byte, n)...)
	_, err := io.ReadFull(r, frame[2:])
	return frame, err
}

// planned is the plan of edits by a provider.
func planned(t *testing.T, to providers.Provider, edits ...record.Edit) plan.Plan {
	t.Helper()
	var names []string
	var wishes []plan.Wish
	for _, e := range edits {
		names = append(names, e.Slot.Name)
		wishes = append(wishes, plan.Wish{Edit: e, Reason: "the test wants it"})
	}
	reading, err := to.Read(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	p, conflicts := plan.Make(reading.Records, wishes, reading.Given(to))
	if len(conflicts) > 0 {
		t.Fatal(conflicts)
	}
	return p
}
