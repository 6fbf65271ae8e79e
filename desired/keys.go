package desired

import (
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// version is the only one there is.
const version = "1"

// Times between which a TTL is of use: below a minute resolvers may round up, and
// a week is as long as they keep an answer (RFC 8767, 4).
const (
	leastTTL = time.Minute
	mostTTL  = 7 * 24 * time.Hour
)

func clientNames() []string {
	return []string{"submissions", "submission", "imaps", "imap", "pop3s", "pop3", "sieve", "jmap", "caldavs", "carddavs"}
}

func policyNames() []string {
	return []string{string(dmarc.None), string(dmarc.Quarantine), string(dmarc.Reject)}
}

// fileKeys is the top of the file.
func fileKeys() []key[State] {
	return []key[State]{
		{"version", "The version of this format: 1.", form{"enum": []any{1, version}}, func(r *reader, n *yaml.Node, path string, _ *State) {
			if text, ok := r.text(n, path); ok && text != version {
				r.wrong(n, path, "no version %.20q; this maildoctor reads version %s", text, version)
			}
		}},
		{"hosts", "The mail hosts that are yours, by name, each with its public addresses: one, a list, or a mapping.", mapForm(ref("host"), maxHosts), readHosts},
		{"defaults", "What every domain below has that does not say otherwise.", ref("settings"), func(r *reader, n *yaml.Node, path string, s *State) {
			r.settingsAt(n, path, &s.Defaults)
		}},
		{"domains", "The mail domains, by name. A domain may have nothing behind the colon where defaults say all.", mapForm(orNull(ref("settings")), maxDomains), readDomains},
		{"check", "How maildoctor check examines the domains of this file.", ref("check"), func(r *reader, n *yaml.Node, path string, s *State) {
			s.Check = new(Checking)
			fields(r, n, path, checkingKeys(), s.Check)
		}},
		{"mta", "The mail server of maildoctor on this host, as maildoctor mta run runs it.", ref("mta"), func(r *reader, n *yaml.Node, path string, s *State) {
			s.MTA = new(MTA)
			fields(r, n, path, mtaKeys(), s.MTA)
			r.known(s.MTA)
		}},
	}
}

// hostKeys is a mail host, where it is a mapping.
func hostKeys() []key[Host] {
	return []key[Host]{
		{"ips", "Its public IPv4 and IPv6 addresses: those at which it takes mail and from which it sends.", manyForm(textForm("192.0.2.25", "2001:db8:25::25")), func(r *reader, n *yaml.Node, path string, h *Host) {
			h.Addrs = r.ips(n, path)
		}},
		{"tlsa", "TLSA data of its certificate on port 25 and of the next one, as `3 1 1 HEX`, or the SHA-256 of the public key alone. Published only where dnssec is true.", manyForm(textForm()), func(r *reader, n *yaml.Node, path string, h *Host) {
			h.TLSA = r.tlsa(n, path)
		}},
	}
}

// settingKeys is a domain, and the defaults.
func settingKeys() []key[Settings] {
	return []key[Settings]{
		{"profile", "The mail suite that runs on the hosts, or no-mail for a domain without mail. Left out where a service keeps the mail.", choiceForm(ProfileNames()...), func(r *reader, n *yaml.Node, path string, s *Settings) {
			s.Profile, _ = r.choice(n, path, "profile", ProfileNames())
		}},
		{"hosts", "Which of the hosts take the domain's mail, the preferred one first. All of them if left out.", manyForm(textForm("mail.example.com")), func(r *reader, n *yaml.Node, path string, s *Settings) {
			s.Hosts = r.names(n, path)
		}},
		{"mx", "Who takes the mail where several could: the name of the profile or of a service.", choiceForm(slices.Concat(ProfileNames(), receivers())...), func(r *reader, n *yaml.Node, path string, s *Settings) {
			s.MX, _ = r.choice(n, path, "profile or service that takes mail", slices.Concat(ProfileNames(), receivers()))
		}},
		{"services", "Relays and hosted mail services, by name, each with what its account was issued.", ref("services"), readServices},
		{"dkim", "DKIM keys by selector: the record, the base64 of the public key, or a mapping. A key alone has the profile's selector.", eitherForm(textForm(), mapForm(ref("dkimKey"), maxList)), readKeys},
		{"dmarc", "The DMARC policy, or a mapping.", eitherForm(choiceForm(policyNames()...), ref("dmarc")), func(r *reader, n *yaml.Node, path string, s *Settings) {
			if n.Kind == yaml.MappingNode {
				fields(r, n, path, dmarcKeys(), &s.DMARC)
				return
			}
			s.DMARC.Policy = r.policy(n, path)
		}},
		{"spf", "Who else may send, beside the hosts and the services.", ref("spf"), func(r *reader, n *yaml.Node, path string, s *Settings) {
			fields(r, n, path, spfKeys(), &s.SPF)
		}},
		{"mta-sts", "Whether senders shall insist on TLS (RFC 8461): off, testing or enforce, or a mapping.", eitherForm(choiceForm(modeNames()...), ref("mtaSts")), func(r *reader, n *yaml.Node, path string, s *Settings) {
			if n.Kind == yaml.MappingNode {
				fields(r, n, path, mtastsKeys(), &s.MTASTS)
				return
			}
			s.MTASTS.Mode = r.mode(n, path)
		}},
		{"reports", "Where DMARC and TLS reports go: an address or a list; none for no reports. postmaster at the domain if left out.", manyForm(textForm("dmarc@example.com")), func(r *reader, n *yaml.Node, path string, s *Settings) {
			s.Reports = r.addresses(n, path)
		}},
		{"tls-reports", "Where TLS reports go (RFC 8460), if not where the other reports go; or none.", manyForm(textForm("tls@example.com")), func(r *reader, n *yaml.Node, path string, s *Settings) {
			s.TLSReports = r.addresses(n, path)
		}},
		{"autoconfig", "Whether to publish the names at which mail programs ask for settings. True if left out, where the profile serves them.", switchForm(), func(r *reader, n *yaml.Node, path string, s *Settings) {
			s.Autoconfig = r.onOff(n, path)
		}},
		{"clients", "By what mail programs get in, as SRV records tell them; none for no such records. The profile's if left out.", manyForm(choiceForm(append(clientNames(), None)...)), func(r *reader, n *yaml.Node, path string, s *Settings) {
			s.Clients = r.choices(n, path, "way in", clientNames())
		}},
		{"caa", "The certification authorities that may issue for the domain: all of them, since these records take the place of those that stand there.", eitherForm(manyForm(textForm("letsencrypt.org")), ref("caa")), readCAA},
		{"no-mail", "Names below the domain that neither send nor receive mail, such as www: they get a null MX, an SPF and a DMARC record that say so.", manyForm(patternForm(labels, "www")), func(r *reader, n *yaml.Node, path string, s *Settings) {
			s.NoMail = r.labels(n, path)
		}},
		{"dnssec", "Whether the zone is signed, without which TLSA records mean nothing.", switchForm(), func(r *reader, n *yaml.Node, path string, s *Settings) {
			s.DNSSEC = r.onOff(n, path)
		}},
		{"ttl", "How long resolvers keep the records: seconds, or 10m, 1h, 1d. The profile's if left out.", eitherForm(form{"type": "integer", "minimum": 60, "maximum": 604800}, patternForm(durations, "1h")), func(r *reader, n *yaml.Node, path string, s *Settings) {
			s.TTL = r.duration(n, path, leastTTL, mostTTL)
		}},
		{"provider", "Who holds the zone, so that apply can write to it: cloudflare, zone:PATH (a zone file), rfc2136:HOST[:PORT] (dynamic updates of BIND, Knot and others) or powerdns:URL. Never a secret: tokens and keys come from the environment. Paths are relative to this file.", patternForm(providers, "cloudflare", "zone:example.com.zone", "rfc2136:ns1.example.com", "powerdns:http://127.0.0.1:8081"), func(r *reader, n *yaml.Node, path string, s *Settings) {
			s.Provider = r.provider(n, path)
		}},
		{"tsig-key", "The path of the file with the TSIG key for rfc2136, as tsig-keygen writes it; relative to this file. Never the key itself.", textForm("/etc/maildoctor/update.key"), func(r *reader, n *yaml.Node, path string, s *Settings) {
			s.TSIGKey = r.tsigKey(n, path)
		}},
	}
}

// receivers are the names of the services that take mail.
func receivers() []string {
	var names []string
	for _, s := range Services() {
		if s.Receives {
			names = append(names, s.Name)
		}
	}
	return names
}

func dmarcKeys() []key[DMARC] {
	return []key[DMARC]{
		{"policy", "What receivers do with mail that fails: none, quarantine or reject.", choiceForm(policyNames()...), func(r *reader, n *yaml.Node, path string, d *DMARC) { d.Policy = r.policy(n, path) }},
		{"stages", "The policy as time goes on: a list of the day from which on each is published (UTC), in order.", form{"type": "array", "minItems": 1, "maxItems": maxList, "items": ref("stage")}, readStages},
		{"subdomains", "The policy for subdomains that exist, if another (sp).", choiceForm(policyNames()...), func(r *reader, n *yaml.Node, path string, d *DMARC) { d.Subdomains = r.policy(n, path) }},
		{"nonexistent", "The policy for subdomains that do not exist, if another (np).", choiceForm(policyNames()...), func(r *reader, n *yaml.Node, path string, d *DMARC) { d.NonExistent = r.policy(n, path) }},
		{"testing", "Ask for one stage less than the policy says (t=y, RFC 9989, 4.7).", switchForm(), func(r *reader, n *yaml.Node, path string, d *DMARC) { d.Testing = r.onOff(n, path) }},
		{"strict", "Strict alignment of DKIM and SPF (adkim=s, aspf=s). False is right for nearly everybody.", switchForm(), func(r *reader, n *yaml.Node, path string, d *DMARC) { d.Strict = r.onOff(n, path) }},
		{"rua", "Where aggregate reports go, if not where the other reports go; or none.", manyForm(textForm("dmarc@example.com")), func(r *reader, n *yaml.Node, path string, d *DMARC) { d.RUA = r.addresses(n, path) }},
		{"ruf", "Where failure reports go. They hold parts of messages, and few receivers send them.", manyForm(textForm("dmarc@example.com")), func(r *reader, n *yaml.Node, path string, d *DMARC) { d.RUF = r.addresses(n, path) }},
	}
}

func stageKeys() []key[Stage] {
	return []key[Stage]{
		{"from", "The day, as 2027-01-31.", patternForm(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`, "2027-01-31"), func(r *reader, n *yaml.Node, path string, s *Stage) {
			s.From = r.day(n, path)
		}},
		{"policy", "The policy from that day on.", choiceForm(policyNames()...), func(r *reader, n *yaml.Node, path string, s *Stage) { s.Policy = r.policy(n, path) }},
	}
}

func spfKeys() []key[SPF] {
	return []key[SPF]{
		{"all", "What becomes of everybody else: ~all or -all.", choiceForm("~all", "-all"), func(r *reader, n *yaml.Node, path string, s *SPF) {
			if text, ok := r.choice(n, path, "end of an SPF record", []string{"~all", "-all"}); ok {
				s.All = spf.Qualifier(text[0])
			}
		}},
		{"also", "Further mechanisms, such as ip4:192.0.2.80 or include:_spf.example.net.", manyForm(textForm("include:_spf.example.net")), func(r *reader, n *yaml.Node, path string, s *SPF) { s.Also = r.mechanisms(n, path) }},
	}
}

func modeNames() []string { return []string{"off", string(mtasts.Testing), string(mtasts.Enforce)} }

func mtastsKeys() []key[MTASTS] {
	return []key[MTASTS]{
		{"mode", "off, testing or enforce. Begin with testing.", choiceForm(modeNames()...), func(r *reader, n *yaml.Node, path string, m *MTASTS) { m.Mode = r.mode(n, path) }},
		{"host", "The web server that serves the policy, if not the first mail host.", textForm("www.example.com"), func(r *reader, n *yaml.Node, path string, m *MTASTS) { m.Host, _ = r.name(n, path) }},
		{"max-age", "How long senders keep the policy: 14d if left out.", eitherForm(form{"type": "integer", "minimum": 86400, "maximum": mtasts.MaxAge}, patternForm(durations, "14d")), func(r *reader, n *yaml.Node, path string, m *MTASTS) {
			m.MaxAge = r.duration(n, path, 24*time.Hour, mtasts.MaxAge*time.Second)
		}},
		{"id", "The id of the record, which must change with the policy. Made of the policy if left out, so that it does.", patternForm(`^[A-Za-z0-9]{1,32}$`), func(r *reader, n *yaml.Node, path string, m *MTASTS) {
			if text, ok := r.text(n, path); ok && (!isWord(text, "") || len(text) > 32) {
				r.wrong(n, path, "%.40q is not 1 to 32 letters and digits (RFC 8461, 3.1)", text)
			} else if ok {
				m.ID = text
			}
		}},
	}
}

func caaKeys() []key[CAA] {
	return []key[CAA]{
		{"issue", "Who may issue certificates, by the identifiers of the authorities; none for nobody.", manyForm(textForm("letsencrypt.org")), func(r *reader, n *yaml.Node, path string, c *CAA) { c.Issue = r.authorities(n, path) }},
		{"issuewild", "Who may issue wildcard certificates, if others; none for nobody.", manyForm(textForm("letsencrypt.org")), func(r *reader, n *yaml.Node, path string, c *CAA) { c.IssueWild = r.authorities(n, path) }},
		{"iodef", "Where authorities report requests that they refuse: mailto:… or https://….", patternForm(`^(mailto:|https?://)[!-~]+$`, "mailto:security@example.com"), func(r *reader, n *yaml.Node, path string, c *CAA) { c.Iodef = r.iodef(n, path) }},
	}
}

func keyKeys() []key[Key] {
	return []key[Key]{
		{"key", "The record, or the base64 of the public key.", textForm(), func(r *reader, n *yaml.Node, path string, k *Key) {
			if text, ok := r.text(n, path); ok {
				k.Record = r.publicKey(n, path, text, false)
			}
		}},
		{"file", "A file with the key: PEM, the record, or what opendkim-genkey writes. Of a private key, the public one is taken. Relative to this file.", textForm("dkim/mail.txt"), func(r *reader, n *yaml.Node, path string, k *Key) { r.keyFile(n, path, k) }},
		{"revoked", "Withdraw the key: publish the selector with an empty p (RFC 6376, 3.6.1).", switchForm(), func(r *reader, n *yaml.Node, path string, k *Key) { k.Revoked = r.onOff(n, path) == On }},
	}
}
