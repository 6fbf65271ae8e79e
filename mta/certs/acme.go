package certs

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
)

// LetsEncrypt is the directory of Let's Encrypt.
const LetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// An Authority is an ACME server (RFC 8555), and how it is talked to.
type Authority struct {
	Directory string         // its URL; empty: LetsEncrypt
	Roots     *x509.CertPool // that its own certificate is held against; nil: the system's
	Email     string         // where it writes to when something is wrong; may be empty
	Agreed    bool           // to its terms of service; without it there is no Source
	External  External       // zero: none
	Dir       string         // where account, keys and certificates are kept

	// HTTP and ALPN are the addresses at which it is shown that the hosts are ours, by
	// HTTP-01 (RFC 8555, 8.3) and TLS-ALPN-01 (RFC 8737): ":80" and ":443", unless
	// something hands these ports on. They are listened on only while that goes on, and
	// one that is taken is passed over. Empty: not by that.
	HTTP, ALPN string

	// KeepKey has every certificate be for the key in Dir/key.pem, which is made if
	// it is not there, so that a TLSA record 3 1 1 outlives renewals (RFC 7671, 8). To
	// change the key, put another there, publish its record beside the old one (it is
	// Next in Status after Reload), and take the old one away when a renewal has brought it.
	// Without it each certificate has a new key.
	KeepKey bool
}

// An External is an account with an authority that it gave by other ways, which the
// account of ACME is bound to (RFC 8555, 7.3.4).
type External struct {
	KeyID string
	Key   string // HMAC, base64url without padding
}

// ACME is a Source of certificates that an ACME authority issues, one for each of
// Hosts. They are got and renewed in the background, with longer and longer waits
// after a failure, of which Status has the last; Reload tries again at once. Until
// the first is there, the server has one of its own, as [SelfSigned] has.
func ACME(o Options, by Authority) (*Source, error) {
	o, err := o.prepared()
	if err != nil {
		return nil, err
	}
	if by.Directory == "" {
		by.Directory = LetsEncrypt
	}
	directory, err := url.Parse(by.Directory)
	switch {
	case err != nil || directory.Host == "":
		return nil, fmt.Errorf("%q is not the URL of an ACME directory", by.Directory)
	case !by.Agreed:
		return nil, fmt.Errorf("%s issues certificates to those who agree to its terms of service: read them, and say so", directory.Host)
	case by.Dir == "":
		return nil, errors.New("ACME needs a directory to keep certificates in")
	case len(o.Hosts) == 0:
		return nil, errors.New("a certificate needs the name of a host")
	}
	challenges, err := challengesOf(by)
	if err != nil {
		return nil, err
	}
	own, err := newSelf(o, by.Dir)
	if err != nil {
		return nil, err
	}
	a := &acme{o: o, from: "ACME " + directory.Host, own: own, keep: by.KeepKey, dir: by.Dir}
	a.loaded, a.faults, a.again = map[string]time.Time{}, map[string]error{}, map[string]chan struct{}{}
	a.configure(by, challenges)
	a.begin()
	return newSource(o, a), nil
}

type acme struct {
	o    Options
	from string
	dir  string
	keep bool // the key
	own  *self

	cache  *certmagic.Cache
	config *certmagic.Config

	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	renews bool // somebody wants it, and it goes on
	loaded map[string]time.Time
	faults map[string]error         // the last one of each host, if the last attempt was one
	again  map[string]chan struct{} // of each host that has none: try now
}

// configure makes what certmagic needs, of which nothing is shared with others.
func (a *acme) configure(by Authority, challenges challenges) {
	log := bridge(a.o.Log)
	var config atomic.Pointer[certmagic.Config] // the cache, which asks for it, comes first
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return config.Load(), nil },
		RenewCheckInterval: time.Minute, // of what is in memory: cheap
		Logger:             log,
	})
	c := certmagic.Config{
		Storage: &certmagic.FileStorage{Path: by.Dir},
		OnEvent: a.event,
		Logger:  log,
		OCSP:    certmagic.OCSPConfig{DisableStapling: true}, // no sender asks, and the authorities have ended it
	}
	if by.KeepKey {
		c.KeySource = kept{by.Dir}
	}
	c.Issuers = []certmagic.Issuer{} // not yet, and not the default
	a.config = certmagic.New(a.cache, c)
	a.config.Issuers = []certmagic.Issuer{newIssuer(a.config, by, challenges)}
	config.Store(a.config)
}

// kept is the source of keys where they stay.
type kept struct{ dir string }

func (k kept) GenerateKey() (crypto.PrivateKey, error) { return keptKey(k.dir) }

// begin takes what is on the disk, and gets in the background what is not.
func (a *acme) begin() {
	a.ctx, a.stop = context.WithCancel(context.Background())
	a.running.Go(a.own.watch)
	for _, host := range a.o.Hosts {
		_, err := a.config.CacheManagedCertificate(a.ctx, host) // from the disk alone
		if err == nil {
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			a.setAside(host, err)
		}
		again := make(chan struct{}, 1)
		a.again[host] = again
		a.running.Go(func() { a.obtain(a.ctx, host, again) })
	}
}

