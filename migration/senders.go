package migration

import (
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

// whoseMX is whose an MX host is.
func (b *builder) whoseMX(host string) string {
	for _, k := range b.Known {
		if slices.ContainsFunc(k.MX, func(d string) bool { return record.Within(host, d) }) {
			return k.Name
		}
	}
	switch {
	case b.newHosts(host):
		return b.New.Name
	case b.isOldHost(host):
		return b.Old.Name
	}
	return ""
}

// whoseTerm is whom a term of an SPF record lets send, as far as it is known.
func (b *builder) whoseTerm(t spf.Term) string {
	switch t.Kind {
	case spf.Include, spf.Redirect, spf.Exists:
		for _, k := range b.Known {
			if slices.ContainsFunc(k.SPF, func(d string) bool { return record.Within(t.Domain, d) }) {
				return k.Name
			}
		}
		if s := serviceOfTerm(t); s != "" {
			return titleOf(s)
		}
	case spf.IP4, spf.IP6:
		for _, side := range []Side{b.New, b.Old} {
			if slices.ContainsFunc(side.Addrs, t.Prefix.Contains) {
				return side.Name
			}
		}
	}
	return ""
}

// whoseKey is who signs with a key.
func (b *builder) whoseKey(selector string, r record.Record) string {
	if s := ServiceOf(r, b.Domain); s != "" && (r.Type == "CNAME" || slices.Contains(b.Old.Services, s) || slices.Contains(b.New.Services, s)) {
		return titleOf(s)
	}
	if slices.ContainsFunc(b.wanted, func(e record.Edit) bool {
		return slices.ContainsFunc(e.Want, func(w record.Record) bool { return w.Name == r.Name && w.Data == r.Data })
	}) {
		return b.New.Name
	}
	if b.isOlds(r) {
		return b.Old.Name
	}
	for _, s := range b.Senders {
		if s.Selector == selector && s.Who != "" {
			return s.Who
		}
	}
	return ""
}

// isOldTerm reports whether a term of an SPF record lets the old side send, and
// not the new one.
func (b *builder) isOldTerm(t spf.Term) bool {
	switch t.Kind {
	case spf.MX:
		return true
	case spf.A:
		return t.Domain == "" || b.isOldHost(record.Canonical(t.Domain))
	case spf.IP4, spf.IP6:
		return slices.ContainsFunc(b.Old.Addrs, t.Prefix.Contains)
	case spf.Include, spf.Redirect:
		if s := serviceOfTerm(t); s != "" {
			return slices.Contains(b.Old.Services, s) && !slices.Contains(b.New.Services, s)
		}
		who := b.whoseTerm(t)
		return who != "" && who == b.Old.Name
	}
	return false
}

// serviceOfTerm is the service of package desired that asks for an include.
func serviceOfTerm(t spf.Term) string {
	for _, s := range desired.Services() {
		for pattern := range strings.FieldsSeq(s.SPF) {
			if host, ok := strings.CutPrefix(pattern, "include:"); ok && !strings.Contains(host, "{") && strings.EqualFold(strings.TrimSuffix(t.Domain, "."), host) {
				return s.Name
			}
		}
	}
	return ""
}

// titleOf is a service of package desired for a reader.
func titleOf(name string) string {
	if s, ok := desired.FindService(name); ok {
		return s.Title
	}
	return name
}
