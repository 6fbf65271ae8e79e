package spool

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk"
)

// A Draft is a message that is being written. It ends with Commit or Abort.
type Draft struct {
	s     *Spool
	id    string
	file  disk.File // that has what was written; nil: none yet
	size  int64
	err   error // the first one
	ended bool
	// octets is what was written, as long as the journal may take it: no file is made
	// before it is known that it does, or does not.
	octets []byte
}

// Create begins a message of about that many octets (0: not known). It fails with
// ErrFull if there is no room.
func (s *Spool) Create(about int64) (*Draft, error) { return s.create("", about) }

// create begins a message with that ID, if it can have it.
func (s *Spool) create(wanted string, about int64) (*Draft, error) {
	about = max(about, 0)
	if err := s.Free(about); err != nil {
		return nil, err
	}
	id, err := s.begin(wanted, about)
	if err != nil {
		return nil, err
	}
	d := &Draft{s: s, id: id}
	if s.journal != nil && about <= mostJournaled {
		d.octets = make([]byte, 0, about)
		return d, nil
	}
	if err := d.spill(); err != nil {
		s.forget(id)
		return nil, err
	}
	return d, nil
}

// spill has what was written, and all that follows, be in a file.
func (d *Draft) spill() error {
	file, err := d.s.fs.Create(d.s.path(d.id + messageExt + newExt))
	if err != nil {
		return fmt.Errorf("spool: %w", asFull(err))
	}
	d.file = file
	if len(d.octets) > 0 {
		if _, err = file.Write(d.octets); err != nil {
			err = fmt.Errorf("spool: %w", asFull(err))
		}
	}
	d.octets = nil
	return err
}

// Free says whether the disk has room for so many octets: nil, or ErrFull.
func (s *Spool) Free(octets int64) error {
	free, err := s.fs.Free(s.dir)
	if err != nil {
		return fmt.Errorf("spool: %w", asFull(err))
	}
	if free < s.opts.MinFree+uint64(max(octets, 0)) {
		return fmt.Errorf("%w: %d MiB free on the disk, %d are kept free", ErrFull, free>>20, s.opts.MinFree>>20)
	}
	return nil
}

// Room says whether a message of so many octets would be taken now: nil, or ErrFull.
func (s *Spool) Room(octets int64) error {
	if err := s.Free(octets); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.place(max(octets, 0))
}

// place says whether there is one among the messages.
func (s *Spool) place(octets int64) error {
	if len(s.sizes) >= s.opts.MaxMessages {
		return fmt.Errorf("%w: %d messages", ErrFull, len(s.sizes))
	}
	if s.bytes+octets > s.opts.MaxBytes {
		return fmt.Errorf("%w: %d MiB", ErrFull, s.bytes>>20)
	}
	return nil
}

// begin takes a free ID, the wanted one if it is, and a place among the messages.
func (s *Spool) begin(wanted string, about int64) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.place(about); err != nil {
		return "", err
	}
	for id := wanted; ; id = NewID(time.Now()) {
		if _, taken := s.sizes[id]; !taken && isID(id) {
			s.sizes[id] = 0
			return id, nil
		}
	}
}

// grow takes room for n octets more.
func (s *Spool) grow(id string, n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes+n > s.opts.MaxBytes {
		return fmt.Errorf("%w: %d MiB", ErrFull, s.bytes>>20)
	}
	s.sizes[id] += n
	s.bytes += n
	return nil
}

// ID is the one that the entry will have.
func (d *Draft) ID() string { return d.id }

// Write adds octets. After an error the draft can only be aborted.
func (d *Draft) Write(b []byte) (int, error) {
	if d.err == nil && d.ended {
		d.err = errors.New("spool: the draft has ended")
	}
	if d.err == nil {
		d.err = d.s.grow(d.id, int64(len(b)))
	}
	if d.err == nil && d.file == nil {
		if d.size+int64(len(b)) <= mostJournaled {
			d.octets = append(d.octets, b...)
			d.size += int64(len(b))
			return len(b), nil
		}
		d.err = d.spill()
	}
	if d.err != nil {
		return 0, d.err
	}
	n, err := d.file.Write(b)
	d.size += int64(n)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		d.err = fmt.Errorf("spool: %w", asFull(err))
	}
	return n, d.err
}

