package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// A Socket is where mail comes in.
type Socket struct {
	Port    smtpd.Port
	Address string // as the file has it: ":25"
}

// Sockets is where the server listens.
func (s *Setup) Sockets() []Socket {
	var list []Socket
	for _, p := range []struct {
		port  smtpd.Port
		texts []string
	}{{smtpd.MX, s.Listen.MX}, {smtpd.Submission, s.Listen.Submission}, {smtpd.Submissions, s.Listen.Submissions}} {
		for _, text := range p.texts {
			if text != desired.None {
				list = append(list, Socket{p.port, text})
			}
		}
	}
	return list
}

// A bound socket listens.
type bound struct {
	net.Listener
	Socket
}

// bind binds all addresses, or none. Those that systemd has bound are taken from it.
func bind(ctx context.Context, wanted []Socket, given map[string][]net.Listener) (list []bound, err error) {
	defer func() {
		if err != nil {
			for _, b := range list {
				b.Close()
			}
			for _, l := range slices.Concat(values(given)...) {
				l.Close()
			}
			list = nil
		}
	}()
	for _, s := range wanted {
		ready := given[s.Port.String()]
		if len(ready) > 0 { // all of that port are
			continue
		}
		l, err := listen(ctx, s.Address)
		if err != nil {
			return list, err
		}
		list = append(list, bound{l, s})
	}
	for _, port := range []smtpd.Port{smtpd.MX, smtpd.Submission, smtpd.Submissions} {
		for _, l := range given[port.String()] {
			if !slices.ContainsFunc(wanted, func(s Socket) bool { return s.Port == port }) {
				return list, fmt.Errorf("systemd hands over a socket for %s, %s, and listen in the file has none", port, l.Addr())
			}
			list = append(list, bound{l, Socket{port, l.Addr().String()}})
		}
	}
	return list, nil
}

func values(m map[string][]net.Listener) [][]net.Listener {
	var all [][]net.Listener
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

// listen binds one address. The error says what to do.
func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err == nil {
		return l, nil
	}
	_, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		const often = "often it is the system's own mail server, and systemctl disable --now postfix (or exim4) stops it"
		if who := holder(port); who != "" {
			return nil, fmt.Errorf("%s listens at port %s already; %s", who, port, often)
		}
		return nil, fmt.Errorf("another program listens at port %s already: ss -ltnp 'sport = :%[1]s', as root, shows which; %s", port, often)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return nil, fmt.Errorf("this user may not listen at port %s: start it by the systemd unit, which has AmbientCapabilities=CAP_NET_BIND_SERVICE, or allow the program to: setcap cap_net_bind_service=+ep %s", port, program())
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s is no address of this machine; behind NAT the file has \":%s\", which is all of them", address, port)
	}
	return nil, fmt.Errorf("listen at %s: %w", address, err)
}

func program() string {
	if path, err := os.Executable(); err == nil {
		return path
	}
	return "maildoctor"
}

// firstSocket is the file descriptor of the first socket that systemd hands over
// (sd_listen_fds(3)).
const firstSocket = 3

// handed is the sockets that systemd has bound, by the names that
// FileDescriptorName= gives them, "mx", "submission" and "submissions", or by their
// well-known ports. What it hands to this process is not for its children.
func handed(env func(string) string) (map[string][]net.Listener, error) {
	n, err := strconv.Atoi(env("LISTEN_FDS"))
	if err != nil || n < 1 || n > 100 || env("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	names := strings.Split(env("LISTEN_FDNAMES"), ":")
	sockets := make(map[string][]net.Listener)
	for i := range n {
		f := os.NewFile(uintptr(firstSocket+i), "systemd")
		l, err := net.FileListener(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("socket %d of systemd: %w", i+1, err)
		}
		name := ""
		if i < len(names) {
			name = names[i]
		}
		if name = portName(name, l.Addr()); name == "" {
			return nil, fmt.Errorf("it is not known what the socket of systemd at %s is for; name it with FileDescriptorName=mx, submission or submissions", l.Addr())
		}
		sockets[name] = append(sockets[name], l)
	}
	return sockets, nil
}

func portName(name string, addr net.Addr) string {
	for _, port := range []smtpd.Port{smtpd.MX, smtpd.Submission, smtpd.Submissions} {
		if name == port.String() {
			return name
		}
	}
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return map[int]string{25: smtpd.MX.String(), 587: smtpd.Submission.String(), 465: smtpd.Submissions.String()}[tcp.Port]
	}
	return ""
}
