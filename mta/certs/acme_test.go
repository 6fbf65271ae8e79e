package certs

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
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

func (l *teller) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

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
	z.Error("once")
	want := "level=WARN msg=\"acme: twice\" host=a.example n=2 error=no list=\"[x y]\"\nlevel=ERROR msg=\"acme: once\"\n"
	if got := log.take(); got != want {
		t.Errorf("%q", got)
	}
}
