package desired

import (
	"strconv"
	"time"
)

// mta writes the section of the mail server.
func (w *writer) mta(m MTA) {
	if zero(m) {
		w.line(0, "mta", "{}")
		return
	}
	w.section("mta", fileKeys())
	w.ifSaid(1, "hostname", quote(display(m.Hostname)))
	w.ifSaid(1, "state", quote(m.State))
	if l := m.Listen; !zero(l) {
		explain(w, 1, "listen", mtaKeys())
		w.open(1, "listen")
		w.ifSaid(2, "mx", list(l.MX))
		w.ifSaid(2, "submission", list(l.Submission))
		w.ifSaid(2, "submissions", list(l.Submissions))
	}
	w.certs(m)
	w.said(1, "mailboxes", list(m.Mailboxes))
	if len(m.Aliases) > 0 {
		explain(w, 1, "aliases", mtaKeys())
		w.open(1, "aliases")
		for _, a := range m.Aliases {
			w.line(2, quote(a.Name), quote(a.To))
		}
	}
	w.users(m.Users)
	w.said(1, "dmarc", m.DMARC)
	w.said(1, "test-mailbox", m.TestMailbox.yaml())
	w.relays(m.Relays)
	w.routes(m.Routes)
	w.warmUp(m.WarmUp)
	w.limits(m.Limits)
	w.said(1, "metrics", quote(m.Metrics))
}

// said writes a key of the section, and what it is for, if it was said.
func (w *writer) said(depth int, name, value string) {
	if value != "" && value != "[]" {
		explain(w, depth, name, mtaKeys())
		w.line(depth, name, value)
	}
}

func (w *writer) certs(m MTA) {
	if len(m.Certs) == 0 && m.ACME == nil {
		return
	}
	explain(w, 1, "tls", mtaKeys())
	w.open(1, "tls")
	if a := m.ACME; a != nil {
		if *a == (ACME{}) {
			w.line(2, "acme", "{}")
			return
		}
		w.open(2, "acme")
		w.ifSaid(3, "email", quote(a.Email))
		w.ifSaid(3, "directory", quote(a.Directory))
		w.ifSaid(3, "http", quote(a.HTTP))
		w.ifSaid(3, "alpn", quote(a.ALPN))
		if x := a.External; x != (ExternalAccount{}) {
			w.line(3, "external-account", "{key-id: "+quote(x.KeyID)+", key-file: "+quote(x.KeyFile)+"}")
		}
		return
	}
	for _, c := range m.Certs {
		w.indent(2)
		w.b.WriteString("- {cert: " + quote(c.Cert) + ", key: " + quote(c.Key) + "}\n")
	}
}

func (w *writer) users(users []User) {
	if len(users) == 0 {
		return
	}
	explain(w, 1, "users", mtaKeys())
	w.open(1, "users")
	for _, u := range users {
		w.open(2, quote(u.Name))
		w.ifSaid(3, "password-file", quote(u.PasswordFile))
		w.ifSaid(3, "password-hash", quote(u.PasswordHash))
		w.ifSaid(3, "send-as", list(u.SendAs))
	}
}

func (w *writer) relays(relays []Relay) {
	if len(relays) == 0 {
		return
	}
	explain(w, 1, "relays", mtaKeys())
	w.open(1, "relays")
	for _, v := range relays {
		w.open(2, quote(v.Name))
		w.line(3, "host", quote(v.Host))
		w.ifSaid(3, "port", number(v.Port))
		w.ifSaid(3, "tls", v.TLS)
		w.ifSaid(3, "user", quote(v.User))
		w.ifSaid(3, "password-file", quote(v.PasswordFile))
	}
}

func (w *writer) routes(routes []Route) {
	if len(routes) == 0 {
		return
	}
	explain(w, 1, "routes", mtaKeys())
	w.open(1, "routes")
	for _, v := range routes {
		begin := "- {"
		say := func(name, value string) {
			if value != "" && value != "[]" {
				w.b.WriteString(begin + name + ": " + value)
				begin = ", "
			}
		}
		w.indent(2)
		say("to", list(v.To))
		say("provider", quote(v.Provider))
		say("via", quote(v.Via))
		say("fallback", quote(v.Fallback))
		say("after", number(v.After))
		say("on-block", v.OnBlock.yaml())
		w.b.WriteString("}\n")
	}
}

func (w *writer) warmUp(v *WarmUp) {
	if v == nil {
		return
	}
	explain(w, 1, "warm-up", mtaKeys())
	w.open(1, "warm-up")
	w.line(2, "start", v.Start.Format(time.DateOnly))
	w.line(2, "first", number(v.First))
	w.line(2, "last", number(v.Last))
	w.line(2, "factor", strconv.FormatFloat(v.Factor, 'g', -1, 64))
}

func (w *writer) limits(l MTALimits) {
	if zero(l) {
		return
	}
	explain(w, 1, "limits", mtaKeys())
	w.open(1, "limits")
	w.ifSaid(2, "message", sized(l.Message))
	w.ifSaid(2, "recipients", number(l.Recipients))
	w.ifSaid(2, "sessions", number(l.Sessions))
	w.ifSaid(2, "per-client", number(l.PerClient))
	w.ifSaid(2, "per-minute", number(l.PerMinute))
	w.ifSaid(2, "queue", number(l.Queue))
	w.ifSaid(2, "queue-size", sized(l.QueueSize))
	w.ifSaid(2, "free", sized(l.Free))
	w.ifSaid(2, "mailbox", sized(l.Mailbox))
	w.ifSaid(2, "give-up", age(l.GiveUp))
	w.ifSaid(2, "delay-notice", age(l.DelayNotice))
}

// number is empty for 0, which nobody said.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func sized(octets int64) string {
	if octets == 0 {
		return ""
	}
	return writeSize(octets)
}
