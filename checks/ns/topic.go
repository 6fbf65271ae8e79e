// Package ns holds the name servers of the zone that holds the domain to the
// rules: that there are several, that each is what the parent zone and the zone
// itself say, and that all say one thing. Each is asked itself.
package ns

import (
	"context"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// Checks is the checks of this topic.
var Checks checks.Topic

// judgeServers judges the servers of the zone by what is said of them.
func judgeServers(ctx context.Context, env *checks.Env, judge func(facts.NameServerSet, *diagnosis.Verdict)) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	cut, err := facts.Cut.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if v.Skip = cut.Off; v.Skip != "" {
		return v, nil
	}
	set, err := facts.NameServers.Of(ctx, env)
	if err == nil {
		judge(set, &v)
	}
	return v, err
}

// judgeViews judges them by what they say themselves.
func judgeViews(ctx context.Context, env *checks.Env, judge func(facts.ViewSet, *diagnosis.Verdict)) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	set, err := facts.Views.Of(ctx, env)
	switch {
	case err != nil:
		return v, err
	case set.Off != "":
		v.Skip = set.Off
	default:
		judge(set, &v)
	}
	return v, nil
}

// nobody is why a check of what the servers say does not apply; empty where some
// server answers.
func nobody(set facts.ViewSet) string {
	if len(set.Serving()) > 0 {
		return ""
	}
	return "no name server of " + record.Display(set.Zone) + " answers for it; see ns.delegation-consistent"
}

// display is names for a reader.
func display(names []string) string {
	var list []string
	for _, n := range names {
		list = append(list, record.Display(n))
	}
	return strings.Join(list, ", ")
}

// without is the names of a that are not among b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(name string) bool { return slices.Contains(b, name) })
}

// seen is the evidence of the resolver's answer for the zone's NS records.
func seen(set facts.NameServerSet) []diagnosis.Evidence {
	if set.NSErr != nil {
		return nil
	}
	return []diagnosis.Evidence{{Question: set.NS.Question.String(), Answer: set.NS.String()}}
}

// of is the zone as messages name it: where it is not the domain's own, it says so.
func of(env *checks.Env, zone string) string {
	if zone == env.Domain {
		return record.Display(zone)
	}
	return record.Display(zone) + " (the zone that holds " + record.Display(env.Domain) + ")"
}
