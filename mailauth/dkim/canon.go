package dkim

import "github.com/maildoctor/maildoctor/message"

// A Canon is a canonicalisation algorithm.
type Canon = message.Canon

const (
	Simple  = message.Simple
	Relaxed = message.Relaxed
)

var crlf = []byte("\r\n")

// relaxed is a header field in relaxed canonical form, with its CRLF.
func relaxed(name, value string) []byte {
	return Relaxed.Field(message.NewField(name, value+"\r\n"))
}
