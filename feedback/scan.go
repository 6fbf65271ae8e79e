package feedback

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of one XML document.
const (
	maxDepth   = 32      // elements in elements
	maxText    = 1 << 10 // octets of one text that are kept
	maxRun     = 1 << 20 // octets of one text, comment or tag
	maxName    = 128     // octets of a name
	maxInterns = 20000   // different texts that are remembered
	maxInterna = 64      // octets of one of them
)

// A scanner reads the tags of an XML document, and the text of elements that hold no
// other. It knows no entities but the five of XML and references to characters, so
// that nothing grows; a document type with declarations of its own is refused.
type scanner struct {
	r      *bufio.Reader
	offset int64 // octets behind which it stands

	stack  [maxDepth]string // names of the open elements
	depth  int
	prefix string // of the root element
	space  string // its namespace
	alien  int    // depth of the outermost open element of another prefix; 0 if none

	text   []byte // since the last tag
	name   []byte
	attr   []byte
	closes bool // the tag that was read was empty: <a/>
	stale  bool // text is that of an element that has ended

	interned map[string]string
	declared string // encoding
	mended   bool   // elements without an end were taken to end with what holds them
	odd      bool   // octets that are not UTF-8 were read as ISO 8859-1
}

func newScanner(r io.Reader) (*scanner, error) {
	s := &scanner{r: bufio.NewReaderSize(r, 64<<10), interned: make(map[string]string)}
	head, err := s.r.Peek(4)
	if len(head) < 2 {
		return s, err
	}
	order := byte(0)
	switch {
	case head[0] == 0xEF && head[1] == 0xBB && len(head) > 2 && head[2] == 0xBF:
		_, err = s.r.Discard(3)
		s.offset = 3
		return s, err
	case head[0] == 0xFE && head[1] == 0xFF, head[0] == 0 && head[1] == '<':
		order = 'B'
	case head[0] == 0xFF && head[1] == 0xFE, head[0] == '<' && head[1] == 0:
		order = 'L'
	default:
		return s, nil
	}
	s.r = bufio.NewReaderSize(&utf16Reader{r: s.r, little: order == 'L'}, 64<<10)
	if first, _, err := s.r.ReadRune(); err == nil && first != '\uFEFF' {
		_ = s.r.UnreadRune() // a rune was just read
	}
	return s, nil
}

// A fault is what makes a document unreadable, and where.
type fault struct {
	offset int64
	text   string
}

func (f *fault) Error() string { return fmt.Sprintf("octet %d: %s", f.offset, f.text) }

func (s *scanner) fault(format string, args ...any) error {
	return &fault{s.offset, fmt.Sprintf(format, args...)}
}

// read is one octet.
func (s *scanner) read() (byte, error) {
	c, err := s.r.ReadByte()
	if err == nil {
		s.offset++
	} else if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return c, err
}

// next goes to the next tag. At the end of an element that holds no other, s.text is
// its text. Behind the root element there is no next.
func (s *scanner) next() (name string, start bool, err error) {
	if s.stale {
		s.text, s.stale = s.text[:0], false
	}
	if s.closes {
		s.closes = false
		return s.close()
	}
	for {
		if err := s.untilTag(); err != nil {
			return "", false, err
		}
		c, err := s.read()
		if err != nil {
			return "", false, err
		}
		switch c {
		case '/':
			if _, err := s.tag(0); err != nil {
				return "", false, err
			}
			if !s.ends(s.local()) {
				return "", false, s.fault("</%.40s> ends no element that is open", s.name)
			}
			return s.close()
		case '?':
			if err := s.instruction(); err != nil {
				return "", false, err
			}
		case '!':
			if err := s.declaration(); err != nil {
				return "", false, err
			}
		default:
			return s.open(c)
		}
	}
}

// ends makes the innermost open element of that name the innermost of all. Those in it
// have no end: "<email>Ann <ann@example.net></email>".
func (s *scanner) ends(name string) bool {
	for i := s.depth - 1; i >= 0; i-- {
		if s.stack[i] == name {
			if i < s.depth-1 {
				s.depth, s.mended, s.text = i+1, true, s.text[:0]
			}
			return true
		}
	}
	return false
}

func (s *scanner) open(first byte) (string, bool, error) {
	empty, err := s.tag(first)
	if err != nil {
		return "", false, err
	}
	if s.depth == maxDepth {
		return "", false, s.fault("elements are nested deeper than %d", maxDepth)
	}
	name := s.local()
	s.stack[s.depth] = name
	s.depth++
	prefix := s.name[:max(len(s.name)-len(name)-1, 0)]
	if s.depth == 1 {
		s.prefix = string(prefix)
		s.space = namespace(string(s.attr), s.prefix)
	} else if s.alien == 0 && string(prefix) != s.prefix {
		s.alien = s.depth
	}
	s.text, s.closes = s.text[:0], empty
	return name, true, nil
}

