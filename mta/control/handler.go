package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/maildoctor/maildoctor/mta/disk"
	"github.com/maildoctor/maildoctor/mta/queue"
)

// Bounds of requests.
const (
	maxBody      = 64 << 10
	maxIDs       = 1000
	defaultLimit = 100  // messages of a page
	maxLimit     = 1000 //
	maxReload    = time.Minute
)

// Handler answers requests for a host. Who may send them is the matter of who
// listens: see [Listen] and [Serve].
func Handler(h Host) http.Handler {
	s := &server{h}
	mux := http.NewServeMux()
	for pattern, answer := range map[string]func(*http.Request) (any, error){
		"GET " + pathStatus:               s.status,
		"GET " + pathQueue:                s.list,
		"GET " + pathQueue + "/{id}":      s.show,
		"POST " + pathQueue + "/{action}": s.act,
		"POST " + pathReload:              s.reload,
		"/": func(r *http.Request) (any, error) {
			return nil, &Fault{codeUnknown, "there is no request " + quote(r.Method+" "+r.URL.Path)}
		},
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			v, err := answer(r)
			reply(w, v, err)
		})
	}
	return mux
}

// reply sends what came of a request.
func reply(w http.ResponseWriter, v any, err error) {
	code := http.StatusOK
	if err != nil {
		fault := faultOf("", err)
		v, code = fault, fault.status()
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set(protocolField, protocol)
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // who has gone hears nothing
}

type server struct{ Host }

func (s *server) status(*http.Request) (any, error) {
	var v Status
	if s.Status != nil {
		v = s.Status()
	}
	stats := s.Queue.Stats()
	v.Queue = Queue{Messages: stats.Messages, Delivering: stats.Delivering, Deferred: stats.Deferred, Held: stats.Held, Octets: stats.Octets, Oldest: stats.Oldest}
	v.Spool.Path = s.SpoolDir
	free, err := disk.OS{}.Free(s.SpoolDir)
	if v.Spool.Free = free; err != nil {
		v.Problems = append(v.Problems, err.Error())
	}
	return v, nil
}

func (s *server) list(r *http.Request) (any, error) {
	q := r.URL.Query()
	f := Filter{To: q.Get("to"), From: q.Get("from"), State: State(q.Get("state"))}
	if err := f.check(); err != nil {
		return nil, &Fault{codeInvalid, err.Error()}
	}
	limit := defaultLimit
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return nil, &Fault{codeInvalid, fmt.Sprintf("limit %s: it is between 1 and %d", quote(text), maxLimit)}
		}
		limit = n
	}
	p := page(s.Queue.List(), f, q.Get("after"), limit)
	p.Aside = aside(s.SpoolDir)
	return p, nil
}

func (s *server) show(r *http.Request) (any, error) {
	id, fault := find(s.Queue.List(), r.PathValue("id"))
	if fault != nil {
		return nil, fault
	}
	e, err := s.Queue.Show(id)
	if err != nil {
		return nil, faultOf(id, err)
	}
	return detail(e, s.SpoolDir), nil
}

func (s *server) act(r *http.Request) (any, error) {
	do := s.action(Action(r.PathValue("action")))
	if do == nil {
		return nil, &Fault{codeUnknown, "nothing called " + quote(r.PathValue("action")) + " can be done with a message"}
	}
	sel, err := decodeSelection(r.Body)
	if err != nil {
		return nil, err
	}
	return each(r.Context(), s.Queue.List(), sel.IDs, do), nil
}

func (s *server) action(a Action) func(id string) error {
	return map[Action]func(string) error{Retry: s.Queue.Retry, Hold: s.Queue.Hold, Release: s.Queue.Release, Remove: s.Queue.Remove}[a]
}

// atOnce is how many messages something is done to at a time: the disk serves all who
// wait for it together.
const atOnce = 16

// each does something to messages, to each once, while ctx lasts.
func each(ctx context.Context, entries []queue.Entry, asked []string, do func(id string) error) Done {
	ids, faults := make([]string, len(asked)), make([]*Fault, len(asked))
	first := map[string]int{} // where an ID is asked for first
	var work errgroup.Group
	work.SetLimit(atOnce)
	for i := range asked {
		id, fault := find(entries, asked[i])
		if fault == nil && ctx.Err() != nil {
			fault = &Fault{codeFailed, "not done: interrupted"}
		}
		ids[i], faults[i] = id, fault
		if _, again := first[id]; fault != nil || again {
			continue
		}
		first[id] = i
		work.Go(func() error {
			if err := do(id); err != nil {
				faults[i] = faultOf(id, err)
			}
			return nil
		})
	}
	_ = work.Wait()
	done := Done{IDs: []string{}, Failed: []Failure{}}
	for i, id := range ids {
		fault := faults[i]
		if at, ok := first[id]; ok {
			fault = faults[at]
		}
		if fault != nil {
			done.Failed = append(done.Failed, Failure{cut(asked[i], maxAddress), fault.Text})
			continue
		}
		done.IDs = append(done.IDs, id)
	}
	return done
}

// decodeSelection reads the messages of an action.
func decodeSelection(r io.Reader) (Selection, error) {
	var sel Selection
	d := json.NewDecoder(r)
	d.DisallowUnknownFields() // what was meant to narrow the choice must not be passed over
	if err := d.Decode(&sel); err != nil {
		return Selection{}, &Fault{codeInvalid, "the request is not understood: " + err.Error()}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Selection{}, &Fault{codeInvalid, "the request has more behind its end"}
	}
	if len(sel.IDs) == 0 || len(sel.IDs) > maxIDs {
		return Selection{}, &Fault{codeInvalid, fmt.Sprintf("%d IDs; between 1 and %d can be given", len(sel.IDs), maxIDs)}
	}
	return sel, nil
}

func (s *server) reload(r *http.Request) (any, error) {
	if s.Reload == nil {
		return nil, &Fault{codeFailed, "this server has no settings to read again"}
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxReload)
	defer cancel()
	v, err := s.Reload(ctx)
	if err != nil {
		return nil, &Fault{codeFailed, err.Error()}
	}
	return v, nil
}
