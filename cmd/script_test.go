package cmd_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/maildoctor/maildoctor/cmd"
	"github.com/maildoctor/maildoctor/lab"
	"github.com/maildoctor/maildoctor/mta/client/clienttest"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/scenario"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"maildoctor":    func() { os.Exit(cmd.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
		"maildoctor-at": func() { os.Exit(cmd.MainAt(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }, // at a time
	})
}

// world is what the domains of the scripts publish.
const world = `The domains that the scripts of the command line examine.
domain: well.example

-- zone well.example --
@ MX 10 mx
@ TXT "v=spf1 mx -all"
mx A 198.51.100.25
mx TXT "v=spf1 a -all"
_dmarc TXT "v=DMARC1; p=reject; rua=mailto:dmarc@well.example"
-- zone two.example --
@ MX 10 mx.well.example.
@ TXT "v=spf1 mx -all"
@ TXT "v=spf1 a ~all"
-- zone open.example --
@ MX 10 mx.well.example.
@ TXT "v=spf1 mx ?all"
-- zone . --
. NS a.root-servers.net.
-- zone server.example --
mail A 9.8.7.25
-- zone asn.cymru.com --
7.8.9.origin TXT "64500 | 9.8.7.0/24 | ZZ | iana | 2010-01-01"
-- zone 7.8.9.in-addr.arpa --
25 PTR mail.server.example.
-- zone xn--bcher-kva.example --
@ MX 10 mx.well.example.
@ TXT "v=spf1 mx -all"
-- zone silent.example --
@ MX 10 mx.well.example.
-- zone keys.example --
$TTL 300
same._domainkey TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
other._domainkey TXT "v=DKIM1; k=ed25519; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
gone._domainkey TXT "v=DKIM1; p="
-- zone receiver.example --
@ MX 10 mx
mx A 127.0.0.1
-- zone public.example --
@ MX 10 mx
mx A 9.8.7.25
-- zone none.example --
@ MX 0 .
-- faults --
TXT silent.example. SERVFAIL
TXT lost._domainkey.keys.example. SERVFAIL
`

// Scripts see a maildoctor, an internet at $RESOLVER, at $SILENT a DNS server
// that never answers and, for --replay, the folders $SCENARIOS and $MOVES.
func TestScripts(t *testing.T) {
	s, err := scenario.Parse([]byte(world))
	if err != nil {
		t.Fatal(err)
	}
	internet, err := lab.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { internet.Close() })
	scenarios, err := filepath.Abs("../testdata/scenarios")
	if err != nil {
		t.Fatal(err)
	}
	moves, err := filepath.Abs("testdata/migrate")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			silent, err := net.ListenPacket("udp", "127.0.0.1:0") // each script has its own: see asked
			if err != nil {
				return err
			}
			e.Defer(func() { silent.Close() })
			e.Values["silent"] = silent
			e.Values["smtp"] = map[string]chan struct{}{} // see called
			e.Setenv("RESOLVER", internet.Resolver())
			e.Setenv("SILENT", silent.LocalAddr().String())
			e.Setenv("SCENARIOS", scenarios)
			e.Setenv("MOVES", moves)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"oneline": oneLine,
			"schema":  schema,
			"asked":   asked,
			"private": private,
			"smtp":    smtp,
			"called":  called,
			"posted":  posted,

			"certificate": certificate,
			"appears":     appears,

			"queueof":    queueOf,
			"controlled": controlled,
		},
	})
}

// exits CODE COMMAND... runs a command that must end with the code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if coded, ok := err.(interface{ ExitCode() int }); ok {
		got = coded.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if want := args[0]; fmt.Sprint(got) != want {
		ts.Fatalf("exit code %d, want %s", got, want)
	}
}

// oneline stdout|stderr: it is one line, without controls.
func oneLine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: oneline stdout|stderr")
	}
	text := ts.ReadFile(args[0])
	body, ended := strings.CutSuffix(text, "\n")
	if !ended || body == "" || report.Escape(body) != body {
		ts.Fatalf("not one line: %q", text)
	}
}

// private FILE: nobody but its owner may read it.
func private(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: private FILE")
	}
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if mode := info.Mode().Perm(); mode != 0o600 {
		ts.Fatalf("%s has mode %o, want 600", args[0], mode)
	}
}

// schema FILE: it is a report by the published schema, and is read back.
func schema(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: schema FILE")
	}
	text := ts.ReadFile(args[0])
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(report.Schema()))
	ts.Check(err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	ts.Check(c.AddResource("report.schema.json", doc))
	compiled, err := c.Compile("report.schema.json")
	ts.Check(err)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	ts.Check(err)
	ts.Check(compiled.Validate(value))
	_, err = report.ReadJSON(strings.NewReader(text))
	ts.Check(err)
}

// asked waits until the silent server has got a question: the program is at work.
func asked(ts *testscript.TestScript, _ bool, _ []string) {
	silent := ts.Value("silent").(net.PacketConn)
	ts.Check(silent.SetReadDeadline(time.Now().Add(10 * time.Second)))
	_, _, err := silent.ReadFrom(make([]byte, 512))
	ts.Check(err)
}

// appears FILE: waits until there is one.
func appears(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: appears FILE")
	}
	for range 1000 {
		if _, err := os.Lstat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s does not appear", args[0])
}

// smtp VARIABLE [WHEN=ANSWER]... begins a mail host on loopback, with its port in the
// variable. WHEN is as clienttest.Host has it: a command, "banner", "." for the end of
// a message.
func smtp(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: smtp VARIABLE [WHEN=ANSWER]...")
	}
	host := &clienttest.Host{Name: "mx.receiver.example", Offers: []string{"PIPELINING", "8BITMIME"}, Answers: map[string]string{}}
	for _, arg := range args[1:] {
		when, answer, _ := strings.Cut(arg, "=")
		host.Answers[when] = strings.ReplaceAll(answer, "|", "\r\n")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { listener.Close() })
	ended := make(chan struct{}, 100)
	ts.Value("smtp").(map[string]chan struct{})[args[0]] = ended
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				host.Serve(conn)
				ended <- struct{}{}
			}()
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	ts.Setenv(args[0], port)
}

// certificate HOST FILE [CONFIG] makes a self-signed certificate for a host, with its key
// in the same file. The SHA-256 of its public key, as TLSA records have it, is in $SPKI,
// and in CONFIG in place of that word.
func certificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: certificate HOST FILE [CONFIG]")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: args[:1], NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 1, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	ts.Check(err)
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), text, 0o600))
	spki := fmt.Sprintf("%x", sha256.Sum256(public))
	ts.Setenv("SPKI", spki)
	for _, config := range args[2:] {
		ts.Check(os.WriteFile(ts.MkAbs(config), []byte(strings.ReplaceAll(ts.ReadFile(config), "SPKI", spki)), 0o600))
	}
}

// called VARIABLE waits until a conversation with that mail host has ended.
func called(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: called VARIABLE")
	}
	select {
	case <-ts.Value("smtp").(map[string]chan struct{})[args[0]]:
	case <-time.After(10 * time.Second):
		ts.Fatalf("nobody has called %s", args[0])
	}
}
