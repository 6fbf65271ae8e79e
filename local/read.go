package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

const (
	// maxRead is how long a host may take to be looked at.
	maxRead = 15 * time.Second
	// maxFile bounds one file, in octets.
	maxFile = 1 << 20
	// maxEntries bounds each list of a Host, and the entries of a directory.
	maxEntries = 256
)

// Read looks at a host with regard to domains (canonical). It has no error: what
// could not be read is a Doubt. It ends within fifteen seconds.
func Read(ctx context.Context, sys System, domains []string) *Host {
	ctx, cancel := context.WithTimeout(ctx, maxRead)
	defer cancel()
	r := &reader{ctx: ctx, sys: sys, host: new(Host)}
	for _, d := range domains {
		r.domains = append(r.domains, record.Canonical(d))
	}
	// The suites first: where one of them runs, the mail server of the system
	// beside it sends what cron has to say.
	r.mailcow()
	r.mailu()
	r.dockerMailserver()
	r.mox()
	r.stalwart()
	if len(r.host.Software) == 0 {
		r.postfix()
		r.exim()
		r.openDKIM("OpenDKIM", "/etc/opendkim.conf", place{})
		r.openDKIM("dkimpy-milter", "/etc/dkimpy-milter/dkimpy-milter.conf", place{})
		r.rspamd("/etc/rspamd", place{})
		r.amavis()
	}
	r.letsEncrypt()
	r.sending()
	r.machine()
	return r.host
}

// A reader is one look at a host.
type reader struct {
	ctx     context.Context
	sys     System
	domains []string
	host    *Host

	processes []string // that run; nil: not asked yet

	noV4, noV6 bool // the route does not choose an address: mail does not leave by this family, or is bound
}

// found notes that a piece of software is there.
func (r *reader) found(software string) {
	if !r.host.Runs(software) {
		r.host.Software = append(r.host.Software, software)
	}
}

func (r *reader) doubt(area Area, format string, args ...any) {
	d := Doubt{area, fmt.Sprintf(format, args...)}
	if !slices.Contains(r.host.Doubts, d) && len(r.host.Doubts) < maxEntries {
		r.host.Doubts = append(r.host.Doubts, d)
	}
}

// unread is the doubt that a file could not be read.
func (r *reader) unread(area Area, file string, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fs.ErrPermission):
		r.doubt(area, "run as root to read %s", file)
	default:
		var e *fs.PathError
		if errors.As(err, &e) {
			err = e.Err
		}
		r.doubt(area, "%s cannot be read: %v", file, err)
	}
}

// at is an absolute path as fs.FS wants it.
func at(file string) string {
	if name := strings.TrimPrefix(path.Clean("/"+file), "/"); name != "" {
		return name
	}
	return "."
}

var (
	errNoFile = errors.New("not a regular file")
	errLarge  = errors.New("larger than a file of its kind is")
)

// octets reads a file. Its caller clears what is secret.
func (r *reader) octets(file string) ([]byte, error) {
	data, whole, err := r.head(file)
	if err == nil && !whole {
		clear(data)
		return nil, errLarge
	}
	return data, err
}

// head reads the first maxFile octets of a file; whole where these are all.
func (r *reader) head(file string) (data []byte, whole bool, err error) {
	if r.sys.Files == nil {
		return nil, false, fs.ErrNotExist
	}
	if err := r.ctx.Err(); err != nil {
		return nil, false, err
	}
	info, err := fs.Stat(r.sys.Files, at(file))
	if err != nil {
		return nil, false, err
	}
	if !info.Mode().IsRegular() { // a FIFO would keep us waiting
		return nil, false, errNoFile
	}
	f, err := r.sys.Files.Open(at(file))
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	data = make([]byte, 0, min(max(info.Size(), 4096), maxFile)+1)
	for len(data) <= maxFile {
		if len(data) == cap(data) {
			grown := make([]byte, len(data), 2*cap(data))
			copy(grown, data)
			clear(data)
			data = grown
		}
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case err == io.EOF:
			return data, true, nil
		case err != nil:
			clear(data)
			return nil, false, err
		}
	}
	return data[:maxFile], false, nil
}

// text reads a file that is told of where it cannot be read; ok is false then,
// and where there is none.
func (r *reader) text(area Area, file string) (text string, ok bool) {
	data, err := r.octets(file)
	if err != nil {
		r.unread(area, file, err)
		return "", false
	}
	defer clear(data)
	return string(data), true
}

// exists reports whether something is there for sure. What stands in a directory
// that may not be searched is not: nobody knows of it.
func (r *reader) exists(file string) bool {
	if r.sys.Files == nil {
		return false
	}
	_, err := fs.Stat(r.sys.Files, at(file))
	return err == nil
}

// list is the first names in a directory that is told of where it cannot be read.
func (r *reader) list(area Area, dir string) []string {
	if r.sys.Files == nil {
		return nil
	}
	if _, err := fs.Stat(r.sys.Files, at(dir)); err != nil {
		r.unread(area, dir, err)
		return nil
	}
	return r.names(dir, maxEntries)
}

// names is the names in a directory, in order, no more than most.
func (r *reader) names(dir string, most int) []string {
	if r.sys.Files == nil {
		return nil
	}
	entries, _ := fs.ReadDir(r.sys.Files, at(dir))
	var names []string
	for _, e := range entries[:min(len(entries), most)] {
		names = append(names, e.Name())
	}
	return names
}

// run runs a command; ok is false where there is none, or it could not tell.
func (r *reader) run(area Area, name string, args ...string) (out string, ok bool) {
	if r.sys.Run == nil {
		return "", false
	}
	data, err := r.sys.Run.Run(r.ctx, name, args...)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			r.doubt(area, "%s: %v", strings.Join(append([]string{name}, args...), " "), err)
		}
		return "", false
	}
	return string(data), true
}

// name notes a name for EHLO, and with which addresses it is used.
func (r *reader) name(text, source string, from ...netip.Addr) {
	same := func(n Name) bool { return n.Text == text && slices.Equal(n.From, from) }
	if text != "" && !slices.ContainsFunc(r.host.Names, same) && len(r.host.Names) < maxEntries {
		r.host.Names = append(r.host.Names, Name{text, source, from})
	}
}

// wants reports whether a domain is one of those that are asked about.
func (r *reader) wants(domain string) bool {
	return slices.Contains(r.domains, record.Canonical(domain))
}

// bind notes an address that all mail is sent from.
func (r *reader) bind(text, source string) {
	if addr, ok := r.outgoing(text, source, false); ok {
		r.noV4, r.noV6 = r.noV4 || addr.Is4(), r.noV6 || addr.Is6()
	}
}

// outgoing notes an address that mail is sent from, or that of one client.
func (r *reader) outgoing(text, source string, client bool) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil || addr.IsUnspecified() || addr.IsLoopback() {
		return netip.Addr{}, false
	}
	addr = addr.Unmap().WithZone("")
	if !slices.ContainsFunc(r.host.Outgoing, func(have Outgoing) bool { return have.Addr == addr }) && len(r.host.Outgoing) < maxEntries {
		r.host.Outgoing = append(r.host.Outgoing, Outgoing{addr, client, source})
	}
	return addr, true
}
