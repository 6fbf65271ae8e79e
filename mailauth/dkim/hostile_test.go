package dkim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/message"
)

// TestHostileMessages holds the bounds on what a message can cost: none of these
// takes more than a moment, though nothing in them explains their failure.
func TestHostileMessages(t *testing.T) {
	bad := " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;"
	many := func(body string) string {
		text := letter + body
		for i := range MaxSignatures {
			tags := relaxedTags + bad
			if i%2 == 1 {
				tags = fmt.Sprintf("%s l=%d;", relaxedTags+bad, i)
			}
			text = sign(t, text, tags, rsaPair())
		}
		return text
	}
	fields := strings.Repeat("X-A: <a@b.example> =?utf-8?q?x?=; a=\"b\"\r\nReply-To: a@b.example\r\nX-Original-From: c@d.example\r\n", 250)
	names := strings.Repeat(":x-a:reply-to:subject", 300)
	for name, text := range map[string]string{
		"short lines":  many(strings.Repeat("a\r\n", 1<<17)),
		"blank lines":  many(strings.Repeat("\r\n", 1<<17) + "x\r\n"),
		"white space":  many(strings.Repeat(" \t", 1<<17) + "x\r\n"),
		"one line":     many(strings.Repeat("x", 1<<20)),
		"boundaries":   many(strings.Repeat("--\r\n", 4000)),
		"bare LF":      many(strings.Repeat("x\n", 1<<17) + "\r\n"),
		"many fields":  replace(sign(t, fields+letter, "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1; h=from"+names+";", rsaPair()), "Subject: Hello", "Subject: [a] [b] [c] [d] Bye"),
		"fields, ed":   replace(sign(t, fields+letter, "v=1; a=ed25519-sha256; d=example.org; s=s1; h=from"+names+";", edPair()), "Subject: Hello", "Subject: [a] [b] [c] [d] Bye"),
		"long subject": replace(sign(t, letter, relaxedTags, rsaPair()), "Subject: Hello", "Subject: "+strings.Repeat("[x] ", 60_000)),
	} {
		record := rsaPair().record()
		if strings.Contains(name, "ed") {
			record = edPair().record()
		}
		m, _ := message.Parse([]byte(text))
		start := time.Now()
		for _, v := range Verify(t.Context(), at(record), m, today) {
			if v.Code == Pass {
				t.Errorf("%s: %s", name, v)
			}
		}
		if took := time.Since(start); took > 8*time.Second { // on a machine that has much else to do
			t.Errorf("%s took %s", name, took)
		}
	}
}
