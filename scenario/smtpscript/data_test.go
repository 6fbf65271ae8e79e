package smtpscript

import (
	"bufio"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestMessage: what a server makes of a message, which is sent at once and
// followed by nothing.
func TestMessage(t *testing.T) {
	tests := []struct {
		name, script, message string
		want                  string // empty: it waits for more
	}{
		{"proper", "220 mx", "Subject: x\r\n\r\nhello\r\n..\r\n.\r\n", "250 2.0.0 taken, and forgotten\r\n"},
		{"empty", "220 mx", ".\r\n", "250 2.0.0 taken, and forgotten\r\n"},
		{"not ended", "220 mx", "Subject: x\r\n\r\nhello\r\n.", ""},
		{"bare LF", "220 mx", "hello\nthere", "550 5.5.2 bare <LF> received\r\n"},
		{"bare CR", "220 mx", "hello\rthere", "550 5.5.2 bare <CR> received\r\n"},
		{"two CR", "220 mx", "hello\r\r\n", "550 5.5.2 bare <CR> received\r\n"},
		{"lets bare ones through", "!ends crlf.crlf\n220 mx", "hello\n.\n.\r\n.\r.\r\n", ""},
		{"and takes a message", "!ends crlf.crlf\n220 mx", "hello\n.\r\n\r\n.\r\n", "250 2.0.0 taken, and forgotten\r\n"},
		{"takes LF.CRLF for an end", "!ends lf.crlf\n220 mx", "hello\n.\r\n", "250 2.0.0 taken, and forgotten\r\n"},
		{"but LF.LF not", "!ends lf.crlf\n220 mx", "hello\n.\n", ""},
		{"one of two", "!ends lf.lf crlf.cr\n220 mx", "hello\r\n.\r", "250 2.0.0 taken, and forgotten\r\n"},
		{"an answer of its own", "220 mx\nMESSAGE\n554 5.7.1 spam", "hello\r\n.\r\n", "554 5.7.1 spam\r\n"},
		{"more than anybody sends", "220 mx", strings.Repeat("x", maxData), "(closed)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, err := mustParse(t, test.script).Connect(t.Context(), Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(time.Minute))
				in := bufio.NewReader(conn)
				in.ReadString('\n')
				for _, line := range []string{"MAIL FROM:<>", "RCPT TO:<a@b>", "DATA"} {
					io.WriteString(conn, line+"\r\n")
					in.ReadString('\n')
				}
				io.WriteString(conn, test.message)
				got, err := in.ReadString('\n')
				if err == io.EOF {
					got = "(closed)"
				}
				if got != test.want {
					t.Errorf("got %q (%v), want %q", got, err, test.want)
				}
			})
		})
	}
}
