package facts

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

const slow = 20 * time.Millisecond // of every answer

// A recorder answers from records after a while, and remembers who asked what when.
type recorder struct {
	zone resolve.Resolver

	mu     sync.Mutex
	start  time.Time
	asked  map[string]time.Duration // name -> when, since the start
	flying map[string]int           // operator -> questions under way
	most   map[string]int
}

func newRecorder(records []record.Record) *recorder {
	return &recorder{zone: resolve.NewZone(records), start: time.Now(),
		asked: map[string]time.Duration{}, flying: map[string]int{}, most: map[string]int{}}
}

func (r *recorder) Resolve(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
	operator := ""
	for _, z := range dnsbl.Default() {
		if record.Within(q.Name, z.Name) {
			operator = z.Operator
		}
	}
	r.mu.Lock()
	if _, twice := r.asked[q.String()]; !twice {
		r.asked[q.String()] = time.Since(r.start)
	}
	r.flying[operator]++
	r.most[operator] = max(r.most[operator], r.flying[operator])
	r.mu.Unlock()
	time.Sleep(slow)
	r.mu.Lock()
	r.flying[operator]--
	r.mu.Unlock()
	return r.zone.Resolve(ctx, q)
}

// toLists is the questions to lists, without their test entries.
func (r *recorder) toLists(about string) []string {
	var list []string
	for q := range r.asked {
		if !strings.HasPrefix(q, "A ") && !strings.HasPrefix(q, "TXT ") {
			continue
		}
		for _, z := range dnsbl.Default() {
			name := strings.Fields(q)[1]
			if labels, ok := strings.CutSuffix(name, "."+z.String()); ok && strings.Contains(labels, about) && !isTest(z, labels) {
				list = append(list, q)
			}
		}
	}
	return list
}

func isTest(z dnsbl.Zone, labels string) bool {
	return slices.ContainsFunc(z.Tests, func(t dnsbl.Test) bool { return t.Listed == labels || t.Unlisted == labels })
}

// alive is the test entries of all lists.
func alive() []record.Record {
	var records []record.Record
	for _, z := range dnsbl.Default() {
		for _, t := range z.Tests {
			name, _ := record.Below(t.Listed, z.Name)
			records = append(records, record.Address(name, z.Codes[0].Answers.Addr().Next().Prev()))
		}
	}
	return records
}

func examine(t *testing.T, dns resolve.Resolver, domain string) Blocklists {
	t.Helper()
	env := &checks.Env{Domain: domain, DNS: resolve.NewMemo(t.Context(), dns), Now: time.Now, Lab: true}
	b, err := Listings.Of(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mail(domain string) []record.Record {
	mx := "mx." + domain
	return []record.Record{
		record.MX(domain, 10, mx),
		record.Address(mx, netip.MustParseAddr("192.0.2.25")),
		record.Address(mx, netip.MustParseAddr("2001:db8::25")),
		record.TXT(domain, "v=spf1 mx -all"),
	}
}

// The tests of the lists go out at time zero, and the lists are asked about an
// MX address as soon as it is known: MX, A, list.
func TestListingsTiming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(slices.Concat(alive(), mail("example.org.")))
		b := examine(t, r, "example.org.")
		for _, s := range b.Tests {
			for _, p := range s.Probes {
				if at := r.asked[p.Question.String()]; at > slow { // the second batch where an operator has many
					t.Errorf("%v was asked after %v", p.Question, at)
				}
			}
			if s.Use != dnsbl.Usable {
				t.Errorf("%s for %s: %v", s.Zone, s.Family, s.Reason)
			}
		}
		asked := r.toLists("25.2.0.192")
		if len(asked) < 10 {
			t.Errorf("asked only %v", asked)
		}
		for _, q := range asked {
			if at := r.asked[q]; at > 3*slow {
				t.Errorf("%s was asked after %v", q, at)
			}
		}
		if took := time.Since(r.start); took > 5*slow {
			t.Errorf("all took %v", took)
		}
	})
}

// A sender whose reverse name belongs to its hoster: MX, A, PTR, list, while the
// name is confirmed.
func TestListingsReverseNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := slices.Concat(alive(), mail("example.org."), []record.Record{
			{Name: record.Reverse(netip.MustParseAddr("192.0.2.25")), Type: "PTR", Data: "vps7.hoster.example."},
			record.Address("vps7.hoster.example.", netip.MustParseAddr("192.0.2.25")),
			{Name: record.Reverse(netip.MustParseAddr("2001:db8::25")), Type: "PTR", Data: "claimed.bank.example."},
		})
		r := newRecorder(records)
		b := examine(t, r, "example.org.")
		if at, ok := r.asked["A example.org.dbl.spamhaus.org"]; !ok || at > slow {
			t.Errorf("the domain was asked about after %v", at)
		}
		if at, ok := r.asked["A hoster.example.dbl.spamhaus.org"]; !ok || at > 3*slow {
			t.Errorf("the reverse name was asked about after %v", at)
		}
		var names []string
		for _, s := range b.Subjects {
			if s.Target.Family() == dnsbl.Domain {
				names = append(names, s.String())
			}
		}
		want := []string{"example.org (the domain itself)", "hoster.example (of the reverse name vps7.hoster.example)"}
		if !slices.Equal(names, want) { // bank.example does not confirm its claim
			t.Errorf("names %q", names)
		}
	})
}

