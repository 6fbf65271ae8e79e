package spf

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// argument reads what follows the name of a mechanism, with its : or /.
func (t *Term) argument(arg string) *fault {
	switch t.Kind {
	case All: // all = "all" (RFC 7208, 5.1)
		if arg != "" {
			return &fault{kind: BadArgument, length: len(arg), text: fmt.Sprintf("all takes no argument, but %q follows it", clip(arg)), meant: "all"}
		}
		return nil
	case IP4, IP6:
		return t.network(arg)
	case A, MX: // 5.3, 5.4
		t.Bits4, t.Bits6 = 32, 128
		var f *fault
		if arg, f = t.dualPrefix(arg); f != nil {
			return f
		}
	}
	if arg == "" {
		if t.Kind == Include || t.Kind == Exists {
			return &fault{kind: BadDomain, length: len(t.Kind.String()), offset: -len(t.Kind.String()), text: fmt.Sprintf("%s names no domain", t.Kind)}
		}
		return nil // a, mx and ptr alone are about the current domain
	}
	if arg[0] == '/' {
		return &fault{kind: BadArgument, length: len(arg), text: fmt.Sprintf("%s takes no prefix length, but %q follows it", t.Kind, clip(arg)), meant: withoutPrefix(t.Kind, "")}
	}
	t.Domain = arg[1:]
	if t.Domain == "" {
		return &fault{kind: BadDomain, length: 1, text: fmt.Sprintf("%s: names no domain", t.Kind)}
	}
	f := checkDomain(t.Domain)
	if f == nil {
		return nil
	}
	f.offset++
	f.text = fmt.Sprintf("in %s:%s: %s", t.Kind, clip(t.Domain), f.text)
	f.meant = t.repairDomain()
	return f
}

func withoutPrefix(k Kind, domain string) string {
	if k == PTR && domain == "" {
		return "ptr"
	}
	return ""
}

// repairDomain is the term that was probably meant where the domain-spec is
// not one: an address behind a:, a prefix length behind include:, a URL.
func (t Term) repairDomain() string {
	domain := t.Domain
	for _, scheme := range []string{"http://", "https://"} {
		domain = strings.TrimPrefix(domain, scheme)
	}
	if t.Kind == A || t.Kind == MX {
		for _, kind := range []Kind{IP4, IP6} {
			ip := Term{Kind: kind, Qualifier: Plus}
			spec := domain
			if t.Bits4 != 32 {
				spec += "/" + strconv.Itoa(t.Bits4)
			}
			if ip.network(":"+spec) == nil {
				return ip.String()
			}
		}
	}
	domain, _, _ = strings.Cut(domain, "/")
	domain = strings.Trim(domain, "<>\"',;.")
	if domain == "" || domain == t.Domain || checkDomain(domain) != nil {
		return ""
	}
	return t.Kind.String() + ":" + domain
}

// network reads the address and prefix length of ip4 and ip6 (RFC 7208, 5.6).
func (t *Term) network(arg string) *fault {
	name, other, bits := "IPv4", "ip6", 32
	if t.Kind == IP6 {
		name, other, bits = "IPv6", "ip4", 128
	}
	if len(arg) < 2 || arg[0] != ':' {
		return &fault{kind: BadAddress, length: max(len(arg), 1), offset: min(len(arg), 1) - 1, text: fmt.Sprintf("%s holds no address", t.Kind)}
	}
	host, length, prefixed := strings.Cut(arg[1:], "/")
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil || addr.Zone() != "":
		return &fault{kind: BadAddress, offset: 1, length: max(len(host), 1), text: fmt.Sprintf("%q is no %s address", clip(host), name), meant: t.repairAddress(host, length)}
	case addr.Is4() != (t.Kind == IP4):
		f := &fault{kind: BadFamily, offset: 1, length: len(host), text: fmt.Sprintf("%s holds the address %s of the other family; that is written %s:%s", t.Kind, host, other, host)}
		swapped := Term{Kind: IP4 + IP6 - t.Kind, Qualifier: Plus}
		if swapped.network(arg) == nil {
			f.meant = swapped.String()
		}
		return f
	}
	if prefixed {
		n, ok := prefixLength(length, bits)
		if !ok {
			return &fault{kind: BadPrefix, offset: 1 + len(host), length: 1 + len(length), text: fmt.Sprintf("%q is no prefix length for %s: that is 0 to %d", "/"+clip(length), name, bits), meant: t.repairPrefix(addr, length)}
		}
		bits = n
	}
	t.Prefix = netip.PrefixFrom(addr, bits)
	return nil
}

// repairAddress drops a port, brackets, or the zeros that netip refuses.
func (t Term) repairAddress(host, length string) string {
	h := strings.Trim(host, "[]<>\"',;")
	if t.Kind == IP4 {
		h, _, _ = strings.Cut(h, ":")
		parts := strings.Split(h, ".")
		for i, p := range parts {
			if n, err := strconv.Atoi(p); err == nil {
				parts[i] = strconv.Itoa(n)
			}
		}
		h = strings.Join(parts, ".")
	}
	if h == host {
		return ""
	}
	if length != "" {
		h += "/" + length
	}
	again := Term{Kind: t.Kind, Qualifier: Plus}
	if again.network(":"+h) != nil {
		return ""
	}
	return again.String()
}

