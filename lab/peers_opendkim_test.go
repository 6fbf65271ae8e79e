//go:build linux

package lab_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/authres"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// A signing is how an OpenDKIM signs.
type signing struct{ selector, canon, more string }

// TestPeersOpenDKIM: what OpenDKIM signs in a real Postfix passes here, under every
// canonicalization and both algorithms; what we sign and deliver passes at OpenDKIM
// in a real Postfix; and of what was changed on the way both say the same.
func TestPeersOpenDKIM(t *testing.T) {
	p := newPostfix(t)
	w := &dkimWorld{postfix: p, postcat: peertest.Program(t, "postcat"), keys: dkimKeys(t), arrived: make(chan mta.Arrival, 100)}
	signings := []signing{
		{"r1", "simple/simple", ""}, {"r1", "simple/relaxed", ""}, {"r1", "relaxed/simple", ""}, {"r1", "relaxed/relaxed", ""},
		{"e1", "relaxed/relaxed", "SignatureAlgorithm ed25519-sha256\n"},
		{"r1", "relaxed/relaxed", "OversignHeaders From,To,Subject,Date,Reply-To\n"},
	}
	cert, _ := w.begin(t)
	w.check = p.present(t, "check.example", "check.example", cert, held, "smtpd_milters="+w.opendkim(t, "Mode v\nInternalHosts 192.0.2.254\nAuthservID check.example\n"), "milter_default_action=tempfail")
	var signers []string
	for _, s := range signings {
		milter := w.opendkim(t, fmt.Sprintf("Mode s\nDomain theirs.example\nSelector %s\nKeyFile %s\nCanonicalization %s\n%s", s.selector, w.file(s.selector), s.canon, s.more))
		signers = append(signers, p.present(t, "none.example", "mx.theirs.example", cert, "smtpd_milters="+milter, "milter_default_action=tempfail", "mynetworks=127.0.0.0/8", "smtpd_relay_restrictions=permit_mynetworks,reject"))
	}
	p.services.WriteString("relay unix - - n - - smtp\nsmtp unix - - n - - smtp\nscache unix - - n - 1 scache\n")
	p.more = "transport_maps = inline:{ ours.example=relay:[127.0.0.1]:" + w.port + " }\nrelay_domains = ours.example\nsmtp_tls_security_level = encrypt\n"
	p.start(t)

	for i, s := range signings {
		t.Run(strings.TrimSpace(s.selector+" "+s.canon+" "+s.more), func(t *testing.T) {
			give(t, signers[i], "ann@theirs.example", "bob@ours.example", dkimText("theirs.example"))
			a := w.arrival(t)
			if v := a.Judgement.DKIM; len(v) != 1 || v[0].Code != dkim.Pass || v[0].Signature.Selector != s.selector {
				t.Errorf("we say %v", v)
			}
			w.agree(t, w.read(t, a))
		})
	}
	t.Run("ours", func(t *testing.T) {
		e := spool.Envelope{From: "bob@ours.example", Rcpts: []spool.Rcpt{{Addr: "ann@check.example"}}}
		before := p.holds(t)
		if _, err := w.server.Submit(e, []byte(dkimText("ours.example"))); err != nil {
			t.Fatal(err)
		}
		if got, want := w.verdicts(t, []string{w.fresh(t, before)})[0], map[string]string{"r1": "pass", "e1": "pass"}; !maps.Equal(got, want) {
			t.Errorf("OpenDKIM says %v, want %v", got, want)
		}
		text := []byte(dkimText("ours.example"))
		signatures, err := mta.Sign(w.keys, text)
		if err != nil {
			t.Fatal(err)
		}
		w.agree(t, string(signatures)+string(text))
	})
}

// dkimText is a message with what canonicalization is about.
func dkimText(domain string) string {
	return "From: Ann <ann@" + domain + ">\r\nTo: Bob <bob@ours.example>,\r\n  Carol <carol@ours.example>\r\nSUBJECT:   folded  and \r\n\tspaced \r\n" +
		"Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@" + domain + ">\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
		"Hello  Bob, \r\n\tgr\xc3\xbc\xc3\x9fe\t \r\n.\r\n..dots\r\n \r\nend\r\n\r\n \r\n\r\n"
}

// inB is the beginning of a b= tag.
var inB = regexp.MustCompile(`([ \t])b=`)

