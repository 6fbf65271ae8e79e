package senders_test

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"testing"

	"github.com/maildoctor/maildoctor/feedback"
	"github.com/maildoctor/maildoctor/senders"
)

// many writes a report with n records, all of different addresses and names.
func many(n int) io.Reader {
	r, w := io.Pipe()
	go func() {
		fmt.Fprint(w, letter{day: 5, org: "receiver.example"}.xml()[:len(letter{day: 5, org: "receiver.example"}.xml())-len("</feedback>")])
		for i := range n {
			l := line(fmt.Sprintf("10.%d.%d.%d %d none from=h%d.example.com d=d%d.example.net/s%d/pass spf=x%d.example.org/pass", i>>16, i>>8&255, i&255, i%3+1, i%5000, i%3000, i, i%3000))
			if _, err := io.WriteString(w, l.xml()); err != nil {
				return
			}
		}
		fmt.Fprint(w, "</feedback>")
		w.Close()
	}()
	return r
}

// tallied is a report with n records.
func tallied(t *testing.T, n int) []senders.Source {
	t.Helper()
	tally := senders.New("example.com", senders.Options{Now: now})
	for doc, err := range feedback.From(context.Background(), "many.xml", many(n)) {
		if err == nil {
			err = tally.Add(doc)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return tally.Sources()
}

// A report that names ever new addresses fills no memory and loses no message.
func TestBounds(t *testing.T) {
	n := 51_000
	if testing.Short() {
		n = 3_000
	}
	hosts, messages := 0, int64(0)
	for _, s := range tallied(t, n) {
		hosts, messages = hosts+s.Hosts, messages+s.Messages
		if len(s.Addresses) > senders.MaxAddresses || len(s.From) > 1000 || len(s.Signers) > 1000 || len(s.Envelopes) > 1000 {
			t.Errorf("%s: %d addresses, %d author domains, %d signers, %d envelopes", s.Name, len(s.Addresses), len(s.From), len(s.Signers), len(s.Envelopes))
		}
	}
	if hosts > 50_001 || messages != int64(n*2) {
		t.Errorf("%d hosts and %d messages of %d records", hosts, messages, n)
	}
}

// The same report comes to the same each time.
func TestOrderIsDecided(t *testing.T) {
	if !reflect.DeepEqual(tallied(t, 900), tallied(t, 900)) {
		t.Error("it does not")
	}
}
