package disk

import "sync"

// A Dirs makes the names in directories outlive a power cut, for many at a time:
// one call of the system serves all who wait for it. The zero value is not ready;
// see [NewDirs].
type Dirs struct {
	fs FS

	mu   sync.Mutex
	dirs map[string]*group // those with a call under way
}

// NewDirs syncs directories of that file system.
func NewDirs(fs FS) *Dirs { return &Dirs{fs: fs, dirs: map[string]*group{}} }

// A group is the calls for one directory. One that is under way when somebody comes
// does not count for him: it may have begun before his change.
type group struct {
	next *round // that takes whoever comes now; nil: nobody has
}

type round struct {
	done chan struct{}
	err  error
}

// Sync is FS.SyncDir: it returns when a call that began after Sync did has ended,
// with its error.
func (d *Dirs) Sync(name string) error {
	d.mu.Lock()
	g, running := d.dirs[name]
	if !running {
		g = &group{}
		d.dirs[name] = g
	}
	if g.next == nil {
		g.next = &round{done: make(chan struct{})}
	}
	mine := g.next
	d.mu.Unlock()
	if !running {
		go d.run(name, g)
	}
	<-mine.done
	return mine.err
}

// run calls until nobody waits.
func (d *Dirs) run(name string, g *group) {
	for {
		d.mu.Lock()
		r := g.next
		if g.next = nil; r == nil {
			delete(d.dirs, name)
			d.mu.Unlock()
			return
		}
		d.mu.Unlock()
		r.err = d.fs.SyncDir(name)
		close(r.done)
	}
}
