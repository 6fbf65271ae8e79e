package daemon

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/record"
)

// A Setup is a mail server as the owner's file wants it, with what the file names
// read and checked. It holds secrets, and none of its exported fields is one.
type Setup struct {
	desired.MTA
	Hostname string       // without a final dot
	State    string       // absolute, or relative to the working directory
	Domains  []string     // that mail is taken for, in A-labels, without final dots
	Addrs    []netip.Addr // public ones of this host
	Signing  []Signing
	Notes    []string // what the owner should know, and need not mend

	wanted desired.State
	dir    string // that relative paths of the file are relative to
	keys   []mta.Key
	users  []user
	relays map[string]string // their passwords
	boxes  *directory

	external string // the key of the account with the ACME authority
}

// A Signing is the keys that sign the mail of a domain.
type Signing struct {
	Domain    string
	Selectors []string
}

// Prepare reads what the file names, relative to dir, which is its directory. With
// any problem there is no Setup.
func Prepare(wanted desired.State, dir string) (*Setup, []desired.Problem) {
	if wanted.MTA == nil {
		return nil, []desired.Problem{{Path: "mta", Message: "is missing; mta: {} is a mail server with all defaults"}}
	}
	s := &Setup{MTA: wanted.Server(), wanted: wanted, dir: dir, relays: make(map[string]string)}
	p := &preparation{Setup: s}
	s.State = s.path(s.MTA.State)
	s.reside()
	p.readKeys()
	p.readUsers()
	p.readRelays()
	p.readExternal()
	p.look()
	if len(p.problems) > 0 {
		return nil, p.problems
	}
	return s, nil
}

// reside finds out what this host is in the file.
func (s *Setup) reside() {
	s.Hostname, s.Domains, s.Addrs = record.Display(s.MTA.Hostname), nil, nil
	for _, name := range s.wanted.Taken(s.MTA.Hostname) {
		s.Domains = append(s.Domains, record.Display(name))
	}
	for _, h := range s.wanted.Hosts {
		if h.Name == s.MTA.Hostname {
			s.Addrs = h.Addrs
		}
	}
	s.boxes = newDirectory(s.MTA, s.Domains)
}

// path is a path of the file.
func (s *Setup) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.dir, name)
}

// own is the domains that mail is taken for: those of the file, and our own name,
// by which notices are written and postmaster is found.
func (s *Setup) own() []string {
	if slices.Contains(s.Domains, s.Hostname) {
		return s.Domains
	}
	return append(slices.Clip(s.Domains), s.Hostname)
}

// SelfSigned reports whether the server makes its certificate itself.
func (s *Setup) SelfSigned() bool { return len(s.Certs) == 0 && s.ACME == nil }

// OwnCertificate says what that comes to.
const OwnCertificate = "no certificate is configured: the server makes one, which keeps others from listening and which nobody can verify; tls with cert and key, or with acme, sets a real one"

// A preparation is a Setup that is being made.
type preparation struct {
	*Setup
	problems []desired.Problem
}

func (p *preparation) wrong(path, format string, args ...any) {
	p.problems = append(p.problems, desired.Problem{Position: p.wanted.At(path), Path: path, Message: fmt.Sprintf(format, args...)})
}

func (p *preparation) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(p.Notes, text) {
		p.Notes = append(p.Notes, text)
	}
}

// readKeys reads the private keys of all domains of the file: users may write with
// any of them.
func (p *preparation) readKeys() {
	for _, d := range p.wanted.Domains {
		read := Keys(p.wanted, d.Name, p.dir)
		p.problems = append(p.problems, read.Faults...)
		if len(read.Keys) == 0 {
			continue
		}
		p.keys = append(p.keys, read.Keys...)
		signing := Signing{Domain: record.Display(d.Name)}
		for _, k := range read.Keys {
			signing.Selectors = append(signing.Selectors, k.Selector)
		}
		p.Signing = append(p.Signing, signing)
	}
}

