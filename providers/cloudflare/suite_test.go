package cloudflare_test

import (
	"context"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/cloudflare"
	"github.com/maildoctor/maildoctor/providers/cloudflare/fake"
	"github.com/maildoctor/maildoctor/providers/providertest"
	"github.com/maildoctor/maildoctor/record"
)

func TestProvider(t *testing.T) {
	api := fake.New()
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	providertest.Run(t, providertest.Backend{Serve: func(t *testing.T, zone string, records []record.Record) providertest.Service {
		z, err := api.AddZone(zone, records...)
		if err != nil {
			t.Fatal(err)
		}
		return &service{api, server.URL + "/client/v4", z, api.Token("", fake.Everything), api.Token("", fake.ZoneRead|fake.DNSRead)}
	}})
}

// A service is one zone of the fake.
type service struct {
	api            *fake.API
	url            string
	zone           *fake.Zone
	token, limited string
}

func (s *service) Open(ctx context.Context, domain string) (providers.Provider, error) {
	return s.open(ctx, domain, s.token)
}

func (s *service) Denied(ctx context.Context, domain string) (providers.Provider, error) {
	return s.open(ctx, domain, s.limited)
}

func (s *service) open(ctx context.Context, domain, token string) (providers.Provider, error) {
	p, err := cloudflare.Open(ctx, domain, cloudflare.Options{Token: token, BaseURL: s.url})
	if err != nil {
		return nil, err // not a nil *cloudflare.Provider
	}
	return p, nil
}

func (s *service) Secrets() []string                  { return []string{s.token, s.limited} }
func (s *service) Records(*testing.T) []record.Record { return s.zone.Records() }

func (s *service) Change(t *testing.T, edits ...record.Edit) {
	t.Helper()
	if err := s.zone.Edit(edits...); err != nil {
		t.Fatal(err)
	}
}

func (s *service) Break(t *testing.T, how providertest.Fault) {
	fault := map[providertest.Fault]fake.Fault{
		providertest.Refused: fake.Broken(false),
		providertest.Lost:    fake.Lost(false),
		providertest.Cut:     fake.Cut(false),
	}[how]
	var done atomic.Bool
	s.api.Fail(func(c fake.Call) fake.Fault {
		if c.Write() && done.CompareAndSwap(false, true) {
			return fault
		}
		return fake.Fault{}
	})
	t.Cleanup(func() { s.api.Fail(nil) })
}
