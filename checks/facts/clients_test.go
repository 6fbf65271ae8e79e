package facts_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/checks/facts"
)

// TestOnlyAnnouncedDoorsAreTried: what a domain announces is no licence to knock
// anywhere: the usual ports of the service alone, public addresses, one of each
// family, each once, and not too many.
func TestOnlyAnnouncedDoorsAreTried(t *testing.T) {
	tests := []struct {
		name, zone string
		dialled    []string
		left       int
		omitted    int
		off        string
	}{
		{"nothing is announced", "@ MX 10 mail\nmail A 192.0.2.25", nil, 0, 0, "the domain announces no hosts for mail programs"},
		{"one of each family", "_imaps._tcp SRV 0 1 993 mail\nmail A 192.0.2.25\nmail A 192.0.2.26\nmail AAAA 2001:db8::25\nmail AAAA 2001:db8::26",
			[]string{"192.0.2.25:993", "[2001:db8::25]:993"}, 0, 0, ""},
		{"announced twice", "_imaps._tcp SRV 0 1 993 mail\n_imaps._tcp SRV 1 1 993 mail\nmail A 192.0.2.25", []string{"192.0.2.25:993"}, 0, 0, ""},
		{"a port of something else", "_imaps._tcp SRV 0 1 22 mail\n_submissions._tcp SRV 0 1 6379 mail\n_imap._tcp SRV 0 1 993 mail\nmail A 192.0.2.25", nil, 3, 0, ""},
		{"private addresses", "_imaps._tcp SRV 0 1 993 nas\n_imap._tcp SRV 0 1 143 here\nnas A 192.168.1.1\nhere A 127.0.0.1", nil, 0, 0, "the domain announces no hosts for mail programs"},
		{"denied", "_imaps._tcp SRV 0 0 0 .\n_imap._tcp SRV 0 0 0 .", nil, 0, 0, "the domain announces no hosts for mail programs"},
		{"too many", many(), nil, 0, 2, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := playSessions(t, "domain: example.org\n\n-- zone --\n"+tt.zone+"\n")
				world.NoHTTPS = true
				var mu sync.Mutex
				var dialled []string
				env := world.EnvOver(t.Context(), world.DNS(), func(ctx context.Context, network, address string) (net.Conn, error) {
					mu.Lock()
					defer mu.Unlock()
					dialled = append(dialled, address)
					return world.Dial(ctx, network, address)
				})
				doors, err := facts.ClientDoors.Of(t.Context(), env)
				if err != nil || doors.Off != tt.off || len(doors.Left) != tt.left || doors.Omitted != tt.omitted {
					t.Errorf("off %q, left %q, %d omitted, error %v", doors.Off, doors.Left, doors.Omitted, err)
				}
				slices.Sort(dialled)
				if tt.name == "too many" {
					if len(dialled) != 12 {
						t.Errorf("dialled %d times", len(dialled))
					}
					return
				}
				if !slices.Equal(dialled, tt.dialled) {
					t.Errorf("dialled %q, want %q", dialled, tt.dialled)
				}
			})
		})
	}
}

// many is a zone that announces fourteen hosts.
func many() string {
	var b strings.Builder
	services := map[string]int{"_imaps": 993, "_imap": 143, "_pop3s": 995, "_pop3": 110}
	n := 0
	for _, label := range []string{"_imaps", "_imap", "_pop3s", "_pop3"} {
		for range 4 {
			if n++; n > 14 {
				break
			}
			fmt.Fprintf(&b, "%s._tcp SRV 0 1 %d h%d\nh%d A 192.0.2.%d\n", label, services[label], n, n, n)
		}
	}
	return b.String()
}

func TestSettingsAreFollowedToHTTPSOnly(t *testing.T) {
	const page = "-- https/autoconfig.example.org/mail/config-v1.1.xml?emailaddress=postmaster%40example.org --\n!redirect "
	tests := []struct {
		to      string
		fetches int
	}{
		{"http://autoconfig.example.org/x", 1},
		{"https://autoconfig.example.org/mail/config-v1.1.xml?emailaddress=postmaster%40example.org", 1}, // a loop
		{"https://autoconfig.example.org:8443/x", 2},
		{"https://nas.example.org/x", 2},
		{"/a", 3},
		{"::", 1},
	}
	for _, tt := range tests {
		t.Run(tt.to, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := playSessions(t, "domain: example.org\n\n-- zone --\n@ MX 10 mail\nmail A 192.0.2.25\nautoconfig A 192.0.2.80\nnas A 192.168.1.1\n"+page+tt.to+"\n"+
					"-- https/autoconfig.example.org/a --\n!redirect /b\n-- https/autoconfig.example.org/b --\n!redirect /c\n")
				s, err := facts.MozillaSettings.Of(t.Context(), world.Env(t.Context()))
				if err != nil || s.Found || len(s.Tries) == 0 || len(s.Tries[0].Fetches) != tt.fetches {
					t.Fatalf("%d fetches, error %v: %+v", len(s.Tries[0].Fetches), err, s.Tries)
				}
				for _, f := range s.Tries[0].Fetches[1:] {
					if f.Addr.IsValid() && f.Addr.String() != "192.0.2.80" {
						t.Errorf("fetched from %s", f.Addr)
					}
				}
			})
		})
	}
}

func TestServesClients(t *testing.T) {
	for host, want := range map[string]string{
		"autodiscover.outlook.com.": facts.Microsoft, "outlook.office365.com.": facts.Microsoft, "imap.gmail.com.": "Google Workspace",
		"imap.migadu.com.": "Migadu", "mail.example.org.": "", "notoutlook.com.": "",
	} {
		got, ok := facts.ServesClients(host)
		if got != want || ok != (want != "") {
			t.Errorf("%s serves clients of %q", host, got)
		}
		if ok && !slices.ContainsFunc(facts.Providers(), func(p facts.Provider) bool { return p.Name == got }) {
			t.Errorf("%q is no provider", got)
		}
	}
	if _, keeps := facts.KeepsMailboxes("ImprovMX"); keeps {
		t.Error("a forwarder keeps no mail")
	}
	if _, keeps := facts.KeepsMailboxes(facts.Microsoft); !keeps {
		t.Error("Microsoft keeps its customers' mail")
	}
}
