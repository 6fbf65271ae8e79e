package smtpd_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// endings are what some servers take for the end of a message, and we do not, but
// for the one that has a true end in it.
var endings = []struct {
	name, text string
	ends       bool // there is CRLF.CRLF
}{
	{"LF.LF", "\n.\n", false},
	{"LF.CRLF", "\n.\r\n", false},
	{"CRLF.LF", "\r\n.\n", false},
	{"CR.CR", "\r.\r", false},
	{"CR.LF", "\r.\n", false},
	{"CRLF.CR", "\r\n.\r", false},
	{"LF.CR", "\n.\r", false},
	{"CR.CRLF", "\r.\r\n", false},
	{"CR CRLF.CRLF", "\r\r\n.\r\n", true},
	{"CRLF.CR CRLF", "\r\n.\r\r\n", false},
	{"CRLF NUL.CRLF", "\r\n\x00.\r\n", false}, // no bare CR or LF: nothing is wrong but the NUL
	{"LF LF.CRLF", "\n\n.\r\n", false},
	{"CRLF.CRLF", "\r\n.\r\n", true},
}

const (
	before   = "Subject: outer\r\n\r\nhello"
	smuggled = "MAIL FROM:<admin@local.example>\r\nRCPT TO:<b@local.example>\r\nDATA\r\nSubject: inner\r\n\r\nsmuggled"
	trueEnd  = "\r\n.\r\n"
)

// wantText is the message that the text after DATA is, by the words of RFC 5321,
// 4.5.2, and whether it is without bare CR and LF.
func wantText(data string) (text string, clean bool) {
	lines := strings.Split(data, "\r\n")
	for i, line := range lines {
		clean = clean || i == 0
		clean = clean && !strings.ContainsAny(line, "\r\n")
		lines[i] = strings.TrimPrefix(line, ".")
	}
	return strings.Join(lines, "\r\n"), clean
}

// smuggle plays one message with an ending in it, sent in those segments, and
// returns the replies after the 354; VRFY comes behind the message.
func smuggle(c *client, segments ...string) string {
	c.envelope()
	c.say("DATA", "354")
	for _, segment := range segments {
		if segment != "" {
			c.send(segment)
		}
	}
	var replies []string
	for {
		reply := c.reply()
		if reply == "" || strings.HasPrefix(reply, "252") {
			return strings.Join(replies, ",")
		}
		replies = append(replies, reply[:10])
	}
}

// smugglers is the text after DATA for an ending, with VRFY behind it.
func smugglers(text string, ends bool) (body, all string) {
	body = before + text
	if !ends {
		body += smuggled + trueEnd
	}
	return body, body + "VRFY end\r\n"
}

// outcome is a cell of the table of smuggling (make mta-tables): what was answered
// to a message that was sent in that many ways, and what of it was stored. None of
// the commands that were smuggled was answered, so one message was seen each time.
func outcome(reply string, ways, stored int) string {
	what := "nothing"
	if stored > 0 {
		what = "as one message"
	}
	return fmt.Sprintf("%s ×%d, stored: %s", strings.TrimSpace(reply), ways, what)
}

// TestSmuggling has each ending as one segment, and split at every octet.
func TestSmuggling(t *testing.T) {
	for _, ending := range endings {
		t.Run(ending.name, func(t *testing.T) {
			for _, keep := range []bool{false, true} {
				w := play(t, func(c *smtpd.Config) { c.KeepBare = keep })
				body, all := smugglers(ending.text, ending.ends)
				text, clean := wantText(strings.TrimSuffix(body, ".\r\n"))
				want, stored := "250 2.0.0 ", 1
				if !clean && !keep {
					want, stored = "550 5.6.11", 0
				}
				c := w.open(smtpd.MX)
				c.say("EHLO client.example", "250")
				for cut := range len(all) {
					if got := smuggle(c, all[:cut], all[cut:]); got != want {
						t.Fatalf("cut at %d: replies %q, want %q", cut, got, want)
					}
				}
				c.say("QUIT", "221")
				for i, got := range w.store.texts {
					if _, got, _ = strings.Cut(got, "\r\nSubject: outer"); "Subject: outer"+got != text {
						t.Fatalf("cut at %d: stored %q, want %q", i, got, text)
					}
				}
				if n := w.store.count(); n != stored*len(all) {
					t.Errorf("keep %t: %d messages stored of %d", keep, n, len(all))
				}
				if s := w.sessions()[0]; (s.Has(smtpd.BareLF) || s.Has(smtpd.BareCR)) == clean {
					t.Errorf("keep %t: bare CR and LF are not what was noted: %v", keep, s.Noted)
				}
				t.Attr("smuggling|"+map[bool]string{false: "DATA,_two_segments", true: "the_same,_bare_ends_kept"}[keep], outcome(want, len(all), w.store.count()))
			}
		})
	}
}

// TestSmugglingOctets sends it octet by octet.
func TestSmugglingOctets(t *testing.T) {
	for _, ending := range endings[:10] {
		t.Run(ending.name, func(t *testing.T) {
			w := play(t, nil)
			c := w.open(smtpd.MX)
			c.say("EHLO client.example", "250")
			_, all := smugglers(ending.text, ending.ends)
			got := smuggle(c, strings.Split(all, "")...)
			if got != "550 5.6.11" {
				t.Errorf("replies %s", got)
			}
			n := w.store.count()
			if n != 0 {
				t.Errorf("%d messages stored", n)
			}
			t.Attr("smuggling|DATA,_octet_by_octet", outcome(got, 1, n))
		})
	}
}

