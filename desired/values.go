package desired

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/maildoctor/maildoctor/mailauth/dane"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

// name reads a domain name, canonical.
func (r *reader) name(n *yaml.Node, path string) (string, bool) {
	text, ok := r.text(n, path)
	if !ok {
		return "", false
	}
	return r.domain(n, path, text)
}

func (r *reader) domain(n *yaml.Node, path, text string) (string, bool) {
	if strings.ContainsAny(text, "@/: ") {
		r.wrong(n, path, "%.80q is not a domain name", text)
		return "", false
	}
	name, err := record.ParseDomain(text)
	if err != nil {
		r.wrong(n, path, "%.80q %v", text, err)
		return "", false
	}
	return name, true
}

// names reads a name or several, each once.
func (r *reader) names(n *yaml.Node, path string) []string {
	var list []string
	for _, v := range r.values(n, path) {
		if name, ok := r.name(v, path); ok && !r.repeated(v, path, name, list) {
			list = append(list, name)
		}
	}
	return list
}

func (r *reader) repeated(n *yaml.Node, path, text string, list []string) bool {
	if slices.Contains(list, text) {
		r.wrong(n, path, "%.80q stands twice", record.Display(text))
		return true
	}
	return false
}

// labels are names below a domain: "www", "bounce.mail", "_x".
const labels = `^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$`

func isLabels(s string) bool {
	if s == "" || len(s) > 200 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || !isWord(label, "-_") {
			return false
		}
	}
	return true
}

// isWord reports whether s is letters, digits and the others given.
func isWord(s, others string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(others, c) >= 0) {
			return false
		}
	}
	return s != ""
}

func (r *reader) label(n *yaml.Node, path, text string) (string, bool) {
	if !isLabels(text) {
		r.wrong(n, path, "%.80q is not a name below the domain, such as www", text)
		return "", false
	}
	return strings.ToLower(text), true
}

// choice reads one of a few words.
func (r *reader) choice(n *yaml.Node, path, what string, words []string) (string, bool) {
	text, ok := r.text(n, path)
	if !ok {
		return "", false
	}
	if !slices.Contains(words, text) {
		r.wrong(n, path, "no %s %.40q%s", what, text, meant(text, words))
		return "", false
	}
	return text, true
}

// choices reads one of a few words or several, or None alone.
func (r *reader) choices(n *yaml.Node, path, what string, words []string) []string {
	nodes := r.values(n, path)
	if len(nodes) == 1 && nodes[0].Value == None {
		return []string{None}
	}
	var list []string
	for _, v := range nodes {
		if word, ok := r.choice(v, path, what, words); ok && !r.repeated(v, path, word, list) {
			list = append(list, word)
		}
	}
	return list
}

func (r *reader) onOff(n *yaml.Node, path string) Switch {
	text, ok := r.text(n, path)
	if !ok {
		return Unsaid
	}
	switch strings.ToLower(text) {
	case "true", "yes", "on":
		return On
	case "false", "no", "off":
		return Off
	}
	r.wrong(n, path, "%.40q is neither true nor false", text)
	return Unsaid
}

// addresses reads mail addresses for reports, or None alone.
func (r *reader) addresses(n *yaml.Node, path string) []string {
	nodes := r.values(n, path)
	if len(nodes) == 1 && nodes[0].Value == None {
		return []string{None}
	}
	var list []string
	for _, v := range nodes {
		text, ok := r.text(v, path)
		if !ok {
			continue
		}
		text = strings.TrimPrefix(text, "mailto:")
		if u := dmarc.Mailto(text); u.Fault != "" || strings.ContainsAny(text, " ,;!") {
			r.wrong(v, path, "%.80q is not a mail address", text)
		} else if !r.repeated(v, path, text, list) {
			list = append(list, text)
		}
	}
	return list
}

const durations = `^([0-9]+|([0-9]+[dhms])+)$`

