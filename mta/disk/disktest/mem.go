// Package disktest is a file system in memory that fails where a test wants it to,
// and that can lose power.
//
// It is as forgetful as POSIX allows: octets that were not synced and names whose
// directory was not synced may be there after a power cut, or not, each for
// itself; and what they were written over may be there instead.
package disktest

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"path"
	"path/filepath"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/mta/disk"
)

// A Call is one call of the file system, of the FS or of a File.
type Call struct {
	N    int    // from 0
	Op   string // create write sync close open read rename remove mkdir readdir syncdir syncfs free lock
	Name string // the path; of a rename, the one it goes to
}

func (c Call) String() string { return fmt.Sprintf("%d %s %s", c.N, c.Op, filepath.Base(c.Name)) }

// Mem is a file system in memory. The zero value is empty and ready.
type Mem struct {
	// Before, if set, is asked before each call, which fails with its error. A
	// write that fails with io.ErrShortWrite has written half.
	Before func(Call) error
	// Room is the octets that Free tells; 0 means without bound.
	Room uint64

	mu      sync.Mutex
	calls   int
	dirs    map[string]bool
	now     map[string]*inode // what a program sees
	kept    map[string]*inode // what a power cut leaves in any case
	pending []change          // to kept, in order
	held    map[string]bool
}

// What its slices hold does not change.
type inode struct {
	data   []byte
	synced []byte // what a power cut leaves, if nothing was written over it
}

// A change of names that no SyncDir has confirmed.
type change struct {
	add  string // a name that leads to node; empty if none is added
	node *inode
	drop string // a name that goes; empty if none does
}

func (c change) touches(dir string) bool {
	return c.add != "" && path.Dir(c.add) == dir || c.drop != "" && path.Dir(c.drop) == dir
}

func (c change) to(names map[string]*inode) {
	if c.drop != "" {
		delete(names, c.drop)
	}
	if c.add != "" {
		names[c.add] = c.node
	}
}

var (
	_ disk.FS      = (*Mem)(nil)
	_ disk.Volumes = (*Mem)(nil)
)

// begin counts a call and takes the lock, which the caller gives back.
func (m *Mem) begin(op, name string) (string, error) {
	name = path.Clean(filepath.ToSlash(name))
	m.mu.Lock()
	call := Call{m.calls, op, name}
	m.calls++
	before := m.Before
	m.mu.Unlock()
	var err error
	if before != nil {
		err = before(call)
	}
	m.mu.Lock()
	if m.now == nil {
		m.now, m.kept, m.dirs, m.held = map[string]*inode{}, map[string]*inode{}, map[string]bool{}, map[string]bool{}
	}
	if err != nil {
		err = &fs.PathError{Op: op, Path: name, Err: err}
	}
	return name, err
}

func (m *Mem) change(c change) {
	c.to(m.now)
	m.pending = append(m.pending, c)
}

func (m *Mem) Create(name string) (disk.File, error) {
	name, err := m.begin("create", name)
	defer m.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case !m.dirs[path.Dir(name)]:
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrNotExist}
	case m.now[name] != nil:
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	node := new(inode)
	m.change(change{add: name, node: node})
	return &file{m, name, node}, nil
}

func (m *Mem) Open(name string) (io.ReadSeekCloser, error) {
	name, err := m.begin("open", name)
	defer m.mu.Unlock()
	if err != nil {
		return nil, err
	}
	node := m.now[name]
	if node == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &reader{bytes.NewReader(node.data), m, name}, nil
}

func (m *Mem) Rename(from, to string) error {
	to, err := m.begin("rename", to)
	defer m.mu.Unlock()
	if err != nil {
		return err
	}
	from = path.Clean(filepath.ToSlash(from))
	node := m.now[from]
	if node == nil || !m.dirs[path.Dir(to)] {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	m.change(change{add: to, node: node, drop: from})
	return nil
}

func (m *Mem) Remove(name string) error {
	name, err := m.begin("remove", name)
	defer m.mu.Unlock()
	if err != nil {
		return err
	}
	if m.now[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	m.change(change{drop: name})
	return nil
}

func (m *Mem) Mkdir(name string) error {
	name, err := m.begin("mkdir", name)
	defer m.mu.Unlock()
	if err != nil {
		return err
	}
	for ; !m.dirs[name]; name = path.Dir(name) {
		m.dirs[name] = true
	}
	return nil
}

func (m *Mem) ReadDir(name string) ([]disk.Entry, error) {
	name, err := m.begin("readdir", name)
	defer m.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if !m.dirs[name] {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	var entries []disk.Entry
	for at, node := range m.now {
		if path.Dir(at) == name {
			entries = append(entries, disk.Entry{Name: path.Base(at), Size: int64(len(node.data))})
		}
	}
	for at := range m.dirs {
		if at != name && path.Dir(at) == name {
			entries = append(entries, disk.Entry{Name: path.Base(at), Dir: true})
		}
	}
	slices.SortFunc(entries, func(a, b disk.Entry) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return entries, nil
}

func (m *Mem) SyncDir(name string) error {
	name, err := m.begin("syncdir", name)
	defer m.mu.Unlock()
	if err != nil {
		return err
	}
	m.pending = slices.DeleteFunc(m.pending, func(c change) bool {
		if c.touches(name) {
			c.to(m.kept)
			return true
		}
		return false
	})
	return nil
}

// Volume implements [disk.Volumes]: all is on one file system.
func (m *Mem) Volume(string) (disk.Volume, error) { return volume{m}, nil }

type volume struct{ m *Mem }

func (v volume) Holds(string) (bool, error) { return true, nil }
func (v volume) Close() error               { return nil }

func (v volume) Sync() error {
	_, err := v.m.begin("syncfs", "/")
	defer v.m.mu.Unlock()
	if err != nil {
		return err
	}
	for _, node := range v.m.now {
		node.synced = node.data
	}
	for _, c := range v.m.pending {
		c.to(v.m.kept)
	}
	v.m.pending = nil
	return nil
}

func (m *Mem) Free(name string) (uint64, error) {
	_, err := m.begin("free", name)
	defer m.mu.Unlock()
	if m.Room == 0 {
		return math.MaxUint64, err
	}
	return m.Room, err
}

func (m *Mem) Lock(name string) (io.Closer, error) {
	name, err := m.begin("lock", name)
	defer m.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if m.held[name] {
		return nil, &disk.LockedError{Name: name, PID: "1"}
	}
	m.held[name] = true
	return closer(func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.held, name)
		return nil
	}), nil
}

type closer func() error

func (c closer) Close() error { return c() }

// Calls is the number of calls so far.
func (m *Mem) Calls() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

// Files is every file with its content.
func (m *Mem) Files() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	files := map[string]string{}
	for name, node := range m.now {
		files[name] = string(node.data)
	}
	return files
}

// Put makes a file as if it had always been there.
func (m *Mem) Put(name, content string) {
	name, _ = m.begin("put", name)
	defer m.mu.Unlock()
	node := &inode{[]byte(content), []byte(content)}
	m.now[name], m.kept[name] = node, node
	for dir := path.Dir(name); !m.dirs[dir]; dir = path.Dir(dir) {
		m.dirs[dir] = true
	}
}

// Names is the sorted names of all files.
func (m *Mem) Names() []string { return slices.Sorted(maps.Keys(m.Files())) }
