package facts_test

import (
	"slices"
	"testing"

	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/senders"
)

// Who sends is called by the same name in an examination and by reports.
func TestServicesAreProviders(t *testing.T) {
	services := senders.Services()
	for _, p := range facts.Providers() {
		if len(p.SPF) == 0 {
			continue
		}
		i := slices.IndexFunc(services, func(s senders.Service) bool { return s.Name == p.Name })
		if i < 0 {
			t.Errorf("package senders does not know %s", p.Name)
			continue
		}
		if !slices.Equal(services[i].SPF, p.SPF) {
			t.Errorf("%s publishes SPF at %v in package senders and at %v here", p.Name, services[i].SPF, p.SPF)
		}
	}
}
