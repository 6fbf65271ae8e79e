package probe

import (
	"errors"
	"strings"
	"testing"
)

func TestParseLine(t *testing.T) {
	tests := []struct {
		line string
		code int
		more bool
		ok   bool
	}{
		{"220 mx", 220, false, true},
		{"220-mx", 220, true, true},
		{"220", 220, false, true},
		{"220 ", 220, false, true},
		{"559 x", 559, false, true},
		{"571 x", 571, false, true},
		{"5a1 x", 0, false, false},
		{"220mx", 0, false, false},
		{"120 mx", 0, false, false},
		{"620 mx", 0, false, false},
		{"260 mx", 0, false, false},
		{"22", 0, false, false},
		{"", 0, false, false},
		{"+OK", 0, false, false},
	}
	for _, test := range tests {
		code, more, err := parseLine(test.line)
		if code != test.code || more != test.more || (err == nil) != test.ok {
			t.Errorf("%q: %d, %v, %v", test.line, code, more, err)
		}
	}
}

func TestEnhanced(t *testing.T) {
	for line, want := range map[string]string{
		"550 5.7.1 no": "5.7.1", "250 2.0.0": "2.0.0", "550 5.7.509 no": "5.7.509", "550 4.7.1 no": "", "550 5.7 no": "",
		"550 5.7.1234 no": "", "550 5.x.1 no": "", "550 5..1 no": "", "220 mx": "", "550": "",
	} {
		if got := enhanced(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// Replies are never more than the bounds allow, and their lines are those sent.
func FuzzReplies(f *testing.F) {
	for _, seed := range []string{
		"220 mx\r\n", "220-a\r\n220 b\r\n250 c\r\n", "220\n", "\r\n", "SSH-2.0\r\n", "220-\x1b]0;\x07\r\n220 \xff\r\n", "220-a\r\n250 b\r\n",
		strings.Repeat("220-x\r\n", 101), strings.Repeat("2", 3000), "220 half",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		in := newReplies(strings.NewReader(string(raw)), 8<<10)
		for total := 0; ; {
			reply, err := in.next()
			for _, line := range reply.Lines {
				total += len(line)
				if len(line) > maxReplyLine || strings.Contains(line, "\n") || !strings.Contains(string(raw), line) {
					t.Fatalf("line %q", line)
				}
			}
			if len(reply.Lines) > maxReplyLines || total > 8<<10+maxReplyLine {
				t.Fatalf("%d lines, %d octets", len(reply.Lines), total)
			}
			if len(reply.Texts()) != len(reply.Lines) {
				t.Fatal("texts and lines differ in number")
			}
			if err == nil && (reply.Code < 200 || reply.Code > 559 || len(reply.Lines) == 0) {
				t.Fatalf("reply %+v", reply)
			}
			if err != nil {
				var garbage errGarbage
				if err.Error() == "" || errors.As(err, &garbage) && garbage.why == "" {
					t.Fatal("an error that says nothing")
				}
				return
			}
		}
	})
}
