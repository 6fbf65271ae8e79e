package desired

import (
	"time"

	"go.yaml.in/yaml/v4"
)

const (
	addresses = `^(\[[0-9A-Fa-f:.]+\]|[0-9.]+)?:[0-9]{1,5}$` // to listen on
	sizes     = `^[0-9]+(KiB|MiB|GiB)?$`
)

// mtaKeys is the section of the mail server.
func mtaKeys() []key[MTA] {
	return []key[MTA]{
		{"hostname", "The name by which it greets: one of hosts. The first of them if left out.", textForm("mail.example.com"), func(r *reader, n *yaml.Node, path string, m *MTA) {
			m.Hostname, _ = r.name(n, path)
		}},
		{"state", "The directory of what it must not lose: the queue, the mailboxes, certificates of ACME. " + DefaultState + " if left out.", textForm(DefaultState), func(r *reader, n *yaml.Node, path string, m *MTA) {
			m.State, _ = r.text(n, path)
		}},
		{"listen", "Where mail comes in. Port 25 of every address if left out; submission ports need users and a certificate.", ref("mtaListen"), func(r *reader, n *yaml.Node, path string, m *MTA) {
			fields(r, n, path, listenKeys(), &m.Listen)
		}},
		{"tls", "Its certificate: cert and key, a list of those, or acme. Without one it makes one that nobody can verify, which is enough on port 25 and nowhere else.", eitherForm(ref("mtaCert"), form{"type": "array", "minItems": 1, "maxItems": maxList, "items": ref("mtaCert")}, ref("mtaTls")), readTLS},
		{"mailboxes", "Who gets mail: local parts, which each domain has, or whole addresses; \"*\" is everybody. postmaster and abuse are always there.", manyForm(textForm("info", "ann@example.com")), func(r *reader, n *yaml.Node, path string, m *MTA) {
			m.Mailboxes = r.mailboxes(n, path)
		}},
		{"aliases", "Addresses whose mail goes into the mailbox of another one here: abuse: postmaster. The alias \"*\" is all that have no mailbox.", mapForm(textForm("postmaster"), maxUsers), readAliases},
		{"users", "Who may submit mail, by name, each with a password-file or a password-hash.", mapForm(ref("mtaUser"), maxUsers), readUsers},
		{"dmarc", "What becomes of mail that fails DMARC: apply does what its author domain asks for, note delivers and marks it. apply if left out.", choiceForm(Apply, Note), func(r *reader, n *yaml.Node, path string, m *MTA) {
			m.DMARC, _ = r.choice(n, path, "word for mail that fails DMARC", []string{Apply, Note})
		}},
		{"test-mailbox", "Take mail for the addresses that maildoctor inbox issues. False if left out.", switchForm(), func(r *reader, n *yaml.Node, path string, m *MTA) {
			m.TestMailbox = r.onOff(n, path)
		}},
		{"relays", "Relays (smart hosts) for routes, by name.", mapForm(ref("mtaRelay"), maxList), readRelays},
		{"routes", "Which way mail goes, a list of which the first that fits counts. Directly if left out.", form{"type": "array", "minItems": 1, "maxItems": maxList, "items": ref("mtaRoute")}, readRoutes},
		{"warm-up", "How much goes to one provider in a day while a new address earns its name.", ref("mtaWarmUp"), readWarmUp},
		{"limits", "What clients can take, where the defaults are not right.", ref("mtaLimits"), func(r *reader, n *yaml.Node, path string, m *MTA) {
			fields(r, n, path, limitKeys(), &m.Limits)
		}},
		{"metrics", "The address at which Prometheus finds /metrics, and others /healthz. None if left out.", patternForm(addresses, "127.0.0.1:9125"), func(r *reader, n *yaml.Node, path string, m *MTA) {
			m.Metrics = r.listen(n, path)
		}},
	}
}

