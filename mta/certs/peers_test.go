package certs

import (
	"bytes"
	"crypto/elliptic"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/maildoctor/maildoctor/peertest"
)

// pebble runs Let's Encrypt's test server, which validates as the real one does, and
// refuses every third nonce. Its certificates are good for so many seconds. It is no
// package of Debian, so that nobody is asked to have it.
func pebble(t *testing.T, seconds int) Authority {
	t.Helper()
	program, err := exec.LookPath("pebble")
	if err != nil {
		t.Skip("pebble is not in PATH: go install github.com/letsencrypt/pebble/v2/cmd/pebble@latest")
	}
	a, dir := newAuthority(t), t.TempDir()
	key := ec(t, elliptic.P256())
	web := a.pair(dir, "web", key, a.issue(key, "localhost"), a.between)
	listen := peertest.Address(t)
	by := Authority{Directory: "https://localhost:" + port(listen) + "/dir", Roots: a.roots(), Agreed: true, Email: "ann@example.org", HTTP: peertest.Address(t), ALPN: peertest.Address(t)}
	config, _ := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": listen, "managementListenAddress": peertest.Address(t), "certificate": web.Cert, "privateKey": web.Key,
		"httpPort": number(port(by.HTTP)), "tlsPort": number(port(by.ALPN)), "keyAlgorithm": "ecdsa",
		"retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles":   map[string]any{"default": map[string]any{"description": "test", "validityPeriod": seconds}},
	}})
	file := filepath.Join(dir, "pebble.json")
	peertest.Write(t, file, string(config))
	cmd := exec.Command(program, "-config", file, "-dnsserver", loopbackDNS(t))
	cmd.Env = append(cmd.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=33", "PEBBLE_AUTHZREUSE=0")
	peertest.Start(t, cmd, peertest.Listens(listen))
	return by
}

func port(address string) string {
	return netip.MustParseAddrPort(address).String()[len("127.0.0.1:"):]
}

func number(text string) int { n, _ := strconv.Atoi(text); return n }

// loopbackDNS answers, over TCP as pebble asks, that every host is 127.0.0.1.
func loopbackDNS(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for size := make([]byte, 2); ; {
					if _, err := io.ReadFull(conn, size); err != nil {
						return
					}
					question := make([]byte, binary.BigEndian.Uint16(size))
					if _, err := io.ReadFull(conn, question); err != nil {
						return
					}
					raw := loopbackAnswer(question)
					conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...))
				}
			}()
		}
	}()
	return l.Addr().String()
}

func loopbackAnswer(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	answer := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions}
	if q.Type == dnsmessage.TypeA {
		answer.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	raw, _ := answer.Pack()
	return raw
}

// TestPeersPebble has certificates issued by either challenge and by both, for two
// hosts, with a key that stays; when the authority is gone, they are served from the
// disk.
func TestPeersPebble(t *testing.T) {
	given := pebble(t, 90*24*3600)
	for name, change := range map[string]func(*Authority){
		"both":        func(*Authority) {},
		"HTTP-01":     func(a *Authority) { a.ALPN = "" },
		"TLS-ALPN-01": func(a *Authority) { a.HTTP = "" },
	} {
		t.Run(name, func(t *testing.T) {
			by, log := given, newTeller()
			by.Dir, by.KeepKey = filepath.Join(t.TempDir(), "acme"), true
			change(&by)
			o := Options{Hosts: []string{"mail.example.org", "mx.example.net"}, Log: log.logger()}
			s, err := ACME(o, by)
			if err != nil {
				t.Fatal(err)
			}
			own := s.Status()[2]
			log.until(t, func() bool { return len(s.Status()) == 2 })
			list := s.Status()
			for i, host := range o.Hosts {
				c := list[i]
				if !c.Served || c.Err != nil || len(c.Names) != 1 || c.Names[0] != host || len(c.Problems) > 0 || c.Loaded.IsZero() {
					t.Errorf("%+v", c)
				}
				if !bytes.Equal(c.SPKI, own.SPKI) || !bytes.Equal(c.Next, own.SPKI) {
					t.Errorf("%s: the key did not stay: %x, %x, %x", host, own.SPKI, c.SPKI, c.Next)
				}
				if leaf := shown(t, s.TLS(), &tls.Config{ServerName: host}); leaf.VerifyHostname(host) != nil || leaf.Issuer.String() == leaf.Subject.String() {
					t.Error(leaf.DNSNames, leaf.Issuer)
				}
			}
			s.Close()
			again, err := ACME(o, by)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			for i, c := range again.Status() { // at once, from the disk
				if i > 1 || !c.Served || c.NotBefore != list[i].NotBefore {
					t.Errorf("%+v", c)
				}
			}
		})
	}
}
