package desired

import (
	"encoding/json"
	"net/netip"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/record"
)

// Format is the text of a maildoctor.yaml that Parse reads as s. What a key is
// for stands as a comment above the first of its kind; what a service still needs
// stands as a comment in its place. Comments of the file that s was read from are
// not kept.
func Format(s State) []byte {
	w := &writer{told: make(map[string]bool)}
	w.b.WriteString("# What you want of your mail domains. maildoctor turns it into DNS records.\n")
	w.line(0, "version", version)
	if len(s.Hosts) > 0 {
		w.section("hosts", fileKeys())
		for _, h := range s.Hosts {
			w.host(h)
		}
	}
	if !zero(s.Defaults) {
		w.section("defaults", fileKeys())
		w.settings(1, s.Defaults)
	}
	if len(s.Domains) > 0 {
		w.section("domains", fileKeys())
	}
	for _, d := range s.Domains {
		w.open(1, quote(display(d.Name)))
		w.settings(2, d.Settings)
	}
	if s.Check != nil {
		w.checking(*s.Check)
	}
	if s.MTA != nil {
		w.mta(*s.MTA)
	}
	return []byte(w.b.String())
}

// A writer writes block mappings, two blanks a level.
type writer struct {
	b    strings.Builder
	told map[string]bool // keys that were explained
}

func (w *writer) indent(depth int) { w.b.WriteString(strings.Repeat("  ", depth)) }

// comment writes a text of one paragraph, broken into lines.
func (w *writer) comment(depth int, text string) {
	const width = 90
	at := 0
	for word := range strings.FieldsSeq(text) {
		if at == 0 || at+len(word) > width {
			if at > 0 {
				w.b.WriteByte('\n')
			}
			w.indent(depth)
			w.b.WriteString("#")
			at = 2*depth + 1
		}
		w.b.WriteString(" " + word)
		at += 1 + len(word)
	}
	w.b.WriteByte('\n')
}

// line writes a key and its value, which is YAML already; no value opens a mapping.
func (w *writer) line(depth int, name, value string) {
	w.indent(depth)
	w.b.WriteString(name + ":")
	if value != "" {
		w.b.WriteString(" " + value)
	}
	w.b.WriteByte('\n')
}

func (w *writer) open(depth int, name string) { w.line(depth, name, "") }

// section opens a key of the file, with what it is for.
func (w *writer) section(name string, keys []key[State]) {
	w.b.WriteByte('\n')
	explain(w, 0, name, keys)
	w.open(0, name)
}

// explain writes what a key is for above the first of its name.
func explain[T any](w *writer, depth int, name string, keys []key[T]) {
	for _, k := range keys {
		if k.name == name && !w.told[name] {
			w.told[name] = true
			w.comment(depth, k.doc)
		}
	}
}

func (w *writer) host(h Host) {
	var ips, tlsa []string
	for _, a := range h.Addrs {
		ips = append(ips, a.String())
	}
	for _, t := range h.TLSA {
		tlsa = append(tlsa, t.String())
	}
	if tlsa == nil {
		w.line(1, quote(display(h.Name)), list(ips))
		return
	}
	w.open(1, quote(display(h.Name)))
	w.line(2, "ips", list(ips))
	explain(w, 2, "tlsa", hostKeys())
	w.line(2, "tlsa", list(tlsa))
}

// settings writes what was said, in the order of the documentation.
func (w *writer) settings(depth int, s Settings) {
	say := func(name, value string) {
		if value != "" && value != "[]" {
			explain(w, depth, name, settingKeys())
			w.line(depth, name, value)
		}
	}
	say("profile", quote(s.Profile))
	say("hosts", list(displayed(s.Hosts)))
	say("mx", quote(s.MX))
	w.services(depth, s.Services)
	w.keys(depth, s.DKIM)
	w.dmarc(depth, s.DMARC)
	if s.SPF.All != 0 || s.SPF.Also != nil {
		explain(w, depth, "spf", settingKeys())
		w.open(depth, "spf")
		w.ifSaid(depth+1, "all", quote(s.SPF.all()))
		w.ifSaid(depth+1, "also", list(s.SPF.Also))
	}
	w.mtasts(depth, s.MTASTS)
	say("reports", list(s.Reports))
	say("tls-reports", list(s.TLSReports))
	say("autoconfig", s.Autoconfig.yaml())
	say("clients", list(s.Clients))
	w.caa(depth, s.CAA)
	say("no-mail", list(s.NoMail))
	say("dnssec", s.DNSSEC.yaml())
	say("ttl", age(s.TTL))
	say("provider", quote(s.Provider.String()))
	say("tsig-key", quote(s.TSIGKey))
}

func (w *writer) ifSaid(depth int, name, value string) {
	if value != "" && value != "[]" {
		w.line(depth, name, value)
	}
}

