package message

import (
	"errors"
	"io"
	"mime"
	"strings"
	"unicode/utf8"
)

// A Field is one header field as it was received.
type Field struct {
	Name   string // as written
	Raw    []byte // all of it with its folding and its line end; part of the message
	Offset int    // of Raw in the message
	Line   int    // of its first line in the message, from 1
	colon  int    // in Raw
}

// NewField is a field that stands in no message, as name and the octets behind
// the colon with the line end.
func NewField(name, value string) Field {
	return Field{Name: name, Raw: []byte(name + ":" + value), colon: len(name)}
}

func (f Field) end() int { return f.Offset + len(f.Raw) }

// Is reports whether the field is called name. Case does not matter (RFC 5322, 1.2.2).
func (f Field) Is(name string) bool { return strings.EqualFold(f.Name, name) }

// Head is the octets in front of the value: the name as written and the colon.
func (f Field) Head() string {
	if len(f.Raw) == 0 {
		return ""
	}
	return string(f.Raw[:f.colon+1])
}

// Value is the octets behind the colon, folding and all, without the last line end.
func (f Field) Value() string {
	if len(f.Raw) == 0 {
		return ""
	}
	return string(withoutEnd(f.Raw[f.colon+1:]))
}

// ValueOffset is the offset of the octet behind the colon in the message.
func (f Field) ValueOffset() int { return f.Offset + f.colon + 1 }

// Unfolded is the value without line ends (RFC 5322, 2.2.3) and without white
// space around it. Encoded words stay as they are.
func (f Field) Unfolded() string {
	return strings.Trim(unfold(f.Value()), " \t")
}

func unfold(s string) string {
	if !strings.Contains(s, "\n") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", ""), "\n", "")
}

// maxText bounds how much of a value is decoded.
const maxText = 64 << 10

// Text is the value for a reader: unfolded, encoded words decoded (RFC 2047),
// always valid UTF-8. Words in an unknown charset show their ASCII. It may hold
// control characters.
func (f Field) Text() string { return decodeWords(f.Unfolded()) }

func decodeWords(s string) string {
	s = s[:min(len(s), maxText)]
	if strings.Contains(s, "=?") {
		decoder := mime.WordDecoder{CharsetReader: charset}
		if decoded, err := decoder.DecodeHeader(s); err == nil {
			s = decoded
		}
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

// charset reads the charsets that mime does not: windows-1252 and ISO 8859-15
// whole, of others the ASCII.
func charset(name string, r io.Reader) (io.Reader, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxText))
	if err != nil {
		return nil, errors.New("encoded word breaks off")
	}
	var table map[byte]rune
	switch strings.ToLower(name) {
	case "windows-1252", "cp1252":
		table = windows1252
	case "iso-8859-15":
		table = latin9
	}
	var b strings.Builder
	for _, c := range raw {
		switch special, ok := table[c]; {
		case ok:
			b.WriteRune(special)
		case c < utf8.RuneSelf, table != nil:
			b.WriteRune(rune(c))
		default:
			b.WriteRune(utf8.RuneError)
		}
	}
	return strings.NewReader(b.String()), nil
}

// Where windows-1252 and ISO 8859-15 differ from ISO 8859-1.
var (
	windows1252 = map[byte]rune{
		0x80: '€', 0x82: '‚', 0x83: 'ƒ', 0x84: '„', 0x85: '…', 0x86: '†', 0x87: '‡', 0x88: 'ˆ', 0x89: '‰', 0x8a: 'Š', 0x8b: '‹', 0x8c: 'Œ', 0x8e: 'Ž',
		0x91: '‘', 0x92: '’', 0x93: '“', 0x94: '”', 0x95: '•', 0x96: '–', 0x97: '—', 0x98: '˜', 0x99: '™', 0x9a: 'š', 0x9b: '›', 0x9c: 'œ', 0x9e: 'ž', 0x9f: 'Ÿ',
	}
	latin9 = map[byte]rune{0xa4: '€', 0xa6: 'Š', 0xa8: 'š', 0xb4: 'Ž', 0xb8: 'ž', 0xbc: 'Œ', 0xbd: 'œ', 0xbe: 'Ÿ'}
)
