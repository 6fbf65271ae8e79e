package resolve

import (
	"github.com/miekg/dns"
)

// Limits on what is kept of extended errors: they come from the network.
const (
	maxExtended     = 8
	maxExtendedText = 512 // octets
)

// ExtendedError is the extended DNS error of code with its name in the IANA
// registry (RFC 8914, 5.2); the name is empty for a code that is not registered.
func ExtendedError(code uint16, text string) Extended {
	if len(text) > maxExtendedText {
		text = text[:maxExtendedText]
	}
	return Extended{Code: code, Name: dns.ExtendedErrorCodeToString[code], Text: text}
}

// extendedOf returns the extended errors of a message, the same one once.
func extendedOf(m *dns.Msg) []Extended {
	opt := m.IsEdns0()
	if opt == nil {
		return nil
	}
	var list []Extended
	for _, o := range opt.Option {
		e, ok := o.(*dns.EDNS0_EDE)
		if !ok {
			continue
		}
		list = addExtended(list, ExtendedError(e.InfoCode, e.ExtraText))
	}
	return list
}

func addExtended(list []Extended, more ...Extended) []Extended {
next:
	for _, x := range more {
		for _, have := range list {
			if have == x {
				continue next
			}
		}
		if len(list) < maxExtended {
			list = append(list, x)
		}
	}
	return list
}
