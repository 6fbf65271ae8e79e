package dmarc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A world is DMARC texts by domain; "!" is SERVFAIL. It counts what is asked.
type world struct {
	texts map[string][]string
	delay time.Duration

	mu    sync.Mutex
	asked []string
}

func (w *world) Resolve(_ context.Context, q resolve.Question) (resolve.Answer, error) {
	time.Sleep(w.delay)
	w.mu.Lock()
	w.asked = append(w.asked, q.Name)
	w.mu.Unlock()
	texts := w.texts[record.Display(strings.TrimPrefix(q.Name, "_dmarc."))]
	if slices.Equal(texts, []string{"!"}) {
		return resolve.Answer{}, &resolve.Error{Question: q, Kind: resolve.ServFail}
	}
	a := resolve.Answer{Question: q, Exists: len(texts) > 0}
	for _, text := range texts {
		a.Records = append(a.Records, record.TXT(q.Name, text))
	}
	return a, nil
}

func TestWalk(t *testing.T) {
	tests := []struct{ domain, want string }{
		{"example.org", "example.org org"},
		{"Example.ORG.", "example.org org"},
		{"org", "org"},
		{".", ""},
		{"a.b.c.d.e.f.example.org", "a.b.c.d.e.f.example.org b.c.d.e.f.example.org c.d.e.f.example.org d.e.f.example.org e.f.example.org f.example.org example.org org"},
		// The example of RFC 9989, 4.10.
		{"a.b.c.d.e.f.g.h.i.j.mail.example.com", "a.b.c.d.e.f.g.h.i.j.mail.example.com g.h.i.j.mail.example.com h.i.j.mail.example.com i.j.mail.example.com j.mail.example.com mail.example.com example.com com"},
		// And of 5.1.8.
		{"mail.a.b.c.d.e.f.g.example.com", "mail.a.b.c.d.e.f.g.example.com c.d.e.f.g.example.com d.e.f.g.example.com e.f.g.example.com f.g.example.com g.example.com example.com com"},
	}
	for _, tt := range tests {
		var got []string
		for _, d := range Walk(tt.domain) {
			got = append(got, record.Display(d))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("Walk(%s) = %q", tt.domain, got)
		}
	}
}

