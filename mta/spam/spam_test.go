package spam_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/mta/spam"
)

func recorded(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// daemon is a spamd whose reply to each command is given; asked keeps the requests.
func daemon(replies map[string][]byte, asked *bytes.Buffer) *spam.Spamd {
	return &spam.Spamd{Network: "tcp", Address: "127.0.0.1:783", Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			head := make([]byte, 0, 4096)
			one := make([]byte, 1)
			for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
				if _, err := server.Read(one); err != nil {
					return
				}
				head = append(head, one...)
			}
			command, _, _ := bytes.Cut(head, []byte(" "))
			length := 0
			if _, rest, ok := bytes.Cut(head, []byte("Content-length: ")); ok {
				_, _ = fmt.Sscanf(string(rest), "%d", &length)
			}
			body := make([]byte, length)
			if _, err := io.ReadFull(server, body); err != nil {
				return
			}
			if asked != nil {
				asked.Write(append(head, body...))
			}
			_, _ = server.Write(replies[string(command)])
		}()
		return client, nil
	}}
}

// What real daemons answered is read whole.
func TestSpamd(t *testing.T) {
	var asked bytes.Buffer
	s := daemon(map[string][]byte{
		"PING": recorded(t, "spamd-4.0.1-ping.reply"), "CHECK": recorded(t, "spamd-4.0.1-check.reply"),
		"SYMBOLS": recorded(t, "spamd-4.0.1-symbols.reply"), "REPORT": recorded(t, "spamd-4.0.1-report.reply"),
	}, &asked)
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	v, err := s.Check(t.Context(), []byte("a mail"))
	if got := show(v); err != nil || got != "ham 3.9/5" {
		t.Errorf("CHECK: %s, %v", got, err)
	}
	v, err = s.Symbols(t.Context(), []byte("a mail"))
	if got := show(v); err != nil || got != "ham 3.9/5 DATE_IN_PAST_96_XX=? () RCVD_ILLEGAL_IP=? ()" {
		t.Errorf("SYMBOLS: %s, %v", got, err)
	}
	asked.Reset()
	v, err = s.Judge(t.Context(), []byte("a mail"), spam.Envelope{})
	if got := show(v); err != nil || got != "ham 3.9/5 DATE_IN_PAST_96_XX=2.6 (Date: is 96 hours or more before Received: date) RCVD_ILLEGAL_IP=1.3 (Received: contains illegal IP address)" {
		t.Errorf("REPORT: %s, %v", got, err)
	}
	if got := asked.String(); got != "REPORT SPAMC/1.5\r\nContent-length: 6\r\n\r\na mail" {
		t.Errorf("asked %q", got)
	}
	v, err = daemon(map[string][]byte{"REPORT": recorded(t, "spamd-4.0.1-gtube.reply")}, nil).Judge(t.Context(), []byte("x"), spam.Envelope{})
	if err != nil || !v.Spam || v.Score != 1000 || v.Rules[0].Name != "GTUBE" || v.Rules[0].Points != 1000 {
		t.Errorf("%+v, %v", v, err)
	}
}

// show is a verdict in a line.
func show(v spam.Verdict) string {
	s := map[bool]string{true: "spam", false: "ham"}[v.Spam] + fmt.Sprintf(" %v/%v", v.Score, v.Threshold)
	if v.Action != "" {
		s += " " + v.Action
	}
	for _, r := range v.Rules {
		points := fmt.Sprint(r.Points)
		if !r.Told {
			points = "?"
		}
		s += fmt.Sprintf(" %s=%s (%s)", r.Name, points, r.Text)
	}
	return s
}

