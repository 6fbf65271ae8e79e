package smtpscript

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// greeting is the key under which directives speak of the greeting.
const greeting = "GREETING"

var verbs = []string{
	"EHLO", "EHLO2", "HELO", "STARTTLS", "MAIL", "RCPT", "DATA", "QUIT", "RSET", "NOOP", "VRFY", "EXPN", "HELP", "AUTH", "MESSAGE",
	"CAPABILITY", "CAPA", "STLS", "LOGOUT", // of mail programs
}

// maxLines bounds a script. Scripts come with bug reports.
const maxLines = 1000

// Parse reads a script. The error names the line.
func Parse(text string) (*Script, error) {
	s := &Script{
		text:       text,
		replies:    make(map[string][]string),
		delays:     make(map[string]time.Duration),
		floods:     make(map[string]bool),
		closeAfter: make(map[string]bool),
	}
	lines := strings.Split(text, "\n")
	if len(lines) > maxLines {
		return nil, fmt.Errorf("more than %d lines", maxLines)
	}
	key := greeting
	for i, line := range lines {
		line = strings.TrimSuffix(line, "\r")
		var err error
		switch verb, ok := command(line); {
		case strings.TrimSpace(line) == "":
		case line[0] == '!':
			err = s.direct(strings.Fields(line[1:]))
		case ok && !s.listed(key):
			if _, again := s.replies[verb]; again {
				err = fmt.Errorf("%s stands twice", verb)
			}
			key = verb
			s.replies[verb] = nil
		default:
			var sent string
			sent, err = unescape(line)
			if key == greeting {
				s.greeting = append(s.greeting, sent)
			} else {
				s.replies[key] = append(s.replies[key], sent)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return s, s.complete()
}

func (s *Script) complete() error {
	for key, lines := range s.replies {
		if len(lines) == 0 {
			return fmt.Errorf("%s has no reply", key)
		}
	}
	if len(s.greeting) == 0 && s.dial == accept && !s.silent && !s.closeAtOnce && !s.floods[greeting] {
		return errors.New("no greeting, and no directive such as !silent that does without")
	}
	return nil
}

// command reports whether a line of the script is a command whose reply
// follows, and its key: the verb, with " <address>" in lower case if there is one.
func command(line string) (key string, ok bool) {
	verb, rest, more := strings.Cut(line, " ")
	if !slices.Contains(verbs, verb) {
		return "", false
	}
	if !more {
		return verb, true
	}
	if (verb == "RCPT" || verb == "MAIL") && strings.HasPrefix(rest, "<") && strings.HasSuffix(rest, ">") {
		return verb + " " + strings.ToLower(rest), true
	}
	return "", false
}

func (s *Script) direct(words []string) error {
	if len(words) == 0 {
		return errors.New("an empty directive")
	}
	name, args := words[0], words[1:]
	if flag := s.flag(name); flag != nil {
		if len(args) > 0 {
			return fmt.Errorf("!%s takes no argument", name)
		}
		flag()
		return nil
	}
	switch name {
	case "close-after":
		return each(args, 1, 1, func(verb string) { s.closeAfter[verb] = true })
	case "flood":
		return each(args, 0, 1, func(verb string) { s.floods[verb] = true })
	case "delay":
		if len(args) == 0 {
			return errors.New("!delay needs a time, such as 3s")
		}
		d, err := wait(args[len(args)-1])
		if err != nil {
			return err
		}
		return each(args[:len(args)-1], 0, 1, func(verb string) { s.delays[verb] = d })
	case "drip":
		if len(args) != 1 {
			return errors.New("!drip needs a time, such as 1s")
		}
		var err error
		s.drip, err = wait(args[0])
		return err
	case "tls":
		return s.directTLS(args)
	case "ends":
		return s.directEnds(args)
	}
	return fmt.Errorf("no directive !%s", name)
}

// flag is what a directive without arguments does; nil if there is none such.
func (s *Script) flag(name string) func() {
	return map[string]func(){
		"refuse":      func() { s.dial = refuse },
		"timeout":     func() { s.dial = timeout },
		"unreachable": func() { s.dial = unreachable },
		"silent":      func() { s.silent = true },
		"close":       func() { s.closeAtOnce = true },
		"no-starttls": func() { s.noSTARTTLS = true },
		"clear":       func() { s.clear = true },
		"tls-fail":    func() { s.tlsFail = true },
	}[name]
}

// each calls do with each command of args, or with the greeting's key if there are none.
func each(args []string, least, most int, do func(verb string)) error {
	if len(args) < least || len(args) > most {
		return errors.New("name one command")
	}
	if len(args) == 0 {
		args = []string{greeting}
	}
	for _, verb := range args {
		if verb != greeting && !slices.Contains(verbs, verb) {
			return fmt.Errorf("no command %q", verb)
		}
		do(verb)
	}
	return nil
}

// wait reads a time, at most an hour.
func wait(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > time.Hour {
		return 0, fmt.Errorf("%q is not a time between 0 and 1h", text)
	}
	return d, nil
}

func (s *Script) directTLS(words []string) error {
	versions := map[string]uint16{
		"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
	}
	groups := map[string]tls.CurveID{"P-256": tls.CurveP256, "P-384": tls.CurveP384, "P-521": tls.CurveP521, "X25519": tls.X25519}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		switch {
		case name == "names" && value != "":
			s.cert.Names = strings.Split(value, ",")
		case word == "expired":
			s.cert.Expired = true
		case word == "sha1":
			s.cert.SHA1 = true
		case word == "self-signed":
			s.cert.SelfSigned = true
		case word == "issuer=other":
			s.cert.Untrusted = true
		case name == "issuer" && value != "":
			s.cert.Issuer = strings.ReplaceAll(value, "_", " ")
		case name == "version" && versions[value] != 0:
			s.tlsVersion = versions[value]
		case name == "oldest" && versions[value] != 0:
			s.tlsOldest = versions[value]
		case name == "days" && number(value, 1, 1000) != 0:
			s.cert.Days = number(value, 1, 1000)
		case name == "suite" && suite(value) != 0:
			s.tlsSuites = append(s.tlsSuites, suite(value))
		case name == "group" && groups[value] != 0:
			s.tlsGroups = append(s.tlsGroups, groups[value])
		case name == "rsa" && number(value, 1024, 4096) != 0:
			s.cert.RSABits = number(value, 1024, 4096)
		default:
			return fmt.Errorf("!tls does not know %q", word)
		}
	}
	return nil
}

// suite is the cipher suite with that name; 0 if there is none.
func suite(name string) uint16 {
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if suite.Name == name {
			return suite.ID
		}
	}
	return 0
}

// number reads a number within bounds; 0 if it is none.
func number(text string, least, most int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0
	}
	return n
}

// unescape turns \xNN, \e, \r, \n, \t and \\ into the octets they stand for.
func unescape(line string) (string, error) {
	var b strings.Builder
	for rest := line; rest != ""; {
		c := rest[0]
		rest = rest[1:]
		if c != '\\' {
			b.WriteByte(c)
			continue
		}
		if rest == "" {
			return "", errors.New(`a lone \ at the end`)
		}
		c, rest = rest[0], rest[1:]
		switch i := strings.IndexByte(`\ernt`, c); {
		case i >= 0:
			b.WriteByte("\\\x1b\r\n\t"[i])
		case c == 'x' && len(rest) >= 2:
			n, err := strconv.ParseUint(rest[:2], 16, 8)
			if err != nil {
				return "", fmt.Errorf(`\x%s is not an octet`, rest[:2])
			}
			b.WriteByte(byte(n))
			rest = rest[2:]
		default:
			return "", fmt.Errorf(`unknown escape \%c`, c)
		}
	}
	return b.String(), nil
}