// changes is what may happen to a message on its way.
func changes() map[string]func(string) string {
	replace := func(old, new string) func(string) string {
		return func(text string) string { return strings.Replace(text, old, new, 1) }
	}
	return map[string]func(string) string{
		"none":                       func(text string) string { return text },
		"a word of the body":         replace("Hello", "Hullo"),
		"a blank at a line's end":    replace("end\r\n", "end \r\n"),
		"blanks within a line":       replace("Hello  Bob", "Hello Bob"),
		"a blank more in a line":     replace("..dots", ".. dots"),
		"empty lines at the end":     func(text string) string { return text + "\r\n\r\n" },
		"a word of the subject":      replace("folded", "faulted"),
		"the name of a field":        replace("SUBJECT:", "Subject:"),
		"blanks of a field":          replace("SUBJECT:   folded  and", "SUBJECT: folded and"),
		"a field that is not signed": func(text string) string { return "X-Scanned: yes\r\n" + text },
		"a second From":              func(text string) string { return "From: Eve <eve@theirs.example>\r\n" + text },
		"another selector":           replace("s=r1", "s=gone"),
		"the signature":              func(text string) string { return inB.ReplaceAllString(text, "${1}b=AAAA") },
	}
}

// agree has each change made to a signed message, and both of us judge it.
//
// Of a signature whose key is not in its test data OpenDKIM says nothing if it is the
// only one, and else temperror, as if the DNS had failed. The DNS says that it is not
// there, which is permerror (RFC 6376, 6.1.2), and so do we: no difference that
// matters, as long as nobody passes it.
func (w *dkimWorld) agree(t *testing.T, signed string) {
	t.Helper()
	var names, texts []string
	for name, change := range changes() {
		names, texts = append(names, name), append(texts, change(signed))
	}
	var cased []string
	for i, text := range texts { // a field on top tells which one is which
		cased = append(cased, fmt.Sprintf("X-Case: %d\r\n%s", i, text))
	}
	ids := give(t, w.check, "ann@theirs.example", "bob@check.example", cased...)
	theirs := w.verdicts(t, ids)
	for i, name := range names {
		text := texts[i]
		msg, _ := message.Parse([]byte(text))
		ours := map[string]string{}
		for _, v := range dkim.Verify(t.Context(), w.zone, msg, time.Now()) {
			ours[v.Signature.Selector] = string(v.Code)
		}
		for _, all := range []map[string]string{ours, theirs[i]} {
			if all["gone"] != "pass" {
				delete(all, "gone")
			}
		}
		if !maps.Equal(ours, theirs[i]) {
			t.Errorf("changed: %s: OpenDKIM says %v, we say %v\n%s", name, theirs[i], ours, text)
		}
	}
}

// A dkimWorld is a Postfix with OpenDKIM, and our server.
type dkimWorld struct {
	*postfix
	postcat string
	keys    []mta.Key // of ours.example; OpenDKIM has the same
	zone    *resolve.Zone

	server  *mta.Server
	boxes   *maildir.Store
	arrived chan mta.Arrival
	port    string // of our server
	check   string // where Postfix has OpenDKIM verify
}

func dkimKeys(t *testing.T) []mta.Key {
	t.Helper()
	first, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, second, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return []mta.Key{{Domain: "ours.example", Selector: "r1", Signer: first}, {Domain: "ours.example", Selector: "e1", Signer: second}}
}

func (w *dkimWorld) file(name string) string { return filepath.Join(w.dir, name) }

// begin writes the keys for OpenDKIM, and runs our server. It returns a certificate
// for Postfix.
func (w *dkimWorld) begin(t *testing.T) (tls.Certificate, *smtpscript.CA) {
	t.Helper()
	records := []record.Record{record.MX("check.example.", 10, "check.example."), record.Address("check.example.", netip.MustParseAddr("127.0.0.1"))}
	var data strings.Builder
	for _, k := range w.keys {
		der, err := x509.MarshalPKCS8PrivateKey(k.Signer)
		if err != nil {
			t.Fatal(err)
		}
		peertest.Write(t, w.file(k.Selector), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
		public, err := dkim.New(k.Public())
		if err != nil {
			t.Fatal(err)
		}
		for _, domain := range []string{"ours.example", "theirs.example"} {
			name := k.Selector + "._domainkey." + domain
			records = append(records, record.TXT(name+".", public.String()))
			fmt.Fprintf(&data, "%s %s\n", name, public)
		}
	}
	peertest.Write(t, w.file("keys"), data.String())
	w.zone = resolve.NewZone(records)
	ca := newCA(t)
	cert := issue(t, ca, smtpscript.Certificate{Names: []string{"check.example"}})
	w.serve(t, cert)
	return cert, ca
}

// serve runs our server.
func (w *dkimWorld) serve(t *testing.T, cert tls.Certificate) {
	t.Helper()
	w.boxes = &maildir.Store{Dir: t.TempDir(), Host: "ours"}
	send := deliver.Sender{DNS: w.zone, Refuse: func(netip.Addr) string { return "" }}
	send.Client.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, w.check)
	}
	var err error
	w.server, _, err = mta.Open(mta.Options{
		Receive: smtpd.Config{Hostname: "mx.ours.example", Domains: []string{"ours.example"}, GreetAfter: -1,
			TLS: func() *tls.Config { return &tls.Config{Certificates: []tls.Certificate{cert}} }},
		Send: send, DNS: w.zone, Mail: w.boxes, SpoolDir: t.TempDir(), Spool: spool.Options{MinFree: 1}, Keys: w.keys,
		Arrived: func(a mta.Arrival) { w.arrived <- a },
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, w.port, _ = net.SplitHostPort(l.Addr().String())
	go w.server.Serve(l, smtpd.MX)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = w.server.Close(ctx) // Postfix keeps connections
	})
}

