package bimi

import (
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/record"
)

// Parse reads an assertion record. It goes on behind faults and takes what was
// plainly meant, so that its String is the record without them; receivers repair
// nothing (draft BIMI, 4.3).
func Parse(text string) (Record, []Problem) {
	p := parser{seen: make(map[string]bool)}
	at := 0
	for n := 0; at <= len(text); n++ {
		if n == maxTags {
			p.problems.add(at, "", Differs, "more than %d tags", maxTags)
			break
		}
		end := len(text)
		if i := strings.IndexByte(text[at:], ';'); i >= 0 {
			end = at + i
		}
		p.tag(text[at:end], at, n == 0, end < len(text))
		at = end + 1
	}
	p.complete(len(text))
	return p.record, p.problems
}

type parser struct {
	record   Record
	problems list
	seen     map[string]bool
}

// tag takes one tag with the white space around it.
func (p *parser) tag(spec string, at int, version, more bool) {
	trimmed := strings.TrimLeft(spec, space)
	at += len(spec) - len(trimmed)
	trimmed = strings.TrimRight(trimmed, space)
	switch name, value, found := strings.Cut(trimmed, "="); {
	case version:
		p.version(spec, at)
	case trimmed == "" && more:
		p.problems.add(at, "", Differs, "an empty tag: two semicolons in a row")
	case trimmed == "":
	case !found:
		p.problems.add(at, "", Void, "%.60q is not a tag: it has no \"=\"", trimmed)
	default:
		p.take(strings.TrimRight(name, space), value, at)
	}
}

// version looks at the first tag.
func (p *parser) version(spec string, at int) {
	p.seen["v"] = true
	switch name, value, _ := strings.Cut(strings.Trim(spec, debris), "="); {
	case IsRecord(spec):
	case strings.EqualFold(strings.Trim(name, space), "v") && strings.EqualFold(strings.Trim(value, space), "bimi1"):
		p.problems.add(at, "v", Void, "it begins with %.40q in place of %q, so receivers do not look at it", spec, Version+";")
	default:
		p.problems.add(at, "v", Void, "it does not begin with %q, so receivers do not look at it", Version+";")
	}
}

// known is the tags that have a meaning (draft BIMI, 4.3).
var known = map[string]string{"v": "v", "l": "l", "a": "a", "avp": "avp", "lps": "lps"}

func (p *parser) take(name, value string, at int) {
	valueAt := at + len(name)
	if i := strings.TrimLeft(value, space); i != "" {
		valueAt += 1 + len(value) - len(i)
	}
	value = strings.Trim(value, space)
	meant := known[strings.ToLower(strings.Trim(name, debris))]
	switch {
	case meant == "":
		p.problems.add(at, name, Ignored, "the tag %.40q has no meaning, and receivers ignore it", name)
		return
	case p.seen[meant]: // RFC 6376, 3.2
		p.problems.add(at, meant, Void, "the tag %s stands twice, which makes the whole record invalid", meant)
		return
	case meant != name: // names are case-sensitive (RFC 6376, 3.2)
		p.problems.add(at, meant, Void, "the tag is called %s, not %.40q", meant, name)
	}
	p.seen[meant] = true
	switch meant {
	case "l":
		p.record.Location = p.location(value, valueAt)
	case "a":
		p.record.Evidence = p.evidence(value, valueAt)
	case "avp":
		p.preference(value, valueAt)
	case "lps":
		p.localParts(value, valueAt)
	}
}

