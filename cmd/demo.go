package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/lab"
	"github.com/maildoctor/maildoctor/scenario"
)

func (a *app) demoCommand() *cobra.Command {
	var o *output
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Examine a healthy and a sick domain, and cure one, offline",
		Long: `Demo serves a little internet on the loopback interface (name servers and mail
hosts on real sockets) and examines two domains of it, one healthy and one sick.
A third it cures: it plans, rehearses, applies by a dynamic update, examines
again, and sends signed mail between two servers. It needs no network and no
privileges, and ends with 0 whatever it finds.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return a.demo(cmd.Context(), a.all(), o)
		},
	}
	o = a.outputFlags(cmd).fileFlags(cmd)
	return cmd
}

// say puts words around a report, where people read it and no program does.
func (o *output) say(words string) error {
	if o.format.value != "text" || o.path != "" {
		return nil
	}
	_, err := fmt.Fprint(o.app.out, words)
	return err
}

const (
	beforeDemo = `A demonstration, offline: maildoctor serves a little internet on the loopback
interface and examines two domains of it, one healthy and one sick.

`
	afterDemo = `
Now yours: maildoctor check example.com
`
)

// runDemo examines each domain of the demonstration in a world of its own.
func runDemo(ctx context.Context, list []*checks.Check, o *output) error {
	scenarios, err := lab.Demo()
	if err != nil {
		return err
	}
	var reports []diagnosis.Report
	for _, s := range scenarios {
		r, err := examineScenario(ctx, s, list)
		if err != nil {
			return fmt.Errorf("serve the demonstration on the loopback interface: %w", err)
		}
		reports = append(reports, r)
	}
	if err := o.say(beforeDemo); err != nil {
		return err
	}
	if err := o.reports(reports); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return interrupted(0, nil)
	}
	last, err := o.app.loop(ctx, list, o)
	if ctx.Err() != nil {
		return interrupted(0, nil)
	}
	if err != nil {
		return fmt.Errorf("the loop of the demonstration: %w", err)
	}
	if o.format.value == "text" && o.path == "" {
		if err := o.say("\n"); err != nil {
			return err
		}
		if err := o.reports([]diagnosis.Report{last.report}); err != nil {
			return err
		}
		if err := o.mailed(last.mail); err != nil {
			return err
		}
	}
	return o.say(afterDemo)
}

// examineScenario serves the world of s and examines its domain over the network.
func examineScenario(ctx context.Context, s *scenario.Scenario, list []*checks.Check) (diagnosis.Report, error) {
	world, err := lab.Start(s)
	if err != nil {
		return diagnosis.Report{}, err
	}
	defer world.Close()
	stage, err := newLabStage(world)
	if err != nil {
		return diagnosis.Report{}, err
	}
	defer stage.close()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return stage.examine(ctx, subject{domain: s.Domain}, list, nil), nil
}
