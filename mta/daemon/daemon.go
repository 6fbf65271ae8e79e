package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/control"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/inbox"
	"github.com/maildoctor/maildoctor/mta/metrics"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
)

// A Daemon is a mail server that is bound to its addresses. It serves in Run, and is
// to be closed.
type Daemon struct {
	o      Options
	notify notifier
	since  time.Time
	setup  atomic.Pointer[Setup]

	server  *mta.Server
	users   *users
	boxes   *boxes
	certs   *certified
	memory  *deliver.Store
	metrics *metrics.Metrics
	tests   testbox

	sockets []bound
	control net.Listener
	watched net.Listener // of the metrics; nil: none

	reload   sync.Mutex // one at a time
	reloaded atomic.Pointer[time.Time]
	closed   sync.Once
}

// Open binds every address, opens the spool and what else is in the state directory,
// and begins to deliver what waits. After an error nothing is bound.
func Open(ctx context.Context, s *Setup, o Options) (_ *Daemon, err error) {
	o = o.withDefaults()
	d := &Daemon{
		o: o, notify: newNotifier(o.Env), since: time.Now(),
		users: newUsers(), boxes: &boxes{mail: mailStore(s)}, certs: new(certified), metrics: metrics.New(o.Version),
	}
	d.take(s)
	if proofs, ok := o.Security.(*Proofs); ok {
		proofs.log = o.Log
	}
	defer func() {
		if err != nil {
			d.release()
		}
	}()
	if err := d.bind(ctx, s); err != nil {
		return nil, err
	}
	if err := d.open(s); err != nil {
		return nil, err
	}
	var found spool.Found
	if d.server, found, err = mta.Open(d.options(s)); err != nil {
		return nil, err
	}
	d.metrics.Watch(metrics.Host{Queue: d.server.Queue(), Sessions: d.server.Sessions, SpoolDir: s.under("spool"), MinFree: d.minFree(), Certs: d.certs.status})
	d.tell(s, found)
	return d, nil
}

// bind binds the addresses, and takes the state directory for ourselves.
func (d *Daemon) bind(ctx context.Context, s *Setup) error {
	given, err := handed(d.o.Env)
	if err != nil {
		return err
	}
	if d.sockets, err = bind(ctx, s.Sockets(), given); err != nil {
		return err
	}
	if s.Metrics != "" {
		if d.watched, err = listen(ctx, s.Metrics); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	if err := makeState(s.State); err != nil {
		return err
	}
	if d.control, err = control.Listen(s.under(control.SocketName)); err != nil { // nobody else is here from now on
		return err
	}
	// For messages under way: the system's own may be in memory. What lies there is of a
	// process that was killed.
	if err := os.RemoveAll(s.under("tmp")); err != nil {
		return err
	}
	return os.Mkdir(s.under("tmp"), 0o700)
}

// makeState makes the state directory.
func makeState(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(dir, ".try-"); err == nil {
			f.Close()
			err = os.Remove(f.Name())
		}
	}
	if err != nil {
		return fmt.Errorf("the state directory %s cannot be written: %w; the systemd unit makes it (StateDirectory=), state in the file names another", dir, plain(err))
	}
	return nil
}

