package judge_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/message"
)

const date = "; Sun, 22 Nov 2026 12:00:00 +0000\r\n"

const (
	inner     = "Received: from mx1.receiver.example (mx1.receiver.example [10.0.0.1]) by store.receiver.example with LMTP" + date
	lmtp      = "Received: from mx1.receiver.example by store.receiver.example with LMTP" + date
	boundary  = "Received: from mail.author.example (mail.author.example [192.0.2.25]) by mx1.receiver.example (Postfix) with ESMTPS" + date
	submitted = "Received: from laptop (dsl.example [198.51.100.7]) by mail.author.example with ESMTPSA" + date
	forged    = "Received: from good.example (good.example [203.0.113.9]) by mail.author.example with ESMTP" + date
)

func TestEnvelopeOf(t *testing.T) {
	for _, c := range []struct {
		name     string
		header   string
		received int
		want     string // client helo mailfrom, and the field
		assumed  string
	}{
		{"the first from a public address", "Return-Path: <me@author.example>\r\n" + inner + boundary + submitted, 0, "192.0.2.25 mail.author.example <me@author.example> 2", "Return-Path"},
		{"a hop without an address is not it", "Return-Path: <>\r\n" + lmtp + boundary, 0, "192.0.2.25 mail.author.example <> 2", "MAIL FROM is <>"},
		{"one that is asked for", inner + boundary + forged, 3, "203.0.113.9 good.example ? 3", "does not show MAIL FROM"},
		{"submitted here: no client", submitted, 0, "invalid IP  ? 0", "submitted to the host"},
		{"no hops", "Subject: x\r\n", 0, "invalid IP  ? 0", "no Received field"},
		{"no hops, but delivered", "Return-Path: <me@author.example>\r\n", 0, "invalid IP  <me@author.example> 0", "Return-Path"},
		{"a Return-Path below the boundary is another's", boundary + "Return-Path: <forged@author.example>\r\n", 0, "192.0.2.25 mail.author.example ? 1", "does not show MAIL FROM"},
		{"fetched by POP3", "Received: from pop.receiver.example [192.0.2.99] by localhost with POP3 (fetchmail-6.4)" + date + boundary, 0, "192.0.2.25 mail.author.example ? 2", ""},
		{"a provider's inner hop over a public address", "Received: from in.big.example (2001:db8::1) by box.big.example (2001:db8::2) with SMTP" + date +
			"Received: from mail.author.example (192.0.2.25) by in.big.example (10.1.1.1) with SMTP" + date, 0, "192.0.2.25 mail.author.example ? 2", ""},
		{"Microsoft's inner hops", "Received: from AM0PR01MB1.eurprd01.prod.outlook.com (2603:10a6:20b:1::1) by VI1PR01MB2.eurprd01.prod.outlook.com with HTTPS" + date +
			"Received: from DU2PR04CA0123.eurprd04.prod.outlook.com (2603:10a6:10:235::8) by AM0PR01MB1.eurprd01.prod.outlook.com (2603:10a6:20b:1::1) with Microsoft SMTP Server (version=TLS1_2)" + date +
			"Received: from DB5EUR01FT051.eop-EUR01.prod.protection.outlook.com (2603:10a6:10:235:cafe::84) by DU2PR04CA0123.outlook.office365.com (2603:10a6:10:235::8) with Microsoft SMTP Server" + date +
			"Authentication-Results: spf=pass (sender IP is 192.0.2.25) smtp.mailfrom=author.example; dkim=none\r\nReceived-SPF: Pass (protection.outlook.com: x) client-ip=192.0.2.25; helo=mail.author.example;\r\n" +
			"Received: from mail.author.example (192.0.2.25) by DB5EUR01FT051.mail.protection.outlook.com (10.152.20.150) with Microsoft SMTP Server" + date, 0,
			"192.0.2.25 mail.author.example <postmaster@author.example> 4", "the domain only"},
		{"Gmail", "Delivered-To: me@gmail.example\r\nReceived: by 2002:a05:6a10:1234:b0:5a1:9c8:1 with SMTP id x" + date + "Return-Path: <b@author.example>\r\n" +
			"Received: from mail.author.example (mail.author.example. [192.0.2.25]) by mx.google.example with ESMTPS id y for <me@gmail.example> (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256)" + date +
			"Received-SPF: pass (google.com: x) client-ip=192.0.2.25;\r\n", 0, "192.0.2.25 mail.author.example <b@author.example> 2", "Return-Path"},
		{"below a submission all may be made up", submitted + forged, 0, "invalid IP  ? 0", "submitted to the host"},
		{"a client that borrows the name and makes up what it took", "Received: from mx1.receiver.example (unknown [192.0.2.66]) by mx1.receiver.example with ESMTP" + date +
			"Received: from good.example (good.example [203.0.113.9]) by mx1.receiver.example with ESMTP" + date, 0, "192.0.2.66 mx1.receiver.example ? 1", ""},
		{"names that are none", "Received: from a.b (192.0.2.25) by x (192.0.2.1) with SMTP" + date + "Received: from x by . with SMTP" + date, 0, "192.0.2.25 a.b ? 1", ""},
		{"a client that borrows the receiver's name", "Received: from mx9.receiver.example (192.0.2.66) by mx1.receiver.example with SMTP" + date + forged, 0, "192.0.2.66 mx9.receiver.example ? 1", ""},
		{"Received-SPF of the same client", "Received-SPF: pass (x) client-ip=192.0.2.25; envelope-from=\"b@author.example\"; helo=mail.author.example;\r\n" + boundary, 0, "192.0.2.25 mail.author.example <b@author.example> 1", "Received-SPF"},
		{"Received-SPF of another client", "Received-SPF: pass (x) client-ip=192.0.2.77; envelope-from=\"b@author.example\"\r\n" + boundary, 0, "192.0.2.25 mail.author.example ? 1", ""},
		{"Authentication-Results", "Authentication-Results: mx1.receiver.example; spf=pass smtp.mailfrom=b@author.example\r\n" + boundary, 0, "192.0.2.25 mail.author.example <b@author.example> 1", `of "mx1.receiver.example"`},
		{"Authentication-Results with the domain alone", "Authentication-Results: mx1.receiver.example; spf=pass smtp.mailfrom=author.example\r\n" + boundary, 0, "192.0.2.25 mail.author.example <postmaster@author.example> 1", "the domain only"},
		{"results below the boundary are the sender's own", boundary + "Authentication-Results: mx1.receiver.example; spf=pass smtp.mailfrom=b@author.example\r\n", 0, "192.0.2.25 mail.author.example ? 1", ""},
		{"IPv6", "Received: from mail.author.example ([IPv6:2001:db8::25]) by mx1.receiver.example with ESMTP" + date, 0, "2001:db8::25 mail.author.example ? 1", ""},
		{"controls are quoted", "Return-Path: <a\x1b]2;x@author.example>\r\n" + boundary, 0, "192.0.2.25 mail.author.example <a\x1b]2;x@author.example> 1", `a\x1b]2;x`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, _ := message.Parse([]byte(c.header + "From: me@author.example\r\n\r\nHi.\r\n"))
			a, err := judge.EnvelopeOf(m, c.received)
			if err != nil {
				t.Fatal(err)
			}
			sender := "?"
			if a.Envelope.Known {
				sender = "<" + a.Envelope.MailFrom + ">"
			}
			if got := fmt.Sprintf("%s %s %s %d", a.Envelope.Client, a.Envelope.HELO, sender, a.Received); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if all := strings.Join(a.Assumed, " "); !strings.Contains(all, c.assumed) || strings.ContainsRune(all, 0x1b) {
				t.Errorf("assumed %q, want %q in it", all, c.assumed)
			}
			if a.Received > 0 && !a.At.Equal(arrival) {
				t.Errorf("at %v", a.At)
			}
		})
	}
}

