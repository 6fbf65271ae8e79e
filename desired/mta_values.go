package desired

import (
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/maildoctor/maildoctor/record"
)

const (
	maxCount = 1_000_000     // of what limits count
	maxDaily = 1_000_000_000 // recipients a day
)

// Everybody stands for every address of our domains.
const Everybody = "*"

// listens reads addresses to listen on, or None alone.
func (r *reader) listens(n *yaml.Node, path string) []string {
	nodes := r.values(n, path)
	if len(nodes) == 1 && nodes[0].Value == None {
		return []string{None}
	}
	var list []string
	for _, v := range nodes {
		if text := r.listen(v, path); text != "" && !r.repeated(v, path, text, list) {
			list = append(list, text)
		}
	}
	return list
}

// listen reads an address to listen on: ":25", "192.0.2.25:25", "[2001:db8::25]:25".
func (r *reader) listen(n *yaml.Node, path string) string {
	text, ok := r.text(n, path)
	if !ok {
		return ""
	}
	addr, err := ParseListen(text)
	switch {
	case err != nil:
		r.wrong(n, path, "%.80q is no address with a port, such as \":25\" or \"192.0.2.25:25\"", text)
		return ""
	case addr.Port() == 0 && !addr.Addr().IsLoopback():
		r.wrong(n, path, "%.80q has no port by which others find it", text)
		return ""
	}
	return text
}

// ParseListen reads an address to listen on, with an invalid IP address where it
// has none and means every address.
func ParseListen(text string) (netip.AddrPort, error) {
	if rest, ok := strings.CutPrefix(text, ":"); ok {
		port, err := strconv.ParseUint(rest, 10, 16)
		return netip.AddrPortFrom(netip.Addr{}, uint16(port)), err
	}
	return netip.ParseAddrPort(text)
}

// mailboxes reads who gets mail.
func (r *reader) mailboxes(n *yaml.Node, path string) []string {
	var list []string
	for _, v := range r.valuesTo(n, path, maxUsers) {
		text, ok := r.text(v, path)
		if !ok {
			continue
		}
		if box, ok := r.mailbox(v, path, text); ok && !r.repeated(v, path, box, list) {
			list = append(list, box)
		}
	}
	return list
}

// mailbox reads a local part, a whole address, or Everybody. Letters are folded, as
// our mailboxes make no difference.
func (r *reader) mailbox(n *yaml.Node, path, text string) (string, bool) {
	if text == Everybody {
		return text, true
	}
	local, domain, whole := strings.Cut(text, "@")
	if !isLocal(local) {
		r.wrong(n, path, "%.80q is no address, and no part in front of its @", text)
		return "", false
	}
	local = strings.ToLower(local)
	if !whole {
		return local, true
	}
	name, ok := r.domain(n, path, domain)
	return local + "@" + display(name), ok
}

// isLocal reports whether s is a local part that needs no quotes (RFC 5321, 4.1.2;
// RFC 6531, 3.3) and can be the name of a directory.
func isLocal(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return c < 0x80 && !isWord(string(c), ".!#$%&'*+-=?^_`{|}~") || c >= 0x80 && c < 0xa0 || c == 0xfffd
	})
}

// senders reads addresses to write with, or domains of them: "@example.com".
func (r *reader) senders(n *yaml.Node, path string) []string {
	var list []string
	for _, v := range r.valuesTo(n, path, maxUsers) {
		text, ok := r.text(v, path)
		if !ok {
			continue
		}
		var sender string
		if domain, all := strings.CutPrefix(text, "@"); all {
			sender, ok = r.domain(v, path, domain)
			sender = "@" + display(sender)
		} else if sender, ok = r.mailbox(v, path, text); ok && !strings.Contains(sender, "@") {
			r.wrong(v, path, "%.80q is no address; write ann@example.com, or @example.com for all of a domain", text)
			ok = false
		}
		if ok && !r.repeated(v, path, sender, list) {
			list = append(list, sender)
		}
	}
	return list
}

// Forms of hashed passwords: those of argon2 and crypt(3).
var (
	argon2id = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\$argon2id\$v=19\$m=([0-9]{1,7}),t=([0-9]{1,2}),p=([0-9]{1,3})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}$`)
	})
	bcrypt = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}$`) })
)

// CheckHash says what is wrong with the hash of a password, without showing any of
// it: empty if nothing is.
func CheckHash(hash string) string {
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	if m := argon2id().FindStringSubmatch(hash); m != nil {
		memory, rounds, threads := number(m[1]), number(m[2]), number(m[3])
		if memory < 8*threads || memory > 1<<20 || rounds < 1 || threads < 1 || threads > 255 {
			return "has parameters that are not used: m up to 1048576 (1 GiB), t from 1, p from 1 to 255"
		}
		return ""
	}
	if m := bcrypt().FindStringSubmatch(hash); m != nil {
		if cost := number(m[1]); cost < 4 || cost > 16 {
			return "has a cost that is not used: 10 to 14 is right"
		}
		return ""
	}
	return "is no hash by argon2id ($argon2id$v=19$...) or bcrypt ($2b$...); the password itself goes into a password-file"
}

