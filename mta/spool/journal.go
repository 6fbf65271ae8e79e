package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/mta/disk"
)

// mostJournaled is the octets of a message that goes through the journal. A larger
// one is synced by itself.
const mostJournaled = 64 << 10

// openJournal brings to the files what a journal holds, and opens it if it is to be
// used. Where the system cannot sync a file system there is none.
func (s *Spool) openJournal() error {
	j, records, err := disk.OpenJournal(s.fs, s.names, s.dir)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(records) == 0 && !s.opts.Journal {
		return j.Abandon()
	}
	j.Trouble, j.Size = s.opts.Trouble, s.opts.JournalSize
	if err = s.replay(records); err == nil {
		err = j.Start()
	}
	if err != nil {
		return errors.Join(err, j.Abandon())
	}
	if !s.opts.Journal {
		return j.Close()
	}
	s.journal = j
	return nil
}

// replay has each file be as its last record says. All changes of files that a
// record is about went through the journal, one that is stuck too, so there is
// nothing newer.
func (s *Spool) replay(records []disk.Record) error {
	last := map[string]disk.Record{}
	var names []string // messages come before their envelopes, as in the records
	for _, r := range records {
		id, ext, _ := strings.Cut(r.Name, ".")
		if !isID(id) || "."+ext != messageExt && "."+ext != envelopeExt {
			continue // not of ours
		}
		if _, again := last[r.Name]; !again {
			names = append(names, r.Name)
		}
		last[r.Name] = r
	}
	slices.SortStableFunc(names, func(a, b string) int { return strings.Compare(extOf(a), extOf(b)) })
	for _, name := range names {
		if err := s.redo(last[name]); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	return nil
}

// extOf puts ID.eml before ID.env.json.
func extOf(name string) string { return name[idLength:] }

func (s *Spool) redo(r disk.Record) error {
	name := s.path(r.Name)
	if r.Gone {
		return disk.Gone(s.fs.Remove(name))
	}
	now, err := disk.ReadFile(s.fs, name, int64(len(r.Octets)))
	if err == nil && bytes.Equal(now, r.Octets) {
		return nil
	}
	if err := s.replace(name+newExt, string(r.Octets)); err != nil {
		return err
	}
	return s.fs.Rename(name+newExt, name)
}

// journaled commits a draft by the journal, and reports whether that can be done:
// the records of both files are on the disk before the envelope has its name. A
// message without one was never accepted.
func (d *Draft) journaled(e Envelope) (done bool, err error) {
	text, err := encode(e)
	if err != nil {
		return false, nil // it is said again
	}
	message, envelope := disk.Record{Name: d.id + messageExt, Octets: d.octets}, disk.Record{Name: d.id + envelopeExt, Octets: text}
	queued, err := d.s.journal.Queue(false, message, envelope)
	if errors.Is(err, disk.ErrNoJournal) {
		return false, nil
	}
	if err == nil {
		made := d.makeFiles(text) // while the disk is at the journal
		var placed func()
		if placed, err = queued.Wait(); err == nil {
			if err = made; err == nil {
				err = d.s.placeEnvelope(d.id)
			}
			placed() // undo waits for room, which may wait for this
		}
	}
	if err != nil { // nobody is told that it was accepted
		d.s.undo(d.id)
	}
	return true, err
}

// close closes the file of a draft that is still open.
func (d *Draft) close() error {
	file := d.file
	if d.file = nil; file == nil {
		return nil
	}
	return file.Close()
}

// makeFiles makes the files of a draft, without a sync. The envelope comes to its name
// later.
func (d *Draft) makeFiles(envelope []byte) error {
	f, err := d.s.fs.Create(d.s.path(d.id + messageExt))
	if err != nil {
		return err
	}
	_, err = f.Write(d.octets)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return d.s.fresh(d.id, envelope)
}

// rewrite replaces an envelope, at once and without a sync.
func (s *Spool) rewrite(id string, text []byte) error {
	if err := s.fresh(id, text); err != nil {
		return err
	}
	return s.placeEnvelope(id)
}

// fresh writes an envelope that has not come to its name, without a sync. When it
// fails there is none.
func (s *Spool) fresh(id string, text []byte) error {
	name := s.path(id + envelopeExt + newExt)
	f, err := s.fs.Create(name)
	if errors.Is(err, fs.ErrExist) { // an earlier try failed, and could not undo it
		if err = s.fs.Remove(name); err == nil {
			f, err = s.fs.Create(name)
		}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, disk.Gone(s.fs.Remove(name)))
	}
	return nil
}

// undo takes an entry out of the journal again.
func (s *Spool) undo(id string) {
	if placed, err := s.journal.Put(true, goneRecords(id)...); err == nil {
		placed()
	}
}

// goneRecords remove an entry: the envelope first, so that a power cut in between
// leaves what load takes for never accepted.
func goneRecords(id string) []disk.Record {
	return []disk.Record{{Name: id + envelopeExt, Gone: true}, {Name: id + messageExt, Gone: true}}
}

// inJournal writes records, and then does to the files what they say. It reports
// whether the journal took them; if not, do is to sync what it does.
func (s *Spool) inJournal(do func() error, records ...disk.Record) (done bool, err error) {
	if s.journal == nil {
		return false, nil
	}
	placed, err := s.journal.Put(true, records...)
	if errors.Is(err, disk.ErrNoJournal) {
		return false, nil
	}
	if err == nil {
		defer placed()
		err = do()
	}
	return true, err
}
