package cloudflare_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/cloudflare/fake"
	"github.com/maildoctor/maildoctor/record"
)

// What is replaced keeps what Cloudflare knows of it besides; what is new is
// marked, and not proxied.
func TestKeeps(t *testing.T) {
	s := newStage(t, florist()...)
	spf, mx, site := s.named("example.org", "TXT", "v=spf1"), s.named("example.org", "MX", "mail"), s.named("example.org", "A", "")
	list := append(edits(), record.Set(record.Slot{Name: zone, Type: "A"}, record.Record{Name: zone, Type: "A", TTL: 600, Data: "192.0.2.11"}),
		record.Set(record.Slot{Name: "new.example.org.", Type: "A"}, record.Record{Name: "new.example.org.", Type: "A", Data: "192.0.2.12"}))
	if _, err := s.run(t.Context(), list...); err != nil {
		t.Fatal(err)
	}
	was := s.named("example.org", "TXT", "v=spf1")
	if was.ID != spf.ID || was.Comment != spf.Comment || !slices.Equal(was.Tags, spf.Tags) || was.TTL != spf.TTL || was.Content != `"v=spf1 a mx -all"` {
		t.Errorf("SPF: %+v, was %+v", was, spf)
	}
	if is := s.named("example.org", "MX", "mail"); is.ID != mx.ID || is.Comment != mx.Comment || *is.Priority != 5 {
		t.Errorf("MX: %+v, was %+v", is, mx)
	}
	if is := s.named("example.org", "A", ""); is.ID != site.ID || !is.Proxied || is.TTL != 1 || is.Content != "192.0.2.11" || !slices.Equal(is.Tags, site.Tags) {
		t.Errorf("A: %+v, was %+v", is, site)
	}
	if is := s.named("new.example.org", "A", ""); is.Proxied || !strings.HasPrefix(is.Comment, "maildoctor") || is.TTL != 1 {
		t.Errorf("new A: %+v", is)
	}
	if n := s.writes(); n != 1 {
		t.Errorf("%d transactions", n)
	}
	_, reading := s.must()
	for r, m := range reading.Marks {
		if m.Ours != slices.Contains([]string{"new.example.org.", "_dmarc.example.org."}, r.Name) {
			t.Errorf("%v is ours: %t", r, m.Ours)
		}
	}
}

func TestMarks(t *testing.T) {
	s := newStage(t, florist()...)
	_, reading := s.must()
	marks := make(map[string]providers.Mark)
	for r, m := range reading.Marks {
		marks[r.Name+" "+r.Type] = m
	}
	want := map[string]providers.Mark{
		"example.org. A":                       {Proxied: true},
		"www.example.org. CNAME":               {Proxied: true},
		"old._domainkey.example.org. TXT":      {Ours: true},
		"cf2024-1._domainkey.example.org. TXT": {Locked: "Email Routing"},
	}
	if fmt.Sprint(marks) != fmt.Sprint(want) {
		t.Errorf("marks %v, want %v", marks, want)
	}
	if want := s.zone.Records(); !slices.Equal(record.Sorted(reading.Records), want) {
		t.Errorf("read %v, want %v", reading.Records, want)
	}
}