// TestSmugglingBDAT has each ending in chunks, cut at every octet.
func TestSmugglingBDAT(t *testing.T) {
	for _, ending := range endings {
		t.Run(ending.name, func(t *testing.T) {
			w := play(t, func(c *smtpd.Config) { c.Limits.ClientSessions, c.Limits.ClientPerMinute = -1, -1 })
			body := before + ending.text + smuggled + "\r\n"
			clean := true
			for line := range strings.SplitSeq(body, "\r\n") {
				clean = clean && !strings.ContainsAny(line, "\r\n")
			}
			c := w.open(smtpd.MX)
			c.say("EHLO client.example", "250")
			stored := 0
			reply := ""
			for cut := range len(body) {
				c.send("MAIL FROM:<a@sender.example>\r\nRCPT TO:<b@local.example>\r\n" +
					fmt.Sprintf("BDAT %d\r\n%sBDAT %d LAST\r\n%s", cut, body[:cut], len(body)-cut, body[cut:]))
				c.expect("250 2.1.0")
				c.expect("250 2.1.5")
				c.expect("250 2.0.0")
				if clean {
					reply = c.expect("250 2.0.0 OK")[:9]
					stored++
				} else {
					reply = c.expect("550 5.6.11 ")[:10]
				}
			}
			c.say("QUIT", "221")
			if w.store.count() != stored {
				t.Errorf("%d messages stored, want %d", w.store.count(), stored)
			}
			t.Attr("smuggling|BDAT,_two_chunks", outcome(reply, len(body), w.store.count()))
			for _, text := range w.store.texts {
				if !strings.HasSuffix(text, "\r\n"+body) {
					t.Fatalf("stored %q", text)
				}
			}
		})
	}
}

// TestOutOfStep: what could be the text of a message is never read as commands.
func TestOutOfStep(t *testing.T) {
	evil := "MAIL FROM:<admin@local.example>\r\nRCPT TO:<b@local.example>\r\nDATA\r\nx\r\n.\r\n"
	for name, test := range map[string]struct {
		send    string
		replies []string
	}{
		"BDAT without a size":       {"BDAT\r\n" + evil, []string{"501 5.5.4", "421 4.7.0"}},
		"BDAT of letters":           {"BDAT x LAST\r\n" + evil, []string{"501 5.5.4", "421 4.7.0"}},
		"BDAT below zero":           {"BDAT -1\r\n" + evil, []string{"501 5.5.4", "421 4.7.0"}},
		"BDAT plus":                 {"BDAT +9\r\n" + evil, []string{"501 5.5.4", "421 4.7.0"}},
		"BDAT in hexadecimal":       {"BDAT 0x10\r\n" + evil, []string{"501 5.5.4", "421 4.7.0"}},
		"BDAT of 2^64":              {"BDAT 18446744073709551616\r\n" + evil, []string{"501 5.5.4", "421 4.7.0"}},
		"BDAT with two words":       {"BDAT 9 LAST LAST\r\n" + evil, []string{"501 5.5.4", "421 4.7.0"}},
		"BDAT with a tab":           {"BDAT\t9\r\n" + evil, []string{"421 4.7.0"}},
		"BDAT with a NUL":           {"BDAT 9\x00\r\n" + evil, []string{"421 4.7.0"}},
		"BDAT of a long line":       {"BDAT " + strings.Repeat("0", 3000) + "9\r\n" + evil, []string{"421 4.7.0"}},
		"BDAT ended by LF":          {"BDAT 9\n" + evil, []string{"500 5.5.2", "421 4.7.0"}},
		"BDAT without MAIL":         {},
		"DATA without MAIL":         {"DATA\r\n" + evil, []string{"503 5.5.1", "421 4.7.0"}},
		"DATA with an argument":     {"DATA now\r\n" + evil, []string{"501 5.5.4", "421 4.7.0"}},
		"DATA without a recipient":  {"MAIL FROM:<a@sender.example>\r\nRCPT TO:<x@ex.org>\r\nDATA\r\n" + evil, []string{"250 2.1.0", "550 5.7.1", "554 5.5.1", "421 4.7.0"}},
		"a command ended by LF":     {"MAIL FROM:<a@sender.example>\nRCPT TO:<b@local.example>\r\n" + evil, []string{"500 5.5.2", "421 4.7.0"}},
		"a command with a CR in it": {"MAIL FROM:<a@sender.example>\rRSET\r\n" + evil, []string{"500 5.5.2", "421 4.7.0"}},
		"a browser":                 {"POST / HTTP/1.1\r\n" + evil, []string{"421 4.7.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := play(t, nil)
			c := w.open(smtpd.MX)
			c.say("EHLO client.example", "250")
			if test.replies == nil { // the chunk is skipped
				size := len(evil)
				c.send(fmt.Sprintf("BDAT %d\r\n%sNOOP\r\n", size, evil))
				c.expect("503 5.5.1")
				c.expect("250 2.0.0")
				return
			}
			c.send(test.send)
			for _, want := range test.replies {
				c.expect(want)
			}
			c.gone()
			if w.store.count() != 0 {
				t.Error("stored", w.store.texts)
			}
		})
	}
}

// TestPipelinedSTARTTLS: what comes behind STARTTLS in clear is never a command.
func TestPipelinedSTARTTLS(t *testing.T) {
	for _, port := range []smtpd.Port{smtpd.MX, smtpd.Submission} {
		w := play(t, nil)
		c := w.open(port)
		c.say("EHLO evil.example", "250")
		c.send("STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@ex.org>\r\n")
		c.expect("220 ")
		c.tls()
		c.say("RCPT TO:<b@local.example>", "503 5.5.1")
		c.say("EHLO client.example", "250")
		c.say("QUIT", "221")
		c.gone()
		s := w.sessions()[0]
		if !s.Has(smtpd.PipelinedTLS) || s.HELO != "client.example" {
			t.Errorf("%v: session %+v", port, s)
		}
	}
}
