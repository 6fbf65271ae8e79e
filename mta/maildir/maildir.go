// Package maildir delivers messages into Maildirs, and reads them back for a test
// mailbox.
//
// A message is written to tmp/, synced, renamed to new/ and its name synced: readers
// see it whole or not at all, and what was delivered outlives a power cut. Folders
// are those of Maildir++ (.Junk beside new/). It is no mail store for readers: it
// sets no flags, keeps no index and serves no IMAP.
package maildir

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk"
)

var (
	// ErrName tells that a name can be no mailbox or folder. Trying again does not help.
	ErrName = errors.New("not a name for a mailbox")
	// ErrFull tells that there is no room now: the mailbox has reached its quota, or
	// the disk is full. SMTP has 452 4.2.2 for it (RFC 3463, 3.3).
	ErrFull = errors.New("the mailbox is full")
)

// A Store is a directory of mailboxes, one Maildir each. Deliveries may run at the
// same time, of several processes too.
type Store struct {
	Dir   string
	FS    disk.FS          // nil: that of the machine
	Host  string           // in the names of messages; empty: as the system is called
	Quota int64            // octets of a mailbox with its folders; 0: no bound
	Now   func() time.Time // nil: time.Now
	// Trouble is told when the disk fails the journal: what was delivered is safe in it,
	// and the next Begin needs it. nil: nobody is.
	Trouble func(error)
	// JournalSize is the octets of the journal after which what was delivered is synced,
	// if that is not due already; 0: 8 MiB.
	JournalSize int64

	count   atomic.Uint64 // deliveries of this process
	buffers sync.Pool     // *[bufferSize]byte
	named   sync.Once     // sets host
	host    string        // see hostOf

	mu      sync.Mutex
	made    map[string]*made // by directory
	names   *disk.Dirs
	journal *disk.Journal // nil: each delivery syncs its own file
	lock    io.Closer     // of the journal
}

// A made tells whether the directories of a Maildir are there, for good.
type made struct {
	mu        sync.Mutex
	done      bool
	journaled bool // guarded by Store.mu
}

// A Delivery is a message for one mailbox.
type Delivery struct {
	Box    string // name of the mailbox
	Folder string // of it, such as Junk; empty: the inbox
	// ReturnPath is the reverse-path without angle brackets, for the Return-Path field
	// (RFC 5321, 4.4); empty: <>.
	ReturnPath string
	// DeliveredTo is the address it came for, for the Delivered-To field (RFC 9228);
	// empty: no field.
	DeliveredTo string
	Message     io.Reader // its octets, which stay as they are
}

func (s *Store) fs() disk.FS {
	if s.FS == nil {
		return disk.OS{}
	}
	return s.FS
}

func (s *Store) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// CheckName says what keeps name from being that of a mailbox or folder: it is one
// element of a path, and hides no other one.
func CheckName(name string) error {
	why := ""
	switch {
	case name == "":
		why = "empty"
	case len(name) > 200:
		why = "too long"
	case name[0] == '.':
		why = "a dot in front"
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '/' || r == '\\' || r == 0xfffd }):
		why = "an octet that no name has"
	default:
		return nil
	}
	return fmt.Errorf("%q is %w: %s", name, ErrName, why)
}

// folder is the directory of a folder of a mailbox.
func (s *Store) folder(box, folder string) (string, error) {
	if err := CheckName(box); err != nil {
		return "", err
	}
	dir := filepath.Join(s.Dir, box)
	if folder == "" {
		return dir, nil
	}
	if err := CheckName(folder); err != nil {
		return "", err
	}
	return filepath.Join(dir, "."+folder), nil
}

// Deliver delivers a message, into a mailbox that is made if it is not there, and
// returns the name it has in new/. When it returns nil the message outlives a power
// cut; after an error there is none. All errors but ErrName are temporary.
func (s *Store) Deliver(d Delivery) (name string, err error) {
	dir, err := s.folder(d.Box, d.Folder)
	if err != nil {
		return "", err
	}
	name, err = s.deliver(dir, d)
	if err != nil {
		if disk.IsFull(err) {
			err = errors.Join(ErrFull, err)
		}
		return "", fmt.Errorf("mailbox %s: %w", d.Box, err)
	}
	return name, nil
}

