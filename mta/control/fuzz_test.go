package control

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/spool"
)

// FuzzHandler: whatever is asked, the answer is JSON with a code that fits, and
// nothing in the queue changes but by a request that is right.
func FuzzHandler(f *testing.F) {
	f.Add("GET", "/v1/status", "")
	f.Add("GET", "/v1/queue?to=example.org&state=held&limit=1&after=0", "")
	f.Add("GET", "/v1/queue/abc", "")
	f.Add("POST", "/v1/queue/hold", `{"ids": ["abc", ""]}`)
	f.Add("POST", "/v1/queue/remove", `{"ids": ["\u0000"], "x": 1}`)
	f.Add("POST", "/v1/reload", "{}")
	f.Add("PUT", "/v1/queue/%2e%2e", "null")
	f.Add("POST", "/v1/queue/retry", `{"ids": []} {"ids": ["a"]}`)
	s, _, err := spool.Open(f.TempDir(), spool.Options{MinFree: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	h := Handler(Host{Queue: queue.New(queue.Options{Spool: s}, nil)})
	f.Fuzz(func(t *testing.T, method, path, body string) {
		r, err := http.NewRequest(method, "http://h"+path, strings.NewReader(body))
		if err != nil || !strings.HasPrefix(path, "/") {
			return
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == http.StatusMovedPermanently || w.Code == http.StatusTemporaryRedirect || w.Code == http.StatusPermanentRedirect { // to the same path, cleaned
			return
		}
		if w.Code != 200 {
			var fault Fault
			if err := json.Unmarshal(w.Body.Bytes(), &fault); err != nil || fault.Text == "" || fault.status() != w.Code {
				t.Errorf("%s %q: %d %s", method, path, w.Code, w.Body)
			}
			return
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %q: %s", method, path, w.Body)
		}
	})
}

// FuzzReply: whatever a server sends is read or refused, and what is read is within
// its bounds.
func FuzzReply(f *testing.F) {
	f.Add(200, []byte(`{"messages": [{"id": "a", "recipients": [{"reply": {"code": 1}}]}], "next": "b"}`))
	f.Add(200, []byte(`{"header": "YQ==", "path": "/x", "received": "2026-11-22T09:00:00Z"}`))
	f.Add(404, []byte(`{"code": "none", "error": "x"}`))
	f.Add(500, []byte(`[]`))
	f.Fuzz(func(t *testing.T, code int, text []byte) {
		for _, v := range []any{new(Status), new(Page), new(Detail), new(Done), new(Reloaded)} {
			err := decode(code, text, v)
			if code != 200 && err == nil {
				t.Errorf("code %d was taken", code)
			}
			if f, ok := err.(*Fault); ok && (f.Text == "" || len(f.Text) > showText+3) {
				t.Errorf("a fault of %d octets", len(f.Text))
			}
		}
	})
}

// FuzzFilter: no filter makes a search panic, and none chooses what the empty one
// does not.
func FuzzFilter(f *testing.F) {
	f.Add("example.org", "<>", "held", "bob@example.org")
	f.Add(".", "@", "", "@")
	f.Add("[", "a@[192.0.2.1]", "queued", "x@[")
	f.Fuzz(func(t *testing.T, to, from, state, addr string) {
		filter := Filter{to, from, State(state)}
		entries := []queue.Entry{{Envelope: spool.Envelope{ID: "1", From: addr, Rcpts: []spool.Rcpt{{Addr: addr, Status: spool.Waiting}}}}}
		if filter.check() != nil {
			return
		}
		p := page(entries, filter, "", 10)
		if p.Total != 1 || p.Matching != len(p.Messages) || p.Matching > 1 {
			t.Errorf("%+v", p)
		}
		find(entries, to)
	})
}
