package smtpscript

import (
	"io"
	"net"
	"time"
)

// An inbox takes in what the client sends while the server is busy with
// something else, as the buffers of a TCP socket would. A net.Pipe has none:
// there a client could not even say QUIT to a server that is slow to greet.
type inbox struct {
	net.Conn // whose Read nobody else calls
	chunks   chan []byte
	rest     []byte
	gone     chan struct{} // closed when nothing more comes
	done     chan struct{} // closed when nobody reads any more
}

func newInbox(conn net.Conn) *inbox {
	in := &inbox{Conn: conn, chunks: make(chan []byte, 16), gone: make(chan struct{}), done: make(chan struct{})}
	go in.pump()
	return in
}

func (in *inbox) pump() {
	defer close(in.chunks)
	defer close(in.gone)
	for {
		chunk := make([]byte, 4096)
		n, err := in.Conn.Read(chunk)
		if err != nil {
			return
		}
		select {
		case in.chunks <- chunk[:n]:
		case <-in.done:
			return
		}
	}
}

func (in *inbox) Read(p []byte) (int, error) {
	if len(in.rest) == 0 {
		chunk, ok := <-in.chunks
		if !ok {
			return 0, io.EOF
		}
		in.rest = chunk
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// Close hangs up.
func (in *inbox) Close() error {
	close(in.done)
	return in.Conn.Close()
}

// wait lets d pass and reports whether the client is still there.
func (in *inbox) wait(d time.Duration) bool {
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-in.gone:
		return false
	}
}
