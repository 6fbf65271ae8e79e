package lab_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/lab"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

const postal = `Two domains that write to each other.
domain: to.example
world: none

-- zone to.example --
@ MX 10 mx
mx A 198.51.100.2
mta-sts A 198.51.100.3
_mta-sts TXT "v=STSv1; id=1;"
-- zone from.example --
@ TXT "v=spf1 ip4:198.51.100.1 -all"
_dmarc TXT "v=DMARC1; p=POLICY"
-- zone null.example --
@ MX 0 .
-- https/mta-sts.to.example/.well-known/mta-sts.txt --
version: STSv1
mode: enforce
mx: HOST
max_age: 86400
`

// TestPost: a letter goes as the DNS, the policies and the certificates of the world
// have it.
func TestPost(t *testing.T) {
	for _, test := range []struct {
		name, to, policy, host, client string
		status                         deliver.Status
		text                           string // of the result
		folder                         string // "-" for none
	}{
		{"all is well", "b@to.example", "reject", "mx.to.example", "198.51.100.1", deliver.Delivered, "2.0.0", ""},
		{"rejected", "b@to.example", "reject", "mx.to.example", "198.51.100.9", deliver.Permanent, "5.7.26", "-"},
		{"quarantined", "b@to.example", "quarantine", "mx.to.example", "198.51.100.9", deliver.Delivered, "2.0.0", "Junk"},
		{"another host in the policy", "b@to.example", "none", "other.example", "198.51.100.1", deliver.Temporary, "", "-"},
		{"null MX", "b@null.example", "none", "mx.to.example", "198.51.100.1", deliver.Permanent, "5.1.10", "-"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := scenario.Parse([]byte(strings.NewReplacer("POLICY", test.policy, "HOST", test.host).Replace(postal)))
			if err != nil {
				t.Fatal(err)
			}
			l, err := lab.Start(s)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			client, err := l.Client(resolve.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			p, err := l.Post(ctx, lab.Letter{
				From: "a@from.example", To: test.to, Text: []byte("From: a@from.example\nSubject: test\n\nHello.\n"),
				Client: netip.MustParseAddr(test.client), HELO: "out.from.example", Holder: "mx.to.example", DNS: client,
				HTTP: &probe.Fetcher{Dial: l.Dial, RootCAs: l.CA.Pool(), Now: l.Clock()},
			})
			if err != nil || len(p.Attempt.Results) != 1 {
				t.Fatal(err, p.Attempt)
			}
			r := p.Attempt.Results[0]
			if r.Status != test.status || test.text != "" && r.Enhanced != test.text {
				t.Errorf("%s %s %q", r.Status, r.Enhanced, r.Text)
			}
			switch {
			case (p.Stored == nil) != (test.folder == "-"):
				t.Fatalf("stored: %v", p.Stored)
			case p.Stored == nil:
			case p.Stored.Folder != test.folder || !strings.Contains(string(p.Stored.Text), "\r\n\r\nHello.\r\n"):
				t.Errorf("in %q:\n%s", p.Stored.Folder, p.Stored.Text)
			}
			if p.Judgement != nil && p.Judgement.Envelope.Client.String() != test.client {
				t.Errorf("judged as from %s", p.Judgement.Envelope.Client)
			}
			for _, session := range p.Attempt.Sessions {
				if session.Policy.Source != deliver.STS {
					t.Errorf("policy %s", session.Policy)
				}
			}
		})
	}
}
