package authres

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	msgauth "github.com/emersion/go-msgauth/authres"

	"github.com/maildoctor/maildoctor/peertest"
)

// random makes fields as a receiver writes them; plainly without what needs
// quotes or comments.
func random(r *rand.Rand, plainly bool) Results {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	senders := []string{"a@example.net", "bounce+x=y@mail.example.net"}
	comments, domains := []string{""}, []string{"example.net", "a.b.example"}
	if !plainly {
		senders = append(senders, `"a b"@example.net`, `"a;\"b"@example.net`)
		comments = append(comments, "a comment", "with (another) in it; and more", `back\slash "quote"`)
		domains = append(domains, "_x.example", "xn--mnchen-3ya.example")
	}
	out := Results{ID: pick("mx.example.org", "a.example"), Version: r.IntN(2)}
	for range r.IntN(5) {
		value := pick("pass", "fail", "none", "neutral", "temperror")
		var one Result
		switch r.IntN(4) {
		case 0:
			one = SPF(value, pick(senders...), "h.example")
		case 1:
			one = DKIM(value, pick(domains...), "", pick("s1", "s2"), "rsa-sha256", "")
		case 2:
			one = DMARC(value, pick(domains...), "", "")
		case 3:
			one = Auth(value, pick(senders...))
		}
		one.Comment = pick(comments...)
		if !plainly && r.IntN(3) == 0 {
			one.Reason = pick("because", "two words", `a "quote"; and so on`)
		}
		out.List = append(out.List, one)
	}
	return out
}

// TestMsgauth compares with go-msgauth where its reader can follow.
func TestMsgauth(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		results := random(r, true)
		field := unfolded(results.Field())
		id, list, err := msgauth.Parse(field)
		if err != nil || id != results.ID || len(list) != len(results.List) {
			t.Fatalf("%s: %q, %d results, %v", field, id, len(list), err)
		}
		for i, one := range list {
			mine := results.List[i]
			var method, value, detail string
			switch one := one.(type) {
			case *msgauth.SPFResult:
				method, value, detail = "spf", string(one.Value), one.From
			case *msgauth.DKIMResult:
				method, value, detail = "dkim", string(one.Value), one.Domain
			case *msgauth.DMARCResult:
				method, value, detail = "dmarc", string(one.Value), one.From
			case *msgauth.AuthResult:
				method, value, detail = "auth", string(one.Value), one.Auth
			}
			if method != mine.Method || value != mine.Value || detail != mine.Properties[0].Value {
				t.Fatalf("%s: %s=%s %s, want %+v", field, method, value, detail, mine)
			}
		}
		// And what it writes is read here.
		read, problems := Parse(msgauth.Format(id, list))
		if read.ID != results.ID || len(read.List) != len(results.List) || len(problems) > 0 {
			t.Fatalf("%s: read %+v, %+v", msgauth.Format(id, list), read, problems)
		}
	}
}

const peer = `
import json, sys, authres
for line in sys.stdin:
    try:
        h = authres.AuthenticationResultsHeader.parse(json.loads(line))
        print(json.dumps({'id': h.authserv_id, 'list': [
            {'method': r.method, 'value': r.result, 'reason': r.reason or '',
             'properties': [{'type': p.type, 'name': p.name, 'value': p.value} for p in r.properties]} for r in h.results]}))
    except Exception as e:
        print(json.dumps({'id': 'exception ' + repr(e)}))
`

type peerResult struct {
	Method     string `json:"method"`
	Value      string `json:"value"`
	Reason     string `json:"reason"`
	Properties []struct {
		Type, Name, Value string
	} `json:"properties"`
}

// TestPeers compares with Python's authres, which knows quotes and comments, but
// neither unfolds a quoted string nor takes its backslashes out, as RFC 5322,
// 2.2.3 and 3.2.4, has it; both is done for it.
func TestPeers(t *testing.T) {
	const python = "/usr/bin/python3"
	peertest.Works(t, "python3-authres, which comes with python3-dkim,", python, "-c", "import authres")
	r := rand.New(rand.NewPCG(3, 4))
	var input strings.Builder
	var all []Results
	for range 200 {
		results := random(r, false)
		line, err := json.Marshal(FieldName + ": " + unfolded(results.Field()))
		if err != nil {
			t.Fatal(err)
		}
		input.Write(append(line, '\n'))
		all = append(all, results)
	}
	cmd := exec.Command(python, "-c", peer)
	cmd.Stdin = strings.NewReader(input.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(all) {
		t.Fatalf("%d answers to %d questions", len(lines), len(all))
	}
	for i, line := range lines {
		var theirs struct {
			ID   string       `json:"id"`
			List []peerResult `json:"list"`
		}
		if err := json.Unmarshal([]byte(line), &theirs); err != nil {
			t.Fatal(err)
		}
		if got, want := peerText(theirs.ID, theirs.List), mineText(all[i]); got != want {
			t.Errorf("%s\npeer %s\nhere %s", all[i].Field(), got, want)
		}
	}
}

func peerText(id string, list []peerResult) string {
	var b strings.Builder
	b.WriteString(id)
	for _, r := range list {
		reason := strings.ReplaceAll(r.Reason, `\"`, `"`)
		fmt.Fprintf(&b, "; %s=%s %q", r.Method, r.Value, reason)
		for _, p := range r.Properties {
			fmt.Fprintf(&b, " %s.%s=%s", p.Type, p.Name, p.Value)
		}
	}
	return b.String()
}

func mineText(results Results) string {
	read, _ := Parse(results.String())
	var list []peerResult
	for _, r := range read.List {
		one := peerResult{Method: r.Method, Value: r.Value, Reason: r.Reason}
		for _, p := range r.Properties {
			one.Properties = append(one.Properties, struct{ Type, Name, Value string }{p.Type, p.Name, p.Value})
		}
		list = append(list, one)
	}
	return peerText(read.ID, list)
}