func TestDiscover(t *testing.T) {
	const none, reject = "v=DMARC1; p=none", "v=DMARC1; p=reject"
	tests := []struct {
		name, domain string
		texts        map[string][]string
		policy       string // domain of the record; empty if none applies
		relation     Relation
		org          string
		undecided    int // errors on which the policy depends
		orgUndecided int
		beyond       int // steps
		legacy       string
		legacyOpen   int
	}{
		{"own record", "example.org", map[string][]string{"example.org": {reject}}, "example.org", Self, "example.org", 0, 0, 0, "example.org", 0},
		{"nothing", "a.example.org", nil, "", Self, "a.example.org", 0, 0, 0, "", 0},
		// RFC 9989, 4.10.2: the examples.
		{"fewest labels", "a.mail.example.com", map[string][]string{"mail.example.com": {none}, "example.com": {reject}}, "example.com", Subdomain, "example.com", 0, 0, 0, "example.com", 0},
		{"psd=n", "a.mail.example.com", map[string][]string{"mail.example.com": {none + "; psd=n"}, "example.com": {reject}}, "mail.example.com", Subdomain, "mail.example.com", 0, 0, 2, "example.com", 0},
		{"psd=y at com", "a.mail.example.com", map[string][]string{"com": {none + "; psd=y"}}, "com", Subdomain, "example.com", 0, 0, 0, "", 0},
		{"psd=y above a record", "a.mail.example.com", map[string][]string{"com": {none + "; psd=y"}, "example.com": {reject}}, "example.com", Subdomain, "example.com", 0, 0, 0, "example.com", 0},
		{"psd=y below the top", "a.b.example.com", map[string][]string{"example.com": {reject + "; psd=y"}}, "example.com", Subdomain, "b.example.com", 0, 0, 1, "example.com", 0},
		{"psd=y on the domain itself", "example.com", map[string][]string{"example.com": {reject + "; psd=y"}}, "example.com", Self, "example.com", 0, 0, 1, "example.com", 0},
		{"own record is not organizational", "a.example.org", map[string][]string{"a.example.org": {none}, "example.org": {reject}}, "a.example.org", Self, "example.org", 0, 0, 0, "a.example.org", 0},
		{"several are discarded, the walk goes on", "a.example.org", map[string][]string{"a.example.org": {none, reject}, "example.org": {reject}}, "example.org", Subdomain, "example.org", 0, 0, 0, "", 0},
		{"foreign texts do not count", "example.org", map[string][]string{"example.org": {"v=spf1 -all", none, " v=DMARC1; p=none"}}, "example.org", Self, "example.org", 0, 0, 0, "example.org", 0},
		{"own name fails", "a.example.org", map[string][]string{"a.example.org": {"!"}, "example.org": {reject}}, "example.org", Subdomain, "example.org", 1, 1, 0, "example.org", 1},
		{"parent fails, own is there", "a.example.org", map[string][]string{"a.example.org": {none}, "example.org": {"!"}}, "a.example.org", Self, "a.example.org", 0, 1, 0, "a.example.org", 0},
		{"parent fails", "a.example.org", map[string][]string{"example.org": {"!"}}, "", Self, "a.example.org", 1, 1, 0, "", 1},
		{"fault beyond the end does not matter", "a.b.example.org", map[string][]string{"b.example.org": {none + "; psd=n"}, "org": {"!"}}, "b.example.org", Subdomain, "b.example.org", 0, 0, 2, "", 0},
		{"public suffix of the list", "a.example.co.uk", map[string][]string{"co.uk": {none}}, "co.uk", Subdomain, "co.uk", 0, 0, 0, "", 0},
		{"nine labels skip the record in between", "mail.a.b.c.d.e.f.g.example.com", map[string][]string{"a.b.c.d.e.f.g.example.com": {reject + "; psd=n"}, "example.com": {none}}, "example.com", Subdomain, "example.com", 0, 0, 0, "example.com", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := Discover(t.Context(), &world{texts: tt.texts}, tt.domain)
			if got := domainOf(d); got != tt.policy || d.Relation != tt.relation {
				t.Errorf("policy of %q (%d), want %q (%d)", got, d.Relation, tt.policy, tt.relation)
			}
			if got := record.Display(d.Organizational); got != tt.org {
				t.Errorf("organizational domain = %q, want %q", got, tt.org)
			}
			if len(d.Undecided) != tt.undecided || len(d.OrganizationalUndecided) != tt.orgUndecided {
				t.Errorf("undecided = %v and %v, want %d and %d", d.Undecided, d.OrganizationalUndecided, tt.undecided, tt.orgUndecided)
			}
			beyond := 0
			for _, s := range d.Steps {
				if s.Beyond {
					beyond++
				}
			}
			if beyond != tt.beyond {
				t.Errorf("%d steps beyond the end, want %d", beyond, tt.beyond)
			}
			old := Discover7489(t.Context(), &world{texts: tt.texts}, tt.domain)
			if got := domainOf(old); got != tt.legacy || len(old.Undecided) != tt.legacyOpen {
				t.Errorf("RFC 7489: policy of %q, open %v; want %q, %d", got, old.Undecided, tt.legacy, tt.legacyOpen)
			}
		})
	}
}

func domainOf(d Discovery) string {
	if d.Policy == nil {
		return ""
	}
	return record.Display(d.Policy.Domain)
}

func TestDiscoverAsksAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		Discover(t.Context(), &world{delay: 20 * time.Millisecond}, "a.b.c.d.e.f.g.h.example.org")
		if took := time.Since(start); took != 20*time.Millisecond {
			t.Errorf("took %v, want the time of one question", took)
		}
	})
}

func TestListedOrganizational(t *testing.T) {
	for domain, want := range map[string]string{
		"a.b.example.org": "example.org.", "example.org.": "example.org.", "a.example.co.uk": "example.co.uk.", "co.uk": "co.uk.", "org": "org.",
	} {
		if got := ListedOrganizational(domain); got != want {
			t.Errorf("ListedOrganizational(%s) = %s, want %s", domain, got, want)
		}
	}
}