// services writes what accounts were issued and, as comments, what is missing.
func (w *writer) services(depth int, uses []Use) {
	if len(uses) == 0 {
		return
	}
	explain(w, depth, "services", settingKeys())
	w.open(depth, "services")
	for _, use := range uses {
		w.open(depth+1, use.Service)
		for _, v := range use.Values {
			w.line(depth+2, v.Name, list(v.Texts))
		}
		for _, in := range (Settings{Services: []Use{use}}).Missing() {
			w.comment(depth+2, strings.TrimPrefix(in.Name, use.Service+".")+": is missing. "+in.doc())
		}
	}
}

func (w *writer) keys(depth int, keys []Key) {
	if len(keys) == 0 {
		return
	}
	explain(w, depth, "dkim", settingKeys())
	if len(keys) == 1 && keys[0].Selector == "" {
		w.line(depth, "dkim", quote(keys[0].Record))
		return
	}
	w.open(depth, "dkim")
	for _, k := range keys {
		switch {
		case k.Revoked:
			w.line(depth+1, quote(k.Selector), "{revoked: true}")
		case k.File != "":
			w.line(depth+1, quote(k.Selector), "{file: "+quote(k.File)+"}")
		default:
			w.line(depth+1, quote(k.Selector), quote(k.Record))
		}
	}
}

func (w *writer) dmarc(depth int, d DMARC) {
	if zero(d) {
		return
	}
	explain(w, depth, "dmarc", settingKeys())
	if policy := d.Policy; zero(DMARC{Subdomains: d.Subdomains, NonExistent: d.NonExistent, Testing: d.Testing, Strict: d.Strict, RUA: d.RUA, RUF: d.RUF, Stages: d.Stages}) {
		w.line(depth, "dmarc", string(policy))
		return
	}
	w.open(depth, "dmarc")
	depth++
	w.ifSaid(depth, "policy", string(d.Policy))
	if len(d.Stages) > 0 {
		w.open(depth, "stages")
		for _, s := range d.Stages {
			w.indent(depth + 1)
			w.b.WriteString("- {from: " + s.From.Format(time.DateOnly) + ", policy: " + string(s.Policy) + "}\n")
		}
	}
	w.ifSaid(depth, "subdomains", string(d.Subdomains))
	w.ifSaid(depth, "nonexistent", string(d.NonExistent))
	w.ifSaid(depth, "testing", d.Testing.yaml())
	w.ifSaid(depth, "strict", d.Strict.yaml())
	w.ifSaid(depth, "rua", list(d.RUA))
	w.ifSaid(depth, "ruf", list(d.RUF))
}

func (w *writer) mtasts(depth int, m MTASTS) {
	if zero(m) {
		return
	}
	explain(w, depth, "mta-sts", settingKeys())
	mode := string(m.Mode)
	if m.Mode == mtasts.None {
		mode = "off"
	}
	if m == (MTASTS{Mode: m.Mode}) {
		w.line(depth, "mta-sts", mode)
		return
	}
	w.open(depth, "mta-sts")
	w.ifSaid(depth+1, "mode", mode)
	w.ifSaid(depth+1, "host", quote(display(m.Host)))
	w.ifSaid(depth+1, "max-age", age(m.MaxAge))
	w.ifSaid(depth+1, "id", quote(m.ID))
}

func (w *writer) caa(depth int, c CAA) {
	if c.Issue == nil {
		return
	}
	explain(w, depth, "caa", settingKeys())
	if c.IssueWild == nil && c.Iodef == "" {
		w.line(depth, "caa", list(c.Issue))
		return
	}
	w.open(depth, "caa")
	w.line(depth+1, "issue", list(c.Issue))
	w.ifSaid(depth+1, "issuewild", list(c.IssueWild))
	w.ifSaid(depth+1, "iodef", quote(c.Iodef))
}

func (s Switch) yaml() string { return [...]string{"", "true", "false"}[s] }

func (s SPF) all() string {
	if s.All == 0 {
		return ""
	}
	return string(rune(s.All)) + "all"
}

func age(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return writeDuration(d)
}

func displayed(names []string) []string {
	var list []string
	for _, n := range names {
		list = append(list, record.Display(n))
	}
	return list
}

// list is one value by itself, or a flow sequence.
func list(texts []string) string {
	if len(texts) == 1 {
		return quote(texts[0])
	}
	var quoted []string
	for _, t := range texts {
		quoted = append(quoted, quote(t))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// quote is a scalar as YAML has it: plain where every reader takes it for the
// text that it is, else in double quotes with the escapes of JSON, which YAML shares.
func quote(text string) string {
	if text == "" {
		return ""
	}
	if addr, err := netip.ParseAddr(text); err == nil && addr.Is4() {
		return text
	}
	first := text[0] | 0x20
	if 'a' <= first && first <= 'z' && isWord(text, "._/@-") && !ambiguous(text) {
		return text
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(text) // of a string it cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}

// ambiguous reports whether some readers of YAML take a word for something else.
func ambiguous(word string) bool {
	switch strings.ToLower(word) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null":
		return true
	}
	return false
}
