// Package mailboxes reads the lists of mailboxes and aliases that mail servers and
// their panels export: plain lines, what doveadm prints, virtual alias maps, and the
// CSV of Google Workspace, Microsoft 365 and those like them.
//
// It finds addresses. Whether mail for one is taken is for a conversation with the
// host (rcpt), and what an alias leads to is for the server.
package mailboxes

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// Bounds of a list.
const (
	MaxOctets    = 32 << 20
	MaxAddresses = 200_000
	maxProblems  = 100
	maxLine      = 64 << 10 // octets of a line of a plain list, or of a cell
)

// ErrTooLong is a list beyond the bounds.
var ErrTooLong = errors.New("the list is too long")

// A Kind is what an address is there.
type Kind int

const (
	Mailbox Kind = iota
	Alias
)

func (k Kind) String() string {
	if k == Alias {
		return "alias"
	}
	return "mailbox"
}

// An Address is one to which mail is to be delivered.
type Address struct {
	// Text is local@domain as RCPT takes it: ASCII, the domain in lower case and
	// A-labels, without a final dot; the local part as written (RFC 5321, 2.4).
	Text string
	Kind Kind
	Of   string // of an alias the mailbox in whose row it stands; empty if that is not said
	Line int    // from 1
}

// A List is what was read.
type List struct {
	Form      string    // what it was taken for, for a reader: "CSV, column primaryEmail"
	Addresses []Address // in the order of the list, each once
	CatchAll  int       // the line that has an address for all that have none; 0: none has
	Elsewhere int       // addresses of other domains, which are left out
}

// A Problem is a line that could not be read.
type Problem struct {
	Line int // from 1; 0 where it is about the whole
	Text string
}

func (p Problem) String() string {
	if p.Line == 0 {
		return p.Text
	}
	return fmt.Sprintf("line %d: %s", p.Line, p.Text)
}

// Read reads a list of the addresses of a domain (canonical). A name without a
// domain is one of it. Addresses of other domains are counted, and left out. Lines
// that cannot be read are problems; the error is that of the reader, or ErrTooLong.
func Read(r io.Reader, domain string) (List, []Problem, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxOctets+1))
	if err != nil {
		return List{}, nil, err
	}
	if len(raw) > MaxOctets {
		return List{}, nil, fmt.Errorf("%w: more than %d MiB", ErrTooLong, MaxOctets>>20)
	}
	text, problem := decode(raw)
	if problem != "" {
		return List{}, []Problem{{Text: problem}}, nil
	}
	b := &builder{domain: strings.TrimSuffix(record.Canonical(domain), "."), index: make(map[string]int)}
	if table, ok := tableOf(text); ok {
		b.table(table)
	} else {
		b.plain(text)
	}
	if b.full {
		return List{}, nil, fmt.Errorf("%w: more than %d addresses", ErrTooLong, MaxAddresses)
	}
	if n := b.unsaid; n > 0 {
		b.problems = append(b.problems, Problem{Text: fmt.Sprintf("and %d more such lines", n)})
	}
	return b.list, b.problems, nil
}

// A builder collects a list.
type builder struct {
	domain   string
	list     List
	index    map[string]int // of Addresses, by Text in lower case
	problems []Problem
	unsaid   int // problems beyond the bound
	full     bool
}

func (b *builder) problem(line int, format string, args ...any) {
	if len(b.problems) == maxProblems {
		b.unsaid++
		return
	}
	b.problems = append(b.problems, Problem{line, fmt.Sprintf(format, args...)})
}

// add takes one address, and returns it as it is in the list; empty where it is
// not. The same address counts once, whatever its case: no server tells them apart.
func (b *builder) add(text string, kind Kind, of string, line int) string {
	a, everything, why := b.parse(text)
	switch {
	case why != "":
		b.problem(line, "%q %s", clip(text), why)
		return ""
	case everything && a == b.domain:
		if b.list.CatchAll == 0 {
			b.list.CatchAll = line
		}
		return ""
	case everything:
		b.list.Elsewhere++
		return ""
	case !strings.HasSuffix(a, "@"+b.domain):
		b.list.Elsewhere++
		return ""
	}
	key := strings.ToLower(a)
	if i, ok := b.index[key]; ok {
		if known := &b.list.Addresses[i]; kind == Mailbox && known.Kind == Alias {
			known.Kind, known.Of = Mailbox, ""
		}
		return a
	}
	if len(b.list.Addresses) == MaxAddresses {
		b.full = true
		return ""
	}
	if strings.EqualFold(of, a) {
		of = ""
	}
	b.index[key] = len(b.list.Addresses)
	b.list.Addresses = append(b.list.Addresses, Address{a, kind, of, line})
	return a
}

// parse reads an address. everything tells that it is @domain, which stands for all
// that have no address of their own; then the text is the domain.
func (b *builder) parse(text string) (address string, everything bool, why string) {
	text = strings.TrimSpace(text)
	if i, j := strings.LastIndexByte(text, '<'), strings.LastIndexByte(text, '>'); i >= 0 && j > i { // Ann <ann@example.org>
		text = strings.TrimSpace(text[i+1 : j])
	}
	at := strings.LastIndexByte(text, '@')
	local, domain := text, b.domain
	if at >= 0 {
		local = text[:at]
		name, err := record.ParseDomain(text[at+1:])
		if err != nil {
			return "", false, "is no address: the domain " + err.Error()
		}
		domain = record.Display(name)
	}
	if at == 0 {
		return domain, true, ""
	}
	if why := localFault(local); why != "" {
		return "", false, why
	}
	return local + "@" + domain, false, ""
}

// localFault is why a local part cannot be asked for; empty if it can. Quoted ones
// may hold more than can be sent here (RFC 5321, 4.1.2), and nobody has them.
func localFault(local string) string {
	const most = 64 // RFC 5321, 4.5.3.1.1
	switch {
	case local == "":
		return "is no address"
	case len(local) > most:
		return fmt.Sprintf("is no address: the local part has more than %d octets", most)
	case strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, ".."):
		return "is no address: a dot stands where none may (RFC 5321, 4.1.2)"
	}
	for _, r := range local {
		switch {
		case r > '~':
			return "is not in ASCII; it cannot be asked for without SMTPUTF8 (RFC 6531)"
		case r <= ' ' || strings.ContainsRune(`()<>[]:;@\,"`, r):
			return fmt.Sprintf("is no address: %q may not stand in it", r)
		}
	}
	return ""
}

// clip is text for a message.
func clip(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