func TestAskConsent(t *testing.T) {
	const host = "reports.example.net."
	name, ok := ConsentName("example.org.", host)
	if !ok || name != "example.org._report._dmarc.reports.example.net." {
		t.Fatalf("ConsentName = %q, %v", name, ok)
	}
	if got := ConsentRecord("example.org.", host).String(); got != name+` IN TXT "v=DMARC1"` {
		t.Errorf("ConsentRecord = %s", got)
	}
	tests := []struct {
		texts     []string
		given     bool
		override  int
		elsewhere string
		fails     bool
	}{
		{nil, false, 0, "", false},
		{[]string{"v=DMARC1"}, true, 0, "", false},
		{[]string{"v=DMARC1;"}, true, 0, "", false},
		{[]string{"hello", "v=DMARC1; rua=mailto:x@reports.example.net"}, true, 1, "", false},
		{[]string{"v=DMARC1", "v=DMARC1"}, true, 0, "", false}, // RFC 9990, 4: at least one
		{[]string{"v=DMARC1; rua=mailto:x@example.com"}, true, 1, "example.com.", false},
		{[]string{"v=dmarc1"}, false, 0, "", false},
		{[]string{"!"}, false, 0, "", true},
	}
	for _, tt := range tests {
		w := &world{texts: map[string][]string{record.Display(name): tt.texts}}
		c := AskConsent(t.Context(), w, "example.org.", host)
		if c.Given != tt.given || len(c.Override) != tt.override || c.Elsewhere != tt.elsewhere || (c.Err != nil) != tt.fails {
			t.Errorf("%q: %+v", tt.texts, c)
		}
		if c.Answer.Question.Name != name {
			t.Errorf("%q: question %v", tt.texts, c.Answer.Question)
		}
	}
	long := strings.Repeat("a234567890.", 20) + "org."
	w := &world{}
	if c := AskConsent(t.Context(), w, long, "b."+long); c.Given || c.Err != nil || len(w.asked) != 0 {
		t.Errorf("too long a name: %+v, asked %q", c, w.asked)
	}
}

// FuzzDiscover holds the bounds on questions whatever the domain and its records.
func FuzzDiscover(f *testing.F) {
	f.Add("a.b.c.d.e.f.g.h.i.j.example.org", "v=DMARC1; p=none; psd=y", byte(3))
	f.Add("example.org", "v=DMARC1; p=none", byte(255))
	f.Add(`a\.b.example.org`, "", byte(1))
	f.Add("..", "!", byte(0))
	f.Fuzz(func(t *testing.T, domain, text string, at byte) {
		if len(domain) > 1000 {
			return
		}
		w := &sometimes{text: text, at: at}
		d := Discover(t.Context(), w, domain)
		distinct := make(map[string]bool)
		for _, name := range w.asked {
			distinct[name] = true
		}
		if len(w.asked) > 8 || len(distinct) != len(w.asked) || len(d.Steps) > 8 {
			t.Fatalf("%q: asked %d questions, %d distinct: %q", domain, len(w.asked), len(distinct), w.asked)
		}
		if d.Organizational == "" {
			t.Fatalf("%q: no organizational domain", domain)
		}
		if d.Policy != nil && (d.Policy.Record == nil || d.Policy.Beyond) {
			t.Fatalf("%q: policy %+v", domain, d.Policy)
		}
		if w.failed > 0 && d.Policy == nil && len(d.Undecided) == 0 {
			t.Fatalf("%q: a failed question became \"no record\"", domain)
		}
		w.asked = nil
		Discover7489(t.Context(), w, domain)
		if len(w.asked) > 2 {
			t.Fatalf("%q: RFC 7489 asked %q", domain, w.asked)
		}
	})
}

// sometimes answers with text or fails, by the bits of at and the length of the name.
type sometimes struct {
	text string
	at   byte

	mu     sync.Mutex
	asked  []string
	failed int
}

func (w *sometimes) Resolve(_ context.Context, q resolve.Question) (resolve.Answer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, q.Name)
	n := len(record.Labels(q.Name)) % 8
	if w.at>>n&1 == 0 {
		return resolve.Answer{Question: q}, nil
	}
	if strings.HasPrefix(w.text, "!") {
		w.failed++
		return resolve.Answer{}, fmt.Errorf("asking: %w", errors.New("no answer"))
	}
	return resolve.Answer{Question: q, Exists: true, Records: []record.Record{record.TXT(q.Name, w.text)}}, nil
}
