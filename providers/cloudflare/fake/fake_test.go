package fake

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// A stage is an API with a zone, and who asks it.
type stage struct {
	*testing.T
	api   *API
	zone  *Zone
	token string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	api := New()
	z, err := api.AddZone("example.org",
		record.Record{Name: "example.org.", Type: "SOA", TTL: 3600, Data: "a. b. 1 2 3 4 5"},
		record.Record{Name: "example.org.", Type: "NS", TTL: 3600, Data: "ada.ns.cloudflare.com."},
		record.Record{Name: "example.org.", Type: "A", TTL: 300, Data: "192.0.2.1"},
		record.TXT("example.org", "v=spf1 -all"), record.MX("example.org", 10, "mail.example.org"),
		record.Record{Name: "www.example.org.", Type: "CNAME", Data: "example.org."},
		record.Record{Name: "sub.example.org.", Type: "NS", Data: "ns1.example.net."})
	if err != nil {
		t.Fatal(err)
	}
	return &stage{t, api, z, api.Token("", Everything)}
}

type told struct {
	Result  json.RawMessage
	Success bool
	Errors  []Error
	Info    *info `json:"result_info"`
}

// call makes a call; in paths Z is the zone, and the rest may be IDs of records.
func (s *stage) call(method, path, body string) (status int, answer told) {
	s.Helper()
	url := "https://api.cloudflare.com/client/v4" + strings.ReplaceAll(path, "Z", s.zone.ID())
	r, err := http.NewRequestWithContext(s.Context(), method, url, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := s.api.RoundTrip(r)
	if err != nil {
		s.Fatal(err)
	}
	text, _ := io.ReadAll(res.Body)
	if err := json.Unmarshal(text, &answer); err != nil {
		s.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
	if answer.Success != (len(answer.Errors) == 0) || answer.Success != (res.StatusCode == http.StatusOK) {
		s.Errorf("%s %s: HTTP %d with %s", method, path, res.StatusCode, text)
	}
	if res.Header.Get("X-Ratelimit-Remaining") == "" {
		s.Error("no rate limit is told")
	}
	return res.StatusCode, answer
}

// codes are the code of the first error, and that of its reason.
func (a told) codes() [2]int {
	if len(a.Errors) == 0 {
		return [2]int{}
	}
	if len(a.Errors[0].Chain) == 0 {
		return [2]int{a.Errors[0].Code}
	}
	return [2]int{a.Errors[0].Code, a.Errors[0].Chain[0].Code}
}

func TestCreate(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, tt := range []struct {
		body string
		want [2]int // codes; none for success
	}{
		{`{"type":"A","name":"new","content":"192.0.2.2","ttl":60}`, [2]int{}},
		{`{"type":"A","name":"new.example.org","content":"192.0.2.2","proxied":true,"ttl":300}`, [2]int{}},
		{`{"type":"TXT","name":"@","content":"\"one\" \"two\"","comment":"mine"}`, [2]int{}},
		{`{"type":"TXT","name":"@","content":"bare text","ttl":1}`, [2]int{}},
		{`{"type":"MX","name":"@","content":"other.example.net.","priority":20}`, [2]int{}},
		{`{"type":"MX","name":"null","content":".","priority":0}`, [2]int{}},
		{`{"type":"SRV","name":"_a._tcp","data":{"priority":0,"weight":0,"port":993,"target":"mail.example.org"}}`, [2]int{}},
		{`{"type":"CAA","name":"@","data":{"flags":0,"tag":"issue","value":";"}}`, [2]int{}},
		{`{"type":"AAAA","name":"new","content":"192.0.2.2"}`, [2]int{1004, 9000}},
		{`{"type":"A","name":"new","content":"2001:db8::1"}`, [2]int{1004, 9000}},
		{`{"type":"A","name":"new","content":"192.0.2.2","ttl":59}`, [2]int{1004, 9021}},
		{`{"type":"A","name":"new","content":"192.0.2.2","ttl":86401}`, [2]int{1004, 9021}},
		{`{"type":"A","name":"new","content":"192.0.2.2","ttl":0}`, [2]int{1004, 9021}},
		{`{"type":"A","name":"new","content":"192.0.2.2","ttl":60.5}`, [2]int{1004, 9021}},
		{`{"type":"A","content":"192.0.2.2"}`, [2]int{1004, 9000}},
		{`{"name":"new","content":"192.0.2.2"}`, [2]int{1004, 9000}},
		{`{"type":"A","name":"a b","content":"192.0.2.2"}`, [2]int{1004, 9000}},
		{`{"type":"A","name":"a..b","content":"192.0.2.2"}`, [2]int{1004, 9000}},
		{`{"type":"A","name":"new","content":"192.0.2.2","tags":["a:b"]}`, [2]int{1004, 9300}},
		{`{"type":"A","name":"new","content":"192.0.2.2","comment":"two\nlines"}`, [2]int{1004, 9000}},
		{`{"type":"A","name":"new","content":"192.0.2.2","comment":"` + long(101) + `"}`, [2]int{1004, 9000}},
		{`{"type":"A","name":"new","content":"192.0.2.2","colour":"red"}`, [2]int{9207}},
		{`{"type":"A","name":"new","content":"192.0.2.2"} {}`, [2]int{9207}},
		{`no JSON`, [2]int{9207}},
		{`{"type":"A","name":"@","content":"192.0.2.1"}`, [2]int{81058}},
		{`{"type":"TXT","name":"@","content":"v=spf1 -all"}`, [2]int{81058}}, // bare, there it is quoted
		{`{"type":"A","name":"www","content":"192.0.2.1"}`, [2]int{81053}},
		{`{"type":"CNAME","name":"@","content":"www.example.net"}`, [2]int{81053}},
		{`{"type":"CNAME","name":"www","content":"www.example.net"}`, [2]int{81057}},
		{`{"type":"TXT","name":"www","content":"x"}`, [2]int{}}, // aliases are flattened, and TXT may stand beside
		{`{"type":"A","name":"sub","content":"192.0.2.1"}`, [2]int{1004, 9000}},
		{`{"type":"NS","name":"www","content":"ns1.example.net"}`, [2]int{1004, 9000}},
		{`{"type":"TXT","name":"new","content":"caf\u00e9"}`, [2]int{1004, 9051}},
		{`{"type":"TXT","name":"new","content":"tab\there"}`, [2]int{1004, 9051}},
		{`{"type":"TXT","name":"new","content":""}`, [2]int{1004, 9000}},
		{`{"type":"TXT","name":"new","content":"\"no end"}`, [2]int{1004, 9000}},
		{`{"type":"TXT","name":"new","content":"` + long(2048) + `"}`, [2]int{}},
		{`{"type":"TXT","name":"new","content":"` + long(2049) + `"}`, [2]int{1004, 9000}},
		{`{"type":"TXT","name":"new","content":"x","proxied":true}`, [2]int{1004, 9000}},
		{`{"type":"MX","name":"new","content":"mail.example.org"}`, [2]int{1004, 9000}},
		{`{"type":"MX","name":"new","content":"10 mail.example.org","priority":10}`, [2]int{1004, 9000}},
		{`{"type":"MX","name":"new","content":"mail.example.org","priority":65536}`, [2]int{1004, 9000}},
		{`{"type":"SRV","name":"_a._tcp","content":"0 0 993 mail.example.org"}`, [2]int{1004, 9101}},
		{`{"type":"SRV","name":"_a._tcp","data":{"priority":"0","weight":0,"port":993,"target":"mail.example.org"}}`, [2]int{1004, 9101}},
		{`{"type":"CAA","name":"@","content":"0 issue \";\""}`, [2]int{1004, 9101}},
		{`{"type":"TLSA","name":"_25._tcp","data":{"usage":3,"selector":1,"matching_type":1,"certificate":"00ff","x":1}}`, [2]int{1004, 9101}},
		{`{"type":"SOA","name":"@","content":"x"}`, [2]int{1004, 9000}},
	} {
		s := newStage(t)
		before := len(s.zone.List())
		_, answer := s.call("POST", "/zones/Z/dns_records", tt.body)
		if answer.codes() != tt.want {
			t.Errorf("%.200s: %v, want %v", tt.body, answer.Errors, tt.want)
		}
		if got := len(s.zone.List()) - before; (got == 1) != answer.Success {
			t.Errorf("%.200s: %d records more", tt.body, got)
		}
	}
}

// Content is kept as it was sent; targets lose the dot, addresses are canonical.
func TestForms(t *testing.T) {
	for body, want := range map[string]string{
		`{"type":"TXT","name":"New","content":"\"a\"  \"b\""}`:                                              `new.example.org "a"  "b" 1`,
		`{"type":"TXT","name":"new.example.org.","content":"a; b"}`:                                         `new.example.org a; b 1`,
		`{"type":"TXT","name":"new.example.net","content":"x"}`:                                             `new.example.net.example.org x 1`,
		`{"type":"CNAME","name":"new","content":"a.example.net."}`:                                          `new.example.org a.example.net 1`,
		`{"type":"AAAA","name":"new","content":"2001:DB8:0:0::1","ttl":60}`:                                 `new.example.org 2001:db8::1 60`,
		`{"type":"A","name":"new","content":"192.0.2.1","ttl":600,"proxied":true}`:                          `new.example.org 192.0.2.1 1`,
		`{"type":"SRV","name":"new","data":{"priority":1,"weight":2,"port":3,"target":"a.example.net."}}`:   `new.example.org 2 3 a.example.net 1`,
		`{"type":"CAA","name":"new","data":{"flags":0,"tag":"issue","value":"a\"b"}}`:                       `new.example.org 0 issue "a\"b" 1`,
		`{"type":"TLSA","name":"new","data":{"usage":3,"selector":1,"matching_type":1,"certificate":"0F"}}`: `new.example.org 3 1 1 0F 1`,
	} {
		s := newStage(t)
		_, answer := s.call("POST", "/zones/Z/dns_records", body)
		var r struct {
			Name, Content string
			TTL           int
		}
		if err := json.Unmarshal(answer.Result, &r); err != nil || fmt.Sprintf("%s %s %d", r.Name, r.Content, r.TTL) != want {
			t.Errorf("%s: %+v %v", body, r, answer.Errors)
		}
	}
}

func TestChange(t *testing.T) {
	s := newStage(t)
	id, err := s.zone.Add(Record{Name: "x", Type: "A", Content: "192.0.2.9", TTL: 300, Comment: "mine", Tags: []string{"t"}})
	if err != nil {
		t.Fatal(err)
	}
	locked, err := s.zone.Add(Record{Name: "l", Type: "TXT", Content: "x", TTL: 300, Meta: map[string]any{"read_only": true}})
	if err != nil {
		t.Fatal(err)
	}
	is := func(want string) {
		t.Helper()
		i := slices.IndexFunc(s.zone.List(), func(r Record) bool { return r.ID == id })
		r := s.zone.List()[i]
		if got := fmt.Sprintf("%s %d %s %v", r.Content, r.TTL, r.Comment, r.Tags); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	steps := []struct {
		method, id, body string
		status           int
		want             string
	}{
		{"PATCH", id, `{"content":"192.0.2.10"}`, 200, "192.0.2.10 300 mine [t]"},
		{"PATCH", id, `{"ttl":30}`, 400, "192.0.2.10 300 mine [t]"},
		{"PATCH", id, `{"id":"0"}`, 400, "192.0.2.10 300 mine [t]"},
		{"PUT", id, `{"content":"192.0.2.11"}`, 400, "192.0.2.10 300 mine [t]"},
		{"PUT", id, `{"name":"x","type":"A","content":"192.0.2.11"}`, 200, "192.0.2.11 1  []"},
		{"PATCH", locked, `{"ttl":60}`, 400, "192.0.2.11 1  []"},
		{"DELETE", locked, ``, 400, "192.0.2.11 1  []"},
		{"DELETE", strings.Repeat("0", 32), ``, 404, "192.0.2.11 1  []"},
		{"DELETE", "nonsense", ``, 404, "192.0.2.11 1  []"},
		{"GET", id, ``, 200, "192.0.2.11 1  []"},
		{"GET", strings.Repeat("0", 32), ``, 404, "192.0.2.11 1  []"},
	}
	for _, step := range steps {
		if status, answer := s.call(step.method, "/zones/Z/dns_records/"+step.id, step.body); status != step.status {
			t.Errorf("%+v: %d %v", step, status, answer.Errors)
		}
		is(step.want)
	}
	n := len(s.zone.List())
	if status, _ := s.call("DELETE", "/zones/Z/dns_records/"+id, ""); status != 200 || len(s.zone.List()) != n-1 {
		t.Error("not deleted")
	}
}

// A batch is done in its order, whole or not at all.
func TestBatch(t *testing.T) {
	s := newStage(t)
	find := func(typ string) string {
		for _, r := range s.zone.List() {
			if r.Type == typ {
				return r.ID
			}
		}
		return ""
	}
	cname, a := find("CNAME"), find("A")
	post := `{"type":"A","name":"www","content":"192.0.2.80"}`
	before := s.zone.Records()
	for body, codes := range map[string][2]int{
		`{"posts":[` + post + `]}`: {81053},
		`{"deletes":[{"id":"` + cname + `"}],"posts":[` + post + `,` + post + `]}`:          {81058},
		`{"deletes":[{"id":"` + cname + `"}],"patches":[{"id":"` + cname + `","ttl":60}]}`:  {81044},
		`{"patches":[{"id":"` + a + `","content":"x"}],"deletes":[{"id":"` + cname + `"}]}`: {1004, 9000},
		`{}`:            {1004, 9000},
		`{"deletes":0}`: {9207},
		`{"posts":[` + strings.TrimSuffix(strings.Repeat(post+",", 201), ",") + `]}`: {1004, 9000},
	} {
		if _, answer := s.call("POST", "/zones/Z/dns_records/batch", body); answer.codes() != codes {
			t.Errorf("%.200s: %v, want %v", body, answer.Errors, codes)
		}
		if !slices.Equal(s.zone.Records(), before) {
			t.Fatalf("%.200s: something was done", body)
		}
	}
	_, answer := s.call("POST", "/zones/Z/dns_records/batch",
		`{"posts":[`+post+`],"deletes":[{"id":"`+cname+`"}],"patches":[{"id":"`+a+`","ttl":600}],"puts":[{"id":"`+find("MX")+`","name":"@","type":"MX","content":"m.example.net","priority":5}]}`)
	var result map[string][]struct{ ID string }
	if err := json.Unmarshal(answer.Result, &result); err != nil || len(result["deletes"]) != 1 || len(result["patches"]) != 1 || len(result["puts"]) != 1 || len(result["posts"]) != 1 {
		t.Errorf("%s %v", answer.Result, answer.Errors)
	}
}

func TestList(t *testing.T) {
	s := newStage(t)
	for query, want := range map[string][4]int{ // on the page, in all, pages, HTTP status
		"":                                         {5, 5, 1, 200},
		"?page=2":                                  {0, 5, 1, 200},
		"?per_page=2&page=3":                       {1, 5, 3, 200},
		"?per_page=2&page=4":                       {0, 5, 3, 200},
		"?type=TXT":                                {1, 1, 1, 200},
		"?name=example.org":                        {3, 3, 1, 200},
		"?name.endswith=.example.org":              {2, 2, 1, 200},
		"?content=mail.example.org":                {1, 1, 1, 200},
		"?content=mail.example.org.":               {0, 0, 0, 200},
		"?content.contains=spf1&type=TXT":          {1, 1, 1, 200},
		"?content.contains=spf1&type=A":            {0, 0, 0, 200},
		"?name=www.example.org&type=TXT&match=any": {2, 2, 1, 200},
		"?comment.absent=":                         {5, 5, 1, 200},
		"?comment.present=":                        {0, 0, 0, 200},
		"?proxied=false&direction=desc":            {5, 5, 1, 200},
		"?search=MAIL":                             {1, 1, 1, 200},
		"?colour=red":                              {0, 0, 0, 400},
		"?name.sounds=like":                        {0, 0, 0, 400},
		"?page=0":                                  {0, 0, 0, 400},
		"?per_page=5001":                           {0, 0, 0, 400},
	} {
		status, answer := s.call("GET", "/zones/Z/dns_records"+query, "")
		got := [4]int{3: status}
		if answer.Info != nil {
			got = [4]int{answer.Info.Count, answer.Info.TotalCount, answer.Info.TotalPages, status}
		}
		if got != want {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
}

func TestTokens(t *testing.T) {
	s := newStage(t)
	for _, tt := range []struct {
		token, method, path string
		status              int
		codes               [2]int
	}{
		{"", "GET", "/zones", 400, [2]int{6003, 6111}},
		{"a b", "GET", "/zones", 400, [2]int{6003, 6111}},
		{"unknown", "GET", "/zones", 403, [2]int{9109}},
		{"unknown", "GET", "/user/tokens/verify", 401, [2]int{1000}},
		{s.token, "GET", "/user/tokens/verify", 200, [2]int{}},
		{s.token, "GET", "/zones/Z", 200, [2]int{}},
		{s.token, "GET", "/zones/0", 404, [2]int{7003}},
		{s.token, "GET", "/zones/00000000000000000000000000000000/dns_records", 403, [2]int{10000}},
		{s.token, "GET", "/zones/Z/dnssec", 404, [2]int{7000}},
		{s.token, "GET", "/accounts", 404, [2]int{7000}},
		{s.token, "POST", "/zones", 403, [2]int{10000}},
		{s.token, "PUT", "/zones/Z/dns_records", 405, [2]int{10000}},
		{s.api.Token("example.net", Everything), "GET", "/zones/Z/dns_records", 403, [2]int{10000}},
		{s.api.Token("example.org", ZoneRead), "GET", "/zones/Z/dns_records", 403, [2]int{10000}},
		{s.api.Token("example.org", ZoneRead|DNSRead), "GET", "/zones/Z/dns_records", 200, [2]int{}},
		{s.api.Token("example.org", ZoneRead|DNSRead), "POST", "/zones/Z/dns_records", 403, [2]int{10000}},
	} {
		s.token = tt.token
		if status, answer := s.call(tt.method, tt.path, ""); status != tt.status || answer.codes() != tt.codes {
			t.Errorf("%+v: %d %v", tt, status, answer.Errors)
		}
	}
}

// An unknown zone is no error, and neither is one that is not shown.
func TestZones(t *testing.T) {
	s := newStage(t)
	all := s.token
	for query, want := range map[string]int{"": 1, "?name=example.org": 1, "?name=example.net": 0, "?name=example.org.": 0, "?name=Example.org&status=active": 1, "?status=pending": 0} {
		s.token = all
		if status, answer := s.call("GET", "/zones"+query, ""); status != 200 || answer.Info.TotalCount != want {
			t.Errorf("%s: %d %+v", query, status, answer.Info)
		}
		s.token = s.api.Token("example.net", Everything)
		if status, answer := s.call("GET", "/zones"+query, ""); status != 200 || answer.Info.TotalCount != 0 {
			t.Errorf("%s for another: %d %+v", query, status, answer.Info)
		}
	}
	s.token = all
	if status, _ := s.call("GET", "/zones?nam=x", ""); status != 400 {
		t.Error("an unknown parameter is taken")
	}
}

// Over a real connection: the export has no envelope, and faults are what they say.
func TestServer(t *testing.T) {
	s := newStage(t)
	server := httptest.NewServer(s.api)
	defer server.Close()
	client := &http.Client{Timeout: 5 * time.Second}
	get := func(path string) (string, error) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/client/v4/zones/"+s.zone.ID()+path, nil)
		if err != nil {
			return "", err
		}
		r.Header.Set("Authorization", "Bearer "+s.token)
		res, err := client.Do(r)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		return string(text), err
	}
	text, err := get("/dns_records/export")
	if err != nil || !strings.Contains(text, "example.org. 3600 IN SOA") || !strings.Contains(text, `example.org. 1 IN TXT "v=spf1 -all"`) || strings.Contains(text, "success") {
		t.Errorf("%v: %s", err, text)
	}
	s.api.Fail(func(Call) Fault { return Lost(false) })
	if text, err := get("/dns_records"); err == nil {
		t.Errorf("not cut: %s", text)
	}
	s.api.Fail(func(Call) Fault { return RateLimited(3) })
	if text, err := get("/dns_records"); err != nil || !strings.Contains(text, `"success":false`) {
		t.Errorf("%v: %s", err, text)
	}
	if n := len(s.api.Calls()); n < 3 { // a connection that is cut may be tried again by net/http
		t.Errorf("%d calls", n)
	}
}
