package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mta/control"
	"github.com/maildoctor/maildoctor/report"
)

// serverFlags say which mail server of this host is meant.
type serverFlags struct {
	file, state, socket string
}

func (f *serverFlags) add(cmd *cobra.Command) {
	fileFlag(cmd, &f.file)
	flags := cmd.Flags()
	flags.StringVar(&f.state, "state", "", "the state `directory` of the server, in place of\n--file")
	flags.StringVar(&f.socket, "socket", "", "the control `socket` of a running server, in place\nof the one in its state directory")
	_ = cmd.MarkFlagDirname("state")
}

// stateDir is the state directory that is meant: of --state, else of the file, else
// where there is no file the usual one.
func (a *app) stateDir(f serverFlags) (string, error) {
	if f.state != "" {
		return f.state, nil
	}
	if _, err := os.Stat(f.file); f.file == wantedFile && errors.Is(err, fs.ErrNotExist) {
		return desired.DefaultState, nil
	}
	state, err := a.wanted(f.file)
	if err != nil {
		return "", err
	}
	dir := state.Server().State
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(filepath.Dir(f.file), dir)
	}
	return dir, nil
}

// A mailQueue is that of a running server, or of the spool of one that does not run.
type mailQueue struct {
	queueSource
	running bool
	where   string // the socket, or the directory of the spool
	close   func()
}

type queueSource interface {
	List(ctx context.Context, f control.Filter, after string, limit int) (control.Page, error)
	Show(ctx context.Context, id string) (control.Detail, error)
	Do(ctx context.Context, a control.Action, ids []string) (control.Done, error)
}

// mailQueue finds the queue that is meant.
func (a *app) mailQueue(ctx context.Context, f serverFlags) (mailQueue, error) {
	client, dir, err := a.server(ctx, f)
	var none *control.NotRunningError
	switch {
	case err == nil:
		return mailQueue{client, true, client.Path(), client.Close}, nil
	case errors.As(err, &none) && dir != "":
		spool := filepath.Join(dir, "spool")
		return mailQueue{control.Offline{Dir: spool}, false, spool, func() {}}, nil
	}
	return mailQueue{}, err
}

// server speaks to the running server that is meant. dir is its state directory,
// where that is known.
func (a *app) server(ctx context.Context, f serverFlags) (client *control.Client, dir string, err error) {
	if f.socket != "" && f.state != "" {
		return nil, "", usage(errors.New("--socket and --state say both which server is meant; give one of them"))
	}
	socket := f.socket
	if socket == "" {
		if dir, err = a.stateDir(f); err != nil {
			return nil, "", err
		}
		socket = filepath.Join(dir, control.SocketName)
	}
	client, err = control.Dial(ctx, socket)
	return client, dir, err
}

// messageIDs completes the IDs of messages in the queue.
func (a *app) messageIDs(f *serverFlags) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) (ids []string, _ cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		quiet := *a
		quiet.err = io.Discard
		q, err := quiet.mailQueue(ctx, *f)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer q.close()
		_ = q.pages(ctx, control.Filter{}, 200, func(p control.Page) { // what there is by then
			for _, m := range p.Messages {
				if strings.HasPrefix(m.ID, typed) && !slices.Contains(args, m.ID) {
					ids = append(ids, m.ID+"\t"+report.Escape(fromTo(m)))
				}
			}
		})
		return ids, cobra.ShellCompDirectiveNoFileComp
	}
}

// fromTo is whom a message is from and for, in short.
func fromTo(m control.Message) string {
	text := cmp.Or(m.From, "<>") + " → "
	if len(m.Recipients) > 0 {
		text += m.Recipients[0].Addr
	}
	if m.Total > 1 {
		text += fmt.Sprintf(" and %d more", m.Total-1)
	}
	return text
}

// pages has every page of the messages that fit, until there are limit of them; 0 is
// all.
func (q mailQueue) pages(ctx context.Context, f control.Filter, limit int, each func(control.Page)) error {
	most := 1000
	if !q.running {
		most = 1 << 30 // each page reads all of the spool
	}
	after := ""
	for n := 0; ; {
		size := most
		if limit > 0 {
			size = min(most, limit-n)
		}
		p, err := q.List(ctx, f, after, size)
		if err != nil {
			return err
		}
		if p.Next != "" && p.Next <= after {
			return fmt.Errorf("the list that %s gives has no end", q.where)
		}
		each(p)
		n += len(p.Messages)
		if after = p.Next; after == "" || limit > 0 && n >= limit {
			return nil
		}
	}
}
