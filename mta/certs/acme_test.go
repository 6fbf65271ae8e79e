package certs

import (
	"bytes"
	"crypto/elliptic"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
)

func TestACMERefused(t *testing.T) {
	good := Authority{Directory: "https://acme.example/dir", Agreed: true, Dir: t.TempDir(), HTTP: ":80"}
	for want, change := range map[string]func(*Authority, *Options){
		"terms of service":         func(a *Authority, _ *Options) { a.Agreed = false },
		"letsencrypt.org":          func(a *Authority, _ *Options) { a.Agreed, a.Directory = false, "" },
		"is not the URL":           func(a *Authority, _ *Options) { a.Directory = "acme.example" },
		"needs a directory":        func(a *Authority, _ *Options) { a.Dir = "" },
		"needs the name of a host": func(_ *Authority, o *Options) { o.Hosts = nil },
		"HTTP-01 or TLS-ALPN-01":   func(a *Authority, _ *Options) { a.HTTP = "" },
		"address for HTTP-01":      func(a *Authority, _ *Options) { a.HTTP = "80" },
		"is not a port":            func(a *Authority, _ *Options) { a.ALPN = ":https" },
		"differ in more than":      func(a *Authority, _ *Options) { a.ALPN = "127.0.0.1:443" },
	} {
		a, o := good, Options{Hosts: []string{"mail.example.org"}}
		change(&a, &o)
		s, err := ACME(o, a)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// Where no port is free nobody is asked, and the server has a certificate of its own.
func TestACMEWithoutPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	asked, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer asked.Close()
	dir, log := t.TempDir(), newTeller()
	s, err := ACME(Options{Hosts: []string{"mail.example.org"}, Log: log.logger()}, Authority{Directory: "https://" + asked.Addr().String() + "/dir", Agreed: true, Dir: dir, HTTP: l.Addr().String(), KeepKey: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	log.until(t, func() bool { return s.Status()[0].Err != nil })
	list := s.Status()
	if err := s.Status()[0].Err; !strings.Contains(err.Error(), "cannot be shown that the host is ours") || !strings.Contains(err.Error(), "address already in use") {
		t.Error(err)
	}
	if len(list) != 2 || list[0].Served || list[0].Names[0] != "mail.example.org" || !list[1].Served || list[1].From != "self-signed" || !bytes.Equal(list[0].Next, list[1].SPKI) {
		t.Errorf("%+v", list)
	}
	if c := shown(t, s.TLS(), &tls.Config{}); c.VerifyHostname("mail.example.org") != nil {
		t.Error(c.DNSNames)
	}
	if err := s.Reload(); err == nil || !strings.Contains(err.Error(), "mail.example.org: ") {
		t.Error(err)
	}
}

// An authority issues by either challenge, although it does not like every nonce;
// with or without a key that stays. A restart goes by what is on the disk.
func TestACME(t *testing.T) {
	for name, test := range map[string]struct {
		offer []string
		keep  bool
		bound External
	}{
		"HTTP-01": {offer: []string{"http-01"}, keep: true}, "TLS-ALPN-01": {offer: []string{"tls-alpn-01"}, keep: true}, "both": {offer: []string{"http-01", "tls-alpn-01"}},
		"bound": {offer: []string{"http-01"}, bound: External{KeyID: "kid-1", Key: "c2VjcmV0LWtleS1vZi10aGUtYXV0aG9yaXR5"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			by, log := Authority{HTTP: somewhere(t), ALPN: somewhere(t), Email: "ann@example.org", KeepKey: test.keep, Dir: t.TempDir(), External: test.bound}, newTeller()
			server := newACMEServer(t, &by, test.offer...)
			server.external = test.bound
			o := Options{Hosts: []string{strings.ToLower(name) + ".example.org", strings.ToLower(name) + ".example.net"}, Log: log.logger()}
			s, err := ACME(o, by)
			if err != nil {
				t.Fatal(err)
			}
			own := s.store.(*acme).own.status(time.Now())[0]
			log.until(t, func() bool { return len(s.Status()) == 2 })
			list := s.Status()
			for i, host := range o.Hosts {
				c := list[i]
				if !c.Served || c.Err != nil || len(c.Names) != 1 || c.Names[0] != host || c.Loaded.IsZero() || c.Issuer != "CN=Test Issuer" || !strings.HasPrefix(c.From, "ACME 127.0.0.1:") {
					t.Errorf("%+v", c)
				}
				if bytes.Equal(c.SPKI, own.SPKI) != test.keep || bytes.Equal(c.Next, own.SPKI) != test.keep {
					t.Errorf("%s: keys %x, %x, %x", host, own.SPKI, c.SPKI, c.Next)
				}
				if leaf := shown(t, s.TLS(), &tls.Config{ServerName: host}); leaf.VerifyHostname(host) != nil {
					t.Error(leaf.DNSNames)
				}
			}
			s.Close()
			server.mu.Lock()
			if server.refused == 0 || server.issued != 2 {
				t.Errorf("%d nonces refused, %d certificates issued", server.refused, server.issued)
			}
			server.mu.Unlock()
			server.web.Close()
			again, err := ACME(o, by)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			for i, c := range again.Status() { // at once
				if i > 1 || !c.Served || c.NotBefore != list[i].NotBefore {
					t.Errorf("%+v", c)
				}
			}
		})
	}
}

// What the authority has against us is told, and after it has come right somebody can
// have it tried at once.
func TestACMERefusal(t *testing.T) {
	t.Parallel()
	by, log := Authority{HTTP: somewhere(t), Dir: t.TempDir()}, newTeller()
	server := newACMEServer(t, &by, "http-01")
	server.limited = true
	s, err := ACME(Options{Hosts: []string{"limited.example.org"}, Log: log.logger()}, by)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	told := func(what string) func() bool {
		return func() bool { return s.Status()[0].Err != nil && strings.Contains(s.Status()[0].Err.Error(), what) }
	}
	log.until(t, told("rateLimited"))
	server.mu.Lock()
	server.limited, server.at["http-01"] = false, "127.0.0.1:1"
	server.mu.Unlock()
	if err := s.Reload(); err == nil {
		t.Error("a failure is forgotten before it is tried again")
	}
	log.until(t, told("connection refused"))
	server.mu.Lock()
	server.at["http-01"] = by.HTTP
	server.mu.Unlock()
	s.Reload()
	log.until(t, func() bool { return s.Status()[0].Served })
	if c := s.Status(); len(c) != 1 || c[0].Err != nil {
		t.Errorf("%+v", c)
	}
}

// Somebody can have a certificate that is due renewed at once. Its key stays, unless
// another one has been put there for it, which is told before.
func TestACMERenewal(t *testing.T) {
	for host, change := range map[string]bool{"stays.example.org": false, "changes.example.org": true} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			by, log := Authority{ALPN: somewhere(t), Dir: t.TempDir(), KeepKey: true}, newTeller()
			server := newACMEServer(t, &by, "tls-alpn-01")
			server.stale = true
			s, err := ACME(Options{Hosts: []string{host}, Log: log.logger()}, by)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			log.until(t, func() bool { return s.Status()[0].Served })
			one := s.Status()[0]
			if len(one.Problems) != 1 || !strings.Contains(one.Problems[0], "nothing has renewed it") {
				t.Errorf("%+v", one)
			}
			server.mu.Lock()
			server.stale = false
			server.mu.Unlock()
			if change {
				put(t, filepath.Join(by.Dir, keyFile), keyPEM(t, ec(t, elliptic.P256())))
				if c := s.Status()[0]; bytes.Equal(c.Next, c.SPKI) || !bytes.Equal(c.SPKI, one.SPKI) {
					t.Error("the next key is not told")
				}
			}
			if err := s.Reload(); err != nil {
				t.Error(err)
			}
			log.until(t, func() bool { return !s.Status()[0].NotBefore.Equal(one.NotBefore) })
			two := s.Status()[0]
			if bytes.Equal(one.SPKI, two.SPKI) == change || !bytes.Equal(two.SPKI, two.Next) || two.Err != nil || len(two.Problems) > 0 || !two.Loaded.After(one.Loaded) {
				t.Errorf("%+v", two)
			}
		})
	}
}

