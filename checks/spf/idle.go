package spf

import (
	"context"
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

// idle reports whether the cure lets nobody in though the domain may send: to
// publish it would fail the domain's own mail.
func (c cure) idle(ctx context.Context, env *checks.Env) bool {
	purpose, err := facts.Intent.Of(ctx, env)
	_, redirects := c.record.Redirect()
	return err == nil && purpose.Sends && !redirects && !slices.ContainsFunc(c.record.Mechanisms(), admits)
}

// admits reports whether a term lets some sender in, and not everybody.
func admits(t spf.Term) bool { return t.Kind != spf.All && t.Qualifier.Code() == spf.Pass }

// nameSenders leads to a record where nothing tells who sends.
func nameSenders(env *checks.Env) []string {
	return []string{
		"Name what sends for the domain: your own hosts as ip4: and ip6:, each provider by the include: that its manual gives; end the record with ~all. With --ip ADDRESS for each host the record is written for you.",
		fmt.Sprintf("If the domain sends no mail, publish `%s`", record.TXT(env.Domain, spf.Deny().String())),
	}
}
