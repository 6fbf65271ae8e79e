package feedback

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
)

const (
	maxEarly   = 1000       // records in front of the metadata or the policy
	maxRecords = 20_000_000 // of one report
	maxInside  = 100        // signatures, results and reasons of one record (RFC 9990, 3.1.3)
	maxErrors  = 20
)

// A reader reads one DMARC report.
type reader struct {
	scan   *scanner
	doc    *Document
	report *Aggregate
	record Record

	begin, end  string // as written
	metadata    bool   // it was read
	policy      bool   // one was
	modern      bool   // it has what only RFC 9990 knows
	names       map[string]string
	field       [4]string // of what is being read: domain, selector or scope, result; type, comment
	early       []*Record
	ended       bool
	seen, taken int
	unknown     []string
}

// aggregate reads the metadata of a report, as far as the first record; name is that
// of the file alone. The records follow by Document.Records.
func aggregate(doc *Document, name string, r io.Reader) error {
	scan, err := newScanner(r)
	if err != nil && err != io.EOF {
		return err
	}
	p := &reader{scan: scan, doc: doc, report: new(Aggregate), names: make(map[string]string)}
	root, _, err := scan.next()
	if err != nil {
		return err
	}
	if !strings.EqualFold(root, "feedback") {
		return &strangeError{fmt.Sprintf("its root element is %.60q, that of a DMARC report is \"feedback\"", root)}
	}
	for !p.ended && (!p.metadata || !p.policy || len(p.early) == 0) && len(p.early) < maxEarly {
		whole, err := p.step()
		if err != nil {
			return err
		}
		if whole {
			p.early = append(p.early, p.record.clone())
		}
	}
	if err := p.head(name); err != nil {
		return err
	}
	doc.Aggregate, doc.records = p.report, p.records()
	return nil
}

// head judges what stands in front of the records.
func (p *reader) head(name string) error {
	r := p.report
	r.Namespace = p.scan.space
	r.Schema = RFC7489
	if p.modern || r.Namespace == Namespace {
		r.Schema = RFC9990
	}
	switch r.Namespace {
	case "", Namespace, "http://dmarc.org/dmarc-xml/0.1", "http://dmarc.org/dmarc-xml/0.2":
	default:
		p.doc.note("its namespace is %.80q, that of no version of DMARC", r.Namespace)
	}
	if !p.metadata && p.ended && r.Policies == 0 {
		return errors.New("it holds neither report_metadata nor policy_published")
	}
	if r.Policy.Domain == "" {
		f, ok := parseFilename(name)
		if !ok || f.domain == "" {
			return errors.New("policy_published names no domain, so that nobody knows whom it is about")
		}
		r.Policy.Domain = f.domain
		p.doc.note("policy_published names no domain; that in the name of the file is taken")
	}
	return p.dates(name)
}

func (p *reader) encoding() {
	if p.scan.odd && (p.scan.declared == "" || strings.EqualFold(p.scan.declared, "utf-8")) {
		p.doc.note("it is not UTF-8, as it says it is; what is not was read as ISO 8859-1")
	}
}

// dates settles the period, by the name of the file where the report does not tell it.
func (p *reader) dates(name string) error {
	begin, exact1, ok1 := moment(p.begin)
	end, exact2, ok2 := moment(p.end)
	file, named := parseFilename(name)
	switch {
	case ok1 && ok2 && !end.Before(begin):
		if !exact1 || !exact2 {
			p.doc.note("its dates are not seconds since 1970: %.40q to %.40q; read as %s to %s", p.begin, p.end, day(begin), day(end))
		}
	case named:
		p.doc.note("its dates are %.40q to %.40q; those in the name of the file are taken", p.begin, p.end)
		begin, end = file.begin, file.end
	case ok1 && !ok2:
		p.doc.note("its end is %.40q; a day is assumed", p.end)
		end = begin.Add(24*time.Hour - time.Second)
	case ok2 && !ok1:
		p.doc.note("its begin is %.40q; a day is assumed", p.begin)
		begin = end.Add(time.Second - 24*time.Hour)
	default:
		return fmt.Errorf("its dates cannot be read: begin %.40q, end %.40q", p.begin, p.end)
	}
	p.report.Begin, p.report.End = begin, end
	return nil
}

func day(t time.Time) string { return t.Format("2006-01-02 15:04") }

