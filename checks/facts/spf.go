package facts

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/resolve"
)

// SPFRecord is what the TXT records of a domain say of SPF (RFC 7208, 4.5).
type SPFRecord struct {
	Answer resolve.Answer // to the TXT question
	Texts  []string       // the SPF records among the texts; one is right
	Misses []SPFMiss      // texts that were meant as SPF records and are none

	// The rest is of the only record; it is empty where there are none or several.
	Record   spf.Record
	Problems []spf.Problem
	Tree     *spf.Tree // nil where Record is empty
}

// An SPFMiss is a text that was meant as an SPF record.
type SPFMiss struct {
	Text  string // as published
	Meant string // with a right beginning; the rest is as published
	Why   string // what is wrong with the beginning
}

// Single reports whether there is exactly one SPF record.
func (r SPFRecord) Single() bool { return len(r.Texts) == 1 }

// SPF is the fact of the domain's own SPF record and of the tree of lookups
// below it. Its error is that of the TXT question; what an include or a host did
// not answer is in the tree.
var SPF = checks.NewFact("the SPF record", func(ctx context.Context, env *checks.Env) (SPFRecord, error) {
	answer, err := env.DNS.Resolve(ctx, resolve.Ask(env.Domain, "TXT"))
	if err == nil {
		err = heeded(ctx, env, answer)
	}
	if err != nil {
		return SPFRecord{Answer: answer}, err
	}
	r := SPFRecord{Answer: answer, Texts: spf.Records(answer.Texts())}
	for _, text := range answer.Texts() {
		if meant, why, ok := spf.NearMiss(text); ok {
			r.Misses = append(r.Misses, SPFMiss{Text: text, Meant: meant, Why: why})
		}
	}
	if r.Single() {
		r.Record, r.Problems = spf.Parse(r.Texts[0])
		r.Tree = spf.Count(ctx, env.DNS, env.Domain, r.Record)
	}
	return r, nil
})
