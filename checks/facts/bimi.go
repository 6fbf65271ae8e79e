package facts

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/bimi"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A BIMIRecord is what the DNS says of the logo of a domain: by itself, or by
// its organizational domain (draft BIMI, 7.2).
type BIMIRecord struct {
	Domain string         // where the record stands that receivers look at, canonical
	Answer resolve.Answer // to the TXT question of the default selector there
	Texts  []string       // those that receivers look at, in order; one is right
	Misses []string       // those that were meant to be such, and are none

	Misplaced resolve.Answer // at _bimi or at the domain itself, where nobody looks; no records if there is none

	// The rest is of the only record, or of the only miss where there is none.
	Record   bimi.Record
	Problems []bimi.Problem
}

// Published reports whether a record is there, or was meant to be.
func (r BIMIRecord) Published() bool {
	return len(r.Texts)+len(r.Misses)+len(r.Misplaced.Records) > 0
}

// Text is the record that Record is of; empty where there is none.
func (r BIMIRecord) Text() string {
	switch {
	case len(r.Texts) == 1:
		return r.Texts[0]
	case len(r.Texts) == 0 && len(r.Misses) == 1:
		return r.Misses[0]
	}
	return ""
}

// Valid reports whether receivers find a record that they can act on.
func (r BIMIRecord) Valid() bool {
	return len(r.Texts) == 1 && len(bimi.Serious(r.Problems)) == 0
}

// BIMI is the fact of the domain's assertion record. Its error is that of a
// question on which it depends.
var BIMI = checks.NewFact("the BIMI record", func(ctx context.Context, env *checks.Env) (BIMIRecord, error) {
	domains := []string{env.Domain}
	if above := dmarc.ListedOrganizational(env.Domain); above != env.Domain {
		domains = append(domains, above)
	}
	answers, errs := make([]resolve.Answer, len(domains)), make([]error, len(domains))
	var wrong resolve.Answer
	var wg sync.WaitGroup
	for i, domain := range domains {
		wg.Go(func() { answers[i], errs[i] = askBIMI(ctx, env, domain) })
	}
	wg.Go(func() { wrong = misplacedBIMI(ctx, env) })
	wg.Wait()
	var first BIMIRecord
	for i, domain := range domains {
		if errs[i] != nil {
			return BIMIRecord{Domain: domain, Answer: answers[i]}, errs[i]
		}
		r := bimiRecord(domain, answers[i])
		if i == 0 {
			first = r
		}
		if len(r.Texts) > 0 {
			return r, nil
		}
		if len(first.Misses) == 0 && len(r.Misses) > 0 {
			first = r
		}
	}
	if len(first.Misses) == 0 { // else they are the better trace
		first.Misplaced = wrong
	}
	return first, nil
})

// askBIMI asks for the record of the default selector of domain. A name that is
// too long holds none.
func askBIMI(ctx context.Context, env *checks.Env, domain string) (resolve.Answer, error) {
	name, ok := bimi.Name(domain)
	if !ok {
		return resolve.Answer{Question: resolve.Ask(name, "TXT")}, nil
	}
	return env.DNS.Resolve(ctx, resolve.Ask(name, "TXT"))
}

// misplacedBIMI is the answer with a record where nobody looks for it. That it
// cannot be told is no matter.
func misplacedBIMI(ctx context.Context, env *checks.Env) resolve.Answer {
	names := []string{env.Domain}
	if name, ok := record.Below("_bimi", env.Domain); ok {
		names = append(names, name)
	}
	answers := make([]resolve.Answer, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { answers[i], _ = env.DNS.Resolve(ctx, resolve.Ask(name, "TXT")) })
	}
	wg.Wait()
	for _, answer := range answers {
		if slices.ContainsFunc(answer.Texts(), bimi.IsMeant) {
			answer.Records = slices.DeleteFunc(slices.Clone(answer.Records), func(r record.Record) bool { return !bimi.IsMeant(r.Data) })
			return answer
		}
	}
	return resolve.Answer{}
}

func bimiRecord(domain string, answer resolve.Answer) BIMIRecord {
	r := BIMIRecord{Domain: domain, Answer: answer}
	for _, text := range slices.Sorted(slices.Values(answer.Texts())) { // servers shuffle sets
		switch {
		case bimi.IsRecord(text):
			r.Texts = append(r.Texts, text)
		case bimi.IsMeant(text):
			r.Misses = append(r.Misses, text)
		}
	}
	if text := r.Text(); text != "" {
		r.Record, r.Problems = bimi.Parse(text)
	}
	return r
}

// maxLogoRedirects bounds the redirects that are followed to a logo or a certificate.
// The draft says nothing of them.
const maxLogoRedirects = 3

// A BIMIFile is a logo or a mark certificate as it is served.
type BIMIFile struct {
	Off  string        // why it was not fetched; empty if it was
	Hops []probe.Fetch // the fetch, and those to which redirects led; the last is the one that counts
}

// Last is the fetch that counts.
func (f BIMIFile) Last() probe.Fetch { return f.Hops[len(f.Hops)-1] }

// Served reports whether the file came whole, from hosts with valid certificates.
func (f BIMIFile) Served() bool {
	if f.Off != "" {
		return false
	}
	for _, hop := range f.Hops {
		if hop.Err != nil || hop.TLS == nil || !hop.TLS.Trusted() || hop.TLS.NameFault != "" {
			return false
		}
	}
	return f.Last().Status == http.StatusOK && !f.Last().Truncated
}

// BIMILogo and BIMIEvidence are the facts of the files that the record names.
// Their error is that of the record; what came of a fetch is in it.
var (
	BIMILogo = checks.NewFact("the BIMI logo", func(ctx context.Context, env *checks.Env) (BIMIFile, error) {
		return bimiFile(ctx, env, "the record names no logo", "image/svg+xml", func(r bimi.Record) string { return r.Location })
	})
	BIMIEvidence = checks.NewFact("the mark certificate", func(ctx context.Context, env *checks.Env) (BIMIFile, error) {
		return bimiFile(ctx, env, "the record names no certificate", "", func(r bimi.Record) string { return r.Evidence })
	})
)

func bimiFile(ctx context.Context, env *checks.Env, none, accept string, of func(bimi.Record) string) (BIMIFile, error) {
	r, err := BIMI.Of(ctx, env)
	if err != nil {
		return BIMIFile{}, err
	}
	at := ""
	if r.Valid() {
		at = of(r.Record)
	}
	switch {
	case at == "":
		return BIMIFile{Off: none}, nil
	case env.HTTP == nil:
		return BIMIFile{Off: "HTTPS fetches are turned off"}, nil
	}
	var file BIMIFile
	for len(file.Hops) <= maxLogoRedirects {
		fetch := Fetch(ctx, env, probe.Request{URL: at, Accept: accept, MaxBody: bimi.MaxEvidence})
		file.Hops = append(file.Hops, fetch)
		next, redirects := fetch.Redirect()
		if fetch.Err != nil || !redirects {
			break
		}
		if at, err = redirected(at, next); err != nil {
			break
		}
	}
	return file, nil
}

// redirected is the URL to which a redirect leads, where it may be followed:
// nothing but https is.
func redirected(from, location string) (string, error) {
	base, err := url.Parse(from)
	if err != nil {
		return "", err
	}
	to, err := base.Parse(location)
	switch {
	case err != nil:
		return "", err
	case location == "" || to.Scheme != "https":
		return "", errors.New("not an https URL")
	}
	to.Fragment, to.RawFragment = "", ""
	return to.String(), nil
}
