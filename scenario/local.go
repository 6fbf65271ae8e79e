package scenario

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing/fstest"
	"time"

	"github.com/maildoctor/maildoctor/local"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// An inside is the mail host of a scenario, seen from within: files, what
// commands print, and the room on its disks.
type inside struct {
	files    map[string]string // by absolute path
	denied   []string          // paths that may not be read, with what is below them
	commands map[string]string // by the command line
	disks    map[string]local.Disk
}

// given reports whether the scenario has a host to look into.
func (in *inside) given() bool {
	return len(in.files)+len(in.denied)+len(in.commands)+len(in.disks) > 0
}

// Inside reports whether the scenario has a mail host that can be looked into.
func (s *Scenario) Inside() bool { return s.recording.local != nil || s.inside.given() }

// section reads a section of the host; ok is false for others.
func (in *inside) section(name, body string) (ok bool, err error) {
	switch {
	case strings.HasPrefix(name, "local/"):
		set(&in.files, path.Clean(strings.TrimPrefix(name, "local")), body)
	case strings.HasPrefix(name, "local-run/"):
		set(&in.commands, strings.TrimPrefix(name, "local-run/"), body)
	case name == "local-denied":
		err = eachLine(body, func(fields []string) error {
			in.denied = append(in.denied, fields[0])
			return nil
		})
	case name == "local-disk":
		err = eachLine(body, func(fields []string) error {
			disk, err := parseDisk(fields)
			set(&in.disks, disk.Path, disk)
			return err
		})
	default:
		return false, nil
	}
	return true, err
}

func set[V any](m *map[string]V, key string, v V) {
	if *m == nil {
		*m = make(map[string]V)
	}
	(*m)[key] = v
}

// parseDisk reads PATH FREE TOTAL, and unused and all inodes if they matter.
func parseDisk(fields []string) (local.Disk, error) {
	if len(fields) != 3 && len(fields) != 5 {
		return local.Disk{}, errors.New("want PATH FREE TOTAL, or PATH FREE TOTAL UNUSED INODES")
	}
	numbers := make([]uint64, 4)
	for i, text := range fields[1:] {
		unit := uint64(1)
		if head, ok := strings.CutSuffix(text, "M"); ok {
			text, unit = head, 1<<20
		} else if head, ok := strings.CutSuffix(text, "G"); ok {
			text, unit = head, 1<<30
		}
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return local.Disk{}, err
		}
		numbers[i] = n * unit
	}
	return local.Disk{Path: fields[0], Free: numbers[0], Total: numbers[1], Unused: numbers[2], Inodes: numbers[3]}, nil
}

// lieOn adds what base has and this host has not.
func (in *inside) lieOn(base inside) {
	for name, body := range base.files {
		if _, own := in.files[name]; !own {
			set(&in.files, name, body)
		}
	}
	for line, output := range base.commands {
		if _, own := in.commands[line]; !own {
			set(&in.commands, line, output)
		}
	}
	for name, disk := range base.disks {
		if _, own := in.disks[name]; !own {
			set(&in.disks, name, disk)
		}
	}
	in.denied = append(in.denied, base.denied...)
}

// local is the host of the world as it is read on a machine; nil where the
// scenario has none.
func (w *World) local(ctx context.Context) *local.Host {
	switch {
	case w.Recorded():
		return w.recording.local
	case !w.inside.given():
		return nil
	}
	return local.Read(ctx, local.System{
		Files: w.inside.fs(w.CA), Run: printer(w.inside.commands), Now: w.now,
		Addrs: w.Here, Route: w.route, Room: w.inside.room,
	}, []string{w.Domain})
}

// route is the machine's first address of the family.
func (w *World) route(to netip.Addr) (netip.Addr, error) {
	if i := slices.IndexFunc(w.Here, func(a netip.Addr) bool { return a.Is4() == to.Is4() }); i >= 0 {
		return w.Here[i], nil
	}
	return netip.Addr{}, errors.New("no route to host")
}

func (in *inside) room(name string) (local.Disk, error) {
	if disk, ok := in.disks[name]; ok {
		return disk, nil
	}
	return local.Disk{}, errors.New("not in the scenario")
}

// issued begins the body of a file that is a certificate for the names behind it.
const issued = "!certificate "

// fs is the files. A file whose body is empty but for "!none" is left out.
func (in *inside) fs(ca *smtpscript.CA) fs.FS {
	files := make(fstest.MapFS)
	for name, body := range in.files {
		if names, ok := strings.CutPrefix(strings.TrimSpace(body), issued); ok {
			body = certificate(ca, strings.Fields(names))
		}
		if strings.TrimSpace(body) != "!none" {
			files[strings.TrimPrefix(name, "/")] = &fstest.MapFile{Data: []byte(body), Mode: 0o644, ModTime: time.Unix(0, 0)}
		}
	}
	for name := range in.disks { // a directory that is there
		files[strings.TrimPrefix(path.Join(name, ".keep"), "/")] = &fstest.MapFile{}
	}
	return guarded{files, in.denied}
}

func certificate(ca *smtpscript.CA, names []string) string {
	cert, err := ca.Issue(smtpscript.Certificate{Names: names})
	if err != nil {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}))
}

// guarded is files of which some may not be read, as by who is not root.
type guarded struct {
	fs.FS
	denied []string
}

func (g guarded) Open(name string) (fs.File, error) {
	for _, d := range g.denied {
		if "/"+name == d || strings.HasPrefix("/"+name, d+"/") {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
		}
	}
	return g.FS.Open(name)
}

// A printer prints what commands print: by the whole command line. A text that
// begins with "!" is what a command that fails says.
type printer map[string]string

func (p printer) Run(_ context.Context, name string, args ...string) ([]byte, error) {
	output, ok := p[strings.Join(append([]string{name}, args...), " ")]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	if text, failed := strings.CutPrefix(output, "!"); failed {
		return nil, errors.New(strings.TrimSpace(text))
	}
	return []byte(output), nil
}
