package zone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

// maxFile is the octets of a zone file at most.
const maxFile = 64 << 20

// rounds is how often Write begins anew because the file changed under its hands.
const rounds = 3

// Write edits the file: it compares the basis of the plan with what the file says,
// changes the lines of the records that the plan is about and the serial, and puts
// a new file with the mode and the owner of the old in its place, by one rename.
func (p *Provider) Write(ctx context.Context, todo plan.Plan) error {
	if zone := record.Canonical(todo.Zone); zone != p.zone {
		return fmt.Errorf("the plan is for the zone %s, and %s holds %s", record.Display(zone), p, record.Display(p.zone))
	}
	for _, c := range todo.Changes {
		if !record.Within(c.Slot.Name, p.zone) {
			return fmt.Errorf("%s is not in the zone %s", plan.Title(c.Slot), record.Display(p.zone))
		}
	}
	unlock, err := lock(ctx, p.path)
	if err != nil {
		return fault(p.path, err)
	}
	defer unlock()
	for range rounds {
		done, err := p.round(ctx, todo)
		if done || err != nil {
			return err
		}
	}
	return fmt.Errorf("%s changes all the time; nothing is written", p)
}

// round carries out a plan, unless somebody writes the file at the same time: then
// done is false, and nothing is written.
func (p *Provider) round(ctx context.Context, todo plan.Plan) (done bool, err error) {
	text, info, err := read(p.path)
	if err != nil {
		return false, err
	}
	records, err := p.records(text)
	if err != nil {
		return false, err
	}
	if err := providers.Stale(todo, records); err != nil {
		return false, err
	}
	edited, err := p.edit(text, todo)
	if err != nil || bytes.Equal(edited, text) {
		return err == nil, err
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if again, _, err := read(p.path); err != nil || !bytes.Equal(again, text) {
		return false, err
	}
	if err := p.put(p.path, edited, info); err != nil {
		return false, fault(p.path, err)
	}
	return true, nil
}

// edit is the text after a plan.
func (p *Provider) edit(text []byte, todo plan.Plan) ([]byte, error) {
	root, err := os.OpenRoot(filepath.Dir(p.path))
	if err != nil {
		return nil, fault(filepath.Dir(p.path), err)
	}
	defer root.Close()
	return zonefile.Edit(text, todo.Edits(), zonefile.EditOptions{Name: p.String(), Origin: p.origin, Includes: root.FS(), Now: p.now()})
}

// read is the text of a file, and what is known of it.
func read(path string) ([]byte, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fault(path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fault(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is no regular file", shown(path))
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, nil, fault(path, err)
	}
	if len(text) > maxFile {
		return nil, nil, fmt.Errorf("%s is larger than %d MiB", shown(path), maxFile>>20)
	}
	return text, info, nil
}

// replace puts a file with the text in the place of the one at path, by a rename:
// who reads it sees the one or the other, and so does who starts after a crash.
func replace(path string, text []byte, like fs.FileInfo) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := own(f, like); err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Chmod(like.Mode().Perm()), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	if d, err := os.Open(dir); err == nil { // the rename lasts once the directory is on the disk
		_ = d.Sync() // where directories cannot be synced there is nothing to do about it
		d.Close()
	}
	return nil
}

// fault is an error about a file without the path that the system puts in, which
// may hold anything.
func fault(path string, err error) error {
	var inPath *fs.PathError
	var inLink *os.LinkError
	if errors.As(err, &inPath) {
		err = inPath.Err
	} else if errors.As(err, &inLink) {
		err = inLink.Err
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: %w; run this as root, or as the user who owns the file and its directory", shown(path), providers.ErrDenied)
	case errors.Is(err, syscall.EBUSY):
		return fmt.Errorf("%s: %w: a file that is mounted by itself cannot be replaced; mount its directory", shown(path), err)
	}
	return fmt.Errorf("%s: %w", shown(path), err)
}