// opendkim runs a filter, and returns where it listens: at a Unix socket, as over TCP
// the two wait for each other's acknowledgements.
func (w *dkimWorld) opendkim(t *testing.T, settings string) string {
	t.Helper()
	dir := peertest.Folder(t)
	conf, socket := filepath.Join(dir, "opendkim.conf"), filepath.Join(dir, "socket")
	peertest.Write(t, conf, "Socket local:"+socket+"\nUMask 000\nBackground no\nSyslog no\nRequireSafeKeys no\nTestDNSData file:"+w.file("keys")+"\n"+settings)
	cmd := exec.Command(peertest.Program(t, "opendkim"), "-f", "-x", conf)
	peertest.Unprivileged(t, cmd, dir)
	peertest.Start(t, cmd, func() error {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
		}
		return err
	})
	return "unix:" + socket
}

// give gives messages to a host, as they are, and returns the IDs that Postfix has
// for them.
func give(t *testing.T, address, from, to string, texts ...string) (ids []string) {
	t.Helper()
	c := client.Client{Name: "client.example", Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	conn, failed := c.Connect(t.Context(), client.Target{Addr: netip.MustParseAddr("127.0.0.1"), Host: "check.example"})
	defer conn.Close()
	if failed == nil {
		failed = conn.Hello()
	}
	if failed != nil {
		t.Fatal(failed)
	}
	for _, text := range texts {
		a := conn.Send(client.Mail{From: from, Rcpts: []client.Rcpt{{Addr: to}}, Size: int64(len(text)),
			Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }})[0]
		if a.Err != nil || a.Reply.Code != 250 {
			t.Fatalf("%v %v", a.Reply, a.Err)
		}
		_, id, _ := strings.Cut(strings.Join(a.Reply.Lines, " "), "queued as ")
		ids = append(ids, id)
	}
	return ids
}

// arrival is the next message in our mailbox.
func (w *dkimWorld) arrival(t *testing.T) mta.Arrival {
	t.Helper()
	select {
	case a := <-w.arrived:
		return a
	case <-time.After(20 * time.Second):
		t.Fatal("nothing arrived")
		panic("unreachable")
	}
}

func (w *dkimWorld) read(t *testing.T, a mta.Arrival) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.boxes.Dir, a.Box, "new", a.Name))
	if err != nil {
		t.Fatal(err)
	}
	// From the signature on it is as OpenDKIM gave it away, but for what Postfix put on top.
	_, text2, _ := strings.Cut(string(text), "DKIM-Signature:")
	return "DKIM-Signature:" + text2
}

// fresh is the message that Postfix has taken since.
func (w *dkimWorld) fresh(t *testing.T, before []string) string {
	t.Helper()
	for range 400 {
		fresh := slices.DeleteFunc(w.holds(t), func(id string) bool { return slices.Contains(before, id) })
		if len(fresh) == 1 {
			return fresh[0]
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("Postfix has taken nothing")
	return ""
}

// verdicts is what OpenDKIM says of the signatures of messages that Postfix keeps,
// by selector.
func (w *dkimWorld) verdicts(t *testing.T, ids []string) []map[string]string {
	t.Helper()
	raw, err := exec.Command(w.postcat, append([]string{"-c", filepath.Join(w.dir, "etc"), "-h", "-q"}, ids...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	all := make([]map[string]string, len(ids))
	one := map[string]string{}
	for _, f := range fieldsOf(string(raw)) {
		switch {
		case f.Is(authres.FieldName):
			r, _ := authres.Parse(f.Value())
			for _, result := range r.All("dkim") {
				if selector := result.Get("header.s"); r.ID == "check.example" && selector != "" {
					one[selector] = result.Value
				}
			}
		case f.Is("X-Case"): // below what was put on top of it
			var i int
			fmt.Sscan(string(f.Value()), &i)
			all[i], one = one, map[string]string{}
		}
	}
	if len(ids) == 1 && all[0] == nil {
		all[0] = one
	}
	return all
}

// fieldsOf is the fields of several headers, in order.
func fieldsOf(headers string) (all []message.Field) {
	for header := range strings.SplitSeq(headers, "\n\n") {
		msg, _ := message.Parse(message.ToCRLF([]byte(header + "\n\n")))
		all = append(all, msg.Fields...)
	}
	return all
}
