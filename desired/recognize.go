package desired

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/mailauth/tlsrpt"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// Found is what stands in the DNS of a domain, in terms of what is wanted: what
// State.Edits makes of it takes away no sender, key or policy that was understood.
type Found struct {
	Hosts    []Host // MX hosts below the domain
	Settings Settings
	Notes    []string // what was seen and is not part of it, for its owner to look at
}

// Recognize asks the DNS what a domain has: its mail hosts, the services that its
// MX, SPF and DKIM records lead to, its keys at the selectors given and those
// that profiles and services are known to use, its policies. What an account was
// issued is taken from the records where they show it.
//
// The error is that of a question without a conclusive answer: what is not known
// is not taken for absent.
func Recognize(ctx context.Context, dns resolve.Resolver, domain string, selectors []string) (Found, error) {
	l := &live{domain: record.Canonical(domain), dns: dns}
	if err := l.ask(ctx, append(slices.Clone(selectors), knownSelectors()...)); err != nil {
		return Found{}, err
	}
	f := &l.found
	l.services()
	if err := l.hosts(ctx); err != nil {
		return Found{}, err
	}
	l.spfTerms()
	l.keys()
	l.policies()
	slices.Sort(f.Notes)
	return *f, nil
}

// live is the answers about one domain, and what was made of them.
type live struct {
	domain string
	dns    resolve.Resolver
	found  Found

	mx        []string                  // hosts, the preferred one first
	null      bool                      // the domain says that it takes no mail (RFC 7505)
	texts     []string                  // at the domain
	spf       spf.Record                // the only one, if there is only one
	selectors map[string]resolve.Answer // where there is a key or an alias
	dmarc     []string
	tlsrpt    []string
	mtasts    []string
	clients   []string        // what mail programs are told of (RFC 6186)
	settings  bool            // one of the names at which mail programs ask is there
	theirs    map[string]bool // MX hosts, SPF terms and selectors that services explain
}

// ask asks everything that is known from the domain alone, at once.
func (l *live) ask(ctx context.Context, selectors []string) error {
	questions := []resolve.Question{
		resolve.Ask(l.domain, "MX"), resolve.Ask(l.domain, "TXT"), resolve.Ask("_dmarc."+l.domain, "TXT"),
		resolve.Ask(tlsrpt.Name(l.domain), "TXT"), resolve.Ask("_mta-sts."+l.domain, "TXT"),
	}
	for _, c := range clientNames() {
		questions = append(questions, resolve.Ask("_"+c+"._tcp."+l.domain, "SRV"))
	}
	questions = append(questions, resolve.Ask("autoconfig."+l.domain, "A"), resolve.Ask("autodiscover."+l.domain, "A"))
	for _, s := range selectors {
		questions = append(questions, resolve.Ask(s+"._domainkey."+l.domain, "TXT"))
	}
	answers, err := askAll(ctx, l.dns, questions)
	if err != nil {
		return err
	}
	for _, r := range record.Sorted(answers[0].Records) {
		if _, host, ok := r.MX(); ok && host == "." {
			l.null = true
		} else if ok && !slices.Contains(l.mx, host) {
			l.mx = append(l.mx, host)
		}
	}
	l.texts, l.dmarc, l.tlsrpt, l.mtasts = answers[1].Texts(), answers[2].Texts(), answers[3].Texts(), answers[4].Texts()
	rest := l.access(answers[5:])
	l.selectors, l.theirs = make(map[string]resolve.Answer), make(map[string]bool)
	for i, s := range selectors {
		if a := rest[i]; len(a.Chain) > 0 || len(a.Records) > 0 {
			l.selectors[s] = a
		}
	}
	switch records := spf.Records(l.texts); len(records) {
	case 0:
	case 1:
		l.spf, _ = spf.Parse(records[0])
	default:
		l.note("there are %d SPF records, which receivers discard together; their senders are left out: write those that shall send under spf", len(records))
	}
	return nil
}

// access takes the answers about mail programs, and returns those behind them.
func (l *live) access(answers []resolve.Answer) (rest []resolve.Answer) {
	names := clientNames()
	for i, name := range names {
		if slices.ContainsFunc(answers[i].Records, func(r record.Record) bool { return !strings.HasSuffix(r.Data, " .") }) {
			l.clients = append(l.clients, name)
		}
	}
	rest = answers[len(names):]
	l.settings = rest[0].Exists || rest[1].Exists
	return rest[2:]
}

func (l *live) note(format string, args ...any) {
	l.found.Notes = append(l.found.Notes, fmt.Sprintf(format, args...))
}

// askAll asks at once. The error is the first in the order of the questions.
func askAll(ctx context.Context, dns resolve.Resolver, questions []resolve.Question) ([]resolve.Answer, error) {
	answers, errs := make([]resolve.Answer, len(questions)), make([]error, len(questions))
	var wg sync.WaitGroup
	for i, q := range questions {
		wg.Go(func() { answers[i], errs[i] = dns.Resolve(ctx, q) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return answers, nil
}
