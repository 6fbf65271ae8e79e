package helo

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/record"
)

type addr = netip.Addr

// A caller is one name in EHLO, and the addresses that use it.
type caller struct {
	word     string // as the host gives it
	addrs    []addr // empty: not known
	declared bool   // the owner gave the name
}

// subject is the addresses, or the name where none is known.
func (c caller) subject() string {
	if len(c.addrs) == 0 {
		return c.word
	}
	return listed(c.addrs)
}

func listed(addrs []addr) string {
	var words []string
	for _, a := range addrs {
		words = append(words, a.String())
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// callers is the names by which hosts that send for the domain are known to
// greet: the one the owner gave, and those of MX hosts that send too.
func callers(ctx context.Context, env *checks.Env) ([]caller, error) {
	var list []caller
	add := func(word string, a addr, declared bool) {
		i := slices.IndexFunc(list, func(c caller) bool { return strings.EqualFold(c.word, word) && c.declared == declared })
		if i < 0 {
			i = len(list)
			list = append(list, caller{word: word, declared: declared})
		}
		if a.IsValid() && !slices.Contains(list[i].addrs, a) {
			list[i].addrs = append(list[i].addrs, a)
		}
	}
	if env.Want.HELO != "" {
		name := record.Display(env.Want.HELO)
		add(name, addr{}, true)
		for _, a := range env.Want.Senders {
			add(name, a.Unmap(), true)
		}
		return list, nil
	}
	senders, err := facts.Senders.Of(ctx, env)
	if err != nil {
		return nil, err
	}
	sessions, err := facts.Sessions.Of(ctx, env)
	if err != nil {
		return nil, err
	}
	for _, s := range sessions.List {
		sends := slices.ContainsFunc(senders, func(sender facts.Sender) bool { return sender.Addr == s.Target.Addr })
		if word, told := s.EHLOName(); told && sends {
			add(word, s.Target.Addr, false)
		}
	}
	return list, nil
}
