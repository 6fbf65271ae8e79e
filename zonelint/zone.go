package zonelint

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/zonefile"
)

// A zone is a file as the rules see it.
type zone struct {
	ctx   context.Context
	file  File
	name  string // of the zone, absolute
	whole bool   // the file has the SOA record: what is not in it does not exist
	world resolve.Resolver

	entries []*zonefile.Entry // in the zone, as they stand in the file
	outside []*zonefile.Entry
	sets    []set
	at      map[string][]*zonefile.Entry // by name

	// What an author did not mean, so that its consequences are not told besides:
	// TXT records whose text is cut or glued, by what was meant; records with a
	// name that lacks its final dot, by that name.
	cut, glued map[*zonefile.Entry]string
	dotless    map[*zonefile.Entry][]string
}

// A set is the records of one name and type.
type set struct {
	name, typ string
	entries   []*zonefile.Entry
}

func newZone(ctx context.Context, f File, world resolve.Resolver) *zone {
	_, whole := f.Apex()
	z := &zone{
		ctx: ctx, file: f, name: record.Canonical(f.Zone), whole: whole, world: world,
		at:  make(map[string][]*zonefile.Entry),
		cut: make(map[*zonefile.Entry]string), glued: make(map[*zonefile.Entry]string),
		dotless: make(map[*zonefile.Entry][]string),
	}
	type key struct{ name, typ string }
	index := make(map[key]int)
	for i := range f.Entries {
		e := &f.Entries[i]
		if !record.Within(e.Name, z.name) {
			z.outside = append(z.outside, e)
			continue
		}
		z.entries = append(z.entries, e)
		z.at[e.Name] = append(z.at[e.Name], e)
		k := key{e.Name, e.Type}
		n, ok := index[k]
		if !ok {
			n = len(z.sets)
			index[k] = n
			z.sets = append(z.sets, set{name: e.Name, typ: e.Type})
		}
		z.sets[n].entries = append(z.sets[n].entries, e)
	}
	for _, e := range z.entries {
		z.read(e)
	}
	return z
}

// read notes what is written otherwise than it was meant.
func (z *zone) read(e *zonefile.Entry) {
	if e.IsText() {
		fields := e.Fields()
		if meant, ok := cutText(*e, fields); ok {
			z.cut[e] = meant
		} else if meant, ok := gluedText(*e, fields); ok {
			z.glued[e] = meant
		}
		return
	}
	if names := z.withoutDot(e); len(names) > 0 {
		z.dotless[e] = names
	}
}

// texts is the TXT records that say what their author meant.
func (z *zone) texts(at func(labels []string) bool) []*zonefile.Entry {
	var list []*zonefile.Entry
	for _, e := range z.entries {
		if e.Type == "TXT" && z.cut[e] == "" && z.glued[e] == "" && at(record.Labels(e.Name)) {
			list = append(list, e)
		}
	}
	return list
}

// typed is the records of some types.
func (z *zone) typed(types ...string) []*zonefile.Entry {
	var list []*zonefile.Entry
	for _, e := range z.entries {
		if slices.Contains(types, e.Type) {
			list = append(list, e)
		}
	}
	return list
}

// maxFindings bounds the findings of one rule.
const maxFindings = 100

// A judgement builds the verdict of one rule.
type judgement struct {
	z *zone
	diagnosis.Verdict
	more int
}

// judge begins a verdict on n things of a kind; where there are none the
// question does not arise.
func (z *zone) judge(n int, things string) *judgement {
	j := &judgement{z: z}
	if n == 0 {
		j.Skip = "the file has no " + things
	} else {
		j.Seen = []diagnosis.Evidence{{Question: things, Answer: fmt.Sprint(n)}}
	}
	return j
}

// add adds a finding about entries; the first says what it is about.
func (j *judgement) add(severity diagnosis.Severity, entries []*zonefile.Entry, remedy diagnosis.Remedy, format string, args ...any) {
	if len(j.Findings) == maxFindings {
		j.more++
		return
	}
	f := diagnosis.Finding{Subject: record.Display(j.z.name), Severity: severity, Message: fmt.Sprintf(format, args...), Remedy: remedy}
	if len(entries) > 0 {
		f.Subject = record.Display(entries[0].Name)
	}
	for _, e := range entries[:min(len(entries), 20)] {
		f.Evidence = append(f.Evidence, diagnosis.Evidence{Question: e.Type + " " + record.Display(e.Name), Answer: clip(e.Presentation(), 4096)})
		f.Places = append(f.Places, j.z.file.Place(*e))
	}
	j.Findings = append(j.Findings, f)
}

// end is the verdict.
func (j *judgement) end() diagnosis.Verdict {
	if j.more > 0 {
		j.Doubts = append(j.Doubts, diagnosis.Doubt{Subject: record.Display(j.z.name), Reason: fmt.Sprintf("%d more like these are not shown", j.more)})
	}
	return j.Verdict
}

// steps is a remedy for a person.
func steps(format string, args ...any) diagnosis.Remedy {
	return diagnosis.Remedy{Steps: []string{fmt.Sprintf(format, args...)}}
}

// put is the remedy that puts a text in place of that of e: an edit where the
// record has a slot of its own, so that nothing beside it is touched, else the
// line as it is to be written.
func put(e *zonefile.Entry, text string) diagnosis.Remedy {
	r := record.TXT(e.Name, text)
	r.TTL = e.TTL
	if slices.Contains(record.Labels(e.Name), "_domainkey") {
		return diagnosis.Remedy{Edits: []record.Edit{record.Set(record.Slot{Name: e.Name, Type: "TXT"}, r)}}
	}
	for _, tag := range []string{"v=spf1", "v=DMARC1", "v=STSv1", "v=TLSRPTv1", "v=BIMI1"} {
		if slot := (record.Slot{Name: e.Name, Type: "TXT", Tag: tag}); slot.Holds(r) && slot.Holds(e.Record) {
			return diagnosis.Remedy{Edits: []record.Edit{record.Set(slot, r)}}
		}
	}
	return steps("Write it as `%s`", strings.ReplaceAll(r.String(), "`", `\096`))
}

func one(e *zonefile.Entry) []*zonefile.Entry { return []*zonefile.Entry{e} }

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "..."
}

// show is a name for a reader.
func show(name string) string { return clip(record.Display(name), 80) }

// targets is the names that the data of r lead to; none for a null MX (RFC
// 7505) and a service that is not offered (RFC 2782).
func targets(r record.Record) []string {
	fields := strings.Fields(r.Data)
	field := map[string]int{"MX": 1, "SRV": 3, "NS": 0, "CNAME": 0, "DNAME": 0, "PTR": 0}
	i, ok := field[r.Type]
	if !ok || i >= len(fields) || fields[i] == "." {
		return nil
	}
	return fields[i : i+1]
}

// host is the one target of an MX, SRV or NS record.
func host(e *zonefile.Entry) string {
	if list := targets(e.Record); len(list) == 1 {
		return list[0]
	}
	return ""
}
