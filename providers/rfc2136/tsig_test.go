package rfc2136_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/rfc2136"
	"github.com/maildoctor/maildoctor/providers/rfc2136/primary"
	"github.com/maildoctor/maildoctor/record"
)

func parsed(t *testing.T, text string) *rfc2136.Key {
	t.Helper()
	k, err := rfc2136.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var wrongSecret = base64.StdEncoding.EncodeToString([]byte("quite another secret of 32 bytes"))

// wrongKeys are keys that do not fit, and what is said of them, by any server.
var wrongKeys = []struct{ name, key, want string }{
	{"wrong secret", "hmac-sha256:owner:" + wrongSecret, "has another secret for the key owner"},
	{"unknown key", "hmac-sha256:stranger:" + wrongSecret, "does not know a key with the name stranger and the algorithm hmac-sha256"},
	{"another algorithm", "hmac-sha512:owner:" + secretOf(owner), ""},
}

// holdsWrongKeys opens a zone with keys that do not fit. Not every server says why
// it takes no key.
func holdsWrongKeys(t *testing.T, address string, says bool) {
	for _, tt := range wrongKeys {
		t.Run(tt.name, func(t *testing.T) {
			to, err := rfc2136.Open(t.Context(), zone, rfc2136.Options{Server: address, Key: parsed(t, tt.key)})
			want := tt.want
			if !says {
				want = "does not accept the key " + record.Display(parsed(t, tt.key).Name)
			}
			if !errors.Is(err, providers.ErrDenied) || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, %v, want %q", to, err, want)
			}
			if strings.Contains(fmt.Sprint(err), wrongSecret) {
				t.Error("the secret is told")
			}
		})
	}
	for name, skew := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
		t.Run("a clock "+name, func(t *testing.T) {
			now := func() time.Time { return time.Now().Add(skew) }
			_, err := rfc2136.Open(t.Context(), zone, rfc2136.Options{Server: address, Key: keyOf(t, owner), Now: now})
			if !errors.Is(err, providers.ErrDenied) || says && (!strings.Contains(err.Error(), "BADTIME: the clocks differ by 3") || !strings.Contains(err.Error(), name)) {
				t.Error(err)
			}
		})
	}
	t.Run("clocks a little apart", func(t *testing.T) {
		now := func() time.Time { return time.Now().Add(-4 * time.Minute) }
		if _, err := rfc2136.Open(t.Context(), zone, rfc2136.Options{Server: address, Key: keyOf(t, owner), Now: now}); err != nil {
			t.Error(err)
		}
	})
}

func TestWrongKeys(t *testing.T) {
	holdsWrongKeys(t, servePrimary(t, zone, small(), rights["transfer"]).address, true)
}

// large is a zone whose transfer takes several messages.
func large(n int) []record.Record {
	records := small()
	for i := range n {
		records = append(records, record.Record{Name: fmt.Sprintf("n%d.example.org.", i), Type: "TXT", TTL: 300, Data: strings.Repeat("x", 200)})
	}
	return records
}

// A transfer of many messages is signed to the end, with every algorithm.
func TestSignedTransfer(t *testing.T) {
	for _, algorithm := range []string{"hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"} {
		t.Run(algorithm, func(t *testing.T) {
			secret := []byte("a secret of 32 octets, for any..")
			s, err := primary.New(primary.Options{Zone: zone, Records: large(1000), Keys: []primary.Key{{Name: "k", Algorithm: algorithm, Secret: secret, Rights: primary.Rights{Transfer: true}}}})
			if err != nil {
				t.Fatal(err)
			}
			address, err := s.Listen()
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			to, err := rfc2136.Open(t.Context(), zone, rfc2136.Options{Server: address, Key: parsed(t, algorithm+":k:"+base64.StdEncoding.EncodeToString(secret))})
			if err != nil {
				t.Fatal(err)
			}
			reading, err := to.Read(t.Context(), nil)
			if err != nil || !slices.Equal(record.Sorted(reading.Records), record.Sorted(s.Records())) {
				t.Errorf("%d records, %v", len(reading.Records), err)
			}
		})
	}
}

// A wire changes what comes from the server.
type wire struct {
	net.Conn
	alter func(frame []byte) []byte
	rest  []byte
}

func (w *wire) Read(p []byte) (int, error) {
	if len(w.rest) == 0 {
		frame, err := readFrame(w.Conn)
		if err != nil {
			return 0, err
		}
		w.rest = w.alter(frame)
	}
	n := copy(p, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

// Whatever octet of an answer somebody changes on the way: it is not believed.
func TestTamper(t *testing.T) {
	address := servePrimary(t, zone, small(), rights["transfer"]).address
	open := func(alter func([]byte) []byte) error {
		dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			return &wire{Conn: conn, alter: alter}, err
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := rfc2136.Open(ctx, zone, rfc2136.Options{Server: "192.0.2.53", Key: keyOf(t, owner), Dial: dial})
		return err
	}
	if err := open(func(f []byte) []byte { return f }); err != nil {
		t.Fatal(err)
	}
	for i := 2; i < 200; i++ {
		if err := open(func(f []byte) []byte {
			if i < len(f) {
				f[i] ^= 1
			}
			return f
		}); err == nil {
			t.Errorf("octet %d was changed, and nobody saw it", i)
		}
	}
	err := open(func(f []byte) []byte {
		m := new(dns.Msg)
		if err := m.Unpack(f[2:]); err != nil {
			return f
		}
		m.Extra = nil
		wire, _ := m.Pack()
		return append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
	})
	if err == nil || !strings.Contains(err.Error(), "is not signed") {
		t.Errorf("an answer without a signature: %v", err)
	}
}