func (s *Store) deliver(dir string, d Delivery) (string, error) {
	head, err := d.head()
	if err != nil {
		return "", err
	}
	if err := s.make(dir, d.Folder != ""); err != nil {
		return "", err
	}
	room, err := s.room(d.Box)
	if err != nil {
		return "", err
	}
	unique := s.unique()
	to := target{dir: dir, box: d.Box, folder: d.Folder, unique: unique, temporary: filepath.Join(dir, "tmp", unique)}
	message := io.MultiReader(strings.NewReader(head), d.Message)
	buffer, ok := s.buffers.Get().(*[bufferSize]byte)
	if !ok {
		buffer = new([bufferSize]byte)
	}
	defer s.buffers.Put(buffer)
	n, ended, err := read(message, buffer[:])
	if err == nil && int64(n) > room {
		err = ErrFull
	}
	if err != nil {
		return "", err
	}
	if ended {
		name, err := s.share(to, buffer[:n])
		if !errors.Is(err, disk.ErrNoJournal) && !errors.Is(err, fs.ErrNotExist) {
			return name, err
		} // or else somebody has removed the mailbox meanwhile
	}
	return s.alone(to, buffer, n, message, room)
}

// A target is where a message is to be.
type target struct {
	dir, box, folder string
	unique           string // the name, but for the size
	temporary        string // the path of the file in tmp/
}

// name is the name of the message. Readers take the size from it (Maildir++), and so
// does the quota.
func (t target) name(size int64) string { return t.unique + ",S=" + strconv.FormatInt(size, 10) }

func (t target) path(name string) string { return filepath.Join(t.dir, "new", name) }

// share delivers a message by the journal. It fails with disk.ErrNoJournal if that
// does not take it, and nothing was done then.
func (s *Store) share(to target, octets []byte) (string, error) {
	j := s.journalFor(to.dir)
	if j == nil {
		return "", disk.ErrNoJournal
	}
	name := to.name(int64(len(octets)))
	r := disk.Record{Name: nameOf(to.box, to.folder, name), Octets: octets}
	queued, err := j.Queue(false, r)
	if err != nil {
		return "", err
	}
	made := s.write(to, octets) // while the disk is at the journal
	placed, err := queued.Wait()
	if err == nil {
		defer placed()
		err = made
	}
	if err == nil {
		err = s.fs().Rename(to.temporary, to.path(name))
	}
	if err != nil {
		s.forget(to.dir) // new/ may have been removed
		j.Note(disk.Record{Name: r.Name, Gone: true})
		return "", errors.Join(err, disk.Gone(s.fs().Remove(to.temporary)))
	}
	return name, nil
}

// write makes the file in tmp/, without a sync.
func (s *Store) write(to target, octets []byte) error {
	file, err := s.fs().Create(to.temporary)
	if err != nil {
		return err
	}
	_, err = file.Write(octets)
	return errors.Join(err, file.Close())
}

// alone delivers a message by its own syncs. Its first n octets are in the buffer,
// and the others are still to be read.
func (s *Store) alone(to target, buffer *[bufferSize]byte, n int, message io.Reader, room int64) (name string, err error) {
	file, err := s.fs().Create(to.temporary)
	if errors.Is(err, fs.ErrNotExist) {
		s.forget(to.dir)
		if err = s.make(to.dir, to.folder != ""); err == nil {
			file, err = s.fs().Create(to.temporary)
		}
	}
	if err != nil {
		return "", err
	}
	size, err := fill(file, buffer[:], n, message, room)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		name = to.name(size)
		err = s.place(to, to.path(name))
	}
	if err != nil {
		return "", errors.Join(err, disk.Gone(s.fs().Remove(to.temporary)))
	}
	return name, nil
}

// place brings a message to its name, for good.
func (s *Store) place(to target, at string) error {
	if err := s.fs().Rename(to.temporary, at); err != nil {
		s.forget(to.dir)
		return err
	}
	if err := s.dirs().Sync(filepath.Dir(at)); err != nil {
		return errors.Join(err, disk.Gone(s.fs().Remove(at)))
	}
	return nil
}