// images is endings of files that are plainly no SVG.
var images = []string{".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".ico", ".pdf", ".eps", ".tif", ".tiff", ".pem", ".html"}

// location takes the URL of the logo.
func (p *parser) location(value string, at int) string {
	value, more, several := strings.Cut(value, ",") // a list in early drafts
	if several && strings.Trim(more, space) != "" {
		p.problems.add(at, "l", Void, "l names several URLs, or has a comma that is not written %%2C; it takes one URL")
	}
	u := p.url("l", strings.Trim(value, space), at)
	if u == nil {
		return ""
	}
	for _, ending := range images { // draft BIMI, 4.3.2: a permanent error
		if strings.EqualFold(path.Ext(u.Path), ending) {
			p.problems.add(at, "l", Void, "the logo %.120q is a file %s; it has to be .svg or .svgz", value, ending)
		}
	}
	return u.String()
}

func (p *parser) evidence(value string, at int) string {
	if strings.EqualFold(value, "self") { // of early drafts
		p.problems.add(at, "a", Differs, "a=%s is of an early draft; it takes the URL of a mark certificate, or nothing", value)
		return ""
	}
	u := p.url("a", value, at)
	if u == nil {
		return ""
	}
	return u.String()
}

// url takes a URL of the scheme https with a host that is a name (draft BIMI,
// 4.3). nil for an empty one, and for one that is none.
func (p *parser) url(tag, value string, at int) *url.URL {
	value = strings.Trim(value, debris)
	if value == "" {
		return nil
	}
	bad := func(format string, args ...any) { p.problems.add(at, tag, Void, format, args...) }
	u, err := url.Parse(value)
	switch {
	case err != nil || !clean(value):
		bad("%.120q is not a URL", value)
		return nil
	case strings.EqualFold(u.Scheme, "http"):
		bad("%.120q is an http URL; only https is allowed", value)
		u.Scheme = "https"
		u.Host = strings.TrimSuffix(u.Host, ":80")
	case u.Scheme == "" && u.Host == "":
		bad("%.120q is not a whole URL: it does not begin with https://", value)
		if u, err = url.Parse("https://" + strings.TrimLeft(value, "/")); err != nil {
			return nil
		}
	case !strings.EqualFold(u.Scheme, "https"):
		bad("%.120q is not an https URL", value)
		return nil
	}
	if _, err := netip.ParseAddr(strings.Trim(u.Hostname(), "[]")); err == nil {
		bad("the host of %.120q is an IP address, not a name", value)
		return nil
	}
	name, err := record.ParseDomain("https://" + u.Hostname())
	if err != nil || u.Opaque != "" {
		bad("%.120q has no host name", value)
		return nil
	}
	if u.User != nil {
		bad("%.120q has a user name in it", value)
	}
	port := ""
	if u.Port() != "" && u.Port() != "443" {
		port = ":" + u.Port()
	}
	u.User, u.Host, u.Fragment, u.RawFragment = nil, record.Display(name)+port, "", ""
	u.Scheme = "https"
	return u
}

// clean reports whether s is of those characters that a URL may be made of
// (RFC 3986, 2). A semicolon cannot be in it: it would end the tag.
func clean(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= utf8.RuneSelf || strings.IndexByte("\"<>\\^`{|}\x7f", s[i]) >= 0 {
			return false
		}
	}
	return true
}

func (p *parser) preference(value string, at int) {
	switch value {
	case "brand", "personal":
		p.record.Preference = value
	default:
		p.problems.add(at, "avp", Ignored, "avp is %.40q, not brand or personal, and counts as brand", value)
	}
}

// localParts takes the prefixes of local parts.
func (p *parser) localParts(value string, at int) {
	p.record.LocalPart = true
	for part := range strings.SplitSeq(value, ",") {
		part = strings.Trim(part, space)
		switch {
		case part == "" && value == "":
		case part == "" || len(part) > 64 || !clean(part) || strings.Contains(part, "@"): // RFC 5321, 4.5.3.1.1
			p.problems.add(at, "lps", Ignored, "%.80q in lps is not the beginning of a local part", part)
		case len(p.record.LocalParts) < maxTags:
			p.record.LocalParts = append(p.record.LocalParts, part)
		}
	}
}

// complete tells what is missing.
func (p *parser) complete(end int) {
	switch {
	case !p.seen["l"] && !p.seen["a"]:
		p.problems.add(end, "l", Void, "there is no logo (l=), and nothing that declines (l=; a=;)")
	case slices.ContainsFunc(p.problems, func(one Problem) bool { return one.Tag == "l" }): // said already
	case p.record.Location == "" && p.record.Evidence != "":
		p.problems.add(end, "l", Differs, "there is a certificate (a=) and no logo (l=), which receivers without support for certificates show nothing of")
	}
}
