package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/keyfile"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/rotation"
)

// start begins a rotation: it finds the old keys, and makes the next.
func (r *rotating) start(ctx context.Context) error {
	names, err := r.oldSelectors()
	if err != nil {
		return err
	}
	if r.clock().Before(rotation.Earliest) { // before a key is made
		return fmt.Errorf("the clock of this machine says %s, so it was never set", r.clock().UTC().Format(time.RFC3339))
	}
	candidates, err := r.candidates(names)
	if err != nil {
		return err
	}
	o := r.ask(ctx, append(slices.Clone(names), candidates...))
	old, err := oldKeys(o, names)
	if err != nil {
		return &codeError{exitFailed, fmt.Errorf("the old key could not be found out, so nothing was begun: %w", err)}
	}
	next, made, err := r.nextKeys(o, old, candidates)
	if err != nil {
		return err
	}
	s, err := rotation.New(r.domain, old, next, rotation.Waits{Retire: time.Duration(r.retire), Delete: time.Duration(r.forget)}, r.clock())
	if err == nil {
		err = r.keep(s)
	}
	if err != nil {
		for _, file := range made { // nobody knows of them
			err = errors.Join(err, plainError(os.Remove(file)))
		}
		return err
	}
	for i, file := range made {
		r.did = append(r.did, fmt.Sprintf("made the key %s (%s) with the selector %s", file, next[i].Describe(), next[i].Selector))
	}
	return nil
}

