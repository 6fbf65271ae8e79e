package autoconfig

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A Config is the settings in a config-v1.1 document, as Thunderbird and others
// read it: those of the first email provider.
type Config struct {
	// Root is the name of the document's root element: "clientConfig", or "html"
	// of what is no such document at all. Empty where the text is not XML.
	Root    string
	ID      string
	Domains []string // as written, placeholders and all
	Servers []Server // those that a mail program can use, in their order
}

// A Server is one that a document names.
type Server struct {
	Incoming bool
	Type     string // "imap", "pop3", "smtp"
	Host     string // as written, placeholders and all
	Port     uint16
	Socket   Socket
	Auth     []string // "password-cleartext", "OAuth2"
	Username string   // as written
	Offset   int      // of its element in the text
}

// A Socket is how a connection is encrypted.
type Socket int

const (
	Plain    Socket = iota + 1 // not at all
	STARTTLS                   // after a command in clear text
	TLS                        // from the first octet ("SSL" in the document)
)

var sockets = map[string]Socket{"plain": Plain, "STARTTLS": STARTTLS, "SSL": TLS}

// Expand replaces the placeholders of a document for one mail address.
func Expand(text, address string) string {
	local, domain := address, ""
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		local, domain = address[:i], address[i+1:]
	}
	return strings.NewReplacer("%EMAILADDRESS%", address, "%EMAILLOCALPART%", local, "%EMAILDOMAIN%", domain).Replace(text)
}

// For reports whether the document says that it is for domain.
func (c Config) For(domain string) bool {
	for _, d := range c.Domains {
		if strings.EqualFold(strings.TrimSuffix(Expand(d, "@"+domain), "."), strings.TrimSuffix(domain, ".")) {
			return true
		}
	}
	return false
}

// Bounds of a document.
const (
	maxDocument = 256 << 10 // octets
	maxTokens   = 20000
	maxDepth    = 32
	maxServers  = 32
	maxDomains  = 256
)

// Parse reads a document. It resolves no entity that a document defines, and
// reads no other document. Where a problem is Void there is nothing for a mail
// program to use.
func Parse(text string) (Config, []Problem) {
	p := parser{}
	if len(text) > maxDocument {
		p.problems.add(Problem{Offset: maxDocument, Effect: Void, Message: fmt.Sprintf("more than %d octets", maxDocument)})
		return p.config, p.problems
	}
	p.read(text)
	if p.config.Root == "clientConfig" && Worst(p.problems) < Void {
		p.complete(len(text))
	}
	return p.config, p.problems
}

// Root is the name of the root element of an XML document; empty where the text
// does not begin as one.
func Root(text string) string {
	d := decoder(text[:min(len(text), maxDocument)])
	for range 64 {
		token, err := d.Token()
		if err != nil {
			return ""
		}
		if start, ok := token.(xml.StartElement); ok {
			return start.Name.Local
		}
	}
	return ""
}

func decoder(text string) *xml.Decoder {
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		switch strings.ToLower(charset) {
		case "us-ascii", "ascii", "iso-8859-1", "windows-1252": // host names are ASCII in all of them
			return in, nil
		}
		return nil, fmt.Errorf("the character set %q", clip(charset))
	}
	return d
}

// A parser reads one document.
type parser struct {
	config   Config
	problems list
	path     []string
	text     strings.Builder
	provider int // email providers so far
	server   *Server
	socket   bool // a socketType of the server was understood
	port     string
}

func (p *parser) read(text string) {
	d := decoder(text)
	for range maxTokens {
		at := int(d.InputOffset())
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			if p.config.Root == "" {
				p.void(at, "no element at all")
			}
			return
		case err != nil:
			p.void(at, "not well-formed: "+reason(err))
			return
		}
		switch token := token.(type) {
		case xml.StartElement:
			if len(p.path) == maxDepth {
				p.void(at, fmt.Sprintf("elements more than %d deep", maxDepth))
				return
			}
			p.start(token, at)
		case xml.EndElement:
			p.end(at)
		case xml.CharData:
			if p.text.Len()+len(token) <= maxDocument {
				p.text.Write(token)
			}
		}
	}
	p.void(int(d.InputOffset()), fmt.Sprintf("more than %d elements and texts", maxTokens))
}