// plain is err without the path, which the caller names.
func plain(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// open opens what is in the state directory, but for the spool.
func (d *Daemon) open(s *Setup) error {
	memory, broken, err := deliver.OpenStore(s.under("memory.json"))
	if err != nil {
		return err
	}
	if broken != nil {
		d.o.Log.Error("what was learnt of domains is lost", "error", broken)
	}
	d.memory = memory
	d.boxes.mail.Trouble = d.trouble
	recovered, err := d.boxes.mail.Begin()
	if err != nil {
		return fmt.Errorf("mailboxes: %w", err)
	}
	if recovered > 0 {
		d.o.Log.Info("messages that an earlier process had taken are in their mailboxes", "messages", recovered)
	}
	source, err := s.certificates(d.o.Log)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	d.certs.set(source)
	tests, err := inbox.Open(s.under("inbox"), inbox.Options{})
	if err != nil {
		return err
	}
	d.tests = testbox{tests, func() bool { return d.setup.Load().TestMailbox == desired.On }}
	return nil
}

// trouble says that the disk failed the journal of the spool, or of the mailboxes.
func (d *Daemon) trouble(err error) {
	d.o.Log.Error("the disk fails; look at it, then restart: what was accepted is safe in the journal, and is brought to its files then", "error", err)
}

// take goes by a setup from now on, as far as that is not in the server itself.
func (d *Daemon) take(s *Setup) {
	list := s.users
	d.users.list.Store(&list)
	d.boxes.now.Store(s.boxes)
	d.setup.Store(s)
}

// noNames is said where the system has no call that syncs a directory (disk.OS).
const noNames = "Windows has no call by which the names of files outlive a power cut: mail that was accepted in the last seconds may be lost in one; keep mail on Linux, macOS or FreeBSD"

// tell says in the log what runs.
func (d *Daemon) tell(s *Setup, found spool.Found) {
	if s.SelfSigned() {
		d.o.Log.Info(OwnCertificate)
	}
	for _, note := range s.Notes {
		d.o.Log.Warn(note)
	}
	if runtime.GOOS == "windows" {
		d.o.Log.Warn(noNames)
	}
	for _, b := range found.Broken {
		d.o.Log.Error("a message of the queue is broken", "id", b.ID, "why", b.Why, "moved to bad/", b.Aside)
	}
	d.o.Log.Info("opened", "hostname", s.Hostname, "domains", s.Domains, "state", s.State, "queued", len(found.Entries))
}

// Addr is where the server listens for a port; nil if it does not.
func (d *Daemon) Addr(port smtpd.Port) net.Addr {
	for _, b := range d.sockets {
		if b.Port == port {
			return b.Listener.Addr()
		}
	}
	return nil
}

// Server is the mail server.
func (d *Daemon) Server() *mta.Server { return d.server }

// Run serves until ctx ends, and then lets clients and deliveries end what they are
// at, for a while. It returns nil, or why it could not go on.
func (d *Daemon) Run(ctx context.Context) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	failed := make(chan error, len(d.sockets)+2)
	var running sync.WaitGroup
	for _, b := range d.sockets {
		d.o.Log.Info("listening", "port", b.Port.String(), "address", b.Listener.Addr().String())
		running.Go(func() {
			if err := d.server.Serve(b.Listener, b.Port); !errors.Is(err, smtpd.ErrStopped) {
				failed <- fmt.Errorf("%s at %s: %w", b.Port, b.Address, err)
			}
		})
	}
	serve := func(what string, f func() error) {
		running.Go(func() {
			if err := f(); err != nil {
				failed <- fmt.Errorf("%s: %w", what, err)
			}
		})
	}
	serve("control socket", func() error { return control.Serve(background, d.control, d.host()) })
	if d.watched != nil {
		d.o.Log.Info("listening", "port", "metrics", "address", d.watched.Addr().String())
		serve("metrics", func() error { return d.metrics.Serve(background, d.watched) })
	}
	running.Go(func() { d.tidy(background) })
	d.notify.tell("READY=1", "STATUS="+d.status())
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		d.o.Log.Error("cannot go on", "error", err)
	}
	d.notify.tell("STOPPING=1")
	d.o.Log.Info("stopping: clients end what they have begun; another signal stops at once", "at most", grace)
	err = errors.Join(err, d.Close())
	stop()
	running.Wait()
	return err
}

// grace is how long clients may take to end their transactions. Deliveries may take
// as long as queue.Options says, after that.
const grace = 30 * time.Second

// Close ends the server. What was accepted is in the spool, or in a mailbox. That
// clients were cut off is no error: they come again.
func (d *Daemon) Close() error {
	var err error
	d.closed.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		err = d.server.Close(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			d.o.Log.Warn("clients that did not end were cut off")
			err = nil
		}
		waiting, _ := d.server.Queue().Len()
		err = errors.Join(err, d.memory.Save(), d.boxes.mail.End())
		d.release()
		d.o.Log.Info("stopped", "queued", waiting)
	})
	return err
}

// release lets go of what was bound and opened.
func (d *Daemon) release() {
	for _, b := range d.sockets {
		b.Close()
	}
	for _, l := range []net.Listener{d.control, d.watched} {
		if l != nil {
			l.Close()
		}
	}
	if source := d.certs.get(); source != nil {
		source.Close()
	}
	_ = d.boxes.mail.End() // Close has done it; else nothing was delivered
}

// tidy does what is to be done now and then.
func (d *Daemon) tidy(ctx context.Context) {
	sweep, save := time.NewTicker(sweepEvery), time.NewTicker(remembered)
	defer sweep.Stop()
	defer save.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
			if _, err := d.tests.Sweep(); err != nil {
				d.o.Log.Error("cannot tidy up the test mailbox", "error", err)
			}
		case <-save.C:
			if err := d.memory.Save(); err != nil {
				d.o.Log.Error(err.Error())
			}
			d.notify.tell("STATUS=" + d.status())
		}
	}
}

// status is how the server is, in a line.
func (d *Daemon) status() string {
	waiting, running := d.server.Queue().Len()
	return fmt.Sprintf("%s, %d messages in the queue, %d deliveries under way", filepath.Base(d.setup.Load().Hostname), waiting, running)
}
