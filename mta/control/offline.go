package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk"
	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/spool"
)

// Offline is the queue of a server that does not run: its spool. Its methods are
// those of [Client].
type Offline struct {
	Dir string  // the spool
	FS  disk.FS // nil: that of the machine
}

// A NoSpoolError tells that there is no spool: no server has run there.
type NoSpoolError struct{ Dir string }

func (e *NoSpoolError) Error() string {
	return "no mail server runs, and none has run here: there is no spool " + e.Dir
}

// List reads the spool; see [Client.List]. It changes nothing. The limit may be any:
// each call reads all of the spool.
func (o Offline) List(_ context.Context, f Filter, after string, limit int) (Page, error) {
	if err := f.check(); err != nil {
		return Page{}, &Fault{codeInvalid, err.Error()}
	}
	entries, broken, err := o.entries()
	if err != nil {
		return Page{}, err
	}
	p := page(entries, f, after, max(limit, 1))
	p.Broken, p.Aside = asBroken(broken), aside(o.Dir)
	return p, nil
}

func asBroken(found []spool.Broken) (list []Broken) {
	for _, b := range found[:min(len(found), maxLimit)] {
		list = append(list, Broken{b.ID, cut(b.Why, listText)})
	}
	return list
}

// Show reads one message; see [Client.Show].
func (o Offline) Show(_ context.Context, id string) (Detail, error) {
	entries, _, err := o.entries()
	if err != nil {
		return Detail{}, err
	}
	id, fault := find(entries, id)
	if fault != nil {
		return Detail{}, fault
	}
	for _, e := range entries {
		if e.Envelope.ID == id {
			return detail(e, o.Dir), nil
		}
	}
	return Detail{}, faultOf(id, spool.ErrNone)
}

// entries is the spool as a queue would have it.
func (o Offline) entries() ([]queue.Entry, []spool.Broken, error) {
	found, err := spool.List(o.FS, o.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, &NoSpoolError{o.Dir}
	case errors.Is(err, fs.ErrPermission):
		return nil, nil, fmt.Errorf("the spool %s is for its own user and for root; run this as one of them (sudo)", o.Dir)
	case err != nil:
		return nil, nil, err
	}
	return asQueued(found.Entries), found.Broken, nil
}

func asQueued(envelopes []spool.Envelope) []queue.Entry {
	entries := make([]queue.Entry, len(envelopes))
	for i, env := range envelopes {
		entries[i] = queue.Entry{Envelope: env}
		if env.Held {
			continue
		}
		for _, r := range env.Rcpts {
			if r.Status == spool.Waiting && (entries[i].Due.IsZero() || r.Next.Before(entries[i].Due)) {
				entries[i].Due = r.Next
			}
		}
	}
	slices.SortFunc(entries, func(a, b queue.Entry) int { return cmp.Compare(a.Envelope.ID, b.Envelope.ID) })
	return entries
}

// Do does something to messages; see [Client.Do]. It takes the lock of the spool: no
// server can start meanwhile, and it fails if one runs. What is to be tried now is
// tried when one starts.
func (o Offline) Do(ctx context.Context, a Action, ids []string) (Done, error) {
	if !slices.Contains([]Action{Retry, Hold, Release, Remove}, a) {
		return Done{}, &Fault{codeUnknown, "nothing called " + quote(string(a)) + " can be done with a message"}
	}
	if err := o.mine(); err != nil {
		return Done{}, err
	}
	s, found, err := spool.Open(o.Dir, spool.Options{FS: o.FS})
	var locked *disk.LockedError
	if errors.As(err, &locked) {
		return Done{}, fmt.Errorf("a process has the spool open, and no server answers: %w; try again, or give its --socket", locked)
	}
	if err != nil {
		return Done{}, err
	}
	envelopes := map[string]spool.Envelope{}
	for _, e := range found.Entries {
		envelopes[e.ID] = e
	}
	done := each(ctx, asQueued(found.Entries), ids, func(id string) error {
		env := envelopes[id].Clone()
		switch {
		case a == Remove:
			return s.Remove(id)
		case change(&env, a):
			return s.Update(env)
		}
		return nil
	})
	done.Broken = asBroken(found.Broken)
	return done, s.Close()
}

// mine makes sure that what is written can be read by the server later.
func (o Offline) mine() error {
	if o.FS != nil {
		return nil
	}
	switch owner, ok, err := ownerOf(o.Dir); {
	case errors.Is(err, fs.ErrNotExist):
		return &NoSpoolError{o.Dir}
	case err != nil:
		return err
	case !ok:
		return fmt.Errorf("no mail server runs, and the spool %s belongs to %s, who could not read what you write: run this as %[2]s", o.Dir, owner)
	}
	return nil
}

// change does something to an envelope, and reports whether that changed it.
func change(env *spool.Envelope, a Action) bool {
	switch a {
	case Hold, Release:
		was := env.Held
		env.Held = a == Hold
		return env.Held != was
	case Retry:
		now, changed := time.Now(), false
		for i := range env.Rcpts {
			if r := &env.Rcpts[i]; r.Status == spool.Waiting && r.Next.After(now) {
				r.Next, changed = now, true
			}
		}
		return changed
	}
	return false
}
