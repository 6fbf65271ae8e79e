package local

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// sending notes from which addresses connections leave, where the mail server is
// not told.
func (r *reader) sending() {
	for _, addr := range r.sys.Addrs {
		if !addr.IsLoopback() && !addr.IsLinkLocalUnicast() && len(r.host.Addresses) < maxEntries {
			r.host.Addresses = append(r.host.Addresses, addr)
		}
	}
	if r.sys.Route == nil {
		return
	}
	// Documentation space is anywhere on the internet as far as routes go.
	for _, to := range []string{"198.51.100.1", "2001:db8::1"} {
		dest := netip.MustParseAddr(to)
		if dest.Is4() && r.noV4 || dest.Is6() && r.noV6 {
			continue
		}
		if from, err := r.sys.Route(dest); err == nil && !from.IsLinkLocalUnicast() {
			r.outgoing(from.String(), "the route to the internet", false)
		}
	}
}

// machine reads what the machine itself tells.
func (r *reader) machine() {
	r.pins()
	if text, ok := r.text(Resolvers, "/etc/resolv.conf"); ok {
		r.host.Resolvers = nameservers(text)
	}
	r.sockets()
	r.memory()
	r.disks()
}

// pins reads the hosts file (hosts(5)) as far as it speaks of names that the
// mail servers give themselves, or of names in the domains.
func (r *reader) pins() {
	text, _ := r.text(HostsFile, "/etc/hosts")
	line := 0
	for l := range strings.Lines(text) {
		line++
		body, _, _ := strings.Cut(l, "#")
		fields := strings.Fields(body)
		if len(fields) < 2 {
			continue
		}
		addr, err := netip.ParseAddr(fields[0])
		if err != nil {
			continue
		}
		for _, name := range fields[1:] {
			p := Pin{record.Canonical(name), addr.WithZone("").Unmap(), line}
			if r.concerns(p.Name) && !slices.Contains(r.host.Pins, p) && len(r.host.Pins) < maxEntries {
				r.host.Pins = append(r.host.Pins, p)
			}
		}
	}
}

// concerns reports whether a name matters to the examination.
func (r *reader) concerns(name string) bool {
	return slices.ContainsFunc(r.domains, func(d string) bool { return record.Within(name, d) }) ||
		slices.ContainsFunc(r.host.Names, func(n Name) bool { return record.Canonical(n.Text) == name })
}

// nameservers reads whom the resolver asks (resolv.conf(5)).
func nameservers(text string) []netip.Addr {
	var list []netip.Addr
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" || len(list) >= maxEntries {
			continue
		}
		if addr, err := netip.ParseAddr(fields[1]); err == nil {
			list = append(list, addr.WithZone("").Unmap())
		}
	}
	return list
}

// ports is those that matter: SMTP, submission, DNS.
var ports = map[string][]uint16{"tcp": {25, 465, 587}, "udp": {53}}

// sockets reads what listens (proc_net(5)).
func (r *reader) sockets() {
	for _, network := range []string{"tcp", "udp"} {
		for _, suffix := range []string{"", "6"} {
			file := "/proc/net/" + network + suffix
			data, _, err := r.head(file) // what listens comes first; of connections there may be many
			switch {
			case errors.Is(err, fs.ErrNotExist) && suffix == "6": // no IPv6 here
				continue
			case errors.Is(err, fs.ErrNotExist):
				r.doubt(Sockets, "what listens is told by %s, which is not available on this system", file)
				continue
			case err != nil:
				r.unread(Sockets, file, err)
				continue
			}
			r.listening(network, string(data))
		}
	}
}

func (r *reader) listening(network, text string) {
	state := map[string]string{"tcp": "0A", "udp": "07"}[network] // TCP_LISTEN; of UDP: not connected
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[3] != state {
			continue
		}
		at, ok := procAddr(fields[1])
		s := Socket{network, at}
		if ok && slices.Contains(ports[network], at.Port()) && !slices.Contains(r.host.Sockets, s) && len(r.host.Sockets) < maxEntries {
			r.host.Sockets = append(r.host.Sockets, s)
		}
	}
}

// procAddr reads "0100007F:0019": the address in words of 32 bits, each as the
// machine has its numbers, and the port.
func procAddr(text string) (netip.AddrPort, bool) {
	addr, port, ok := strings.Cut(text, ":")
	raw, err := hex.DecodeString(addr)
	n, portErr := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || portErr != nil || len(raw) != 4 && len(raw) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	parsed, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(parsed.Unmap(), uint16(n)), true
}

// memory reads how much there is (proc_meminfo(5)).
func (r *reader) memory() {
	data, err := r.octets("/proc/meminfo")
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			r.doubt(Memories, "the memory is told by /proc/meminfo, which is not available on this system")
		}
		r.unread(Memories, "/proc/meminfo", err)
		return
	}
	size := make(map[string]uint64)
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[2] == "kB" {
			n, _ := strconv.ParseUint(fields[1], 10, 50)
			size[fields[0]] = n << 10
		}
	}
	if size["MemTotal:"] > 0 {
		r.host.Memory = &Memory{Available: size["MemAvailable:"], Total: size["MemTotal:"], FreeSwap: size["SwapFree:"]}
	}
}

// stores is where mail lies, waiting or delivered.
var stores = []string{
	"/var/spool/postfix", "/var/spool/exim4", "/var/spool/exim", "/var/mail", "/var/vmail", "/home/vmail", "/home/user-data/mail",
	"/mailu", "/opt/mailcow-dockerized", "/var/lib/docker/volumes", "/opt/stalwart", "/opt/stalwart-mail", "/var/lib/stalwart", "/home/mox/data",
}

// maxRoom is how long a file system may take to tell its size: one on the
// network may never.
const maxRoom = 2 * time.Second

// disks notes the room where mail lies, each file system once.
func (r *reader) disks() {
	if r.sys.Room == nil {
		r.doubt(Disks, "the room on disks is not told here")
		return
	}
	paths := slices.DeleteFunc(slices.Clone(stores), func(p string) bool { return !r.exists(p) })
	if len(paths) == 0 {
		paths = []string{"/"}
	}
	for _, p := range paths {
		d, err := r.room(p)
		if err != nil {
			r.doubt(Disks, "how full the disk of %s is: %v", p, err)
			continue
		}
		d.Path = p
		same := func(have Disk) bool { return have.Total == d.Total && have.Inodes == d.Inodes }
		if d.Total > 0 && !slices.ContainsFunc(r.host.Disks, same) {
			r.host.Disks = append(r.host.Disks, d)
		}
	}
}

func (r *reader) room(path string) (Disk, error) {
	type told struct {
		Disk
		err error
	}
	answer := make(chan told, 1)
	go func() {
		d, err := r.sys.Room(path)
		answer <- told{d, err}
	}()
	ctx, cancel := context.WithTimeout(r.ctx, maxRoom)
	defer cancel()
	select {
	case t := <-answer:
		return t.Disk, t.err
	case <-ctx.Done():
		return Disk{}, errors.New("no answer in time")
	}
}
