package spf

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// Sizes in octets.
const (
	roomyRecord = 450  // RFC 7208, 3.4: with the name, leaves room in a UDP answer
	largeRecord = 512  // alone more than a UDP answer without EDNS holds
	largeAnswer = 1232 // what resolvers ask for over UDP since DNS flag day 2020
)

// RecordSize: the record comes over UDP.
var RecordSize = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.record-size",
		Title:    "The record fits small answers",
		Severity: diagnosis.Warning,
		Why:      "Large answers do not fit into UDP; receivers whose firewall blocks DNS over TCP then get no SPF record and answer temperror.",
		Doc: `All TXT records of the domain come in one answer. Beyond 512 octets it needs EDNS, beyond about 1232 it needs TCP, and not every network lets that through. The standard's rule of thumb: all TXT records of the domain and its name together stay under 450 octets.

A string inside a TXT record holds at most 255 octets; longer records are split into several strings, which receivers join without a space.

To fix it, take out what no longer sends, and move TXT records that were only needed to prove the ownership of the domain away when they have done so.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 3.3"}, {Name: "RFC 7208, 3.4"}},
	},
	Needs: sound,
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeText(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) { recordSize(ctx, env, r, v) })
	},
})

func recordSize(ctx context.Context, env *checks.Env, r facts.SPFRecord, v *diagnosis.Verdict) {
	size, whole := len(r.Texts[0]), answerSize(r)
	v.Seen = []diagnosis.Evidence{
		{Question: "octets of the SPF record", Answer: fmt.Sprint(size)},
		{Question: "octets of the TXT answer", Answer: fmt.Sprint(whole)},
	}
	var f diagnosis.Finding
	switch {
	case size > largeRecord:
		f = finding(env, r, diagnosis.Warning, "SPF of %s has %d octets; more than %d do not fit a plain UDP answer", name(env), size, largeRecord)
		f.Remedy = shorter(ctx, env)
	case size > roomyRecord:
		f = finding(env, r, diagnosis.Advice, "SPF of %s has %d octets; more than %d are not recommended", name(env), size, roomyRecord)
		f.Remedy = shorter(ctx, env)
	case whole > largeAnswer:
		f = finding(env, r, diagnosis.Advice, "the TXT records of %s make an answer of %d octets; beyond %d it needs TCP", name(env), whole, largeAnswer)
		f.Remedy.Steps = []string{"Remove TXT records that are no longer needed, such as those that proved the ownership of the domain once."}
	default:
		return
	}
	v.Findings = append(v.Findings, f)
}

// shorter is the domain's cure where that is short enough, and else a step.
func shorter(ctx context.Context, env *checks.Env) diagnosis.Remedy {
	if c, err := prescription.Of(ctx, env); err == nil && !c.idle(ctx, env) && len(c.left) == 0 && len(c.record.String()) <= roomyRecord {
		return diagnosis.Remedy{Edits: publish(env, c.record)}
	}
	return diagnosis.Remedy{Steps: []string{"Take out terms of services that no longer send, and join neighbouring addresses into one prefix."}}
}

// answerSize is the TXT answer in octets on the wire with compressed names: the
// header, the question, and each record with a length octet for every string
// of at most 255 (RFC 1035, 4.1).
func answerSize(r facts.SPFRecord) int {
	size := 12 + len(r.Answer.Question.Name) + 1 + 4
	for _, c := range r.Answer.Chain {
		size += 12 + len(c.Data) + 1
	}
	for _, text := range r.Answer.Texts() {
		size += 12 + len(text) + max((len(text)+254)/255, 1)
	}
	return size
}
