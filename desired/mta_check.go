package desired

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// serverProblems finds what of the mail server does not go together.
func (s State) serverProblems() []Problem {
	c := serverCheck{state: s, MTA: s.Server()}
	c.taken = s.Taken(c.Hostname)
	c.checkName()
	c.checkPorts()
	c.checkMailboxes()
	c.checkAliases()
	c.checkUsers()
	return c.problems
}

// A serverCheck looks at the mail server as a whole.
type serverCheck struct {
	MTA
	state    State
	taken    []string // domains, canonical
	problems []Problem
}

func (c *serverCheck) wrong(path, format string, args ...any) {
	path = "mta." + path
	c.problems = append(c.problems, Problem{c.state.At(path), path, fmt.Sprintf(format, args...)})
}

func (c *serverCheck) checkName() {
	if slices.ContainsFunc(c.state.Hosts, func(h Host) bool { return h.Name == c.Hostname }) {
		return
	}
	var known []string
	for _, h := range c.state.Hosts {
		known = append(known, display(h.Name))
	}
	if c.Hostname == "" {
		c.wrong("hostname", "is missing, and no host stands under hosts whose name the server could have")
		return
	}
	c.wrong("hostname", "no host %s stands under hosts%s", display(c.Hostname), meantHost(display(c.Hostname), known))
}

// checkPorts looks at where it listens.
func (c *serverCheck) checkPorts() {
	users := slices.Concat(listed(c.Listen.Submission), listed(c.Listen.Submissions))
	mx := listed(c.Listen.MX)
	if at := open(mx); at != "" && len(c.taken) == 0 && len(c.problems) == 0 {
		c.wrong("listen.mx", "no domain of this file has its mail taken by %s, and %s is open to everybody: give a domain a profile, or write mx: %s for a host that only sends", display(c.Hostname), at, None)
	}
	switch at := open(users); {
	case len(mx)+len(users) == 0:
		c.wrong("listen", "it listens nowhere")
	case len(users) > 0 && len(c.Users) == 0:
		c.wrong("listen", "nobody can log in at %s: write users", users[0])
	case len(users) == 0 && len(c.Users) > 0:
		c.wrong("users", "they have no port to log in at: write listen: {submission: \":587\", submissions: \":465\"}")
	case at != "" && len(c.Certs) == 0 && c.ACME == nil:
		c.wrong("listen", "users log in at %s over TLS, which needs a certificate that their programs can verify: write tls with cert and key, or with acme", at)
	}
	seen := make(map[string]bool)
	for _, text := range slices.Concat(mx, users, listed([]string{c.Metrics})) {
		if seen[text] && !strings.HasSuffix(text, ":0") {
			c.wrong("listen", "%s stands twice, and one port is for one thing", text)
		}
		seen[text] = true
	}
}

// open is the first address that others than this machine can reach; empty if none is.
func open(texts []string) string {
	for _, text := range texts {
		if addr, err := ParseListen(text); err == nil && !addr.Addr().IsLoopback() {
			return text
		}
	}
	return ""
}

// ours reports whether the domain of an address is one that mail is taken for; of a
// local part alone it is.
func (c *serverCheck) ours(address string) bool {
	domain := canonicalOf(address)
	return domain == "" || domain == c.Hostname || slices.Contains(c.taken, domain)
}

func (c *serverCheck) checkMailboxes() {
	for _, box := range c.Mailboxes {
		if !c.ours(box) {
			c.wrong("mailboxes", "%s is not taken here: the mail of %s has to come to %s", box, display(canonicalOf(box)), display(c.Hostname))
		}
	}
}

func (c *serverCheck) checkAliases() {
	for i, a := range c.Aliases {
		path := "aliases." + printable(a.Name)
		switch {
		case !c.ours(a.Name):
			c.wrong(path, "%s is not taken here: the mail of %s has to come to %s", a.Name, display(canonicalOf(a.Name)), display(c.Hostname))
		case !c.ours(a.To):
			c.wrong(path, "mail is not forwarded to others, as it would go in the name of its senders and fail SPF; an alias leads to a mailbox here")
		case slices.Contains(c.Mailboxes, a.Name) && a.Name != Everybody:
			c.wrong(path, "is a mailbox, too")
		case c.circle(a):
			if !slices.ContainsFunc(c.Aliases[:i], c.circle) { // the others lead into the same one, most likely
				c.wrong(path, "leads in a circle")
			}
		case a.Name == Everybody && slices.Contains(c.Mailboxes, Everybody):
			c.wrong(path, "is for what has no mailbox, and under mailboxes \"*\" everybody has one")
		}
	}
}

// circle reports whether an alias never ends at a mailbox. A local part stands for
// that of every domain.
func (c *serverCheck) circle(a Alias) bool {
	for range c.Aliases {
		i := slices.IndexFunc(c.Aliases, func(o Alias) bool { return o.Name == a.To || o.Name == localOf(a.To) })
		if i < 0 {
			return false
		}
		a = c.Aliases[i]
	}
	return true
}

func localOf(address string) string {
	local, _, _ := strings.Cut(address, "@")
	return local
}

// checkUsers looks at what users may write with: domains of the file, as it is their
// keys that sign.
func (c *serverCheck) checkUsers() {
	for _, u := range c.Users {
		path := "users." + printable(u.Name)
		senders := u.SendAs
		if len(senders) == 0 {
			if len(c.taken) == 0 {
				c.wrong(path, "has no address to write with: write send-as")
			}
			if !strings.Contains(u.Name, "@") {
				continue
			}
			senders = []string{u.Name}
		}
		for _, sender := range senders {
			domain := canonicalOf(sender)
			known := slices.ContainsFunc(c.state.Domains, func(d Domain) bool { return record.Within(domain, d.Name) })
			if !known && domain != c.Hostname {
				c.wrong(path, "may write with %s, and %s does not stand under domains", sender, display(domain))
			}
		}
	}
}
