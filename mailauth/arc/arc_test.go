package arc_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mailauth/arc"
	"github.com/maildoctor/maildoctor/message"
)

func TestSealAndValidate(t *testing.T) {
	first, second, dns := sealers()
	raw := mail
	for i := 1; i <= 5; i++ {
		s := first
		if i%2 == 0 {
			s = second
		}
		raw = seal(t, s, dns, raw)
		c := arc.Validate(t.Context(), parse(raw), verifier{dns})
		if c.Status != arc.Pass || c.OldestPass != 0 || len(c.Sets) != i {
			t.Fatalf("after %d sets: %s\n%s", i, c, raw)
		}
		newest, _ := c.Newest()
		if newest.Domain != s.Domain || newest.Instance != i || newest.MessageCheck.Body != arc.Holds || newest.MessageCheck.Header != arc.Holds || newest.SealCheck.Header != arc.Holds {
			t.Errorf("set %d: %+v", i, newest)
		}
	}
	for line := range strings.SplitSeq(raw[:strings.Index(raw, "Received:")], "\r\n") {
		if len(line) > 78 {
			t.Errorf("a line of %d octets: %s", len(line), line)
		}
	}
	// A file of a Unix system is the same message.
	if c := arc.Validate(t.Context(), parse(strings.ReplaceAll(raw, "\r\n", "\n")), verifier{dns}); c.Status != arc.Pass {
		t.Errorf("with LF: %s", c)
	}
	if trace := arc.Validate(t.Context(), parse(raw), verifier{dns}).Trace(); len(trace) != 6 {
		t.Errorf("trace: %q", trace)
	}
}

func TestNoChain(t *testing.T) {
	c := arc.Validate(t.Context(), parse(mail), verifier{})
	if n, ok := c.Next(); c.Status != arc.None || c.String() != "none" || n != 1 || !ok {
		t.Errorf("%+v, next %d", c, n)
	}
}

// TestValidate breaks a chain of three sets in every way.
func TestValidate(t *testing.T) {
	first, second, dns := sealers()
	raw := seal(t, first, dns, seal(t, second, dns, seal(t, first, dns, mail)))
	part := func(name string, n int) string { return field(raw, name, n) }
	without := func(name string, n int) string { return strings.Replace(raw, part(name, n), "", 1) }
	edit := func(name string, n int, old, new string) string {
		is := part(name, n)
		if !strings.Contains(is, old) {
			t.Fatalf("no %q in %s", old, is)
		}
		return strings.Replace(raw, is, strings.Replace(is, old, new, 1), 1)
	}
	set := func(n int) string { return part(arc.SealName, n) + part(arc.MessageName, n) + part(arc.ResultsName, n) }
	tests := []struct {
		name, raw string
		keys      keys
		at        int
		temporary bool
		cause     string // part of it
	}{
		{"body", strings.Replace(raw, "Bob.", "Bill.", 1), nil, 3, false, `the message signature of set 3, by "lists.example.org"`},
		{"footer", raw + "-- \r\nthe list\r\n", nil, 3, false, "the message signature of set 3"},
		{"subject", strings.Replace(raw, "Subject: ", "Subject: [list] ", 1), nil, 3, false, "Subject"},
		{"white space", strings.Replace(raw, "hello  there", "hello\r\n\tthere", 1), nil, 0, false, ""},
		{"Received is not signed", "Received: from b by c; now\r\n" + raw, nil, 0, false, ""},
		{"results of set 1", edit(arc.ResultsName, 1, "spf=pass", "spf=fail"), nil, 3, false, `the seal of set 3`},
		{"seal of set 2", edit(arc.SealName, 2, "t=", "t=1"), nil, 3, false, "the seal of set 3"},
		{"message signature of set 1", edit(arc.MessageName, 1, "t=", "t=1"), nil, 3, false, "the seal of set 3"},

		{"no results", without(arc.ResultsName, 2), nil, 2, false, "set 2 has no ARC-Authentication-Results"},
		{"no message signature", without(arc.MessageName, 1), nil, 1, false, "set 1 has no ARC-Message-Signature"},
		{"no seal", without(arc.SealName, 3), nil, 3, false, "set 3 has no ARC-Seal"},
		{"a gap", strings.Replace(raw, set(2), "", 1), nil, 3, false, "set 2 is missing, while there is set 3"},
		{"the first is missing", strings.Replace(raw, set(1), "", 1), nil, 2, false, "set 1 is missing"},
		{"twice", part(arc.SealName, 2) + raw, nil, 2, false, "set 2 has two fields ARC-Seal"},
		{"no instance", edit(arc.SealName, 2, "i=2;", ""), nil, 0, false, "ARC-Seal in line"},
		{"an instance that is no number", edit(arc.MessageName, 2, "i=2;", "i=two;"), nil, 0, false, `has the instance "two", which is not a number`},
		{"instance 0", edit(arc.ResultsName, 1, "i=1;", "i=0;"), nil, 0, false, "which is not a number"},
		{"instance 51", edit(arc.ResultsName, 1, "i=1;", "i=51;"), nil, 0, false, "beyond 50"},
		{"cv=none in set 2", edit(arc.SealName, 2, "cv=pass", "cv=none"), nil, 2, false, `seal 2 says cv="none", not cv=pass`},
		{"cv=pass in set 1", edit(arc.SealName, 1, "cv=none", "cv=pass"), nil, 1, false, `the first seal says cv="pass"`},
		{"cv=fail in the newest", edit(arc.SealName, 3, "cv=pass", "cv=fail"), nil, 3, false, "says that the chain had failed"},
		{"no cv", edit(arc.SealName, 3, "cv=pass;", ""), nil, 3, false, `cv=""`},
		{"h in a seal", edit(arc.SealName, 3, "cv=pass;", "cv=pass; h=from;"), nil, 3, false, "the seal of set 3"},

		{"no key", raw, keys{"s1._domainkey.lists.example.org": dns["s1._domainkey.lists.example.org"]}, 2, false, `the seal of set 2, by "example.net"`},
		{"no answer", raw, keys{"s1._domainkey.lists.example.org": dns["s1._domainkey.lists.example.org"], "ed._domainkey.example.net": "!"}, 2, true, "could not be asked for"},
		{"what is certain comes first", strings.Replace(raw, "Bob.", "Bill.", 1), keys{"s1._domainkey.lists.example.org": dns["s1._domainkey.lists.example.org"], "ed._domainkey.example.net": "!"}, 3, false, "the message signature of set 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			known := dns
			if tt.keys != nil {
				known = tt.keys
			}
			c := arc.Validate(t.Context(), parse(tt.raw), verifier{known})
			want := arc.Fail
			if tt.cause == "" {
				want = arc.Pass
			}
			if c.Status != want || c.At != tt.at || c.Temporary != tt.temporary || !strings.Contains(c.Cause, tt.cause) {
				t.Errorf("%s at %d, temporary %v: %s\nwant %s at %d: %s", c.Status, c.At, c.Temporary, c.Cause, want, tt.at, tt.cause)
			}
			if (c.OldestPass >= 0) != (c.Status == arc.Pass) {
				t.Errorf("%s with oldest-pass %d", c.Status, c.OldestPass)
			}
		})
	}
}

