package cmd

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// A player examines in the world of a recording, or of any scenario.
type player struct {
	subject  subject
	scenario *scenario.Scenario
	world    *scenario.World

	rehearsed bool          // the DNS is that of a rehearsal, which no server has
	edits     []record.Edit // over that of the world
	// web is what becomes of the web of the world; nil: nothing.
	web func(checks.HTTP) checks.HTTP
}

// newPlayer reads the file of --replay.
func newPlayer(path string) (*player, error) {
	s, err := scenario.Load(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		return nil, fmt.Errorf("--replay: %w", err)
	}
	if s.Domain == "" && !s.Address.IsValid() && s.Message == nil {
		return nil, fmt.Errorf("--replay %s is no recording: it names neither a domain nor an address", path)
	}
	world, err := s.Play()
	return &player{subject: subject{s.Domain, s.Address}, scenario: s, world: world}, err
}

// noMessage is an error where the recording is of a message.
func (p *player) noMessage(path string) error {
	if p.scenario.Message == nil {
		return nil
	}
	return fmt.Errorf("--replay %s is of a message; play it with maildoctor message --replay", path)
}

func (p *player) examine(ctx context.Context, of subject, list []*checks.Check, observe func(diagnosis.Result)) diagnosis.Report {
	env := p.world.EnvOver(ctx, p.over(p.world.DNS()), p.world.Dial)
	if p.rehearsed {
		env.Servers = nil
	}
	if p.web != nil {
		env.HTTP = p.web(env.HTTP)
	}
	report := p.subject.report()
	if of.addr.IsValid() && p.subject.domain != "" { // one of the addresses in the world of a domain
		env.Domain, env.Want.Senders = "", []netip.Addr{of.addr}
		report = of.report()
	}
	start := env.Now()
	results := checks.Run(ctx, env, list, observe)
	report.At, report.Took, report.CutShort, report.Results = start, env.Now().Sub(start), ctx.Err() != nil, results
	report.Map = facts.MapOf(env)
	return p.scenario.Retime(report)
}

// asked: a recording asks nobody.
func (p *player) asked() (resolve.Stats, []resolve.Event) { return resolve.Stats{}, nil }

func (p *player) close() {}

// A settled flag is one that a recording leaves nothing to say about.
type settled struct {
	flag  string
	given bool
}

// beside refuses the flags that a recording has settled.
func (f checkFlags) beside(args []string) error {
	return f.examFlags.beside(
		settled{"a domain", len(args) > 0}, settled{"--zone", len(f.zones) > 0},
		settled{"--selector", len(f.selectors) > 0}, settled{"--ip", len(f.ips) > 0}, settled{"--mx", len(f.mx) > 0},
		settled{"--dmarc", f.minimum != nil && f.minimum.value != ""},
		settled{"--trust-ad", f.trustAD}, settled{"--open-relay-test", f.relayTest}, settled{"--intrusive", f.intrusive}, settled{"--allow-private", f.allowPrivate}, settled{"--local", f.local})
}

func (f *examFlags) beside(more ...settled) error {
	list := append(more, []settled{
		{"--record", f.record != ""}, {"--resolver", len(f.resolvers) > 0}, {"--helo", f.helo != ""},
		{"--no-smtp", f.noSMTP}, {"--no-https", f.noHTTPS},
	}...)
	for _, s := range list {
		if s.given {
			return usage(fmt.Errorf("--replay plays a recording as it was; leave out %s", s.flag))
		}
	}
	return nil
}

// oneRecording: a scenario has one subject.
func oneRecording(noun string) error {
	return fmt.Errorf("--record takes one %s at a time; run maildoctor once for each", noun)
}

// keep writes what was recorded to the file of --record.
func (a *app) keep(path string, recorded []byte) error {
	file := &output{app: a, path: path, flag: "--record"}
	return file.print(func(w io.Writer) error {
		_, err := w.Write(recorded)
		return err
	})
}
