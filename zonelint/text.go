package zonelint

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

var textCut = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.text-cut",
		Title:    "No text is cut at a semicolon",
		Severity: diagnosis.Critical,
		Why:      "What is published is v=DKIM1 or v=DMARC1 alone: no signature verifies, no policy holds.",
		Doc: "A semicolon begins a comment, unless it stands in quotation marks. `TXT v=DKIM1; k=rsa; p=MIIB...` publishes v=DKIM1 and nothing else. No server complains: to it the rest is a comment.\n\n" +
			"A text that is not quoted and a comment right behind it that goes on with tag=value are taken for one text.\n\n" +
			"To fix it, put the whole text in quotation marks.",
		Refs: []diagnosis.Ref{{Name: "RFC 1035, 5.1"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		texts := z.typed("TXT", "SPF")
		j := z.judge(len(texts), "TXT record")
		for _, e := range texts {
			if meant := z.cut[e]; meant != "" {
				j.add(gravity(e, meant), one(e), put(e, meant), "the text of %s ends at its first semicolon: %s is published, and %s was meant", show(e.Name), quote(e.Data), quote(meant))
			}
		}
		return j.end()
	},
}

// quote is text from a file for a message.
func quote(text string) string { return fmt.Sprintf("%q", clip(text, 60)) }

// tagged is a comment that goes on with the tags of the text before it.
var tagged = regexp.MustCompile(`^\s*[A-Za-z][A-Za-z0-9_-]{0,31}\s*=`)

// cutText is what the author of a TXT record meant whose text a semicolon cuts.
func cutText(e zonefile.Entry, fields []zonefile.Field) (meant string, ok bool) {
	if len(fields) == 0 || fields[len(fields)-1].Quoted {
		return "", false
	}
	note := e.Note()
	if !tagged.MatchString(note) || strings.HasPrefix(note, "cf_tags=") || !strings.Contains(e.Data, "=") {
		return "", false
	}
	last := fields[len(fields)-1].Text
	if !forMail(e.Name, e.Data) && !strings.Contains(e.Source, last+";") {
		return "", false
	}
	return spaced(e, fields) + "; " + note, true
}

// forMail reports whether a text is about mail, by its place or its beginning.
func forMail(name, text string) bool {
	name = "." + name
	for _, label := range []string{"._domainkey.", "._dmarc.", "._mta-sts.", "._smtp._tls.", "._bimi."} {
		if strings.Contains(name, label) {
			return true
		}
	}
	return len(text) > 2 && strings.EqualFold(text[:2], "v=")
}

// gravity is that of a text that says something else than was meant.
func gravity(e *zonefile.Entry, meant string) diagnosis.Severity {
	if forMail(e.Name, meant) {
		return diagnosis.Critical
	}
	return diagnosis.Warning
}

// spaced is the text of e with a blank between strings of which one at least is
// not quoted: as it looks to who wrote it.
func spaced(e zonefile.Entry, fields []zonefile.Field) string {
	var b strings.Builder
	for i, f := range fields {
		if i > 0 && (!f.Quoted || !fields[i-1].Quoted) {
			b.WriteByte(' ')
		}
		octets, _ := f.Octets() // it has been read before
		b.WriteString(octets)
	}
	return b.String()
}

var textGlued = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.text-glued",
		Title:    "No words of a text are run together",
		Severity: diagnosis.Critical,
		Why:      "Without quotation marks v=spf1 mx -all becomes v=spf1mx-all, which is no SPF record: the domain has none.",
		Doc: "Each word of a TXT record that is not in quotation marks is a string of its own, and receivers join the strings of a record without anything between them: `TXT v=spf1 mx -all` reads v=spf1mx-all. No server complains, as a TXT record may have many strings.\n\n" +
			"To fix it, put the text in quotation marks, once around the whole of it: `TXT \"v=spf1 mx -all\"`. A text of more than 255 octets has several strings, each in its own quotation marks, with the blank that belongs between words inside of them.\n\n" +
			"DKIM keys that are split into pieces are meant to be joined; they are no breach.",
		Refs: []diagnosis.Ref{{Name: "RFC 1035, 3.3.14"}, {Name: "RFC 7208, 3.3"}, {Name: "RFC 6376, 3.6.2.2"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		texts := z.typed("TXT", "SPF")
		j := z.judge(len(texts), "TXT record")
		for _, e := range texts {
			meant := z.glued[e]
			if meant == "" {
				continue
			}
			j.add(gravity(e, meant), one(e), put(e, meant), "the text of %s is not quoted, so its words are joined: %s is published, and %s was meant", show(e.Name), quote(e.Data), quote(meant))
		}
		return j.end()
	},
}

