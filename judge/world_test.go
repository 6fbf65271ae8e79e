package judge_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	msgauth "github.com/emersion/go-msgauth/dkim"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

var arrival = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// key is the one with which everybody signs in these tests.
var key = ed25519.NewKeyFromSeed([]byte("maildoctor judges mail in tests!"))

func keyRecord() string {
	return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
}

// base is a world of one author, a service that sends for others, a forwarder and a
// list.
func base() []record.Record {
	addr := func(s string) netip.Addr { return netip.MustParseAddr(s) }
	return []record.Record{
		record.TXT("author.example.", "v=spf1 ip4:192.0.2.25 -all"),
		record.TXT("_dmarc.author.example.", "v=DMARC1; p=reject; rua=mailto:d@author.example"),
		record.TXT("s1._domainkey.author.example.", keyRecord()),
		record.Address("mail.author.example.", addr("192.0.2.25")),
		record.TXT("mail.author.example.", "v=spf1 a -all"),
		{Name: "25.2.0.192.in-addr.arpa.", Type: "PTR", Data: "mail.author.example."},

		record.TXT("service.example.", "v=spf1 ip4:192.0.2.50 -all"),
		record.TXT("s1._domainkey.service.example.", keyRecord()),
		record.Address("out.service.example.", addr("192.0.2.50")),
		{Name: "50.2.0.192.in-addr.arpa.", Type: "PTR", Data: "out.service.example."},

		record.TXT("soft.example.", "v=spf1 ~all"),
		record.TXT("_dmarc.soft.example.", "v=DMARC1; p=quarantine; rua=mailto:d@soft.example"),
		record.TXT("_dmarc.watch.example.", "v=DMARC1; p=none; rua=mailto:d@watch.example"),
		record.TXT("half.example.", "v=spf1 -all"),
		record.TXT("_dmarc.half.example.", "v=DMARC1; p=reject; pct=0; rua=mailto:d@half.example"),
		record.TXT("unread.example.", "v=spf1 nonsense -all"),
		record.TXT("s1._domainkey.unread.example.", keyRecord()),
		{Name: "66.2.0.192.in-addr.arpa.", Type: "PTR", Data: "elsewhere.example."},
		record.Address("elsewhere.example.", addr("192.0.2.67")),
	}
}

// letter is a mail with a From field and, if a signer is named, his signature.
func letter(t testing.TB, from, signer string) []byte {
	t.Helper()
	return signed(t, "From: "+from+"\r\nTo: you@receiver.example\r\nSubject: Dinner\r\nDate: Sun, 22 Nov 2026 11:59:00 +0000\r\nMessage-ID: <1@author.example>\r\n\r\nHi.\r\n\r\nAre you hungry yet?\r\n", signer)
}

func signed(t testing.TB, text, signer string) []byte {
	t.Helper()
	if signer == "" {
		return []byte(text)
	}
	var b bytes.Buffer
	err := msgauth.Sign(&b, strings.NewReader(text), &msgauth.SignOptions{
		Domain: signer, Selector: "s1", Signer: key, HeaderKeys: []string{"From", "To", "Subject", "Date", "Message-ID"},
		HeaderCanonicalization: msgauth.CanonicalizationRelaxed, BodyCanonicalization: msgauth.CanonicalizationRelaxed,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sent is an envelope with a known reverse-path.
func sent(client, helo, mailFrom string) judge.Envelope {
	return judge.Envelope{Client: netip.MustParseAddr(client), HELO: helo, MailFrom: mailFrom, Known: true}
}

// judged judges raw in the base world with faults.
func judged(t *testing.T, raw []byte, e judge.Envelope, faults ...resolve.Fault) (*message.Message, judge.Judgement) {
	t.Helper()
	m, problems := message.Parse(raw)
	if len(problems) > 0 && !strings.Contains(t.Name(), "From") {
		t.Fatalf("the test's mail: %v", problems)
	}
	dns := resolve.NewFaults(resolve.NewZone(base()), faults)
	dns.Timeout, dns.Attempts = time.Millisecond, 1
	return m, judge.Message(t.Context(), dns, m, e, arrival)
}

func servfail(name string) resolve.Fault {
	return resolve.Fault{Type: "*", Name: name, Kind: resolve.ServFail}
}

// codes is a judgement in one line.
func codes(j judge.Judgement) string {
	var dkim []string
	for _, v := range j.DKIM {
		dkim = append(dkim, string(v.Code))
	}
	if len(dkim) == 0 {
		dkim = []string{"none"}
	}
	slices.Sort(dkim)
	parts := []string{"spf=" + string(j.MailFrom.Code), "helo=" + string(j.HELO.Code), "iprev=" + j.IPRev.Code, "dkim=" + strings.Join(dkim, ","),
		"arc=" + string(j.ARC.Status), "dmarc=" + j.DMARC.RFC9989.String() + "/" + j.DMARC.RFC7489.String(), "fate=" + string(j.Fate) + "/" + string(j.Fate7489)}
	return strings.Join(parts, " ")
}

// judgedAnyhow judges what may be no mail, with the envelope that it shows.
func judgedAnyhow(t *testing.T, raw []byte) (*message.Message, judge.Judgement) {
	m, _ := message.Parse(raw)
	a, err := judge.EnvelopeOf(m, 0)
	if err != nil {
		t.Fatal(err)
	}
	return m, judge.Message(t.Context(), resolve.NewZone(base()), m, a.Envelope, arrival)
}
