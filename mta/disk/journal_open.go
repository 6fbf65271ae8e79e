package disk

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// OpenJournal opens the journal in a directory, which its owner has locked, and
// returns what is in it, the oldest first: of two records of one file the later one
// counts. It is used after Start. Where the system cannot sync a file system the
// error is errors.ErrUnsupported.
func OpenJournal(fs FS, dirs *Dirs, dir string) (*Journal, []Record, error) {
	volumes, ok := fs.(Volumes)
	if !ok {
		return nil, nil, errors.ErrUnsupported
	}
	vol, err := volumes.Volume(dir)
	if err != nil {
		return nil, nil, err
	}
	j := &Journal{fs: fs, dir: dir, dirs: dirs, vol: vol, most: segmentMost, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	records, err := j.read()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("journal: %w", err), vol.Close())
	}
	return j, records, nil
}

// read reads the segments of the directory.
func (j *Journal) read() (all []Record, err error) {
	entries, err := j.fs.ReadDir(j.dir)
	if err != nil {
		return nil, err
	}
	type part struct {
		name    string
		number  uint64
		records []Record
	}
	var parts []part
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name, journalName)
		digits, unnamed := strings.CutSuffix(digits, unnamedExt)
		if _, failed := strconv.ParseUint(digits, 10, 64); !ok || failed != nil || e.Dir {
			continue
		}
		name := filepath.Join(j.dir, e.Name)
		if unnamed { // it was never used
			parts = append(parts, part{name: name})
			continue
		}
		octets, err := ReadFile(j.fs, name, segmentMost+3*batchMost)
		if err != nil {
			return nil, err
		}
		records, number, err := parseSegment(octets)
		if err != nil {
			return nil, fmt.Errorf("%s %w", name, err)
		}
		parts = append(parts, part{name, number, records})
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(a.number, b.number) })
	for _, p := range parts {
		all, j.left = append(all, p.records...), append(j.left, p.name)
	}
	return all, nil
}

// Start begins to take records. Its owner has brought to the files what was there
// before; now it need not be kept any longer.
func (j *Journal) Start() error {
	if err := j.dropLeft(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if j.Size <= 0 {
		j.Size = segmentSize
	}
	go j.run()
	return nil
}

// dropLeft removes what was there before, the oldest first and each for good: else a
// power cut could leave a record without the later one of the same file.
func (j *Journal) dropLeft() error {
	if len(j.left) == 0 {
		return nil
	}
	if err := j.vol.Sync(); err != nil { // what was whole already needed not be on the disk
		return err
	}
	for _, name := range j.left {
		if err := j.fs.Remove(name); err != nil {
			return err
		}
		if err := j.dirs.Sync(j.dir); err != nil {
			return err
		}
	}
	j.left = nil
	return nil
}

// Abandon gives up a journal that was not started. It stays as it was.
func (j *Journal) Abandon() error { return j.vol.Close() }
