package control_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta/control"
	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/spool"
)

// A source is what both sides have: the client of a server, and the spool alone.
type source interface {
	List(ctx context.Context, f control.Filter, after string, limit int) (control.Page, error)
	Show(ctx context.Context, id string) (control.Detail, error)
	Do(ctx context.Context, a control.Action, ids []string) (control.Done, error)
}

var accepted = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// mails is a spool with five messages. The second is deferred, the third held.
func mails() []spool.Envelope {
	later := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	at := func(n int) time.Time { return accepted.Add(time.Duration(n) * time.Minute) }
	waiting := func(addr string) spool.Rcpt { return spool.Rcpt{Addr: addr, Status: spool.Waiting, Next: later} }
	deferred := waiting("bob@Greylist.Example")
	deferred.Attempts, deferred.Tried = 2, at(5)
	deferred.Reply = spool.Reply{Code: 451, Enhanced: "4.7.1", Text: "Greylisted, please try again", Host: "mx.greylist.example", At: at(5)}
	return []spool.Envelope{
		{ID: spool.NewID(at(0)), From: "ann@sender.example", Received: at(0), Auth: "ann", Client: netip.MustParseAddr("192.0.2.9"), HELO: "laptop", TLS: "TLS 1.3 X", Rcpts: []spool.Rcpt{waiting("bob@one.example")}},
		{ID: spool.NewID(at(1)), From: "ann@sender.example", Received: at(1), Rcpts: []spool.Rcpt{{Addr: "done@one.example", Status: spool.Delivered, Told: true}, deferred, waiting("cleo@sub.bücher.example")}},
		{ID: spool.NewID(at(2)), From: "", Received: at(2), Held: true, Rcpts: []spool.Rcpt{waiting("bob@two.example")}},
		{ID: spool.NewID(at(3)), From: "eve@other.example", Received: at(3), Rcpts: []spool.Rcpt{waiting("x@[192.0.2.1]")}},
		{ID: spool.NewID(at(4)), From: "Eve@Other.Example", Received: at(4), Rcpts: []spool.Rcpt{waiting("bob@two.example")}},
	}
}

const text = "From: ann@sender.example\r\nSubject: test\r\n\r\nbody\r\n"