func listenKeys() []key[Listen] {
	port := manyForm(eitherForm(patternForm(addresses, ":25", "192.0.2.25:25"), choiceForm(None)))
	return []key[Listen]{
		{"mx", "For mail to our domains, by SMTP: \":25\", an address with a port, or none.", port, func(r *reader, n *yaml.Node, path string, l *Listen) { l.MX = r.listens(n, path) }},
		{"submission", "For users, by STARTTLS: \":587\".", port, func(r *reader, n *yaml.Node, path string, l *Listen) { l.Submission = r.listens(n, path) }},
		{"submissions", "For users, by TLS from the first octet: \":465\".", port, func(r *reader, n *yaml.Node, path string, l *Listen) { l.Submissions = r.listens(n, path) }},
	}
}

func certKeys() []key[Cert] {
	return []key[Cert]{
		{"cert", "The certificate with those that lead to the authority, PEM. It is read again when it changes.", textForm("/etc/maildoctor/tls/fullchain.pem"), func(r *reader, n *yaml.Node, path string, c *Cert) { c.Cert, _ = r.text(n, path) }},
		{"key", "Its private key, PEM.", textForm("/etc/maildoctor/tls/privkey.pem"), func(r *reader, n *yaml.Node, path string, c *Cert) { c.Key, _ = r.text(n, path) }},
	}
}

// tlsKeys is tls, where certificates come from an authority.
func tlsKeys() []key[MTA] {
	return []key[MTA]{
		{"acme", "Certificates from Let's Encrypt, or another authority that speaks ACME. Who writes it agrees to the authority's terms of service. A mapping, which may be empty: {}.", ref("mtaAcme"), func(r *reader, n *yaml.Node, path string, m *MTA) {
			m.ACME = new(ACME)
			if !isNull(n) {
				before := len(r.problems)
				if fields(r, n, path, acmeKeys(), m.ACME); len(r.problems) == before {
					r.acme(n, path, *m.ACME)
				}
			}
		}},
	}
}

func acmeKeys() []key[ACME] {
	return []key[ACME]{
		{"email", "Where the authority writes to when something is wrong.", textForm("postmaster@example.com"), func(r *reader, n *yaml.Node, path string, a *ACME) {
			if list := r.addresses(n, path); len(list) == 1 && list[0] != None {
				a.Email = list[0]
			}
		}},
		{"directory", "The URL of the authority's directory. That of Let's Encrypt if left out.", patternForm(`^https://[!-~]+$`, "https://acme-v02.api.letsencrypt.org/directory"), func(r *reader, n *yaml.Node, path string, a *ACME) { a.Directory = r.https(n, path) }},
		{"http", "Where challenges over HTTP are answered, as the authority asks port 80. \":80\" if it and alpn are left out.", patternForm(addresses, ":80"), func(r *reader, n *yaml.Node, path string, a *ACME) { a.HTTP = r.listen(n, path) }},
		{"alpn", "Where challenges over TLS (TLS-ALPN-01) are answered, as the authority asks port 443. With http beside it either does, and a port that is taken is passed over.", patternForm(addresses, ":443"), func(r *reader, n *yaml.Node, path string, a *ACME) { a.ALPN = r.listen(n, path) }},
		{"external-account", "The account that the authority has given you, where it wants one (external account binding).", ref("mtaExternal"), func(r *reader, n *yaml.Node, path string, a *ACME) { fields(r, n, path, externalKeys(), &a.External) }},
	}
}

func externalKeys() []key[ExternalAccount] {
	return []key[ExternalAccount]{
		{"key-id", "The name of its key, as the authority has given it.", textForm("kid-1"), func(r *reader, n *yaml.Node, path string, x *ExternalAccount) { x.KeyID, _ = r.text(n, path) }},
		{"key-file", "A file with the HMAC key, in base64url as the authority shows it. Relative to this file.", textForm("/etc/maildoctor/acme.key"), func(r *reader, n *yaml.Node, path string, x *ExternalAccount) { x.KeyFile, _ = r.text(n, path) }},
		refused[ExternalAccount]("key", "key-file, a file with the key"),
	}
}