// A large domain gets a bounded number of questions, few at once for each operator.
func TestListingsBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := alive()
		spf := "v=spf1"
		for i := range 20 {
			host := fmt.Sprintf("mx%d.example.org.", i)
			records = append(records, record.MX("example.org.", uint16(i), host),
				record.Address(host, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})),
				record.Address(host, netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i))))
			spf += fmt.Sprintf(" ip4:198.51.100.%d", i)
		}
		r := newRecorder(append(records, record.TXT("example.org.", spf+" -all")))
		b := examine(t, r, "example.org.")
		if n := len(r.toLists("")); n > 450 {
			t.Errorf("%d questions to lists", n)
		}
		for operator, n := range r.most {
			if operator != "" && n > maxListFlights {
				t.Errorf("%s got %d questions at once", operator, n)
			}
		}
		if len(b.Subjects) > maxListAddrs+maxListNames || len(b.LeftOut) != 1 || !strings.Contains(b.LeftOut[0], "more addresses") {
			t.Errorf("%d subjects, left out: %q", len(b.Subjects), b.LeftOut)
		}
		if !b.Subjects[0].Sends {
			t.Error("senders do not come first")
		}
	})
}

// What a list is asked, and what not.
func TestListingsManners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := slices.DeleteFunc(alive(), func(r record.Record) bool { return record.Within(r.Name, "multi.uribl.com.") })
		records = append(records,
			record.Address("*.multi.uribl.com.", netip.MustParseAddr("127.0.0.1")), // refuses
			record.Address("25.2.0.192.bl.spamcop.net.", netip.MustParseAddr("127.0.0.2")),
			record.TXT("25.2.0.192.bl.spamcop.net.", strings.Repeat("why ", 500)))
		r := newRecorder(append(records, mail("mail.example.co.uk.")...))
		b := examine(t, r, "mail.example.co.uk.")
		if asked := r.toLists("example.co.uk"); slices.ContainsFunc(asked, func(q string) bool { return strings.HasSuffix(q, "uribl.com") }) {
			t.Errorf("a list that refuses was asked more: %v", asked)
		}
		if asked := r.toLists("25.2.0.192"); slices.ContainsFunc(asked, func(q string) bool { return strings.Contains(q, "dbl.spamhaus.org") }) {
			t.Errorf("a list of domains was asked about an address: %v", asked)
		}
		texts := 0
		for q := range r.asked {
			if strings.HasPrefix(q, "TXT 25.") {
				texts++
			}
		}
		if texts != 1 {
			t.Errorf("%d questions for reasons, want the one of the listing", texts)
		}
		var names []string
		for _, s := range b.Subjects {
			if s.Target.Family() == dnsbl.Domain {
				names = append(names, s.Target.String())
			}
		}
		if !slices.Equal(names, []string{"mail.example.co.uk", "example.co.uk"}) {
			t.Errorf("names %v", names)
		}
		for _, e := range b.Entries {
			for _, text := range e.Texts {
				if len(text) > maxListText {
					t.Errorf("%d octets of reason", len(text))
				}
			}
		}
	})
}

// A dead list costs its patience and no more, and is named.
func TestListingsDeadList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone := resolve.NewZone(slices.Concat(alive(), mail("example.org.")))
		start := time.Now()
		dns := resolve.Func(func(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
			if record.Within(q.Name, "psbl.surriel.com.") {
				<-ctx.Done()
				return resolve.Answer{}, &resolve.Error{Question: q, Kind: resolve.Canceled, Err: ctx.Err()}
			}
			return zone.Resolve(ctx, q)
		})
		ctx, cancel := context.WithCancel(t.Context())
		env := &checks.Env{Domain: "example.org.", DNS: resolve.NewMemo(ctx, dns), Now: time.Now, Lab: true}
		b, err := Listings.Of(ctx, env)
		if err != nil || time.Since(start) > listPatience {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		for _, s := range b.Tests {
			if dead := s.Zone.Name == "psbl.surriel.com."; dead != (s.Use == dnsbl.Unreachable) {
				t.Errorf("%s: %v", s.Zone, s.Use)
			}
		}
		cancel() // ends what still waits below the memo
		synctest.Wait()
	})
}

// What hides behind an error is told, and what is not public is left out.
func TestListingsPartial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone := resolve.NewZone(append(alive(),
			record.MX("example.org.", 10, "mx.example.org."), record.MX("example.org.", 20, "inside.example.org."),
			record.Address("inside.example.org.", netip.MustParseAddr("10.0.0.25"))))
		dns := resolve.NewFaults(zone, []resolve.Fault{{Type: "A", Name: "mx.example.org.", Kind: resolve.ServFail}})
		b := examine(t, dns, "example.org.")
		if len(b.Errs) != 1 || resolve.KindOf(b.Errs[0]) != resolve.ServFail {
			t.Errorf("errors %v", b.Errs)
		}
		if len(b.LeftOut) != 1 || !strings.Contains(b.LeftOut[0], "10.0.0.25 (MX inside.example.org), which is private") {
			t.Errorf("left out %q", b.LeftOut)
		}
		if b.Family(dnsbl.IPv4) || !b.Family(dnsbl.Domain) {
			t.Errorf("subjects %v", b.Subjects)
		}
	})
}

func TestListingsCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	zone := resolve.NewZone(alive())
	env := &checks.Env{Domain: "example.org.", DNS: resolve.Func(func(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
		if err := ctx.Err(); err != nil {
			return resolve.Answer{}, err
		}
		return zone.Resolve(ctx, q)
	}), Now: time.Now}
	if _, err := Listings.Of(ctx, env); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestRegistrable(t *testing.T) {
	for name, want := range map[string]string{
		"mx.mail.example.co.uk.": "example.co.uk.", "example.org.": "example.org.", "org.": "", "co.uk.": "", "": "", "192.0.2.25.": "",
	} {
		if got := registrable(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