func reason(err error) string {
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("%q", clip(syntax.Msg))
	}
	return fmt.Sprintf("%q", clip(strings.TrimPrefix(err.Error(), "xml: ")))
}

func (p *parser) void(at int, message string) {
	p.problems.add(Problem{Offset: at, Effect: Void, Message: message})
}

func (p *parser) start(e xml.StartElement, at int) {
	p.path = append(p.path, e.Name.Local)
	p.text.Reset()
	switch where := strings.Join(p.path, "/"); {
	case len(p.path) == 1 && p.config.Root == "":
		p.config.Root = e.Name.Local
		if e.Name.Local != "clientConfig" {
			p.void(at, fmt.Sprintf("the root element is %q, not \"clientConfig\"", clip(e.Name.Local)))
		}
	case where == "clientConfig/emailProvider":
		if p.provider++; p.provider == 1 {
			p.config.ID = attribute(e, "id")
		} else if p.provider == 2 {
			p.problems.add(Problem{Offset: at, Effect: Ignored, Message: "a second emailProvider, which is not read"})
		}
	case where == inProvider+"incomingServer" || where == inProvider+"outgoingServer":
		p.server = &Server{Incoming: e.Name.Local == "incomingServer", Type: strings.ToLower(attribute(e, "type")), Offset: at}
		p.socket, p.port = false, ""
	}
}

const inProvider = "clientConfig/emailProvider/"

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

func (p *parser) end(at int) {
	where := strings.Join(p.path, "/")
	text := strings.TrimSpace(p.text.String())
	p.path = p.path[:len(p.path)-1]
	p.text.Reset()
	rest, ok := strings.CutPrefix(where, inProvider)
	if !ok || p.provider != 1 {
		return
	}
	switch rest {
	case "domain":
		if text != "" && len(p.config.Domains) < maxDomains {
			p.config.Domains = append(p.config.Domains, text)
		}
	case "incomingServer", "outgoingServer":
		p.take()
	default:
		if _, field, inServer := strings.Cut(rest, "Server/"); inServer && p.server != nil {
			p.field(field, text)
		}
	}
}

// field takes down an element of a server.
func (p *parser) field(name, text string) {
	s := p.server
	switch name {
	case "hostname":
		s.Host = text
	case "port":
		p.port = text
		if n, err := strconv.ParseUint(text, 10, 16); err == nil {
			s.Port = uint16(n)
		}
	case "socketType":
		if kind, known := sockets[text]; known && !p.socket { // the first that is understood
			s.Socket, p.socket = kind, true
		}
	case "username":
		s.Username = text
	case "authentication":
		if len(s.Auth) < 8 {
			s.Auth = append(s.Auth, text)
		}
	}
}

// take keeps a server that is whole, and says of others what is wrong with them.
// Of what is neither IMAP, POP3 nor SMTP it knows nothing.
func (p *parser) take() {
	s := p.server
	p.server = nil
	if s.Incoming && s.Type != "imap" && s.Type != "pop3" || !s.Incoming && s.Type != "smtp" {
		return
	}
	wrong := ""
	switch {
	case s.Host == "":
		wrong = "has no hostname"
	case p.port == "":
		wrong = "has no port"
	case s.Port == 0:
		wrong = fmt.Sprintf("has the port %q", clip(p.port))
	case s.Socket == 0:
		wrong = "has no socketType that is plain, STARTTLS or SSL"
	case s.Incoming && s.Username == "":
		wrong = "has no username"
	case len(p.config.Servers) == maxServers:
		wrong = fmt.Sprintf("comes after %d others", maxServers)
	default:
		p.config.Servers = append(p.config.Servers, *s)
		return
	}
	p.problems.add(Problem{Offset: s.Offset, Effect: Dropped, Message: fmt.Sprintf("the server of type %s %s", s.Type, wrong)})
}

// complete says what the whole lacks that Thunderbird wants to see.
func (p *parser) complete(at int) {
	in, out := false, false
	for _, s := range p.config.Servers {
		in, out = in || s.Incoming, out || !s.Incoming
	}
	switch {
	case p.provider == 0:
		p.void(at, "no emailProvider")
	case len(p.config.Domains) == 0:
		p.void(at, "no domain in the emailProvider")
	case !in:
		p.void(at, "no incomingServer that can be used")
	case !out:
		p.void(at, "no outgoingServer that can be used")
	}
}
