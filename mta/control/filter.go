package control

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/spool"
	"github.com/maildoctor/maildoctor/record"
)

// check says what is wrong with a filter.
func (f Filter) check() error {
	if f.State != "" && !slices.Contains(States(), f.State) {
		return fmt.Errorf("no message is ever %s; the states are %s", quote(string(f.State)), strings.Join(names(States()), ", "))
	}
	if to := strings.TrimPrefix(f.To, "."); f.To != "" && !strings.HasPrefix(to, "[") {
		if _, err := record.ParseDomain(to); err != nil && !isLabel(to) {
			return fmt.Errorf("%s is not a domain", quote(f.To))
		}
	}
	return nil
}

// isLabel reports whether s is one label alone: "net", of ".net", or a name of a
// network of one's own.
func isLabel(s string) bool {
	return s != "" && len(s) < 64 && !strings.ContainsFunc(strings.ToLower(s), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

func names(states []State) []string {
	list := make([]string, len(states))
	for i, s := range states {
		list[i] = string(s)
	}
	return list
}

// compile makes a function of a filter that has been checked.
func (f Filter) compile() func(queue.Entry) bool {
	to, below := strings.CutPrefix(f.To, ".")
	to, from := canonical(to), strings.ToLower(strings.Trim(f.From, "<>"))
	fits := func(r spool.Rcpt) bool {
		domain := domainOf(r.Addr)
		return r.Status == spool.Waiting && (domain == to && !below || below && domain != to && record.Within(domain, to))
	}
	return func(e queue.Entry) bool {
		switch {
		case f.State != "" && stateOf(e) != f.State:
		case f.To != "" && !slices.ContainsFunc(e.Envelope.Rcpts, fits):
		case f.From != "" && !isFrom(e.Envelope.From, from):
		default:
			return true
		}
		return false
	}
}

// isFrom reports whether a reverse-path is from, or has it for its domain. The
// empty one is the null reverse-path.
func isFrom(path, from string) bool {
	if from == "" || strings.Contains(strings.TrimPrefix(from, "@"), "@") {
		return strings.EqualFold(path, from)
	}
	return path != "" && domainOf(path) == canonical(strings.TrimPrefix(from, "@"))
}

func domainOf(path string) string { return canonical(path[strings.LastIndexByte(path, '@')+1:]) }

// canonical is a domain in A-labels; an address literal stays what it is.
func canonical(domain string) string {
	if strings.HasPrefix(domain, "[") {
		return strings.ToLower(domain)
	}
	if name, err := record.ParseDomain(domain); err == nil {
		return name
	}
	return record.Canonical(domain)
}

// quote is text of somebody else's in a message, in short.
func quote(s string) string { return strconv.Quote(cut(s, 80)) }
