package control_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta/control"
)

func TestListen(t *testing.T) {
	path := filepath.Join(shortDir(t), "s.sock")
	l, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := control.Listen(path); err == nil || !strings.Contains(err.Error(), "runs here already: process ") {
		t.Errorf("listened twice: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket stayed: %v", err)
	}
	again, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

// TestStale: the socket of a process that died is replaced; what is no socket, or
// answers, is not.
func TestStale(t *testing.T) {
	path := filepath.Join(shortDir(t), "s.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if _, err := control.Listen(path); err == nil || !strings.Contains(err.Error(), "answers there already") {
		t.Errorf("listened beside a live one: %v", err)
	}
	dead.Close()
	l, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Listen(path); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("replaced a file: %v", err)
	}
}

func TestWhere(t *testing.T) {
	dir := shortDir(t)
	if err := os.Chmod(dir, 0o770); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "s.sock"):                 "chmod go-w",
		filepath.Join(dir, "nowhere", "s.sock"):      "no such file",
		filepath.Join(dir, strings.Repeat("x", 104)): "shorter state directory",
		filepath.Join("control_test.go", "s.sock"):   "not a directory",
	} {
		if _, err := control.Listen(path); err == nil || !strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), "no directory") {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func TestDialNobody(t *testing.T) {
	dir := shortDir(t)
	stale := filepath.Join(dir, "stale.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	for _, path := range []string{stale, filepath.Join(dir, "none"), filepath.Join(dir, "a", "b")} {
		var none *control.NotRunningError
		if _, err := control.Dial(t.Context(), path); !errors.As(err, &none) || !strings.Contains(err.Error(), "maildoctor mta run") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := control.Dial(t.Context(), filepath.Join(dir, strings.Repeat("x", 104))); err == nil {
		t.Error("dialled a path that is too long")
	}
	if os.Geteuid() == 0 {
		return // who may open everything
	}
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	var denied *control.DeniedError
	if _, err := control.Dial(t.Context(), stale); !errors.As(err, &denied) {
		t.Error(err)
	}
}

// TestStrangers: what is no server of ours, or says what makes no sense, is an error
// and no harm.
func TestStrangers(t *testing.T) {
	say := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Maildoctor-Control", "1")
			w.WriteHeader(code)
			io.WriteString(w, body)
		}
	}
	for name, test := range map[string]struct {
		h    http.HandlerFunc
		want string
	}{
		"another program": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") }, "no mail server of maildoctor"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		}, "no mail server of maildoctor"},
		"not JSON":      {say(200, "<html>"), "not understood"},
		"another shape": {say(200, `{"queue": "none"}`), "not understood"},
		"no reason":     {say(500, "{}"), "code 500 without a reason"},
		"a reason":      {say(500, `{"code": "failed", "error": "the disk\u001b[31m burns"}`), "the disk"},
		"for ever": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Maildoctor-Control", "1")
			for {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		}, "longer than 32 MiB"},
		"gone": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "the mail server at"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(shortDir(t), "s.sock")
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			s := &http.Server{Handler: test.h}
			go s.Serve(l)
			defer s.Close()
			if _, err := control.Dial(t.Context(), path); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// TestSilent: a server that does not answer does not hold up who has been told to
// stop.
func TestSilent(t *testing.T) {
	path := filepath.Join(shortDir(t), "s.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := control.Dial(ctx, path); err == nil || !strings.Contains(err.Error(), "does not answer in time") {
		t.Error(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := control.Dial(ctx, path); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
