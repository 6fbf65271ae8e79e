package desired

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/mailauth/tlsrpt"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

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
