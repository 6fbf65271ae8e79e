package dsn

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta/spool"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var sent = time.Date(2026, 11, 17, 9, 0, 0, 0, time.UTC)

// sample is a notice about one recipient of each sort.
func sample() Notice {
	return Notice{
		Kind: Failed, Host: "mx.florist.example", Now: sent.Add(120 * time.Hour),
		Envelope: spool.Envelope{ID: "0123456789abcdef", From: "rosa@florist.example", Received: sent, EnvID: "order+2B17", Size: 100},
		Original: []byte("From: Rosa <rosa@florist.example>\r\nTo: tom@example.net\r\nSubject: =?utf-8?q?F=C3=BCnf_Rosen?=\r\nMessage-ID: <17@florist.example>\r\nReceived: from a\r\n\tby b; Tue\r\n\r\nsecret body\r\n"),
		Rcpts: []spool.Rcpt{
			{
				Addr: "tom@example.net", ORcpt: "rfc822;Tom+2Bflowers@example.net", Status: spool.Failed, Attempts: 1, Tried: sent,
				Reply: spool.Reply{Code: 550, Enhanced: "5.1.1", Text: "5.1.1 <tom@example.net>: Recipient address rejected: User unknown in virtual mailbox table; see https://mail.example.net/help", Host: "mx.example.net", At: sent},
			},
			{
				Addr: "ann@example.com", Status: spool.Failed, Attempts: 14, Tried: sent.Add(120 * time.Hour), Maybe: true,
				Reply: spool.Reply{Text: "connecting to mx.example.com: i/o timeout", Host: "mx.example.com"},
			},
		},
	}
}

func compose(t *testing.T, n Notice) (spool.Envelope, []byte) {
	t.Helper()
	e, text, err := n.Compose()
	if err != nil {
		t.Fatal(err)
	}
	return e, text
}

