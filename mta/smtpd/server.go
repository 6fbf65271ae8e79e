package smtpd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Port is what a listener is for.
type Port int

const (
	MX          Port = iota // 25: mail for our domains; STARTTLS, nobody logs in
	Submission              // 587: users that logged in after STARTTLS (RFC 6409)
	Submissions             // 465: users that logged in, TLS from the first octet (RFC 8314, 3.3)
)

func (p Port) String() string { return [...]string{"mx", "submission", "submissions"}[p] }

// ErrOpenRelay tells that a server that relays for everybody was to listen where
// others than this host can reach it.
var ErrOpenRelay = errors.New("smtpd: an open relay serves on loopback only")

// ErrStopped is what Serve returns after Shutdown.
var ErrStopped = errors.New("smtpd: the server was stopped")

// A Server receives mail.
type Server struct {
	c      Config
	own    atomic.Pointer[own]
	limits Limits
	log    *slog.Logger
	gate   *gate
	room   *room
	base   context.Context // ends when sessions are stopped by force
	kill   context.CancelFunc

	mu        sync.Mutex
	stopping  bool
	listeners map[net.Listener]bool
	sessions  map[*session]bool
	running   sync.WaitGroup
}

// New checks a configuration.
func New(c Config) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s := &Server{c: c, limits: c.Limits.withDefaults(), log: c.Log,
		listeners: make(map[net.Listener]bool), sessions: make(map[*session]bool)}
	if err := s.Own(c.Domains, c.Addresses); err != nil {
		return nil, err
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.gate = newGate(s.limits)
	s.room = newRoom(s.limits, c.TempDir)
	s.base, s.kill = context.WithCancel(context.Background())
	return s, nil
}

// Serve accepts sessions until Shutdown, and closes l. It may be called for
// several listeners. Errors: [ErrOpenRelay], [ErrStopped], or that of the listener.
func (s *Server) Serve(l net.Listener, port Port) error {
	defer l.Close()
	if s.c.RelayAll && !onLoopback(l.Addr()) {
		return ErrOpenRelay
	}
	if port != MX && (s.c.TLS == nil || s.c.Users == nil) {
		return errors.New("smtpd: submission needs TLS and users")
	}
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		return ErrStopped
	}
	s.listeners[l] = true
	s.mu.Unlock()
	return s.accept(l, port)
}

func (s *Server) accept(l net.Listener, port Port) error {
	var pause time.Duration
	for {
		conn, err := l.Accept()
		if err == nil {
			pause = 0
			s.begin(conn, port)
			continue
		}
		s.mu.Lock()
		stopping := s.stopping
		if stopping || errors.Is(err, net.ErrClosed) {
			delete(s.listeners, l)
		}
		s.mu.Unlock()
		if stopping {
			return ErrStopped
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		// Out of file descriptors, or gone before it was accepted.
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		s.log.Warn("cannot accept a connection", "error", err)
		select {
		case <-time.After(pause):
		case <-s.base.Done():
			return ErrStopped
		}
	}
}

// begin runs a session, if there is room for one.
func (s *Server) begin(conn net.Conn, port Port) {
	remote := addrPort(conn.RemoteAddr())
	refusal := s.gate.enter(remote.Addr(), time.Now())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping { // Shutdown may wait already: nothing new begins
		if refusal == nil {
			s.gate.leave(remote.Addr())
		}
		conn.Close()
		return
	}
	if refusal != nil {
		s.log.Info("session refused", "client", remote, "reply", refusal)
		s.running.Go(func() {
			s.answered(port, AtConnection, refusal)
			turnAway(conn, port, refusal)
		})
		return
	}
	ss := newSession(s, conn, port, remote)
	s.sessions[ss] = true
	s.running.Go(func() {
		defer func() {
			s.gate.leave(remote.Addr())
			s.mu.Lock()
			delete(s.sessions, ss)
			s.mu.Unlock()
		}()
		ss.run()
	})
}

func (s *Server) answered(port Port, at Stage, r *Reply) {
	if s.c.Answered != nil {
		s.c.Answered(port, at, *r)
	}
}

// Sessions is the number of sessions that are open.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// turnAway says why, where that can be said in clear.
func turnAway(conn net.Conn, port Port, why *Reply) {
	defer conn.Close()
	if port == Submissions {
		return
	}
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = conn.Write(why.append(nil))
}

// Shutdown stops listening, answers 421 to clients that have no transaction open,
// and waits for the others to end theirs. When ctx ends first, it cuts them off,
// waits for their end, and returns the error of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	for l := range s.listeners {
		l.Close()
	}
	for ss := range s.sessions {
		ss.hurry()
	}
	s.mu.Unlock()

	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		s.kill()
		return nil
	case <-ctx.Done():
	}
	s.kill()
	s.mu.Lock()
	for ss := range s.sessions {
		ss.raw.Close()
	}
	s.mu.Unlock()
	<-ended
	return ctx.Err()
}

// onLoopback reports whether only this host can reach an address to listen on.
func onLoopback(addr net.Addr) bool {
	if addr.Network() == "unix" {
		return true
	}
	return addrPort(addr).Addr().IsLoopback()
}

// addrPort is the address in addr; invalid if there is none.
func addrPort(addr net.Addr) netip.AddrPort {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		a := tcp.AddrPort()
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
	a, _ := netip.ParseAddrPort(addr.String())
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
