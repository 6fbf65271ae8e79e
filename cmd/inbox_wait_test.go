package cmd

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// TestStrangers: clients that bring nothing are told of, and not without end.
func TestStrangers(t *testing.T) {
	var errs bytes.Buffer
	m := &testMailbox{ended: make(chan *smtpd.Session)}
	w := (&app{err: &errs, env: func(string) string { return "" }}).waiting(m, 1)
	s := &smtpd.Session{Remote: netip.MustParseAddrPort("192.0.2.1:25"), HELO: "scanner\x1b[31m"}
	m.ended <- &smtpd.Session{Accepted: 1}
	m.ended <- &smtpd.Session{Remote: s.Remote, Noted: []smtpd.Note{{Kind: smtpd.HandshakeFailed, Detail: "EOF"}, {Kind: smtpd.TimedOut}}}
	for range 30 {
		m.ended <- s
	}
	w.stop()
	lines := strings.Split(strings.TrimSuffix(errs.String(), "\n"), "\n")
	if len(lines) != 21 || lines[0] != `192.0.2.1 came and brought no mail: the TLS handshake failed ("EOF"), it was too slow.` ||
		lines[1] != `192.0.2.1 ("scanner\x1b[31m") came and brought no mail: it ended the session.` || lines[20] != "More clients that bring nothing are not told of." {
		t.Errorf("%d lines:\n%s", len(lines), errs.String())
	}
}