// What Write cannot send it refuses before anything is sent.
func TestRefusesBefore(t *testing.T) {
	text := func(s string) []record.Record { return []record.Record{record.TXT("x.example.org", s)} }
	for _, tt := range []struct {
		name, typ string
		after     []record.Record
		want      string
	}{
		{"x.example.org.", "TXT", text("caf\xe9"), "TXT x.example.org: the text has an octet at 3 that is not printable ASCII"},
		{"x.example.org.", "TXT", text("two\nlines"), "not printable ASCII"},
		{"x.example.org.", "TXT", text(strings.Repeat("x", 2049)), "the text has 2049 octets, and Cloudflare takes 2048"},
		{"x.example.org.", "TXT", []record.Record{{Name: "x.example.org.", Type: "TXT", TTL: 5, Data: "x"}}, "the TTL 5 is none"},
		{"x.example.org.", "TXT", []record.Record{{Name: "x.example.org.", Type: "TXT", TTL: 86401, Data: "x"}}, "the TTL 86401 is none"},
		{`a\.b.example.org.`, "TXT", []record.Record{{Name: `a\.b.example.org.`, Type: "TXT", Data: "x"}}, "escaped"},
		{"x.example.org.", "LOC", []record.Record{{Name: "x.example.org.", Type: "LOC", Data: "x"}}, "LOC records"},
		{"x.example.org.", "MX", []record.Record{{Name: "x.example.org.", Type: "MX", Data: "x"}}, "no data of an MX"},
		{"x.example.org.", "SRV", []record.Record{{Name: "x.example.org.", Type: "SRV", Data: "1 70000 3 x."}}, "its weight is no number"},
		{"x.example.org.", "TXT", []record.Record{record.TXT("y.example.org", "x")}, "stands elsewhere"},
		{"x.example.net.", "TXT", []record.Record{record.TXT("x.example.net", "x")}, "not in the zone"},
		{"cf2024-1._domainkey.example.org.", "TXT", nil, "of Email Routing"},
		{"cf2024-1._domainkey.example.org.", "TXT", []record.Record{record.TXT("cf2024-1._domainkey.example.org", "v=DKIM1; p=")}, "of Email Routing"},
	} {
		s := newStage(t, florist()...)
		p, reading := s.must()
		made := plan.Plan{Zone: zone, Changes: []plan.Change{{Slot: record.Slot{Name: tt.name, Type: tt.typ}, After: tt.after}}}
		made, _, _ = made.Progress(reading.Records)
		err := p.Write(t.Context(), made)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %s: %v, want %q", tt.name, tt.typ, err, tt.want)
		}
		if n := s.writes(); n != 0 {
			t.Errorf("%s %s: %d writes", tt.name, tt.typ, n)
		}
	}
}

// texts are n creations, each at its own name.
func texts(n int) []record.Edit {
	var list []record.Edit
	for i := range n {
		name := fmt.Sprintf("t%03d.example.org.", i)
		list = append(list, record.Set(record.Slot{Name: name, Type: "TXT"}, record.TXT(name, "one"), record.TXT(name, "two")))
	}
	return list
}

// A plan that is too large for one transaction takes several, of whole names.
func TestManyOperations(t *testing.T) {
	s := newStage(t, florist()...)
	s.api.Fail(func(c fake.Call) fake.Fault {
		if c.N == 6 { // the second transaction
			return fake.Broken(false)
		}
		return fake.Fault{}
	})
	outcome, err := s.run(t.Context(), texts(150)...)
	if err == nil || !strings.Contains(err.Error(), "100 of 150 changes took effect") || !strings.Contains(err.Error(), "after 1 transactions") {
		t.Errorf("%v", err)
	}
	if len(outcome.Done) != 100 || len(outcome.Left) != 50 {
		t.Errorf("%d done, %d left", len(outcome.Done), len(outcome.Left))
	}
	s.api.Fail(nil)
	if _, err := s.run(t.Context(), texts(150)...); err != nil || len(s.zone.List()) != 300+len(florist()) || s.writes() != 3 {
		t.Errorf("%v, %d records, %d writes", err, len(s.zone.List()), s.writes())
	}
}

// Nobody has 201 records in a slot; but then nothing is sent.
func TestTooManyOperations(t *testing.T) {
	s := newStage(t)
	var want []record.Record
	for i := range 201 {
		want = append(want, record.MX("example.org", uint16(i), "mail.example.org"))
	}
	_, err := s.run(t.Context(), record.Set(record.MXSet(zone), want...))
	if err == nil || !strings.Contains(err.Error(), "201 operations") || s.writes() != 0 {
		t.Errorf("%v", err)
	}
}

