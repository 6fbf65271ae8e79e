package smtpd_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// TestShutdown: transactions end, everybody else hears 421.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := play(t, nil)
		w.store.wait = func(context.Context) { time.Sleep(10 * time.Second) }
		idle, silent, mail, data, chunks, storing := greeted(w), w.open(smtpd.MX), greeted(w), greeted(w), greeted(w), greeted(w)
		mail.envelope()
		data.envelope()
		data.say("DATA", "354")
		data.send("A: b\r\n")
		chunks.envelope()
		chunks.send("BDAT 3\r\nA:b")
		chunks.expect("250")
		storing.envelope()
		storing.send("BDAT 5 LAST\r\nA:b\r\n")
		synctest.Wait()
		done := make(chan error)
		go func() { done <- w.server.Shutdown(context.Background()) }()
		for _, c := range []*client{idle, silent} {
			c.expect("421 4.3.2")
			c.gone()
		}
		time.Sleep(time.Second)
		select {
		case err := <-done:
			t.Fatalf("stopped before the transactions ended: %v", err)
		default:
		}
		mail.say("DATA", "354")
		mail.send("A: b\r\n.\r\n")
		data.send(".\r\n")
		chunks.send("BDAT 2 LAST\r\n\r\n")
		for _, c := range []*client{mail, data, chunks, storing} {
			c.expect("250 2.0.0 OK")
			c.expect("421 4.3.2")
			c.gone()
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := w.store.count(); n != 4 {
			t.Errorf("%d messages stored", n)
		}
	})
}

// TestShutdownByForce: after its time, what runs is cut off, and nothing is left.
func TestShutdownByForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := play(t, nil)
		w.store.wait = func(ctx context.Context) { <-ctx.Done() }
		w.store.err = errors.New("cut off")
		data, storing, shaking := greeted(w), greeted(w), greeted(w)
		data.envelope()
		data.say("DATA", "354")
		storing.envelope()
		storing.send("BDAT 5 LAST\r\nA:b\r\n")
		shaking.say("STARTTLS", "220")
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		start := time.Now()
		if err := w.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("it took %v", took)
		}
		for _, c := range []*client{data, storing, shaking} {
			c.gone()
		}
		if w.store.count() != 0 || len(w.ended) != 3 {
			t.Errorf("%d messages, %d sessions ended", w.store.count(), len(w.ended))
		}
	})
}

// TestPanic: a session that panics takes down no other.
func TestPanic(t *testing.T) {
	w := play(t, nil)
	w.store.wait = func(context.Context) { panic("a fault of ours") }
	other, c := greeted(w), greeted(w)
	c.envelope()
	c.say("DATA", "354")
	c.send(".\r\n")
	c.expect("421 4.3.0")
	c.gone()
	other.say("NOOP", "250")
}