func (s *scanner) close() (string, bool, error) {
	s.depth--
	name := s.stack[s.depth]
	if s.alien > s.depth {
		s.alien = 0
	}
	s.stale = true
	return name, false, nil
}

// local is the name that was read, without its prefix.
func (s *scanner) local() string {
	name := s.name
	for i, c := range name {
		if c == ':' {
			name = s.name[i+1:]
		}
	}
	return s.intern(name)
}

// intern is b as a string; the same text is the same memory, as far as it is short
// and there are not too many.
func (s *scanner) intern(b []byte) string {
	if text, ok := s.interned[string(b)]; ok {
		return text
	}
	text := string(b)
	if len(text) <= maxInterna && len(s.interned) < maxInterns {
		s.interned[text] = text
	}
	return text
}

// untilTag reads text into s.text, up to and with the next '<'.
func (s *scanner) untilTag() error {
	run := 0
	begin := len(s.text)
	for {
		piece, err := s.r.ReadSlice('<')
		s.offset += int64(len(piece))
		run += len(piece)
		if err == nil {
			piece = piece[:len(piece)-1]
		}
		if room := maxText - len(s.text); room > 0 && s.depth > 0 {
			s.text = append(s.text, piece[:min(room, len(piece))]...)
		}
		switch {
		case err == nil:
			s.unescape(begin)
			return nil
		case errors.Is(err, bufio.ErrBufferFull) && run <= maxRun:
		case errors.Is(err, bufio.ErrBufferFull):
			return s.fault("a text has more than %d KiB", maxRun>>10)
		case err == io.EOF:
			return io.ErrUnexpectedEOF
		default:
			return err
		}
	}
}

// unescape replaces references to characters in s.text from begin on; what it does
// not know stays. Octets that are not UTF-8 are taken for ISO 8859-1.
func (s *scanner) unescape(begin int) {
	text := s.text[begin:]
	if !utf8.Valid(text) {
		s.text = append(s.text[:begin], s.latin(text)...)
		text = s.text[begin:]
	}
	amp := bytes.IndexByte(text, '&')
	if amp < 0 {
		return
	}
	out := append([]byte(nil), text[:amp]...)
	for rest := text[amp:]; len(rest) > 0; {
		r, n := reference(rest)
		if n == 0 {
			out = append(out, rest[0])
			rest = rest[1:]
			continue
		}
		out = utf8.AppendRune(out, r)
		rest = rest[n:]
	}
	s.text = append(s.text[:begin], out...)
}

// latin is text with every octet as a character of ISO 8859-1, unless it is only cut
// off within a character.
func (s *scanner) latin(text []byte) []byte {
	for cut := 1; cut < utf8.UTFMax && cut <= len(text); cut++ {
		if whole := text[:len(text)-cut]; utf8.Valid(whole) && len(s.text) >= maxText {
			return whole
		}
	}
	s.odd = true
	out := make([]byte, 0, len(text)+16)
	for _, c := range text {
		out = utf8.AppendRune(out, rune(c))
	}
	return out
}