// TestHeaderAndBody tells what of the message was changed.
func TestHeaderAndBody(t *testing.T) {
	s, _, dns := sealers()
	raw := seal(t, s, dns, mail)
	for _, tt := range []struct {
		old, new     string
		body, header arc.Trial
	}{
		{"Bob.", "Bill.", arc.Broken, arc.Holds},
		{"hello", "hallo", arc.Holds, arc.Broken},
	} {
		c := arc.Validate(t.Context(), parse(strings.Replace(raw, tt.old, tt.new, 1)), verifier{dns})
		if got := c.Sets[0].MessageCheck; got.Body != tt.body || got.Header != tt.header || c.Sets[0].SealCheck.Result != "pass" {
			t.Errorf("%s: %+v, seal %+v", tt.new, got, c.Sets[0].SealCheck)
		}
	}
}

// TestOldestPass: a list changes the message between two sets, and its own
// signature and all later ones hold.
func TestOldestPass(t *testing.T) {
	first, second, dns := sealers()
	// A list validates first, changes then, and seals last.
	one := seal(t, first, dns, mail)
	m := parse(one)
	chain := arc.Validate(t.Context(), m, verifier{dns})
	changed := strings.Replace(one, "Subject: ", "Subject: [list] ", 1)
	fields, err := second.Seal(parse(changed), chain, "ARC-Authentication-Results: i=2; lists.example; none", now)
	if err != nil {
		t.Fatal(err)
	}
	raw := seal(t, first, dns, string(fields)+changed)
	c := arc.Validate(t.Context(), parse(raw), verifier{dns})
	if c.Status != arc.Pass || c.OldestPass != 2 || c.String() != "pass (3 sets, oldest-pass 2)" {
		t.Errorf("%s\n%s", c, strings.Join(c.Trace(), "\n"))
	}
}

// TestFailedChain: a broken chain gets one set more, which says so and stands for
// itself, and then none (RFC 8617, 5.1.2).
func TestFailedChain(t *testing.T) {
	first, second, dns := sealers()
	raw := strings.Replace(seal(t, first, dns, mail), "Bob.", "Bill.", 1)
	raw = seal(t, second, dns, raw)
	m := parse(raw)
	c := arc.Validate(t.Context(), m, verifier{dns})
	if c.Status != arc.Fail || c.At != 2 || c.Sets[1].CV != "fail" {
		t.Fatalf("%s: %+v", c, c.Sets)
	}
	if _, ok := c.Next(); ok {
		t.Error("a chain that says it failed takes a further set")
	}
	if _, err := first.Seal(m, c, "ARC-Authentication-Results: i=3; x; none", now); err == nil {
		t.Error("and it was added")
	}
	// The seal signs its own set alone.
	v := verifier{dns}
	set := c.Sets[1]
	if got := v.Seal(t.Context(), m, set.Seal, []int{set.Results, set.Message}); got.Result != "pass" {
		t.Errorf("the seal over its own set: %+v", got)
	}
	if got := v.Seal(t.Context(), m, set.Seal, []int{c.Sets[0].Results, c.Sets[0].Message, c.Sets[0].Seal, set.Results, set.Message}); got.Result == "pass" {
		t.Error("the seal covers the broken set, too")
	}
}