// fill makes a spool of the mails, and closes it.
func fill(t *testing.T) (dir string, ids []string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "spool")
	s, _, err := spool.Open(dir, spool.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, e := range mails() {
		e, err := s.Accept(e, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	return dir, ids
}

// serve runs a server over a spool, and returns a client of it. Its deliveries last
// until ended.
func serve(t *testing.T, dir string) (*control.Client, *queue.Queue) {
	t.Helper()
	s, found, err := spool.Open(dir, spool.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	q := queue.New(queue.Options{
		Spool: s,
		Deliver: func(_ context.Context, tr queue.Transaction) []queue.Outcome {
			out := make([]queue.Outcome, len(tr.Rcpts))
			for i := range out {
				out[i] = queue.Outcome{Kind: queue.Temporary, Reply: spool.Reply{Code: 421, Enhanced: "4.3.2", Text: "busy", Host: "mx.example"}}
			}
			return out
		},
	}, found.Entries)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { q.Run(ctx); close(ran) }()
	path := filepath.Join(shortDir(t), control.SocketName)
	l, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() {
		served <- control.Serve(ctx, l, control.Host{Queue: q, SpoolDir: dir,
			Status: func() control.Status {
				return control.Status{Version: "test", Hostname: "mx.example.org", Spool: control.Disk{MinFree: 1}}
			},
			Reload: func(context.Context) (control.Reloaded, error) {
				return control.Reloaded{Changed: []string{"domains"}}, nil
			},
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		<-ran
		s.Close()
	})
	c, err := control.Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, q
}

// shortDir is a directory whose path leaves room for the name of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ctl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// both runs a test with a server, and with the spool alone.
func both(t *testing.T, test func(t *testing.T, s source, ids []string)) {
	t.Run("running", func(t *testing.T) {
		dir, ids := fill(t)
		c, _ := serve(t, dir)
		test(t, c, ids)
	})
	t.Run("offline", func(t *testing.T) {
		dir, ids := fill(t)
		test(t, control.Offline{Dir: dir}, ids)
	})
}

func idsOf(p control.Page) []string {
	var list []string
	for _, m := range p.Messages {
		list = append(list, m.ID)
	}
	return list
}

func TestList(t *testing.T) {
	both(t, func(t *testing.T, s source, ids []string) {
		for _, test := range []struct {
			f    control.Filter
			want []int
		}{
			{control.Filter{}, []int{0, 1, 2, 3, 4}},
			{control.Filter{To: "one.example"}, []int{0}}, // done@one.example has it
			{control.Filter{To: "ONE.example."}, []int{0}},
			{control.Filter{To: "greylist.example"}, []int{1}},
			{control.Filter{To: "sub.xn--bcher-kva.example"}, []int{1}},
			{control.Filter{To: ".bücher.example"}, []int{1}},
			{control.Filter{To: ".sub.bücher.example"}, nil},
			{control.Filter{To: "bücher.example"}, nil},
			{control.Filter{To: ".EXAMPLE"}, []int{0, 1, 2, 4}},
			{control.Filter{To: "[192.0.2.1]"}, []int{3}},
			{control.Filter{From: "eve@other.example"}, []int{3, 4}},
			{control.Filter{From: "other.example"}, []int{3, 4}},
			{control.Filter{From: "@sender.example"}, []int{0, 1}},
			{control.Filter{From: "<>"}, []int{2}},
			{control.Filter{State: control.Held}, []int{2}},
			{control.Filter{State: control.Deferred}, []int{1}},
			{control.Filter{State: control.Queued, To: "two.example"}, []int{4}},
			{control.Filter{State: control.Delivering}, nil},
		} {
			p, err := s.List(t.Context(), test.f, "", 100)
			if err != nil {
				t.Errorf("%+v: %v", test.f, err)
			}
			var want []string
			for _, i := range test.want {
				want = append(want, ids[i])
			}
			if !slices.Equal(idsOf(p), want) || p.Total != 5 || p.Matching != len(want) || p.Next != "" {
				t.Errorf("%+v: %v of %d of %d, next %q; want %v", test.f, idsOf(p), p.Matching, p.Total, p.Next, want)
			}
		}
		for _, f := range []control.Filter{{State: "lost"}, {To: "no domain"}, {To: "a..b"}, {To: "."}, {To: "a b"}} {
			var fault *control.Fault
			if _, err := s.List(t.Context(), f, "", 1); !errors.As(err, &fault) || !fault.Invalid() {
				t.Errorf("%+v: %v", f, err)
			}
		}
	})
}

func TestPages(t *testing.T) {
	both(t, func(t *testing.T, s source, ids []string) {
		var got []string
		after := ""
		for n := 0; n < 10; n++ {
			p, err := s.List(t.Context(), control.Filter{}, after, 2)
			if err != nil || len(p.Messages) > 2 {
				t.Fatal(p, err)
			}
			got = append(got, idsOf(p)...)
			if after = p.Next; after == "" {
				break
			}
		}
		if !slices.Equal(got, ids) {
			t.Errorf("%v, want %v", got, ids)
		}
	})
}

func TestShow(t *testing.T) {
	both(t, func(t *testing.T, s source, ids []string) {
		d, err := s.Show(t.Context(), strings.ToUpper(ids[1][:15]))
		if err != nil {
			t.Fatal(err)
		}
		if d.ID != ids[1] || d.State != control.Deferred || d.Total != 3 || d.Waiting != 2 || !d.Received.Equal(accepted.Add(time.Minute)) || d.Size != int64(len(text)) {
			t.Errorf("%+v", d.Message)
		}
		if string(d.Header) != "From: ann@sender.example\r\nSubject: test\r\n" || d.Cut {
			t.Errorf("header %q, cut %v", d.Header, d.Cut)
		}
		if octets, err := os.ReadFile(d.Path); string(octets) != text {
			t.Errorf("%s: %q, %v", d.Path, octets, err)
		}
		r := d.Recipients[0]
		if r.Addr != "bob@Greylist.Example" || r.Attempts != 2 || r.Reply == nil || r.Reply.Code != 451 || r.Reply.Kind != "greylisted" || r.Reply.Plain == "" || d.Recipients[2].Status != "delivered" {
			t.Errorf("%+v, reply %+v", d.Recipients, r.Reply)
		}
		first, err := s.Show(t.Context(), ids[0])
		if err != nil || first.Auth != "ann" || first.Client != "192.0.2.9" || first.HELO != "laptop" || first.TLS == "" {
			t.Errorf("%+v, %v", first.Message, err)
		}
		for id, none := range map[string]bool{"zzzz": true, "": true, ".": true, "..": true, "../x": true, "a/b": true, ids[0] + "x": true, ids[0][:1]: false, " ": false} {
			_, err := s.Show(t.Context(), id)
			var fault *control.Fault
			if !errors.As(err, &fault) || none != errors.Is(err, control.ErrNone) && id != "" {
				t.Errorf("%q: %v", id, err)
			}
		}
	})
}

func TestDo(t *testing.T) {
	both(t, func(t *testing.T, s source, ids []string) {
		state := func(i int) control.State {
			d, err := s.Show(t.Context(), ids[i])
			if errors.Is(err, control.ErrNone) {
				return "gone"
			}
			if err != nil {
				t.Error(err)
			}
			return d.State
		}
		do := func(a control.Action, failures int, ids ...string) control.Done {
			t.Helper()
			d, err := s.Do(t.Context(), a, ids)
			if err != nil || len(d.Failed) != failures || len(d.IDs) != len(ids)-failures {
				t.Errorf("%s %v: %+v, %v", a, ids, d, err)
			}
			return d
		}
		do(control.Hold, 0, ids[0], ids[4][:15])
		if state(0) != control.Held || state(4) != control.Held {
			t.Error(state(0), state(4))
		}
		do(control.Release, 0, ids[0], ids[2])
		if state(0) == control.Held || state(2) == control.Held || state(4) != control.Held {
			t.Error(state(0), state(2), state(4))
		}
		do(control.Hold, 0, ids[0], ids[0][:15], ids[0])
		do(control.Release, 0, ids[0])
		d := do(control.Remove, 2, ids[3], "nothing", ids[3][:1])
		if d.Failed[0].ID != "nothing" || !strings.Contains(d.Failed[1].Error, "several") || state(3) != "gone" {
			t.Errorf("%+v, %s", d, state(3))
		}
		do(control.Retry, 0, ids[1])
		if _, err := s.Do(t.Context(), "eat", ids); err == nil {
			t.Error("an unknown action was done")
		}
	})
}

// TestRetry: a server tries at once; the spool says that it is due.
func TestRetry(t *testing.T) {
	dir, ids := fill(t)
	o := control.Offline{Dir: dir}
	if _, err := o.Do(t.Context(), control.Retry, ids[1:2]); err != nil {
		t.Fatal(err)
	}
	d, err := o.Show(t.Context(), ids[1])
	if err != nil || d.Next.After(time.Now()) {
		t.Errorf("due %s, %v", d.Next, err)
	}
	c, _ := serve(t, dir)
	if _, err := c.Do(t.Context(), control.Retry, ids[:1]); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		d, err := c.Show(t.Context(), ids[0])
		if err != nil {
			t.Fatal(err)
		}
		if r := d.Recipients[0].Reply; r != nil {
			if r.Text != "busy" || d.State == control.Queued {
				t.Errorf("%+v of %+v", r, d.Message)
			}
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Error("it was not tried")
}

// TestApart: while a server runs nobody else changes its spool, and anybody may look.
func TestApart(t *testing.T) {
	dir, ids := fill(t)
	serve(t, dir)
	o := control.Offline{Dir: dir}
	if _, err := o.Do(t.Context(), control.Remove, ids); err == nil || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
		t.Errorf("removed under a server: %v", err)
	}
	if p, err := o.List(t.Context(), control.Filter{}, "", 10); err != nil || len(p.Messages) != 5 {
		t.Error(p, err)
	}
	var none *control.NoSpoolError
	nowhere := control.Offline{Dir: filepath.Join(dir, "nowhere")}
	if _, err := nowhere.List(t.Context(), control.Filter{}, "", 10); !errors.As(err, &none) {
		t.Error(err)
	}
	if _, err := nowhere.Do(t.Context(), control.Hold, ids); !errors.As(err, &none) {
		t.Error(err)
	}
}

// TestBroken: what cannot be delivered is told of.
func TestBroken(t *testing.T) {
	dir, ids := fill(t)
	if err := os.WriteFile(filepath.Join(dir, ids[2]+".eml"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := control.Offline{Dir: dir}
	p, err := o.List(t.Context(), control.Filter{}, "", 10)
	if err != nil || len(p.Messages) != 4 || len(p.Broken) != 1 || p.Broken[0].ID != ids[2] || p.Broken[0].Why == "" || p.Aside != (control.Aside{}) {
		t.Errorf("%+v, %v", p, err)
	}
	if d, err := o.Do(t.Context(), control.Hold, ids[:1]); err != nil || len(d.IDs) != 1 || len(d.Broken) != 1 || d.Broken[0].ID != ids[2] {
		t.Errorf("%+v, %v", d, err)
	}
	if p, err = o.List(t.Context(), control.Filter{}, "", 10); err != nil || len(p.Broken) != 0 || p.Aside != (control.Aside{Dir: spool.BadDir(dir), Entries: 1}) {
		t.Errorf("%+v, %v", p, err)
	}
	c, _ := serve(t, dir)
	if p, err = c.List(t.Context(), control.Filter{}, "", 10); err != nil || p.Aside.Entries != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestStatus(t *testing.T) {
	dir, _ := fill(t)
	c, _ := serve(t, dir)
	s, err := c.Status(t.Context())
	if err != nil || s.Version != "test" || s.Queue.Messages != 5 || s.Queue.Held != 1 || s.Queue.Octets != 5*int64(len(text)) || !s.Queue.Oldest.Equal(accepted) || s.Spool.Free == 0 || s.Spool.Path != dir {
		t.Errorf("%+v, %v", s, err)
	}
	r, err := c.Reload(t.Context())
	if err != nil || !slices.Equal(r.Changed, []string{"domains"}) {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestMany: a long list of long things is told within the bounds of a reply.
func TestMany(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s, _, err := spool.Open(dir, spool.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("\x01", 600)
	e := spool.Envelope{From: strings.Repeat("ä", 2000), Received: accepted}
	for i := range 220 {
		e.Rcpts = append(e.Rcpts, spool.Rcpt{Addr: fmt.Sprintf("%s%d@example.org", strings.Repeat("ä", 600), i), Reply: spool.Reply{Code: 450, Text: long, Host: "h"}})
	}
	head := bytes.Repeat([]byte("X-Field: \x00\xff\r\n"), 7_000)
	if e, err = s.Accept(e, bytes.NewReader(head), strings.NewReader("\r\n"+text)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	c, _ := serve(t, dir)
	d, err := c.Show(t.Context(), e.ID)
	if err != nil || d.Total != 220 || len(d.Recipients) != 200 || !d.Cut || len(d.Header) > 64<<10 || !bytes.HasSuffix(d.Header, []byte("\r\n")) {
		t.Errorf("%d of %d recipients, header of %d, %v", len(d.Recipients), d.Total, len(d.Header), err)
	}
	if p, err := c.List(t.Context(), control.Filter{}, "", 1000); err != nil || len(p.Messages) != 1 {
		t.Error(err)
	}
	if _, err := c.Do(t.Context(), control.Hold, make([]string, 1001)); err == nil {
		t.Error("1,001 IDs were taken")
	}
}
