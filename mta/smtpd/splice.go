package smtpd

import (
	"bytes"
	"io"
)

// spliced is a message as it is stored: our fields, and what the client sent but
// for the parts that are left out.
type spliced struct {
	parts []io.Reader
	size  int64
}

// splice leaves out spans that are in order and of this message, and no others.
func splice(top []byte, h *held, spans []Span) *spliced {
	s := &spliced{parts: []io.Reader{bytes.NewReader(top)}, size: int64(len(top))}
	add := func(from, to int64) {
		if from < to {
			s.parts = append(s.parts, h.section(from, to))
			s.size += to - from
		}
	}
	at := int64(0)
	for _, span := range spans {
		if span.From >= at && span.To >= span.From && span.To <= h.size {
			add(at, span.From)
			at = span.To
		}
	}
	add(at, h.size)
	return s
}

// section reads a part of the message.
func (h *held) section(from, to int64) io.Reader {
	if h.file == nil {
		return bytes.NewReader(h.mem[from:to])
	}
	return io.NewSectionReader(h.file, from, to-from)
}

// Read implements [io.Reader].
func (s *spliced) Read(p []byte) (int, error) {
	for len(s.parts) > 0 {
		n, err := s.parts[0].Read(p)
		if err == io.EOF {
			s.parts = s.parts[1:]
			if err = nil; n == 0 && len(p) > 0 {
				continue
			}
		}
		return n, err
	}
	return 0, io.EOF
}

// WriteTo implements [io.WriterTo]: what is in memory is not copied.
func (s *spliced) WriteTo(w io.Writer) (written int64, err error) {
	for ; len(s.parts) > 0; s.parts = s.parts[1:] {
		n, err := io.Copy(w, s.parts[0])
		if written += n; err != nil {
			return written, err
		}
	}
	return written, nil
}