func TestSealRefuses(t *testing.T) {
	s, _, dns := sealers()
	m := parse(mail)
	none := arc.Validate(t.Context(), m, verifier{dns})
	good := "ARC-Authentication-Results: i=1; x; none"
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	small.N.Rsh(small.N, 8)
	weak, long := s, s
	weak.Key, long.Domain = small, "a b"
	tests := []struct {
		name    string
		s       arc.Sealer
		results string
	}{
		{"no key", arc.Sealer{Domain: "x", Selector: "y"}, good},
		{"weak key", weak, good},
		{"domain", long, good},
		{"other instance", s, "ARC-Authentication-Results: i=2; x; none"},
		{"other field", s, "Authentication-Results: i=1; x; none"},
		{"two fields", s, good + "\r\nX: y"},
		{"a body", s, good + "\r\n\r\nhi"},
		{"a bare LF", s, good + "\n x\r\n"},
		{"nothing", s, ""},
	}
	for _, tt := range tests {
		if fields, err := tt.s.Seal(m, none, tt.results, now); err == nil {
			t.Errorf("%s: sealed:\n%s", tt.name, fields)
		}
	}
	cut := parse(mail)
	cut.Cut = true
	if _, err := s.Seal(cut, none, good, now); err == nil {
		t.Error("sealed a message that is cut off")
	}
	if c := arc.Validate(t.Context(), cut, verifier{dns}); c.Status != arc.None {
		t.Errorf("cut off, without a chain: %s", c)
	}
}

// counting counts what it is asked to verify, and finds everything right.
type counting struct{ messages, seals chan int }

func (c counting) MessageSignature(_ context.Context, _ *message.Message, field int) arc.Check {
	c.messages <- field
	return arc.Check{Result: "pass"}
}

func (c counting) Seal(_ context.Context, _ *message.Message, field int, covered []int) arc.Check {
	c.seals <- len(covered)
	return arc.Check{Result: "pass"}
}

// TestBounds: fifty sets are a chain; of their message signatures ten are
// verified, as each costs the whole message.
func TestBounds(t *testing.T) {
	var b strings.Builder
	for i := arc.MaxSets; i > 0; i-- {
		cv := "pass"
		if i == 1 {
			cv = "none"
		}
		fmt.Fprintf(&b, "ARC-Seal: i=%d; cv=%s; d=x\r\nARC-Message-Signature: i=%d\r\nARC-Authentication-Results: i=%d; x\r\n", i, cv, i, i)
	}
	count := counting{make(chan int, 200), make(chan int, 200)}
	c := arc.Validate(t.Context(), parse(b.String()+mail), count)
	if c.Status != arc.Pass || c.OldestPass != -1 || len(count.messages) != 10 || len(count.seals) != 50 {
		t.Errorf("%s, %d messages, %d seals", c, len(count.messages), len(count.seals))
	}
	if _, ok := c.Next(); ok {
		t.Error("fifty sets take a further one")
	}
	widest := 0
	for range 50 {
		widest = max(widest, <-count.seals)
	}
	if widest != 3*50-1 {
		t.Errorf("the newest seal covers %d fields", widest)
	}
}

// TestFullHeader: with CRLF the header of this file is larger than what is looked
// at, with LF it is not.
func TestFullHeader(t *testing.T) {
	s, _, dns := sealers()
	raw := seal(t, s, dns, mail)
	raw = strings.ReplaceAll(raw, "\r\n", "\n")
	raw = "A: b\n" + strings.Repeat(" c\n", (message.MaxHeader-len(raw)-100)/3) + raw
	m := parse(raw)
	if c := arc.Validate(t.Context(), m, verifier{dns}); m.Cut || c.Status == arc.Pass {
		t.Errorf("cut %v, %s", m.Cut, c)
	}
}

func BenchmarkValidate(b *testing.B) {
	first, _, dns := sealers()
	raw := mail + strings.Repeat(strings.Repeat("words ", 12)+"\r\n", 50<<10/74)
	for range 2 {
		raw = seal(b, first, dns, raw)
	}
	m := parse(raw)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if c := arc.Validate(b.Context(), m, verifier{dns}); c.Status != arc.Pass {
			b.Fatal(c)
		}
	}
}