// TestRateLimit: a write that was refused for too many requests took no effect,
// and is sent again when the API says so, if that is soon.
func TestRateLimit(t *testing.T) {
	for _, tt := range []struct {
		after  int
		within time.Duration // of the context
		times  int           // it is refused
		took   time.Duration
		writes int
		fails  bool
	}{
		{after: 7, times: 1, took: 7 * time.Second, writes: 2},
		{after: 60, times: 2, took: 2 * time.Minute, writes: 3},
		{after: 1, times: 9, took: 3 * time.Second, writes: 4, fails: true},
		{after: 61, times: 1, writes: 1, fails: true},
		{after: 30, times: 1, within: 20 * time.Second, writes: 1, fails: true},
		{after: 0, times: 1, writes: 2},
	} {
		t.Run(fmt.Sprintf("%+v", tt), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, florist()...)
				before := s.zone.List()
				left := tt.times
				s.api.Fail(func(c fake.Call) fake.Fault {
					if c.Write() && left > 0 {
						left--
						return fake.RateLimited(tt.after)
					}
					return fake.Fault{}
				})
				ctx := t.Context()
				if tt.within > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.within)
					defer cancel()
				}
				begun := time.Now()
				_, err := s.run(ctx, edits()...)
				if took := time.Since(begun); took != tt.took || s.writes() != tt.writes {
					t.Errorf("took %v, %d writes", took, s.writes())
				}
				switch {
				case !tt.fails && err != nil:
					t.Error(err)
				case !tt.fails:
					s.settled(before)
				case err == nil || !strings.Contains(err.Error(), "429"):
					t.Errorf("%v", err)
				}
			})
		})
	}
}

// Somebody creates the very record between the listing and the transaction: it is
// there, once, and that is what was wanted.
func TestIdenticalMeanwhile(t *testing.T) {
	s := newStage(t, florist()...)
	before := s.zone.List()
	s.api.Fail(func(c fake.Call) fake.Fault {
		if c.N != 5 {
			return fake.Fault{}
		}
		return fake.Meanwhile(func() {
			if err := s.zone.Edit(edits()[0]); err != nil {
				t.Error(err)
			}
		})
	})
	if _, err := s.run(t.Context(), edits()...); err != nil {
		t.Fatal(err)
	}
	s.settled(before)
	if s.writes() != 2 {
		t.Errorf("%d writes", s.writes())
	}
}

// A write that is interrupted says so, and what was done is told.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, florist()...)
		ctx, cancel := context.WithCancel(t.Context())
		s.api.Fail(func(c fake.Call) fake.Fault {
			if c.Write() {
				time.AfterFunc(time.Second, cancel)
				return fake.Lost(true)
			}
			return fake.Fault{}
		})
		outcome, err := s.run(ctx, edits()...)
		if err != nil || len(outcome.Done) != 4 { // it took effect, and that was found out
			t.Errorf("%v, %d done", err, len(outcome.Done))
		}
		p, reading := s.must()
		ctx, cancel = context.WithCancel(t.Context())
		s.api.Fail(func(c fake.Call) fake.Fault {
			if c.Write() {
				cancel()
				return fake.Cut(true)
			}
			return fake.Fault{}
		})
		err = p.Write(ctx, s.plan(p, reading, texts(1)...))
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "not known whether it took effect") {
			t.Errorf("%v", err)
		}
	})
}