// oldSelectors are those that sign now.
func (r *rotating) oldSelectors() ([]string, error) {
	var names []string
	switch given := trimmed(r.old); {
	case len(given) == 1 && given[0] == "none":
		return nil, nil
	case r.given("old"):
		for _, text := range given {
			selector, err := parseSelector(text)
			if err != nil {
				return nil, err
			}
			names = append(names, strings.ToLower(selector))
		}
	case r.state != nil:
		for _, k := range r.state.Current() {
			names = append(names, k.Selector)
		}
	case r.entries != nil:
		for _, e := range r.entries.Keys {
			if !e.Revoked {
				names = append(names, e.Selector)
			}
		}
	}
	if len(names) == 0 {
		return nil, usage(fmt.Errorf("with which selector the mail of %s is signed now is not known: give --old SELECTOR (s= in the DKIM-Signature of a mail that you sent), or --old none", record.Display(r.domain)))
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func oldKeys(o rotation.Observation, names []string) ([]rotation.Key, error) {
	var keys []rotation.Key
	for _, name := range names {
		k, err := o.Key(name)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// candidates are the selectors that the next keys may have: those given, or those
// of the year that nothing here has.
func (r *rotating) candidates(old []string) ([]string, error) {
	var names []string
	for _, text := range trimmed(r.selectors) {
		selector, err := parseKeySelector(text)
		if err == nil {
			err = fits(r.domain, selector)
		}
		if err != nil {
			return nil, err
		}
		names = append(names, strings.ToLower(selector))
	}
	if len(names) > 0 {
		return names, nil
	}
	for letter := 'a'; letter <= 'z'; letter++ {
		selector := fmt.Sprintf("%d%c", r.clock().UTC().Year(), letter)
		if err := fits(r.domain, selector); err != nil {
			return nil, err
		}
		if !slices.Contains(old, selector) && !r.knows(selector) && !isThere(filepath.Join(r.dir, keyfile.Name(r.domain, selector))) {
			names = append(names, selector)
		}
	}
	const enough = 6 // of which some may stand in the DNS
	return names[:min(len(names), enough)], nil
}

// knows reports whether a selector was used: by the last rotation, or in the file. No
// selector is used for two keys (RFC 6376, 3.1).
func (r *rotating) knows(selector string) bool {
	has := func(k rotation.Key) bool { return k.Selector == selector }
	if s := r.state; s != nil && (slices.ContainsFunc(s.Old, has) || slices.ContainsFunc(s.Next, has)) {
		return true
	}
	return r.entries != nil && slices.ContainsFunc(r.entries.Keys, func(e rotation.Entry) bool { return e.Selector == selector })
}

// nextKeys makes the next keys, or reads them, and tells which files were made.
func (r *rotating) nextKeys(o rotation.Observation, old []rotation.Key, candidates []string) (keys []rotation.Key, made []string, err error) {
	if len(r.keys) > 0 {
		keys, err = r.readKeys(candidates)
		return keys, nil, err
	}
	kinds := r.kinds(old)
	selectors := candidates
	if !r.given("selector") {
		selectors = slices.DeleteFunc(slices.Clone(candidates), func(name string) bool { return !vacant(o, name) })
		selectors = selectors[:min(len(selectors), len(kinds))]
	}
	if len(selectors) != len(kinds) {
		return nil, nil, usage(fmt.Errorf("%s (%s) need as many selectors; give --selector for each", counted(len(kinds), "key"), strings.Join(kinds, ", ")))
	}
	for _, name := range selectors {
		if path := filepath.Join(r.dir, keyfile.Name(r.domain, name)); isThere(path) {
			return nil, nil, occupied(path)
		}
		if !vacant(o, name) {
			return nil, nil, usage(fmt.Errorf("--selector %s: a record stands at %s already; choose another, or give the --key that belongs to it", name, record.Display(record.DKIMKey(name, r.domain).Name)))
		}
	}
	bits, err := strconv.Atoi(r.bits.value)
	if err != nil {
		return nil, nil, usage(err)
	}
	signing, err := keygenFlags{out: r.dir, now: r.clock}.make(r.domain, selectors, kinds, bits)
	if err != nil {
		return nil, nil, err
	}
	for _, k := range signing {
		rec, err := k.record()
		if err != nil {
			return nil, nil, err
		}
		keys = append(keys, rotation.Key{Selector: k.selector, Record: rec.Data, TTL: r.ttl(old), File: absolute(k.file)})
		made = append(made, k.file)
	}
	return keys, made, nil
}

// absolute is a path that holds in any directory.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// vacant reports whether no server has something at a selector, as far as they tell.
func vacant(o rotation.Observation, selector string) bool {
	for _, s := range o.Servers {
		if v := s.Views[selector]; v.Alias != "" || slices.ContainsFunc(v.Texts, isKey) {
			return false
		}
	}
	return true
}

// kinds are those of the next keys: as given, or as the old ones are.
func (r *rotating) kinds(old []rotation.Key) []string {
	switch r.kind.value {
	case "both":
		return []string{keyfile.RSA, keyfile.Ed25519}
	case keyfile.RSA, keyfile.Ed25519:
		return []string{r.kind.value}
	}
	var kinds []string
	for _, kind := range []string{keyfile.RSA, keyfile.Ed25519} {
		if slices.ContainsFunc(old, func(k rotation.Key) bool { return kindOf(k.Public()) == kind }) {
			kinds = append(kinds, kind)
		}
	}
	if !slices.Contains(kinds, keyfile.RSA) { // not every receiver verifies Ed25519
		kinds = append([]string{keyfile.RSA}, kinds...)
	}
	return kinds
}

// ttl is that of the next records, in seconds.
func (r *rotating) ttl(old []rotation.Key) uint32 {
	if r.settings != nil && r.settings.TTL > 0 {
		return uint32(r.settings.TTL / time.Second)
	}
	for _, k := range old {
		if k.TTL > 0 {
			return k.TTL
		}
	}
	return keyTTL
}

// readKeys reads keys that are there already.
func (r *rotating) readKeys(selectors []string) ([]rotation.Key, error) {
	var keys []rotation.Key
	for i, path := range r.keys {
		data, _, err := keyfile.Read(path)
		if err != nil {
			return nil, usage(fmt.Errorf("--key %s %w", path, err))
		}
		text, err := desired.ReadKey(string(data), true)
		clear(data)
		if err != nil {
			return nil, usage(fmt.Errorf("--key %s %w", path, err))
		}
		keys = append(keys, rotation.Key{Selector: selectors[i], Record: text, TTL: r.ttl(nil), File: absolute(path)})
	}
	return keys, nil
}
