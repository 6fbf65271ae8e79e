package client

import (
	"crypto/tls"
	"time"

	"github.com/maildoctor/maildoctor/probe"
)

// TLS is what a caller wants of a handshake. No certificate is refused in it: what
// it showed stands in the session, for the caller to go on or not before anything
// else is said.
type TLS struct {
	// Name goes into SNI, and the certificate is held against it; empty for an
	// address literal, which names nothing.
	Name string
	// Strict asks for TLS 1.2 or newer (RFC 8996, 2). Without it old versions are
	// taken, too, since what is left besides is clear text (RFC 7435, 3).
	Strict bool
}

// StartTLS asks for TLS and does the handshake (RFC 3207). What the host sent
// behind its reply in clear text is thrown away, and stands in the session as
// Injected. With an error the conversation is at its end, unless it is a reply to
// the command.
func (k *Conn) StartTLS(want TLS) *probe.Error {
	if err := k.exchange(probe.StageSTARTTLS, "STARTTLS", k.limits.Command, 220); err != nil {
		return err
	}
	return k.handshake(want, k.in.Ahead())
}

func (k *Conn) handshake(want TLS, injected []byte) *probe.Error {
	start := time.Now()
	k.allow(k.limits.TLS)
	secure := tls.Client(k.raw, k.config(want))
	err := secure.HandshakeContext(k.ctx)
	step := probe.Step{Stage: probe.StageTLS}
	if err != nil {
		k.broken = true // undefined after a failed handshake, so no QUIT either
		return k.note(step, start, k.failure(probe.StageTLS, err, k.limits.TLS))
	}
	k.session.TLS = probe.Inspect(secure.ConnectionState(), want.Name, k.client.Roots, k.now())
	k.session.TLS.Injected = injected
	k.conn, k.in = secure, probe.NewReplies(secure, 0)
	return k.note(step, start, nil)
}

func (k *Conn) config(want TLS) *tls.Config {
	config := &tls.Config{ServerName: clean(want.Name), InsecureSkipVerify: true, MinVersion: tls.VersionTLS12, Time: k.client.Now}
	if !want.Strict {
		config.MinVersion = tls.VersionTLS10
		for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			config.CipherSuites = append(config.CipherSuites, suite.ID)
		}
	}
	return config
}

func (k *Conn) now() time.Time {
	if k.client.Now == nil {
		return time.Now()
	}
	return k.client.Now()
}