// setAside makes room for a new certificate where the one on the disk makes no sense,
// as when the power went while it was written. certmagic would keep to it.
func (a *acme) setAside(host string, why error) {
	dir := filepath.Join(a.dir, filepath.FromSlash(certmagic.StorageKeys.CertsSitePrefix(a.config.Issuers[0].IssuerKey(), host)))
	err := os.RemoveAll(dir + ".broken")
	if err == nil {
		err = os.Rename(dir, dir+".broken")
	}
	why = errors.Join(fmt.Errorf("the certificate in %s cannot be used: %w", dir, why), err)
	a.note(host, why)
	a.o.Log.Error("certificate is had anew", "host", host, "error", why)
}

// giveUp is how long it is before trying begins anew that has come to its end, after
// weeks, or with an error that trying again does not mend.
const giveUp = 6 * time.Hour

// obtain gets the first certificate of a host.
func (a *acme) obtain(ctx context.Context, host string, now <-chan struct{}) {
	for ctx.Err() == nil {
		again, err := a.attempt(ctx, host, now)
		if err == nil {
			_, err = a.config.CacheManagedCertificate(ctx, host)
		}
		if err == nil {
			a.note(host, nil)
			a.o.Log.Info("certificate is served", "host", host)
			return
		}
		if again || ctx.Err() != nil {
			continue
		}
		a.note(host, err)
		wait := time.NewTimer(giveUp)
		select {
		case <-ctx.Done():
		case <-wait.C:
		case <-now:
		}
		wait.Stop()
	}
}

// attempt tries until it succeeds, certmagic gives up, or somebody wants it tried
// now, which is again.
func (a *acme) attempt(ctx context.Context, host string, now <-chan struct{}) (again bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var helper sync.WaitGroup
	helper.Go(func() {
		select {
		case <-ctx.Done():
		case <-now:
			again = true
			cancel()
		}
	})
	err = a.config.ObtainCertAsync(ctx, host)
	cancel()
	helper.Wait()
	return again, err
}

// event takes down what certmagic tells.
func (a *acme) event(_ context.Context, what string, data map[string]any) error {
	host, _ := data["identifier"].(string)
	switch what {
	case "cert_obtaining":
		a.o.Log.Info("certificate is asked for", "host", host, "from", a.from)
	case "cert_failed":
		if err, ok := data["error"].(error); ok && !errors.Is(err, context.Canceled) {
			a.note(host, err)
		}
	case "cert_obtained":
		a.note(host, nil)
		a.isLoaded(host)
		a.o.Log.Info("certificate is issued", "host", host, "from", a.from)
	case "cached_managed_cert":
		names, _ := data["sans"].([]string)
		a.isLoaded(names...)
	}
	return nil
}

func (a *acme) isLoaded(hosts ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, host := range hosts {
		a.loaded[host] = time.Now()
	}
}

func (a *acme) note(host string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.faults, host)
	if err != nil {
		a.faults[host] = err
	}
}

// of is the certificate of a host that is served; nil if there is none.
func (a *acme) of(host string) *tls.Certificate {
	var best *tls.Certificate
	for _, c := range a.cache.AllMatchingCertificates(host) {
		if best == nil || c.Leaf.NotAfter.After(best.Leaf.NotAfter) {
			best = &c.Certificate
		}
	}
	return best
}

func (a *acme) certificates() []*tls.Certificate {
	var list []*tls.Certificate
	for _, host := range a.o.Hosts {
		if c := a.of(host); c != nil {
			list = append(list, c)
		}
	}
	if len(list) < len(a.o.Hosts) {
		list = append(list, a.own.certificates()...)
	}
	return list
}

// reload has what is missing, or due to be renewed, tried now, and tells what has
// failed so far.
func (a *acme) reload() error {
	errs := []error{a.own.reload()}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, again := range a.again {
		select {
		case again <- struct{}{}:
		default:
		}
	}
	if !a.renews && a.ctx.Err() == nil {
		a.renews = true
		a.running.Go(a.renew)
	}
	for _, host := range a.o.Hosts {
		if fault := a.faults[host]; fault != nil {
			errs = append(errs, fmt.Errorf("%s: it is tried again; last time: %w", host, fault))
		}
	}
	return errors.Join(errs...)
}

// renew renews at once what is due. What comes of it is noted as with any other try;
// if it fails, it goes on as it would have.
func (a *acme) renew() {
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.renews = false
	}()
	for _, host := range a.o.Hosts {
		if a.of(host) == nil {
			continue
		}
		ctx, cancel := context.WithTimeout(a.ctx, 50*time.Second) // before certmagic tries a second time
		if a.config.RenewCertAsync(ctx, host, false) == nil {
			a.cache.RenewManagedCertificates(a.ctx) // has it served, now that it is on the disk
			a.o.Log.Debug("certificates are up to date", "host", host)
		}
		cancel()
	}
}

func (a *acme) status(now time.Time) []Certificate {
	var list []Certificate
	lacking := false
	for _, host := range a.o.Hosts {
		a.mu.Lock()
		c, loaded := Certificate{From: a.from, Names: []string{host}, Err: a.faults[host]}, a.loaded[host]
		a.mu.Unlock()
		if served := a.of(host); served != nil {
			c.fill(served, now)
			c.Loaded = loaded
		} else {
			lacking = true
		}
		if a.keep {
			if key, err := next(filepath.Join(a.dir, keyFile)); err == nil {
				c.Next = key
			}
		}
		list = append(list, c)
	}
	if lacking {
		list = slices.Concat(list, a.own.status(now))
	}
	return list
}

func (a *acme) close() {
	a.stop()
	close(a.own.stop)
	a.running.Wait()
	a.cache.Stop()
}
