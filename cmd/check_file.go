package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
	"github.com/maildoctor/maildoctor/policy"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/resolve"
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
	known := func(path, name string) error {
		_, err := checks.Select(all, []string{name}, nil)
		return o.at(path, err)
	}
	o.grades = make(map[string]diagnosis.Severity)
	for _, g := range o.check.Severities {
		if err := known("check.severities."+g.Check, g.Check); err != nil {
			return err
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
	for _, name := range o.check.Skip {
		if err := known("check.skip", name); err != nil {
			return err
		}
	}
	if _, err := policy.Find(o.check.Policies); err != nil {
		return o.at("check.policies", err)
	}
	for _, server := range o.check.Resolvers {
		if _, err := resolve.ParseServer(server); err != nil {
			return o.at("check.resolvers", err)
		}
	}
	return nil
}

// at is err with where a key stands in the file.
func (o *ownerFile) at(path string, err error) error {
	if err == nil {
		return nil
	}
	key := path
	if p := strings.Split(path, "."); len(p) > 2 {
		key = strings.Join(p[:2], ".")
	}
	return usage(fmt.Errorf("%s:%d: %s: %w", o.path, o.state.At(path).Line, key, err))
}

// names is the domains that the file has examined.
func (o ownerFile) names() []string {
	var list []string
	for _, d := range o.state.Domains {
		list = append(list, record.Display(d.Name))
	}
	for _, d := range o.check.Domains {
		list = append(list, record.Display(d.Name))
	}
	return list
}

// over puts what the file says in the place of flags that were not given.
func (o ownerFile) over(f *checkFlags) {
	if len(f.resolvers) == 0 && f.replay == "" { // a recording asks nobody
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

// key is the key for the lists of Spamhaus: the file may say which variable holds it.
func (o ownerFile) key(a *app) (string, error) {
	name := o.check.KeyFrom
	if name == "" {
		return a.env(spamhausKey), nil
	}
	key := a.env(name)
	if key == "" { // not so for whoever runs this without the secrets of the CI
		fmt.Fprintf(a.err, "maildoctor: %s:%d: check.spamhaus-key: the environment has no %s; the lists of Spamhaus are asked by their public names\n", report.Escape(o.path), o.state.At("check.spamhaus-key").Line, name)
		return "", nil
	}
	if _, err := dnsbl.ParseKey(key); err != nil {
		return "", o.at("check.spamhaus-key", fmt.Errorf("%s: %w", name, err))
	}
	return key, nil
}

// wants is what the examinations shall know of each subject, as the file has it.
func (o ownerFile) wants(subjects []subject) map[string]checks.Want {
	all := make(map[string]checks.Want)
	for _, s := range subjects {
		all[s.domain] = o.want(s.domain)
	}
	return all
}

// want is what the file says of a domain: what the section check says of it by
// name, then of all, then the records that the file is of.
func (o ownerFile) want(domain string) checks.Want {
	var said desired.Examined
	for _, e := range o.check.Domains {
		if e.Name == domain {
			said = e
		}
	}
	var l liveOptions
	expect(o.state, domain, &l)
	w := l.want
	for _, d := range o.state.Domains {
		if d.Name != domain {
			continue
		}
		w.Selectors = append(w.Selectors, o.check.Selectors...)
		if d.Over(o.state.Defaults).Profile != "no-mail" {
			w.Senders = append(w.Senders, o.check.Senders...)
		}
	}
	w.Selectors, w.Senders = append(w.Selectors, said.Selectors...), append(w.Senders, said.Senders...)
	w.DMARC = cmp.Or(said.DMARC, o.check.DMARC)
	for _, hosts := range [][]string{said.MX, o.check.MX, o.state.MX(domain)} {
		if len(w.MX) == 0 {
			w.MX = hosts
		}
	}
	return w
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
	if len(want.MX) == 0 {
		want.MX = own.MX
	}
	want.DMARC = cmp.Or(want.DMARC, own.DMARC)
	want.HELO = cmp.Or(want.HELO, own.HELO)
	return want
}

// given reports whether a flag was given.
func (f checkFlags) given(flag string) bool { return f.set != nil && f.set(flag) }
