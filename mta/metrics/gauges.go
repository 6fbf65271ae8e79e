package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/maildoctor/maildoctor/mta/disk"
)

// gauges are asked for when they are read.
type gauges Metrics

// A gauge is one of them.
type gauge struct {
	name, help string
	labels     []string
}

var gaugeTable = struct{ sessions, messages, delivering, bytes, oldest, free, minFree, cert gauge }{
	sessions:   gauge{"smtp_sessions_open", "SMTP sessions that are open.", nil},
	messages:   gauge{"queue_messages", "Messages that wait: queued (not tried yet), deferred (tried), held.", []string{"state"}},
	delivering: gauge{"queue_deliveries", "Transactions under way.", nil},
	bytes:      gauge{"queue_bytes", "Octets of the messages in the queue.", nil},
	oldest:     gauge{"queue_oldest_age_seconds", "Age of the oldest message in the queue; 0: there is none.", nil},
	free:       gauge{"spool_free_bytes", "Octets that may still be written to the disk of the spool.", nil},
	minFree:    gauge{"spool_min_free_bytes", "Below that many free octets no mail is taken.", nil},
	cert:       gauge{"certificate_not_after_timestamp_seconds", "When a certificate that clients are shown ends, by its first name.", []string{"name"}},
}

func allGauges() []gauge {
	t := gaugeTable
	return []gauge{t.sessions, t.messages, t.delivering, t.bytes, t.oldest, t.free, t.minFree, t.cert}
}

func gaugeDocs() []Doc {
	var docs []Doc
	for _, g := range allGauges() {
		docs = append(docs, Doc{prefix + g.name, "gauge", g.labels, g.help})
	}
	return docs
}

func (g gauge) desc() *prometheus.Desc {
	return prometheus.NewDesc(prefix+g.name, g.help, g.labels, nil)
}

func (g gauge) is(ch chan<- prometheus.Metric, value float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(g.desc(), prometheus.GaugeValue, value, labels...)
}

// Describe implements [prometheus.Collector].
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, one := range allGauges() {
		ch <- one.desc()
	}
}

// maxCerts bounds the series of certificates.
const maxCerts = 100

// Collect implements [prometheus.Collector]. Before Watch there is nothing to tell.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	h := g.host.Load()
	if h == nil {
		return
	}
	t := gaugeTable
	if h.Sessions != nil {
		t.sessions.is(ch, float64(h.Sessions()))
	}
	if h.Queue != nil {
		q := h.Queue.Stats()
		t.messages.is(ch, float64(q.Messages-q.Deferred-q.Held), "queued")
		t.messages.is(ch, float64(q.Deferred), "deferred")
		t.messages.is(ch, float64(q.Held), "held")
		t.delivering.is(ch, float64(q.Delivering))
		t.bytes.is(ch, float64(q.Octets))
		age := 0.0
		if !q.Oldest.IsZero() {
			age = max(0, h.Now().Sub(q.Oldest).Seconds())
		}
		t.oldest.is(ch, age)
	}
	if free, err := (disk.OS{}).Free(h.SpoolDir); err == nil {
		t.free.is(ch, float64(free))
	}
	t.minFree.is(ch, float64(h.MinFree))
	seen := map[string]bool{}
	for _, c := range h.certs() {
		if len(c.Names) == 0 || c.NotAfter.IsZero() || seen[c.Names[0]] || len(seen) == maxCerts {
			continue
		}
		seen[c.Names[0]] = true
		t.cert.is(ch, float64(c.NotAfter.Unix()), c.Names[0])
	}
}
