package rfc2136_test

import (
	"encoding/base64"
	"testing"

	"github.com/maildoctor/maildoctor/providers/providertest"
	"github.com/maildoctor/maildoctor/providers/rfc2136/primary"
	"github.com/maildoctor/maildoctor/record"
)

// servePrimary serves a zone in process. The admin may do everything; what the
// others may is said by rights.
func servePrimary(t *testing.T, zone string, records []record.Record, rights map[string]primary.Rights) *service {
	t.Helper()
	o := primary.Options{Zone: zone, Records: records}
	all := map[string]primary.Rights{admin: {Transfer: true, Update: true}}
	for name, r := range rights {
		all[name] = r
	}
	for name, r := range all {
		secret, _ := base64.StdEncoding.DecodeString(secretOf(name))
		o.Keys = append(o.Keys, primary.Key{Name: name, Algorithm: "hmac-sha256", Secret: secret, Rights: r})
	}
	server, err := primary.New(o)
	if err != nil {
		t.Fatal(err)
	}
	address, err := server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return newService(t, zone, address, nil)
}

func primaryBackend(rights map[string]primary.Rights) providertest.Backend {
	return providertest.Backend{Serve: func(t *testing.T, zone string, records []record.Record) providertest.Service {
		return servePrimary(t, zone, records, rights)
	}}
}

func TestPrimary(t *testing.T) {
	t.Parallel()
	providertest.Run(t, primaryBackend(map[string]primary.Rights{owner: {Transfer: true, Update: true}, reader: {Transfer: true}}))
}

func TestPrimaryByName(t *testing.T) {
	t.Parallel()
	providertest.Run(t, primaryBackend(map[string]primary.Rights{owner: {Update: true}, reader: {}}))
}
