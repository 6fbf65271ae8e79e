package probe

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzResponse reads a response that is anything: no panic, nothing beyond the
// bounds, and either a response or an error with a kind.
func FuzzResponse(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nTrailer: x\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 301 Moved\r\nLocation: https://x/\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "220 mx ESMTP\r\n", "HTTP/1.1 99999999999 \x1b[2J\r\n\r\n", "",
		strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 10),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		const limit = 100
		in := newResponses(bytes.NewReader(said))
		var fetch Fetch
		if err := in.head(&fetch); err == nil {
			_ = in.body(&fetch, limit)
		}
		if len(fetch.Body) > limit || fetch.Truncated && len(fetch.Body) != limit {
			t.Errorf("%d octets of body, truncated %t", len(fetch.Body), fetch.Truncated)
		}
		fetch.MediaType()
		fetch.Encoding()
		fetch.Redirect()
		fetch.Evidence()
	})
}