// records ranges over the records.
func (p *reader) records() iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		for _, r := range p.early {
			if !yield(r, nil) {
				return
			}
		}
		p.early = nil
		for !p.ended {
			whole, err := p.step()
			if err != nil {
				yield(nil, refusal(p.doc.Name, err, p.taken))
				return
			}
			if whole && !yield(&p.record, nil) {
				return
			}
		}
		p.tail()
	}
}

// tail notes what shows at the end.
func (p *reader) tail() {
	p.encoding()
	if p.scan.mended {
		p.doc.note("elements have no end tag")
	}
	if n := p.report.Policies; n > 1 {
		p.doc.note("it holds %d policies, of which the last is taken; one is right", n)
	}
	if len(p.unknown) > 0 {
		p.doc.note("elements that no RFC knows were passed over: %s", strings.Join(p.unknown, ", "))
	}
	if p.taken == 0 {
		p.doc.note("it holds no record, though there must be one (RFC 9990, 3.1.1.2)")
	}
	for range 1 << 16 {
		c, err := p.scan.r.ReadByte()
		if err != nil {
			return
		}
		if !blank(c) && c != 0 {
			p.doc.note("something follows behind its end; it was not read")
			return
		}
	}
}

// step takes one tag; whole tells that it was the end of a record.
func (p *reader) step() (whole bool, err error) {
	s := p.scan
	name, start, err := s.next()
	switch {
	case err == io.ErrUnexpectedEOF && s.depth == 1 && p.taken > 0 && p.metadata && p.policy:
		// All that it holds was whole. What was packed and broke off is another error.
		p.doc.note("its last end tag is missing")
		p.ended = true
		return false, nil
	case err != nil:
		return false, err
	case s.alien > 0: // of an extension
		return false, nil
	case start:
		return false, p.start(name)
	case s.depth == 0:
		p.ended = true
		return false, nil
	}
	parent := s.stack[s.depth-1]
	switch {
	case s.depth == 1 && name == "record":
		p.taken++
		p.finish()
		return true, nil
	case s.depth == 1 && name == "report_metadata":
		p.metadata = true
	case s.depth == 1 && name == "policy_published":
		p.policy = true
	case s.depth == 2:
		p.top(parent, name)
	case s.depth == 3 && parent == "date_range" && s.stack[1] == "report_metadata":
		p.period(name)
	case s.stack[1] != "record":
	case s.depth == 3:
		p.third(parent, name)
	case s.depth == 4:
		p.fourth(s.stack[2], parent, name)
	case s.depth == 5 && parent == "reason":
		p.reason(name)
	}
	return false, nil
}

// start begins an element.
func (p *reader) start(name string) error {
	switch depth := p.scan.depth; {
	case depth == 2 && name == "record":
		p.record.reset()
		if p.seen++; p.seen > maxRecords {
			return p.scan.fault("it has more than %d records", maxRecords)
		}
	case depth == 2 && name == "policy_published":
		p.report.Policy = Policy{Domain: p.report.Policy.Domain}
		p.report.Policies++
	case depth == 4 && (name == "dkim" || name == "spf" || name == "reason"),
		depth == 5 && name == "reason":
		p.field = [4]string{}
	}
	if !known(p.scan.depth, name) {
		p.strange(name)
	}
	return nil
}

// known reports whether a report has elements of that name at that depth.
func known(depth int, name string) bool {
	switch depth {
	case 2:
		switch name {
		case "version", "report_metadata", "policy_published", "record", "extension":
			return true
		}
		return false
	case 3:
		switch name {
		case "org_name", "email", "extra_contact_info", "report_id", "date_range", "error", "generator",
			"domain", "adkim", "aspf", "p", "sp", "np", "pct", "fo", "testing", "discovery_method", "version_published",
			"row", "identifiers", "identities", "auth_results":
			return true
		}
		return false
	}
	return true
}

// strange remembers the name of an element that is not known.
func (p *reader) strange(name string) {
	const most = 8
	shown := fmt.Sprintf("%.40q", name)
	for _, n := range p.unknown {
		if n == shown {
			return
		}
	}
	if len(p.unknown) < most {
		p.unknown = append(p.unknown, shown)
	}
}

func (p *reader) text() string { return p.scan.intern(trim(p.scan.text)) }

// word is a value that is one of a few words.
func (p *reader) word() string {
	text := p.text()
	for i := range len(text) {
		if 'A' <= text[i] && text[i] <= 'Z' {
			return strings.ToLower(text)
		}
	}
	return text
}

