package dns

import (
	"context"
	"fmt"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// judgeRegistration judges what the registry says of the domain, where it says
// something. A domain that the DNS has and the registry has not is below a suffix
// that the Public Suffix List does not know; then nothing is judged.
func judgeRegistration(ctx context.Context, env *checks.Env, judge func(facts.Registration, *diagnosis.Verdict)) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	r, err := facts.RegistrationOf(ctx, env, env.Domain)
	name := record.Unicode(r.Domain)
	switch {
	case ctx.Err() != nil:
		return v, ctx.Err()
	case err != nil:
		v.Doubts = []diagnosis.Doubt{{Subject: name, Reason: err.Error()}}
	case r.Off != "":
		v.Skip = r.Off
	case !r.Known:
		v.Skip = "the registry has no registration of " + name
	default:
		judge(r, &v)
	}
	return v, nil
}

// days is "1 day", "12 days".
func days(d time.Duration) string {
	n := int(d / (24 * time.Hour))
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}

// age is days, or years where it is long.
func age(d time.Duration) string {
	const year = 365 * 24 * time.Hour
	switch n := int(d / year); {
	case n == 1:
		return "1 year"
	case n > 1:
		return fmt.Sprintf("%d years", n)
	}
	return days(d)
}
