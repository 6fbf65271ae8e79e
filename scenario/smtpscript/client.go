package smtpscript

import (
	"strings"
)

// A protocol is what a script speaks, as its greeting shows.
type protocol int

const (
	smtp protocol = iota
	imap
	pop3
	sieve
)

func (s *Script) protocol() protocol {
	if len(s.greeting) == 0 {
		return smtp
	}
	word, _, _ := strings.Cut(s.greeting[0], " ")
	switch {
	case word == "*":
		return imap
	case word == "+OK" || word == "-ERR":
		return pop3
	case strings.HasPrefix(word, `"`) || word == "OK" || word == "NO" || word == "BYE":
		return sieve
	}
	return smtp
}

// At tells a script at which port it is served. Those of IMAP, POP3 and submission
// over TLS begin with the TLS handshake, unless the script says !clear.
func (s *Script) At(port uint16) *Script {
	s.implicitTLS = !s.clear && (port == 465 || port == 993 || port == 995)
	return s
}

// listed reports whether a line of a script belongs to the reply to CAPA, which
// goes on until a dot and whose lines look like commands.
func (s *Script) listed(key string) bool {
	lines := s.replies["CAPA"]
	if key != "CAPA" || len(lines) > 0 && strings.HasPrefix(lines[0], "-ERR") {
		return false
	}
	return len(lines) == 0 || lines[len(lines)-1] != "."
}

// attend answers one command of a mail program and reports whether the
// conversation goes on.
func (c *conversation) attend(line string) bool {
	tag, verb := "", line
	if c.protocol() == imap {
		tag, verb, _ = strings.Cut(line, " ")
	}
	verb, _, _ = strings.Cut(verb, " ")
	verb = strings.ToUpper(verb)
	if c.closeAfter[verb] {
		return false
	}
	lines, scripted := c.replies[verb]
	if !scripted {
		lines = c.clientStandard(verb)
	}
	said := make([]string, len(lines))
	for i, l := range lines {
		if rest, tagged := strings.CutPrefix(l, "TAG "); tagged {
			l = tag + " " + rest
		}
		said[i] = l
	}
	granted := strings.HasPrefix(lines[0], "TAG OK") || strings.HasPrefix(lines[0], "+OK") || strings.HasPrefix(lines[0], "OK")
	switch {
	case !c.reply(verb, said):
		return false
	case verb == "LOGOUT" || verb == "QUIT":
		return false
	case (verb == "STARTTLS" || verb == "STLS") && granted:
		if !c.startTLS() {
			return false
		}
		return c.protocol() != sieve || c.reply(greeting, c.secured(c.greeting)) // RFC 5804, 2.2
	}
	return true
}

// clientStandard is the reply of a well-behaved server.
func (c *conversation) clientStandard(verb string) []string {
	offersTLS := c.hasTLS() && !c.inTLS
	switch [2]any{c.protocol(), verb} {
	case [2]any{imap, "CAPABILITY"}:
		return []string{"* CAPABILITY " + choose(offersTLS, "IMAP4rev1 STARTTLS LOGINDISABLED", "IMAP4rev1 AUTH=PLAIN"), "TAG OK done"}
	case [2]any{imap, "LOGOUT"}:
		return []string{"* BYE logging out", "TAG OK done"}
	case [2]any{imap, "STARTTLS"}:
		return []string{choose(offersTLS, "TAG OK begin TLS", "TAG BAD no such command")}
	case [2]any{pop3, "CAPA"}:
		return []string{"+OK", "TOP", "UIDL", choose(offersTLS, "STLS", "USER"), "."}
	case [2]any{pop3, "STLS"}:
		return []string{choose(offersTLS, "+OK begin TLS", "-ERR no such command")}
	case [2]any{pop3, "QUIT"}:
		return []string{"+OK bye"}
	case [2]any{sieve, "STARTTLS"}:
		return []string{choose(offersTLS, `OK "begin TLS"`, `NO "no such command"`)}
	case [2]any{sieve, "LOGOUT"}:
		return []string{`OK "bye"`}
	}
	return []string{map[protocol]string{imap: "TAG BAD no such command", pop3: "-ERR no such command", sieve: `NO "no such command"`}[c.protocol()]}
}

func choose(first bool, one, other string) string {
	if first {
		return one
	}
	return other
}

// secured is a greeting of ManageSieve as it is inside TLS.
func (c *conversation) secured(lines []string) []string {
	var rest []string
	for _, line := range lines {
		if !strings.EqualFold(line, `"STARTTLS"`) {
			rest = append(rest, line)
		}
	}
	return rest
}
