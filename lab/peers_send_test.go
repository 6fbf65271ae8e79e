//go:build linux

package lab_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/compose"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/testmail"
	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// TestPeersSend: a real Postfix takes a test message over STARTTLS, says under which
// ID, and what it has in its queue still carries a signature that verifies. Where it
// refuses, its words are told with what they mean.
func TestPeersSend(t *testing.T) {
	mx := newPostfix(t)
	postcat := peertest.Program(t, "postcat")
	ca := newCA(t)
	cert := issue(t, ca, smtpscript.Certificate{Names: []string{"mx.example.org"}})
	takes := mx.present(t, "example.org", "mx.example.org", cert, held)
	strict := mx.present(t, "example.org", "mx.example.org", cert, held, "smtpd_helo_required=yes", "{smtpd_helo_restrictions=check_helo_access inline:{{out.sender.example=REJECT 5.7.1 not you}}}")
	later := mx.present(t, "example.org", "mx.example.org", cert, held, "{smtpd_recipient_restrictions=check_recipient_access inline:{{b@example.org=450 4.2.0 Greylisted}}, permit_auth_destination, reject}")
	mx.start(t)

	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	dns := resolve.NewZone([]record.Record{
		record.MX("example.org.", 10, "mx.example.org."), record.Address("mx.example.org.", netip.MustParseAddr("127.0.0.1")),
		record.TXT("s1._domainkey.sender.example.", "v=DKIM1; k=ed25519; p="+base64.StdEncoding.EncodeToString(private.Public().(ed25519.PublicKey))),
		record.TXT("_dmarc.sender.example.", "v=DMARC1; p=reject"),
	})
	from, _ := compose.ParseAddress("Änn <a@sender.example>")
	to, _ := compose.ParseAddress("b@example.org")
	text, err := compose.Message{From: from, To: []compose.Address{to}, Subject: "Grüße " + strings.Repeat("und mehr ", 20), Text: "Fröhlich.\n.\nFrom here\n  \n", HTML: "<p>" + strings.Repeat("long ", 400) + "</p>"}.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	send := func(address string) testmail.Rcpt {
		s := &testmail.Sender{DNS: dns, Deliver: &deliver.Sender{
			DNS: dns, Refuse: func(netip.Addr) string { return "" },
			Client: client.Client{Name: "out.sender.example", Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, address)
			}},
		}}
		p, err := s.Prepare(t.Context(), testmail.Mail{From: "a@sender.example", Rcpts: []string{"b@example.org"}, Text: text, Keys: []mta.Key{{Domain: "sender.example", Selector: "s1", Signer: private}}})
		if err != nil {
			t.Fatal(err)
		}
		sent := s.Send(t.Context(), p)
		d := sent.Deliveries[0]
		if d.Tries[0].Sessions[0].TLS == nil {
			t.Error("no TLS")
		}
		return d.Rcpts[0]
	}

	before := mx.holds(t)
	r := send(takes)
	fresh := slices.DeleteFunc(mx.holds(t), func(id string) bool { return slices.Contains(before, id) })
	if r.Fate != testmail.Delivered || len(fresh) != 1 || r.QueueID != fresh[0] {
		t.Fatalf("%+v; Postfix holds %v", r, fresh)
	}
	raw, err := exec.Command(postcat, "-c", filepath.Join(mx.dir, "etc"), "-bh", "-q", fresh[0]).Output()
	if err != nil {
		t.Fatal(err)
	}
	msg, problems := message.Parse(message.ToCRLF(raw))
	j := judge.Message(t.Context(), dns, msg, judge.Envelope{}, time.Now())
	if len(problems) > 0 || len(j.DKIM) != 1 || j.DKIM[0].Code != "pass" || j.DMARC.RFC9989.Code != "pass" {
		t.Errorf("%v, %s in\n%s", problems, j.Summary(), raw)
	}

	if r := send(strict); r.Fate != testmail.Refused || r.Code != 554 || !strings.Contains(r.Text, "not you") || r.Meaning.ID != "helo" {
		t.Errorf("%+v", r)
	}
	if r := send(later); r.Fate != testmail.Deferred || r.Meaning.ID != "greylisted" {
		t.Errorf("%+v", r)
	}
}