func userKeys() []key[User] {
	return []key[User]{
		{"password-file", "A file with the password, or with its hash. Relative to this file.", textForm("/etc/maildoctor/ann.password"), func(r *reader, n *yaml.Node, path string, u *User) { u.PasswordFile, _ = r.text(n, path) }},
		{"password-hash", "The hash of the password: argon2id or bcrypt, as maildoctor mta password and htpasswd -B make it.", patternForm(`^\$(argon2id|2[aby])\$`), func(r *reader, n *yaml.Node, path string, u *User) { u.PasswordHash = r.hash(n, path) }},
		{"send-as", "The addresses that it may write with; @example.com is all of a domain. Its name at each of our domains if left out.", manyForm(textForm("ann@example.com", "@example.com")), func(r *reader, n *yaml.Node, path string, u *User) { u.SendAs = r.senders(n, path) }},
		refused[User]("password", "password-file, a file with the password, or password-hash"),
	}
}

func relayKeys() []key[Relay] {
	return []key[Relay]{
		{"host", "Its name, or address.", textForm("email-smtp.eu-west-1.amazonaws.com"), func(r *reader, n *yaml.Node, path string, v *Relay) { v.Host = r.host(n, path) }},
		{"port", "Its port: 587 if left out, and 465 with tls: implicit.", form{"type": "integer", "minimum": 1, "maximum": 65535}, func(r *reader, n *yaml.Node, path string, v *Relay) { v.Port = int(r.count(n, path, 1, 65535)) }},
		{"tls", "starttls, implicit (from the first octet), or none, for a relay of your own without a password. starttls if left out, and implicit on port 465.", choiceForm("starttls", "implicit", None), func(r *reader, n *yaml.Node, path string, v *Relay) {
			v.TLS, _ = r.choice(n, path, "word for TLS", []string{"starttls", "implicit", None})
		}},
		{"user", "Who logs in. Left out where the relay knows this host by its address.", textForm(), func(r *reader, n *yaml.Node, path string, v *Relay) { v.User, _ = r.text(n, path) }},
		{"password-file", "A file with the password. Relative to this file.", textForm("/etc/maildoctor/ses.password"), func(r *reader, n *yaml.Node, path string, v *Relay) { v.PasswordFile, _ = r.text(n, path) }},
		refused[Relay]("password", "password-file, a file with the password"),
	}
}

func routeKeys() []key[Route] {
	return []key[Route]{
		{"to", "Domains of recipients; .example.org is what is below example.org. Any if left out.", manyForm(textForm("gmail.com")), func(r *reader, n *yaml.Node, path string, v *Route) { v.To = r.destinations(n, path) }},
		{"provider", "Who receives, as its MX hosts tell: google, microsoft, yahoo, apple, or the domain of the hosts.", textForm("google"), func(r *reader, n *yaml.Node, path string, v *Route) { v.Provider = r.word(n, path) }},
		{"via", "The relay that it goes by, or direct.", textForm("ses"), func(r *reader, n *yaml.Node, path string, v *Route) { v.Via, _ = r.text(n, path) }},
		{"fallback", "The relay for what cannot be delivered directly.", textForm("ses"), func(r *reader, n *yaml.Node, path string, v *Route) { v.Fallback, _ = r.text(n, path) }},
		{"after", "How many attempts fail for now before the fallback is taken.", form{"type": "integer", "minimum": 1, "maximum": 100}, func(r *reader, n *yaml.Node, path string, v *Route) { v.After = int(r.count(n, path, 1, 100)) }},
		{"on-block", "Whether the fallback is taken where a host says that we are blocked.", switchForm(), func(r *reader, n *yaml.Node, path string, v *Route) { v.OnBlock = r.onOff(n, path) }},
	}
}

