package powerdns

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

// A fake is the part of the API that providers use, as strict as the server: it
// takes content only as it would write it itself, lets nothing stand twice, no
// alias beside other records, and does all of a PATCH or nothing.
type fake struct {
	key      string
	mu       sync.Mutex
	zones    map[string]*fakeZone
	meta     map[string]string // PRESIGNED by zone ID
	requests []string
	rectify  int // the status of PUT rectify
}

type fakeZone struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Kind       string     `json:"kind"`
	DNSSEC     bool       `json:"dnssec"`
	APIRectify bool       `json:"api_rectify"`
	SOAEditAPI string     `json:"soa_edit_api"`
	Sets       []*fakeSet `json:"rrsets"`
}

type fakeSet struct {
	Name     string        `json:"name"`
	Type     string        `json:"type"`
	TTL      uint32        `json:"ttl"`
	Entries  []entry       `json:"records"`
	Comments []fakeComment `json:"comments"`
}

type fakeComment struct {
	Content    string `json:"content"`
	Account    string `json:"account"`
	ModifiedAt int64  `json:"modified_at"`
}

// A fakeChange is a set in a PATCH. What is not there is not the same as empty.
type fakeChange struct {
	Name     *string        `json:"name"`
	Type     *string        `json:"type"`
	Kind     *string        `json:"changetype"`
	TTL      *uint32        `json:"ttl"`
	Entries  *[]entry       `json:"records"`
	Comments *[]fakeComment `json:"comments"`
}

func newFake(key string) *fake {
	return &fake{key: key, zones: make(map[string]*fakeZone), meta: make(map[string]string), rectify: http.StatusOK}
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, r.Method+" "+r.URL.RequestURI())
	if r.Header.Get("X-API-Key") != f.key {
		w.Header().Set("WWW-Authenticate", `X-API-Key realm="PowerDNS"`)
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/api/v1/servers/localhost/zones")
	if !ok {
		http.Error(w, "Not Found", http.StatusNotFound)
		return
	}
	id, below, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	z := f.zones[id]
	switch {
	case id == "" && r.Method == http.MethodGet:
		f.list(w, r.URL.Query().Get("zone"))
	case id == "" && r.Method == http.MethodPost:
		f.create(w, r)
	case z == nil:
		refuse(w, http.StatusNotFound, "Could not find domain '"+id+"'")
	case below == "" && r.Method == http.MethodGet:
		reply(w, http.StatusOK, z)
	case below == "" && r.Method == http.MethodPatch:
		f.patch(w, r, z)
	case below == "" && r.Method == http.MethodDelete:
		delete(f.zones, id)
		w.WriteHeader(http.StatusNoContent)
	case below == "metadata/PRESIGNED" && r.Method == http.MethodGet:
		reply(w, http.StatusOK, map[string]any{"kind": "PRESIGNED", "metadata": slices.DeleteFunc([]string{f.meta[id]}, func(s string) bool { return s == "" })})
	case below == "rectify" && r.Method == http.MethodPut:
		reply(w, f.rectify, map[string]string{"result": "Rectified"})
	default:
		http.Error(w, "Not Found", http.StatusNotFound)
	}
}

// asked are the requests of a method so far.
func (f *fake) asked(method string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.requests), func(r string) bool { return !strings.HasPrefix(r, method+" ") })
}

func (f *fake) list(w http.ResponseWriter, name string) {
	list := []map[string]any{}
	for _, z := range f.zones {
		if name == "" || z.Name == name {
			list = append(list, map[string]any{"id": z.ID, "name": z.Name, "kind": z.Kind, "dnssec": z.DNSSEC})
		}
	}
	reply(w, http.StatusOK, list)
}