// repairPrefix reads lengths written with leading zeros, a second slash, or as
// a netmask.
func (t Term) repairPrefix(addr netip.Addr, length string) string {
	length = strings.TrimPrefix(length, "/")
	if mask, err := netip.ParseAddr(length); err == nil && mask.Is4() && addr.Is4() {
		n := 0
		for _, o := range mask.As4() {
			for ; o&0x80 != 0; o <<= 1 {
				n++
			}
			if o != 0 {
				return ""
			}
		}
		if want, _ := addr.Prefix(n); !want.IsValid() || netmask(n) != mask {
			return ""
		}
		length = strconv.Itoa(n)
	}
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 || n > addr.BitLen() {
		return ""
	}
	return Term{Kind: t.Kind, Qualifier: Plus, Prefix: netip.PrefixFrom(addr, n)}.String()
}

func netmask(n int) netip.Addr {
	m := uint32(uint64(0xffffffff) << (32 - n))
	return netip.AddrFrom4([4]byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)})
}

// prefixLength reads 0 to most without leading zeros (RFC 7208, 12).
func prefixLength(s string, most int) (int, bool) {
	if s == "" || len(s) > 3 || (s[0] == '0' && len(s) > 1) {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, n <= most
}

// dualPrefix takes the dual-cidr-length off the end of arg: [ "/" n ] [ "//" m ].
// Slashes may also stand inside a domain-spec, so it looks from the right.
func (t *Term) dualPrefix(arg string) (string, *fault) {
	bad := func(at int, length, family string, most int) *fault {
		return &fault{kind: BadPrefix, offset: at, length: len(arg) - at, text: fmt.Sprintf("%q is no prefix length for %s: that is 0 to %d", clip(length), family, most)}
	}
	if head, tail, ok := cutLast(arg, "//"); ok && digits(tail) {
		n, ok := prefixLength(tail, 128)
		if !ok {
			return "", bad(len(head), "//"+tail, "IPv6", 128)
		}
		t.Bits6, arg = n, head
	}
	if head, tail, ok := cutLast(arg, "/"); ok && digits(tail) {
		n, ok := prefixLength(tail, 32)
		if !ok {
			return "", bad(len(head), "/"+tail, "IPv4", 32)
		}
		t.Bits4, arg = n, head
	}
	if arg == "/" || arg == "//" {
		return "", &fault{kind: BadPrefix, length: len(arg), text: fmt.Sprintf("%q is not followed by a prefix length", arg)}
	}
	if arg != "" && arg[0] == '/' {
		return "", &fault{kind: BadPrefix, length: len(arg), text: fmt.Sprintf("%q is no pair of prefix lengths; that is written /24//64", clip(arg))}
	}
	return arg, nil
}

func cutLast(s, sep string) (head, tail string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// checkDomain holds a domain-spec to the grammar (RFC 7208, 7.1) and, where it
// has no macros, to what the DNS can hold.
func checkDomain(spec string) *fault {
	pieces, f := parseMacros(spec, false)
	if f != nil {
		return f
	}
	last := pieces[len(pieces)-1]
	if last.expand { // domain-end = ( "." toplabel [ "." ] ) / macro-expand
		return nil
	}
	name := strings.TrimSuffix(last.literal, ".")
	dot := strings.LastIndexByte(name, '.')
	at := len(spec) - len(last.literal)
	if dot < 0 {
		if addr, err := netip.ParseAddr(spec); err == nil {
			return notName(addr, spec)
		}
		return &fault{kind: BadDomain, offset: at, length: len(last.literal), text: fmt.Sprintf("%q is no domain name: it has no dot before its last label", clip(spec))}
	}
	if top := name[dot+1:]; !toplabel(top) {
		if addr, err := netip.ParseAddr(spec); err == nil {
			return notName(addr, spec)
		}
		return &fault{kind: BadDomain, offset: at + dot + 1, length: max(len(top), 1), text: fmt.Sprintf("%q is no domain name: it ends in %q, which is no top-level label", clip(spec), clip(top))}
	}
	if len(pieces) == 1 {
		return askable(spec)
	}
	return nil
}

func notName(addr netip.Addr, spec string) *fault {
	kind := IP4
	if addr.Is6() {
		kind = IP6
	}
	return &fault{kind: BadDomain, length: len(spec), text: fmt.Sprintf("%s is an address, not a name; addresses are written %s:%s", spec, kind, spec)}
}

// askable faults a name that the grammar allows and the DNS does not (RFC 1035,
// 2.3.4). RFC 7208, 4.8 leaves open what receivers make of it; a permerror is
// what a publisher has to expect.
func askable(spec string) *fault {
	name := strings.TrimSuffix(spec, ".")
	at := 0
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			what := "an empty label"
			if label != "" {
				what = "a label of more than 63 octets"
			}
			return &fault{kind: BadDomain, offset: at, length: max(len(label), 1), text: fmt.Sprintf("%q is a name that the DNS cannot hold: it has %s", clip(spec), what)}
		}
		at += len(label) + 1
	}
	if len(name) > maxName {
		return &fault{kind: BadDomain, length: len(spec), text: fmt.Sprintf("%q is a name that the DNS cannot hold: it has %d octets, %d are allowed", clip(spec), len(name), maxName)}
	}
	return nil
}

// toplabel is a last label: letters, digits and inner hyphens, not all digits
// (RFC 7208, 7.1).
func toplabel(s string) bool {
	if s == "" || s[0] == '-' || s[len(s)-1] == '-' || digits(s) {
		return false
	}
	for i := range len(s) {
		if !isAlpha(s[i]) && !isDigit(s[i]) && s[i] != '-' {
			return false
		}
	}
	return true
}