// Replies that no spamd gives do no harm, and the error says what was wrong.
func TestHostileReplies(t *testing.T) {
	long := strings.Repeat("x", spam.MaxReply+100)
	ok := "SPAMD/1.1 0 EX_OK\r\n"
	head := ok + "Spam: False ; 1.0 / 5.0\r\n"
	for _, c := range []struct{ name, reply, want string }{
		{"nothing", "", "ends in the middle"},
		{"another protocol", "220 mx.example.org ESMTP\r\n", "does not speak the protocol of spamd"},
		{"an error", "SPAMD/1.0 76 Bad header line: \x1b]2;x\r\n", `it answers 76: "Bad header line: \x1b]2;x"`},
		{"no end of the line", long, "a line of more than"},
		{"no end of the header", ok + "A: b\r\n", "ends in the middle"},
		{"a header without end", ok + strings.Repeat("A: b\r\n", 50000), ""},
		{"many fields", ok + manyFields(), "in its header"},
		{"no score", ok + "\r\n", "has no score"},
		{"no number", ok + "Spam: False ; NaN / 5.0\r\n\r\n", "no number of points"},
		{"too great a number", ok + "Spam: True ; 1e300 / 5.0\r\n\r\n", "no number of points"},
		{"neither spam nor ham", ok + "Spam: Perhaps ; 1 / 5\r\n\r\n", "does not say whether"},
		{"too long", head + "Content-length: 99999999999\r\n\r\nx", "octets are read at most"},
		{"a negative length", head + "Content-length: -1\r\n\r\nx", "octets are read at most"},
		{"cut off", head + "Content-length: 100\r\n\r\nx", "ends after 1 of 100 octets"},
		{"more than fits", head + "\r\n" + long, "more than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := daemon(map[string][]byte{"REPORT": []byte(c.reply)}, nil).Judge(t.Context(), []byte("x"), spam.Envelope{})
			if err == nil && c.want != "" || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, %v; want %q", v, err, c.want)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\x1b\r\n") {
				t.Errorf("the error would act on a terminal: %q", err)
			}
		})
	}
	many := head + "\r\n---- ---- ----\n" + strings.Repeat(" 1.0 RULE "+strings.Repeat("y", 2000)+"\n", 400)
	v, err := daemon(map[string][]byte{"REPORT": []byte(many)}, nil).Judge(t.Context(), []byte("x"), spam.Envelope{})
	if err != nil || len(v.Rules) != 400 || len(v.Rules[0].Text) > spam.MaxText+4 {
		t.Errorf("%d rules, %v", len(v.Rules), err)
	}
}

func manyFields() string {
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, "A%d: b\r\n", i)
	}
	return b.String()
}

// A daemon that takes the message and says nothing costs the time that it is given.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &spam.Spamd{Network: "tcp", Address: "x", Time: 3 * time.Second, Dial: func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, server); server.Close() }()
			return client, nil
		}}
		start := time.Now()
		_, err := s.Judge(t.Context(), []byte("x"), spam.Envelope{})
		if took := time.Since(start); err == nil || err.Error() != "it did not answer in time" || took != 3*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := s.Judge(ctx, []byte("x"), spam.Envelope{}); !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted: %v", err)
		}
	})
}

