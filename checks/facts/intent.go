package facts

import (
	"context"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// Purpose is what a domain does with mail, as far as it can be told. A domain
// that sends none, or receives none, is judged by other rules.
type Purpose struct {
	Sends, Receives bool
	Why             string // how it is known, where one of them is false
}

// Parked reports whether the domain neither sends nor receives.
func (p Purpose) Parked() bool { return !p.Sends && !p.Receives }

// Intent is the fact of what the domain does with mail. It has no error: where
// the DNS does not tell, the domain is taken to send and to receive; so are
// addresses without a domain.
//
// Receives is false for a null MX that stands alone (RFC 7505). Sends is false
// for the SPF record "v=spf1 -all" (RFC 7208, 10.1.2), and for a null MX without
// any SPF record or with one that authorises nobody, in however soft words; never where the owner names senders or selectors.
var Intent = checks.NewFact("the domain's intent", func(ctx context.Context, env *checks.Env) (Purpose, error) {
	p := Purpose{Sends: true, Receives: true}
	if env.Subject() == checks.Addresses {
		return p, nil
	}
	var mx, txt resolve.Answer
	var txtErr error
	var wg sync.WaitGroup
	wg.Go(func() { mx, _ = env.DNS.Resolve(ctx, resolve.Ask(env.Domain, "MX")) })
	wg.Go(func() { txt, txtErr = env.DNS.Resolve(ctx, resolve.Ask(env.Domain, "TXT")) })
	wg.Wait()
	var why []string
	if len(mx.Records) == 1 && isNull(mx.Records[0]) {
		p.Receives = false
		why = append(why, "a null MX")
	}
	if txtErr == nil && len(env.Want.Senders)+len(env.Want.Selectors) == 0 {
		switch says := saysOfSenders(txt.Texts()); {
		case says == denied:
			p.Sends = false
			why = append(why, `the SPF record "v=spf1 -all"`)
		case says == unnamed && !p.Receives:
			p.Sends = false
			why = append(why, "an SPF record that authorises nobody")
		case says == nothing && !p.Receives:
			p.Sends = false
		}
	}
	p.Why = strings.Join(why, " and ")
	return p, nil
})

func isNull(r record.Record) bool {
	_, host, ok := r.MX()
	return ok && host == "."
}

// What the SPF records of a domain say of who sends.
type says int

const (
	nothing says = iota // there is none
	denied              // nobody: "v=spf1 -all"
	unnamed             // the one record names nobody, but does not deny all either: "v=spf1 ~all"
	somebody
)

func saysOfSenders(texts []string) says {
	records := spf.Records(texts)
	if len(records) == 0 {
		return nothing
	}
	parsed, problems := spf.Parse(records[0])
	_, redirects := parsed.Redirect()
	live := parsed.Mechanisms()
	switch {
	case len(records) > 1 || len(spf.Fatal(problems)) > 0:
		return somebody
	case parsed.Denies():
		return denied
	case !redirects && (len(live) == 0 || live[0].Kind == spf.All && live[0].Qualifier != spf.Plus):
		return unnamed
	}
	return somebody
}
