// Package inbox is the test mailbox: addresses that nobody can guess, which take
// mail for a day, and what the receiving side saw of each message.
//
// A directory is all that whoever issues an address and the server that takes its
// mail have in common: `maildoctor inbox` writes the address there, and the server
// finds it when a client names it. Files are complete once they have their names,
// and what is no file of ours is left alone. It judges nothing about the mail
// itself; that is what package judge and the checks are for.
package inbox

import (
	"cmp"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk"
	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/record"
)

// Keep is how long an address takes mail, unless it is said otherwise. At its end
// the address goes, and its mail with it.
const Keep = 24 * time.Hour

// Bounds of what is kept, unless Options say otherwise.
const (
	MaxMessages = 20       // of an address
	MaxSize     = 10 << 20 // octets of a message
	MaxTotal    = 1 << 30  // octets of all messages
	MaxIssued   = 1000     // addresses at a time
)

var (
	// ErrGone tells that there is no such address, or none any more.
	ErrGone = errors.New("no such test address, or its time is over")
	// ErrFull tells that there is no room for one more message, or address.
	ErrFull = fmt.Errorf("no room for more: %w", maildir.ErrFull)
)

// Options change what Boxes are by default.
type Options struct {
	FS    disk.FS          // nil: that of the machine
	Now   func() time.Time // nil: time.Now
	Total int64            // octets of all messages; 0: MaxTotal
	Most  int              // addresses at a time; 0: MaxIssued
}

// Boxes are the test addresses below a directory. Several processes may use one.
type Boxes struct {
	dir  string
	fs   disk.FS
	own  bool // the file system is that of the machine: its files have owners
	now  func() time.Time
	max  int64 // octets of all messages
	most int   // addresses

	keeping sync.Mutex // one message at a time: bounds are counted
	mu      sync.Mutex
	strays  map[string]time.Time // files that belong to nothing, since when
}

// Open opens the test addresses of a directory, which is made if it is not there.
func Open(dir string, o Options) (*Boxes, error) {
	b := &Boxes{dir: dir, fs: o.FS, now: o.Now, max: cmp.Or(o.Total, MaxTotal), most: cmp.Or(o.Most, MaxIssued), strays: make(map[string]time.Time)}
	if b.fs == nil {
		b.fs, b.own = disk.OS{}, true
	}
	if b.now == nil {
		b.now = time.Now
	}
	_, err := b.fs.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = b.make()
	}
	if err != nil {
		return nil, fmt.Errorf("test mailbox: %w", err)
	}
	return b, nil
}

// make makes the directory, which outlives a power cut.
func (b *Boxes) make() error {
	above := filepath.Dir(filepath.Clean(b.dir))
	err := b.fs.Mkdir(b.dir)
	if err == nil {
		err = b.adopt(b.dir, above)
	}
	if err == nil {
		err = b.fs.SyncDir(above)
	}
	return err
}

// An Address takes mail from Made until Until.
type Address struct {
	Name        string // "test-…@example.org", lower case, the domain in A-labels
	Made, Until time.Time
}

// local is the local part, which all files of the address begin with.
func (a Address) local() string { return a.Name[:strings.IndexByte(a.Name, '@')] }

// prefix is what the local parts begin with; 96 bits follow.
const prefix = "test-"

// tokens is base32 (RFC 4648, 6) in lower case: mail servers may fold the case of
// local parts.
var tokens = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

const tokenBytes = 12 // 96 bits

// Issue makes a new address at a domain, which takes mail for that long; 0: Keep.
// When it returns, a server that uses the same directory takes mail for it.
func (b *Boxes) Issue(domain string, keep time.Duration) (Address, error) {
	name, err := record.ParseDomain(domain)
	if err != nil {
		return Address{}, fmt.Errorf("%q %w", domain, err)
	}
	if keep == 0 {
		keep = Keep
	}
	entries, err := b.fs.ReadDir(b.dir)
	if err != nil {
		return Address{}, fmt.Errorf("test mailbox: %w", err)
	}
	issued := 0
	for _, e := range entries {
		if parseName(e.Name).kind == addressFile {
			issued++
		}
	}
	if issued >= b.most {
		return Address{}, fmt.Errorf("%d test addresses are in use: %w", issued, ErrFull)
	}
	var token [tokenBytes]byte
	_, _ = rand.Read(token[:]) // never fails
	now := b.now().UTC().Truncate(time.Second)
	a := Address{Name: prefix + tokens.EncodeToString(token[:]) + "@" + strings.TrimSuffix(name, "."), Made: now, Until: now.Add(keep)}
	text, err := a.encode()
	if err == nil {
		err = b.write(a.local()+addressExt, text)
	}
	if err != nil {
		return Address{}, fmt.Errorf("test mailbox: %w", err)
	}
	return a, nil
}

// isLocal reports whether s could be the local part of a test address: no such
// text leads out of the directory.
func isLocal(s string) bool {
	token, ok := strings.CutPrefix(s, prefix)
	if !ok || len(token) != tokens.EncodedLen(tokenBytes) {
		return false
	}
	return !strings.ContainsFunc(token, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '2' || r > '7') })
}

// Takes reports whether an address takes mail now. It reads one file at most.
func (b *Boxes) Takes(a smtpd.Address) bool {
	if a.Literal.IsValid() {
		return false
	}
	_, err := b.Find(a.Local + "@" + a.Domain)
	return err == nil
}

// Find is an address that takes mail now. The error is ErrGone if there is none, or
// says why it cannot be told.
func (b *Boxes) Find(name string) (Address, error) {
	at := strings.LastIndexByte(name, '@')
	if at < 0 || !isLocal(strings.ToLower(name[:at])) {
		return Address{}, ErrGone
	}
	a, err := b.read(strings.ToLower(name[:at]))
	if err == nil && !strings.EqualFold(a.Name, name) {
		err = ErrGone
	}
	return a, err
}

// read is the address with a local part.
func (b *Boxes) read(local string) (Address, error) {
	text, err := disk.ReadFile(b.fs, b.path(local+addressExt), maxAddress)
	if errors.Is(err, fs.ErrNotExist) {
		return Address{}, ErrGone
	}
	if err != nil {
		return Address{}, fmt.Errorf("test mailbox: %w", err)
	}
	a, err := decodeAddress(local, text)
	if err != nil {
		return Address{}, fmt.Errorf("test mailbox: %s: %w", local, err)
	}
	if !b.now().Before(a.Until) {
		return Address{}, ErrGone
	}
	return a, nil
}

// Addresses are those that take mail now, the oldest first.
func (b *Boxes) Addresses() ([]Address, error) {
	entries, err := b.fs.ReadDir(b.dir)
	if err != nil {
		return nil, fmt.Errorf("test mailbox: %w", err)
	}
	var list []Address
	for _, e := range entries {
		if f := parseName(e.Name); f.kind == addressFile {
			if a, err := b.read(f.local); err == nil {
				list = append(list, a)
			}
		}
	}
	slices.SortStableFunc(list, func(x, y Address) int { return x.Made.Compare(y.Made) })
	return list, nil
}

func (b *Boxes) path(name string) string { return filepath.Join(b.dir, name) }
