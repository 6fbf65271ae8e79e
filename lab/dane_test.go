package lab_test

import (
	"context"
	"crypto/tls"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/lab"
	"github.com/maildoctor/maildoctor/mailauth/dane"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// TestPostDANE: two of our servers, a signed zone that the sender validates, and a
// certificate that the TLSA records name, or do not.
func TestPostDANE(t *testing.T) {
	ca := newCA(t)
	shown := issue(t, ca, smtpscript.Certificate{Names: []string{"mx.to.example"}, SelfSigned: true})
	other := issue(t, ca, smtpscript.Certificate{Names: []string{"other.example"}, SelfSigned: true})
	tlsa := func(cert tls.Certificate, usage dane.Usage) string {
		r, err := dane.Of(cert.Certificate[0], usage, dane.Key, dane.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		return r.String()
	}
	for _, test := range []struct {
		name     string
		records  []string // TLSA
		unsigned bool
		noTLS    bool
		source   deliver.Source
		least    deliver.Level
		why      string // it is not delivered
	}{
		{"matches", []string{tlsa(shown, dane.EE)}, false, false, deliver.DANE, deliver.Verified, ""},
		{"the next key beside this one", []string{tlsa(other, dane.EE), tlsa(shown, dane.EE)}, false, false, deliver.DANE, deliver.Verified, ""},
		{"another key", []string{tlsa(other, dane.EE)}, false, false, deliver.DANE, deliver.Verified, "does not match the TLSA records"},
		{"no STARTTLS", []string{tlsa(shown, dane.EE)}, false, true, deliver.DANE, deliver.Verified, "does not offer STARTTLS"},
		{"unusable", []string{tlsa(other, dane.PKIXEE)}, false, false, deliver.DANE, deliver.Encrypted, ""},
		{"unusable, and no STARTTLS", []string{tlsa(other, dane.PKIXEE)}, false, true, deliver.DANE, deliver.Encrypted, "does not offer STARTTLS"},
		{"unusable beside another key", []string{tlsa(shown, dane.PKIXEE), tlsa(other, dane.EE)}, false, false, deliver.DANE, deliver.Verified, "does not match the TLSA records"},
		{"none", nil, false, false, deliver.Opportunistic, deliver.Clear, ""},
		{"none, and no STARTTLS", nil, false, true, deliver.Opportunistic, deliver.Clear, ""},
		{"another key, and not signed", []string{tlsa(other, dane.EE)}, true, false, deliver.Opportunistic, deliver.Clear, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			records := []record.Record{record.MX("to.example.", 10, "mx.to.example."), record.Address("mx.to.example.", netip.MustParseAddr("198.51.100.2"))}
			for _, data := range test.records {
				records = append(records, record.Record{Name: "_25._tcp.mx.to.example.", Type: "TLSA", TTL: 300, Data: data})
			}
			l, err := lab.StartWith(&scenario.Scenario{Domain: "to.example.", Now: time.Now(), Records: records}, ca)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			client, err := l.Client(resolve.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			signed := records
			if test.unsigned {
				signed = nil
			}
			secure, err := lab.NewSigned(t.Context(), signed, l.Clock())
			if err != nil {
				t.Fatal(err)
			}
			config := &tls.Config{Certificates: []tls.Certificate{shown}}
			if test.noTLS {
				config = nil
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			p, err := l.Post(ctx, lab.Letter{
				From: "a@from.example", To: "b@to.example", Text: []byte("From: a@from.example\nSubject: test\n\nHello.\n"),
				Client: netip.MustParseAddr("198.51.100.1"), HELO: "out.from.example", Holder: "mx.to.example", DNS: client, Security: secure,
				TLS: func() *tls.Config { return config },
			})
			if err != nil {
				t.Fatal(err)
			}
			r := p.Attempt.Results[0]
			if (p.Stored != nil) != (test.why == "") || !strings.Contains(r.Text, test.why) {
				t.Errorf("%s: %s", r.Status, r.Text)
			}
			session := p.Attempt.Sessions[len(p.Attempt.Sessions)-1]
			if session.Policy.Source != test.source || session.Policy.Least != test.least {
				t.Errorf("policy %s", session.Policy)
			}
		})
	}
}

// newCA is the authority of a world that is now.
func newCA(t testing.TB) *smtpscript.CA {
	t.Helper()
	ca, err := smtpscript.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func issue(t testing.TB, ca *smtpscript.CA, want smtpscript.Certificate) tls.Certificate {
	t.Helper()
	cert, err := ca.Issue(want)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
