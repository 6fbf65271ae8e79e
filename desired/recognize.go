package desired

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/mailauth/dmarc"
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

// knownSelectors are the selectors of profiles and services that are the same for
// everybody, and those of common software.
func knownSelectors() []string {
	list := []string{"default", "mail", "dkim", "s1", "s2"}
	for _, p := range profiles {
		list = append(list, p.Selectors...)
	}
	for _, s := range services {
		for _, e := range s.Entries {
			if selector, ok := s.selector(e); ok {
				list = append(list, selector)
			}
		}
	}
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(s string) bool { return strings.Contains(s, "{") })
}

// selector is the selector of an entry that is a key, with what its inputs are
// for everybody; ok is false for all else.
func (s Service) selector(e Entry) (selector string, ok bool) {
	defaults := make(map[string]string)
	for _, in := range s.Inputs {
		defaults[in.Name] = in.Default
	}
	selector, ok = strings.CutSuffix(expand(e.Name, defaults), "._domainkey")
	return selector, ok && selector != ""
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

// services finds those that the records lead to.
func (l *live) services() {
	for _, s := range services {
		sure, values := l.evidence(s)
		if !sure {
			continue
		}
		_ = l.found.Settings.Set("services", s.Name, nil) // the name is in the table
		for _, name := range slices.Sorted(maps.Keys(values)) {
			// What does not look like the input is left for its owner to fill in.
			_ = l.found.Settings.Set(s.Name+"."+name, values[name], nil)
		}
	}
}

// evidence holds the records of a service to those of the domain. One that names
// a host of the service is proof; what only an input stands for is not.
func (l *live) evidence(s Service) (sure bool, values map[string]string) {
	values = make(map[string]string)
	look := func(pattern, text string) bool {
		found, ok := fit(expandDomain(pattern, l.domain), text)
		maps.Copy(values, found)
		return ok && !strings.HasPrefix(pattern, "{")
	}
	proof := func(ok bool, what string) {
		sure = sure || ok
		if ok {
			l.theirs[what] = true
		}
	}
	for _, e := range s.Entries {
		selector, isKey := s.selector(e)
		answer, there := l.selectors[selector]
		switch {
		case e.Type == "MX" && e.Name == "@":
			_, pattern, _ := strings.Cut(e.Data, " ")
			for _, host := range l.mx {
				ok := look(pattern, display(host)) || s.Name == "microsoft365" && isMicrosoft(host)
				proof(ok, host)
				if name, value, exact := strings.Cut(e.If, "="); ok && exact {
					values[name] = value
				}
			}
		case isKey && there && e.Type == "CNAME" && len(answer.Chain) > 0:
			proof(look(e.Data, display(answer.Chain[0].Data)), selector)
		case isKey && there && e.Type == "DKIM" && len(answer.Chain) == 0:
			values[strings.Trim(e.Data, "{}")] = strings.Join(answer.Texts(), "")
		case e.Type == "TXT" && e.Name == "@" && e.Each == "":
			for _, text := range l.texts {
				proof(look(e.Data, text), text)
			}
		}
	}
	for _, t := range l.spf.Mechanisms() {
		for pattern := range strings.FieldsSeq(s.SPF) {
			named := !strings.Contains(pattern, "{") || strings.Contains(t.Domain, s.Name) // a placeholder fits every host
			if t.Kind == spf.Include && named {
				proof(look(pattern, strings.ToLower(t.String())), t.String())
			}
		}
	}
	for _, in := range s.Inputs { // a default need not stand in the file
		if values[in.Name] == in.Default {
			delete(values, in.Name)
		}
	}
	if sure {
		l.claim(s)
	}
	return sure, values
}

// claim marks the selectors of a service that is in use as explained.
func (l *live) claim(s Service) {
	for _, e := range s.Entries {
		if selector, ok := s.selector(e); ok {
			l.theirs[selector] = true
		}
	}
}

// isMicrosoft reports whether an MX host is one of Exchange Online's.
func isMicrosoft(host string) bool {
	return record.Within(host, "mail.protection.outlook.com") || record.Within(host, "mx.microsoft")
}

func expandDomain(pattern, domain string) string {
	return strings.NewReplacer("{d}", display(domain), "{domain}", domain).Replace(pattern)
}

// fit holds a text to a pattern with placeholders and returns what they stand
// for. A placeholder takes as little as it can, and at least one octet.
func fit(pattern, text string) (values map[string]string, ok bool) {
	values = make(map[string]string)
	text = strings.TrimSuffix(text, ".")
	for {
		literal, rest, more := strings.Cut(pattern, "{")
		after, found := strings.CutPrefix(text, literal)
		if !found {
			return nil, false
		}
		if !more {
			return values, after == ""
		}
		name, tail, _ := strings.Cut(rest, "}")
		next, _, _ := strings.Cut(tail, "{")
		end := len(after)
		if next != "" && len(after) > 0 {
			if at := strings.Index(after[1:], next); at >= 0 {
				end = at + 1
			}
		}
		if end == 0 {
			return nil, false
		}
		values[name], pattern, text = after[:end], tail, after[end:]
	}
}

// hosts takes the MX hosts that no service explains for the owner's own where
// they stand below the domain.
func (l *live) hosts(ctx context.Context) error {
	s := &l.found.Settings
	if l.null {
		s.Profile = "no-mail"
		return nil
	}
	for _, host := range l.mx {
		if l.theirs[host] {
			continue
		}
		if !record.Within(host, l.domain) {
			l.note("%s takes the mail and is not known: if it is yours, write it under hosts", display(host))
			continue
		}
		answers, err := askAll(ctx, l.dns, []resolve.Question{resolve.Ask(host, "A"), resolve.Ask(host, "AAAA")})
		if err != nil {
			return err
		}
		h := Host{Name: host}
		for _, a := range answers {
			h.Addrs = append(h.Addrs, a.Addrs()...)
		}
		if len(h.Addrs) == 0 {
			l.note("%s is an MX host without an address", display(host))
			continue
		}
		slices.SortFunc(h.Addrs, netip.Addr.Compare)
		l.found.Hosts = append(l.found.Hosts, h)
		s.Profile = "standard"
	}
	l.choose()
	return nil
}

// announced makes the domain announce to mail programs what it did before, if its
// profile or service would have them told.
func (l *live) announced(entries []Entry) {
	s := &l.found.Settings
	for _, e := range entries {
		switch {
		case e.Client == "autoconfig" && !l.settings:
			s.Autoconfig = Off
		case e.Client != "" && e.Client != "autoconfig" && s.Clients == nil:
			if s.Clients = l.clients; l.clients == nil {
				s.Clients = []string{None}
			}
		}
	}
}

// choose says who takes the mail where several are in use that could: the one to
// which the preferred MX host belongs.
func (l *live) choose() {
	s := &l.found.Settings
	takers := 0
	var at string
	for _, use := range s.Services {
		service, _ := FindService(use.Service)
		if !service.Receives {
			continue
		}
		takers++
		for _, e := range service.Entries {
			_, pattern, _ := strings.Cut(e.Data, " ")
			if e.Type != "MX" || e.Name != "@" || len(l.mx) == 0 {
				continue
			}
			if _, ok := fit(expandDomain(pattern, l.domain), display(l.mx[0])); ok && l.theirs[l.mx[0]] {
				at = use.Service
			}
		}
	}
	if len(l.found.Hosts) > 0 {
		takers++
		own, _ := FindProfile(s.Profile)
		l.announced(own.Entries)
	} else if service, ok := FindService(at); ok {
		l.announced(service.Entries)
	}
	if takers < 2 {
		return
	}
	if s.MX = at; at == "" {
		s.MX = s.Profile
	}
}

// spfTerms keeps the senders that neither hosts nor services explain.
func (l *live) spfTerms() {
	s := &l.found.Settings.SPF
	if all, ok := l.spf.All(); ok && (all.Qualifier == spf.Minus || all.Qualifier == spf.Tilde) && l.found.Settings.Profile != "no-mail" {
		s.All = all.Qualifier
	}
	if t, ok := l.spf.Redirect(); ok {
		l.note("the SPF record is that of %s (redirect): the senders there are left out", t.Domain)
	}
	for _, t := range l.spf.Mechanisms() {
		switch {
		case t.Kind == spf.All, l.theirs[t.String()], l.explained(t):
		case t.Kind == spf.PTR:
			l.note("ptr is left out of the SPF record: it must not be used (RFC 7208, 5.5)")
		case t.Qualifier != spf.Plus:
			l.note("%q is left out of the SPF record: it lets nobody send", t)
		default:
			s.Also = append(s.Also, t.String())
		}
	}
}

// explained reports whether a mechanism authorises only the MX hosts.
func (l *live) explained(t spf.Term) bool {
	own := func(addr netip.Addr) bool {
		return slices.ContainsFunc(l.found.Hosts, func(h Host) bool { return slices.Contains(h.Addrs, addr) })
	}
	switch t.Kind {
	case spf.IP4, spf.IP6:
		return t.Prefix.IsSingleIP() && own(t.Prefix.Addr())
	case spf.MX:
		known := func(host string) bool {
			return l.theirs[host] || slices.ContainsFunc(l.found.Hosts, func(h Host) bool { return h.Name == host })
		}
		return t.Domain == "" && t.Bits4 == 32 && t.Bits6 == 128 && !slices.ContainsFunc(l.mx, func(host string) bool { return !known(host) })
	case spf.A:
		name := l.domain
		if t.Domain != "" {
			name = record.Canonical(t.Domain)
		}
		return t.Bits4 == 32 && t.Bits6 == 128 && slices.ContainsFunc(l.found.Hosts, func(h Host) bool { return h.Name == name })
	}
	return false
}

// keys keeps the owner's own keys.
func (l *live) keys() {
	for _, selector := range slices.Sorted(maps.Keys(l.selectors)) {
		answer := l.selectors[selector]
		texts := answer.Texts()
		switch {
		case l.theirs[selector] || l.found.Settings.Profile == "no-mail":
		case len(answer.Chain) > 0:
			l.note("the DKIM key at the selector %s is that of %s, which is not known: the record stays as it is", selector, display(answer.Chain[0].Data))
		case len(texts) == 1 && isRevoked(texts[0]):
			l.found.Settings.DKIM = append(l.found.Settings.DKIM, Key{Selector: selector, Revoked: true})
		default:
			key, err := ReadKey(strings.Join(texts, ""), false)
			if err != nil {
				l.note("the DKIM record at the selector %s %v", selector, err)
				continue
			}
			l.found.Settings.DKIM = append(l.found.Settings.DKIM, Key{Selector: selector, Record: key})
		}
	}
}

// policies keeps DMARC and TLS reporting as they are.
func (l *live) policies() {
	var records []string
	for _, text := range l.dmarc {
		if dmarc.IsRecord(text) {
			records = append(records, text)
		}
	}
	if len(records) == 1 {
		l.dmarcRecord(records[0])
	} else if len(records) > 1 {
		l.note("there are %d DMARC records, which receivers discard together", len(records))
	}
	for _, text := range l.tlsrpt {
		if r, _ := tlsrpt.Parse(text); tlsrpt.IsRecord(text) && l.found.Settings.TLSReports == nil {
			for _, u := range r.RUA {
				if u.Address != "" {
					l.found.Settings.TLSReports = append(l.found.Settings.TLSReports, u.Address)
				}
			}
		}
	}
	if len(l.mtasts) > 0 {
		l.note("MTA-STS is announced: write mta-sts with the mode of its policy, testing or enforce; the record stays as it is until then")
	}
}

func (l *live) dmarcRecord(text string) {
	r, _ := dmarc.Parse(text)
	d := &l.found.Settings.DMARC
	d.Policy, d.Subdomains, d.NonExistent = r.Policy, r.Subdomains, r.NonExistent
	if r.Testing {
		d.Testing = On
	}
	if r.DKIM == "s" && r.SPF == "s" {
		d.Strict = On
	} else if r.DKIM == "s" || r.SPF == "s" {
		l.note("DMARC is strict for one of DKIM and SPF only: it becomes relaxed for both, unless dmarc has strict: true")
	}
	addresses := func(uris []dmarc.URI) []string {
		var list []string
		for _, u := range uris {
			if u.Address != "" && !slices.Contains(list, u.Address) {
				list = append(list, u.Address)
			}
		}
		return list
	}
	d.RUA, d.RUF = addresses(r.RUA), addresses(r.RUF)
	if d.RUA == nil {
		l.note("DMARC has no address for reports; postmaster gets them unless reports says who")
	}
}
