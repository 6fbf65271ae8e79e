package cloudflare

import "strings"

// decodeText is the text of a TXT record's content: the strings in quotation marks
// that it is made of, joined (RFC 1035, 5.1), or the text itself where it is kept
// bare, as some clients send it. What begins like strings and is none is a text.
func decodeText(content string) string {
	if !strings.HasPrefix(content, `"`) {
		return content
	}
	var b strings.Builder
	for rest := content; rest != ""; {
		n, ok := decodeString(&b, rest)
		if !ok {
			return content
		}
		rest = strings.TrimLeft(rest[n:], " \t")
	}
	return b.String()
}

// decodeString reads the quoted string that s begins with, and tells its length.
func decodeString(b *strings.Builder, s string) (n int, ok bool) {
	if s[0] != '"' {
		return 0, false
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return i + 1, true
		case s[i] != '\\':
			b.WriteByte(s[i])
		case i+3 < len(s) && digits(s[i+1:i+4]):
			v := int(s[i+1]-'0')*100 + int(s[i+2]-'0')*10 + int(s[i+3]-'0')
			if v > 255 {
				return 0, false
			}
			b.WriteByte(byte(v))
			i += 3
		case i+1 < len(s):
			i++
			b.WriteByte(s[i])
		}
	}
	return 0, false
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }
