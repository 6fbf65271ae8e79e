package facts

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

func TestInferProviders(t *testing.T) {
	tests := []struct {
		spf  string
		mx   string
		want string
	}{
		{"v=spf1 include:_spf.google.com ~all", "smtp.google.com.", "Google Workspace"},
		{"v=spf1 +include:SPF.Protection.Outlook.com -all", "example-org.mail.protection.outlook.com.", "Microsoft 365"},
		{"v=spf1 redirect=spf.mailjet.com", "mx.example.org.", "Mailjet"},
		{"v=spf1 include:sendgrid.net include:amazonses.com -all", "in1-smtp.messagingengine.com.", "Fastmail SendGrid Amazon SES"},
		{"google.com is nice", "mx.notgoogle.com.", ""},
		{"v=spf1 include:evil_spf.google.com.example -all", "", ""},
	}
	for _, tt := range tests {
		txt := resolve.Answer{Records: []record.Record{record.TXT("example.org", tt.spf)}}
		var mx resolve.Answer
		if tt.mx != "" {
			mx.Records = []record.Record{record.MX("example.org", 10, tt.mx)}
		}
		var names []string
		for _, p := range inferProviders(txt, mx) {
			names = append(names, p.Name)
		}
		if got := strings.Join(names, " "); got != tt.want {
			t.Errorf("%s, %s: %q, want %q", tt.spf, tt.mx, got, tt.want)
		}
	}
}

func TestSelectorData(t *testing.T) {
	list := commonSelectors(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
	if len(list) > 32 {
		t.Errorf("%d common selectors; every one costs every examination a question", len(list))
	}
	if list[len(list)-1] != "2026a" {
		t.Errorf("the selector of the year is %s", list[len(list)-1])
	}
	slices.Sort(list)
	if len(slices.Compact(list)) != len(commonSelectors(time.Now())) {
		t.Error("a common selector stands twice")
	}
	if a, b := randomSelector("example.org."), randomSelector("example.net."); a == strings.Replace(b, "example.net", "example.org", 1) || a != randomSelector("example.org.") {
		t.Errorf("selectors that nobody uses: %s, %s", a, b)
	}
}

// A delayed resolver takes 20 ms for each question and keeps what it was asked.
type delayed struct {
	next resolve.Resolver

	mu    sync.Mutex
	asked []resolve.Question
}

func (s *delayed) Resolve(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
	s.mu.Lock()
	s.asked = append(s.asked, q)
	s.mu.Unlock()
	time.Sleep(20 * time.Millisecond)
	return s.next.Resolve(ctx, q)
}

func gatherKeys(t *testing.T, dns resolve.Resolver, selectors ...string) DKIMKeys {
	t.Helper()
	env := &checks.Env{Domain: "example.org.", DNS: resolve.NewMemo(t.Context(), dns), Now: time.Now, Want: checks.Want{Selectors: selectors}}
	keys, err := DKIM.Of(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestKeysDepth: common selectors cost the time of one question, those of a
// provider two, the proof that there are none three.
func TestKeysDepth(t *testing.T) {
	key := record.TXT("mail._domainkey.example.org", "v=DKIM1; p=")
	spf := record.TXT("example.org", "v=spf1 include:spf.messagingengine.com -all")
	ns := record.Record{Name: "example.org.", Type: "NS", Data: "ns.example.net."}
	a := record.Record{Name: "ns.example.net.", Type: "A", Data: "192.0.2.53"}
	srv := record.Record{Name: "_imaps._tcp.example.org.", Type: "SRV", Data: "0 1 993 mx.example.org."}
	tests := []struct {
		name    string
		records []record.Record
		depth   time.Duration
		present int
		absent  bool
	}{
		{"common", []record.Record{key}, 1, 1, false},
		{"provider", []record.Record{key, spf}, 2, 1, false},
		{"proof", []record.Record{ns, a, srv}, 3, 0, true},
		{"no witness, no proof", []record.Record{ns, a}, 2, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				dns := &delayed{next: resolve.NewZone(tt.records)}
				keys := gatherKeys(t, dns)
				if got := time.Since(start) / (20 * time.Millisecond); got != tt.depth {
					t.Errorf("took the time of %d questions, want %d", got, tt.depth)
				}
				if len(keys.Present()) != tt.present || keys.Tree.Absent() != tt.absent {
					t.Errorf("present %v, absent %v", keys.Present(), keys.Tree.Absent())
				}
				if len(dns.asked) > 60 {
					t.Errorf("%d questions", len(dns.asked))
				}
			})
		})
	}
}

// denier denies empty non-terminals at servers asked themselves, as many do.
type denier struct{ *resolve.Zone }

func (w denier) Resolve(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
	a, err := w.Zone.Resolve(ctx, q)
	if q.At != "" && len(a.Records) == 0 {
		a.Exists = false
	}
	return a, err
}

func TestDenialOfAWrongServer(t *testing.T) {
	zone := resolve.NewZone([]record.Record{
		{Name: "example.org.", Type: "NS", Data: "ns.example.net."},
		{Name: "ns.example.net.", Type: "A", Data: "192.0.2.53"},
		{Name: "_smtp._tls.example.org.", Type: "TXT", Data: "v=TLSRPTv1; rua=mailto:t@example.org"},
	})
	keys := gatherKeys(t, denier{zone})
	if keys.Tree.Absent() || len(keys.Tree.Proofs) != 1 || keys.Tree.Proofs[0].Witness.Exists {
		t.Errorf("a server that denies %s proves nothing: %+v", keys.Tree.Witness, keys.Tree)
	}
	if keys := gatherKeys(t, zone); !keys.Tree.Absent() {
		t.Errorf("a right server's denial is proof: %+v", keys.Tree)
	}
}

func TestSelectorsNamed(t *testing.T) {
	zone := resolve.NewZone([]record.Record{
		record.TXT("*._domainkey.example.org", "v=DKIM1; p="),
		record.TXT("own._domainkey.example.org", "hello"),
	})
	keys := gatherKeys(t, zone, "Own", "own.", "gone", "")
	var names []string
	for _, s := range keys.Named() {
		names = append(names, s.Name)
	}
	if strings.Join(names, " ") != "own gone" {
		t.Errorf("named %q", names)
	}
	if present := keys.Present(); len(present) != 1 || present[0].Name != "own" { // the wildcard says that gone is revoked
		t.Errorf("present %+v", present)
	}
	if key, ok := keys.WildcardKey(); !ok || !key.Revoked() {
		t.Errorf("wildcard key %v, %v", key, ok)
	}
}
