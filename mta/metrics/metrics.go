// Package metrics counts what a mail server does, in Prometheus' form, and says
// whether it is fit to do it.
//
// It is fed by the hooks of mta, queue and smtpd, and asks the queue and the disk
// when it is read. Labels have values of ours only: what comes from the network
// (domains, addresses, texts) is never one, so that nobody outside can make the
// number of time series grow. Docs lists what there is.
package metrics

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/maildoctor/maildoctor/mta/control"
	"github.com/maildoctor/maildoctor/mta/queue"
)

// Metrics are those of one server. They are safe for concurrent use.
type Metrics struct {
	set
	registry *prometheus.Registry
	host     atomic.Pointer[Host]

	sessions, accepted, refused, delivered, deferred, failed atomic.Uint64

	dnsSilent atomic.Int64 // questions since the last one that a server answered

	mu    sync.Mutex
	found Readiness // last
	until time.Time // that it counts
}

// A Host is what the gauges and the readiness are about.
type Host struct {
	Queue    *queue.Queue
	Sessions func() int // that are open; nil: not told
	SpoolDir string
	MinFree  uint64                // octets; below that no mail is taken
	Certs    func() []control.Cert // that are shown to clients; nil or none: STARTTLS is not offered
	Now      func() time.Time      // nil: time.Now
}

// New makes the metrics of a server of that version.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.set = newSet(m.registry, version)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), (*gauges)(m))
	return m
}

// Watch has the gauges and the readiness tell of a server, from when it is open.
func (m *Metrics) Watch(h Host) {
	if h.Now == nil {
		h.Now = time.Now
	}
	m.host.Store(&h)
}

// Counts is what was counted, in short.
func (m *Metrics) Counts() control.Counts {
	return control.Counts{
		Sessions: m.sessions.Load(), Accepted: m.accepted.Load(), Refused: m.refused.Load(),
		Delivered: m.delivered.Load(), Deferred: m.deferred.Load(), Failed: m.failed.Load(),
	}
}
