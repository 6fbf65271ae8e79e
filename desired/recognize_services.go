package desired

import (
	"maps"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

// knownSelectors are the selectors of profiles and services that are the same for
// everybody, and those of common software.
func knownSelectors() []string {
	list := []string{"default", "mail", "dkim", "s1", "s2"}
	for _, p := range profiles() {
		list = append(list, p.Selectors...)
	}
	for _, s := range services() {
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

// services finds those that the records lead to.
func (l *live) services() {
	for _, s := range services() {
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
