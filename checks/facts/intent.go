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
// the DNS does not tell, the domain is taken to send and to receive.
//
// Receives is false for a null MX that stands alone (RFC 7505). Sends is false
// for the SPF record "v=spf1 -all" (RFC 7208, 10.1.2), and for a null MX without
// any SPF record; never where the owner names senders or selectors.
var Intent = checks.NewFact("the domain's intent", func(ctx context.Context, env *checks.Env) (Purpose, error) {
	p := Purpose{Sends: true, Receives: true}
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
		switch denied, any := deniesAll(txt.Texts()); {
		case denied:
			p.Sends = false
			why = append(why, `the SPF record "v=spf1 -all"`)
		case !any && !p.Receives:
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

// deniesAll reports whether the one SPF record among texts authorises nobody,
// and whether there is any.
func deniesAll(texts []string) (denied, any bool) {
	records := spf.Records(texts)
	if len(records) != 1 {
		return false, len(records) > 0
	}
	parsed, problems := spf.Parse(records[0])
	return parsed.Denies() && len(spf.Fatal(problems)) == 0, true
}
