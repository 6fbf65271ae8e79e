package powerdns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

func TestOpen(t *testing.T) {
	fake := newFake(testKey)
	server := httptest.NewServer(fake)
	defer server.Close()
	for name, kind := range map[string]string{
		"example.org.": "Native", "sub.example.org.": "Master", "primary.example.": "primary", "copy.example.": "Slave",
		"copy2.example.": "Secondary", "catalog.example.": "Producer", "member.example.": "Consumer", "forward.example.": "Forwarded\x1b[2J",
	} {
		fake.zones[name] = &fakeZone{ID: name, Name: name, Kind: kind}
	}
	fake.zones["signed.example."] = &fakeZone{ID: "signed.example.", Name: "signed.example.", Kind: "Native", DNSSEC: true}
	fake.zones["presigned.example."] = &fakeZone{ID: "presigned.example.", Name: "presigned.example.", Kind: "Native", DNSSEC: true}
	fake.meta["presigned.example."] = "1"
	fake.zones["id.example."] = &fakeZone{ID: "../config", Name: "id.example.", Kind: "Native"}
	for _, tt := range []struct {
		domain, zone, err string
		is                error
	}{
		{domain: "example.org", zone: "example.org."},
		{domain: "a.b.Example.ORG.", zone: "example.org."},
		{domain: "x.sub.example.org", zone: "sub.example.org."},
		{domain: "xsub.example.org", zone: "example.org."},
		{domain: "primary.example", zone: "primary.example."},
		{domain: "signed.example", zone: "signed.example."},
		{domain: "nosuch.example", err: "pdnsutil list-all-zones", is: providers.ErrNoZone},
		{domain: "www.copy.example", err: "kind Slave"},
		{domain: "copy2.example", err: "give the URL of its primary"},
		{domain: "member.example", err: "kind Consumer"},
		{domain: "catalog.example", err: `the kind "Producer"`},
		{domain: "forward.example", err: `"Forwarded\x1b[2J"`},
		{domain: "presigned.example", err: "signed elsewhere"},
		{domain: "id.example", err: `the zone ID "../config" is none`},
	} {
		p, err := Open(t.Context(), tt.domain, Options{URL: server.URL + "/api/v1/", APIKey: testKey + "\n"})
		switch {
		case tt.err == "" && (err != nil || p.Zone() != tt.zone):
			t.Errorf("Open(%s) = %v, %v, want %s", tt.domain, p, err, tt.zone)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err) || tt.is != nil && !errors.Is(err, tt.is)):
			t.Errorf("Open(%s): %v, want %q", tt.domain, err, tt.err)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		o    Options
		want string // the base, or what the error says
	}{
		{Options{URL: "http://127.0.0.1:8081"}, "http://127.0.0.1:8081/api/v1/servers/localhost"},
		{Options{URL: " https://ns1.example.net/pdns/api/v1/ "}, "https://ns1.example.net/pdns/api/v1/servers/localhost"},
		{Options{URL: "https://ns1.example.net/api/", ServerID: "two"}, "https://ns1.example.net/api/v1/servers/two"},
		{Options{URL: "http://[::1]:8081/"}, "http://[::1]:8081/api/v1/servers/localhost"},
		{Options{URL: "http://LOCALHOST:8081/a%2Fb/"}, "http://LOCALHOST:8081/a%2Fb/api/v1/servers/localhost"},
		{Options{URL: "http://ns1.example.net", Insecure: true}, "http://ns1.example.net/api/v1/servers/localhost"},
		{Options{URL: "http://ns1.example.net"}, "clear text"},
		{Options{URL: "http://127.0.0.1.example.net"}, "clear text"},
		{Options{URL: "http://192.0.2.1:8081"}, "clear text"},
		{Options{URL: "127.0.0.1:8081"}, "it looks like http://127.0.0.1:8081"},
		{Options{URL: "ns1.example.net"}, "neither http:// nor https://"},
		{Options{URL: ""}, "neither http:// nor https://"},
		{Options{URL: "https://"}, "names no host"},
		{Options{URL: "https://%c2%9b/"}, "names no host"},
		{Options{URL: "https://hunter2:hunter2@ns1.example.net"}, "a user or password in it"},
		{Options{URL: "https://hunter2:\x01hunter2@ns1.example.net"}, "cannot be read"},
		{Options{URL: "https://ns1.example.net/?key=hunter2"}, "has a ? or #"},
		{Options{URL: "https://ns1.example.net/", ServerID: "../x"}, `"../x" is none`},
		{Options{URL: "https://ns1.example.net/", ServerID: ".."}, `".." is none`},
		{Options{URL: "https://ns1.example.net/", APIKey: " "}, "POWERDNS_API_KEY"},
		{Options{URL: "https://ns1.example.net/", APIKey: "hunter2\r\nX: y"}, "not printable ASCII"},
	} {
		if tt.o.APIKey == "" {
			tt.o.APIKey = testKey
		}
		c, err := newClient(tt.o)
		switch {
		case err == nil && c.base != tt.want:
			t.Errorf("%+v: %s, want %s", tt.o, c.base, tt.want)
		case err != nil && (!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2")):
			t.Errorf("%+v: %v, want %q", tt.o, err, tt.want)
		case strings.Contains(tt.want, "POWERDNS_API_KEY") && !errors.Is(err, providers.ErrDenied):
			t.Errorf("%v is no ErrDenied", err)
		}
	}
}

