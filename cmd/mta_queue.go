package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/mta/control"
	"github.com/maildoctor/maildoctor/report"
)

func (a *app) mtaQueueCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "See and change what waits to be delivered",
		Long: `Queue shows the mail that the server of this host has yet to deliver, and why it
waits, and does something about it. It speaks to the running server by a socket
in its state directory, which its own user and root may open. While no server
runs, it reads and changes the spool itself.

Messages are named by their IDs, which the log, the Received field and the reply
to the sender have too; the beginning of an ID will do where it is that of one
message only.`,
		Example: `  maildoctor mta queue list
  maildoctor mta queue show 1k4v9c
  maildoctor mta queue retry --to gmail.com`,
		Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(a.mtaQueueListCommand(), a.mtaQueueShowCommand())
	for _, act := range queueActs {
		cmd.AddCommand(a.mtaQueueActCommand(act))
	}
	return cmd
}

// queueFilter chooses messages.
type queueFilter struct {
	to, from string
	status   *choice
}

func (f *queueFilter) add(cmd *cobra.Command, verb string) {
	var words []string
	for _, s := range control.States() {
		words = append(words, string(s))
	}
	flags := cmd.Flags()
	flags.StringVar(&f.to, "to", "", verb+" what waits for recipients in this `domain`;\n.example.org is all below it")
	flags.StringVar(&f.from, "from", "", verb+" what is from this `address` or domain; <> is\nwhat has no sender, as notices have")
	f.status = choose(cmd, "status", verb+" what is "+strings.Join(words[:3], ", ")+",\n"+orList(words[3:]), "", words...)
	flags.Lookup("status").DefValue = ""
	_ = cmd.RegisterFlagCompletionFunc("to", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("from", cobra.NoFileCompletions)
}

func (f *queueFilter) filter() control.Filter {
	return control.Filter{To: f.to, From: f.from, State: control.State(f.status.value)}
}

// words are what a filter asks for; empty: all.
func (f *queueFilter) words() string {
	var parts []string
	if f.status.value != "" {
		parts = append(parts, f.status.value)
	}
	if f.to != "" {
		parts = append(parts, "for "+f.to)
	}
	if f.from != "" {
		parts = append(parts, "from "+f.from)
	}
	return strings.Join(parts, ", ")
}

type queueListFlags struct {
	serverFlags
	queueFilter
	limit  int
	output *output
}

func (a *app) mtaQueueListCommand() *cobra.Command {
	var f queueListFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the messages that wait, the oldest first",
		Long: `List shows the messages of the queue, the oldest first: how old each is, how
large, from whom and for whom, when it is tried next, and what the last reply
means.

Exit codes:
  0    the list is shown
  2    wrong usage
  4    neither the server nor its spool could be read`,
		Example: `  maildoctor mta queue list
  maildoctor mta queue list --status deferred --to outlook.com
  maildoctor mta queue list --state /var/lib/maildoctor --format json`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(fmt.Errorf("list takes no argument; maildoctor mta queue show %s shows one message", args[0]))
			}
			return a.mtaQueueList(cmd.Context(), f)
		},
	}
	cmd.Flags().SortFlags = false
	f.queueFilter.add(cmd, "list")
	cmd.Flags().IntVar(&f.limit, "limit", 100, "show at most this `number` of messages;\n0 is all")
	f.serverFlags.add(cmd)
	f.output = a.outputFlags(cmd)
	f.output.named = func() bool { return false }
	return cmd
}

