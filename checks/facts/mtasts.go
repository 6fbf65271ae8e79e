package facts

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// TakesNoMail says why nobody has mail to deliver to the domain, as far as can
// be told; it is empty where somebody may.
func TakesNoMail(ctx context.Context, env *checks.Env) string {
	mx, err := MX.Of(ctx, env)
	if err != nil {
		return ""
	}
	why, err := takesNoMail(ctx, env, mx)
	if err != nil {
		return ""
	}
	return why
}

// An STSRecord is what the TXT records of a domain say of MTA-STS (RFC 8461, 3.1).
type STSRecord struct {
	Answer    resolve.Answer // to the TXT question at _mta-sts
	Texts     []string       // those that senders look at; one is right
	Misses    []string       // those that were meant to be such, and are none
	Misplaced []string       // at the domain itself, where nobody looks

	// The rest is of the only record, or of the only miss where there is none.
	Record   mtasts.Record
	Problems []mtasts.Problem
}

// Announced reports whether a policy was meant to be announced, be it in vain.
func (r STSRecord) Announced() bool { return len(r.Texts)+len(r.Misses)+len(r.Misplaced) > 0 }

// Text is the record that Record is of; empty where there is none.
func (r STSRecord) Text() string {
	switch {
	case len(r.Texts) == 1:
		return r.Texts[0]
	case len(r.Texts) == 0 && len(r.Misses) == 1:
		return r.Misses[0]
	}
	return ""
}

// MTASTSRecord is the fact of what announces the domain's policy. Its error is
// that of the TXT question at _mta-sts.
var MTASTSRecord = checks.NewFact("the MTA-STS record", func(ctx context.Context, env *checks.Env) (STSRecord, error) {
	var r STSRecord
	name, ok := record.Below("_mta-sts", env.Domain)
	if !ok {
		return r, nil
	}
	var apex resolve.Answer
	var wg sync.WaitGroup
	wg.Go(func() { apex, _ = env.DNS.Resolve(ctx, resolve.Ask(env.Domain, "TXT")) })
	answer, err := env.DNS.Resolve(ctx, resolve.Ask(name, "TXT"))
	wg.Wait()
	r.Answer = answer
	if err != nil {
		return r, err
	}
	for _, text := range answer.Texts() {
		switch {
		case mtasts.IsRecord(text):
			r.Texts = append(r.Texts, text)
		case mtasts.IsMeant(text):
			r.Misses = append(r.Misses, text)
		}
	}
	if target := answer.Target(); target != env.Domain { // else they are the same records
		r.Misplaced = slices.DeleteFunc(apex.Texts(), func(text string) bool { return !mtasts.IsMeant(text) })
	}
	if text := r.Text(); text != "" {
		r.Record, r.Problems = mtasts.Parse(text)
	}
	return r, nil
})

// An STSPolicy is the policy of a domain as its policy host serves it.
type STSPolicy struct {
	Off   string // why it was not fetched; empty if it was
	Host  string // canonical
	Fetch probe.Fetch

	// The rest is empty where Served is false.
	Policy   mtasts.Policy
	Problems []mtasts.Problem
}

// Served reports whether the response is one of which senders take a policy: it
// is complete, of status 200, from a host with a valid certificate (RFC 8461,
// 3.3). The media type is not asked for: senders differ about it.
func (p STSPolicy) Served() bool {
	f := p.Fetch
	return p.Off == "" && f.Err == nil && f.Status == http.StatusOK && !f.Truncated && f.Encoding() == "" &&
		f.TLS != nil && f.TLS.Trusted() && f.TLS.NameFault == ""
}

// Valid reports whether senders have a policy to follow.
func (p STSPolicy) Valid() bool { return p.Served() && mtasts.Worst(p.Problems) < mtasts.Void }

// maxPolicy is the size that RFC 8461, 3.3 suggests senders to stop at.
const maxPolicy = 64 << 10

// MTASTSPolicy is the fact of the domain's policy, fetched once, where one is
// announced. Its error is that of the TXT question at _mta-sts; what came of the
// fetch is in Fetch.
var MTASTSPolicy = checks.NewFact("the MTA-STS policy", func(ctx context.Context, env *checks.Env) (STSPolicy, error) {
	var p STSPolicy
	host, ok := record.Below("mta-sts", env.Domain)
	switch {
	case env.HTTP == nil:
		p.Off = "HTTPS fetches are turned off"
		return p, nil
	case !ok:
		p.Off = "the name of the domain is too long for a policy host"
		return p, nil
	}
	p.Host = host
	var wg sync.WaitGroup
	wg.Go(func() { Addresses(ctx, env, host) }) // remembered until it is fetched from
	announced, err := MTASTSRecord.Of(ctx, env)
	wg.Wait()
	switch {
	case err != nil:
		return p, err
	case !announced.Announced():
		p.Off = "the domain announces no MTA-STS policy"
		return p, nil
	}
	p.Fetch = Fetch(ctx, env, probe.Request{URL: mtasts.URL(record.Display(env.Domain)), Accept: "text/plain", MaxBody: maxPolicy})
	if p.Served() {
		p.Policy, p.Problems = mtasts.ParsePolicy(string(p.Fetch.Body))
	}
	return p, nil
})
