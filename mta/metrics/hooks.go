package metrics

import (
	"crypto/tls"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
	"github.com/maildoctor/maildoctor/resolve"
)

// Ended counts a session; it is for [smtpd.Config].Ended.
func (m *Metrics) Ended(s *smtpd.Session) {
	m.sessions.Add(1)
	port := s.Port.String()
	end := "quit"
	switch {
	case s.Has(smtpd.HandshakeFailed):
		end = "no-handshake"
	case s.Has(smtpd.TimedOut):
		end = "timed-out"
	case s.Has(smtpd.Vanished):
		end = "vanished"
	}
	m.sessionsEnded.WithLabelValues(port, end).Inc()
	m.sessionTime.WithLabelValues(port).Observe(time.Since(s.Started).Seconds())
	version := "none"
	if s.TLS.Used {
		version = s.TLS.Version // of crypto/tls, so one of few
	}
	m.tlsIn.WithLabelValues(port, version).Inc()
	var counted []smtpd.NoteKind
	for _, n := range s.Noted {
		if !slices.Contains(counted, n.Kind) {
			counted = append(counted, n.Kind)
			m.notes.WithLabelValues(string(n.Kind)).Inc()
		}
	}
}

// Answered counts messages and refusals; it is for [smtpd.Config].Answered.
func (m *Metrics) Answered(port smtpd.Port, at smtpd.Stage, r smtpd.Reply) {
	if r.Code/100 == 2 {
		m.accepted.Add(1)
		m.taken.WithLabelValues(port.String()).Inc()
		return
	}
	if at == smtpd.AtMessage {
		m.refused.Add(1)
	}
	kind := "permanent"
	if r.Temporary() {
		kind = "temporary"
	}
	m.refusals.WithLabelValues(port.String(), string(at), classOf(r), kind).Inc()
}

// classes are the reasons for which the server refuses, by enhanced status code
// (RFC 3463; RFC 7372, 3; RFC 7505).
var classes = map[string]string{
	"5.7.26": "dmarc", "5.7.25": "iprev", "5.7.23": "spf", "5.7.20": "dkim", "5.7.1": "not-allowed", "5.7.0": "login", "5.7.8": "login",
	"5.1.1": "no-mailbox", "5.1.3": "bad-address", "5.1.2": "bad-address", "4.2.2": "mailbox-full", "5.2.2": "mailbox-full",
	"5.6.11": "line-ends", "5.6.0": "header", "5.3.4": "size", "4.3.1": "spool-full", "5.4.6": "loop", "4.4.2": "slow",
	"4.5.3": "recipients", "5.5.3": "recipients", "4.7.0": "rate", "4.3.2": "busy", "4.3.0": "trouble", "4.4.3": "dns", "4.7.24": "spf",
	"5.7.27": "null-mx", "5.6.7": "utf8",
}

func classOf(r smtpd.Reply) string {
	if class, ok := classes[r.Status]; ok {
		return class
	}
	return "other"
}

// Judged counts the authentication of a message; it is for [mta.Options].Judged.
func (m *Metrics) Judged(_ *smtpd.Mail, j judge.Judgement) {
	count := func(method, result string) {
		if result == "" {
			result = "none"
		}
		m.auth.WithLabelValues(method, result).Inc()
	}
	count("spf", string(j.MailFrom.Code))
	count("helo", string(j.HELO.Code))
	count("iprev", j.IPRev.Code)
	for _, v := range j.DKIM {
		count("dkim", string(v.Code))
	}
	if len(j.DKIM) == 0 {
		count("dkim", "none")
	}
	count("arc", string(j.ARC.Status))
	count("dmarc", string(j.DMARC.RFC9989.Code))
	m.fates.WithLabelValues(string(j.Fate)).Inc()
}

// Arrived counts a message in a mailbox; it is for [mta.Options].Arrived.
func (m *Metrics) Arrived(a mta.Arrival) {
	folder := "inbox"
	if a.Folder == mta.Junk {
		folder = "junk"
	}
	m.mailboxes.WithLabelValues(folder).Inc()
}