func TestGolden(t *testing.T) {
	delayed := sample()
	delayed.Kind, delayed.Now, delayed.Until = Delayed, sent.Add(4*time.Hour), sent.Add(120*time.Hour)
	delayed.Rcpts = []spool.Rcpt{{
		Addr: "ann@example.com", Status: spool.Waiting, Attempts: 6, Tried: sent.Add(3*time.Hour + 52*time.Minute),
		Reply: spool.Reply{Code: 451, Enhanced: "4.7.1", Text: "Greylisting in action,\nplease come back later", Host: "mx.example.com"},
	}}
	delayed.Envelope.Rcpts = make([]spool.Rcpt, 2) // one has it
	foreign := sample()
	foreign.Envelope.From = "röschen@blumen.example"
	foreign.Rcpts = []spool.Rcpt{{Addr: "jürgen+x@müller.example", Status: spool.Failed, Attempts: 1, Reply: spool.Reply{Code: 550, Text: "Postfach gelöscht \x1b[2J", Host: "mx.müller.example"}}}
	success := sample()
	success.Kind, success.Now = Success, sent.Add(time.Minute)
	success.Rcpts = []spool.Rcpt{
		{Addr: "tom@example.net", Status: spool.Delivered, Tried: sent, Reply: spool.Reply{Code: 250, Enhanced: "2.0.0", Text: "2.0.0 queued as 17", Host: "mx.example.net"}},
		{Addr: "lily@florist.example", Status: spool.Delivered, Tried: sent},
	}
	for name, n := range map[string]Notice{"failed": sample(), "delayed": delayed, "success": success, "utf8": foreign} {
		t.Run(name, func(t *testing.T) {
			_, text := compose(t, n)
			file := filepath.Join("testdata", name+".eml")
			if *update {
				if err := os.WriteFile(file, text, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(text, want) {
				t.Errorf("got\n%s\nwant\n%s", text, want)
			}
		})
	}
}

func TestEnvelope(t *testing.T) {
	n := sample()
	n.Envelope.RequireTLS = true
	e, text := compose(t, n)
	if e.From != "" || len(e.Rcpts) != 1 || e.Rcpts[0].Addr != "rosa@florist.example" || e.Rcpts[0].Notify[0] != "NEVER" || e.SMTPUTF8 || !e.RequireTLS || e.Size != int64(len(text)) {
		t.Errorf("%+v", e)
	}
	n.Envelope.From = "röschen@blumen.example"
	if e, _ := compose(t, n); !e.SMTPUTF8 {
		t.Error("an address that is not ASCII needs SMTPUTF8")
	}
	n.Envelope.From = ""
	if _, _, err := n.Compose(); !errors.Is(err, ErrNoSender) {
		t.Error(err)
	}
	n = sample()
	n.Rcpts = nil
	if _, _, err := n.Compose(); err == nil {
		t.Error("a notice about nobody")
	}
}

// parts takes a notification apart, by other eyes than those that wrote it.
func parts(t *testing.T, text []byte) (mail.Header, [][]byte) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || params["report-type"] != "delivery-status" {
		t.Fatalf("%s %v %v", kind, params, err)
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	var all [][]byte
	for {
		p, err := r.NextPart() // decodes quoted-printable
		if err == io.EOF {
			return m.Header, all
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content)
	}
}

func TestParts(t *testing.T) {
	_, text := compose(t, sample())
	h, all := parts(t, text)
	if len(all) != 3 || h.Get("Auto-Submitted") != "auto-replied" || h.Get("In-Reply-To") != "<17@florist.example>" {
		t.Fatalf("%d parts, %v", len(all), h)
	}
	if !bytes.Contains(all[0], []byte("Fünf Rosen")) {
		t.Errorf("%s", all[0])
	}
	status := textproto.NewReader(bufferOf(all[1]))
	perMessage, err := status.ReadMIMEHeader()
	if err != nil || perMessage.Get("Original-Envelope-Id") != "order+17" || perMessage.Get("Reporting-MTA") != "dns; mx.florist.example" {
		t.Errorf("%v, %v", perMessage, err)
	}
	first, err := status.ReadMIMEHeader()
	if err != nil || first.Get("Original-Recipient") != "rfc822; Tom+flowers@example.net" || first.Get("Status") != "5.1.1" || first.Get("Action") != "failed" {
		t.Errorf("%v, %v", first, err)
	}
	second, err := status.ReadMIMEHeader()
	if err != nil && err != io.EOF || second.Get("Status") != "4.4.7" {
		t.Errorf("%v, %v", second, err)
	}
	if bytes.Contains(text, []byte("secret body")) {
		t.Error("the body went back")
	}
	if want := sample().Original; !bytes.HasPrefix(want, bytes.TrimSuffix(all[2], []byte("\r\n"))) {
		t.Errorf("header %q", all[2])
	}
}

func FuzzCompose(f *testing.F) {
	f.Add("ann@example.org", "bob@example.net", "550 no", "mx.example.net", "Subject: x\r\n\r\n", "rfc822;a+2Bb", "q+2B")
	f.Add("a\r\nBcc: x@y", "\xff", "\x00\r\n.\r\n", "\n", "Subject: "+strings.Repeat("x", 2000)+"\rX\n\n", ";", "+")
	f.Add("ü@ü", strings.Repeat("ü", 2000), strings.Repeat("y", 3000), "ü", "Message-ID: <a@b\r\n c>\r\n", "utf-8;\\x{FC}", "+zz")
	f.Fuzz(func(t *testing.T, from, to, reply, host, original, orcpt, envid string) {
		n := sample()
		n.Envelope.From, n.Envelope.EnvID, n.Original = from, envid, []byte(original)
		n.Rcpts = []spool.Rcpt{{Addr: to, ORcpt: orcpt, Reply: spool.Reply{Code: 550, Text: reply, Enhanced: host, Host: host}}, {Addr: to, Reply: spool.Reply{Text: reply}}}
		_, text, err := n.Compose()
		if err != nil {
			return
		}
		for line := range bytes.SplitSeq(text, []byte("\r\n")) {
			if bytes.ContainsAny(line, "\r\n\x00") {
				t.Fatalf("line %q", line)
			}
			if len(line) > 998 && len(from) < 900 {
				t.Fatalf("a line of %d octets", len(line))
			}
		}
		h, all := parts(t, text)
		if len(all) != 3 || h.Get("Bcc") != "" {
			t.Fatalf("%d parts of %q", len(all), text)
		}
		if bytes.ContainsFunc(all[1], func(r rune) bool { return r > '~' }) {
			t.Fatalf("status %q", all[1])
		}
	})
}

func bufferOf(b []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(b)) }
