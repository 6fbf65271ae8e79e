package daemon

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mta/control"
)

// Reload reads the file again and goes by it from now on: domains, mailboxes, users,
// keys, certificates, routes. Sessions and deliveries go on. After an error nothing
// has changed. What only a restart brings is said.
func (d *Daemon) Reload(ctx context.Context) (control.Reloaded, error) {
	d.reload.Lock()
	defer d.reload.Unlock()
	d.notify.tell(reloading()...)
	defer func() { d.notify.tell("READY=1", "STATUS="+d.status()) }()
	done, err := d.reread(ctx)
	if err != nil {
		d.o.Log.Error("the settings stay as they are", "error", err)
		return done, err
	}
	now := time.Now()
	d.reloaded.Store(&now)
	d.o.Log.Info("reloaded", "changed", cmp.Or(strings.Join(done.Changed, ", "), "nothing"))
	if len(done.Later) > 0 {
		d.o.Log.Warn("some settings change with the next restart", "settings", strings.Join(done.Later, ", "))
	}
	return done, nil
}

func (d *Daemon) reread(context.Context) (control.Reloaded, error) {
	done := control.Reloaded{Changed: []string{}, Later: []string{}}
	if d.o.Read == nil {
		return done, errNoRead
	}
	next, err := d.o.Read()
	if err != nil {
		return done, err
	}
	now := d.setup.Load()
	changed, later := compare(now, next) // of what the file wants
	next.keep(now)
	if err := d.renew(now, next); err != nil {
		return done, err
	}
	if err := d.server.Change(d.settings(next)); err != nil {
		return done, err
	}
	d.take(next)
	for _, note := range next.Notes {
		if !slices.Contains(now.Notes, note) {
			d.o.Log.Warn(note)
		}
	}
	done.Changed, done.Later = append(done.Changed, changed...), append(done.Later, later...)
	return done, nil
}

// renew has the certificates looked at, or takes them from elsewhere.
func (d *Daemon) renew(now, next *Setup) error {
	if sameCertificates(now, next) {
		if err := d.certs.get().Reload(); err != nil { // the others go on
			d.o.Log.Error("certificate", "error", err)
		}
		return nil
	}
	source, err := next.certificates(d.o.Log)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	d.certs.set(source)
	return nil
}

// keep keeps what only a restart changes.
func (s *Setup) keep(now *Setup) {
	s.MTA.Hostname, s.State, s.Listen, s.Limits, s.Metrics = now.MTA.Hostname, now.State, now.Listen, now.Limits, now.Metrics
	s.reside()
}

// compare tells what is different, in words: what changes now, and what later.
func compare(now, next *Setup) (changed, later []string) {
	say := func(list *[]string, what string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			*list = append(*list, what)
		}
	}
	say(&changed, "domains", now.Domains, next.Domains)
	say(&changed, "addresses", now.Addrs, next.Addrs)
	say(&changed, "mailboxes", now.Mailboxes, next.Mailboxes)
	say(&changed, "aliases", now.Aliases, next.Aliases)
	if say(&changed, "users", names(now), names(next)); reflect.DeepEqual(names(now), names(next)) {
		say(&changed, "passwords", written(now), written(next))
	}
	say(&changed, "DKIM keys", prints(now), prints(next))
	if !sameCertificates(now, next) {
		changed = append(changed, "certificates")
	}
	say(&changed, "dmarc", now.MTA.DMARC, next.MTA.DMARC)
	say(&changed, "relays", now.Relays, next.Relays)
	say(&changed, "passwords of relays", now.relays, next.relays)
	say(&changed, "routes", now.Routes, next.Routes)
	say(&changed, "warm-up", now.WarmUp, next.WarmUp)
	say(&changed, "test-mailbox", now.TestMailbox, next.TestMailbox)
	say(&later, "hostname", now.Hostname, next.Hostname)
	say(&later, "state", now.State, next.State)
	say(&later, "listen", now.Listen, next.Listen)
	say(&later, "limits", now.Limits, next.Limits)
	say(&later, "metrics", now.Metrics, next.Metrics)
	return changed, later
}

// names is the users and what they may.
func names(s *Setup) [][]string {
	var list [][]string
	for _, u := range s.Users {
		list = append(list, append([]string{u.Name, u.PasswordFile, u.PasswordHash}, u.SendAs...))
	}
	return list
}

// written is when the passwords of users were, which are hashed, and so not the same
// twice.
func written(s *Setup) []time.Time {
	var list []time.Time
	for _, u := range s.users {
		list = append(list, u.since)
	}
	return list
}

// prints is which keys sign.
func prints(s *Setup) []any {
	var list []any
	for _, k := range s.keys {
		list = append(list, k.Domain, k.Selector, k.Public())
	}
	return list
}

// host is what is controlled over the socket.
func (d *Daemon) host() control.Host {
	return control.Host{Queue: d.server.Queue(), SpoolDir: d.setup.Load().under("spool"), Status: d.state, Reload: d.Reload}
}

// state is how the server is.
func (d *Daemon) state() control.Status {
	s := d.setup.Load()
	status := control.Status{
		Version: d.o.Version, PID: os.Getpid(), Since: d.since, Hostname: s.Hostname, Domains: s.Domains, Counts: d.metrics.Counts(), Certs: d.certs.status(),
		Spool: control.Disk{Path: s.under("spool"), MinFree: d.minFree()}, Problems: slices.Clone(s.Notes),
	}
	if at := d.reloaded.Load(); at != nil {
		status.Reloaded = *at
	}
	for _, b := range d.sockets {
		status.Listeners = append(status.Listeners, control.Listener{Port: b.Port.String(), Address: b.Listener.Addr().String()})
	}
	if proofs, ok := d.o.Security.(*Proofs); ok && proofs.Problem() != "" {
		status.Problems = append(status.Problems, proofs.Problem())
	}
	for _, c := range d.metrics.Ready().Checks {
		if !c.OK {
			status.Problems = append(status.Problems, c.Name+": "+c.Text)
		}
	}
	return status
}

// minFree is what stays free on the disk of the spool, in octets.
func (d *Daemon) minFree() uint64 {
	if free := d.setup.Load().Limits.Free; free > 0 {
		return uint64(free)
	}
	return 256 << 20
}
