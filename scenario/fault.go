package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/resolve"
)

var faultKinds = map[string]resolve.Kind{
	"SERVFAIL": resolve.ServFail, "REFUSED": resolve.Refused, "TIMEOUT": resolve.Timeout, "LAME": resolve.Lame,
	"MALFORMED": resolve.Malformed, "TRUNCATED": resolve.Truncated, "UNREACHABLE": resolve.Unreachable,
}

// parseFault reads a line of a faults section: TYPE NAME FAULT, where FAULT is
// a kind, with the code and text of an extended error if wanted, or SLOW and a
// duration.
func parseFault(fields []string, absolute func(string) string) (resolve.Fault, error) {
	if len(fields) < 3 {
		return resolve.Fault{}, fmt.Errorf("want TYPE NAME FAULT, got %q", strings.Join(fields, " "))
	}
	f := resolve.Fault{Type: fields[0], Name: fields[1]}
	if suffix, ok := strings.CutPrefix(f.Name, "*."); ok {
		f.Name = "*." + absolute(suffix)
	} else if f.Name != "*" {
		f.Name = absolute(f.Name)
	}
	rest := fields[3:]
	if fields[2] == "SLOW" {
		if len(rest) != 1 {
			return f, fmt.Errorf("SLOW wants a duration, such as 3s")
		}
		var err error
		f.Delay, err = time.ParseDuration(rest[0])
		return f, err
	}
	kind, ok := faultKinds[fields[2]]
	if !ok {
		return f, fmt.Errorf("no fault %q", fields[2])
	}
	f.Kind = kind
	if len(rest) > 0 {
		code, err := strconv.ParseUint(rest[0], 10, 16)
		if err != nil {
			return f, fmt.Errorf("%q is not the code of an extended DNS error", rest[0])
		}
		f.Extended = []resolve.Extended{resolve.ExtendedError(uint16(code), strings.Join(rest[1:], " "))}
	}
	return f, nil
}
