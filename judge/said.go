package judge

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// said is an error without the control characters that a server may have put
// into its text.
func said(err error) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, err.Error())
}
