package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/net/netutil"

	"github.com/maildoctor/maildoctor/mta/disk"
)

// maxPath is the octets of the path of a socket that every system takes
// (sockaddr_un).
const maxPath = 103

// Listen listens at a socket, which only the own user and root may open. The
// directory has to be there, and nobody else may write in it. A socket that a dead
// process left is replaced; a live one is an error that names the process, where it
// is known. The socket goes with Close.
func Listen(path string) (net.Listener, error) {
	l, err := listen(path)
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	return l, nil
}

func listen(path string) (net.Listener, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("its path has %d octets, the system allows %d; choose a shorter state directory", len(path), maxPath)
	}
	if err := checkDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	lock, err := disk.OS{}.Lock(path + ".lock")
	var locked *disk.LockedError
	switch {
	case errors.As(err, &locked) && locked.PID != "":
		return nil, fmt.Errorf("a mail server runs here already: process %s", locked.PID)
	case errors.As(err, &locked):
		return nil, errors.New("a mail server runs here already")
	case errors.Is(err, errors.ErrUnsupported):
		lock = io.NopCloser(nil) // and a live socket is found by dialling it
	case err != nil:
		return nil, err
	}
	l, err := replace(path)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &listener{l, lock}, nil
}

// checkDir makes sure that nobody else can put another socket in the place of ours.
func checkDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is no directory", dir)
	case info.Mode().Perm()&0o022 != 0 && runtime.GOOS != "windows":
		return fmt.Errorf("others can write in %s (mode %o); chmod go-w %[1]s", dir, info.Mode().Perm())
	}
	return nil
}

// replace listens, in the place of a socket that nobody answers at.
func replace(path string) (net.Listener, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode().Type() != fs.ModeSocket:
		return nil, errors.New("something else has that name, and it is not a socket")
	default:
		if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
			conn.Close()
			return nil, errors.New("a process answers there already")
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	// The mode is that of the socket before it has a name, where the system allows that.
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return c.Control(narrow) }}
	l, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// A listener holds the lock of its socket.
type listener struct {
	net.Listener
	lock io.Closer
}

// Close removes the socket, and then lets others listen.
func (l *listener) Close() error { return errors.Join(l.Listener.Close(), l.lock.Close()) }

// Bounds of connections.
const (
	maxConns   = 16
	maxRequest = 10 * time.Second // to send it
	maxAnswer  = 2 * time.Minute  // to work it out and send it
	maxIdle    = 30 * time.Second
)

// Serve answers requests at a listener until ctx ends, and closes it. What is under
// way then may end, for a few seconds. It returns nil, or the error of the listener.
func Serve(ctx context.Context, l net.Listener, h Host) error {
	s := &http.Server{
		Handler:           Handler(h),
		ReadHeaderTimeout: maxRequest, ReadTimeout: maxRequest, WriteTimeout: maxAnswer, IdleTimeout: maxIdle,
		MaxHeaderBytes: 8 << 10,
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(netutil.LimitListener(l, maxConns)) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(grace); err != nil {
		_ = s.Close()
	}
	<-ended
	return nil
}
