package dkim

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
)

// SingleTXT: one whole TXT record stands at the selector.
var SingleTXT = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dkim.single-txt",
		Title:    "One whole TXT record stands at the selector",
		Severity: diagnosis.Critical,
		Why:      "With two records, or a key that is cut or quoted wrongly, receivers cannot tell which key counts, and signatures fail here and pass there.",
		Doc: `A key of 2048 bits does not fit into one character-string of 255 octets. It must be split into several strings of one TXT record, which receivers join without a space between them. What goes wrong: the parts become two records; the text is cut at 255; quotation marks or backslashes of a zone file get into the text itself. A second record at the same selector, whatever it holds, makes the result undefined.

To fix it, publish one record. In a zone file write: selector._domainkey TXT ( "v=DKIM1; k=rsa; p=first part" "second part" ). Most panels want the text in one piece and without quotes.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6376, 3.6.2.2"}, {Name: "RFC 1035, 3.3.14"}},
	},
	Needs: []*checks.Check{SelectorFound},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeFrom(ctx, env, singleStage, singleTXT)
	},
})

func singleTXT(s subject, v *diagnosis.Verdict) {
	if len(s.Keys) > 1 {
		f := s.finding(diagnosis.Critical, "%s holds %d TXT records; which of them counts is undefined", s.name(), len(s.Keys))
		f.Remedy = oneOf(s)
		v.Findings = append(v.Findings, f)
		return
	}
	s.saw(v, "one TXT record of %d octets", len(s.Keys[0].Text))
	for _, p := range s.Keys[0].Problems {
		if p.Kind != dkim.Splitting {
			continue
		}
		severity := diagnosis.Critical
		if p.Effect != dkim.Void {
			severity = diagnosis.Advice
		}
		f := s.finding(severity, "%s, character %d: %s", s.name(), p.Offset+1, p.Message)
		if key, ok := s.cured(); ok {
			f.Remedy = s.remedy(key)
		} else {
			f.Remedy.Steps = []string{"Publish the whole public key again; the server that signs can show it.",
				"In a zone file, split the text into strings of at most 255 characters inside one record; in a panel, paste it in one piece and without quotes."}
		}
		v.Findings = append(v.Findings, f)
	}
}

// oneOf is the record that was meant by several: the only key among them, or
// the key that two of them make together.
func oneOf(s subject) diagnosis.Remedy {
	var whole []dkim.Key
	for _, k := range s.Keys {
		if k.Public != nil && dkim.Worst(k.Problems) < dkim.Void {
			whole = append(whole, k.Key)
		}
	}
	if len(whole) == 1 {
		return s.remedy(whole[0])
	}
	if key, ok := joined(s.Keys); ok && len(whole) == 0 {
		return s.remedy(key)
	}
	return diagnosis.Remedy{Steps: []string{fmt.Sprintf("Keep the record whose key belongs to the private key that signs with selector %s, and delete the others.", s.Name)}}
}

// maxJoined bounds the records that are tried in pairs.
const maxJoined = 8

// joined is the key that two texts make when one follows the other.
func joined(keys []facts.DKIMKey) (dkim.Key, bool) {
	keys = keys[:min(len(keys), maxJoined)]
	for i, a := range keys {
		for j, b := range keys {
			if i == j || !dkim.IsKey(a.Text) {
				continue
			}
			key, problems := dkim.ParseKey(a.Text + b.Text)
			if key.Public != nil && dkim.Worst(problems) < dkim.Void {
				return key, true
			}
		}
	}
	return dkim.Key{}, false
}