// answers is a client whose server answers all requests so.
func answers(t *testing.T, h http.HandlerFunc) *client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := newClient(Options{URL: server.URL, APIKey: testKey})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Whatever the server does, the error is of use, and holds neither the key nor
// control octets.
func TestAnswers(t *testing.T) {
	says := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Echo", r.Header.Get("X-API-Key"))
			w.WriteHeader(status)
			io.WriteString(w, strings.ReplaceAll(body, "KEY", r.Header.Get("X-API-Key")))
		}
	}
	quoted, _ := json.Marshal(testKey)
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   string
		is     error
	}{
		"401":        {says(401, "Unauthorized"), "the API key must be what api-key is in pdns.conf", providers.ErrDenied},
		"403":        {says(403, "no, KEY\x1b[2J"), "does not allow this", providers.ErrDenied},
		"404":        {says(404, "Not Found"), "api=yes in pdns.conf", nil},
		"422":        {says(422, `{"error": "RRset\u001b: `+strings.Trim(string(quoted), `"`)+`", "errors": ["one", "two"]}`), `"RRset\x1b: ***; one; two"`, nil},
		"500":        {says(500, strings.Repeat("x", 1<<20)), "500: Internal Server Error", nil},
		"502":        {says(502, "<html>KEY"), "502: Bad Gateway", nil},
		"long error": {says(400, `{"error": "`+strings.Repeat("ü", 1000)+`"}`), `..."`, nil},
		"no JSON":    {says(200, "<html>\x1b[2JKEY</html>"), "is not that of the API", nil},
		"other JSON": {says(200, `{"KEY": 1}`), "is not that of the API", nil},
		"two values": {says(200, `[] []`), "is not that of the API", nil},
		"too deep":   {says(200, strings.Repeat("[", 1<<20)), "is not that of the API", nil},
		"no answer":  {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "webserver-allow-from", nil},
		"half of one": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, "[")
		}, "the connection was closed before", nil},
		"no HTTP": {func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				fmt.Fprintf(conn, "\x1b[2J%s\r\n\r\n", r.Header.Get("X-API-Key"))
				conn.Close()
			}
		}, "malformed HTTP", nil},
	} {
		_, err := answers(t, tt.answer).find(t.Context(), "example.org.")
		switch {
		case err == nil || !strings.Contains(err.Error(), tt.want):
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		case tt.is != nil && !errors.Is(err, tt.is):
			t.Errorf("%s: %v is no %v", name, err, tt.is)
		default:
			clean(t, name, err)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	_, err := Open(t.Context(), "example.org", Options{URL: server.URL, APIKey: testKey})
	if err == nil || !strings.Contains(err.Error(), "webserver=yes") {
		t.Errorf("%v", err)
	}
}

func clean(t *testing.T, name string, err error) {
	t.Helper()
	text := err.Error()
	if strings.Contains(text, "k3y") || strings.Contains(text, "of-the-tests") {
		t.Errorf("%s: the error holds the key: %s", name, text)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }) {
		t.Errorf("%s: the error holds control octets: %q", name, text)
	}
}

func TestTooLarge(t *testing.T) {
	c := answers(t, func(w http.ResponseWriter, r *http.Request) {
		chunk := []byte(strings.Repeat(" ", 1<<20))
		for range maxBody>>20 + 2 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	if _, err := c.read(t.Context(), "example.org."); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("%v", err)
	}
}

// A redirect is not followed, least of all with the key to another host.
func TestRedirect(t *testing.T) {
	var asked []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked = append(asked, r.URL.Path) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := answers(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", other.URL+"/x?"+r.Header.Get("X-API-Key"))
			w.WriteHeader(status)
		})
		_, err := c.find(t.Context(), "example.org.")
		if err == nil || !strings.Contains(err.Error(), "a redirect to") {
			t.Errorf("%d: %v", status, err)
		}
		clean(t, "redirect", err)
		err = c.patch(t.Context(), "example.org.", nil)
		if err == nil || !strings.Contains(err.Error(), "a redirect to") {
			t.Errorf("%d: %v", status, err)
		}
	}
	if len(asked) > 0 {
		t.Errorf("the other host was asked: %q", asked)
	}
}

