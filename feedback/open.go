package feedback

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"strings"
)

// Bounds of what is unpacked.
const (
	MaxDocument = 512 << 20 // octets of one file in an archive, or of one that is compressed
	MaxFile     = 4 << 30   // octets of all that one file holds, unpacked
	maxNesting  = 4         // archives in archives
	maxZip      = 64 << 20  // octets of an archive that is not a file of its own
	maxIndex    = 4 << 20   // octets of the directory of a zip
	maxEntries  = 20000     // files in one zip
	// From small on, what is unpacked is at most growth times as much as is read.
	// Reports grow about 30-fold, as much of one record is like the next.
	small  = 16 << 20
	growth = 200
)

// An Options says how reports are read.
type Options struct {
	Stdin io.Reader // what "-" stands for; nil: nothing
}

// Read ranges over all reports in paths: files, folders and Maildirs with all below
// them, and "-". What cannot be read is a *Refusal in its place, and the others
// follow all the same. It ends early when ctx does, with the error of that.
func Read(ctx context.Context, paths []string, o Options) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		w := &walker{ctx: ctx, yield: yield}
		for _, name := range paths {
			switch {
			case name == "-" && o.Stdin != nil:
				w.stream("standard input", o.Stdin, nil)
			default:
				w.path(name)
			}
			if w.stopped {
				return
			}
		}
	}
}

// From ranges over the reports in r as Read does over those in a file called name.
func From(ctx context.Context, name string, r io.Reader) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		w := &walker{ctx: ctx, yield: yield}
		w.stream(name, r, nil)
	}
}

// A walker finds reports and yields them.
type walker struct {
	ctx     context.Context
	yield   func(*Document, error) bool
	stopped bool
	files   int
}

// A place is where something is that may be a report.
type place struct {
	name  string // the whole way: "a.zip, b.xml"
	file  string // the innermost name
	depth int
	mail  *Mail
	named bool // the user named it, or what holds it is nothing but reports
	left  *int64
}

func (p place) inside(file string) place {
	p.name, p.file, p.depth = p.name+", "+file, file, p.depth+1
	return p
}

// emit yields; it is false when nothing more is wanted.
func (w *walker) emit(doc *Document, err error) bool {
	if w.stopped {
		return false
	}
	if ctxErr := w.ctx.Err(); ctxErr != nil {
		w.yield(nil, ctxErr)
		w.stopped = true
		return false
	}
	w.stopped = !w.yield(doc, err)
	return !w.stopped
}

func (w *walker) refuse(p place, err error) {
	r := refusal(p.name, err, 0)
	var strange *strangeError
	r.Other = !p.named && errors.As(err, &strange)
	w.emit(nil, r)
}

// stream reads a file that the user named; file is it, where it can be read at any
// place.
func (w *walker) stream(name string, r io.Reader, file *os.File) {
	w.open(name, r, file, true)
}

