package smtpscript

import (
	"bufio"
	"crypto/tls"
	"io"
	"strings"
	"testing"
)

// TestForMailPrograms: each protocol is told by its greeting, and answers as a
// well-behaved server.
func TestForMailPrograms(t *testing.T) {
	tests := []struct {
		name, script string
		say          []string
		want         string
	}{
		{"IMAP", "* OK ready", []string{"x1 capability", "x2 XYZZY", "x3 LOGOUT"},
			"* OK ready\n* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\nx1 OK done\nx2 BAD no such command\n* BYE logging out\nx3 OK done\n"},
		{"IMAP, scripted", "* OK ready\nCAPABILITY\n* CAPABILITY X\nTAG OK so it is", []string{"7 CAPABILITY", "8 LOGOUT"},
			"* OK ready\n* CAPABILITY X\n7 OK so it is\n* BYE logging out\n8 OK done\n"},
		{"POP3", "+OK ready", []string{"CAPA", "NOOP", "QUIT"}, "+OK ready\n+OK\nTOP\nUIDL\nSTLS\n.\n-ERR no such command\n+OK bye\n"},
		{"POP3, scripted", "+OK ready\nCAPA\n+OK\nSTLS\nUSER\n.\nSTLS\n-ERR later", []string{"CAPA", "STLS", "QUIT"}, "+OK ready\n+OK\nSTLS\nUSER\n.\n-ERR later\n+OK bye\n"},
		{"ManageSieve", "\"IMPLEMENTATION\" \"x\"\n\"STARTTLS\"\nOK \"ready\"", []string{"NOOP", "LOGOUT"},
			"\"IMPLEMENTATION\" \"x\"\n\"STARTTLS\"\nOK \"ready\"\nNO \"no such command\"\nOK \"bye\"\n"},
		{"octets that are no text", "* OK ready", []string{"\xff\xfe\xff\xff CAPABILITY", "z LOGOUT"},
			"* OK ready\n* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\n\xff\xfe\xff\xff OK done\n* BYE logging out\nz OK done\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := mustParse(t, tt.script).At(143).Connect(t.Context(), Options{CA: newCA(t)})
			if err != nil {
				t.Fatal(err)
			}
			go io.WriteString(conn, strings.Join(tt.say, "\r\n")+"\r\n")
			said, _ := io.ReadAll(conn)
			if got := strings.ReplaceAll(string(said), "\r\n", "\n"); got != tt.want {
				t.Errorf("got\n%q\nwant\n%q", got, tt.want)
			}
		})
	}
}

// TestTLSFirst: the ports where TLS comes first begin so, whatever is spoken.
func TestTLSFirst(t *testing.T) {
	for port, first := range map[uint16]bool{25: false, 465: true, 587: false, 993: true, 143: false, 995: true, 4190: false} {
		for _, greeting := range []string{"220 mx.example.org ESMTP", "* OK ready", "+OK ready", "!clear\n* OK ready"} {
			first := first && !strings.HasPrefix(greeting, "!clear")
			conn, err := mustParse(t, greeting).At(port).Connect(t.Context(), Options{CA: newCA(t)})
			if err != nil {
				t.Fatal(err)
			}
			var line string
			if first {
				secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
				line, err = bufio.NewReader(secure).ReadString('\n')
			} else {
				line, err = bufio.NewReader(conn).ReadString('\n')
			}
			if want := greeting[strings.LastIndexByte(greeting, '\n')+1:] + "\r\n"; err != nil || line != want {
				t.Errorf("port %d: %q, %v", port, line, err)
			}
			conn.Close()
		}
	}
}