func warmUpKeys() []key[WarmUp] {
	number := form{"type": "integer", "minimum": 1, "maximum": maxDaily}
	return []key[WarmUp]{
		{"start", "The first day (UTC), as 2026-12-01.", patternForm(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`, "2026-12-01"), func(r *reader, n *yaml.Node, path string, w *WarmUp) { w.Start = r.day(n, path) }},
		{"first", "Recipients at one provider on the first day.", number, func(r *reader, n *yaml.Node, path string, w *WarmUp) { w.First = int(r.count(n, path, 1, maxDaily)) }},
		{"last", "Recipients on the last day that is capped.", number, func(r *reader, n *yaml.Node, path string, w *WarmUp) { w.Last = int(r.count(n, path, 1, maxDaily)) }},
		{"factor", "How much more each day. 1.5 if left out.", form{"type": "number", "exclusiveMinimum": 1, "maximum": 10}, func(r *reader, n *yaml.Node, path string, w *WarmUp) { w.Factor = r.factor(n, path) }},
	}
}

func limitKeys() []key[MTALimits] {
	size := eitherForm(form{"type": "integer", "minimum": 1}, patternForm(sizes, "50MiB"))
	number := form{"type": "integer", "minimum": 1, "maximum": maxCount}
	wait := patternForm(durations, "5d")
	return []key[MTALimits]{
		{"message", "The size of a message: 50MiB if left out.", size, func(r *reader, n *yaml.Node, path string, l *MTALimits) { l.Message = r.size(n, path, 64<<10, 50<<20) }},
		{"recipients", "The recipients of a message: 100 if left out.", number, func(r *reader, n *yaml.Node, path string, l *MTALimits) {
			l.Recipients = int(r.count(n, path, 100, maxCount))
		}},
		{"sessions", "Sessions at a time: 1000 if left out.", number, func(r *reader, n *yaml.Node, path string, l *MTALimits) {
			l.Sessions = int(r.count(n, path, 1, maxCount))
		}},
		{"per-client", "Sessions at a time of one IPv4 address or IPv6 /64: 30 if left out.", number, func(r *reader, n *yaml.Node, path string, l *MTALimits) {
			l.PerClient = int(r.count(n, path, 1, maxCount))
		}},
		{"per-minute", "Sessions that one client begins in a minute: 300 if left out. A failed login counts as 10.", number, func(r *reader, n *yaml.Node, path string, l *MTALimits) {
			l.PerMinute = int(r.count(n, path, 1, maxCount))
		}},
		{"queue", "Messages that wait to be delivered: 20000 if left out.", number, func(r *reader, n *yaml.Node, path string, l *MTALimits) { l.Queue = int(r.count(n, path, 1, maxCount)) }},
		{"queue-size", "All of them together: 8GiB if left out.", size, func(r *reader, n *yaml.Node, path string, l *MTALimits) { l.QueueSize = r.size(n, path, 1<<20, 1<<50) }},
		{"free", "What stays free on the disk of the queue: 256MiB if left out.", size, func(r *reader, n *yaml.Node, path string, l *MTALimits) { l.Free = r.size(n, path, 1<<20, 1<<50) }},
		{"mailbox", "The size of a mailbox. No limit if left out.", size, func(r *reader, n *yaml.Node, path string, l *MTALimits) { l.Mailbox = r.size(n, path, 1<<20, 1<<50) }},
		{"give-up", "How long delivery is tried: 5d if left out (RFC 5321, 4.5.4.1).", wait, func(r *reader, n *yaml.Node, path string, l *MTALimits) {
			l.GiveUp = r.duration(n, path, time.Hour, 14*24*time.Hour)
		}},
		{"delay-notice", "When the sender is told that it still waits: 4h if left out.", wait, func(r *reader, n *yaml.Node, path string, l *MTALimits) {
			l.DelayNotice = r.duration(n, path, time.Minute, 14*24*time.Hour)
		}},
	}
}

// refused is a key that people write and that holds a secret: it is told where
// that stands instead. Neither the schema nor the documentation has it.
func refused[T any](name, instead string) key[T] {
	return key[T]{name: name, take: func(r *reader, n *yaml.Node, path string, _ *T) {
		r.wrong(n, path, "a secret does not stand in this file; write %s", instead)
	}}
}
