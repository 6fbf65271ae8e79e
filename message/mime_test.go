package message

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const tree = "Content-Type: multipart/mixed; boundary=\"a b\"\r\n\r\npreamble\r\n--a b\r\n" +
	"Content-Type: multipart/alternative; boundary=inner\r\n\r\n" +
	"--inner\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n--inner\r\n" +
	"Content-Type: text/html\r\n\r\n<p>\r\n\r\n--inner--\r\nepilogue\r\n" +
	"--a b  \r\nContent-Type: message/rfc822\r\n\r\nSubject: inside\r\nContent-Type: text/plain\r\n\r\nenclosed\r\n" +
	"--a b\r\nContent-Type: image/png; name=x.png\r\nContent-Disposition: attachment;\r\n filename*=utf-8''..%2F%C3%BC.png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n AwQ=\r\n" +
	"--a b--\r\n"

func TestParts(t *testing.T) {
	m, _ := Parse([]byte(tree))
	parts, problems := m.Parts()
	if len(problems) != 0 {
		t.Errorf("problems %v", problems)
	}
	var got []string
	for _, p := range parts {
		body, err := p.Decoded(100)
		if p.Multipart() || p.Enclosed() {
			body = nil
		}
		got = append(got, fmt.Sprintf("%s %s %d %s %s %q %v", p.Path, p.Type, p.Parent, p.Encoding, p.Filename, body, err))
	}
	want := ` multipart/mixed -1 7bit  "" <nil>
1 multipart/alternative 0 7bit  "" <nil>
1.1 text/plain 1 quoted-printable  "Grüße" <nil>
1.2 text/html 1 7bit  "<p>\r\n" <nil>
2 message/rfc822 0 7bit  "" <nil>
2.1 text/plain 4 7bit  "enclosed" <nil>
3 image/png 0 base64 ü.png "\x00\x01\x02\x03\x04" <nil>`
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("got:\n%s\nwant:\n%s", s, want)
	}
	if f := parts[5].Fields[0]; f.Text() != "inside" || f.Line != 22 {
		t.Errorf("enclosed subject: %+v", f)
	}
	if parts[2].Charset() != "utf-8" || parts[3].Charset() != "us-ascii" || !parts[2].Text() || parts[6].Text() {
		t.Error("charset or text is wrong")
	}
}

func TestFaultyMIME(t *testing.T) {
	tests := []struct {
		name, in string
		parts    string
		problems int
	}{
		{"no type", "A: b\n\nx", "text/plain", 0},
		{"nonsense type", "Content-Type: nonsense\n\nx", "text/plain", 0},
		{"no boundary", "Content-Type: multipart/mixed\n\nx", "multipart/mixed", 1},
		{"long boundary", "Content-Type: multipart/mixed; boundary=" + strings.Repeat("x", 71) + "\n\nx", "multipart/mixed", 1},
		{"never closed", "Content-Type: multipart/mixed; boundary=x\n\n--x\n\na", "multipart/mixed text/plain", 1},
		{"inner never closed", "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=y\n\n--y\n\na\n--x--\n", "multipart/mixed multipart/mixed text/plain", 1},
		{"boundary in a header", "Content-Type: multipart/mixed; boundary=x\n\n--x\nA: b\n--x--\n", "multipart/mixed text/plain", 0},
		{"a prefix is no boundary", "Content-Type: multipart/mixed; boundary=x\n\n--x\n\n--xy\n--x--\n", "multipart/mixed text/plain", 0},
		{"digest", "Content-Type: multipart/digest; boundary=x\n\n--x\n\nSubject: y\n\nz\n--x--\n", "multipart/digest message/rfc822 text/plain", 0},
		{"broken parameters", "Content-Type: multipart/mixed; boundary=x; charset=\"\n\n--x\n\n--x--\n", "multipart/mixed text/plain", 1},
		{"closed twice", "Content-Type: multipart/mixed; boundary=x\n\n--x\n\n--x--\n--x\n\n--x--\n", "multipart/mixed text/plain", 0},
		{"ends with --", "Content-Type: multipart/mixed; boundary=\"x--\"\n\n--x--\n\na\n--x----\n", "multipart/mixed text/plain", 0},
	}
	for _, tt := range tests {
		m, _ := Parse([]byte(tt.in))
		parts, problems := m.Parts()
		var types []string
		for _, p := range parts {
			types = append(types, p.Type)
		}
		if got := strings.Join(types, " "); got != tt.parts || len(problems) != tt.problems {
			t.Errorf("%s: %s, %v; want %s, %d problems", tt.name, got, problems, tt.parts, tt.problems)
		}
	}
	p := Part{Encoding: "base64", Body: []byte("====")}
	if _, err := p.Decoded(10); err == nil {
		t.Error("broken base64 decodes")
	}
	p = Part{Encoding: "x-gzip64", Body: []byte("abc")}
	if got, err := p.Decoded(2); err == nil || string(got) != "ab" {
		t.Errorf("unknown encoding: %q, %v", got, err)
	}
}

// TestHostileMIME holds the bounds on what a structure can cost.
func TestHostileMIME(t *testing.T) {
	var deep strings.Builder
	for i := range MaxDepth + 50 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	lines := strings.Repeat("--x\n", 1<<20)
	for name, in := range map[string]string{
		"many parts": "Content-Type: multipart/mixed; boundary=x\n\n" + strings.Repeat("--x\n\n\n", 3*MaxParts),
		"deep":       deep.String() + lines,
		"enclosed":   strings.Repeat("Content-Type: message/rfc822\n\n", 3*MaxParts),
		"fields":     "Content-Type: multipart/mixed; boundary=x\n\n" + strings.Repeat("--x\n"+strings.Repeat("A:\n", 200)+"\n", 2000),
	} {
		m, _ := Parse([]byte(in))
		start := time.Now()
		parts, problems := m.Parts()
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("%s took %s", name, took)
		}
		fields := 0
		for _, p := range parts[1:] {
			fields += len(p.Fields)
		}
		if len(parts) > MaxParts || len(problems) > maxProblems || fields > allPartFields {
			t.Errorf("%s: %d parts, %d problems, %d fields", name, len(parts), len(problems), fields)
		}
	}
}
