package dnsbl

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

const testKey = "abcdefghijklmnopqrstuvwxy0"

func TestParseKey(t *testing.T) {
	if key, err := ParseKey(" ABCDEFGHIJKLMNOPQRSTUVWXY0\n"); err != nil || key != testKey {
		t.Errorf("%q, %v", key, err)
	}
	for _, bad := range []string{"", "short", "secret.secret.secret", "secret-secret-secret", strings.Repeat("secret", 11)} {
		_, err := ParseKey(bad)
		if err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestKeyed(t *testing.T) {
	zones := Keyed()
	if len(zones) != len(Default()) || !zones[0].ByKey() || !zones[1].ByKey() || zones[2].ByKey() {
		t.Fatalf("%d zones, %d by default, beginning with %s and %s", len(zones), len(Default()), zones[0], zones[1])
	}
	for _, z := range zones {
		if strings.HasSuffix(z.Name, ".spamhaus.org.") {
			t.Errorf("%s is asked beside the list by key", z)
		}
		if _, ok := z.TestOf(z.Families.Each()[0]); !ok {
			t.Errorf("%s has no test entry", z)
		}
	}
}

// TestKeyStaysInside asks by key and looks for it in everything that comes back.
func TestKeyStaysInside(t *testing.T) {
	zen := Keyed()[0]
	question, ok := zen.Question(Address(netip.MustParseAddr("192.0.2.25")))
	if !ok || strings.Contains(question.Name, testKey) {
		t.Fatalf("%s, %t", question, ok)
	}
	var asked string
	loud := strings.ToUpper(testKey)
	for name, reply := range map[string]func(resolve.Question) (resolve.Answer, error){
		"listed": func(q resolve.Question) (resolve.Answer, error) {
			return resolve.Answer{Question: q, Exists: true, Records: []record.Record{
				{Name: q.Name, Type: "A", Data: "127.0.0.2"}, record.TXT(strings.ToUpper(q.Name), "see https://example.org/?q="+loud+testKey)},
				Chain: []record.Record{{Name: q.Name, Type: "CNAME", Data: "x." + q.Name}}}, nil
		},
		"fails": func(q resolve.Question) (resolve.Answer, error) {
			return resolve.Answer{Question: q}, &resolve.Error{Question: q, Kind: resolve.ServFail, Detail: "no answer for " + q.Name,
				Extended: []resolve.Extended{{Text: loud}}, Err: fmt.Errorf("asked for %s", q.Name)}
		},
		"foreign error": func(q resolve.Question) (resolve.Answer, error) {
			return resolve.Answer{}, fmt.Errorf("read %s: %w", q.Name, context.Canceled)
		},
	} {
		next := resolve.Func(func(_ context.Context, q resolve.Question) (resolve.Answer, error) {
			asked = q.Name
			return reply(q)
		})
		answer, err := WithKey(next, testKey).Resolve(t.Context(), question)
		if !strings.Contains(asked, "."+testKey+".zen.dq.spamhaus.net.") {
			t.Errorf("%s: asked for %s", name, asked)
		}
		if said := strings.ToLower(fmt.Sprintf("%#v %v %#v %v", answer, err, err, errors.Unwrap(err))); strings.Contains(said, testKey) {
			t.Errorf("%s: the key came out: %s", name, said)
		}
		if answer.Question != question {
			t.Errorf("%s: the answer is to %s", name, answer.Question)
		}
		if name == "foreign error" && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestKeyElsewhere: names of others pass as they are.
func TestKeyElsewhere(t *testing.T) {
	for _, name := range []string{"2.0.0.127.zen.spamhaus.org.", "a." + keyLabel + ".example.org.", keyLabel + ".zen.dq.spamhaus.net."} {
		next := resolve.Func(func(_ context.Context, q resolve.Question) (resolve.Answer, error) {
			if q.Name != name {
				t.Errorf("%s became %s", name, q.Name)
			}
			return resolve.Answer{Question: q}, nil
		})
		if _, err := WithKey(next, testKey).Resolve(t.Context(), resolve.Ask(name, "A")); err != nil {
			t.Error(err)
		}
	}
}
