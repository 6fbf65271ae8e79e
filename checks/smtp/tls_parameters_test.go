package smtp

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/probe"
)

// TestWeaknesses: what a handshake ended with is rated as NCSC-NL does.
func TestWeaknesses(t *testing.T) {
	const insufficient, phaseOut = "NCSC-NL: insufficient", "NCSC-NL: to be phased out"
	for _, test := range []struct {
		version, suite uint16
		level, why     string // empty: nothing weak
	}{
		{tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, "", ""},
		{tls.VersionTLS13, tls.TLS_CHACHA20_POLY1305_SHA256, "", ""},
		{tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "", ""},
		{tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "", ""},
		{tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, phaseOut, "CBC, and no AEAD"},
		{tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, insufficient, "CBC with SHA-1"},
		{tls.VersionTLS12, tls.TLS_RSA_WITH_AES_256_GCM_SHA384, insufficient, "no forward secrecy, the key exchange is by RSA"},
		{tls.VersionTLS12, tls.TLS_RSA_WITH_AES_128_CBC_SHA256, insufficient, "no forward secrecy, the key exchange is by RSA; CBC, and no AEAD"},
		{tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, insufficient, "3DES has blocks of 64 bits"},
		{tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA, insufficient, "RC4 is broken"},
		{tls.VersionTLS10, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "", ""}, // nothing better there
		{tls.VersionTLS10, tls.TLS_RSA_WITH_AES_128_CBC_SHA, insufficient, "no forward secrecy, the key exchange is by RSA"},
		{tls.VersionTLS11, tls.TLS_RSA_WITH_RC4_128_SHA, insufficient, "no forward secrecy, the key exchange is by RSA; RC4 is broken"},
	} {
		level, why := weaknesses(&probe.TLS{Version: test.version, Cipher: test.suite, MasterSecret: true})
		if len(why) == 0 {
			level = ""
		}
		if got := strings.Join(why, "; "); got != test.why || level != test.level {
			t.Errorf("%s: %q (%s), want %q (%s)", tls.CipherSuiteName(test.suite), got, level, test.why, test.level)
		}
	}
	if _, why := weaknesses(&probe.TLS{Version: tls.VersionTLS12, Cipher: tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}); len(why) != 1 || why[0] != "no extended master secret" {
		t.Errorf("without an extended master secret: %q", why)
	}
}

func TestAboutLineEnds(t *testing.T) {
	for said, want := range map[string]bool{
		"521 5.5.2 mx.example.org Error: bare <LF> received":                                         true,
		"550 5.5.2 mx.example.org Error: bare <LF> received":                                         true,
		"451 See http://pobox.com/~djb/docs/smtplf.html.":                                            true,
		"550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds":               true,
		"501 5.5.0 Unexpected line break":                                                            true,
		"500 syntax error":                                                                           true,
		"554 5.7.1 Spam message rejected":                                                            false,
		"550 5.7.1 Message rejected due to local policy":                                             false,
		"552 5.3.4 message size exceeds fixed limit":                                                 false,
		"451 4.7.1 Greylisted, please try again in 300 seconds":                                      false,
		"554 5.6.0 Message has a header without Date":                                                false,
		"550 5.7.1 This message does not meet IPv6 sending guidelines regarding PTR records":         false,
		"550 5.7.26 This mail has been blocked because the sender is unauthenticated. CRLF smuggled": true,
	} {
		code := int(said[0]-'0')*100 + int(said[1]-'0')*10 + int(said[2]-'0')
		if got := aboutLineEnds(probe.Reply{Code: code, Lines: []string{said}}); got != want {
			t.Errorf("%q: %t", said, got)
		}
	}
}
