package probe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Bounds of what an HTTP server may say.
const (
	maxHead      = 64 << 10 // octets of status line and fields, informational responses included
	maxInterim   = 8        // informational responses before the final one
	defaultBody  = 64 << 10 // octets; RFC 8461, 3.3 suggests as much
	maxOverhead  = 4        // times the body's size, on the wire: chunk headers and trailers
	overheadBase = 16 << 10
)

// errResponse is what came back instead of a response.
type errResponse struct {
	kind Kind
	why  string
}

func (e errResponse) Error() string { return e.why }

// responses reads the response to one request. It trusts no length.
type responses struct {
	meter    *meter
	in       *bufio.Reader
	response *http.Response
}

func newResponses(r io.Reader) *responses {
	m := &meter{in: r, left: maxHead}
	return &responses{meter: m, in: bufio.NewReader(m)}
}

// head reads up to the end of the fields of the final response.
func (r *responses) head(f *Fetch) error {
	for range maxInterim {
		response, err := http.ReadResponse(r.in, &http.Request{Method: http.MethodGet})
		if err != nil {
			return notHTTP(err)
		}
		if response.StatusCode/100 == 1 { // RFC 9110, 15.2
			continue
		}
		r.response = response
		f.Status, f.Reason, f.Header = response.StatusCode, clip(response.Status), response.Header
		return nil
	}
	return errResponse{NotHTTP, fmt.Sprintf("%d informational responses and no other", maxInterim)}
}

// body reads the body, at most limit octets of it.
func (r *responses) body(f *Fetch, limit int) error {
	r.meter.left = maxOverhead*limit + overheadBase
	body, err := io.ReadAll(io.LimitReader(r.response.Body, int64(limit)+1))
	if len(body) > limit {
		f.Body, f.Truncated = body[:limit], true
		return nil
	}
	f.Body = body
	// A body that the end of the connection delimits is complete with it; many
	// servers do not take leave of TLS first.
	delimited := r.response.ContentLength >= 0 || len(r.response.TransferEncoding) > 0
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) && !delimited {
		return nil
	}
	return notHTTP(err)
}

// notHTTP is err, told apart from errors of the connection if it is about what
// was read.
func notHTTP(err error) error {
	var wrong errResponse
	var network net.Error
	switch {
	case errors.As(err, &wrong):
		return wrong
	case kindOf(err) != Other || errors.As(err, &network):
		return err
	}
	return errResponse{NotHTTP, clip(strings.TrimPrefix(err.Error(), "net/http: "))}
}

// A meter lets so many octets pass.
type meter struct {
	in   io.Reader
	left int
}

func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, errResponse{TooLarge, "more than a client takes"}
	}
	n, err := m.in.Read(p[:min(len(p), m.left)])
	m.left -= n
	return n, err
}
