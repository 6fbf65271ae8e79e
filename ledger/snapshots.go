package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

// MostSnapshots is how many snapshots of a zone are kept; the oldest go.
const MostSnapshots = 100

const (
	snapshotSuffix = ".snapshot.json"
	zoneSuffix     = ".zone"
	stampTime      = "20060102T150405Z"
)

// Keep keeps a snapshot: as JSON, by which it can be taken back, and beside it as
// a zone file, for people. It returns the path of the first.
func (l Ledger) Keep(s plan.Snapshot) (path string, err error) {
	var doc bytes.Buffer
	if err := s.Write(&doc); err != nil {
		return "", err
	}
	if path, err = l.stamp(s.Zone, s.Taken, snapshotSuffix, doc.Bytes()); err != nil {
		return "", err
	}
	if err := l.Save(s.Zone, stem(path)+zoneSuffix, zoneText(s)); err != nil {
		return "", err
	}
	return path, l.prune(s.Zone)
}

// stamp writes a new file that has the time for its name.
func (l Ledger) stamp(zone string, at time.Time, suffix string, text []byte) (path string, err error) {
	for n := 1; ; n++ { // there may be several of a second
		name := at.UTC().Format(stampTime)
		if n > 1 {
			name += fmt.Sprintf("-%03d", n)
		}
		path, err = l.put(zone, name+suffix, text, linkNew)
		if !errors.Is(err, fs.ErrExist) || n == 1000 {
			return path, err
		}
	}
}

// linkNew gives a file its name, unless another has it.
func linkNew(from, to string) error {
	if err := os.Link(from, to); err == nil || errors.Is(err, fs.ErrExist) {
		return errors.Join(err, os.Remove(from))
	}
	if _, err := os.Lstat(to); err == nil { // a file system without links
		return fs.ErrExist
	}
	return os.Rename(from, to)
}

// zoneText is the records of a snapshot as a zone file. A record that cannot be
// written as one stands in a comment.
func zoneText(s plan.Snapshot) []byte {
	options := zonefile.WriteOptions{Origin: s.Zone, TTL: 300, Header: []string{
		"What maildoctor found in " + record.Display(s.Zone) + " before it changed anything, at " + s.Taken.UTC().Format(time.RFC3339) + ".",
		"A TTL of 300 may stand for one that the provider chooses.",
	}}
	var entries []zonefile.Entry
	for _, r := range s.Records {
		e := zonefile.Entry{Record: r}
		if zonefile.Write(new(bytes.Buffer), []zonefile.Entry{e}, options) != nil {
			options.Header = append(options.Header, fmt.Sprintf("Only in the JSON file: %s %s %.200q", r.Name, r.Type, r.Data))
			continue
		}
		entries = append(entries, e)
	}
	var b bytes.Buffer
	if err := zonefile.Write(&b, entries, options); err != nil {
		return fmt.Appendf(nil, "; it could not be written as a zone file, see the JSON file: %q\n", err)
	}
	return b.Bytes()
}

// Snapshots are the paths of the snapshots of a zone, the latest first.
func (l Ledger) Snapshots(zone string) ([]string, error) { return l.stamped(zone, snapshotSuffix) }

// stamped are the paths of files that stamp wrote, the latest first.
func (l Ledger) stamped(zone, suffix string) ([]string, error) {
	entries, err := os.ReadDir(l.of(zone))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var paths []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) {
			paths = append(paths, filepath.Join(l.of(zone), e.Name()))
		}
	}
	slices.Sort(paths) // of names with the time in front; the bare one of a second before those with a number
	slices.SortStableFunc(paths, func(a, b string) int {
		return strings.Compare(strings.TrimSuffix(a, suffix), strings.TrimSuffix(b, suffix))
	})
	slices.Reverse(paths)
	return paths, err
}

// Zones are the zones of which there are snapshots, without final dots.
func (l Ledger) Zones() ([]string, error) { return l.folders(snapshotSuffix) }

// folders are the names of those that hold a file with such an end, as of was given
// them.
func (l Ledger) folders(suffix string) ([]string, error) {
	folders, err := os.ReadDir(l.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var zones []string
	for _, folder := range folders {
		paths, err := filepath.Glob(filepath.Join(l.dir, folder.Name(), "*"+suffix))
		if err == nil && len(paths) > 0 {
			if name, err := url.PathUnescape(folder.Name()); err == nil { // else it is none of ours
				zones = append(zones, name)
			}
		}
	}
	return zones, err
}

// stem is the name of a snapshot without what follows it.
func stem(path string) string { return strings.TrimSuffix(filepath.Base(path), snapshotSuffix) }

// Drop removes the snapshot at path, and its zone file.
func (l Ledger) Drop(path string) error {
	return errors.Join(gone(os.Remove(path)), gone(os.Remove(strings.TrimSuffix(path, snapshotSuffix)+zoneSuffix)))
}

// prune removes the oldest snapshots.
func (l Ledger) prune(zone string) error {
	paths, err := l.Snapshots(zone)
	for _, path := range paths[min(len(paths), MostSnapshots):] {
		err = errors.Join(err, l.Drop(path))
	}
	return err
}

// Open reads the snapshot at path.
func Open(path string) (plan.Snapshot, error) {
	f, err := os.Open(path)
	if err != nil {
		return plan.Snapshot{}, err
	}
	defer f.Close()
	s, err := plan.ReadSnapshot(f)
	if err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
