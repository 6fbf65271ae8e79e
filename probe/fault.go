package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// kindOf tells network errors apart. The numbers are those of Windows Sockets,
// which differ from the constants that package syscall has there.
func kindOf(err error) Kind {
	for _, known := range []struct {
		kind Kind
		errs []error
	}{
		{Refused, []error{syscall.ECONNREFUSED, syscall.Errno(10061)}},
		// An address family that this machine does not have shows as any of these.
		{NoRoute, []error{syscall.ENETUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, syscall.ENETDOWN,
			syscall.Errno(10051), syscall.Errno(10049), syscall.Errno(10047)}},
		{Unreachable, []error{syscall.EHOSTUNREACH, syscall.EHOSTDOWN, syscall.Errno(10065)}},
		{Denied, []error{syscall.EPERM, syscall.EACCES, syscall.Errno(10013)}},
		{Closed, []error{
			io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED,
			syscall.Errno(10054), syscall.Errno(10053),
		}},
		{Timeout, []error{os.ErrDeadlineExceeded, context.DeadlineExceeded, syscall.ETIMEDOUT, syscall.Errno(10060)}},
	} {
		for _, e := range known.errs {
			if errors.Is(err, e) {
				return known.kind
			}
		}
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return Timeout
	}
	return Other
}
