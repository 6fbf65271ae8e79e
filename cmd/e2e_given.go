package cmd

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/daemon"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/scenario/httpscript"
)

// fileKeys reads the private keys that the file names.
func (w *trialWorld) fileKeys(state desired.State, file string) error {
	read := daemon.Keys(state, w.domain, filepath.Dir(file))
	for _, fault := range read.Faults {
		return usage(errors.New(fault.Message))
	}
	for _, k := range read.Public {
		w.notes = append(w.notes, fmt.Sprintf("%s holds no private key, so nothing is signed with selector %s; --key %[2]s=FILE names one", k.File, k.Selector))
	}
	w.keys = append(w.keys, read.Keys...)
	return nil
}

// withKeys reads those of --key, which take the place of others of their selectors.
func (w *trialWorld) withKeys(given []string) error {
	for _, text := range given {
		name, path, ok := strings.Cut(text, "=")
		if !ok || path == "" {
			return usage(fmt.Errorf("--key %q: it takes SELECTOR=FILE", text))
		}
		selector, err := parseSelector(name)
		if err != nil {
			return usage(fmt.Errorf("--key: %w", err))
		}
		key, err := mta.ReadKey(w.domain, selector, path)
		if err != nil {
			return usage(fmt.Errorf("--key: %w", err))
		}
		w.keys = slices.DeleteFunc(w.keys, func(k mta.Key) bool { return k.Selector == selector })
		w.keys = append(w.keys, key)
	}
	return nil
}

// bounces takes the reverse-path of --mail-from.
func (w *trialWorld) bounces(address string) error {
	if address == "" {
		return nil
	}
	at := strings.LastIndexByte(address, '@')
	if at < 1 || client.Sendable(address) != nil {
		return usage(fmt.Errorf("--mail-from %q is no address, such as bounce@example.net", address))
	}
	domain, err := record.ParseDomain(address[at+1:])
	if err != nil {
		return usage(fmt.Errorf("--mail-from %q %w", address, err))
	}
	w.from = address[:at+1] + record.Display(domain)
	return nil
}

// fetchesPolicies has the sender look at the policy that the lab serves.
func (w *trialWorld) fetchesPolicies(pages httpscript.Site) {
	if len(pages) > 0 {
		w.http = &probe.Fetcher{Dial: w.lab.Dial, RootCAs: w.lab.CA.Pool(), Now: w.lab.Clock()}
	}
}

// policyFile is the policy of --mta-sts, as it stands there; nil without one.
func (w *trialWorld) policyFile(path string) (httpscript.Site, error) {
	if path == "" {
		return nil, nil
	}
	const most = 64 << 10 // RFC 8461, 3.3
	text, err := readBounded(path, most)
	if err == nil && len(text) > most {
		err = fmt.Errorf("it has more than %d octets", most)
	}
	if err != nil {
		return nil, usage(fmt.Errorf("--mta-sts %s: %w", path, err))
	}
	return w.policyPage(string(text))
}

// policyPage is the MTA-STS policy as the domain serves it.
func (w *trialWorld) policyPage(text string) (httpscript.Site, error) {
	page, err := httpscript.Parse(text)
	if err != nil {
		return nil, err
	}
	return httpscript.Site{"mta-sts." + record.Display(w.domain) + "/.well-known/mta-sts.txt": page}, nil
}
