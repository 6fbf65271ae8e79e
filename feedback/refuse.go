package feedback

import (
	"archive/zip"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

var (
	errEmpty  = errors.New("it is empty")
	errNested = fmt.Errorf("archives in archives, more than %d deep", maxNesting)
	errText   = errors.New("it is a gzip file that something took for text, and destroyed")
	errPacked = errors.New("it is packed in a way that reports are not")
)

// A strangeError is that something is no report at all.
type strangeError struct{ text string }

func (s *strangeError) Error() string { return s.text }

// A brokenError is what an archive is broken by.
type brokenError struct {
	kind string
	err  error
}

func (b *brokenError) Error() string { return b.kind + ": " + b.err.Error() }
func (b *brokenError) Unwrap() error { return b.err }

// broken marks err as that of an archive, unless it is something else.
func broken(err error, kind string) error {
	var already *brokenError
	if errors.As(err, &already) || errors.Is(err, errBomb) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &brokenError{kind, err}
}

// refusal is err in words for who has the file, with the next step; records is how
// many whole ones were read before.
func refusal(name string, err error, records int) *Refusal {
	var packed *brokenError
	var corrupt flate.CorruptInputError
	var place *fault
	var path *fs.PathError
	var strange *strangeError
	r := &Refusal{Name: name, Reason: err.Error(), Next: "ask the receiver that wrote it"}
	switch {
	case errors.Is(err, errBomb):
		_, r.Reason = cut(err.Error())
		r.Next = "it is no report but an attack on who reads it: delete it"
	case errors.As(err, &strange):
		r.Next = "name files that hold reports"
	case errors.Is(err, errText):
		r.Next = "save the attachment again, as it is"
	case errors.Is(err, errEmpty):
		r.Next = "get it again: something went wrong when it was saved"
	case errors.Is(err, errPacked), errors.Is(err, errNested):
		r.Next = "unpack it, and name what was in it"
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zip.ErrChecksum):
		r.Reason, r.Next = "it is damaged: its checksum does not fit", "save the attachment again, as a file and not as text"
	case errors.As(err, &packed) && errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &packed) && err == io.EOF:
		r.Reason, r.Next = "it breaks off: the "+packed.kind+" file is not whole", "save the attachment again"
	case errors.As(err, &packed) && (errors.As(err, &corrupt) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, zip.ErrFormat)):
		r.Reason, r.Next = "it is damaged, or no "+packed.kind+" file but for its first octets", "save the attachment again, as a file and not as text"
	case errors.Is(err, zip.ErrAlgorithm):
		r.Reason, r.Next = "it is packed in a way that reports are not", "unpack it, and name what was in it"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		r.Reason, r.Next = "it breaks off in the middle", "save the attachment again; if it is as long as the mail says, the receiver sent it so"
	case errors.As(err, &path):
		r.Reason, r.Next = path.Err.Error(), "see that it can be read"
	case errors.As(err, &place):
		r.Next = "nothing of it is counted; " + r.Next
	}
	if records > 0 {
		r.Reason += fmt.Sprintf(", behind %d whole records", records)
	}
	return r
}

// cut is what stands behind the first colon.
func cut(text string) (head, tail string) {
	for i := range len(text) - 1 {
		if text[i] == ':' {
			return text[:i], text[i+2:]
		}
	}
	return "", text
}
