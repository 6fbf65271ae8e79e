//go:build linux

package rfc2136_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/providertest"
	"github.com/maildoctor/maildoctor/record"
)

func TestBIND(t *testing.T) {
	t.Parallel()
	providertest.Run(t, startBIND(t).backend("owner.", "reader."))
}

func TestBINDByName(t *testing.T) {
	t.Parallel()
	providertest.Run(t, startBIND(t).backend())
}

func TestKnot(t *testing.T) {
	t.Parallel()
	providertest.Run(t, startKnot(t).backend("owner.", "reader."))
}

func TestPowerDNS(t *testing.T) {
	t.Parallel()
	b := startPowerDNS(t).backend("owner.", "reader.")
	serve := b.Serve
	b.Serve = func(t *testing.T, zone string, records []record.Record) providertest.Service {
		if strings.HasPrefix(zone, "txt-that-differ-by-case.") {
			t.Skip("PowerDNS 4.7 takes texts that differ by case for the same in prerequisites: it refuses a set with both, and nothing is written")
		}
		return serve(t, zone, records)
	}
	providertest.Run(t, b)
}

// Keys that do not fit, and clocks that are wrong.
func TestPeersWrongKeys(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t)
			p.serve(t, peerZone{name: zone, transfer: []string{owner}}, small())
			holdsWrongKeys(t, p.address, name != "PowerDNS")
		})
	}
}

var servers = map[string]func(*testing.T) *peer{"BIND": startBIND, "Knot DNS": startKnot, "PowerDNS": startPowerDNS}

// Keys that may do some things and not others.
func TestPeersPermission(t *testing.T) {
	some := map[string]string{ // of the zone's configuration: the owner may change _dmarc only
		"BIND":     "update-policy { grant owner. name _dmarc.example.org. TXT; grant admin. zonesub ANY; };",
		"Knot DNS": ", update-dmarc]\n",
	}
	for name, start := range servers {
		if some[name] == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t).serve(t, peerZone{name: zone, more: some[name]}, small())
			to, err := s.Open(t.Context(), zone)
			if err != nil {
				t.Fatal(err)
			}
			if to.Traits().Whole {
				t.Error("the zone is transferred, which the key may not")
			}
			allowed := set("_dmarc."+zone, "TXT", "", 300, "v=DMARC1; p=none")
			if err := to.Write(t.Context(), planned(t, to, allowed)); err != nil {
				t.Error(err)
			}
			was := s.Records(t)
			err = to.Write(t.Context(), planned(t, to, set("_dmarc."+zone, "TXT", "", 300, "v=DMARC1; p=reject"), set("new."+zone, "TXT", "", 300, "x")))
			if !errors.Is(err, providers.ErrDenied) || !strings.Contains(err.Error(), "owner") {
				t.Errorf("half of a plan is allowed: %v", err)
			}
			if !slices.Equal(s.Records(t), was) {
				t.Error("something was written")
			}
		})
	}
}

// A secondary server refuses, or passes on to the primary, which decides.
func TestPeersSecondary(t *testing.T) {
	t.Parallel()
	above := servePrimary(t, zone, small(), rights["transfer"])
	_, port, _ := strings.Cut(above.address, ":")
	bind := startBIND(t)
	for _, forwards := range []string{"none", "any"} {
		secondary := bind.serve(t, peerZone{name: zone, more: "primaries { 127.0.0.1 port " + port + " key admin; }; allow-update-forwarding { " + forwards + "; };", secondary: true}, nil)
		to, err := secondary.Open(t.Context(), zone)
		if err != nil {
			t.Fatal(err)
		}
		err = to.Write(t.Context(), planned(t, to, set("_dmarc."+zone, "TXT", "", 300, "v=DMARC1; p=none")))
		if forwards == "any" {
			if err != nil || !slices.ContainsFunc(above.Records(t), func(r record.Record) bool { return r.Name == "_dmarc."+zone }) {
				t.Errorf("passed on: %v", err)
			}
			continue
		}
		if !errors.Is(err, providers.ErrDenied) || !strings.Contains(err.Error(), "names ns1.example.org as the primary: updates go there") {
			t.Error(err)
		}
		bind.forget()
	}
}

func TestPeersByName(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			holdsByName(t, start(t).serve(t, peerZone{name: zone}, wild()))
		})
	}
}

// A zone that the server signs is changed as any other, and the server signs what comes.
func TestPeersSigned(t *testing.T) {
	signs := map[string]string{
		"BIND":     "update-policy { grant owner. zonesub ANY; grant admin. zonesub ANY; }; dnssec-policy default; inline-signing no;",
		"Knot DNS": ", update-owner]\n    dnssec-signing: on\n",
	}
	for name, more := range signs {
		for _, transfer := range [][]string{{owner}, nil} {
			t.Run(fmt.Sprint(name, len(transfer)), func(t *testing.T) {
				t.Parallel()
				p := servers[name](t)
				s := p.serve(t, peerZone{name: zone, transfer: transfer, more: more}, wild())
				signed := func(name, typ string) bool {
					return slices.ContainsFunc(s.Records(t), func(r record.Record) bool {
						return r.Name == name && r.Type == "RRSIG" && strings.HasPrefix(r.Data, typ+" ")
					})
				}
				for deadline := time.Now().Add(10 * time.Second); !signed(zone, "SOA") || !signed("www."+zone, "A"); {
					if time.Now().After(deadline) {
						t.Fatal("the zone is not signed")
					}
					time.Sleep(20 * time.Millisecond)
				}
				to, err := s.Open(t.Context(), zone)
				if err != nil {
					t.Fatal(err)
				}
				edits := []record.Edit{set(zone, "TXT", "v=spf1", 0, "v=spf1 mx -all"), set("_dmarc."+zone, "TXT", "", 300, "v=DMARC1; p=none"), set("none.c."+zone, "A", "", 300, "192.0.2.9"), set("www."+zone, "A", "", 0)}
				if err := to.Write(t.Context(), planned(t, to, edits...)); err != nil {
					t.Fatal(err)
				}
				for deadline := time.Now().Add(10 * time.Second); !signed("_dmarc."+zone, "TXT"); {
					if time.Now().After(deadline) {
						t.Fatal("the new record is not signed")
					}
					time.Sleep(20 * time.Millisecond)
				}
				if p := planned(t, to, edits...); !p.Empty() {
					t.Errorf("there is still something to plan: %v", p.Changes)
				}
			})
		}
	}
}
