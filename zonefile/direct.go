package zonefile

import (
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// A Directness tells which names of a zone must not be proxied: a proxy such as
// Cloudflare's answers with its own addresses and passes on web traffic only,
// so that mail to a proxied mail host goes nowhere.
type Directness struct{ hosts map[string]string }

// Direct reads off records which names they need direct: the targets of MX, SRV
// and NS records, and what those are aliases of.
func Direct(records []record.Record) Directness {
	d := Directness{hosts: make(map[string]string)}
	aliases := make(map[string]string)
	for _, r := range records {
		fields := strings.Fields(r.Data)
		if len(fields) == 0 {
			continue
		}
		last := fields[len(fields)-1]
		switch r.Type {
		case "MX":
			d.hosts[last] = "is a mail host of " + record.Display(r.Name)
		case "SRV", "NS":
			if d.hosts[last] == "" {
				d.hosts[last] = "is the target of " + r.Type + " " + record.Display(r.Name)
			}
		case "CNAME":
			aliases[r.Name] = last
		}
	}
	for name, why := range d.hosts {
		for range 8 {
			next, ok := aliases[name]
			if !ok || d.hosts[next] != "" {
				break
			}
			d.hosts[next] = why
			name = next
		}
	}
	return d
}

// Why says why the name of r must not be proxied, in words that go on behind
// it; ok is false where it may be, or cannot be for its type.
func (d Directness) Why(r record.Record) (why string, ok bool) {
	if !Proxiable(r) {
		return "", false
	}
	if why := d.hosts[r.Name]; why != "" {
		return why, true
	}
	labels := record.Labels(r.Name)
	for _, label := range labels {
		if label == "_domainkey" {
			return "leads to a DKIM key", true
		}
	}
	if len(labels) > 0 {
		switch labels[0] {
		case "autodiscover", "autoconfig":
			return "tells mail programs their settings", true
		case "mta-sts":
			return "serves the MTA-STS policy", true
		}
		if strings.HasPrefix(labels[0], "_") {
			return "is read by programs, not visited", true
		}
	}
	return "", false
}

// Proxiable reports whether the type of r is one that Cloudflare can proxy.
func Proxiable(r record.Record) bool {
	return r.Type == "A" || r.Type == "AAAA" || r.Type == "CNAME"
}

// attributes is what stands before the attributes that Cloudflare's import reads
// in the comment behind a record: "cf_tags=cf-proxied:false".
const attributes = "cf_tags="

// Proxied reports what the comment behind the entry tells Cloudflare's import of
// proxying; given is false where it says nothing.
func (e Entry) Proxied() (proxied, given bool) {
	_, tags, ok := cutLast(e.Note(), attributes)
	if !ok {
		return false, false
	}
	for tag := range strings.SplitSeq(tags, ",") {
		switch strings.ToLower(strings.TrimSpace(tag)) {
		case "cf-proxied:true":
			return true, true
		case "cf-proxied:false":
			return false, true
		}
	}
	return false, false
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
