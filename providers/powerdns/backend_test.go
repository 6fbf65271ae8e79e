package powerdns

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/providertest"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

const testKey = `k3y-"%s"-\n-of-the-tests`

// A gate stands before an API, and breaks writes on their way.
type gate struct {
	next http.Handler
	mu   sync.Mutex
	how  map[string]providertest.Fault // by the zone whose next write it befalls
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPatch {
		g.next.ServeHTTP(w, r)
		return
	}
	zone := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	g.mu.Lock()
	how, broken := g.how[zone]
	delete(g.how, zone)
	g.mu.Unlock()
	switch {
	case !broken:
		g.next.ServeHTTP(w, r)
		return
	case how == providertest.Refused:
		refuse(w, http.StatusUnprocessableEntity, "RRset "+zone+" IN TXT: \x1b[2J"+r.Header.Get("X-API-Key"))
		return
	case how == providertest.Lost:
		g.next.ServeHTTP(httptest.NewRecorder(), r)
	}
	panic(http.ErrAbortHandler)
}

// A service is a zone behind an API, seen through the API by other code than the
// provider's.
type service struct {
	url, zone string
	gate      *gate
}

// backend is the API at a handler as the suite wants it.
func backend(t *testing.T, api http.Handler) providertest.Backend {
	g := &gate{next: api, how: make(map[string]providertest.Fault)}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return providertest.Backend{Serve: func(t *testing.T, zone string, records []record.Record) providertest.Service {
		s := &service{server.URL, zone, g}
		s.create(t, "Native", "DEFAULT", records)
		return s
	}}
}

func (s *service) create(t *testing.T, kind, soaEditAPI string, records []record.Record) {
	t.Helper()
	sets := []map[string]any{}
	at := make(map[[2]string]int)
	for _, r := range records {
		k := [2]string{r.Name, r.Type}
		i, ok := at[k]
		if !ok {
			i = len(sets)
			at[k] = i
			sets = append(sets, map[string]any{"name": r.Name, "type": r.Type, "ttl": r.TTL, "records": []entry{}})
		}
		sets[i]["records"] = append(sets[i]["records"].([]entry), entry{Content: r.Presentation()})
	}
	s.ask(t, http.MethodPost, "", map[string]any{"name": s.zone, "kind": kind, "soa_edit_api": soaEditAPI, "nameservers": []string{}, "rrsets": sets}, nil)
	t.Cleanup(func() { s.ask(t, http.MethodDelete, "/"+s.zone, nil, nil) })
}

func (s *service) ask(t *testing.T, method, path string, body, into any) {
	t.Helper()
	var text []byte // none with GET: a server that closes without reading it may cut its answer off
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequest(method, s.url+"/api/v1/servers/localhost/zones"+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", testKey)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= 300 {
		t.Fatalf("%s %s: %s %v\n%s", method, path, answer.Status, err, said)
	}
	if into != nil {
		if err := json.Unmarshal(said, into); err != nil {
			t.Fatal(err)
		}
	}
}

// sets are the sets of the zone, comments and disabled records with them.
func (s *service) sets(t *testing.T) []fakeSet {
	t.Helper()
	var z struct {
		Sets []fakeSet `json:"rrsets"`
	}
	s.ask(t, http.MethodGet, "/"+s.zone, nil, &z)
	return z.Sets
}

func (s *service) set(t *testing.T, name, typ string) fakeSet {
	t.Helper()
	for _, set := range s.sets(t) {
		if set.Name == name && set.Type == typ {
			return set
		}
	}
	return fakeSet{}
}

func (s *service) Open(ctx context.Context, domain string) (providers.Provider, error) {
	return opened(Open(ctx, domain, Options{URL: s.url, APIKey: testKey}))
}

func (s *service) Denied(ctx context.Context, domain string) (providers.Provider, error) {
	return opened(Open(ctx, domain, Options{URL: s.url, APIKey: "another"}))
}

// opened keeps a nil *Provider from being a Provider.
func opened(p *Provider, err error) (providers.Provider, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (s *service) Records(t *testing.T) []record.Record {
	t.Helper()
	var text strings.Builder
	for _, set := range s.sets(t) {
		for _, e := range set.Entries {
			if !e.Disabled {
				fmt.Fprintf(&text, "%s %d IN %s %s\n", set.Name, set.TTL, set.Type, e.Content)
			}
		}
	}
	records, err := zonefile.Read(strings.NewReader(text.String()), s.zone)
	if err != nil {
		t.Fatalf("%v:\n%s", err, &text)
	}
	return records
}

func (s *service) Change(t *testing.T, edits ...record.Edit) {
	t.Helper()
	for _, e := range edits {
		entries := []entry{}
		ttl := uint32(3600)
		for _, r := range s.Records(t) {
			if r.Name == e.Slot.Name && r.Type == e.Slot.Type && !e.Slot.Holds(r) {
				entries, ttl = append(entries, entry{Content: r.Presentation()}), r.TTL
			}
		}
		for _, r := range e.Want {
			entries = append(entries, entry{Content: r.Presentation()})
			if r.TTL != 0 {
				ttl = r.TTL
			}
		}
		s.write(t, map[string]any{"name": e.Slot.Name, "type": e.Slot.Type, "changetype": "REPLACE", "ttl": ttl, "records": entries})
	}
}

// write is a PATCH that no fault befalls.
func (s *service) write(t *testing.T, sets ...map[string]any) {
	t.Helper()
	s.ask(t, http.MethodPatch, "/"+s.zone, map[string]any{"rrsets": sets}, nil)
}

func (s *service) Break(t *testing.T, how providertest.Fault) {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	s.gate.how[s.zone] = how
}

// Secrets are what no text of the provider may hold.
func (s *service) Secrets() []string { return []string{testKey, fmt.Sprintf("%q", testKey)} }

func TestProvider(t *testing.T) {
	t.Parallel()
	providertest.Run(t, backend(t, newFake(testKey)))
}