// dirs syncs directories, for all deliveries that wait for one at once.
func (s *Store) dirs() *disk.Dirs {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names = disk.NewDirs(s.fs())
	}
	return s.names
}

// head is the fields in front of the message.
func (d Delivery) head() (string, error) {
	for _, path := range []string{d.ReturnPath, d.DeliveredTo} {
		if strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return "", fmt.Errorf("address %q: control character", path)
		}
	}
	head := "Return-Path: <" + d.ReturnPath + ">\r\n"
	if d.DeliveredTo != "" {
		head += "Delivered-To: " + d.DeliveredTo + "\r\n"
	}
	return head, nil
}

const bufferSize = 32 << 10

// fill writes a message of at most room octets into a file. The first n are in the
// buffer.
func fill(f disk.File, buffer []byte, n int, message io.Reader, room int64) (size int64, err error) {
	for ended := false; ; {
		if size += int64(n); size > room {
			return size, ErrFull
		}
		if _, err := f.Write(buffer[:n]); err != nil || ended {
			return size, err
		}
		if n, ended, err = read(message, buffer); err != nil {
			return size, err
		}
	}
}

// read reads until b is full, or r has ended.
func read(r io.Reader, b []byte) (n int, ended bool, err error) {
	for n < len(b) && err == nil {
		var more int
		more, err = r.Read(b[n:])
		n += more
	}
	if err == io.EOF {
		return n, true, nil
	}
	return n, false, err
}

// make makes the directories of a Maildir, once: others that want them wait. They
// are synced even if they are there, as who made them may have been killed before.
func (s *Store) make(dir string, folder bool) error {
	s.mu.Lock()
	if s.made == nil || len(s.made) >= maxMade {
		s.made = map[string]*made{}
	}
	m := s.made[dir]
	if m == nil {
		m = new(made)
		s.made[dir] = m
	}
	s.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.done {
		return nil
	}
	if err := s.mkdirs(dir, folder); err != nil {
		return err
	}
	s.mu.Lock()
	j := s.journal
	s.mu.Unlock()
	journaled := false
	if j != nil { // which syncs one file system
		var err error
		if journaled, err = j.Holds(filepath.Join(dir, "new")); err != nil {
			return err
		}
	}
	s.mu.Lock()
	m.done, m.journaled = true, journaled
	s.mu.Unlock()
	return nil
}

// maxMade bounds how many mailboxes are remembered.
const maxMade = 10_000

func (s *Store) forget(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.made, dir)
}

// mkdirs makes the directories of a Maildir; a folder has an empty file
// maildirfolder (Maildir++).
func (s *Store) mkdirs(dir string, folder bool) error {
	for _, name := range []string{"tmp", "cur", "new"} {
		if err := s.fs().Mkdir(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if folder {
		if err := disk.Write(s.fs(), filepath.Join(dir, "maildirfolder"), nil); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	for _, above := range []string{dir, filepath.Dir(dir), s.Dir, filepath.Dir(filepath.Clean(s.Dir))} {
		if err := s.fs().SyncDir(above); err != nil {
			return err
		}
	}
	return nil
}

// unique is a name that no other delivery has: time, process, count, chance, host.
func (s *Store) unique() string {
	s.named.Do(func() { s.host = hostOf(s.Host) })
	var chance [4]byte // for two processes of one number, in two containers
	_, _ = rand.Read(chance[:])
	now := s.now()
	return fmt.Sprintf("%d.M%06dP%dQ%dR%s.%s", now.Unix(), now.Nanosecond()/1000, os.Getpid(), s.count.Add(1), hex.EncodeToString(chance[:]), s.host)
}

// hostOf is the name of a host as it stands in that of a message.
func hostOf(host string) string {
	if host == "" {
		host, _ = os.Hostname()
	}
	if host == "" {
		return "localhost"
	}
	return strings.NewReplacer("/", `\057`, ":", `\072`, ",", `\054`).Replace(host)
}
