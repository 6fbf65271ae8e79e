// Package control is how a running mail server is spoken to from the command line
// of its host: what waits in its queue and why, to have it tried, held, released or
// removed, how the server is, and to have it read its settings again.
//
// It is HTTP and JSON over a unix socket that the server's own user, and root, may
// open. Both sides bound what the other one may send, and how long it may take.
// While no server runs, [Offline] reads the queue from the spool, and changes it
// under the lock of the spool.
//
// It decides nothing about mail, and cannot read the body of any.
package control

// The paths of the requests, all below /v1/:
//
//	GET  status             Status
//	GET  queue              Page; query: to, from, status, after, limit
//	GET  queue/ID           Detail; ID may be the beginning of one
//	POST queue/ACTION       Selection in, Done out; see Action
//	POST reload             Reloaded
//
// What goes wrong is a Fault, with a code of 400 and above.
const (
	pathStatus = "/v1/status"
	pathQueue  = "/v1/queue"
	pathReload = "/v1/reload"
)

// protocol stands in a header field of every reply, so that a client knows whom it
// talks to.
const (
	protocolField = "Maildoctor-Control"
	protocol      = "1"
)

// SocketName is the name of the socket in the state directory of a server.
const SocketName = "control.sock"
