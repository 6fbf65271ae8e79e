package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/waiver"
)

// An ownerFile is what maildoctor.yaml says of an examination. Its zero value says
// nothing.
type ownerFile struct {
	path    string
	state   desired.State
	check   desired.Checking
	grades  map[string]diagnosis.Severity
	waivers []waiver.Waiver
}

// ownerFile reads the file that --file names, or maildoctor.yaml where no domain is
// named otherwise.
func (a *app) ownerFile(f checkFlags, args []string) (ownerFile, error) {
	o := ownerFile{path: f.file}
	if !f.given("file") {
		if len(args) > 0 || len(f.zones) > 0 || f.replay != "" {
			return o, nil
		}
		if _, err := os.Stat(f.file); errors.Is(err, fs.ErrNotExist) {
			return o, nil // that no domain is given is told later
		}
	}
	var err error
	if o.state, err = a.wanted(f.file); err != nil {
		return o, err
	}
	if o.state.Check != nil {
		o.check = *o.state.Check
	}
	return o, o.know(a.all())
}

// know holds what the file names to the catalogue.
func (o *ownerFile) know(all []*checks.Check) error {
	o.grades = make(map[string]diagnosis.Severity)
	for _, g := range o.check.Severities {
		if _, err := checks.Select(all, []string{g.Check}, nil); err != nil {
			return usage(fmt.Errorf("%s:%d: check.severities: %w", o.path, o.state.At("check.severities."+g.Check).Line, err))
		}
		o.grades[g.Check] = g.Severity
	}
	for _, w := range o.check.Waivers {
		w.At = o.path + ":" + w.At
		if _, err := checks.Select(all, []string{w.Check}, nil); err != nil {
			return usage(fmt.Errorf("%s: check.waivers: %w", w.At, err))
		}
		o.waivers = append(o.waivers, w)
	}
	return nil
}

// names is the domains that the file has examined.
func (o ownerFile) names() []string {
	var list []string
	for _, d := range o.state.Domains {
		list = append(list, record.Display(d.Name))
	}
	for _, name := range o.check.Domains {
		list = append(list, record.Display(name))
	}
	return list
}

// over puts what the file says in the place of flags that were not given.
func (o ownerFile) over(f *checkFlags) {
	if len(f.resolvers) == 0 {
		f.resolvers = o.check.Resolvers
	}
	if len(f.policies) == 0 {
		f.policies = o.check.Policies
	}
	f.skip = append(slices.Clone(f.skip), o.check.Skip...)
	if o.check.FailOn != "" && !f.given("fail-on") {
		f.failOn.value = o.check.FailOn
	}
}

// wants is what the examinations of the file's domains shall know of each.
func (o ownerFile) wants() map[string]checks.Want {
	all := make(map[string]checks.Want)
	for _, d := range o.state.Domains {
		var l liveOptions
		expect(o.state, d.Name, &l)
		l.want.Selectors = append(l.want.Selectors, o.check.Selectors...)
		if settings := d.Over(o.state.Defaults); settings.Profile != "no-mail" {
			l.want.Senders = append(l.want.Senders, o.check.Senders...)
		}
		all[d.Name] = l.want
	}
	return all
}

// decide makes of reports what the owner has decided: what findings are worth, and
// which count for nothing.
func (o ownerFile) decide(a *app, reports []diagnosis.Report) {
	if o.state.Check == nil {
		return
	}
	now := a.clock()
	for i := range reports {
		r := &reports[i]
		waiver.Grade(r, o.grades)
		waiver.Apply(r, o.waivers, now)
		r.Results = append(r.Results, waiver.Judge(*r, o.waivers, now)...)
	}
}

// wantFor is what the examination of a domain shall know: what flags say, else what
// the owner's file does.
func (d *doctor) wantFor(domain string) checks.Want {
	own, ok := d.wants[domain]
	if !ok {
		return d.want
	}
	want := d.want
	if len(want.Selectors) == 0 {
		want.Selectors = own.Selectors
	}
	if len(want.Senders) == 0 {
		want.Senders = own.Senders
	}
	want.HELO = cmp.Or(want.HELO, own.HELO)
	return want
}

// given reports whether a flag was given.
func (f checkFlags) given(flag string) bool { return f.set != nil && f.set(flag) }