// duration reads "3600", "1h" or "14d".
func (r *reader) duration(n *yaml.Node, path string, least, most time.Duration) time.Duration {
	text, ok := r.text(n, path)
	if !ok {
		return 0
	}
	d, err := parseDuration(text)
	switch {
	case err != nil:
		r.wrong(n, path, "%.40q is not a time: write seconds, or 10m, 1h, 14d", text)
	case d < least || d > most:
		r.wrong(n, path, "%s is not between %s and %s", text, writeDuration(least), writeDuration(most))
	default:
		return d
	}
	return 0
}

func parseDuration(text string) (time.Duration, error) {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, nil
	}
	days := time.Duration(0)
	if before, after, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(before, 10, 16)
		if err != nil {
			return 0, err
		}
		if days = time.Duration(n) * 24 * time.Hour; after == "" {
			return days, nil
		}
		text = after
	}
	d, err := time.ParseDuration(text)
	if err != nil || strings.ContainsAny(text, "-+.unµμ") {
		return 0, fmt.Errorf("%q is not a duration", text)
	}
	return days + d.Truncate(time.Second), nil
}

// writeDuration is d as parseDuration reads it, in the largest unit that fits.
func writeDuration(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= u.unit && d%u.unit == 0 {
			return strconv.FormatInt(int64(d/u.unit), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(d/time.Second), 10)
}

// shared is the space between a provider's NAT and its customers (RFC 6598).
func shared() netip.Prefix { return netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10) }

// ips reads the addresses of a host, IPv4 first.
func (r *reader) ips(n *yaml.Node, path string) []netip.Addr {
	var list []netip.Addr
	for _, v := range r.values(n, path) {
		text, ok := r.text(v, path)
		if !ok {
			continue
		}
		addr, err := netip.ParseAddr(text)
		switch {
		case err != nil || addr.Zone() != "" || addr.Is4In6():
			r.wrong(v, path, "%.80q is not an IPv4 or IPv6 address", text)
		case shared().Contains(addr) || addr.IsUnspecified() || addr.IsMulticast() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || addr.IsPrivate():
			r.wrong(v, path, "%s is not a public address, so no other mail host can reach it", addr)
		case slices.Contains(list, addr):
			r.wrong(v, path, "%s stands twice", addr)
		default:
			list = append(list, addr)
		}
	}
	slices.SortStableFunc(list, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	return list
}

// tlsa reads TLSA data, or the SHA-256 digest of a public key alone.
func (r *reader) tlsa(n *yaml.Node, path string) []dane.Record {
	var list []dane.Record
	for _, v := range r.values(n, path) {
		text, ok := r.text(v, path)
		if !ok {
			continue
		}
		if !strings.Contains(text, " ") {
			text = "3 1 1 " + text // what RFC 7672, 3.1 recommends
		}
		rec, problems := dane.Parse(text)
		switch {
		case len(problems) > 0:
			r.wrong(v, path, "%s", problems[0].Message)
		case !rec.Usable():
			r.wrong(v, path, "SMTP knows the usages 2 and 3 only (RFC 7672, 3.1)")
		default:
			list = append(list, rec)
		}
	}
	return list
}

// mechanisms reads SPF mechanisms and gives them back in their shortest form.
func (r *reader) mechanisms(n *yaml.Node, path string) []string {
	var list []string
	for _, v := range r.values(n, path) {
		text, ok := r.text(v, path)
		if !ok {
			continue
		}
		rec, problems := spf.Parse(spf.Version + " " + text)
		switch {
		case len(problems) > 0:
			r.wrong(v, path, "%s", problems[0].Text)
		case len(rec.Terms) != 1 || !rec.Terms[0].Kind.Mechanism() || rec.Terms[0].Kind == spf.All:
			r.wrong(v, path, "%.80q is not one mechanism, such as ip4:192.0.2.80 or include:_spf.example.net", text)
		case rec.Terms[0].Kind == spf.PTR:
			r.wrong(v, path, "ptr must not be used (RFC 7208, 5.5)")
		case rec.Terms[0].Qualifier != spf.Plus:
			r.wrong(v, path, "%.80q refuses senders; only those who may send stand here", text)
		default:
			if term := rec.Terms[0].String(); !r.repeated(v, path, term, list) {
				list = append(list, term)
			}
		}
	}
	return list
}
