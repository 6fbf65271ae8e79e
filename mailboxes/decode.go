package mailboxes

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decode is the text of a file as spreadsheets and PowerShell write them: UTF-8 with
// or without a mark, UTF-16 of either order, else one octet a character, of which
// those that addresses need are ASCII. Line ends become LF. problem is why there is
// no text.
func decode(raw []byte) (text, problem string) {
	switch order := utf16Order(raw); {
	case order != nil:
		text = fromUTF16(raw, order)
	case utf8.Valid(raw):
		text = strings.TrimPrefix(string(raw), "\ufeff")
	default:
		text = fromLatin1(raw)
	}
	if strings.ContainsRune(text, 0) {
		return "", "this is no text: it holds NUL octets"
	}
	if strings.HasPrefix(text, "PK\x03\x04") {
		return "", "this is a spreadsheet or another archive; save it as CSV"
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), ""
}

// utf16Order is the order of octets of UTF-16, by its mark or, without one, by the
// zeros of its first characters; nil for what is none.
func utf16Order(raw []byte) binary.ByteOrder {
	switch {
	case bytes.HasPrefix(raw, []byte{0xff, 0xfe}):
		return binary.LittleEndian
	case bytes.HasPrefix(raw, []byte{0xfe, 0xff}):
		return binary.BigEndian
	case len(raw) < 4 || len(raw)%2 != 0:
		return nil
	case raw[0] != 0 && raw[1] == 0 && raw[2] != 0 && raw[3] == 0:
		return binary.LittleEndian
	case raw[0] == 0 && raw[1] != 0 && raw[2] == 0 && raw[3] != 0:
		return binary.BigEndian
	}
	return nil
}

func fromUTF16(raw []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = order.Uint16(raw[2*i:])
	}
	return strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff")
}

func fromLatin1(raw []byte) string {
	runes := make([]rune, len(raw))
	for i, c := range raw {
		runes[i] = rune(c)
	}
	return string(runes)
}
