package daemon

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// A directory tells which mailbox the mail for an address goes into. It does not
// change; see boxes.
type directory struct {
	first    string            // domain of postmaster without a domain, and of our name
	hostname string            // without a final dot; it takes mail for those who run it
	domain   map[string]bool   // hostname is one only if mail is taken for it as for others
	names    map[string]bool   // local parts, and whole addresses
	all      bool              // everybody has a mailbox
	aliases  map[string]string // from both to both
}

// always are mailboxes that a domain has (RFC 5321, 4.5.1; RFC 2142, 2 and 4).
var always = []string{"postmaster", "abuse"}

// daemonName writes our notices; what is answered to it is for postmaster.
const daemonName = "mailer-daemon"

func newDirectory(m desired.MTA, domains []string) *directory {
	d := &directory{hostname: plainDomain(m.Hostname), domain: map[string]bool{}, names: map[string]bool{}, aliases: map[string]string{}}
	for _, name := range domains {
		d.domain[plainDomain(name)] = true
	}
	d.first = d.hostname
	if len(domains) > 0 {
		d.first = plainDomain(domains[0])
	}
	for _, name := range append(always, m.Mailboxes...) {
		if name == desired.Everybody {
			d.all = true
		} else {
			d.names[name] = true
		}
	}
	d.aliases[daemonName] = always[0]
	for _, a := range m.Aliases {
		delete(d.names, a.Name)
		d.aliases[a.Name] = a.To
	}
	return d
}

// find is the mailbox of an address of ours; ok is false if it has none. What stands
// behind a "+" is the reader's own (RFC 5233).
func (d *directory) find(a smtpd.Address) (box string, ok bool) {
	local, domain := strings.ToLower(a.Local), plainDomain(a.Domain)
	if a.Domain == "" || a.Domain[0] == '[' || a.Literal.IsValid() {
		domain = d.first
	}
	if domain == d.hostname && !d.domain[domain] {
		if local != always[0] && local != always[1] && local != daemonName {
			return "", false
		}
		domain = d.first
	}
	if box, ok = d.follow(local, domain); ok {
		return box, true
	}
	if bare, _, tagged := strings.Cut(local, "+"); tagged && bare != "" {
		if box, ok = d.follow(bare, domain); ok {
			return box, true
		}
	}
	if to, catches := d.aliases[desired.Everybody]; catches {
		return d.follow(split(to, domain))
	}
	return local + "@" + domain, d.all
}

// follow goes from alias to alias to the mailbox.
func (d *directory) follow(local, domain string) (box string, ok bool) {
	for range len(d.aliases) + 1 {
		to, is := d.aliases[local+"@"+domain]
		if !is {
			to, is = d.aliases[local]
		}
		if !is {
			break
		}
		local, domain = split(to, domain)
	}
	box = local + "@" + domain
	return box, d.names[local] || d.names[box]
}

// split is an address as its parts; a local part alone is at the domain.
func split(address, domain string) (string, string) {
	if local, own, whole := strings.Cut(address, "@"); whole {
		return local, own
	}
	return address, domain
}

// boxes are the mailboxes of a running server.
type boxes struct {
	now  atomic.Pointer[directory]
	mail *maildir.Store
}

// box is that of mta.Options. Where there is none the name fits no mailbox.
func (b *boxes) box(a smtpd.Address) string {
	box, ok := b.now.Load().find(a)
	if !ok {
		return ""
	}
	return box
}

// mailbox is that of smtpd.Config: it says at RCPT that there is no mailbox, or that
// it is full.
func (b *boxes) mailbox(_ context.Context, a smtpd.Address) error {
	box, ok := b.now.Load().find(a)
	if !ok {
		return smtpd.ErrNoMailbox
	}
	full, err := b.mail.Full(box)
	if err == nil && full {
		err = smtpd.ErrMailboxFull
	}
	return err
}
