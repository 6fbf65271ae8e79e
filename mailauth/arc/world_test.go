package arc_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/arc"
	"github.com/maildoctor/maildoctor/mailauth/authres"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

var now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// verifier joins the rooms, as whoever validates a chain does.
type verifier struct{ dns resolve.Resolver }

func (x verifier) MessageSignature(ctx context.Context, m *message.Message, field int) arc.Check {
	return check(dkim.VerifyMessageSignature(ctx, x.dns, m, field, now))
}

func (x verifier) Seal(ctx context.Context, m *message.Message, field int, covered []int) arc.Check {
	return check(dkim.VerifySeal(ctx, x.dns, m, field, covered, now))
}

func check(v dkim.Verdict) arc.Check {
	return arc.Check{Result: string(v.Code), Cause: v.Cause, Body: arc.Trial(v.Body), Header: arc.Trial(v.Header)}
}

// keys are key records by name; "!" is SERVFAIL.
type keys map[string]string

func (k keys) Resolve(_ context.Context, q resolve.Question) (resolve.Answer, error) {
	text, ok := k[record.Display(q.Name)]
	if text == "!" {
		return resolve.Answer{}, &resolve.Error{Question: q, Kind: resolve.ServFail}
	}
	a := resolve.Answer{Question: q, Exists: ok}
	if ok {
		a.Records = []record.Record{record.TXT(q.Name, text)}
	}
	return a, nil
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

var edKey = sync.OnceValue(func() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte("an ed25519 key for the tests 32."))
})

func keyRecord(key crypto.Signer) string {
	k, err := dkim.New(key.Public())
	if err != nil {
		panic(err)
	}
	return k.String()
}

func sealers() (rsaSealer, edSealer arc.Sealer, dns keys) {
	rsaSealer = arc.Sealer{Domain: "lists.example.org", Selector: "s1", Key: rsaKey()}
	edSealer = arc.Sealer{Domain: "example.net", Selector: "ed", Key: edKey()}
	return rsaSealer, edSealer, keys{"s1._domainkey.lists.example.org": keyRecord(rsaKey()), "ed._domainkey.example.net": keyRecord(edKey())}
}

const mail = "Received: from a by b;\r\n Sun, 22 Nov 2026 09:00:00 +0000\r\nDKIM-Signature: v=1; a=x\r\nFrom: Ann <ann@example.com>\r\nTo: bob@example.net\r\nSubject: hello  there\r\nDate: Sun, 22 Nov 2026 09:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nHello,\r\n\r\nBob. \r\n\r\n\r\n"

func parse(raw string) *message.Message {
	m, _ := message.Parse([]byte(raw))
	return m
}

// seal adds a set to a message as a host does that validates first.
func seal(t testing.TB, s arc.Sealer, dns keys, raw string) string {
	t.Helper()
	m := parse(raw)
	chain := arc.Validate(t.Context(), m, verifier{dns})
	instance, ok := chain.Next()
	if !ok {
		t.Fatalf("the chain takes no further set: %s", chain)
	}
	results := authres.Results{ID: "mx." + s.Domain, List: []authres.Result{authres.SPF("pass", "ann@example.com", ""), {Method: "arc", Value: string(chain.Status)}}}
	fields, err := s.Seal(m, chain, results.ARCField(instance), now)
	if err != nil {
		t.Fatal(err)
	}
	return string(fields) + raw
}

// field is one of the fields of a set, to be found and replaced in a message.
func field(raw, name string, instance int) string {
	for _, f := range parse(raw).Fields {
		if f.Is(name) && strings.Contains(f.Value(), fmt.Sprintf("i=%d;", instance)) {
			return string(f.Raw)
		}
	}
	panic("no " + name)
}

func itoa(n int) string { return fmt.Sprint(n) }
