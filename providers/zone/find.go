package zone

import (
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// find is the zone of the file, and the origin by which it has to be read. Where
// the file does not say, it is the origin that is given, or what the name of the
// file tells, or the domain.
func (p *Provider) find(text []byte, domain, given string) (zone, origin string, err error) {
	file, problems, err := p.parse(text, given)
	if err != nil {
		return "", "", err
	}
	zone, ok := file.Apex()
	switch {
	case !ok && len(problems) > 0:
		return "", "", p.unreadable(problems[0])
	case !ok:
		return "", "", fmt.Errorf("%s holds no SOA record, so it is no whole zone: %w", p, providers.ErrNoZone)
	}
	origin = record.Canonical(given)
	if given == "" && file.Unrooted > 0 {
		origin = zone // where the SOA record has an absolute name, the others end in it
		if again, err := p.apex(text, origin); zone == "." || err != nil || again != zone {
			if origin, err = p.guess(domain); err != nil {
				return "", "", err
			}
			if zone, err = p.apex(text, origin); err != nil {
				return "", "", err
			}
		}
	}
	if !record.Within(domain, zone) {
		return "", "", fmt.Errorf("%s holds the zone %.255q, to which %s does not belong: %w", p, record.Display(zone), record.Display(domain), providers.ErrNoZone)
	}
	return zone, origin, nil
}

// apex is the owner of the SOA record where names end in origin.
func (p *Provider) apex(text []byte, origin string) (string, error) {
	file, _, err := p.parse(text, origin)
	zone, _ := file.Apex()
	return zone, err
}

// guess is the zone of a file that does not say: the domain, or one above it, of
// which the file has its name, or its directory; else the domain. The error tells
// that the file has the name of another domain.
func (p *Provider) guess(domain string) (string, error) {
	base, dir := filepath.Base(p.path), filepath.Base(filepath.Dir(p.path))
	for _, name := range []string{base, dir} {
		for zone := domain; strings.Contains(record.Display(zone), "."); zone = record.Parent(zone) {
			if bears(strings.ToLower(name), record.Display(zone)) {
				return zone, nil
			}
		}
	}
	if other, ok := foreign(base); ok {
		return "", fmt.Errorf("%s does not say of which zone it is, and its name says %s, to which %s does not belong; if it is of that domain, begin it with $ORIGIN and the zone: %w",
			p, record.Display(other), record.Display(domain), providers.ErrNoZone)
	}
	return domain, nil
}

// bears reports whether a domain is part of the name of a file, as whole labels.
func bears(file, domain string) bool {
	for at := 0; ; {
		i := strings.Index(file[at:], domain)
		if i < 0 {
			return false
		}
		start, end := at+i, at+i+len(domain)
		if (start == 0 || !inLabel(file[start-1])) && (end == len(file) || !inLabel(file[end])) {
			return true
		}
		at = start + 1
	}
}

func inLabel(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// foreign is the domain that a file is named after: db.example.org, example.org.zone.
func foreign(file string) (domain string, ok bool) {
	name := strings.ToLower(file)
	for _, prefix := range []string{"db.", "zone.", "master.", "pri.", "named."} {
		name = strings.TrimPrefix(name, prefix)
	}
	for _, suffix := range []string{".zone", ".db", ".hosts", ".txt", ".zonefile"} {
		name = strings.TrimSuffix(name, suffix)
	}
	domain, err := record.ParseDomain(name)
	if err != nil {
		return "", false
	}
	suffix, icann := publicsuffix.PublicSuffix(record.Display(domain))
	return domain, icann && suffix != record.Display(domain)
}
