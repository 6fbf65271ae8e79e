package cmd

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/rotation"
)

// sensible refuses flags that do not go together.
func (f rotateFlags) sensible(args []string) error {
	if len(args) > 1 {
		return usage(errors.New("dkim rotate takes one domain"))
	}
	orders := 0
	for _, given := range []bool{f.status, f.begin, f.switched, f.back, f.abort} {
		if given {
			orders++
		}
	}
	switch {
	case orders > 1:
		return usage(errors.New("give one of --status, --begin, --switched, --back and --abort"))
	case f.status && f.wait > 0:
		return usage(errors.New("--status looks once; leave out --wait"))
	case len(f.keys) > 0 && len(f.keys) != len(trimmed(f.selectors)):
		return usage(errors.New("each --key needs the --selector under which it is published"))
	case len(f.keys) > 0 && (f.given("type") || f.given("bits")):
		return usage(errors.New("--type and --bits are for a key that is made; --key is there already"))
	case f.file == "-":
		return usage(errors.New("--file takes a file here, not standard input"))
	}
	return nil
}

// readFile reads the owner's file, if there is one, and which domain it is about.
func (r *rotating) readFile(args []string) error {
	_, err := os.Stat(r.file)
	there := err == nil || !errors.Is(err, fs.ErrNotExist)
	if !there && !r.given("file") {
		if len(args) == 0 {
			return usage(errors.New("no domain given; name one, as in maildoctor dkim rotate example.com"))
		}
		return r.named(args[0])
	}
	state, err := r.wanted(r.file)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		if r.domain, err = exported(state, nil); err != nil {
			return err
		}
	} else if err := r.named(args[0]); err != nil {
		return err
	}
	for _, d := range state.Domains {
		if d.Name == r.domain {
			settings := d.Over(state.Defaults)
			r.settings, r.entries = &settings, entriesFor(wishedBy(r.file), settings)
			r.provider = r.provider.orFile(settings, r.file)
		}
	}
	return nil
}

func (r *rotating) named(text string) (err error) {
	if r.domain, err = record.ParseDomain(text); err != nil {
		return usage(fmt.Errorf("%q %w", text, err))
	}
	return nil
}

// entriesFor is what the file says of keys. A key without a selector has that of
// the profile.
func entriesFor(name string, s desired.Settings) *rotation.File {
	profile, _ := desired.FindProfile(s.Profile)
	file := &rotation.File{Name: name}
	for _, k := range s.DKIM {
		selector := strings.ToLower(k.Selector)
		if selector == "" && len(profile.Selectors) > 0 && !strings.Contains(profile.Selectors[0], "{") {
			selector = profile.Selectors[0]
		}
		if selector != "" {
			file.Keys = append(file.Keys, rotation.Entry{Selector: selector, Record: k.Record, Revoked: k.Revoked})
		}
	}
	return file
}

// orFile is f or, where it names no provider, the one of the file.
func (f providerFlags) orFile(s desired.Settings, file string) providerFlags {
	dir := filepath.Dir(file)
	if f.spec == "" && s.Provider.Kind != "" {
		if s.Provider.Kind == desired.ByZoneFile {
			s.Provider.Where = relativeTo(dir, s.Provider.Where)
		}
		f.spec = s.Provider.String()
		if f.tsigKey == "" && s.TSIGKey != "" {
			f.tsigKey = relativeTo(dir, s.TSIGKey)
		}
	}
	return f
}

// stateFile is the name of the file in which the rotation of the domain is kept.
func (r *rotating) stateFile() string { return "rotation-" + record.Display(r.domain) + ".json" }

// load reads the state that an earlier run kept.
func (r *rotating) load() error {
	text, err := r.kept.Load(r.domain, r.stateFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the rotation that was begun could not be read: %w", err)
	}
	s, err := rotation.Read(bytes.NewReader(text))
	if err == nil && s.Domain != r.domain {
		err = fmt.Errorf("it is that of %s", record.Display(s.Domain))
	}
	if err != nil {
		return fmt.Errorf("%s in %s cannot be used: %w", r.stateFile(), r.kept.Path(), err)
	}
	r.state = &s
	return nil
}

// keep keeps a state. With --status nothing is.
func (r *rotating) keep(s rotation.State) error {
	r.state = &s
	if r.status {
		return nil
	}
	var b bytes.Buffer
	err := s.Write(&b)
	if err == nil {
		err = r.kept.Save(r.domain, r.stateFile(), b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("where the rotation stands could not be kept: %w", err)
	}
	return nil
}

// sameKeys refuses flags for another rotation than the one that has begun. Those
// with which it was begun may be there again.
func (r *rotating) sameKeys() error {
	for _, f := range []struct {
		flag string
		is   []rotation.Key
		says func(rotation.Key) string
		want []string
	}{
		{"old", r.state.Old, selectorOf, withoutNone(trimmed(r.old))},
		{"selector", r.state.Next, selectorOf, trimmed(r.selectors)},
		{"type", r.state.Next, func(k rotation.Key) string { return kindOf(k.Public()) }, r.kinds(nil)},
	} {
		if !r.given(f.flag) {
			continue
		}
		var is, want []string
		for _, k := range f.is {
			is = append(is, f.says(k))
		}
		for _, w := range f.want {
			want = append(want, strings.ToLower(w))
		}
		slices.Sort(is)
		slices.Sort(want)
		if slices.Equal(slices.Compact(is), slices.Compact(want)) {
			continue
		}
		how := "it goes on without --" + f.flag
		if r.state.Over() {
			how = "--begin begins the next"
		}
		return usage(fmt.Errorf("the rotation of %s to %s has begun already, from %s; %s", record.Display(r.domain), rotation.Selectors(r.state.Next), cmp.Or(rotation.Selectors(r.state.Old), "none"), how))
	}
	return nil
}

func selectorOf(k rotation.Key) string { return k.Selector }

func withoutNone(list []string) []string {
	if len(list) == 1 && list[0] == "none" {
		return nil
	}
	return list
}
