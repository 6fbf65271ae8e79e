package cmd

import (
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// A selection is the checks that were asked for, and those that may explain
// their ends: without its cause a check that was skipped, or could not be told,
// would read as if nothing were wrong.
type selection struct {
	run    []*checks.Check // in the order of the catalogue
	wanted map[string]bool // by ID
}

// choose selects from the checks that judge such subjects.
func (a *app) choose(of checks.Subject, only, skip []string) (selection, error) {
	all, only, skip := a.all(), trimmed(only), trimmed(skip)
	for _, name := range only {
		list, err := checks.Select(all, []string{name}, nil)
		if err == nil && len(checks.About(of, list)) == 0 {
			return selection{}, elsewhere(list[0], name)
		}
	}
	skip = slices.DeleteFunc(skip, func(name string) bool { // what is not asked needs not be left out
		list, err := checks.Select(all, []string{name}, nil)
		return err == nil && len(checks.About(of, list)) == 0
	})
	return choosing(checks.About(of, all), only, skip)
}

// elsewhere says how a check or topic is asked for that does not fit.
func elsewhere(c *checks.Check, name string) error {
	switch {
	case c.Judges(checks.Hosts):
		return fmt.Errorf("%s looks at the mail host from within; maildoctor check DOMAIN --local has it, there", name)
	case c.Judges(checks.Messages):
		return fmt.Errorf("%s judges one message; maildoctor message FILE has it", name)
	case c.Judges(checks.Domains):
		return fmt.Errorf("%s judges domains, not addresses; maildoctor check DOMAIN has it", name)
	}
	return fmt.Errorf("%s judges addresses, not domains; maildoctor ip ADDRESS has it", name)
}

// choosing selects from all what only names without what skip names. Causes
// that skip names are not shown either.
func choosing(all []*checks.Check, only, skip []string) (selection, error) {
	wanted, err := checks.Select(all, only, skip)
	if err != nil {
		return selection{}, err
	}
	allowed, err := checks.Select(all, nil, skip)
	if err != nil {
		return selection{}, err
	}
	s := selection{wanted: make(map[string]bool)}
	needed := make(map[*checks.Check]bool)
	var need func(*checks.Check)
	need = func(c *checks.Check) {
		if needed[c] {
			return
		}
		needed[c] = true
		for _, cause := range c.Needs {
			need(cause)
		}
	}
	for _, c := range wanted {
		s.wanted[c.ID] = true
		need(c)
	}
	for _, c := range allowed {
		if needed[c] {
			s.run = append(s.run, c)
		}
	}
	return s, nil
}

// relevant is those of results that were asked for, and the causes of their ends.
func (s selection) relevant(results []diagnosis.Result) []diagnosis.Result {
	cause := make(map[string]bool)
	for _, r := range results {
		if s.wanted[r.Rule.ID] {
			cause[r.Cause] = true
		}
	}
	var kept []diagnosis.Result
	for _, r := range results {
		if s.wanted[r.Rule.ID] || cause[r.Rule.ID] {
			kept = append(kept, r)
		}
	}
	return kept
}