// readUsers reads the passwords of those who may submit mail.
func (p *preparation) readUsers() {
	for _, u := range p.Users {
		path := "mta.users." + u.Name
		given := secret{text: u.PasswordHash}
		if u.PasswordFile != "" {
			var ok bool
			if given, ok = p.secret(path, u.PasswordFile); !ok {
				continue
			}
		}
		one := user{name: u.Name, senders: p.senders(u), since: given.since}
		if u.PasswordHash != "" || isHash(given.text) {
			var err error
			if one.secret, err = readHash(given.text); err != nil {
				p.wrong(path, "%v", err)
			}
		} else {
			one.secret = hashed(given.text)
		}
		p.users = append(p.users, one)
	}
	slices.SortFunc(p.users, func(a, b user) int { return strings.Compare(a.name, b.name) })
}

// senders is the addresses that a user writes with.
func (p *preparation) senders(u desired.User) []string {
	if len(u.SendAs) > 0 {
		return u.SendAs
	}
	if local, domain, whole := strings.Cut(u.Name, "@"); whole {
		return []string{strings.ToLower(local) + "@" + plainDomain(domain)}
	}
	var list []string
	for _, domain := range p.Domains {
		list = append(list, strings.ToLower(u.Name)+"@"+domain)
	}
	return list
}

func (p *preparation) readRelays() {
	for _, v := range p.Relays {
		if v.PasswordFile != "" {
			given, _ := p.secret("mta.relays."+v.Name, v.PasswordFile)
			p.relays[v.Name] = given.text
		}
	}
}

// readExternal reads the key of the account that the ACME authority gave.
func (p *preparation) readExternal() {
	if p.ACME == nil || p.ACME.External.KeyFile == "" {
		return
	}
	const path = "mta.tls.acme.external-account"
	given, ok := p.secret(path, p.ACME.External.KeyFile)
	if !ok {
		return
	}
	p.external = strings.TrimRight(given.text, "=")
	if _, err := base64.RawURLEncoding.DecodeString(p.external); err != nil { // whose words would quote it
		p.wrong(path, "%s holds no key in base64url, as the authority shows it", p.ACME.External.KeyFile)
	}
}

// secret reads a password; ok is false if it cannot be read, which is told.
func (p *preparation) secret(path, name string) (s secret, ok bool) {
	s, err := readSecret(p.path(name))
	if err != nil {
		p.wrong(path, "%s %v", name, err)
		return s, false
	}
	if s.open {
		p.note("others on this machine can read %s, which holds a secret: chmod o-rwx %[1]s", name)
	}
	return s, true
}

// look finds what does no harm to the server, and some to the mail.
func (p *preparation) look() {
	if p.SelfSigned() {
		for _, name := range p.Domains {
			if policy, ok := p.wanted.Policy(record.Canonical(name), desired.Given{Incomplete: true}); ok && policy.Mode == mtasts.Enforce {
				p.note("%s has an MTA-STS policy that is enforced: with a certificate that nobody can verify its mail does not arrive (RFC 8461, 4.2)", name)
			}
		}
	}
	for _, u := range p.users {
		for _, sender := range u.senders {
			p.lookAtSender(u.name, sender)
		}
	}
	if addr, err := desired.ParseListen(p.Metrics); err == nil && !addr.Addr().IsLoopback() && !addr.Addr().IsPrivate() {
		p.note("metrics are shown at %s, where others can reach them: 127.0.0.1 is for this machine alone", p.Metrics)
	}
}

// lookAtSender looks whether mail of an address is signed, and what comes back to it
// arrives.
func (p *preparation) lookAtSender(user, sender string) {
	local, domain, _ := strings.Cut(sender, "@")
	if len(mta.KeysFor(p.keys, domain)) == 0 {
		p.note("no private key signs the mail of %s, which %s may write with: name its file under dkim", domain, user)
	}
	if local == "" || !slices.Contains(p.Domains, domain) {
		return
	}
	if _, ok := p.boxes.find(address(local, domain)); !ok {
		p.note("%s may write with %s, which has no mailbox: what comes back to it is lost", user, sender)
	}
}