// A certificate on the disk that makes no sense is set aside, and had anew.
func TestACMEBroken(t *testing.T) {
	t.Parallel()
	by, log := Authority{HTTP: somewhere(t), Dir: t.TempDir(), KeepKey: true}, newTeller()
	server := newACMEServer(t, &by, "http-01")
	o := Options{Hosts: []string{"broken.example.org"}, Log: log.logger()}
	open := func() *Source {
		s, err := ACME(o, by)
		if err != nil {
			t.Fatal(err)
		}
		log.until(t, func() bool { return s.Status()[0].Served })
		return s
	}
	open().Close()
	files, err := filepath.Glob(filepath.Join(by.Dir, "certificates", "*", "broken.example.org", "*.crt"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	put(t, files[0], "half of it")
	s := open()
	defer s.Close()
	server.mu.Lock()
	defer server.mu.Unlock()
	if c := s.Status()[0]; c.Err != nil || server.issued != 2 {
		t.Errorf("%+v", c)
	}
	if aside, err := os.ReadFile(filepath.Join(filepath.Dir(files[0])+".broken", filepath.Base(files[0]))); err != nil || string(aside) != "half of it" {
		t.Error(err)
	}
}

// somewhere is an address where nothing listens.
func somewhere(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A teller is a log that says when something was written to it.
type teller struct {
	buffer
	told chan struct{}
}

func newTeller() *teller { return &teller{told: make(chan struct{}, 1)} }

func (l *teller) Write(p []byte) (int, error) {
	defer func() {
		select {
		case l.told <- struct{}{}:
		default:
		}
	}()
	return l.buffer.Write(p)
}

func (l *teller) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// until waits for what happens in the background, of which each step is told.
func (l *teller) until(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-l.told:
		case <-deadline:
			t.Fatalf("it did not come to pass:\n%s", l.take())
		}
	}
}

func TestBridge(t *testing.T) {
	log := new(buffer)
	z := bridge(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})))
	with := z.With(zap.String("host", "a.example"))
	with.Warn("twice", zap.Int("n", 2), zap.Error(errors.New("no")), zap.Strings("list", []string{"x", "y"}))
	with.Debug("unheard")
	with.Info("unheard, too")
	z.Error("once")
	want := "level=WARN msg=\"acme: twice\" host=a.example n=2 error=no list=\"[x y]\"\nlevel=ERROR msg=\"acme: once\"\n"
	if got := log.take(); got != want {
		t.Errorf("%q", got)
	}
}
