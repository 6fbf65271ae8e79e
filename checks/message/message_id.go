package message

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// MessageID: the identifier can be unique in the world.
var MessageID = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.message-id",
		Title:    "The Message-ID has its form, and a domain that makes it unique",
		Severity: diagnosis.Warning,
		Why:      "Threads, duplicates and bounces are found by the Message-ID. Filters count one that is malformed, or that a machine made up that does not know its own name.",
		Doc: `A Message-ID is one identifier in angle brackets, with an @ in it and no white space: <unique@example.org> (RFC 5322, 3.6.4). What stands behind the @ should be a domain of the sender, for that is what makes it unique. "localhost" or a name of the internal network is allowed by the grammar, but two such machines may make the same one, and it tells the world what yours is called.

To fix it, give the host its full name (hostname -f must print it; in Postfix myhostname), or have the mail library use your domain: most have a parameter for it, such as domain= of Python's email.utils.make_msgid.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5322, 3.6.4"}},
	},
	Of:    checks.Messages,
	Needs: []*checks.Check{Headers},
	Run:   of(messageID),
})

func messageID(v *diagnosis.Verdict, m *facts.Mail) {
	fields := m.All("Message-ID")
	if len(fields) != 1 {
		v.Skip = "there is not one Message-ID field"
		return
	}
	f := fields[0]
	value := f.Unfolded()
	cure := "Have it written as <unique@example.org>, with your domain behind the @."
	id, ok := strings.CutPrefix(value, "<")
	id, closed := strings.CutSuffix(id, ">")
	left, right, at := cutLast(id, '@')
	switch {
	case !ok || !closed:
		find(v, diagnosis.Warning, f.Name, fmt.Sprintf("the Message-ID %.80q does not stand in angle brackets", value), shown(f), cure)
	case strings.ContainsAny(id, "<> \t"):
		find(v, diagnosis.Warning, f.Name, fmt.Sprintf("the Message-ID %.80q is more than one identifier", value), shown(f), cure)
	case !at || left == "" || right == "":
		find(v, diagnosis.Warning, f.Name, fmt.Sprintf("the Message-ID %.80q has no domain", value), shown(f), cure)
	case strings.HasPrefix(right, "["):
		find(v, diagnosis.Advice, f.Name, fmt.Sprintf("the Message-ID ends in the address %.60q, not in a domain", right), shown(f), cure)
	default:
		if why := homely(right); why != "" {
			find(v, diagnosis.Advice, f.Name, fmt.Sprintf("%.60q in the Message-ID %s", right, why), shown(f), "Give the host its full name in the DNS, or have the mail library use your domain.")
			return
		}
		saw(v, f.Name, "%s", value)
	}
}

// homely says why a name is not one of the DNS of the world. Names with an
// underscore do no harm here.
func homely(name string) string {
	if _, err := netip.ParseAddr(name); err == nil {
		return "is an IP address"
	}
	if _, fault := facts.HostName(strings.ReplaceAll(name, "_", "-")); fault != "" && fault != "is no host name" {
		return fault
	}
	return ""
}

// cutLast cuts s at the last sep.
func cutLast(s string, sep byte) (before, after string, found bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}
