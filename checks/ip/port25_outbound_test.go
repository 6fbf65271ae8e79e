package ip_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/ip"
	"github.com/maildoctor/maildoctor/scenario"
)

const shut = `address: 192.0.2.25
here: 192.0.2.25

-- without --
TXT 2.0.192.origin.asn.cymru.com.
-- zone asn.cymru.com --
2.0.192.origin TXT "ORIGIN | 192.0.2.0/24 | ZZ | iana | 2010-01-01"
-- smtp/203.0.113.251:25 --
!timeout
-- smtp/203.0.113.252:25 --
!timeout
-- smtp/203.0.113.253:25 --
!timeout
`

// TestWhoOpensPort25: the step names who keeps port 25 shut, where that is known.
func TestWhoOpensPort25(t *testing.T) {
	for origin, want := range map[string]string{
		"64500":  "Ask the provider of this machine to open outbound TCP port 25.",
		"47583":  "Ask the provider of this machine to open outbound TCP port 25.", // no page of theirs says how
		"14061":  "192.0.2.25 looks like an address of DigitalOcean (AS14061). Ports 25, 465 and 587 are blocked ",
		"24940":  "192.0.2.25 looks like an address of Hetzner (AS24940). Cloud servers have ports 25 and 465 closed on the way out. ",
		"396982": "192.0.2.25 looks like an address of Google Cloud (AS396982). Connections to port 25 ",
	} {
		synctest.Test(t, func(t *testing.T) {
			file := &fstest.MapFile{Data: []byte(strings.Replace(shut, "ORIGIN", origin, 1))}
			s, err := scenario.Load(fstest.MapFS{"shut.txtar": file}, "shut.txtar")
			if err != nil {
				t.Fatal(err)
			}
			world, err := s.Play()
			if err != nil {
				t.Fatal(err)
			}
			env := world.EnvOver(t.Context(), world.DNS(), world.Dial)
			r := checks.Run(t.Context(), env, []*checks.Check{ip.Port25Outbound}, nil)[0]
			if len(r.Findings) != 1 || len(r.Findings[0].Remedy.Steps) != 3 || !strings.HasPrefix(r.Findings[0].Remedy.Steps[0], want) {
				t.Fatalf("AS%s: %s %+v\nwant %q first", origin, r.Reason, r.Findings, want)
			}
			if steps := strings.Join(r.Findings[0].Remedy.Steps, "\n"); strings.Contains(steps, "2525") != (origin == "14061") {
				t.Errorf("AS%s: %s", origin, steps)
			}
		})
	}
}