// Abort drops the draft. After Commit it does nothing, so that it may be deferred.
func (d *Draft) Abort() error {
	if d.ended {
		return nil
	}
	d.ended = true
	if d.file == nil {
		d.s.forget(d.id)
		return nil
	}
	return errors.Join(d.file.Close(), d.drop(messageExt+newExt))
}

// drop removes files of the draft, in that order, and gives back its place. What
// cannot be removed ends it: an envelope does not stay without its message.
func (d *Draft) drop(exts ...string) error {
	defer d.s.forget(d.id)
	for _, ext := range exts {
		if err := disk.Gone(d.s.fs.Remove(d.s.path(d.id + ext))); err != nil {
			return err
		}
	}
	return nil
}

// Commit makes the draft an entry, and returns its envelope with ID and Size. When
// it returns nil the entry outlives a power cut, and the client may be told so;
// after an error there is none. (A disk that fails at the end, and then fails to
// undo it, may show an entry at the next start: whole, and delivered once more than
// the client was told.)
func (d *Draft) Commit(e Envelope) (Envelope, error) {
	if d.err != nil {
		return Envelope{}, errors.Join(d.err, d.Abort())
	}
	if d.ended {
		return Envelope{}, errors.New("spool: the draft has ended")
	}
	d.ended = true
	e = e.Clone()
	e.ID, e.Size = d.id, d.size
	for i := range e.Rcpts {
		if e.Rcpts[i].Status == "" {
			e.Rcpts[i].Status = Waiting
		}
	}
	if err := d.commit(e); err != nil {
		err = fmt.Errorf("spool: %w", asFull(err))
		return Envelope{}, errors.Join(err, d.drop(envelopeExt, messageExt, envelopeExt+newExt, messageExt+newExt))
	}
	return e, nil
}

// commit is the order on which all promises rest: the octets of both files are on
// the disk before either has its name, the message has its name before the envelope
// has, and all is done before anybody is told.
func (d *Draft) commit(e Envelope) error {
	if d.file == nil {
		if done, err := d.journaled(e); done {
			return err
		}
		if err := d.spill(); err != nil {
			return errors.Join(err, d.close())
		}
	}
	if err := d.sync(e); err != nil {
		return err
	}
	name := d.s.path(d.id + messageExt)
	if err := d.s.fs.Rename(name+newExt, name); err != nil {
		return err
	}
	if err := d.s.placeEnvelope(d.id); err != nil {
		return err
	}
	return d.s.names.Sync(d.s.dir)
}

// sync brings the octets of both files to the disk. It does so side by side if this
// is the only commit now, which halves the wait; among others it would only get in
// their way, as the journal of the file system serves them together already.
func (d *Draft) sync(e Envelope) error {
	file := d.file
	d.file = nil
	message := func() error { return errors.Join(file.Sync(), file.Close()) }
	defer d.s.committing.Add(-1)
	if d.s.committing.Add(1) > 1 {
		if err := message(); err != nil {
			return err
		}
		return d.s.writeEnvelope(e)
	}
	synced := make(chan error, 1)
	go func() { synced <- message() }()
	err := d.s.writeEnvelope(e)
	return errors.Join(<-synced, err)
}

// Accept spools a message whose octets are those of the parts, one behind the
// other; see Commit. An ID of NewID that e has stays its own, so that a message is
// called the same from its Received field on.
func (s *Spool) Accept(e Envelope, parts ...io.Reader) (Envelope, error) {
	d, err := s.create(e.ID, e.Size)
	if err != nil {
		return Envelope{}, err
	}
	for _, part := range parts {
		if _, err := io.Copy(d, part); err != nil {
			return Envelope{}, errors.Join(err, d.Abort())
		}
	}
	return d.Commit(e)
}