// What is too large is not sent.
func TestTooLarge(t *testing.T) {
	s := &spam.Spamd{Dial: func(context.Context, string, string) (net.Conn, error) { panic("asked") }}
	_, err := s.Judge(t.Context(), make([]byte, spam.MaxMessage+1), spam.Envelope{})
	if err == nil || !strings.Contains(err.Error(), "51 MB") {
		t.Error(err)
	}
	r, _ := spam.ParseRspamd("http://127.0.0.1:1")
	if _, err := r.Judge(t.Context(), make([]byte, spam.MaxMessage+1), spam.Envelope{}); err == nil || !strings.Contains(err.Error(), "51 MB") {
		t.Error(err)
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{"127.0.0.1": "tcp 127.0.0.1:783", "mx.example.org:7830": "tcp mx.example.org:7830", "[::1]": "tcp [::1]:783", "::1": "tcp [::1]:783", "unix:/run/spamd.sock": "unix /run/spamd.sock",
		"": "", ":783": "", "unix:spamd.sock": "", "http://x/": "", "a b": "", "x:": ""} {
		s, err := spam.ParseSpamd(text)
		got := ""
		if err == nil {
			got = s.Network + " " + s.Address
		}
		if got != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	for text, good := range map[string]bool{"http://127.0.0.1:11333": true, "https://rspamd.example.org/scan/": true, "127.0.0.1:11333": false, "http://": false, "http://u:secret@x/": false, "http://x/?password=x": false, "": false} {
		_, err := spam.ParseRspamd(text)
		if (err == nil) != good || err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// What a real rspamd answered is read; it was told the envelope and the password.
func TestRspamd(t *testing.T) {
	_, body, _ := bytes.Cut(recorded(t, "rspamd-3.4.reply"), []byte("\r\n\r\n"))
	var header http.Header
	var path, sent string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		header, path, sent = r.Header, r.URL.Path, string(data)
		_, _ = w.Write(body)
	}))
	defer server.Close()
	s, err := spam.ParseRspamd(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	s.Password = func() string { return "q1" }
	v, err := s.Judge(t.Context(), []byte("a mail"), spam.Envelope{Client: netip.MustParseAddr("192.0.2.26"), HELO: "mail.example.org", Known: true})
	if err != nil || !v.Spam || v.Action != "add header" || v.Score != 9.3 || v.Threshold != 15 || len(v.Rules) != 22 || v.Rules[0].Name != "HFILTER_HOSTNAME_UNKNOWN" || v.Rules[0].Points != 2.5 {
		t.Errorf("%s, %v", show(v), err)
	}
	if path != "/checkv2" || sent != "a mail" || header.Get("Password") != "q1" || header.Get("IP") != "192.0.2.26" || header.Get("Helo") != "mail.example.org" || header.Get("From") != "<>" {
		t.Errorf("asked %s %q with %v", path, sent, header)
	}
	if _, err := s.Judge(t.Context(), nil, spam.Envelope{HELO: "a\r\nPassword: x"}); err != nil || header.Get("Helo") != "" {
		t.Errorf("%v, %v", err, header)
	}
}

func TestRspamdHostile(t *testing.T) {
	for _, c := range []struct {
		name, body, want string
		code             int
	}{
		{"no JSON", "<html>\x1b]2;x", "not that of /checkv2", 200},
		{"no score", "{}", "has no score", 200},
		{"an error", `{"error":"no \u001b memory"}`, `"no \x1b memory"`, 200},
		{"too great a score", `{"score":1e300}`, "no number of points", 200},
		{"too long", `{"score":1,"x":"` + strings.Repeat("x", spam.MaxReply) + `"}`, "more than", 200},
		{"the password", `{"error":"Unauthorized"}`, "RSPAMD_PASSWORD", 403},
		{"broken", "\x1b]2;x", `it answers 500: "\x1b]2;x"`, 500},
		{"elsewhere", "", "it answers 302", 302},
		{"deep", strings.Repeat("[", 100000), "not that of /checkv2", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if c.code == 302 {
					if r.URL.Path != "/checkv2" {
						t.Error("the redirection is followed")
					}
					w.Header().Set("Location", "/elsewhere")
				}
				w.WriteHeader(c.code)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			s, _ := spam.ParseRspamd(server.URL)
			_, err := s.Judge(t.Context(), []byte("x"), spam.Envelope{})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.ContainsAny(err.Error(), "\x1b") {
				t.Errorf("got %q, want %q", err, c.want)
			}
		})
	}
}

// Whatever a spamd answers, reading ends, within bounds.
func FuzzSpamd(f *testing.F) {
	for _, name := range []string{"ping", "check", "symbols", "report", "gtube"} {
		f.Add(recorded(f, "spamd-4.0.1-"+name+".reply"))
	}
	f.Add([]byte("SPAMD/1.1 0 EX_OK\r\nSpam: True ; -1.5 / .\r\nContent-length: 3\r\n\r\nA,B"))
	f.Fuzz(func(t *testing.T, data []byte) {
		replies := map[string][]byte{"REPORT": data, "SYMBOLS": data}
		v, err := daemon(replies, nil).Judge(t.Context(), []byte("x"), spam.Envelope{})
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("the error would act on a terminal: %q", err)
			}
			return
		}
		if math.IsNaN(v.Score) || math.IsInf(v.Score, 0) || math.IsInf(v.Threshold, 0) || len(v.Rules) > spam.MaxRules {
			t.Errorf("%+v", v)
		}
		for _, r := range v.Rules {
			if len(r.Name) > 100 || len(r.Text) > spam.MaxText+4 || math.IsNaN(r.Points) {
				t.Errorf("%+v", r)
			}
		}
	})
}