// A transport is a server that takes its time.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := transport(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		began := time.Now()
		_, err := Open(t.Context(), "example.org", Options{URL: "https://ns1.example.net", APIKey: testKey, HTTP: &http.Client{Transport: slow}})
		if took := time.Since(began); took != patience || err == nil || !strings.Contains(err.Error(), "no answer in time") {
			t.Errorf("after %s: %v", took, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = Open(ctx, "example.org", Options{URL: "https://ns1.example.net", APIKey: testKey, HTTP: &http.Client{Transport: slow}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

// A zone that cannot be is refused, and none of it written back.
func TestImpossibleZones(t *testing.T) {
	for body, want := range map[string]string{
		`{"name": "example.net.", "kind": "Native"}`:                                                                                          `the zone "example.net."`,
		`{"name": "example.org.", "kind": "Slave"}`:                                                                                           "the next transfer overwrites",
		`{"name": "example.org.", "kind": "Native", "rrsets": [{"name": "example.net.", "type": "A"}]}`:                                       `"example.net." is not one of the zone`,
		`{"name": "example.org.", "kind": "Native", "rrsets": [{"name": "a\u001b.example.org.", "type": "A"}]}`:                               `"a\x1b.example.org." is not one`,
		`{"name": "example.org.", "kind": "Native", "rrsets": [{"name": "example.org", "type": "A"}]}`:                                        `"example.org" is not one`,
		`{"name": "example.org.", "kind": "Native", "rrsets": [{"name": "example.org.", "type": ""}]}`:                                        `the type ""`,
		`{"name": "example.org.", "kind": "Native", "rrsets": [{"name": "example.org.", "type": "A"},{"name": "Example.org.", "type": "a"}]}`: "is there twice",
		`{"name": "example.org.", "kind": "Native", "rrsets": [{"name": "example.org.", "type": "A", "ttl": -1}]}`:                            "is not that of the API",
		`{"name": "example.org.", "kind": "Native", "rrsets": [{"name": "example.org.", "type": "A", "ttl": 4294967296}]}`:                    "is not that of the API",
		`{"name": "example.org.", "kind": "Native", "rrsets": {"name": 1}}`:                                                                   "is not that of the API",
	} {
		written := 0
		c := answers(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				written++
			}
			io.WriteString(w, body)
		})
		p := &Provider{api: c, id: "example.org.", zone: "example.org."}
		_, err := p.Read(t.Context(), nil)
		todo := plan.Plan{Zone: p.zone, Changes: []plan.Change{{Slot: record.SPF(p.zone), After: []record.Record{record.TXT(p.zone, "v=spf1 -all")}}}}
		failed := p.Write(t.Context(), todo)
		if err == nil || failed == nil || !strings.Contains(err.Error(), want) || !strings.Contains(failed.Error(), want) || written > 0 {
			t.Errorf("%s:\n%v\n%v, want %q", body, err, failed, want)
		}
		clean(t, body, failed)
	}
}

// FuzzZone: of whatever the server answers, what no change is about is written
// back as it was, and what is written is read as planned.
func FuzzZone(f *testing.F) {
	f.Add("TXT", `"v=spf1 a -all"`, `"x" "y"`, "v=spf1 -all", true)
	f.Add("TXT", `"\"`, `\000`, "", false)
	f.Add("MX", "10 mail.example.org.", "bad", "v=spf1", false)
	f.Add("LUA", "A \"(\n\"", ";", "\xff\"", true)
	f.Add("$INCLUDE", "/etc/passwd", "(", "x", false)
	f.Fuzz(func(t *testing.T, typ, one, two, text string, disabled bool) {
		body, err := json.Marshal(map[string]any{"name": "example.org.", "kind": "Native", "rrsets": []set{
			{"example.org.", typ, 60, []entry{{one, disabled}, {Content: two}}}, {"a.example.org.", "TXT", 60, []entry{{one, disabled}}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		var z zone
		if err := json.Unmarshal(body, &z); err != nil {
			t.Fatal(err)
		}
		if z.check() != nil {
			return
		}
		was := z.live()
		for _, r := range was {
			if s := r.String(); strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) && !strings.ContainsFunc(typ, unprintable) {
				t.Errorf("the record has control octets: %q", s)
			}
		}
		slot := record.SPF("example.org.")
		want := record.TXT("example.org.", "v=spf1 "+text)
		list, err := z.changed(plan.Plan{Zone: z.Name, Changes: []plan.Change{{Slot: slot, After: []record.Record{want}}}})
		if err != nil {
			return
		}
		for _, c := range list {
			if c.Type != "TXT" {
				t.Fatalf("%+v is changed", c)
			}
			is := set{c.Name, c.Type, *c.TTL, *c.Entries}
			for _, s := range z.Sets {
				if s.key() != is.key() {
					continue
				}
				for _, e := range s.Entries {
					r := s.record(e)
					if (e.Disabled && r.Data != want.Data || !slot.Holds(r)) && !slices.Contains(is.Entries, e) {
						t.Errorf("%+v is lost: %+v", e, is.Entries)
					}
				}
			}
			if !slices.ContainsFunc(is.Entries, func(e entry) bool { return !e.Disabled && is.record(e).Data == want.Data }) {
				t.Errorf("%s is not in %+v", want, is.Entries)
			}
		}
	})
}
