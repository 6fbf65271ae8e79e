package cmd

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// TestLogIsInert: neither form of the log makes a terminal act.
func TestLogIsInert(t *testing.T) {
	const evil = "\x1b[31m\u009b31m\u202e\xff\r\nnext"
	for _, form := range []string{"text", "json"} {
		var log bytes.Buffer
		a := &app{err: &log, env: func(string) string { return "" }}
		a.mtaLog(mtaRunFlags{log: form}).Info("delivery", "reply", evil, "error", errors.New(evil))
		got := log.String()
		if strings.ContainsAny(got, "\x1b\u009b\u202e\r") || strings.Count(got, "\n") != 1 || !strings.Contains(got, "next") {
			t.Errorf("%s: %q", form, got)
		}
	}
}
