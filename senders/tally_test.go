package senders_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/feedback"
	"github.com/maildoctor/maildoctor/senders"
)

var now = time.Date(2026, 11, 12, 9, 0, 0, 0, time.UTC)

// samples is what the samples of package feedback add up to.
func samples(t *testing.T, o senders.Options) *senders.Tally {
	t.Helper()
	tally := senders.New("example.com", o)
	for doc, err := range feedback.Read(context.Background(), []string{"../feedback/testdata/reports"}, feedback.Options{}) {
		var no *feedback.Refusal
		if errors.As(err, &no) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := tally.Add(doc); err != nil {
			t.Fatal(err)
		}
	}
	return tally
}

func TestSources(t *testing.T) {
	want := []struct {
		name     string
		standing senders.Standing
		messages int64
		passed   int64
		hosts    int
	}{
		{"192.0.2.25", senders.Own, 986, 986, 1},
		{"2001:db8::25", senders.Own, 14, 14, 1},
		{"addresses not told", senders.Own, 4, 4, 1},
		{"192.0.2.26", senders.Own, 3, 3, 1},
		{"newsletter.example", senders.Maybe, 1510, 0, 2},
		{"forward.example", senders.Forwarder, 7, 7, 1},
		{"lists.example", senders.Forwarder, 5, 0, 1},
		{"unknown hosts", senders.Stranger, 31, 0, 1},
	}
	got := samples(t, senders.Options{Now: now}).Sources()
	for i, w := range want {
		if i >= len(got) {
			t.Fatalf("%d sources, want %d", len(got), len(want))
		}
		if s := got[i]; s.Name != w.name || s.Standing != w.standing || s.Messages != w.messages || s.Passed != w.passed || s.Hosts != w.hosts {
			t.Errorf("source %d is %q %s %d messages, %d passed, %d hosts; want %+v", i, s.Name, s.Standing, s.Messages, s.Passed, s.Hosts, w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d sources, want %d", len(got), len(want))
	}
}