func (w *walker) open(name string, r io.Reader, file *os.File, named bool) {
	left := int64(MaxFile)
	w.content(place{name: name, file: path.Base(strings.ReplaceAll(name, `\`, "/")), named: named, left: &left}, r, file)
}

// content reads what r holds, by what it begins with. A nil file is one that can only
// be read in its order.
func (w *walker) content(p place, r io.Reader, file *os.File) {
	b := bufio.NewReaderSize(r, 4096)
	head, err := b.Peek(512)
	if err != nil && err != io.EOF && len(head) == 0 {
		w.refuse(p, err)
		return
	}
	switch sniff(head) {
	case isEmpty:
		w.refuse(p, errEmpty)
	case isGzip:
		w.gzip(p, b)
	case isZip:
		w.zipped(p, b, file)
	case isXML:
		w.document(p, b, aggregate)
	case isJSON:
		w.document(p, b, tlsReport)
	case isMbox:
		w.mbox(p, b)
	case isMail:
		w.letter(p, b)
	case isPacked:
		w.refuse(p, errPacked)
	case isDestroyed:
		w.refuse(p, errText)
	default:
		w.refuse(p, &strangeError{"it is no report, and nothing that holds one"})
	}
}

// document reads one report by read.
func (w *walker) document(p place, r io.Reader, read func(*Document, string, io.Reader) error) {
	doc := &Document{Name: p.name, Mail: p.mail}
	if err := read(doc, p.file, &contextReader{w.ctx, r}); err != nil {
		w.refuse(p, err)
		return
	}
	w.emit(doc, nil)
}

// A contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

type form int

const (
	isUnknown form = iota
	isEmpty
	isGzip
	isZip
	isXML
	isJSON
	isMbox
	isMail
	isPacked    // by something else
	isDestroyed // gzip that was converted as text is
)

// sniff tells what a file is by its first octets; names lie.
func sniff(head []byte) form {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n\x00")
	switch {
	case len(text) == 0:
		return isEmpty
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return isGzip
	case bytes.HasPrefix(head, []byte("\x1f\xc2\x8b")), bytes.HasPrefix(head, []byte("\x1f\xef\xbf\xbd")):
		return isDestroyed
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return isZip
	case bytes.HasPrefix(head, []byte("\xfe\xff")), bytes.HasPrefix(head, []byte("\xff\xfe")), text[0] == '<':
		return isXML
	case text[0] == '{':
		return isJSON
	case bytes.HasPrefix(head, []byte("From ")):
		return isMbox
	case headed(text):
		return isMail
	}
	for _, magic := range []string{"BZh", "\xfd7zXZ", "7z\xbc\xaf", "Rar!", "\x28\xb5\x2f\xfd"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return isPacked
		}
	}
	if len(head) > 262 && string(head[257:262]) == "ustar" {
		return isPacked
	}
	return isUnknown
}

// headed reports whether text begins with a header field.
func headed(text []byte) bool {
	name, _, ok := bytes.Cut(text, []byte(":"))
	if !ok || len(name) == 0 || len(name) > 76 {
		return false
	}
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return len(line) > len(name)+1
}

// A meter reads what is unpacked, as far as the bounds let it.
type meter struct {
	r    io.Reader
	read func() int64 // octets of the packed that were read
	got  int64
	left *int64 // of the whole file
}

var errBomb = errors.New("bomb")

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.got += int64(n)
	*m.left -= int64(n)
	switch {
	case m.got > MaxDocument || *m.left < 0:
		return n, fmt.Errorf("%w: unpacked it has more than %d MiB", errBomb, MaxDocument>>20)
	case m.got > small && m.got > growth*m.read():
		return n, fmt.Errorf("%w: it grows more than %d-fold when it is unpacked", errBomb, growth)
	}
	return n, err
}

// A counter counts what is read of r.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (w *walker) gzip(p place, r io.Reader) {
	if p.depth >= maxNesting {
		w.refuse(p, errNested)
		return
	}
	packed := &counter{r: r}
	z, err := gzip.NewReader(packed)
	if err != nil {
		w.refuse(p, broken(err, "gzip"))
		return
	}
	defer z.Close()
	inner := p
	inner.depth++
	inner.file = strings.TrimSuffix(p.file, ".gz")
	if strings.Contains(z.Name, "!") && !strings.Contains(inner.file, "!") {
		inner.file = plainName(z.Name)
	}
	w.content(inner, &unpacked{&meter{r: z, read: func() int64 { return packed.n }, left: p.left}, "gzip"}, nil)
}

// unpacked tells errors of what unpacks from those of what was packed.
type unpacked struct {
	r    io.Reader
	kind string
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && err != io.EOF {
		err = broken(err, u.kind)
	}
	return n, err
}

// zipped reads the files of a zip, which stands whole in memory unless it is a file.
func (w *walker) zipped(p place, r io.Reader, file *os.File) {
	if p.depth >= maxNesting {
		w.refuse(p, errNested)
		return
	}
	var at io.ReaderAt
	var size int64
	if info, err := stat(file); err == nil && info.Mode().IsRegular() {
		at, size = file, info.Size()
	} else {
		all, err := io.ReadAll(io.LimitReader(r, maxZip+1))
		if err != nil {
			w.refuse(p, err)
			return
		}
		if len(all) > maxZip {
			w.refuse(p, fmt.Errorf("a zip of more than %d MiB is read from a file only", maxZip>>20))
			return
		}
		at, size = bytes.NewReader(all), int64(len(all))
	}
	if err := modest(at, size); err != nil {
		w.refuse(p, err)
		return
	}
	z, err := zip.NewReader(at, size)
	if err != nil {
		w.refuse(p, broken(err, "zip"))
		return
	}
	w.entries(p, z)
}

func stat(file *os.File) (os.FileInfo, error) {
	if file == nil {
		return nil, os.ErrInvalid
	}
	return file.Stat()
}

func (w *walker) entries(p place, z *zip.Reader) {
	if len(z.File) > maxEntries {
		w.refuse(p, fmt.Errorf("it holds more than %d files", maxEntries))
		return
	}
	any := false
	for _, f := range z.File {
		if f.FileInfo().IsDir() || strings.HasPrefix(f.Name, "__MACOSX/") || strings.HasPrefix(path.Base(f.Name), ".") {
			continue
		}
		any = true
		inner := p.inside(plainName(f.Name))
		inner.named = false
		w.entry(inner, f)
		if w.stopped {
			return
		}
	}
	if !any {
		w.refuse(p, errEmpty)
	}
}

func (w *walker) entry(p place, f *zip.File) {
	const encrypted = 1
	if f.Flags&encrypted != 0 {
		w.refuse(p, errors.New("it is locked with a password"))
		return
	}
	r, err := f.Open()
	if err != nil {
		w.refuse(p, broken(err, "zip"))
		return
	}
	defer r.Close()
	w.content(p, &unpacked{&meter{r: r, read: func() int64 { return int64(f.CompressedSize64) }, left: p.left}, "zip"}, nil)
}

// modest makes sure that the directory of a zip is not too long to be read.
func modest(r io.ReaderAt, size int64) error {
	const fixed = 22
	tail := make([]byte, min(size, fixed+1<<16))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return err
	}
	i := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if i < 0 || len(tail)-i < fixed {
		return broken(zip.ErrFormat, "zip")
	}
	end := tail[i:]
	at := size - int64(len(tail)-i)
	count, length, begin := binary.LittleEndian.Uint16(end[10:]), binary.LittleEndian.Uint32(end[12:]), binary.LittleEndian.Uint32(end[16:])
	if count == 0xffff || length == 0xffff || length > maxIndex || at-int64(begin) > 2*maxIndex {
		return fmt.Errorf("it holds more files than a zip of reports does, or says so")
	}
	return nil
}

// plainName is the last part of a name in an archive or a mail.
func plainName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if len(name) > 255 {
		name = name[:255]
	}
	return strings.ToValidUTF8(name, "?")
}
