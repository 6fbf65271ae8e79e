package message

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestReceived(t *testing.T) {
	const day = "; Mon, 1 Jan 2024 10:00:00 +0100"
	tests := []struct{ name, in, want string }{
		{"postfix", "from mail.example.org (mail.example.org [192.0.2.25])\r\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\r\n\t key-exchange X25519 server-signature RSA-PSS (2048 bits))\r\n\t(No client certificate requested)\r\n\tby mx.example.net (Postfix) with ESMTPS id 4ABC\r\n\tfor <bob@example.net>" + day + " (CET)",
			"from=mail.example.org rdns=mail.example.org ip=192.0.2.25 by=mx.example.net with=ESMTPS id=4ABC for=bob@example.net tls=TLS 1.3/TLS_AES_256_GCM_SHA384 auth=false"},
		{"gmail", "from mail-ed1.google.com (mail-ed1.google.com. [209.85.208.41])\r\n        by mx.google.com with ESMTPS id a1-b2.3.2024\r\n        for <bob@gmail.com>\r\n        (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256 bits=128/128)" + day,
			"from=mail-ed1.google.com rdns=mail-ed1.google.com ip=209.85.208.41 by=mx.google.com with=ESMTPS id=a1-b2.3.2024 for=bob@gmail.com tls=TLS 1.3/TLS_AES_128_GCM_SHA256 auth=false"},
		{"microsoft", "from AM0PR.eurprd.example (2603:10a6:208::1) by\r\n VI1PR.eurprd.example (2603:10a6:803::2) with Microsoft SMTP Server\r\n (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id\r\n 15.20.7159.13" + day,
			"from=AM0PR.eurprd.example rdns= ip=2603:10a6:208::1 by=VI1PR.eurprd.example with=Microsoft SMTP Server id=15.20.7159.13 for= tls=TLS 1.2/TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 auth=false"},
		{"exim", "from [192.0.2.7] (helo=client.example)\r\n\tby mx.example.net with esmtpsa  (TLS1.3) tls TLS_AES_256_GCM_SHA384\r\n\t(Exim 4.96)\r\n\t(envelope-from <a@client.example>)\r\n\tid 1rK-0001\r\n\tfor bob@example.net" + day,
			"from=client.example rdns= ip=192.0.2.7 by=mx.example.net with=esmtpsa id=1rK-0001 for=bob@example.net tls=TLS 1.3/TLS_AES_256_GCM_SHA384 auth=true"},
		{"exim with a name", "from host.example ([192.0.2.7] helo=client.example) by mx.example.net with smtp (Exim 4) id 1" + day,
			"from=client.example rdns=host.example ip=192.0.2.7 by=mx.example.net with=smtp id=1 for= tls=false auth=false"},
		{"qmail", "from unknown (HELO client.example) (192.0.2.8)\r\n  by 0 with SMTP" + day,
			"from=client.example rdns= ip=192.0.2.8 by=0 with=SMTP id= for= tls=false auth=false"},
		{"unknown rdns, IPv6", "from c.example (unknown [IPv6:2001:db8::1]) by d.example with SMTP id x" + day,
			"from=c.example rdns= ip=2001:db8::1 by=d.example with=SMTP id=x for= tls=false auth=false"},
		{"local", "by host.example (Postfix, from userid 0)\r\n\tid 123" + day,
			"from= rdns= ip=invalid IP by=host.example with= id=123 for= tls=false auth=false"},
		{"oracle", "from a.example (a.example [192.0.2.1]) by b.example with ESMTP (TLSv1/SSLv3:ECDHE-RSA-AES256-GCM-SHA384:256) id y" + day,
			"from=a.example rdns=a.example ip=192.0.2.1 by=b.example with=ESMTP id=y for= tls=TLS 1.0/ECDHE-RSA-AES256-GCM-SHA384 auth=false"},
	}
	for _, tt := range tests {
		m, problems := Parse([]byte("Received: " + tt.in + "\r\n\r\n"))
		hops, more := m.Hops()
		if len(problems)+len(more) > 0 || len(hops) != 1 {
			t.Errorf("%s: %v %v", tt.name, problems, more)
			continue
		}
		h := hops[0]
		tls := fmt.Sprint(h.TLS.Used)
		if h.TLS.Version+h.TLS.Cipher != "" {
			tls = h.TLS.Version + "/" + h.TLS.Cipher
		}
		got := fmt.Sprintf("from=%s rdns=%s ip=%s by=%s with=%s id=%s for=%s tls=%s auth=%v", h.From, h.Reverse, h.Addr, h.By, h.With, h.ID, h.For, tls, h.TLS.Authenticated)
		if got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
		if want := time.Date(2024, 1, 1, 9, 0, 0, 0, time.UTC); !h.At.Equal(want) {
			t.Errorf("%s: at %s", tt.name, h.At)
		}
	}
}

func TestHops(t *testing.T) {
	m, _ := Parse([]byte(strings.Join([]string{
		"Received: from b.example by c.example; Mon, 1 Jan 2024 10:00:05 +0000",
		"Received: from a.example by b.example; Mon, 1 Jan 2024 11:00:07 +0100",
		"Received: by a.example; nonsense",
		"Received: nothing",
		"", ""}, "\r\n")))
	hops, problems := m.Hops()
	if len(hops) != 4 || hops[3].By != "c.example" || hops[3].Delay != -2*time.Second || hops[2].Delay != 0 || hops[3].Index != 0 {
		t.Errorf("hops %+v", hops)
	}
	if len(problems) != 3 || problems[0].Kind != BadDate || problems[1].Kind != BadReceived {
		t.Errorf("problems %v", problems)
	}
	m, _ = Parse([]byte(strings.Repeat("Received: by a; 1 Jan 2024 00:00 GMT\n", MaxHops+2) + "\n"))
	if hops, problems = m.Hops(); len(hops) != MaxHops || len(problems) != 1 {
		t.Errorf("%d hops, %v", len(hops), problems)
	}
}

func TestDate(t *testing.T) {
	want := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	for _, in := range []string{
		"Thu, 29 Feb 2024 13:00:00 +0100", "29 Feb 2024 12:00 GMT", "29 Feb 24 07:00:00 EST", "Thu, 29 Feb 2024 12:00:00 +0000 (UTC (really))",
		"Thu, 29 Feb 2024 04:00:00 PST", " Thu,\r\n 29 Feb 2024 12:00:00 -0000",
	} {
		if got, err := ParseDate(in); err != nil || !got.Equal(want) {
			t.Errorf("ParseDate(%q) = %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "yesterday", "2024-02-29T12:00:00Z", "Thu, 30 Feb 2024 12:00:00 +0000", strings.Repeat("1 ", 50)} {
		if got, err := ParseDate(in); err == nil {
			t.Errorf("ParseDate(%q) = %v", in, got)
		}
	}
	m, _ := Parse([]byte("Date: Thu, 29 Feb 2024 12:00:00 +0000\n\n"))
	if at, ok := m.Date(); !ok || !at.Equal(want) {
		t.Errorf("Date = %v, %v", at, ok)
	}
	m, _ = Parse([]byte("Date: Thu, 29 Feb 2024 12:00:00 +0000\nDate: Thu, 29 Feb 2024 12:00:00 +0000\n\n"))
	if _, ok := m.Date(); ok {
		t.Error("a message with two dates has one")
	}
}