func (f *fake) create(w http.ResponseWriter, r *http.Request) {
	z := new(fakeZone)
	if err := json.NewDecoder(r.Body).Decode(z); err != nil {
		refuse(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	z.ID = z.Name
	for _, s := range z.Sets {
		if err := acceptable(s.Name, s.Type, s.Entries); err != nil {
			refuse(w, http.StatusUnprocessableEntity, err.Error())
			return
		}
	}
	f.zones[z.ID] = z
	reply(w, http.StatusCreated, z)
}

func (f *fake) patch(w http.ResponseWriter, r *http.Request, z *fakeZone) {
	var body struct {
		Sets []fakeChange `json:"rrsets"`
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		refuse(w, http.StatusBadRequest, "Your request did not contain valid JSON: "+err.Error())
		return
	}
	next := fakeZone{Name: z.Name}
	for _, s := range z.Sets {
		c := *s
		next.Sets = append(next.Sets, &c)
	}
	seen := make(map[string]bool)
	soa := false
	for _, c := range body.Sets {
		if c.Name == nil || c.Type == nil || c.Kind == nil {
			refuse(w, http.StatusUnprocessableEntity, "Key 'name' not an Object or does not exist")
			return
		}
		title := "RRset " + *c.Name + " IN " + *c.Type
		if seen[title] {
			refuse(w, http.StatusUnprocessableEntity, "Duplicate "+title)
			return
		}
		seen[title] = true
		soa = soa || *c.Type == "SOA"
		if err := next.apply(title, c); err != nil {
			refuse(w, http.StatusUnprocessableEntity, err.Error())
			return
		}
	}
	z.Sets = next.Sets
	if z.SOAEditAPI != "" && !soa {
		z.raise()
	}
	w.WriteHeader(http.StatusNoContent)
}

// apply makes one change of a PATCH, or says why not.
func (z *fakeZone) apply(title string, c fakeChange) error {
	same := func(s *fakeSet) bool { return s.Name == *c.Name && s.Type == *c.Type }
	switch *c.Kind {
	case "DELETE":
		if c.TTL != nil || c.Entries != nil && len(*c.Entries) > 0 {
			return errors.New(title + ": a DELETE with records or a TTL")
		}
		z.Sets = slices.DeleteFunc(z.Sets, same)
		return nil
	case "REPLACE":
	default:
		return errors.New("Changetype not understood")
	}
	switch {
	case !record.Within(*c.Name, z.Name) || !strings.HasSuffix(*c.Name, "."):
		return errors.New(title + ": Name is out of zone")
	case c.Entries == nil && c.Comments == nil:
		return errors.New("No change for " + title)
	case c.Entries != nil && c.TTL == nil:
		return errors.New("New RRsets are invalid: Key 'ttl' not an Integer or does not exist")
	}
	if err := acceptable(*c.Name, *c.Type, *c.Entries); err != nil {
		return err
	}
	for _, s := range z.Sets {
		served := slices.ContainsFunc(s.Entries, func(e entry) bool { return !e.Disabled })
		if s.Name == *c.Name && s.Type != *c.Type && served && (s.Type == "CNAME" || *c.Type == "CNAME") {
			return errors.New(title + ": Conflicts with pre-existing RRset")
		}
	}
	is := &fakeSet{Name: *c.Name, Type: *c.Type, TTL: *c.TTL, Entries: *c.Entries}
	if i := slices.IndexFunc(z.Sets, same); i >= 0 {
		is.Comments = z.Sets[i].Comments
		z.Sets = slices.Delete(z.Sets, i, i+1)
	}
	if c.Comments != nil {
		is.Comments = *c.Comments
	}
	if len(is.Entries) > 0 {
		z.Sets = append(z.Sets, is)
	}
	return nil
}

// acceptable refuses content that the server would write in another way.
func acceptable(name, typ string, entries []entry) error {
	seen := make(map[string]bool)
	for _, e := range entries {
		if seen[e.Content] {
			return fmt.Errorf("Duplicate record in RRset %s IN %s with content %q", name, typ, e.Content)
		}
		seen[e.Content] = true
		if typ == "ALIAS" || typ == "LUA" {
			continue
		}
		read, err := zonefile.Read(strings.NewReader(". 1 IN "+typ+" "+e.Content+"\n"), ".")
		if err != nil || len(read) != 1 {
			return fmt.Errorf("Record %s/%s '%s': Parsing record content: %w", name, typ, e.Content, err)
		}
		if typ == "TXT" && !strings.HasPrefix(e.Content, `"`) {
			return fmt.Errorf("Record %s/%s '%s': Data field in DNS should start with quote", name, typ, e.Content)
		}
		if as := read[0].Presentation(); typ != "TXT" && !strings.EqualFold(as, e.Content) {
			return fmt.Errorf("Record %s/%s '%s': Not in expected format (parsed as '%s')", name, typ, e.Content, as)
		}
	}
	return nil
}

// raise raises the serial as SOA-EDIT-API wants it.
func (z *fakeZone) raise() {
	for _, s := range z.Sets {
		if s.Type == "SOA" && s.Name == z.Name {
			f := strings.Fields(s.Entries[0].Content)
			n, _ := strconv.ParseUint(f[2], 10, 32)
			f[2] = strconv.FormatUint(n+1, 10)
			s.Entries = []entry{{Content: strings.Join(f, " ")}}
		}
	}
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, text string) {
	reply(w, status, map[string]string{"error": text})
}
