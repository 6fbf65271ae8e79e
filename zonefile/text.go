package zonefile

import (
	"fmt"
	"strings"
)

// Octets is the octets that the field stands for: \DDD and \X undone (RFC 1035,
// 5.1). The error tells of an escape that is none.
func (f Field) Octets() (string, error) {
	if strings.IndexByte(f.Text, '\\') < 0 {
		return f.Text, nil
	}
	var b strings.Builder
	b.Grow(len(f.Text))
	for i := 0; i < len(f.Text); i++ {
		if f.Text[i] != '\\' {
			b.WriteByte(f.Text[i])
			continue
		}
		c, n := unescape(f.Text[i:])
		if n == 0 {
			return "", fmt.Errorf("%q begins with a backslash, but is not \\DDD with three digits up to 255, nor a character", f.Text[i:min(i+4, len(f.Text))])
		}
		b.WriteByte(c)
		i += n - 1
	}
	return b.String(), nil
}

// unescape reads the escape that s begins with: its octet and its length, which
// is 0 if it is none.
func unescape(s string) (c byte, n int) {
	if len(s) < 2 {
		return 0, 0
	}
	if s[1] < '0' || s[1] > '9' {
		return s[1], 2
	}
	if len(s) < 4 || !digit(s[2]) || !digit(s[3]) {
		return 0, 0
	}
	v := int(s[1]-'0')*100 + int(s[2]-'0')*10 + int(s[3]-'0')
	if v > 255 {
		return 0, 0
	}
	return byte(v), 4
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// plain is the field in printable ASCII and in its quotation marks: other octets
// and blanks as \DDD; what need not be escaped is not.
func (f Field) plain() (string, error) {
	if _, err := f.Octets(); err != nil {
		return "", err
	}
	var b strings.Builder
	if f.Quoted {
		b.WriteByte('"')
	}
	for i := 0; i < len(f.Text); i++ {
		c := f.Text[i]
		switch {
		case c == '\\':
			octet, n := unescape(f.Text[i:])
			i += n - 1
			switch {
			case ordinary(octet): // \097 is a
				b.WriteByte(octet)
			case n == 2 && printable(octet):
				b.WriteByte('\\')
				b.WriteByte(octet)
			default:
				fmt.Fprintf(&b, `\%03d`, octet)
			}
		case printable(c) || c == ' ' && f.Quoted:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\%03d`, c)
		}
	}
	if f.Quoted {
		b.WriteByte('"')
	}
	return b.String(), nil
}

// ordinary reports whether c means the same with a backslash and without.
func ordinary(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || digit(c) || c == '-' || c == '_'
}

// printable reports whether c is printable ASCII and no blank.
func printable(c byte) bool { return '!' <= c && c <= '~' }

// plainLine is fields as a line in printable ASCII.
func plainLine(fields []Field) (string, error) {
	var b strings.Builder
	for i, f := range fields {
		plain, err := f.plain()
		if err != nil {
			return "", err
		}
		if i > 0 && !f.joined {
			b.WriteByte(' ')
		}
		b.WriteString(plain)
	}
	b.WriteByte('\n')
	return b.String(), nil
}
