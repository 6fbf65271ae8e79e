package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// A player examines in the world of a recording, or of any scenario.
type player struct {
	scenario *scenario.Scenario
	world    *scenario.World
}

// newPlayer reads the file of --replay.
func newPlayer(path string) (*player, error) {
	s, err := scenario.Load(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		return nil, fmt.Errorf("--replay: %w", err)
	}
	if s.Domain == "" {
		return nil, fmt.Errorf("--replay %s is no recording: it names no domain", path)
	}
	world, err := s.Play()
	return &player{s, world}, err
}

func (p *player) examine(ctx context.Context, _ string, list []*checks.Check, observe func(diagnosis.Result)) diagnosis.Report {
	env := p.world.Env(ctx)
	start := env.Now()
	results := checks.Run(ctx, env, list, observe)
	return p.scenario.Retime(diagnosis.Report{
		Domain: record.Display(env.Domain), At: start, Took: env.Now().Sub(start), CutShort: ctx.Err() != nil, Results: results,
	})
}

// asked: a recording asks nobody.
func (p *player) asked() (resolve.Stats, []resolve.Event) { return resolve.Stats{}, nil }

func (p *player) close() {}

// beside refuses the flags that a recording has settled.
func (f checkFlags) beside(args []string) error {
	settled := []struct {
		flag  string
		given bool
	}{
		{"a domain", len(args) > 0}, {"--zone", len(f.zones) > 0}, {"--record", f.record != ""}, {"--resolver", len(f.resolvers) > 0},
		{"--selector", len(f.selectors) > 0}, {"--ip", len(f.ips) > 0}, {"--helo", f.helo != ""}, {"--mx", len(f.mx) > 0},
		{"--no-smtp", f.noSMTP}, {"--no-https", f.noHTTPS}, {"--trust-ad", f.trustAD}, {"--open-relay-test", f.relayTest}, {"--intrusive", f.intrusive},
	}
	for _, s := range settled {
		if s.given {
			return usage(fmt.Errorf("--replay plays a recording as it was; leave out %s", s.flag))
		}
	}
	return nil
}

// errOneRecording: a scenario has one domain.
var errOneRecording = errors.New("--record takes one domain at a time; run maildoctor once for each")

// keep writes what was recorded to the file of --record.
func (a *app) keep(path string, recorded []byte) error {
	file := &output{app: a, path: path, flag: "--record"}
	return file.print(func(w io.Writer) error {
		_, err := w.Write(recorded)
		return err
	})
}
