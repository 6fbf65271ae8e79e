package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Files is a Source of certificates in files. They are checked: each key fits its
// certificate, is strong enough, and can be read; else there is no Source. What is
// merely doubtful (expired, out of order, a host that none of them covers, a key
// that others can read) is in Status.
//
// A file that changes is read again. Where what is there then cannot be used, or has
// expired while the one before has not, that one goes on, and Status has the error.
// Certificates for the same names with ECDSA and RSA keys may stand beside each
// other: each client is given the one that it can verify. Both need a TLSA record
// then.
func Files(o Options, pairs ...Pair) (*Source, error) {
	o, err := o.prepared()
	if err != nil {
		return nil, err
	}
	if len(pairs) == 0 {
		return nil, errors.New("no file of a certificate is named")
	}
	f := &files{o: o, stop: make(chan struct{})}
	for _, p := range pairs {
		e := &entry{pair: p}
		f.entries = append(f.entries, e)
		if err := f.try(e); err != nil {
			return nil, err
		}
	}
	f.publish()
	for _, e := range f.entries {
		for _, problem := range e.now.problems {
			o.Log.Warn("certificate", "file", e.pair.Cert, "problem", problem)
		}
	}
	f.running.Go(f.watch)
	return newSource(o, f), nil
}

type files struct {
	o       Options
	served  atomic.Pointer[[]*tls.Certificate]
	stop    chan struct{}
	running sync.WaitGroup

	mu      sync.Mutex // held while files are read
	entries []*entry
}

// An entry is a pair, and what became of it.
type entry struct {
	pair  Pair
	files [3]fs.FileInfo // as they were when they were last read
	now   *loaded        // that is served
	since time.Time
	err   error // of the last reading
}

func (f *files) certificates() []*tls.Certificate { return *f.served.Load() }

// watch looks at the files from time to time.
func (f *files) watch() {
	tick := time.NewTicker(f.o.Every)
	defer tick.Stop()
	for {
		select {
		case <-f.stop:
			return
		case <-tick.C:
			f.look(false)
		}
	}
}

func (f *files) close() {
	close(f.stop)
	f.running.Wait()
}

func (f *files) reload() error { return f.look(true) }

// look reads what has changed, or everything.
func (f *files) look(everything bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, e := range f.entries {
		if !everything && !e.changed() {
			continue
		}
		before, was := e.now, e.err
		err := f.try(e)
		errs = append(errs, err)
		switch {
		case err != nil && (was == nil || was.Error() != err.Error()):
			f.o.Log.Error("certificate cannot be used; the one before goes on", "file", e.pair.Cert, "error", err)
		case err == nil && !e.now.cert.Leaf.Equal(before.cert.Leaf):
			f.o.Log.Info("certificate read", "file", e.pair.Cert, "names", namesOf(e.now.cert.Leaf), "expires", e.now.cert.Leaf.NotAfter)
			for _, problem := range e.now.problems {
				f.o.Log.Warn("certificate", "file", e.pair.Cert, "problem", problem)
			}
		}
	}
	f.publish()
	return errors.Join(errs...)
}

// changed reports whether a file is another one than the one that was read.
func (e *entry) changed() bool {
	now := e.stat()
	for i, before := range e.files {
		a, b := before == nil, now[i] == nil
		if a != b || !a && (!os.SameFile(before, now[i]) || before.Size() != now[i].Size() || !before.ModTime().Equal(now[i].ModTime()) || before.Mode() != now[i].Mode()) {
			return true
		}
	}
	return false
}

func (e *entry) stat() (now [3]fs.FileInfo) {
	for i, path := range []string{e.pair.Cert, e.pair.Key, e.pair.Next} {
		if path != "" {
			now[i], _ = os.Stat(path)
		}
	}
	return now
}

// try reads an entry, and takes what it finds if that is no worse.
func (f *files) try(e *entry) error {
	e.files = e.stat() // before it is read, so that what changes meanwhile is seen next time
	now := time.Now()
	l, err := load(e.pair, f.o.Roots, now)
	if err == nil && e.now != nil && lapsed(e.now.cert.Leaf, now) == "" {
		if fault := lapsed(l.cert.Leaf, now); fault != "" {
			err = fmt.Errorf("the certificate in %s: %s", e.pair.Cert, fault)
		}
	}
	if e.err = err; err != nil {
		return err
	}
	if e.now == nil || !e.now.cert.Leaf.Equal(l.cert.Leaf) {
		e.since = now
	}
	e.now = l
	return nil
}

// publish has handshakes use what there is now.
func (f *files) publish() {
	list := make([]*tls.Certificate, len(f.entries))
	for i, e := range f.entries {
		list[i] = e.now.cert
	}
	f.served.Store(&list)
}

func (f *files) status(now time.Time) []Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []Certificate
	for _, e := range f.entries {
		c := Certificate{From: e.pair.Cert, Loaded: e.since, Problems: slices.Clone(e.now.problems), Next: e.now.next, Err: e.err}
		c.fill(e.now.cert, now)
		list = append(list, c)
	}
	if missing := f.uncovered(); len(missing) > 0 {
		list[0].Problems = append(list[0].Problems, "no certificate is for "+strings.Join(missing, ", "))
	}
	return list
}

// uncovered is the hosts that no certificate is for.
func (f *files) uncovered() []string {
	all := f.certificates()
	return slices.DeleteFunc(slices.Clone(f.o.Hosts), func(host string) bool { return len(covering(all, host)) > 0 })
}
