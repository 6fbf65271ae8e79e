package fake

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// A field is one member of a record's data.
type field struct {
	name string
	kind string // num, word, host, text (quoted in the content)
}

// structured are the types that need data, and what is in it, in the order of
// the content.
var structured = map[string][]field{
	"SRV":    {{"priority", "num"}, {"weight", "num"}, {"port", "num"}, {"target", "host"}},
	"CAA":    {{"flags", "num"}, {"tag", "word"}, {"value", "text"}},
	"TLSA":   {{"usage", "num"}, {"selector", "num"}, {"matching_type", "num"}, {"certificate", "word"}},
	"SMIMEA": {{"usage", "num"}, {"selector", "num"}, {"matching_type", "num"}, {"certificate", "word"}},
	"SSHFP":  {{"algorithm", "num"}, {"type", "num"}, {"fingerprint", "word"}},
	"DS":     {{"key_tag", "num"}, {"algorithm", "num"}, {"digest_type", "num"}, {"digest", "word"}},
	"HTTPS":  {{"priority", "num"}, {"target", "host"}, {"value", "rest"}},
	"SVCB":   {{"priority", "num"}, {"target", "host"}, {"value", "rest"}},
	"NAPTR":  {{"order", "num"}, {"preference", "num"}, {"flags", "text"}, {"service", "text"}, {"regex", "text"}, {"replacement", "host"}},
}

// checked is a record as it is stored: valid, and in the form that Cloudflare
// gives it.
func checked(r Record, zone string) (Record, *Error) {
	name, e := named(r.Name, zone)
	if e != nil {
		return r, e
	}
	r.Name = name
	for _, check := range []func(*Record) *Error{content, timeToLive, extras} {
		if e := check(&r); e != nil {
			return r, e
		}
	}
	return r, nil
}

// named is a name as it is stored: whole, in lower case, without the final dot.
// What does not end in the zone's name is relative to it.
func named(name, zone string) (string, *Error) {
	zone = record.Display(zone)
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	switch {
	case name == "":
		return "", invalid(codeOther, "DNS name is invalid.")
	case name == "@":
		name = zone
	case name != zone && !strings.HasSuffix(name, "."+zone):
		name += "." + zone
	}
	if len(name) > 253 {
		return "", invalid(codeOther, "DNS name is invalid.")
	}
	for _, label := range strings.Split(name, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_*") != "" {
			return "", invalid(codeOther, "DNS name is invalid.")
		}
	}
	return name, nil
}

// content checks what is particular to the type.
func content(r *Record) *Error {
	bad := func(what string) *Error {
		return invalid(codeOther, fmt.Sprintf("Content for %s record must be %s.", r.Type, what))
	}
	if r.Type != "MX" && r.Type != "SRV" && r.Type != "URI" {
		r.Priority = nil
	}
	switch r.Type {
	case "A":
		if a, err := netip.ParseAddr(r.Content); err != nil || !a.Is4() {
			return bad("a valid IPv4 address")
		}
	case "AAAA":
		a, err := netip.ParseAddr(r.Content)
		if err != nil || !a.Is6() || a.Is4In6() || a.Zone() != "" {
			return bad("a valid IPv6 address")
		}
		r.Content = a.String()
	case "MX":
		if r.Priority == nil {
			return invalid(codeOther, "priority is a required field.")
		}
		fallthrough
	case "CNAME", "NS", "PTR":
		host, ok := hostname(r.Content, r.Type == "MX")
		if !ok {
			return bad("a valid hostname")
		}
		r.Content = host
	case "TXT":
		return textual(r)
	default:
		return data(r)
	}
	r.Data = nil
	return nil
}

// hostname is a target as it is stored: without the final dot.
func hostname(s string, root bool) (string, bool) {
	if s == "." {
		return s, root
	}
	s = strings.TrimSuffix(s, ".")
	ok := s != "" && len(s) <= 253
	for _, label := range strings.Split(s, ".") {
		ok = ok && label != "" && len(label) <= 63 && strings.IndexFunc(label, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`"\();@`, c) }) < 0
	}
	return s, ok
}

// maxText is how long a TXT record may be.
const maxText = 2048

func textual(r *Record) *Error {
	for _, c := range []byte(r.Content) {
		if c < ' ' || c > '~' {
			return invalid(codeASCII, "Content for TXT record must be printable ASCII.")
		}
	}
	s, ok := text(r.Content)
	if !ok || r.Content == "" {
		return invalid(codeOther, "Content for TXT record must be quoted character strings.")
	}
	if len(s) > maxText {
		return invalid(codeOther, fmt.Sprintf("Content for TXT record exceeds %d characters.", maxText))
	}
	r.Data = nil
	return nil
}

