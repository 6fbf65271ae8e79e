package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/keyfile"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/zonefile"
)

// keysPage is keys as a page of text.
type keysPage struct {
	b   strings.Builder
	now time.Time
}

// line writes one line, fit for a terminal.
func (p *keysPage) line(format string, args ...any) {
	p.b.WriteString(report.Escape(fmt.Sprintf(format, args...)) + "\n")
}

// fact writes a fact about a key, folded below its name.
func (p *keysPage) fact(name, text string) {
	const width = 66 // with the name 80
	lines := wrapped(text, width)
	p.line("  %-10s  %s", name, lines[0])
	for _, l := range lines[1:] {
		p.line("  %-10s  %s", "", l)
	}
}

// wrapped is a text in lines of width columns, where its words allow.
func wrapped(text string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// key writes what is known of one.
func (p *keysPage) key(k signingKey) error {
	switch {
	case k.file != "":
		p.line("%s", k.file)
	default:
		p.line("%s", record.Display(record.DKIMKey(k.selector, k.domain).Name))
	}
	if k.fault != "" {
		p.fact("no key", k.fault)
		return nil
	}
	p.fact("key", p.kind(k))
	if k.named() {
		p.fact("signs for", fmt.Sprintf("%s with selector %s", record.Display(k.domain), k.selector))
	} else {
		p.fact("signs for", "not known: the file's name does not tell; give --domain and --selector")
	}
	if k.published != nil {
		p.fact("published", k.published.says())
	}
	for _, n := range k.notes {
		p.fact("mind", n)
	}
	r, err := k.record()
	if err != nil || !k.named() {
		if err == nil {
			p.b.WriteString("\n")
			p.line("%s", r.Data)
		}
		return err
	}
	zone, err := zoneLines(r)
	p.b.WriteString("\n" + zone)
	return err
}

// kind is "RSA 2048, private; file of 2026-11-22, 3 days old".
func (p *keysPage) kind(k signingKey) string {
	s := keyfile.Describe(k.public)
	switch {
	case k.file == "":
		return s
	case k.private:
		s += ", private"
	default:
		s += ", public half alone"
	}
	if k.modified.IsZero() {
		return s
	}
	return s + fmt.Sprintf("; file of %s, %s", k.modified.UTC().Format(time.DateOnly), age(p.now.Sub(k.modified)))
}

// age is how old something is, in words.
func age(d time.Duration) string {
	const day, month = 24 * time.Hour, 30 * 24 * time.Hour
	switch {
	case d < day:
		return "less than a day old"
	case d < 3*month:
		return counted(int(d/day), "day") + " old"
	}
	return counted(int(d/month), "month") + " old"
}

// zoneLines is a record as zone files have it.
func zoneLines(r record.Record) (string, error) {
	var b strings.Builder
	err := zonefile.Write(&b, []zonefile.Entry{{Record: r}}, zonefile.WriteOptions{})
	return b.String(), err
}

// panel writes the record as panels on the web ask for it.
func (p *keysPage) panel(k signingKey) {
	r, err := k.record()
	if err != nil {
		return // key has told
	}
	p.line("")
	p.line("In a panel: a TXT record, name %s, value in one piece:", record.Relative(r.Name, k.domain))
	p.line("%s", r.Data)
}

// hint writes the lines of maildoctor.yaml that publish the keys.
func (p *keysPage) hint(keys []signingKey) {
	p.line("")
	p.line("In the maildoctor.yaml of this directory:")
	p.line("")
	p.line("domains:")
	p.line("  %s:", plainYAML(record.Display(keys[0].domain)))
	p.line("    dkim:")
	for _, k := range keys {
		p.line("      %s: {file: %s}", plainYAML(k.selector), plainYAML(k.file))
	}
}

var plainWord = regexp.MustCompile(`^[A-Za-z./][A-Za-z0-9_./-]{2,}$`)

// plainYAML is text as YAML has it, in quotation marks where a reader might take
// it for something else.
func plainYAML(text string) string {
	switch strings.ToLower(text) {
	case "yes", "true", "false", "off", "null":
	default:
		if plainWord.MatchString(text) {
			return text
		}
	}
	quoted, err := json.Marshal(text) // YAML 1.2 reads every string of JSON
	if err != nil {
		return `""`
	}
	return string(quoted)
}

// steps writes what is to be done next, numbered.
func (p *keysPage) steps(steps ...string) {
	p.line("")
	p.line("Next:")
	for i, s := range steps {
		for j, l := range wrapped(s, 75) {
			if j == 0 {
				p.line("  %d. %s", i+1, l)
			} else {
				p.line("     %s", l)
			}
		}
	}
}

func (p *keysPage) writeTo(w io.Writer) error {
	_, err := io.WriteString(w, p.b.String())
	return err
}

// The shape of keys in JSON.
type (
	keysDocument struct {
		Schema string    `json:"schema"`
		Keys   []keyJSON `json:"keys"`
	}
	keyJSON struct {
		File      string         `json:"file,omitempty"`
		Domain    string         `json:"domain,omitempty"`
		Selector  string         `json:"selector,omitempty"`
		Type      string         `json:"type,omitempty"`
		Bits      int            `json:"bits,omitempty"`
		Private   bool           `json:"private"`
		Modified  *time.Time     `json:"modified,omitempty"`
		Record    *keyRecord     `json:"record,omitempty"`
		Published *publishedJSON `json:"published,omitempty"`
		Notes     []string       `json:"notes,omitempty"`
		Fault     string         `json:"fault,omitempty"`
	}
	keyRecord struct {
		Name string `json:"name,omitempty"` // absolute
		Type string `json:"type"`
		TTL  uint32 `json:"ttl"`
		Text string `json:"text"`           // joined
		Zone string `json:"zone,omitempty"` // as a zone file has it
	}
	publishedJSON struct {
		State  string   `json:"state"` // same, absent, another, withdrawn, unusable, several or unknown
		Reason string   `json:"reason,omitempty"`
		TTL    int64    `json:"ttl,omitempty"`
		Texts  []string `json:"texts,omitempty"`
	}
)

const keysSchema = "maildoctor.dkim-keys/v1"

// keysJSON writes keys for programs.
func keysJSON(w io.Writer, keys []signingKey) error {
	doc := keysDocument{Schema: keysSchema, Keys: []keyJSON{}}
	for _, k := range keys {
		one, err := k.json()
		if err != nil {
			return err
		}
		doc.Keys = append(doc.Keys, one)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(doc)
}

func (k signingKey) json() (keyJSON, error) {
	j := keyJSON{File: k.file, Domain: record.Display(k.domain), Selector: k.selector, Private: k.private, Notes: k.notes, Fault: k.fault}
	if k.domain == "" {
		j.Domain = ""
	}
	if !k.modified.IsZero() {
		at := k.modified.UTC().Truncate(time.Second)
		j.Modified = &at
	}
	if k.fault != "" {
		return j, nil
	}
	r, err := k.record()
	if err != nil {
		return j, err
	}
	key, _ := dkim.New(k.public) // record has done the same
	j.Type, j.Bits = key.Type, key.Bits()
	j.Record = &keyRecord{Type: r.Type, TTL: r.TTL, Text: r.Data}
	if k.named() {
		j.Record.Name = r.Name
		if j.Record.Zone, err = zoneLines(r); err != nil {
			return j, err
		}
	}
	if p := k.published; p != nil {
		j.Published = &publishedJSON{State: p.state(), Reason: p.why, TTL: int64(p.ttl / time.Second), Texts: p.texts}
		if p.err != nil {
			j.Published.Reason = p.err.Error()
		}
	}
	return j, nil
}
