package dkim

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/peertest"
)

// dkimpy signs and verifies what comes in, a message a line, and prints one
// answer a line: the signed message, or the verdict.
const dkimpy = `
import base64, json, sys, dkim
out = sys.stdout
for line in sys.stdin:
    c = json.loads(line)
    text = base64.b64decode(c['text'])
    try:
        if c['sign']:
            d = dkim.DKIM(text, signature_algorithm=c['algorithm'].encode())
            canons = tuple(x.encode() for x in c['canon'].split('/'))
            fields = [x.encode() for x in c['fields'] or []] or None
            key = open(c['key'], 'rb').read()
            head = d.sign(b's1', b'example.org', key, canonicalize=canons, include_headers=fields, length=c['length'])
            out.write(base64.b64encode(head + text).decode())
        else:
            record = c['record'].encode()
            d = dkim.DKIM(text)
            out.write('pass' if d.verify(dnsfunc=lambda name, timeout=5: record) else 'fail')
    except dkim.DKIMException as e:
        out.write('error ' + repr(e).replace('\n', ' '))
    except Exception as e:
        out.write('exception ' + repr(e).replace('\n', ' '))
    out.write('\n')
    out.flush()
`

type dkimpyCase struct {
	Text      []byte   `json:"text"`
	Sign      bool     `json:"sign"`
	Algorithm string   `json:"algorithm"`
	Canon     string   `json:"canon"`
	Fields    []string `json:"fields"`
	Length    bool     `json:"length"`
	Key       string   `json:"key"`
	Record    string   `json:"record"`
}

// startDkimpy runs the peer. The func asks it.
func startDkimpy(t *testing.T) func(dkimpyCase) string {
	t.Helper()
	const python = "/usr/bin/python3"
	peertest.Works(t, "python3-dkim", python, "-c", "import dkim, nacl")
	cmd := exec.CommandContext(t.Context(), python, "-W", "ignore", "-c", dkimpy)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait() // killed with the test's context, or done
	})
	answers := bufio.NewReaderSize(out, 1<<20)
	return func(c dkimpyCase) string {
		if err := json.NewEncoder(in).Encode(c); err != nil {
			t.Fatal(err)
		}
		line, err := answers.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(line, "\n")
	}
}

// TestPeersSign: what dkimpy signs passes here, whole, and what was damaged gets
// the verdict that dkimpy has for it.
func TestPeersSign(t *testing.T) {
	t.Parallel()
	ask := startDkimpy(t)
	rnd := rand.New(rand.NewPCG(1, 6376))
	keys := map[bool]string{true: writeKey(t, true), false: writeKey(t, false)}
	tally := map[Code]int{}
	for n := range 60 {
		ed := n%3 == 0
		c := dkimpyCase{Text: []byte(randomMessage(rnd)), Sign: true, Algorithm: RSASHA256, Key: keys[ed], Record: signingRecord(ed), Length: n%7 == 0}
		if ed {
			c.Algorithm = Ed25519SHA256
		}
		c.Canon = []string{"simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"}[rnd.IntN(4)]
		if n%2 == 0 {
			c.Fields = []string{"from", "subject", "subject", "to", "x-odd", "from", "reply-to"}
		}
		answer := ask(c)
		signed, err := base64.StdEncoding.DecodeString(answer)
		if err != nil {
			t.Fatalf("dkimpy does not sign %q: %s", c.Text, answer)
		}
		if v := peerVerdict(t, string(signed), c.Record); v.Code != Pass {
			t.Errorf("signed by dkimpy: %s\n%q", v, signed)
		}
		c.Sign, c.Text = false, []byte(damage(rnd, string(signed)))
		tally[compareDkimpy(t, ask, c)]++
	}
	t.Logf("verdicts compared: %v", tally)
}

// TestPeersVerify: what go-msgauth signs, whole and damaged, gets the same
// verdict here and from dkimpy.
func TestPeersVerify(t *testing.T) {
	t.Parallel()
	ask := startDkimpy(t)
	rnd := rand.New(rand.NewPCG(2, 6376))
	tally := map[Code]int{}
	for n := range 120 {
		ed := n%3 == 0
		text := damage(rnd, sealed(t, rnd, randomMessage(rnd), ed))
		tally[compareDkimpy(t, ask, dkimpyCase{Text: []byte(text), Record: signingRecord(ed)})]++
	}
	t.Logf("verdicts compared: %v", tally)
	if tally[Pass] < 30 || tally[Fail] < 20 {
		t.Errorf("the messages are too much alike: %v", tally)
	}
}

func peerVerdict(t *testing.T, text, record string) Verdict {
	t.Helper()
	verdicts := Verify(t.Context(), at(record), parsed(text), time.Now())
	if len(verdicts) != 1 {
		return Verdict{Code: "none", Cause: fmt.Sprint(len(verdicts), " verdicts")}
	}
	return verdicts[0]
}

// compareDkimpy returns our verdict. Where dkimpy is known to differ it need not agree.
func compareDkimpy(t *testing.T, ask func(dkimpyCase) string, c dkimpyCase) Code {
	t.Helper()
	v := peerVerdict(t, string(c.Text), c.Record)
	theirs := ask(c)
	switch {
	case (theirs == "pass") == (v.Code == Pass):
	case v.Code == Pass && strings.Count(strings.ToLower(string(c.Text)), "\nfrom") > 1:
		// It hashes a second From even where h= names one only.
	case v.Fault == Expired && theirs == "pass":
		// It allows ten hours.
	default:
		t.Errorf("dkimpy says %s, we say %s\n%q", theirs, v, c.Text)
	}
	return v.Code
}