// hash reads the hash of a password. No message quotes it: it may be a password.
func (r *reader) hash(n *yaml.Node, path string) string {
	text, ok := r.text(n, path)
	if !ok {
		return ""
	}
	if fault := CheckHash(text); fault != "" {
		r.wrong(n, path, "%s", fault)
		return ""
	}
	return text
}

// host reads a host's name, as it is displayed, or IP address.
func (r *reader) host(n *yaml.Node, path string) string {
	text, ok := r.text(n, path)
	if !ok {
		return ""
	}
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return addr.String()
	}
	name, _ := r.domain(n, path, text)
	return display(name)
}

// destinations reads domains, and what is below them: ".example.org".
func (r *reader) destinations(n *yaml.Node, path string) []string {
	var list []string
	for _, v := range r.values(n, path) {
		text, ok := r.text(v, path)
		if !ok {
			continue
		}
		bare, below := strings.CutPrefix(text, ".")
		name, ok := r.domain(v, path, bare)
		name = display(name)
		if below {
			name = "." + name
		}
		if ok && !r.repeated(v, path, name, list) {
			list = append(list, name)
		}
	}
	return list
}

// word reads a name in lower case.
func (r *reader) word(n *yaml.Node, path string) string {
	text, ok := r.text(n, path)
	if ok && !isWord(text, "-._") {
		r.wrong(n, path, "%.80q is no name", text)
		return ""
	}
	return strings.ToLower(text)
}

// https reads the URL of a server.
func (r *reader) https(n *yaml.Node, path string) string {
	text, ok := r.text(n, path)
	if !ok {
		return ""
	}
	if u, err := url.Parse(text); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		r.wrong(n, path, "%.80q is no https: URL", text)
		return ""
	}
	return text
}

func (r *reader) day(n *yaml.Node, path string) time.Time {
	text, ok := r.text(n, path)
	if !ok {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		r.wrong(n, path, "%.40q is not a day, such as 2027-01-31", text)
	}
	return day
}

// count reads a number; 0 if something is wrong.
func (r *reader) count(n *yaml.Node, path string, least, most int64) int64 {
	text, ok := r.text(n, path)
	if !ok {
		return 0
	}
	v, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		r.wrong(n, path, "%.40q is not a number", text)
	case v < least || v > most:
		r.wrong(n, path, "%d is not between %d and %d", v, least, most)
	default:
		return v
	}
	return 0
}

func (r *reader) factor(n *yaml.Node, path string) float64 {
	text, ok := r.text(n, path)
	if !ok {
		return 0
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || v <= 1 || v > 10 {
		r.wrong(n, path, "%.40q is not a factor above 1, up to 10", text)
		return 0
	}
	return v
}

// A unit is one of sizes.
type unit struct {
	name   string
	octets int64
}

// units is all of them, the largest first.
var units = []unit{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// size reads octets: "50MiB"; 0 if something is wrong.
func (r *reader) size(n *yaml.Node, path string, least, most int64) int64 {
	text, ok := r.text(n, path)
	if !ok {
		return 0
	}
	digits, unit := text, int64(1)
	for _, u := range units {
		if before, found := strings.CutSuffix(text, u.name); found {
			digits, unit = strings.TrimSpace(before), u.octets
		}
	}
	v, err := strconv.ParseInt(digits, 10, 52)
	switch {
	case err != nil:
		r.wrong(n, path, "%.40q is not a size: write 50MiB or 1GiB", text)
	case v > most/unit || v*unit < least:
		r.wrong(n, path, "%s is not between %s and %s", text, writeSize(least), writeSize(most))
	default:
		return v * unit
	}
	return 0
}

// writeSize is a size as it is read, in the largest unit that fits.
func writeSize(octets int64) string {
	i := slices.IndexFunc(units, func(u unit) bool { return octets >= u.octets && octets%u.octets == 0 })
	if i < 0 {
		return strconv.FormatInt(octets, 10)
	}
	return strconv.FormatInt(octets/units[i].octets, 10) + units[i].name
}

// canonicalOf is the domain of an address or of a sender, canonical; empty if it
// has none.
func canonicalOf(address string) string {
	_, domain, ok := strings.Cut(address, "@")
	if !ok {
		return ""
	}
	return record.Canonical(domain)
}
