package resolve

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// toRecord returns a record from the wire in the form that record.Record
// promises.
func toRecord(rr dns.RR) record.Record {
	h := rr.Header()
	return record.Record{Name: canonicalName(h.Name), Type: typeName(h.Rrtype), TTL: boundTTL(h.Ttl), Data: toData(rr)}
}

// boundTTL is 0 for a TTL with the top bit set (RFC 2181, 8).
func boundTTL(ttl uint32) uint32 {
	if ttl > 1<<31-1 {
		return 0
	}
	return ttl
}

// canonicalName lower-cases a name.
func canonicalName(name string) string { return record.Canonical(escapeSpaces(name)) }

// escapeSpaces writes spaces in names as \032, so that data of several fields
// can be split at spaces. No name ends in a backslash: they are absolute.
func escapeSpaces(s string) string { return strings.ReplaceAll(s, `\ `, `\032`) }

// toData is the data of a record: joined text, or presentation form.
func toData(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.TXT:
		return joined(rr.Txt)
	case *dns.SPF:
		return joined(rr.Txt)
	case *dns.A:
		if addr, ok := netip.AddrFromSlice(rr.A); ok {
			return addr.Unmap().String()
		}
	case *dns.AAAA:
		if addr, ok := netip.AddrFromSlice(rr.AAAA); ok {
			return addr.String()
		}
	case *dns.RFC3597:
		return unknownData(rr)
	}
	names := namesIn(rr)
	for _, name := range names {
		*name = canonicalName(*name)
	}
	data := strings.TrimSpace(strings.TrimPrefix(rr.String(), rr.Header().String()))
	if _, hasStrings := rr.(*dns.NAPTR); len(names) > 0 && !hasStrings {
		data = escapeSpaces(data) // String wrote the names anew
	}
	return data
}

// unknownData is the generic form of data (RFC 3597, 5).
func unknownData(rr *dns.RFC3597) string {
	raw, err := hex.DecodeString(rr.Rdata)
	if err != nil || len(raw) == 0 {
		return `\# 0`
	}
	return fmt.Sprintf(`\# %d %s`, len(raw), strings.ToLower(rr.Rdata))
}

// joined is the octets of character-strings, without the escapes that the
// library puts in them.
func joined(parts []string) string {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	var b strings.Builder
	b.Grow(n)
	for _, p := range parts {
		for i := 0; i < len(p); i++ {
			if p[i] != '\\' {
				b.WriteByte(p[i])
				continue
			}
			switch escapeLen(p[i:]) {
			case 4:
				b.WriteByte((p[i+1]-'0')*100 + (p[i+2]-'0')*10 + p[i+3] - '0')
				i += 3
			case 2:
				b.WriteByte(p[i+1])
				i++
			default:
				b.WriteByte('\\')
			}
		}
	}
	return b.String()
}

// namesIn returns the domain names in the data of a record.
func namesIn(rr dns.RR) []*string {
	switch rr := rr.(type) {
	case *dns.CNAME:
		return []*string{&rr.Target}
	case *dns.DNAME:
		return []*string{&rr.Target}
	case *dns.NS:
		return []*string{&rr.Ns}
	case *dns.PTR:
		return []*string{&rr.Ptr}
	case *dns.MX:
		return []*string{&rr.Mx}
	case *dns.SOA:
		return []*string{&rr.Ns, &rr.Mbox}
	case *dns.SRV:
		return []*string{&rr.Target}
	case *dns.NAPTR:
		return []*string{&rr.Replacement}
	case *dns.SVCB:
		return []*string{&rr.Target}
	case *dns.HTTPS:
		return []*string{&rr.Target}
	case *dns.KX:
		return []*string{&rr.Exchanger}
	case *dns.RP:
		return []*string{&rr.Mbox, &rr.Txt}
	case *dns.AFSDB:
		return []*string{&rr.Hostname}
	case *dns.RT:
		return []*string{&rr.Host}
	case *dns.PX:
		return []*string{&rr.Map822, &rr.Mapx400}
	case *dns.MINFO:
		return []*string{&rr.Rmail, &rr.Email}
	case *dns.MB:
		return []*string{&rr.Mb}
	case *dns.MG:
		return []*string{&rr.Mg}
	case *dns.MR:
		return []*string{&rr.Mr}
	case *dns.LP:
		return []*string{&rr.Fqdn}
	case *dns.TALINK:
		return []*string{&rr.PreviousName, &rr.NextName}
	case *dns.NSEC:
		return []*string{&rr.NextDomain}
	case *dns.RRSIG:
		return []*string{&rr.SignerName}
	case *dns.SIG:
		return []*string{&rr.SignerName}
	}
	return nil
}
