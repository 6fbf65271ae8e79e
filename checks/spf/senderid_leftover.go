package spf

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// SenderIDLeftover: no Sender ID text is left.
var SenderIDLeftover = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.senderid-leftover",
		Title:    "No Sender ID text remains",
		Severity: diagnosis.Advice,
		Why:      "Nobody reads Sender ID any more. The text only makes the TXT answer longer, and looks like a second policy to whoever maintains the zone.",
		Doc: `Sender ID was an experiment of 2006 that put a text beginning with "spf2.0/" beside the SPF record. It is historic: the last large receiver gave it up years ago.

To fix it, delete the text. The text that begins with "v=spf1" stays.`,
		Refs: []diagnosis.Ref{{Name: "RFC 4406, 3.1"}, {Name: "RFC 6686, 6"}},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run:   senderIDLeftover,
})

func senderIDLeftover(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	answer, err := env.DNS.Resolve(ctx, resolve.Ask(env.Domain, "TXT"))
	if err != nil {
		return v, err
	}
	var left []string
	f := diagnosis.Finding{Subject: name(env), Severity: diagnosis.Advice}
	for _, r := range record.Sorted(answer.Records) {
		tag, ok := senderID(r.Data)
		if !ok {
			continue
		}
		left = append(left, r.Data)
		if len(left) <= maxFindings {
			f.Remedy.Edits = append(f.Remedy.Edits, record.Set(record.Slot{Name: env.Domain, Type: "TXT", Tag: tag}))
		}
	}
	if len(left) == 0 {
		v.Seen = []diagnosis.Evidence{{Question: answer.Question.String(), Answer: "no text of Sender ID"}}
		return v, nil
	}
	f.Message = fmt.Sprintf("%s has the Sender ID text %q, which nobody reads any more", name(env), clip(left[0]))
	if n := len(left); n > 1 {
		f.Message = fmt.Sprintf("%s has %d texts of Sender ID, which nobody reads any more: %q", name(env), n, clip(left[0]))
	}
	f.Evidence = []diagnosis.Evidence{{Question: answer.Question.String(), Answer: strings.Join(left[:min(len(left), maxFindings)], "\n")}}
	v.Findings = []diagnosis.Finding{f}
	return v, nil
}

// senderID is the version and scope that a Sender ID text begins with:
// "spf2.0/mfrom,pra" (RFC 4406, 3.1). It is the tag of the text's slot.
func senderID(text string) (tag string, ok bool) {
	const version = "spf2.0/"
	if len(text) < len(version) || !strings.EqualFold(text[:len(version)], version) {
		return "", false
	}
	end := strings.IndexAny(text, " \t;")
	if end < 0 {
		end = len(text)
	}
	return text[:end], true
}
