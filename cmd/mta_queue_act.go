package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/mta/control"
	"github.com/maildoctor/maildoctor/report"
)

// A queueAct is something that is done with messages.
type queueAct struct {
	action      control.Action
	short, long string
}

var queueActs = []queueAct{
	{control.Retry, "Try messages now, not when they are due",
		`Retry has messages tried now, for all recipients that wait. Their schedule goes
on as if it had been time. A held message stays held: release it first.`},
	{control.Hold, "Keep messages from being tried",
		`Hold has messages wait until they are released, across restarts too. What is
being delivered at this moment goes on.`},
	{control.Release, "Give held messages back to their schedule",
		`Release gives held messages back to their schedule. What was due meanwhile is
tried at once.`},
	{control.Remove, "Remove messages for good, and tell nobody",
		`Remove drops messages for good. Nobody is told: neither the sender, who thinks
that they are on their way, nor the recipients. It shows what would be removed
and asks, unless --yes is given. What is being delivered at this moment stays.`},
}

type queueActFlags struct {
	serverFlags
	queueFilter
	all, yes bool
	output   *output
}

func (a *app) mtaQueueActCommand(act queueAct) *cobra.Command {
	var f queueActFlags
	verb := string(act.action)
	cmd := &cobra.Command{
		Use:   verb + " [ID ...]",
		Short: act.short,
		Long: act.long + `

Messages are named by IDs, or chosen by --to, --from and --status, which have to
hold all together. --all is all of the queue.

Exit codes:
  0    it was done to all of them
  1    not agreed to
  2    wrong usage
  4    it could not be done to all of them
  130  interrupted`,
		Example: fmt.Sprintf("  maildoctor mta queue %s 1k4v9c7w2m8r5t0x\n  maildoctor mta queue %[1]s --to example.net", verb),

		ValidArgsFunction: a.messageIDs(&f.serverFlags),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.mtaQueueAct(cmd.Context(), f, act.action, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.queueFilter.add(cmd, verb)
	flags.BoolVar(&f.all, "all", false, verb+" all messages of the queue")
	if act.action == control.Remove {
		flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask before it is done")
	}
	f.serverFlags.add(cmd)
	f.output = a.outputFlags(cmd)
	f.output.named = func() bool { return false }
	return cmd
}

// check makes sure that it is said which messages are meant, and only in one way.
func (f *queueActFlags) check(act control.Action, ids []string) error {
	chosen := f.words() != ""
	switch {
	case len(ids) > 0 && (chosen || f.all):
		return usage(errors.New("IDs say which messages are meant; leave out --all, --to, --from and --status"))
	case f.all && chosen:
		return usage(errors.New("--all is all messages; leave out --to, --from and --status"))
	case len(ids) == 0 && !chosen && !f.all:
		return usage(fmt.Errorf("%s which messages? Give IDs, --to, --from or --status, or --all; maildoctor mta queue list shows what there is", act))
	}
	return nil
}

// atOnce is how many messages one request is about: an interruption ends between
// two of them.
const atOnce = 100

func (a *app) mtaQueueAct(ctx context.Context, f queueActFlags, act control.Action, ids []string) error {
	if err := f.check(act, ids); err != nil {
		return err
	}
	q, err := a.mailQueue(ctx, f.serverFlags)
	if err != nil {
		return err
	}
	defer q.close()
	if len(ids) == 0 || act == control.Remove && !f.yes {
		list, err := f.chosen(ctx, q, ids)
		if err != nil {
			return queueError(err)
		}
		if act == control.Remove && !f.yes && len(list) > 0 {
			if err := a.mayRemove(ctx, list); err != nil {
				return err
			}
		}
		ids = nil // what is agreed to is what was shown
		for _, m := range list {
			ids = append(ids, m.ID)
		}
	}
	done := report.QueueDone{Action: string(act), Running: q.running}
	size := atOnce
	if !q.running {
		size = max(1, len(ids)) // each one reads all of the spool
	}
	for batch := range slices.Chunk(ids, size) {
		if err = ctx.Err(); err != nil {
			break
		}
		var d control.Done
		if d, err = q.Do(ctx, act, batch); err != nil {
			break
		}
		done.IDs = append(done.IDs, d.IDs...)
		for _, b := range d.Broken {
			done.Broken = append(done.Broken, report.QueueBroken(b))
		}
		for _, failure := range d.Failed {
			done.Failed = append(done.Failed, report.QueueFailure{ID: failure.ID, Why: failure.Error})
		}
	}
	return a.acted(f.output, done, len(ids), err)
}

// acted shows what was done, and says how the program ends.
func (a *app) acted(o *output, done report.QueueDone, wanted int, err error) error {
	left := wanted - len(done.IDs) - len(done.Failed)
	if err != nil && left == wanted {
		return queueError(err)
	}
	if err := o.print(func(w io.Writer) error {
		if o.format.value == "json" {
			return report.QueueActionJSON(w, done)
		}
		return report.QueueAction(w, done, o.text())
	}); err != nil {
		return err
	}
	switch {
	case errors.Is(err, context.Canceled):
		return &codeError{exitInterrupted, fmt.Errorf("interrupted; nothing was done to %s", counted(left, "message"))}
	case err != nil:
		return fmt.Errorf("%w; nothing was done to %s", err, counted(left, "message"))
	case len(done.Failed) > 0 && wanted == 1:
		return &codeError{exitFailed, fmt.Errorf("%s: %s", done.Failed[0].ID, done.Failed[0].Why)}
	case len(done.Failed) > 0:
		return &codeError{exitFailed, fmt.Errorf("it could not be done to %d of %s; first: %s: %s", len(done.Failed), counted(wanted, "message"), done.Failed[0].ID, done.Failed[0].Why)}
	}
	return nil
}

// chosen is the messages that are meant.
func (f *queueActFlags) chosen(ctx context.Context, q mailQueue, ids []string) (list []control.Message, err error) {
	if len(ids) == 0 {
		err = q.pages(ctx, f.filter(), 0, func(p control.Page) { list = append(list, p.Messages...) })
		return list, err
	}
	for _, id := range ids {
		d, err := q.Show(ctx, id)
		if err != nil {
			return nil, err
		}
		list = append(list, d.Message)
	}
	return list, nil
}

// mayRemove shows what is to be removed, and asks.
func (a *app) mayRemove(ctx context.Context, list []control.Message) error {
	const shown = 10
	for _, m := range list[:min(len(list), shown)] {
		fmt.Fprintf(a.err, "%s  %s\n", report.Escape(m.ID), report.Escape(fromTo(m)))
	}
	if more := len(list) - shown; more > 0 {
		fmt.Fprintf(a.err, "… and %d more\n", more)
	}
	return a.agree(ctx, fmt.Sprintf("Remove %s for good, and tell nobody?", counted(len(list), "message")), "nothing was removed")
}
