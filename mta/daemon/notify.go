package daemon

import (
	"net"
	"strconv"
	"strings"
)

// A notifier tells the service manager how the server is (sd_notify(3)). An empty
// one tells nobody.
type notifier string

func newNotifier(env func(string) string) notifier { return notifier(env("NOTIFY_SOCKET")) }

// tell sends lines such as READY=1. That nobody listens is no trouble of ours.
func (n notifier) tell(lines ...string) {
	if n == "" {
		return
	}
	name := string(n)
	if rest, abstract := strings.CutPrefix(name, "@"); abstract {
		name = "\x00" + rest
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(strings.Join(lines, "\n")))
}

// reloading is what tells of a reload; systemd wants to know when it began.
func reloading() []string {
	lines := []string{"RELOADING=1"}
	if now, ok := monotonic(); ok {
		lines = append(lines, "MONOTONIC_USEC="+strconv.FormatInt(now, 10))
	}
	return lines
}
