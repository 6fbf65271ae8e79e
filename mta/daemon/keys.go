package daemon

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/keyfile"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/record"
)

// Private is the private keys that the owner's file names for a domain.
type Private struct {
	Keys   []mta.Key
	Public []desired.Key     // whose files hold the public key alone: nothing is signed with them
	Faults []desired.Problem // keys that cannot be read
}

// Keys reads the private keys of a domain, canonical, from the files that its dkim
// names, relative to dir.
func Keys(state desired.State, domain, dir string) Private {
	var p Private
	for _, k := range state.DKIM(domain) {
		if k.Revoked || k.File == "" {
			continue
		}
		path := k.File
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		at := fmt.Sprintf("domains.%s.dkim.%s", record.Display(domain), k.Selector)
		if k.Selector == "" {
			p.fault(state, at, errors.New("the profile has no selector of its own for the key; write its selector"))
			continue
		}
		key, err := mta.ReadKey(domain, k.Selector, path)
		switch {
		case errors.Is(err, keyfile.ErrNone):
			p.Public = append(p.Public, k)
		case err != nil:
			p.fault(state, at, err)
		default:
			p.Keys = append(p.Keys, key)
		}
	}
	return p
}

func (p *Private) fault(state desired.State, path string, err error) {
	p.Faults = append(p.Faults, desired.Problem{Position: state.At(path), Path: path, Message: err.Error()})
}