// gluedText is what the author of a TXT record meant whose words are joined.
func gluedText(e zonefile.Entry, fields []zonefile.Field) (meant string, ok bool) {
	if len(fields) < 2 {
		return "", false
	}
	meant = spaced(e, fields)
	if meant == e.Data || !runTogether(fields) {
		return "", false
	}
	if _, problems := dkim.ParseKey(e.Data); dkim.IsKey(e.Data) && dkim.Worst(problems) < dkim.Void {
		return "", false // pieces of a key
	}
	return meant, true
}

// runTogether reports whether words that are not quoted lose the blank between
// them, and with it what divides them: behind a semicolon or a comma none is needed.
func runTogether(fields []zonefile.Field) bool {
	for i, f := range fields[1:] {
		if (!f.Quoted || !fields[i].Quoted) && strings.TrimRight(fields[i].Text, ";,") == fields[i].Text {
			return true
		}
	}
	return false
}

var stringLength = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.string-length",
		Title:    "No string is longer than 255 octets",
		Severity: diagnosis.Critical,
		Why:      "BIND refuses the whole zone for a longer string, other servers cut or split it: a DKIM key of 2048 bits does not fit into one.",
		Doc: "A TXT record is made of strings of at most 255 octets each, and each stands in its own quotation marks. Panels split long texts by themselves; zone files must have them split.\n\n" +
			"To fix it, end the string and begin the next one, `\"first 255 octets\" \"the rest\"`, in one record. Receivers join the pieces with nothing between them, so a blank that belongs to the text stays inside of a piece.",
		Refs: []diagnosis.Ref{{Name: "RFC 1035, 3.3"}, {Name: "RFC 6376, 3.6.2.2"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		texts := z.typed("TXT", "SPF")
		j := z.judge(len(texts), "TXT record")
		for _, e := range texts {
			longest := 0
			for _, f := range e.Fields() {
				octets, _ := f.Octets()
				longest = max(longest, len(octets))
			}
			if longest > 255 {
				j.add(diagnosis.Critical, one(e), put(e, e.Data), "a string of the TXT record of %s has %d octets, and 255 is the limit", show(e.Name), longest)
			}
		}
		return j.end()
	},
}

// What Cloudflare takes: characters of one TXT record, and of all at a name.
const (
	maxText = 2048
	maxSum  = 8192
)

var textSize = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.text-size",
		Title:    "TXT records are of a size that every provider takes",
		Severity: diagnosis.Advice,
		Why:      "Some DNS providers refuse larger texts, so that the zone cannot move there; answers that do not fit a UDP packet are lost on the way to some receivers.",
		Doc: `The DNS allows 65535 octets. Cloudflare takes 2048 characters for one TXT record and 8192 for all TXT records of a name. Whoever asks for the TXT records of a name gets all of them, the verification strings of every service included.

To fix it, delete what no service needs any more, and move what may stand elsewhere to a name of its own. A DKIM key of 4096 bits takes about 750 octets, and is well within.`,
		Refs: []diagnosis.Ref{{Name: "Cloudflare: DNS record types", URL: "https://developers.cloudflare.com/dns/manage-dns-records/reference/dns-record-types/"}, {Name: "RFC 7208, 3.4"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		texts := z.typed("TXT")
		j := z.judge(len(texts), "TXT record")
		for _, s := range z.sets {
			if s.typ != "TXT" {
				continue
			}
			sum := 0
			for _, e := range s.entries {
				sum += len(e.Data)
				if len(e.Data) > maxText {
					j.add(diagnosis.Advice, one(e), diagnosis.Remedy{}, "a TXT record of %s has %d octets; Cloudflare takes %d", show(e.Name), len(e.Data), maxText)
				}
			}
			if sum > maxSum {
				j.add(diagnosis.Advice, s.entries, steps("Delete those that no service needs any more."), "the TXT records of %s have %d octets together; Cloudflare takes %d at one name", show(s.name), sum, maxSum)
			}
		}
		return j.end()
	},
}

var spfType = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.spf-type",
		Title:    "No record has the retired type SPF",
		Severity: diagnosis.Advice,
		Why:      "Nobody asks for it: an SPF record of that type protects nothing, and one that differs from the TXT record misleads who reads the zone.",
		Doc: `Type SPF (99) was an experiment that ended in 2014. Receivers ask for TXT records only.

To fix it, delete the record. Where there is no TXT record with the same text, publish that first.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 3.1"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		j := z.judge(len(z.entries), "record")
		published := make(map[record.Record]bool)
		for _, e := range z.typed("TXT") {
			published[record.TXT(e.Name, e.Data)] = true
		}
		for _, e := range z.typed("SPF") {
			severity, also := diagnosis.Warning, "no TXT record of that name says the same"
			if published[record.TXT(e.Name, e.Data)] {
				severity, also = diagnosis.Advice, "the TXT record beside it is what counts"
			}
			remedy := diagnosis.Remedy{Edits: []record.Edit{record.Set(record.Slot{Name: e.Name, Type: "SPF"})}}
			j.add(severity, one(e), remedy, "%s has a record of type SPF, which nobody asks for; %s", show(e.Name), also)
		}
		return j.end()
	},
}
