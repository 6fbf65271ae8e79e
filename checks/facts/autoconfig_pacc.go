package facts

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/autoconfig"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A PACC is a domain's configuration by the draft for new mail programs.
type PACC struct {
	Answer resolve.Answer // to the TXT question
	Texts  []string       // records that vouch for a document, right or not
	Off    string         // why the document was not fetched
	Host   string         // canonical
	Fetch  probe.Fetch
}

// UAConfig is the fact of that configuration; the document is fetched where a
// record vouches for one. Its error is that of the TXT question.
var UAConfig = checks.NewFact("the configuration for mail programs", func(ctx context.Context, env *checks.Env) (PACC, error) {
	var p PACC
	name, ok := record.Below("_ua-auto-config", env.Domain)
	if !ok {
		return p, nil
	}
	p.Host, _ = record.Below("ua-auto-config", env.Domain)
	var err error
	if p.Answer, err = env.DNS.Resolve(ctx, resolve.Ask(name, "TXT")); err != nil {
		return p, err
	}
	for _, text := range p.Answer.Texts() {
		if autoconfig.IsPACC(text) {
			p.Texts = append(p.Texts, text)
		}
	}
	switch {
	case len(p.Texts) == 0:
		p.Off = "no record vouches for one"
	case env.HTTP == nil:
		p.Off = "HTTPS fetches are turned off"
	default:
		// No redirect is followed: the digest is of what stands at this place.
		p.Fetch = Fetch(ctx, env, probe.Request{URL: "https://" + record.Display(p.Host) + "/.well-known/user-agent-configuration.json", MaxBody: maxSettings})
	}
	return p, ctx.Err()
})