// reference reads a reference to a character at the front of b; n is 0 where it is
// none that is known.
func reference(b []byte) (r rune, n int) {
	const longest = 12
	end := bytes.IndexByte(b[:min(len(b), longest)], ';')
	if end < 2 {
		return 0, 0
	}
	switch name := string(b[1:end]); {
	case name == "amp":
		r = '&'
	case name == "lt":
		r = '<'
	case name == "gt":
		r = '>'
	case name == "quot":
		r = '"'
	case name == "apos":
		r = '\''
	case name[0] == '#':
		digits, base := name[1:], 10
		if hex, ok := strings.CutPrefix(digits, "x"); ok {
			digits, base = hex, 16
		}
		code, err := strconv.ParseUint(digits, base, 32)
		if err != nil || code == 0 || code > utf8.MaxRune || !utf8.ValidRune(rune(code)) {
			return 0, 0
		}
		r = rune(code)
	default:
		return 0, 0
	}
	return r, end + 1
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// tag reads a tag to its '>', the name into s.name. Of the attributes it keeps the
// namespace of the root element. first is the octet of the name that was read; 0 if none.
func (s *scanner) tag(first byte) (empty bool, err error) {
	s.name = s.name[:0]
	c := first
	for run := 0; ; run++ {
		if run > 0 || first == 0 {
			if c, err = s.read(); err != nil {
				return false, err
			}
		}
		if blank(c) || c == '>' || c == '/' {
			break
		}
		if c == '<' || len(s.name) == maxName {
			return false, s.fault("a tag that is none")
		}
		s.name = append(s.name, c)
	}
	if len(s.name) == 0 {
		return false, s.fault("a tag without a name")
	}
	return s.attributes(c)
}

// attributes reads to the end of a tag, of which c was read.
func (s *scanner) attributes(c byte) (empty bool, err error) {
	s.attr = s.attr[:0]
	quote := byte(0)
	for run := 0; ; run++ {
		switch {
		case run > maxRun/16:
			return false, s.fault("a tag has more than %d KiB", maxRun>>14)
		case quote == 0 && c == '>':
			return empty, nil
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
		empty = quote == 0 && c == '/'
		if s.depth == 0 && len(s.attr) < maxText {
			s.attr = append(s.attr, c)
		}
		if c, err = s.read(); err != nil {
			return false, err
		}
	}
}

// namespace is the value of the attribute that binds prefix in the attributes of a tag.
func namespace(attrs, prefix string) string {
	name := "xmlns"
	if prefix != "" {
		name += ":" + prefix
	}
	return attribute(attrs, name)
}

// attribute is the value of the attribute called name; empty where there is none.
func attribute(attrs, name string) string {
	for {
		before, rest, ok := strings.Cut(attrs, "=")
		rest = strings.TrimLeft(rest, " \t\r\n")
		if !ok || rest == "" || rest[0] != '"' && rest[0] != '\'' {
			return ""
		}
		value, after, _ := strings.Cut(rest[1:], rest[:1])
		if strings.Trim(before, " \t\r\n") == name {
			return strings.TrimSpace(value)
		}
		attrs = after
	}
}

// instruction reads a processing instruction; of the XML declaration the encoding.
func (s *scanner) instruction() error {
	text, err := s.until("?>")
	if err != nil {
		return err
	}
	if rest, ok := strings.CutPrefix(text, "xml"); ok && s.depth == 0 {
		s.declared = attribute(rest, "encoding")
	}
	return nil
}

// declaration reads what begins with "<!": a comment, a CDATA section or a document
// type.
func (s *scanner) declaration() error {
	head, err := s.r.Peek(7)
	switch {
	case strings.HasPrefix(string(head), "--"):
		_, _ = s.r.Discard(2) // they were seen
		s.offset += 2
		_, err := s.until("-->")
		return err
	case string(head) == "[CDATA[":
		_, _ = s.r.Discard(len(head)) // they were seen
		s.offset += int64(len(head))
		return s.cdata()
	case len(head) == 0:
		return unexpected(err)
	}
	text, err := s.until(">")
	if err != nil {
		return err
	}
	if strings.ContainsAny(text, "[") || !strings.HasPrefix(strings.ToUpper(text), "DOCTYPE") {
		return s.fault("it declares entities or the like, of which XML bombs are made")
	}
	return nil // a document type without declarations changes nothing; what it names is not fetched
}

func unexpected(err error) error {
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// cdata reads a CDATA section into s.text, as it is.
func (s *scanner) cdata() error {
	text, err := s.until("]]>")
	if err == nil && s.depth > 0 {
		s.text = append(s.text, text[:min(len(text), max(maxText-len(s.text), 0))]...)
	}
	return err
}

// until reads up to and with end, and returns the beginning of what stands before it.
func (s *scanner) until(end string) (string, error) {
	var b []byte
	var seen uint32 // the last four octets
	var want, mask uint32
	for _, c := range []byte(end) {
		want, mask = want<<8|uint32(c), mask<<8|0xff
	}
	for run := 1; run <= maxRun; run++ {
		c, err := s.read()
		if err != nil {
			return "", err
		}
		if len(b) < maxText {
			b = append(b, c)
		}
		if seen = seen<<8 | uint32(c); run >= len(end) && seen&mask == want {
			return string(b[:min(len(b), run-len(end))]), nil
		}
	}
	return "", s.fault("a comment or the like has more than %d KiB", maxRun>>10)
}

// A utf16Reader is UTF-16 as UTF-8. What is no character becomes U+FFFD.
type utf16Reader struct {
	r      *bufio.Reader
	little bool
	left   []byte
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	if len(u.left) == 0 {
		r, err := u.unit()
		if err != nil {
			return 0, err
		}
		if utf16.IsSurrogate(r) {
			low, err := u.unit()
			if err != nil {
				return 0, err
			}
			r = utf16.DecodeRune(r, low)
		}
		u.left = utf8.AppendRune(u.left[:0], r)
	}
	n := copy(p, u.left)
	u.left = u.left[n:]
	return n, nil
}

func (u *utf16Reader) unit() (rune, error) {
	a, err := u.r.ReadByte()
	if err != nil {
		return 0, err
	}
	b, err := u.r.ReadByte()
	if err != nil {
		return 0, io.EOF
	}
	if u.little {
		a, b = b, a
	}
	return rune(a)<<8 | rune(b), nil
}