func TestEnvelopeOfTooFar(t *testing.T) {
	m, _ := message.Parse([]byte(boundary + "\r\n"))
	if _, err := judge.EnvelopeOf(m, 2); err == nil || !strings.Contains(err.Error(), "1 Received") {
		t.Errorf("got %v", err)
	}
}

// Whatever stands in a message, it is judged, and what is said of it is safe.
func FuzzMessage(f *testing.F) {
	f.Add([]byte(inner + boundary + "Return-Path: <>\r\nFrom: me@author.example\r\n\r\nHi.\r\n"))
	f.Add([]byte("DKIM-Signature: v=1; a=ed25519-sha256; d=author.example; s=s1; h=from; bh=; b=\r\nFrom: a@b, c@d\r\nFrom: x\r\n\r\n"))
	f.Add([]byte("Received: from a.b (192.0.2.25) by x (192.0.2.1); x\r\nReceived: from x by .; x\r\n\r\n"))
	f.Add([]byte("Received: from [192.0.2.25] by x (\r\nAuthentication-Results: ;spf\r\nReceived-SPF: pass\r\n\r\n"))
	signed := string(letter(f, "me@author.example", "author.example"))
	f.Add([]byte(strings.Replace(signed, "Subject: ", "Subject: [x\x1b] ", 1) + "\x1b]2;x\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, j := judgedAnyhow(t, raw)
		field := j.Results("mx.receiver.example").Field()
		if read, _ := message.Parse([]byte(field + "\r\n")); len(read.Fields) != 1 {
			t.Errorf("%q is not one field", field)
		}
		for _, text := range []string{j.Summary(), j.Story(m)} {
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("what is said of %q has controls: %q", m.Raw, text)
			}
		}
		for _, r := range j.Verdicts() {
			if r.Outcome == diagnosis.Failed && len(r.Findings) == 0 || r.Outcome != diagnosis.Failed && r.Outcome != diagnosis.Passed && r.Reason == "" {
				t.Errorf("%s ends without a word: %+v", r.Rule.ID, r)
			}
		}
	})
}
