package providertest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/providers"
)

// A Case is one thing that every provider has to do, or to leave alone.
type Case struct {
	Name string
	// Unless says why a provider need not pass; empty where it must. Nil where all must.
	Unless func(providers.Traits) string
	run    func(*stage)
}

// Cases are what Run runs, in order.
func Cases() []Case {
	return slices.Concat(writing(), texts(), names(), lifetimes(), stales(), faults(), access(), readings(), histories(), randoms())
}

// Run holds a provider against all cases. Each is a subtest with a fresh zone of
// its own name; `go test -v` prints the table. A case that needs what the provider's
// Traits say it has not is skipped with that reason, and so is one whose fault the
// Backend cannot make (its Break skips the test).
func Run(t *testing.T, b Backend) {
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) { c.on(t, b) })
	}
}

// patience bounds a case.
const patience = 30 * time.Second

func (c Case) on(t *testing.T, b Backend) {
	s := open(t, b, zoneOf(c.Name))
	if c.Unless != nil {
		if why := c.Unless(s.to.Traits()); why != "" {
			t.Skip(why)
		}
	}
	c.run(s)
}

// zoneOf is the zone of a case: one server may serve those of all.
func zoneOf(name string) string {
	label := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	return strings.Trim(label[:min(len(label), 50)], "-") + ".example."
}

// open is a stage with a fresh zone.
func open(t *testing.T, b Backend, zone string) *stage {
	t.Helper()
	records := base(zone)
	service := b.Serve(t, zone, slices.Clone(records))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	s := &stage{T: t, ctx: ctx, zone: zone, service: service}
	s.to = s.provider(zone)
	s.before = service.Records(t)
	sameRecords(t, "the Backend does not serve what it was given", without(s.before, zone), without(records, zone))
	if t.Failed() {
		t.FailNow()
	}
	return s
}

// provider opens the provider for a domain, watched.
func (s *stage) provider(domain string) providers.Provider {
	s.Helper()
	to, err := s.service.Open(s.ctx, domain)
	if err != nil {
		s.Fatalf("Open(%s): %v", domain, err)
	}
	if to.Zone() != s.zone {
		s.Fatalf("Open(%s): the zone is %q, want %q", domain, to.Zone(), s.zone)
	}
	s.clean("String()", to.String())
	if to.String() == "" {
		s.Error("String() is empty")
	}
	return watched{to, s}
}

// clean fails where a text holds a secret, or what a terminal would act on.
func (s *stage) clean(what, text string) {
	s.Helper()
	for _, r := range text {
		if r < ' ' || 0x7f <= r && r < 0xa0 {
			s.Errorf("%s holds a control octet: %q", what, text)
			break
		}
	}
	keeper, ok := s.service.(Keeper)
	if !ok {
		return
	}
	for _, secret := range keeper.Secrets() {
		if secret != "" && strings.Contains(text, secret) {
			s.Errorf("%s holds a secret", what)
		}
	}
}

// A Keeper is a Service that knows the secrets of its credentials. The suite
// looks for them in whatever a provider says.
type Keeper interface{ Secrets() []string }