func (a *app) mtaQueueList(ctx context.Context, f queueListFlags) error {
	if f.limit < 0 {
		return usage(fmt.Errorf("--limit %d: it takes 0 or more", f.limit))
	}
	q, err := a.mailQueue(ctx, f.serverFlags)
	if err != nil {
		return err
	}
	defer q.close()
	l := report.QueueList{At: a.clock(), Running: q.running, Where: q.where, Asked: f.words()}
	err = q.pages(ctx, f.filter(), f.limit, func(p control.Page) {
		l.Total, l.Matching, l.Aside, l.AsideDir = p.Total, p.Matching, p.Aside.Entries, p.Aside.Dir
		for _, m := range p.Messages {
			l.Messages = append(l.Messages, queueMessage(m))
		}
		if l.Broken == nil {
			for _, b := range p.Broken {
				l.Broken = append(l.Broken, report.QueueBroken(b))
			}
		}
	})
	if err != nil {
		return queueError(err)
	}
	return f.output.print(func(w io.Writer) error {
		if f.output.format.value == "json" {
			return report.QueueJSON(w, l)
		}
		return report.Queue(w, l, f.output.text())
	})
}

type queueShowFlags struct {
	serverFlags
	output *output
}

func (a *app) mtaQueueShowCommand() *cobra.Command {
	var f queueShowFlags
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one message: its recipients, replies and header",
		Long: `Show tells all about a message of the queue: how it came, for whom it waits, how
often it was tried, what each host answered and what that means, and the header.
The message itself is in the file that is named; its body is not shown.

Exit codes:
  0    the message is shown
  2    wrong usage
  4    there is no such message, or it could not be read`,
		Example: `  maildoctor mta queue show 1k4v9c7w2m8r5t0x
  maildoctor mta queue show 1k4v9c --verbose`,
		ValidArgsFunction: a.messageIDs(&f.serverFlags),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("show takes one ID; maildoctor mta queue list shows what there is"))
			}
			return a.mtaQueueShow(cmd.Context(), f, args[0])
		},
	}
	cmd.Flags().SortFlags = false
	f.serverFlags.add(cmd)
	f.output = a.outputFlags(cmd)
	f.output.named = func() bool { return false }
	cmd.Flags().BoolVarP(&f.output.verbose, "verbose", "v", false, "show the whole header")
	return cmd
}

func (a *app) mtaQueueShow(ctx context.Context, f queueShowFlags, id string) error {
	q, err := a.mailQueue(ctx, f.serverFlags)
	if err != nil {
		return err
	}
	defer q.close()
	d, err := q.Show(ctx, id)
	if err != nil {
		return queueError(err)
	}
	shown := report.QueueDetail{QueueMessage: queueMessage(d.Message), At: a.clock(), Running: q.running, Path: d.Path, Header: string(d.Header), Cut: d.Cut}
	return f.output.print(func(w io.Writer) error {
		if f.output.format.value == "json" {
			return report.QueueShowJSON(w, shown)
		}
		return report.QueueShow(w, shown, f.output.text())
	})
}

// queueError is an error of a queue, with the exit code that it has.
func queueError(err error) error {
	var fault *control.Fault
	var spool *control.NoSpoolError
	switch {
	case errors.Is(err, control.ErrNone):
		return fmt.Errorf("%w; maildoctor mta queue list shows what there is", err)
	case errors.As(err, &fault) && fault.Invalid():
		return usage(err)
	case errors.As(err, &spool):
		return fmt.Errorf("%w; --file or --state says which server is meant", err)
	}
	return err
}

// queueMessage is a message as it is shown.
func queueMessage(m control.Message) report.QueueMessage {
	out := report.QueueMessage{
		ID: m.ID, State: string(m.State), From: m.From, Received: m.Received, Size: m.Size, Next: m.Next, Until: m.Until, Total: m.Total, Waiting: m.Waiting,
		Delayed: m.Delayed, Auth: m.Auth, Client: m.Client, HELO: m.HELO, TLS: m.TLS, RequireTLS: m.RequireTLS,
	}
	for _, r := range m.Recipients {
		rcpt := report.QueueRcpt{Addr: r.Addr, Status: r.Status, Attempts: r.Attempts, Tried: r.Tried, Next: r.Next, Maybe: r.Maybe}
		if r.Reply != nil {
			reply := report.QueueReply(*r.Reply)
			rcpt.Reply = &reply
		}
		out.Rcpts = append(out.Rcpts, rcpt)
	}
	return out
}
