package control

import (
	"errors"
	"net/http"

	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/spool"
)

// Codes of a Fault.
const (
	codeNone      = "none"      // there is no such message
	codeAmbiguous = "ambiguous" // the beginning of an ID is that of several
	codeInvalid   = "invalid"   // the request
	codeUnknown   = "unknown"   // there is no such request
	codeFailed    = "failed"    // it was tried
)

// A Fault is why a request was not done. It is [ErrNone] where there is no such
// message.
type Fault struct {
	Code string `json:"code"`
	Text string `json:"error"`
}

func (f *Fault) Error() string { return f.Text }

// Is has errors.Is know it for [ErrNone].
func (f *Fault) Is(err error) bool { return err == ErrNone && f.Code == codeNone }

// ErrNone tells that there is no such message.
var ErrNone = errors.New("no such message")

// Invalid reports whether the request was wrong, not what it was about.
func (f *Fault) Invalid() bool { return f.Code == codeInvalid || f.Code == codeAmbiguous }

// status is the code of HTTP for a fault.
func (f *Fault) status() int {
	switch f.Code {
	case codeNone, codeUnknown:
		return http.StatusNotFound
	case codeAmbiguous:
		return http.StatusConflict
	case codeInvalid:
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

// faultOf is an error of the queue or of the spool.
func faultOf(id string, err error) *Fault {
	var f *Fault
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, queue.ErrNone), errors.Is(err, spool.ErrNone):
		return &Fault{codeNone, "no message " + quote(id) + " is in the queue"}
	case errors.Is(err, queue.ErrBusy):
		return &Fault{codeFailed, "it is being delivered now; try again when that has ended"}
	}
	return &Fault{codeFailed, err.Error()}
}