// Attempted counts an attempt to deliver; it is for [mta.Options].Attempted.
func (m *Metrics) Attempted(_ spool.Envelope, r deliver.Report) {
	provider := providerOf(r.Provider)
	for _, result := range r.Results {
		way, outcome := "direct", result.Status.String()
		if result.Via != "" {
			way = "relay"
		}
		if result.Maybe {
			outcome = "maybe"
		}
		m.outcomes.WithLabelValues(provider, way, outcome).Inc()
		if result.Status != deliver.Delivered && result.Said {
			reason := result.Meaning.Kind.String()
			if reason == "" {
				reason = "unknown"
			}
			m.reasons.WithLabelValues(provider, reason).Inc()
		}
	}
	m.attemptTime.WithLabelValues().Observe(r.Took.Seconds())
	for _, s := range r.Sessions {
		if !s.Greeted() || s.Before > 0 { // the latter was counted with its first message
			continue
		}
		version := "none"
		if s.TLS != nil {
			version = tlsVersion(s.TLS.Version)
		}
		m.tlsOut.WithLabelValues(version, s.Policy.Source.String()).Inc()
	}
}

// tlsVersion names a version that there is; the other side may have made one up.
func tlsVersion(v uint16) string {
	if v < tls.VersionTLS10 || v > tls.VersionTLS13 {
		return "other"
	}
	return tls.VersionName(v)
}

// providerOf is a provider as a label: of the domains of all other hosts there is no
// end.
func providerOf(name string) string {
	switch {
	case name == "":
		return "unknown"
	case slices.Contains(deliver.Providers(), name):
		return name
	}
	return "other"
}

// Observe counts what happens in the queue; it is for [queue.Options].Observe.
func (m *Metrics) Observe(e queue.Event) {
	m.events.WithLabelValues(string(e.What)).Inc()
	switch e.What {
	case queue.Sent:
		m.delivered.Add(1)
		m.inTime.WithLabelValues("delivered").Observe(waited(e))
	case queue.Bounced:
		m.failed.Add(1)
		m.inTime.WithLabelValues("failed").Observe(waited(e))
	case queue.Deferred:
		m.deferred.Add(1)
	}
}

func waited(e queue.Event) float64 { return max(0, time.Since(e.Received).Seconds()) }

// A Purpose is what the DNS is asked for.
type Purpose string

// Purposes.
const (
	ToJudge   Purpose = "judge"
	ToDeliver Purpose = "deliver"
)

// Resolver is next, with every question counted and timed.
func (m *Metrics) Resolver(next resolve.Resolver, p Purpose) resolve.Resolver {
	return resolve.NewTrace(next, func(e resolve.Event) { m.asked(p, e) })
}

// dnsFaults are the faults of the DNS as labels.
var dnsFaults = map[resolve.Kind]string{
	resolve.Timeout: "timeout", resolve.ServFail: "servfail", resolve.Refused: "refused", resolve.Lame: "lame", resolve.Malformed: "malformed",
	resolve.Unreachable: "unreachable", resolve.Budget: "budget", resolve.Canceled: "canceled", resolve.Invalid: "invalid",
}

func (m *Metrics) asked(p Purpose, e resolve.Event) {
	result, kind := "answered", resolve.KindOf(e.Err)
	if e.Err != nil {
		if result = dnsFaults[kind]; result == "" {
			result = "other"
		}
	}
	m.dnsResults.WithLabelValues(string(p), result).Inc()
	m.dnsTime.WithLabelValues(string(p)).Observe(e.Took.Seconds())
	switch kind {
	case resolve.Timeout, resolve.Unreachable:
		m.dnsSilent.Add(1)
	case resolve.Canceled, resolve.Budget, resolve.Invalid: // nothing is known of the DNS by that
	default:
		m.dnsSilent.Store(0)
	}
}
