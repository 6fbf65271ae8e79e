package cmd_test

import (
	"net"
	"net/textproto"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var (
	issuedAddress = regexp.MustCompile(`test-[a-z2-7]{20}@[a-z.]+`)
	listeningAt   = regexp.MustCompile(`(?:Listening at|port=mx address=)\s*(\S+)`)
)

// posted [FILE] waits for an inbox whose output goes to out.txt and err.txt, or that
// uses a server whose log goes to mta.txt; it sets $ADDRESS and
// $PORT, and holds the dialogue of FILE with it: "<250" waits for that answer,
// and other lines are sent; \c at their end keeps CRLF away, and \n is LF.
func posted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: posted [FILE]")
	}
	address, at := "", ""
	for end := time.Now().Add(10 * time.Second); address == "" || at == ""; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("nobody listens: %s %s", read(ts, "out.txt"), read(ts, "err.txt"))
		}
		address = issuedAddress.FindString(read(ts, "out.txt"))
		if found := listeningAt.FindStringSubmatch(read(ts, "err.txt") + read(ts, "mta.txt")); found != nil {
			at = found[1]
		}
	}
	_, port, err := net.SplitHostPort(at)
	ts.Check(err)
	ts.Setenv("ADDRESS", address)
	ts.Setenv("PORT", port)
	if len(args) == 0 {
		return
	}
	conn, err := net.Dial("tcp", at)
	ts.Check(err)
	defer conn.Close()
	ts.Check(conn.SetDeadline(time.Now().Add(10 * time.Second)))
	text := textproto.NewConn(conn)
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		line = strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "$ADDRESS", address)
		if want, ok := strings.CutPrefix(line, "<"); ok {
			code, said, err := text.ReadResponse(0)
			if strconv.Itoa(code) != want {
				ts.Fatalf("%d %s, %v; want %s", code, said, err, want)
			}
			continue
		}
		line = strings.TrimSuffix(line+"\r\n", "\\c\r\n")
		_, err := conn.Write([]byte(strings.ReplaceAll(line, `\n`, "\n")))
		ts.Check(err)
	}
}

// read is what a file holds so far.
func read(ts *testscript.TestScript, name string) string {
	text, err := os.ReadFile(ts.MkAbs(name))
	if err != nil && !os.IsNotExist(err) {
		ts.Fatalf("%v", err)
	}
	return string(text)
}