// The permission of the token is named, and the token is not.
func TestDenied(t *testing.T) {
	s := newStage(t, florist()...)
	other, err := s.api.AddZone("example.net")
	if err != nil || other.ID() == s.zone.ID() {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what  string
		token string
		is    error
		want  string
	}{
		{"no token", "", providers.ErrDenied, "there is no API token"},
		{"no token at all", "two words", providers.ErrDenied, "characters that no token has"},
		{"an unknown token", "cfat_0123456789", providers.ErrDenied, `"Invalid access token" (9109) (HTTP 403); the token is not one that Cloudflare knows`},
		{"of another zone", s.api.Token("example.net", fake.Everything), providers.ErrNoZone, "Zone → DNS → Edit for the zone"},
		{"sees zones only", s.api.Token("", fake.ZoneRead), providers.ErrDenied, `"Authentication error" (10000) (HTTP 403); the token needs the permission Zone → DNS → Read (to change records, Zone → DNS → Edit)`},
		{"reads only", s.api.Token("", fake.ZoneRead|fake.DNSRead), providers.ErrDenied, "the token needs the permission Zone → DNS → Edit for this zone"},
	} {
		p, err := s.openAs(t.Context(), "example.org", tt.token)
		if err == nil {
			_, err = apply(t.Context(), p, plan.Plan{Zone: zone, Changes: []plan.Change{{Slot: record.SPF(zone)}}, Basis: nil})
		}
		if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.what, err, tt.want)
		}
		if err != nil && tt.token != "" && strings.Contains(err.Error(), tt.token) {
			t.Errorf("%s: the token is told: %v", tt.what, err)
		}
	}
}

// Whatever comes from the network is shown so that a terminal stays as it is, and
// the token is not shown even where the network tells it.
func TestErrors(t *testing.T) {
	s := newStage(t, florist()...)
	p, reading := s.must()
	made := s.plan(p, reading, edits()...)
	jsonType := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	for _, tt := range []struct {
		fault fake.Fault
		want  string
	}{
		{fake.Fault{Status: 400, Header: jsonType, Body: `{"success":false,"errors":[{"code":1004,"message":"DNS Validation Error","error_chain":[{"code":9021,"message":"Invalid TTL."}]}]}`},
			`Cloudflare answers "DNS Validation Error" (1004): "Invalid TTL." (9021) (HTTP 400)`},
		{fake.Fault{Status: 400, Header: jsonType, Body: `{"success":false,"errors":[{"code":81053,"message":"no","source":{"pointer":"/posts/0"}},{"code":1},{"code":2},{"code":3}]}`},
			`"no" (81053) at "/posts/0", "" (1), "" (2), and 1 more errors (HTTP 400)`},
		{fake.Fault{Status: 400, Header: jsonType, Body: `{"success":false,"errors":[{"code":1,"message":"\u001b]0;x\u0007 Bearer ` + s.token + `"}]}`},
			`"\x1b]0;x\a Bearer (the token)" (1)`},
		{fake.Fault{Status: 403, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html><TITLE>\n Attention\x1b Required! &amp; " + s.token + "</TITLE>"},
			`HTTP 403 with a web page: "Attention\x1b Required! & (the token)"`},
		{fake.Fault{Status: 502, Header: http.Header{"Content-Type": {"text/plain"}}, Body: "bad \x00 gateway"}, `HTTP 502 with a web page: "bad \x00 gateway"`},
		{fake.Fault{Status: 520, Header: jsonType, Body: ""}, "HTTP 520 without a reason"},
		{fake.Web(false), `HTTP 520 with a web page: "api.cloudflare.com | 520: Web server is returning an unknown error"`},
		{fake.Fault{Ignored: true, Status: 302, Header: http.Header{"Location": {"https://example.net/" + s.token}}}, "HTTP 302"},
	} {
		tt.fault.Ignored = true
		s.api.Fail(func(c fake.Call) fake.Fault {
			if c.Write() {
				return tt.fault
			}
			return fake.Fault{}
		})
		err := p.Write(t.Context(), made)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %s", err, tt.want)
			continue
		}
		s.safe(err.Error())
		s.safe(fmt.Sprintf("%+v %#v", err, err))
	}
	if text := fmt.Sprintf("%v %s", p, p.String()); !strings.Contains(text, "Cloudflare") {
		t.Errorf("%q", text)
	}
}
