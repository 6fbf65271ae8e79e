//go:build linux

package cmd_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers/rfc2136"
	"github.com/maildoctor/maildoctor/record"
)

const (
	tsigSecret = "bWFpbGRvY3RvciB0ZXN0cyBpdHNlbGYgd2l0aCB0aGlz"
	killedZone = `$TTL 300
@ SOA ns1 hostmaster 2026112201 7200 3600 1209600 900
@ NS ns1
ns1 A 192.0.2.53
@ MX 10 mail
mail A 192.0.2.25
@ TXT "v=spf1 include:_spf.old.example ?all"
@ TXT "verification=abc"
`
)

// startNamed starts a real BIND on a free port, that takes updates for killed.example.
func startNamed(t *testing.T) (address, key string) {
	t.Helper()
	dir := t.TempDir()
	address = peertest.Address(t)
	host, port, _ := net.SplitHostPort(address)
	keyText := fmt.Sprintf("key \"md\" { algorithm hmac-sha256; secret %q; };\n", tsigSecret)
	conf := fmt.Sprintf(`%soptions { directory %q; listen-on port %s { %s; }; listen-on-v6 { none; }; recursion no; notify no;
pid-file none; lock-file none; session-keyfile none; dnssec-validation no; };
controls { };
zone "killed.example" { type primary; file "zone"; allow-transfer { key md; }; update-policy { grant md zonesub ANY; }; };
`, keyText, dir, port, host)
	key = filepath.Join(dir, "md.key")
	peertest.Write(t, filepath.Join(dir, "named.conf"), conf)
	peertest.Write(t, filepath.Join(dir, "zone"), killedZone)
	if err := os.WriteFile(key, []byte(keyText), 0o600); err != nil {
		t.Fatal(err)
	}
	named := exec.Command(peertest.Copy(t, "named"), "-f", "-g", "-4", "-n", "1", "-c", filepath.Join(dir, "named.conf"))
	peertest.Start(t, named, peertest.Listens(address))
	return address, key
}

// A checkpoint passes a connection on to a name server, and stops at its first
// UPDATE: before the server gets it, or before the answer comes back.
type checkpoint struct {
	net.Listener
	server  string
	after   bool // stop at the answer
	reached chan struct{}
	once    sync.Once
	going   sync.WaitGroup
}

func newCheckpoint(t *testing.T, server string, after bool) *checkpoint {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &checkpoint{Listener: listener, server: server, after: after, reached: make(chan struct{})}
	c.going.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			c.going.Go(func() { c.pass(conn) })
		}
	})
	t.Cleanup(func() { listener.Close(); c.going.Wait() })
	return c
}

func (c *checkpoint) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.server)
	if err != nil {
		return
	}
	defer server.Close()
	var updated atomic.Bool
	c.going.Go(func() {
		for {
			answer, _, err := message(server)
			if err != nil {
				return
			}
			if updated.Load() {
				c.once.Do(func() { close(c.reached) })
				continue // and nobody hears of it
			}
			if _, err := client.Write(answer); err != nil {
				return
			}
		}
	})
	for {
		wire, update, err := message(client)
		if err != nil {
			return
		}
		if update && !c.after {
			c.stop(client)
			return
		}
		updated.Store(update)
		if _, err := server.Write(wire); err != nil {
			return
		}
	}
}

// stop says that the point is reached, and waits until the client is gone.
func (c *checkpoint) stop(client net.Conn) {
	c.once.Do(func() { close(c.reached) })
	io.Copy(io.Discard, client)
}

const opcodeUpdate = 5 // RFC 2136, 2.2

// message reads one message with its length in front, and tells an UPDATE.
func message(r io.Reader) (wire []byte, update bool, err error) {
	wire = make([]byte, 2)
	if _, err := io.ReadFull(r, wire); err != nil {
		return nil, false, err
	}
	body := make([]byte, int(wire[0])<<8|int(wire[1]))
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, false, err
	}
	return append(wire, body...), len(body) > 2 && body[2]>>3&15 == opcodeUpdate, nil
}

// killedPlan is a plan file for killed.example.
func killedPlan(t *testing.T, provider, key string) string {
	t.Helper()
	const zone = "killed.example."
	current := []record.Record{
		{Name: zone, Type: "TXT", TTL: 300, Data: "v=spf1 include:_spf.old.example ?all"}, {Name: zone, Type: "TXT", TTL: 300, Data: "verification=abc"},
	}
	p, _ := plan.Make(current, []plan.Wish{
		{Edit: record.Set(record.SPF(zone), record.TXT(zone, "v=spf1 mx -all"))},
		{Edit: record.Set(record.DMARC(zone), record.TXT("_dmarc."+zone, "v=DMARC1; p=reject"))},
		{Edit: record.Set(record.DKIMKey("s1", zone), record.TXT("s1._domainkey."+zone, "v=DKIM1; p="+strings.Repeat("MIIB", 80)))},
	}, plan.Given{Zone: zone, TTLs: true})
	p.Provider, p.TSIGKey = provider, key
	var text bytes.Buffer
	if err := p.Write(&text); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "killed.plan")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// An apply that is killed in the middle, before the server has the update or
// before it knows that it was taken, is finished by the next; and rolled back to
// what was there, the serial aside.
func TestKilledApply(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after=%v", after), func(t *testing.T) {
			server, key := startNamed(t)
			before := transfer(t, server)
			state := t.TempDir()
			run := func(args ...string) *exec.Cmd {
				cmd := exec.Command("maildoctor", args...)
				cmd.Env = append(os.Environ(), "MAILDOCTOR_STATE_DIR="+state)
				return cmd
			}
			point := newCheckpoint(t, server, after)
			file := killedPlan(t, "rfc2136:"+point.Addr().String(), key)
			first := run("apply", file, "--yes")
			if err := first.Start(); err != nil {
				t.Fatal(err)
			}
			select {
			case <-point.reached:
			case <-time.After(20 * time.Second):
				t.Error("the update did not come")
			}
			first.Process.Kill()
			first.Wait()
			direct := "--provider=rfc2136:" + server
			out, err := run("apply", file, "--yes", direct, "--tsig-key", key).CombinedOutput()
			if err != nil || after != strings.Contains(string(out), "nothing left to do") {
				t.Fatalf("the second apply: %v\n%s", err, out)
			}
			out, err = run("apply", file, "--yes", direct, "--tsig-key", key).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "nothing left to do") {
				t.Fatalf("the third apply: %v\n%s", err, out)
			}
			now := transfer(t, server)
			if n := strings.Count(now, "v=spf1"); n != 1 || !strings.Contains(now, "verification=abc") || !strings.Contains(now, "p=reject") {
				t.Fatalf("the zone is\n%s", now)
			}
			out, err = run("rollback", "killed.example", "--yes", direct, "--tsig-key", key).CombinedOutput()
			if err != nil {
				t.Fatalf("rollback: %v\n%s", err, out)
			}
			if now := transfer(t, server); now != before {
				t.Errorf("after the rollback the zone is\n%s\nand was\n%s", now, before)
			}
		})
	}
}

// transfer is the zone as the server has it, without its SOA record.
func transfer(t *testing.T, server string) string {
	t.Helper()
	key, err := rfc2136.ParseKey("hmac-sha256:md:" + tsigSecret)
	if err != nil {
		t.Fatal(err)
	}
	to, err := rfc2136.Open(t.Context(), "killed.example.", rfc2136.Options{Server: server, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	reading, err := to.Read(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, r := range record.Sorted(reading.Records) {
		if r.Type != "SOA" {
			lines = append(lines, r.String())
		}
	}
	return strings.Join(lines, "\n")
}
