package facts

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/rdap"
	"github.com/maildoctor/maildoctor/record"
)

// A Registration is what the registry of a domain says of it over RDAP.
type Registration struct {
	Domain string // the one that is registered, canonical

	// Off is why no registry was asked; the rest is empty then. NoService is set
	// if that is because the registry has no service to ask.
	Off       string
	NoService bool

	Known  bool        // the registry has it; else it says that it has not
	Answer rdap.Domain // where it has
	Fetch  probe.Fetch
}

// Free reports whether the registry says that nobody has registered the domain
// (RFC 7480, 5.3).
func (r Registration) Free() bool { return r.Fetch.Status == http.StatusNotFound }

// Evidence is the question to the registry and what its answer says.
func (r Registration) Evidence() diagnosis.Evidence {
	e := diagnosis.Evidence{Question: "GET " + r.Fetch.URL, Answer: r.Fetch.Reason}
	if !r.Known {
		return e
	}
	var lines []string
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, name+": "+value)
		}
	}
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.RFC3339)
	}
	add("registration", at(r.Answer.Registration))
	add("reregistration", at(r.Answer.Reregistration))
	add("expiration", at(r.Answer.Expiration))
	add("last changed", at(r.Answer.LastChanged))
	add("status", strings.Join(r.Answer.Status, ", "))
	add("registrar", r.Answer.Registrar)
	if e.Answer = strings.Join(lines, "\n"); e.Answer == "" {
		e.Answer = r.Fetch.Reason + ", without dates or status"
	}
	return e
}

// How RDAP is asked.
const (
	keepServices = 24 * time.Hour // the file changes every few days
	keepAnswers  = time.Hour
	maxRDAPHops  = 2 // RFC 7480, 5.2 has clients follow them
)

// rdapLimits is shorter than what a policy host has: nothing but advice hangs on
// most answers.
var rdapLimits = probe.FetchTimeouts{
	Connect: 4 * time.Second, TLS: 6 * time.Second, Request: 10 * time.Second, Body: 10 * time.Second, Total: 12 * time.Second,
}

// rdapServices is the fact of which registry speaks RDAP for which domains.
var rdapServices = checks.NewFact("the RDAP services of registries", func(ctx context.Context, env *checks.Env) (rdap.Bootstrap, error) {
	f, err := askRDAP(ctx, env, probe.Request{URL: rdap.BootstrapURL, Accept: "application/json", MaxBody: rdap.MaxBootstrap, Keep: keepServices})
	if err != nil {
		return rdap.Bootstrap{}, err
	}
	if f.Status != http.StatusOK {
		return rdap.Bootstrap{}, refusal(f)
	}
	b, err := rdap.ParseBootstrap(f.Body)
	if err != nil {
		return b, fmt.Errorf("%s: %w", f.URL, err)
	}
	return b, nil
})

// registries is the fact of what registries were asked in this examination.
var registries = checks.NewFact("the registries", func(ctx context.Context, env *checks.Env) (*desk, error) {
	return &desk{ctx: ctx, env: env, asked: make(map[string]*inquiry)}, nil
})

// A desk asks about each domain once, under the context of the run.
type desk struct {
	ctx   context.Context
	env   *checks.Env
	mu    sync.Mutex
	asked map[string]*inquiry
}

type inquiry struct {
	done   chan struct{}
	answer Registration
	err    error
}

// RegistrationOf is the registration below which name stands. Its error is why
// the registry could not be heard.
func RegistrationOf(ctx context.Context, env *checks.Env, name string) (Registration, error) {
	domain, ok := rdap.Registrable(name)
	switch {
	case !ok:
		return Registration{Domain: record.Canonical(name), Off: record.Unicode(name) + " is a public suffix, which nobody registers"}, nil
	case env.HTTP == nil:
		return Registration{Domain: domain, Off: "HTTPS fetches are turned off"}, nil
	}
	d, err := registries.Of(ctx, env)
	if err != nil {
		return Registration{Domain: domain}, err
	}
	q := d.inquire(domain)
	select {
	case <-q.done:
		return q.answer, q.err
	case <-ctx.Done():
		return Registration{Domain: domain}, ctx.Err()
	}
}