func trim(b []byte) []byte {
	for len(b) > 0 && blank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && blank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// name is a domain name, looked at once.
func (p *reader) name() string {
	text := p.text()
	name, ok := p.names[text]
	if !ok {
		name = domain(text)
		if len(p.names) < maxInterns {
			p.names[text] = name
		}
	}
	return name
}

// top takes a field of report_metadata or policy_published.
func (p *reader) top(parent, name string) {
	r, policy := p.report, &p.report.Policy
	if parent == "report_metadata" {
		switch name {
		case "org_name":
			r.Org = p.text()
		case "email":
			r.Email = p.text()
		case "extra_contact_info":
			r.Contact = p.text()
		case "report_id":
			r.ID = p.text()
		case "generator":
			r.Generator, p.modern = p.text(), true
		case "error":
			if len(r.Errors) < maxErrors {
				r.Errors = append(r.Errors, p.text())
			}
		}
		return
	}
	if parent != "policy_published" {
		return
	}
	switch name {
	case "domain":
		policy.Domain = p.name()
	case "p":
		policy.Policy = p.word()
	case "sp":
		policy.Subdomains = p.word()
	case "np":
		policy.NonExistent, p.modern = p.word(), true
	case "adkim":
		policy.DKIM = p.word()
	case "aspf":
		policy.SPF = p.word()
	case "pct":
		policy.Percent = p.text()
	case "fo":
		policy.Failure = p.text()
	case "testing":
		policy.Testing, p.modern = p.word(), true
	case "discovery_method":
		policy.Discovery, p.modern = p.word(), true
	}
}

// period takes a field of date_range.
func (p *reader) period(name string) {
	switch name {
	case "begin":
		p.begin = p.text()
	case "end":
		p.end = p.text()
	}
}

// third takes a field of a record, two elements down.
func (p *reader) third(parent, name string) {
	r := &p.record
	switch parent {
	case "row":
		switch name {
		case "source_ip":
			r.Text = p.text()
		case "count":
			var why string
			if r.Count, why = count(p.text()); why != "" {
				r.Fault = why
			}
		}
	case "identifiers", "identities":
		switch name {
		case "header_from":
			r.HeaderFrom = p.name()
		case "envelope_from":
			r.MailFrom = p.name()
		case "envelope_to":
			r.RcptTo = p.name()
		}
	case "auth_results":
		switch {
		case name == "dkim" && len(r.Signatures) < maxInside:
			r.Signatures = append(r.Signatures, Signature{Domain: p.field[0], Selector: p.field[1], Result: p.field[2]})
		case name == "spf" && len(r.SPFs) < maxInside:
			r.SPFs = append(r.SPFs, SPF{Domain: p.field[0], Scope: p.field[1], Result: p.field[2]})
		}
	}
}

// fourth takes a field three elements down.
func (p *reader) fourth(grand, parent, name string) {
	r := &p.record
	switch {
	case grand == "auth_results":
		p.result(name)
	case grand != "row" || parent != "policy_evaluated":
	case name == "disposition":
		r.Disposition = p.word()
	case name == "dkim":
		r.DKIM = p.word() == "pass"
	case name == "spf":
		r.SPF = p.word() == "pass"
	case name == "reason" && len(r.Reasons) < maxInside:
		r.Reasons = append(r.Reasons, Reason{Type: p.field[0], Comment: p.field[1]})
	}
}

// result takes a field of the result of one signature or of SPF.
func (p *reader) result(name string) {
	switch name {
	case "domain":
		p.field[0] = p.name()
	case "selector":
		p.field[1] = p.text()
	case "scope":
		p.field[1] = p.word()
	case "result":
		p.field[2] = p.word()
	}
}

// reason takes a field of the reason for another disposition.
func (p *reader) reason(name string) {
	switch name {
	case "type":
		p.field[0] = p.word()
	case "comment":
		p.field[1] = p.text()
	}
}

// finish judges a record that has been read.
func (p *reader) finish() {
	r := &p.record
	fault := func(why string) {
		if r.Fault == "" {
			r.Fault = why
		}
	}
	addr, whole := address(r.Text)
	r.Source = addr
	switch {
	case !addr.IsValid():
		fault("a source_ip that is no address")
	case !whole:
		p.doc.note("a source_ip had more in it than an address, which was taken")
	}
	if r.Count == 0 {
		fault("no count")
	}
	if r.HeaderFrom == "" {
		fault("a header_from that is no domain")
	}
	switch r.Disposition {
	case "none", "pass", "quarantine", "reject":
	default:
		p.doc.note("a disposition that no RFC knows")
	}
}
