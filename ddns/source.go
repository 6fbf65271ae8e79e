// Package ddns keeps the DNS in step with an address that changes: it finds out
// the public address of a host from sources that its owner names, and says which
// address records and which terms of SPF records become others by it.
//
// It writes nothing itself (providers do), and does not judge whether an address
// is fit to send mail from (checks do).
package ddns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/maildoctor/maildoctor/record"
)

// A Kind is how a source tells addresses.
type Kind int

const (
	Interface Kind = iota // the addresses of a network interface of this machine
	STUN                  // what a STUN server sees (RFC 8489)
	Web                   // what a web server sees, and gives as its answer
	Said                  // an address that the owner says
)

// A Source tells public addresses. The zero Source tells none.
type Source struct {
	kind Kind
	name string     // of an interface; the host of a STUN server, without brackets
	port uint16     // of a STUN server
	url  *url.URL   // of a web server
	addr netip.Addr // that was said
}

// sourceForms is for who wrote something else.
const sourceForms = "give interface:eth0, stun:stun.example.net, https://ip.example.net/ or address:192.0.2.25"

// ParseSource reads a source as a person writes it: interface:NAME,
// stun:HOST[:PORT], an https URL, or address:ADDRESS. An http URL is taken for
// this machine only: anybody on the way could tell any address.
func ParseSource(text string) (Source, error) {
	text = strings.TrimSpace(text)
	if len(text) > 512 || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return Source{}, fmt.Errorf("it is no source; %s", sourceForms)
	}
	scheme, rest, ok := strings.Cut(text, ":")
	if _, err := netip.ParseAddr(text); err == nil {
		return Source{}, fmt.Errorf("it is an address; give address:%s", text)
	}
	switch strings.ToLower(scheme) {
	case "interface":
		return interfaceSource(rest)
	case "stun":
		return stunSource(rest)
	case "stuns", "turn", "turns":
		return Source{}, errors.New("only STUN over UDP is asked; give stun:HOST[:PORT]")
	case "http", "https":
		return webSource(text)
	case "address":
		return saidSource(rest)
	}
	if _, err := net.InterfaceByName(text); err == nil {
		return Source{}, fmt.Errorf("it is an interface; give interface:%s", text)
	}
	if ok {
		return Source{}, fmt.Errorf("there is no source of the kind %q; %s", scheme, sourceForms)
	}
	return Source{}, fmt.Errorf("it does not say of what kind it is; %s", sourceForms)
}

func interfaceSource(name string) (Source, error) {
	if name == "" || len(name) > 64 || strings.ContainsAny(name, "/") {
		return Source{}, errors.New("it names no interface; give it as in interface:eth0")
	}
	return Source{kind: Interface, name: name}, nil
}

// defaultPort is that of STUN over UDP (RFC 8489, 8.1).
const defaultPort = 3478

func stunSource(rest string) (Source, error) {
	rest = strings.TrimPrefix(rest, "//") // there is none in a stun URI (RFC 7064), and many write it
	host, port := rest, uint64(defaultPort)
	if addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(rest, "["), "]")); err == nil {
		host = addr.Unmap().String()
	} else if h, p, err := net.SplitHostPort(rest); err == nil {
		if port, err = strconv.ParseUint(p, 10, 16); err != nil || port == 0 {
			return Source{}, fmt.Errorf("%q is no port", p)
		}
		host = h
	}
	name, err := hostName(host)
	if err != nil {
		return Source{}, err
	}
	return Source{kind: STUN, name: name, port: uint16(port)}, nil
}

// hostName is an address, or a name without its final dot.
func hostName(host string) (string, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().String(), nil
	}
	if strings.EqualFold(host, "localhost") {
		return "localhost", nil
	}
	name, err := record.ParseDomain(host)
	if err != nil {
		return "", fmt.Errorf("its host %q %w", host, err)
	}
	return record.Display(name), nil
}

func webSource(text string) (Source, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return Source{}, errors.New("it is no URL; give it as in https://ip.example.net/")
	case u.User != nil:
		return Source{}, errors.New("it holds a password, and whoever lists the processes would see it; use a source that wants none")
	case u.Scheme == "http" && !onLoopback(u.Hostname()):
		return Source{}, errors.New("over http anybody on the way could tell any address; give https")
	}
	u.Fragment = ""
	return Source{kind: Web, url: u}, nil
}

// onLoopback reports whether a host of a URL is this machine.
func onLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}

func saidSource(text string) (Source, error) {
	addr, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return Source{}, fmt.Errorf("%q is no IP address; give it as in address:192.0.2.25", text)
	case addr.Zone() != "":
		return Source{}, fmt.Errorf("%q means something on one machine only; give its public address", text)
	}
	return Source{kind: Said, addr: addr.Unmap()}, nil
}

// Kind is how the source tells addresses.
func (s Source) Kind() Kind { return s.kind }

// String is the source as ParseSource reads it.
func (s Source) String() string {
	switch s.kind {
	case Interface:
		return "interface:" + s.name
	case STUN:
		host := s.name
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		if s.port != defaultPort {
			host += ":" + strconv.Itoa(int(s.port))
		}
		return "stun:" + host
	case Web:
		return s.url.String()
	}
	return "address:" + s.addr.String()
}