func (d *desk) inquire(domain string) *inquiry {
	d.mu.Lock()
	defer d.mu.Unlock()
	if q := d.asked[domain]; q != nil {
		return q
	}
	q := &inquiry{done: make(chan struct{})}
	d.asked[domain] = q
	go func() {
		defer close(q.done)
		q.answer, q.err = lookUp(d.ctx, d.env, domain)
	}()
	return q
}

// lookUp asks the registry of domain.
func lookUp(ctx context.Context, env *checks.Env, domain string) (Registration, error) {
	r := Registration{Domain: domain}
	services, err := rdapServices.Of(ctx, env)
	if err != nil {
		return r, err
	}
	base, ok := services.Base(domain)
	if !ok {
		r.NoService, r.Off = true, fmt.Sprintf("the registry of .%s publishes no RDAP service", record.Unicode(topLevel(domain)))
		return r, nil
	}
	r.Fetch, err = askRDAP(ctx, env, probe.Request{URL: rdap.URL(base, domain), Accept: rdap.MediaType, MaxBody: rdap.MaxAnswer, Keep: keepAnswers})
	if err != nil {
		return r, err
	}
	switch r.Fetch.Status {
	case http.StatusOK:
	case http.StatusNotFound: // see Free
		return r, nil
	default:
		return r, refusal(r.Fetch)
	}
	r.Answer, err = rdap.Parse(r.Fetch.Body)
	switch {
	case err != nil:
		return r, fmt.Errorf("%s: %w", r.Fetch.URL, err)
	case r.Answer.Name != "" && r.Answer.Name != domain:
		return r, fmt.Errorf("%s: the answer is about %q", r.Fetch.URL, record.Display(r.Answer.Name))
	}
	r.Known = true
	return r, nil
}

// topLevel is the top-level domain of domain, canonical.
func topLevel(domain string) string {
	labels := record.Labels(domain)
	return record.Canonical(labels[len(labels)-1])
}

// askRDAP gets a document, by way of redirects if need be. The error is why
// there is no answer to trust.
func askRDAP(ctx context.Context, env *checks.Env, r probe.Request) (probe.Fetch, error) {
	r.Limits = rdapLimits
	for hops := 0; ; hops++ {
		f := Fetch(ctx, env, r)
		location, redirects := f.Redirect()
		switch {
		case f.Err != nil:
			return f, fmt.Errorf("%s: %w", f.URL, f.Err)
		case !f.TLS.Trusted() || f.TLS.NameFault != "":
			return f, fmt.Errorf("%s: the certificate is not valid", f.URL)
		case !redirects && f.Encoding() != "":
			return f, fmt.Errorf("%s: sent with a content coding that was not asked for", f.URL)
		case !redirects && f.Truncated:
			return f, fmt.Errorf("%s: more than %d octets", f.URL, r.MaxBody)
		case !redirects:
			return f, nil
		case hops == maxRDAPHops:
			return f, fmt.Errorf("%s: more than %d redirects", f.URL, maxRDAPHops)
		}
		next, err := against(r.URL, location)
		if err != nil || !strings.HasPrefix(next, "https://") {
			return f, fmt.Errorf("%s: redirects to %q, which is no https URL", f.URL, location[:min(len(location), 120)])
		}
		r.URL = next
	}
}

// against is where a redirect from a URL leads (RFC 9110, 10.2.2).
func against(from, location string) (string, error) {
	base, err := url.Parse(from)
	if err != nil {
		return "", err
	}
	to, err := base.Parse(location)
	if err != nil {
		return "", err
	}
	to.Fragment = ""
	return to.String(), nil
}

// refusal is an answer that is neither yes nor no, and when to come back if the
// server says so (RFC 7480, 5.5).
func refusal(f probe.Fetch) error {
	if later := f.RetryAfter(); later != "" {
		return fmt.Errorf("%s: %q (Retry-After: %q)", f.URL, f.Reason, later)
	}
	return fmt.Errorf("%s: %q", f.URL, f.Reason)
}
