package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"

	"github.com/maildoctor/maildoctor/ddns"
	"github.com/maildoctor/maildoctor/record"
)

// Of each host is kept which addresses ddns has published for it: they are the
// owner's, so that a run that ended in the middle is taken up, and an address
// that is no more can go. The file stands in the folder of the host.
const (
	ddnsFile    = "ddns.json"
	ddnsSchema  = "maildoctor.ddns-state/v1"
	maxDDNSKept = 32 // addresses of a host
)

type wireDDNS struct {
	Schema    string       `json:"schema"`
	Addresses []netip.Addr `json:"addresses"` // the latest last
}

// remember reads what was published for the hosts.
func (k *ddnsKeeper) remember() error {
	kept, err := k.app.ledger()
	if err != nil {
		return err
	}
	k.owned = make(map[string][]netip.Addr)
	for _, host := range k.hosts {
		text, err := kept.Load(host, ddnsFile)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("what was published for %s could not be read: %w", record.Display(host), err)
		}
		var w wireDDNS
		if err := json.Unmarshal(text, &w); err != nil || w.Schema != ddnsSchema {
			return fmt.Errorf("%s of %s in %s is no file of the version %s; without it, what was published is not known", ddnsFile, record.Display(host), kept.Path(), ddnsSchema)
		}
		k.owned[host] = w.Addresses
	}
	return nil
}

// known are the addresses that are known to be, or to have been, this machine's.
func (k *ddnsKeeper) known() []netip.Addr {
	list := slices.Clone(k.were)
	for _, host := range k.hosts {
		for _, a := range k.owned[host] {
			if !slices.Contains(list, a) {
				list = append(list, a)
			}
		}
	}
	return list
}

// note keeps what was found, beside what was kept before. Where all is in step, what was
// there before of the same family is forgotten: nothing holds it any more.
func (k *ddnsKeeper) note(found ddns.Found, s ddnsStep, inStep bool) error {
	kept, err := k.app.ledger()
	if err != nil {
		return err
	}
	inStep = inStep && s.left() == nil
	for _, host := range k.hosts {
		list := slices.DeleteFunc(slices.Clone(k.owned[host]), func(a netip.Addr) bool {
			now := found[familyOf(a)].Addr
			return a == now || inStep && now.IsValid()
		})
		for _, r := range found {
			if r.Addr.IsValid() && k.holds(host, r.Addr, s) {
				list = append(list, r.Addr)
			}
		}
		list = list[max(0, len(list)-maxDDNSKept):]
		if slices.Equal(list, k.owned[host]) {
			continue
		}
		text, err := json.Marshal(wireDDNS{ddnsSchema, list})
		if err != nil {
			return err
		}
		if err := kept.Save(host, ddnsFile, append(text, '\n')); err != nil {
			return fmt.Errorf("what is published for %s could not be kept: %w", record.Display(host), err)
		}
		k.owned[host] = list
	}
	return nil
}

// holds reports whether a host has an address, or is about to be given it.
func (k *ddnsKeeper) holds(host string, addr netip.Addr, s ddnsStep) bool {
	for _, r := range s.after {
		if a, ok := r.Addr(); ok && r.Name == host && a == addr {
			return true
		}
	}
	return false
}

func familyOf(a netip.Addr) ddns.Family {
	if a.Is4() {
		return ddns.IPv4
	}
	return ddns.IPv6
}
