//go:build linux

package lab_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/scenario"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// TestPeersSmuggling: a real Postfix that takes bare line ends for the end of a
// message is told from one that does not, and only the first one gets a message.
func TestPeersSmuggling(t *testing.T) {
	mta := newPostfix(t)
	tests := []*struct {
		option  string
		finding string // part of it; empty if all is well

		world   *scenario.World
		address string
	}{
		{option: "smtpd_forbid_bare_newline=no", finding: "takes <LF>.<LF> for the end of a message"},
		{option: "smtpd_forbid_bare_newline=normalize"},
		{option: "smtpd_forbid_bare_newline=reject"},
	}
	for _, test := range tests {
		s, err := scenario.Parse(fmt.Appendf(nil, starttlsWorld, time.Now().UTC().Format(time.RFC3339)))
		if err != nil {
			t.Fatal(err)
		}
		if test.world, err = s.Play(); err != nil {
			t.Fatal(err)
		}
		cert, err := test.world.CA.Issue(smtpscript.Certificate{Names: []string{"mx.example.org"}})
		if err != nil {
			t.Fatal(err)
		}
		test.address = mta.present(t, "example.org", "mx.example.org", cert, test.option)
	}
	if !mta.normalizes(t) {
		peertest.Missing(t, "this Postfix is older than the settings that are tested")
	}
	mta.start(t)
	messages := 0
	t.Run("options", func(t *testing.T) {
		for _, test := range tests {
			if test.finding != "" {
				messages++
			}
			t.Run(test.option, func(t *testing.T) {
				t.Parallel()
				r := smuggling(t, test.world, test.address)
				said := fmt.Sprintf("%v %s %v %v", r.Outcome, r.Reason, r.Findings, r.Seen)
				switch {
				case test.finding == "" && r.Outcome != diagnosis.Passed:
					t.Error(said)
				case test.finding != "" && (len(r.Findings) != 1 || !strings.Contains(r.Findings[0].Message, test.finding)):
					t.Error(said)
				}
			})
		}
	})
	if n := mta.queued(t); n != messages {
		t.Errorf("%d messages were taken in, want %d", n, messages)
	}
}

// smuggling is the result of smtp.smuggling with the host at address.
func smuggling(t *testing.T, world *scenario.World, address string) diagnosis.Result {
	t.Helper()
	list, err := checks.Select(suite.All(), []string{"smtp.smuggling"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	env := world.EnvOver(t.Context(), world.DNS(), dial)
	env.SMTP = &probe.Prober{Dial: dial, RootCAs: world.CA.Pool(), Now: world.Clock(), HELO: "probe.example.net", Timeouts: probe.Timeouts{Ending: time.Second}}
	return checks.Run(t.Context(), env, list, nil)[0]
}

// normalizes reports whether this Postfix has the settings that came with the
// second of two updates against smuggling.
func (p *postfix) normalizes(t *testing.T) bool {
	t.Helper()
	out, err := exec.Command(peertest.Program(t, "postconf"), "-d", "smtpd_forbid_bare_newline_reject_code").CombinedOutput()
	return err == nil && !strings.Contains(string(out), "unknown parameter")
}

// queued is how many messages Postfix has taken in, by its log.
func (p *postfix) queued(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	taken := make(map[string]bool)
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "(queue active)") {
			taken[strings.Fields(line)[5]] = true
		}
	}
	return len(taken)
}
