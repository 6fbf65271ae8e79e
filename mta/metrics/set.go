package metrics

import (
	"runtime"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// A set is the metrics that count; gauges are asked for when they are read.
type set struct {
	docs []Doc

	sessionsEnded *prometheus.CounterVec
	sessionTime   *prometheus.HistogramVec
	tlsIn         *prometheus.CounterVec
	notes         *prometheus.CounterVec
	taken         *prometheus.CounterVec
	refusals      *prometheus.CounterVec

	auth      *prometheus.CounterVec
	fates     *prometheus.CounterVec
	mailboxes *prometheus.CounterVec

	outcomes    *prometheus.CounterVec
	reasons     *prometheus.CounterVec
	attemptTime *prometheus.HistogramVec
	tlsOut      *prometheus.CounterVec

	events *prometheus.CounterVec
	inTime *prometheus.HistogramVec

	dnsTime    *prometheus.HistogramVec
	dnsResults *prometheus.CounterVec
}

// A Doc says what a metric is.
type Doc struct {
	Name   string
	Kind   string // "counter", "gauge", "histogram"
	Labels []string
	Help   string
}

// Docs is all metrics but those of Go and of the process, by their names.
func Docs() []Doc {
	s := newSet(prometheus.NewRegistry(), "")
	docs := append(s.docs, gaugeDocs()...)
	slices.SortFunc(docs, func(a, b Doc) int { return strings.Compare(a.Name, b.Name) })
	return docs
}

// Buckets, in seconds.
var (
	ofDialogue = []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1200}
	ofWaiting  = []float64{1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 48 * 3600, 5 * 24 * 3600}
	ofDNS      = []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
)

func newSet(r prometheus.Registerer, version string) set {
	var s set
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
		r.MustRegister(c)
		s.docs = append(s.docs, Doc{prefix + name, "counter", labels, help})
		return c
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: buckets}, labels)
		r.MustRegister(h)
		s.docs = append(s.docs, Doc{prefix + name, "histogram", labels, help})
		return h
	}
	s.sessionsEnded = counter("smtp_sessions_total", "SMTP sessions by how they ended: quit, vanished (without QUIT), timed-out, no-handshake (of TLS).", "port", "end")
	s.sessionTime = histogram("smtp_session_duration_seconds", "How long SMTP sessions lasted.", ofDialogue, "port")
	s.tlsIn = counter("smtp_tls_sessions_total", "SMTP sessions by the version of TLS at their end; none: in clear.", "port", "version")
	s.notes = counter("smtp_noted_sessions_total", "SMTP sessions in which a fault or habit of the client was noted, such as early-talk or bare-lf.", "note")
	s.taken = counter("smtp_messages_accepted_total", "Messages that were answered with 250.", "port")
	s.refusals = counter("smtp_refusals_total", "Connections, recipients and messages that were refused, by the class of the reason; kind: temporary (4xx) or permanent (5xx).", "port", "stage", "class", "kind")

	s.auth = counter("auth_results_total", "Results of authentication of mail from outside: spf (of MAIL FROM), helo (SPF of HELO), iprev, dkim (each signature; none where there is none), arc, dmarc.", "method", "result")
	s.fates = counter("dmarc_fates_total", "What DMARC asks for mail from outside: delivered, quarantined, rejected, open (it cannot be told).", "fate")
	s.mailboxes = counter("mailbox_messages_total", "Messages that were put into mailboxes here, by folder: inbox or junk.", "folder")

	s.outcomes = counter("delivery_results_total", "Attempts to deliver to one recipient elsewhere, by who receives (large receivers by name, others as other), way (direct, relay) and outcome: delivered, temporary, permanent, maybe (no reply to the final dot).", "provider", "way", "outcome")
	s.reasons = counter("delivery_refusals_total", "Attempts to deliver that a host refused, by what its reply means: blocked, throttled, greylisted, authentication, encryption, content, recipient, policy, busy, client, unknown.", "provider", "reason")
	s.attemptTime = histogram("delivery_attempt_duration_seconds", "How long attempts to deliver took, DNS included.", ofDialogue)
	s.tlsOut = counter("delivery_tls_sessions_total", "Conversations with receiving hosts by the version of TLS (none: in clear) and what asked for it.", "version", "policy")

	s.events = counter("queue_events_total", "What happened in the queue: queued, deferred, delivered, failed, told (the sender), removed, down (a destination cannot be reached), trouble (with the disk here).", "event")
	s.inTime = histogram("queue_time_seconds", "Time from acceptance to the end for one recipient, by outcome: delivered, failed.", ofWaiting, "outcome")

	s.dnsTime = histogram("dns_question_duration_seconds", "How long questions to the DNS took, by what they were for: judge, deliver.", ofDNS, "for")
	s.dnsResults = counter("dns_questions_total", "Questions to the DNS by what became of them: answered, timeout, servfail, refused, lame, malformed, unreachable, budget (too many for one message), canceled, invalid (no name that can be asked), other.", "for", "result")

	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + "build_info", Help: "Always 1; the labels tell which program runs."}, []string{"version", "go"})
	r.MustRegister(build)
	s.docs = append(s.docs, Doc{prefix + "build_info", "gauge", []string{"version", "go"}, "Always 1; the labels tell which program runs."})
	build.WithLabelValues(version, runtime.Version()).Set(1)
	s.begin()
	return s
}

const prefix = "maildoctor_"

// begin has what alerts ask for be there from the start, with 0: a counter that
// comes up with 1 shows no increase.
func (s *set) begin() {
	for _, event := range []string{"queued", "deferred", "delivered", "failed", "told", "removed", "down", "trouble"} {
		s.events.WithLabelValues(event)
	}
	for _, port := range []string{"mx", "submission", "submissions"} {
		s.taken.WithLabelValues(port)
	}
	for _, outcome := range []string{"delivered", "failed"} {
		s.inTime.WithLabelValues(outcome)
	}
	s.attemptTime.WithLabelValues()
}