// text is what a TXT record's content says: quoted strings, or the text itself.
func text(content string) (string, bool) {
	if !strings.HasPrefix(content, `"`) {
		return content, true
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(content); i++ {
		c := content[i]
		switch {
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t'):
		case !quoted:
			return "", false
		case c == '\\' && i+3 < len(content) && '0' <= content[i+1] && content[i+1] <= '9':
			n, err := strconv.ParseUint(content[i+1:i+4], 10, 8)
			if err != nil {
				return "", false
			}
			b.WriteByte(byte(n))
			i += 3
		case c == '\\' && i+1 < len(content):
			i++
			b.WriteByte(content[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), !quoted
}

// data checks a record whose data stands in fields, and writes its content.
func data(r *Record) *Error {
	fields, ok := structured[r.Type]
	if !ok {
		return invalid(codeOther, "record type "+r.Type+" is invalid, or unknown to this fake")
	}
	kept := make(map[string]any)
	var words []string
	for _, f := range fields {
		v, ok := r.Data[f.name]
		if !ok {
			return invalid(codeData, f.name+" is a required data field.")
		}
		word, ok := f.written(v)
		if !ok {
			return invalid(codeData, f.name+" is an invalid data field.")
		}
		kept[f.name] = v
		if f.kind == "num" {
			kept[f.name] = json.Number(word)
		}
		if f.kind == "host" {
			kept[f.name] = word
		}
		if r.Type == "SRV" && f.name == "priority" {
			p, _ := strconv.ParseUint(word, 10, 16)
			top := uint16(p)
			r.Priority = &top
			continue // it is not in the content
		}
		words = append(words, word)
	}
	for name := range r.Data {
		if _, ok := kept[name]; !ok {
			return invalid(codeData, name+" is an unknown data field.")
		}
	}
	r.Data, r.Content = kept, strings.TrimSpace(strings.Join(words, " "))
	return nil
}

// written is a member of data as the content has it.
func (f field) written(v any) (string, bool) {
	if n, ok := v.(json.Number); ok && f.kind == "num" {
		u, err := strconv.ParseUint(n.String(), 10, 16)
		return strconv.FormatUint(u, 10), err == nil
	}
	s, ok := v.(string)
	if !ok || f.kind == "num" || strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) {
		return "", false
	}
	switch f.kind {
	case "host":
		return hostname(s, true)
	case "text":
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`, true
	case "word":
		return s, s != "" && !strings.ContainsAny(s, ` "`)
	}
	return s, true
}

// timeToLive checks the TTL: 1 is automatic, and all that the proxy has.
func timeToLive(r *Record) *Error {
	if r.Proxied && !proxiable(r.Type) {
		return invalid(codeOther, "This record type cannot be proxied.")
	}
	if r.Proxied {
		r.TTL = 1
	}
	if r.TTL != 1 && (r.TTL < 60 || r.TTL > 86400) {
		return invalid(codeTTL, "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.")
	}
	return nil
}

// extras checks what is beside the record, as the Free plan has it.
func extras(r *Record) *Error {
	if len(r.Comment) > 100 || strings.ContainsFunc(r.Comment, func(c rune) bool { return c < ' ' }) {
		return invalid(codeOther, "Comment must be at most 100 characters, without newlines.")
	}
	if len(r.Tags) > 0 {
		return invalid(codeTagQuota, "DNS record has 1 tags, exceeding the quota of 0.")
	}
	return nil
}

// maxTextAtName is how long all TXT records of a name may be together.
const maxTextAtName = 8192

// beside checks a record against the others of its zone.
func beside(r Record, others []Record) *Error {
	texts := 0
	for _, o := range others {
		if o.ID == r.ID || o.Name != r.Name {
			continue
		}
		is, new := o.record(), r.record()
		is.TTL, new.TTL = 0, 0
		address := func(typ string) bool { return typ == "A" || typ == "AAAA" }
		switch {
		case is == new:
			return &Error{Code: codeIdentical, Message: "An identical record already exists."}
		case o.Type == "CNAME" && r.Type == "CNAME":
			return &Error{Code: codeExists, Message: "The record already exists."}
		case o.Type == "CNAME" && address(r.Type), address(o.Type) && r.Type == "CNAME":
			return &Error{Code: codeBesideCNAME, Message: "An A, AAAA, or CNAME record with that host already exists."}
		case (o.Type == "NS") != (r.Type == "NS") && !slices.Contains([]string{o.Type, r.Type}, "DS"):
			return invalid(codeOther, "NS records cannot exist on the same name as any other record type.")
		}
		if o.Type == "TXT" {
			texts += len(is.Data)
		}
	}
	if r.Type == "TXT" && texts+len(r.record().Data) > maxTextAtName {
		return invalid(codeOther, fmt.Sprintf("TXT records of a name exceed %d characters.", maxTextAtName))
	}
	return nil
}

// wire is a record as a client would send it.
func wire(r record.Record) (Record, error) {
	out := Record{Name: record.Display(r.Name), Type: r.Type, Content: r.Data, TTL: int(r.TTL)}
	if r.TTL == 0 {
		out.TTL = 1
	}
	if r.Type == "TXT" {
		out.Content = record.QuoteText(r.Data)
	}
	if pref, host, ok := r.MX(); ok {
		out.Priority, out.Content = &pref, host
	}
	fields, ok := structured[r.Type]
	if !ok {
		return out, nil
	}
	out.Data = make(map[string]any)
	rest := r.Data
	for i, f := range fields {
		word := rest
		if i < len(fields)-1 {
			word, rest, _ = strings.Cut(rest, " ")
		}
		switch f.kind {
		case "num":
			n, err := strconv.ParseUint(word, 10, 32)
			if err != nil || n > math.MaxUint16 {
				return out, fmt.Errorf("%s: %q is no number", r, word)
			}
			out.Data[f.name] = json.Number(word)
		case "text":
			s, ok := text(word)
			if !ok {
				return out, fmt.Errorf("%s: %q is no string", r, word)
			}
			out.Data[f.name] = s
		default:
			out.Data[f.name] = word
		}
	}
	return out, nil
}
