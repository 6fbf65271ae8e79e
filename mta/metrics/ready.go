package metrics

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/maildoctor/maildoctor/mta/control"
	"github.com/maildoctor/maildoctor/mta/disk"
)

// Readiness says whether a server is fit to take and deliver mail.
type Readiness struct {
	Ready  bool    `json:"ready"`
	Checks []Check `json:"checks"`
}

// A Check is one condition.
type Check struct {
	Name string `json:"name"` // "spool", "disk", "certificate", "queue", "dns"
	OK   bool   `json:"ok"`
	Text string `json:"text"` // what was found
}

// fresh is how long a readiness counts: who asks often does not write to the disk
// each time.
const fresh = 2 * time.Second

// Ready says whether the server is fit now.
func (m *Metrics) Ready() Readiness {
	h := m.host.Load()
	if h == nil {
		return Readiness{Checks: []Check{{"server", false, "it has not been opened yet"}}}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := h.Now(); now.Before(m.until) && now.After(m.until.Add(-fresh)) {
		return m.found
	}
	r := Readiness{Ready: true, Checks: []Check{h.spool(), h.disk(), h.certificate(), h.queue(), m.dns()}}
	for _, c := range r.Checks {
		r.Ready = r.Ready && c.OK
	}
	m.found, m.until = r, h.Now().Add(fresh)
	return r
}

// probeName is the file by which it is tried whether the spool can be written.
const probeName = "ready.probe"

func (h *Host) spool() Check {
	name := filepath.Join(h.SpoolDir, probeName)
	err := os.WriteFile(name, []byte("x"), 0o600)
	if err = errors.Join(err, disk.Gone(os.Remove(name))); err != nil {
		return Check{"spool", false, "it cannot be written: " + err.Error()}
	}
	return Check{"spool", true, "it can be written"}
}

func (h *Host) disk() Check {
	free, err := disk.OS{}.Free(h.SpoolDir)
	if err != nil {
		return Check{"disk", false, err.Error()}
	}
	text := fmt.Sprintf("%d MiB are free; below %d no mail is taken", free>>20, h.MinFree>>20)
	return Check{"disk", free >= h.MinFree, text}
}

func (h *Host) certs() []control.Cert {
	if h.Certs == nil {
		return nil
	}
	return h.Certs()
}

// certificate wants that every certificate is there and has not ended: a client
// whose name has none finds the others no use.
func (h *Host) certificate() Check {
	certs, now := h.certs(), h.Now()
	if len(certs) == 0 {
		return Check{"certificate", true, "none is configured; STARTTLS is not offered"}
	}
	var soonest time.Time
	for _, c := range certs {
		name := "a certificate"
		if len(c.Names) > 0 {
			name = "the certificate of " + c.Names[0]
		}
		switch {
		case c.NotAfter.IsZero():
			return Check{"certificate", false, name + " is not there: " + c.Error}
		case !now.Before(c.NotAfter):
			return Check{"certificate", false, name + " ended " + c.NotAfter.UTC().Format(time.RFC3339)}
		case soonest.IsZero() || c.NotAfter.Before(soonest):
			soonest = c.NotAfter
		}
	}
	return Check{"certificate", true, "valid until " + soonest.UTC().Format(time.RFC3339)}
}

func (h *Host) queue() Check {
	switch {
	case h.Queue == nil:
		return Check{"queue", false, "there is none"}
	case !h.Queue.Stats().Running:
		return Check{"queue", false, "it stands still: the server is stopping"}
	}
	return Check{"queue", true, "it runs"}
}

// silent is how many questions in a row no DNS server has to answer before that is
// no accident. None is asked for this.
const silent = 10

func (m *Metrics) dns() Check {
	if n := m.dnsSilent.Load(); n >= silent {
		return Check{"dns", false, fmt.Sprintf("no server has answered the last %d questions", n)}
	}
	return Check{"dns", true, "the last questions were answered, or none was asked"}
}
