package facts_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A web serves documents, in order and once each fetch, and counts.
type web struct {
	mu    sync.Mutex
	pages map[string]probe.Fetch
	asked []string
}

func (w *web) Fetch(ctx context.Context, r probe.Request) probe.Fetch {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, r.URL)
	f, ok := w.pages[r.URL]
	if !ok {
		f = probe.Fetch{Status: http.StatusNotFound, Reason: "404 Not Found"}
	}
	f.URL = r.URL
	f.TLS = &probe.TLS{}
	return f
}

func (w *web) times(url string) int {
	n := 0
	for _, u := range w.asked {
		if u == url {
			n++
		}
	}
	return n
}

const bootstrapURL = "https://data.iana.org/rdap/dns.json"

func page(body string) probe.Fetch {
	return probe.Fetch{Status: http.StatusOK, Reason: "200 OK", Body: []byte(body)}
}

func redirect(location string) probe.Fetch {
	return probe.Fetch{Status: http.StatusFound, Reason: "302 Found", Header: http.Header{"Location": {location}}}
}

// registry is an examination of example.org where .org and .example have a
// registry that knows example.org and no other domain.
func registry(t *testing.T, records ...record.Record) (*checks.Env, *web) {
	t.Helper()
	w := &web{pages: map[string]probe.Fetch{
		bootstrapURL: page(`{"services": [[["org", "example", "xn--p1ai"], ["https://r.example/"]]]}`),
		"https://r.example/domain/example.org": page(`{"objectClassName": "domain", "ldhName": "example.org",
			"events": [{"eventAction": "registration", "eventDate": "2010-01-01T00:00:00Z"}]}`),
	}}
	return &checks.Env{Domain: "example.org.", DNS: resolve.NewZone(records), HTTP: w, Now: time.Now, Lab: true}, w
}

func TestRegistrationOf(t *testing.T) {
	tests := []struct {
		name, domain string
		change       func(*web, *checks.Env)
		want         string // "known", "free", "off: …" or the error
	}{
		{"below", "a.mail.example.org.", nil, "known"},
		{"nobody's", "nobody.example.", nil, "free"},
		{"no service", "example.de.", nil, "off: the registry of .de publishes no RDAP service"},
		{"no service, in another script", "xn--e1afmkfd.xn--80akhbyknj4f.", nil, "off: the registry of .испытание publishes no RDAP service"},
		{"a suffix", "co.uk.", nil, "off: co.uk is a public suffix, which nobody registers"},
		{"no HTTPS", "example.org.", func(_ *web, env *checks.Env) { env.HTTP = nil }, "off: HTTPS fetches are turned off"},
		{"sent on", "moved.example.", func(w *web, _ *checks.Env) {
			w.pages["https://r.example/domain/moved.example"] = redirect("../v1/moved.example#x")
			w.pages["https://r.example/v1/moved.example"] = page(`{"objectClassName": "domain"}`)
		}, "known"},
		{"sent nowhere", "moved.example.", func(w *web, _ *checks.Env) {
			w.pages["https://r.example/domain/moved.example"] = redirect("file:///etc/passwd")
		}, `https://r.example/domain/moved.example: redirects to "file:///etc/passwd", which is no https URL`},
		{"sent to rubbish", "moved.example.", func(w *web, _ *checks.Env) {
			w.pages["https://r.example/domain/moved.example"] = redirect("http://[\x1b")
		}, `https://r.example/domain/moved.example: redirects to "http://[\x1b", which is no https URL`},
		{"an error in place of an answer", "odd.example.", func(w *web, _ *checks.Env) {
			w.pages["https://r.example/domain/odd.example"] = page(`{"errorCode": 400}`)
		}, "https://r.example/domain/odd.example: an RDAP error in place of an answer"},
		{"too busy", "odd.example.", func(w *web, _ *checks.Env) {
			w.pages["https://r.example/domain/odd.example"] = probe.Fetch{Status: 429, Reason: "429 Slow\x07 Down", Header: http.Header{"Retry-After": {"9"}}}
		}, `https://r.example/domain/odd.example: "429 Slow\a Down" (Retry-After: "9")`},
		{"no list of services", "example.org.", func(w *web, _ *checks.Env) { delete(w.pages, bootstrapURL) }, bootstrapURL + `: "404 Not Found"`},
		{"a list that is none", "example.org.", func(w *web, _ *checks.Env) { w.pages[bootstrapURL] = page("<html>") },
			bootstrapURL + ": no RDAP bootstrap registry: not JSON at octet 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env, w := registry(t)
			if tt.change != nil {
				tt.change(w, env)
			}
			r, err := facts.RegistrationOf(t.Context(), env, tt.domain)
			got := ""
			switch {
			case r.Free() && err == nil:
				got = "free"
			case err != nil:
				got = err.Error()
			case r.Off != "":
				got = "off: " + r.Off
			case r.Known:
				got = "known"
			}
			if got != tt.want || r.Free() != (tt.want == "free") {
				t.Errorf("got %s, free %t\nwant %s", got, r.Free(), tt.want)
			}
		})
	}
}

func TestRegistryIsAskedOnce(t *testing.T) {
	env, w := registry(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if r, err := facts.RegistrationOf(t.Context(), env, fmt.Sprintf("host%d.example.org.", i)); err != nil || !r.Known {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	wg.Wait()
	if list, answers := w.times(bootstrapURL), w.times("https://r.example/domain/example.org"); list != 1 || answers != 1 {
		t.Errorf("asked %d times for services, %d times about the domain", list, answers)
	}
}

// TestReliances: registries are asked about few domains, and about none that the
// DNS has; about the others it is said that they were not asked about.
func TestReliances(t *testing.T) {
	var terms []string
	for i := range 8 {
		terms = append(terms, fmt.Sprintf("a:h.gone%d.example a:i.gone%d.example", i, i))
	}
	env, w := registry(t,
		record.TXT("example.org.", "v=spf1 a:x.there.example a:mail.example.org -a:h.denied.example "+strings.Join(terms, " ")+" -all"),
		record.Address("www.there.example.", netip.MustParseAddr("192.0.2.1")))
	list, err := facts.SPFReliances.Of(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	open, doubts := 0, 0
	for _, r := range list {
		if r.Open() != "" {
			open++
		}
		if r.Doubt() != "" {
			doubts++
		}
		if strings.HasPrefix(r.Domain, "gone") && len(r.Names) != 2 || r.Domain == "there.example." && (r.Open() != "" || r.Doubt() != "") {
			t.Errorf("%+v", r)
		}
	}
	slices.Sort(w.asked)
	if open != 4 || doubts != 4 || len(w.asked) != 5 || len(list) != 9 {
		t.Errorf("%d of %d open, %d in doubt; asked %q", open, len(list), doubts, w.asked)
	}
}
