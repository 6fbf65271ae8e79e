package facts

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// maxSmuggling bounds the hosts with which a message is begun.
const maxSmuggling = 4

// A SmugglingSet is the conversations in which a message was begun that only a
// host in error takes for complete.
type SmugglingSet struct {
	Off  string // why there is none at all; empty if there may be some
	List []SmugglingTest
}

// A SmugglingTest is the one with one mail host.
type SmugglingTest struct {
	Host string // canonical
	// Provider is the mail service that runs the host. Its customers cannot consent
	// for it, so it is left alone.
	Provider string
	// Asked is the session that told the host to take mail for postmaster; without
	// such a one the zero session, and no message was begun.
	Asked   HostSession
	Session probe.Session
}

// bareEnds is what some hosts take for the end of a message besides <CRLF>.<CRLF>
// (CVE-2023-51764 Postfix, CVE-2023-51765 Sendmail, CVE-2023-51766 Exim; bare CR is
// what filters in front of others took). Bare LF first: most hosts that mind
// either say so of that.
var bareEnds = []string{"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r"}

// Smuggling is the fact of what mail hosts take for the end of a message. It is
// gathered with the owner's consent only, after the sessions, by one more
// conversation with one address of each host. Its error is that of the MX question.
var Smuggling = checks.NewFact("the ends of messages", func(ctx context.Context, env *checks.Env) (SmugglingSet, error) {
	var set SmugglingSet
	if !env.Want.Intrusive {
		set.Off = "beginning messages at a host needs its owner's consent: --intrusive"
		return set, nil
	}
	sessions, err := Sessions.Of(ctx, env)
	if err != nil || sessions.Off != "" {
		set.Off = sessions.Off
		return set, err
	}
	postmaster := "postmaster@" + record.Display(env.Domain)
	for _, s := range sessions.List {
		i := slices.IndexFunc(set.List, func(t SmugglingTest) bool { return t.Host == s.Host.Name })
		if i < 0 && len(set.List) < maxSmuggling && s.Greeted() {
			i = len(set.List)
			set.List = append(set.List, SmugglingTest{Host: s.Host.Name})
		}
		if i < 0 || set.List[i].Asked.Target.Addr.IsValid() {
			continue
		}
		provider, hosted := HostedBy(s.Host.Name)
		if hosted {
			set.List[i].Provider = provider.Name
		} else if r, _ := s.Reception(postmaster); r == Accepted {
			set.List[i].Asked = s
		}
	}
	var wg sync.WaitGroup
	for i := range set.List {
		t := &set.List[i]
		if !t.Asked.Target.Addr.IsValid() {
			continue
		}
		target := probe.Target{
			Host: t.Host, Addr: t.Asked.Target.Addr,
			Unended: &probe.Unended{To: postmaster, Head: smugglingHead(postmaster), Endings: bareEnds},
		}
		wg.Go(func() { t.Session = env.SMTP.Converse(ctx, target) })
	}
	wg.Wait()
	return set, nil
})

// smugglingHead is the message. Where it arrives, it says what that means.
func smugglingHead(postmaster string) string {
	return strings.Join([]string{
		"From: maildoctor <" + postmaster + ">",
		"To: <" + postmaster + ">",
		"Subject: maildoctor: this mail server takes bare line ends for the end of a message",
		"Auto-Submitted: auto-generated", // RFC 3834, 5
		"MIME-Version: 1.0",
		"Content-Type: text/plain; charset=us-ascii",
		"",
		"You, or somebody who looks after this mail server, ran maildoctor with",
		"--intrusive. It began this message and never ended it as RFC 5321 has it.",
		"That it was delivered all the same shows that the server, or a filter in",
		"front of it, can be made to take a part of one message for another one,",
		"of any sender (SMTP smuggling). See smtp.smuggling in maildoctor's report.",
		"Nothing else is wrong with this message; delete it.",
		"",
	}, "\r\n")
}
